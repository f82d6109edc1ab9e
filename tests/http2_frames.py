"""HTTP/2 by raw frames (RFC 9113 section 4), and the cases of a conforming server as rows of data."""

import socket
import struct
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, WITH_PRIORITY = 1, 1, 4, 8, 0x20
NO_ERROR, PROTOCOL, INTERNAL, FLOW_CONTROL, SETTINGS_TIMEOUT, STREAM_CLOSED, FRAME_SIZE, REFUSED, CANCEL, COMPRESSION = range(10)
CONNECT_ERROR, CALM, INADEQUATE, HTTP_1_1 = range(10, 14)


def frame(kind, flags=0, stream=0, payload=b"", length=None):
    length = len(payload) if length is None else length
    return struct.pack(">I", length)[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def block(*fields):
    """A field section that leaves the table of the decoder alone: rows can be put together as they come."""
    encoder = hpack.Encoder()
    return encoder.encode([hpack.NeverIndexedHeaderTuple(*field) for field in fields], huffman=False)


def fields(method="GET", scheme="http", path="/_edgepass/health", authority="x"):
    return [(":method", method), (":scheme", scheme), (":path", path), (":authority", authority)]


def request(stream=1, flags=END_STREAM | END_HEADERS, extra=(), before=(), **changes):
    return frame(HEADERS, flags, stream, block(*before, *fields(**changes), *extra))


def post(stream=1, flags=END_HEADERS, extra=(), **changes):
    return request(stream, flags, extra, **{"method": "POST", "path": "/_edgepass/links", **changes})


def settings(*pairs, **options):
    return frame(SETTINGS, payload=b"".join(struct.pack(">HI", *pair) for pair in pairs), **options)


class Peer:
    """A connection after its prefaces."""

    def __init__(self, origin, said=b"", preface=PREFACE, timeout=10):
        parts = urlsplit(origin)
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout)
        self._buffer = b""
        self.send(preface + said)

    def send(self, data):
        self.socket.sendall(data)

    def frames(self, seconds=10):
        """(kind, flags, stream, payload) until the connection ends."""
        deadline = time.monotonic() + seconds
        while True:
            while len(self._buffer) >= 9:
                length = int.from_bytes(self._buffer[:3], "big")
                if len(self._buffer) < 9 + length:
                    break
                head, payload, self._buffer = self._buffer[:9], self._buffer[9 : 9 + length], self._buffer[9 + length :]
                yield head[3], head[4], int.from_bytes(head[5:9], "big") & 0x7FFFFFFF, payload
            self.socket.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                part = self.socket.recv(65536)
            except ConnectionError:
                return
            if not part:
                return
            self._buffer += part

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


@dataclass
class Connection:
    """The connection ends: by GOAWAY with one of these codes, or without a word."""

    codes: tuple


@dataclass
class Stream:
    """The stream ends with one of these codes, or the connection, or with a refusal; the next one is answered."""

    codes: tuple


ANSWERED = "answered"
IGNORED = ANSWERED

NINE = frame(PING, payload=b"12345678")
BIG = bytes(16_385)

# Where the library ends the connection with PROTOCOL_ERROR, and the RFC has a code that says more. What protects is the end.
COARSER = (
    "5.1 half closed: DATA", "5.1 half closed: HEADERS", "5.1 closed by reset: HEADERS", "6.3 PRIORITY of four", "6.4 RST_STREAM of three",
    "6.5 an acknowledgement with", "6.5 SETTINGS of three", "6.5.2 a window above", "6.7 PING of six", "6.9 WINDOW_UPDATE of three", "hpack",
)  # fmt: skip

