"""The rows of `cases/` put to the module that verifies signatures itself: in Node.js, and in workerd as an HTTP server. Both give the
answers that the packaged viewer-request function gives."""

import json
import time

import pytest

from case_rows import CASES, MORE, bucket_of, judge_refusal, make_question, read_site, uri_of
from edge_function import event, package_cases
from http1 import Connection
from test_edge_cases import MORE_ROWS, ROWS
from worker_edge import Pure, Workerd, assemble


BUCKETS = {cases: list(read_site(cases)["bucket"]) for cases in (CASES, MORE)}


def has_what_it_asks(row):
    """A worker is not told the viewer's address, and its runtime answers a `Host` that is none by itself."""
    return "here" != row["expect"].get("route") and not row["expect"].get("reason", "").startswith("host_")


MORE_IN_WORKER = [param for param in MORE_ROWS if has_what_it_asks(param.values[0])]


def assembled(scratch, cases):
    edge, _ = package_cases(scratch, cases)
    return assemble(scratch / "worker", edge / "site.json")


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return assembled(tmp_path_factory.mktemp("worker"), CASES)


@pytest.fixture(scope="module")
def directory_of_more(tmp_path_factory):
    return assembled(tmp_path_factory.mktemp("more"), MORE)


@pytest.fixture(scope="module")
def pure(directory):
    with Pure(directory) as pure:
        yield pure


@pytest.fixture(scope="module")
def pure_of_more(directory_of_more):
    with Pure(directory_of_more) as pure:
        yield pure


@pytest.fixture(scope="module")
def workerd(directory):
    with Workerd(directory, BUCKETS[CASES]) as workerd:
        yield workerd


@pytest.fixture(scope="module")
def workerd_of_more(directory_of_more):
    with Workerd(directory_of_more, BUCKETS[MORE]) as workerd:
        yield workerd


@pytest.mark.parametrize("row", ROWS)
def test_row_in_node(row, pure):
    compare_in_node(row, pure, BUCKETS[CASES])


@pytest.mark.parametrize("row", MORE_IN_WORKER)
def test_row_of_more_in_node(row, pure_of_more):
    compare_in_node(row, pure_of_more, BUCKETS[MORE])


@pytest.mark.parametrize("row", ROWS)
def test_row_in_workerd(row, workerd):
    compare_in_workerd(row, workerd)


@pytest.mark.parametrize("row", MORE_IN_WORKER)
def test_row_of_more_in_workerd(row, workerd_of_more):
    compare_in_workerd(row, workerd_of_more)


def compare_in_node(row, pure, buckets):
    question = make_question(row, int(time.time()))
    decision = pure.ask(event(question.method, question.target, question.headers))
    expect = row["expect"]
    if expect.get("allowed"):
        bucket = buckets.index(bucket_of(expect))
        assert decision == {"pass": {"uri": uri_of(expect["key"]), "bucket": bucket}}
        return
    response = decision["answer"]["response"]
    body = json.loads(response["body"]) if response.get("body") else {}
    judge_refusal(row, int(response["status"]), body.get("error"))
    assert response["headers"]["cache-control"][0]["value"] == "no-store"
    if "reason" in expect:
        assert json.loads(decision["answer"]["log"])["reason"] == expect["reason"]


def compare_in_workerd(row, workerd):
    question = make_question(row, int(time.time()))
    with Connection(workerd.origin) as connection:
        answer = connection.ask(question.target, method=question.method, headers=question.headers)
    expect = row["expect"]
    if expect.get("allowed"):
        assert answer.status == 200, answer
        assert answer.header("cache-control") == "private, no-cache"
        assert answer.header("set-cookie") is None
        if question.method != "HEAD":
            asked = answer.json()
            assert (asked["bucket"], asked["path"]) == (bucket_of(expect), uri_of(expect["key"]))
            assert not {"authorization", "cookie"} & set(asked["headers"])
        return
    judge_refusal(row, answer.status, answer.code)
    assert answer.header("cache-control") == "no-store" and answer.header("vary") == "Origin"
    if "reason" in expect and answer.code:
        assert workerd.record(answer.json()["id"])["reason"] == expect["reason"]


def test_what_reaches_the_store(workerd):
    """Conditions and ranges; no other header of the client, and no redirect of the store is followed."""
    with Connection(workerd.origin) as connection:
        sent = {"Range": "bytes=0-1", "If-None-Match": '"x"', "X-Other": "1", "Authorization": "Bearer x", "Cookie": "edgepass=x", "X-Amz-Date": "1"}
        asked = connection.ask("/public/a%20b.txt?x=1", headers=sent).json()
        assert asked["path"] == "/public/a%20b.txt"
        assert set(asked["headers"]) <= {"host", "range", "if-none-match", "connection", "content-length"}, asked
        assert asked["headers"]["range"] == "bytes=0-1"
        assert connection.ask("/public/moved").status == 302
        assert connection.ask("/public/a.txt", method="HEAD").header("etag") == '"one"'


def test_methods_that_change_something(workerd):
    with Connection(workerd.origin) as connection:
        for method in ("PUT", "DELETE", "PATCH"):
            answer = connection.ask("/public/a.txt", method=method, body=b"")
            assert answer.status == 405, answer


def test_a_site_that_cannot_be_read_serves_nothing(directory, tmp_path):
    broken = assemble(tmp_path / "broken", directory / "site.json")
    (broken / "site.json").write_text("{}")
    with pytest.raises(AssertionError, match="site.json"):
        Workerd(broken, ["main"])


def test_no_store_is_no_answer_of_another(directory, tmp_path):
    """A bucket without a binding is answered 503, never from the first store."""
    alone = assemble(tmp_path / "alone", directory / "site.json")
    settings = json.loads((alone / "site.json").read_text())
    settings["site"]["routes"] = [
        {**route, "bucket": 1} if route["name"] == "public" else route for route in settings["site"]["routes"]
    ]
    settings["behaviours"] = [{"pattern": "/public/*", "bucket": 1}]
    (alone / "site.json").write_text(json.dumps(settings))
    with Workerd(alone, ["main"]) as workerd, Connection(workerd.origin) as connection:
        answer = connection.ask("/public/a.txt")
        assert (answer.status, answer.code) == (503, "overloaded")
