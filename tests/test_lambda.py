"""Both functions as Lambda runs them, under AWS's runtime interface emulator: the documented events, and events that are none."""

import base64
import json
import time

import pytest

from conftest import APP
from edge_function import event, package
from http1 import ask
from lambda_emulator import RUNTIME, Lambda
from test_uploads import BODY, form, put, split_url, wish

SECRET = "a-secret-between-the-distribution-and-the-function"
AWS = '\n[aws]\nstack = "tests"\n'


@pytest.fixture(scope="module")
def packages(site, tmp_path_factory):
    """The ordinary site's functions, unpacked."""
    directory = tmp_path_factory.mktemp("lambda")
    text, _ = site.text(directory=directory)
    config = directory / "edgepass.toml"
    config.write_text(text + AWS)
    edge, regional = package(config, directory / "out")
    (edge_zip,) = (directory / "out").glob("edge-*.zip")
    assert edge_zip.stat().st_size < 400_000
    return directory, edge, regional


@pytest.fixture(scope="module")
def edge(packages):
    directory, edge, _ = packages
    with Lambda(["node", RUNTIME, edge, "index.handler"], edge, directory / "edge.log") as function:
        yield function


@pytest.fixture(scope="module")
def regional(packages, dev):
    directory, _, regional = packages
    env = {
        "EDGEPASS_ORIGIN_SECRET": SECRET,
        "AWS_ACCESS_KEY_ID": dev.s3["access_key"],
        "AWS_SECRET_ACCESS_KEY": dev.s3["secret_key"],
    }
    with Lambda([regional / "bootstrap"], regional, directory / "regional.log", env=env) as function:
        yield function


def bearer(token):
    return ("Authorization", f"Bearer {token}")


# At viewer-request ------------------------------------------------------------------------------------------------


def test_an_allowed_request_goes_on_without_its_token(edge, workspace):
    path = f"/{workspace.id}/aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa/a%20b+c.txt"
    asked = event("GET", f"{path}?authorization={workspace.token()}&x=1", [("Cookie", "edgepass=x; other=y"), ("Range", "bytes=0-9")])
    answer = edge.invoke(asked)
    assert answer["uri"] == path.replace("+", "%2B")
    assert answer["querystring"] == ""
    assert not {"authorization", "cookie"} & set(answer["headers"])
    assert answer["headers"]["range"] == [{"key": "Range", "value": "bytes=0-9"}]
    assert {"clientIp", "method", "headers", "uri", "querystring"} <= set(answer)


@pytest.mark.parametrize(
    "headers,status,code",
    [
        ([], "401", "token_missing"),
        ([("Authorization", "Bearer nonsense")], "401", "token_invalid"),
        ([("Authorization", "Bearer a"), ("Authorization", "Bearer b")], "400", "token_conflict"),
    ],
)
def test_refusals_are_answers(edge, workspace, headers, status, code):
    path = f"/{workspace.id}/aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa/a.txt"
    answer = edge.invoke(event("GET", path, [("Origin", APP), *headers]))
    assert (answer["status"], json.loads(answer["body"])["error"]) == (status, code)
    header = {name: fields[0]["value"] for name, fields in answer["headers"].items()}
    assert header["access-control-allow-origin"] == APP and header["access-control-allow-credentials"] == "true"
    assert header["cache-control"] == "no-store" and header["vary"] == "Origin"
    assert len(json.dumps(answer)) < 40_000


def test_a_strangers_workspace_is_forbidden(edge, workspace, other_workspace):
    path = f"/{other_workspace.id}/aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa/a.txt"
    answer = edge.invoke(event("GET", path, [bearer(workspace.token())]))
    assert (answer["status"], json.loads(answer["body"])["error"]) == ("403", "forbidden")


def test_preflights_need_no_token(edge, workspace):
    asked = [("Origin", APP), ("Access-Control-Request-Method", "GET"), ("Access-Control-Request-Headers", "authorization")]
    answer = edge.invoke(event("OPTIONS", f"/{workspace.id}/x/y", asked))
    assert answer["status"] == "204" and "body" not in answer
    header = {name: fields[0]["value"] for name, fields in answer["headers"].items()}
    assert header["access-control-allow-methods"] == "GET, HEAD, OPTIONS"
    assert "Authorization" in header["access-control-allow-headers"]
    stranger = edge.invoke(event("OPTIONS", f"/{workspace.id}/x/y", [("Origin", "https://evil.example"), *asked[1:]]))
    assert not any(name.startswith("access-control") for name in stranger["headers"])


def changed(change):
    asked = event("GET", "/public/a.txt", [])
    change(asked["Records"][0]["cf"])
    return asked


