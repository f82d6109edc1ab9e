"""A proxy between browser and gateway: what went over the wire is the judge, not what a page says of itself."""

import asyncio
import socket

from middleman import Middleman

# Bytes that lie in sockets count as sent: little of them, or an answer that the browser breaks off looks like one that it took.
BUFFER = 64 * 1024


class Recorder(Middleman):
    def __init__(self, tls=None):
        super().__init__("http://127.0.0.1:1", tls=tls)
        self.speed = None  # bytes a second of each connection, either way; None: as fast as they come

    def lead_to(self, origin):
        host, port = origin.split("//")[1].split(":")
        self._upstream = (host, int(port))

    async def _serve(self, reader, writer):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
        await super()._serve(reader, Slow(writer, self))

    async def _connect(self):
        reader, writer = await super()._connect()
        return reader, Slow(writer, self)

    def to(self, host, method=None, path=None, status=None):
        """What this host was asked, in order. Every check has a host of its own."""
        return [
            seen
            for seen in list(self.seen)
            if (seen.header("host") or "").split(":")[0] == host
            and method in (None, seen.method)
            and (path is None or seen.target.split("?")[0] == path)
            and status in (None, seen.status)
        ]


class Slow:
    """A writer with a limited speed."""

    def __init__(self, writer, recorder):
        self._writer, self._recorder = writer, recorder

    def write(self, data):
        self._writer.write(data)
        self._owed = len(data) / self._recorder.speed if self._recorder.speed else 0

    async def drain(self):
        await self._writer.drain()
        if self._owed > 0.0005:
            await asyncio.sleep(self._owed)

    def close(self):
        self._writer.close()


def bearer(seen):
    """The token in a request's header, None where there is none."""
    value = seen.header("authorization")
    return value.removeprefix("Bearer ") if value else None


def first_byte(seen):
    """Where the asked range starts; 0 for the whole."""
    value = seen.header("range") or "bytes=0-"
    return int(value.removeprefix("bytes=").split("-")[0] or 0)
