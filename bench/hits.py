"""Authenticated cache hits of 1 KiB against nginx's proxy_cache without authorisation.

Server on core 0; load generator and origin on core 1. Both servers get the same paths in the same order from the same
generator; Edgepass gets a token with each and verifies it, nginx gets none and asks for none. Rounds are interleaved and
medians reported, with all single values in the JSON. Nothing leaves loopback.
"""

import argparse
import json
import os
import platform
import random
import re
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from http1 import Connection, request  # noqa: E402
from processes import free_port, wait_until  # noqa: E402
from tokens import SigningKey, claims  # noqa: E402

OUT = ROOT / "bench" / "out"
TICKS = os.sysconf("SC_CLK_TCK")
SERVER_CORE, LOAD_CORE = "0", "1"

EDGEPASS = """\
[listen]
http = "127.0.0.1:{port}"

[site]
origin = "http://127.0.0.1:{port}"
apps = ["https://app.example.com"]

[bucket.main]
endpoint = "http://127.0.0.1:{origin}"
region = "us-east-1"
name = "bucket"
credentials = {{ access_key_env = "BENCH_KEY", secret_key_env = "BENCH_KEY" }}

[issuer.app]
issuer = "https://app.example.com"
audience = "files"
jwks_file = "{jwks}"
algorithms = ["ES256"]
may = ["read"]
max_age = "24h"

[token]
from = ["header", "cookie:edgepass", "query:authorization"]

[[route]]
name = "files"
path = "/{{workspace:uuid}}/{{file:uuid}}/{{name...}}"
bucket = "main"
key = "{{workspace}}/{{file}}/{{name}}"
allow = [
  {{ action = "read", claims = {{ workspace = "{{workspace}}" }} }},
  {{ action = "read", claims = {{ "members.{{workspace}}" = ["owner", "editor", "reader"] }} }},
]
"""

# As fast as it is usually made: one worker, hits from open files, sendfile, buffered log, connections kept for ever.
NGINX = """\
daemon off;
{user}worker_processes 1;
worker_rlimit_nofile 30000;
pid {dir}/nginx.pid;
error_log {dir}/error.log warn;
events {{ worker_connections 4096; multi_accept on; }}
http {{
  types {{ application/octet-stream bin; }}
  sendfile on;
  tcp_nopush off;
  tcp_nodelay on;
  keepalive_timeout 3600;
  keepalive_requests 1000000000;
  open_file_cache max=30000 inactive=1h;
  open_file_cache_valid 1h;
  access_log {dir}/access.log combined buffer=64k flush=200ms;
  client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fastcgi;
  uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
{servers}}}
"""
NGINX_CACHE = """\
  proxy_cache_path {dir}/cache levels=1:2 keys_zone=files:64m max_size=2g inactive=1h use_temp_path=off;
  upstream origin {{ server 127.0.0.1:{origin}; keepalive 32; }}
  server {{
    listen 127.0.0.1:{port} reuseport;
    location / {{
      proxy_pass http://origin/bucket$uri;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_cache files;
      proxy_cache_key $uri;
      proxy_cache_valid 200 1h;
    }}
  }}
"""
NGINX_ORIGIN = """\
  server {{ listen 127.0.0.1:{port}; root {dir}/www; access_log off; }}
"""


