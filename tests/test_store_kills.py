"""`kill -9` in the middle of uploads: what was acknowledged is there and whole, nothing else is visible.

STORE_KILLS says how often (default 5), STORE_OBJECTS how many small objects lie there before (default 0; rclone puts them, some 1,000 a second)."""

import hashlib
import json
import os
import random
import subprocess
import threading
import time
from contextlib import suppress

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from processes import Process, free_port, run, wait_until

KILLS = int(os.environ.get("STORE_KILLS", "5"))
OBJECTS = int(os.environ.get("STORE_OBJECTS", "0"))
PART = 5 * 1024 * 1024
BUCKET = "kept"


class Store(Process):
    def __init__(self, directory, logs):
        self.dir, self.port = directory, free_port()
        super().__init__(logs, "store", "--dir", directory, "--listen", f"127.0.0.1:{self.port}")
        wait_until(lambda: "listens on" in self.output() or not self.running, 20, "the store listens")
        assert self.running, self.output()
        self.ready = time.monotonic() - self.started

    def client(self):
        config = Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=20)
        keys = [(self.dir / name).read_text().strip() for name in ("access-key", "secret-key")]
        return boto3.client("s3", endpoint_url=f"http://127.0.0.1:{self.port}", region_name="us-east-1",
                            aws_access_key_id=keys[0], aws_secret_access_key=keys[1], config=config)  # fmt: skip

    def kill(self):
        self.process.kill()
        self.process.wait()


def fill(store, directory):
    """Puts that many objects of a few bytes each."""
    directory.mkdir()
    for number in range(OBJECTS):
        folder = directory / f"{number // 1000:04}"
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.txt").write_text(f"object {number}")
    keys = [(store.dir / name).read_text().strip() for name in ("access-key", "secret-key")]
    where = {"TYPE": "s3", "PROVIDER": "Other", "ENDPOINT": f"http://127.0.0.1:{store.port}", "ACCESS_KEY_ID": keys[0], "SECRET_ACCESS_KEY": keys[1]}
    # rclone cannot take a machine's own certificates by this variable, and needs none.
    env = {name: value for name, value in os.environ.items() if name != "AWS_CA_BUNDLE"}
    env |= {f"RCLONE_CONFIG_STORE_{name}": value for name, value in where.items()}
    copy = ["rclone", "copy", directory, f"store:{BUCKET}/before", "--transfers=16", "--checkers=16", "--no-check-dest", "--s3-no-check-bucket"]
    subprocess.run(copy, env=env, check=True)


def body(seed, size):
    return hashlib.sha256(seed.encode()).digest() * (size // 32)


class Writer(threading.Thread):
    """Puts objects, replaces one, and uploads in parts, until the store is gone. Remembers what was acknowledged."""

    def __init__(self, client, name):
        super().__init__()
        self.client, self.name_ = client, name
        self.objects, self.parts, self.tried = {}, {}, {}

    def run(self):
        with suppress(BotoCoreError, ClientError, OSError):
            for number in range(1000):
                self.put(f"{self.name_}/{number}", 32 * random.randrange(1, 3000))
                self.put(f"{self.name_}/same", 32 * random.randrange(1, 20_000))
                if number % 5 == 0:
                    self.upload(f"{self.name_}/parts-{number}")

    def put(self, key, size):
        data = body(f"{key} {size}", size)
        self.tried.setdefault(key, []).append(hashlib.md5(data).hexdigest())
        etag = self.client.put_object(Bucket=BUCKET, Key=key, Body=data)["ETag"]
        self.objects[key] = etag

    def upload(self, key):
        upload = self.client.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
        parts = []
        for number, size in ((1, PART), (2, 320_000)):
            data = body(f"{key} {number}", size)
            etag = self.client.upload_part(Bucket=BUCKET, Key=key, UploadId=upload, PartNumber=number, Body=data)["ETag"]
            parts.append({"PartNumber": number, "ETag": etag})
            self.parts[(key, upload)] = list(parts)
        of_parts = hashlib.md5(b"".join(bytes.fromhex(part["ETag"].strip('"')) for part in parts)).hexdigest()
        self.tried.setdefault(key, []).append(f"{of_parts}-2")
        done = self.client.complete_multipart_upload(Bucket=BUCKET, Key=key, UploadId=upload, MultipartUpload={"Parts": parts})
        self.objects[key] = done["ETag"]


def check(client, writers):
    for writer in writers:
        for key, etag in writer.objects.items():
            got = client.get_object(Bucket=BUCKET, Key=key)
            data = got["Body"].read()
            # The last one may have been on its way when the store went: then it is there whole, or the one before.
            assert got["ETag"].strip('"') in (etag.strip('"'), writer.tried[key][-1]), key
            if "-" not in got["ETag"]:
                assert hashlib.md5(data).hexdigest() == got["ETag"].strip('"'), key
            else:
                assert data == body(f"{key} 1", PART) + body(f"{key} 2", 320_000), key
        for (key, upload), parts in writer.parts.items():
            if key in writer.objects:
                continue
            try:
                listed = client.list_parts(Bucket=BUCKET, Key=key, UploadId=upload)["Parts"]
            except client.exceptions.NoSuchUpload:
                # Completed, and the answer lost.
                assert len(parts) == 2 and client.head_object(Bucket=BUCKET, Key=key)["ETag"].strip('"') in writer.tried[key]
                continue
            there = {part["PartNumber"]: part["ETag"] for part in listed}
            assert all(there[part["PartNumber"]] == part["ETag"] for part in parts), key


@pytest.mark.parametrize("kills", [KILLS])
def test_what_was_acknowledged_survives_kills(tmp_path, kills):
    directory = tmp_path / "store"
    slowest = objects = parts = 0
    for round_ in range(kills):
        store = Store(directory, tmp_path / f"logs-{round_}")
        try:
            slowest = max(slowest, store.ready)
            client = store.client()
            if round_ == 0:
                client.create_bucket(Bucket=BUCKET)
                if OBJECTS:
                    fill(store, tmp_path / "before")
            writers = [Writer(client, f"{round_}-{number}") for number in range(3)]
            for writer in writers:
                writer.start()
            time.sleep(random.uniform(0.1, 1.5))
        finally:
            store.kill()
        for writer in writers:
            writer.join()
        store = Store(directory, tmp_path / f"logs-{round_}-after")
        try:
            slowest = max(slowest, store.ready)
            check(store.client(), writers)
        finally:
            store.kill()
        objects += sum(len(writer.objects) for writer in writers)
        parts += sum(len(made) for writer in writers for made in writer.parts.values())
        verified = json.loads(run("store", "verify", "--dir", directory, "--json", timeout=600).stdout)
        # Orphans of the last kill may be left: the sweep had not come to them.
        assert [fault for fault in verified["faults"] if "nothing names it" not in fault] == []
    print(f"{OBJECTS} objects before, {kills} kills: {objects} objects and {parts} parts were acknowledged; slowest start {slowest:.2f} s")
    assert objects > 0
