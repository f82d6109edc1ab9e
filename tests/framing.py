"""Requests whose end two readers may see at two places, made from every combination of what is odd about them.

In each payload a second request hides in what must be the body of the first, or comes after what must end the connection. It
asks for a file of its own, with a token: whoever takes it for a request asks the store for it.
"""

import itertools
from dataclasses import dataclass

# What is asked, over an object in the cache, one that is not, and what never reaches the store.
FIRST = {
    "hit": "GET {hit}",
    "miss": "GET {miss}",
    "head": "HEAD {hit}",
    "preflight": "OPTIONS {hit}",
    "grant": "POST /_edgepass/uploads",
    "not allowed": "POST {hit}",
    "no such endpoint": "PUT /_edgepass/nothing",
    "absolute": "GET http://localhost{hit}",
    "stranger": "GET {foreign}",
}

# Lines that some reader takes for `Transfer-Encoding: chunked` and another does not.
CODINGS = [
    "Transfer-Encoding: chunked",
    "transfer-encoding:chunked",
    "TRANSFER-ENCODING: CHUNKED",
    "Transfer-Encoding:\tchunked",
    "Transfer-Encoding: chunked ",
    "Transfer-Encoding: xchunked",
    "Transfer-Encoding: chunkedx",
    "Transfer-Encoding: chunke",
    'Transfer-Encoding: "chunked"',
    "Transfer-Encoding: chunked;q=1",
    "Transfer-Encoding: identity",
    "Transfer-Encoding: identity, chunked",
    "Transfer-Encoding: chunked, identity",
    "Transfer-Encoding: chunked, chunked",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: chunked, gzip",
    "Transfer-Encoding: , chunked",
    "Transfer-Encoding: chunked,",
    "Transfer-Encoding:",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding:\r\n chunked",
    "Transfer-Encoding: \r\n\tchunked",
    "X: y\r\n Transfer-Encoding: chunked",
    "Transfer-Encoding : chunked",
    "Transfer-Encoding\t: chunked",
    " Transfer-Encoding: chunked",
    "Transfer-Encoding: chunked\x0b",
    "Transfer-Encoding: \x0bchunked",
    "Transfer-Encoding: chunked\x00",
    "Transfer-Encoding\x00: chunked",
    "Transfer-Encoding: \xa0chunked",
    "X: y\nTransfer-Encoding: chunked",
    "X: y\rTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r",
    "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked",
    "Connection: close, transfer-encoding\r\nTransfer-Encoding: chunked",
]

# Of these nobody may say that they are no Transfer-Encoding: the length beside them counts for nothing.
REAL_CODINGS = [line for line in CODINGS[:24] if not line.startswith("X")] + CODINGS[-2:]

# Lines of a length. `{n}` is the true one.
LENGTHS = [
    "Content-Length: 0\r\nContent-Length: {n}",
    "Content-Length: {n}\r\nContent-Length: 0",
    "Content-Length: 0, {n}",
    "Content-Length: {n}, 0",
    "Content-Length: {n}, {n}",
    "Content-Length: {n}\r\nContent-Length: {n}",
    "Content-Length: +{n}",
    "Content-Length: -{n}",
    "Content-Length: 0x{n}",
    "Content-Length: {n}.0",
    "Content-Length: {n}e0",
    "Content-Length: {n} 0",
    "Content-Length: {n}\x0b",
    "Content-Length: \x0c{n}",
    'Content-Length: "{n}"',
    "Content-Length:",
    "Content-Length: ",
    "Content-Length: ,",
    "Content-Length: zero",
    "Content-Length: 18446744073709551616",
    "Content-Length: 99999999999999999999{n}",
    "Content-Length : {n}",
    "Content-Length:\r\n {n}",
    "Content-Length: 1_0",
    "Content-Length: \u0661",
    "Connection: Content-Length\r\nContent-Length: {n}",
    "Connection: close, content-length\r\nContent-Length: {n}",
    "Expect: 100-continue\r\nContent-Length: {n}",
    "Expect: 100-continue, 100-continue\r\nContent-Length: {n}",
    "Expect: nothing\r\nContent-Length: {n}",
    "Expect:\r\n 100-continue\r\nContent-Length: {n}",
    "Upgrade: websocket\r\nConnection: upgrade\r\nContent-Length: {n}",
    "Upgrade: h2c\r\nConnection: upgrade, http2-settings\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\nContent-Length: {n}",
]

