"""The rows of `cases/` put to the packaged viewer-request function: the same answers as the authorizer and the gateway give."""

import json
import time

import pytest

from case_rows import CASES, MORE, bucket_of, judge_refusal, make_question, read_rows, uri_of
from edge_function import Function, event, package_cases

# Uploads are the regional function's; they never reach this one.
def rows_of(directory):
    rows = ((row, row.values[0]) for row in read_rows(directory))
    return [param for param, row in rows if row.get("only") != "decider" and row.get("action", "read") == "read"]


ROWS, MORE_ROWS = rows_of(CASES), rows_of(MORE)


@pytest.fixture(scope="module")
def function(tmp_path_factory):
    edge, _ = package_cases(tmp_path_factory.mktemp("edge"))
    with Function(edge) as function:
        yield function


@pytest.fixture(scope="module")
def function_of_more(tmp_path_factory):
    edge, _ = package_cases(tmp_path_factory.mktemp("more"), MORE)
    with Function(edge) as function:
        yield function


@pytest.mark.parametrize("row", ROWS)
def test_row(row, function):
    compare(row, function)


@pytest.mark.parametrize("row", MORE_ROWS)
def test_row_of_more(row, function_of_more):
    compare(row, function_of_more)


def compare(row, function):
    question = make_question(row, int(time.time()))
    asked = event(question.method, question.target, question.headers)
    answer = function.ask(asked)
    expect = row["expect"]
    if expect.get("allowed"):
        assert "status" not in answer, answer
        if bucket_of(expect) == "main":
            assert answer["uri"] == uri_of(expect["key"])
        assert answer["querystring"] == ""
        assert not {"authorization", "cookie"} & set(answer["headers"])
        return
    body = json.loads(answer["body"]) if answer.get("body") else {}
    judge_refusal(row, int(answer["status"]), body.get("error"))
    header = {name: fields[0]["value"] for name, fields in answer["headers"].items()}
    assert header["cache-control"] == "no-store" and header["vary"] == "Origin"
    if "reason" in expect:
        logged = json.loads(function.log[-1]) if function.log else {}
        # The log comes by another pipe, perhaps a moment later.
        deadline = time.monotonic() + 5
        while logged.get("reason") != expect["reason"] and time.monotonic() < deadline:
            time.sleep(0.002)
            logged = json.loads(function.log[-1]) if function.log else {}
        assert logged["reason"] == expect["reason"]
