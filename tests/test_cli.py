"""The commands for developers and scripts: keys, tokens, help. Data to stdout, talk to stderr, exit codes as documented."""

import base64
import json
import re
import subprocess
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from http1 import ask
from processes import BINARY, Gateway, run

ALGORITHMS = ["ES256", "ES384", "ES512", "EdDSA", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]
# The bytes of the shortest secret: those of the hash (RFC 7518 section 3.2).
SECRETS = {"HS256": 32, "HS384": 48, "HS512": 64}


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


def mint(path, *options):
    return run("token", "mint", "--key", path, "--issuer", "i", "--audience", "a", *options)


@pytest.mark.parametrize("algorithm", SECRETS)
def test_a_shared_secret(tmp_path, algorithm):
    path = new_key(tmp_path, algorithm, "app.secret")
    secret = path.read_bytes().removesuffix(b"\n")
    assert len(secret) >= SECRETS[algorithm]
    done = mint(path, "--algorithm", algorithm)
    assert jwt.decode(done.stdout.strip(), secret, [algorithm], audience="a")["iss"] == "i"
    assert run("keys", "jwks", "--key", path).returncode == 2, "a secret has no public half"
    # The file does not say for which it is, and is long enough for the shorter ones alone.
    for other, least in SECRETS.items():
        done = mint(path, "--algorithm", other)
        assert done.returncode == (0 if least <= len(secret) else 1), done.stderr


def test_a_key_signs_with_its_own_algorithm_alone(tmp_path):
    for made, asked, works in (
        ("RS256", "RS256", True),
        ("RS256", "rs256", True),
        ("RS256", "PS256", False),
        ("PS512", "RS512", False),
        ("ES256", "ES384", False),
        ("EdDSA", "Ed25519", True),
        ("EdDSA", "HS256", False),
        ("HS256", "ES256", False),
    ):
        path = tmp_path / f"{made}.key"
        if not path.exists():
            new_key(tmp_path, made, path.name)
        done = mint(path, "--algorithm", asked)
        assert done.returncode == (0 if works else 2), f"{made} asked for {asked}: {done.stdout}{done.stderr}"
        assert works or f"signs with {made}, not with {asked}" in done.stderr


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_private_jwk_of_another_tool(tmp_path, algorithm):
    """Without `alg`, as many tools write it: RSA keys are then for what `--algorithm` says."""
    kinds = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}
    if algorithm == "EdDSA":
        private = ed25519.Ed25519PrivateKey.generate()
    elif algorithm in kinds:
        private = ec.generate_private_key(kinds[algorithm]())
    else:
        private = rsa.generate_private_key(65537, 2048)
    path = tmp_path / "other.jwk"
    jwk = json.loads(jwt.get_algorithm_by_name(algorithm).to_jwk(private))
    jwk.pop("key_ops", None)
    path.write_text(json.dumps(jwk))
    token = mint(path, "--algorithm", algorithm).stdout.strip()
    assert jwt.decode(token, private.public_key(), [algorithm], audience="a")["iss"] == "i"


def test_every_algorithm_from_key_to_verified_token(site, tmp_path):
    """One issuer for each: keys new, keys jwks, token mint, token inspect."""
    text, _ = site.text(directory=tmp_path)
    issuers = []
    for algorithm in [*ALGORITHMS, *SECRETS]:
        name = algorithm.lower()
        key = new_key(tmp_path, algorithm, f"{name}.key")
        source = f'secret_file = "{key}"'
        if algorithm in ALGORITHMS:
            (tmp_path / f"{name}.json").write_text(json.dumps(published(key)))
            source = f'jwks_file = "{name}.json"'
        issuers.append(f'[issuer.{name}]\nissuer = "https://{name}.example"\naudience = "files"\nalgorithms = ["{algorithm}"]\n{source}\n')
    config = tmp_path / "all.toml"
    config.write_text(text.replace("[token]", "\n".join(issuers) + "\n[token]"))
    for algorithm in [*ALGORITHMS, *SECRETS]:
        name = algorithm.lower()
        minted = run("token", "mint", "--config", config, "--issuer", name, "--key", tmp_path / f"{name}.key", check=0).stdout
        assert jwt.get_unverified_header(minted.strip())["alg"] == algorithm
        assert f"issuer `{name}`" in run("token", "inspect", "--config", config, stdin=minted, check=0).stdout
        head, claims, signature = minted.strip().split(".")
        other = "A" if signature[0] != "A" else "B"
        done = run("token", "inspect", "--config", config, stdin=f"{head}.{claims}.{other}{signature[1:]}", check=3)
        assert "signature" in done.stdout


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
