"""`edgepass dev`: one command, everything on loopback, found again on the next start."""

import os
import signal
import socket
import statistics
import uuid

import pytest

from conftest import s3_client
from http1 import ask
from processes import Dev, Process, four_free_ports, free_port, run, wait_until


def test_the_line_of_json(dev):
    says = dev.says
    for name in ("app", "files", "admin"):
        assert says[name].startswith("http://localhost:") and not says[name].endswith("/")
    assert says["s3"]["endpoint"].startswith("http://localhost:")
    assert set(says["s3"]) >= {"endpoint", "region", "bucket", "access_key", "secret_key"}
    assert len({says["app"], says["files"], says["admin"], says["s3"]["endpoint"]}) == 4
    assert dev.config.is_file()
    assert dev.line.count("\n") == 1
    roles = {(user.role, user.workspace == dev.owner().workspace) for user in dev.users}
    assert {("owner", True), ("reader", True), ("owner", False)} <= roles
    for user in dev.users:
        assert str(uuid.UUID(user.workspace)) == user.workspace


def test_the_tokens_live_eight_hours(dev):
    import jwt

    for user in dev.users:
        claims = jwt.decode(user.token, options={"verify_signature": False})
        assert 7.9 * 3600 < claims["exp"] - claims["iat"] <= 8 * 3600 + 60


def test_all_of_it_answers_when_the_line_is_there(tmp_path):
    with Dev(tmp_path / "data", tmp_path / "logs") as dev:
        assert ask(dev.app, "/").status == 200
        assert ask(dev.files, "/_edgepass/health").status == 200
        assert ask(dev.admin, "/health/ready").status == 200
        assert ask(dev.admin, "/metrics").status == 200
        assert s3_client(dev.s3).list_objects_v2(Bucket=dev.s3["bucket"])["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_ready_in_under_a_second(tmp_path):
    """The first start and three later ones; on a busy machine the median counts."""
    times = []
    for number in range(4):
        with Dev(tmp_path / "data", tmp_path / f"logs{number}") as dev:
            times.append(dev.ready_after)
    print("ready after:", [f"{seconds:.3f} s" for seconds in times])
    assert statistics.median(times) < 1.0


def test_a_token_of_dev_opens_a_file_of_dev(dev):
    owner, reader, stranger = dev.owner(), dev.reader(), dev.stranger()
    path = f"/{owner.workspace}/{uuid.uuid4()}/a.txt"
    s3_client(dev.s3).put_object(Bucket=dev.s3["bucket"], Key=path[1:], Body=b"hello")
    assert ask(dev.files, path, token=owner.token).body == b"hello"
    assert ask(dev.files, path, token=reader.token).body == b"hello"
    assert ask(dev.files, path, token=stranger.token).status == 403
    assert ask(dev.files, path).status == 401


def test_a_second_start_finds_everything_again(tmp_path):
    port = four_free_ports()
    with Dev(tmp_path / "data", tmp_path / "logs1", port=port) as first:
        path = f"/{first.owner().workspace}/{uuid.uuid4()}/a.txt"
        s3_client(first.s3).put_object(Bucket=first.s3["bucket"], Key=path[1:], Body=b"kept")
    with Dev(tmp_path / "data", tmp_path / "logs2", port=port) as second:
        assert ask(second.files, path, token=second.owner().token).body == b"kept"
        assert ask(second.files, path, token=first.owner().token).body == b"kept", "the keys are the same: old tokens hold"
        assert second.s3["access_key"] == first.s3["access_key"]
        assert [user.workspace for user in second.users] == [user.workspace for user in first.users]


def test_secrets_are_for_the_owner_alone(tmp_path):
    data = tmp_path / "data"
    with Dev(data, tmp_path / "logs") as dev:
        secret = dev.s3["secret_key"].encode()
    for path in data.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            if secret in content or b"PRIVATE KEY" in content or b'"d":"' in content.replace(b" ", b""):
                assert path.stat().st_mode & 0o077 == 0, f"{path} can be read by others"


def test_all_sockets_are_on_loopback(dev):
    """A developer's files are not offered to the café's network."""
    inodes = set()
    for descriptor in os.listdir(f"/proc/{dev.pid}/fd"):
        try:
            link = os.readlink(f"/proc/{dev.pid}/fd/{descriptor}")
        except OSError:
            continue
        if link.startswith("socket:["):
            inodes.add(link[8:-1])
    listening = []
    for table in ("tcp", "tcp6"):
        for line in open(f"/proc/{dev.pid}/net/{table}").read().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                listening.append(fields[1].split(":")[0])
    assert len(listening) >= 4
    loopback = {"0100007F", "00000000000000000000000001000000"}
    assert set(listening) <= loopback


@pytest.mark.parametrize("with_signal", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "terminate"])
def test_ctrl_c_ends_it_cleanly(tmp_path, with_signal):
    dev = Dev(tmp_path / "data", tmp_path / "logs")
    ports = [int(url.rsplit(":", 1)[1]) for url in (dev.app, dev.files, dev.admin, dev.s3["endpoint"])]
    assert dev.stop(with_signal, seconds=5) == 0
    for port in ports:
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", port), 1)
    assert "panic" not in dev.output()


