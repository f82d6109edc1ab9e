"""What HTTP says of caches (RFC 9110, 9111, 5861), seen from outside: ages, stale answers, several ranges, what clients may ask."""

import email.policy
import time
from concurrent.futures import ThreadPoolExecutor
from email.parser import BytesParser

import pytest

from http1 import ask
from middleman import Middleman
from processes import wait_until

MIB = 1024 * 1024

TTL = 'ttl = "5m"'
SHORT = (TTL, 'ttl = "1s"')


def used(gateway, answer):
    """The log's word for how the cache was used."""
    record = wait_until(lambda: next((r for r in gateway.log() if r["id"] == answer.header("edgepass-id")), None), 5, "the log line")
    return record.get("cache")


def raw(*lines, body=b""):
    """A store's answer as it is written."""
    head = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *lines]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


# Age --------------------------------------------------------------------------------------------------------------


def test_age_grows_and_is_on_no_first_answer(gateway, workspace):
    path, token = workspace.put(), workspace.token()
    first = ask(gateway.origin, path, token=token)
    assert first.header("age") is None
    ages = []
    for headers in ({}, {"If-None-Match": first.header("etag")}, {"Range": "bytes=0-1"}):
        answer = ask(gateway.origin, path, token=token, headers=headers)
        ages.append(int(answer.header("age")))
        assert ages[-1] <= 5
    time.sleep(1.1)
    assert int(ask(gateway.origin, path, method="HEAD", token=token).header("age")) >= ages[-1] + 1


def test_the_stores_age_counts(site, workspace, own_middleman):
    gateway = site.serve(endpoint=own_middleman.endpoint)
    path, token = workspace.put(), workspace.token()
    own_middleman.fault = lambda seen: raw('ETag: "a"', "Cache-Control: max-age=100", "Age: 60", body=b"aged")
    answer = ask(gateway.origin, path, token=token)
    assert 60 <= int(answer.header("age")) <= 65
    assert 60 <= int(ask(gateway.origin, path, token=token).header("age")) <= 65
    own_middleman.fault = lambda seen: raw('ETag: "a"', "Cache-Control: max-age=100", "Age: 101", body=b"aged")
    path = workspace.put()
    for _ in range(2):
        assert ask(gateway.origin, path, token=token).body == b"aged"
    assert len(own_middleman.of(path)) == 2, "it was stale when it came"


def test_head_is_get_minus_the_body(gateway, workspace):
    path, token = workspace.put(body=b"0123456789"), workspace.token()
    etag = ask(gateway.origin, path, token=token).header("etag")
    varying = ("date", "edgepass-id", "age")
    missing = path.replace("a.txt", "missing.txt")
    for target, headers, status in [
        (path, {}, 200),
        (path, {"If-None-Match": etag}, 304),
        (path, {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}, 304),
        (path, {"If-Match": '"x"'}, 412),
        (missing, {}, 404),
        (path, {"Cache-Control": "only-if-cached"}, 200),
    ]:
        get, head = (ask(gateway.origin, target, method=method, token=token, headers=headers) for method in ("GET", "HEAD"))
        assert (get.status, head.status, head.body) == (status, status, b""), headers
        plain = [sorted((n, v) for n, v in answer.headers if n not in varying) for answer in (get, head)]
        assert plain[0] == plain[1], headers
    # RFC 9110 section 14.2: a range is defined for GET alone, and with any other method as if it were not there.
    whole = ask(gateway.origin, path, method="HEAD", token=token)
    for value in ("bytes=2-4", "bytes=50-", "bytes=0-1,8-9"):
        head = ask(gateway.origin, path, method="HEAD", token=token, headers={"Range": value})
        assert (head.status, head.header("content-length"), head.header("content-range")) == (200, "10", None)
        assert head.header("etag") == whole.header("etag")


# Stale ------------------------------------------------------------------------------------------------------------


TROUBLE = {
    "500": b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
    "503": b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n",
    "hangs up": b"",
    "nonsense": b"\x00\x01nonsense\r\n\r\n",
}


