"""Tokens that are good for one request: of all that ask, ever and at once, one is answered."""

import signal
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from http1 import Connection, ask

LINKS, SESSION = "/_edgepass/links", "/_edgepass/session"


def once(directory=None):
    state = f'[state]\ndirectory = "{directory}"\n\n' if directory else ""
    return ('max_age = "24h"\n', f'max_age = "24h"\none_time = true\n\n{state}')


@pytest.fixture(scope="module")
def gateway(site, tmp_path_factory):
    return site.serve(once(tmp_path_factory.mktemp("once")))


def new_token(workspace, role="reader", **changes):
    return workspace.token(role, **{"jti": str(uuid.uuid4()), **changes})


def refusal(answer):
    return answer.status, answer.code


def test_of_100_requests_at_once_one_wins(gateway, workspace):
    path, token = workspace.put(body=b"once"), new_token(workspace)
    carriers = [{"token": token}, {"headers": {"Cookie": f"edgepass={token}"}}, {"headers": {"Cookie": f"edgepass-a={token}"}}]
    connections = [Connection(gateway.origin) for _ in range(100)]
    together = threading.Barrier(100)

    def read(number):
        together.wait()
        return connections[number].ask(path, **carriers[number % 3])

    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(read, range(100)))
    assert [answer.body for answer in answers if answer.status == 200] == [b"once"]
    assert {refusal(answer) for answer in answers if answer.status != 200} == {(401, "token_used")}
    assert gateway.log_of(next(answer for answer in answers if answer.status == 401))["reason"] == "token_used"


@pytest.mark.parametrize("first, status", [({"method": "HEAD"}, 200), ({"headers": {"Range": "bytes=0-0"}}, 206), ({"headers": {"If-Match": '"x"'}}, 412)])
def test_every_request_counts(gateway, workspace, first, status):
    path, token = workspace.put(), new_token(workspace)
    assert ask(gateway.origin, path, token=token, **first).status == status
    assert refusal(ask(gateway.origin, path, token=token)) == (401, "token_used")


def test_a_missing_object_uses_it_up(gateway, workspace):
    token = new_token(workspace)
    assert ask(gateway.origin, workspace.put() + "x", token=token).status == 404
    assert refusal(ask(gateway.origin, workspace.put(), token=token)) == (401, "token_used")


def test_what_it_does_not_cover_does_not_use_it_up(gateway, workspace, other_workspace):
    path, token = workspace.put(), new_token(workspace)
    assert refusal(ask(gateway.origin, other_workspace.put(), token=token)) == (403, "forbidden")
    assert ask(gateway.origin, "/public/nothing", token=token).status == 404
    assert ask(gateway.origin, path, token=token).status == 200


def test_the_id_counts_and_not_the_text(gateway, workspace):
    """The same `jti` signed anew is the same token; another `jti` is another one."""
    path, token_id = workspace.put(), str(uuid.uuid4())
    first, second = (new_token(workspace, jti=token_id) for _ in range(2))
    assert first != second, "ECDSA signatures are never the same"
    assert ask(gateway.origin, path, token=first).status == 200
    assert refusal(ask(gateway.origin, path, token=second)) == (401, "token_used")
    assert ask(gateway.origin, path, token=new_token(workspace)).status == 200


@pytest.mark.parametrize("token_id", ["", "x" * 4000, "\u0000", "a\nb", '"}]', "\u202e", "💥"])
def test_odd_ids(gateway, workspace, token_id):
    path, token = workspace.put(), new_token(workspace, jti=token_id + workspace.id if token_id else "")
    assert ask(gateway.origin, path, token=token).status == 200
    assert refusal(ask(gateway.origin, path, token=token)) == (401, "token_used")


def test_without_an_id_it_is_refused(gateway, workspace):
    path = workspace.put()
    answer = ask(gateway.origin, path, token=workspace.token())
    assert refusal(answer) == (401, "token_invalid")
    assert gateway.log_of(answer)["reason"] == "token_no_id"
    for wrong in (5, None, ["a"]):
        assert refusal(ask(gateway.origin, path, token=workspace.token(jti=wrong))) == (401, "token_invalid")


def test_no_session_and_no_links(gateway, workspace):
    path, token = workspace.put(), new_token(workspace)
    for target, body in ((SESSION, {}), (LINKS, {"path": path})):
        answer = ask(gateway.origin, target, method="POST", token=token, json=body)
        assert refusal(answer) == (403, "forbidden"), target
        assert answer.all("set-cookie") == [] and b"link=" not in answer.body
    assert ask(gateway.origin, path, token=token).status == 200, "they do not use it up either"


def test_one_upload(gateway, workspace):
    token = new_token(workspace, "owner")
    wish = {"params": {"workspace": workspace.id}, "filename": "a.txt", "type": "text/plain", "size": 1}
    answers = [ask(gateway.origin, "/_edgepass/uploads", method="POST", token=token, json=wish) for _ in range(2)]
    assert answers[0].status == 201
    assert refusal(answers[1]) == (401, "token_used")


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_a_restart_does_not_make_it_good_again(site, workspace, tmp_path, end):
    gateway = site.serve(once(tmp_path / "state"))
    path, tokens = workspace.put(), [new_token(workspace) for _ in range(20)]
    for token in tokens[:10]:
        assert ask(gateway.origin, path, token=token).status == 200
    gateway.stop(end)
    again = site.again(gateway)
    assert {refusal(ask(again.origin, path, token=token)) for token in tokens[:10]} == {(401, "token_used")}
    assert {ask(again.origin, path, token=token).status for token in tokens[10:]} == {200}


def test_without_state_the_start_says_that_a_restart_forgets(site, workspace):
    gateway = site.serve(once())
    path, token = workspace.put(), new_token(workspace)
    assert [ask(gateway.origin, path, token=token).status for _ in range(2)] == [200, 401]
    assert "[state]" in gateway.stderr_path.read_text()


def test_one_process_uses_a_directory(site, workspace, tmp_path):
    site.serve(once(tmp_path / "state"))
    with pytest.raises(AssertionError, match="ended with 1"):
        site.serve(once(tmp_path / "state"))
