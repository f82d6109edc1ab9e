"""The browser package in three engines. One test for each check and engine; the checks are in `browsers/`."""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent / "browsers"))

pytest.register_assert_rewrite("checks_show", "checks_tokens", "checks_windows", "lab")

from conftest import Workspace  # noqa: E402
import breakages  # noqa: E402
from engines import ENGINES, Chromium  # noqa: E402
from lab import ROUNDS, Check, Lab, host_label  # noqa: E402
import checks  # noqa: E402
import tokens  # noqa: E402


BUCKET = "browsers"
# Seconds; a download of 400 MiB on a machine that is busy otherwise.
pytestmark = pytest.mark.timeout(240)


class Members(Workspace):
    def read(self, key):
        return self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()

    def signed(self, **changes):
        """A token that has nothing to do with this workspace."""
        return self._keys.es256.sign(tokens.claims(**changes))


@dataclass
class Kind:
    name: str
    private: bool


KINDS = [Kind(name, private) for name in ENGINES for private in (False, True)]


@pytest.fixture(scope="module")
def serve_gateway(site, dev, bucket):
    def serve(lab):
        hosts = [host_label(name, engine, round) for name in checks.ALL for engine in KINDS for round in range(len(ROUNDS))]
        origins = [f"http://{host}.lab.localhost:{lab.port}" for host in hosts]
        return site.serve(
            ("[site]\norigin =", f'[site]\norigin = "http://files.lab.localhost:{lab.recorder.port}" #'),
            (f'name = "{dev.s3["bucket"]}"', f'name = "{bucket}"'),
            ('apps = ["https://app.example.com"]', f"apps = {origins}".replace("'", '"')),
        )

    return serve


@pytest.fixture(scope="module")
def bucket(s3):
    """One of its own: uploads come from the pages of this test."""
    s3.create_bucket(Bucket=BUCKET)
    rule = {"AllowedOrigins": ["*"], "AllowedMethods": ["PUT", "POST"], "AllowedHeaders": ["*"], "ExposeHeaders": ["ETag"]}
    s3.put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": [rule]})
    return BUCKET


@pytest.fixture(scope="module")
def put(s3, bucket):
    return lambda key, file: s3.put_object(Bucket=bucket, Key=key, Body=file)


@pytest.fixture(scope="module")
def lab(serve_gateway, put):
    lab = Lab(serve_gateway, put)
    yield lab
    lab.stop()


@pytest.fixture(scope="module", params=ENGINES)
def engine(request):
    with ENGINES[request.param]() as engine:
        yield engine


@pytest.fixture(scope="module", params=[name for name in ENGINES if name != "webkit"])
def private_engine(request):
    with ENGINES[request.param](private=True) as engine:
        yield engine


@pytest.fixture(scope="module")
def incognito():
    with Chromium(private=True) as engine:
        yield engine


@pytest.fixture
def run(lab, keys, s3, bucket):
    running = []

    def run(name, engine):
        check = Check(lab, engine, name, lambda: Members(keys, s3, bucket))
        running.append(check)
        checks.ALL[name](check)

    yield run
    for check in running:
        check.end()


@pytest.mark.parametrize("name", checks.ALL)
def test_check(run, engine, name):
    run(name, engine)


@pytest.mark.parametrize("name", checks.PRIVATE)
def test_21_in_private(run, private_engine, name):
    run(name, private_engine)


@pytest.mark.parametrize("name", breakages.ALL)
def test_a_broken_package_is_noticed(run, lab, incognito, tmp_path, name):
    broken = breakages.ALL[name]
    breakages.build(broken, tmp_path)
    whole, lab.dist = lab.dist, tmp_path
    try:
        # Without a lock two tabs collide often, not always.
        noticed = next(filter(None, (failure(run, broken.check, incognito) for _ in range(3))), None)
    finally:
        lab.dist = whole
    assert noticed, "three times nothing was noticed"
    assert re.search(broken.says, str(noticed)), noticed


def failure(run, name, engine):
    engine.fresh()
    try:
        run(name, engine)
    except (AssertionError, TimeoutError) as error:
        return error
    return None