@pytest.mark.parametrize("what", TROUBLE)
def test_what_is_kept_answers_for_a_store_in_trouble(site, workspace, own_middleman, what):
    gateway = site.serve(SHORT, endpoint=own_middleman.endpoint)
    path, token = workspace.put(body=b"kept"), workspace.token()
    strict, named = (workspace.put(body=b"kept", CacheControl=text) for text in ("max-age=1, must-revalidate", "max-age=1, stale-if-error=0"))
    for known in (path, strict, named):
        assert ask(gateway.origin, known, token=token).body == b"kept"
    time.sleep(2.1)
    own_middleman.fault = lambda seen: TROUBLE[what]
    answer = ask(gateway.origin, path, token=token)
    assert (answer.status, answer.body, used(gateway, answer)) == (200, b"kept", "stale")
    assert int(answer.header("age")) >= 2
    assert ask(gateway.origin, path, token=token, headers={"If-None-Match": answer.header("etag")}).status == 304
    assert ask(gateway.origin, path, token=token, headers={"Range": "bytes=1-2"}).body == b"ep"
    assert ask(gateway.origin, path).status == 401, "the cache is asked after leave is given"
    for known in (strict, named):
        assert ask(gateway.origin, known, token=token).status in (502, 503)
    own_middleman.fault = None
    workspace.overwrite(path, b"new")
    begun = time.monotonic()
    wait_until(lambda: ask(gateway.origin, path, token=token).body == b"new", 10, "the new version")
    assert time.monotonic() - begun < 5


def test_a_store_that_is_away_is_not_asked_on_every_request(site, workspace, dev):
    middleman = Middleman(dev.s3["endpoint"])
    gateway = site.serve(SHORT, endpoint=middleman.endpoint)
    path, token = workspace.put(body=b"kept"), workspace.token()
    ask(gateway.origin, path, token=token)
    middleman.stop()
    time.sleep(2.1)
    begun = time.monotonic()
    for _ in range(50):
        assert ask(gateway.origin, path, token=token).body == b"kept"
    assert time.monotonic() - begun < 5
    # It comes back where it was.
    again = Middleman(dev.s3["endpoint"], port=middleman.port)
    try:
        workspace.overwrite(path, b"new")
        wait_until(lambda: ask(gateway.origin, path, token=token).body == b"new", 5, "the new version")
    finally:
        again.stop()


def test_a_store_that_hangs_is_waited_for_a_moment(site, workspace, own_middleman):
    gateway = site.serve(SHORT, endpoint=own_middleman.endpoint)
    path, token = workspace.put(body=b"kept"), workspace.token()
    ask(gateway.origin, path, token=token)
    time.sleep(2.1)
    own_middleman.hold()
    begun = time.monotonic()
    answer = ask(gateway.origin, path, token=token)
    assert (answer.body, used(gateway, answer)) == (b"kept", "stale")
    assert 2 < time.monotonic() - begun < 6
    own_middleman.release()


def test_what_the_store_refuses_is_refused(site, workspace, own_middleman):
    gateway = site.serve(SHORT, endpoint=own_middleman.endpoint)
    path, token = workspace.put(body=b"kept"), workspace.token()
    ask(gateway.origin, path, token=token)
    time.sleep(2.1)
    own_middleman.fault = lambda seen: b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
    assert ask(gateway.origin, path, token=token).status == 502
    own_middleman.fault = lambda seen: b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
    assert ask(gateway.origin, path, token=token).status == 404
    own_middleman.fault = lambda seen: TROUBLE["503"]
    assert ask(gateway.origin, path, token=token).status == 502, "what was missing is not kept"


def test_stale_while_revalidate(site, workspace, own_middleman):
    gateway = site.serve(endpoint=own_middleman.endpoint)
    told = "max-age=1, stale-while-revalidate=60"
    path, token = workspace.put(body=b"first", CacheControl=told), workspace.token()
    ask(gateway.origin, path, token=token)
    time.sleep(2.1)
    workspace.overwrite(path, b"second", CacheControl=told)
    own_middleman.hold()
    begun = time.monotonic()
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: ask(gateway.origin, path, token=token), range(30)))
    assert time.monotonic() - begun < 2, "nobody waited for the store"
    assert {answer.body for answer in answers} == {b"first"}
    assert used(gateway, answers[0]) == "stale"
    own_middleman.release()
    answer = wait_until(lambda: (a := ask(gateway.origin, path, token=token)).body == b"second" and a, 5, "the second version")
    assert used(gateway, answer) in ("hit", "stale")
    assert len([seen for seen in own_middleman.of(path) if seen.held]) == 1, "one question for all of them"


