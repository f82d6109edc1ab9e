"""What may be wrong. Ranges and conditions."""

import re
import time

from breaker import refusal
from breaks.making import add, replaced, setting
from http1 import Answer

for name in ("range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range"):

    def ignore(asked, name=name):
        if asked.valid:
            asked._set_headers([(key, value) for key, value in asked.headers if key.lower() != name])

    add(f"{name} is not looked at", "reads writes multipart copies keys", ignore)


for name in ("match", "none-match", "modified-since", "unmodified-since"):

    def ignore_of_source(asked, name=name):
        asked._set_headers([(key, value) for key, value in asked.headers if key.lower() != f"x-amz-copy-source-if-{name}"])

    add(f"x-amz-copy-source-if-{name} is not looked at", "copies", ignore_of_source)


def range_header(change):
    def request(asked):
        value = asked.header("range")
        if value and asked.valid:
            asked.with_header("range", change(value))

    return request


def first_range(value):
    return value.split(",")[0]


def one_more(value):
    found = re.fullmatch(r"bytes=(\d+)-(\d*)", value)
    return f"bytes={int(found.group(1)) + 1}-{found.group(2)}" if found else value


add("of several ranges the first is served", "reads", range_header(first_range))
add("ranges begin one byte too late", "reads multipart", range_header(one_more))
add("ranges of no sense are refused", "reads", lambda a: refusal(400, "InvalidArgument")
    if a.header("range") and not re.fullmatch(r"bytes=(\d+-\d*|-\d+)", a.header("range")) else None)  # fmt: skip
add("reversed ranges are refused", "reads", lambda a: refusal(416, "InvalidRange") if a.header("range") == "bytes=5-1" else None)
add("a suffix longer than the object is refused", "reads", lambda a: refusal(416, "InvalidRange") if a.header("range") == "bytes=-99" else None)
add("a range beyond the end is refused", "reads", lambda a: refusal(416, "InvalidRange") if a.header("range") == "bytes=5-99" else None)
add("an empty suffix is the object", "reads", range_header(lambda value: "bytes=0-" if value == "bytes=-0" else value))
add("what lies after the end is empty", "reads", None, lambda a, g: (setattr(g, "status", 206), setattr(g, "body", b"")) if g.status == 416 else None)
add("416 does not say the size", "reads", None, lambda a, g: setting(g, "content-range", None) if g.status == 416 else None)
add("HEAD has no ranges", "reads", lambda a: a.without_headers("range") if a.method == "HEAD" else None)
add("partNumber is not looked at", "reads multipart", lambda a: a.without_parameters("partNumber") if a.method in ("GET", "HEAD") else None)
add(
    "lists of ETags are not read",
    "reads",
    lambda a: (
        a.with_header(n, '"x"')
        if (n := next((k.lower() for k, v in a.headers if k.lower().startswith("if-") and "," in v and "match" in k.lower()), None))
        else None
    ),
)
add("304 has a body", "reads", None, lambda a, g: (replaced(g, 304, 200)))
add("a date of no sense is refused", "reads", lambda a: refusal(400, "InvalidArgument") if a.header("if-modified-since") == "yesterday" else None)
add("dates come before ETags", "reads", lambda a: a.without_headers("if-none-match") if a.header("if-modified-since") else
    a._set_headers([(n, v) for n, v in a.headers if n.lower() != "if-match"]) if a.header("if-unmodified-since") else None)  # fmt: skip
add("ranges come before conditions", "reads", lambda a: a.without_headers("if-match", "if-none-match") if a.header("range") else None)
add("conditions come before the object", "reads", lambda a: Answer(304, [], b"") if a.header("if-none-match") and a.is_object("GET") else
    refusal(412, "PreconditionFailed") if a.header("if-match") and a.is_object("GET") else None)  # fmt: skip
add("a condition on a HEAD has a reason", "reads", None, lambda a, g: replaced(g, 412, 400) if a.method == "HEAD" else None)


def looked_at_first(asked):
    """Looked at, and then done: others come between."""
    condition = asked.header("if-none-match") or asked.header("if-match")
    if not (asked.is_object("PUT") and asked.valid and condition) or asked.header("x-amz-copy-source"):
        return None
    there = asked.aside("HEAD", asked.key)
    good = there.status == 404 if asked.header("if-none-match") else there.header("etag") == condition
    time.sleep(0.02)
    if good:
        return asked.aside("PUT", asked.key, body=asked.raw_body)
    return refusal(412, "PreconditionFailed")


add("conditions of a PUT are judged before it", "writes", looked_at_first)
add(
    "every PUT with a condition is refused",
    "writes multipart",
    lambda a: refusal(412, "PreconditionFailed") if a.is_object("PUT") and (a.header("if-match") or a.header("if-none-match")) else None,
)
add(
    "bytes of two versions are mixed",
    "writes",
    None,
    lambda a, g: setattr(g, "body", g.body[: len(g.body) // 2] + b"?" + g.body[len(g.body) // 2 + 1 :]) if len(g.body) > 100_000 else None,
)
add("ETags are late", "writes objects", None, lambda a, g: setting(g, "etag", '"0"') if a.method == "GET" else None)
add(
    "writers get in each other's way",
    "writes",
    lambda a: (
        refusal(500, "InternalError")
        if a.is_object("PUT") and len(a.raw_body) in (1000, 2000) and a.proxy.memory.setdefault("n", 0) == 0 and a.raw_body[:1] == b"3"
        else None
    ),
)
add(
    "readers get in each other's way",
    "writes",
    lambda a: (
        refusal(500, "InternalError")
        if a.is_object("GET") and a.proxy.memory.setdefault(a.path, []).append(1) is None and len(a.proxy.memory[a.path]) > 20
        else None
    ),
)
