#!/usr/bin/env python3
"""The reference authorizer, Edgepass natively and as wasm in Node.js on the same random requests: see docs/testing.md.

tests/reference/differential.py --requests 1000000 --seed 1
tests/reference/differential.py --replay test-results/differences.jsonl
"""

import argparse
import collections
import json
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import quote

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from processes import RESULTS, ROOT, example
from reference.authorizer import PREFLIGHT, Allowed, Denied, Request, Site, behind_cloudfront
from reference.questions import make_requests
from reference.sites import dated, make_site, site_json, undated

EACH_SITE = 400
MOST_DIFFERENCES = 100
WASM = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "aws" / "edgepass.wasm"
# What a million requests that read can end in. A reason that never occurs says that the generator has lost it.
REASONS = """token_missing token_not_bearer token_too_long token_not_three_parts token_base64 token_header_json token_claims_json
token_header_member token_type token_key_id token_algorithm token_claim_type token_unknown_issuer token_algorithm_not_allowed
token_unknown_key token_bad_signature token_audience_mismatch token_no_expiry token_no_issued_at token_issued_in_future
token_not_yet_valid token_expired token_too_old no_route no_rule_for_action issuer_may_not path_not_covered method_not_covered
outside_times address_not_covered hook_away key_too_long other_behaviour two_tokens path_bad_escape path_encoded_slash
path_backslash path_nul path_not_utf8 path_empty_segment path_dot_segment path_too_long target_too_long host_not_one host_invalid
head_unreadable query_not_utf8 method_not_allowed no_such_endpoint""".split()


