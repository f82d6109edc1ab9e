"""One connection to a server under measurement, by a client whose answers can be looked at: for filling caches and for checks."""

import socket
import ssl

import httpx
from server import Refused

from http1 import Connection


def trust(certificate):
    context = ssl.create_default_context(cafile=str(certificate))
    # The certificate is signed by itself, for a month: not what the strict profile of RFC 5280 wants of an authority.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


class TlsConnection(Connection):
    """HTTP/1.1 over TLS."""

    def __init__(self, port, context, timeout):
        self.host = f"127.0.0.1:{port}"
        plain = socket.create_connection(("127.0.0.1", port), timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = context.wrap_socket(plain, server_hostname="127.0.0.1")
        self._file = self.socket.makefile("rb")


class Http2Connection:
    """The same questions over HTTP/2."""

    def __init__(self, port, context, timeout):
        self.client = httpx.Client(http1=False, http2=True, verify=context, timeout=timeout, base_url=f"https://127.0.0.1:{port}")
        self.alive = True

    def ask(self, target, headers=()):
        answer = self.client.get(target, headers=list(headers))
        if answer.http_version != "HTTP/2":
            raise Refused(f"asked for HTTP/2, got {answer.http_version}")
        return Answer(answer.status_code, answer.content)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()


class Answer:
    def __init__(self, status, body):
        self.status, self.body = status, body


def connect(lab, server, transport, timeout=20):
    port = server.ports[transport]
    if transport == "http1":
        return Connection(f"http://127.0.0.1:{port}", timeout)
    kind = TlsConnection if transport == "tls" else Http2Connection
    return kind(port, trust(lab.certificate), timeout)
