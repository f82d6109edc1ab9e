"""Every bad input has its status and its public code, tells nothing more, and is never a 5xx."""

import itertools
import json
import socket
import time
import uuid

import httpx
import jwt
import pytest

import tokens
from conftest import APP
from http1 import Connection, ask, exchange, request
from processes import wait_until
from tokens import b64, claims, forge, sign_raw

CODES = {
    400: {"bad_request", "bad_path", "token_conflict"},
    401: {"token_missing", "token_invalid", "token_expired", "token_revoked"},
    403: {"forbidden"},
    404: {"not_found"},
    405: {"method_not_allowed"},
    412: {"precondition_failed"},
    413: {"too_large"},
    415: {"type_not_allowed"},
    414: {"uri_too_long"},
    416: {"range_unsatisfiable"},
    429: {"rate_limited"},
    431: {"headers_too_large"},
}


def refused(answer, status, code, *, cors=True):
    """The whole shape of a refusal. `cors`: the request had the Origin of an allowed app."""
    assert (answer.status, answer.code) == (status, code), answer
    assert {"error", "id"} <= set(answer.json()) <= {"error", "id", "detail"}
    assert answer.header("content-type") == "application/json"
    assert answer.header("cache-control") == "no-store"
    assert answer.header("edgepass-id") == answer.json()["id"]
    assert "origin" in answer.listed("vary")
    assert answer.header("x-content-type-options") == "nosniff"
    if status == 401:
        assert answer.header("www-authenticate").startswith("Bearer")
    if cors:
        assert answer.header("access-control-allow-origin") == APP
        assert answer.header("access-control-allow-credentials") == "true"
        assert "edgepass-id" in answer.listed("access-control-expose-headers")


def refused_while_parsing(answer, status, code):
    """A head that cannot be read to its end has no Origin that counts; the rest of the shape is there."""
    refused(answer, status, code, cors=False)


@pytest.fixture
def path(workspace):
    return workspace.put(body=b"the secret bytes")


def asks(gateway, target, **options):
    headers = options.pop("headers", {})
    return ask(gateway.origin, target, headers={"Origin": APP, **headers}, **options)


# Tokens -----------------------------------------------------------------------------------------------------------


def test_no_token(gateway, path):
    refused(asks(gateway, path), 401, "token_missing")


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "Bearer a b", "bearer", "Token x", "", " "])
def test_an_authorization_header_without_a_token(gateway, path, header):
    answer = asks(gateway, path, headers={"Authorization": header})
    assert answer.code in ("token_missing", "token_invalid")
    refused(answer, 401, answer.code)


def test_the_scheme_is_case_insensitive(gateway, path, workspace):
    for scheme in ("bearer", "BEARER"):
        assert asks(gateway, path, headers={"Authorization": f"{scheme} {workspace.token()}"}).status == 200


def test_expired(gateway, path, workspace):
    long_ago = int(time.time()) - 3600
    refused(asks(gateway, path, token=workspace.token(iat=long_ago - 60, exp=long_ago)), 401, "token_expired")


def test_older_than_the_issuers_max_age(gateway, path, workspace):
    now = int(time.time())
    refused(asks(gateway, path, token=workspace.token(iat=now - 25 * 3600, exp=now + 600)), 401, "token_expired")


def test_wrong_key(gateway, path, workspace):
    stranger = tokens.SigningKey.new("ES256", "es")
    refused(asks(gateway, path, token=workspace.token("owner", key=stranger)), 401, "token_invalid")


def test_unknown_key_id(gateway, path, workspace):
    for kid in ("unknown", "", "../../etc/passwd", "' OR 1=1 --", "http://evil.example/jwks", "k" * 5000):
        stranger = tokens.SigningKey.new("ES256", kid)
        refused(asks(gateway, path, token=workspace.token("owner", key=stranger)), 401, "token_invalid")


@pytest.mark.parametrize("audience", ["other", "", ["other", "others"], "files2", "FILES", ["fil", "es"]])
def test_wrong_audience(gateway, path, workspace, audience):
    refused(asks(gateway, path, token=workspace.token(aud=audience)), 401, "token_invalid")


def test_an_audience_among_several_is_right(gateway, path, workspace):
    assert asks(gateway, path, token=workspace.token(aud=["other", "files"])).status == 200


