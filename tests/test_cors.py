"""CORS: pages of allowed apps read every answer, no other page reads any, and no cache can mix them up."""

import pytest

from conftest import APP
from http1 import ask

EXPOSED = {"edgepass-id", "etag", "content-range", "accept-ranges", "content-length", "content-disposition"}
ALLOWED = {"authorization", "range", "if-range", "content-type"}
HOSTILE = [
    "https://evil.example",
    "https://app.example.com.evil.example",
    "https://evilapp.example.com",
    "https://app.example.com:444",
    "https://app.example.com:443",
    "http://app.example.com",
    "https://app.example.com/",
    "https://app.example.com@evil.example",
    "https://APP.example.com",
    "https://app.example.com.",
    "https://sub.app.example.com",
    "https://app-example.com",
    "https://appxexample.com",
    "null",
    "file://",
    "*",
    "",
    "https://app.example.com https://evil.example",
    "https://app.example.com, https://evil.example",
    "https://app.example.com%00.evil.example",
]


@pytest.fixture
def answers(gateway, workspace, other_workspace):
    """One way to each status: name -> (expected status, function of the Origin)."""
    path, token = workspace.put(body=b"0123456789"), workspace.token()
    missing = path + ".none"

    def way(status, target=path, method="GET", **headers):
        given = None if headers.pop("bare", False) else headers.pop("token", token)
        return status, lambda origin: ask(
            gateway.origin, target, method=method, token=given,
            headers={k.replace("_", "-"): v for k, v in headers.items()} | ({} if origin is None else {"Origin": origin}),
        )  # fmt: skip

    return {
        "200": way(200),
        "206": way(206, Range="bytes=1-2"),
        "304": way(304, If_None_Match="*"),
        "400": way(400, target=path + "/../x"),
        "401": way(401, bare=True),
        "403": way(403, token=other_workspace.token()),
        "404": way(404, target=missing),
        "405": way(405, method="PUT"),
        "412": way(412, If_Match='"x"'),
        "416": way(416, Range="bytes=99-"),
        "session 401": way(401, target="/_edgepass/session", bare=True),
        "uploads 401": way(401, target="/_edgepass/uploads", method="POST", bare=True),
    }


STATUSES = ["200", "206", "304", "400", "401", "403", "404", "405", "412", "416", "session 401", "uploads 401"]


@pytest.mark.parametrize("name", STATUSES)
def test_an_allowed_origin_reads_every_answer(answers, name):
    status, asked = answers[name]
    answer = asked(APP)
    assert answer.status == status
    assert answer.header("access-control-allow-origin") == APP
    assert answer.header("access-control-allow-credentials") == "true"
    assert EXPOSED <= answer.listed("access-control-expose-headers")
    assert "origin" in answer.listed("vary")


@pytest.mark.parametrize("name", STATUSES)
def test_no_other_origin_reads_any(answers, name):
    status, asked = answers[name]
    for origin in (None, *HOSTILE):
        answer = asked(origin)
        assert answer.status == status, origin
        assert answer.all("access-control-allow-origin") == [], origin
        assert answer.all("access-control-allow-credentials") == [], origin
        assert "origin" in answer.listed("vary"), origin


def test_the_cache_does_not_remember_an_origin(answers):
    _, asked = answers["200"]
    for origin, allowed in [(APP, [APP]), (None, []), ("https://evil.example", []), (APP, [APP])]:
        assert asked(origin).all("access-control-allow-origin") == allowed


def preflight(gateway, target, origin=APP, method="GET", headers="authorization"):
    asked = {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}
    return ask(gateway.origin, target, method="OPTIONS", headers=asked)


def test_a_preflight_needs_no_token(gateway, workspace):
    answer = preflight(gateway, workspace.put(), headers="authorization,range,if-range")
    assert answer.status in (200, 204)
    assert answer.body == b""
    assert answer.header("access-control-allow-origin") == APP
    assert answer.header("access-control-allow-credentials") == "true"
    assert answer.header("access-control-max-age") == "7200"
    assert {"get", "head"} <= answer.listed("access-control-allow-methods")
    assert ALLOWED <= answer.listed("access-control-allow-headers")
    assert "*" not in answer.listed("access-control-allow-headers")
    assert "origin" in answer.listed("vary")


def test_a_preflight_tells_nothing_about_objects(gateway, workspace):
    there = workspace.put()
    a, b = (preflight(gateway, target) for target in (there, there + ".none"))
    assert a.status == b.status
    assert {n: v for n, v in a.headers if n not in ("date", "edgepass-id")} == {
        n: v for n, v in b.headers if n not in ("date", "edgepass-id")
    }


@pytest.mark.parametrize("endpoint, method", [("session", "POST"), ("session", "DELETE"), ("uploads", "POST")])
def test_preflights_of_the_reserved_endpoints(gateway, endpoint, method):
    answer = preflight(gateway, f"/_edgepass/{endpoint}", method=method, headers="authorization,content-type")
    assert answer.status in (200, 204)
    assert answer.header("access-control-allow-origin") == APP
    assert method.lower() in answer.listed("access-control-allow-methods")
    assert ALLOWED <= answer.listed("access-control-allow-headers")


@pytest.mark.parametrize("origin", HOSTILE)
def test_a_hostile_preflight_is_granted_nothing(gateway, workspace, origin):
    answer = preflight(gateway, workspace.put(), origin=origin)
    assert answer.status < 500
    assert answer.all("access-control-allow-origin") == []
    assert answer.all("access-control-allow-headers") == []
    assert "origin" in answer.listed("vary")


def test_a_public_route_may_open_to_every_page(site, s3, dev, workspace):
    gateway = site.serve(("allow = [{ action = \"read\", anyone = true }]", "allow = [{ action = \"read\", anyone = true }]\ncors = \"*\""))
    name = f"public/{workspace.id}.css"
    s3.put_object(Bucket=dev.s3["bucket"], Key=name, Body=b"a{}", ContentType="text/css")
    answer = ask(gateway.origin, f"/{name}", headers={"Origin": "https://stranger.example"})
    assert answer.status == 200
    assert answer.header("access-control-allow-origin") == "*"
    assert answer.all("access-control-allow-credentials") == []
