"""What the tests share: one running `dev`, gateways on configurations of their own, one workspace for each test."""

import contextlib
import itertools
import json
import os
import resource
import uuid
from dataclasses import dataclass, field

import boto3
import pytest
from botocore.config import Config

import tokens
from ceph import Ceph
from middleman import Middleman
from not_on_ceph import NOT_ON_CEPH
from processes import BINARY, ROOT, Dev, Gateway, free_port

APP = "https://app.example.com"

# What stands behind the gateways: the store of `dev`, or a Ceph RGW, started for the run.
ORIGIN = os.environ.get("EDGEPASS_ORIGIN", "store")

# `tests/` starts from what interface.md calls the ordinary configuration. Tests change it by replacing text.
SITE = """\
[listen]
http = "127.0.0.1:{port}"
admin = "127.0.0.1:{admin}"

[site]
origin = "http://127.0.0.1:{port}"
apps = ["https://app.example.com"]

[bucket.main]
endpoint = "{endpoint}"
region = "{region}"
name = "{bucket}"
credentials = {{ access_key_env = "TEST_ACCESS_KEY", secret_key_env = "TEST_SECRET_KEY" }}
upload_credentials = {{ access_key_env = "TEST_UPLOAD_ACCESS_KEY", secret_key_env = "TEST_UPLOAD_SECRET_KEY" }}

[issuer.app]
issuer = "https://app.example.com"
audience = "files"
jwks_file = "{jwks}"
algorithms = ["ES256", "RS256", "EdDSA"]
may = ["read", "upload"]
max_age = "24h"

[token]
from = ["header", "cookie:edgepass", "query:authorization"]

[[route]]
name = "files"
path = "/{{workspace:uuid}}/{{file:uuid}}/{{name...}}"
bucket = "main"
key = "{{workspace}}/{{file}}/{{name}}"
allow = [
  {{ action = "read", claims = {{ workspace = "{{workspace}}" }} }},
  {{ action = "read", claims = {{ "members.{{workspace}}" = ["owner", "editor", "reader"] }} }},
  {{ action = "upload", issuer = "app", claims = {{ "members.{{workspace}}" = ["owner", "editor"] }} }},
]
upload = {{ fill = {{ file = "{{uuid}}", name = "{{filename}}" }}, max_size = "20 MiB", types = ["image/*", "text/plain", "application/pdf"] }}

[[route]]
name = "public"
path = "/public/{{name...}}"
bucket = "main"
allow = [{{ action = "read", anyone = true }}]

[cache]
memory = "256 MiB"
ttl = "5m"
"""


def pytest_configure(config):
    # Ten thousand sockets in test_limits.py.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 16384), hard))


def pytest_sessionstart(session):
    if not BINARY.exists():
        pytest.exit(f"{BINARY} is missing: run `cargo build --release` first", 2)
    if ORIGIN not in ("store", "ceph"):
        pytest.exit(f"EDGEPASS_ORIGIN is `store` or `ceph`, not `{ORIGIN}`", 2)


def pytest_collection_modifyitems(items):
    if ORIGIN == "ceph":
        for item in items:
            if reason := NOT_ON_CEPH.get(f"{item.path.name}::{item.name}"):
                item.add_marker(pytest.mark.skip(reason=reason))


def pytest_collection_finish(session):
    if ORIGIN == "ceph":
        files, names = {item.path.name for item in session.items}, {f"{item.path.name}::{item.name}" for item in session.items}
        unknown = [name for name in NOT_ON_CEPH if name.split("::")[0] in files and name not in names]
        if unknown and not session.config.option.keyword and not any("::" in word for word in session.config.args):
            pytest.exit(f"not_on_ceph.py names no test: {', '.join(unknown)}", 2)


@pytest.fixture(scope="session")
def dev(tmp_path_factory):
    """`edgepass dev` for the whole run. With EDGEPASS_ORIGIN=ceph its `s3` is a bucket in RGW, with the same CORS rule."""
    directory = tmp_path_factory.mktemp("dev")
    with contextlib.ExitStack() as ends:
        running = ends.enter_context(Dev(directory / "data", directory / "logs"))
        if ORIGIN == "ceph":
            ceph = ends.enter_context(Ceph())
            running.s3 = bucket_like(running.s3, ceph.s3)
        yield running


def bucket_like(model, s3):
    """A bucket of the same name and CORS rules in another store."""
    said, name = {**s3, "bucket": model["bucket"]}, model["bucket"]
    rules = s3_client(model).get_bucket_cors(Bucket=name)["CORSRules"]
    client = s3_client(said)
    client.create_bucket(Bucket=name)
    client.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": rules})
    # The policy that the guide gives, as it is written there.
    guide = (ROOT / "docs" / "guides" / "ceph.md").read_text()
    policy = guide.split("cat > policy.json <<'END'\n")[1].split("\nEND\n")[0]
    client.put_bucket_policy(Bucket=name, Policy=policy.replace("acme-user-files", name))
    return said


@pytest.fixture(scope="session")
def bucket(dev):
    """Where the files are: endpoint, region, keys, and the bucket's name as `bucket`."""
    return dev.s3


@pytest.fixture(scope="session")
def s3(dev):
    return s3_client(dev.s3)


