"""Downloads as RFC 9110 says, for those who are allowed: status, headers and every byte."""

import hashlib
import random
import subprocess
from http.client import HTTPException
from urllib.parse import quote

import httpx
import pytest

from http1 import Connection, ask

MIB = 1024 * 1024

# Of every key the gateway takes: no empty or dot segment, no backslash, no NUL, valid UTF-8.
ODD_NAMES = [
    "plain.txt",
    "with space.txt",
    "plus+sign.txt",
    "per%cent.txt",
    "literal%2Fslash.txt",
    "literal%2F%2e%2E.txt",
    "ümläut-é-文件-😀.txt",
    "e\u0301-decomposed.txt",
    "a&b=c?d#e;f.txt",
    "quote'double\"back`tick.txt",
    "brackets[](){}<>.txt",
    "tilde~star*bang!dollar$.txt",
    "at@colon:comma,pipe|caret^.txt",
    "...",
    "..two-dots",
    "two-dots..",
    "deep/er/and/deep/er.txt",
    "sub.dir/.hidden",
    "trailing space ",
    " leading space",
    "=.txt",
    "a" * 200,
]


def pattern(size, seed=1):
    return random.Random(seed).randbytes(size)


def target(path):
    """A path as it travels: each byte that is not unreserved is escaped."""
    return quote(path, safe="/-._~")


