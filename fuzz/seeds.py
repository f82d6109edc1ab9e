#!/usr/bin/env python3
"""Writes what the targets begin with into a folder, a folder for each target: the rows of cases/, and texts of the RFCs."""

import base64
import binascii
import hashlib
import json
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOW = 1_800_000_000
W = "11111111-1111-4111-8111-111111111111"
F = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}

# RFC 7515 appendix A.1; RFC 7517 appendix A.1; RFC 8037 appendix A.2; OpenID Connect Discovery 1.0 section 4.2.
RFC_TOKEN = (
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
    ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
)
RFC_KEYS = [
    {"kty": "EC", "crv": "P-256", "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
     "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM", "use": "enc", "kid": "1"},
    {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
]
DISCOVERY = {"issuer": "https://a.example/", "jwks_uri": "https://keys.example/k?x=1", "scopes_supported": ["openid"]}


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


HS256 = encode(b'{"alg":"HS256"}')


def rows():
    for file in sorted((ROOT / "cases").glob("*.toml")):
        if file.name != "site.toml":
            yield from tomllib.loads(file.read_text())["case"]


def when(value):
    """`+1h` as seconds since 1970."""
    if isinstance(value, str) and value[:1] in "+-" and value[-1:] in UNITS:
        return NOW + int(float(value[:-1]) * UNITS[value[-1]])
    return value


def claims(token):
    if "claims_json" in token:
        return token["claims_json"].replace("<", "").replace(">", "")
    issuer = {"app": "main", "legacy": "main", "partner": "partner", "device": "partner"}
    own = {"iss": issuer.get(token.get("key", "app").split("-")[0], "main"), "aud": "files", "iat": NOW - 10, "exp": NOW + 3600}
    own.update({name: when(value) if name in ("exp", "nbf", "iat") else value for name, value in token.get("claims", {}).items()})
    return json.dumps({name: value for name, value in own.items() if name not in token.get("without", [])})


def header(token):
    algorithm = "ES256" if token.get("key", "").startswith("partner-es") else "HS256"
    return token.get("header_json") or json.dumps({"alg": algorithm, **token.get("header", {})})


def event(target, authorization, method="GET"):
    uri, _, query = target.partition("?")
    fields = {"host": [{"value": "files.example"}]}
    if authorization:
        fields["authorization"] = [{"value": f"Bearer {authorization}"}]
    return json.dumps({"id": "a", "method": method, "uri": uri, "querystring": query, "headers": fields, "clientIp": "10.1.2.3"})


def of_cases():
    for row in rows():
        target, tokens = row.get("target", ""), row.get("tokens", [])
        yield "path", target
        if "body" in row or "body_json" in row:
            body = row.get("body_json") or json.dumps(row["body"])
            yield "upload", body
            yield "json", body
        for token in tokens:
            if "raw" in token:
                yield "token", "!" + token["raw"]
                continue
            yield "token", f"{target}\n{header(token)}\n{claims(token)}"
            yield "json", claims(token)
            made = f"{encode(header(token).encode())}.{encode(claims(token).encode())}.AA"
            yield "edge", event(target, made, row.get("method", "GET"))
        fields = "".join(f"\n{name}: {value.replace('$0', 'aa.bb.cc')}" for name, value in row.get("headers", []))
        yield "head", f"{row.get('method', 'GET')} {target}\nhost: files.example{fields}"


def of_the_site():
    claims_of = lambda **more: json.dumps({"iss": "main", "aud": "files", "iat": NOW, "exp": NOW + 60, **more})
    for target, more in [
        ("/v7/a.png", {"n": 7}),
        ("/teams/shared/a", {"shared": True, "paths": ["/teams/shared/*"]}),
        ("/times/a", {}),
        ("/asked/a", {"sub": "a"}),
        ("/asked/a", {"scope": ["read:a"]}),
        ("/public/a", {}),
        ("/once/a", {"iss": "once", "jti": "1"}),
        ("/teams/a/b", {"active": True, "https://example.com/teams": {"a": {"roles": ["w-a"]}}}),
    ]:
        yield "token", f'{target}\n{{"alg":"HS256"}}\n{claims_of(**more)}'
        yield "edge", event(target, f"{HS256}.{encode(claims_of(**more).encode())}.AA")
    links = "https://files.example/_edgepass/links"
    link = {"iss": links, "aud": links, "path": "/once/a", "rule": ["once", 0], "of": {"issuer": "once", "iat": 1, "claims": {}}, "jti": "x"}
    yield "token", f'/once/a\n{{"alg":"HS256"}}\n{claims_of(**link)}'


def of_texts():
    keys = [json.loads(file.read_text()) for file in sorted((ROOT / "cases/keys").glob("*.jwks.json"))]
    for keyset in [{"keys": RFC_KEYS}, *keys, {"keys": [key for keyset in keys for key in keyset["keys"]]}]:
        yield "jwks", json.dumps(keyset)
    yield "token", "!" + RFC_TOKEN
    yield "discovery", json.dumps(DISCOVERY)
    yield "discovery", json.dumps({**DISCOVERY, "jwks_uri": "http://[::1]:8/k"})
    for said in ['{"result":true}', '{"result":{"allow":true}}', '{"allow":false}', '{"result":true,"result":true}']:
        yield "hook", f'max-age=3, private;must-revalidate\n{said}'
        yield "hook", f'no-store\n{said}'
    for head in [
        "GET /a?x=1&%61uthorization=%74\nhost: a",
        "GET /a?authorization=t\nhost: a\nauthorization: Bearer t",
        "GET /a 2\ncookie: a=b; edgepass=c0; edgepass-w1=\"c1\"; edgepassx=no",
        "POST /_edgepass/session\nhost: a:1\norigin: https://app.example",
        "OPTIONS /a\nhost: [::1]:8081", "HEAD https://Files.Example:443/a 2", "DELETE /_edgepass/session\nhost: a",
    ]:
        yield "head", head
    for path in [f"/{W}/{F}/a%20b", "/public/a", "/years/2026/2026-11-22/a-b", "/teams/a/b", "/v7/a.png", "/asked/ada"]:
        yield "link", json.dumps({"path": path})
        yield "link", json.dumps({"path": path, "ttl": 900, "download": "ä b.png", "once": True})
        yield "link", json.dumps({"path": path, "download": True, "once": None, "ttl": None})
    yield "upload", json.dumps({"route": "files", "params": {"workspace": W}, "filename": "a/é.png", "type": "image/png", "size": 3,
                                "checksum": {"algorithm": "CRC32C", "value": "yZRlqg=="}, "mode": "put"})
    parts = [{"PartNumber": 1, "ETag": '"a"'}, {"PartNumber": 2, "ETag": "b&<"}]
    yield "completion", json.dumps({"parts": parts})
    for etags in ["&quot;a&quot;", "a&#x41;", "<![CDATA[a]]>", " a "]:
        yield "completion", f"""<?xml version="1.0"?><CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
            <Part><PartNumber>1</PartNumber><ETag>{etags}</ETag><ChecksumCRC32>AAAAAA==</ChecksumCRC32></Part><!-- -->
            <Part><ETag>b</ETag><PartNumber> 2 </PartNumber></Part></CompleteMultipartUpload>"""
    uppy = {"filename": "a.png", "type": "image/png", "metadata": {"workspace": W, "size": 3}}
    yield "wish", json.dumps(uppy)
    yield "wish", f"filename=a.png&type=image%2Fpng&metadata%5Bworkspace%5D={W}&metadata[x]=+&size=3"
    for said in [{"method": "PUT", "key": f"{F}-a.png", "contentType": "image/png", "params": {"workspace": W}}, {"method": "POST", **uppy},
                 {"method": "PUT", "key": "k", "uploadId": "u", "partNumber": 2, "size": 5}, {"method": "GET", "uploadId": "u"},
                 {"method": "POST", "uploadId": "u"}, {"method": "DELETE", "uploadId": "u"}]:
        yield "wish", json.dumps(said)
        yield "wish", json.dumps([said, said])
    for changes in [b"", b"a", b"\x00B", b"\xffA\x80-", b"AXVpIjoi"]:
        yield "seal", changes
    for body in ["", "{}", '{"scope":"w1"}', '{"scope":null}', '{"scope":"a b"}']:
        yield "session", body
    record = {"issuer": "main", "claim": ["jti", "1"], "before": None, "until": NOW + 60}
    for records in [[record], [record, {**record, "claim": None}], [{"issuer": "main", "id": "1", "until": NOW + 60}]]:
        yield "journal", json.dumps(records) + "\n" + json.dumps(records)
    heading = b'{"sum":"%08x","records":["edgepass revocations 1"]}\n'
    yield "journal", b"!" + heading % binascii.crc32(b'["edgepass revocations 1"]') + b'{"sum":"'
    for lines in [
        ["/{w:uuid}/{f}/{n...}", "/public/{n...}", "{w}/{f}/{n}", "members.{w}=owner", f"/{W}/a/b/c", "/public/a/b", W, "a", "b/c"],
        ["/v{n:int}", "/v7", "versions/{n}", "n=7", "/v7", "/v07", "7"],
        ["/{d:date}/{s:slug}.png", "/{d}/{s}", "{s}/x{d}", r"a\.b.{d}={s}", "/2026-11-22/a-b.png", "2026-11-22", "a-b"],
        ["/{a}/{n...}", "/{n...}", "k/{a}/{n}", "a={a}-{n}", "/a/b", "/a", "a", "b"],
    ]:
        yield "pattern", "\n".join(lines)


def main():
    out = Path(sys.argv[1])
    for target, seed in [*of_cases(), *of_the_site(), *of_texts()]:
        seed = seed if isinstance(seed, bytes) else seed.encode("utf-8", "surrogatepass")
        folder = out / target
        folder.mkdir(parents=True, exist_ok=True)
        (folder / hashlib.sha1(seed).hexdigest()).write_bytes(seed)


main()
