"""The rows of `cases/` put to the running gateway. The same rows run natively; both must say what the row says."""

import re
import shutil
import time
import uuid
from contextlib import contextmanager

import pytest

from case_rows import CASES, MORE, UUID4, bucket_of, judge_refusal, make_question, read_rows, read_site
from http1 import Connection
from processes import Gateway, free_port, wait_until

def rows_of(directory):
    return [row for row in read_rows(directory) if row.values[0].get("only") != "decider"]


ROWS, MORE_ROWS = rows_of(CASES), rows_of(MORE)


class Judge:
    """A gateway on a `site.toml`, with buckets of its own in the store of `dev`."""

    def __init__(self, gateway, s3, buckets):
        self.gateway, self._s3, self._buckets = gateway, s3, buckets
        self._there = set()
        self._records = {}

    def object_is_there(self, bucket, key):
        """The object's bytes tell its place, so that an answer proves which object was fetched."""
        if (bucket, key) not in self._there:
            self._s3.put_object(Bucket=self._buckets[bucket], Key=key, Body=f"{bucket} {key}".encode())
            self._there.add((bucket, key))

    def ask(self, row):
        question = make_question(row, int(time.time()))
        with Connection(self.gateway.origin) as connection:
            return connection.ask(question.target, method=question.method, headers=question.headers, body=question.body)

    def logged(self, answer):
        number = answer.header("edgepass-id")
        return wait_until(lambda: self._record(number), 10, f"the log line of {number}")

    def _record(self, number):
        if number not in self._records:
            self._records = {record["id"]: record for record in self.gateway.log()}
        return self._records.get(number)


@contextmanager
def start(cases, directory, dev, s3):
    shutil.copytree(cases / "keys", directory / "keys")
    port, admin = free_port(), free_port()
    run = uuid.uuid4().hex[:8]
    buckets = {name: f"cases-{name}-{run}" for name in read_site(cases)["bucket"]}
    text = (cases / "site.toml").read_text()
    for old, new in [
        ("127.0.0.1:8081", f"127.0.0.1:{port}"),
        ("127.0.0.1:8082", f"127.0.0.1:{admin}"),
        ("http://localhost:8081", f"http://127.0.0.1:{port}"),
        ("http://localhost:8083", dev.s3["endpoint"]),
        ('region = "us-east-1"', f'region = "{dev.s3["region"]}"'),
        *((f'"cases-{name}"', f'"{bucket}"') for name, bucket in buckets.items()),
    ]:
        assert old in text, f"nothing to edit: {old}"
        text = text.replace(old, new)
    for bucket in buckets.values():
        s3.create_bucket(Bucket=bucket)
    secrets = {"CASES_ACCESS_KEY": dev.s3["access_key"], "CASES_SECRET_KEY": dev.s3["secret_key"]}
    with Gateway(directory, text, origin=f"http://127.0.0.1:{port}", env=secrets) as gateway:
        yield Judge(gateway, s3, buckets)


@pytest.fixture(scope="module")
def judge(dev, s3, tmp_path_factory):
    with start(CASES, tmp_path_factory.mktemp("cases"), dev, s3) as judge:
        yield judge


@pytest.fixture(scope="module")
def judge_of_more(dev, s3, tmp_path_factory):
    with start(MORE, tmp_path_factory.mktemp("more"), dev, s3) as judge:
        yield judge


def prepare(judge, row):
    expect = row["expect"]
    if expect.get("allowed") and row.get("action") != "upload":
        judge.object_is_there(bucket_of(expect), expect["key"])


def ask_all(judge, rows):
    """All rows are asked first, so that the tests wait for the log once."""
    for row in (row.values[0] for row in rows):
        prepare(judge, row)
    return {row.values[0]["name"]: judge.ask(row.values[0]) for row in rows}


@pytest.fixture(scope="module")
def answers(judge):
    return ask_all(judge, ROWS)


@pytest.fixture(scope="module")
def answers_of_more(judge_of_more):
    return ask_all(judge_of_more, MORE_ROWS)


def compare(judge, row, answer):
    expect = row["expect"]
    if not expect.get("allowed"):
        judge_refusal(row, answer.status, answer.code)
        if "reason" in expect:
            assert judge.logged(answer)["reason"] == expect["reason"]
        return
    if row.get("action") == "upload":
        assert answer.status == 201, answer
        assert re.fullmatch(UUID4.join(map(re.escape, expect["key"].split("{uuid}"))), answer.json()["key"])
    else:
        assert answer.status == 200, answer
        if row.get("method") != "HEAD":
            assert answer.body.decode() == f"{bucket_of(expect)} {expect['key']}"
    record = judge.logged(answer)
    assert record["rule"] == expect["rule"]
    if "route" in expect:
        assert record["route"] == expect["route"]


@pytest.mark.parametrize("row", ROWS)
def test_row(judge, answers, row):
    compare(judge, row, answers[row["name"]])


@pytest.mark.parametrize("row", MORE_ROWS)
def test_row_of_more(judge_of_more, answers_of_more, row):
    compare(judge_of_more, row, answers_of_more[row["name"]])


@pytest.mark.parametrize("wrong", [{"key": "another"}, {"rule": 7}, {"route": "another"}, {"allowed": False, "status": 403, "code": "forbidden"}], ids=repr)
def test_the_runner_can_fail(judge, answers, wrong):
    """A wrong expectation is found out."""
    row = next(row.values[0] for row in ROWS if row.values[0]["name"] == "good: app-1")
    with pytest.raises(AssertionError):
        compare(judge, {**row, "expect": {**row["expect"], **wrong}}, answers[row["name"]])