@pytest.mark.parametrize("issuer", ["https://app.example.com/", "https://evil.example", "", "app"])
def test_wrong_issuer(gateway, path, workspace, issuer):
    refused(asks(gateway, path, token=workspace.token(iss=issuer)), 401, "token_invalid")


NONE = ["none", "None", "NONE", "nOnE", "", " none", "none ", "n\u043ene", "null", "plain", "HS0", "NONE\u0000", "NoNe", "NUL"]


@pytest.mark.parametrize("spelling", NONE)
def test_alg_none(gateway, path, workspace, spelling):
    payload = claims(members={workspace.id: "owner"})
    header = {"alg": spelling, "typ": "JWT", "kid": "es"}
    unsigned = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(payload).encode())}."
    signature = workspace.token().split(".")[2]
    for token in (unsigned, unsigned + signature, unsigned + b64(b"x"), unsigned[:-1]):
        refused(asks(gateway, path, token=token), 401, "token_invalid")


def key_encodings(key):
    """What an attacker might take for the HMAC secret: the public key in every form it is published in."""
    pem, jwk = key.public_pem(), key.jwk()
    forms = {
        "pem": pem,
        "pem without the last line end": pem.rstrip(b"\n"),
        "pem with crlf": pem.replace(b"\n", b"\r\n"),
        "pem in one line": pem.replace(b"\n", b""),
        "der": key.public_der(),
        "der in base64": b64(key.public_der()).encode(),
        "jwk": json.dumps(jwk).encode(),
        "jwk, compact": json.dumps(jwk, separators=(",", ":")).encode(),
        "jwk, sorted": json.dumps(jwk, sort_keys=True, separators=(",", ":")).encode(),
        "jwks": json.dumps({"keys": [jwk]}).encode(),
        "empty": b"",
        "kid": key.kid.encode(),
        "zeros": bytes(32),
    }
    for member in ("x", "n"):
        if member in jwk:
            forms[f"member {member}"] = jwk[member].encode()
            forms[f"bytes of {member}"] = tokens.unb64(jwk[member])
    if "y" in jwk:
        point = tokens.unb64(jwk["x"]) + tokens.unb64(jwk["y"])
        forms["point"], forms["uncompressed point"] = point, b"\x04" + point
    return forms


@pytest.mark.parametrize("which", ["es256", "rs256", "eddsa"])
def test_hmac_with_the_public_key(gateway, path, workspace, keys, which):
    key = getattr(keys, which)
    payload = claims(members={workspace.id: "owner"})
    with Connection(gateway.origin) as connection:
        for form, secret in key_encodings(key).items():
            for algorithm, kid in itertools.product(("HS256", "HS384", key.algorithm, "hs256"), (key.kid, "other", None)):
                header = {"alg": algorithm, "typ": "JWT", **({} if kid is None else {"kid": kid})}
                answer = connection.ask(path, token=forge(header, payload, secret), headers={"Origin": APP})
                assert answer.status == 401, (form, algorithm, kid)
                refused(answer, 401, "token_invalid")


def test_another_algorithm_than_the_keys(gateway, path, workspace, keys):
    """A right signature by PS256 with the RS256 key, and an ES256 key under RS256's name."""
    pss = tokens.SigningKey("PS256", "rs", keys.rs256.private)
    refused(asks(gateway, path, token=workspace.token(key=pss)), 401, "token_invalid")
    swapped = tokens.SigningKey("ES256", "rs", keys.es256.private)
    refused(asks(gateway, path, token=workspace.token(key=swapped)), 401, "token_invalid")


def test_header_members_that_would_choose_the_key(gateway, path, workspace, keys):
    own = tokens.SigningKey.new("ES256", "es")
    url = "http://127.0.0.1:9/jwks"
    for extra in (
        {"jwk": own.jwk()}, {"jku": url}, {"x5u": url}, {"x5c": [b64(own.public_der())]}, {"crit": ["exp"]},
        {"crit": ["b64"], "b64": False}, {"b64": False}, {"cty": "JWT"}, {"zip": "DEF"}, {"typ": "at+jwt", "crit": []},
    ):  # fmt: skip
        token = own.sign(claims(members={workspace.id: "owner"}), headers=extra)
        refused(asks(gateway, path, token=token), 401, "token_invalid")


