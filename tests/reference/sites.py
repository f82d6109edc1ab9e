"""Random sites: a configuration as tomllib reads one, the issuers' keys, and the `site.json` that says the same."""

import ipaddress
import json
from dataclasses import dataclass
from datetime import datetime, timezone

from reference.authorizer import seconds
from reference.patterns import Pattern
from reference.rows import DAYS
from reference.signing import public_jwk

NOW = 1_795_388_650  # 2026-11-22T23:04:10Z, a Sunday
HOSTS = ["files.example.com", "media.example.com", "a.example"]
WORDS = ["files", "shared", "a", "v1", "été", "x y", "a.b", "%2F", "Files"]
ADDRESSES = [
    "192.0.2.0/24",
    "192.0.2.7",
    "198.51.100.0/25",
    "2001:db8::/32",
    "2001:db8:1::7",
    "0.0.0.0/1",
    "203.0.113.8/31",
]
CLAIMS = [
    "role",
    "sub",
    "n",
    "flag",
    "members.{0}",
    "members.{0}.roles",
    r"a\.b.c",
    r"back\\slash",
    "deep.a.b.c",
    "{0}",
    "x-{0}.y",
]
PUBLIC = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]


@dataclass
class Generated:
    config: dict
    keys: dict  # for each issuer its keys: algorithm and number of a key of `signing`, and a name or None
    behaviours: list  # pairs of a pattern and a bucket

    def jwks(self):
        return {name: [as_jwk(key) for key in keys] for name, keys in self.keys.items()}


def as_jwk(key):
    algorithm, number, kid = key
    return {**public_jwk(algorithm, number), **({} if kid is None else {"kid": kid})}


def make_site(random):
    issuers, keys = {}, {}
    for number in range(random.choices([1, 2, 3], [4, 3, 1])[0]):
        name = f"issuer{number}"
        issuers[name], keys[name] = make_issuer(random, number)
    buckets = ["main", "second"][: random.choice([1, 1, 2])]
    routes = []
    for number in range(random.randint(1, 8)):
        routes.append(make_route(random, number, issuers, buckets, routes))
    sources = random.sample(["header", "cookie:edgepass", "query:authorization"], random.choice([1, 2, 3, 3]))
    config = {"token": {"from": sources}, "bucket": {name: {} for name in buckets}, "issuer": issuers, "route": routes}
    behaviours = []
    if random.random() < 0.5:
        starts = {
            "/" + route["path"].split("/")[1] + "/*": route["bucket"] for route in routes if route["path"][1] != "{"
        }
        behaviours = [[start, bucket] for start, bucket in starts.items() if "{" not in start and start.isascii()]
    return Generated(config, keys, behaviours)


def make_issuer(random, number):
    if random.random() < 0.75:
        algorithms = [random.choice(["HS256"] * 8 + ["HS384", "HS512"])]
    else:
        algorithms = random.sample(PUBLIC, random.choice([1, 1, 2]))
    named = random.random() < 0.7
    keys = []
    for place in range(random.choices([1, 2, 3], [5, 3, 1])[0] if algorithms[0][:2] != "HS" else 1):
        algorithm = algorithms[place % len(algorithms)]
        # A shared secret has no name.
        kid = f"key-{place}" if named and algorithms[0][:2] != "HS" and random.random() < 0.9 else None
        keys.append((algorithm, 2 * number + place, kid))
    issuer = {
        "issuer": random.choice(["https://app.example.com", "urn:example:app", "https://é.example/"])
        + (str(number) if number else ""),
        "audience": random.choice(["files", ["files"], ["files", "média"], "https://files.example.com"]),
        "algorithms": algorithms,
        # The first may read, so that most rows can be satisfied.
        "may": random.choice(
            [["read"], ["read", "upload"], ["read", "upload", "delete"], *([["upload"]] * min(number, 1))]
        ),
        "leeway": random.choice(["30s", "30s", "0s", "60s"]),
    }
    if random.random() < 0.5:
        issuer["max_age"] = random.choice(["1h", "24h", "1s", "7d"])
    return issuer, keys


