"""Reloading while the gateway serves: all of it or nothing, and nobody notices but by what has changed."""

import hashlib
import json
import signal
import threading
import time
import uuid

import pytest

import certificates
import tokens
from certificates import Authority, connect, context, serial_of
from http1 import Connection, ask, request
from load import Load
from processes import free_port, run, wait_until

SECRET = "a secret of at least thirty-two bytes, for operators"


@pytest.fixture(scope="module")
def authority():
    return Authority()


class World:
    """A gateway with TLS and an admin secret, and the files it runs on."""

    def __init__(self, site, authority, directory, *edits):
        self.directory, self.authority = directory, authority
        self.https = free_port()
        self.secret = directory / "admin.secret"
        self.secret.write_text(SECRET)
        self.issued = self.renew()
        tls = f'[tls]\ncertificate = "{directory}/files.pem"\nkey = "{directory}/files.key"\nwatch = false\n'
        admin = f'[admin]\nsecret_file = "{self.secret}"\n'
        self.gateway = site.serve(
            ("[listen]\n", f'[listen]\nhttps = "127.0.0.1:{self.https}"\n'),
            ("[site]\n", f"{tls}\n{admin}\n[site]\n"),
            ('origin = "http://127.0.0.1', f'origin = "https://localhost:{self.https}" #'),
            *edits,
        )
        self.config = self.gateway.config
        self.jwks = self.config.parent / "jwks.json"
        self.trusted = context(authority)

    def renew(self):
        issued = self.authority.issue("localhost")
        certificates.write(self.directory, "files", issued)
        return issued[2].serial_number

    def reload(self, secret=SECRET, **options):
        return ask(self.gateway.admin, "/reload", method="POST", token=secret, **options)

    def edit(self, old, new):
        text = self.config.read_text()
        assert old in text, old
        self.config.write_text(text.replace(old, new))

    def metric(self, line):
        text = ask(self.gateway.admin, "/metrics").body.decode()
        return next((float(found.rsplit(" ", 1)[1]) for found in text.splitlines() if found.startswith(line)), None)

    def serial(self):
        with connect(self.https, "localhost", self.trusted) as connection:
            return serial_of(connection)


@pytest.fixture
def world(site, authority, tmp_path):
    return World(site, authority, tmp_path)


def done(answer):
    assert answer.status == 200, answer
    return answer.json()


def test_renewed_certificates(world):
    assert world.serial() == world.issued
    kept = connect(world.https, "localhost", world.trusted)
    new = world.renew()
    assert world.serial() == world.issued, "nobody has said so yet"
    said = done(world.reload())
    assert said["ok"] and said["certificates"] and said["keys"] == []
    assert world.serial() == new
    kept.sendall(request("localhost", "/_edgepass/health"))
    assert kept.recv(100).startswith(b"HTTP/1.1 200"), "a connection of before goes on"
    kept.close()
    assert not done(world.reload())["certificates"], "the same again"


def test_metrics(world):
    until = world.metric(f'edgepass_certificate_expiry_seconds{{certificate="{world.directory}/files.pem"}}')
    assert until == pytest.approx(time.time() + 30 * 86400, abs=120)
    assert world.metric('edgepass_reloads_total{result="done"}') == 0
    began = world.metric("edgepass_last_reload_seconds")
    assert began == pytest.approx(time.time(), abs=60)
    done(world.reload())
    (world.directory / "files.pem").write_text("nothing")
    assert world.reload().status == 422
    assert world.metric('edgepass_reloads_total{result="done"}') == 1
    assert world.metric('edgepass_reloads_total{result="refused"}') == 1
    assert world.metric("edgepass_last_reload_seconds") >= began


