"""The cache's disk tier: found again after a restart, right or a miss whatever happens to the disk, within its size."""

import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException

import pytest

from http1 import Connection, ask, request
from processes import run, wait_until
from test_cache import is_of_one_version, versions
from tokens import parts_to_hide

MIB = 1024 * 1024
SIZE = 64 * MIB

# Larger runs: `EDGEPASS_DISK_RANGES=10000 EDGEPASS_DISK_LARGEST=1024` (MiB), `EDGEPASS_DISK_KILLS=100`.
RANGES = int(os.environ.get("EDGEPASS_DISK_RANGES", "4000"))
LARGEST = int(os.environ.get("EDGEPASS_DISK_LARGEST", "40"))
KILLS = int(os.environ.get("EDGEPASS_DISK_KILLS", "4"))


def metric(gateway, name):
    text = ask(gateway.admin, "/metrics").body.decode()
    return int(re.search(rf"^edgepass_cache_disk_{name} (\d+)$", text, re.M)[1])


def on_disk(directory, size="64 MiB", memory="256 MiB", ttl="5m"):
    """Edits of the ordinary configuration."""
    cache = f'memory = "{memory}"\nttl = "{ttl}"\ndisk = {{ path = "{directory}", size = "{size}" }}'
    return 'memory = "256 MiB"\nttl = "5m"', cache


def written(gateway, records):
    wait_until(lambda: metric(gateway, "records") >= records, 20, f"{records} records on disk")


def used(directory):
    """Bytes of the files. One may be removed meanwhile."""
    total = 0
    for path in directory.iterdir():
        with contextlib.suppress(FileNotFoundError):
            total += path.stat().st_size
    return total


def read(gateway, path, token, first=None, last=None):
    headers = {} if first is None else {"Range": f"bytes={first}-{last}"}
    answer = ask(gateway.origin, path, token=token, headers=headers)
    assert answer.status in (200, 206), answer.status
    return answer.body


# Restarts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_a_restart_keeps_what_was_read(site, workspace, own_middleman, tmp_path, end):
    gateway = site.serve(on_disk(tmp_path / "cache"), endpoint=own_middleman.endpoint)
    token, dice = workspace.token(), random.Random(1)
    bodies = {workspace.put("a.png", body, ContentType="image/png"): body for body in map(dice.randbytes, (0, 1, 5000, 70_000, 3 * MIB + 5))}
    before = {path: ask(gateway.origin, path, token=token) for path in bodies}
    written(gateway, 5 + 1 + 4)
    gateway.stop(end)
    own_middleman.forget()
    gateway = site.again(gateway)
    for path, body in bodies.items():
        answer = ask(gateway.origin, path, token=token)
        assert (answer.status, answer.body == body) == (200, True)
        for name in ("etag", "content-type", "last-modified", "content-security-policy", "cache-control"):
            assert answer.header(name) == before[path].header(name), name
    assert own_middleman.seen == [], "everything was on disk"


def test_what_is_stale_after_a_restart_is_asked_about_and_not_sent(site, workspace, own_middleman, tmp_path):
    gateway = site.serve(on_disk(tmp_path / "cache", ttl="1s"), endpoint=own_middleman.endpoint)
    token, small, large = workspace.token(), b"s" * 100_000, b"l" * (3 * MIB)
    bodies = {workspace.put(body=small): small, workspace.put("a.bin", large): large}
    for path in bodies:
        read(gateway, path, token)
    written(gateway, 2 + 1 + 3)
    gateway.stop()
    own_middleman.forget()
    gateway = site.again(gateway)
    time.sleep(1.1)  # over the lifetime
    for path, body in bodies.items():
        assert read(gateway, path, token) == body
        assert [(seen.status, seen.answered_bytes) for seen in own_middleman.of(path)] in ([(304, 0)], [(200, 0)])


def test_a_replaced_object_is_not_found_in_its_old_version(site, workspace, own_middleman, tmp_path):
    gateway = site.serve(on_disk(tmp_path / "cache", ttl="1s"), endpoint=own_middleman.endpoint)
    path, token = workspace.put(body=b"first"), workspace.token()
    assert read(gateway, path, token) == b"first"
    written(gateway, 1)
    workspace.overwrite(path, b"second")
    wait_until(lambda: read(gateway, path, token) == b"second", 5, "the second version")
    gateway.stop(signal.SIGKILL)
    gateway = site.again(gateway)
    assert read(gateway, path, token) == b"second"


