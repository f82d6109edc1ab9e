"""Whatever clients do, the gateway stays, and stays small."""

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import h2.config
import h2.connection
import h2.events
import pytest

from http1 import Connection, ask, request
from processes import wait_until

MIB = 1024 * 1024


@pytest.fixture
def own(site):
    """A gateway of the test's own: its memory is this test's."""
    return site.serve()


def is_well(gateway, workspace, path):
    """A good client is served, and soon."""
    started = time.monotonic()
    answer = ask(gateway.origin, path, token=workspace.token())
    assert answer.status == 200
    assert time.monotonic() - started < 2


def seconds_until_closed(connection, feed=None):
    """How long the peer keeps the connection; `feed` gives bytes to send once a second."""
    started = time.monotonic()
    connection.socket.settimeout(1)
    while time.monotonic() - started < 60:
        try:
            if connection.socket.recv(65536) == b"":
                return time.monotonic() - started
        except TimeoutError:
            if feed:
                try:
                    connection.send(feed)
                except OSError:
                    return time.monotonic() - started
        except OSError:
            return time.monotonic() - started
    return None


def test_slow_clients_are_let_go(own, workspace):
    """Idle, a head that drips, a body that drips, nothing after a whole request: each is closed within 45 s."""
    path = workspace.put()
    post = request("x", "/_edgepass/uploads", method="POST", token=workspace.token("owner"),
                   headers={"Content-Type": "application/json", "Content-Length": "1000"})  # fmt: skip
    cases = {
        "idle": (b"", None),
        "a head that drips": (b"GET / HTTP/1.1\r\nHost: x\r\n", b"X-A: b\r\n"),
        "a request line that drips": (b"G", b"E"),
        "a body that drips": (post, b" "),
        "a body that stops": (post, None),
        "after a whole request": (request("x", path, token=workspace.token()), None),
        "a TLS hello that stops": (b"\x16\x03\x01", None),
        "an HTTP/2 preface that stops": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", None),
    }
    connections = {}
    for name, (start, _) in cases.items():
        connections[name] = Connection(own.origin)
        connections[name].send(start)
    with ThreadPoolExecutor(len(cases)) as pool:
        waiting = {name: pool.submit(seconds_until_closed, connections[name], feed) for name, (_, feed) in cases.items()}
        is_well(own, workspace, path)
        closed = {name: future.result() for name, future in waiting.items()}
    for connection in connections.values():
        connection.close()
    assert [name for name, seconds in closed.items() if seconds is None or seconds > 45] == [], closed


def test_thousands_of_idle_connections(own, workspace):
    path = workspace.put()
    is_well(own, workspace, path)
    before = own.memory()
    host, port = own.origin.split("//")[1].split(":")
    connections = []
    try:
        for _ in range(4000):
            connections.append(socket.create_connection((host, int(port)), 5))
        is_well(own, workspace, path)
        for connection in connections:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        is_well(own, workspace, path)
        assert own.memory() - before < 200 * MIB
    finally:
        for connection in connections:
            connection.close()
    is_well(own, workspace, path)


def test_readers_that_read_nothing(own, workspace):
    small, large = workspace.put(), workspace.put("large.bin", b"x" * (40 * MIB))
    is_well(own, workspace, small)
    assert ask(own.origin, large, token=workspace.token()).status == 200  # it is in the cache now
    before = own.memory()
    connections = [Connection(own.origin) for _ in range(100)]
    for connection in connections:
        connection.send(request("x", large, token=workspace.token()))
    for connection in connections:
        assert connection.socket.recv(1) == b"H"
    is_well(own, workspace, small)
    assert own.memory() - before < 200 * MIB
    for connection in connections:
        connection.close()


