"""Decision hooks: a real server is asked when all else is met; only its yes is yes, and only for as long as it may be used."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from hook_server import Hook
from http1 import Connection, ask
from identity_provider import certificate
from processes import wait_until
from tokens import parts_to_hide

READ = '{ action = "read", claims = { "members.{workspace}" = ["owner", "editor", "reader"] } }'
UPLOAD = '{ action = "upload", issuer = "app", claims = { "members.{workspace}" = ["owner", "editor"] } }'


def hooked(row):
    return row, row.removesuffix(" }") + ', hook = "app" }'


def section(hook, **settings):
    lines = "".join(f'{name} = "{value}"\n' for name, value in settings.items())
    return "[token]", f'[hook.app]\nurl = "{hook.url}"\n{lines}\n[token]'


@pytest.fixture
def hook():
    hook = Hook()
    yield hook
    hook.leave()


@pytest.fixture
def guarded(site, hook):
    """A gateway whose reads and uploads by membership ask the hook; reads by `workspace` ask nobody."""

    def serve(**settings):
        return site.serve(section(hook, **settings), hooked(READ), hooked(UPLOAD))

    return serve


def is_away(answer):
    said = (answer.status, answer.code, answer.header("retry-after"), answer.header("cache-control"))
    return said == (503, "decision_away", "1", "no-store")


@pytest.mark.parametrize("answer, status", [
    ({"allow": True}, 200), ({"result": True}, 200), ({"result": {"allow": True}}, 200), ({"allow": True, "why": [1]}, 200),
    ({"allow": False}, 403), ({"result": False}, 403), ({"result": {"allow": False}}, 403), ({"allow": False, "ok": True}, 403),
])  # fmt: skip
def test_yes_and_no(guarded, hook, workspace, answer, status):
    hook.answer = answer
    gateway = guarded()
    said = ask(gateway.origin, workspace.put(body=b"x"), token=workspace.token())
    assert said.status == status
    assert said.body == b"x" if status == 200 else said.code == "forbidden"
    assert gateway.log_of(said).get("reason") == (None if status == 200 else "hook_refused")
    assert len(hook.asked) == 1


def test_what_is_sent_and_what_is_not(guarded, hook, workspace, tmp_path):
    (tmp_path / "hook.secret").write_text("between the gateway and the app\n".replace(" ", "-"))
    gateway = guarded(secret_file=tmp_path / "hook.secret")
    path, token = workspace.put("a b.txt"), workspace.token(email="ada@example.com")
    headers = {"Cookie": "theme=dark", "X-Other": "y", "User-Agent": "browser"}
    assert ask(gateway.origin, path.replace(" ", "%20") + "?q=query", token=token, headers=headers).status == 200
    (head, body), = hook.asked
    lines = head.split("\r\n")
    assert lines[0] == "POST /decide?key=of-the-url HTTP/1.1"
    said = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines[1:])}
    assert said["authorization"] == "Bearer between-the-gateway-and-the-app" and said["content-type"] == "application/json"
    asked = body["input"]
    assert list(body) == ["input"] and set(asked) == {"action", "route", "path", "issuer", "claims"}
    assert (asked["action"], asked["route"], asked["path"], asked["issuer"]) == ("read", "files", path, "app")
    assert asked["claims"]["members"] == {workspace.id: "reader"} and asked["claims"]["email"] == "ada@example.com"
    everything = head + json.dumps(body)
    for hidden in [*parts_to_hide(token), "theme", "q=query", "x-other", "browser"]:
        assert hidden not in everything
    assert "between-the-gateway" not in gateway.output() and "of-the-url" not in gateway.output()


USELESS = {
    "500": {"status": "500 Internal Server Error"},
    "403": {"status": "403 Forbidden"},
    "401": {"status": "401 Unauthorized"},
    "204": {"status": "204 No Content", "answer": b""},
    "201": {"status": "201 Created"},
    "a redirect": {"status": "307 Temporary Redirect", "headers": "Location: /yes\r\n"},
    "hangs up": {"hang_up": True},
    "too slow": {"late": 3},
    "no JSON": {"answer": b"yes"},
    "empty": {"answer": b""},
    "a list": {"answer": [{"allow": True}]},
    "only true": {"answer": b"true"},
    "neither": {"answer": {}},
    "as text": {"answer": {"allow": "true"}},
    "as a number": {"answer": {"allow": 1}},
    "null": {"answer": {"result": None}},
    "both": {"answer": {"allow": True, "result": True}},
    "twice": {"answer": b'{"allow":false,"allow":true}'},
    "twice inside": {"answer": b'{"result":{"allow":false,"allow":true}}'},
    "something behind it": {"answer": b'{"allow":true}{"allow":true}'},
    "too long": {"answer": b'{"allow":true,"x":"' + b"x" * 17_000 + b'"}'},
    "deep": {"answer": b'{"allow":true,"x":' + b"[" * 8000 + b"]" * 8000 + b"}"},
    "a long head": {"headers": "X-Long: " + "x" * 300_000 + "\r\n"},
    "cut off": {"headers": "Content-Length: 5000\r\n"},
}


@pytest.mark.parametrize("what", USELESS)
def test_anything_else_is_away(guarded, hook, workspace, what):
    """Never yes and never no; and nobody waits longer than the hook's timeout."""
    vars(hook).update(USELESS[what])
    gateway = guarded(timeout="1s")
    begun = time.monotonic()
    answer = ask(gateway.origin, workspace.put(), token=workspace.token())
    assert is_away(answer), answer
    assert time.monotonic() - begun < 2.5
    assert gateway.log_of(answer)["reason"] == "hook_away"
    assert "panic" not in gateway.output()


