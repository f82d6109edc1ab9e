"""`refresh_keys`: the function fetches key sets beside the requests, and a bad one changes nothing."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from edge_function import Function, event, package
from lambda_emulator import Lambda
from processes import run
from test_lambda import SECRET, api_event
from tokens import SigningKey, claims

WORKSPACE = "11111111-1111-4111-8111-111111111111"
PATH = f"/{WORKSPACE}/aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa/a.txt"


class Provider:
    """An identity provider's key set, and how it answers."""

    def __init__(self):
        self.body, self.status, self.delay, self.asked = b"{}", 200, 0, 0
        self.pages = {}  # what else than `body` a path has
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                provider.asked += 1
                time.sleep(provider.delay)
                self.send_response(provider.status)
                if provider.status == 302:
                    self.send_header("Location", "/elsewhere")
                body = provider.pages.get(self.path, provider.body)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:
                    pass  # the function gave up

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/jwks.json"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def publish(self, *keys):
        self.body = json.dumps({"keys": [key.jwk() for key in keys]}).encode()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def provider():
    provider = Provider()
    yield provider
    provider.stop()


@pytest.fixture
def old():
    return SigningKey.new("ES256", "old")


@pytest.fixture
def function(provider, old, site, tmp_path):
    """With keys of a moment ago, which are asked for again at each request."""
    provider.publish(old)
    text, _ = site.text(directory=tmp_path)
    lines = [f'jwks_url = "{provider.url}"' if line.startswith("jwks_file") else line for line in text.splitlines()]
    config = tmp_path / "edgepass.toml"
    config.write_text("\n".join(lines) + '\n[aws]\nstack = "keys"\nrefresh_keys = "60s"\n')
    unpacked, _ = package(config, tmp_path / "out")
    settings = json.loads((unpacked / "site.json").read_text())
    assert settings["refresh"] == {"seconds": 60, "urls": [provider.url]}
    settings["refresh"]["seconds"] = 0
    (unpacked / "site.json").write_text(json.dumps(settings))
    with Function(unpacked) as function:
        yield function


def asks(function, key):
    token = key.sign(claims(workspace=WORKSPACE))
    answer = function.ask(event("GET", PATH, [("Authorization", f"Bearer {token}")]))
    return answer.get("status", "on")


def becomes(function, key, wanted, within=5):
    """The fetch runs beside the requests: a later one sees it."""
    deadline = time.monotonic() + within
    while (found := asks(function, key)) != wanted:
        assert time.monotonic() < deadline, f"{found}, not {wanted}"
        time.sleep(0.02)


def test_a_new_key_is_found_and_a_removed_one_is_gone(function, provider, old):
    new = SigningKey.new("ES256", "new")
    assert asks(function, old) == "on"
    assert asks(function, new) == "401"
    provider.publish(old, new)
    becomes(function, new, "on")
    assert asks(function, old) == "on"
    provider.publish(new)
    becomes(function, old, "401")
    assert asks(function, new) == "on"


@pytest.mark.parametrize("body", [b"", b"rubbish", b"{}", b'{"keys":[]}', b" " * 70_000, b'{"keys":[{"kty":"EC","crv":"P-256","x":"' + b"A" * 43 + b'","y":"' + b"A" * 43 + b'","kid":"old","alg":"ES256"}]}'])
def test_a_bad_set_changes_nothing(function, provider, old, body):
    provider.body = body
    before = provider.asked
    deadline = time.monotonic() + 5
    while provider.asked < before + 3 and time.monotonic() < deadline:
        assert asks(function, old) == "on"
        time.sleep(0.01)
    assert provider.asked >= before + 3
    time.sleep(0.1)
    assert asks(function, old) == "on"
    assert any("keys not refreshed" in line for line in function.log)


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_bad_status_changes_nothing(function, provider, old, status):
    provider.status, provider.body = status, b'{"keys":[]}'
    for _ in range(5):
        assert asks(function, old) == "on"
        time.sleep(0.02)
    assert any("keys not refreshed" in line for line in function.log)