@pytest.mark.timeout(120 + 10 * KILLS)
def test_kills_under_load(site, workspace, own_middleman, tmp_path):
    """Killed at random moments: after each start, right bytes soon."""
    directory, dice = tmp_path / "cache", random.Random(2)
    token = workspace.token(exp=int(time.time()) + 36_000)
    bodies = {}
    for _ in range(30):
        body = dice.randbytes(dice.choice((100, 20_000, 400_000, 2 * MIB + 3)))
        bodies[workspace.put("a.bin", body)] = body
    gateway = site.serve(on_disk(directory, memory="2 MiB"), endpoint=own_middleman.endpoint)
    paths, slowest, found = list(bodies), 0, 0
    for kill in range(KILLS):
        stop, wrong, answers = threading.Event(), [], []

        def load(seed, gateway=gateway, stop=stop, wrong=wrong, answers=answers):
            dice = random.Random(seed)
            while not stop.is_set():
                path = dice.choice(paths)
                with contextlib.suppress(OSError, HTTPException):
                    answer = ask(gateway.origin, path, token=token)
                    if answer.status == 200 and not answer.truncated:
                        answers.append(path)
                        wrong.extend([path] * (answer.body != bodies[path]))

        with ThreadPoolExecutor(3) as pool:
            for thread in range(3):
                pool.submit(load, kill * 10 + thread)
            wait_until(lambda answers=answers: len(answers) > 5, 20, "answers")
            time.sleep(dice.random() * 0.4)
            gateway.stop(signal.SIGKILL)
            stop.set()
        assert wrong == []
        started = time.monotonic()
        gateway = site.again(gateway)
        slowest = max(slowest, time.monotonic() - started)
        found += metric(gateway, "records")
    for path, body in bodies.items():
        assert read(gateway, path, token) == body
    assert found > 0 and metric(gateway, "damaged") == 0
    print(f"{KILLS} kills, the slowest start took {slowest:.2f} s, {found} records found again")
    assert slowest < 10


# Right bytes --------------------------------------------------------------------------------------------------------