def test_the_sites_own_stale_while_revalidate(site, workspace, own_middleman):
    gateway = site.serve((TTL, 'ttl = "1s"\nstale_while_revalidate = "1m"'), endpoint=own_middleman.endpoint)
    token = workspace.token()
    said, unsaid = workspace.put(CacheControl="max-age=1"), workspace.put()
    for path in (said, unsaid):
        ask(gateway.origin, path, token=token)
    time.sleep(2.1)
    assert [used(gateway, ask(gateway.origin, path, token=token)) for path in (said, unsaid)] == ["revalidated", "stale"]


# Missing ----------------------------------------------------------------------------------------------------------


def test_a_missing_object_is_remembered_as_long_as_the_site_says(site, workspace, other_workspace, own_middleman):
    gateway = site.serve((TTL, 'ttl = "5m"\nmissing_ttl = "3s"'), endpoint=own_middleman.endpoint)
    path, token = workspace.put().replace("a.txt", "late.txt"), workspace.token()
    for _ in range(5):
        answer = ask(gateway.origin, path, token=token)
        assert (answer.status, answer.header("cache-control")) == (404, "no-store")
    assert ask(gateway.origin, path, token=other_workspace.token()).status == 403
    assert ask(gateway.origin, path).status == 401
    assert len(own_middleman.of(path)) == 1
    workspace.overwrite(path, b"there")
    wait_until(lambda: ask(gateway.origin, path, token=token).body == b"there", 6, "the object")


def test_a_refusal_of_the_stores_is_never_remembered(site, workspace, own_middleman):
    gateway = site.serve((TTL, 'ttl = "5m"\nmissing_ttl = "1m"'), endpoint=own_middleman.endpoint)
    path, token = workspace.put(body=b"there"), workspace.token()
    own_middleman.fault = lambda seen: b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
    assert ask(gateway.origin, path, token=token).status == 502
    own_middleman.fault = None
    assert ask(gateway.origin, path, token=token).body == b"there"


# What clients may ask ---------------------------------------------------------------------------------------------


def test_only_if_cached(gateway, workspace, middleman):
    path, token = workspace.put(body=b"here"), workspace.token()
    asked = {"Cache-Control": "only-if-cached"}
    answer = ask(gateway.origin, path, token=token, headers=asked)
    assert (answer.status, answer.code, middleman.of(path)) == (504, "not_cached", [])
    assert ask(gateway.origin, path, headers=asked).status == 401
    ask(gateway.origin, path, token=token)
    assert ask(gateway.origin, path, token=token, headers=asked).body == b"here"
    large = workspace.put("large.bin", b"x" * (3 * MIB))
    ask(gateway.origin, large, token=token, headers={"Range": "bytes=0-9"})
    answer = ask(gateway.origin, large, token=token, headers={**asked, "Range": f"bytes={2 * MIB}-"})
    assert answer.status == 504


@pytest.mark.parametrize("headers", [{"Cache-Control": "no-cache"}, {"Cache-Control": "max-age=0"}, {"Pragma": "no-cache"}])
def test_a_reload_sees_the_new_version_and_costs_one_question_a_second(gateway, workspace, middleman, headers):
    path, token = workspace.put(body=b"first"), workspace.token()
    ask(gateway.origin, path, token=token)
    workspace.overwrite(path, b"second")
    assert ask(gateway.origin, path, token=token).body == b"first", "it is fresh"
    time.sleep(1.1)
    assert ask(gateway.origin, path, token=token, headers=headers).body == b"second"
    before, begun = len(middleman.of(path)), time.monotonic()
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda _: ask(gateway.origin, path, token=token, headers=headers), range(200)))
    seconds = time.monotonic() - begun
    assert len(middleman.of(path)) - before <= seconds + 2


def test_what_one_client_asks_changes_no_other_clients_answer(site, workspace, own_middleman):
    gateway = site.serve(SHORT, endpoint=own_middleman.endpoint)
    path = workspace.put(body=b"first")
    ada, eve = workspace.token(sub="ada"), workspace.token(sub="eve")
    ask(gateway.origin, path, token=ada)
    ask(gateway.origin, path, token=eve, headers={"Cache-Control": "no-store"})
    assert len(own_middleman.of(path)) == 1, "no-store is no way to make the store work"
    time.sleep(2.1)
    workspace.overwrite(path, b"second")
    answer = ask(gateway.origin, path, token=eve, headers={"Cache-Control": "max-stale"})
    assert (answer.body, used(gateway, answer)) == (b"first", "stale")
    assert ask(gateway.origin, path, token=ada).body == b"second"


