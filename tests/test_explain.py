"""`edgepass explain`: what the gateway would decide, and why, for the same request."""

import json
import time

import pytest

import tokens
from http1 import ask
from processes import run

ROUTES = """\
[roles]
owner = ["read", "upload"]
reader = ["read"]

[hook.app]
url = "http://127.0.0.1:9/never-asked"

[[route]]
name = "head"
path = "/head/{name...}"
bucket = "main"
allow = [{ action = "read", claims = {}, methods = ["HEAD"] }]

[[route]]
name = "over"
path = "/over/{name...}"
bucket = "main"
allow = [{ action = "read", claims = {}, until = 2020-01-01T00:00:00Z }]

[[route]]
name = "elsewhere"
path = "/elsewhere/{name...}"
bucket = "main"
allow = [{ action = "read", claims = {}, addresses = ["192.0.2.0/24"] }]

[[route]]
name = "here"
path = "/here/{name...}"
bucket = "main"
allow = [{ action = "read", anyone = true, addresses = ["127.0.0.1"] }]

[[route]]
name = "listed"
path = "/listed/{name...}"
bucket = "main"
allow = [{ action = "read", paths = "paths" }]

[[route]]
name = "hooked"
path = "/hooked/{name...}"
bucket = "main"
allow = [{ action = "read", claims = { hooked = true }, hook = "app" }]

[[route]]
name = "team"
path = "/team/{team}/{name...}"
bucket = "main"
allow = [{ role = "teams.{team}" }]
upload = { fill = { name = "{filename}" }, max_size = "1 MiB", types = ["*/*"] }

[cache]
"""


@pytest.fixture(scope="module")
def gateway(site):
    return site.serve(("[cache]\n", ROUTES))


def explain(gateway, target, *options, token=None, stdin=None, check=None):
    """The JSON object, or stdout where it is none."""
    with_token = ("--token", token) if token is not None else ()
    done = run("explain", "--config", gateway.config, "--url", target, *with_token, *options, stdin=stdin, check=check)
    assert "panic" not in done.stderr
    return json.loads(done.stdout) if "--json" in options else done.stdout


def claims(**changes):
    return tokens.claims(**changes)


def asked(workspace, what):
    """(path, claims or a token's text or none, method)"""
    path, other = f"/{workspace.id}/{workspace.id}/a.txt", f"/{'0' * 8}-0000-4000-8000-{'0' * 12}/{workspace.id}/a.txt"
    member = claims(members={workspace.id: "reader"})
    return {
        "allowed by the first rule": (path, claims(workspace=workspace.id), "GET"),
        "allowed by the second rule": (path, member, "HEAD"),
        "anyone": ("/public/a.txt", None, "GET"),
        "anyone from here": ("/here/a.txt", None, "GET"),
        "no token": (path, None, "GET"),
        "another workspace": (other, member, "GET"),
        "no such role": (path, claims(members={workspace.id: "guest"}), "GET"),
        "no route": ("/nowhere", member, "GET"),
        "expired": (path, claims(members={workspace.id: "reader"}, exp=100, iat=50), "GET"),
        "too old": (path, claims(members={workspace.id: "reader"}, iat=int(time.time()) - 90_000), "GET"),
        "not yet": (path, claims(members={workspace.id: "reader"}, nbf=2**40), "GET"),
        "of the future": (path, claims(members={workspace.id: "reader"}, iat=2**40), "GET"),
        "another audience": (path, claims(members={workspace.id: "reader"}, aud="others"), "GET"),
        "another issuer": (path, claims(iss="https://evil.example"), "GET"),
        "without exp": (path, claims(members={workspace.id: "reader"}, without=("exp",)), "GET"),
        "a claim of the wrong type": (path, claims(sub=5), "GET"),
        "no token at all": (path, "rubbish", "GET"),
        "three parts of rubbish": (path, "a.b.c", "GET"),
        "another method": ("/head/a", claims(), "GET"),
        "the right method": ("/head/a", claims(), "HEAD"),
        "over": ("/over/a", claims(), "GET"),
        "another address": ("/elsewhere/a", claims(), "GET"),
        "not listed": ("/listed/a", claims(paths=["/listed/b", "/listed", "*", "/listed/a*", "listed/*"]), "GET"),
        "listed": ("/listed/a", claims(paths=["/listed/*"]), "GET"),
        "its hook is not reached": ("/hooked/a", claims(hooked="true"), "GET"),
        "a role": ("/team/x/a", claims(teams={"x": ["guest", "owner"]}), "GET"),
        "no role": ("/team/x/a", claims(teams={"y": "owner"}), "GET"),
        "no clear path": ("/team/%2e%2e/a", claims(), "GET"),
        "a path too long": ("/" + "a" * 1100, claims(), "GET"),
        "our own": ("/_edgepass/nothing", claims(), "GET"),
    }[what]


