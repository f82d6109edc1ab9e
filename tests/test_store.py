"""The embedded store as S3's own clients see it: boto3 straight on it, no gateway between."""

import hashlib
import itertools
import uuid
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from conftest import s3_client
from http1 import ask
from test_uploads import form

MIB = 1024 * 1024


@pytest.fixture
def bucket(dev):
    return dev.s3["bucket"]


@pytest.fixture
def prefix():
    return f"store-{uuid.uuid4()}/"


def fails(status, code=None):
    """The block ends with this answer of the store."""
    return _Fails(status, code)


class _Fails:
    def __init__(self, status, code):
        self.status, self.code = status, code

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        assert isinstance(error, ClientError), f"no refusal: {error!r}"
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == self.status, error
        if self.code:
            assert error.response["Error"]["Code"] == self.code, error
        return True


def test_put_get_head_delete(s3, bucket, prefix):
    key, body = prefix + "a", b"some bytes"
    put = s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="text/plain", CacheControl="no-cache", Metadata={"a": "b"})
    got = s3.get_object(Bucket=bucket, Key=key)
    assert got["Body"].read() == body
    assert got["ETag"] == put["ETag"]
    assert (got["ContentType"], got["CacheControl"], got["Metadata"]) == ("text/plain", "no-cache", {"a": "b"})
    head = s3.head_object(Bucket=bucket, Key=key)
    assert (head["ContentLength"], head["ETag"]) == (len(body), put["ETag"])
    s3.delete_object(Bucket=bucket, Key=key)
    with fails(404, "NoSuchKey"):
        s3.get_object(Bucket=bucket, Key=key)
    with fails(404):
        s3.head_object(Bucket=bucket, Key=key)
    s3.delete_object(Bucket=bucket, Key=key)  # again, which is no error


def test_overwriting_changes_the_etag(s3, bucket, prefix):
    first = s3.put_object(Bucket=bucket, Key=prefix + "a", Body=b"1")["ETag"]
    second = s3.put_object(Bucket=bucket, Key=prefix + "a", Body=b"2")["ETag"]
    assert first != second
    assert s3.get_object(Bucket=bucket, Key=prefix + "a")["Body"].read() == b"2"


KEYS = ["a", "a/b", "a b", "a+b", "a%2Fb", "ü/文件", "x//y", "x/../y", "..", "/lead", "trail/", "a\\b", "&?#=;", "é", "e\u0301", "k" * 900]


def test_keys_are_opaque(s3, bucket, prefix):
    for number, key in enumerate(KEYS):
        s3.put_object(Bucket=bucket, Key=prefix + key, Body=str(number).encode())
    for number, key in enumerate(KEYS):
        assert s3.get_object(Bucket=bucket, Key=prefix + key)["Body"].read() == str(number).encode(), key
    listed = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]]
    assert listed == sorted((prefix + key for key in KEYS), key=str.encode)


def test_a_key_reaches_no_other_bucket(s3, dev, prefix):
    victim = f"victim-{uuid.uuid4()}"
    s3.create_bucket(Bucket=victim)
    for key in (f"../{victim}/f", f"x/../../{victim}/f", f"/{victim}/f", f"..%2F{victim}%2Ff"):
        s3.put_object(Bucket=dev.s3["bucket"], Key=key, Body=b"x")
        assert s3.list_objects_v2(Bucket=victim)["KeyCount"] == 0
        s3.delete_object(Bucket=dev.s3["bucket"], Key=key)
    s3.delete_bucket(Bucket=victim)


def test_ranges(s3, bucket, prefix):
    body = bytes(range(256)) * 10_000
    s3.put_object(Bucket=bucket, Key=prefix + "r", Body=body)
    for text, piece in [("0-0", body[:1]), ("100-199", body[100:200]), ("2000000-", body[2_000_000:]), ("-5", body[-5:])]:
        got = s3.get_object(Bucket=bucket, Key=prefix + "r", Range=f"bytes={text}")
        assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
        assert got["Body"].read() == piece
    with fails(416, "InvalidRange"):
        s3.get_object(Bucket=bucket, Key=prefix + "r", Range=f"bytes={len(body)}-")


