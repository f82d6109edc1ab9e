"""Tokens for an aim, most of them good or wrong in one thing. Texts are put together by hand, so that they can be odd."""

import json
import unicodedata

from reference.authorizer import seconds
from reference.patterns import fill, is_placeholder
from reference.rows import split_name
from reference.signing import sign
from reference.sites import NOW
from tokens import b64, unb64

OTHERS = [
    "reader",
    "writer",
    "é",
    "e\u0301",
    "42",
    42,
    0,
    1,
    -1,
    True,
    False,
    None,
    2**63 - 1,
    2**63,
    "",
    "*",
    [],
    {},
    ["reader"],
    4.5,
]


def make_token(random, site, aim):
    routes = aim.route["allow"]
    row = random.choice(routes)
    issuers = site.config["issuer"]
    name = row["issuer"] if "issuer" in row and random.random() < 0.9 else random.choice(list(issuers))
    key = random.choice(site.keys[name])
    claims = registered(random, issuers[name])
    for claim, value in row.get("claims", {}).items():
        put(claims, [fill(part, aim.values) for part in split_name(claim)], held(random, value, aim))
    if "paths" in row:
        put(claims, split_name(row["paths"]), paths(random, aim))
    header = {"alg": key[0], "kid": key[2], "typ": "JWT"}
    if key[2] is None:
        del header["kid"]
    made = Made(random, header, claims, key)
    wrong = set(random.choices(WRONG, k=random.choices([0, 1, 2], [40, 57, 3])[0]))
    for change in sorted(wrong, key=WRONG.index):
        change(made, issuers[name])
    return made.text()


def registered(random, issuer):
    claims = {"iss": issuer["issuer"], "aud": issuer["audience"], "iat": NOW - 10, "exp": NOW + 3600}
    if "max_age" in issuer and seconds(issuer["max_age"]) < 100:
        claims["iat"] = NOW
    if isinstance(claims["aud"], list):
        claims["aud"] = random.choice(claims["aud"])
    if random.random() < 0.3:
        claims["sub"] = random.choice(["ada", "é", ""])
    return claims


def put(claims, names, value):
    for name in names[:-1]:
        inner = claims.setdefault(name, {})
        if type(inner) is not dict:
            inner = claims[name] = {}
        claims = inner
    claims[names[-1]] = value


def held(random, value, aim):
    """What meets the test."""
    value = random.choice(value) if isinstance(value, list) else value
    if isinstance(value, str):
        alone = is_placeholder(value)
        value = fill(value, aim.values)
        if alone and value.isascii() and value.isdigit() and random.random() < 0.5:
            value = int(value)
    return random.choice([value, value, value, [value], ["other", value], [None, value, {}]])


def paths(random, aim):
    parent = aim.path.rsplit("/", 1)[0]
    good = random.choice([aim.path, f"{parent}/*", "/*"])
    near = [
        aim.path[1:],
        f"{aim.path}/*",
        parent,
        f"{parent}*",
        "*",
        f"{aim.path}/",
        "",
        7,
        None,
        f"{parent}//*",
        aim.path.upper(),
        "/**",
        ["/*"],
    ]
    return random.choice(
        [good, good, [good], [random.choice(near), good], random.choice(near), [random.choice(near)], near]
    )


class Made:
    """A token under way: texts of members can be replaced by any text."""

    def __init__(self, random, header, claims, key):
        self.random, self.key = random, key
        self.header = {name: dump(random, value) for name, value in header.items()}
        self.claims = {name: dump(random, value) for name, value in claims.items()}
        self.header_form = self.claims_form = "{{{}}}"
        self.more_header, self.more_claims = "", ""
        self.before_signing, self.after_signing = [], []

    def text(self):
        head = members(self.header, self.more_header, self.header_form)
        body = members(self.claims, self.more_claims, self.claims_form)
        parts = [b64(head), b64(body)]
        for change in self.before_signing:
            change(parts)
        parts.append(b64(sign(self.key[0], self.key[1], ".".join(parts).encode())))
        for change in self.after_signing:
            change(parts)
        return ".".join(parts)


