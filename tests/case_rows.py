"""The rows of `cases/`, for whoever can answer one: how they are read, made into a request, and judged. See cases/README.md."""

import hmac
import json
import re
import tomllib
from dataclasses import dataclass
from urllib.parse import quote

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from processes import ROOT
from tokens import b64, unb64

CASES = ROOT / "cases"
UUID4 = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
MEMBERS = {"name", "only", "action", "method", "target", "headers", "body", "body_json", "tokens", "expect"}


def read_rows(directory=CASES):
    """Every row of every file beside a configuration, as a parameter with a name."""
    for path in sorted(directory.glob("*.toml")):
        if path.name != "site.toml":
            for row in tomllib.loads(path.read_text())["case"]:
                assert set(row) <= MEMBERS, f"{path.name}: {row['name']}: a member that this runner does not know"
                yield pytest.param(row, id=f"{path.stem}: {row['name']}")


def read_site(directory):
    return tomllib.loads((directory / "site.toml").read_text())


# What a CloudFront Function cannot do has a configuration of its own. No two of them share the name of an issuer, a key or a route.
MORE = CASES / "more"
SITE = read_site(CASES)
ISSUERS = {**SITE["issuer"], **read_site(MORE)["issuer"]}
ROUTES = SITE["route"] + read_site(MORE)["route"]


# Tokens -----------------------------------------------------------------------------------------------------------


def private_key(name):
    (path,) = (path for path in (CASES / "keys" / f"{name}.jwk", MORE / "keys" / f"{name}.jwk") if path.exists())
    jwk = json.loads(path.read_text())
    if jwk["kty"] == "oct":
        return jwk, unb64(jwk["k"])
    return jwk, jwt.PyJWK({**{member: value for member, value in jwk.items() if member != "pkcs8"}, "alg": its_algorithm(jwk)}).key


def sign(jwk, private, message):
    if jwk["alg"].startswith("HS"):  # PyJWT refuses some secrets that the rows use on purpose
        return hmac.new(private, message, f"sha{jwk['alg'][2:]}").digest()
    return jwt.get_algorithm_by_name(its_algorithm(jwk)).sign(message, private)


def its_algorithm(jwk):
    """By the name that PyJWT knows: `Ed25519` is RFC 9864's for one kind of EdDSA."""
    return {"Ed25519": "EdDSA"}.get(jwk["alg"], jwk["alg"])


def relative(text, now):
    """`+1h` as seconds since 1970; None where the text is no such thing."""
    match = re.fullmatch(r"([+-])(\d+(?:\.\d+)?)([smhd])", text)
    if not match:
        return None
    sign_text, number, unit = match.groups()
    seconds = (float(number) if "." in number else int(number)) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[unit]
    return now - seconds if sign_text == "-" else now + seconds


