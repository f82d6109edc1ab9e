"""HTTP/3 beside HTTP/1.1 and HTTP/2: the same answers, and bounds for whoever does not keep to it."""

import asyncio
import hashlib
import os
import signal
import socket
import ssl
import time

import pytest
from aioquic.asyncio.client import connect as quic_connect
from aioquic.h3.connection import H3_ALPN
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection

import certificates
from certificates import Authority, connect, context, serial_of
from http1 import ask
from http3 import Client, Closed, Reset, headers_frame, talk
from processes import free_port, run, wait_until
from test_tls import edits

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.fixture(scope="module")
def files(authority, tmp_path_factory):
    return certificates.write(tmp_path_factory.mktemp("http3"), "localhost", authority.issue("localhost"))


@pytest.fixture
def serve(site, files):
    """Starts gateways with HTTP/3; gives each with its port."""

    def start(*more):
        port = free_port()
        return site.serve(*edits(files, port), *more), port

    return start


@pytest.fixture(scope="module")
def shared(site, files):
    port = free_port()
    return site.serve(*edits(files, port)), port


@pytest.fixture
def port(shared):
    return shared[1]


def one(port, path, **options):
    return talk(port, lambda client: client.ask(path, **options))


def test_whole_partial_and_unchanged(port, workspace):
    body = os.urandom(100_000)
    path, token = workspace.put(body=body), workspace.token()

    async def conversation(client):
        whole = await client.ask(path, token=token)
        assert (whole.status, whole.body) == (200, body)
        assert whole.header("content-length") == "100000" and whole.header("edgepass-id")
        head = await client.ask(path, token=token, method="HEAD")
        assert (head.status, head.body, head.header("content-length")) == (200, b"", "100000")
        part = await client.ask(path, token=token, headers=[("range", "bytes=500-999")])
        assert (part.status, part.body) == (206, body[500:1000])
        assert part.header("content-range") == "bytes 500-999/100000"
        unchanged = await client.ask(path, token=token, headers=[("if-none-match", whole.header("etag"))])
        assert (unchanged.status, unchanged.body) == (304, b"")
        beyond = await client.ask(path, token=token, headers=[("range", "bytes=100000-")])
        assert beyond.status == 416

    talk(port, conversation)


def test_refusals(port, workspace, other_workspace):
    path = workspace.put()
    assert one(port, path).status == 401
    foreign = one(port, path, token=other_workspace.token())
    assert (foreign.status, foreign.code) == (403, "forbidden")
    assert one(port, "/a//b", token=workspace.token()).status == 400
    assert one(port, path, token=workspace.token(), method="DELETE").status == 405
    assert one(port, path, token=workspace.token(), headers=[("host", "localhost"), ("host", "b")]).status == 400


def test_a_large_file(shared, workspace):
    """Several slices, and several times what may wait unacknowledged. The client is Python, which takes 1 MB/s on a busy machine."""
    gateway, port = shared
    body = os.urandom(3 * MIB)
    answer = one(port, workspace.put("large.bin", body), token=workspace.token())
    assert answer.status == 200
    assert hashlib.sha256(answer.body).digest() == hashlib.sha256(body).digest()
    assert gateway.log_of(answer)["bytes"] == 3 * MIB


def test_an_upload_is_granted(port, workspace):
    wish = {"params": {"workspace": workspace.id}, "filename": "a.png", "type": "image/png", "size": 10}
    answer = one(port, "/_edgepass/uploads", method="POST", token=workspace.token("owner"), json=wish)
    assert answer.status == 201 and answer.json()["path"].startswith(f"/{workspace.id}/")
    large = one(port, "/_edgepass/uploads", method="POST", token=workspace.token("owner"), body=b" " * 70_000,
                headers=[("content-type", "application/json")])  # fmt: skip
    assert (large.status, large.code) == (413, "too_large")


