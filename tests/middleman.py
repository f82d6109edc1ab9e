"""A proxy between gateway and store that counts and records every origin request, and can hold answers back."""

import asyncio
import threading
from dataclasses import dataclass, field


@dataclass
class Seen:
    method: str
    target: str
    headers: list  # of (name in lower case, value)
    head: bytes  # request line and headers as they came
    status: int = 0
    answer_headers: list = field(default_factory=list)
    answered_bytes: int = 0
    held: bool = field(default=False)
    broken_off: bool = field(default=False)  # the connection ended before the answer did

    def header(self, name):
        return next((value for key, value in self.headers if key == name), None)


class Middleman:
    """Forwards HTTP/1.1 byte for byte: the `Host` and so the signatures stay as the gateway made them."""

    def __init__(self, upstream, *, port=0, tls=None):
        """`upstream` is the store's endpoint: `http://host:port`. Port 0 is a free one. With `tls`, an `ssl.SSLContext`, it is
        asked by https."""
        host, upstream_port = upstream.split("//")[1].rstrip("/").split(":")
        self._upstream = (host, int(upstream_port))
        self.port = port
        self.seen = []
        self.fault = None  # called with a Seen; gives raw bytes to answer instead of the store, or None
        self._open = None
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self._thread.start()
        assert started.wait(10)

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    def hold(self):
        """From now on the store's answers wait for `release`."""
        self._loop.call_soon_threadsafe(self._open.clear)

    def release(self):
        self._loop.call_soon_threadsafe(self._open.set)

    def of(self, key):
        """The requests for this key (or any part of the target that is given)."""
        return [seen for seen in list(self.seen) if key in seen.target]

    def forget(self):
        self.seen.clear()

    def stop(self):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self, started):
        asyncio.set_event_loop(self._loop)
        self._open = asyncio.Event()
        self._open.set()
        server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=1 << 20, backlog=512, ssl=self._tls)
        )
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _serve(self, reader, writer):
        upstream = None
        try:
            upstream = await self._connect()
            while await self._forward(reader, writer, *upstream):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            for side in (writer, upstream[1] if upstream else None):
                if side:
                    side.close()

    def _connect(self):
        return asyncio.open_connection(*self._upstream, limit=1 << 20)

    async def _forward(self, reader, writer, upstream_reader, upstream_writer):
        """One request and its answer. True while the connection goes on."""
        head = await _head(reader)
        if head is None:
            return False
        line, headers = _parse(head)
        method, target, _ = line.split(" ", 2)
        seen = Seen(method, target, headers, head)
        self.seen.append(seen)
        if not self._open.is_set():
            seen.held = True
            await self._open.wait()
        instead = self.fault(seen) if self.fault else None
        if instead is not None:
            writer.write(instead)
            await writer.drain()
            return False
        try:
            return await self._exchange(seen, reader, writer, upstream_reader, upstream_writer)
        except (OSError, asyncio.IncompleteReadError):
            seen.broken_off = True
            raise

    async def _exchange(self, seen, reader, writer, upstream_reader, upstream_writer):
        upstream_writer.write(seen.head)
        await _body(reader, upstream_writer, seen.headers, of_request=True)
        await upstream_writer.drain()
        while True:
            answer = await _head(upstream_reader)
            if answer is None:
                return False
            line, headers = _parse(answer)
            seen.status, seen.answer_headers = int(line.split(" ")[1]), headers
            writer.write(answer)
            if seen.status != 100:
                break
        if seen.method != "HEAD" and seen.status not in (204, 304):
            async for part in _parts(upstream_reader, headers, of_request=False):
                seen.answered_bytes += len(part)
                writer.write(part)
                await writer.drain()
        await writer.drain()
        return _value(headers, "connection") != "close"


async def _head(reader):
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None


def _parse(head):
    first, *rest = head.decode("latin-1").split("\r\n")
    headers = [tuple(line.split(":", 1)) for line in rest if line]
    return first, [(name.lower(), value.strip()) for name, value in headers]


def _value(headers, name):
    return next((value.lower() for key, value in headers if key == name), None)


async def _parts(reader, headers, of_request):
    if _value(headers, "transfer-encoding") == "chunked":
        while True:
            size = await reader.readuntil(b"\r\n")
            yield size
            length = int(size.split(b";")[0], 16)
            yield await reader.readexactly(length + 2)
            if length == 0:
                return
    length = _value(headers, "content-length")
    if length is None:
        if of_request:
            return
        while part := await reader.read(65536):
            yield part
        return
    left = int(length)
    while left:
        part = await reader.read(min(left, 65536))
        if not part:
            raise asyncio.IncompleteReadError(b"", left)
        left -= len(part)
        yield part


async def _body(reader, writer, headers, of_request):
    async for part in _parts(reader, headers, of_request):
        writer.write(part)
        await writer.drain()