def test_who_may(world):
    assert world.reload(secret=None).status == 401
    assert world.reload(secret="another secret of at least thirty-two bytes!").status == 401
    assert world.reload(headers={"Origin": "https://app.example.com"}).status == 403
    assert world.reload(headers={"Origin": world.gateway.admin}).status == 403
    assert ask(world.gateway.admin, "/reload", token=SECRET).status == 405
    assert world.reload(json={"all": True}).status == 400
    assert world.reload(json={}).status == 200
    admin = Connection(world.gateway.admin)
    admin.send(request("evil.example", "/reload", method="POST", token=SECRET))
    assert admin.receive().status == 403, "by DNS rebinding"
    assert ask(world.gateway.origin, "/reload", method="POST", token=SECRET).status == 405, "on the files origin it is a path"


def test_without_an_admin_secret_only_the_signal_reloads(site):
    gateway = site.serve()
    assert ask(gateway.admin, "/reload", method="POST").status == 403
    gateway.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "reloaded" in gateway.stderr_path.read_text(), what="the reload")


def test_a_signal(world):
    new = world.renew()
    world.gateway.process.send_signal(signal.SIGHUP)
    wait_until(lambda: world.serial() == new, what="the new certificate")
    (world.directory / "files.key").write_text("nothing")
    world.gateway.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "not reloaded" in world.gateway.stderr_path.read_text(), what="the refusal")
    assert "files.key` holds no PEM private key" in world.gateway.stderr_path.read_text()
    assert world.gateway.running and world.serial() == new


def test_the_command(world):
    new = world.renew()
    said = json.loads(run("reload", "--config", world.config, check=0).stdout)
    assert said["certificates"] and world.serial() == new
    (world.directory / "files.key").write_text("nothing")
    failed = run("reload", "--config", world.config)
    assert failed.returncode == 2 and "holds no PEM private key" in failed.stderr
    world.gateway.stop()
    world.renew()
    assert run("reload", "--config", world.config).returncode == 1


def test_keys(world, workspace, keys):
    """A token that is remembered does not outlive its key."""
    path, token = workspace.put(body=b"mine"), workspace.token()
    assert ask(world.gateway.origin, path, token=token).body == b"mine"
    other = tokens.SigningKey.new("ES256", "other")
    world.jwks.write_text(json.dumps({"keys": [other.jwk(), keys.rs256.jwk()]}))
    assert ask(world.gateway.origin, path, token=token).status == 200, "nobody has said so yet"
    assert done(world.reload())["keys"] == ["app"]
    assert ask(world.gateway.origin, path, token=token).code == "token_invalid"
    assert ask(world.gateway.origin, path, token=workspace.token(key=other)).body == b"mine"
    assert ask(world.gateway.origin, path, token=workspace.token(key=keys.rs256)).body == b"mine"
    world.jwks.write_text(keys.jwks())
    done(world.reload())
    assert ask(world.gateway.origin, path, token=token).body == b"mine"
    assert ask(world.gateway.origin, path, token=workspace.token(key=other)).code == "token_invalid"


def test_the_admin_secret(world):
    world.secret.write_text(SECRET[::-1])
    done(world.reload())
    assert world.reload().status == 401
    done(world.reload(secret=SECRET[::-1]))


def test_rules(world, workspace, other_workspace):
    path, token = workspace.put(body=b"mine"), workspace.token()
    assert ask(world.gateway.origin, path, token=token).status == 200
    row = '{ action = "read", claims = { "members.{workspace}" = ["owner", "editor", "reader"] } },'
    world.edit(row, '{ action = "read", claims = { "members.{workspace}" = "owner" } },')
    done(world.reload())
    answer = ask(world.gateway.origin, path, token=token)
    assert (answer.status, answer.code) == (403, "forbidden"), "cached object and remembered token or not"
    assert ask(world.gateway.origin, path, token=workspace.token("owner")).body == b"mine"
    world.edit('path = "/public/{name...}"', 'path = "/open/{name...}"\nkey = "public/{name}"')
    done(world.reload())
    assert ask(world.gateway.origin, "/public/a").status == 401
    assert ask(world.gateway.origin, "/open/a").status == 404


