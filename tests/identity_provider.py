"""An identity provider that the tests play: a real server that publishes keys and misbehaves in every way."""

import json
import socket
import ssl
import threading
import time

from processes import free_port

SET = "/jwks.json"
OPENID = "/.well-known/openid-configuration"
OAUTH = "/.well-known/oauth-authorization-server"


class Provider:
    """Publishes `keys`, in the `mode` that the test chooses:

    good, slow (1 s late), hang (no answer), error (500), huge (50 MB), rubbish, drip (a byte a while), redirect (to a set
    of `others`), reset (hangs up). `leave` closes the socket, `come_back` opens it on the same port.
    """

    def __init__(self, *keys, tls=None):
        self.keys, self.others, self.mode, self.tls = list(keys), [], "good", tls
        self.asked = []  # the path of each request
        self.document = None  # the discovery document; as it should be where none is given
        self._port = free_port()
        self.origin = f"{'https' if tls else 'http'}://127.0.0.1:{self._port}"
        self._listener = None
        self._open = set()
        self.come_back()

    @property
    def url(self):
        return self.origin + SET

    def fetches(self):
        return self.asked.count(SET)

    def come_back(self):
        self._listener = socket.create_server(("127.0.0.1", self._port), backlog=128)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def leave(self):
        if self._listener:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it has ended already

    def _accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return  # the provider left
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        self._open.add(connection)
        try:
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            head = b""
            while b"\r\n\r\n" not in head:
                part = connection.recv(4096)
                if not part:
                    return
                head += part
            path = head.split()[1].decode()
            self.asked.append(path)
            self._answer(connection, path)
        except OSError:
            pass  # the gateway gave up, or did not like the certificate
        finally:
            self._open.discard(connection)
            connection.close()

    def _answer(self, connection, path):
        mode = self.mode
        if mode == "reset":
            return
        if mode == "hang":
            connection.settimeout(60)
            connection.recv(1)  # until the other side gives up
            return
        if mode == "slow":
            time.sleep(1)
        body = json.dumps(self._page(path)).encode()
        status, extra = "200 OK", ""
        if mode == "error":
            status = "500 Internal Server Error"
        elif mode == "redirect":
            status, extra = "302 Found", f"Location: {self.origin}/others\r\n"
        elif mode == "rubbish":
            body = b"<html>\x00\xff" + b'{"keys":[' * 1000
        elif mode == "huge":
            body = body[:-1] + b" " * 50_000_000 + b"}"
        elif mode == "drip":
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            for byte in body:
                connection.sendall(bytes([byte]))
                time.sleep(0.1)
            return
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{extra}Connection: close\r\n\r\n"
        connection.sendall(head.encode() + body)

    def _page(self, path):
        if path in (OPENID, OAUTH):
            return self.document or {"issuer": self.origin, "jwks_uri": self.url}
        return {"keys": [key.jwk() for key in (self.others if path == "/others" else self.keys)]}


def certificate(directory, name):
    """A certificate of 127.0.0.1's own, signed by itself: its file, and a server's context with it."""
    import datetime
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    file, private = directory / f"{name}.pem", directory / f"{name}.key"
    file.write_bytes(made.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, private)
    return file, context