def without(name):
    return lambda cf: cf["request"].pop(name)


def setting(name, value):
    return lambda cf: cf["request"].__setitem__(name, value)


MALFORMED = {
    "an empty object": {},
    "null": None,
    "a text": "event",
    "a list": [],
    "no record": {"Records": []},
    "a record that is null": {"Records": [None]},
    "no cf": {"Records": [{}]},
    "no request": {"Records": [{"cf": {"config": {}}}]},
    "a request that is a text": {"Records": [{"cf": {"config": {}, "request": "GET /"}}]},
    "no method": changed(without("method")),
    "no uri": changed(without("uri")),
    "a uri that is a number": changed(setting("uri", 7)),
    "a uri that is not absolute": changed(setting("uri", "public/a.txt")),
    "an empty uri": changed(setting("uri", "")),
    "a uri with a space": changed(setting("uri", "/public/a b.txt")),
    "a uri with a line break": changed(setting("uri", "/public/a\r\nb.txt")),
    "a uri with a fragment": changed(setting("uri", "/public/a#b")),
    "a long uri": changed(setting("uri", "/public/" + "a" * 100_000)),
    "a query in the uri": changed(setting("uri", "/public/a?b")),
    "a method that is none": changed(setting("method", "GET / HTTP/1.1")),
    "headers that are a list": changed(setting("headers", [])),
    "a header that is a text": changed(setting("headers", {"host": "x"})),
    "a header without a value": changed(setting("headers", {"host": [{"key": "Host"}]})),
    "a header with a line break": changed(setting("headers", {"origin": [{"key": "Origin", "value": "a\r\nb: c"}]})),
    "a header's name that is none": changed(setting("headers", {"a b": [{"key": "a b", "value": "c"}]})),
    "a header from a prototype": changed(setting("headers", {"__proto__": [{"key": "x", "value": "y"}]})),
    "two hosts": changed(setting("headers", {"host": [{"value": "a"}, {"value": "b"}]})),
    "a query that is a number": changed(setting("querystring", 1)),
    "a token that is no token": changed(setting("headers", {"authorization": [{"value": "Bearer " + "a" * 20_000}]})),
    "a request id that is an object": changed(lambda cf: cf["config"].__setitem__("requestId", {"a": "\r\n"})),
}
# The public route is for anyone, so what is merely odd is let through; never with what was odd about it.
HARMLESS = {"a token that is no token", "a request id that is an object", "a query in the uri", "a uri with a fragment", "a header from a prototype"}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_events_never_throw(edge, name):
    answer = edge.invoke(MALFORMED[name])
    assert "errorType" not in answer, answer
    if "status" in answer:
        assert answer["status"] in ("400", "405", "414"), answer
        assert json.loads(answer["body"])["error"]
    else:
        assert name in HARMLESS, answer
        assert answer["uri"].startswith("/public/") and answer["querystring"] == ""
        assert not {"authorization", "cookie"} & set(answer["headers"])


def test_it_goes_on_after_what_it_cannot_read(edge):
    assert edge.invoke(event("GET", "/public/a.txt", []))["uri"] == "/public/a.txt"


def test_no_token_is_logged(edge, packages, workspace):
    token = workspace.token()
    edge.invoke(event("GET", f"/nowhere?authorization={token}", [bearer(token)]))
    log = packages[0] / "edge.log"
    deadline = time.monotonic() + 5
    while "no_route" not in log.read_text() and time.monotonic() < deadline:
        time.sleep(0.01)
    text = log.read_text()
    assert '"reason":"no_route"' in text
    assert token[-40:] not in text and token[:20] not in text


# In the region ----------------------------------------------------------------------------------------------------


def api_event(method, path, headers=None, body=None, cookies=(), query="", secret=SECRET):
    """API Gateway's payload 2.0, as its Developer Guide has it."""
    headers = {"host": "abc.execute-api.us-east-1.amazonaws.com", **(headers or {})}
    if secret is not None:
        headers["edgepass-origin-secret"] = secret
    asked = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "cookies": list(cookies),
        "headers": headers,
        "requestContext": {"http": {"method": method, "path": path, "protocol": "HTTP/1.1"}, "requestId": "JKJaXmPLvHcESHA=", "stage": "$default"},
        "isBase64Encoded": False,
    }
    if body is not None:
        asked["body"], asked["isBase64Encoded"] = base64.b64encode(body).decode(), True
    return asked


def json_headers(token):
    return {"authorization": f"Bearer {token}", "content-type": "application/json", "origin": APP}


