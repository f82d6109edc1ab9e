"""The browser package in three engines. One test for each check and engine; the checks are in `browsers/`."""

import re
import ssl
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent / "browsers"))

pytest.register_assert_rewrite("checks_show", "checks_tokens", "checks_uploads", "checks_windows", "lab")

from conftest import Workspace  # noqa: E402
import breakages  # noqa: E402
import certificates  # noqa: E402
from engines import ENGINES, Chromium  # noqa: E402
from lab import ROUNDS, SECURE_NAMES, Check, Lab, host_label  # noqa: E402
import checks  # noqa: E402
import tokens  # noqa: E402


BUCKET = "browsers"
# Seconds; a download of 400 MiB on a machine that is busy otherwise.
pytestmark = pytest.mark.timeout(240)


class Members(Workspace):
    def read(self, key):
        return self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()

    def uploads(self):
        """Those in parts that are neither completed nor aborted."""
        return self._s3.list_multipart_uploads(Bucket=self._bucket, Prefix=self.id).get("Uploads", [])

    def signed(self, **changes):
        """A token that has nothing to do with this workspace."""
        return self._keys.es256.sign(tokens.claims(**changes))


@dataclass
class Kind:
    name: str
    private: bool


KINDS = [Kind(name, private) for name in ENGINES for private in (False, True)]


@pytest.fixture(scope="module")
def serve_gateway(site, dev, bucket, tmp_path_factory):
    secret = tmp_path_factory.mktemp("secrets") / "uploads"
    secret.write_text("a secret of at least thirty-two bytes, for uploads")

    def serve(lab):
        hosts = [host_label(name, engine, round) for name in checks.ALL for engine in KINDS for round in range(len(ROUNDS))]
        origins = [lab.origin(f"{host}.{lab.domain}") for host in hosts]
        store = lab.origin(f"store.{lab.domain}", lab.store.port)
        return site.serve(
            *([("[listen]\n", '[listen]\ntls = "terminated"\n')] if lab.scheme == "https" else []),
            ("[site]\norigin =", f'[site]\norigin = "{lab.origin(f"files.{lab.domain}", lab.recorder.port)}" #'),
            (f'name = "{dev.s3["bucket"]}"', f'name = "{bucket}"'),
            ("[bucket.main]\n", f'[bucket.main]\nupload_endpoint = "{store}"\n'),
            ("[token]", f'[uploads]\nsecret_file = "{secret}"\n\n[token]'),
            ('max_size = "20 MiB"', 'max_size = "80 MiB"'),
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
def lab(serve_gateway, put, dev):
    lab = Lab(serve_gateway, put, dev.s3["endpoint"])
    yield lab
    lab.stop()


@pytest.fixture(scope="module")
def authority():
    return certificates.Authority()


@pytest.fixture(scope="module")
def secure_lab(serve_gateway, put, dev, authority, tmp_path_factory):
    files = certificates.write(tmp_path_factory.mktemp("certificate"), "lab", authority.issue(*SECURE_NAMES))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*files)
    lab = Lab(serve_gateway, put, dev.s3["endpoint"], tls)
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


@pytest.fixture(scope="module", params=[name for name in ENGINES if name != "webkit"])
def secure_engine(request, authority, tmp_path_factory):
    trusted = tmp_path_factory.mktemp("authority") / "authority.pem"
    trusted.write_bytes(authority.pem)
    with ENGINES[request.param](authority=trusted) as engine:
        yield engine


@pytest.fixture(scope="module")
def incognito():
    with Chromium(private=True) as engine:
        yield engine


@pytest.fixture
def run(keys, s3, bucket):
    running = []

    def run(name, engine, lab):
        check = Check(lab, engine, name, lambda: Members(keys, s3, bucket))
        running.append(check)
        checks.ALL[name](check)

    yield run
    for check in running:
        check.end()


@pytest.mark.parametrize("name", checks.ALL)
def test_check(run, lab, engine, name):
    run(name, engine, lab)


@pytest.mark.parametrize("name", checks.PRIVATE)
def test_21_in_private(run, lab, private_engine, name):
    run(name, private_engine, lab)


@pytest.mark.parametrize("name", checks.SECURE)
def test_by_https(run, secure_lab, secure_engine, name):
    run(name, secure_engine, secure_lab)


@pytest.mark.parametrize("name", breakages.ALL)
def test_a_broken_package_is_noticed(run, lab, incognito, tmp_path, name):
    broken = breakages.ALL[name]
    breakages.build(broken, tmp_path)
    whole, lab.dist = lab.dist, tmp_path
    try:
        # Without a lock two tabs collide often, not always.
        noticed = next(filter(None, (failure(run, broken.check, incognito, lab) for _ in range(3))), None)
    finally:
        lab.dist = whole
    assert noticed, "three times nothing was noticed"
    assert re.search(broken.says, str(noticed)), noticed


def failure(run, name, engine, lab):
    engine.fresh()
    try:
        run(name, engine, lab)
    except (AssertionError, TimeoutError) as error:
        return error
    return None
