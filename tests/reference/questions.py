"""Random requests of a random site, most of them a step away from one that is allowed."""

import re
from dataclasses import dataclass
from urllib.parse import quote


from reference.patterns import KINDS, Pattern, fill
from reference.sites import HOSTS, NOW
from reference.made_tokens import make_token

UUIDS = [
    "11111111-1111-4111-8111-111111111111",
    "ABCDEF00-1111-4111-8111-111111111111",
    "abcdef00-1111-4111-8111-111111111111",
]
VALUES = {
    "uuid": UUIDS,
    "int": ["0", "7", "42", "2026", str(2**63 - 1), "42"],
    "date": ["2026-11-22", "2026-02-31", "0000-01-01"],
    "slug": ["a", "a-b", "report-7", "42", "2026-11-22", UUIDS[0]],
    None: [
        "a",
        "b",
        "é",
        "e\u0301",
        "x y",
        "a.b",
        "{p0}",
        "*",
        "42",
        "...",
        "%2F",
        "+",
        "reader",
        "日本",
        "a\nb",
        "v1",
        "🙂",
        "~",
        "a;b=c",
    ],
}
NEAR = {
    "uuid": [
        "11111111-1111-4111-8111-11111111111",
        "g1111111-1111-4111-8111-111111111111",
        "11111111111141118111111111111111",
    ],
    "int": ["042", "-1", "+1", "1.0", str(2**63), "٤٢", "", "1e3", "00"],
    "date": ["2026-13-01", "2026-00-10", "2026-1-1", "2026-01-32", "20260101", "2026-01-00", "٢٠٢٦-01-01"],
    "slug": ["A", "-a", "a-", "a--b", "a_b", "é", "a b"],
    None: [".", "..", "", "a/b"],
}
BAD = [
    "//",
    "/./",
    "/../",
    "/%2e%2e/",
    "/%2E/",
    "%2F",
    "%2f",
    "%5C",
    "\\",
    "%00",
    "%ff",
    "%c0%af",
    "%zz",
    "%",
    "%2",
    "%ed%a0%80",
    "/.%2e/",
]


@dataclass
class Aim:
    """A path of a route, and tokens for it."""

    route: dict
    path: str
    values: dict
    tokens: list


