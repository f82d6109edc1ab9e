"""The reference authorizer against the rows of `cases/`, and against Edgepass on random requests: see docs/testing.md."""

import itertools
import time

import pytest

from case_rows import make_question, read_rows
from reference import authorizer, differential, jws, patterns, rows
from reference.authorizer import Allowed, Denied, Request
from reference.cases import case_site, is_decidable
from reference.sites import Generated

ROWS = [row for row in read_rows() if is_decidable(row.values[0])]


@pytest.fixture(scope="module")
def site():
    return case_site()


@pytest.mark.parametrize("row", ROWS)
def test_row(row, site):
    now = int(time.time())
    question = make_question(row, now)
    headers = (("host", "files.example.com"), *map(tuple, question.headers))
    answer = site.decide(Request(question.method, question.target, headers), now)
    expect = row["expect"]
    if expect.get("allowed"):
        assert isinstance(answer, Allowed), answer
        assert (answer.rule, answer.key) == (expect["rule"], expect["key"])
        assert expect.get("route") in (None, answer.route) and expect.get("bucket") in (None, answer.bucket)
        return
    assert isinstance(answer, Denied), answer
    assert answer.answers() == {(expect["status"], expect["code"])}
    assert expect.get("reason") is None or expect["reason"] in answer.reasons


@pytest.fixture
def comparison():
    comparison = differential.Comparison()
    yield comparison
    comparison.stop()


def test_generated_requests(comparison):
    differential.run(comparison, 20_000, seed=0)
    assert not comparison.differences, differential.told(comparison)
    assert comparison.outcomes["allowed"] > 2000
    assert differential.never(comparison) == []


SEGMENTS = "{p} {p:uuid} {p:int} {p:date} {p:slug} {p...} v{p} v{p:int} v1{p} {p}.png 42 2026-11-22".split()
PATHS = (
    "2026-11-22 42 v42 v1 v14 a.png v1.png 11111111-1111-4111-8111-111111111111 x v- a/b v ..png .png v. v1.".split()
)


def test_every_pair_of_patterns(comparison):
    taken = 0
    for pair in itertools.permutations(SEGMENTS, 2):
        rows = [{"action": "read", "anyone": True}]
        routes = [{"name": text, "path": f"/{text}", "bucket": "main", "allow": rows} for text in pair]
        config = {"token": {"from": ["header"]}, "bucket": {"main": {}}, "issuer": {}, "route": routes}
        site = Generated(config, keys={}, behaviours=[])
        if comparison.open(site):
            taken += 1
            comparison.compare(site, [(0, plain_question(f"/{path}")) for path in PATHS])
    assert not comparison.differences, differential.told(comparison)
    assert taken == 116  # the others overlap, and neither is more special


def plain_question(path):
    return {"method": "GET", "uri": path, "querystring": "", "headers": {"host": [{"value": "files.example.com"}]}}


@pytest.mark.parametrize(
    ("place", "name", "wrong"),
    [
        (authorizer, "LONGEST_KEY", 1025),
        (jws, "LONGEST_KID", 255),
        (jws, "TYPES", {"jwt", "at+jwt"}),
        (patterns, "_RANK", {None: 0, "uuid": 1, "int": 2, "date": 3, "slug": 4}),
        (rows, "DAYS", ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]),
        (rows, "same", lambda wanted, claim: wanted == claim),
        (authorizer, "EXPIRED", ()),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_small_mistake_is_found(comparison, monkeypatch, place, name, wrong):
    monkeypatch.setattr(place, name, wrong)
    differential.run(comparison, 20_000, seed=0, most=1)
    assert comparison.differences