# Answers without what S3 always has -------------------------------------------------------------------------------


def test_an_object_without_an_etag(site, workspace, own_middleman):
    gateway = site.serve(SHORT, endpoint=own_middleman.endpoint)
    path, token = workspace.put(), workspace.token()
    date = "Sun, 06 Nov 1994 08:49:37 GMT"
    own_middleman.fault = lambda seen: raw(f"Last-Modified: {date}", body=b"0123456789")
    first = ask(gateway.origin, path, token=token)
    assert (first.body, first.header("etag"), first.header("last-modified")) == (b"0123456789", None, date)
    assert ask(gateway.origin, path, token=token, headers={"Range": "bytes=2-3"}).body == b"23"
    assert ask(gateway.origin, path, token=token, headers={"If-Modified-Since": date}).status == 304
    assert len(own_middleman.of(path)) == 1
    time.sleep(2.1)
    own_middleman.fault = lambda seen: b"HTTP/1.1 304 Not Modified\r\n\r\n"
    answer = ask(gateway.origin, path, token=token)
    assert (answer.body, used(gateway, answer)) == (b"0123456789", "revalidated")
    assert own_middleman.of(path)[-1].header("if-modified-since") == date
    # Larger than a slice it cannot be put together safely.
    own_middleman.fault = lambda seen: (
        f"HTTP/1.1 206 Partial Content\r\nContent-Length: {MIB}\r\nContent-Range: bytes 0-{MIB - 1}/{2 * MIB}\r\n"
        f"Last-Modified: {date}\r\n\r\n"
    ).encode() + b"x" * MIB
    assert ask(gateway.origin, workspace.put(), token=token).status == 502


def test_vary(site, workspace, own_middleman):
    gateway = site.serve(endpoint=own_middleman.endpoint)
    token = workspace.token()
    for vary, reads in [("Origin, Accept-Encoding", 1), ("Access-Control-Request-Method", 1), ("*", 3), ("Cookie", 3)]:
        path = workspace.put()
        own_middleman.fault = lambda seen, vary=vary: raw('ETag: "a"', f"Vary: {vary}", body=b"varied")
        for _ in range(3):
            answer = ask(gateway.origin, path, token=token)
            assert (answer.status, answer.body) == (200, b"varied")
            assert "origin" in answer.listed("vary")
        assert len(own_middleman.of(path)) == reads, vary
        assert reads == 1 or vary.lower() in answer.listed("vary")


def test_a_304_brings_new_headers(site, workspace, own_middleman):
    gateway = site.serve(("[issuer.app]\n", 'headers = ["x-amz-meta-note"]\n[issuer.app]\n'), SHORT, endpoint=own_middleman.endpoint)
    path, token = workspace.put(), workspace.token()
    own_middleman.fault = lambda seen: raw('ETag: "a"', "Content-Type: image/png", "x-amz-meta-note: old", "Set-Cookie: a=b", body=b"png")
    answer = ask(gateway.origin, path, token=token)
    assert (answer.header("x-amz-meta-note"), answer.header("set-cookie")) == ("old", None)
    time.sleep(2.1)
    own_middleman.fault = lambda seen: (
        b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nx-amz-meta-note: new\r\nContent-Type: application/xml\r\n\r\n'
    )
    answer = ask(gateway.origin, path, token=token)
    assert used(gateway, answer) == "revalidated"
    assert (answer.body, answer.header("x-amz-meta-note"), answer.header("content-type")) == (b"png", "new", "image/png")