def make_path(random, others):
    """Some are another one but for one segment, so that one must be more special than the other."""
    if others and random.random() < 0.35:
        segments = random.choice(others)["path"][1:].split("/")
        place = random.randrange(len(segments))
        segments[place] = make_segment(random, place, last=place == len(segments) - 1)
    else:
        count = random.choices([1, 2, 3, 4], [2, 5, 4, 1])[0]
        segments = [make_segment(random, place, last=place == count - 1) for place in range(count)]
    return "/" + "/".join(segments)


def make_segment(random, place, last):
    # Few words in front, so that patterns meet.
    weights = [8 if place == 0 else 3, 3, 4, 2, 2 if last else 0]
    style = random.choices(["text", "any", "typed", "around", "rest"], weights)[0]
    name = f"p{place}"
    if style == "text":
        return random.choice(WORDS[:2] if place == 0 else WORDS)
    if style == "any":
        return f"{{{name}}}"
    if style == "typed":
        return f"{{{name}:{random.choice(['uuid', 'int', 'date', 'slug'])}}}"
    if style == "around":
        typed = random.choice(["", ":int", ":slug"])
        return random.choice(["v{}", "{}.png", "a{}b", "v1{}", "é{}"]).format(f"{{{name}{typed}}}")
    return f"{{{name}...}}"


def make_route(random, number, issuers, buckets, others):
    path = make_path(random, others)
    names = Pattern(path).kinds
    route = {"name": f"route{number}", "path": path, "bucket": random.choice(buckets)}
    if random.random() < 0.15:
        route["hosts"] = random.sample(HOSTS, random.choice([1, 2]))
    if random.random() < 0.25:
        texts = ["{" + name + "}" for name in names]
        route["key"] = "/".join([f"{'k' * random.choice([1, 1, 1018])}{number}", *texts])
    elif "{" not in path and random.random() < 0.2:
        route["key"] = f"k{number}"
    readers = [name for name, issuer in issuers.items() if "read" in issuer["may"]]
    uploaders = [name for name, issuer in issuers.items() if "upload" in issuer["may"]]
    rows = [make_row(random, names, readers) for _ in range(random.choices([1, 2, 3, 4], [4, 4, 2, 1])[0])]
    if random.random() < 0.2:
        rows.insert(random.randint(0, len(rows)), {"action": "read", "anyone": True, **circumstances(random, 0.8)})
    # Where anyone may read without more, nothing else is needed.
    rows = [row for row in rows if len(row) == 2 and "anyone" in row] or rows
    if uploaders and random.random() < 0.2:
        row = {"action": "upload", "issuer": random.choice(uploaders), "claims": {"role": "writer"}}
        rows = [row] if random.random() < 0.4 else [*rows, row]
        route["upload"] = {"max_size": 1 << 20, "types": ["*/*"]}
    route["allow"] = rows
    return route


def make_row(random, names, issuers):
    row = {"action": "read", "claims": {}}
    for _ in range(random.choices([0, 1, 2, 3], [1, 8, 6, 2])[0]):
        name = random.choice(CLAIMS)
        if "{0}" in name:
            if not names:
                continue
            name = name.replace("{0}", "{" + random.choice(list(names)) + "}")
        row["claims"][name] = make_value(random, names)
    if random.random() < 0.15:
        row["paths"] = random.choice(["paths", "scope.paths"])
        if not row["claims"] and random.random() < 0.5:
            del row["claims"]
    if random.random() < 0.25:
        row["issuer"] = random.choice(issuers)
    row.update(circumstances(random, 0.25))
    if random.random() < 0.04:
        row["hook"] = "ask"
    return row


def make_value(random, names):
    if random.random() < 0.2:
        return [single(random, names) for _ in range(random.choice([1, 2, 3]))]
    return single(random, names)


def single(random, names):
    if names and random.random() < 0.55:
        name = "{" + random.choice(list(names)) + "}"
        return random.choice([name, name, name, f"read:{name}", f"{name}:é", f"{name}/{name}"])
    return random.choice(["reader", "writer", "é", "*", "42", "true", "", 42, 0, -1, 2**63 - 1, True, False])


