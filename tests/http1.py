"""HTTP/1.1 by hand: requests go out exactly as written, however malformed."""

import json as json_format
import socket
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from urllib.parse import urlsplit


@dataclass
class Answer:
    status: int
    headers: list  # of (name in lower case, value)
    body: bytes
    truncated: bool = field(default=False)  # the connection ended before the body did

    def header(self, name):
        """The value; None where there is none. A header that comes twice is an error."""
        values = self.all(name)
        assert len(values) < 2, f"`{name}` comes {len(values)} times: {values}"
        return values[0] if values else None

    def all(self, name):
        return [value for key, value in self.headers if key == name.lower()]

    def listed(self, name):
        """The members of a list header, in lower case."""
        return {item.strip().lower() for value in self.all(name) for item in value.split(",") if item.strip()}

    def json(self):
        return json_format.loads(self.body)

    @property
    def code(self):
        """The public code of a refusal; None where the body is none."""
        try:
            return self.json().get("error")
        except (ValueError, AttributeError):
            return None


class Connection:
    """One connection, kept alive. `send` writes bytes, `receive` reads one answer."""

    def __init__(self, origin, timeout=20):
        parts = urlsplit(origin)
        self.host = parts.netloc
        self.socket = socket.create_connection((parts.hostname, parts.port or 80), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self.socket.makefile("rb")

    def makefile(self, *_):
        """HTTPResponse reads from here; its close must not lose what is buffered for the next answer."""
        return _Unclosed(self._file)

    def send(self, data):
        self.socket.sendall(data)

    def receive(self, method="GET"):
        response = HTTPResponse(self, method=method)
        response.begin()
        headers = [(name.lower(), value) for name, value in response.getheaders()]
        truncated = False
        try:
            body = response.read()
        except (HTTPException, ConnectionError) as error:
            body, truncated = getattr(error, "partial", b""), True
        self.alive = not response.will_close and not truncated
        return Answer(response.status, headers, body, truncated)

    def ask(self, target, *, method="GET", token=None, headers=(), body=None, json=None):
        self.send(request(self.host, target, method=method, token=token, headers=headers, body=body, json=json))
        return self.receive(method)

    def closed_by_peer(self):
        """Waits (as long as the connection's timeout) for the end."""
        try:
            return self._file.read(1) == b""
        except ConnectionError:
            return True

    def close(self):
        self._file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class _Unclosed:
    def __init__(self, file):
        self._file = file

    def __getattr__(self, name):
        return getattr(self._file, name)

    def close(self):
        pass


def request(host, target, *, method="GET", token=None, headers=(), body=None, json=None):
    """The bytes of a request. `target` and header values are written as they are (bytes, or text as UTF-8)."""
    lines = [b"%s %s HTTP/1.1" % (raw(method), raw(target))]
    headers = list(headers.items() if isinstance(headers, dict) else headers)
    names = {raw(name).lower() for name, _ in headers}
    if b"host" not in names:
        lines.append(b"Host: " + raw(host))
    if token is not None:
        lines.append(b"Authorization: Bearer " + raw(token))
    if json is not None:
        body = json_format.dumps(json).encode()
        if b"content-type" not in names:
            lines.append(b"Content-Type: application/json")
    if body is not None and not names & {b"content-length", b"transfer-encoding"}:
        lines.append(b"Content-Length: %d" % len(body))
    lines += [raw(name) + b": " + raw(value) for name, value in headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + (body or b"")


def raw(text):
    return text if isinstance(text, bytes) else str(text).encode()


def ask(origin, target, *, timeout=20, **options):
    """One request on a connection of its own."""
    with Connection(origin, timeout) as connection:
        return connection.ask(target, **options)


def exchange(origin, data, *, timeout=20, method="GET"):
    """Sends raw bytes and reads one answer. A peer that answers before it has read everything is no error."""
    with Connection(origin, timeout) as connection:
        try:
            connection.send(data)
        except ConnectionError:
            pass
        return connection.receive(method)
