#!/usr/bin/env python3
"""Ceph's object gateway on one machine: a monitor, one store on a sparse file, and RGW, all on loopback.

    .venv/bin/python tests/ceph.py     # prints endpoint and keys as one line of JSON, stays until Ctrl-C

Wants the Debian packages radosgw, ceph-mon, ceph-osd and ceph-common, and no rights. Ready after about 15 seconds; everything lies
in one temporary directory, and everything ends with whoever started it."""

import json
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

from processes import free_port, wait_until

# The manager daemon is left out: nothing here asks for it. Pools of one copy on one store are all that a test needs.
CONFIGURATION = """\
[global]
fsid = {fsid}
mon initial members = a
mon host = [v2:127.0.0.1:{mon_v2},v1:127.0.0.1:{mon_v1}]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pgp num = 8
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 1000
run dir = {d}/run
admin socket = {d}/run/$cluster-$name.$pid.asok
log file = {d}/log/$name.log
pid file = {d}/run/$name.pid
keyring = {d}/keyring
crash dir = {d}
[mon.a]
mon data = {d}/mon
mon data avail crit = 1
mon data avail warn = 2
[osd.0]
osd data = {d}/osd
osd objectstore = bluestore
bluestore block size = 21474836480
bluestore block create = true
osd memory target = 1073741824
osd class update on start = false
[client.rgw]
client mount timeout = 20
rgw frontends = beast endpoint=127.0.0.1:{port}
rgw data = {d}/rgw
rgw dns name = localhost
rgw thread pool size = 64
"""
PROGRAMS = ("ceph", "ceph-authtool", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin")


def missing():
    """Which programs are not there."""
    return [program for program in PROGRAMS if shutil.which(program) is None]


class Ceph:
    """A context manager. `s3` has what `edgepass dev --json` says of its store, but for the bucket."""

    def __init__(self):
        self._running = []
        self._directory = None

    def __enter__(self):
        assert not missing(), f"not installed: {', '.join(missing())}"
        self._directory = Path(tempfile.mkdtemp(prefix="edgepass-ceph-"))
        try:
            self._start()
        except BaseException:
            print(self.logs(), file=sys.stderr)
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def _start(self):
        d, fsid, port = self._directory, str(uuid.uuid4()), free_port()
        for folder in ("mon", "osd", "rgw", "run", "log"):
            (d / folder).mkdir()
        mon_v1, mon_v2 = free_port(), free_port()
        (d / "ceph.conf").write_text(CONFIGURATION.format(d=d, fsid=fsid, port=port, mon_v1=mon_v1, mon_v2=mon_v2))
        self._monitor(fsid, f"[v2:127.0.0.1:{mon_v2},v1:127.0.0.1:{mon_v1}]")
        self._object_store()
        self.s3 = {
            "endpoint": f"http://127.0.0.1:{port}",
            "region": "us-east-1",
            "access_key": secrets.token_hex(10).upper(),
            "secret_key": secrets.token_urlsafe(30),
        }
        self._daemon("radosgw", "-n", "client.rgw")
        wait_until(self._answers, 90, "RGW")
        self.admin("user", "create", "--uid=edgepass", "--display-name=Edgepass",
                   f"--access-key={self.s3['access_key']}", f"--secret-key={self.s3['secret_key']}")  # fmt: skip
        # As docs/guides/ceph.md has it.
        user = self.admin("subuser", "create", "--uid=edgepass", "--subuser=edgepass:uploads", "--access=write",
                          "--key-type=s3", "--gen-access-key", "--gen-secret")  # fmt: skip
        [key] = [key for key in user["keys"] if key["user"] == "edgepass:uploads"]
        self.s3 |= {"upload_access_key": key["access_key"], "upload_secret_key": key["secret_key"]}

    def _monitor(self, fsid, address):
        d, keyring = self._directory, self._directory / "keyring"
        self._run("ceph-authtool", "--create-keyring", keyring, "--gen-key", "-n", "mon.", "--cap", "mon", "allow *")
        everything = [word for part in ("mon", "osd", "mgr") for word in ("--cap", part, "allow *")]
        self._run("ceph-authtool", keyring, "--gen-key", "-n", "client.admin", *everything)
        self._run("monmaptool", "--create", "--clobber", "--fsid", fsid, "--addv", "a", address, d / "monmap")
        self._run("ceph-mon", "--mkfs", "-i", "a", "--monmap", d / "monmap", "--keyring", keyring)
        # Not before the monitor has taken the keyring over: it learns these two below.
        for name in ("client.rgw", "osd.0"):
            self._run("ceph-authtool", keyring, "--gen-key", "-n", name)
        self._daemon("ceph-mon", "-i", "a")

    def _object_store(self):
        caps = 'caps mon = "allow *"\ncaps osd = "allow *"\n'
        entry = f"[client.rgw]\nkey = {self._key('client.rgw')}\n{caps}"
        self._run("ceph", "--connect-timeout=30", "auth", "import", "-i", "-", stdin=entry)
        osd = str(uuid.uuid4())
        self._run("ceph", "osd", "new", osd, "-i", "-", stdin=json.dumps({"cephx_secret": self._key("osd.0")}))
        self._run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd, "--no-mon-config")
        self._daemon("ceph-osd", "-i", "0")

    def admin(self, *arguments):
        """`radosgw-admin`, whose JSON is given back."""
        return json.loads(self._run("radosgw-admin", *arguments))

    def _key(self, name):
        return self._run("ceph-authtool", self._directory / "keyring", "-p", "-n", name).strip()

    def _run(self, program, *arguments, stdin=None):
        command = [program, "-c", self._directory / "ceph.conf", *arguments]
        if program in ("ceph-authtool", "monmaptool"):
            command = [program, *arguments]
        done = subprocess.run([str(word) for word in command], input=stdin or "", capture_output=True, text=True, timeout=90)
        assert done.returncode == 0, f"{program} {arguments} ends with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def _daemon(self, program, *arguments):
        """In the foreground, so that its id is known; it ends with this process, however that ends."""
        command = ["setpriv", "--pdeathsig=KILL", program, "-f", "-c", self._directory / "ceph.conf", *arguments]
        with open(self._directory / "log" / f"{program}.out", "wb") as output:
            daemon = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        self._running.append(daemon)

    def _answers(self):
        for daemon in self._running:
            assert daemon.poll() is None, f"{daemon.args[2]} ended with {daemon.returncode}"
        try:
            return urllib.request.urlopen(self.s3["endpoint"], timeout=5).status == 200
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False

    def logs(self):
        """The last of what each daemon said."""
        files = sorted((self._directory / "log").glob("*"))
        return "\n".join(f"{file.name}:\n{file.read_text(errors='replace')[-3000:]}" for file in files)

    def stop(self):
        for daemon in reversed(self._running):
            daemon.terminate()
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        self._running.clear()
        if self._directory:
            shutil.rmtree(self._directory, ignore_errors=True)


def main():
    # Both ends are the same: everything is stopped and swept. A shell's background job is born deaf to the first.
    for end in (signal.SIGINT, signal.SIGTERM):
        signal.signal(end, signal.default_int_handler)
    began = time.monotonic()
    with Ceph() as ceph:
        print(f"ready after {time.monotonic() - began:.1f} s", file=sys.stderr)
        print(json.dumps(ceph.s3), flush=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