def circumstances(random, share):
    row = {}
    if random.random() >= share:
        return row
    for kind in random.sample(["methods", "from", "until", "hours", "days", "addresses"], random.choice([1, 1, 2])):
        edge = NOW + random.choice([-60, -1, 0, 1, 60, -86400, 86400])
        if kind == "methods":
            row["methods"] = random.choice([["GET"], ["HEAD"], ["GET", "HEAD"]])
        elif kind in ("from", "until"):
            row[kind] = datetime.fromtimestamp(edge, timezone.utc)
        elif kind == "hours":
            row["hours"] = random.choice(
                ["22:00-23:04", "23:04-23:05", "23:05-06:00", "06:00-23:05", "00:00-23:59", "23:00-00:00"]
            )
        elif kind == "days":
            row["days"] = random.choice([["sun"], ["mon"], ["sat", "sun"], DAYS[:6]])
        else:
            row["addresses"] = random.sample(ADDRESSES, random.choice([1, 2]))
    if row.get("from", datetime.min.replace(tzinfo=timezone.utc)) >= row.get(
        "until", datetime.max.replace(tzinfo=timezone.utc)
    ):
        del row["until"]
    return row


# As site.json ------------------------------------------------------------------------------------------------------


def site_json(site):
    config = site.config
    issuers, buckets = list(config["issuer"]), list(config["bucket"])
    settings = {
        "origin": "https://files.example.com",
        "apps": ["https://app.example.com"],
        "carriers": [carrier_json(source) for source in config["token"]["from"]],
        "issuers": [issuer_json(name, issuer) for name, issuer in config["issuer"].items()],
        "routes": [route_json(route, issuers, buckets) for route in config["route"]],
    }
    behaviours = [{"pattern": pattern, "bucket": buckets.index(bucket)} for pattern, bucket in site.behaviours]
    return {"site": settings, "keys": list(site.jwks().values()), "behaviours": behaviours}


def carrier_json(source):
    kind, _, name = source.partition(":")
    return {kind: name} if name else kind


def issuer_json(name, issuer):
    audience = issuer["audience"]
    return {
        "name": name,
        "issuer": issuer["issuer"],
        "audiences": audience if isinstance(audience, list) else [audience],
        "algorithms": issuer["algorithms"],
        "may": issuer["may"],
        "max_age": seconds(issuer["max_age"]) if "max_age" in issuer else None,
        "leeway": seconds(issuer["leeway"]),
    }


def route_json(route, issuers, buckets):
    upload = route.get("upload")
    return {
        "name": route["name"],
        "hosts": route.get("hosts", []),
        "path": route["path"],
        "bucket": buckets.index(route["bucket"]),
        "key": route.get("key"),
        "allow": [row_json(row, issuers) for row in route["allow"]],
        "upload": upload and {"fill": [], "max_size": upload["max_size"], "types": upload["types"], "life": 900},
        "any_origin": False,
    }


def row_json(row, issuers):
    claims = [[name, value if isinstance(value, list) else [value]] for name, value in row.get("claims", {}).items()]
    when = {name: row[name] for name in ("methods",) if name in row}
    when.update({name: int(row[name].timestamp()) for name in ("from", "until") if name in row})
    if "hours" in row:
        start, end = row["hours"].split("-")
        when["hours"] = {"from": minutes(start), "until": minutes(end)}
    if "days" in row:
        when["days"] = [DAYS.index(day) for day in row["days"]]
    if "addresses" in row:
        networks = [ipaddress.ip_network(text) for text in row["addresses"]]
        when["addresses"] = [{"address": str(one.network_address), "bits": one.prefixlen} for one in networks]
    return {
        "action": row["action"],
        "issuer": issuers.index(row["issuer"]) if "issuer" in row else None,
        "who": "anyone" if row.get("anyone") else {"claims": claims},
        "paths": row.get("paths"),
        "circumstances": when,
        "hook": 0 if "hook" in row else None,
    }


def minutes(clock):
    hours, rest = clock.split(":")
    return int(hours) * 60 + int(rest)


# As JSON, for a replay ------------------------------------------------------------------------------------------------


def undated(site):
    return json.loads(json.dumps(vars(site), default=lambda moment: {"date": int(moment.timestamp())}))


def dated(members):
    def read(pairs):
        return datetime.fromtimestamp(pairs["date"], timezone.utc) if pairs.keys() == {"date"} else pairs

    return Generated(**json.loads(json.dumps(members), object_hook=read))
