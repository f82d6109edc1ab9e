"""Links: one object, for a short while, for whoever holds the link; nothing else, in no other way, and written down nowhere."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote, urlsplit

import pytest

from conftest import APP
from http1 import Connection, ask
from processes import wait_until
from tokens import b64, unb64

LINKS = "/_edgepass/links"


@pytest.fixture(scope="module")
def secret(tmp_path_factory):
    path = tmp_path_factory.mktemp("links") / "links.secret"
    path.write_text("a secret of at least thirty-two bytes, for links")
    return path


@pytest.fixture(scope="module")
def linking(site, secret, middleman):
    """A gateway that signs links with a secret of the configuration's, in front of the counting proxy."""
    admin = secret.parent / "admin.secret"
    admin.write_text("a secret of at least thirty-two bytes, for operators")
    sections = f'[links]\nsecret_file = "{secret}"\n\n[admin]\nsecret_file = "{admin}"\n\n[token]'
    return site.serve(("[token]", sections), endpoint=middleman.endpoint)


def mint(gateway, path, token, *, headers=(), **wish):
    return ask(gateway.origin, LINKS, method="POST", token=token, json={"path": quote(path), **wish}, headers=headers)


def link_of(gateway, path, token, **wish):
    """The link's target: path and query."""
    answer = mint(gateway, path, token, **wish)
    assert answer.status == 201, answer
    url = answer.json()["url"]
    assert url.startswith(gateway.origin + "/")
    return url.removeprefix(gateway.origin)


def token_in(link):
    return urlsplit(link).query.removeprefix("link=")


def claims_in(link):
    return json.loads(unb64(token_in(link).split(".")[1]))


def refusal(answer):
    return answer.status, answer.code


def test_a_link_opens_its_object(linking, workspace):
    path = workspace.put("ä b?#%.txt", b"by link", ContentType="text/plain")
    link = link_of(linking, path, workspace.token())
    assert ask(linking.origin, quote(path)).status == 401
    answer = ask(linking.origin, link)
    assert (answer.status, answer.body) == (200, b"by link")
    assert answer.header("cache-control") == "private, no-cache"
    assert answer.header("referrer-policy") == "no-referrer"
    assert answer.header("content-disposition").startswith("inline")
    head = ask(linking.origin, link, method="HEAD")
    assert (head.status, head.header("content-length"), head.body) == (200, "7", b"")
    part = ask(linking.origin, link, headers={"Range": "bytes=1-2"})
    assert (part.status, part.body) == (206, b"y ")
    assert ask(linking.origin, link, headers={"If-None-Match": answer.header("etag")}).status == 304


NAMES = {
    "bericht.txt": 'attachment; filename="bericht.txt"',
    "grüße.txt": "attachment; filename=\"gr__e.txt\"; filename*=UTF-8''gr%C3%BC%C3%9Fe.txt",
    'a"b.txt': "attachment; filename=\"a_b.txt\"; filename*=UTF-8''a%22b.txt",
    "a;b='c.txt": 'attachment; filename="a;b=\'c.txt"',
    "%22.txt": "attachment; filename=\"_22.txt\"; filename*=UTF-8''%2522.txt",
    "\u202egpj.exe": None,
    "n" * 255: f'attachment; filename="{"n" * 255}"',
}


@pytest.mark.parametrize("name", NAMES)
def test_names_to_save_under(linking, workspace, name):
    path = workspace.put("own.png", b"x", ContentType="image/png")
    answer = ask(linking.origin, link_of(linking, path, workspace.token(), download=name))
    disposition = answer.header("content-disposition")
    assert disposition == (NAMES[name] or disposition)
    assert disposition.isascii() and disposition.startswith("attachment; filename=\"")
    saved = ask(linking.origin, link_of(linking, path, workspace.token(), download=True))
    assert saved.header("content-disposition") == 'attachment; filename="own.png"'


def test_the_cache_does_not_remember_a_name(linking, workspace):
    path = workspace.put("own.png", b"x", ContentType="image/png")
    assert ask(linking.origin, link_of(linking, path, workspace.token(), download="other.png")).status == 200
    assert ask(linking.origin, path, token=workspace.token()).header("content-disposition") == 'inline; filename="own.png"'