def s3_client(s3, **changes):
    said = {**s3, **changes}
    return boto3.client(
        "s3",
        endpoint_url=said["endpoint"],
        region_name=said["region"],
        aws_access_key_id=said["access_key"],
        aws_secret_access_key=said["secret_key"],
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )


@dataclass
class Keys:
    """The keys of the issuer that the tests play."""

    es256: tokens.SigningKey = field(default_factory=lambda: tokens.SigningKey.new("ES256", "es"))
    rs256: tokens.SigningKey = field(default_factory=lambda: tokens.SigningKey.new("RS256", "rs"))
    eddsa: tokens.SigningKey = field(default_factory=lambda: tokens.SigningKey.new("EdDSA", "ed"))

    def jwks(self):
        return json.dumps({"keys": [self.es256.jwk(), self.rs256.jwk(), self.eddsa.jwk()]})


@pytest.fixture(scope="session")
def keys():
    return Keys()


class Site:
    """Starts gateways in front of the store of `dev`."""

    def __init__(self, dev, keys, directory):
        self._dev, self._keys, self._directory = dev, keys, directory
        self._running = []
        self._numbers = itertools.count(1)

    def serve(self, *edits, endpoint=None, env=None):
        """A gateway on SITE after the edits: pairs of text to find and text to put there."""
        directory = self._directory / str(next(self._numbers))
        directory.mkdir()
        text, settings = self.text(*edits, endpoint=endpoint, directory=directory)
        gateway = Gateway(directory, text, env={**self.secrets(), **(env or {})}, **settings)
        self._running.append(gateway)
        return gateway

    def again(self, gateway):
        """The same configuration in a new process; the one before has ended."""
        directory = self._directory / str(next(self._numbers))
        text, env = gateway.config.read_text(), self.secrets()
        again = Gateway(directory, text, origin=gateway.origin, admin=gateway.admin, env=env)
        self._running.append(again)
        return again

    def text(self, *edits, endpoint=None, directory=None):
        directory = directory or self._directory
        jwks = directory / "jwks.json"
        jwks.write_text(self._keys.jwks())
        port, admin = free_port(), free_port()
        s3 = self._dev.s3
        text = SITE.format(
            port=port,
            admin=admin,
            endpoint=endpoint or s3["endpoint"],
            region=s3["region"],
            bucket=s3["bucket"],
            jwks=jwks,
        )
        for old, new in edits:
            assert old in text, f"nothing to edit: {old}"
            text = text.replace(old, new)
        return text, {"origin": f"http://127.0.0.1:{port}", "admin": f"http://127.0.0.1:{admin}"}

    def secrets(self):
        s3 = self._dev.s3
        return {
            "TEST_ACCESS_KEY": s3["access_key"],
            "TEST_SECRET_KEY": s3["secret_key"],
            # The embedded store refuses headers that nobody signed: one pair does for it.
            "TEST_UPLOAD_ACCESS_KEY": s3.get("upload_access_key", s3["access_key"]),
            "TEST_UPLOAD_SECRET_KEY": s3.get("upload_secret_key", s3["secret_key"]),
        }

    def stop(self):
        for gateway in self._running:
            gateway.stop()


@pytest.fixture(scope="session")
def site(dev, keys, tmp_path_factory):
    site = Site(dev, keys, tmp_path_factory.mktemp("site"))
    yield site
    site.stop()


@pytest.fixture(scope="session")
def middleman(dev):
    middleman = Middleman(dev.s3["endpoint"])
    yield middleman
    middleman.stop()


@pytest.fixture(scope="session")
def gateway(site, middleman):
    """The ordinary gateway, with the counting proxy between it and the store."""
    return site.serve(endpoint=middleman.endpoint)


@pytest.fixture
def own_middleman(dev):
    """A proxy for a test that holds answers or makes faults."""
    middleman = Middleman(dev.s3["endpoint"])
    yield middleman
    middleman.stop()


class Workspace:
    """A workspace that no other test touches: its objects, its members' tokens."""

    def __init__(self, keys, s3, bucket):
        self.id = str(uuid.uuid4())
        self._keys, self._s3, self._bucket = keys, s3, bucket

    def put(self, name="a.txt", body=b"some bytes", **options):
        """Puts an object straight into the store. Gives its path on the files origin, unescaped."""
        key = f"{self.id}/{uuid.uuid4()}/{name}"
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=body, **options)
        return f"/{key}"

    def overwrite(self, path, body, **options):
        self._s3.put_object(Bucket=self._bucket, Key=path[1:], Body=body, **options)

    def token(self, role="reader", *, key=None, **changes):
        """An account's token which lists this workspace among its memberships."""
        members = {self.id: role}
        return (key or self._keys.es256).sign(tokens.claims(**{"members": members, **changes}))

    def scoped_token(self, **changes):
        """A token of this workspace alone."""
        return self._keys.es256.sign(tokens.claims(**{"workspace": self.id, **changes}))


@pytest.fixture
def workspace(keys, s3, dev):
    return Workspace(keys, s3, dev.s3["bucket"])


@pytest.fixture
def other_workspace(keys, s3, dev):
    return Workspace(keys, s3, dev.s3["bucket"])
