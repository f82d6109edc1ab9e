"""HTTP/3 by hand, over aioquic: requests, and what no library would send."""

import asyncio
import contextlib
import json as json_format
import ssl
import struct

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, StreamReset

from http1 import Answer


class Reset(Exception):
    """The peer gave a stream up."""


class Closed(Exception):
    """The peer ended the connection; `code` says why (RFC 9114 section 8.1)."""

    def __init__(self, code, reason):
        super().__init__(f"{code:#x} {reason}")
        self.code = code


def number(value, bits, flags=0):
    """An integer with a prefix of so many bits (RFC 9204 section 4.1.1)."""
    most = (1 << bits) - 1
    if value < most:
        return bytes([flags | value])
    value, out = value - most, [flags | most]
    while value > 127:
        out.append(128 | value & 127)
        value >>= 7
    return bytes([*out, value])


def section(fields):
    """A field section of literals alone, whatever stands in them (RFC 9204 section 4.5.6)."""
    pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields]
    return b"\0\0" + b"".join(number(len(name), 3, 0x20) + name + number(len(value), 7) + value for name, value in pairs)


def headers_frame(fields):
    block = section(fields)
    return b"\x01" + struct.pack(">I", 0x80000000 | len(block)) + block


class Http(H3Connection):
    """With answers to HEAD, whose length is of a body that does not come; aioquic takes them for broken."""

    def __init__(self, quic):
        super().__init__(quic)
        self.without_body = set()

    def _check_content_length(self, stream):
        if stream.stream_id not in self.without_body:
            super()._check_content_length(stream)


class Client(QuicConnectionProtocol):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.http = Http(self._quic)
        self._answers, self._waiting = {}, {}
        self.closed = asyncio.get_running_loop().create_future()
        self.goaway = None

    def quic_event_received(self, event):
        if isinstance(event, ConnectionTerminated):
            end = Closed(event.error_code, event.reason_phrase)
            if not self.closed.done():
                self.closed.set_result(end)
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(end)
        elif isinstance(event, StreamReset):
            self._fail(event.stream_id, Reset(hex(event.error_code)))
        for event in self.http.handle_event(event):
            answer = self._answers.get(event.stream_id)
            if answer is None:
                continue
            if isinstance(event, HeadersReceived):
                pairs = [(name.decode(), value.decode()) for name, value in event.headers]
                answer.status = int(dict(pairs)[":status"])
                answer.headers = [(name, value) for name, value in pairs if not name.startswith(":")]
            elif isinstance(event, DataReceived):
                answer.body += event.data
            if event.stream_ended and not self._waiting[event.stream_id].done():
                answer.body = bytes(answer.body)
                self._waiting[event.stream_id].set_result(answer)

    def _fail(self, stream, error):
        waiting = self._waiting.get(stream)
        if waiting and not waiting.done():
            waiting.set_exception(error)

    def begin(self, path, *, method="GET", token=None, headers=(), body=None, json=None, ended=True, host="localhost"):
        """Sends a request. Gives its stream."""
        fields = [(":method", method), (":scheme", "https"), (":authority", host), (":path", path)]
        if token:
            fields.append(("authorization", f"Bearer {token}"))
        if json is not None:
            body = json_format.dumps(json).encode()
            fields.append(("content-type", "application/json"))
        fields += headers
        stream = self.expect(self._quic.get_next_available_stream_id())
        if method == "HEAD":
            self.http.without_body.add(stream)
        encoded = [(name.encode(), value.encode()) for name, value in fields]
        self.http.send_headers(stream, encoded, end_stream=ended and body is None)
        if body is not None:
            self.http.send_data(stream, body, end_stream=ended)
        self.transmit()
        return stream

    def expect(self, stream):
        """An answer will come on this stream."""
        self._answers[stream] = Answer(0, [], bytearray())
        self._waiting[stream] = asyncio.get_running_loop().create_future()
        return stream

    def raw(self, stream, data, ended=False):
        """Bytes on a stream, whatever they mean."""
        self._quic.send_stream_data(stream, data, ended)
        self.transmit()

    def reset(self, stream):
        self._quic.reset_stream(stream, 0x10C)  # H3_REQUEST_CANCELLED
        self._quic.stop_stream(stream, 0x10C)
        self.transmit()

    async def answer(self, stream, seconds=50):
        return await asyncio.wait_for(self._waiting[stream], seconds)

    async def ask(self, path, **options):
        return await self.answer(self.begin(path, **options))


@contextlib.asynccontextmanager
async def client(port, **settings):
    options = {"is_client": True, "alpn_protocols": H3_ALPN, "server_name": "localhost", "verify_mode": ssl.CERT_NONE}
    configuration = QuicConfiguration(**{**options, **settings})
    async with connect("127.0.0.1", port, configuration=configuration, create_protocol=Client) as connected:
        yield connected


def talk(port, conversation, **settings):
    """Runs `conversation(client)` on a connection of its own."""

    async def whole():
        async with client(port, **settings) as connected:
            return await conversation(connected)

    return asyncio.run(asyncio.wait_for(whole(), 60))