WRONG_CLAIMS = {
    "no exp": {"without": ["exp"]},
    "no iss": {"without": ["iss"]},
    "no aud": {"without": ["aud"]},
    "no iat, where max_age needs it": {"without": ["iat"]},
    "exp is text": {"exp": "9999999999"},
    "exp is null": {"exp": None},
    "exp is a list": {"exp": [9999999999]},
    "exp is true": {"exp": True},
    "exp is an object": {"exp": {}},
    "exp is huge": {"exp": 10**40},
    "exp is negative": {"exp": -1},
    "iat in the future": {"iat": int(time.time()) + 7200},
    "iat is text": {"iat": "1"},
    "nbf in the future": {"nbf": int(time.time()) + 7200},
    "nbf is text": {"nbf": "0"},
    "nbf is a list": {"nbf": []},
    "aud is a number": {"aud": 5},
    "aud is an object": {"aud": {"files": True}},
    "aud is a list with a number": {"aud": ["files", 5]},
    "iss is a list": {"iss": ["https://app.example.com"]},
    "sub is an object": {"sub": {"a": 1}},
    "jti is a number": {"jti": 5},
}


@pytest.mark.parametrize("what", WRONG_CLAIMS)
def test_registered_claims_are_required_and_typed(gateway, path, workspace, keys, what):
    wrong = dict(WRONG_CLAIMS[what])
    payload = claims(without=wrong.pop("without", ()), **{"members": {workspace.id: "owner"}, **wrong})
    header = json.dumps({"alg": "ES256", "kid": "es"})
    answer = asks(gateway, path, token=sign_raw(keys.es256, header, json.dumps(payload)))
    assert answer.code in ("token_invalid", "token_expired") and (answer.code == "token_invalid" or "exp" in what)
    refused(answer, 401, answer.code)


WRONG_MEMBERS = {
    "star": lambda w: {"workspace": "*"},
    "empty": lambda w: {"workspace": ""},
    "prefix": lambda w: {"workspace": w[:8]},
    "prefix with a star": lambda w: {"workspace": w[:8] + "*"},
    "regular expression": lambda w: {"workspace": ".*"},
    "placeholder": lambda w: {"workspace": "{workspace}"},
    "longer": lambda w: {"workspace": w + "0"},
    "with a slash": lambda w: {"workspace": w + "/"},
    "traversal": lambda w: {"workspace": "x/../" + w},
    "null": lambda w: {"workspace": None},
    "true": lambda w: {"workspace": True},
    "object": lambda w: {"workspace": {w: w}},
    "list of lists": lambda w: {"workspace": [[w]]},
    "text of a list": lambda w: {"workspace": f'["{w}"]'},
    "membership with another role": lambda w: {"members": {w: "admin"}},
    "membership of true": lambda w: {"members": {w: True}},
    "memberships as a list": lambda w: {"members": [w, "owner"]},
    "memberships as text": lambda w: {"members": f"{w}: owner"},
    "membership under a dotted name": lambda w: {f"members.{w}": "owner"},
    "nested a level too deep": lambda w: {"members": {"members": {w: "owner"}}},
    "role in a list in a list": lambda w: {"members": {w: [["owner"]]}},
    "no claim at all": lambda w: {},
}


@pytest.mark.parametrize("what", WRONG_MEMBERS)
def test_claims_that_do_not_cover_the_path(gateway, path, workspace, keys, what):
    token = keys.es256.sign(claims(**WRONG_MEMBERS[what](workspace.id)))
    refused(asks(gateway, path, token=token), 403, "forbidden")


def test_a_list_of_workspaces_covers_each(gateway, path, workspace, other_workspace, keys):
    token = keys.es256.sign(claims(workspace=[other_workspace.id, workspace.id]))
    assert asks(gateway, path, token=token).status == 200


def test_uuid_case_is_one_identity_or_none(gateway, workspace):
    """Whatever the gateway makes of upper case, the object that is authorised is the one that is fetched."""
    path, token = workspace.put(body=b"lower"), workspace.token()
    answer = asks(gateway, path.replace(workspace.id, workspace.id.upper()), token=token)
    assert answer.status in (400, 403, 404)


