"""Cache hits of Edgepass beside other caches, on this machine, on loopback: one table, one picture, every value in JSON.

Each server has core 0 while it is measured; load generator and origin share core 1. All are asked for the same paths; those that
verify tokens get the same HS256 tokens. Rounds are interleaved and medians reported.
"""

import argparse
import contextlib
import json
import os
import platform
import re
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from server import ROOT, Refused  # first: it says where the tests' modules are

import idle
import instructions
from cases import IDLE, INSTRUCTIONS, QUICK_SIZES, SIZES, chosen
from check import check, fill
from lab import Lab
from load import latencies, measure
from peers import PEERS
from plot import draw
from table import report

OUT = ROOT / "bench" / "out"
USERS = 1_000
QUICK_USERS = 50
# Connections at rest on one server, each with its two ends in a process of its own.
RESTING, QUICK_RESTING = 10_000, 300
PICTURE = ROOT / "docs" / "pictures" / "performance.svg"


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def parse():
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", default=[], metavar="CASE", help="cases that begin so, such as hits-1k, hits-1k/http2, idle, instructions; again for more")
    parser.add_argument("--peers", default="", metavar="NAMES", help=f"some of {','.join(kind.name for kind in PEERS)}")
    parser.add_argument("--quick", action="store_true", help="few objects, one round of a second, low priority: shows that everything works, measures nothing")
    parser.add_argument("--rounds", type=int, help="3, or 1 with --quick")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--callgrind", action="store_true", help="also where the processor counts instructions")
    parser.add_argument("--picture", action="store_true", help=f"write the picture to {PICTURE.relative_to(ROOT)} as well")
    parser.add_argument("--binary", default=os.environ.get("EDGEPASS") or str(target / "edgepass"))
    parser.add_argument("--bare-hyper", default=os.environ.get("BARE_HYPER") or str(target / "examples" / "bare_hyper"))
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 3)
    return options


def chosen_peers(options):
    names = [name for name in options.peers.split(",") if name]
    unknown = set(names) - {kind.name for kind in PEERS}
    if unknown:
        raise SystemExit(f"there is no peer {', '.join(sorted(unknown))}")
    return [kind for kind in PEERS if not names or kind.name in names]


class Run:
    def __init__(self, options, directory, stack):
        self.options, self.stack = options, stack
        self.cases, self.others = chosen(options.only)
        sizes = QUICK_SIZES if options.quick else SIZES
        wanted = {case.files for case in self.cases} | ({"1k"} if self.others else set())
        self.sizes = {name: size for name, size in sizes.items() if name in wanted}
        user = "user root;\n" if os.geteuid() == 0 else ""
        say(f"making {sum(count for _, count in self.sizes.values()):,} objects, tokens and the origin")
        self.lab = Lab(directory, self.sizes, QUICK_USERS if options.quick else USERS, options.seed, user)
        stack.callback(self.lab.origin.stop)
        self.peers = [kind(self.lab, options) for kind in chosen_peers(options)]
        self.record = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "machine": machine(),
            "settings": {"quick": options.quick, "rounds": options.rounds, "seed": options.seed, "sizes": self.sizes},
            "titles": {peer.name: peer.title for peer in self.peers},
            "versions": {peer.name: peer.version() for peer in self.peers},
            "without": {peer.name: [*([peer.without] if peer.without else []), *peer.cannot.values()] for peer in self.peers},
            "cases": {case.name: case.title for case in self.cases},
            "refused": {}, "rounds": {}, "medians": {}, "memory": {}, "idle": {}, "instructions": {}, "instructions_are": "",
        }  # fmt: skip

    def start(self):
        for peer in self.peers:
            say(f"starting {peer.title}, filling its cache, checking what it answers")
            self.stack.callback(peer.stop)
            peer.start()
            # Objects that it is never asked for need not be in its cache.
            names = [name for name in self.sizes if any(peer.takes(case) and case.files == name for case in self.cases) or name == "1k"]
            fill(self.lab, peer, names)
            for case, reason in check(self.lab, peer, [case for case in self.cases if peer.takes(case)]).items():
                self.refuse(peer, case, reason)
            self.record["memory"][peer.name] = peer.server.memory()

    def refuse(self, peer, what, reason):
        """No figure, and the reason in its place. The other servers and cases go on."""
        say(f"REFUSED {what}, {peer.name}: {reason}")
        self.record["refused"].setdefault(what, {})[peer.name] = str(reason).split("\n")[0]

    def remaining(self, case):
        refused = self.record["refused"].get(case.name, {})
        return [peer for peer in self.peers if peer.takes(case) and peer.name not in refused]

    def measure_case(self, case):
        rounds = {peer.name: [] for peer in self.remaining(case)}
        seconds = case.quick_seconds if self.options.quick else case.seconds
        for number in range(self.options.rounds):
            for peer in self.remaining(case):
                try:
                    result = measure(self.lab, peer, case, seconds, 100 + number)
                except Refused as reason:
                    self.refuse(peer, case.name, reason)
                    continue
                rounds[peer.name].append(result)
                say(f"{case.name}, round {number + 1}, {peer.name}: {result['requests_per_second']:,.0f} requests/s, "
                    f"{result['cpu_micros_per_request']:,.1f} µs of CPU each, core {result['server_busy']:.0%} busy")  # fmt: skip
        medians = {peer.name: medians_of(rounds[peer.name]) for peer in self.remaining(case)}
        if case.transport == "http2" and not case.is_large:
            for peer in self.remaining(case):
                try:
                    medians[peer.name] |= latencies(self.lab, peer, case, case.latency_seconds(seconds))
                except Refused as reason:
                    say(f"no latencies, {case.name}, {peer.name}: {reason}")
        self.record["rounds"][case.name], self.record["medians"][case.name] = rounds, medians

    def measure_idle(self):
        count = QUICK_RESTING if self.options.quick else RESTING
        for peer in self.peers:
            if idle.TRANSPORT in peer.transports:
                try:
                    result = self.record["idle"][peer.name] = idle.rest(self.lab, peer, count)
                except Refused as reason:
                    self.refuse(peer, IDLE, reason)
                    continue
                say(f"idle, {peer.name}: {result['bytes_per_connection'] / 1024:,.1f} KiB for each of {result['connections']:,} TLS connections")

    def count_by_perf(self):
        self.record["instructions_are"] = "user and kernel, by perf"
        for peer in self.peers:
            for transport in peer.transports:
                count = instructions.by_perf(self.lab, peer, transport, 1 if self.options.quick else 2)
                self.record["instructions"].setdefault(transport, {})[peer.name] = count
                say(f"instructions, {transport}, {peer.name}: {count:,.0f}")

    def count_by_callgrind(self):
        self.record["instructions_are"] = "user alone, by callgrind"
        for peer in self.peers:
            peer.stop()
        self.record["instructions"] = {}
        for peer in self.peers:
            if peer.for_callgrind:
                for transport, count in instructions.by_callgrind(self.lab, peer, say, 5 if self.options.quick else 1).items():
                    self.record["instructions"].setdefault(transport, {})[peer.name] = count
                    say(f"instructions, {transport}, {peer.name}: {count:,.0f}")

    def all(self):
        self.start()
        for case in self.cases:
            self.measure_case(case)
        if IDLE in self.others:
            self.measure_idle()
        if INSTRUCTIONS in self.others:
            counted = instructions.perf_counts()
            if counted:
                self.count_by_perf()
            if not counted or self.options.callgrind:
                self.count_by_callgrind()
        return self.record


