"""Revocation: in effect for every request that begins after the call has returned, and for as long as it is needed."""

import json
import signal
import time
import uuid
from pathlib import Path

import pytest

from http1 import Connection, ask, exchange, request
from load import Load
from processes import Process, run

SECRET = "a secret of at least thirty-two bytes, for operators"

CONFIG = """\
[state]
directory = "{directory}/state"

[revocation]
claims = ["jti", "sub", "sid", "session.id", "groups", 'a\\.b']

[admin]
secret_file = "{directory}/admin.secret"

[token]"""

PARTNER = """\
[issuer.partner]
issuer = "https://partner.example"
audience = "files"
jwks_file = "{jwks}"
algorithms = ["ES256"]

[token]"""


def config(directory):
    (directory / "admin.secret").write_text(SECRET)
    return ("[token]", CONFIG.format(directory=directory))


@pytest.fixture(scope="module")
def gateway(site, tmp_path_factory):
    return site.serve(config(tmp_path_factory.mktemp("revocation")))


def revoke(gateway, secret=SECRET, **members):
    headers = {"Authorization": f"Bearer {secret}"} if secret is not None else {}
    return ask(gateway.admin, "/revocations", method="POST", json=members, headers=headers)


def done(gateway, **members):
    answer = revoke(gateway, **members)
    assert answer.status == 200, answer
    return answer.json()


def is_refused(gateway, path, token):
    """As a header and as a cookie, by either method: all alike."""
    answers = [ask(gateway.origin, path, token=token), ask(gateway.origin, path, headers={"Cookie": f"edgepass={token}"})]
    assert len({(answer.status, answer.code) for answer in answers}) == 1
    if answers[0].status == 200:
        return False
    assert (answers[0].status, answers[0].code) == (401, "token_revoked")
    assert 'error="invalid_token"' in answers[0].header("www-authenticate")
    return True


# What is revoked, claims of a token that is meant, and claims of one that is not.
BY = {
    "jti": (lambda i: {"jti": i}, lambda i: {"jti": i}, lambda i: {"jti": i + "x"}),
    "sub": (lambda i: {"sub": i}, lambda i: {"sub": i}, lambda i: {"sub": i[:-1]}),
    "sid": (lambda i: {"sid": i}, lambda i: {"sid": i}, lambda i: {"jti": i, "sub": i}),
    "sid as a number": (lambda i: {"sid": int(i[:8], 16)}, lambda i: {"sid": int(i[:8], 16)}, lambda i: {"sid": int(i[:8], 16) + 1}),
    "a number as text": (lambda i: {"sid": int(i[:8], 16)}, lambda i: {"sid": str(int(i[:8], 16))}, lambda i: {"sid": "x" + i}),
    "a whole number": (lambda i: {"sid": int(i[:8], 16)}, lambda i: {"sid": float(int(i[:8], 16))}, lambda i: {"sid": int(i[:8], 16) + 0.5}),
    "nested": (lambda i: {"claims": {"session.id": i}}, lambda i: {"session": {"id": i}}, lambda i: {"session.id": i, "id": i}),
    "escaped": (lambda i: {"claims": {"a\\.b": i}}, lambda i: {"a.b": i}, lambda i: {"a": {"b": i}}),
    "a list": (lambda i: {"claims": {"groups": i}}, lambda i: {"groups": ["x", i]}, lambda i: {"groups": ["x", i.upper()]}),
    "not a list": (lambda i: {"claims": {"groups": i}}, lambda i: {"groups": i}, lambda i: {"groups": [[i], {"a": i}]}),
    "odd text": (lambda i: {"sub": f"ü\n\0\u202e{i}"}, lambda i: {"sub": f"ü\n\0\u202e{i}"}, lambda i: {"sub": i}),
    "a long text": (lambda i: {"sub": i * 100}, lambda i: {"sub": i * 100}, lambda i: {"sub": i * 99}),
}


@pytest.mark.parametrize("by", BY)
def test_by_a_claim(gateway, workspace, by):
    wish, meant, other = (claims(workspace.id) for claims in BY[by])
    path, meant, other = workspace.put(), workspace.token(**meant), workspace.token(**other)
    assert not is_refused(gateway, path, meant), "remembered as verified, the object cached"
    said = done(gateway, **wish)
    assert is_refused(gateway, path, meant)
    assert not is_refused(gateway, path, other)
    (name, value), = (wish.get("claims") or wish).items()
    assert said["issuer"] == "app" and said["claim"] == {name: str(value)} and said["before"] is None and said["kept"] is True
    assert abs(said["until"] - time.time() - 86_400 - 30 - 30 - 60) <= 2


