"""What breaks are made of. `add` takes a name, the modules whose checks a break may touch, and its two verbs: see breaker.py."""

import calendar
import re
import time

from breaker import Break
from http1 import Answer
from s3 import md5

ALL = ("authentication", "buckets", "checksums", "copies", "cors", "deletion", "errors", "forms", "keys", "listings", "multipart", "objects",
       "reads", "subresources", "versions", "writes")  # fmt: skip
EVERYTHING = []
READ = "objects reads keys copies multipart writes versions forms buckets checksums authentication deletion"


def add(name, near, request=None, answer=None):
    EVERYTHING.append(Break(name, tuple(near.split()), request, answer))


def rewrite(given, pattern, text):
    if given.body.startswith(b"<") or given.body.startswith(b"\n<"):
        given.body = re.sub(pattern, text, given.body, flags=re.DOTALL)


def setting(given, name, value):
    given.headers = [(key, old) for key, old in given.headers if key != name] + ([] if value is None else [(name, value)])


def proof(asked):
    return asked.header("authorization") or ""


def skew(text):
    return time.time() - calendar.timegm(time.strptime(text, "%Y%m%dT%H%M%SZ"))


def replaced(given, old, new):
    if given.status == old:
        given.status = new


def field(body, name):
    found = re.search(rf'name="{name}"\r\n\r\n(.*?)\r\n'.encode(), body, re.DOTALL)
    return found and found.group(1).decode()


def plain_chunks(asked):
    body, rest = b"", asked.raw_body
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size.split(b";")[0], 16)
        body, rest = body + rest[:length], rest[length + 2 :]
        if not length:
            break
    given = asked.aside("PUT", asked.key, body=body)
    return given


def with_body(asked, pattern, text):
    changed = re.sub(pattern, text, asked.raw_body, flags=re.DOTALL)
    if asked.valid and changed != asked.raw_body:
        return asked.aside(asked.method, asked.key, query=asked.query, body=changed, headers=[("content-md5", md5(changed))])
    return None


def emptied(asked):
    if asked.method == "DELETE" and asked.bucket and not asked.key and not asked.query and asked.valid:
        for element in re.findall(
            rb"<(?:Version|DeleteMarker)>.*?</(?:Version|DeleteMarker)>", asked.aside("GET", query=[("versions", "")]).body, re.DOTALL
        ):
            key, version = (re.search(rb"<%s>([^<]*)" % name, element).group(1).decode() for name in (b"Key", b"VersionId"))
            asked.aside("DELETE", key, query=[("versionId", version)])
        for key in re.findall(rb"<Key>([^<]*)</Key>", asked.aside("GET", query=[("list-type", "2")]).body):
            asked.aside("DELETE", key.decode())


def is_form(asked):
    return asked.method == "POST" and (asked.header("content-type") or "").startswith("multipart/form-data")


def taken(when=lambda asked: True):
    """The file is stored under the key that the form names."""

    def request(asked):
        if is_form(asked) and when(asked):
            key, found = field(asked.raw_body, "key"), re.search(rb'name="file"[^\r]*\r\n\r\n(.*?)\r\n------[0-9a-f]{32}', asked.raw_body, re.DOTALL)
            if key and found:
                asked.aside("PUT", key, body=found.group(1))
            return Answer(204, [], b"")
        return None

    return request
