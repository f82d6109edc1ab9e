"""The store behind the gateways as S3's real clients use it: the AWS command line, boto3's transfer manager, rclone, s3cmd."""

import hashlib
import json
import os
import random
import subprocess
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from boto3.s3.transfer import TransferConfig

from conftest import ORIGIN, s3_client
from processes import ROOT

MIB = 1024 * 1024
# By parts with every client. Ceph's own storage engine takes its time.
LARGE = (300 if ORIGIN == "store" else 40) * MIB
AWS = ROOT / ".venv-aws" / "cli" / "bin" / "aws"

# What a directory can hold; what only a bucket can hold is put by boto3.
NAMES = [
    "plain.txt", "with space.txt", " leading and trailing ", "plus+plus.txt", "per%cent.txt", "literal%2Fslash", "ümläut-文件-😀.txt",
    "a&b=c;d#e?f", "quote'double\"back`tick", "brackets[](){}", "tilde~star*bang!dollar$", "at@colon:comma,pipe|caret^", "...", "sub/dir/deep.txt",
    "n" * 200,
]  # fmt: skip
ONLY_IN_BUCKETS = ["a//b", "/a", "a/../b", "..", ".", "a/", "//", "k" * 1000, "ü" * 490]


@pytest.fixture(scope="module")
def bucket(dev, s3):
    name = f"clients-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name)
    yield name
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name):
        if keys := [{"Key": item["Key"]} for item in page.get("Contents", [])]:
            s3.delete_objects(Bucket=name, Delete={"Objects": keys, "Quiet": True})
    s3.delete_bucket(Bucket=name)


@pytest.fixture
def prefix():
    return f"{uuid.uuid4()}"


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A file of LARGE bytes, and its SHA-256."""
    path, dice, digest = tmp_path_factory.mktemp("large") / "large.bin", random.Random(5), hashlib.sha256()
    with open(path, "wb") as file:
        for _ in range(LARGE // (4 * MIB)):
            piece = dice.randbytes(4 * MIB)
            digest.update(piece)
            file.write(piece)
    return path, digest.hexdigest()


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Client:
    """A program with the store's address and keys. `name(KEY)` is how it names an object."""

    def __init__(self, dev, bucket, directory):
        self.s3, self.bucket = dev.s3, bucket
        self.environment = {"HOME": str(directory), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **self.settings()}

    def run(self, *words):
        command = [*self.command(), *map(str, words)]
        done = subprocess.run(command, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=140)
        assert done.returncode == 0, f"{words} ends with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        return done.stdout


class AwsCli(Client):
    def settings(self):
        assert AWS.exists(), f"{AWS} is missing: run tests/aws/install first"
        return {"AWS_ACCESS_KEY_ID": self.s3["access_key"], "AWS_SECRET_ACCESS_KEY": self.s3["secret_key"], "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_DEFAULT_REGION": self.s3["region"], **CHECKSUMS}  # fmt: skip

    def command(self):
        return [AWS, "--endpoint-url", self.s3["endpoint"]]

    def name(self, key):
        return f"s3://{self.bucket}/{key}"

    upload = lambda self, path, key: self.run("s3", "cp", "--only-show-errors", path, self.name(key))
    download = lambda self, key, path: self.run("s3", "cp", "--only-show-errors", self.name(key), path)
    upload_all = lambda self, path, key: self.run("s3", "sync", "--only-show-errors", path, self.name(key))
    download_all = lambda self, key, path: self.run("s3", "sync", "--only-show-errors", self.name(key), path)
    copy = lambda self, key, other: self.run("s3", "cp", "--only-show-errors", self.name(key), self.name(other))
    move = lambda self, key, other: self.run("s3", "mv", "--only-show-errors", self.name(key), self.name(other))
    delete_all = lambda self, key: self.run("s3", "rm", "--recursive", "--only-show-errors", self.name(key))