@pytest.mark.parametrize("ttl", [1, 900, None])
def test_lives(linking, workspace, ttl):
    wish = {} if ttl is None else {"ttl": ttl}
    answer = mint(linking, workspace.put(), workspace.token(exp=int(time.time()) + 3600), **wish)
    assert abs(answer.json()["expires"] - time.time() - (ttl or 60)) <= 2


def test_never_longer_than_the_token(linking, workspace):
    path, end = workspace.put(), int(time.time()) + 20
    assert mint(linking, path, workspace.token(exp=end), ttl=900).json()["expires"] == end
    old = workspace.token(iat=int(time.time()) - 24 * 3600 + 30)
    assert mint(linking, path, old, ttl=900).json()["expires"] <= time.time() + 30, "the issuer's max_age counts too"


BAD = [
    {"ttl": 0}, {"ttl": -1}, {"ttl": 901}, {"ttl": 1.5}, {"ttl": "60"}, {"ttl": 2**70}, {"ttl": True}, {"ttl": [1]},
    {"once": 1}, {"once": "true"}, {"download": 5}, {"download": ""}, {"download": "n" * 256}, {"download": "a/b"},
    {"download": "a\\b"}, {"download": "a\r\nSet-Cookie: x=y"}, {"download": "a\0"}, {"download": "\x7f"}, {"download": "ä" * 128},
    {"download": ["a"]}, {"more": 1}, {"path": 5}, {"path": None}, {"path": "/a?b=c"}, {"path": "/a#b"}, {"method": "POST"},
]  # fmt: skip


@pytest.mark.parametrize("wish", BAD, ids=lambda wish: json.dumps(wish)[:40])
def test_wishes_that_are_refused(linking, workspace, wish):
    answer = ask(linking.origin, LINKS, method="POST", token=workspace.token(), json={"path": workspace.put(), **wish})
    assert refusal(answer) == (400, "bad_request")
    assert answer.json()["detail"] and answer.all("set-cookie") == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"/a"', b"{}", b'{"path":"/a","path":"/b"}', b"\xff", b'{"path":"/a"} x', b"[" * 60_000])
def test_bodies_that_are_refused(linking, workspace, body):
    headers = {"Content-Type": "application/json"}
    answer = ask(linking.origin, LINKS, method="POST", token=workspace.token(), body=body, headers=headers)
    assert refusal(answer) == (400, "bad_request")


@pytest.mark.parametrize("path, status, code", [
    ("/a/../b", 400, "bad_path"), ("/a//b", 400, "bad_path"), ("/a%2Fb", 400, "bad_path"), ("/a%", 400, "bad_path"),
    ("/a\\b", 400, "bad_path"), ("/%00", 400, "bad_path"), ("a/b", 400, "bad_path"), ("", 400, "bad_path"),
    ("https://evil.example/a", 400, "bad_path"), ("//evil.example/a", 400, "bad_path"), ("/" + "a" * 1025, 414, "uri_too_long"),
    ("/_edgepass/session", 403, "forbidden"), ("/nowhere", 403, "forbidden"),
])  # fmt: skip
def test_paths_that_are_refused(linking, workspace, path, status, code):
    answer = ask(linking.origin, LINKS, method="POST", token=workspace.token(), json={"path": path})
    assert refusal(answer) == (status, code)


def test_who_may_ask(linking, workspace, other_workspace):
    path = workspace.put()
    assert refusal(mint(linking, path, other_workspace.token("owner"))) == (403, "forbidden")
    assert refusal(mint(linking, f"/{workspace.id}/{workspace.id}/missing", other_workspace.token())) == (403, "forbidden")
    assert refusal(mint(linking, path, workspace.token(exp=1, iat=0))) == (401, "token_expired")
    assert refusal(mint(linking, path, None)) == (401, "token_missing")
    cookie = {"Cookie": f"edgepass={workspace.token()}"}
    assert refusal(mint(linking, path, None, headers=cookie)) == (401, "token_missing")
    by_query = ask(linking.origin, f"{LINKS}?authorization={workspace.token()}", method="POST", json={"path": path})
    assert refusal(by_query) == (401, "token_missing")
    assert [ask(linking.origin, LINKS, method=method).status for method in ("GET", "PUT", "DELETE")] == [405] * 3