@pytest.fixture(scope="module")
def large(keys, s3, dev, request):
    """2.5 MiB and some, so that it has several slices: (workspace, path, bytes)."""
    from conftest import Workspace

    workspace = Workspace(keys, s3, dev.s3["bucket"])
    body = pattern(5 * MIB // 2 + 12345)
    return workspace, workspace.put("large.bin", body, ContentType="application/octet-stream"), body


def test_whole_object(gateway, workspace):
    path = workspace.put("note.txt", b"hello", ContentType="text/plain")
    answer = ask(gateway.origin, path, token=workspace.token())
    assert answer.status == 200
    assert answer.body == b"hello"
    assert answer.header("content-type") == "text/plain"
    assert answer.header("content-length") == "5"
    assert answer.header("accept-ranges") == "bytes"
    assert answer.header("cache-control") == "private, no-cache"
    assert answer.header("etag").startswith('"') and answer.header("etag").endswith('"')
    assert answer.header("last-modified")
    assert answer.header("edgepass-id")
    assert "origin" in answer.listed("vary")


@pytest.mark.parametrize("algorithm", ["es256", "rs256", "eddsa"])
def test_every_algorithm_of_the_issuer(gateway, workspace, keys, algorithm):
    path = workspace.put()
    assert ask(gateway.origin, path, token=workspace.token(key=getattr(keys, algorithm))).status == 200


def test_a_workspace_token_and_an_accounts_token(gateway, workspace):
    path = workspace.put()
    assert ask(gateway.origin, path, token=workspace.scoped_token()).status == 200
    for role in ("owner", "editor", "reader"):
        assert ask(gateway.origin, path, token=workspace.token(role)).status == 200
    assert ask(gateway.origin, path, token=workspace.token("visitor")).status == 403


def test_the_token_in_the_query(gateway, workspace):
    path, token = workspace.put(body=b"by query"), workspace.token()
    answer = ask(gateway.origin, f"{path}?authorization={token}")
    assert (answer.status, answer.body) == (200, b"by query")


def test_a_public_object_needs_no_token_and_minds_no_bad_one(gateway, s3, dev, workspace):
    name = f"public/{workspace.id}.txt"
    s3.put_object(Bucket=dev.s3["bucket"], Key=name, Body=b"for all", CacheControl="public, max-age=60")
    for options in ({}, {"token": "not.a.token"}, {"token": workspace.token(exp=1)}, {"headers": {"Cookie": "edgepass=x"}}):
        answer = ask(gateway.origin, f"/{name}", **options)
        assert (answer.status, answer.body) == (200, b"for all"), options
        assert answer.header("cache-control") == "public, max-age=60"


def test_missing_is_404_only_for_those_allowed(gateway, workspace, other_workspace):
    path = workspace.put()
    missing = path.replace("a.txt", "b.txt")
    answer = ask(gateway.origin, missing, token=workspace.token())
    assert (answer.status, answer.code) == (404, "not_found")
    stranger = other_workspace.token("owner")
    refusals = [ask(gateway.origin, p, token=stranger) for p in (path, missing)]
    assert [(r.status, r.code) for r in refusals] == [(403, "forbidden")] * 2
    assert shape(refusals[0]) == shape(refusals[1])


def shape(answer):
    """All of an answer but what differs between any two."""
    body = {**answer.json(), "id": "…"}
    return answer.status, sorted((n, v) for n, v in answer.headers if n not in ("date", "edgepass-id")), body


@pytest.mark.parametrize("size", [0, 1, MIB - 1, MIB, MIB + 1, 3 * MIB + 7])
def test_sizes(gateway, workspace, size):
    body = pattern(size, size)
    path, token = workspace.put("of-size", body), workspace.token()
    for _ in ("from the origin", "from the cache"):
        answer = ask(gateway.origin, path, token=token)
        assert answer.status == 200
        assert answer.header("content-length") == str(size)
        assert hashlib.sha256(answer.body).digest() == hashlib.sha256(body).digest()


def test_an_empty_object_has_no_range(gateway, workspace):
    path, token = workspace.put("empty", b""), workspace.token()
    answer = ask(gateway.origin, path, token=token, headers={"Range": "bytes=0-0"})
    assert answer.status == 416
    assert answer.header("content-range") == "bytes */0"


def edges(size):
    """Ranges around the ends and around each edge that slices may have."""
    wanted = {(0, 0), (0, 99), (0, size - 1), (size - 1, size - 1), (size - 100, size + 100), (100, 199)}
    for slice_size in (64 * 1024, 256 * 1024, MIB, 2 * MIB):
        for edge in range(slice_size, size, slice_size):
            if slice_size < MIB and edge > 3 * slice_size:
                break
            wanted |= {(edge - 1, edge), (edge, edge), (edge - 1, edge - 1), (edge - 100, edge + 100), (edge, size - 1)}
    wanted.add((MIB - 5, 2 * MIB + 5))
    return sorted(wanted)


@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
def test_ranges_byte_by_byte(gateway, large, warm, keys, s3, dev):
    workspace, path, body = large
    token = workspace.token()
    if not warm:
        path = workspace.put("cold.bin", body)
    with Connection(gateway.origin) as connection:
        if warm:
            assert connection.ask(path, token=token).body == body
        for first, last in edges(len(body)):
            answer = connection.ask(path, token=token, headers={"Range": f"bytes={first}-{last}"})
            assert answer.status == 206, (first, last)
            last = min(last, len(body) - 1)
            assert answer.header("content-range") == f"bytes {first}-{last}/{len(body)}"
            assert answer.header("content-length") == str(last - first + 1)
            assert answer.body == body[first : last + 1], (first, last)


def test_random_ranges(gateway, large):
    workspace, path, body = large
    dice = random.Random(7)
    with Connection(gateway.origin) as connection:
        for _ in range(200):
            first = dice.randrange(len(body))
            last = min(len(body) - 1, first + dice.choice((0, 10, 1000, 70_000, MIB)))
            answer = connection.ask(path, token=workspace.token(), headers={"Range": f"bytes={first}-{last}"})
            assert (answer.status, answer.body == body[first : last + 1]) == (206, True), (first, last)


@pytest.mark.parametrize("count", [1, 100, MIB, MIB + 1, 10**9])
def test_suffix_ranges(gateway, large, count):
    workspace, path, body = large
    answer = ask(gateway.origin, path, token=workspace.token(), headers={"Range": f"bytes=-{count}"})
    assert answer.status == 206
    assert answer.body == body[-count:]
    start = max(0, len(body) - count)
    assert answer.header("content-range") == f"bytes {start}-{len(body) - 1}/{len(body)}"


def test_open_ended_range(gateway, large):
    workspace, path, body = large
    answer = ask(gateway.origin, path, token=workspace.token(), headers={"Range": f"bytes={MIB + 3}-"})
    assert (answer.status, answer.body) == (206, body[MIB + 3 :])


@pytest.mark.parametrize("start", ["{size}-", "{size}-{size}", "999999999999-", "-0", "99999999999999999999-"])
def test_unsatisfiable_range(gateway, large, start):
    workspace, path, body = large
    headers = {"Range": "bytes=" + start.format(size=len(body))}
    answer = ask(gateway.origin, path, token=workspace.token(), headers=headers)
    assert (answer.status, answer.code) == (416, "range_unsatisfiable")
    assert answer.header("content-range") == f"bytes */{len(body)}"


# RFC 9110 section 14.2: what is no valid range of a known unit is as if it were not there.
NONSENSE_RANGES = [
    "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=1-a", "bytes=5-1", "bytes= 0-1-2", "octets=0-5", "0-5", "bytes:0-5",
    "bytes=0x0-0x5", "bytes=+0-5", "bytes=1.5-2", "bytes=--5", "=0-5", "bytes=\u0661-\u0662", "items=0-5,7-9", "bytes=,",
]


@pytest.mark.parametrize("value", NONSENSE_RANGES)
def test_range_nonsense_is_ignored(gateway, workspace, value):
    path = workspace.put(body=b"0123456789")
    answer = ask(gateway.origin, path, token=workspace.token(), headers={"Range": value})
    assert (answer.status, answer.body) == (200, b"0123456789")


def test_many_ranges_cost_no_more_than_the_object(gateway, large):
    workspace, path, body = large
    everything = ",".join(["0-"] * 500)
    answer = ask(gateway.origin, path, token=workspace.token(), headers={"Range": f"bytes={everything}"})
    assert answer.status in (200, 206, 416)
    assert len(answer.body) <= len(body) + 1000


def test_two_ranges_are_answered_whole_or_by_parts(gateway, large):
    workspace, path, body = large
    answer = ask(gateway.origin, path, token=workspace.token(), headers={"Range": "bytes=0-9,1048570-1048589"})
    if answer.status == 200:
        assert answer.body == body
    else:
        assert answer.status == 206
        assert answer.header("content-type").startswith("multipart/byteranges")
        assert body[:10] in answer.body and body[1048570:1048590] in answer.body


def test_head_is_get_without_the_body(gateway, large):
    workspace, path, body = large
    varying = ("date", "edgepass-id", "age")
    for headers in ({}, {"Range": "bytes=5-9"}, {"If-None-Match": "*"}, {"Range": "bytes=99999999-"}, {"Origin": "https://app.example.com"}):
        get, head = (
            ask(gateway.origin, path, method=method, token=workspace.token(), headers=headers) for method in ("GET", "HEAD")
        )
        if "Range" in headers and head.status == 200:
            get = ask(gateway.origin, path, token=workspace.token())  # RFC 9110 defines Range for GET alone
        assert head.body == b""
        assert head.status == get.status, headers
        plain = [[(n, v) for n, v in sorted(a.headers) if n not in varying] for a in (get, head)]
        assert plain[0] == plain[1], headers


def test_head_of_a_cold_object_reads_no_body_at_the_origin(gateway, middleman, workspace):
    path = workspace.put("cold.bin", pattern(3 * MIB))
    answer = ask(gateway.origin, path, method="HEAD", token=workspace.token())
    assert (answer.status, answer.header("content-length")) == (200, str(3 * MIB))
    assert sum(seen.answered_bytes for seen in middleman.of(path)) <= 2 * MIB


def test_a_keep_alive_connection_goes_on_after_every_answer(gateway, workspace, other_workspace):
    path, token = workspace.put(body=b"here"), workspace.token()
    with Connection(gateway.origin) as connection:
        for method, options, status in [
            ("GET", {"token": token}, 200),
            ("HEAD", {"token": token}, 200),
            ("GET", {}, 401),
            ("GET", {"token": other_workspace.token()}, 403),
            ("GET", {"token": token, "headers": {"If-None-Match": "*"}}, 304),
            ("GET", {"token": token, "headers": {"Range": "bytes=9-"}}, 416),
            ("OPTIONS", {}, 204),
            ("GET", {"token": token}, 200),
        ]:
            answer = connection.ask(path, method=method, **options)
            assert answer.status in ((200, 204) if method == "OPTIONS" else (status,))


def test_a_body_on_a_get_is_never_taken_for_the_next_request(gateway, workspace, other_workspace):
    mine, token, secret = workspace.put(body=b"mine"), workspace.token(), other_workspace.put(body=b"theirs")
    smuggled = f"GET {secret} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {other_workspace.token()}\r\n\r\n".encode()
    for _ in ("miss", "hit"):
        with Connection(gateway.origin) as connection:
            first = connection.ask(mine, token=token, body=smuggled)
            assert first.status in (200, 400, 413)
            try:
                second = connection.ask(mine, token=token)
            except (OSError, HTTPException):
                continue  # closed, which is right too
            assert (second.status, second.body) == (200, b"mine")


# Conditions -------------------------------------------------------------------------------------------------------


@pytest.fixture
def known(gateway, workspace):
    """An object, its token and its validators."""
    path, token = workspace.put(body=b"0123456789"), workspace.token()
    answer = ask(gateway.origin, path, token=token)
    return path, token, answer.header("etag"), answer.header("last-modified")


@pytest.mark.parametrize("form", ["{e}", "W/{e}", '"x", {e}', '{e},"y"', "*"])
def test_if_none_match_true_is_304(gateway, known, form):
    path, token, etag, _ = known
    answer = ask(gateway.origin, path, token=token, headers={"If-None-Match": form.format(e=etag)})
    assert (answer.status, answer.body) == (304, b"")
    assert answer.header("etag") == etag
    assert answer.header("cache-control") == "private, no-cache"
    assert "origin" in answer.listed("vary")


def test_if_none_match_false_is_200(gateway, known):
    path, token, _, _ = known
    assert ask(gateway.origin, path, token=token, headers={"If-None-Match": '"another"'}).status == 200


def test_if_none_match_does_not_open_anything(gateway, known, other_workspace):
    path, _, etag, _ = known
    assert ask(gateway.origin, path, headers={"If-None-Match": etag}).status == 401
    assert ask(gateway.origin, path, token=other_workspace.token(), headers={"If-None-Match": etag}).status == 403


def test_if_modified_since(gateway, known):
    path, token, _, modified = known
    assert ask(gateway.origin, path, token=token, headers={"If-Modified-Since": modified}).status == 304
    for earlier in ("Sat, 01 Jan 2000 00:00:00 GMT", "not a date"):
        assert ask(gateway.origin, path, token=token, headers={"If-Modified-Since": earlier}).status == 200
    both = {"If-Modified-Since": modified, "If-None-Match": '"another"'}
    assert ask(gateway.origin, path, token=token, headers=both).status == 200  # RFC 9110 section 13.2.2


def test_if_match(gateway, known):
    path, token, etag, _ = known
    assert ask(gateway.origin, path, token=token, headers={"If-Match": etag}).status == 200
    assert ask(gateway.origin, path, token=token, headers={"If-Match": "*"}).status == 200
    answer = ask(gateway.origin, path, token=token, headers={"If-Match": '"another"'})
    assert (answer.status, answer.code) == (412, "precondition_failed")
    assert ask(gateway.origin, path, token=token, headers={"If-Match": f"W/{etag}"}).status == 412  # strong comparison


def test_if_unmodified_since(gateway, known):
    path, token, _, modified = known
    assert ask(gateway.origin, path, token=token, headers={"If-Unmodified-Since": modified}).status == 200
    earlier = "Sat, 01 Jan 2000 00:00:00 GMT"
    assert ask(gateway.origin, path, token=token, headers={"If-Unmodified-Since": earlier}).status == 412


def test_if_range(gateway, known):
    path, token, etag, modified = known

    def asked(validator):
        answer = ask(gateway.origin, path, token=token, headers={"Range": "bytes=2-3", "If-Range": validator})
        return answer.status, answer.body

    assert asked(etag) == (206, b"23")
    assert asked('"another"') == (200, b"0123456789")
    assert asked(f"W/{etag}") == (200, b"0123456789")
    assert asked("Sat, 01 Jan 2000 00:00:00 GMT") == (200, b"0123456789")


# Names, types, safety ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_keys_round_trip(gateway, workspace, middleman, name):
    body = name.encode() * 3
    path = workspace.put(name, body)
    answer = ask(gateway.origin, target(path), token=workspace.token())
    assert (answer.status, answer.body) == (200, body)


def test_a_literal_percent_2f_is_not_a_slash(gateway, workspace):
    path = workspace.put("a%2Fb", b"one segment")
    workspace.overwrite(path.replace("%2F", "/"), b"two segments")
    token = workspace.token()
    assert ask(gateway.origin, path.replace("%2F", "%252F"), token=token).body == b"one segment"
    assert ask(gateway.origin, path.replace("%2F", "/"), token=token).body == b"two segments"
    assert ask(gateway.origin, path, token=token).status == 400


def test_plus_is_a_plus(gateway, workspace):
    path = workspace.put("a+b", b"plus")
    workspace.overwrite(path.replace("+", " "), b"space")
    token = workspace.token()
    assert ask(gateway.origin, path, token=token).body == b"plus"
    assert ask(gateway.origin, path.replace("+", "%2B"), token=token).body == b"plus"
    assert ask(gateway.origin, path.replace("+", "%20"), token=token).body == b"space"


def test_the_query_is_no_part_of_the_object(gateway, workspace):
    path, token = workspace.put(body=b"same"), workspace.token()
    for query in ("?", "?x=1", "?response-content-type=text/html", "?versionId=1", "?uploads", "?acl", "?partNumber=1"):
        answer = ask(gateway.origin, path + query, token=token)
        assert (answer.status, answer.body) == (200, b"same"), query
        assert answer.header("content-type") != "text/html"


ACTIVE = {
    "page.html": "text/html",
    "drawing.svg": "image/svg+xml",
    "page.xhtml": "application/xhtml+xml",
    "feed.xml": "text/xml",
    "script.js": "text/javascript",
}


@pytest.mark.parametrize("name", ACTIVE)
def test_active_content_cannot_run(gateway, workspace, name):
    path = workspace.put(name, b"<script>alert(1)</script>", ContentType=ACTIVE[name])
    answer = ask(gateway.origin, path, token=workspace.token())
    assert answer.status == 200
    policy = answer.header("content-security-policy")
    assert "sandbox" in policy and "allow-scripts" not in policy
    assert answer.header("x-content-type-options") == "nosniff"
    if name.endswith(("html", "svg")):
        assert answer.header("content-disposition").startswith("attachment")


@pytest.mark.parametrize("name, media_type", [("photo.png", "image/png"), ("film.mp4", "video/mp4"), ("a.pdf", "application/pdf")])
def test_passive_content_is_shown(gateway, workspace, name, media_type):
    path = workspace.put(name, b"bytes", ContentType=media_type)
    answer = ask(gateway.origin, path, token=workspace.token())
    assert answer.header("content-type") == media_type
    assert not (answer.header("content-disposition") or "inline").startswith("attachment")
    assert answer.header("x-content-type-options") == "nosniff"
    assert answer.header("referrer-policy") == "no-referrer"
    assert answer.header("cross-origin-resource-policy") in ("same-site", "cross-origin")


@pytest.mark.parametrize("name", ["käse 文件.html", 'a"b\\c.html'.replace("\\", ""), "semi;colon=1.html"])
def test_download_names_are_utf8(gateway, workspace, name):
    path = workspace.put(name, b"x", ContentType="text/html")
    disposition = ask(gateway.origin, target(path), token=workspace.token()).header("content-disposition")
    assert disposition.startswith("attachment")
    assert disposition.isascii()
    if not name.isascii():
        assert f"filename*=UTF-8''{quote(name, safe='')}" in disposition.replace("utf-8", "UTF-8")


def test_headers_of_the_store_do_not_leak(gateway, workspace):
    path = workspace.put(Metadata={"private-note": "inner"})
    answer = ask(gateway.origin, path, token=workspace.token())
    leaked = [n for n, _ in answer.headers if n.startswith("x-amz") or n in ("server", "set-cookie", "x-powered-by")]
    assert leaked == []


# HTTP/2 -----------------------------------------------------------------------------------------------------------


def test_http2_with_prior_knowledge(gateway, large):
    workspace, path, body = large
    token = workspace.token()
    with httpx.Client(http1=False, http2=True, base_url=gateway.origin) as client:
        answers = [
            client.get(path, headers={"Authorization": f"Bearer {token}", **headers})
            for headers in ({}, {"Range": "bytes=1048570-1048589"}, {"If-None-Match": "*"}, {"Range": "bytes=99999999-"})
        ]
        bare = client.get(path)
    assert {a.http_version for a in answers} == {"HTTP/2"}
    assert [a.status_code for a in answers] == [200, 206, 304, 416]
    assert answers[0].content == body
    assert answers[1].content == body[1048570:1048590]
    assert (bare.status_code, bare.json()["error"]) == (401, "token_missing")


def test_http2_by_curl_reads_the_same_bytes(gateway, large):
    workspace, path, body = large
    done = subprocess.run(
        ["curl", "-sS", "--http2-prior-knowledge", "-w", "%{stderr}%{http_version} %{http_code}", "-H",
         f"Authorization: Bearer {workspace.token()}", gateway.origin + path],
        capture_output=True, timeout=30,
    )  # fmt: skip
    assert done.stderr.decode() == "2 200"
    assert done.stdout == body


def test_http2_authority_and_path_tricks(gateway, workspace, other_workspace):
    secret, token = other_workspace.put(body=b"theirs"), workspace.token("owner")
    with httpx.Client(http1=False, http2=True, base_url=gateway.origin) as client:
        for path in (f"/{workspace.id}/..{secret}", f"/{workspace.id}/%2e%2e{secret}", f"/{secret}", secret):
            answer = client.get(gateway.origin + path, headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code in (400, 403)
            assert b"theirs" not in answer.content
