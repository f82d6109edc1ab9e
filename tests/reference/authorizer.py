"""Who may read what, a second time: written from docs/reference/ and the RFCs it names, not from the code.

It is slow, plain, and decides about reading alone. Roles, links, revocations, one-time tokens and hooks' answers are not in it.
"""

import re
from dataclasses import dataclass, field

from reference import carriers, jws, targets
from reference.patterns import Pattern, fill
from reference.rows import HOOK, SATISFIED, STAGES, Row

LONGEST_KEY = 1024
CODES = {  # logs-and-metrics.md, "Reasons": what is not `token_invalid`
    **dict.fromkeys(["token_expired", "token_too_old"], (401, "token_expired")),
    **dict.fromkeys(["path_too_long", "target_too_long"], (414, "uri_too_long")),
    **dict.fromkeys(["head_unreadable", "host_not_one", "host_invalid", "query_not_utf8"], (400, "bad_request")),
    **dict.fromkeys(["no_route", "no_rule_for_action", "issuer_may_not", "path_not_covered"], (403, "forbidden")),
    **dict.fromkeys(["method_not_covered", "outside_times", "address_not_covered"], (403, "forbidden")),
    **dict.fromkeys(["key_too_long", "other_behaviour"], (403, "forbidden")),
    "token_missing": (401, "token_missing"),
    "two_tokens": (400, "token_conflict"),
    "hook_away": (503, "decision_away"),
    "method_not_allowed": (405, "method_not_allowed"),
    "no_such_endpoint": (404, "not_found"),
}


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: tuple  # pairs
    address: str | None = None

    @property
    def path(self):
        return self.target.split("?", 1)[0]

    @property
    def query(self):
        return self.target.partition("?")[2]

    def fields(self, name):
        return [value.strip(" \t") for other, value in self.headers if other.lower() == name]


@dataclass(frozen=True)
class Question:
    method: str
    path: str
    values: dict
    address: str | None
    now: int


@dataclass(frozen=True)
class Allowed:
    route: str
    rule: int
    bucket: str
    key: str


@dataclass(frozen=True)
class Denied:
    """One of these reasons; where a request has several faults of one kind, any of them may be named."""

    reasons: frozenset
    route: str | None = None

    def answers(self):
        return {code_of(reason) for reason in self.reasons}


def code_of(reason):
    if reason.startswith("path_") and reason not in CODES:
        return (400, "bad_path")
    return CODES.get(reason, (401, "token_invalid"))


PREFLIGHT = "preflight"


class Issuer:
    def __init__(self, name, settings, jwks):
        self.name, self.issuer = name, settings["issuer"]
        audience = settings["audience"]
        self.audiences = audience if type(audience) is list else [audience]
        self.algorithms, self.may = settings["algorithms"], settings.get("may", ["read"])
        self.max_age = seconds(settings["max_age"]) if "max_age" in settings else None
        self.leeway = seconds(settings.get("leeway", "30s"))
        self.keys = [jws.Key(jwk) for jwk in jwks]