@pytest.mark.parametrize("origin, status", [(APP, 201), ("site", 201), ("https://evil.example", 403), ("null", 403), (APP + ".evil.example", 403)])
def test_pages_that_may_ask(linking, workspace, origin, status):
    origin = linking.origin if origin == "site" else origin
    answer = mint(linking, workspace.put(), workspace.token(), headers={"Origin": origin})
    assert answer.status == status
    assert answer.header("access-control-allow-origin") == (APP if origin == APP else None)
    assert answer.header("cache-control") == "no-store"


def test_what_anyone_may_read_needs_no_link(linking, workspace, s3, dev):
    s3.put_object(Bucket=dev.s3["bucket"], Key=f"public/{workspace.id}.txt", Body=b"for all")
    path = f"/public/{workspace.id}.txt"
    assert mint(linking, path, workspace.token()).json() == {"url": linking.origin + path, "expires": None}
    for wish in ({"once": True}, {"download": True}, {"download": "a"}):
        assert refusal(mint(linking, path, workspace.token(), **wish)) == (400, "bad_request")
    assert ask(linking.origin, path + "?link=garbage").status == 200


def test_of_50_requests_at_once_one_wins(linking, workspace):
    link = link_of(linking, workspace.put(body=b"once"), workspace.token(), once=True)
    connections = [Connection(linking.origin) for _ in range(50)]
    together = threading.Barrier(50)

    def follow(connection):
        together.wait()
        return connection.ask(link)

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(follow, connections))
    assert [answer.body for answer in answers if answer.status == 200] == [b"once"]
    assert {refusal(answer) for answer in answers if answer.status != 200} == {(401, "token_used")}


@pytest.mark.parametrize("first", [{"method": "HEAD"}, {"headers": {"Range": "bytes=0-0"}}, {"headers": {"Range": "bytes=999-"}}])
def test_every_request_uses_a_link_for_one_up(linking, workspace, first):
    link = link_of(linking, workspace.put(), workspace.token(), once=True)
    assert ask(linking.origin, link, **first).status in (200, 206, 416)
    assert refusal(ask(linking.origin, link)) == (401, "token_used")


def test_a_refused_request_does_not_use_it_up(linking, workspace):
    path = workspace.put(body=b"once")
    link = link_of(linking, path, workspace.token(), once=True)
    assert ask(linking.origin, f"{workspace.put()}?link={token_in(link)}").status == 403
    assert ask(linking.origin, link, method="POST").status == 405
    assert ask(linking.origin, link, method="OPTIONS").status == 204
    assert ask(linking.origin, link).body == b"once"


def test_a_link_opens_nothing_else(linking, workspace, other_workspace):
    path = workspace.put()
    link = link_of(linking, path, workspace.token("owner"))
    text = token_in(link)
    for other in (workspace.put(), other_workspace.put(), path + "x", path.upper(), path[:-1], "/nowhere"):
        assert refusal(ask(linking.origin, f"{other}?link={text}")) == (403, "forbidden"), other
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert ask(linking.origin, link, method=method).status == 405


def test_a_link_is_good_as_a_link_alone(linking, workspace):
    path = workspace.put()
    text = token_in(link_of(linking, path, workspace.token("owner")))
    for carried in (
        {"token": text},
        {"headers": {"Cookie": f"edgepass={text}"}},
        {"headers": {"Cookie": f"edgepass-scope={text}"}},
    ):
        for method in ("GET", "HEAD"):
            assert ask(linking.origin, path, method=method, **carried).status == 403, carried
    assert ask(linking.origin, f"{path}?authorization={text}").status == 403
    assert ask(linking.origin, f"{path}?link={text}", token=text).status == 403
    assert refusal(ask(linking.origin, f"{path}?link={text}", token=workspace.token())) == (400, "token_conflict")
    assert ask(linking.origin, f"{path}?Link={text}").status == 401


