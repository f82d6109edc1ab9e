"""The rows of `cases/` put to the running gateway. The same rows run natively; both must say what the row says."""

import json
import re
import shutil
import time
import tomllib
import uuid

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from http1 import Connection
from processes import ROOT, Gateway, free_port, wait_until
from tokens import b64, unb64

CASES = ROOT / "cases"
UUID4 = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
MEMBERS = {"name", "only", "action", "method", "target", "headers", "body", "body_json", "tokens", "expect"}


def read_rows():
    for path in sorted(CASES.glob("*.toml")):
        if path.name != "site.toml":
            for row in tomllib.loads(path.read_text())["case"]:
                assert set(row) <= MEMBERS, f"{path.name}: {row['name']}: a member that this runner does not know"
                yield pytest.param(row, id=f"{path.stem}: {row['name']}")


ROWS = [row for row in read_rows() if row.values[0].get("only") != "decider"]
SITE = tomllib.loads((CASES / "site.toml").read_text())


# Tokens -----------------------------------------------------------------------------------------------------------


def private_key(name):
    jwk = json.loads((CASES / "keys" / f"{name}.jwk").read_text())
    if jwk["kty"] == "oct":
        return jwk, unb64(jwk["k"])
    return jwk, jwt.PyJWK({member: value for member, value in jwk.items() if member != "pkcs8"}).key


def sign(jwk, private, message):
    if jwk["alg"] == "HS256":  # PyJWT refuses some secrets that the rows use on purpose
        import hashlib
        import hmac

        return hmac.new(private, message, hashlib.sha256).digest()
    return jwt.get_algorithm_by_name(jwk["alg"]).sign(message, private)


def relative(text, now):
    """`+1h` as seconds since 1970; None where the text is no such thing."""
    match = re.fullmatch(r"([+-])(\d+(?:\.\d+)?)([smhd])", text)
    if not match:
        return None
    sign_text, number, unit = match.groups()
    seconds = (float(number) if "." in number else int(number)) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[unit]
    return now - seconds if sign_text == "-" else now + seconds


def make_token(row, now):
    if "raw" in row:
        return row["raw"]
    jwk, private = private_key(row["key"])
    tamper = row.get("tamper", "")
    header = {"alg": jwk["alg"], "typ": "JWT", **({"kid": jwk["kid"]} if "kid" in jwk else {})}
    header = changed(header, row.get("header", {}), row.get("header_without", []))
    issuer = SITE["issuer"][jwk["issuer"]]
    claims = {"iss": issuer["issuer"], "aud": issuer["audience"], "iat": now - 10, "exp": now + 3600}
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
            int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
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


# The gateway ------------------------------------------------------------------------------------------------------


class Judge:
    """A gateway on `cases/site.toml`, with buckets of its own in the store of `dev`."""

    def __init__(self, gateway, s3, buckets):
        self.gateway, self._s3, self._buckets = gateway, s3, buckets
        self._there = set()
        self._records = {}

    def object_is_there(self, bucket, key):
        """The object's bytes tell its place, so that an answer proves which object was fetched."""
        if (bucket, key) not in self._there:
            self._s3.put_object(Bucket=self._buckets[bucket], Key=key, Body=f"{bucket} {key}".encode())
            self._there.add((bucket, key))

    def ask(self, row):
        now = int(time.time())
        target, headers, cookies, texts = row.get("target", ""), [], [], []
        for token in row["tokens"]:
            text = make_token(token, now)
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
            headers.append((name, value.replace("$0", texts[0] if texts else "")))
        if cookies:
            headers.append(("Cookie", "; ".join(cookies)))
        method, body = row.get("method", "GET"), None
        if row.get("action") == "upload":
            method, target = row.get("method", "POST"), "/_edgepass/uploads" + target
            body = row["body_json"].encode() if "body_json" in row else to_json(row["body"])
            headers.append(("Content-Type", "application/json"))
        with Connection(self.gateway.origin) as connection:
            return connection.ask(target, method=method, headers=headers, body=body)

    def logged(self, answer):
        number = answer.header("edgepass-id")
        return wait_until(lambda: self._record(number), 10, f"the log line of {number}")

    def _record(self, number):
        if number not in self._records:
            self._records = {record["id"]: record for record in self.gateway.log()}
        return self._records.get(number)