def medians_of(results):
    names = dict.fromkeys(name for one in results for name in one)
    values = {name: [one[name] for one in results if one.get(name) is not None] for name in names}
    return {name: statistics.median(each) for name, each in values.items() if each}


def machine():
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    version = lambda *command: subprocess.run(command, capture_output=True, text=True, check=False).stdout.split("\n")[0]  # noqa: E731
    return {
        "processor": model.group(1) if model else platform.machine(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "wrk": version("wrk", "-v").split(" [")[0].removesuffix(" "),
        "h2load": version("h2load", "--version"),
    }


def prepare(options):
    if os.cpu_count() < 2:
        raise SystemExit("two cores are wanted: one for the server, one for load and origin")
    for path in (options.binary, options.bare_hyper):
        if not Path(path).exists():
            raise SystemExit(f"{path} is missing: bench/run builds it")
    os.environ["PATH"] += ":/usr/sbin"
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    # Ended by a signal it stops what it started. Ctrl-C too where a shell had it ignored, as for a job in the background.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, lambda *_: sys.exit(130))
    if options.quick:
        os.nice(10)


def write(record, options):
    OUT.mkdir(parents=True, exist_ok=True)
    stamp = record["at"].replace(":", "")
    (OUT / f"run-{stamp}.json").write_text(json.dumps(record, indent=1))
    text = report(record)
    (OUT / "report.md").write_text(text)
    picture = draw(record)
    if picture:
        (OUT / "performance.svg").write_text(picture)
        if options.picture:
            PICTURE.write_text(picture)
    print(text)
    say(f"written to {OUT.relative_to(ROOT)}/: run-{stamp}.json, report.md{', performance.svg' if picture else ''}")


def main():
    options = parse()
    chosen(options.only)
    prepare(options)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="edgepass-bench-") as name, contextlib.ExitStack() as stack:
        try:
            record = Run(options, Path(name), stack).all()
        except Refused as reason:
            raise SystemExit(str(reason)) from None
    record["seconds"] = time.monotonic() - began
    write(record, options)
    say(f"it took {record['seconds'] / 60:.1f} minutes")
    if record["refused"]:
        raise SystemExit(f"refused: {', '.join(record['refused'])}")


if __name__ == "__main__":
    main()