def test_everything_that_a_token_opens_ends(gateway, workspace):
    path, token = workspace.put(), workspace.token("owner", jti=workspace.id)
    wish = {"params": {"workspace": workspace.id}, "filename": "a.txt", "type": "text/plain", "size": 1}
    ours = [("POST", "session", {}), ("GET", "session", None), ("POST", "links", {"path": path}), ("POST", "uploads", wish)]

    def answers():
        asked = [ask(gateway.origin, f"/_edgepass/{name}", method=method, token=token, json=body) for method, name, body in ours]
        return [(answer.status, answer.code) for answer in asked]

    assert [status for status, _ in answers()] == [200, 200, 201, 201]
    with Connection(gateway.origin) as kept:
        assert kept.ask(path, token=token).status == 200
        done(gateway, jti=workspace.id)
        assert kept.ask(path, token=token).code == "token_revoked"
    assert answers() == [(401, "token_revoked")] * 4
    answer = ask(gateway.origin, path, token=token)
    assert gateway.log_of(answer)["reason"] == "token_revoked"
    assert ask(gateway.origin, "/public/nothing", token=token).status == 404, "what anyone may read needs no token"


def test_before_a_time(gateway, workspace):
    path, now = workspace.put(), int(time.time())
    old, new, ageless = (workspace.token(sub=workspace.id, iat=iat) for iat in (now - 101, now - 99, now))
    said = done(gateway, sub=workspace.id, before=now - 100)
    assert said["before"] == now - 100 and said["until"] == now - 100 + 86_400 + 30 + 60
    assert [is_refused(gateway, path, token) for token in (old, new, ageless)] == [True, False, False]


def test_signed_out_everywhere_and_in_again(gateway, workspace):
    path = workspace.put()
    now = int(time.time())
    token = workspace.token(sub=workspace.id, iat=now)
    said = done(gateway, sub=workspace.id, before="now")
    assert is_refused(gateway, path, token), "of this very second"
    assert not is_refused(gateway, path, workspace.token(sub=workspace.id, iat=said["before"]))


def test_a_second_revocation_takes_nothing_back(gateway, workspace):
    path, now = workspace.put(), int(time.time())
    token = workspace.token(sub=workspace.id, iat=now - 10)
    for before in (now, now - 100, 1):
        done(gateway, sub=workspace.id, before=before)
        assert is_refused(gateway, path, token)


@pytest.fixture(scope="module")
def partners(site, tmp_path_factory):
    directory = tmp_path_factory.mktemp("partners")
    gateway = site.serve(config(directory), ("[token]", PARTNER.format(jwks="jwks.json")))
    return gateway


def partner(workspace, **changes):
    return workspace.token(**{"iss": "https://partner.example", "sub": workspace.id, **changes})


def test_of_one_of_several_issuers(partners, workspace):
    path, ours, theirs = workspace.put(), workspace.token(sub=workspace.id), partner(workspace)
    assert revoke(partners, sub=workspace.id).status == 400
    until = int(time.time()) + 1000
    said = done(partners, sub=workspace.id, issuer="partner", expires=until)
    assert said["until"] == until + 30 + 60, "it has no max_age"
    assert is_refused(partners, path, theirs) and not is_refused(partners, path, ours)
    assert done(partners, jti=workspace.id, issuer="partner")["until"] is None, "for ever"


def test_a_whole_issuer(partners, workspace):
    path, now = workspace.put(), int(time.time())
    done(partners, issuer="partner", before="now")
    assert is_refused(partners, path, partner(workspace, iat=now)) and is_refused(partners, path, partner(workspace, without=("iat",)))
    assert not is_refused(partners, path, partner(workspace, iat=now + 2))
    assert not is_refused(partners, path, workspace.token(iat=now - 100))


BAD = [
    {}, {"before": None}, {"jti": None}, {"jti": True}, {"jti": ["a"]}, {"jti": {"a": 1}}, {"jti": "a", "sub": "b"},
    {"claims": {}}, {"claims": {"jti": "a", "sub": "b"}}, {"claims": "jti"}, {"claims": {"email": "a"}}, {"claims": {"session": "a"}},
    {"jti": "a", "claims": {"sub": "b"}}, {"jti": "a", "more": 1}, {"jti": "a", "issuer": "nobody"}, {"jti": "a", "issuer": 5},
    {"jti": "a", "issuer": "links2"}, {"jti": "a", "before": "soon"}, {"jti": "a", "before": 1.5}, {"jti": "a", "expires": "2026"},
    {"jti": "a", "expires": 1}, {"jti": "a" * 9000},
]  # fmt: skip


