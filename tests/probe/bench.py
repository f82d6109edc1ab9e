"""A store, the proxy that breaks it, and the checks that hold while nothing is broken."""

from breaker import Breaker
from breaks import EVERYTHING
from registry import all_checks, outcome
from s3 import S3


class Bench:
    def __init__(self, endpoint, access, secret, region="us-east-1"):
        self.breaker = Breaker(endpoint, access, secret, region)
        # Made and swept past the proxy: a break is for the checks alone.
        self.s3, self.plain = S3(self.breaker.endpoint, access, secret, region), S3(endpoint, access, secret, region)

    def __enter__(self):
        self.plain.bucket = self.s3.bucket
        self.plain.__enter__()
        checks = all_checks()
        self.holding = {check.name: check for check in checks if outcome(check, self.s3) is None}
        print(f"{len(checks)} checks, of which {len(self.holding)} hold while nothing is broken", flush=True)
        return self

    def __exit__(self, *trace):
        self.breaker.use(None)
        self.plain._buckets += self.s3._buckets
        self.plain.__exit__(*trace)
        self.breaker.stop()

    def noticed(self, broken, names):
        """Which of these checks fail with this break."""
        found = []
        for name in names:
            self.breaker.use(broken)
            if outcome(self.holding[name], self.s3) is not None:
                found.append(name)
        self.breaker.use(None)
        return found

    def faults(self, table):
        found, breaks = [], {broken.name: broken for broken in EVERYTHING}
        for name in table:
            if name not in breaks:
                found.append(f"{name}: no such break")
        for name, broken in breaks.items():
            named = table.get(name, [])
            trying = [check for check in named if check in self.holding]
            if not named:
                found.append(f"{name}: no check is named for it")
            missed = set(trying) - set(self.noticed(broken, trying))
            found += [f"{name}: {check} does not notice" for check in sorted(missed)]
        caught = {check for names in table.values() for check in names}
        return found + [f"{name}: no break is named that it notices" for name in sorted(set(self.holding) - caught)]
