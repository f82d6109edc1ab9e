"""Identity providers that rotate, hang, err, lie and go away: known keys go on opening files, at once."""

import asyncio
import glob
import itertools
import json
import os
import statistics
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from conftest import Site, Workspace, s3_client
from http1 import Connection, ask, request
from identity_provider import OAUTH, OPENID, SET, Provider, certificate
from processes import Dev, Gateway, Process, run, wait_until
from tokens import SigningKey, b64, claims

DAY = 24 * 3600

# What the reference promises (docs/reference/configuration.md): one fetch for unknown keys in this time, and this wait for it.
PAUSE, WAIT = 10, 2


@pytest.fixture
def key():
    return SigningKey.new("ES256", "known")


@pytest.fixture
def provider(key):
    provider = Provider(key)
    yield provider
    provider.leave()


class Edge:
    """Gateways on one configuration, one after the other: they keep their keys in one directory."""

    def __init__(self, site, directory, source, env):
        self._numbers = itertools.count(1)
        self._directory, self._env = directory, {**site.secrets(), **env}
        self.remembered = directory / "keys" / "app.json"
        jwks = f'jwks_file = "{directory}/jwks.json"'
        self._text, self._settings = site.text(
            (jwks, source),
            ("[token]", f'[state]\ndirectory = "{directory}"\n\n[token]'),
            directory=directory,
        )
        self.origin = self._settings["origin"]
        self.running = None

    def edit(self, old, new):
        assert old in self._text
        self._text = self._text.replace(old, new)

    def start(self, *, ready=True):
        directory = self._directory / str(next(self._numbers))
        if ready:
            self.running = Gateway(directory, self._text, env=self._env, **self._settings)
        else:
            directory.mkdir()
            (directory / "edgepass.toml").write_text(self._text)
            self.running = Process(directory, "serve", "--config", directory / "edgepass.toml", env=self._env)
            wait_until(lambda: self.health() == 503, what="a gateway without keys")
        return self

    def health(self):
        try:
            return ask(self.origin, "/_edgepass/health", timeout=2).status
        except OSError:
            return None

    def stop(self):
        if self.running:
            self.running.stop()

    def says(self, words, seconds=10):
        wait_until(lambda: words in self.running.output(), seconds, f"{words!r} on stderr")


@pytest.fixture
def edge(site, tmp_path):
    made = []

    def edge(source, **env):
        made.append(Edge(site, tmp_path, source, env))
        return made[-1]

    yield edge
    for each in made:
        each.stop()


@pytest.fixture
def clock(tmp_path, monkeypatch):
    """`clock(offset)` sets the wall clock of all processes that the test starts. Time that only passes is left alone."""
    libraries = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
    assert libraries, "Debian's package `faketime` is missing: `./test install` brings it"
    file = tmp_path / "clock"

    def set_clock(offset):
        new = tmp_path / "clock.new"
        new.write_text(f"{offset:+d}")
        os.replace(new, file)

    set_clock(0)
    monkeypatch.setenv("LD_PRELOAD", libraries[0])
    monkeypatch.setenv("FAKETIME_TIMESTAMP_FILE", str(file))
    monkeypatch.setenv("FAKETIME_NO_CACHE", "1")
    monkeypatch.setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1")
    return set_clock


def at(workspace, key, offset=0, **changes):
    """A token that is minted so many seconds from now."""
    now = int(time.time()) + offset
    return workspace.token(key=key, iat=now - 5, exp=now + 600, **changes)


def stranger():
    """A token of a key that nobody has published; each has another `kid`."""
    header = {"alg": "ES256", "typ": "JWT", "kid": os.urandom(8).hex()}
    parts = (json.dumps(part).encode() for part in (header, claims()))
    return ".".join([*map(b64, parts), b64(os.urandom(64))])


def status(edge, path, token):
    return ask(edge.origin, path, token=token).status


