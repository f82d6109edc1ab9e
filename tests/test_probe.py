"""The probe of `tests/probe/` against the store behind the gateways. What a store does otherwise than S3 stands in
`probe/differences/` with its reason: a new difference fails here, and so does one that is no more."""

import sys
import tomllib
from pathlib import Path

import pytest

from conftest import ORIGIN

HERE = Path(__file__).parent / "probe"
sys.path.insert(0, str(HERE))

from bench import Bench  # noqa: E402: beside, in probe/
from registry import all_checks, outcome  # noqa: E402
from s3 import S3  # noqa: E402

CHECKS = all_checks()
DIFFERENCES = tomllib.loads((HERE / "differences" / f"{ORIGIN}.toml").read_text())


@pytest.fixture(scope="session")
def server(dev):
    with S3(dev.s3["endpoint"], dev.s3["access_key"], dev.s3["secret_key"], dev.s3["region"]) as server:
        yield server


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_probe(server, check):
    wrong, reason = outcome(check, server), DIFFERENCES.get(check.name)
    if reason:
        assert wrong, f"no longer different: take it out of differences/{ORIGIN}.toml"
    else:
        assert wrong is None, f"{check.says}\n  {wrong}"


@pytest.mark.timeout(600)
@pytest.mark.skipif(ORIGIN == "ceph", reason="what the probe notices does not depend on the store")
def test_every_check_notices_a_break_and_every_break_is_noticed(dev, capfd):
    """A proxy makes the store wrong in one place at a time: probe/breaks.py."""
    with Bench(dev.s3["endpoint"], dev.s3["access_key"], dev.s3["secret_key"], dev.s3["region"]) as bench:
        assert bench.faults(tomllib.loads((HERE / "breaks.toml").read_text())) == []


def test_each_difference_has_a_check_and_a_reason():
    assert set(DIFFERENCES) <= {check.name for check in CHECKS}
    assert all(len(reason) > 10 for reason in DIFFERENCES.values())