def test_a_slow_provider_is_waited_for_a_moment_and_no_longer(function, provider, old):
    provider.delay = 8
    started = time.monotonic()
    assert asks(function, old) == "on"
    assert time.monotonic() - started < 4


def test_a_key_that_openssl_cannot_read_leaves_both_old_ones(function, provider, old):
    other = SigningKey.new("ES256", "other")
    provider.publish(old, other)
    becomes(function, other, "on")
    jwks = json.loads(provider.body)
    jwks["keys"].append({"kty": "EC", "crv": "P-256", "x": "A" * 43, "y": "A" * 43, "kid": "off", "alg": "ES256"})
    provider.body = json.dumps(jwks).encode()
    for _ in range(3):
        assert asks(function, old) == asks(function, other) == "on"
    assert any("keys not refreshed" in line for line in function.log)


def test_a_new_instance_does_not_honour_what_was_withdrawn(function, provider, old, tmp_path):
    """Its package has the old key; its first request asks."""
    provider.publish(SigningKey.new("ES256", "new"))
    with Function(tmp_path / "out" / "edge") as fresh:
        assert asks(fresh, old) == "401"


def test_it_asks_once_a_period(provider, old, function, tmp_path):
    unpacked = tmp_path / "out" / "edge"
    settings = json.loads((unpacked / "site.json").read_text())
    settings["refresh"]["seconds"] = 3600
    (unpacked / "site.json").write_text(json.dumps(settings))
    before = provider.asked
    with Function(unpacked) as fresh:
        for _ in range(20):
            assert asks(fresh, old) == "on"
    assert provider.asked == before + 1


def test_the_regional_function_follows_as_well(provider, old, function, tmp_path):
    directory = tmp_path / "out" / "regional"
    settings = json.loads((directory / "site.json").read_text())
    assert settings["refresh"] == {"seconds": 60, "urls": [provider.url]}
    settings["refresh"]["seconds"] = 0
    (directory / "site.json").write_text(json.dumps(settings))
    env = {"EDGEPASS_ORIGIN_SECRET": SECRET, "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}
    new = SigningKey.new("ES256", "new")

    def status(key):
        headers = {"authorization": f"Bearer {key.sign(claims(workspace=WORKSPACE))}"}
        return regional.invoke(api_event("GET", "/_edgepass/session", headers))["statusCode"]

    with Lambda([directory / "bootstrap"], directory, tmp_path / "regional.log", env=env) as regional:
        assert (status(old), status(new)) == (200, 401)
        provider.publish(old, new)
        assert (status(old), status(new)) == (200, 200)
        provider.body = b"rubbish"
        assert (status(old), status(new)) == (200, 200)
        provider.publish(new)
        assert (status(old), status(new)) == (401, 200)


def test_discovery_is_done_when_the_package_is_made(provider, old, site, tmp_path):
    """The functions have the keys, and the address that the document named."""
    provider.publish(old)
    jwks, origin = provider.body, provider.url.removesuffix("/jwks.json")
    document = json.dumps({"issuer": origin, "jwks_uri": f"{origin}/keys"}).encode()
    text, _ = site.text(directory=tmp_path)
    text = text.replace(f'jwks_file = "{tmp_path}/jwks.json"', "discovery = true")
    text = text.replace('issuer = "https://app.example.com"', f'issuer = "{origin}"')
    config = tmp_path / "edgepass.toml"
    config.write_text(f'{text}\n[aws]\nstack = "keys"\nrefresh_keys = "60s"\n')
    provider.pages = {"/.well-known/openid-configuration": document, "/keys": jwks}
    unpacked, _ = package(config, tmp_path / "out")
    settings = json.loads((unpacked / "site.json").read_text())
    assert [key["kid"] for key in settings["keys"][0]] == ["old"]
    assert settings["refresh"] == {"seconds": 60, "urls": [f"{origin}/keys"]}
    provider.pages["/.well-known/openid-configuration"] = document.replace(b"127.0.0.1", b"evil.example")
    done = run("aws", "package", "--config", config, "--out", tmp_path / "none")
    assert done.returncode == 1 and "another issuer" in done.stderr and "hint:" in done.stderr