# Name by section of RFC 9113, what is said after the preface and our SETTINGS, and what comes of it.
ROWS = [
    ("3.4 no preface", None, Connection((PROTOCOL,))),
    ("4.1 an unknown frame type", frame(0x77, 0xFF, 0, b"12345678"), IGNORED),
    ("4.1 an unknown frame type on a stream", request(1) + frame(0x77, 0, 1, b"1"), IGNORED),
    ("4.1 flags that mean nothing", frame(PING, 0x16, 0, b"12345678"), IGNORED),
    ("4.1 the reserved bit of a stream", frame(PING, 0, 0x80000000, b"12345678"), IGNORED),
    ("4.2 DATA of 2^14 + 1", post() + frame(DATA, END_STREAM, 1, BIG), Connection((FRAME_SIZE,))),
    ("4.2 HEADERS of 2^14 + 1", frame(HEADERS, 5, 1, BIG), Connection((FRAME_SIZE,))),
    ("4.2 SETTINGS of 2^24 - 1", frame(SETTINGS, length=0xFFFFFF), Connection((FRAME_SIZE,))),
    ("4.3 a field section that is none", frame(HEADERS, 5, 1, b"\x00\x00\x00\x00\x00"), Connection((COMPRESSION, PROTOCOL))),
    ("4.3 PRIORITY inside a field section", request(1, END_STREAM) + frame(PRIORITY, 0, 1, bytes(5)), Connection((PROTOCOL,))),
    ("4.3 HEADERS inside another's field section", request(1, END_STREAM) + request(3), Connection((PROTOCOL,))),
    ("4.3 an unknown frame inside a field section", request(1, END_STREAM) + frame(0x77), Connection((PROTOCOL,))),
    ("5.1 idle: DATA", frame(DATA, END_STREAM, 1, b"x"), Connection((PROTOCOL, STREAM_CLOSED))),
    ("5.1 idle: RST_STREAM", frame(RST_STREAM, 0, 1, bytes(4)), Connection((PROTOCOL,))),
    ("5.1 idle: WINDOW_UPDATE", frame(WINDOW_UPDATE, 0, 1, b"\0\0\0\1"), Connection((PROTOCOL,))),
    ("5.1 idle: CONTINUATION", frame(CONTINUATION, END_HEADERS, 1, b""), Connection((PROTOCOL,))),
    ("5.1 half closed: DATA", request(1) + frame(DATA, END_STREAM, 1, b"x"), Stream((STREAM_CLOSED,))),
    ("5.1 half closed: HEADERS", request(1) + request(1), Stream((STREAM_CLOSED,))),
    ("5.1 half closed: CONTINUATION", request(1) + frame(CONTINUATION, END_HEADERS, 1), Connection((PROTOCOL, STREAM_CLOSED))),
    ("5.1 closed by reset: DATA", post() + frame(RST_STREAM, 0, 1, b"\0\0\0\x08") + frame(DATA, 1, 1, b"x"), Stream((STREAM_CLOSED,))),
    ("5.1 closed by reset: HEADERS", request(1, 4) + frame(RST_STREAM, 0, 1, b"\0\0\0\x08") + request(1), Stream((STREAM_CLOSED,))),
    ("5.1 closed: CONTINUATION", request(1) + frame(RST_STREAM, 0, 1, bytes(4)) + frame(CONTINUATION, 4, 1), Connection((PROTOCOL, STREAM_CLOSED))),
    ("5.1.1 an even stream", request(2), Connection((PROTOCOL,))),
    ("5.1.1 a stream lower than the last", request(5) + request(3), Connection((PROTOCOL, STREAM_CLOSED))),
    ("5.3.1 a stream that depends on itself", frame(PRIORITY, 0, 3, b"\0\0\0\3\0"), ANSWERED),
    ("5.5 extension frames within a request", post() + frame(0x66, 0, 1, b"x") + frame(DATA, 1, 1, b"{}"), ANSWERED),
    ("6.1 DATA on stream 0", frame(DATA, 0, 0, b"x"), Connection((PROTOCOL,))),
    ("6.1 padding longer than DATA", post() + frame(DATA, PADDED | 1, 1, b"\x06hello"), Connection((PROTOCOL,))),
    ("6.1 padding as long as DATA", post() + frame(DATA, PADDED | 1, 1, b"\x05hello"), ANSWERED),
    ("6.1 padded DATA without a length", post() + frame(DATA, PADDED | 1, 1), Connection((PROTOCOL, FRAME_SIZE))),
    ("6.2 HEADERS on stream 0", request(0), Connection((PROTOCOL,))),
    ("6.2 padding longer than HEADERS", frame(HEADERS, 5 | PADDED, 1, b"\xff" + block(*fields())), Connection((PROTOCOL,))),
    ("6.2 HEADERS with a priority", frame(HEADERS, 5 | WITH_PRIORITY, 1, b"\0\0\0\0\x10" + block(*fields())), ANSWERED),
    ("6.2 HEADERS too short for their priority", frame(HEADERS, 5 | WITH_PRIORITY, 1, b"\0\0"), Connection((FRAME_SIZE, PROTOCOL))),
    ("6.2 HEADERS with padding and priority", frame(HEADERS, 0x2D, 1, b"\2\0\0\0\0\x10" + block(*fields()) + b"\0\0"), ANSWERED),
    ("6.3 PRIORITY on stream 0", frame(PRIORITY, 0, 0, bytes(5)), Connection((PROTOCOL,))),
    ("6.3 PRIORITY of four bytes", request(1, 4) + frame(PRIORITY, 0, 1, bytes(4)), Connection((FRAME_SIZE,))),
    ("6.3 PRIORITY on an idle stream", frame(PRIORITY, 0, 99, b"\0\0\0\0\x10"), ANSWERED),
    ("6.4 RST_STREAM on stream 0", frame(RST_STREAM, 0, 0, bytes(4)), Connection((PROTOCOL,))),
    ("6.4 RST_STREAM of three bytes", request(1, 4) + frame(RST_STREAM, 0, 1, bytes(3)), Connection((FRAME_SIZE,))),
    ("6.4 RST_STREAM with an unknown code", post() + frame(RST_STREAM, 0, 1, b"\xff\xff\xff\xff"), ANSWERED),
    ("6.5 SETTINGS on a stream", settings((3, 100), stream=1), Connection((PROTOCOL,))),
    ("6.5 an acknowledgement with content", frame(SETTINGS, ACK, 0, b"\0"), Connection((FRAME_SIZE,))),
    ("6.5 SETTINGS of three bytes", frame(SETTINGS, 0, 0, bytes(3)), Connection((FRAME_SIZE,))),
    ("6.5.2 ENABLE_PUSH of two", settings((2, 2)), Connection((PROTOCOL,))),
    ("6.5.2 a window above 2^31 - 1", settings((4, 0x80000000)), Connection((FLOW_CONTROL,))),
    ("6.5.2 frames below 2^14", settings((5, 16_383)), Connection((PROTOCOL,))),
    ("6.5.2 frames above 2^24 - 1", settings((5, 16_777_216)), Connection((PROTOCOL,))),
    ("6.5.2 an unknown setting", settings((0xFF, 1)), IGNORED),
    ("6.5.3 the same setting several times", settings((4, 1), (4, 65_535), (4, 70_000)), ANSWERED),
    ("6.6 PUSH_PROMISE from a client", request(1, 4) + frame(PUSH_PROMISE, 4, 1, b"\0\0\0\2" + block(*fields())), Connection((PROTOCOL,))),
    ("6.7 PING", NINE, ANSWERED),
    ("6.7 an acknowledged PING that was not sent", frame(PING, ACK, 0, b"12345678"), IGNORED),
    ("6.7 PING on a stream", frame(PING, 0, 1, b"12345678"), Connection((PROTOCOL,))),
    ("6.7 PING of six bytes", frame(PING, 0, 0, b"123456"), Connection((FRAME_SIZE,))),
    ("6.8 GOAWAY on a stream", frame(GOAWAY, 0, 1, bytes(8)), Connection((PROTOCOL,))),
    ("6.8 GOAWAY of seven bytes", frame(GOAWAY, 0, 0, bytes(7)), Connection((FRAME_SIZE, PROTOCOL))),
    ("6.9 WINDOW_UPDATE of nothing", frame(WINDOW_UPDATE, 0, 0, bytes(4)), Connection((PROTOCOL,))),
    ("6.9 WINDOW_UPDATE of nothing on a stream", post() + frame(WINDOW_UPDATE, 0, 1, bytes(4)), Stream((PROTOCOL,))),
    ("6.9 WINDOW_UPDATE of three bytes", frame(WINDOW_UPDATE, 0, 0, bytes(3)), Connection((FRAME_SIZE,))),
    ("6.9.1 a connection's window above 2^31 - 1", frame(WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff") * 2, Connection((FLOW_CONTROL,))),
    ("6.9.1 a stream's window above 2^31 - 1", post() + frame(WINDOW_UPDATE, 0, 1, b"\x7f\xff\xff\xff") * 2, Stream((FLOW_CONTROL,))),
    ("6.9.2 a window below zero", settings((4, 100)) + settings((4, 0)) + settings((4, 65_535)), ANSWERED),
    ("6.10 two CONTINUATIONs", frame(HEADERS, 1, 1, block(*fields())) + frame(CONTINUATION, 0, 1) + frame(CONTINUATION, 4, 1), ANSWERED),
    ("6.10 CONTINUATION, then another frame", frame(HEADERS, 1, 1, block(*fields())) + frame(CONTINUATION, 0, 1) + NINE, Connection((PROTOCOL,))),
    ("6.10 CONTINUATION on stream 0", frame(HEADERS, 1, 1, block(*fields())) + frame(CONTINUATION, 4, 0), Connection((PROTOCOL,))),
    ("6.10 CONTINUATION of another stream", frame(HEADERS, 1, 1, block(*fields())) + frame(CONTINUATION, 4, 3), Connection((PROTOCOL,))),
    ("6.10 CONTINUATION after the end", request(1) + frame(CONTINUATION, 4, 1), Connection((PROTOCOL, STREAM_CLOSED))),
    ("6.10 CONTINUATION after DATA", post() + frame(DATA, 0, 1, b"x") + frame(CONTINUATION, 4, 1), Connection((PROTOCOL,))),
    ("8.1 trailers that do not end", post() + frame(DATA, 0, 1, b"x") + frame(HEADERS, 4, 1, block(("x", "y"))), Stream((PROTOCOL,))),
    ("8.2.1 an upper-case name", request(extra=[("X-Test", "y")]), Stream((PROTOCOL,))),
    ("8.2.1 a space in a name", request(extra=[("x test", "y")]), Stream((PROTOCOL,))),
    ("8.2.1 a line end in a value", request(extra=[("x", "a\r\nb")]), Stream((PROTOCOL,))),
    ("8.2.1 a NUL in a value", request(extra=[("x", "a\0b")]), Stream((PROTOCOL,))),
    ("8.2.1 a colon in a name", request(extra=[("x:y", "z")]), Stream((PROTOCOL,))),
    ("8.2.2 connection", request(extra=[("connection", "keep-alive")]), Stream((PROTOCOL,))),
    ("8.2.2 transfer-encoding", post(extra=[("transfer-encoding", "chunked")]) + frame(DATA, 1, 1, b"x"), Stream((PROTOCOL,))),
    ("8.2.2 keep-alive", request(extra=[("keep-alive", "timeout=5")]), Stream((PROTOCOL,))),
    ("8.2.2 upgrade", request(extra=[("upgrade", "websocket")]), Stream((PROTOCOL,))),
    ("8.2.2 te: gzip", request(extra=[("te", "gzip")]), Stream((PROTOCOL,))),
    ("8.2.2 te: trailers", request(extra=[("te", "trailers")]), ANSWERED),
    ("8.3 an unknown pseudo-header", request(extra=[(":test", "y")]), Stream((PROTOCOL,))),
    ("8.3 a pseudo-header of answers", request(extra=[(":status", "200")]), Stream((PROTOCOL,))),
    ("8.3 a pseudo-header after a field", request(before=[("x", "y")]), Stream((PROTOCOL,))),
    ("8.3 a pseudo-header in trailers", post() + frame(DATA, 0, 1, b"x") + frame(HEADERS, 5, 1, block((":path", "/"))), Stream((PROTOCOL,))),
    ("8.3.1 an empty path", request(path=""), Stream((PROTOCOL,))),
    ("8.3.1 no method", frame(HEADERS, 5, 1, block(*fields()[1:])), Stream((PROTOCOL,))),
    ("8.3.1 no scheme", frame(HEADERS, 5, 1, block(fields()[0], *fields()[2:])), Stream((PROTOCOL,))),
    ("8.3.1 no path", frame(HEADERS, 5, 1, block(*fields()[:2], fields()[3])), Stream((PROTOCOL,))),
    ("8.3.1 two methods", request(before=[(":method", "GET")]), Stream((PROTOCOL,))),
    ("8.3.1 two schemes", request(before=[(":scheme", "http")]), Stream((PROTOCOL,))),
    ("8.3.1 two paths", request(before=[(":path", "/")]), Stream((PROTOCOL,))),
    ("8.1.1 a length that is not the body's", post(extra=[("content-length", "1")]) + frame(DATA, 1, 1, b"test"), Stream((PROTOCOL,))),
    ("8.1.1 a length that is not the sum", post(extra=[("content-length", "1")]) + frame(DATA, 0, 1, b"a") + frame(DATA, 1, 1, b"b"), Stream((PROTOCOL,))),
    ("8.1.1 a length where no body comes", request(extra=[("content-length", "5")]), Stream((PROTOCOL,))),
    ("8.5 CONNECT", frame(HEADERS, 5, 1, block((":method", "CONNECT"), (":authority", "x:1"))), Stream((PROTOCOL, REFUSED))),
    ("8.8 Extended CONNECT", request(extra=[], before=[(":protocol", "websocket")], method="CONNECT"), Stream((PROTOCOL, REFUSED))),
    # RFC 7541
    ("hpack 2.3.3 an index beyond the tables", frame(HEADERS, 5, 1, block(*fields()) + b"\xc6"), Connection((COMPRESSION,))),
    ("hpack 4.2 a table size in the middle", frame(HEADERS, 5, 1, block(*fields()) + b"\x20"), Connection((COMPRESSION,))),
    ("hpack 5.2 padding of nine bits", frame(HEADERS, 5, 1, block(*fields()) + b"\x00\x85\xf2\xb2\x4a\x84\xff\x84\x49\x50\x9f\xff"), Connection((COMPRESSION,))),
    ("hpack 5.2 padding of zeros", frame(HEADERS, 5, 1, block(*fields()) + b"\x00\x85\xf2\xb2\x4a\x84\xff\x83\x49\x50\x90"), Connection((COMPRESSION,))),
    ("hpack 5.2 the end-of-string symbol", frame(HEADERS, 5, 1, block(*fields()) + b"\x00\x85\xf2\xb2\x4a\x84\xff\x87\x49\x51\xff\xff\xff\xfa\x7f"), Connection((COMPRESSION,))),
    ("hpack 6.1 index 0", frame(HEADERS, 5, 1, block(*fields()) + b"\x80"), Connection((COMPRESSION,))),
    ("hpack 6.3 a table above what was said", frame(HEADERS, 5, 1, b"\x3f\xff\xff\x0f" + block(*fields())), Connection((COMPRESSION,))),
    ("hpack 5.1 a number without an end", frame(HEADERS, 5, 1, block(*fields()) + b"\x7f" + b"\xff" * 12), Connection((COMPRESSION,))),
    ("hpack 5.2 a string longer than its section", frame(HEADERS, 5, 1, block(*fields()) + b"\x00\x7f\xf0\x0fa"), Connection((COMPRESSION,))),
]  # fmt: skip