def strictness(keys, workspace):
    """Right signatures over wrong encodings, and wrong encodings of right tokens."""
    good = workspace.token("owner")
    head, body, signature = good.split(".")
    text = json.dumps(claims(members={workspace.id: "owner"}))
    plain = '{"alg":"ES256","kid":"es"}'
    yield "padding", f"{head}=.{body}.{signature}"
    yield "padding of the signature", good + "=="
    yield "space inside", f"{head}. {body}.{signature}"
    yield "tab at the end", good + "\t."
    yield "a fourth part", good + "."
    yield "four parts", f"{good}.{signature}"
    yield "five parts (an encrypted one)", f"{good}.{body}.{signature}"
    yield "two parts", f"{head}.{body}"
    yield "one part", head
    yield "dots", ".."
    yield "a dot", "."
    yield "the word null", "null"
    yield "the word undefined", "undefined"
    yield "standard base64", good.replace("-", "+").replace("_", "/") if set("-_") & set(good) else good + "/"
    yield "signature of zeros", f"{head}.{body}.{b64(bytes(64))}"
    yield "signature too short", f"{head}.{body}.{b64(tokens.unb64(signature)[:63])}"
    yield "signature too long", f"{head}.{body}.{b64(tokens.unb64(signature) + bytes(1))}"
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    for r, s in itertools.product((0, 1, order, order - 1, order + 1), repeat=2):
        yield f"r={r:x} s={s:x}", f"{head}.{body}.{b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    raw = tokens.unb64(signature)
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    yield "signature as DER", f"{head}.{body}.{b64(der)}"
    # The last character of 64 bytes in base64url holds bits that mean nothing; they are zero in the one true spelling.
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet.index(signature[-1])
    yield "non-canonical last character", good[:-1] + alphabet[last ^ 1]
    for name, header, payload in (
        ("duplicate alg", '{"alg":"none","alg":"ES256","kid":"es"}', text),
        ("duplicate claim", plain, text[:-1] + ',"members":{"%s":"owner"}}' % workspace.id),
        ("duplicate exp", plain, text[:-1] + ',"exp":99999999999}'),
        ("duplicate nested member", plain, text.replace('"owner"', '"owner", "%s": "owner"' % workspace.id)),
        ("trailing data", plain, text + "{}"),
        ("trailing comma", plain, text[:-1] + ",}"),
        ("byte order mark", plain, "\ufeff" + text),
        ("header is a list", '["ES256"]', text),
        ("claims are a list", plain, f"[{text}]"),
        ("claims are text", plain, json.dumps(text)),
        ("alg is a list", '{"alg":["ES256"],"kid":"es"}', text),
        ("kid is a number", '{"alg":"ES256","kid":1}', text),
        ("alg missing", '{"kid":"es"}', text),
        ("alg in lower case", '{"alg":"es256","kid":"es"}', text),
        ("NaN", plain, text[:-1] + ',"x":NaN}'),
        ("single quotes", plain, text.replace('"', "'")),
        ("deep nesting", plain, text[:-1] + ',"x":' + "[" * 2_000 + "]" * 2_000 + "}"),
        ("lone surrogate", plain, text[:-1] + ',"x":"\\ud800"}'),
        ("empty claims", plain, ""),
        ("typ of another kind", '{"alg":"ES256","kid":"es","typ":"JWE"}', text),
    ):
        yield name, sign_raw(keys.es256, header, payload)


def test_strict_encoding(gateway, path, workspace, keys):
    wrong = []
    with Connection(gateway.origin) as connection:
        for name, token in strictness(keys, workspace):
            answer = connection.ask(path, token=token, headers={"Origin": APP})
            if answer.code == "token_invalid":
                refused(answer, 401, "token_invalid")
            else:
                wrong.append((name, answer.status, answer.code))
            if not connection.alive:
                connection.close()
                connection = Connection(gateway.origin)
    assert wrong == []


def test_a_long_token(gateway, path, workspace):
    for size in (8_000, 12_000, 40_000, 200_000):
        answer = asks(gateway, path, token=workspace.token("owner", padding="x" * size))
        if answer.status != 200 or size > 12_000:
            refused_while_parsing(answer, answer.status, {401: "token_invalid", 431: "headers_too_large"}[answer.status])


# Several tokens ---------------------------------------------------------------------------------------------------