def test_an_endless_body_is_not_read_to_its_end(own, workspace):
    path = workspace.put()
    head = request("x", "/_edgepass/uploads", method="POST", token=workspace.token("owner"),
                   headers={"Content-Type": "application/json", "Transfer-Encoding": "chunked"})  # fmt: skip
    before = own.memory()
    with Connection(own.origin) as connection:
        connection.send(head)
        answered = threading.Event()
        sent = 0
        connection.socket.settimeout(0.05)
        chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
        received = b""
        while sent < 64 * MIB:
            try:
                connection.send(chunk)
                sent += 65536
            except OSError:
                break
            try:
                received = connection.socket.recv(100)
                answered.set()
                break
            except TimeoutError:
                continue
            except OSError:
                break
    assert sent < 8 * MIB
    assert not received or received.startswith(b"HTTP/1.1 413")
    assert own.memory() - before < 32 * MIB
    is_well(own, workspace, path)


def test_bodies_on_downloads_cost_nothing(own, workspace):
    path, token = workspace.put(), workspace.token()
    before = own.memory()

    def push(_):
        try:
            with Connection(own.origin, timeout=5) as connection:
                connection.send(request("x", path, token=token, headers={"Content-Length": str(10**12)}))
                for _ in range(64):
                    connection.send(b"x" * MIB)
        except OSError:
            pass

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(push, range(8)))
    is_well(own, workspace, path)
    assert own.memory() - before < 64 * MIB


def http2_flood(gateway, frames, count):
    """Sends `count` times what `frames(connection, number)` writes; ends when the peer does."""
    host, port = gateway.origin.split("//")[1].split(":")
    with socket.create_connection((host, int(port)), 10) as sock:
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, validate_outbound_headers=False))
        connection.initiate_connection()
        sock.sendall(connection.data_to_send())
        sock.setblocking(False)
        sent = 0
        deadline = time.monotonic() + 15
        while sent < count and time.monotonic() < deadline:
            try:
                data = sock.recv(1 << 20)
                if not data:
                    return sent
                if any(isinstance(event, h2.events.ConnectionTerminated) for event in connection.receive_data(data)):
                    return sent
            except BlockingIOError:
                pass
            except (OSError, h2.exceptions.ProtocolError):
                return sent
            try:
                frames(connection, sent)
                sock.setblocking(True)
                sock.sendall(connection.data_to_send())
                sock.setblocking(False)
            except (OSError, h2.exceptions.ProtocolError):
                return sent
            sent += 1
        return sent


HEADERS = [(":method", "GET"), (":scheme", "http"), (":authority", "x"), (":path", "/a/b/c")]


def rapid_reset(connection, _):
    stream = connection.get_next_available_stream_id()
    connection.send_headers(stream, HEADERS, end_stream=True)
    connection.reset_stream(stream)


def pings(connection, _):
    connection.ping(b"12345678")


def settings(connection, number):
    connection.update_settings({3: 100 + number % 50})


@pytest.mark.parametrize("frames", [rapid_reset, pings, settings])
def test_http2_floods(own, workspace, frames):
    path = workspace.put()
    is_well(own, workspace, path)
    before = own.memory()
    with ThreadPoolExecutor(4) as pool:
        floods = [pool.submit(http2_flood, own, frames, 5000) for _ in range(4)]
        is_well(own, workspace, path)
        for flood in floods:
            flood.result()
    is_well(own, workspace, path)
    assert own.memory() - before < 64 * MIB


def test_many_distinct_tokens_are_bounded(own, workspace, keys):
    """The memory of verified tokens is a cache, not a leak: refused tokens leave nothing behind."""
    path = workspace.put()
    is_well(own, workspace, path)
    good = workspace.token()
    before = own.memory()

    def many(part):
        with Connection(own.origin) as connection:
            for number in range(5000):
                connection.ask(path, token=f"{good[:-12]}{part:02}{number:08}AA")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(many, range(4)))
    assert own.memory() - before < 64 * MIB


def test_the_log_does_not_block_the_gateway(own, workspace):
    """Its access log goes to a file here; what is checked is that each request has its line."""
    path, token = workspace.put(), workspace.token()
    with Connection(own.origin) as connection:
        ids = {connection.ask(path, token=token).header("edgepass-id") for _ in range(500)}
    wait_until(lambda: ids <= {record["id"] for record in own.log()}, 10, "500 log lines")
