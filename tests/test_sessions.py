"""The cookie carrier: what a page gets for its token, what the cookie opens, how it ends."""

import time
import uuid
from email.utils import parsedate_to_datetime

import pytest

from conftest import APP
from http1 import ask

SESSION = "/_edgepass/session"


def parse_cookie(text):
    """(name, value, attributes): attribute names in lower case."""
    first, *rest = text.split(";")
    name, value = first.strip().split("=", 1)
    attributes = {}
    for part in rest:
        key, _, content = part.strip().partition("=")
        attributes[key.lower()] = content
    return name, value, attributes


def life(attributes):
    """Seconds from now."""
    if "max-age" in attributes:
        return int(attributes["max-age"])
    return parsedate_to_datetime(attributes["expires"]).timestamp() - time.time()


def sign_in(gateway, token, **body):
    answer = ask(gateway.origin, SESSION, method="POST", token=token, json=body, headers={"Origin": APP})
    assert answer.status in (200, 201, 204), answer
    return answer


def cookie_of(answer):
    name, value, _ = parse_cookie(answer.header("set-cookie"))
    return f"{name}={value}"


def test_the_cookie_and_its_attributes(site, workspace):
    gateway = site.serve(('origin = "http://127', 'origin = "https://127'))
    answer = sign_in(gateway, workspace.token(exp=int(time.time()) + 300))
    name, value, attributes = parse_cookie(answer.header("set-cookie"))
    assert name.removeprefix("__Host-").startswith("edgepass") and value
    assert "httponly" in attributes and "secure" in attributes
    assert attributes["samesite"] == "Lax"
    assert attributes["path"] == "/"
    assert "domain" not in attributes
    assert 250 <= life(attributes) <= 300, "the cookie lives no longer than its token"
    assert answer.header("cache-control") == "no-store"
    assert answer.header("access-control-allow-origin") == APP
    assert answer.header("access-control-allow-credentials") == "true"


def test_the_cookie_reads(gateway, workspace):
    path = workspace.put(body=b"by cookie")
    cookie = cookie_of(sign_in(gateway, workspace.token()))
    for method in ("GET", "HEAD"):
        answer = ask(gateway.origin, path, method=method, headers={"Cookie": f"theme=dark; {cookie}; last=1"})
        assert answer.status == 200
    assert ask(gateway.origin, path, headers={"Cookie": cookie}).body == b"by cookie"
    assert ask(gateway.origin, path).status == 401


def test_the_cookie_opens_no_other_workspace(gateway, workspace, other_workspace):
    cookie = cookie_of(sign_in(gateway, workspace.token("owner")))
    assert ask(gateway.origin, other_workspace.put(), headers={"Cookie": cookie}).status == 403


def test_the_cookie_cannot_upload_or_sign_in(gateway, workspace):
    cookie = {"Cookie": cookie_of(sign_in(gateway, workspace.token("owner"))), "Origin": APP}
    wish = {"params": {"workspace": workspace.id}, "filename": "a.txt", "type": "text/plain", "size": 1}
    for target, body in (("/_edgepass/uploads", wish), (SESSION, {})):
        answer = ask(gateway.origin, target, method="POST", json=body, headers=cookie)
        assert (answer.status, answer.code) == (401, "token_missing"), target
        assert answer.all("set-cookie") == []


@pytest.mark.parametrize("changes", [{"exp": 1}, {"aud": "other"}, {"iss": "https://evil.example"}])
def test_a_bad_token_becomes_no_cookie(gateway, workspace, changes):
    answer = ask(gateway.origin, SESSION, method="POST", token=workspace.token(**changes), json={})
    assert answer.status == 401
    assert answer.all("set-cookie") == []


def test_who_am_i(gateway, workspace):
    token = workspace.token(sub="ada@example.com")
    answer = ask(gateway.origin, SESSION, headers={"Cookie": cookie_of(sign_in(gateway, token))})
    assert answer.status == 200
    assert answer.header("cache-control") == "no-store"
    text = answer.body.decode()
    assert "ada@example.com" in text
    assert token not in text and token.split(".")[2] not in text
    assert ask(gateway.origin, SESSION, token=token).status == 200
    assert ask(gateway.origin, SESSION).status == 401


