"""One object. PutObject, GetObject, HeadObject, DeleteObject."""

import hashlib
import random
import re
import socket
from datetime import datetime, timezone

from http1 import Connection
from registry import check
from s3 import MIB, PART, etag_of, fails, md5, refused


@check
def bytes_come_back(s3):
    """GetObject: every byte."""
    body = random.Random(1).randbytes(PART + 12345)
    assert hashlib.sha256(s3.get(s3.put(body))).digest() == hashlib.sha256(body).digest()


@check
def empty(s3):
    """PutObject: an object may have no bytes."""
    key = s3.put(b"")
    answer = s3.ask("GET", key)
    assert (answer.status, answer.body, answer.header("content-length")) == (200, b"", "0")


@check
def etag_of_a_put(s3):
    """PutObject: the ETag of an object that came in one piece is the MD5 of its bytes, in quotes."""
    answer = s3.ask("PUT", s3.key(), body=b"x")
    assert answer.header("etag") == etag_of(b"x")


@check
def etag_of_a_get(s3):
    """GetObject, HeadObject: the ETag of the put."""
    key = s3.put(b"x")
    assert s3.ask("GET", key).header("etag") == s3.ask("HEAD", key).header("etag") == etag_of(b"x")


@check
def overwritten(s3):
    """PutObject: the last one counts, with nothing left of the one before."""
    key = s3.put(b"the first and longer", Metadata={"a": "b"}, CacheControl="no-cache")
    s3.put(b"second", key)
    answer = s3.ask("GET", key)
    assert (answer.body, answer.header("etag")) == (b"second", etag_of(b"second"))
    assert (answer.header("x-amz-meta-a"), answer.header("cache-control")) == (None, None)


@check
def missing(s3):
    """GetObject: 404 NoSuchKey."""
    refused(s3.ask("GET", s3.key()), 404, "NoSuchKey")


@check
def head_of_a_missing_one(s3):
    """HeadObject: 404 without a body."""
    answer = s3.ask("HEAD", s3.key())
    assert (answer.status, answer.body) == (404, b"")


@check
def head_is_get_without_the_body(s3):
    """HeadObject: the headers of GetObject."""
    key = s3.put(b"0123456789", ContentType="text/plain", Metadata={"a": "b"}, CacheControl="no-cache")
    varying = ("date", "connection", "x-amz-id-2", "x-amz-request-id", "keep-alive")
    got, head = ({n: v for n, v in s3.ask(method, key).headers if n not in varying} for method in ("GET", "HEAD"))
    assert got == head, (got, head)


@check
def deleted(s3):
    """DeleteObject: 204, and it is gone."""
    key = s3.put()
    answer = s3.ask("DELETE", key)
    assert (answer.status, answer.body) == (204, b"")
    refused(s3.ask("GET", key), 404, "NoSuchKey")
    assert s3.boto.list_objects_v2(Bucket=s3.bucket, Prefix=key)["KeyCount"] == 0


@check
def deleted_twice(s3):
    """DeleteObject: 204 for what is not there."""
    assert s3.ask("DELETE", s3.key()).status == 204


@check
def type_by_default(s3):
    """PutObject: the type is binary/octet-stream where none was said."""
    key = s3.key()
    s3.ask("PUT", key, body=b"x")
    assert s3.ask("GET", key).header("content-type") == "binary/octet-stream"


@check
def kept_headers(s3):
    """PutObject: Content-Type, Cache-Control, Content-Disposition, Content-Encoding, Content-Language and Expires are kept."""
    said = {
        "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "max-age=60, private", "Content-Disposition": 'attachment; filename="a b.txt"',
        "Content-Encoding": "gzip", "Content-Language": "de", "Expires": "Thu, 01 Dec 2033 16:00:00 GMT",
    }  # fmt: skip
    key = s3.key()
    assert s3.ask("PUT", key, headers=said, body=b"x").status == 200
    answer = s3.ask("GET", key)
    assert {name: answer.header(name) for name in said} == said
    assert answer.body == b"x", "an encoding is said, not done"


@check
def metadata(s3):
    """PutObject: x-amz-meta-* come back."""
    key = s3.key()
    s3.ask("PUT", key, headers={"x-amz-meta-one": "1", "X-Amz-Meta-Two-Words": "a, b;c"}, body=b"x")
    assert s3.head(key)["Metadata"] == {"one": "1", "two-words": "a, b;c"}


@check
def metadata_is_limited(s3):
    """PutObject: user metadata is at most 2 KB: 400 MetadataTooLarge."""
    assert s3.ask("PUT", s3.key(), headers={"x-amz-meta-a": "x" * 2000}, body=b"x").status == 200
    refused(s3.ask("PUT", s3.key(), headers={"x-amz-meta-a": "x" * 2100}, body=b"x"), 400, "MetadataTooLarge")


@check
def response_headers(s3):
    """GetObject: response-* of a signed request stand in place of what is stored."""
    key = s3.put(ContentType="text/plain")
    said = {"content-type": "image/png", "cache-control": "no-store", "content-disposition": "attachment", "content-language": "fr",
            "content-encoding": "br", "expires": "Thu, 01 Dec 2033 16:00:00 GMT"}  # fmt: skip
    answer = s3.bare(s3.presigned("GET", key, query=[(f"response-{name}", value) for name, value in said.items()]))
    assert answer.status == 200
    assert {name: answer.header(name) for name in said} == said