def test_conditions(s3, bucket, prefix):
    key = prefix + "c"
    etag = s3.put_object(Bucket=bucket, Key=key, Body=b"x")["ETag"]
    modified = s3.head_object(Bucket=bucket, Key=key)["LastModified"]
    assert s3.get_object(Bucket=bucket, Key=key, IfMatch=etag)["Body"].read() == b"x"
    with fails(412):
        s3.get_object(Bucket=bucket, Key=key, IfMatch='"no"')
    with fails(304):
        s3.get_object(Bucket=bucket, Key=key, IfNoneMatch=etag)
    with fails(304):
        s3.get_object(Bucket=bucket, Key=key, IfModifiedSince=modified)
    with fails(412):
        s3.put_object(Bucket=bucket, Key=key, Body=b"y", IfNoneMatch="*")
    s3.put_object(Bucket=bucket, Key=prefix + "new", Body=b"y", IfNoneMatch="*")


def test_one_of_16_creators_wins(s3, bucket, prefix):
    def create(number):
        try:
            s3.put_object(Bucket=bucket, Key=prefix + "race", Body=str(number).encode(), IfNoneMatch="*")
            return number
        except ClientError:
            return None

    with ThreadPoolExecutor(16) as pool:
        winners = [number for number in pool.map(create, range(16)) if number is not None]
    assert len(winners) == 1
    assert s3.get_object(Bucket=bucket, Key=prefix + "race")["Body"].read() == str(winners[0]).encode()


def test_listing(s3, bucket, prefix):
    keys = [f"{prefix}{letter}/{number:02}" for letter in "abc" for number in range(15)]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, PaginationConfig={"PageSize": 7})
    assert [item["Key"] for page in pages for item in page["Contents"]] == keys
    grouped = s3.list_objects_v2(Bucket=bucket, Prefix=prefix, Delimiter="/")
    assert [group["Prefix"] for group in grouped["CommonPrefixes"]] == [f"{prefix}{letter}/" for letter in "abc"]
    after = s3.list_objects_v2(Bucket=bucket, Prefix=prefix, StartAfter=keys[20], MaxKeys=2)
    assert [item["Key"] for item in after["Contents"]] == keys[21:23] and after["IsTruncated"]
    assert after["Contents"][0]["Size"] == len(keys[21])


def test_who_may(dev, s3, bucket, prefix):
    s3.put_object(Bucket=bucket, Key=prefix + "a", Body=b"x")
    strangers = [s3_client(dev.s3, secret_key="wrong"), s3_client(dev.s3, access_key="wrong")]
    nobody = boto3.client("s3", endpoint_url=dev.s3["endpoint"], region_name="us-east-1",
                          config=Config(signature_version=UNSIGNED, s3={"addressing_style": "path"}))  # fmt: skip
    for client in (*strangers, nobody):
        for call in (
            lambda c: c.get_object(Bucket=bucket, Key=prefix + "a"),
            lambda c: c.put_object(Bucket=bucket, Key=prefix + "b", Body=b"x"),
            lambda c: c.delete_object(Bucket=bucket, Key=prefix + "a"),
            lambda c: c.list_objects_v2(Bucket=bucket),
            lambda c: c.create_bucket(Bucket="another-bucket"),
        ):
            with fails(403):
                call(client)
    assert s3.get_object(Bucket=bucket, Key=prefix + "a")["Body"].read() == b"x"


def test_signature_version_2_is_refused(dev, bucket):
    old = boto3.client("s3", endpoint_url=dev.s3["endpoint"], region_name="us-east-1", aws_access_key_id=dev.s3["access_key"],
                       aws_secret_access_key=dev.s3["secret_key"], config=Config(signature_version="s3", s3={"addressing_style": "path"}))  # fmt: skip
    with fails(400, "InvalidRequest"):
        old.list_objects_v2(Bucket=bucket)


def path_of(url, dev):
    return url[len(dev.s3["endpoint"].rstrip("/")) :]


def test_presigned_urls_of_boto3(dev, s3, bucket, prefix):
    key = prefix + "with space+plus/ü"
    put = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": key, "ContentType": "text/plain"}, ExpiresIn=60)
    answer = ask(dev.s3["endpoint"], path_of(put, dev), method="PUT", body=b"by boto3", headers={"Content-Type": "text/plain"})
    assert answer.status == 200
    assert ask(dev.s3["endpoint"], path_of(put, dev), method="PUT", body=b"x", headers={"Content-Type": "text/html"}).status == 403
    get = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=60)
    assert ask(dev.s3["endpoint"], path_of(get, dev)).body == b"by boto3"
    assert ask(dev.s3["endpoint"], path_of(get, dev).replace("with", "With")).status == 403
    for life in (8 * 86400,):
        long = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=life)
        assert ask(dev.s3["endpoint"], path_of(long, dev)).status in (400, 403)


