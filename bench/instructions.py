"""Instructions for each request of 1 KiB: by the processor's counters where there are any, else of its own code by callgrind."""

import re
import shutil
import signal
import subprocess

from cases import STREAMS, TRANSPORTS, Case
from check import fill
from load import measure, read_h2load, run
from server import Refused

CONNECTIONS = 50
# What starting and stopping cost falls out of the difference of two loads.
FEW, MANY = 1_000, 5_000
# valgrind is fifty times as slow as the server alone, so it gets a part of the objects.
OBJECTS = 1_000


def perf_counts():
    if not shutil.which("perf"):
        return False
    done = subprocess.run(["perf", "stat", "-x,", "-e", "instructions", "true"], capture_output=True, text=True, check=False)
    return done.returncode == 0 and "not supported" not in done.stderr and "not counted" not in done.stderr


def by_perf(lab, peer, transport, seconds):
    """User and kernel."""
    out = lab.directory / "perf.txt"
    pids = ",".join(map(str, peer.server.pids()))
    perf = subprocess.Popen(["perf", "stat", "-x,", "-o", out, "-e", "instructions:u,instructions:k", "-p", pids],
                            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        result = measure(lab, peer, Case("1k", transport, 64, seconds), seconds, 7)
    finally:
        perf.send_signal(signal.SIGINT)
        perf.wait(10)
    counted = [int(line.split(",")[0]) for line in out.read_text().splitlines() if "instructions" in line]
    return sum(counted) / result["requests"]


def by_callgrind(lab, peer, say, scale=1):
    """User instructions alone, by transport. `peer` is one that does not run yet."""
    # A counted file for each dump: NAME.1, NAME.2 and so on, each with what happened since the one before.
    out = lab.directory / f"callgrind-{peer.name}"
    peer.start(f"valgrind-{peer.name}", ["valgrind", "-q", "--tool=callgrind", "--cache-sim=no", f"--callgrind-out-file={out}"])
    try:
        fill(lab, peer, ["1k"], OBJECTS)
        counts = {}
        for transport in TRANSPORTS:
            say(f"counting the user instructions of {peer.title}, {TRANSPORTS[transport]}, under valgrind")
            few, many = (count // scale for count in (FEW, MANY))
            # What happens once: each connection begins at the first address, so the longer load knows every token of both.
            send(lab, peer, transport, many)
            dump(peer, out)
            used = []
            for count in (few, many):
                send(lab, peer, transport, count)
                used.append(dump(peer, out))
            counts[transport] = (used[1] - used[0]) / (many - few)
        return counts
    finally:
        peer.stop()


def send(lab, peer, transport, count):
    case = Case("1k", transport, CONNECTIONS, 0)
    before = lab.origin_requests()
    scheme = "http" if transport == "http1" else "https"
    addresses = lab.directory / f"{peer.name}.{transport}.addresses"
    if not addresses.exists():
        origin = f"{scheme}://127.0.0.1:{peer.server.ports[transport]}"
        addresses.write_text("".join(f"{origin}{target}\n" for target in lab.targets(peer, case, count, OBJECTS)))
    version = [f"-m{STREAMS}"] if transport == "http2" else ["--h1"]
    said = run(["h2load", "-t1", f"-c{CONNECTIONS}", f"-n{count}", *version, "-i", addresses], 600)
    counted = read_h2load(said, 1)
    if counted["requests"] != count or counted["bad"] or counted["broken"] or lab.origin_requests() != before:
        raise Refused(f"{peer.title} under valgrind: {counted} of {count} hits\n{said}")


def dump(peer, out):
    """Has the instructions since the last dump written down; gives their number."""
    known = set(out.parent.glob(f"{out.name}.*"))
    subprocess.run(["callgrind_control", "-d", str(peer.server.process.pid)], capture_output=True, text=True, timeout=60, check=True)
    new = set(out.parent.glob(f"{out.name}.*")) - known
    texts = [path.read_text() for path in new]
    totals = [int(found.group(1)) for text in texts if (found := re.search(r"^(?:summary|totals): (\d+)", text, re.M))]
    if not totals:
        raise Refused(f"callgrind wrote nothing down for {peer.title}")
    return sum(totals)