def dump(random, value):
    return json.dumps(value, ensure_ascii=random.random() < 0.5, separators=random.choice([(",", ":"), (", ", ": ")]))


def members(pairs, more, form):
    text = form.format(",".join(f"{json.dumps(name)}:{value}" for name, value in pairs.items()) + more)
    return text.encode("utf-8", "surrogatepass").replace(b"<not UTF-8>", b"\xff\xc0\xaf")


# What can be wrong ---------------------------------------------------------------------------------------------------


def header_member(made, issuer):
    name = made.random.choice(
        ["jku", "jwk", "x5u", "x5c", "crit", "b64", "zip", "enc", "cty", "x", "iss", "Crit", "x5t", "alg ", ""]
    )
    made.header[name] = made.random.choice(['"x"', "null", "[]", "{}", "false"])


def algorithm(made, issuer):
    made.header["alg"] = json.dumps(
        made.random.choice(
            [
                "none",
                "None",
                "",
                "HS256",
                "HS384",
                "RS256",
                "ES256",
                "EdDSA",
                "Ed25519",
                "Ed448",
                "es256",
                "ES256K",
                "PS256",
                256,
                None,
                ["HS256"],
                "HS256 ",
            ]
        )
    )
    if made.random.random() < 0.1:
        del made.header["alg"]


def kid(made, issuer):
    made.header["kid"] = json.dumps(
        made.random.choice(
            [
                "key-0",
                "key-1",
                "key-2",
                "KEY-0",
                "key-0 ",
                "",
                "x",
                0,
                None,
                ["key-0"],
                "k" * 256,
                "k" * 257,
                "é" * 128,
                "é" * 129,
                "../key-0",
            ]
        )
    )
    if made.random.random() < 0.2:
        del made.header["kid"]


def kind(made, issuer):
    made.header["typ"] = json.dumps(
        made.random.choice(
            [
                "jwt",
                "JWT",
                "at+jwt",
                "AT+JWT",
                "application/jwt",
                "application/AT+jwt",
                "Application/JWT",
                "application/",
                "",
                "JOSE",
                "jwt ",
                None,
                1,
                "application/application/jwt",
                "ſwt",
                "text/jwt",
            ]
        )
    )
    if made.random.random() < 0.2:
        del made.header["typ"]


FORMS = [
    " {{{}}} ", "\n{{{}}}\t", "[{{{}}}]", "{{{},}}", "{{{}}}x", "{{{}}}\0", "\ufeff{{{}}}", "{{{}", "{{{}}}{{}}", "", "null", '"x"', "[]", "{{}}",
    "{{{}/**/}}", "{{{},'a':1}}", "{{<not UTF-8>{}}}", '{{{},"x":"<not UTF-8>"}}', "\x0c{{{}}}", "\u00a0{{{}}}", "{{ {} }}",
]  # fmt: skip
MORE = [
    ',"x":NaN', ',"x":Infinity', ',"x":1e400', ',"x":-1e400', ',"x":1e-400', ',"x":01', ',"x":+1', ',"x":.5', ',"x":1.', ',"x":0x1', ',"x":-', ',"x":1E+2',
    ',"x":"\\ud800"', ',"x":"\\udc00\\ud800"', ',"x":"\\ud83d\\ude42"', ',"x":"\ud800"', ',"\\ud800":1', ',"x":"\n"', ',"x":"\t"', ',"x":"\x7f"', ',"x":"\\x41"', ',"x":"\\u004"',
    ',"x":{"a":1,"a":1}', ',"x":[{"a":1,"\\u0061":2}]', ',"x":1,"\\u0078":1', ',"x":true,"x":true', ',"x":TRUE', ',"x":nul', ',"":1,"":2', ',"x":1 "y":2', ',"x"', ",",
    ',"x":' + "9" * 400, ',"x":' + "9" * 300, ',"x":18446744073709551616', ',"x":-9223372036854775809', ',"x":0.' + "1" * 400, ',"x":-0', ',"x":"\\/\\b\\f\\n\\r\\t\\"\\\\"',
]  # fmt: skip


def form(made, issuer):
    if made.random.random() < 0.3:
        made.header_form = made.random.choice(FORMS)
    else:
        made.claims_form = made.random.choice(FORMS)


