"""Starts the real binary, waits until it answers, ends it by its id."""

import json
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BINARY = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "edgepass"
RESULTS = ROOT / "test-results"


def example(name):
    """A program of `crates/*/examples`, which `cargo build --release --workspace --examples` makes."""
    path = BINARY.parent / "examples" / name
    assert path.exists(), f"{path} is missing: run `cargo build --release --workspace --examples` first"
    return path


def wait_until(condition, seconds=10, what="the condition"):
    """Asks until the answer is true, and gives it back."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come true within {seconds} s")
        time.sleep(0.005)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def four_free_ports():
    """The first of four in a row."""
    while True:
        first = free_port()
        try:
            for port in range(first, first + 4):
                with socket.socket() as listener:
                    listener.bind(("127.0.0.1", port))
            return first
        except (OSError, OverflowError):
            continue


def run(*arguments, check=None, stdin=None, env=None, timeout=30):
    """One command from start to end. `check` is the exit code that it must have."""
    done = subprocess.run(
        [str(BINARY), *map(str, arguments)],
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        text=True,
        env={**os.environ, **(env or {})},
        timeout=timeout,
    )
    if check is not None:
        assert done.returncode == check, f"exit {done.returncode}, not {check}\n{done.stdout}\n{done.stderr}"
    return done


class Process:
    """A running edgepass whose two outputs go to files."""

    def __init__(self, directory, *arguments, env=None):
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        self.stdout_path = directory / "stdout.txt"
        self.stderr_path = directory / "stderr.txt"
        self.started = time.monotonic()
        with open(self.stdout_path, "wb") as stdout, open(self.stderr_path, "wb") as stderr:
            self.process = subprocess.Popen(
                [str(BINARY), *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                env={**os.environ, **(env or {})},
                start_new_session=True,
            )

    @property
    def pid(self):
        return self.process.pid

    @property
    def running(self):
        return self.process.poll() is None

    def output(self):
        """All it has said so far, on both channels."""
        return self.stdout_path.read_text(errors="replace") + self.stderr_path.read_text(errors="replace")

    def log_text(self):
        return self.stdout_path.read_text(errors="replace")

    def log(self):
        """The access log: every line that is a JSON object with a status."""
        records = []
        for line in self.log_text().splitlines():
            if line.startswith("{"):
                try:
                    record = json.loads(line)
                except ValueError:
                    continue  # a line that is being written
                if "status" in record:
                    records.append(record)
        return records

    def log_of(self, answer):
        """The access log's line of an answer."""
        wanted = answer.header("edgepass-id")
        return wait_until(lambda: next((line for line in self.log() if line["id"] == wanted), None), what="the log's line")

    def memory(self):
        """Resident bytes."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise LookupError("VmRSS")

    def wait(self, seconds=10):
        return self.process.wait(seconds)

    def stop(self, with_signal=signal.SIGINT, seconds=10):
        """Asks it to end, insists after a while. Gives the exit code."""
        if self.running:
            self.process.send_signal(with_signal)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


@dataclass
class User:
    name: str
    workspace: str
    role: str
    token: str


class Dev(Process):
    """`edgepass dev --json`, ready."""

    def __init__(self, data, logs, *arguments, port=0, ready_within=10, command=("dev",)):
        super().__init__(logs, *command, "--dir", data, "--port", port, "--json", *arguments)
        try:
            line = wait_until(self._first_line, ready_within, "the line of `dev --json`")
        except TimeoutError:
            self.stop()
            raise AssertionError(f"`edgepass dev` is not ready:\n{self.output()}") from None
        self._data = Path(data)
        self.ready_after = time.monotonic() - self.started
        self.line = line
        self.says = json.loads(line)
        self.app = self.says["app"]
        self.files = self.says["files"]
        self.admin = self.says.get("admin")
        self.config = Path(self.says["config"])
        self.s3 = self.says["s3"]
        fields = ("name", "workspace", "role", "token")
        self.users = [User(**{field: user[field] for field in fields}) for user in self.says["users"]]

    def log_text(self):
        """`dev` keeps the access log out of the way, in a file."""
        return (self._data / "access.log").read_text(errors="replace")

    def _first_line(self):
        lines = self.stdout_path.read_text().splitlines(keepends=True)
        if lines and lines[0].endswith("\n"):
            return lines[0]
        assert self.running, f"`edgepass dev` ended with {self.process.returncode}:\n{self.output()}"
        return None

    def owner(self):
        return next(user for user in self.users if user.role == "owner")

    def reader(self):
        """A reader of the owner's workspace."""
        workspace = self.owner().workspace
        return next(user for user in self.users if user.workspace == workspace and user.role == "reader")

    def stranger(self):
        """The owner of another workspace."""
        workspace = self.owner().workspace
        return next(user for user in self.users if user.workspace != workspace and user.role == "owner")


class Gateway(Process):
    """`edgepass serve` on a configuration of the test's own, ready."""

    def __init__(self, directory, config, *, origin, admin=None, env=None):
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        self.config = directory / "edgepass.toml"
        self.config.write_text(config)
        self.origin = origin
        self.admin = admin
        super().__init__(directory, "serve", "--config", self.config, env=env)
        host, port = origin.split("//")[1].split(":")
        try:
            wait_until(lambda: self._answers((host, int(port))), 10, "the gateway's port")
        except BaseException:
            self.stop()
            raise

    def _answers(self, address):
        assert self.running, f"`edgepass serve` ended with {self.process.returncode}:\n{self.output()}"
        from http1 import ask  # here, because http1 knows nothing of processes

        try:
            return ask(self.origin, "/_edgepass/health", timeout=2).status == 200
        except OSError:
            return False
