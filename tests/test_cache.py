"""One copy serves all who may see it: who asks is in no key, in no log line and in no origin request."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException

import pytest

from http1 import Connection, ask, request
from processes import wait_until
from tokens import parts_to_hide

MIB = 1024 * 1024


def haystack(gateway, middleman):
    """All that the gateway has written or sent, except answers to the client."""
    metrics = ask(gateway.admin, "/metrics")
    assert metrics.status == 200
    heads = b"".join(seen.head for seen in middleman.seen).decode("latin-1")
    return {"output": gateway.output(), "metrics": metrics.body.decode(), "origin": heads}


def test_2000_downloads_with_200_tokens_are_one_origin_read(site, workspace, own_middleman):
    gateway = site.serve(endpoint=own_middleman.endpoint)
    body = random.Random(3).randbytes(50_000)
    path = workspace.put("shared.bin", body)
    tokens = [workspace.token(sub=f"user-{n}") for n in range(200)]

    def downloads(part):
        wrong = 0
        with Connection(gateway.origin) as connection:
            for number, token in enumerate(part * 10):
                carrier = number % 3
                if carrier == 0:
                    answer = connection.ask(path, token=token)
                elif carrier == 1:
                    answer = connection.ask(f"{path}?authorization={token}")
                else:
                    answer = connection.ask(path, headers={"Cookie": f"edgepass={token}"})
                wrong += (answer.status, answer.body) != (200, body)
        return wrong

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(downloads, [tokens[start::20] for start in range(20)])) == 0

    reads = own_middleman.of(path)
    assert [(seen.method, seen.status) for seen in reads] in ([("GET", 200)], [("GET", 206)])

    wait_until(lambda: len(gateway.log()) >= 2000, 10, "2,000 log lines")
    places = haystack(gateway, own_middleman)
    assert path in places["output"] and "user-199" in places["output"] and path in places["origin"], "the search finds what is there"
    for place, text in places.items():
        assert text, place
        found = [token for token in tokens for part in parts_to_hide(token) if part in text]
        assert found == [], f"a token, or its signature, is in the {place}"
    for name in ("cookie", "x-forwarded-for"):
        assert reads[0].header(name) is None
    assert reads[0].header("authorization").startswith("AWS4-HMAC-SHA256")


def test_refused_tokens_are_in_no_log_either(site, workspace, own_middleman):
    gateway = site.serve(endpoint=own_middleman.endpoint)
    path = workspace.put()
    bad = [workspace.token(aud="other"), workspace.token(exp=5, iat=1), workspace.token()[:-3] + "AAA", workspace.token() + ".x"]
    for token in bad:
        ask(gateway.origin, path, token=token)
        ask(gateway.origin, f"{path}?authorization={token}")
        ask(gateway.origin, path, headers={"Cookie": f"edgepass={token}"})
        ask(gateway.origin, f"/{token}/x", token=token)
        ask(gateway.origin, f"{path}?token={token}&x=1")
        ask(gateway.origin, path, headers={"Referer": f"https://app.example.com/?t={token}", "User-Agent": token, "Authorization": token})
        ask(gateway.origin, "/_edgepass/session", method="POST", token=token, json={})
    wait_until(lambda: len(gateway.log()) >= 7 * len(bad), 10, "the log lines")
    for place, text in haystack(gateway, own_middleman).items():
        for token in bad:
            # A path is logged as it is, and a client may write a token into one; its signature never makes sense there.
            parts = parts_to_hide(token) if place != "output" else [token.split(".")[2]]
            lines = [line for line in text.splitlines() if f'"/{token}/x"' not in line]
            assert not any(part in line for part in parts for line in lines), place


def test_the_log_line(site, workspace, own_middleman):
    gateway = site.serve(endpoint=own_middleman.endpoint)
    path = workspace.put(body=b"12345")
    token = workspace.token(sub="ada")
    ids = [ask(gateway.origin, f"{path}?authorization={token}").header("edgepass-id") for _ in range(2)]
    miss, hit = (wait_until(lambda: next((r for r in gateway.log() if r["id"] == i), None), 5, "the log line") for i in ids)
    for record in (miss, hit):
        assert record["method"] == "GET"
        assert record["path"] == path
        assert record["status"] == 200
        assert record["subject"] == "ada"
        assert record["bytes"] == 5
    assert (miss["cache"], hit["cache"]) == ("miss", "hit")


def test_100_simultaneous_cold_reads_are_one_origin_read(site, workspace, own_middleman):
    gateway = site.serve(endpoint=own_middleman.endpoint)
    body = random.Random(4).randbytes(300_000)
    path = workspace.put("cold.bin", body)
    own_middleman.hold()
    connections = [Connection(gateway.origin) for _ in range(100)]

    for connection in connections:
        connection.send(request(connection.host, path, token=workspace.token()))
    wait_until(lambda: own_middleman.of(path), 5, "the first origin request")
    own_middleman.release()
    answers = [connection.receive() for connection in connections]
    for connection in connections:
        connection.close()
    assert {(answer.status, answer.body == body) for answer in answers} == {(200, True)}
    assert len(own_middleman.of(path)) == 1


def test_a_leader_that_leaves_does_not_take_the_others_along(site, workspace, own_middleman):
    gateway = site.serve(endpoint=own_middleman.endpoint)
    body = random.Random(5).randbytes(300_000)
    path = workspace.put("cold.bin", body)

    own_middleman.hold()
    leader = Connection(gateway.origin)
    leader.send(request(leader.host, path, token=workspace.token()))
    wait_until(lambda: own_middleman.of(path), 5, "the leader's origin request")
    others = [Connection(gateway.origin) for _ in range(10)]
    for other in others:
        other.send(request(other.host, path, token=workspace.token()))
    leader.close()
    own_middleman.release()
    for other in others:
        answer = other.receive()
        assert (answer.status, answer.body == body) == (200, True)
        other.close()
    assert len(own_middleman.of(path)) <= 2


def test_100_bytes_of_a_large_object_are_one_slice(site, workspace, own_middleman):
    gateway = site.serve(endpoint=own_middleman.endpoint)
    body = random.Random(6).randbytes(64 * MIB)
    path = workspace.put("large.bin", body)
    start = 40 * MIB + 1000
    answer = ask(gateway.origin, path, token=workspace.token(), headers={"Range": f"bytes={start}-{start + 99}"})
    assert (answer.status, answer.body) == (206, body[start : start + 100])
    reads = own_middleman.of(path)
    assert len(reads) == 1
    assert reads[0].header("range") is not None
    assert reads[0].answered_bytes <= 2 * MIB
    again = ask(gateway.origin, path, token=workspace.token(), headers={"Range": f"bytes={start + 50}-{start + 60}"})
    assert again.body == body[start + 50 : start + 61]
    assert len(own_middleman.of(path)) == 1, "the slice is in the cache"


def test_authorised_on_every_hit(gateway, workspace, other_workspace, middleman):
    path, token = workspace.put(body=b"mine"), workspace.token()
    assert ask(gateway.origin, path, token=token).status == 200
    for _ in range(20):
        assert ask(gateway.origin, path).status == 401
        assert ask(gateway.origin, path, token=other_workspace.token("owner")).status == 403
        assert ask(gateway.origin, path, token=workspace.token(exp=5, iat=1)).status == 401
    assert ask(gateway.origin, path, token=token).status == 200
    assert len(middleman.of(path)) == 1


def test_unkeyed_headers_change_nothing(gateway, workspace, middleman):
    path, token = workspace.put(body=b"the one body"), workspace.token()
    assert ask(gateway.origin, path, token=token).status == 200
    for name in ("X-Forwarded-Host", "X-Forwarded-Proto", "X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override", "Accept-Encoding",
                 "Accept", "Accept-Language", "User-Agent", "Forwarded", "X-Forwarded-For", "Via", "TE", "Expect2"):  # fmt: skip
        for value in ("evil.example", "no-cache", "gzip;q=0, nonsense", "/admin", ""):
            answer = ask(gateway.origin, path, token=token, headers={name: value})
            assert (answer.status, answer.body) == (200, b"the one body"), (name, value)
    assert len(middleman.of(path)) == 1


def test_a_range_of_a_cached_object_is_a_hit(gateway, workspace, middleman):
    path, token = workspace.put(body=b"0123456789"), workspace.token()
    ask(gateway.origin, path, token=token)
    for headers in ({"Range": "bytes=2-4"}, {"If-None-Match": "*"}, {"Range": "bytes=50-"}, {"If-Match": '"x"'}):
        ask(gateway.origin, path, token=token, headers=headers)
        ask(gateway.origin, path, method="HEAD", token=token, headers=headers)
    assert len(middleman.of(path)) == 1


def test_refusals_and_missing_objects_are_not_remembered(gateway, workspace, other_workspace):
    path = workspace.put()
    late = path.replace("a.txt", "late.txt")
    assert ask(gateway.origin, late, token=other_workspace.token()).status == 403
    assert ask(gateway.origin, late, token=workspace.token()).status == 404
    workspace.overwrite(late, b"now there")
    answer = ask(gateway.origin, late, token=workspace.token())
    assert (answer.status, answer.body) == (200, b"now there")


# Versions ---------------------------------------------------------------------------------------------------------


def versions(size):
    """Two versions of one object of which each byte tells its version."""
    return b"A" * size, b"B" * size


def is_of_one_version(body):
    return body.count(body[:1]) == len(body)


def test_an_overwritten_object_is_found_after_its_ttl(site, workspace, own_middleman):
    gateway = site.serve(('ttl = "5m"', 'ttl = "1s"'), endpoint=own_middleman.endpoint)
    path, token = workspace.put(body=b"first"), workspace.token()
    assert ask(gateway.origin, path, token=token).body == b"first"
    workspace.overwrite(path, b"second")
    wait_until(lambda: ask(gateway.origin, path, token=token).body == b"second", 5, "the second version")


def test_an_unchanged_object_is_revalidated_not_read_again(site, workspace, own_middleman):
    gateway = site.serve(('ttl = "5m"', 'ttl = "1s"'), endpoint=own_middleman.endpoint)
    path, token = workspace.put(body=b"x" * 100_000), workspace.token()
    ask(gateway.origin, path, token=token)
    wait_until(lambda: ask(gateway.origin, path, token=token).status == 200 and len(own_middleman.of(path)) > 1, 5, "a second look")
    second = own_middleman.of(path)[1]
    assert second.answered_bytes == 0
    assert second.status == 304 or second.method == "HEAD"


@pytest.mark.parametrize("cached", ["first slice", "middle slice", "last slice"])
def test_slices_of_two_versions_are_never_joined(site, workspace, own_middleman, cached):
    gateway = site.serve(endpoint=own_middleman.endpoint)
    size = 6 * MIB + 5
    first, second = versions(size)
    path, token = workspace.put("a.bin", first), workspace.token()
    start = {"first slice": 0, "middle slice": 3 * MIB, "last slice": size - 10}[cached]
    answer = ask(gateway.origin, path, token=token, headers={"Range": f"bytes={start}-{start + 9}"})
    assert answer.body == b"A" * 10
    workspace.overwrite(path, second)
    answer = ask(gateway.origin, path, token=token)
    if cached == "first slice":  # it may have been sent already when the second slice is found to be another version's
        assert answer.truncated or answer.body == second
        assert is_of_one_version(answer.body)
    else:
        assert (answer.status, answer.body == second) == (200, True), "nothing was sent yet: the new version can be"
    final = wait_until(
        lambda: (a := ask(gateway.origin, path, token=token)).status == 200 and not a.truncated and a, 10, "a whole answer"
    )
    assert final.body == second


def test_readers_during_overwrites_see_whole_versions(site, workspace, own_middleman):
    gateway = site.serve(('ttl = "5m"', 'ttl = "1s"'), endpoint=own_middleman.endpoint)
    size = 3 * MIB + 77
    both = versions(size)
    path, token = workspace.put("flip.bin", both[0]), workspace.token()
    stop, mixed, whole = threading.Event(), [], set()

    def read(seed):
        dice = random.Random(seed)
        while not stop.is_set():
            headers = {} if dice.random() < 0.5 else {"Range": f"bytes={dice.randrange(size)}-"}
            try:
                answer = ask(gateway.origin, path, token=token, headers=headers)
            except (OSError, HTTPException):
                continue
            if answer.status in (200, 206):
                if not is_of_one_version(answer.body):
                    mixed.append(answer)
                if not answer.truncated:
                    whole.add(answer.body[:1])
            assert answer.status in (200, 206, 502, 503)

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read, seed) for seed in range(4)]
        try:
            number, deadline = 0, time.monotonic() + 30
            while (number < 20 or whole != {b"A", b"B"}) and time.monotonic() < deadline:
                number += 1
                workspace.overwrite(path, both[number % 2])
        finally:
            stop.set()
        for reader in readers:
            reader.result()
    assert mixed == []
    assert whole == {b"A", b"B"}


def test_the_origin_is_asked_for_one_version(site, workspace, own_middleman):
    """Every slice after the first is asked for with the ETag of the first."""
    gateway = site.serve(endpoint=own_middleman.endpoint)
    path = workspace.put("a.bin", b"x" * (5 * MIB))
    assert ask(gateway.origin, path, token=workspace.token()).status == 200
    first, *others = [seen for seen in own_middleman.of(path) if seen.method == "GET"]
    assert len({seen.header("if-match") for seen in others}) <= 1
    assert all(seen.header("if-match") for seen in others)


# Trouble at the origin --------------------------------------------------------------------------------------------


FAULTS = {
    "refuses by 500": b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
    "refuses by 503": b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n",
    "refuses our key by 403": b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
    "hangs up": b"",
    "talks nonsense": b"\x00\x01nonsense\r\n\r\n",
    "ends in the middle": b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nETag: "x"\r\n\r\nhalf',
    "redirects": b"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("what", FAULTS)
def test_a_failing_origin_is_a_502_or_503_and_no_wrong_bytes(site, workspace, own_middleman, what):
    gateway = site.serve(endpoint=own_middleman.endpoint)
    path, token = workspace.put(body=b"fine"), workspace.token()
    own_middleman.fault = lambda seen: FAULTS[what]
    with Connection(gateway.origin, timeout=60) as connection:
        answer = connection.ask(path, token=token)
    if what == "ends in the middle":
        assert answer.truncated or answer.status in (502, 503)
    else:
        assert answer.status in (502, 503)
        assert answer.code in ("origin_failed", "origin_away", "overloaded")
        assert answer.header("cache-control") == "no-store"
    own_middleman.fault = None
    wait_until(lambda: ask(gateway.origin, path, token=token).body == b"fine", 10, "the origin's recovery")