def more(made, issuer):
    text = made.random.choice(MORE)
    if made.random.random() < 0.1:
        depth = made.random.choice([1, 5, 60, 124, 125, 126, 127, 128, 129, 200])
        text = ',"deep":' + made.random.choice(["[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth])
    if made.random.random() < 0.3:
        made.more_header = text
    else:
        made.more_claims = text


def twice(made, issuer):
    pairs = made.random.choice([made.header, made.claims])
    name = made.random.choice(list(pairs))
    spelled = made.random.choice([name, f"\\u{ord(name[0]):04x}{name[1:]}"]) if name and name.isascii() else name
    text = f',"{spelled}":{pairs[name]}'
    if pairs is made.header:
        made.more_header = text
    else:
        made.more_claims = text


def type_of_claim(made, issuer):
    name = made.random.choice(["iss", "sub", "jti", "aud", "exp", "nbf", "iat"])
    made.claims[name] = made.random.choice(
        ["1", "null", "true", '"x"', '"1795392250"', "[]", '["files"]', '["files",1]', '[["files"]]', '{"files":1}', '""', "1e300", "-1", "-1.5", "1.5", "0", "-0", "1e400",
         "18446744073709551615", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "9.3e18", "1e18", "9007199254740993", "9223372036854775807.0"]
    )  # fmt: skip


def missing(made, issuer):
    name = made.random.choice(
        [name for name in ("iss", "aud", "exp", "iat") if name in made.claims] or list(made.claims)
    )
    del made.claims[name]


def times(made, issuer):
    leeway, age = seconds(issuer["leeway"]), seconds(issuer.get("max_age", "1h"))
    edge = made.random.choice([-2, -1, 0, 1, 2, -40, 40, -100])
    name, about = made.random.choice(
        [
            ("exp", NOW - leeway),
            ("exp", NOW),
            ("nbf", NOW + leeway),
            ("iat", NOW + leeway),
            ("iat", NOW - age - leeway),
            ("iat", NOW - age),
            ("exp", NOW - 7200),
        ]
    )
    value = about + edge
    spelled = made.random.choice(
        [str(value)] * 4
        + [
            f"{value}.0",
            f"{value}.5",
            f"{value}.999999",
            f"{value // 10}.{value % 10}e1",
            f"{value}00e-2",
            f"{value}E0",
        ]
    )
    made.claims[name] = spelled


def audience(made, issuer):
    right = issuer["audience"] if isinstance(issuer["audience"], str) else issuer["audience"][-1]
    made.claims["aud"] = json.dumps(
        made.random.choice(
            [
                [right],
                ["x", right],
                [],
                "x",
                right.upper(),
                right + " ",
                f"{right},x",
                [right, right],
                ["x"],
                "",
                right[:-1],
            ]
        )
    )


def other_issuer(made, issuer):
    made.claims["iss"] = json.dumps(
        made.random.choice(
            [
                "https://app.example.com",
                "https://app.example.com1",
                "urn:example:app1",
                "https://APP.example.com",
                issuer["issuer"] + "/",
                issuer["issuer"] + " ",
                "",
                "https://e\u0301.example/",
            ]
        )
    )


def other_key(made, issuer):
    algorithm, number, name = made.key
    made.key = (made.random.choice([algorithm, "HS256", "ES256"]), number + made.random.choice([1, 2, 7]), name)


def value_of_claim(made, issuer):
    names = [name for name in made.claims if name not in ("iss", "aud", "exp", "iat", "nbf")] or ["role"]
    name = made.random.choice(names)
    value = json.loads(made.claims.get(name, '"reader"'))
    chance = made.random.random()
    if chance < 0.4:
        changed = made.random.choice(OTHERS)
    elif chance < 0.7 and type(value) is dict and value:
        inner = made.random.choice(list(value))
        changed = {**value, inner: near(made.random, value[inner])}
        if made.random.random() < 0.3:
            changed = {near_text(made.random, inner): value[inner]}
    else:
        changed = near(made.random, value)
    made.claims[name] = dump(made.random, changed)
    if type(value) is int and made.random.random() < 0.5:  # another spelling
        spellings = [
            f"{value}.0",
            f"{value}e0",
            f"{value}0e-1",
            f"-{value}",
            f"{value}.5",
            f'"{value}"',
            f"[{value}.0,{value}]",
        ]
        made.claims[name] = made.random.choice(spellings)


def near(random, value):
    if type(value) is str:
        return random.choice(
            [near_text(random, value), [value], [[value]], {value: True}, [near_text(random, value), value]]
        )
    if type(value) is bool:
        return random.choice([not value, int(value), int(value), str(value).lower(), [value]])
    if type(value) is int:
        return random.choice(
            [value + 1, -value, str(value), bool(value), [value], [str(value)], float(value), float(value)]
        )
    if type(value) is list and value:
        return random.choice([value[:-1], [value], [near(random, value[-1])], value[-1], value * 2])
    return random.choice(OTHERS)


def near_text(random, text):
    return random.choice([
        text + " ", text.upper(), text[:-1], text + "x", " " + text, "*", unicodedata.normalize("NFD", text), unicodedata.normalize("NFC", text),
        text + "\0", text.replace("-", ""), f"{text},{text}", "{p0}", ".*",
    ])  # fmt: skip


def bytes_of_signature(made, issuer):
    def change(parts):
        signature = unb64(parts[-1]) or b"x"
        parts[-1] = b64(made.random.choice([
            bytes([signature[0] ^ 1]) + signature[1:], signature[:-1] + bytes([signature[-1] ^ 0x80]), b"", bytes(len(signature)), signature[:-1], signature + b"\0",
            b"\0" + signature, signature[::-1], b"\xff" * len(signature), signature[: len(signature) // 2],
        ]))  # fmt: skip

    made.after_signing.append(change)


def claims_after_signing(made, issuer):
    def change(parts):
        made.claims["role"] = '"owner"' if made.claims.get("role") != '"owner"' else '"reader"'
        parts[1] = b64(members(made.claims, made.more_claims, made.claims_form))

    made.after_signing.append(change)


def encoding(made, issuer):
    place = made.random.choice([0, 1, 2])
    how = made.random.choice(["=", "loose", "+", "/", " ", "~", "one", "=="])

    def change(parts):
        text = parts[place]
        if how == "loose" and len(text) % 4 in (2, 3):
            alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
            parts[place] = text[:-1] + alphabet[alphabet.index(text[-1]) | 1]
        elif how == "one":
            parts[place] = text[: len(text) // 4 * 4] + "A"
        elif how in "+/":
            parts[place] = how + text[1:] if text else how
        elif how in "===":
            parts[place] = text + how
        else:
            parts[place] = text + ("-" if how == "loose" else how)

    (made.before_signing if place < 2 and how != " " else made.after_signing).append(change)


def parts_of_token(made, issuer):
    def change(parts):
        parts[:] = made.random.choice(
            [
                parts[:2],
                [*parts, "AAAA"],
                [*parts, ""],
                ["", *parts],
                parts[:1],
                ["", "", ""],
                ["null"],
                ["a", "b", "c"],
                [parts[0], "", parts[2]],
                [],
                ["e30"] * 3,
            ]
        )

    made.after_signing.append(change)


def length(made, issuer):
    wanted = 8192 + made.random.choice([-1, 0, 1, 2, 500])
    size = len(made.text())
    made.claims["pad"] = json.dumps("a" * max(0, (wanted - size - 4) * 3 // 4 - 8))
    # Base64 has lengths of its own: an unknown member of the header makes up for it.
    for _ in range(3):
        rest = wanted - len(made.text())
        if rest <= 0:
            break
        made.claims["pad"] = json.dumps("a" * (len(made.claims["pad"]) - 2 + max(1, rest * 3 // 4)))


# In the order in which two of them can be.
WRONG = [
    header_member, algorithm, kid, kind, form, form, more, more, twice, type_of_claim, type_of_claim, missing, times, times, times, times, audience, other_issuer, other_key,
    value_of_claim, value_of_claim, value_of_claim, value_of_claim, length, claims_after_signing, bytes_of_signature, encoding, parts_of_token,
]  # fmt: skip