class Server:
    """A process that this benchmark started, pinned to one core."""

    def __init__(self, name, core, command, directory, env=None):
        self.name = name
        self.log = open(directory / "stdout.txt", "wb")
        self.process = subprocess.Popen(
            ["taskset", "-c", core, *map(str, command)],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=open(directory / "stderr.txt", "wb"),
            env={**os.environ, **(env or {})}, start_new_session=True,
        )  # fmt: skip
        self.directory = directory

    def pids(self):
        """Its own and its children's."""
        pids = [self.process.pid]
        for child in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split():
            pids.append(int(child))
        return pids

    def cpu_seconds(self):
        """(in its own code, in the kernel)"""
        user = system = 0
        for pid in self.pids():
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            user, system = user + int(fields[11]), system + int(fields[12])
        return user / TICKS, system / TICKS

    def memory(self):
        """(now, highest) resident bytes."""
        sums = [0, 0]
        for pid in self.pids():
            status = Path(f"/proc/{pid}/status").read_text()
            for place, name in enumerate(("VmRSS", "VmHWM")):
                sums[place] += int(re.search(rf"{name}:\s+(\d+)", status).group(1)) * 1024
        return sums

    def wait_for(self, port):
        def answers():
            if self.process.poll() is not None:
                said = (self.directory / "stderr.txt").read_text()[-2000:]
                raise SystemExit(f"{self.name} ended with {self.process.returncode}:\n{said}")
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return True
            except OSError:
                return False

        wait_until(answers, 60, f"{self.name}'s port")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                for pid in self.pids():
                    os.kill(pid, signal.SIGKILL)
                self.process.wait()
        self.log.close()


def nginx_config(directory, servers):
    directory.mkdir(exist_ok=True)
    user = "user root;\n" if os.geteuid() == 0 else ""
    path = directory / "nginx.conf"
    path.write_text(NGINX.format(dir=directory, user=user, servers=servers))
    return ["nginx", "-p", directory, "-c", path]