def test_two_tokens_that_differ(gateway, path, workspace):
    a, b = workspace.token(), workspace.scoped_token()
    conflict = (400, "token_conflict")
    refused(asks(gateway, f"{path}?authorization={b}", token=a), *conflict)
    refused(asks(gateway, f"{path}?authorization={a}&authorization={b}"), *conflict)
    twice = request("x", path, headers=[("Origin", APP), ("Authorization", f"Bearer {a}"), ("Authorization", f"Bearer {b}")])
    refused(exchange(gateway.origin, twice), *conflict)


def test_the_same_token_twice_is_one(gateway, path, workspace):
    token = workspace.token()
    assert asks(gateway, f"{path}?authorization={token}", token=token).status == 200
    assert asks(gateway, f"{path}?authorization={token}&authorization={token}").status == 200


def test_a_bad_explicit_token_hides_a_good_cookie(gateway, path, workspace):
    cookie = {"Cookie": f"edgepass={workspace.token()}"}
    assert asks(gateway, path, headers=cookie).status == 200
    refused(asks(gateway, path, token="bad", headers=cookie), 401, "token_invalid")
    refused(asks(gateway, f"{path}?authorization=bad", headers=cookie), 401, "token_invalid")


@pytest.mark.parametrize("query", ["Authorization={t}", "%61uthorization={t}", "authorization[]={t}", "x=authorization={t}", ";authorization={t}", "#authorization={t}"])
def test_other_spellings_of_the_query(gateway, path, workspace, query):
    """One rule: the name is `authorization`, decoded once; nothing else is a token."""
    answer = exchange(gateway.origin, request("x", f"{path}?{query.format(t=workspace.token())}", headers={"Origin": APP}))
    assert answer.status in (200, 400, 401)
    if answer.status == 200:
        assert query.startswith("%61")
    else:
        refused(answer, answer.status, answer.code)


def test_query_and_cookie_tokens_only_read(gateway, workspace):
    wish = {"params": {"workspace": workspace.id}, "filename": "a.txt", "type": "text/plain", "size": 1}
    token = workspace.token("owner")
    refused(asks(gateway, f"/_edgepass/uploads?authorization={token}", method="POST", json=wish), 401, "token_missing")
    cookie = {"Cookie": f"edgepass={token}"}
    refused(asks(gateway, "/_edgepass/uploads", method="POST", json=wish, headers=cookie), 401, "token_missing")


# Paths ------------------------------------------------------------------------------------------------------------


def test_another_workspaces_path(gateway, path, other_workspace, middleman):
    before = len(middleman.of(path))
    refused(asks(gateway, path, token=other_workspace.token("owner")), 403, "forbidden")
    refused(asks(gateway, path, token=other_workspace.scoped_token()), 403, "forbidden")
    assert len(middleman.of(path)) == before, "the bucket was asked for an object that the token does not cover"


def test_no_route(gateway, workspace):
    for target in ("/nothing", "/public", f"/{workspace.id}", f"/{workspace.id}/{workspace.id}", "/not-a-uuid/x/y"):
        refused(asks(gateway, target), 401, "token_missing")
        refused(asks(gateway, target, token=workspace.token("owner")), 403, "forbidden")


BAD_PATHS = [
    "{a}/../{b}", "{a}/..", "{a}/.", "{a}/./{b}", "/..{b}", "/../{b}", "{a}/%2e%2e/{b}", "{a}/%2E%2e/{b}", "{a}/.%2e/{b}",
    "{a}/%2e./{b}", "{a}/%2e/{b}", "{a}%2f{b}", "{a}%2F..%2F{b}", "{a}/..%2f{b}", "/{b}", "{a}//{b}", "{a}/", "{a}//", "//",
    "{a}%00", "{a}%00.jpg", "%00{a}", "{a}\\..\\x", "{a}%5c..%5cx", "{a}%5C", "{a}/%ff", "{a}/%c0%ae%c0%ae/{b}", "{a}/%c0%af",
    "{a}/%ed%a0%80", "{a}/%f5%80%80%80", "{a}/%e2%28%a1", "{a}%", "{a}%2", "{a}%zz", "{a}%u002e", "{a}%-1", "/%2e%2e{b}", "/.{b}",
]  # fmt: skip


@pytest.mark.parametrize("target", BAD_PATHS)
def test_paths_without_one_clear_meaning(gateway, workspace, other_workspace, target):
    a, b = workspace.put(), other_workspace.put(body=b"theirs")
    bad = target.format(a=a, b=b)
    if not bad.startswith("/"):
        bad = "/" + bad
    refused(asks(gateway, bad, token=workspace.token("owner")), 400, "bad_path")
    refused(asks(gateway, bad), 400, "bad_path")  # one answer whoever asks