ASKED = [
    "allowed by the first rule", "allowed by the second rule", "anyone", "anyone from here", "no token", "another workspace", "no such role",
    "no route", "expired", "too old", "not yet", "of the future", "another audience", "another issuer", "without exp",
    "a claim of the wrong type", "no token at all", "three parts of rubbish", "another method", "the right method", "over",
    "another address", "not listed", "listed", "its hook is not reached", "a role", "no role", "no clear path", "a path too long", "our own",
]  # fmt: skip


@pytest.mark.parametrize("what", ASKED)
def test_it_says_what_the_gateway_does(gateway, keys, workspace, what):
    path, said, method = asked(workspace, what)
    token = keys.es256.sign(said) if isinstance(said, dict) else said
    answer = ask(gateway.origin, path, token=token, method=method)
    line = gateway.log_of(answer)
    explained = explain(gateway, path, "--json", "--method", method, "--address", "127.0.0.1", token=token)
    if answer.status in (200, 404) and line["reason"] in (None, "object_missing"):
        assert explained["decision"] == "allowed", explained
        assert (explained["route"], explained["rule"]) == (line["route"], line["rule"] + 1 if line["rule"] is not None else None)
    elif what == "our own":
        assert (explained["decision"], explained["status"]) == ("denied", answer.status)
    else:
        assert explained["decision"] == "denied"
        assert (explained["status"], explained["reason"]) == (answer.status, line["reason"])
        assert explained.get("route") == line.get("route")
        assert method == "HEAD" or explained["code"] == answer.code


def test_a_token_of_a_stranger(gateway, workspace):
    stranger = tokens.SigningKey.new("ES256", "es")
    for key, reason in ((stranger, "token_bad_signature"), (tokens.SigningKey.new("ES256", "other"), "token_unknown_key")):
        token = workspace.token(key=key)
        answer = ask(gateway.origin, workspace.put(), token=token)
        assert gateway.log_of(answer)["reason"] == reason
        assert explain(gateway, workspace.put(), "--json", token=token)["reason"] == reason


def test_exit_codes(gateway, keys, workspace):
    path, token = workspace.put(), workspace.token()
    explain(gateway, path, token=token, check=0)
    explain(gateway, path, check=3)
    explain(gateway, "/hooked/a", token=keys.es256.sign(claims(hooked=True)), check=3)
    for arguments in (("--url", "no path"), ("--url", "/a b"), ("--url", "/a", "--at", "noon"), ("--url", "/a", "--address", "here"), ()):
        done = run("explain", "--config", gateway.config, *arguments)
        assert done.returncode == 2 and "panic" not in done.stderr, arguments
    assert run("explain", "--config", "/nothing.toml", "--url", "/a").returncode in (1, 2)


def test_where_the_token_may_stand(gateway, workspace):
    path, token = workspace.put(), workspace.token()
    explain(gateway, path, token=f"Bearer {token}", check=0)
    explain(gateway, path, token="-", stdin=f"{token}\n", check=0)
    explain(gateway, f"{path}?authorization={token}", check=0)
    explain(gateway, f"http://files.example.com{path}?a=b&authorization={token}#top", check=0)
    both = explain(gateway, f"{path}?authorization={token}", "--json", token=token + "x", check=3)
    assert (both["status"], both["code"]) == (400, "token_conflict")