def test_presigned_post_of_boto3(dev, s3, bucket, prefix):
    given = s3.generate_presigned_post(
        bucket, prefix + "${filename}", Conditions=[["content-length-range", 1, 100], ["starts-with", "$key", prefix]], ExpiresIn=60
    )
    path = path_of(given["url"], dev) or "/"

    def post(body, **changes):
        media_type, data = form({**given["fields"], **changes}.items(), body, filename="photo.png")
        return ask(dev.s3["endpoint"], path, method="POST", body=data, headers={"Content-Type": media_type})

    assert post(b"x").status == 204
    assert s3.get_object(Bucket=bucket, Key=prefix + "photo.png")["Body"].read() == b"x"
    assert post(b"").status in (400, 403)
    assert post(b"x" * 101).status in (400, 403)
    assert post(b"x", key="elsewhere").status == 403
    assert post(b"x", extra="field").status == 403


def test_large_object_by_parts_or_whole(s3, bucket, prefix):
    body = hashlib.sha256(b"seed").digest() * (20 * MIB // 32)
    s3.put_object(Bucket=bucket, Key=prefix + "large", Body=body)
    assert hashlib.sha256(s3.get_object(Bucket=bucket, Key=prefix + "large")["Body"].read()).digest() == hashlib.sha256(body).digest()


def test_cors_of_the_bucket(dev, s3, bucket):
    app = dev.app
    for headers, method in ((("content-type",), "PUT"), (("content-type", "x-amz-date"), "POST"), ((), "GET")):
        asked = {"Origin": app, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": ",".join(headers)}
        answer = ask(dev.s3["endpoint"], f"/{bucket}/any", method="OPTIONS", headers=asked)
        assert answer.status in (200, 204)
        assert answer.header("access-control-allow-origin") in (app, "*")
        assert method.lower() in answer.listed("access-control-allow-methods")
    refused = ask(dev.s3["endpoint"], f"/{bucket}/any", method="PUT", body=b"x", headers={"Origin": app})
    assert refused.status == 403
    assert refused.header("access-control-allow-origin") in (app, "*"), "a page must be able to read why"
    stranger = {"Origin": "https://evil.example", "Access-Control-Request-Method": "PUT"}
    answer = ask(dev.s3["endpoint"], f"/{bucket}/any", method="OPTIONS", headers=stranger)
    assert answer.all("access-control-allow-origin") == []


def test_nothing_malformed_is_a_5xx(dev, bucket):
    targets = ["/", "//", f"/{bucket}", f"/{bucket}/", f"/{bucket}//x", f"/{bucket}/%", f"/{bucket}/%ff", f"/{bucket}/%00", "/../x", "/?x", "/%2e%2e/x",
               f"/{bucket}?list-type=2&max-keys=-1", f"/{bucket}?list-type=2&max-keys=x", f"/{bucket}/x?partNumber=x&uploadId=y", "/" + "a" * 9000]  # fmt: skip
    for method, target in itertools.product(("GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH", "BREW"), targets):
        body = b"x" if method in ("PUT", "POST", "PATCH") else None
        assert ask(dev.s3["endpoint"], target, method=method, body=body).status < 500 or (method in ("PATCH", "BREW")), (method, target)


def test_what_was_acknowledged_survives_a_kill(tmp_path):
    """Ten acknowledged objects, kill -9, start again: all are there."""
    from processes import Dev

    with Dev(tmp_path / "data", tmp_path / "logs1") as dev:
        client = s3_client(dev.s3)
        for number in range(10):
            client.put_object(Bucket=dev.s3["bucket"], Key=f"kept/{number}", Body=bytes([number]) * 100_000)
        dev.process.kill()
        dev.wait()
    with Dev(tmp_path / "data", tmp_path / "logs2") as dev:
        client = s3_client(dev.s3)
        for number in range(10):
            got = client.get_object(Bucket=dev.s3["bucket"], Key=f"kept/{number}")["Body"].read()
            assert got == bytes([number]) * 100_000
