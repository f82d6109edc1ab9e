"""Whether a row of `allow` is satisfied, and else how far it got: docs/reference/configuration.md, "Rows of `allow`"."""

import ipaddress
import re
from datetime import datetime, timezone

from reference.patterns import fill, is_placeholder

DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
# How far a row can get, and the reason of stopping there. The last is a row that is satisfied.
STAGES = [
    "path_not_covered",  # issuer
    "path_not_covered",  # claims
    "path_not_covered",  # paths
    "method_not_covered",
    "outside_times",
    "address_not_covered",
    "hook_away",
    None,
]
SATISFIED = len(STAGES) - 1
HOOK = SATISFIED - 1


class Row:
    def __init__(self, row, route):
        self.action, self.issuer = row["action"], row.get("issuer")
        self.anyone = row.get("anyone", False)
        self.tests = [(split_name(name), as_list(value)) for name, value in row.get("claims", {}).items()]
        self.paths = split_name(row["paths"]) if "paths" in row else None
        self.row, self.kinds = row, route.pattern.kinds
        self.addresses = [ipaddress.ip_network(text) for text in row.get("addresses", [])]

    def reach(self, question, verified):
        """The stage at which it stops."""
        if not self.anyone:
            issuer, claims = verified
            if self.issuer not in (None, issuer.name):
                return 0
            if not all(self.meets(claims, name, values, question) for name, values in self.tests):
                return 1
            if self.paths is not None and not covers(walk(claims, self.paths, question.values), question.path):
                return 2
        if question.method not in self.row.get("methods", [question.method]):
            return 3
        if not self.in_time(question.now):
            return 4
        if self.addresses and not self.has_address(question.address):
            return 5
        return 6 if "hook" in self.row else SATISFIED

    def meets(self, claims, name, values, question):
        claim = walk(claims, name, question.values)
        held = claim if type(claim) is list else [claim]
        return any(same(wanted, one) for value in values for wanted in self.wanted(value, question) for one in held)

    def wanted(self, value, question):
        """What the claim may equal: a placeholder of a number stands for its text and for the number."""
        if type(value) is not str:
            return [value]
        alone = is_placeholder(value)
        if alone and self.kinds[alone] == "int":
            return [question.values[alone], int(question.values[alone])]
        return [fill(value, question.values)]

    def in_time(self, now):
        row = self.row
        moment = datetime.fromtimestamp(now, timezone.utc)
        if "from" in row and now < row["from"].timestamp() or "until" in row and now >= row["until"].timestamp():
            return False
        if "hours" in row:
            start, end = row["hours"].split("-")
            clock = moment.strftime("%H:%M")
            inside = start <= clock < end if start < end else clock >= start or clock < end
            if not inside:
                return False
        return DAYS[moment.weekday()] in row.get("days", DAYS)

    def has_address(self, text):
        try:
            address = ipaddress.ip_address(text or "")
        except ValueError:
            return False
        # RFC 4291 section 2.5.5.2: an IPv4 address in another form.
        address = getattr(address, "ipv4_mapped", None) or address
        return any(address in network for network in self.addresses if address.version == network.version)


def same(wanted, claim):
    """Types do not mix; a whole number is one that is written without fraction and exponent."""
    return type(wanted) is type(claim) and wanted == claim


def as_list(value):
    return value if type(value) is list else [value]


def split_name(name):
    """The names to walk: a dot divides, `\\.` is a dot, `\\\\` a backslash."""
    names, current = [], ""
    for match in re.finditer(r"\\(.)|(\.)|(.)", name, re.S):
        escaped, dot, plain = match.groups()
        if dot:
            names.append(current)
            current = ""
        else:
            current += escaped or plain
    return [*names, current]


NOTHING = object()


def walk(claims, names, values):
    for name in names:
        if type(claims) is not dict:
            return NOTHING
        claims = claims.get(fill(name, values), NOTHING)
    return claims


def covers(entries, path):
    for entry in as_list(entries):
        if type(entry) is str and entry.startswith("/"):
            if entry == path or entry.endswith("/*") and path.startswith(entry[:-1]):
                return True
    return False