def settled(edge, path, key, workspace):
    """The first fetch is long over: its set is on disk, which is the last thing that happens."""
    wait_until(edge.remembered.exists, what="the set on disk")
    assert status(edge, path, workspace.token(key=key)) == 200


def make_it_ask(edge, provider, path):
    """An unknown key makes the gateway ask; one that comes while the first fetch is ending makes it ask nothing."""
    before = len(provider.asked)

    def asked():
        assert status(edge, path, stranger()) == 401
        return len(provider.asked) > before

    wait_until(asked, what="a fetch for an unknown key")


# What the provider answers -----------------------------------------------------------------------------------------

WARNINGS = {
    "error": "the answer's status is 500",
    "redirect": "the answer's status is 302",
    "rubbish": "not one strict JSON object",
    "huge": "more than 262144 bytes",
    "drip": "no whole answer within 5 seconds",
    "hang": "no whole answer within 5 seconds",
    "reset": "no answer",
}


@pytest.mark.parametrize("mode", WARNINGS)
def test_whatever_the_provider_answers_known_keys_open_files_at_once(edge, provider, key, workspace, mode):
    path, known = workspace.put(body=b"mine"), workspace.token(key=key)
    edge = edge(f'jwks_url = "{provider.url}"').start()
    assert status(edge, path, known) == 200
    other = SigningKey.new("ES256", "other")
    provider.others, provider.mode = [other], mode
    memory = edge.running.memory()
    began = time.monotonic()
    make_it_ask(edge, provider, path)
    assert time.monotonic() - began < 2 * WAIT
    edge.says(WARNINGS[mode], 20)
    with Connection(edge.origin) as connection:
        for number in range(200):
            began = time.monotonic()
            # A token never seen before, so that it has to be verified.
            token = workspace.token(key=key, jti=str(number))
            assert connection.ask(path, token=token).body == b"mine"
            assert time.monotonic() - began < WAIT, "it waited"
    assert status(edge, path, workspace.token(key=other)) == 401
    assert edge.running.memory() - memory < 20_000_000
    provider.mode = "good"
    edge.says("issuer `app`: 1 keys fetched again", 30)


def hostile_sets(key):
    good = key.jwk()
    big = SigningKey.new("RS256", "r").jwk()
    small = {**big, "n": big["n"][:172]}  # 1,032 bits
    return {
        "a name twice": [good, good],
        "a private half": [good, {**big, "p": "AQAB"}],
        "a secret": [good, {"kty": "oct", "k": b64(bytes(64)), "alg": "HS256"}],
        "rsa of 1024 bits": [good, small],
        "an even modulus": [good, {**big, "n": b64(bytes.fromhex("aa" * 256))}],
        "off the curve": [good, {**good, "kid": "x", "y": good["x"]}],
        "65 keys": [{**good, "kid": str(number)} for number in range(65)],
        "none": [],
    }


@pytest.mark.parametrize("name", hostile_sets(SigningKey.new("ES256", "known")))
def test_a_hostile_key_set_is_refused_whole(edge, provider, key, workspace, name):
    path = workspace.put()
    edge = edge(f'jwks_url = "{provider.url}"').start()

    class Raw:
        def __init__(self, jwk):
            self.jwk = lambda: jwk

    provider.keys = [Raw(jwk) for jwk in hostile_sets(key)[name]]
    make_it_ask(edge, provider, path)
    edge.says("its 1 keys of")
    assert status(edge, path, workspace.token(key=key)) == 200


def test_a_certificate_that_nobody_vouches_for(edge, key, workspace, tmp_path):
    trusted, context = certificate(tmp_path, "trusted")
    _, other = certificate(tmp_path, "other")
    provider = Provider(key, tls=context)
    edge = edge(f'jwks_url = "{provider.url}"', SSL_CERT_FILE=str(trusted)).start()
    path = workspace.put()
    settled(edge, path, key, workspace)
    provider.keys, provider.tls = [SigningKey.new("ES256", "evil")], other
    assert status(edge, path, workspace.token(key=provider.keys[0])) == 401
    edge.says("certificate")
    assert status(edge, path, workspace.token(key=key)) == 200
    provider.leave()


