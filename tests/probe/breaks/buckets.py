"""What may be wrong. Buckets, and many deletes at once."""

import re

from breaker import refusal
from breaks.making import add, emptied, replaced, rewrite, with_body
from http1 import Answer

add(
    "DeleteObjects deletes nothing",
    "deletion versions",
    lambda a: (
        Answer(
            200,
            [],
            b"<DeleteResult>"
            + b"".join(b"<Deleted><Key>%s</Key></Deleted>" % key for key in re.findall(rb"<Key>([^<]*)</Key>", a.raw_body))
            + b"</DeleteResult>",
        )
        if a.valid and a.parameter("delete") is not None
        else None
    ),
)
add(
    "DeleteObjects deletes everything",
    "deletion",
    None,
    lambda a, g: (
        [a.aside("DELETE", key.decode()) for key in re.findall(rb"<Key>([^<]*)</Key>", a.aside("GET", query=[("list-type", "2")]).body)]
        if a.parameter("delete") is not None
        else None
    ),
)
add("Quiet is not looked at", "deletion", lambda a: with_body(a, rb"<Quiet>true</Quiet>", b""))
add("a thousand are too many", "deletion", lambda a: refusal(400, "MalformedXML") if a.raw_body.count(b"<Key>") > 999 else None)
add("DeleteObjects has no end", "deletion", None, lambda a, g: replaced(g, 400, 200) if a.raw_body.count(b"<Key>") > 1000 else None)
add("what is not there is an error", "deletion", None, lambda a, g: rewrite(g, b"Deleted>", b"Error>"))
add(
    "entities are expanded",
    "deletion",
    lambda a: a.aside("DELETE", re.search(rb'ENTITY k "([^"]*)"', a.raw_body).group(1).decode()) and None if b"ENTITY" in a.raw_body else None,
)
add("a bucket is emptied as it is deleted", "buckets versions", lambda a: emptied(a))
add(
    "deletes of buckets are lost",
    "buckets",
    lambda a: Answer(204, [], b"") if a.method == "DELETE" and not a.key and not a.query and a.valid else None,
)
add("buckets of any name are made", "buckets", None, lambda a, g: (setattr(g, "status", 200)) if b"InvalidBucketName" in g.body else None)
add("names with dots are refused", "buckets", lambda a: refusal(400, "InvalidBucketName") if a.bucket.startswith("probe.") else None)
add(
    "a bucket made again is empty",
    "buckets",
    None,
    lambda a, g: (
        [a.aside("DELETE", key.decode()) for key in re.findall(rb"<Key>([^<]*)</Key>", a.aside("GET", query=[("list-type", "2")]).body)]
        if a.method == "PUT" and not a.key and not a.query
        else None
    ),
)
add("buckets share their keys", "buckets", lambda a: shared(a))
add(
    "what was never set is empty",
    "buckets",
    None,
    lambda a, g: (
        (setattr(g, "status", 200), setattr(g, "body", b"<R/>")) if a.method == "GET" and not a.key and a.query and g.status in (404, 501) else None
    ),
)
add(
    "any region is this one",
    "buckets",
    None,
    lambda a, g: replaced(g, 400, 200) if a.method == "PUT" and b"LocationConstraint" in a.raw_body else None,
)
add(
    "the region is another",
    "buckets",
    None,
    lambda a, g: rewrite(g, b"<LocationConstraint([^>]*)(/>|></LocationConstraint>)", b"<LocationConstraint>eu-north-7</LocationConstraint>"),
)
add("a slash after the bucket is a key", "buckets", lambda a: refusal(404, "NoSuchKey") if re.fullmatch("/[^/]+/", a.path) else None)
add("HEAD of a bucket has a body", "buckets errors", None, lambda a, g: replaced(g, 200, 204) if a.method == "HEAD" else None)
add("a new bucket is full", "buckets", None, lambda a, g: rewrite(g, b"<KeyCount>0", b"<KeyCount>1"))


def shared(asked):
    if asked.is_object("PUT", "GET") and asked.valid:
        first = asked.proxy.memory.setdefault(asked.key, asked.bucket)
        asked.with_path(asked.path.replace(asked.bucket, first, 1))