# Several ranges ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def document(keys, s3, dev):
    """Three slices and some: (workspace, path, bytes)."""
    from conftest import Workspace

    workspace = Workspace(keys, s3, dev.s3["bucket"])
    body = b"".join(number.to_bytes(4, "big") for number in range((3 * MIB + 400) // 4))
    return workspace, workspace.put("paper.pdf", body, ContentType="application/pdf"), body


def parts_of(answer):
    """`Content-Range` and bytes of each part."""
    head = b"Content-Type: " + answer.header("content-type").encode() + b"\r\n\r\n"
    message = BytesParser(policy=email.policy.HTTP).parsebytes(head + answer.body)
    assert message.get_content_type() == "multipart/byteranges"
    boundary = message.get_boundary().encode()
    assert answer.body.endswith(b"\r\n--" + boundary + b"--\r\n")
    found = []
    for piece in answer.body.split(b"\r\n--" + boundary)[1:-1]:
        head, _, body = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n"))
        assert fields[b"Content-Type"] == b"application/pdf"
        found.append((fields[b"Content-Range"].decode(), body))
    return found


SIZE = 3 * MIB + 400

SEVERAL = [
    # As readers of documents ask: the end first, tables, then pages.
    ("bytes=0-1023,-1024", [(0, 1023), (SIZE - 1024, SIZE - 1)]),
    ("bytes=0-99, 500000-500099 ,2000000-2000999", [(0, 99), (500000, 500099), (2000000, 2000999)]),
    ("bytes=2000000-2000999,0-99", [(0, 99), (2000000, 2000999)]),
    (f"bytes={MIB - 10}-{MIB + 9},{2 * MIB - 1}-{2 * MIB}", [(MIB - 10, MIB + 9), (2 * MIB - 1, 2 * MIB)]),
    ("bytes=0-99,99999999-", [(0, 99)]),
    ("bytes=0-99,50-149", [(0, 149)]),
    ("bytes=0-0,2-2,4-4", [(0, 4)]),
    ("bytes=0-,0-,0-", None),
    ("bytes=" + ",".join(f"{n}000-{n}009" for n in range(16)), [(n * 1000, n * 1000 + 9) for n in range(16)]),
    ("bytes=" + ",".join(f"{n}000-{n}009" for n in range(17)), None),
]


@pytest.mark.parametrize("cached", ["cold", "warm"])
@pytest.mark.parametrize(("value", "expected"), SEVERAL)
def test_several_ranges(site, gateway, document, cached, value, expected):
    workspace, path, body = document
    if cached == "cold":
        gateway = site.serve()
    token = workspace.token()
    answer = ask(gateway.origin, path, token=token, headers={"Range": value})
    assert int(answer.header("content-length")) == len(answer.body) <= len(body)
    if expected is None:
        assert (answer.status, answer.body == body) == (200, True)
    elif len(expected) == 1:
        [(first, last)] = expected
        assert (answer.status, answer.body == body[first : last + 1]) == (206, True)
        assert answer.header("content-range") == f"bytes {first}-{last}/{len(body)}"
    else:
        assert (answer.status, answer.header("content-range")) == (206, None)
        parts = parts_of(answer)
        assert [named for named, _ in parts] == [f"bytes {first}-{last}/{len(body)}" for first, last in expected]
        assert all(part == body[first : last + 1] for (_, part), (first, last) in zip(parts, expected, strict=True))
    if cached == "cold":
        gateway.stop()


def test_several_ranges_under_conditions(gateway, document):
    workspace, path, body = document
    token, several = workspace.token(), {"Range": "bytes=0-9,5000-5009"}
    etag = ask(gateway.origin, path, token=token, method="HEAD").header("etag")
    for headers, status in [
        ({"If-Range": etag}, 206),
        ({"If-Range": '"other"'}, 200),
        ({"If-Range": f"W/{etag}"}, 200),
        ({"If-None-Match": etag}, 304),
        ({"If-Match": '"other"'}, 412),
    ]:
        assert ask(gateway.origin, path, token=token, headers={**several, **headers}).status == status, headers
    answer = ask(gateway.origin, path, token=token, headers={"Range": "bytes=99999999-,88888888-"})
    assert (answer.status, answer.header("content-range")) == (416, f"bytes */{len(body)}")
    boundaries = {ask(gateway.origin, path, token=token, headers=several).header("content-type") for _ in range(5)}
    assert len(boundaries) == 5, "nobody can put the next one into a file"


def test_several_ranges_of_an_object_that_is_replaced(site, workspace, own_middleman):
    """Parts of two versions are never in one answer."""
    gateway = site.serve(endpoint=own_middleman.endpoint)
    path, token = workspace.put("a.bin", b"A" * (3 * MIB)), workspace.token()
    ask(gateway.origin, path, token=token, headers={"Range": "bytes=0-9"})
    workspace.overwrite(path, b"B" * (3 * MIB))
    answer = ask(gateway.origin, path, token=token, headers={"Range": f"bytes=0-99,{2 * MIB}-{2 * MIB + 99}"})
    assert answer.truncated and b"B" * 100 not in answer.body
    answer = ask(gateway.origin, path, token=token, headers={"Range": f"bytes=0-99,{2 * MIB}-{2 * MIB + 99}"})
    assert (answer.status, answer.truncated, answer.body.count(b"B" * 100), b"A" * 100 in answer.body) == (206, False, 2, False)
