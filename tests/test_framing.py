"""Where a request ends (RFC 9112): thousands of odd ones on real sockets, and none that two readers could part at two places."""

import os
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

import framing
from http1 import ask, request

# One in so many; all of them where this is 1.
EVERY = int(os.environ.get("EDGEPASS_FRAMING_EVERY", "1"))

# Seconds in which a second answer would have come; the first ones show that it does.
QUIET = 0.4

# What the store may be asked with: nothing of a client's own framing.
OURS = {"host", "range", "if-match", "if-none-match", "authorization", "x-amz-date", "x-amz-content-sha256",
        "x-amz-security-token", "user-agent", "accept", "accept-encoding", "connection"}  # fmt: skip


def converse(origin, data):
    """All that comes back for these bytes until nothing more does. The client's side stays open: a request behind its end would
    be none."""
    parts, received = urlsplit(origin), b""
    with socket.create_connection((parts.hostname, parts.port), 20) as connection:
        try:
            connection.sendall(data)
        except OSError:
            pass  # it has hung up already, perhaps with an answer that waits to be read
        connection.settimeout(QUIET)
        try:
            while part := connection.recv(65536):
                received += part
        except (ConnectionError, TimeoutError):
            pass
    return received


def statuses(received):
    """Of the answers that are no interim ones."""
    found = [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", received)]
    return [status for status in found if status != 100]


@pytest.fixture
def asked(gateway, workspace, other_workspace):
    """Where the payloads go: a cached object, one that is not there, one of others."""
    paths = {"hit": workspace.put(), "miss": f"/{workspace.id}/{workspace.id}/none", "foreign": other_workspace.put()}
    assert ask(gateway.origin, paths["hit"], token=workspace.token()).status == 200
    return paths, f"/{workspace.id}/{workspace.id}", workspace.token("owner")


def test_a_second_request_is_seen(gateway, middleman, asked):
    """What the others look for can be found: two requests in a row are two."""
    paths, folder, token = asked
    data = request("localhost", paths["hit"], token=token, body=b"") + request("localhost", f"{folder}/canary-0", token=token)
    assert statuses(converse(gateway.origin, data)) == [200, 404]
    assert middleman.of(f"{folder}/canary-0")


def test_no_request_hides_in_another(gateway, middleman, asked):
    paths, folder, token = asked
    chosen = list(framing.payloads(paths, folder, token))[::EVERY]
    assert len(chosen) * EVERY > 6000
    with ThreadPoolExecutor(48) as pool:
        answers = list(pool.map(lambda payload: converse(gateway.origin, payload.data), chosen))
    asked = [seen.target for seen in list(middleman.seen)]
    wrong = []
    for payload, received in zip(chosen, answers):
        codes = statuses(received)
        if any(payload.canary + "?" in f"{target}?" for target in asked if folder in target):
            wrong.append((payload.name, codes, "reached the store"))
        elif len(codes) > 1:
            wrong.append((payload.name, codes, "more than one answer"))
        elif any(code >= 500 for code in codes):
            wrong.append((payload.name, codes, "our fault"))
    assert wrong == [], f"{len(wrong)} of {len(chosen)}; {wrong[:5]}"
    for seen in list(middleman.seen):
        if folder in seen.target:
            assert seen.method in ("GET", "HEAD") and {name for name, _ in seen.headers} <= OURS, seen.head


UPGRADES = [
    "Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Upgrade: h2c\r\nConnection: upgrade, http2-settings\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
    "Upgrade: TLS/1.2\r\nConnection: upgrade",
    "Upgrade: anything\r\nConnection: keep-alive, upgrade",
]


@pytest.mark.parametrize("upgrade", UPGRADES)
def test_nothing_is_upgraded(gateway, middleman, asked, upgrade):
    """What follows is the next request, judged as any other, and not a stream to anybody."""
    paths, folder, token = asked
    hidden = f"GET {folder}/canary-up HTTP/1.1\r\nHost: localhost\r\n\r\n"
    head = f"GET {paths['hit']} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n{upgrade}\r\n\r\n"
    assert statuses(converse(gateway.origin, (head + hidden).encode())) in ([200], [200, 401])
    assert not middleman.of("canary-up")
    assert not [seen for seen in list(middleman.seen) if seen.header("upgrade")]