def test_sign_out(site, workspace):
    gateway = site.serve(('origin = "http://127', 'origin = "https://127'))
    cookie = cookie_of(sign_in(gateway, workspace.token()))
    answer = ask(gateway.origin, SESSION, method="DELETE", headers={"Cookie": cookie, "Origin": APP})
    assert answer.status in (200, 204)
    assert answer.header("clear-site-data") == '"cache"'
    name, value, attributes = parse_cookie(answer.header("set-cookie"))
    assert name == cookie.split("=")[0]
    assert value == "" and life(attributes) <= 0
    assert attributes.get("path") == "/" and "secure" in attributes


@pytest.mark.parametrize("origin", [None, "https://evil.example", "null", "https://app.example.com.evil.example"])
def test_sign_out_wants_an_allowed_origin(gateway, workspace, origin):
    cookie = cookie_of(sign_in(gateway, workspace.token()))
    headers = {"Cookie": cookie, **({"Origin": origin} if origin else {})}
    answer = ask(gateway.origin, SESSION, method="DELETE", headers=headers)
    assert answer.status == 403
    assert answer.all("set-cookie") == [] and answer.all("clear-site-data") == []


def test_sign_out_ends_every_cookie(gateway, workspace, other_workspace):
    cookies = [cookie_of(sign_in(gateway, w.token(), scope=scope)) for w, scope in ((workspace, "one"), (other_workspace, "two"))]
    answer = ask(gateway.origin, SESSION, method="DELETE", headers={"Cookie": "; ".join(cookies), "Origin": APP})
    ended = {parse_cookie(text)[0] for text in answer.all("set-cookie") if life(parse_cookie(text)[2]) <= 0}
    assert {cookie.split("=")[0] for cookie in cookies} <= ended


def test_several_cookies_each_judged_alone(gateway, workspace, other_workspace):
    one = cookie_of(sign_in(gateway, workspace.token(), scope="one"))
    two = cookie_of(sign_in(gateway, other_workspace.token(), scope="two"))
    assert one.split("=")[0] != two.split("=")[0]
    for path in (workspace.put(), other_workspace.put()):
        for cookies in (f"{one}; {two}", f"{two}; {one}", f"{one}; edgepass-three=garbage; {two}"):
            assert ask(gateway.origin, path, headers={"Cookie": cookies}).status == 200
    stranger = f"/{uuid.uuid4()}/{uuid.uuid4()}/x"
    assert ask(gateway.origin, stranger, headers={"Cookie": f"{one}; {two}"}).status == 403


def test_an_expired_cookie_beside_a_good_one(gateway, workspace):
    path = workspace.put()
    good = cookie_of(sign_in(gateway, workspace.token(), scope="one"))
    name = good.split("=")[0]
    expired = f"{name}-z={workspace.token(iat=1, exp=2)}"
    assert ask(gateway.origin, path, headers={"Cookie": f"{expired}; {good}"}).status == 200
    answer = ask(gateway.origin, path, headers={"Cookie": expired})
    assert (answer.status, answer.code) == (401, "token_expired")


def test_too_many_cookies_cost_little(gateway, workspace):
    path = workspace.put()
    many = "; ".join(f"edgepass-{n}={workspace.token()[:-5]}abcde" for n in range(40))
    answer = ask(gateway.origin, path, headers={"Cookie": many})
    assert 400 <= answer.status < 500


def test_cookies_of_other_names_are_no_tokens(gateway, workspace):
    path = workspace.put()
    for name in ("xedgepass", "session", "authorization", "Edgepass"):
        assert ask(gateway.origin, path, headers={"Cookie": f"{name}={workspace.token()}"}).status == 401


@pytest.mark.parametrize("scope", ["", "a b", "a;b", "a=b", "é", "x" * 300, "a\r\nSet-Cookie: x=y", 5, None, ["a"]])
def test_odd_scopes_make_no_odd_headers(gateway, workspace, scope):
    answer = ask(gateway.origin, SESSION, method="POST", token=workspace.token(), json={"scope": scope}, headers={"Origin": APP})
    assert answer.status in (200, 201, 204, 400)
    for cookie in answer.all("set-cookie"):
        name = parse_cookie(cookie)[0]
        assert name.isascii() and len(name) < 200 and not set(name) & set(' ;=,"\\')
    assert "x" not in {parse_cookie(c)[0] for c in answer.all("set-cookie")}