class Lab:
    """Objects, tokens, origin; and the two servers, which can be started in several ways."""

    def __init__(self, directory, options):
        self.directory, self.options = directory, options
        self.running = []
        dice = random.Random(options.seed)
        self.key = SigningKey.new("ES256", "bench")
        (directory / "jwks.json").write_text(json.dumps({"keys": [self.key.jwk()]}))
        workspaces = [str(uuid.UUID(int=dice.getrandbits(128), version=4)) for _ in range(10)]
        # Each workspace has a tenth of the objects and a tenth of the tokens: each token may read a thousand objects.
        self.paths = []
        for number in range(options.objects):
            file = uuid.UUID(int=dice.getrandbits(128), version=4)
            self.paths.append((number % 10, f"/{workspaces[number % 10]}/{file}/photo-{number}.bin"))
        self.tokens = [[] for _ in workspaces]
        for number in range(options.tokens):
            members = {workspaces[number % 10]: "reader"}
            self.tokens[number % 10].append(self.key.sign(claims(life=7200, sub=f"user-{number}", members=members)))
        www = directory / "origin" / "www" / "bucket"
        body = dice.randbytes(options.size)
        for _, path in self.paths:
            file = www / path[1:]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(body)
        self.dice = dice
        self.write_requests()
        self.origin_port = free_port()
        origin = directory / "origin"
        self.start("origin", LOAD_CORE, nginx_config(origin, NGINX_ORIGIN.format(dir=origin, port=self.origin_port)), origin, self.origin_port)

    def write_requests(self):
        """The same random walk over the objects for both, once with a token and once without."""
        walk = [self.dice.choice(self.paths) for _ in range(100_000)]
        with open(self.directory / "edgepass.requests", "wb") as mine, open(self.directory / "nginx.requests", "wb") as theirs:
            for workspace, path in walk:
                mine.write(request("127.0.0.1", path, token=self.dice.choice(self.tokens[workspace])) + b"\0")
                theirs.write(request("127.0.0.1", path) + b"\0")

    def start(self, name, core, command, directory, port, env=None, wrapper=()):
        directory.mkdir(exist_ok=True)
        server = Server(name, core, [*wrapper, *command], directory, env)
        self.running.append(server)
        server.wait_for(port)
        server.port = port
        return server

    def edgepass(self, label="edgepass", wrapper=()):
        port, directory = free_port(), self.directory / label
        directory.mkdir(exist_ok=True)
        config = directory / "edgepass.toml"
        config.write_text(EDGEPASS.format(port=port, origin=self.origin_port, jwks=self.directory / "jwks.json"))
        command = [self.options.binary, "serve", "--config", config]
        server = self.start("edgepass", SERVER_CORE, command, directory, port, {"BENCH_KEY": "bench-key-of-no-worth"}, wrapper)
        self.warm(server, "edgepass")
        return server

    def nginx(self, label="nginx", wrapper=(), single=False):
        port, directory = free_port(), self.directory / label
        command = nginx_config(directory, NGINX_CACHE.format(dir=directory, port=port, origin=self.origin_port))
        if single:
            command += ["-g", "master_process off;"]
        server = self.start("nginx", SERVER_CORE, command, directory, port, wrapper=wrapper)
        self.warm(server, "nginx")
        return server

    def warm(self, server, name):
        """Every object once; every token at least once comes with the walk."""
        with Connection(f"http://127.0.0.1:{server.port}", timeout=60) as connection:
            for workspace, path in self.paths:
                token = self.dice.choice(self.tokens[workspace]) if name == "edgepass" else None
                answer = connection.ask(path, token=token)
                if answer.status != 200 or len(answer.body) != self.options.size:
                    raise SystemExit(f"{name}: {answer.status} for {path}: {answer.body[:200]}")
                if not connection.alive:
                    raise SystemExit(f"{name} closes connections")

    def send(self, server, name, count):
        """`count` requests of the walk, on 50 connections at a time."""
        blocks = iter((self.directory / f"{name}.requests").read_bytes().split(b"\0")[:count])
        connections = [Connection(f"http://127.0.0.1:{server.port}", timeout=120) for _ in range(50)]
        for _ in range(count // len(connections)):
            for connection in connections:
                connection.send(next(blocks))
            if any(connection.receive().status != 200 for connection in connections):
                raise SystemExit(f"{name}: a hit is refused")
        for connection in connections:
            connection.close()

    def stop(self):
        for server in self.running:
            server.stop()


def machine_seconds():
    """(busy, all) of all cores together, since the machine started."""
    fields = list(map(int, Path("/proc/stat").read_text().split("\n")[0].split()[1:9]))
    return (sum(fields) - fields[3] - fields[4]) / TICKS, sum(fields) / TICKS


def load(lab, server, seconds, seed):
    """wrk on the other core for this long. Gives its numbers and the server's CPU time."""
    options = lab.options
    command = ["taskset", "-c", LOAD_CORE, "wrk", "-t1", f"-c{options.connections}", f"-d{seconds}s", "--timeout", "10s",
               "-s", ROOT / "bench" / "requests.lua", f"http://127.0.0.1:{server.port}", "--",
               lab.directory / f"{server.name}.requests", str(seed)]  # fmt: skip
    busy, whole = machine_seconds()
    user, system = server.cpu_seconds()
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=seconds + 60)
    user, system = (after - before for after, before in zip(server.cpu_seconds(), (user, system)))
    cpu = user + system
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    generator = after.ru_utime + after.ru_stime - children.ru_utime - children.ru_stime
    busy, whole = (after - before for after, before in zip(machine_seconds(), (busy, whole)))
    match = re.search(r"^RESULT (.*)$", done.stdout, re.M)
    if done.returncode or not match:
        raise SystemExit(f"wrk failed:\n{done.stdout}\n{done.stderr}")
    result = json.loads(match.group(1))
    if result["bad"] or result["broken"]:
        raise SystemExit(f"{server.name}: {result['bad']} answers were no hits, {result['broken']} were broken: the numbers would be worth nothing")
    return {
        "requests_per_second": result["requests"] / (result["micros"] / 1e6),
        "p50_micros": result["p50"],
        "p99_micros": result["p99"],
        "cpu_micros_per_request": cpu / result["requests"] * 1e6,
        "full_core": result["requests"] / cpu,
        "user_micros_per_request": user / result["requests"] * 1e6,
        "kernel_micros_per_request": system / result["requests"] * 1e6,
        "server_busy": cpu / (result["micros"] / 1e6),
        "generator_micros_per_request": generator / result["requests"] * 1e6,
        "others_busy": max(0.0, busy - cpu - generator) / whole,
        "requests": result["requests"],
    }