def seconds(duration):
    return int(duration[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[duration[-1]]


class Route:
    def __init__(self, route):
        self.name, self.bucket, self.hosts = route["name"], route["bucket"], route.get("hosts")
        self.pattern, self.key = Pattern(route["path"]), route.get("key")
        self.rows = [Row(row, self) for row in route["allow"]]

    def key_of(self, question):
        return question.path[1:] if self.key is None else fill(re.sub(r"\.\.\.\}", "}", self.key), question.values)


@dataclass
class Site:
    """A configuration as tomllib reads it, and for each issuer its keys as JWKs."""

    config: dict
    keys: dict
    # What stays the same for a token and for a path: a run asks a site hundreds of times.
    verified: dict = field(default_factory=dict)
    found: dict = field(default_factory=dict)

    def __post_init__(self):
        settings = self.config.get("issuer", {})
        self.issuers = [Issuer(name, settings[name], self.keys[name]) for name in settings]
        self.routes = [Route(route) for route in self.config["route"]]
        self.sources = self.config.get("token", {}).get("from", ["header", "cookie:edgepass"])

    def decide(self, request, now):
        if not targets.is_target(request.target):
            return denied("head_unreadable")
        if len(request.target) > targets.LONGEST_TARGET:
            return denied("target_too_long")
        hosts = request.fields("host")
        if len(hosts) != 1:
            return denied("host_not_one")
        if not HOST.fullmatch(hosts[0]):
            return denied("host_invalid")
        if request.method == "OPTIONS":
            return PREFLIGHT
        if request.path.startswith("/_edgepass/"):
            return elsewhere(request)
        if request.method not in ("GET", "HEAD"):
            return denied("method_not_allowed")
        path, faults = targets.decode(request.path)
        if path is None:
            return Denied(faults)
        return self.read(request, path, host_name(hosts[0]), now)

    def read(self, request, path, host, now):
        try:
            texts = carriers.presented(request, self.sources)
        except carriers.Conflict as conflict:
            return Denied(frozenset(conflict.args[0]))
        if (host, path) not in self.found:
            self.found[host, path] = self.find_route(host, path)
        route, values = self.found[host, path]
        name = route.name if route else None
        question = Question(request.method, path, values, request.address, now)
        rule, reason = self.judge(route, question, texts)
        if reason is not None:
            return denied(reason, name)
        key = route.key_of(question)
        if len(key.encode()) > LONGEST_KEY:
            return denied("key_too_long", name)
        return Allowed(name, rule, route.bucket, key)

    def find_route(self, host, path):
        if (path + "/").startswith("/_edgepass/"):
            return None, {}  # reserved, however it was spelt
        for candidates in (
            [route for route in self.routes if route.hosts and host in route.hosts],
            [route for route in self.routes if not route.hosts],
        ):
            matches = [(route, values) for route in candidates if (values := route.pattern.match(path)) is not None]
            if matches:
                return min(matches, key=lambda match: match[0].pattern.rank())
        return None, {}

    def judge(self, route, question, texts):
        """The row that allows it and no reason, or no row and the reason."""
        rows = [row for row in enumerate(route.rows) if row[1].action == "read"] if route else []
        for_anyone = [(number, row.reach(question, None)) for number, row in rows if row.anyone]
        for number, stage in for_anyone:
            if stage == SATISFIED:
                return number, None
        rows = [(number, row) for number, row in rows if not row.anyone]
        tokens = [self.check(text, question.now) for text in texts]
        # For each token that is valid the row, or what it lacks.
        weighed = [weigh(rows, question, verified) for verified, fault in tokens if fault is None]
        for number, stage in weighed:
            if stage == SATISFIED:
                return number, None
        if for_anyone and not rows:
            # Only circumstances are in the way: no token would help.
            return None, STAGES[max(stage for _, stage in for_anyone)]
        if any(stage == HOOK for _, stage in weighed):
            return None, lacks(rows, HOOK)  # it may still say yes
        for verified, fault in tokens:
            if fault in EXPIRED and weigh(rows, question, verified)[1] in (HOOK, SATISFIED):
                return None, fault
        if weighed:
            return None, "no_route" if route is None else lacks(rows, weighed[0][1])
        return None, tokens[0][1] if tokens else "token_missing"

    def check(self, text, now):
        """Issuer and claims, and what is wrong; an expired token has both."""
        if text not in self.verified:
            try:
                self.verified[text] = jws.verify(text, self.issuers), None
            except jws.Refused as refused:
                self.verified[text] = None, refused.reason
        verified, fault = self.verified[text]
        if fault is None:
            try:
                jws.check_times(*verified, now)
            except jws.Refused as refused:
                return refused.verified, refused.reason
        return verified, fault


EXPIRED = ("token_expired", "token_too_old")
# What stops a token that its issuer lets read nothing.
CEILING = -1


def weigh(rows, question, verified):
    """The first row that a token satisfies, or how far the row got that got furthest."""
    if "read" not in verified[0].may:
        return None, CEILING
    reached = [(row.reach(question, verified), number) for number, row in rows]
    for stage, number in reached:
        if stage == SATISFIED:
            return number, stage
    return None, max((stage for stage, _ in reached), default=0)


def lacks(rows, stage):
    if not rows:
        return "no_rule_for_action"
    return "issuer_may_not" if stage == CEILING else STAGES[stage]


# Our own endpoints, which the function at CloudFront's viewer-request never is asked for.
ENDPOINTS = {"session": "GET HEAD POST DELETE", "uploads": "POST", "links": "POST", "health": "GET HEAD"}


def elsewhere(request):
    methods = ENDPOINTS.get(request.path.removeprefix("/_edgepass/"))
    if methods is None or request.method in methods.split():
        return denied("no_such_endpoint")
    return denied("method_not_allowed")


def denied(reason, route=None):
    return Denied(frozenset([reason]), route)


# RFC 3986 section 3.2: the characters of a host and its port.
HOST = re.compile(r"[A-Za-z0-9._~%!$&'()*+,;=:\[\]-]+")


def host_name(field_value):
    """RFC 9110 section 7.2: without the port; RFC 3986 section 3.2.2: in any case of letters."""
    return re.sub(r":[0-9]*$", "", field_value).lower()


def behind_cloudfront(answer, request, behaviours, first):
    """The same answer, unless CloudFront would ask another bucket than the object's. It chooses by the first pattern of
    `behaviours` that the path fits, as it came or decoded; else the `first` bucket."""
    if not isinstance(answer, Allowed):
        return answer
    for path in (request.path, targets.decode(request.path)[0]):
        fitting = [bucket for pattern, bucket in behaviours if path.startswith(pattern.removesuffix("*"))]
        if (fitting or [first])[0] != answer.bucket:
            return denied("other_behaviour", answer.route)
    return answer