def targets(mine, theirs):
    """Hundreds of ways to write a path to `theirs` that starts like `mine`."""
    dots = ["..", "%2e%2e", "%2E%2E", ".%2e", "%2e.", "%252e%252e", "..%00", "%00..", "..;", "..;x=y", "..%20", "..%09", "..%0d%0a",
            "%c0%ae%c0%ae", "%e0%80%ae%e0%80%ae", "%ef%bc%8e%ef%bc%8e", "...", "..%2e", "%uff0e%uff0e", "..#", "..?", "."]  # fmt: skip
    separators = ["/", "%2f", "%2F", "\\", "%5c", "%252f", "//", "/./", "%c0%af", "%e2%88%95", "/%2e/", ";/", "%00/", "/%20/"]
    workspace = mine.split("/")[1]
    for dot, separator in itertools.product(dots, separators):
        yield f"/{workspace}{separator}{dot}{separator}{theirs[1:]}"
        yield f"{mine}{separator}{dot}{separator}{dot}{separator}{dot}{separator}{theirs[1:]}"
        yield f"/{dot}{separator}{theirs[1:]}"
    for host in ("", "evil.example", "127.0.0.1", "x@127.0.0.1", "[::1]", "evil.example:99999", "%00"):
        for scheme in ("http", "https", "HTTP", "ftp", "javascript", "file"):
            yield f"{scheme}://{host}{theirs}"
    for text in ("*", "?", "", "#", "?x", theirs[1:], " " + theirs, theirs + " ", f"/{theirs}", f"//x{theirs}", f"/;{theirs}", f"{theirs};x",
                 f"{theirs}?x=1", f"{theirs}#x", f"{theirs}%3fx", f"{theirs}%23x", f"{theirs}%20", f"{theirs}.", f"{theirs}/.", "/%", "/%%", "/%2",
                 theirs.upper(), theirs.replace("-", ""), theirs.replace("-", "%2d"), theirs.replace("/", "%2f"), theirs.replace("/", "//")):  # fmt: skip
        yield text
    yield "".join(f"%{byte:02x}" if byte != 0x2F else "/" for byte in theirs.encode())


def byte_targets(path):
    """Every byte, raw and escaped, in front of, inside and behind a path that is not allowed."""
    for byte in range(256):
        raw = bytes([byte])
        for form in (raw, b"%%%02x" % byte):
            yield path.encode() + form
            yield form + path.encode()[1:]
            yield path.encode()[:20] + form + path.encode()[20:]


def test_no_raw_target_leaks_or_breaks(gateway, workspace, other_workspace):
    mine, theirs = workspace.put(body=b"mine"), other_workspace.put(body=b"theirs, a canary")
    token = workspace.token("owner")
    wrong, count = [], 0
    for target in itertools.chain(targets(mine, theirs), byte_targets(theirs)):
        count += 1
        data = request("127.0.0.1", target, token=token, headers={"Origin": APP, "Connection": "close"})
        answer = exchange(gateway.origin, data)
        known = answer.status in CODES and (answer.code in CODES[answer.status])
        if not known or b"canary" in answer.body:
            wrong.append((target, answer.status, answer.body[:80]))
    assert count > 1500
    assert wrong == []


def test_a_good_path_in_absolute_form(gateway, workspace):
    """RFC 9112 section 3.2.2: a server takes the absolute form too. Its host is ours, or the request is refused."""
    path, token = workspace.put(body=b"mine"), workspace.token()
    own = exchange(gateway.origin, request("x", gateway.origin + path, token=token))
    assert own.status in (200, 400)
    foreign = exchange(gateway.origin, request("x", "http://evil.example" + path, token=token))
    assert foreign.status in (200, 400, 421)


# Sizes, methods, framing ------------------------------------------------------------------------------------------


def test_64_kib_of_url(gateway, workspace):
    for target in ("/" + "a" * 65536, f"/x?{'a' * 65536}", "/" + "a/" * 32768, "/" + "a" * 90_000):
        refused_while_parsing(exchange(gateway.origin, request("x", target, headers={"Origin": APP})), 414, "uri_too_long")