# Rotation ----------------------------------------------------------------------------------------------------------


def test_rotation_refuses_nobody(edge, provider, key, workspace):
    path, new = workspace.put(), SigningKey.new("ES256", "new")
    edge = edge(f'jwks_url = "{provider.url}"').start()
    settled(edge, path, key, workspace)
    provider.keys = [key, new]
    assert status(edge, path, workspace.token(key=new)) == 200, "the first token of a new key"
    assert status(edge, path, workspace.token(key=key)) == 200, "the old key is still published"
    assert provider.fetches() == 2
    provider.keys = [new]
    old = workspace.token(key=key)
    assert status(edge, path, old) == 200, "nobody has asked since"

    def gone():
        assert status(edge, path, workspace.token(key=new)) == 200
        status(edge, path, stranger())
        return status(edge, path, old) == 401

    wait_until(gone, PAUSE + 5, "the end of the withdrawn key")
    assert provider.fetches() == 3


# Storms ------------------------------------------------------------------------------------------------------------


async def storm(origin, path, count, connections):
    """Requests with unknown keys over so many connections: the seconds that each took, and their statuses."""
    target = urlsplit(origin)
    tokens = [stranger() for _ in range(count)]
    took, statuses = [], []

    async def client(mine):
        reader, writer = await asyncio.open_connection(target.hostname, target.port)
        for token in mine:
            began = time.monotonic()
            writer.write(request(target.netloc, path, token=token))
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
            await reader.readexactly(length)
            took.append(time.monotonic() - began)
            statuses.append(int(head.split()[1]))
        writer.close()

    await asyncio.gather(*(client(tokens[start::connections]) for start in range(connections)))
    return took, statuses