def test_the_address_counts(site, files, workspace):
    """The circumstances of a request over QUIC are its own."""
    row = '{ action = "read", claims = { "members.{workspace}" = ["owner", "editor", "reader"] } },'
    there = row.replace(" } },", ' }, addresses = ["10.0.0.0/8"] },')
    here = row.replace(" } },", ' }, addresses = ["127.0.0.0/8"] },')
    for rule, status in [(there, 403), (here, 200)]:
        port = free_port()
        site.serve(*edits(files, port), (row, rule))
        assert one(port, workspace.put(), token=workspace.token()).status == status


def test_alternatives_are_told_over_tls_alone(shared, files, authority, workspace):
    gateway, port = shared
    with connect(port, "localhost", context(authority)) as connection:
        connection.sendall(b"GET /_edgepass/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        text = b"".join(iter(lambda: connection.recv(65536), b"")).decode().lower()
    assert f'\r\nalt-svc: h3=":{port}"; ma=86400\r\n' in text
    assert ask(gateway.origin, "/_edgepass/health").header("alt-svc") is None


def test_it_can_be_turned_off(site, files, authority, workspace):
    port = free_port()
    site.serve(*edits(files, port), ("[listen]\n", "[listen]\nhttp3 = false\n"))
    with connect(port, "localhost", context(authority)) as connection:
        connection.sendall(b"GET /_edgepass/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert b"alt-svc" not in b"".join(iter(lambda: connection.recv(65536), b"")).lower()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", port))  # nobody else has it