def test_away_and_back(guarded, hook, workspace):
    gateway = guarded()
    path, token = workspace.put(), workspace.token()
    hook.leave()
    assert all(is_away(ask(gateway.origin, path, token=token)) for _ in range(10))
    hook.come_back()
    wait_until(lambda: ask(gateway.origin, path, token=token).status == 200, 3, "the hook is asked again")
    assert len(hook.asked) == 1


def test_an_outage_does_not_become_a_storm(guarded, hook, workspace):
    """Many users, each with a question of his own, while the hook hangs up: it is asked a few times a second."""
    hook.hang_up = True
    gateway = guarded()
    path = workspace.put()
    begun = time.monotonic()
    for number in range(200):
        assert is_away(ask(gateway.origin, path, token=workspace.token(sub=f"user {number}")))
    seconds = time.monotonic() - begun
    assert len(hook.asked) <= 2 * (5 + 2 * (seconds + 1)), f"{len(hook.asked)} questions in {seconds:.1f} s"


def test_an_answer_is_remembered(guarded, hook, workspace):
    gateway = guarded(fresh="60s")
    path, token = workspace.put(), workspace.token()
    assert [ask(gateway.origin, path, token=token).status for _ in range(10)] == [200] * 10
    assert ask(gateway.origin, path, token=token, method="HEAD").status == 200
    assert len(hook.asked) == 1
    hook.answer = {"allow": False}
    assert ask(gateway.origin, path, token=token).status == 200, "remembered"
    assert ask(gateway.origin, workspace.put(), token=token).status == 403, "another path is another question"
    assert ask(gateway.origin, path, token=workspace.token(sub="other")).status == 403, "so are other claims"
    assert ask(gateway.origin, path, token=workspace.token(more=1)).status == 403
    assert len(hook.asked) == 4


@pytest.mark.parametrize("control", ["no-store", "no-cache", "max-age=0", "private, max-age=junk", "NO-STORE", "max-age=60, max-age=0"])
def test_the_app_may_forbid_remembering(guarded, hook, workspace, control):
    hook.headers = f"Cache-Control: {control}\r\n"
    gateway = guarded(fresh="60s")
    path, token = workspace.put(), workspace.token()
    assert ask(gateway.origin, path, token=token).status == 200
    hook.answer = {"allow": False}
    assert ask(gateway.origin, path, token=token).status == 403
    assert len(hook.asked) == 2


def test_the_app_cannot_lengthen_it(guarded, hook, workspace):
    hook.headers = "Cache-Control: max-age=3600\r\n"
    gateway = guarded(fresh="1s")
    path, token = workspace.put(), workspace.token()
    assert ask(gateway.origin, path, token=token).status == 200
    hook.answer = {"allow": False}
    wait_until(lambda: ask(gateway.origin, path, token=token).status == 403, 3, "the hook is asked again")


def test_requests_at_once_share_one_question(guarded, hook, workspace):
    hook.late = 0.5
    gateway = guarded(fresh="0s")
    path, token = workspace.put(body=b"x"), workspace.token()
    connections = [Connection(gateway.origin) for _ in range(50)]
    together = threading.Barrier(50)

    def read(connection):
        together.wait()
        return connection.ask(path, token=token).status

    with ThreadPoolExecutor(50) as pool:
        assert list(pool.map(read, connections)) == [200] * 50
    assert len(hook.asked) == 1
    assert ask(gateway.origin, path, token=token).status == 200
    assert len(hook.asked) == 2, "nothing was remembered"