@pytest.mark.timeout(120 + RANGES // 20)
def test_random_ranges_are_the_origins_bytes(site, workspace, own_middleman, tmp_path):
    size = max(SIZE, 3 * LARGEST * MIB)
    edits = on_disk(tmp_path / "cache", memory="3 MiB", size=f"{size // MIB} MiB")
    gateway = site.serve(edits, endpoint=own_middleman.endpoint)
    dice, token = random.Random(3), workspace.token()
    bodies = []
    for length in (0, 1, 2, 1000, MIB - 1, MIB, MIB + 1, 2 * MIB, 5 * MIB + 7, LARGEST * MIB):
        body = dice.randbytes(min(length, 64 * MIB)) * max(1, length // (64 * MIB))
        bodies.append((workspace.put("a.bin", body), body))

    def some(seed):
        dice, wrong = random.Random(seed), []
        with Connection(gateway.origin, timeout=60) as connection:
            for _ in range(RANGES // 4):
                path, body = dice.choice(bodies)
                edge = dice.randrange(len(body) // MIB + 1) * MIB + dice.choice((-1, 0, 1))
                first = max(0, dice.choice((edge, dice.randrange(len(body) + 1))))
                last = first + dice.choice((0, 1, 99, dice.randrange(2 * MIB)))
                answer = connection.ask(path, token=token, headers={"Range": f"bytes={first}-{last}"})
                expected = (206, body[first : last + 1]) if first < len(body) else (416, None)
                if answer.status != expected[0] or (expected[1] is not None and answer.body != expected[1]):
                    wrong.append((path, first, last, answer.status))
        return wrong

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(some, range(4)), []) == []
    hits = metric(gateway, "hits")
    print(f"{RANGES} ranges, {hits} records read from disk, {len(own_middleman.seen)} requests to the store")
    assert hits > RANGES / 4, "the memory is too small for it"
    assert metric(gateway, "damaged") == 0


def test_readers_during_overwrites_see_whole_versions(site, workspace, own_middleman, tmp_path):
    gateway = site.serve(on_disk(tmp_path / "cache", memory="1 MiB", ttl="1s"), endpoint=own_middleman.endpoint)
    size = 3 * MIB + 77
    both = versions(size)
    path, token = workspace.put("flip.bin", both[0]), workspace.token()
    stop, mixed, whole = threading.Event(), [], set()

    def reads(seed):
        dice = random.Random(seed)
        while not stop.is_set():
            headers = {} if dice.random() < 0.5 else {"Range": f"bytes={dice.randrange(size)}-"}
            with contextlib.suppress(OSError, HTTPException):
                answer = ask(gateway.origin, path, token=token, headers=headers)
                assert answer.status in (200, 206, 502, 503)
                if answer.status in (200, 206):
                    if not is_of_one_version(answer.body):
                        mixed.append(answer)
                    if not answer.truncated:
                        whole.add(answer.body[:1])

    with ThreadPoolExecutor(3) as pool:
        readers = [pool.submit(reads, seed) for seed in range(3)]
        try:
            number, deadline = 0, time.monotonic() + 30
            while (number < 20 or whole != {b"A", b"B"}) and time.monotonic() < deadline:
                number += 1
                workspace.overwrite(path, both[number % 2])
                time.sleep(0.1)
        finally:
            stop.set()
        for reader in readers:
            reader.result()
    assert mixed == []
    assert whole == {b"A", b"B"}


def test_500_clients_of_a_cold_object_cost_one_read_a_slice(site, workspace, own_middleman, tmp_path):
    gateway = site.serve(on_disk(tmp_path / "cache", size="256 MiB"), endpoint=own_middleman.endpoint)
    body = random.Random(4).randbytes(64 * MIB)
    path, token = workspace.put("cold.bin", body), workspace.token()
    own_middleman.hold()
    clients = []
    for number in range(500):
        first = number * (64 * MIB - 200_000) // 499
        connection = Connection(gateway.origin, timeout=60)
        connection.send(request(connection.host, path, token=token, headers={"Range": f"bytes={first}-{first + 199_999}"}))
        clients.append((connection, first))
    wait_until(lambda: own_middleman.of(path), 5, "the first origin request")
    own_middleman.release()
    for connection, first in clients:
        answer = connection.receive()
        assert (answer.status, answer.body == body[first : first + 200_000]) == (206, True)
        connection.close()
    assert len(own_middleman.of(path)) <= 65


def test_100_bytes_of_a_large_object_are_one_slice_of_the_disk(site, workspace, own_middleman, tmp_path):
    gateway = site.serve(on_disk(tmp_path / "cache"), endpoint=own_middleman.endpoint)
    body, token = random.Random(5).randbytes(20 * MIB), workspace.token()
    path, first = workspace.put("a.bin", body), 11 * MIB + 77
    for _ in range(2):
        assert read(gateway, path, token, first, first + 99) == body[first : first + 100]
        assert len(own_middleman.of(path)) == 1
        written(gateway, 2)
        assert used(tmp_path / "cache") < 1.1 * MIB
        gateway.stop()
        gateway = site.again(gateway)


# Room ---------------------------------------------------------------------------------------------------------------


def test_ten_times_too_much_keeps_to_the_size(site, workspace, own_middleman, tmp_path):
    directory = tmp_path / "cache"
    gateway = site.serve(on_disk(directory, memory="8 MiB"), endpoint=own_middleman.endpoint)
    dice, token, most = random.Random(6), workspace.token(), 0
    base = dice.randbytes(16 * MIB)
    small = {workspace.put(body=body): body for body in (dice.randbytes(3000) for _ in range(50))}
    for _ in range(40):
        cut = dice.randrange(len(base))
        film = base[cut:] + base[:cut]
        path = workspace.put("film.bin", film)
        assert read(gateway, path, token) == film
        for path, body in small.items():
            assert read(gateway, path, token) == body
        most = max(most, used(directory))
    assert SIZE / 2 < most <= SIZE * 1.05, most
    assert sum(len(own_middleman.of(path)) for path in small) == len(small), "what is read often stays"


# The disk in trouble ------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def tmpfs(directory, options):
    directory.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", directory], capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield lambda options: subprocess.run(["mount", "-o", f"remount,{options}", directory], check=True)
    finally:
        subprocess.run(["umount", "-l", directory], check=False)


def told(gateway):
    return [line for line in gateway.output().splitlines() if "the disk cache" in line]


def reads_right(gateway, workspace, count=6, size=3 * MIB):
    """New objects, twice each."""
    token = workspace.token()
    for number in range(count):
        body = random.Random(number).randbytes(size)
        path = workspace.put("a.bin", body)
        assert read(gateway, path, token) == body
        assert read(gateway, path, token) == body


def written_again(gateway, workspace):
    """Recovery without a restart, within the time after which the disk is tried again."""
    token, before = workspace.token(), metric(gateway, "records")

    def more():
        read(gateway, workspace.put(body=os.urandom(100)), token)
        time.sleep(0.2)
        return metric(gateway, "records") > before and metric(gateway, "failing") == 0

    wait_until(more, 30, "that the disk is written to again")


def test_a_full_disk(site, workspace, own_middleman, tmp_path):
    with tmpfs(tmp_path / "disk", "size=12m") as remount:
        gateway = site.serve(on_disk(tmp_path / "disk" / "cache", memory="2 MiB"), endpoint=own_middleman.endpoint)
        try:
            reads_right(gateway, workspace, count=12)
            wait_until(lambda: metric(gateway, "errors") > 0, 5, "that it is counted")
            assert metric(gateway, "skipped") > 0
            assert len(told(gateway)) == 1 and "No space left" in told(gateway)[0]
            remount("size=120m")
            written_again(gateway, workspace)
            assert len(told(gateway)) == 1
        finally:
            gateway.stop()


def test_a_disk_that_cannot_be_written_at_the_start(site, workspace, own_middleman, tmp_path):
    with tmpfs(tmp_path / "disk", "size=120m,ro") as remount:
        gateway = site.serve(on_disk(tmp_path / "disk", memory="2 MiB"), endpoint=own_middleman.endpoint)
        try:
            reads_right(gateway, workspace)
            assert metric(gateway, "failing") == 1 and metric(gateway, "errors") > 0
            assert len(told(gateway)) == 1 and "Read-only file system" in told(gateway)[0]
            remount("rw")
            written_again(gateway, workspace)
        finally:
            gateway.stop()


@contextlib.contextmanager
def failing_calls(gateway, calls, error):
    command = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={calls}", "-e", f"inject={calls}:error={error}"]
    if not shutil.which("strace"):
        pytest.skip("there is no strace")
    tracer = subprocess.Popen([*command, "-p", str(gateway.pid)], stderr=subprocess.PIPE)
    try:
        status = f"/proc/{gateway.pid}/status"
        wait_until(lambda: f"TracerPid:\t{tracer.pid}" in open(status).read() or tracer.poll() is not None, 10, "strace")
        if tracer.poll() is not None:
            pytest.skip(f"strace cannot attach: {tracer.stderr.read().decode()[:200]}")
        time.sleep(0.2)  # to all threads
        yield
    finally:
        tracer.terminate()
        tracer.wait(10)


@pytest.mark.parametrize("error", ["EIO", "EROFS"])
def test_writes_that_fail(site, workspace, own_middleman, tmp_path, error):
    gateway = site.serve(on_disk(tmp_path / "cache", memory="2 MiB"), endpoint=own_middleman.endpoint)
    reads_right(gateway, workspace, count=2)
    written(gateway, 2)
    with failing_calls(gateway, "pwrite64", error):
        reads_right(gateway, workspace)
        wait_until(lambda: metric(gateway, "errors") > 0, 5, "that it is counted")
        assert len(told(gateway)) == 1
    written_again(gateway, workspace)
    assert metric(gateway, "damaged") == 0


def test_reads_that_fail(site, workspace, own_middleman, tmp_path):
    gateway = site.serve(on_disk(tmp_path / "cache", memory="1 MiB"), endpoint=own_middleman.endpoint)
    token, body = workspace.token(), os.urandom(5 * MIB)
    path = workspace.put("a.bin", body)
    assert read(gateway, path, token) == body
    written(gateway, 6)
    with failing_calls(gateway, "pread64", "EIO"):
        assert read(gateway, path, token) == body
        assert metric(gateway, "errors") > 0
    assert read(gateway, path, token) == body
    written(gateway, 6)
    wait_until(lambda: (read(gateway, path, token) == body, metric(gateway, "hits") > 4)[1], 10, "reads from disk")


def test_the_directory_is_removed(site, workspace, own_middleman, tmp_path):
    directory = tmp_path / "cache"
    gateway = site.serve(on_disk(directory, memory="2 MiB"), endpoint=own_middleman.endpoint)
    reads_right(gateway, workspace, count=2)
    written(gateway, 2)
    shutil.rmtree(directory)
    reads_right(gateway, workspace)
    wait_until(lambda: metric(gateway, "errors") > 0, 10, "that it is seen")
    assert len(told(gateway)) == 1 and "removed" in told(gateway)[0]
    written_again(gateway, workspace)
    path, token = workspace.put(body=b"later"), workspace.token()
    records = metric(gateway, "records")
    read(gateway, path, token)
    written(gateway, records + 1)
    gateway.stop()
    own_middleman.forget()
    gateway = site.again(gateway)
    assert read(gateway, path, token) == b"later"
    assert own_middleman.of(path) == []


def test_files_of_somebody_else_in_place_of_ours(site, workspace, own_middleman, tmp_path):
    directory = tmp_path / "cache"
    gateway = site.serve(on_disk(directory), endpoint=own_middleman.endpoint)
    path, token = workspace.put(body=b"x" * 5000), workspace.token()
    read(gateway, path, token)
    written(gateway, 1)
    gateway.stop()
    for segment in directory.glob("*.segment"):
        segment.write_bytes(os.urandom(100_000))
    (directory / "ffffffff.segment").symlink_to("/dev/zero")
    gateway = site.again(gateway)
    assert read(gateway, path, token) == b"x" * 5000


# Whose it is --------------------------------------------------------------------------------------------------------


def test_two_processes_do_not_share_a_directory(site, gateway, tmp_path):
    first = site.serve(on_disk(tmp_path / "cache"))
    text, _ = site.text(on_disk(tmp_path / "cache"), directory=tmp_path)
    config = tmp_path / "second.toml"
    config.write_text(text)
    second = run("serve", "--config", config, env=site.secrets())
    assert second.returncode != 0
    assert f"`{tmp_path / 'cache'}` is in use by another process" in second.stderr
    first.stop()


def test_a_directory_with_other_files_is_left_alone(site, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir(mode=0o755)
    (mine / "holiday.jpg").write_bytes(b"x")
    text, _ = site.text(on_disk(mine), directory=tmp_path)
    config = tmp_path / "edgepass.toml"
    config.write_text(text)
    done = run("serve", "--config", config, env=site.secrets())
    assert done.returncode != 0 and "holds other files" in done.stderr
    assert [path.name for path in mine.iterdir()] == ["holiday.jpg"] and mine.stat().st_mode & 0o777 == 0o755


def test_nothing_of_a_token_is_on_disk(site, workspace, own_middleman, tmp_path):
    directory = tmp_path / "cache"
    gateway = site.serve(on_disk(directory), endpoint=own_middleman.endpoint)
    token = workspace.token(sub="ada")
    paths = [workspace.put(f"{number}.txt", os.urandom(size)) for number, size in enumerate((10, 50_000, 2 * MIB))]
    private = workspace.put("private.txt", b"not for the disk " * 10, CacheControl="private, max-age=60")
    for path in [*paths, private]:
        for carrier in ({"token": token}, {"headers": {"Cookie": f"edgepass={token}"}}):
            assert ask(gateway.origin, path, **carrier).status == 200
        assert ask(gateway.origin, f"{path}?authorization={token}").status == 200
    written(gateway, 3 + 1 + 2)
    everything = b"".join(path.read_bytes() for path in directory.iterdir())
    assert paths[0][1:].encode() in everything, "the search finds what is there"
    assert not any(part.encode() in everything for part in parts_to_hide(token))
    assert b"not for the disk" not in everything and private[1:].encode() not in everything
    assert directory.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in directory.iterdir()} == {0o600}


def test_check_tells_of_it(site, tmp_path):
    text, _ = site.text(on_disk(tmp_path / "cache", size="2 GiB"), directory=tmp_path)
    config = tmp_path / "edgepass.toml"
    config.write_text(text)
    assert f"2147483648 bytes on disk in {tmp_path / 'cache'}" in run("check", "--config", config, check=0).stderr
    assert not (tmp_path / "cache").exists()
