"""The commands for developers and scripts: keys, tokens, help. Data to stdout, talk to stderr, exit codes as documented."""

import base64
import json
import re
import subprocess
import time

import jwt
import pytest

from http1 import ask
from processes import BINARY, Gateway, run

ALGORITHMS = ["ES256", "EdDSA", "RS256"]


def new_key(tmp_path, algorithm="ES256", name="app.jwk"):
    path = tmp_path / name
    done = run("keys", "new", "--algorithm", algorithm, "--out", path, check=0)
    assert done.stdout == ""
    return path


def published(path):
    return json.loads(run("keys", "jwks", "--key", path, check=0).stdout)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_token_from_a_new_key_is_good_for_others(tmp_path, algorithm):
    """Verified by PyJWT, from nothing but the published key set."""
    path = new_key(tmp_path, algorithm)
    (public,) = published(path)["keys"]
    assert public["alg"] == algorithm
    assert not set(public) & {"d", "p", "q", "dp", "dq", "qi", "k", "pkcs8"}, "a private member is published"
    done = run("token", "mint", "--key", path, "--issuer", "https://app.example.com", "--audience", "files", "--subject", "ada",
               "--claim", 'members={"w":"owner"}', "--claim", "plain=text", "--expires", "8h", check=0)  # fmt: skip
    token = done.stdout.strip()
    assert done.stdout == token + "\n"
    claims = jwt.decode(token, jwt.PyJWK(public).key, [algorithm], audience="files", issuer="https://app.example.com")
    assert (claims["sub"], claims["members"], claims["plain"]) == ("ada", {"w": "owner"}, "text")
    assert abs(claims["exp"] - time.time() - 8 * 3600) < 10
    assert abs(claims["iat"] - time.time()) < 10
    assert jwt.get_unverified_header(token)["kid"] == public["kid"]


def test_a_shared_secret(tmp_path):
    path = new_key(tmp_path, "HS256", "app.secret")
    token = run("token", "mint", "--key", path, "--issuer", "i", "--audience", "a", check=0).stdout.strip()
    secret = path.read_bytes()
    candidates = [secret, secret.rstrip(b"\n")]
    assert any(verifies(token, candidate) for candidate in candidates)
    assert len(secret) >= 32
    assert run("keys", "jwks", "--key", path).returncode == 2, "a secret has no public half"


def verifies(token, secret):
    try:
        return bool(jwt.decode(token, secret, ["HS256"], audience="a"))
    except jwt.InvalidSignatureError:
        return False


def test_keys_are_for_their_owner_alone_and_never_overwritten(tmp_path):
    path = new_key(tmp_path)
    before = path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0
    done = run("keys", "new", "--out", path)
    assert done.returncode == 1 and "hint:" in done.stderr
    assert path.read_bytes() == before


def test_keys_differ(tmp_path):
    a, b = (published(new_key(tmp_path, name=f"{n}.jwk"))["keys"][0] for n in range(2))
    assert a["kid"] != b["kid"] and a["x"] != b["x"]


def test_a_set_of_two_keys(tmp_path):
    paths = [new_key(tmp_path, name=f"{n}.jwk") for n in range(2)]
    said = json.loads(run("keys", "jwks", "--key", paths[0], "--key", paths[1], check=0).stdout)
    assert len({key["kid"] for key in said["keys"]}) == 2
    assert run("keys", "jwks", "--key", paths[0], "--key", paths[0]).returncode == 2


def test_a_minted_token_opens_a_gateway(site, tmp_path, workspace):
    """keys new, keys jwks, token mint, serve, download: all with the product's own commands."""
    key = new_key(tmp_path)
    (tmp_path / "own.json").write_text(run("keys", "jwks", "--key", key, check=0).stdout)
    text, settings = site.text(directory=tmp_path)
    config = re.sub(r'jwks_file = ".*"', f'jwks_file = "{tmp_path}/own.json"', text)
    with Gateway(tmp_path / "gateway", config, env=site.secrets(), **settings) as gateway:
        claim = f"workspace={workspace.id}"
        mint = ["token", "mint", "--config", gateway.config, "--issuer", "app", "--key", key, "--claim", claim]
        token = run(*mint, check=0).stdout.strip()
        path = workspace.put(body=b"opened")
        assert ask(gateway.origin, path, token=token).body == b"opened"
        assert ask(gateway.origin, path, token=workspace.token()).status == 401, "that key is not this gateway's"


def test_inspect(workspace):
    token = workspace.token(sub="ada")
    done = run("token", "inspect", stdin=token, check=0)
    assert "ada" in done.stdout and "ES256" in done.stdout and workspace.id in done.stdout
    assert run("token", "inspect", token, check=0).stdout == done.stdout
    assert "not verified" in done.stderr


def test_inspect_with_a_configuration(site, tmp_path, workspace):
    text, _ = site.text(directory=tmp_path)
    config = tmp_path / "edgepass.toml"
    config.write_text(text)
    for changes, code, word in (
        ({}, 0, "valid"),
        ({"exp": int(time.time()) - 1000}, 3, "expired"),
        ({"aud": "other"}, 3, "aud"),
        ({"iss": "https://evil.example"}, 3, "iss"),
    ):
        done = run("token", "inspect", "--config", config, stdin=workspace.token(**changes))
        assert done.returncode == code, done.stdout + done.stderr
        assert word in done.stdout
    tampered = workspace.token()[:-6] + "AAAAAA"
    done = run("token", "inspect", "--config", config, stdin=tampered)
    assert done.returncode == 3 and "signature" in done.stdout


@pytest.mark.parametrize("text", ["", "nonsense", "a.b.c", "..", "\x00", "x" * 100_000, "é.é.é"])
def test_inspect_of_no_token(text):
    done = run("token", "inspect", stdin=text)
    assert done.returncode in (1, 2)
    assert done.stdout == "" and done.stderr and "panic" not in done.stderr


def test_a_token_cannot_steer_the_terminal():
    header, claims = ({"alg": "none"}, {"sub": "\x1b[31mred\x07\u202e"})
    token = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, claims)) + ".x"
    done = run("token", "inspect", stdin=token)
    assert "\x1b" not in done.stdout and "\x07" not in done.stdout


COMMANDS = ["dev", "serve", "check", "token", "token mint", "token inspect", "keys", "keys new", "keys jwks"]


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help(command):
    done = run(*command.split(), "--help", check=0)
    assert "Usage:" in done.stdout
    if not command:
        for name in ("dev", "serve", "check", "token", "keys"):
            assert name in done.stdout


def test_version():
    assert run("--version", check=0).stdout.startswith("edgepass ")


@pytest.mark.parametrize(
    "arguments",
    [[], ["nonsense"], ["serve"], ["check"], ["serve", "--config"], ["token", "mint"], ["keys", "new"], ["dev", "--port", "x"],
     ["dev", "--port", "99999"], ["keys", "new", "--algorithm", "none", "--out", "x"], ["token", "mint", "--key", "x", "--expires", "soon"]],
    ids=" ".join,
)  # fmt: skip
def test_wrong_usage(arguments):
    done = run(*arguments)
    assert done.returncode == 2, done.stdout
    assert done.stderr and "panic" not in done.stderr


def test_a_closed_pipe_is_no_panic():
    process = subprocess.Popen([BINARY, "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    _, said = process.communicate(timeout=10)
    assert b"panic" not in said


def test_no_colour_where_there_is_no_terminal(tmp_path):
    (tmp_path / "bad.toml").write_text("x = 1")
    done = run("check", "--config", tmp_path / "bad.toml", env={"TERM": "xterm-256color"})
    assert "\x1b" not in done.stderr
