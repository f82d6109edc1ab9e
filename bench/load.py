"""Load for some seconds, by wrk (HTTP/1.1) or h2load (HTTP/2), and what it cost the server."""

import json
import re
import resource
import subprocess
from pathlib import Path

from server import LOAD_CORE, ROOT, TICKS, Refused

# How long an answer may take before wrk counts it as broken.
TIMEOUT = "20s"
# Seconds that a generator may take beyond its round before it is given up.
PATIENCE = 45


def machine_seconds():
    """(busy, all) of all cores together, since the machine started."""
    fields = list(map(int, Path("/proc/stat").read_text().split("\n")[0].split()[1:9]))
    return (sum(fields) - fields[3] - fields[4]) / TICKS, sum(fields) / TICKS


def measure(lab, peer, case, seconds, seed):
    """One round. Refused where an answer was no hit, came broken, or was fetched from the origin."""
    requests = lab.write_requests(peer, case)
    asked = lab.origin_requests()
    busy, whole = machine_seconds()
    user, system = peer.server.cpu_seconds()
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    counted = (h2load if case.transport == "http2" else wrk)(lab, peer, case, requests, seconds, seed)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    user, system = (now - before for now, before in zip(peer.server.cpu_seconds(), (user, system), strict=True))
    busy, whole = (now - before for now, before in zip(machine_seconds(), (busy, whole), strict=True))
    asked = lab.origin_requests() - asked
    if asked:
        raise Refused(f"{peer.title}, {case.name}: the origin was asked {asked} times, so these were no hits")
    refuse_broken(peer, case, counted)
    generator = after.ru_utime + after.ru_stime - children.ru_utime - children.ru_stime
    return figures(case, counted, user, system, generator) | {"others_busy": max(0.0, busy - user - system - generator) / whole}


def refuse_broken(peer, case, counted):
    where = f"{peer.title}, {case.name}"
    if counted["bad"] or counted["broken"]:
        raise Refused(f"{where}: {counted['bad']} answers were no hits, {counted['broken']} were broken: the numbers would be worth nothing")
    if not counted["bytes"] or (not counted["requests"] and not case.is_large):
        raise Refused(f"{where}: nothing was answered")
    if counted["bytes"] < counted["requests"] * case.size:
        raise Refused(f"{where}: {counted['bytes']} bytes are less than {counted['requests']} answers of {case.size}")


def figures(case, counted, user, system, generator):
    seconds, cpu = counted["micros"] / 1e6, user + system
    # Of answers that did not end within the round, the part that came.
    requests = counted["bytes"] / case.size if case.is_large else counted["requests"]
    result = {
        "requests": counted["requests"],
        "requests_per_second": requests / seconds,
        "bytes_per_second": counted["bytes"] / seconds,
        "cpu_micros_per_request": cpu / requests * 1e6,
        "user_micros_per_request": user / requests * 1e6,
        "kernel_micros_per_request": system / requests * 1e6,
        "full_core": requests / cpu if cpu else None,
        "server_busy": cpu / seconds,
        "generator_busy": generator / seconds,
    }
    if counted.get("p50") and not case.is_large:
        result |= {"p50_micros": counted["p50"], "p99_micros": counted["p99"]}
    return result


def wrk(lab, peer, case, requests, seconds, seed):
    scheme = "http" if case.transport == "http1" else "https"
    command = ["wrk", "-t1", f"-c{case.connections}", f"-d{seconds}s", "--timeout", TIMEOUT, "-s", ROOT / "bench" / "requests.lua",
               f"{scheme}://127.0.0.1:{peer.server.ports[case.transport]}", "--", requests, seed]  # fmt: skip
    said = run(command, seconds)
    match = re.search(r"^RESULT (.*)$", said, re.M)
    if not match:
        raise Refused(f"wrk told no result:\n{said}")
    return json.loads(match.group(1))


def h2load(lab, peer, case, requests, seconds, seed, log=None):
    """Its connections all take the addresses of the file in turn, from the first; and all ranges of a round are the same."""
    headers = [argument for name, value in lab.range_of(case) for argument in ("-H", f"{name.lower()}: {value}")]
    command = ["h2load", "-t1", f"-c{case.connections}", f"-m{case.streams}", f"-D{seconds}", "-i", requests, *headers]
    said = run([*command, *([f"--log-file={log}"] if log else [])], seconds)
    return read_h2load(said, seconds)


def read_h2load(said, seconds):
    found = {
        "requests": re.search(r"^requests: .* (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", said, re.M),
        "codes": re.search(r"^status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", said, re.M),
        "traffic": re.search(r"^traffic: .*\((\d+)\) data", said, re.M),
    }
    if not all(found.values()):
        raise Refused(f"h2load told no result:\n{said}")
    done, _, failed, errored, timeout = map(int, found["requests"].groups())
    _, *others = map(int, found["codes"].groups())
    return {
        "requests": done,
        "micros": seconds * 1e6,
        "bytes": int(found["traffic"].group(1)),
        "bad": sum(others),
        "broken": failed + errored + timeout,
    }


def latencies(lab, peer, case, seconds):
    """HTTP/2: h2load tells the times of single requests to a file, so in a round of its own."""
    log = lab.directory / "h2load.log"
    h2load(lab, peer, case, lab.write_requests(peer, case), seconds, 0, log)
    micros = sorted(int(line.split("\t")[2]) for line in log.read_text().splitlines())
    log.unlink()
    if not micros or case.is_large:
        return {}
    return {"p50_micros": micros[len(micros) // 2], "p99_micros": micros[len(micros) * 99 // 100]}


def run(command, seconds):
    command = list(map(str, ["taskset", "-c", LOAD_CORE, *command]))
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        # h2load never ends where its time is over before all connections stand.
        raise Refused(f"{command[3]} did not end {PATIENCE} s after its time") from None
    if done.returncode:
        raise Refused(f"{command[3]} failed:\n{done.stdout}\n{done.stderr}")
    return done.stdout
