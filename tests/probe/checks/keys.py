"""Keys are opaque. "Naming Amazon S3 objects": up to 1,024 bytes of UTF-8."""

import hashlib
import uuid

from registry import check, check_as
from s3 import etag_of, refused

ODD = {
    "space": "a b", "leading_space": " a", "trailing_space": "a ", "plus": "a+b", "percent": "a%b", "escaped_slash": "a%2Fb",
    "escaped_dots": "%2e%2e/a", "unicode": "ü/文件-😀", "decomposed": "e\u0301", "dot": ".", "dots": "..", "dot_segment": "a/./b",
    "dots_segment": "a/../b", "double_slash": "a//b", "leading_slash": "/a", "only_slashes": "//", "trailing_slash": "a/",
    "query_characters": "a?b=c&d#e", "xml_characters": "<a>&\"'</a>", "backslash": "a\\b", "reserved": "a;b:c@d,e=f$g!h*i(j)'k",
    "brackets": "[]{}|^`~", "tab": "a\tb", "newline": "a\nb", "carriage_return": "a\rb", "delete_character": "a\x7fb", "like_an_extension": "a.tar.gz",
    "hash_bucket": "#", "long_segment": "x" * 400,
}  # fmt: skip

for name, odd in ODD.items():

    def odd_key(s3, odd=odd):
        prefix, body = s3.key(""), uuid.uuid4().bytes
        key = prefix + odd
        assert s3.ask("PUT", key, body=body).status == 200
        assert s3.ask("GET", key).body == body
        assert s3.ask("HEAD", key).header("etag") == etag_of(body)
        listed = [item["Key"] for item in s3.boto.list_objects_v2(Bucket=s3.bucket, Prefix=prefix)["Contents"]]
        assert listed == [key], listed
        assert s3.ask("DELETE", key).status == 204
        assert s3.ask("GET", key).status == 404

    check_as(f"odd_{name}", f"PutObject, GetObject, ListObjectsV2, DeleteObject: {ascii(odd[:20])} is a key like any other")(odd_key)


@check
def of_1000_bytes(s3):
    """PutObject: a key has up to 1,024 bytes."""
    key = s3.key("k" * (1000 - 37))
    assert len(key) == 1000
    assert s3.get(s3.put(b"x", key)) == b"x"


@check
def of_1024_bytes(s3):
    """PutObject: a key has up to 1,024 bytes of UTF-8."""
    for letter in ("k", "ü"):
        key = s3.key("")
        key += letter * ((1024 - len(key)) // len(letter.encode()))
        key += "x" * (1024 - len(key.encode()))
        assert s3.ask("PUT", key, body=b"x").status == 200
        assert s3.ask("GET", key).body == b"x"


@check
def of_1025_bytes(s3):
    """PutObject: 400 KeyTooLongError."""
    refused(s3.ask("PUT", s3.key("k" * (1025 - 37)), body=b"x"), 400, "KeyTooLongError")


@check
def with_nul(s3):
    """PutObject: NUL is in no key: 400."""
    answer = s3.ask("PUT", s3.key("a\0b"), body=b"x")
    assert 400 <= answer.status < 500, answer.status


@check
def not_utf8(s3):
    """PutObject: a key is UTF-8: 400."""
    answer = s3.bare(s3.path(s3.key()) + "%ff", "PUT", body=b"x")
    assert 400 <= answer.status < 500, answer.status


@check
def not_escaped_well(s3):
    """PutObject: `%zz` is no escape: 400."""
    answer = s3.bare(s3.path(s3.key()) + "%zz", "PUT", body=b"x")
    assert 400 <= answer.status < 500, answer.status


@check
def distinct(s3):
    """PutObject: keys that look alike are different keys."""
    prefix = s3.key("")
    alike = ["a", "A", "a/", "a/b", "a//b", "/a", "a%20b", "a b", "a+b", "a%2Bb", "\u00e9", "e\u0301", "a.", "./a", "a/../a"]
    for key in alike:
        s3.put(key.encode(), prefix + key)
    for key in alike:
        assert s3.get(prefix + key) == key.encode(), key
    listed = [item["Key"] for item in s3.boto.list_objects_v2(Bucket=s3.bucket, Prefix=prefix)["Contents"]]
    assert listed == sorted((prefix + key for key in alike), key=str.encode)


@check
def that_begins_with_a_slash(s3):
    """PutObject: a slash at the beginning is part of the key."""
    name = str(uuid.uuid4())
    s3.put(b"with", f"/{name}")
    refused(s3.ask("GET", name), 404, "NoSuchKey")
    s3.put(b"without", name)
    assert (s3.get(f"/{name}"), s3.get(name)) == (b"with", b"without")
    assert [item["Key"] for item in s3.boto.list_objects_v2(Bucket=s3.bucket, Prefix=f"/{name}")["Contents"]] == [f"/{name}"]


@check
def no_way_into_another_bucket(s3):
    """PutObject: `..` in a key leads nowhere."""
    other = s3.new_bucket()
    for key in (f"../{other}/f", f"x/../../{other}/f", f"/{other}/f", f"..%2F{other}%2Ff", f"..\\{other}\\f"):
        assert s3.ask("PUT", key, body=b"x").status == 200
        assert s3.get(key) == b"x"
        assert s3.boto.list_objects_v2(Bucket=other)["KeyCount"] == 0, key
        s3.ask("DELETE", key)


@check
def of_two_forms_of_escape(s3):
    """Any operation: unreserved characters are the same escaped and plain: the key is what was meant."""
    key = s3.put(b"here", s3.key("abc~-_."))
    path = s3.path(key).replace("abc~-_.", "%61bc%7E%2D%5F%2E")
    answer = s3.ask("GET", path=path)
    assert answer.status in (200, 403), answer.status  # signed over the plain form by some servers, over the sent one by others
    assert answer.status == 403 or answer.body == b"here"


@check
def as_the_hash_says(s3):
    """PutObject: a key that looks like a digest is a key."""
    key = s3.key(hashlib.md5(b"").hexdigest())
    assert s3.get(s3.put(b"x", key)) == b"x"