@pytest.fixture(scope="module")
def judge(dev, s3, tmp_path_factory):
    directory = tmp_path_factory.mktemp("cases")
    shutil.copytree(CASES / "keys", directory / "keys")
    port, admin = free_port(), free_port()
    run = uuid.uuid4().hex[:8]
    buckets = {name: f"cases-{name}-{run}" for name in SITE["bucket"]}
    text = (CASES / "site.toml").read_text()
    for old, new in [
        ("127.0.0.1:8081", f"127.0.0.1:{port}"),
        ("127.0.0.1:8082", f"127.0.0.1:{admin}"),
        ("http://localhost:8081", f"http://127.0.0.1:{port}"),
        ("http://localhost:8083", dev.s3["endpoint"]),
        ('region = "us-east-1"', f'region = "{dev.s3["region"]}"'),
        *((f'"cases-{name}"', f'"{bucket}"') for name, bucket in buckets.items()),
    ]:
        assert old in text, f"nothing to edit: {old}"
        text = text.replace(old, new)
    for bucket in buckets.values():
        s3.create_bucket(Bucket=bucket)
    secrets = {"CASES_ACCESS_KEY": dev.s3["access_key"], "CASES_SECRET_KEY": dev.s3["secret_key"]}
    with Gateway(directory, text, origin=f"http://127.0.0.1:{port}", env=secrets) as gateway:
        yield Judge(gateway, s3, buckets)


def prepare(judge, row):
    expect = row["expect"]
    if expect.get("allowed") and row.get("action") != "upload":
        judge.object_is_there(bucket_of(expect), expect["key"])


@pytest.fixture(scope="module")
def answers(judge):
    """All rows are asked first, so that the tests wait for the log once."""
    for row in (row.values[0] for row in ROWS):
        prepare(judge, row)
    return {row.values[0]["name"]: judge.ask(row.values[0]) for row in ROWS}


def compare(judge, row, answer):
    expect = row["expect"]
    if not expect.get("allowed"):
        code = answer.code if row.get("method") != "HEAD" else expect["code"]
        assert (answer.status, code) == (expect["status"], expect["code"])
        if "reason" in expect:
            assert judge.logged(answer)["reason"] == expect["reason"]
        return
    if row.get("action") == "upload":
        assert answer.status == 201, answer
        assert re.fullmatch(UUID4.join(map(re.escape, expect["key"].split("{uuid}"))), answer.json()["key"])
    else:
        assert answer.status == 200, answer
        if row.get("method") != "HEAD":
            assert answer.body.decode() == f"{bucket_of(expect)} {expect['key']}"
    record = judge.logged(answer)
    assert record["rule"] == expect["rule"]
    if "route" in expect:
        assert record["route"] == expect["route"]


def bucket_of(expect):
    """A row that names neither bucket nor route is about the first bucket."""
    routes = {route["name"]: route["bucket"] for route in SITE["route"]}
    return expect.get("bucket") or routes.get(expect.get("route"), "main")


@pytest.mark.parametrize("row", ROWS)
def test_row(judge, answers, row):
    compare(judge, row, answers[row["name"]])


@pytest.mark.parametrize("wrong", [{"key": "another"}, {"rule": 7}, {"route": "another"}, {"allowed": False, "status": 403, "code": "forbidden"}], ids=repr)
def test_the_runner_can_fail(judge, answers, wrong):
    """A wrong expectation is found out."""
    row = next(row.values[0] for row in ROWS if row.values[0]["name"] == "good: app-1")
    with pytest.raises(AssertionError):
        compare(judge, {**row, "expect": {**row["expect"], **wrong}}, answers[row["name"]])