def test_a_link_that_came_as_a_token_is_not_used_up(linking, workspace):
    path = workspace.put(body=b"once")
    link = link_of(linking, path, workspace.token(), once=True)
    text = token_in(link)
    for carried in ({"token": text}, {"headers": {"Cookie": f"edgepass={text}"}}):
        answer = ask(linking.origin, path, **carried)
        assert refusal(answer) == (403, "forbidden")
        assert linking.log_of(answer)["reason"] == "link_is_no_token"
    both = {"Cookie": f"edgepass={text}; edgepass-a={workspace.token()}"}
    assert ask(linking.origin, path, headers=both).body == b"once", "the other cookie is enough"
    assert ask(linking.origin, link).body == b"once"
    assert refusal(ask(linking.origin, link)) == (401, "token_used")


def test_a_token_is_no_link(linking, workspace):
    """A query ends up in histories: it carries tokens only where the configuration asks for it."""
    path, token = workspace.put(), workspace.token()
    assert refusal(ask(linking.origin, f"{path}?link={token}")) == (401, "token_invalid")
    assert refusal(ask(linking.origin, f"/_edgepass/session?link={token}")) == (401, "token_invalid")
    assert ask(linking.origin, f"{path}?link={token}", token=token).status == 200, "one token, carried as asked for too"


def test_a_link_is_no_token_of_our_endpoints(linking, workspace):
    text = token_in(link_of(linking, workspace.put(), workspace.token("owner")))
    wish = {"params": {"workspace": workspace.id}, "filename": "a.txt", "type": "text/plain", "size": 1}
    for target, body in (("session", {}), ("uploads", wish), ("links", {"path": workspace.put()})):
        answer = ask(linking.origin, f"/_edgepass/{target}", method="POST", token=text, json=body)
        assert refusal(answer) == (403, "forbidden"), target
        assert answer.all("set-cookie") == []
        answer = ask(linking.origin, f"/_edgepass/{target}?link={text}", method="POST", json=body)
        assert refusal(answer) == (401, "token_missing"), target
    for carried in ({"token": text}, {"headers": {"Cookie": f"edgepass={text}"}}):
        assert ask(linking.origin, "/_edgepass/session", **carried).status == 403
    assert ask(linking.origin, f"/_edgepass/session?link={text}").status == 403


def changed(text, **changes):
    header, payload, signature = text.split(".")
    return ".".join((header, b64(json.dumps({**json.loads(unb64(payload)), **changes}).encode()), signature))


def test_tampered(linking, workspace, other_workspace):
    path, other = workspace.put(), other_workspace.put()
    link = token_in(link_of(linking, path, workspace.token()))
    header, payload, signature = link.split(".")
    flipped = signature[:-2] + ("A" if signature[-2] != "A" else "B") + signature[-1]
    none = b64(json.dumps({"alg": "none"}).encode())
    bad = [changed(link, path=other), changed(link, exp=2**40), changed(link, of={}), f"{header}.{payload}.{flipped}"]
    bad += [f"{none}.{payload}.", f"{none}.{payload}.{signature}", link[:-1], link + "A", "", "a.b.c", workspace.token() + "x"]
    for text in bad:
        for target in (path, other):
            assert refusal(ask(linking.origin, f"{target}?link={text}")) == (401, "token_invalid"), text
    assert refusal(ask(linking.origin, f"{path}?link={link}&link={flipped}")) == (400, "token_conflict")


def test_an_issuer_cannot_sign_links(linking, keys, workspace):
    """Whoever may sign tokens cannot make himself a link, whatever he writes into it."""
    path = workspace.put()
    claims = claims_in(link_of(linking, path, workspace.token()))
    assert ask(linking.origin, f"{path}?link={keys.es256.sign(claims)}").code == "token_invalid"
    dressed = keys.es256.sign({**claims, "iss": "https://app.example.com", "aud": "files"})
    assert ask(linking.origin, f"{path}?link={dressed}").code == "token_invalid", "no token counts there"
    assert ask(linking.origin, path, token=dressed).status == 403


def test_an_ended_link(linking, workspace):
    path = workspace.put()
    link = link_of(linking, path, workspace.token(), ttl=1)
    other = link_of(linking, path, workspace.token(), ttl=60)
    # Nodes' clocks may differ by 5 s.
    wait_until(lambda: refusal(ask(linking.origin, link)) == (401, "token_expired"), 10, "the link's end")
    assert time.time() >= claims_in(link)["exp"] + 4
    assert ask(linking.origin, other).status == 200