@check
def last_modified(s3):
    """GetObject: Last-Modified is an HTTP date of now."""
    text = s3.ask("GET", s3.put()).header("last-modified")
    when = datetime.strptime(text, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=timezone.utc)
    assert abs((datetime.now(timezone.utc) - when).total_seconds()) < 60


@check
def ranges_are_offered(s3):
    """GetObject: Accept-Ranges is bytes."""
    assert s3.ask("GET", s3.put()).header("accept-ranges") == "bytes"


@check
def md5_right(s3):
    """PutObject: Content-MD5 of the bytes."""
    assert s3.ask("PUT", s3.key(), headers={"Content-MD5": md5(b"x")}, body=b"x").status == 200


@check
def md5_wrong(s3):
    """PutObject: 400 BadDigest, and nothing is stored."""
    key = s3.key()
    refused(s3.ask("PUT", key, headers={"Content-MD5": md5(b"y")}, body=b"x"), 400, "BadDigest")
    assert s3.ask("GET", key).status == 404


@check
def md5_wrong_leaves_the_one_before(s3):
    """PutObject: what is refused changes nothing."""
    key = s3.put(b"before")
    refused(s3.ask("PUT", key, headers={"Content-MD5": md5(b"y")}, body=b"x"), 400, "BadDigest")
    assert s3.get(key) == b"before"


@check
def md5_of_no_sense(s3):
    """PutObject: 400 InvalidDigest."""
    for value in ("nonsense", "", md5(b"x")[:-4]):
        refused(s3.ask("PUT", s3.key(), headers={"Content-MD5": value}, body=b"x"), 400, "InvalidDigest")


@check
def length_missing(s3):
    """PutObject: 411 MissingContentLength."""
    data = s3.request_bytes("PUT", s3.key(), headers={})
    refused(s3.raw(data, "PUT"), 411, "MissingContentLength")


@check
def cut_short(s3):
    """PutObject: an upload that ends too soon is not stored."""
    key = s3.key()
    with Connection(s3.endpoint, 5) as connection:
        connection.send(s3.request_bytes("PUT", key, headers={"Content-Length": "1000"}, body=b"x" * 500))
        connection.socket.shutdown(socket.SHUT_WR)
        try:
            connection.socket.recv(1)  # an answer or the end: the server has noticed
        except OSError:
            pass
    assert s3.ask("GET", key).status == 404


@check
def expect_100_continue(s3):
    """PutObject: 100 Continue is answered before the body is sent."""
    key = s3.key()
    with Connection(s3.endpoint, 10) as connection:
        connection.send(s3.request_bytes("PUT", key, headers={"Content-Length": "1", "Expect": "100-continue"}))
        first = connection._file.readline()
        assert re.match(rb"HTTP/1.1 100 ", first), first
        while connection._file.readline() not in (b"\r\n", b""):
            pass
        connection.send(b"x")
        assert connection.receive("PUT").status == 200
    assert s3.get(key) == b"x"


@check
def expect_100_continue_and_refused(s3):
    """PutObject: with Expect a refusal comes before the body is sent."""
    data = f"PUT {s3.path(s3.key())} HTTP/1.1\r\nHost: {s3.host}\r\nContent-Length: {MIB}\r\nExpect: 100-continue\r\n\r\n".encode()
    refused(s3.raw(data, "PUT"), 403, "AccessDenied")


@check
def connection_goes_on(s3):
    """Any operation: a connection serves one request after the other."""
    key = s3.put(b"here")
    with Connection(s3.endpoint, 10) as connection:
        for method, status in (("GET", 200), ("HEAD", 200), ("GET", 200)):
            connection.send(s3.request_bytes(method, key))
            assert connection.receive(method).status == status


@check
def storage_class_of_no_sense(s3):
    """PutObject: 400 InvalidStorageClass."""
    refused(s3.ask("PUT", s3.key(), headers={"x-amz-storage-class": "NONSENSE"}, body=b"x"), 400, "InvalidStorageClass")


@check
def storage_class(s3):
    """PutObject: STANDARD may be said, and is not said in return."""
    key = s3.key()
    assert s3.ask("PUT", key, headers={"x-amz-storage-class": "STANDARD"}, body=b"x").status == 200
    assert s3.ask("HEAD", key).header("x-amz-storage-class") is None


@check
def encryption_of_no_sense(s3):
    """PutObject: 400 for an unknown x-amz-server-side-encryption: never stored as if it were not asked."""
    refused(s3.ask("PUT", s3.key(), headers={"x-amz-server-side-encryption": "ROT13"}, body=b"x"), 400)


@check
def bucket_missing(s3):
    """PutObject, GetObject: 404 NoSuchBucket."""
    for method in ("PUT", "GET"):
        refused(s3.ask(method, "a", bucket="no-such-bucket-of-the-probe", body=b""), 404, "NoSuchBucket")


@check
def attributes(s3):
    """GetObjectAttributes: ETag (without quotes), size and storage class."""
    said = s3.boto.get_object_attributes(Bucket=s3.bucket, Key=s3.put(b"12345"), ObjectAttributes=["ETag", "ObjectSize", "StorageClass"])
    assert (said["ETag"], said["ObjectSize"], said["StorageClass"]) == (etag_of(b"12345").strip('"'), 5, "STANDARD")


@check
def attributes_of_a_missing_one(s3):
    """GetObjectAttributes: 404 NoSuchKey."""
    with fails(404, "NoSuchKey"):
        s3.boto.get_object_attributes(Bucket=s3.bucket, Key=s3.key(), ObjectAttributes=["ETag"])