@pytest.mark.parametrize("secret", [None, "", "wrong", SECRET + "x", SECRET[:-1]])
def test_nobody_gets_past_cloudfront(regional, secret):
    answer = regional.invoke(api_event("GET", "/_edgepass/health", secret=secret))
    assert (answer["statusCode"], json.loads(answer["body"])["error"]) == (403, "forbidden")


def test_health(regional):
    answer = regional.invoke(api_event("GET", "/_edgepass/health"))
    assert (answer["statusCode"], json.loads(answer["body"])) == (200, {"status": "ready"})


def test_a_session_begins_and_ends(regional, workspace):
    token = workspace.token()
    begun = regional.invoke(api_event("POST", "/_edgepass/session", json_headers(token), b"{}"))
    assert begun["statusCode"] == 200
    (cookie,) = begun["cookies"]
    assert cookie.startswith(f"edgepass={token}; ") and "HttpOnly" in cookie
    assert begun["headers"]["access-control-allow-origin"] == APP
    pair = cookie.split(";")[0]
    known = regional.invoke(api_event("GET", "/_edgepass/session", {"origin": APP}, cookies=[pair]))
    assert json.loads(known["body"])["sessions"][0]["issuer"] == "app"
    ended = regional.invoke(api_event("DELETE", "/_edgepass/session", {"origin": APP}, cookies=[pair]))
    assert ended["statusCode"] == 204 and "Max-Age=0" in ended["cookies"][0]
    assert ended["headers"]["clear-site-data"] == '"cache"'


@pytest.mark.parametrize("mode", ["put", "post"])
def test_what_it_signs_the_store_takes(regional, workspace, s3, dev, mode):
    body = json.dumps(wish(workspace, mode=mode)).encode()
    answer = regional.invoke(api_event("POST", "/_edgepass/uploads", json_headers(workspace.token("owner")), body))
    assert answer["statusCode"] == 201, answer
    given = json.loads(answer["body"])
    if mode == "put":
        assert put(given, BODY).status == 200
    else:
        content_type, filled = form(given["fields"].items(), BODY)
        origin, target = split_url(given["url"])
        assert ask(origin, target, method="POST", body=filled, headers={"Content-Type": content_type}).status in (200, 201, 204)
    assert s3.get_object(Bucket=dev.s3["bucket"], Key=given["key"])["Body"].read() == BODY


@pytest.mark.parametrize(
    "change,status,code",
    [
        (lambda asked, _: asked["headers"].pop("authorization"), 401, "token_missing"),
        (lambda asked, _: asked["headers"].update({"authorization": "Bearer a,Bearer b"}), 401, "token_invalid"),
        (lambda asked, _: asked["headers"].update({"origin": "https://evil.example"}), 403, "forbidden"),
        (lambda asked, _: asked["headers"].update({"content-type": "text/plain"}), 400, "bad_request"),
        (lambda asked, _: asked.update({"body": base64.b64encode(b"{" * 70_000).decode()}), 413, "too_large"),
        (lambda asked, _: asked.update({"body": "!!!"}), 400, "bad_request"),
        (lambda asked, other: asked["headers"].update({"authorization": f"Bearer {other.token('owner')}"}), 403, "forbidden"),
        (lambda asked, _: asked["requestContext"]["http"].update({"method": "PATCH"}), 405, "method_not_allowed"),
        (lambda asked, _: asked.update({"rawPath": "/public/a.txt"}), 405, "method_not_allowed"),
        (lambda asked, _: asked.update({"rawPath": "/_edgepass/nothing"}), 404, "not_found"),
    ],
)
def test_refused_as_the_gateway_refuses(regional, workspace, other_workspace, change, status, code):
    body = json.dumps(wish(workspace, mode="put")).encode()
    asked = api_event("POST", "/_edgepass/uploads", json_headers(workspace.token("owner")), body)
    change(asked, other_workspace)
    answer = regional.invoke(asked)
    assert (answer["statusCode"], json.loads(answer["body"])["error"]) == (status, code)


@pytest.mark.parametrize("event", [{}, None, [], "x", {"version": "2.0"}, {"rawPath": 1}, {"rawPath": "/", "requestContext": {}}])
def test_malformed_api_events_are_answered(regional, event):
    answer = regional.invoke(event)
    assert (answer["statusCode"], json.loads(answer["body"])["error"]) == (400, "bad_request")


def test_objects_are_not_its_business(regional, workspace):
    answer = regional.invoke(api_event("GET", f"/{workspace.id}/x/y", {"authorization": f"Bearer {workspace.token()}"}))
    assert answer["statusCode"] in (400, 404)
