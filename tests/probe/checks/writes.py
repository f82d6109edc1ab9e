"""Conditional writes and races. "Prevent object overwrites with conditional writes", "Amazon S3 data consistency model"."""

import threading
from concurrent.futures import ThreadPoolExecutor

from registry import check
from s3 import etag_of, refused


def put(s3, key, body, **headers):
    return s3.ask("PUT", key, body=body, headers={name.replace("_", "-"): value for name, value in headers.items()})


@check
def create(s3):
    """PutObject: If-None-Match: * where there is none is 200."""
    key = s3.key()
    assert put(s3, key, b"x", If_None_Match="*").status == 200
    assert s3.get(key) == b"x"


@check
def create_what_is_there(s3):
    """PutObject: If-None-Match: * where there is one is 412 PreconditionFailed."""
    key = s3.put(b"before")
    refused(put(s3, key, b"after", If_None_Match="*"), 412, "PreconditionFailed")
    assert s3.get(key) == b"before"


@check
def create_what_was_deleted(s3):
    """PutObject: If-None-Match: * after a delete is 200."""
    key = s3.put()
    s3.ask("DELETE", key)
    assert put(s3, key, b"x", If_None_Match="*").status == 200


@check
def replace(s3):
    """PutObject: If-Match with the ETag is 200."""
    key = s3.put(b"before")
    assert put(s3, key, b"after", If_Match=etag_of(b"before")).status == 200
    assert s3.get(key) == b"after"


@check
def replace_another_version(s3):
    """PutObject: If-Match with another ETag is 412 PreconditionFailed."""
    key = s3.put(b"before")
    refused(put(s3, key, b"after", If_Match='"another"'), 412, "PreconditionFailed")
    assert s3.get(key) == b"before"


@check
def replace_what_is_not_there(s3):
    """PutObject: If-Match where there is none is 404 NoSuchKey."""
    key = s3.key()
    refused(put(s3, key, b"x", If_Match='"any"'), 404, "NoSuchKey")
    assert s3.ask("GET", key).status == 404


@check
def create_with_an_etag(s3):
    """PutObject: If-None-Match takes `*` alone: another value is 501 NotImplemented."""
    key = s3.put(b"before")
    refused(put(s3, key, b"after", If_None_Match='"another"'), 501, "NotImplemented")
    assert s3.get(key) == b"before"


def race(s3, key, count, **headers):
    """How many of `count` puts at once were taken, and with which bodies."""
    barrier = threading.Barrier(count)

    def one(number):
        body = str(number).encode() * 1000
        barrier.wait(10)
        return (put(s3, key, body, **headers).status, body)

    with ThreadPoolExecutor(count) as pool:
        answers = list(pool.map(one, range(count)))
    assert {status for status, _ in answers} <= {200, 409, 412}, {status for status, _ in answers}
    return [body for status, body in answers if status == 200]


@check
def one_of_16_creators(s3):
    """PutObject: of creations at the same time one is 200, the others 412 or 409."""
    for _ in range(3):
        key = s3.key()
        taken = race(s3, key, 16, If_None_Match="*")
        assert len(taken) == 1, f"{len(taken)} were taken"
        assert s3.get(key) == taken[0]


@check
def one_of_16_replacers(s3):
    """PutObject: of replacements of one version at the same time one is 200, the others 412 or 409."""
    for _ in range(3):
        key = s3.put(b"before")
        taken = race(s3, key, 16, If_Match=etag_of(b"before"))
        assert len(taken) == 1, f"{len(taken)} were taken"
        assert s3.get(key) == taken[0]


@check
def one_of_16_writers(s3):
    """PutObject: of writes at the same time all are 200 and one stays, whole."""
    key = s3.key()
    taken = race(s3, key, 16)
    answer = s3.ask("GET", key)
    assert len(taken) == 16 and answer.body in taken
    assert answer.header("etag") == etag_of(answer.body)


@check
def readers_during_writes(s3):
    """GetObject: bytes and ETag are of one version, while it is overwritten."""
    versions = [bytes([65 + number]) * (200_000 + number) for number in range(4)]
    key, over = s3.put(versions[0]), threading.Event()

    def read():
        seen = set()
        while not over.is_set():
            answer = s3.ask("GET", key)
            assert (answer.status, answer.truncated) == (200, False), answer.status
            assert answer.body in versions and answer.header("etag") == etag_of(answer.body)
            seen.add(answer.body[:1])
        return seen

    with ThreadPoolExecutor(3) as pool:
        readers = [pool.submit(read) for _ in range(3)]
        try:
            for number in range(24):
                s3.put(versions[number % 4], key)
        finally:
            over.set()
        assert len(set().union(*(reader.result() for reader in readers))) > 1


@check
def read_after_write(s3):
    """GetObject, HeadObject, ListObjectsV2: what was written is there at once."""
    key = s3.key()
    for number in range(5):
        body = str(number).encode()
        s3.put(body, key)
        assert s3.get(key) == body
        assert s3.head(key)["ETag"] == etag_of(body)
        assert [item["ETag"] for item in s3.boto.list_objects_v2(Bucket=s3.bucket, Prefix=key)["Contents"]] == [etag_of(body)]


@check
def delete_of_this_version(s3):
    """DeleteObject: If-Match with the ETag is 204."""
    key = s3.put(b"x")
    assert s3.ask("DELETE", key, headers={"If-Match": etag_of(b"x")}).status == 204
    assert s3.ask("GET", key).status == 404


@check
def delete_of_another_version(s3):
    """DeleteObject: If-Match with another ETag is 412 PreconditionFailed."""
    key = s3.put(b"x")
    refused(s3.ask("DELETE", key, headers={"If-Match": '"another"'}), 412, "PreconditionFailed")
    assert s3.get(key) == b"x"
