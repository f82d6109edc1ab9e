"""A decision hook that the tests play: a real server that says yes, no, or nothing that can be used."""

import json
import socket
import threading
import time

from processes import free_port


class Hook:
    """Answers 200 with `answer`, an object or bytes, `late` seconds after it was asked. `status` and `headers` can be others;
    `hang_up` answers nothing. `leave` closes the socket, `come_back` opens it on the same port."""

    def __init__(self, tls=None):
        self.answer, self.status, self.headers, self.late, self.hang_up = {"allow": True}, "200 OK", "", 0, False
        self.asked = []  # (head as text, body) of each question
        self._tls, self._port = tls, free_port()
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._port}/decide?key=of-the-url"
        self._listener = None
        self.come_back()

    def come_back(self):
        self._listener = socket.create_server(("127.0.0.1", self._port), backlog=512)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def leave(self):
        if self._listener:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None

    def _accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return  # it left
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        connection.settimeout(20)
        try:
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            data = b""
            while b"\r\n\r\n" not in data:
                data += self._part(connection)
            head, _, body = data.partition(b"\r\n\r\n")
            length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
            while len(body) < length:
                body += self._part(connection)
            self.asked.append((head.decode(), json.loads(body)))
            if self.hang_up:
                return
            answer = self.answer if isinstance(self.answer, bytes) else json.dumps(self.answer).encode()
            head = f"HTTP/1.1 {self.status}\r\nContent-Type: application/json\r\nContent-Length: {len(answer)}\r\n{self.headers}Connection: close\r\n\r\n"
            time.sleep(self.late)  # the hook is slow: that is what is tested
            connection.sendall(head.encode() + answer)
        except OSError:
            pass  # the gateway gave up, or did not like the certificate
        finally:
            connection.close()

    @staticmethod
    def _part(connection):
        part = connection.recv(65536)
        if not part:
            raise ConnectionError("hung up")
        return part