def test_a_head_that_is_one_long_line(gateway):
    for size in (100_000, 300_000, 3_000_000):
        answer = exchange(gateway.origin, request("x", "/" + "a" * size))
        refused_while_parsing(answer, answer.status, {414: "uri_too_long", 431: "headers_too_large"}[answer.status])


def test_a_url_just_too_long(gateway, path, workspace):
    token = workspace.token()
    statuses = []
    for length in (1000, 4000, 8000, 9000, 16000, 32000, 65000):
        answer = asks(gateway, f"{path}?{'a' * length}", token=token)
        statuses.append(answer.status)
        if answer.status != 200:
            refused(answer, 414, "uri_too_long")
    assert statuses == sorted(statuses) and statuses[0] == 200 and statuses[-1] == 414


def test_a_key_longer_than_any_store_takes(gateway, workspace):
    refused(asks(gateway, f"/{workspace.id}/{uuid.uuid4()}/{'a' * 1100}", token=workspace.token()), 414, "uri_too_long")


def test_1_mib_of_headers(gateway, path, workspace):
    token = workspace.token()
    one = request("x", path, token=token, headers={"Origin": APP, "X-Filler": "a" * 1024 * 1024})
    many = request("x", path, token=token, headers=[("Origin", APP), *((f"X-{n}", "a" * 1000) for n in range(1024))])
    for data in (one, many):
        started = time.monotonic()
        refused_while_parsing(exchange(gateway.origin, data), 431, "headers_too_large")
        assert time.monotonic() - started < 2


def test_a_thousand_small_headers(gateway, path, workspace):
    data = request("x", path, token=workspace.token(), headers=[(f"X-{n}", "a") for n in range(1000)])
    refused_while_parsing(exchange(gateway.origin, data), 431, "headers_too_large")


def test_40_kib_of_headers(gateway, path, workspace):
    answer = asks(gateway, path, token=workspace.token(), headers={"X-Filler": "a" * 40_000})
    if answer.status != 200:
        refused(answer, 431, "headers_too_large")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "get", "BREW", "A" * 30])
def test_other_methods(gateway, path, workspace, method):
    for token in (workspace.token("owner"), None):
        answer = asks(gateway, path, method=method, token=token)
        refused(answer, 405, "method_not_allowed")
        assert {"get", "head"} <= answer.listed("allow")


def test_connect(gateway, path):
    answer = exchange(gateway.origin, b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n")
    assert answer.status in (400, 405)


def test_reserved_paths_that_are_none(gateway, workspace):
    for target in ("/_edgepass", "/_edgepass/", "/_edgepass/nothing", "/_edgepass/session/x", "/_edgepass/metrics"):
        answer = asks(gateway, target, token=workspace.token("owner"))
        assert answer.status in (400, 403, 404), target
        refused(answer, answer.status, answer.code)


MALFORMED = {
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "host with a path": b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "host with a user": b"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n",
    "no version": b"GET /\r\n\r\n",
    "version 1.2": b"GET / HTTP/1.2\r\nHost: x\r\n\r\n",
    "version 3": b"GET / HTTP/3.0\r\nHost: x\r\n\r\n",
    "space in the target": b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
    "tab in the request line": b"GET\t/\tHTTP/1.1\r\nHost: x\r\n\r\n",
    "header without a colon": b"GET / HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n",
    "space before a colon": b"GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n",
    "folded header": b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
    "empty header name": b"GET / HTTP/1.1\r\nHost: x\r\n: b\r\n\r\n",
    "NUL in a header": b"GET / HTTP/1.1\r\nHost: x\r\nA: \x00\r\n\r\n",
    "length twice": b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "length and chunks": b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked twice": b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "an odd transfer encoding": b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n",
    "a negative length": b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "a length with a plus": b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\na",
    "a huge length": b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n",
    "chunks in HTTP/1.0": b"GET / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "bad chunk size": b"POST /_edgepass/uploads HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "huge chunk size": b"POST /_edgepass/uploads HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    "an SSH hello": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "only line ends": b"\r\n" * 200 + b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "bare line feeds": b"GET / HTTP/1.1\nHost: x\n\n",
    "zeros": bytes(1000) + b"\r\n\r\n",
    "a broken HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
    "garbage after an HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 100,
}


@pytest.mark.parametrize("what", MALFORMED)
def test_malformed_requests(gateway, what):
    """A 4xx or the end of the connection; never a 5xx, never silence."""
    received = b""
    with Connection(gateway.origin, timeout=15) as connection:
        try:
            connection.send(MALFORMED[what])
            connection.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it has hung up already, perhaps with an answer that waits to be read
        try:
            while part := connection.socket.recv(65536):
                received += part
        except ConnectionError:
            pass
    if "HTTP/2" in what:
        return  # binary frames; that it ends is what counts
    if received:
        status = int(received.split(b" ", 2)[1])
        assert 400 <= status < 500, received[:200]
        assert received.count(b"HTTP/1.") == 1, "what is malformed has one answer"


def test_http2_header_floods_are_refused(gateway, path, workspace):
    token = workspace.token()
    with httpx.Client(http1=False, http2=True) as client:
        try:
            answer = client.get(gateway.origin + path, headers={"Authorization": f"Bearer {token}", "x-filler": "a" * 200_000})
            assert answer.status_code == 431
        except (httpx.RemoteProtocolError, httpx.WriteError, httpx.ReadError):
            pass  # the connection is ended
        assert client.get(gateway.origin + path, headers={"Authorization": f"Bearer {token}"}).status_code == 200


# The reserved endpoints -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"5", b'"x"', b"{", b"{}", b'{"params":5}', b"\xff\xfe", b"[" * 60000, b'{"filename":1}', b'{"unknown":1}'],
    ids=lambda body: repr(body[:20]),
)
def test_uploads_of_no_sense(gateway, workspace, body):
    answer = asks(gateway, "/_edgepass/uploads", method="POST", token=workspace.token("owner"), body=body,
                  headers={"Content-Type": "application/json"})  # fmt: skip
    refused(answer, 400, "bad_request")


