"""`credentials = "default"`: the AWS chain, with stand-ins of the metadata services and real files; and keys that change while
the gateway serves."""

import json
import re
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

from conftest import Workspace, s3_client
from http1 import ask
from processes import Process, free_port, run, wait_until

SECRET_OF_POD = "a token of the pod's"


class Services:
    """Container, instance and token services on one port, with the keys that are current."""

    def __init__(self):
        services = self
        self.keys, self.life, self.asked = None, timedelta(hours=1), []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                services.asked.append(self.path)
                if self.path == "/pod":
                    allowed = self.headers.get("Authorization") == SECRET_OF_POD
                    return self.say(200, services.document()) if allowed else self.say(401, "no")
                if self.headers.get("X-aws-ec2-metadata-token") != "session":
                    return self.say(401, "version 2 alone")
                if self.path == "/latest/meta-data/iam/security-credentials/":
                    return self.say(200, "gateway-role")
                if self.path == "/latest/meta-data/iam/security-credentials/gateway-role":
                    return self.say(200, services.document())
                self.say(404, "")

            def do_PUT(self):
                services.asked.append(self.path)
                good = self.path == "/latest/api/token" and self.headers.get("X-aws-ec2-metadata-token-ttl-seconds")
                self.say(200, "session") if good else self.say(400, "")

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                said = parse_qs(body or self.path.partition("?")[2])
                services.asked.append(said.get("Action", ["?"])[0])
                if said.get("WebIdentityToken") != ["the cluster's word"]:
                    return self.say(400, "<ErrorResponse><Error><Code>InvalidIdentityToken</Code></Error></ErrorResponse>")
                key, secret = services.keys
                self.say(200, f"""<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>
                    <AccessKeyId>{key}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey><SessionToken>t</SessionToken>
                    <Expiration>{services.end()}</Expiration></Credentials></AssumeRoleWithWebIdentityResult>
                    </AssumeRoleWithWebIdentityResponse>""")

            def say(self, status, body):
                body = body.encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def end(self):
        return (datetime.now(UTC) + self.life).strftime("%Y-%m-%dT%H:%M:%SZ")

    def document(self):
        key, secret = self.keys
        return json.dumps({"Code": "Success", "Type": "AWS-HMAC", "LastUpdated": "2026-01-01T00:00:00Z", "AccessKeyId": key,
                           "SecretAccessKey": secret, "Token": "t", "Expiration": self.end()})  # fmt: skip


@pytest.fixture
def services():
    services = Services()
    yield services
    services.server.shutdown()
    services.server.server_close()


class Store(Process):
    def __init__(self, directory, logs):
        self.dir, self.port = directory, free_port()
        super().__init__(logs, "store", "--dir", directory, "--listen", f"127.0.0.1:{self.port}")
        wait_until(lambda: "listens on" in self.output(), 20, "the store listens")
        access, secret = ((directory / name).read_text().strip() for name in ("access-key", "secret-key"))
        self.s3 = {"endpoint": f"http://127.0.0.1:{self.port}", "region": "us-east-1", "access_key": access, "secret_key": secret, "bucket": "files"}
        s3_client(self.s3).create_bucket(Bucket="files")

    def new_keys(self):
        made = run("store", "key", "new", "--dir", self.dir, check=0).stdout
        return re.findall(r"=(\S+)", made)[:2]

    def forget(self, access_key):
        run("store", "key", "remove", "--dir", self.dir, access_key, check=0)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    directory = tmp_path_factory.mktemp("store")
    store = Store(directory / "data", directory / "logs")
    yield store
    store.stop()


@pytest.fixture
def serve(site, dev, store, tmp_path):
    """A gateway with the AWS chain before that store, in an environment of its own."""

    def serve(**env):
        credentials = re.search(r"^credentials = .*$", site.text()[0], re.M)[0]
        uploads = re.search(r"^upload_credentials = .*$", site.text()[0], re.M)[0]
        return site.serve(
            (uploads + "\n", ""),
            (credentials, 'credentials = "default"'),
            (f'name = "{dev.s3["bucket"]}"', 'name = "files"'),
            endpoint=store.s3["endpoint"],
            env={"HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": "us-east-1", **env},
        )

    return serve


def reads(gateway, workspace, path=None):
    path = path or workspace.put(body=b"read with the chain's keys")
    answer = ask(gateway.origin, path, token=workspace.token())
    return answer.status == 200 and answer.body == b"read with the chain's keys"


@pytest.fixture
def workspace(keys, store):
    return Workspace(keys, s3_client(store.s3), "files")


def test_environment(serve, store, workspace):
    assert reads(serve(AWS_ACCESS_KEY_ID=store.s3["access_key"], AWS_SECRET_ACCESS_KEY=store.s3["secret_key"]), workspace)