def make_token(row, now, find_key=private_key):
    """`find_key` gives a key by its name: its JWK and what signs."""
    if "raw" in row:
        return row["raw"]
    jwk, private = find_key(row["key"])
    tamper = row.get("tamper", "")
    header = {"alg": jwk["alg"], "typ": "JWT", **({"kid": jwk["kid"]} if "kid" in jwk else {})}
    header = changed(header, row.get("header", {}), row.get("header_without", []))
    issuer = ISSUERS[jwk["issuer"]]
    audience = issuer["audience"] if isinstance(issuer["audience"], str) else issuer["audience"][0]
    claims = {"iss": issuer["issuer"], "aud": audience, "iat": now - 10, "exp": now + 3600}
    claims = changed(claims, row.get("claims", {}), row.get("without", []))
    for name in ("exp", "nbf", "iat"):
        if isinstance(claims.get(name), str):
            seconds = relative(claims[name], now)
            claims[name] = claims[name] if seconds is None else seconds
    if "pad" in row:
        claims["pad"] = "a" * row["pad"]

    header_bytes = row["header_json"].encode() if "header_json" in row else to_json(header)
    if "claims_json" in row:
        claims_bytes = re.sub(r"<([^>]*)>", lambda match: str(relative(match.group(1), now)), row["claims_json"]).encode()
    elif "claims_hex" in row:
        claims_bytes = bytes.fromhex(row["claims_hex"])
    else:
        claims_bytes = to_json(claims)
    head, body = b64(header_bytes), b64(claims_bytes)
    if tamper == "padded-header":
        head = padded(head)
    if tamper == "padded-claims":
        body = padded(body)
    if "signature" in row:
        signature = bytes.fromhex(row["signature"])
    else:
        signature = sign(jwk, private, f"{head}.{body}".encode())
    if "swap_header" in row:
        head = b64(to_json({**json.loads(unb64(head)), **row["swap_header"]}))
    if "swap_claims" in row:
        body = b64(to_json({**json.loads(unb64(body)), **row["swap_claims"]}))
    signature = {
        "flip-signature": lambda: bytes([signature[0] ^ 1]) + signature[1:],
        "zero-signature": lambda: bytes(len(signature)),
        "short-signature": lambda: signature[:-1],
        "long-signature": lambda: signature + b"\0",
        "empty-signature": lambda: b"",
        "der-signature": lambda: encode_dss_signature(
            *(int.from_bytes(half, "big") for half in (signature[: len(signature) // 2], signature[len(signature) // 2 :]))
        ),
    }.get(tamper, lambda: signature)()
    tail = b64(signature)
    if tamper == "loose-signature":
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        tail = tail[:-1] + alphabet[alphabet.index(tail[-1]) + 1]
    if tamper == "padded-signature":
        tail = padded(tail)
    whole = f"{head}.{body}.{tail}"
    return {
        "no-signature": f"{head}.{body}",
        "fourth-part": f"{whole}.AAAA",
        "dot-at-end": f"{whole}.",
        "dot-in-front": f".{whole}",
    }.get(tamper, whole)


def changed(members, more, without):
    members = {**members, **more}
    for name in without:
        del members[name]
    return members


def to_json(members):
    return json.dumps(members, separators=(",", ":")).encode()


def padded(text):
    return text + "=" * (4 - len(text) % 4 if len(text) % 4 else 4)


# Requests ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Question:
    """A row as a request: what is sent, in its order."""

    method: str
    target: str
    headers: list
    body: bytes | None


def make_question(row, now, find_key=private_key):
    target, headers, cookies, texts = row.get("target", ""), [], [], []
    for token in row["tokens"]:
        text = make_token(token, now, find_key)
        texts.append(text)
        carriers = token.get("carrier", "header")
        for carrier in [carriers] if isinstance(carriers, str) else carriers:
            kind, _, name = carrier.partition(":")
            if kind == "header":
                headers.append(("Authorization", f"Bearer {text}"))
            elif kind == "cookie":
                cookies.append(f"{name}={text}")
            elif kind == "query":
                target += ("&" if "?" in target else "?") + f"{name}={text}"
    for name, value in row.get("headers", []):
        value = value.replace("$0", texts[0] if texts else "")
        if name == "Cookie" and cookies:
            cookies.insert(0, value)  # one field for all (RFC 6265 section 5.4)
        else:
            headers.append((name, value))
    if cookies:
        headers.append(("Cookie", "; ".join(cookies)))
    if row.get("action") != "upload":
        return Question(row.get("method", "GET"), target, headers, None)
    headers.append(("Content-Type", "application/json"))
    body = row["body_json"].encode() if "body_json" in row else to_json(row["body"])
    return Question(row.get("method", "POST"), "/_edgepass/uploads" + target, headers, body)


# Answers ----------------------------------------------------------------------------------------------------------


def judge_refusal(row, status, code):
    """`code` is none where the answer has no body to say it."""
    expect = row["expect"]
    assert (status, code if row.get("method") != "HEAD" else expect["code"]) == (expect["status"], expect["code"])


def uri_of(key):
    """What an authorizer before a cache puts in the path's place."""
    return "/" + quote(key, safe="/")


def bucket_of(expect):
    """A row that names neither bucket nor route is about the first bucket."""
    routes = {route["name"]: route["bucket"] for route in ROUTES}
    return expect.get("bucket") or routes.get(expect.get("route"), "main")