def perf_supported():
    if not shutil.which("perf"):
        return False
    done = subprocess.run(["perf", "stat", "-x,", "-e", "instructions", "true"], capture_output=True, text=True)
    return done.returncode == 0 and "not supported" not in done.stderr and "not counted" not in done.stderr


def instructions_by_perf(lab, server, seed):
    """User and kernel instructions for each request, by the processor's own counter."""
    out = lab.directory / "perf.txt"
    pids = ",".join(map(str, server.pids()))
    perf = subprocess.Popen(["perf", "stat", "-x,", "-o", out, "-e", "instructions:u,instructions:k", "-p", pids],
                            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    result = load(lab, server, 3, seed)
    perf.send_signal(signal.SIGINT)
    perf.wait(10)
    counted = [int(line.split(",")[0]) for line in out.read_text().splitlines() if "instructions" in line]
    return sum(counted) / result["requests"]


def instructions_by_callgrind(lab, name):
    """User instructions for each request: two runs under valgrind that differ by this many requests."""
    counts = []
    few, many = 1000, 6000
    for sent in (few, many):
        out = lab.directory / f"callgrind-{name}-{sent}"
        wrapper = ["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={out}", "--cache-sim=no"]
        if name == "edgepass":
            server = lab.edgepass(f"callgrind-{name}-{sent}-dir", wrapper)
        else:
            server = lab.nginx(f"callgrind-{name}-{sent}-dir", wrapper, single=True)
        lab.send(server, name, sent)
        server.stop()
        lab.running.remove(server)
        counts.append(int(re.search(r"^(?:summary|totals): (\d+)", out.read_text(), re.M).group(1)))
    return (counts[1] - counts[0]) / (many - few)


def machine():
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    version = lambda *command: subprocess.run(command, capture_output=True, text=True)  # noqa: E731
    return {
        "processor": model.group(1) if model else platform.machine(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "nginx": version("nginx", "-v").stderr.strip().split("/")[-1],
        "wrk": version("wrk", "-v").stdout.split("\n")[0].split(" [")[0],
    }


ROWS = [
    ("requests/s", "requests_per_second", "{:,.0f}"),
    ("requests/s of a full core (1 / CPU per request)", "full_core", "{:,.0f}"),
    ("p50, µs", "p50_micros", "{:,.0f}"),
    ("p99, µs", "p99_micros", "{:,.0f}"),
    ("server CPU per request, µs", "cpu_micros_per_request", "{:.1f}"),
    ("– in its own code", "user_micros_per_request", "{:.1f}"),
    ("– in the kernel", "kernel_micros_per_request", "{:.1f}"),
    ("instructions per request (user + kernel)", "instructions", "{:,.0f}"),
    ("user instructions per request (callgrind)", "user_instructions", "{:,.0f}"),
    ("server core busy", "server_busy", "{:.0%}"),
    ("load generator CPU per request, µs", "generator_micros_per_request", "{:.1f}"),
    ("memory, MiB", "memory_mib", "{:,.0f}"),
    ("highest memory, MiB", "highest_memory_mib", "{:,.0f}"),
]


def table(medians):
    mine, theirs = medians["edgepass"], medians["nginx"]
    lines = ["| | Edgepass, ES256 token | nginx `proxy_cache`, no authorisation | ratio |", "|---|---:|---:|---:|"]
    for title, name, form in ROWS:
        if name in mine and name in theirs:
            cells = [form.format(side[name]) if side[name] is not None else "not supported" for side in (mine, theirs)]
            ratio = f"{mine[name] / theirs[name]:.2f}" if mine[name] and theirs[name] else "–"
            lines.append(f"| {title} | {cells[0]} | {cells[1]} | {ratio} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=8, help="of load in each round and for each server")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--objects", type=int, default=10_000)
    parser.add_argument("--tokens", type=int, default=1000)
    parser.add_argument("--size", type=int, default=1024, help="bytes of an object")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--callgrind", choices=["auto", "always", "never"], default="auto", help="auto: where perf counts no instructions")
    parser.add_argument("--binary", default=os.environ.get("EDGEPASS") or str(ROOT / "target" / "release" / "edgepass"))
    options = parser.parse_args()
    if os.cpu_count() < 2:
        raise SystemExit("two cores are wanted: one for the server, one for load and origin")
    os.environ["PATH"] += ":/usr/sbin"

    say = lambda text: print(text, file=sys.stderr, flush=True)  # noqa: E731
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="edgepass-bench-") as name:
        say(f"making {options.objects:,} objects and {options.tokens:,} tokens")
        lab = Lab(Path(name), options)
        try:
            servers = {"edgepass": lab.edgepass(), "nginx": lab.nginx()}
            rounds = {name: [] for name in servers}
            for seed, server in enumerate(servers.values()):
                load(lab, server, 2, seed)  # every token and every code path once
            for number in range(options.rounds):
                for name, server in servers.items():
                    result = load(lab, server, options.seconds, 100 + number)
                    rounds[name].append(result)
                    say(f"round {number + 1}, {name}: {result['requests_per_second']:,.0f} requests/s, "
                        f"p99 {result['p99_micros']:,} µs, {result['cpu_micros_per_request']:.1f} µs of CPU each, "
                        f"core {result['server_busy']:.0%} busy, others {result['others_busy']:.0%} of the machine")  # fmt: skip
            counted = perf_supported()
            medians = {}
            for name, server in servers.items():
                medians[name] = {key: statistics.median(one[key] for one in rounds[name]) for key in rounds[name][0]}
                medians[name]["instructions"] = instructions_by_perf(lab, server, 7) if counted else None
                now, highest = server.memory()
                medians[name]["memory_mib"], medians[name]["highest_memory_mib"] = now / 2**20, highest / 2**20
            log_lines = {
                "edgepass": (lab.directory / "edgepass" / "stdout.txt").read_bytes().count(b"\n"),
                "nginx": (lab.directory / "nginx" / "access.log").read_bytes().count(b"\n"),
            }
            for name, server in servers.items():
                server.stop()
            if options.callgrind == "always" or (options.callgrind == "auto" and not counted and shutil.which("valgrind")):
                for name in servers:
                    say(f"counting the user instructions of {name} under valgrind")
                    medians[name]["user_instructions"] = instructions_by_callgrind(lab, name)
        finally:
            lab.stop()

    said = machine()
    text = table(medians)
    others = max(one["others_busy"] for each in rounds.values() for one in each)
    idle = [name for name in medians if medians[name]["server_busy"] < 0.93]
    if others > 0.05:
        text += f"\n\n**Disturbed**: other processes took up to {others:.0%} of the machine. Run it again when it is quiet."
    elif idle:
        text += f"\n\nThe core of {' and '.join(idle)} was not full: the load generator was the limit, and CPU per request is the measure."
    settings = {key: value for key, value in vars(options).items() if key not in ("binary",)}
    stamp = time.strftime("%Y-%m-%dT%H%M%SZ", time.gmtime())
    record = {"at": stamp, "machine": said, "settings": settings, "medians": medians, "rounds": rounds, "log_lines": log_lines}
    (OUT / f"hits-{stamp}.json").write_text(json.dumps(record, indent=1))
    heading = (f"Cache hits of {options.size:,} bytes over HTTP/1.1: {options.objects:,} objects and {options.tokens:,} tokens at random, "
               f"{options.connections} connections, {options.rounds} rounds of {options.seconds} s, medians.\n"
               f"{said['processor']}, {said['cores']} cores, Linux {said['kernel']}, nginx {said['nginx']}, {said['wrk']}.")  # fmt: skip
    (OUT / "hits.md").write_text(f"{heading}\n\n{text}\n")
    print(f"\n{heading}\n\n{text}")
    print(f"\nlog lines written: Edgepass {log_lines['edgepass']:,}, nginx {log_lines['nginx']:,}; written to {OUT.relative_to(ROOT)}/")


if __name__ == "__main__":
    main()