def test_profile(serve, store, workspace, tmp_path):
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text(
        f"[default]\naws_access_key_id = wrong\naws_secret_access_key = wrong\n\n[files]\n"
        f"aws_access_key_id = {store.s3['access_key']}\naws_secret_access_key = {store.s3['secret_key']}\n"
    )
    assert reads(serve(AWS_PROFILE="files"), workspace)


def test_program(serve, store, workspace, tmp_path):
    (tmp_path / ".aws").mkdir()
    said = {"Version": 1, "AccessKeyId": store.s3["access_key"], "SecretAccessKey": store.s3["secret_key"]}
    (tmp_path / "keys.json").write_text(json.dumps(said))
    (tmp_path / ".aws" / "config").write_text(f"[default]\nregion = us-east-1\ncredential_process = cat {tmp_path}/keys.json\n")
    assert reads(serve(), workspace)


def test_container(serve, store, workspace, services, tmp_path):
    """EKS Pod Identity: an address and a file with a token."""
    services.keys = store.s3["access_key"], store.s3["secret_key"]
    (tmp_path / "pod-token").write_text(SECRET_OF_POD)
    gateway = serve(AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{services.origin}/pod", AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=f"{tmp_path}/pod-token")
    assert reads(gateway, workspace) and services.asked == ["/pod"]


def test_instance(serve, store, workspace, services):
    services.keys = store.s3["access_key"], store.s3["secret_key"]
    gateway = serve(AWS_EC2_METADATA_DISABLED="false", AWS_EC2_METADATA_SERVICE_ENDPOINT=services.origin)
    assert reads(gateway, workspace) and services.asked[0] == "/latest/api/token"


def test_web_identity(serve, store, workspace, services, tmp_path):
    """A service account's role on Kubernetes (IRSA)."""
    services.keys = store.s3["access_key"], store.s3["secret_key"]
    (tmp_path / "word").write_text("the cluster's word")
    gateway = serve(AWS_WEB_IDENTITY_TOKEN_FILE=f"{tmp_path}/word", AWS_ROLE_ARN="arn:aws:iam::123456789012:role/files", AWS_ENDPOINT_URL_STS=services.origin)
    assert reads(gateway, workspace) and services.asked == ["AssumeRoleWithWebIdentity"]


def test_none_at_all(site, dev, tmp_path):
    credentials = re.search(r"^credentials = .*$", site.text()[0], re.M)[0]
    text, _ = site.text((credentials, 'credentials = "default"'))
    (tmp_path / "edgepass.toml").write_text(text)
    env = {**site.secrets(), "HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true"}
    said = run("serve", "--config", tmp_path / "edgepass.toml", env=env, check=1).stderr
    for tried in ("environment variables", "web identity", "profile", "single sign-on", "program", "container", "instance"):
        assert tried in said, said
    assert "bucket `main`" in said


def test_keys_that_change(serve, store, workspace, services, tmp_path):
    """Renewed before they end; and where the store refuses them early, soon after. Nothing is started again."""
    services.keys, services.life = first, _ = store.new_keys(), timedelta(seconds=24)
    (tmp_path / "pod-token").write_text(SECRET_OF_POD)
    gateway = serve(AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{services.origin}/pod", AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=f"{tmp_path}/pod-token")
    assert reads(gateway, workspace)
    services.keys, services.life = store.new_keys(), timedelta(hours=1)
    wait_until(lambda: len(services.asked) == 2, 20, "the renewal")
    store.forget(first[0])
    time.sleep(1.2)  # the store takes note within a second
    assert reads(gateway, workspace), "with the second pair"

    second, services.keys = services.keys, store.new_keys()
    store.forget(second[0])
    path = workspace.put(body=b"read with the chain's keys")
    wait_until(lambda: ask(gateway.origin, path, token=workspace.token()).status == 200, 20, "the third pair")
    assert "credentials renewed" in gateway.output()


def test_a_service_that_is_away_for_a_while(serve, store, workspace, services, tmp_path):
    services.keys, services.life = (store.s3["access_key"], store.s3["secret_key"]), timedelta(seconds=24)
    (tmp_path / "pod-token").write_text(SECRET_OF_POD)
    gateway = serve(AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{services.origin}/pod", AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=f"{tmp_path}/pod-token")
    (tmp_path / "pod-token").write_text("another")
    wait_until(lambda: "credentials not renewed" in gateway.output(), 20, "the warning")
    assert reads(gateway, workspace), "what is there stays in use"
    (tmp_path / "pod-token").write_text(SECRET_OF_POD)
    wait_until(lambda: "credentials renewed" in gateway.output(), 20, "the recovery")
    assert gateway.output().count("credentials not renewed") == 1
