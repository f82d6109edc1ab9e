"""What may be wrong. What is stored and what comes back."""

import hashlib

from breaker import refusal
from breaks.making import add, plain_chunks, rewrite, setting, ALL, READ
from http1 import Answer
from s3 import md5


def flipped(asked, given):
    if asked.is_object("GET") and given.status in (200, 206) and given.body:
        given.body = bytes([given.body[0] ^ 1]) + given.body[1:]


def last_byte_lost(asked, given):
    if asked.is_object("GET") and given.status in (200, 206):
        given.body = given.body[:-1]


def stale(asked):
    """The first answer to a GET is remembered."""
    if asked.is_object("GET") and asked.valid and not asked.header("range"):
        memory = asked.proxy.memory
        place = (asked.path, str(asked.query))
        if place not in memory:
            given = asked.aside("GET", asked.key, query=[(n, v) for n, v in asked.query if not n.startswith("X-Amz-")])
            memory[place] = (given.status, given.headers, given.body)
        return Answer(memory[place][0], list(memory[place][1]), memory[place][2])
    return None


add("a bit flips", READ, None, flipped)
add("the last byte is lost", READ, None, last_byte_lost)
add("reads are stale", READ, stale)
add("writes are lost", READ + " listings", lambda a: Answer(200, [("etag", '"%s"' % hashlib.md5(a.raw_body).hexdigest())], b"")
    if a.is_object("PUT") and a.valid and not a.streamed and not a.header("x-amz-copy-source") else None)  # fmt: skip
add("an object is what was put first", "objects writes versions copies multipart", lambda a: Answer(200, [("etag", '"x"')], b"")
    if a.is_object("PUT") and a.valid and a.aside("HEAD", a.key).status == 200 else None)  # fmt: skip
add(
    "deletes are lost",
    "objects keys copies deletion versions buckets writes",
    lambda a: Answer(204, [], b"") if a.is_object("DELETE") and a.valid else None,
)
add("a delete of what is not there is 404", "objects deletion",
    lambda a: refusal(404, "NoSuchKey") if a.is_object("DELETE") and a.aside("HEAD", a.key).status == 404 else None)  # fmt: skip
add("metadata of the one before stays", "objects copies", lambda a: a.with_header("x-amz-meta-a", "b") if a.is_object("PUT") and a.valid else None)
KEPT = ("content-type", "cache-control", "content-disposition", "content-encoding", "content-language", "expires", "x-amz-meta-")


for name in KEPT:

    def hide(asked, given, name=name):
        if asked.method in ("GET", "HEAD") and given.status in (200, 206):
            given.headers = [(key, value) for key, value in given.headers if not key.startswith(name)]

    add(f"{name} is not told", "objects authentication copies multipart forms", None, hide)


for name in ("etag", "last-modified", "accept-ranges", "content-range", "vary", "location", "access-control-allow-origin", "access-control-allow-methods",
             "access-control-allow-headers", "access-control-expose-headers", "access-control-max-age", "x-amz-version-id", "x-amz-delete-marker",
             "x-amz-mp-parts-count", "x-amz-tagging-count", "x-amz-bucket-region", "x-amz-checksum-type"):  # fmt: skip

    def drop(asked, given, name=name):
        setting(given, name, None)

    add(f"no {name}", " ".join(ALL), None, drop)


add(
    "every object is text/plain",
    "objects forms authentication copies",
    None,
    lambda a, g: setting(g, "content-type", "text/plain") if a.is_object("GET", "HEAD") else None,
)
add("HEAD and GET differ", "objects", None, lambda a, g: setting(g, "x-amz-meta-more", "1") if a.method == "HEAD" else None)
add("ETags are opaque", "objects forms copies multipart listings writes reads", None, lambda a, g: opaque(g))
add(
    "Last-Modified is long ago",
    "objects reads copies",
    None,
    lambda a, g: setting(g, "last-modified", "Sat, 01 Jan 2000 00:00:00 GMT") if a.method in ("GET", "HEAD") else None,
)
add(
    "metadata is shouted",
    "objects copies forms",
    None,
    lambda a, g: setattr(g, "headers", [(n, v.upper() if n.startswith("x-amz-meta-") else v) for n, v in g.headers]),
)
add("response-* is not looked at", "objects", lambda a: a.without_parameters(*(n for n, _ in a.query if n.startswith("response-"))))
add("Content-MD5 is not looked at", "objects deletion multipart", lambda a: a.without_headers("content-md5") if a.key else None)
add(
    "Content-MD5 of a DeleteObjects is not looked at",
    "deletion",
    lambda a: a.with_header("content-md5", md5(a.raw_body)) if a.parameter("delete") is not None else None,
)
add("metadata may be as long as it likes", "objects", lambda a: a.without_headers("x-amz-meta-"))
add("unknown storage classes are taken", "objects", lambda a: a.without_headers("x-amz-storage-class"))
add("unknown encryption is taken", "objects", lambda a: a.without_headers("x-amz-server-side"))
add("the storage class is always told", "objects", None, lambda a, g: setting(g, "x-amz-storage-class", "STANDARD") if a.method == "HEAD" else None)
add("attributes are wrong", "objects", None, lambda a, g: rewrite(g, b"<ObjectSize>", b"<ObjectSize>1"))
add(
    "aws-chunked is kept as an encoding",
    "authentication checksums",
    None,
    lambda a, g: setting(g, "content-encoding", "aws-chunked") if a.method == "HEAD" else None,
)
add("signatures of chunks are not looked at", "authentication", lambda a: plain_chunks(a) if a.streamed else None)
add(
    "buckets are made as they are written to",
    "objects errors listings forms copies",
    lambda a: Answer(200, [], b"") if a.bucket.startswith("no-such-bucket") else None,
)
add(
    "a PUT waits for nothing",
    "objects authentication",
    lambda a: Answer(200, [("etag", '"x"')], b"") if a.method == "PUT" and a.key and not a.valid else None,
)


def opaque(given):
    given.headers = [(name, '"opaque"' if name == "etag" else value) for name, value in given.headers]
    rewrite(given, b"<ETag>[^<]*</ETag>", b"<ETag>&quot;opaque&quot;</ETag>")