class Decider:
    """A program that answers a line for each line. What is asked is written by a thread, so that no pipe stays full."""

    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, text):
        threading.Thread(target=self._write, args=(text.encode(),), daemon=True).start()

    def _write(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def answer(self):
        line = self.process.stdout.readline()
        if not line.endswith(b"\n"):
            raise SystemExit(f"{self.process.args[0]} ended with {self.process.wait()}")
        return line[:-1].decode()

    def stop(self):
        self.process.stdin.close()
        self.process.wait(10)


class Comparison:
    def __init__(self):
        self.native = Decider(str(example("decide")))
        self.wasm = Decider("node", str(ROOT / "tests" / "reference" / "wasm.mjs"), str(WASM))
        self.outcomes = collections.Counter()
        self.sites = self.refused_sites = 0
        self.differences = []

    def open(self, site):
        """Whether the site is taken. Both forms of Edgepass must be of one mind; the reference does not judge sites."""
        for decider in (self.native, self.wasm):
            decider.ask(json.dumps({"site": site_json(site)}) + "\n")
        faults = self.native.answer(), self.wasm.answer()
        if faults[0] != faults[1]:
            self.differ(site, None, None, f"native: {faults[0]}", f"wasm: {faults[1]}")
        self.sites += not faults[0]
        self.refused_sites += bool(faults[0])
        return not faults[0]

    def compare(self, site, requests):
        """Requests of the site that was opened last: pairs of the time and the question."""
        lines = "".join(f'{{"now": {now}, "question": {json.dumps(question)}}}\n' for now, question in requests)
        for decider in (self.native, self.wasm):
            decider.ask(lines)
        reference = Site(site.config, site.jwks())
        first = next(iter(site.config["bucket"]))
        for now, question in requests:
            request = request_of(question)
            answer = reference.decide(request, now)
            edge = behind_cloudfront(answer, request, site.behaviours, first)
            native, _, allowed = self.native.answer().partition("\t")
            wasm = self.wasm.answer()
            if wasm != native:
                self.differ(site, now, question, f"native: {native}", f"wasm: {wasm}")
            elif not same(site, answer, edge, json.loads(native), json.loads(allowed)):
                self.differ(site, now, question, f"reference: {edge}", f"native: {short(native)} {allowed}")
            self.outcomes[outcome(native)] += 1

    def differ(self, site, now, question, *says):
        self.differences.append({"site": undated(site), "now": now, "question": question, "says": says})

    def stop(self):
        self.native.stop()
        self.wasm.stop()


def request_of(question):
    query = f"?{question['querystring']}" if question["querystring"] else ""
    headers = tuple((name, field["value"]) for name, fields in question["headers"].items() for field in fields)
    return Request(question["method"], question["uri"] + query, headers, question.get("clientIp"))


def same(site, answer, edge, native, allowed):
    if isinstance(answer, Allowed):
        bucket = list(site.config["bucket"]).index(answer.bucket)
        if allowed != {"route": answer.route, "rule": answer.rule, "bucket": bucket, "key": answer.key}:
            return False
    elif allowed is not None:
        return False
    if isinstance(edge, Allowed):
        return native == {"pass": {"uri": "/" + quote(edge.key, safe="/"), "bucket": allowed["bucket"]}}
    if "answer" not in native:
        return False
    status, log = int(native["answer"]["response"]["status"]), json.loads(native["answer"]["log"] or "{}")
    if edge == PREFLIGHT:
        return status == 204 and not log
    reason = log.get("reason")
    if not isinstance(edge, Denied) or reason not in edge.reasons or (status, log["code"]) not in edge.answers():
        return False
    return edge.route == log.get("route")


def outcome(native):
    """The reason, or how it was allowed."""
    decision = json.loads(native)
    if "pass" in decision:
        return "allowed"
    return json.loads(decision["answer"]["log"])["reason"] if decision["answer"]["log"] else PREFLIGHT


def short(native):
    decision = json.loads(native)
    return decision["answer"]["log"] or decision["answer"]["response"]["status"] if "answer" in decision else native


def run(comparison, wanted, seed, most=MOST_DIFFERENCES):
    """Each site has its own seed, so that it can be made again alone."""
    number, done, began = 0, 0, time.monotonic()
    while done < wanted and len(comparison.differences) < most:
        dice = random.Random(f"{seed}.{number}")
        number += 1
        site = make_site(dice)
        if not opened(comparison, dice, site):
            continue
        requests = list(make_requests(dice, site, min(EACH_SITE, wanted - done)))
        comparison.compare(site, requests)
        done += len(requests)
        show(done, wanted, began)
    print(file=sys.stderr)
    return done, time.monotonic() - began


def opened(comparison, dice, site):
    """Routes that cannot stand beside each other, and rows that cannot: the others may."""
    for _ in range(12):
        if comparison.open(site):
            return True
        routes = site.config["route"]
        route = dice.choice(routes)
        if len(route["allow"]) > 1 and dice.random() < 0.5:
            route["allow"].remove(dice.choice(route["allow"]))
        elif len(routes) > 1:
            routes.remove(route)
    return False


def show(done, wanted, began):
    if sys.stderr.isatty() or done == wanted or done // EACH_SITE % 100 == 0:
        full = done * 40 // wanted
        passed = time.monotonic() - began
        end = "\r" if sys.stderr.isatty() else "\n"
        print(
            f"[{'#' * full}{'.' * (40 - full)}] {done:,} of {wanted:,}, {done / passed:,.0f}/s",
            end=end,
            file=sys.stderr,
            flush=True,
        )


def replay(comparison, path):
    for line in Path(path).read_text().splitlines():
        difference = json.loads(line)
        site = dated(difference["site"])
        if comparison.open(site) and difference["question"]:
            comparison.compare(site, [(difference["now"], difference["question"])])


def report(comparison, done, seconds):
    print(
        f"{done:,} requests of {comparison.sites:,} sites in {seconds:,.0f} s; {comparison.refused_sites:,} sites refused, by both alike"
    )
    for name, count in comparison.outcomes.most_common():
        print(f"{count:>10,}  {name}")
    if never(comparison):
        print("never:", " ".join(never(comparison)))


def never(comparison):
    return sorted(set(REASONS) - set(comparison.outcomes))


def told(comparison):
    """The differences, which are written so that they can be replayed."""
    RESULTS.mkdir(exist_ok=True)
    found = RESULTS / "differences.jsonl"
    found.write_text("".join(json.dumps(difference) + "\n" for difference in comparison.differences))
    lines = [
        "\n  ".join([json.dumps({"now": one["now"], "question": one["question"]}), *one["says"]])
        for one in comparison.differences
    ]
    return "\n".join([*lines, f"{len(lines)} differences; again with --replay {found}"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--replay", metavar="FILE", help="only the requests of this file, which a run that found differences wrote"
    )
    arguments = parser.parse_args()
    comparison = Comparison()
    if arguments.replay:
        replay(comparison, arguments.replay)
        print(dict(comparison.outcomes))
    else:
        report(comparison, *run(comparison, arguments.requests, arguments.seed))
    comparison.stop()
    if not comparison.differences:
        print("no difference")
        return 0
    print(told(comparison))
    return 1


if __name__ == "__main__":
    sys.exit(main())
