"""A proxy that makes a right server wrong in one place. Between a probe and a store it does to requests and answers what a broken
build of the store would do; what it changes of a request it signs again, if the signature that came was a good one.

Two verbs for a break: `request(asked)` may change what the store sees, or give an answer itself; `answer(asked, given)` may change
what the probe sees."""

import re
import socket
import socketserver
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from http.client import HTTPException
from urllib.parse import parse_qsl, unquote

from http1 import Answer, Connection
from sigv4 import UNSIGNED, Signer, digest, escaped, query_string

# Breaks of what lies below requests and answers: a conversation knows them by name.
TAKES_ANYTHING, NO_CONTINUE, CUT_SHORT, ENDS = (
    "what is no HTTP is answered", "100 Continue is not sent", "what is cut short is stored", "connections end after each answer",
)  # fmt: skip


@dataclass
class Asked:
    """A request. `path` is as it was sent; `query` is decoded; `raw_body` still has its chunks."""

    method: str
    path: str
    query: list
    headers: list
    raw_body: bytes
    host: str
    proxy: object
    valid: bool = False  # the signature is one of the right key, for this request and now
    changed: bool = False
    again: bool = False  # sign it whatever came

    def header(self, name):
        return next((value for key, value in self.headers if key.lower() == name), None)

    def parameter(self, name):
        return next((value for key, value in self.query if key == name), None)

    @property
    def key(self):
        parts = self.path.lstrip("/").split("/", 1)
        return unquote(parts[1]) if len(parts) > 1 else ""

    @property
    def bucket(self):
        return self.path.lstrip("/").split("/", 1)[0]

    @property
    def presigned(self):
        return self.parameter("X-Amz-Signature") is not None

    @property
    def streamed(self):
        return (self.header("x-amz-content-sha256") or "").startswith("STREAMING-AWS4")

    def is_object(self, *methods):
        return (not methods or self.method in methods) and bool(self.key) and not {"uploadId", "uploads", "tagging", "acl"} & {n for n, _ in self.query}

    # What a break does ------------------------------------------------------------------------------------------------

    def without_headers(self, *names):
        self._set_headers([(name, value) for name, value in self.headers if not name.lower().startswith(tuple(names))])

    def with_header(self, name, value):
        self._set_headers([*((n, v) for n, v in self.headers if n.lower() != name), (name, value)])

    def without_parameters(self, *names):
        left = [(name, value) for name, value in self.query if name not in names]
        self.changed |= left != self.query
        self.query = left

    def with_path(self, path):
        self.changed |= path != self.path
        self.path = path

    def _set_headers(self, headers):
        self.changed |= headers != self.headers
        self.headers = headers

    def signed_again(self, secret=True):
        """Let in, whoever it is."""
        self.changed = self.again = secret

    def aside(self, method, key="", *, bucket=None, query=(), headers=(), body=b""):
        """A request of the proxy's own, signed well."""
        path = f"/{bucket or self.bucket}" + (f"/{escaped(key, '/')}" if key else "")
        return self.proxy.send(method, path, list(query), list(headers), body)


class Break:
    """Does nothing. `near` are the modules whose checks it may touch: those are tried."""

    def __init__(self, name, near, request=None, answer=None):
        self.name, self.near = name, near
        self._request, self._answer = request, answer

    def request(self, asked):
        return self._request(asked) if self._request else None

    def answer(self, asked, given):
        if self._answer:
            self._answer(asked, given)