def test_a_link_ends_with_its_token(linking, workspace):
    path = workspace.put(body=b"x")
    mine, others = workspace.token(sub=f"ada {workspace.id}", jti=workspace.id), workspace.token(sub="other")
    links = [link_of(linking, path, token, ttl=900) for token in (mine, others)]
    assert [ask(linking.origin, link).status for link in links] == [200, 200]
    secret = {"Authorization": "Bearer a secret of at least thirty-two bytes, for operators"}
    revoked = ask(linking.admin, "/revocations", method="POST", json={"jti": workspace.id}, headers=secret)
    assert revoked.status == 200, revoked
    assert refusal(ask(linking.origin, links[0])) == (401, "token_revoked")
    assert ask(linking.origin, links[1]).status == 200
    assert refusal(mint(linking, path, mine)) == (401, "token_revoked")


def test_gateways_of_one_site_share_links(site, linking, secret, workspace):
    """The site's origin is the same on both: an audience of its own for each would be no site."""
    path = workspace.put(body=b"x")
    sections = ("[token]", f'[links]\nsecret_file = "{secret}"\n\n[token]')
    other = site.serve(sections)
    origin = ("[site]\norigin = ", f'[site]\norigin = "{linking.origin}"\n#')
    twin = site.serve(sections, origin)
    link = link_of(linking, path, workspace.token())
    assert ask(twin.origin, link).status == 200
    assert ask(other.origin, link).code == "token_invalid", "another site with the same secret"


def test_without_a_secret_links_end_with_the_process(site, workspace):
    gateway = site.serve()
    path = workspace.put()
    link = link_of(gateway, path, workspace.token(), ttl=900)
    assert ask(gateway.origin, link).status == 200
    gateway.stop()
    again = site.again(gateway)
    assert refusal(ask(again.origin, link)) == (401, "token_invalid")
    assert ask(again.origin, path, token=workspace.token()).status == 200


def test_in_no_log_and_at_no_origin(linking, middleman, workspace):
    path = workspace.put(body=b"x" * 3_000_000)
    links = [link_of(linking, path, workspace.token(), once=once, download="a.bin") for once in (False, True)]
    for link in links:
        last = [ask(linking.origin, target) for target in (link, link, link + "x", path.replace("a.txt", "b") + "?" + urlsplit(link).query)][-1]
    linking.log_of(last)
    metrics = ask(linking.admin, "/metrics").body.decode()
    seen = b"".join(request.head for request in middleman.of(workspace.id)).decode()
    assert seen and workspace.id in linking.output()
    for link in links:
        _, payload, signature = token_in(link).split(".")
        for secret in (signature, payload, "link="):
            assert secret not in linking.output() + metrics + seen


def test_circumstances_are_judged_at_use(site, workspace):
    rule = '{ action = "read", claims = { workspace = "{workspace}" } }'
    gateway = site.serve((rule, rule.removesuffix(" }") + ', methods = ["GET"] }'))
    link = link_of(gateway, workspace.put(), workspace.scoped_token())
    assert ask(gateway.origin, link, method="HEAD").status == 403
    assert ask(gateway.origin, link).status == 200
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3))
    ending = site.serve((rule, rule.removesuffix(" }") + f", until = {until} }}"))
    link = link_of(ending, workspace.put(), workspace.scoped_token())
    assert ask(ending.origin, link).status == 200
    wait_until(lambda: refusal(ask(ending.origin, link)) == (403, "forbidden"), 6, "the rule's end")


def test_nothing_of_the_claims_but_names_for_revoking_is_in_a_link(linking, workspace):
    token = workspace.token(email="ada@example.com", sub="ada", sid="s1", jti="j1")
    claims = claims_in(link_of(linking, workspace.put(), token))
    assert claims["of"]["claims"] == {"sub": "ada", "sid": "s1", "jti": "j1"}
    assert "ada@example.com" not in json.dumps(claims) and "members" not in json.dumps(claims)