def make_requests(random, site, count):
    """Pairs of the time and the question."""
    aims = [make_aim(random, site) for _ in range(max(4, count // 80))]
    for aim in aims:
        aim.tokens = [make_token(random, site, aim) for _ in range(5)]
    for _ in range(count):
        aim = random.choice(aims)
        now = NOW + random.choice([0, 0, 0, -1, 1, random.randint(-90, 90), random.choice([50, 49, -10, -11])])
        yield now, make_question(random, site, aim, aims)


def make_aim(random, site):
    route = random.choice(site.config["route"])
    kinds = Pattern(route["path"]).kinds
    # Now and then one that another route's placeholder takes as well.
    kinds = {name: random.choice([*KINDS, None]) if random.random() < 0.1 else kind for name, kind in kinds.items()}
    values = {
        name: random.choice(VALUES[kind] if random.random() < 0.93 else NEAR[kind]) for name, kind in kinds.items()
    }
    rest = re.search(r"\{([a-z0-9_]+)\.\.\.\}", route["path"])
    if rest:
        values[rest[1]] = "/".join(random.choice(VALUES[None]) for _ in range(random.choice([1, 1, 2, 3, 9])))
    return Aim(route, fill(re.sub(r"(:[a-z]+|\.\.\.)\}", "}", route["path"]), values), values, [])


def make_question(random, site, aim, aims):
    path, query = make_target(random, aim)
    headers, query = carry(random, site, aim, aims, query)
    headers["host"] = make_host(random, aim)
    method = random.choices(["GET", "HEAD", "OPTIONS", "PUT", "POST", "DELETE"], [80, 15, 1, 1, 1, 1])[0]
    headers = {name: [{"key": name, "value": value} for value in values] for name, values in headers.items() if values}
    question = {"id": "1", "method": method, "uri": path, "querystring": query, "headers": headers}
    address = random.choice(
        [
            "192.0.2.7",
            "192.0.2.8",
            "198.51.100.127",
            "198.51.100.128",
            "2001:db8::1",
            "2001:db8:1::7",
            "203.0.113.9",
            "::ffff:192.0.2.7",
            "x",
            None,
        ]
    )
    if address is not None:
        question["clientIp"] = address
    return question


def make_target(random, aim):
    """Undecoded, and the query."""
    safe = "/" + random.choice(["", "", "!$&'()*+,;=:@"])
    path = quote(aim.path, safe=safe)
    query = random.choice([""] * 12 + ["x=1", "a=%2e%2e/&b", "?"])
    chance = random.random()
    if chance < 0.75:
        return path, query
    place = random.randrange(1, len(path) + 1)
    if chance < 0.80:  # needlessly encoded
        place = random.randrange(1, len(path)) if len(path) > 1 else 0
        character = path[place] if path[place] not in "%/" and "%" not in path[max(0, place - 2) : place] else None
        if character is not None:
            path = path[:place] + random.choice(["%{:02X}", "%{:02x}"]).format(ord(character)) + path[place + 1 :]
    elif chance < 0.83:
        path = path.replace("%", "%25") if "%" in path else path + "%252e"
    elif chance < 0.90:
        bad = random.choice(BAD)
        path = path[:place] + bad + path[place:]
        if random.random() < 0.1:
            path = path + random.choice(BAD)
    elif chance < 0.92:
        path = path + random.choice(["/", "/x", "x", ".", "/%2A", "/.."])
    elif chance < 0.94:
        path = path.rsplit("/", 1)[0] or "/"
    elif chance < 0.96:
        path = "".join(c.swapcase() if random.random() < 0.2 else c for c in path) if "%" not in path else path.lower()
    elif chance < 0.975:  # about the longest
        room = 1024 - len(aim.path.encode()) + 1 + random.choice([-1, 0, 1, 2])
        path = path + random.choice(["a" * max(0, room), "%C3%A9" * (room // 2) + "x" * (room % 2)])
    elif chance < 0.98:
        query = "q=" + "a" * (8192 - len(path) - 3 + random.choice([-1, 0, 1, 2]))
    elif chance < 0.985:
        path = random.choice(
            ["/", "/_edgepass/session", "/_edgepass", "/_edgepassx/a", "/nowhere/a", "/_edgepass/", "//a", "/%5Fedgepass/session", "/_edgep%61ss", "/_edgepass%78/a"]
        )
    else:
        path = "/" + "/".join(
            quote(random.choice(VALUES[None] + UUIDS + ["files", "shared"])) for _ in range(random.choice([1, 2, 3]))
        )
    return path, query


def make_host(random, aim):
    chance = random.random()
    if chance < 0.01:
        return random.choice([[], ["files.example.com", "files.example.com"], ["files.example.com", "a.example"]])
    if chance < 0.015:
        return [random.choice(["", "a b", "a/b", "u@files.example.com", "a#b", "ü.example", '"a"'])]
    host = (
        random.choice(aim.route.get("hosts") or HOSTS)
        if random.random() < 0.85
        else random.choice([*HOSTS, "other.example", "[::1]", "127.0.0.1"])
    )
    if chance < 0.3:
        host = random.choice([host.upper(), host.capitalize(), host + ":443", host + ":8443", host + ".", host + ":"])
    return [host]


def carry(random, site, aim, aims, query):
    """The headers and the query with tokens in them."""
    headers = {"authorization": [], "cookie": []}
    if random.random() < 0.06:
        return headers, query
    sources = site.config["token"]["from"]
    source = (
        random.choice(sources)
        if random.random() < 0.95
        else random.choice(["header", "cookie:edgepass", "query:authorization"])
    )

    def one():
        tokens = random.choice(aims).tokens if random.random() < 0.15 else aim.tokens
        return random.choice(tokens)

    token = one()
    again = random.random()
    if source == "header":
        form = "Bearer {}"
        if random.random() < 0.08:
            form = random.choice(
                [
                    "bearer {}",
                    "BEARER {}",
                    "Bearer  {}",
                    "{}",
                    "Basic {}",
                    "Bearer {} {}",
                    "Bearer",
                    "Bearer,{}",
                    "Bearer\t{}",
                    "Bearer {},",
                    "Token {}",
                ]
            )
        headers["authorization"].append(form.replace("{}", token))
        if again < 0.03:
            headers["authorization"].append(
                random.choice([f"Bearer {token}", f"Bearer {one()}", f"bearer {token}", "Basic YTpi"])
            )
    elif source.startswith("query"):
        query = add(
            query, random.choice(["authorization"] * 20 + ["Authorization", "token", "auth%6Frization"]), token, random
        )
        if again < 0.04:
            query = add(query, "authorization", random.choice([token, one()]), random)
    else:
        headers["cookie"] = cookies(random, token, one)
    if random.random() < 0.06:  # another carrier beside it
        other = random.choice(["header", "cookie", "query"])
        if other == "header":
            headers["authorization"].append(random.choice([f"Bearer {token}", f"Bearer {one()}", "Basic YTpi"]))
        elif other == "cookie":
            headers["cookie"] += cookies(random, one(), one)
        else:
            query = add(query, "authorization", random.choice([token, one()]), random)
    return headers, query


def add(query, name, token, random):
    value = random.choice(
        [token] * 12 + [token.replace(".", "%2E"), token.replace(".", "%2e") + "%", "", token + "+", "%ff" + token]
    )
    pair = f"{name}={value}" if random.random() < 0.99 else name
    return random.choice([f"{query}&{pair}", f"{pair}&{query}"]) if query else pair


def cookies(random, token, one):
    pairs = [f"edgepass={token}"]
    chance = random.random()
    if chance < 0.35:
        names = ["edgepass-a", "edgepass-B_1", "edgepass-" + "s" * 64, "edgepass-2", "edgepass-3"]
        pairs = [f"{name}={one()}" for name in random.sample(names, random.choice([1, 2, 3, 4, 5]))]
        pairs.insert(random.randint(0, len(pairs)), f"edgepass={token}")
    elif chance < 0.42:
        name = random.choice(["edgepass-", "edgepass-a.b", "Edgepass", "edgepassx", "edgepass-" + "s" * 65, "session"])
        pairs = [f"{name}={token}"]
    elif chance < 0.46:
        pairs = [
            random.choice(
                [
                    f'edgepass="{token}"',
                    "edgepass=",
                    "edgepass",
                    f"edgepass={token}=",
                    f"edgepass = {token}",
                    f"edgepass={token} ",
                ]
            )
        ]
    if random.random() < 0.2:
        pairs.insert(random.randint(0, len(pairs)), random.choice(["theme=dark", "theme=ü", "edgepass-u=ü", "x", "", "a=b=c"]))
    glue = random.choice(["; "] * 8 + [";", ";  ", " ; "])
    if len(pairs) > 1 and random.random() < 0.1:  # RFC 9113 section 8.2.3: in several fields
        return [glue.join(pairs[:1]), glue.join(pairs[1:])]
    return [glue.join(pairs)]