# The line of a chunk's size that is not `0`, so that the hidden request is no request.
SIZES = [
    "0x0", "-0", "+0", "g", "", "0\x0b", "0\x00", "0_0", "0,0", "0.0", '"0"', "zero", "0 0", "0\r", "\n0", "0\n", "0;a\nb",
    "0" * 64 + "g", "ffffffffffffffff", "10000000000000000", "fffffffffffffffff0", "0;" + "a" * 70_000,
]  # fmt: skip

# Bodies in chunks that are not well-formed after their first chunk. A control character within a chunk's extension is not among
# them: the library reads over it, and the body's end is the same to whoever reads on.
CHUNKS = [
    "1\r\naX{hidden}",
    "1\r\na\n0\r\n\r\n{hidden}",
    "1\r\na\r0\r\n\r\n{hidden}",
    "1\r\n\r\n0\r\n\r\n{hidden}",
    "2\r\na\r\n0\r\n\r\n{hidden}",
    "1\na\r\n0\r\n\r\n{hidden}",
    "0\r\nTransfer-Encoding : chunked\r\n\r\n{hidden}",
    "0\r\n folded: trailer\r\n\r\n{hidden}",
    "0\r\nno colon\r\n\r\n{hidden}",
    "0\r\nX: " + "a" * 200_000 + "\r\n\r\n{hidden}",
]


@dataclass
class Payload:
    name: str
    data: bytes
    canary: str  # a part of the hidden request's path


def request(first, fields, body, *, version="1.1", places):
    """The fields before `Host`, behind it, and behind the token."""
    head = [f"{first} HTTP/{version}"]
    given = ["Host: localhost", "Authorization: Bearer {token}", "Content-Type: application/json"]
    given.insert(places, fields)
    return "\r\n".join(head + given) + "\r\n\r\n" + body


def payloads(paths, folder, token):
    """All of them. `paths` fills FIRST; the hidden requests ask for files under `folder`."""
    numbers = itertools.count(1)

    def payload(name, first, fields, body, **options):
        canary = f"canary-{next(numbers)}"
        hidden = f"GET {folder}/{canary} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
        body = body.replace("{hidden}", hidden).replace("{size}", f"{len(hidden):x}")
        text = request(FIRST[first].format(**paths), fields.replace("{n}", str(len(body))), body, **options)
        return Payload(f"{name}: {first}", text.replace("{token}", token).encode("latin-1", "replace"), canary)

    for first, place in itertools.product(FIRST, range(4)):
        where = {"places": place}
        for coding in CODINGS:
            # By its length the hidden request is body; by chunks it comes after the end.
            yield payload(f"{coding!r} and a length", first, f"{coding}\r\nContent-Length: {{n}}", "0\r\n\r\n{hidden}", **where)
            yield payload(f"a length and {coding!r}", first, f"Content-Length: {{n}}\r\n{coding}", "0\r\n\r\n{hidden}", **where)
        for coding in REAL_CODINGS:
            # By chunks it is body; by its length it comes after the end.
            body = "{size}\r\n{hidden}\r\n0\r\n\r\n"
            for length in ("0", "4"):
                yield payload(f"length {length}, {coding!r}", first, f"Content-Length: {length}\r\n{coding}", body, **where)
            yield payload(f"1.0 {coding!r}", first, f"{coding}\r\nConnection: keep-alive", body, version="1.0", **where)
        for length in LENGTHS:
            yield payload(f"{length!r}", first, length, "{hidden}", **where)
    for first in FIRST:
        for size in SIZES:
            yield payload(f"chunk {size[:20]!r}", first, CODINGS[0], size + "\r\n\r\n{hidden}", places=1)
        for chunks in CHUNKS:
            yield payload(f"chunks {chunks[:40]!r}", first, CODINGS[0], chunks, places=1)
