"""A process that the bench started: pinned to a core, its time and memory counted, ended with everything below it."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tests"))  # behind our own: both have a load.py

from processes import wait_until  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")
SERVER_CORE, LOAD_CORE = "0", "1"


class Refused(Exception):
    """What was seen is worth no figure: a wrong answer, a miss, a server that lets anybody in."""


class Server:
    def __init__(self, name, core, command, directory, ports, env=None):
        """`ports`: by transport. The process ends with the bench, however that ends."""
        self.name, self.directory, self.ports = name, directory, ports
        directory.mkdir(parents=True, exist_ok=True)
        with open(directory / "stdout.txt", "wb") as stdout, open(directory / "stderr.txt", "wb") as stderr:
            self.process = subprocess.Popen(
                ["taskset", "-c", core, "setpriv", "--pdeathsig", "TERM", *map(str, command)],
                stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr,
                cwd=directory, env={**os.environ, **(env or {})}, start_new_session=True,
            )  # fmt: skip

    def said(self):
        texts = [(self.directory / name).read_text(errors="replace")[-2000:] for name in ("stdout.txt", "stderr.txt")]
        return "\n".join(texts)

    def wait_until_ready(self, seconds=60):
        for port in set(self.ports.values()):
            try:
                wait_until(lambda port=port: self._listens(port), seconds, f"{self.name}'s port")
            except TimeoutError as error:
                raise Refused(f"{error}\n{self.said()}") from None

    def _listens(self, port):
        if self.process.poll() is not None:
            raise Refused(f"{self.name} ended with {self.process.returncode}:\n{self.said()}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            return False

    def pids(self):
        """Its own, and those of all below it."""
        pids, unseen = [], [self.process.pid]
        while unseen:
            pid = unseen.pop()
            pids.append(pid)
            for task in Path(f"/proc/{pid}/task").iterdir():
                unseen += map(int, (task / "children").read_text().split())
        return pids

    def cpu_seconds(self):
        """(in its own code, in the kernel)"""
        user = system = 0
        for pid in self.pids():
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            user, system = user + int(fields[11]), system + int(fields[12])
        return user / TICKS, system / TICKS

    def memory(self):
        """Resident bytes; what its processes share is counted once."""
        texts = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in self.pids()]
        return sum(int(re.search(r"^Pss:\s+(\d+)", text, re.M).group(1)) * 1024 for text in texts)

    def stop(self, seconds=15):
        if self.process.poll() is not None:
            return
        below = self.pids()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            for pid in below:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue  # it went by itself meanwhile
            self.process.wait()