def test_ctrl_c_does_not_wait_for_idle_connections(tmp_path):
    dev = Dev(tmp_path / "data", tmp_path / "logs")
    host = dev.files.split("//")[1].split(":")
    idle = [socket.create_connection((host[0], int(host[1])), 5) for _ in range(20)]
    assert dev.stop(signal.SIGINT, seconds=5) == 0
    for connection in idle:
        connection.close()


def test_named_ports(tmp_path):
    port = four_free_ports()
    with Dev(tmp_path / "data", tmp_path / "logs", port=port) as dev:
        urls = (dev.app, dev.files, dev.admin, dev.s3["endpoint"])
        assert [int(url.rsplit(":", 1)[1]) for url in urls] == [port, port + 1, port + 2, port + 3]


def test_a_port_in_use_is_a_clear_error(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = Process(tmp_path / "logs", "dev", "--dir", tmp_path / "data", "--port", port)
        try:
            code = process.wait(10)
        finally:
            process.stop()
    assert code == 1
    assert str(port) in process.stderr_path.read_text()
    assert "panic" not in process.output()


def test_one_directory_is_used_by_one(tmp_path):
    with Dev(tmp_path / "data", tmp_path / "logs"):
        second = Process(tmp_path / "logs2", "dev", "--dir", tmp_path / "data", "--port", 0)
        try:
            assert second.wait(10) == 1
        finally:
            second.stop()
        assert "panic" not in second.output()


def test_what_it_says_to_a_person(tmp_path):
    process = Process(tmp_path / "logs", "dev", "--dir", tmp_path / "data", "--port", 0)
    try:
        wait_until(lambda: "http://localhost:" in process.output(), 10, "the addresses")
    finally:
        code = process.stop()
    assert code == 0
    for user in ("ada",):
        assert user in process.output().lower()


def test_the_generated_configuration_stands_on_its_own(dev, tmp_path):
    """It passes `check`, and `serve` runs on a copy of it with other ports."""
    done = run("check", "--config", dev.config, check=0)
    assert "error" not in done.stderr.lower()
    text = dev.config.read_text()
    port, admin = free_port(), free_port()
    for old, new in ((dev.files, port), (dev.admin, admin)):
        text = text.replace(f":{old.rsplit(':', 1)[1]}", f":{new}")
    copy = dev.config.with_name(f"copy-{port}.toml")
    text = text.replace('directory = "state"', f'directory = "{tmp_path}/state"')  # one directory, one process
    copy.write_text(text)
    owner = dev.owner()
    path = f"/{owner.workspace}/{uuid.uuid4()}/a.txt"
    s3_client(dev.s3).put_object(Bucket=dev.s3["bucket"], Key=path[1:], Body=b"hello")
    gateway = Process(tmp_path / "logs", "serve", "--config", copy)
    try:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}", gateway), 10, "the gateway")
        assert ask(f"http://127.0.0.1:{port}", path, token=owner.token, headers={"Host": f"localhost:{port}"}).body == b"hello"
    finally:
        gateway.stop()
        copy.unlink()


def answers(origin, process):
    assert process.running, process.output()
    try:
        return ask(origin, "/_edgepass/health").status == 200
    except OSError:
        return False


def test_metrics(dev):
    text = ask(dev.admin, "/metrics").body.decode()
    assert any(line and not line.startswith("#") for line in text.splitlines())
    for user in dev.users:
        assert user.name not in text and user.token not in text and user.workspace not in text


def test_the_admin_listener_refuses_web_pages(dev):
    """DNS rebinding: a foreign Host, or the Origin of a page."""
    assert ask(dev.admin, "/metrics", headers={"Host": "evil.example"}).status in (400, 403, 421)
    assert ask(dev.admin, "/metrics", headers={"Origin": "https://evil.example"}).status in (400, 403)


def test_dev_says_nothing_secret(dev):
    ask(dev.files, f"/{dev.owner().workspace}/a/b?authorization={dev.owner().token}")
    said = dev.log_text() + dev.stderr_path.read_text() + "".join(dev.stdout_path.read_text().splitlines(keepends=True)[1:])
    assert dev.s3["secret_key"] not in said
    for user in dev.users:
        assert user.token.split(".")[2] not in said


def test_the_apps_keys_are_remembered_under_its_directory(tmp_path):
    """A second start is ready from there, and goes by what the app publishes."""
    kept = tmp_path / "data" / "state" / "keys" / "app.json"
    port = four_free_ports()
    with Dev(tmp_path / "data", tmp_path / "1", port=port) as dev:
        wait_until(kept.exists, what="the set on disk")
        assert f"{dev.app}/.well-known/jwks.json" in kept.read_text()
    with Dev(tmp_path / "data", tmp_path / "2", port=port) as dev:
        assert ask(dev.files, "/_edgepass/session", token=dev.owner().token).status == 200
        assert "remembered" not in dev.output()