def test_links_of_before_stay_good(world, workspace):
    path = workspace.put(body=b"linked")
    answer = ask(world.gateway.origin, "/_edgepass/links", method="POST", token=workspace.token(), json={"path": path})
    link = answer.json()["url"].split(f":{world.https}")[1]
    done(world.reload())
    assert ask(world.gateway.origin, link).body == b"linked"


def test_a_link_goes_with_the_rule_that_made_it(world, workspace):
    """Another rule in its place is another rule."""
    path = workspace.put(body=b"linked")
    answer = ask(world.gateway.origin, "/_edgepass/links", method="POST", token=workspace.token(), json={"path": path})
    link = answer.json()["url"].split(f":{world.https}")[1]
    assert ask(world.gateway.origin, link).body == b"linked"
    world.edit('["owner", "editor", "reader"]', '["owner"]')
    done(world.reload())
    assert ask(world.gateway.origin, link).status == 403


FIXED = {
    "the listeners": ('admin = "', 'admin = "127.0.0.2:1" # "', "`[listen]`"),
    "the origin": ('origin = "https://localhost', 'origin = "https://localhosts', "`origin`"),
    "a bucket": ('region = "', 'region = "x', "`[bucket.NAME]`"),
    "an issuer": ('max_age = "24h"', 'max_age = "23h"', "`[issuer.NAME]`"),
    "the cache": ('ttl = "5m"', 'ttl = "6m"', "`[cache]`"),
    "the state": ("[token]", '[state]\ndirectory = "state"\n\n[token]', "`[state]`"),
    "what is revocable": ("[token]", '[revocation]\nclaims = ["jti"]\n\n[token]', "`[revocation]`"),
}


@pytest.mark.parametrize("what", FIXED)
def test_what_takes_a_new_start_is_refused(world, workspace, what):
    old, new, named = FIXED[what]
    world.edit(old, new)
    world.renew()
    answer = world.reload()
    assert answer.status == 422
    assert [mistake["message"] for mistake in answer.json()["mistakes"] if named in mistake["message"]], answer
    assert world.serial() == world.issued, "nothing is taken"


