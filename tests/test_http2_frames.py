"""What a conforming server does with each frame (RFC 9113), over the real socket; and floods of frames."""

import os
import struct
import threading
import time

import hpack
import pytest

import http2_frames as frames
from http1 import ask
from http2_frames import ANSWERED, CONTINUATION, DATA, END_STREAM, GOAWAY, HEADERS, PING, RST_STREAM, WINDOW_UPDATE
from http2_frames import Connection, Peer, block, fields, frame, request, settings

MIB = 1024 * 1024

# Seconds of each flood.
SECONDS = float(os.environ.get("EDGEPASS_FLOOD_SECONDS", "3"))

LAST = 101


@pytest.mark.parametrize(("name", "said", "wanted"), frames.ROWS, ids=[row[0] for row in frames.ROWS])
def test_frames(gateway, name, said, wanted):
    if said is None:
        with Peer(gateway.origin, preface=b"INVALID CONNECTION PREFACE\r\n\r\n") as peer:
            assert all(kind != HEADERS for kind, *_ in peer.frames())
        return
    with Peer(gateway.origin, settings() + said) as peer:
        after = request(LAST)
        try:
            peer.send(after)
        except OSError:
            pass
        goaway, resets, statuses = None, {}, {}
        for kind, _, stream, payload in peer.frames():
            if kind == GOAWAY:
                goaway = struct.unpack(">I", payload[4:8])[0]
            elif kind == RST_STREAM:
                resets[stream] = struct.unpack(">I", payload)[0]
            elif kind == HEADERS:
                statuses[stream] = payload
                if stream == LAST:
                    break
    coarser = name.startswith(frames.COARSER)
    seen = {"goaway": goaway, "resets": resets, "answered": sorted(statuses)}
    if wanted == ANSWERED:
        assert goaway is None and LAST in statuses, seen
    elif isinstance(wanted, Connection):
        assert LAST not in statuses and (goaway in (None, *wanted.codes) or coarser and goaway == frames.PROTOCOL), seen
    else:
        ended = goaway in wanted.codes or coarser and goaway == frames.PROTOCOL or resets.get(1) in wanted.codes
        refused = LAST in statuses and is_client_error(statuses.get(1))
        assert ended or refused, seen


def is_client_error(payload):
    """Whether the first field of an answer is a status of 4xx."""
    if payload is None:
        return False
    return dict(hpack.Decoder().decode(payload)).get(":status", "").startswith("4")


def continuations(peer, number):
    """One head that does not end (CVE-2024-27316)."""
    first = frame(HEADERS, END_STREAM, 1, block(*fields())) if number == 0 else b""
    return first + frame(CONTINUATION, 0, 1, block(("x-a", "y" * 100)) * 10)


def empty_continuations(peer, number):
    first = frame(HEADERS, END_STREAM, 1, block(*fields())) if number == 0 else b""
    return first + frame(CONTINUATION, 0, 1) * 100


def empty_data(peer, number):
    """Frames that cost the sender nine bytes and flow control nothing."""
    first = frames.post() if number == 0 else b""
    return first + frame(DATA, 0, 1) * 100


def rapid_reset(peer, number):
    """CVE-2023-44487."""
    streams = range(number * 20 + 1, number * 20 + 21, 2)
    return b"".join(request(stream, path="/a/b/c") + frame(RST_STREAM, 0, stream, b"\0\0\0\x08") for stream in streams)


def made_you_reset(peer, number):
    """CVE-2025-8671: frames for which the server resets the stream itself, while its answer is being made."""
    streams = range(number * 20 + 1, number * 20 + 21, 2)
    return b"".join(request(stream, path="/a/b/c") + frame(WINDOW_UPDATE, 0, stream, bytes(4)) for stream in streams)


def window_updates(peer, number):
    return frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\1") * 100


def pings(peer, number):
    return frame(PING, payload=b"12345678") * 100


def many_settings(peer, number):
    return settings((3, 100 + number % 50)) * 100


def priorities(peer, number):
    return b"".join(frame(frames.PRIORITY, 0, stream, b"\0\0\0\0\x10") for stream in range(1, 200, 2))


def zero_window(peer, number):
    """Answers that nobody takes, on all the streams there are."""
    first = settings((4, 0)) if number == 0 else b""
    return first + request(number * 2 + 1, path="/_edgepass/health")


FLOODS = [continuations, empty_continuations, empty_data, rapid_reset, made_you_reset, window_updates, pings, many_settings,
          priorities, zero_window]  # fmt: skip


def flood(origin, make, reading, until):
    """Sends until the time is up or the peer hangs up. Gives how many times it did."""
    sent = 0
    while time.monotonic() < until:
        try:
            with Peer(origin, settings(), timeout=1) as peer:
                if reading:
                    threading.Thread(target=swallow, args=(peer,), daemon=True).start()
                for number in range(1 << 20):
                    if time.monotonic() > until:
                        break
                    peer.send(make(peer, number))
                    sent += 1
        except OSError:
            pass
    return sent


def swallow(peer):
    try:
        while peer.socket.recv(65536):
            pass
    except OSError:
        pass


@pytest.mark.parametrize("reading", [True, False], ids=["answers read", "answers not read"])
@pytest.mark.parametrize("make", FLOODS, ids=lambda make: make.__name__)
def test_floods(site, workspace, make, reading):
    """Memory rises by less than 32 MiB, and a good client is served meanwhile."""
    gateway = site.serve()
    path, token = workspace.put(), workspace.token()
    for _ in range(50):
        assert ask(gateway.origin, path, token=token).status == 200
    before, until = gateway.memory(), time.monotonic() + SECONDS
    threads = [threading.Thread(target=flood, args=(gateway.origin, make, reading, until)) for _ in range(4)]
    for thread in threads:
        thread.start()
    highest, slowest, served = before, 0, 0
    while any(thread.is_alive() for thread in threads):
        started = time.monotonic()
        assert ask(gateway.origin, path, token=token).status == 200
        slowest, served = max(slowest, time.monotonic() - started), served + 1
        highest = max(highest, gateway.memory())
        time.sleep(0.02)
    for thread in threads:
        thread.join()
    print(f"{make.__name__}: +{(highest - before) / MIB:.1f} MiB, {served} served, slowest {slowest * 1000:.0f} ms")
    assert highest - before < 32 * MIB
    assert served > 2 * SECONDS and slowest < 2
    gateway.stop()