# Ceph 16.2 knows no additional checksums, which the AWS command line sends unless told otherwise.
CHECKSUMS = {} if ORIGIN == "store" else {"AWS_REQUEST_CHECKSUM_CALCULATION": "when_required", "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required"}


class Rclone(Client):
    def settings(self):
        said = {"TYPE": "s3", "PROVIDER": "Other", "ACCESS_KEY_ID": self.s3["access_key"], "SECRET_ACCESS_KEY": self.s3["secret_key"],
                "ENDPOINT": self.s3["endpoint"], "REGION": self.s3["region"], "UPLOAD_CUTOFF": "8M"}  # fmt: skip
        return {f"RCLONE_CONFIG_S_{name}": value for name, value in said.items()}

    def command(self):
        return ["rclone", "--retries", "1", "--low-level-retries", "1"]

    def name(self, key):
        return f"s:{self.bucket}/{key}"

    upload = lambda self, path, key: self.run("copyto", path, self.name(key))
    download = lambda self, key, path: self.run("copyto", self.name(key), path)
    upload_all = lambda self, path, key: self.run("sync", path, self.name(key))
    download_all = lambda self, key, path: self.run("sync", self.name(key), path)
    copy = lambda self, key, other: self.run("copyto", self.name(key), self.name(other))
    move = lambda self, key, other: self.run("moveto", self.name(key), self.name(other))
    delete_all = lambda self, key: self.run("delete", self.name(key))


class S3cmd(Client):
    def settings(self):
        return {}

    def command(self):
        host = self.s3["endpoint"].split("//")[1].rstrip("/")
        return ["s3cmd", "--config=/dev/null", f"--access_key={self.s3['access_key']}", f"--secret_key={self.s3['secret_key']}", f"--host={host}",
                f"--host-bucket={host}", "--no-ssl", f"--region={self.s3['region']}", "--quiet"]  # fmt: skip

    def name(self, key):
        return f"s3://{self.bucket}/{key}"

    upload = lambda self, path, key: self.run("put", path, self.name(key))
    download = lambda self, key, path: self.run("get", self.name(key), path)
    upload_all = lambda self, path, key: self.run("sync", f"{path}/", self.name(key) + "/")
    download_all = lambda self, key, path: self.run("sync", self.name(key) + "/", f"{path}/")
    copy = lambda self, key, other: self.run("cp", self.name(key), self.name(other))
    move = lambda self, key, other: self.run("mv", self.name(key), self.name(other))
    delete_all = lambda self, key: self.run("del", "--recursive", "--force", self.name(key) + "/")


@pytest.fixture(params=[AwsCli, Rclone, S3cmd], ids=["aws", "rclone", "s3cmd"])
def client(request, dev, bucket, tmp_path):
    return request.param(dev, bucket, tmp_path)


def keys_below(s3, bucket, prefix):
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix + "/")
    return [item["Key"].removeprefix(prefix + "/") for page in pages for item in page.get("Contents", [])]


def files_below(directory):
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_a_directory_there_and_back(client, s3, bucket, prefix, tmp_path):
    """Every odd name, byte by byte; then one file more, one changed and one less on the other side."""
    up, down = tmp_path / "up", tmp_path / "down"
    down.mkdir()
    for name in NAMES:
        (up / name).parent.mkdir(parents=True, exist_ok=True)
        (up / name).write_bytes(name.encode() * 3)
    client.upload_all(up, prefix)
    assert sorted(keys_below(s3, bucket, prefix)) == sorted(NAMES)
    for name in NAMES:
        assert s3.get_object(Bucket=bucket, Key=f"{prefix}/{name}")["Body"].read() == name.encode() * 3, name
    client.download_all(prefix, down)
    assert files_below(down) == files_below(up)
    s3.put_object(Bucket=bucket, Key=f"{prefix}/plain.txt", Body=b"changed, and longer than it was")
    s3.put_object(Bucket=bucket, Key=f"{prefix}/new/file", Body=b"new")
    client.download_all(prefix, down)
    assert (down / "plain.txt").read_bytes() == b"changed, and longer than it was" and (down / "new/file").read_bytes() == b"new"