BROKEN = {
    "the configuration": lambda world: world.edit("[cache]", "[cash]"),
    "half a configuration": lambda world: world.config.write_text(world.config.read_text()[:300]),
    "an empty configuration": lambda world: world.config.write_text(""),
    "no configuration": lambda world: world.config.unlink(),
    "a huge configuration": lambda world: world.config.write_text("# " + "x" * 50_000_000),
    "a deep configuration": lambda world: world.config.write_text("a = " + "[" * 900_000),
    "a certificate": lambda world: (world.directory / "files.pem").write_bytes(b""),
    "half a certificate": lambda world: (world.directory / "files.pem").write_bytes((world.directory / "files.pem").read_bytes()[:200]),
    "a key of another": lambda world: (world.directory / "files.key").write_bytes(world.authority.issue("localhost")[1]),
    "key sets": lambda world: world.jwks.write_text('{"keys":[]}'),
    "half a key set": lambda world: world.jwks.write_text(world.jwks.read_text()[:100]),
    "a secret": lambda world: world.secret.write_text("short"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_file_leaves_everything_as_it_was(world, workspace, keys, what):
    path, token = workspace.put(body=b"mine"), workspace.token()
    world.renew()
    world.jwks.write_text(json.dumps({"keys": [keys.rs256.jwk()]}))
    BROKEN[what](world)
    answer = world.reload()
    assert answer.status == 422, answer
    said = answer.json()
    assert said["ok"] is False and all(mistake["message"] for mistake in said["mistakes"]) and said["mistakes"]
    if world.config.exists() and what not in ("a huge configuration",):
        assert all(mistake["line"] and mistake["column"] for mistake in said["mistakes"]), said
    assert ask(world.gateway.origin, path, token=token).body == b"mine", "the key set of before"
    assert world.serial() == world.issued
    assert "panic" not in world.gateway.stderr_path.read_text()


def test_certificates_are_taken_up_by_themselves(site, authority, tmp_path):
    world = World(site, authority, tmp_path, ("watch = false\n", ""))
    # As certbot does it: a link to a file of its own, the certificate first, the key a while later.
    issued = authority.issue("localhost")
    (tmp_path / "new.pem").write_bytes(issued[0])
    (tmp_path / "link.pem").symlink_to(tmp_path / "new.pem")
    (tmp_path / "link.pem").rename(tmp_path / "files.pem")
    text = world.gateway.stderr_path
    wait_until(lambda: "the certificates in use stay" in text.read_text(), 15, "the half-written pair")
    assert world.serial() == world.issued
    (tmp_path / "files.key").write_bytes(issued[1])
    wait_until(lambda: world.serial() == issued[2].serial_number, 15, "the new certificate")
    assert text.read_text().count("the certificates in use stay") == 1, "told once"
    assert "taken up" in text.read_text()
    assert world.metric('edgepass_reloads_total{result="done"}') == 1


class Background:
    """Runs `work(stop)` on a thread, and raises what it raised."""

    def __init__(self, work):
        self._stop, self._work, self.error, self.result = threading.Event(), work, None, None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        try:
            self.result = self._work(self._stop)
        except BaseException as error:
            self.error = error

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(60)
        if self.error:
            raise self.error
        assert not self._thread.is_alive()


def test_fifty_renewals_under_load(world, workspace, s3, dev):
    """2,000 requests a second on kept connections, kept and new TLS connections, and a download that lasts: not one fails."""
    path, token = workspace.put(body=b"x" * 1000), workspace.token()
    film = hashlib.sha256(str(uuid.uuid4()).encode()).digest() * (24 << 15)  # 24 MiB
    film_path = workspace.put("film.mp4", film)

    def kept(stop):
        with connect(world.https, "localhost", world.trusted) as connection:
            count = 0
            while not stop.is_set():
                connection.sendall(request("localhost", path, token=token))
                answer = b""
                while not answer.endswith(b"x" * 1000):
                    read = connection.recv(65536)
                    assert read, "the connection was closed"
                    answer += read
                assert answer.startswith(b"HTTP/1.1 200 OK")
                count += 1
            return count

    def new(stop):
        count = 0
        while not stop.is_set():
            with connect(world.https, "localhost", world.trusted) as connection:
                connection.sendall(request("localhost", path, token=token))
                assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK")
                count += 1
        return count

    def film_slowly(stop):
        with connect(world.https, "localhost", world.trusted) as connection:
            connection.sendall(request("localhost", film_path, token=token))
            answer = bytearray()
            while len(answer) < len(film) or not answer.endswith(film[-64:]):
                read = connection.recv(65536)
                assert read, "the download was cut"
                answer += read
                if not stop.is_set():
                    time.sleep(0.02)
            return hashlib.sha256(bytes(answer).split(b"\r\n\r\n", 1)[1]).hexdigest()

    with Load(world.gateway.origin, path, [token] * 64) as load, Background(kept) as keeping, Background(new) as opening, Background(film_slowly) as film_read:
        for _ in range(50):
            issued = world.renew()
            done(world.reload())
            assert world.serial() == issued, "who comes now sees the new one"
            time.sleep(0.05)
    print(f"{load.rate:.0f} requests/s on kept connections, {keeping.result} on one with TLS, {opening.result} new TLS connections")
    assert not load.refused and load.rate > 2000
    assert keeping.result > 50 and opening.result > 50
    assert film_read.result == hashlib.sha256(film).hexdigest()
    assert world.metric("edgepass_tls_handshakes_failed_total") == 0
    assert world.metric('edgepass_reloads_total{result="done"}') == 50