@pytest.mark.parametrize("mode", ["slow", "hang"])
def test_10000_unknown_keys_are_one_fetch(edge, provider, workspace, mode):
    path = workspace.put()
    edge = edge(f'jwks_url = "{provider.url}"').start()
    wait_until(edge.remembered.exists, what="the end of the first fetch")
    provider.mode, before = mode, provider.fetches()
    began = time.monotonic()
    took, statuses = asyncio.run(storm(edge.origin, path, 10_000, 100))
    elapsed = time.monotonic() - began
    fetches = provider.fetches() - before
    waited = [seconds for seconds in took if seconds > 0.9]
    print(f"\n{mode}: 10,000 unknown keys in {elapsed:.1f} s, {fetches} fetches; {len(waited)} waited, {max(took):.2f} s at most")
    assert set(statuses) == {401}
    # Those that the storm causes; a fetch that fails after 5 s is tried again as well.
    retries = 0 if mode == "slow" else int(elapsed // 6)
    assert 1 <= fetches <= 1 + int(elapsed // PAUSE) + retries
    # Once for each connection and interval; twice where a fetch for the storm follows one that was under way.
    assert len(waited) <= 200 * (1 + elapsed // PAUSE)
    assert max(took) < 2 * WAIT


def test_known_keys_are_as_fast_while_the_provider_hangs(edge, provider, key, workspace):
    path = workspace.put()
    edge = edge(f'jwks_url = "{provider.url}"').start()

    def measure(name):
        took = []
        with Connection(edge.origin) as connection:
            for number in range(2000):
                token = workspace.token(key=key, jti=f"{name}{number}") if number % 2 else known
                began = time.perf_counter()
                assert connection.ask(path, token=token).status == 200
                took.append((time.perf_counter() - began) * 1000)
        cuts = statistics.quantiles(took, n=100)
        print(f"\n{name}: {cuts[49]:.2f} ms median, {cuts[98]:.2f} ms at 99 %, {max(took):.2f} ms at most")
        return cuts

    known = workspace.token(key=key)
    good = measure("good")
    wait_until(edge.remembered.exists, what="the end of the first fetch")
    provider.mode, before = "hang", provider.fetches()
    with Connection(edge.origin) as waiting:
        waiting.send(request(waiting.host, path, token=stranger()))
        wait_until(lambda: provider.fetches() > before, what="a fetch that hangs")
        hanging = measure("hang")
        assert waiting.receive().status == 401
    # Milliseconds, on a machine that may be busy: whoever waited for the provider would need 2,000.
    assert hanging[49] < good[49] * 3 + 5, "half of them"
    assert hanging[98] < 500, "99 of 100"


# A provider that is away for a day ---------------------------------------------------------------------------------


@pytest.fixture
def own_dev(clock, tmp_path):
    """A store on the same clock as the gateway: it takes no signatures of another day."""
    with Dev(tmp_path / "dev", tmp_path / "dev-logs") as dev:
        yield dev


def test_away_for_a_day_and_a_restart(own_dev, provider, key, keys, clock, tmp_path):
    workspace = Workspace(keys, s3_client(own_dev.s3), own_dev.s3["bucket"])
    path = workspace.put(body=b"mine")
    edge = Edge(Site(own_dev, keys, tmp_path), tmp_path, f'jwks_url = "{provider.url}"', {})
    try:
        away_for_a_day_and_a_restart(edge, provider, key, workspace, path, clock)
    finally:
        edge.stop()


def away_for_a_day_and_a_restart(edge, provider, key, workspace, path, clock):
    edge.start()
    assert status(edge, path, at(workspace, key)) == 200
    wait_until(edge.remembered.exists, what="the set on disk")
    provider.leave()

    def refused():
        status(edge, path, stranger())
        return "connection refused" in edge.running.output()

    wait_until(refused, what="a fetch that fails")

    clock(DAY)
    tomorrow = at(workspace, key, DAY)
    wait_until(lambda: status(edge, path, tomorrow) == 200, what="the clock a day later")
    assert status(edge, path, at(workspace, key)) == 401, "today's token has expired"
    edge.stop()

    edge.start()  # ready at once, from the disk
    assert status(edge, path, at(workspace, key, DAY)) == 200
    edge.says("stay in use")
    edge.stop()

    # A set that no provider has confirmed for more than a week is not begun with.
    clock(8 * DAY)
    edge.start(ready=False)
    edge.says("older than 7 days")
    edge.says("it has no keys")
    assert status(edge, path, at(workspace, key, 8 * DAY)) == 401
    provider.come_back()
    wait_until(lambda: edge.health() == 200, 30, "keys from the provider that is back")
    assert status(edge, path, at(workspace, key, 8 * DAY)) == 200


# The set on disk ---------------------------------------------------------------------------------------------------


def test_the_set_on_disk_holds_public_keys_alone(edge, provider, key, workspace):
    edge = edge(f'jwks_url = "{provider.url}?apikey=1"').start()
    provider.asked.clear()
    wait_until(edge.remembered.exists, what="the set on disk")
    kept = json.loads(edge.remembered.read_text())
    assert kept["url"] == f"{provider.url}?apikey=1"
    assert abs(kept["fetched"] - time.time()) < 60
    (public,) = kept["keys"]
    assert {name: public[name] for name in ("kid", "x", "y")} == {name: key.jwk()[name] for name in ("kid", "x", "y")}
    assert not set(public) & {"d", "p", "q", "k"}
    assert edge.remembered.stat().st_mode & 0o077 == 0
    assert os.listdir(edge.remembered.parent) == ["app.json"]


@pytest.mark.parametrize("content", [b"", b"{", b"\x00" * 5000, b"[]", b"x" * 2_000_000, None], ids=["empty", "torn", "zeros", "list", "large", "other"])
def test_a_strange_file_is_ignored(edge, provider, key, workspace, content):
    path = workspace.put()
    edge = edge(f'jwks_url = "{provider.url}"')
    edge.remembered.parent.mkdir()
    if content is None:  # well formed, from elsewhere
        evil = SigningKey.new("ES256", "known").jwk()
        content = json.dumps({"url": "https://evil.example", "fetched": int(time.time()), "keys": [evil]}).encode()
    edge.remembered.write_bytes(content)
    edge.start()
    edge.says("the remembered keys are not used")
    assert status(edge, path, workspace.token(key=key)) == 200
    wait_until(lambda: b'"known"' in edge.remembered.read_bytes(), what="a good set in its place")
    assert "panic" not in edge.running.output()


@pytest.mark.parametrize("trouble", ["full", "a file", "gone"])
def test_trouble_with_the_directory_stops_nothing(edge, provider, key, workspace, trouble, tmp_path):
    path, directory = workspace.put(), tmp_path / "keys"
    edge = edge(f'jwks_url = "{provider.url}"')
    if trouble == "a file":
        directory.write_bytes(b"x")
    else:
        # /proc takes no new files and no directories from anybody.
        directory.symlink_to("/dev/full" if trouble == "full" else "/proc/self/keys")
    edge.start()
    edge.says("the keys are not remembered")
    for number in range(20):
        assert status(edge, path, workspace.token(key=key, jti=str(number))) == 200
    assert edge.health() == 200


# Discovery ---------------------------------------------------------------------------------------------------------


def discovering(edge, provider, source):
    edge = edge(source)
    edge.edit('issuer = "https://app.example.com"', f'issuer = "{provider.origin}"')
    return edge


@pytest.mark.parametrize("document", [OPENID, OAUTH])
def test_discovery(edge, provider, key, workspace, document):
    path, new = workspace.put(), SigningKey.new("ES256", "new")
    source = "discovery = true" if document == OPENID else f'discovery = "{provider.origin}{document}"'
    edge = discovering(edge, provider, source).start()
    wait_until(edge.remembered.exists, what="the set on disk")
    assert status(edge, path, workspace.token(key=key, iss=provider.origin)) == 200
    provider.keys = [key, new]
    assert status(edge, path, workspace.token(key=new, iss=provider.origin)) == 200
    assert provider.asked == [document, SET, SET]
    wait_until(edge.remembered.exists, what="the set on disk")
    assert json.loads(edge.remembered.read_text())["url"] == provider.origin + document
    edge.stop()
    provider.leave()
    edge.start()
    assert status(edge, path, workspace.token(key=key, iss=provider.origin)) == 200


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"issuer": "https://evil.example", "jwks_uri": "{url}"}, "another issuer"),
        ({"issuer": "{origin}/", "jwks_uri": "{url}"}, "another issuer"),
        ({"issuer": "{origin}", "jwks_uri": "http://idp.example.com/keys"}, "on loopback only"),
        ({"issuer": "{origin}", "jwks_uri": "file:///etc/passwd"}, "`jwks_uri`"),
        ({"issuer": "{origin}"}, "no text `jwks_uri`"),
        ([], "not one strict JSON object"),
    ],
)
def test_a_document_that_is_not_believed(edge, provider, workspace, document, words):
    if document:
        document = {name: text.format(url=provider.url, origin=provider.origin) for name, text in document.items()}
    provider.document = document or [1]
    edge = discovering(edge, provider, "discovery = true").start(ready=False)
    edge.says(words)
    assert provider.fetches() == 0


def test_check_and_inspect_understand_discovery(site, provider, key, workspace, tmp_path):
    jwks = f'jwks_file = "{tmp_path}/jwks.json"'
    text, _ = site.text((jwks, "discovery = true"), ('issuer = "https://app.example.com"', f'issuer = "{provider.origin}"'), directory=tmp_path)
    config = Path(tmp_path / "edgepass.toml")
    config.write_text(text)
    assert OPENID in run("check", "--config", config, check=0).stderr
    assert provider.asked == [], "`check` asks no network"
    token = workspace.token(key=key, iss=provider.origin)
    assert "valid" in run("token", "inspect", "--config", config, stdin=token, check=0).stdout