@pytest.mark.parametrize("wish", BAD, ids=lambda wish: json.dumps(wish)[:40])
def test_wishes_that_are_refused(gateway, wish):
    answer = revoke(gateway, **wish)
    assert answer.status == 400 and answer.json()["error"]


BODIES = [b"", b"{", b"[]", b"null", b'{"jti":"a","jti":"b"}', b"\xff", b"[" * 60_000, b'{"jti":"' + b"a" * 70_000 + b'"}']


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:12]))
def test_bodies_that_are_refused(gateway, body):
    headers = {"Authorization": f"Bearer {SECRET}", "Content-Type": "application/json"}
    answer = exchange(gateway.admin, request("127.0.0.1", "/revocations", method="POST", headers=headers, body=body), method="POST")
    assert answer.status == 400 and answer.json()["error"]


def test_who_may_revoke(gateway, site, workspace):
    path, token = workspace.put(), workspace.token(jti=workspace.id)

    def asked(headers, secret=SECRET, host=None, method="POST"):
        headers = {**({"Authorization": secret} if secret else {}), "Content-Type": "application/json", **headers, **({"Host": host} if host else {})}
        return ask(gateway.admin, "/revocations", method=method, body=json.dumps({"jti": workspace.id}).encode(), headers=headers).status

    good = f"Bearer {SECRET}"
    assert [asked({}, secret) for secret in (None, "Bearer ", "Bearer x", good + "x", good[:-1], good.lower(), SECRET, f"Basic {SECRET}")] == [401] * 8
    assert [asked({"Origin": origin}, good) for origin in ("https://evil.example", "null", gateway.admin, "https://app.example.com")] == [403] * 4
    assert [asked({}, good, host=host) for host in ("evil.example", "evil.example:80", "127.0.0.1.evil.example")] == [403] * 3
    assert [asked({"Content-Type": kind}, good) for kind in ("text/plain", "application/x-www-form-urlencoded", "")] == [415] * 3
    assert [asked({}, good, method=method) for method in ("GET", "PUT", "DELETE")] == [405] * 3
    assert ask(gateway.origin, "/revocations", method="POST", json={"jti": workspace.id}, headers={"Authorization": good}).status in (403, 405)
    assert not is_refused(gateway, path, token)
    closed = site.serve()
    assert revoke(closed, jti=workspace.id).status == 403
    assert SECRET not in gateway.output()


def test_without_state_it_is_not_kept(site, workspace, tmp_path):
    old, new = config(tmp_path)
    gateway = site.serve((old, new.replace(f'[state]\ndirectory = "{tmp_path}/state"', "")))
    path, token = workspace.put(), workspace.token(jti=workspace.id)
    assert done(gateway, jti=workspace.id)["kept"] is False
    assert is_refused(gateway, path, token)
    gateway.stop()
    assert not is_refused(site.again(gateway), path, token)


def command(gateway, *arguments, check=None):
    done = run("revoke", "--config", gateway.config, *arguments, check=check)
    assert SECRET not in done.stdout + done.stderr and "panic" not in done.stderr
    return done


def test_the_command(gateway, workspace):
    path = workspace.put()
    for name, arguments, claims in (
        ("jti", ("--jti", workspace.id), {"jti": workspace.id}),
        ("sub", ("--sub", workspace.id, "--before", "now"), {"sub": workspace.id}),
        ("sid", ("--sid", workspace.id), {"sid": workspace.id}),
        ("session.id", ("--claim", f"session.id={workspace.id}"), {"session": {"id": workspace.id}}),
    ):
        token = workspace.token(**claims)
        assert not is_refused(gateway, path, token)
        said = json.loads(command(gateway, *arguments, check=0).stdout)
        assert said["claim"] == {name: workspace.id} and said["kept"] is True
        assert is_refused(gateway, path, token)


def test_the_commands_refusals(gateway, site, tmp_path):
    for arguments in ((), ("--jti", "a", "--sub", "b"), ("--all",), ("--jti",), ("--claim", "x"), ("--jti", "a", "--before", "soon"), ("--jti", "a", "--expires", "soon")):
        assert command(gateway, *arguments).returncode == 2, arguments
    for arguments in (("--claim", "email=a"), ("--jti", "a", "--issuer", "nobody"), ("--jti", "a", "--expires", "2020-01-01T00:00:00Z")):
        told = command(gateway, *arguments, check=1)
        assert told.stderr.startswith("error: "), arguments
    away, _ = site.text(config(tmp_path), directory=tmp_path)
    (tmp_path / "away.toml").write_text(away)
    told = run("revoke", "--config", tmp_path / "away.toml", "--jti", "a", check=1)
    assert "hint:" in told.stderr
    (tmp_path / "closed.toml").write_text(site.text(directory=tmp_path)[0])
    assert "[admin]" in run("revoke", "--config", tmp_path / "closed.toml", "--jti", "a", check=2).stderr