def test_the_port_is_taken(site, files, tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        text, _ = site.text(*edits(files, other.getsockname()[1]), directory=tmp_path)
        config = tmp_path / "edgepass.toml"
        config.write_text(text)
        done = run("serve", "--config", config, env=site.secrets(), check=1)
    assert "by UDP, for HTTP/3" in done.stderr and "http3 = false" in done.stderr


def test_many_streams_at_one_time(port, workspace):
    paths = [workspace.put(body=bytes([number]) * 5000) for number in range(100)]
    token = workspace.token()

    async def conversation(client):
        streams = [client.begin(path, token=token) for path in paths]
        answers = await asyncio.gather(*[client.answer(stream) for stream in streams])
        assert [answer.status for answer in answers] == [200] * 100
        assert [answer.body for answer in answers] == [bytes([number]) * 5000 for number in range(100)]

    talk(port, conversation)


def test_resets_cost_nothing(shared, workspace):
    gateway, port = shared
    path, token = workspace.put(body=b"x" * 300_000), workspace.token()

    async def conversation(client):
        assert (await client.ask(path, token=token)).status == 200
        before = gateway.memory()
        for _ in range(50):
            for stream in [client.begin(path, token=token) for _ in range(50)]:
                client.reset(stream)
            assert (await client.ask(path, token=token)).status == 200
        return gateway.memory() - before

    assert talk(port, conversation) < 32 * MIB


def test_heads_that_are_too_large(shared, workspace):
    gateway, port = shared
    path = workspace.put()

    def ask_with(size):
        async def conversation(client):
            stream = client.expect(client._quic.get_next_available_stream_id())
            fields = [(":method", "GET"), (":scheme", "https"), (":authority", "localhost"), (":path", path)]
            client.raw(stream, headers_frame([*fields, ("x-large", "~" * size)]), ended=True)
            return await client.answer(stream)

        return talk(port, conversation).status

    assert [ask_with(size) for size in (20_000, 33_000, 60_000)] == [401, 431, 431]
    wait_until(lambda: sum(line["status"] == 431 for line in gateway.log()) == 2, what="two lines of the log")
    with pytest.raises(Closed) as closed:
        ask_with(66_000)
    assert closed.value.code == 0x107  # H3_EXCESSIVE_LOAD


FRAME_TOO_LONG = 0x107
UNEXPECTED = 0x105
CREATION_ERROR = 0x103

LONG = b"\xc0\x00\x00\x00\x10\x00\x00\x00"  # 256 MiB as a number of eight bytes

# Bytes on a new stream (two-way or one-way) and what ends the connection, by RFC 9114.
BREACHES = {
    "HEADERS of 256 MiB": (True, b"\x01" + LONG, FRAME_TOO_LONG),
    "an unknown frame of 256 MiB": (True, b"\x21" + LONG, FRAME_TOO_LONG),
    "DATA before HEADERS": (True, b"\x00\x01a", UNEXPECTED),
    "SETTINGS on a request": (True, b"\x04\x00", UNEXPECTED),
    "PUSH_PROMISE from a client": (True, b"\x05\x01\x00", UNEXPECTED),
    "GOAWAY on a request": (True, b"\x07\x01\x00", UNEXPECTED),
    "a frame of HTTP/2: PRIORITY": (True, b"\x02\x00", UNEXPECTED),
    "a frame of HTTP/2: PING": (True, b"\x06\x00", UNEXPECTED),
    "a head that is no field section": (True, b"\x01\x02\xff\xff", 0x200),
    "a second control stream": (False, b"\x00\x04\x00", CREATION_ERROR),
    "a second encoder stream": (False, b"\x02", CREATION_ERROR),
    "a second decoder stream": (False, b"\x03", CREATION_ERROR),
}


@pytest.mark.parametrize("name", BREACHES)
def test_breaches_end_the_connection(shared, workspace, name):
    gateway, port = shared
    both_ways, data, code = BREACHES[name]
    before = gateway.memory()

    async def conversation(client):
        await client.ask("/_edgepass/health")
        client.raw(client._quic.get_next_available_stream_id(is_unidirectional=not both_ways), data)
        return await asyncio.wait_for(client.closed, 10)

    assert talk(port, conversation).code == code
    assert gateway.memory() - before < 8 * MIB
    assert one(port, workspace.put(), token=workspace.token()).status == 200


@pytest.mark.parametrize(
    "fields",
    [
        [(":method", "GET"), (":scheme", "https"), (":authority", "x")],
        [(":method", "GET"), (":scheme", "https"), (":path", "/a")],
        [(":method", "GET"), (":scheme", "https"), (":authority", "x"), (":path", "/a"), ("Upper", "case")],
        [(":method", "GET"), (":scheme", "https"), (":authority", "x"), (":path", "/a"), ("a", "b\nc")],
        [(":method", "GET"), (":scheme", "https"), (":authority", "x"), (":path", "/a"), (":status", "200")],
        [(":scheme", "https"), (":authority", "x"), (":path", "/a")],
    ],
    ids=["no path", "no host", "upper case", "a line feed", "a pseudo-header of answers", "no method"],
)
def test_malformed_heads_end_their_stream(port, workspace, fields):
    async def conversation(client):
        stream = client.expect(client._quic.get_next_available_stream_id())
        client.raw(stream, headers_frame(fields), ended=True)
        try:
            answer = await client.answer(stream)
            assert 400 <= answer.status < 500
        except Reset:
            pass
        assert (await client.ask("/_edgepass/health")).status == 200  # the others go on

    talk(port, conversation)


def test_a_frame_in_ten_thousand_pieces_costs_its_bytes(serve, workspace):
    """What arrives of a head is copied out of its packets: one byte of a stream does not keep a whole one."""
    gateway, port = serve()

    async def conversation(client):
        await client.ask("/_edgepass/health")
        before = gateway.memory()
        streams = [client._quic.get_next_available_stream_id() + 4 * number for number in range(16)]
        for stream in streams:
            client.raw(stream, b"\x01\x80\x00\xff\x00")
        for piece in range(1000):
            for stream in streams:
                client.raw(stream, b"\x00")
            if piece % 50 == 0:
                await asyncio.sleep(0)
        await asyncio.sleep(0.5)
        return gateway.memory() - before

    assert talk(port, conversation) < 16 * MIB


def test_stopping_lets_answers_end(serve, workspace):
    gateway, port = serve()
    body = os.urandom(3 * MIB)
    path, token = workspace.put("large.bin", body), workspace.token()

    async def conversation(client):
        stream = client.begin(path, token=token)
        while not client._answers[stream].body:
            await asyncio.sleep(0.001)
        gateway.process.send_signal(signal.SIGTERM)
        answer = await client.answer(stream)
        end = await asyncio.wait_for(client.closed, 10)
        return answer, end

    answer, end = talk(port, conversation)
    assert answer.status == 200 and hashlib.sha256(answer.body).digest() == hashlib.sha256(body).digest()
    assert end.code == 0x100  # H3_NO_ERROR
    assert gateway.wait() == 0


def test_an_idle_connection_is_let_go(port):
    """Also one that is kept awake by pings."""

    async def conversation(client):
        assert (await client.ask("/_edgepass/health")).status == 200
        started = time.monotonic()
        while not client.closed.done() and time.monotonic() - started < 45:
            await asyncio.wait_for(client.ping(), 5)
            await asyncio.sleep(1)
        return time.monotonic() - started

    try:
        seconds = talk(port, conversation)
    except (ConnectionError, asyncio.TimeoutError):
        seconds = 30
    assert 25 < seconds < 45


def test_renewed_certificates_are_shown(serve, files, authority, tmp_path_factory):
    """As over TCP, without a restart."""
    directory = tmp_path_factory.mktemp("renewed")
    own = certificates.write(directory, "own", authority.issue("localhost"))
    gateway, port = serve((str(files[0]), str(own[0])), (str(files[1]), str(own[1])))

    def serial():
        async def conversation(client):
            return client._quic.tls._peer_certificate.serial_number

        return talk(port, conversation)

    first = serial()
    issued = authority.issue("localhost")
    certificates.write(directory, "own", issued)
    wait_until(lambda: serial() == issued[2].serial_number, 20, "the new certificate")
    assert serial() != first


def test_no_early_data(port, workspace):
    """A ticket is given, and what comes with it before the handshake's end is not taken."""
    tickets = []

    async def whole():
        configuration = QuicConfiguration(
            is_client=True, alpn_protocols=H3_ALPN, server_name="localhost", verify_mode=ssl.CERT_NONE
        )
        async with quic_connect(
            "127.0.0.1", port, configuration=configuration, create_protocol=Client, session_ticket_handler=tickets.append
        ) as connected:
            await connected.ask("/_edgepass/health")
            await asyncio.sleep(0.2)

    asyncio.run(whole())
    assert tickets and all(not ticket.max_early_data_size for ticket in tickets)

    async def again(client):
        await client.ask("/_edgepass/health")
        return client._quic.tls.session_resumed, client._quic.tls.early_data_accepted

    assert talk(port, again, session_ticket=tickets[0]) == (True, False)


def test_many_handshakes_that_come_to_nothing(serve, workspace):
    """First packets without a second: others are still served, by proving their address (Retry), and memory stays."""
    gateway, port = serve()
    path, token = workspace.put(), workspace.token()
    assert one(port, path, token=token).status == 200
    before = gateway.memory()
    packet = first_packet()
    for _ in range(1000):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as source:
            source.sendto(packet(), ("127.0.0.1", port))

    async def conversation(client):
        return (await client.ask(path, token=token)).status, client._quic._retry_count

    assert talk(port, conversation) == (200, 1)
    assert gateway.memory() - before < 64 * MIB
    assert gateway.running


def first_packet():
    """Makes Initial packets of new connections."""

    def make():
        configuration = QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN, verify_mode=ssl.CERT_NONE)
        connection = QuicConnection(configuration=configuration)
        connection.connect(("127.0.0.1", 1), now=time.time())
        return connection.datagrams_to_send(now=time.time())[0][0]

    return make