def test_who_asked_first_may_leave(guarded, hook, workspace):
    hook.late = 0.4
    gateway = guarded(fresh="60s")
    path, token = workspace.put(), workspace.token()
    with Connection(gateway.origin) as first:
        first.send(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        wait_until(lambda: hook.asked, what="the question")
    assert ask(gateway.origin, path, token=token).status == 200
    assert len(hook.asked) == 1


@pytest.mark.parametrize("allow, status", [(True, 200), (False, 403)])
def test_the_last_answer_while_it_is_away(guarded, hook, workspace, allow, status):
    hook.answer = {"allow": allow}
    gateway = guarded(fresh="0s", stale="60s")
    path, token = workspace.put(), workspace.token()
    assert ask(gateway.origin, path, token=token).status == status
    hook.leave()
    assert [ask(gateway.origin, path, token=token).status for _ in range(5)] == [status] * 5
    assert is_away(ask(gateway.origin, workspace.put(), token=token)), "never asked before"
    assert ask(gateway.origin, path, token=workspace.token(exp=100, iat=50)).code == "token_expired"


def test_stale_answers_end(guarded, hook, workspace):
    gateway = guarded(fresh="0s", stale="1s")
    path, token = workspace.put(), workspace.token()
    assert ask(gateway.origin, path, token=token).status == 200
    hook.leave()
    wait_until(lambda: is_away(ask(gateway.origin, path, token=token)), 4, "the end of the stale answer")


@pytest.mark.parametrize("control", ["must-revalidate", "no-store"])
def test_answers_that_may_not_be_stale(guarded, hook, workspace, control):
    hook.headers = f"Cache-Control: {control}\r\n"
    gateway = guarded(fresh="0s", stale="60s")
    path, token = workspace.put(), workspace.token()
    assert ask(gateway.origin, path, token=token).status == 200
    hook.leave()
    assert is_away(ask(gateway.origin, path, token=token))


def test_only_who_may_otherwise_is_asked_about(guarded, hook, workspace, other_workspace):
    gateway = guarded()
    path = workspace.put()
    for token in (None, "rubbish", workspace.token(exp=100, iat=50), workspace.token("guest"), other_workspace.token(), workspace.token(aud="x")):
        assert ask(gateway.origin, path, token=token).status in (401, 403)
    assert ask(gateway.origin, path, token=workspace.scoped_token()).status == 200, "a rule without a hook"
    both = workspace.scoped_token(members={workspace.id: "reader"})
    hook.answer = {"allow": False}
    assert ask(gateway.origin, path, token=both).status == 200
    assert ask(gateway.origin, "/public/nothing", token=workspace.token()).status == 404
    assert ask(gateway.origin, path, method="OPTIONS").status == 204
    assert hook.asked == []


def test_uploads_ask_for_the_path_that_the_file_gets(guarded, hook, workspace):
    gateway = guarded()
    wish = {"params": {"workspace": workspace.id}, "filename": "a b.txt", "type": "text/plain", "size": 1}

    def upload():
        return ask(gateway.origin, "/_edgepass/uploads", method="POST", token=workspace.token("owner"), json=wish)

    granted = upload()
    assert granted.status == 201
    (_, body), = hook.asked
    assert (body["input"]["action"], body["input"]["path"]) == ("upload", "/" + granted.json()["key"])
    hook.answer = {"allow": False}
    assert (upload().status, upload().code) == (403, "forbidden")
    hook.leave()
    assert is_away(upload())


def test_links_ask_when_they_are_made(guarded, hook, workspace):
    gateway = guarded(fresh="0s")
    path, token = workspace.put(), workspace.token()

    def mint():
        return ask(gateway.origin, "/_edgepass/links", method="POST", token=token, json={"path": path})

    link = mint().json()["url"].removeprefix(gateway.origin)
    assert len(hook.asked) == 1
    hook.answer = {"allow": False}
    assert ask(gateway.origin, link).status == 200
    assert len(hook.asked) == 1, "not asked again"
    assert mint().code == "forbidden"
    hook.leave()
    assert is_away(mint())


def test_https_by_an_authority_of_ones_own(site, workspace, tmp_path):
    file, context = certificate(tmp_path, "ours")
    hook = Hook(tls=context)
    edits = section(hook), hooked(READ)
    path, token = workspace.put(), workspace.token()
    trusting = site.serve(*edits, env={"SSL_CERT_FILE": str(file)})
    assert ask(trusting.origin, path, token=token).status == 200
    strange = site.serve(*edits)
    assert is_away(ask(strange.origin, path, token=token))
    assert len(hook.asked) == 1
    hook.leave()