class Breaker:
    """The proxy. `broken` is what it does at the moment; None: nothing."""

    def __init__(self, endpoint, access, secret, region="us-east-1"):
        self.upstream, self.signer = endpoint.rstrip("/"), Signer(access, secret, region)
        self.broken, self.memory = None, {}
        self.lock = threading.Lock()
        breaker = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                try:
                    Conversation(breaker, self.request).run()
                except (OSError, HTTPException, ValueError):
                    pass  # one side has gone: so has the other

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads, allow_reuse_address, request_queue_size = True, True, 256

        self._server = Server(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def use(self, broken):
        self.broken, self.memory = broken, {}

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    def send(self, method, path, query, headers, body):
        host = self.upstream.split("//")[1]
        added = self.signer.headers(method, path, query, [], UNSIGNED, host)
        with Connection(self.upstream) as connection:
            target = path + ("?" + query_string(query) if query else "")
            return connection.ask(target, method=method, headers=[*headers, *added], body=body)


class Conversation:
    """One connection of a client."""

    def __init__(self, breaker, client):
        client.settimeout(30)
        self.breaker, self.client = breaker, client
        self.file = client.makefile("rb")

    def run(self):
        while True:
            head = self._head()
            if not head:
                return
            asked = self._parse(head)
            if asked is None:
                if self.breaker.broken and self.breaker.broken.name == TAKES_ANYTHING:
                    self.client.sendall(b"HTTP/1.1 200 X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                else:
                    self._pump(head)
                return
            if not self._take(asked):
                return

    def _head(self):
        lines = []
        while True:
            line = self.file.readline(1 << 20)
            lines.append(line)
            if line in (b"\r\n", b"\n", b""):
                return b"".join(lines) if line else b""

    def _parse(self, head):
        """None for what only the store itself should judge."""
        first, *rest = head.decode("latin-1").split("\r\n")
        words = first.split(" ")
        if len(words) != 3 or not words[1].startswith("/") or words[2] != "HTTP/1.1":
            return None
        headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in rest if line)]
        names = [name.lower() for name, _ in headers]
        if names.count("content-length") > 1 or {"content-length", "transfer-encoding"} <= set(names):
            return None
        path, _, query = words[1].partition("?")
        pairs = parse_qsl(query, keep_blank_values=True)
        asked = Asked(words[0], path, pairs, headers, b"", dict(zip(names, (v for _, v in headers))).get("host", ""), self.breaker)
        asked.target = words[1]
        asked.valid = self._is_valid(asked)
        broken = self.breaker.broken
        if asked.header("expect") and not asked.valid:
            return None
        if asked.header("expect") and not (broken and broken.name == NO_CONTINUE):
            self.client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        asked.raw_body = self._body(asked)
        hashed = asked.header("x-amz-content-sha256") or UNSIGNED
        if re.fullmatch("[0-9a-f]{64}", hashed) and hashed != digest(asked.raw_body):
            asked.valid = False
        return asked

    def _body(self, asked):
        if asked.header("transfer-encoding"):
            body = b""
            while True:
                size = self.file.readline()
                body += size
                length = int(size.split(b";")[0], 16)
                body += self.file.read(length + 2)
                if not length:
                    return body
        length = asked.header("content-length")
        length = int(length) if length and length.isdigit() else 0
        body = b""
        try:
            body = self.file.read(length)
        except (TimeoutError, ConnectionError):
            pass
        if len(body) < length:
            self._cut_short(asked, body)
            raise ConnectionError("cut short")
        return body

    def _cut_short(self, asked, body):
        if self.breaker.broken and self.breaker.broken.name == CUT_SHORT:
            self.breaker.send("PUT", asked.path, [], [], body)
            self.client.sendall(b"HTTP/1.1 200 X\r\ncontent-length: 0\r\n\r\n")

    def _is_valid(self, asked):
        """The signature, and the times that belong to it."""
        now = datetime.now(timezone.utc)
        if asked.presigned:
            value = dict(asked.query)
            credential, names = value.get("X-Amz-Credential", ""), value.get("X-Amz-SignedHeaders", "")
            signature, when, payload = value["X-Amz-Signature"], value.get("X-Amz-Date", ""), UNSIGNED
            query = [(name, text) for name, text in asked.query if name != "X-Amz-Signature"]
            life = timedelta(seconds=int(value.get("X-Amz-Expires", "0")))
            if asked.header("authorization") or not timedelta() <= life <= timedelta(days=7):
                return False
        else:
            proof = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=(\S+?), ?SignedHeaders=(\S+?), ?Signature=(\w+)", asked.header("authorization") or "")
            if not proof:
                return False
            credential, names, signature = proof.groups()
            when, payload, query = asked.header("x-amz-date") or "", asked.header("x-amz-content-sha256") or "", asked.query
            life = timedelta(minutes=15)
        try:
            signed_at = datetime.strptime(when, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
        except ValueError:
            return False
        skew = timedelta(minutes=15)
        headers = [(name, asked.header(name) or "") for name in names.split(";")]
        listed = {name for name, _ in headers}
        unsigned = [name for name, _ in asked.headers if name.lower().startswith("x-amz-") and name.lower() not in listed]
        signer = self.breaker.signer
        return (
            credential == f"{signer.access}/{signer.scope(when)}"
            and "host" in listed
            and (not unsigned or not asked.presigned and unsigned == [])
            and signed_at - skew < now < signed_at + max(life, skew if not asked.presigned else timedelta())
            and signature == signer.signature(when, asked.method, asked.path, query, headers, payload)
        )

    def _take(self, asked):
        """True while the connection goes on."""
        broken = self.breaker.broken
        given = broken.request(asked) if broken else None
        if given is None:
            given = self._ask_the_store(asked)
        if broken:
            broken.answer(asked, given)
        self._give(asked, given)
        return (given.header("connection") or "").lower() != "close" and not (broken and broken.name == ENDS)

    def _ask_the_store(self, asked):
        headers, target = asked.headers, asked.target
        if asked.changed and (asked.again or asked.valid and not asked.streamed):
            proof = ("authorization", "x-amz-date", "x-amz-content-sha256", "expect", "x-amz-security-token")
            payload = asked.header("x-amz-content-sha256") or UNSIGNED
            payload = payload if payload.startswith("STREAMING-UNSIGNED") else UNSIGNED
            headers = [(name, value) for name, value in headers if name.lower() not in proof]
            query = [(n, v) for n, v in asked.query if not n.startswith("X-Amz-") and n not in ("AWSAccessKeyId", "Expires", "Signature")]
            signed = [(name, value) for name, value in headers if name.lower().startswith("x-amz-")]
            headers += self.breaker.signer.headers(asked.method, asked.path, query, signed, payload, asked.host)
            target = asked.path + ("?" + query_string(query) if query else "")
        lines = [f"{asked.method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
        with Connection(self.breaker.upstream) as connection:
            connection.send("\r\n".join([*lines, "", ""]).encode("latin-1") + asked.raw_body)
            return connection.receive(asked.method)

    def _give(self, asked, given):
        headers = [(name, value) for name, value in given.headers if name not in ("transfer-encoding", "content-length")]
        length = [value for name, value in given.headers if name == "content-length"] if asked.method == "HEAD" else [str(len(given.body))]
        if given.status not in (204, 304) and length:
            headers.append(("content-length", length[0]))
        head = [f"HTTP/1.1 {given.status} X", *(f"{name}: {value}" for name, value in headers)]
        self.client.sendall("\r\n".join([*head, "", ""]).encode("latin-1", "replace") + given.body)

    def _pump(self, head):
        """Byte by byte, both ways."""
        host, port = self.breaker.upstream.split("//")[1].split(":")
        with socket.create_connection((host, int(port)), 30) as upstream:
            upstream.sendall(head)
            threading.Thread(target=copy, args=(self.file.read1, upstream), daemon=True).start()
            copy(lambda size: upstream.recv(size), self.client)


def copy(read, to):
    try:
        while data := read(65536):
            to.sendall(data)
    except OSError:
        pass  # the other side has gone


def refusal(status, code):
    body = f"<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>broken</Message></Error>".encode()
    return Answer(status, [("content-type", "application/xml"), ("date", "Mon, 23 Nov 2026 00:00:00 GMT")], body)
