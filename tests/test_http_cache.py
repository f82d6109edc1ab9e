"""The suite of cache-tests.fyi: what HTTP asks of shared caches (RFC 9111), as far as a cache before a bucket can be asked."""

import json
import subprocess
import tomllib

import pytest

from processes import ROOT

SUITE = ROOT / "tests" / "cache-tests"

# What the suite's origin sends besides the headers of every object. A site names its own: `x-amz-meta-…`.
PASSED = ["a", "b", "c", "capability-seen", "client-request-count", "content-foo", "content-location", "content-md5", "pragma",
          "request-numbers", "server-base-url", "server-now", "server-request-count", "template-a", "test-header", "x-content-foo",
          "x-test-header"]  # fmt: skip

ROUTE = """\
[[route]]
name = "suite"
path = "/test/{name...}"
bucket = "suite"
allow = [{ action = "read", anyone = true }]

[cache]
"""

BUCKET = """\
[bucket.suite]
endpoint = "%s"
region = "us-east-1"
name = "suite"
credentials = { access_key_env = "TEST_ACCESS_KEY", secret_key_env = "TEST_SECRET_KEY" }
headers = %s

[issuer.app]
"""


@pytest.fixture(scope="module")
def outcome(site, workspace_of_module):
    with subprocess.Popen(["node", "run.mjs"], cwd=SUITE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        endpoint = json.loads(running.stdout.readline())["endpoint"]
        bucket = BUCKET % (endpoint, json.dumps(PASSED))
        # Nothing of the site's own: the suite asks what is done with what an answer itself says.
        times = ('ttl = "5m"', 'ttl = "0s"\nstale_if_error = "0s"')
        gateway = site.serve(("[issuer.app]\n", bucket), ("[cache]\n", ROUTE), times)
        running.stdin.write(json.dumps({"gateway": gateway.origin, "token": workspace_of_module.token()}) + "\n")
        running.stdin.flush()
        told = json.loads(running.stdout.readline())
        (ROOT / "test-results").mkdir(exist_ok=True)
        (ROOT / "test-results" / "http-cache.json").write_text(json.dumps(told, indent=1))
        return told


@pytest.fixture(scope="module")
def workspace_of_module(keys, s3, dev):
    from conftest import Workspace

    return Workspace(keys, s3, dev.s3["bucket"])


@pytest.fixture(scope="module")
def explained():
    """By test, why it does not apply, and why it fails."""
    table = tomllib.loads((SUITE / "explained.toml").read_text())
    return {
        kind: {test: group["reason"] for group in table[kind] for test in group["tests"]} for kind in ("not_applicable", "fails")
    }


def passed(outcome, explained, kind, of="verdicts"):
    """Of the tests that apply: those passed, and all."""
    tests = [test for test, of_kind in outcome["kinds"].items() if of_kind == kind and test not in explained["not_applicable"]]
    return [test for test in tests if outcome[of].get(test) == "pass"], tests


def test_what_fails_is_explained_and_what_is_explained_fails(outcome, explained):
    judged = {test: verdict for test, verdict in outcome["verdicts"].items() if outcome["kinds"][test] != "check"}
    failed = {test for test, verdict in judged.items() if verdict != "pass" and test not in explained["not_applicable"]}
    newly = {test: outcome["said"].get(test, judged[test]) for test in failed - set(explained["fails"])}
    assert newly == {}, "these fail and are not explained"
    assert set(explained["fails"]) - failed == set(), "these are explained and pass"
    unknown = (set(explained["fails"]) | set(explained["not_applicable"])) - set(outcome["kinds"])
    assert unknown == set(), "no such test"


def test_as_many_as_traffic_server(outcome, explained, record_property):
    for kind in ("required", "optimal"):
        (ours, all_of), (theirs, _) = passed(outcome, explained, kind), passed(outcome, explained, kind, of="peer")
        print(f"{kind}: {len(ours)} of {len(all_of)}, Traffic Server {len(theirs)}")
        record_property(kind, f"{len(ours)} of {len(all_of)}")
        if kind == "required":
            assert len(ours) >= len(theirs)
            assert len(ours) >= 0.94 * len(all_of)


def test_the_whole_suite_is_counted(outcome, record_property):
    for kind in ("required", "optimal", "check"):
        tests = [test for test, of_kind in outcome["kinds"].items() if of_kind == kind]
        record_property(f"whole {kind}", f"{sum(outcome['verdicts'].get(t) == 'pass' for t in tests)} of {len(tests)}")
    assert set(outcome["verdicts"]) == set(outcome["kinds"]), "every test was run"