def test_copied_moved_and_deleted(client, s3, bucket, prefix, tmp_path):
    (tmp_path / "file").write_bytes(b"some bytes")
    first, second, third = (f"{prefix}/{name}" for name in ("a b+ü.txt", "copy of a.txt", "deep/er/moved.txt"))
    client.upload(tmp_path / "file", first)
    client.copy(first, second)
    assert keys_below(s3, bucket, prefix) == ["a b+ü.txt", "copy of a.txt"]
    client.move(second, third)
    assert keys_below(s3, bucket, prefix) == ["a b+ü.txt", "deep/er/moved.txt"]
    assert s3.get_object(Bucket=bucket, Key=third)["Body"].read() == b"some bytes"
    client.download(third, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"some bytes"
    client.delete_all(prefix)
    assert keys_below(s3, bucket, prefix) == []


@pytest.mark.timeout(300)
def test_a_large_file_by_parts(client, s3, bucket, prefix, large, tmp_path):
    path, digest = large
    client.upload(path, f"{prefix}/large.bin")
    head = s3.head_object(Bucket=bucket, Key=f"{prefix}/large.bin")
    assert head["ContentLength"] == LARGE and "-" in head["ETag"], "it came in parts"
    client.download(f"{prefix}/large.bin", tmp_path / "back")
    assert sha256(tmp_path / "back") == digest
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket), "no upload is left over"
    s3.delete_object(Bucket=bucket, Key=f"{prefix}/large.bin")


def test_a_key_of_1000_bytes(client, s3, bucket, tmp_path):
    key = "k/" * 400 + "k" * 200
    (tmp_path / "file").write_bytes(b"some bytes")
    client.upload(tmp_path / "file", key)
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"some bytes"
    client.download(key, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"some bytes"
    s3.delete_object(Bucket=bucket, Key=key)


@pytest.mark.timeout(300)
def test_keys_that_only_a_bucket_can_hold(dev, s3, bucket, prefix, tmp_path):
    """The AWS command line asks for each as it is listed."""
    aws = AwsCli(dev, bucket, tmp_path)
    keys = [f"{prefix}/{name}"[:1024] for name in ONLY_IN_BUCKETS]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    listed = json.loads(aws.run("s3api", "list-objects-v2", "--bucket", bucket, "--prefix", prefix))["Contents"]
    assert [item["Key"] for item in listed] == sorted(keys, key=str.encode)
    for number, item in enumerate(listed):
        aws.run("s3api", "get-object", "--bucket", bucket, "--key", item["Key"], tmp_path / str(number))
        assert (tmp_path / str(number)).read_bytes() == item["Key"].encode()


@pytest.mark.timeout(300)
def test_the_transfer_manager(s3, bucket, prefix, large, tmp_path):
    """boto3: up by parts, copied by parts within the store, down by ranges."""
    path, digest = large
    by_parts = TransferConfig(multipart_threshold=8 * MIB, multipart_chunksize=8 * MIB, max_concurrency=8)
    s3.upload_file(str(path), bucket, f"{prefix}/large", Config=by_parts, ExtraArgs={"ContentType": "video/mp4", "Metadata": {"a": "b"}})
    s3.copy({"Bucket": bucket, "Key": f"{prefix}/large"}, bucket, f"{prefix}/copy", Config=by_parts)
    s3.download_file(bucket, f"{prefix}/copy", str(tmp_path / "back"), Config=by_parts)
    assert sha256(tmp_path / "back") == digest
    head = s3.head_object(Bucket=bucket, Key=f"{prefix}/large")
    assert (head["ContentType"], head["Metadata"], head["ETag"].split("-")[1]) == ("video/mp4", {"a": "b"}, f'{-(-LARGE // (8 * MIB))}"')
    for name in ("large", "copy"):
        s3.delete_object(Bucket=bucket, Key=f"{prefix}/{name}")


@pytest.mark.timeout(400)
def test_10000_keys_in_pages(dev, s3, bucket, prefix, tmp_path):
    every = [f"{number:05}" for number in range(10_000 if ORIGIN == "store" else 2_000)]

    def put(names):
        mine = s3_client(dev.s3)
        for name in names:
            mine.put_object(Bucket=bucket, Key=f"{prefix}/{name}", Body=b"")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, [every[start::8] for start in range(8)]))
    assert keys_below(s3, bucket, prefix) == every
    odd_pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, PaginationConfig={"PageSize": 333})
    assert [item["Key"].split("/")[1] for page in odd_pages for item in page["Contents"]] == every
    listed = Rclone(dev, bucket, tmp_path).run("lsf", f"s:{bucket}/{prefix}").split()
    assert listed == every
    assert AwsCli(dev, bucket, tmp_path).run("s3", "ls", "--recursive", f"s3://{bucket}/{prefix}/").count("\n") == len(every)


