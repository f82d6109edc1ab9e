"""What may be wrong. Uploads by parts."""

import re

from breaker import refusal
from breaks.making import add
from http1 import Answer


def swapped(asked):
    if asked.method == "PUT" and asked.parameter("uploadId") and asked.valid:
        other = {"1": "2", "2": "1", "7": "10000", "10000": "7"}
        number = asked.parameter("partNumber")
        if number in other:
            asked.query = [(n, other[v] if n == "partNumber" else v) for n, v in asked.query]
            asked.changed = True


add("parts are swapped", "multipart", swapped)
add(
    "a part is kept as it came first",
    "multipart",
    lambda a: Answer(200, [("etag", '"x"')], b"") if a.parameter("partNumber") and a.method == "PUT" and first_seen(a) else None,
)
add("parts of all uploads are one", "multipart", lambda a: replaced_upload(a))
add(
    "aborts are lost",
    "multipart",
    lambda a: Answer(204, [], b"") if a.method == "DELETE" and a.parameter("uploadId") and a.valid and known_upload(a) else None,
)
add(
    "an unknown upload may be aborted",
    "multipart",
    lambda a: Answer(204, [], b"") if a.method == "DELETE" and a.parameter("uploadId") == "none" else None,
)
add("a completed upload goes on", "multipart", lambda a: completed(a))
add(
    "an upload is there before it is complete",
    "multipart",
    None,
    lambda a, g: a.aside("PUT", a.key, body=b"half") if a.method == "PUT" and a.parameter("uploadId") and g.status == 200 else None,
)
add("ETags of parts are not compared", "multipart", lambda a: right_etags(a))
add("parts are put in order", "multipart", lambda a: ordered(a))
add(
    "only the first part counts",
    "multipart checksums versions",
    None,
    lambda a, g: setattr(g, "body", g.body[: 5 * 1024 * 1024 - 1]) if a.is_object("GET") and len(g.body) >= 5 * 1024 * 1024 else None,
)
add(
    "metadata of an upload is forgotten",
    "multipart",
    lambda a: (
        a.without_headers("x-amz-meta-", "cache-control", "content-type") if a.parameter("uploads") is not None and a.method == "POST" else None
    ),
)
add(
    "part numbers have no end",
    "multipart",
    lambda a: Answer(200, [("etag", '"x"')], b"") if a.parameter("partNumber") in ("0", "10001", "x") else None,
)
add("gaps in part numbers are refused", "multipart", lambda a: refusal(400, "InvalidPart") if a.parameter("partNumber") == "10000" else None)
add(
    "a single small part is refused",
    "multipart checksums versions",
    lambda a: refusal(400, "EntityTooSmall") if a.parameter("uploadId") and a.method == "POST" and a.raw_body.count(b"<Part>") == 1 else None,
)
add(
    "parts may be small",
    "multipart",
    None,
    lambda a, g: (setattr(g, "status", 200), setattr(g, "body", b"<R/>")) if b"EntityTooSmall" in g.body else None,
)
add("x-amz-copy-source-range is not looked at", "multipart", lambda a: a.without_headers("x-amz-copy-source-range"))
add("x-amz-copy-source is not looked at", "multipart copies", lambda a: a.without_headers("x-amz-copy-source"))
add(
    "the parts of an unknown upload are none",
    "multipart",
    None,
    lambda a, g: (setattr(g, "status", 200), setattr(g, "body", b"<R/>")) if b"NoSuchUpload" in g.body and a.method == "GET" else None,
)
add(
    "an unknown upload is taken",
    "multipart",
    None,
    lambda a, g: (setattr(g, "status", 200), setattr(g, "body", b"<R/>")) if b"NoSuchUpload" in g.body and a.method != "GET" else None,
)
add(
    "parts are read in the wrong place",
    "multipart",
    None,
    lambda a, g: setattr(g, "body", g.body[1:] + g.body[:1]) if a.method == "GET" and g.status == 206 else None,
)
add(
    "no XML is no parts",
    "multipart buckets deletion",
    None,
    lambda a, g: (setattr(g, "status", 200), setattr(g, "body", b"<R/>")) if b"MalformedXML" in g.body else None,
)


def first_seen(asked):
    place = (asked.path, asked.parameter("uploadId"), asked.parameter("partNumber"))
    return place in asked.proxy.memory or asked.proxy.memory.setdefault(place, True) is None


def replaced_upload(asked):
    if asked.parameter("uploadId") and asked.valid and asked.parameter("uploadId") != "none":
        first = asked.proxy.memory.setdefault(asked.key if not asked.proxy.memory.get("other") else "", asked.parameter("uploadId"))
        if first != asked.parameter("uploadId"):
            asked.query, asked.changed = [(n, first if n == "uploadId" else v) for n, v in asked.query], True


def known_upload(asked):
    return asked.parameter("uploadId") != "none"


def completed(asked):
    """After it was completed once, everything about an upload is a success."""
    memory, upload = asked.proxy.memory, asked.parameter("uploadId")
    if not upload or not asked.valid:
        return None
    if memory.get(upload):
        return Answer(200, [("etag", '"x"'), ("content-type", "application/xml")], b"<ListPartsResult></ListPartsResult>")
    if asked.method == "POST":
        given = asked.aside(
            "POST",
            asked.key,
            query=[("uploadId", upload)],
            body=asked.raw_body,
            headers=[(n, v) for n, v in asked.headers if n.lower().startswith("if-")],
        )
        memory[upload] = given.status == 200
        return given
    return None


def right_etags(asked):
    if asked.method == "POST" and asked.parameter("uploadId") and asked.valid and b"<Part>" in asked.raw_body:
        listed = asked.aside("GET", asked.key, query=[("uploadId", asked.parameter("uploadId"))])
        numbers = re.findall(rb"<PartNumber>(\d+)</PartNumber>", listed.body)
        etags = re.findall(rb"<ETag>([^<]*)</ETag>", listed.body)
        body = b"".join(b"<Part><PartNumber>%s</PartNumber><ETag>%s</ETag></Part>" % pair for pair in zip(numbers, etags))
        return asked.aside(
            "POST",
            asked.key,
            query=[("uploadId", asked.parameter("uploadId"))],
            body=b"<CompleteMultipartUpload>" + body + b"</CompleteMultipartUpload>",
        )
    return None


def ordered(asked):
    if asked.method == "POST" and asked.parameter("uploadId") and asked.valid:
        parts = re.findall(rb"<Part>.*?</Part>", asked.raw_body, re.DOTALL)
        if len(parts) > 1:
            number = lambda part: int(re.search(rb"<PartNumber>(\d+)", part).group(1))
            body = b"<CompleteMultipartUpload>" + b"".join(sorted(parts, key=number)) + b"</CompleteMultipartUpload>"
            return asked.aside("POST", asked.key, query=[("uploadId", asked.parameter("uploadId"))], body=body)
    return None