def test_under_load(gateway, workspace, record_property):
    """50 subjects read a cached object as fast as they can while 40 of them are revoked, one after the other."""
    path = workspace.put(body=b"x" * 200)
    subjects = {f"{workspace.id}-{number}": None for number in range(50)}
    subjects = {subject: workspace.token(sub=subject) for subject in subjects}
    assert not is_refused(gateway, path, next(iter(subjects.values())))
    returned = {}
    with Load(gateway.origin, path, list(subjects.values())) as load:
        time.sleep(0.5)  # the load runs; nothing is waited for
        for subject in list(subjects)[:40]:
            done(gateway, sub=subject)
            returned[subject] = time.monotonic()
            time.sleep(0.03)
        time.sleep(1.2)
    late = {s: load.last_sent[subjects[s]] - at for s, at in returned.items() if load.last_sent[subjects[s]] > at}
    slow = {s: load.last_seen[subjects[s]] - at for s, at in returned.items() if load.last_seen[subjects[s]] > at + 1}
    print(f"{load.rate:.0f} answers a second; last allowed {max(load.last_seen[subjects[s]] - at for s, at in returned.items()):.4f} s after")
    record_property("answers_a_second", round(load.rate))
    assert not late, f"sent after the call had returned, and allowed: {late}"
    assert not slow
    assert load.refused == {(subjects[subject], 401) for subject in returned}
    assert load.rate > 1000, "this is no load"


def test_50_kills_each_after_an_acknowledged_revocation(site, workspace, tmp_path):
    gateway = site.serve(config(tmp_path))
    ids = [str(uuid.uuid4()) for _ in range(50)]
    path, kept = workspace.put(), workspace.token(jti="kept")
    for token_id in ids:
        assert done(gateway, jti=token_id)["kept"] is True
        gateway.process.kill()
        gateway.wait()
        gateway = site.again(gateway)
    assert [token_id for token_id in ids if not is_refused(gateway, path, workspace.token(jti=token_id))] == []
    assert not is_refused(gateway, path, kept)


def journal(site, workspace, tmp_path):
    """A gateway that has ended, and the journal of three revocations that it left."""
    gateway = site.serve(config(tmp_path))
    for number in range(3):
        done(gateway, jti=f"{workspace.id}-{number}")
    gateway.stop(signal.SIGKILL)
    return gateway, tmp_path / "state" / "revocations"


DAMAGE = {
    "a byte in the middle": (lambda lines: [lines[0], lines[1].replace(b"jti", b"jtj"), *lines[2:]], 2),
    "a line is missing": (lambda lines: [lines[0], *lines[2:]], 2),
    "two lines in another order": (lambda lines: [lines[0], lines[2], lines[1], lines[3]], 2),
    "a line twice": (lambda lines: [*lines[:3], lines[2], lines[3]], 4),
    "the end of a line": (lambda lines: [lines[0], lines[1][:-1], *lines[2:]], 2),
    "the first line": (lambda lines: [b"{}\n", *lines[1:]], 1),
    "something else": (lambda lines: [b"\0" * 4096], 1),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_journal_starts_nothing(site, workspace, tmp_path, damage):
    gateway, file = journal(site, workspace, tmp_path)
    change, line = DAMAGE[damage]
    file.write_bytes(b"".join(change(file.read_bytes().splitlines(keepends=True))))
    again = Process(tmp_path / "again", "serve", "--config", gateway.config, env=site.secrets())
    assert again.wait() == 1
    assert str(file) in again.output() and f"line {line}" in again.output() and "panic" not in again.output()


def test_a_torn_end_is_no_damage(site, workspace, tmp_path):
    """A write that was cut off was never acknowledged."""
    gateway, file = journal(site, workspace, tmp_path)
    file.write_bytes(file.read_bytes()[:-5])
    again, path = site.again(gateway), workspace.put()
    assert [is_refused(again, path, workspace.token(jti=f"{workspace.id}-{number}")) for number in range(3)] == [True, True, False]
    done(again, jti=f"{workspace.id}-2")
    again.stop(signal.SIGKILL)
    assert is_refused(site.again(again), path, workspace.token(jti=f"{workspace.id}-2"))


def test_the_state_is_its_owners_alone(gateway):
    state = next(line for line in gateway.config.read_text().splitlines() if line.startswith("directory")).split('"')[1]
    assert Path(state).stat().st_mode & 0o077 == 0
    assert [file for file in Path(state).rglob("*") if file.is_file() and file.stat().st_mode & 0o077] == []