@pytest.mark.skipif(ORIGIN != "store", reason="the embedded store's: a bucket that keeps no versions")
def test_one_version(dev, s3, tmp_path):
    """The one version of an object is named null, as in a bucket of S3 that never kept any; more are refused by name."""
    bucket = f"clients-{uuid.uuid4()}"
    s3.create_bucket(Bucket=bucket)
    aws = AwsCli(dev, bucket, tmp_path)
    (tmp_path / "file").write_bytes(b"one")
    aws.upload(tmp_path / "file", "a b")
    listed = json.loads(aws.run("s3api", "list-object-versions", "--bucket", bucket))
    assert [(item["Key"], item["VersionId"], item["IsLatest"]) for item in listed["Versions"]] == [("a b", "null", True)]
    aws.run("s3api", "get-object", "--bucket", bucket, "--key", "a b", "--version-id", "null", tmp_path / "same")
    assert (tmp_path / "same").read_bytes() == b"one"
    with pytest.raises(s3.exceptions.ClientError, match="NotImplemented"):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    aws.run("s3api", "delete-object", "--bucket", bucket, "--key", "a b", "--version-id", "null")
    s3.delete_bucket(Bucket=bucket)


@pytest.mark.skipif(ORIGIN == "store", reason="the embedded store keeps one version of an object")
def test_versions(dev, s3, tmp_path):
    """The AWS command line lists them, reads an old one, and brings back what was deleted."""
    bucket = f"clients-{uuid.uuid4()}"
    s3.create_bucket(Bucket=bucket)
    aws = AwsCli(dev, bucket, tmp_path)
    aws.run("s3api", "put-bucket-versioning", "--bucket", bucket, "--versioning-configuration", "Status=Enabled")
    for body in (b"one", b"two"):
        (tmp_path / "file").write_bytes(body)
        aws.upload(tmp_path / "file", "a b")
    aws.run("s3", "rm", "--only-show-errors", aws.name("a b"))
    listed = json.loads(aws.run("s3api", "list-object-versions", "--bucket", bucket))
    assert [item["IsLatest"] for item in listed["Versions"] + listed["DeleteMarkers"]] == [False, False, True]
    oldest, marker = listed["Versions"][-1]["VersionId"], listed["DeleteMarkers"][0]["VersionId"]
    aws.run("s3api", "get-object", "--bucket", bucket, "--key", "a b", "--version-id", oldest, tmp_path / "old")
    assert (tmp_path / "old").read_bytes() == b"one"
    aws.run("s3api", "delete-object", "--bucket", bucket, "--key", "a b", "--version-id", marker)
    aws.download("a b", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"two"
    for item in listed["Versions"]:
        s3.delete_object(Bucket=bucket, Key="a b", VersionId=item["VersionId"])
    s3.delete_bucket(Bucket=bucket)
