"""The rows of `cases/` about uploads put to the regional function: the same answers as the gateway gives."""

import json
import re
import time

import pytest

from case_rows import UUID4, judge_refusal, make_question, read_rows
from edge_function import package_cases
from lambda_emulator import Lambda
from test_lambda import SECRET, api_event

ROWS = [
    row
    for row in read_rows()
    if row.values[0].get("only") != "decider" and row.values[0].get("action") == "upload"
]


@pytest.fixture(scope="module")
def function(tmp_path_factory):
    directory = tmp_path_factory.mktemp("regional")
    _, regional = package_cases(directory)
    env = {"EDGEPASS_ORIGIN_SECRET": SECRET, "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}
    with Lambda([regional / "bootstrap"], regional, directory / "log", env=env) as function:
        yield function


@pytest.mark.parametrize("row", ROWS)
def test_row(row, function):
    question = make_question(row, int(time.time()))
    path, _, query = question.target.partition("?")
    headers, cookies = {}, []
    for name, value in question.headers:
        if name.lower() == "cookie":
            cookies.append(value)
        else:
            # API Gateway puts several fields of one name together, with commas.
            headers[name.lower()] = f"{headers[name.lower()]},{value}" if name.lower() in headers else value
    answer = function.invoke(api_event(question.method, path, headers, question.body, cookies, query))
    expect, body = row["expect"], json.loads(answer["body"]) if answer["body"] else {}
    if not expect.get("allowed"):
        judge_refusal(row, answer["statusCode"], body.get("error"))
        return
    assert answer["statusCode"] == 201, answer
    pattern = re.escape(expect["key"]).replace(re.escape("{uuid}"), UUID4)
    assert re.fullmatch(pattern, body["key"]), body["key"]