def test_uploads_want_json(gateway, workspace):
    for media_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        answer = asks(gateway, "/_edgepass/uploads", method="POST", token=workspace.token("owner"), body=b"{}",
                      headers={"Content-Type": media_type})  # fmt: skip
        assert answer.status in (400, 415)


def test_a_body_of_more_than_64_kib(gateway, workspace):
    for body in (b'{"filename":"' + b"a" * 70_000 + b'"}', b" " * 1_000_000):
        answer = asks(gateway, "/_edgepass/uploads", method="POST", token=workspace.token("owner"), body=body,
                      headers={"Content-Type": "application/json"})  # fmt: skip
        refused(answer, 413, "too_large")


@pytest.mark.parametrize("endpoint", ["uploads", "session"])
def test_other_methods_of_endpoints(gateway, workspace, endpoint):
    for method in ("PUT", "PATCH", "TRACE"):
        answer = asks(gateway, f"/_edgepass/{endpoint}", method=method, token=workspace.token("owner"))
        refused(answer, 405, "method_not_allowed")


def test_refusals_say_no_reason_to_the_client_but_to_the_log(gateway, path, workspace):
    answer = asks(gateway, path, token=workspace.token(aud="other"))
    number = answer.header("edgepass-id")
    record = wait_until(lambda: next((r for r in gateway.log() if r.get("id") == number), None), 5, "the log line")
    assert record["status"] == 401
    assert record["code"] == "token_invalid"
    assert "audience" in record["reason"]
    assert record["culprit"] == "client"
    assert b"audience" not in answer.body


def test_ids_differ(gateway, path):
    ids = [asks(gateway, path).header("edgepass-id") for _ in range(50)]
    assert len(set(ids)) == 50


def test_pyjwt_agrees_that_our_forgeries_are_wrong(keys, workspace):
    """The judge is judged: the good token is good, and none of the strictness cases is."""
    key = keys.es256.private.public_key()
    assert jwt.decode(workspace.token(), key, ["ES256"], audience="files")
    accepted = []
    for name, token in strictness(keys, workspace):
        try:
            jwt.decode(token, key, ["ES256"], audience="files")
            accepted.append(name)
        except jwt.PyJWTError:
            pass
    # What PyJWT lets pass, and we do not.
    assert set(accepted) <= {
        "duplicate alg", "duplicate claim", "duplicate exp", "duplicate nested member", "padding", "padding of the signature",
        "deep nesting", "lone surrogate", "NaN", "typ of another kind", "non-canonical last character", "tab at the end", "space inside",
        "kid is a number", "byte order mark",
    }  # fmt: skip