def test_each_rule_has_its_fact(gateway, keys, workspace):
    token = keys.es256.sign(claims(members={workspace.id: "guest"}))
    text = explain(gateway, workspace.put(), token=token, check=3)
    assert "route    files" in text and "path_not_covered" in text and "403 forbidden" in text
    assert "rule 1: claim `workspace`" in text and "the token has no `workspace`" in text
    assert "rule 2: claim `members.{workspace}`" in text and '"guest"' in text
    said = explain(gateway, workspace.put(), "--json", token=token)
    assert [(rule["rule"], rule["met"]) for rule in said["tokens"][0]["rules"]] == [(1, False), (2, False)]
    assert token not in text and token.split(".")[2] not in text


def test_hooks_are_not_asked(gateway, keys):
    said = explain(gateway, "/hooked/a", "--json", token=keys.es256.sign(claims(hooked=True)), check=3)
    assert said["decision"] == "hook"
    assert "hook" in said["tokens"][0]["rules"][0]["fact"]


@pytest.mark.parametrize("target, role, action", [("team", "reader", "read"), ("team", "owner", "upload")])
def test_uploads(gateway, keys, target, role, action):
    token = keys.es256.sign(claims(teams={"x": role}))
    explain(gateway, f"/{target}/x/a.txt", token=token, check=0)
    explain(gateway, f"/{target}/x/a.txt", "--upload", token=token, check=0 if action == "upload" else 3)
    explain(gateway, f"/{target}/y/a.txt", "--upload", token=token, check=3)


def test_when_and_where(gateway, keys):
    token = keys.es256.sign(claims(iat=int(time.mktime((2019, 12, 31, 12, 0, 0, 0, 0, 0))), exp=2**33))
    assert explain(gateway, "/over/a", "--json", "--at", "2019-12-31T23:59:59Z", token=token)["decision"] == "allowed"
    assert explain(gateway, "/over/a", "--json", "--at", "2020-01-01T00:00:00Z", token=token)["reason"] == "outside_times"
    for address, decision in (("192.0.2.7", "allowed"), ("192.0.3.7", "denied"), ("::ffff:192.0.2.7", "allowed"), ("2001:db8::1", "denied")):
        said = explain(gateway, "/elsewhere/a", "--json", "--address", address, token=keys.es256.sign(claims()))
        assert said["decision"] == decision, address


def test_hosts_count(site, keys):
    gateway = site.serve(('name = "public"\n', 'name = "public"\nhosts = ["pub.example.com"]\n'))
    assert explain(gateway, "https://pub.example.com/public/a", "--json")["decision"] == "allowed"
    assert explain(gateway, "https://other.example.com/public/a", "--json")["reason"] == "token_missing"


def test_a_token_cannot_steer_the_terminal(gateway, keys, workspace):
    token = keys.es256.sign(claims(sub="\x1b[31m\x07\x9b", members={"\x1b]0;x\x07": "\x7f\x9b2J"}))
    for target in (workspace.put(), "/public/%1b%5b2J%c2%9b"):
        text = explain(gateway, target, token=token)
        assert not [character for character in text if ord(character) < 32 and character != "\n" or 127 <= ord(character) < 160], text
    spoof = explain(gateway, f"/{workspace.id}/{workspace.id}/%0Aallowed", token=keys.es256.sign(claims(sub="a\nallowed  by rule 1")))
    assert not [line for line in spoof.splitlines() if line.startswith("allowed")]


def test_hostile_tokens_end_in_words(gateway, keys, workspace):
    deep = tokens.sign_raw(keys.es256, json.dumps({"alg": "ES256", "kid": "es"}), '{"a":' * 3000 + "1" + "}" * 3000)
    for token in (deep, "." * 9000, "a" * 100_000, "é", "\u202e", "-x", "a\tb"):
        done = run("explain", "--config", gateway.config, "--url", workspace.put(), "--token=" + token, "--json")
        assert done.returncode in (2, 3) and "panic" not in done.stderr, (token[:10], done.stderr)
