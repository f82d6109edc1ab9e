"""Every algorithm, signed by PyJWT, through each face at the edge: node:crypto in the packaged viewer-request function, pure Rust in
Node.js and in workerd. What is one step away from a signature is refused by all three."""

import json
import secrets

import jwt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from edge_function import Function, event, package
from http1 import Connection
from tokens import b64, claims, unb64
from worker_edge import Pure, Workerd, assemble

ALGORITHMS = [f"{kind}{bits}" for kind in ("HS", "RS", "PS", "ES") for bits in (256, 384, 512)] + ["EdDSA"]
WORKSPACE = "11111111-1111-4111-8111-111111111111"
PATH = f"/{WORKSPACE}/a.txt"
HEAD = """\
[listen]
http = "127.0.0.1:8081"

[site]
origin = "http://localhost:8081"
apps = ["http://localhost:8080"]

[bucket.main]
endpoint = "http://localhost:8083"
region = "us-east-1"
name = "algorithms"
credentials = { access_key_env = "TEST_ACCESS_KEY", secret_key_env = "TEST_SECRET_KEY" }

[token]
from = ["header"]

[[route]]
name = "files"
path = "/{workspace:uuid}/{name...}"
bucket = "main"
allow = [{ action = "read", claims = { workspace = "{workspace}" } }]

[aws]
stack = "algorithms"
"""
ISSUER = """
[issuer.{name}]
issuer = "https://{name}.example.com"
audience = "files"
{keys}
algorithms = ["{algorithm}"]
may = ["read"]
max_age = "24h"
"""


@pytest.fixture(scope="module")
def keys():
    one = rsa.generate_private_key(65537, 2048)  # one pair under six names: an algorithm is the key's, not the numbers'
    curves = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
    return {
        algorithm: one
        if algorithm[:2] in ("RS", "PS")
        else ec.generate_private_key(curves[algorithm])
        if algorithm in curves
        else ed25519.Ed25519PrivateKey.generate()
        if algorithm == "EdDSA"
        else b64(secrets.token_bytes(48)).encode()
        for algorithm in ALGORITHMS
    }


@pytest.fixture(scope="module")
def faces(keys, tmp_path_factory):
    scratch = tmp_path_factory.mktemp("algorithms")
    text = HEAD
    for algorithm, key in keys.items():
        name = algorithm.lower()
        if isinstance(key, bytes):
            (scratch / f"{name}.secret").write_bytes(key)
            source = f'secret_file = "{name}.secret"'
        else:
            jwk = jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key(), as_dict=True)
            jwk.update(alg=algorithm, kid="one", use="sig")
            jwk.pop("key_ops", None)
            (scratch / f"{name}.json").write_text(json.dumps({"keys": [jwk]}))
            source = f'jwks_file = "{name}.json"'
        text += ISSUER.format(name=name, algorithm=algorithm, keys=source)
    (scratch / "edgepass.toml").write_text(text)
    edge, _ = package(scratch / "edgepass.toml", scratch / "out")
    directory = assemble(scratch / "worker", edge / "site.json")
    with Function(edge) as function, Pure(directory) as pure, Workerd(directory, ["main"]) as workerd:

        def in_node(token):
            answer = function.ask(event("GET", PATH, [("Authorization", f"Bearer {token}")]))
            return int(answer.get("status", 200))

        def in_wasm(token):
            decision = pure.ask(event("GET", PATH, [("Authorization", f"Bearer {token}")]))
            return int(decision["answer"]["response"]["status"]) if "answer" in decision else 200

        def in_workerd(token):
            with Connection(workerd.origin) as connection:
                return connection.ask(PATH, token=token).status

        yield [in_node, in_wasm, in_workerd]


def sign(keys, algorithm, **headers):
    payload = claims(iss=f"https://{algorithm.lower()}.example.com", workspace=WORKSPACE)
    return jwt.encode(payload, keys[algorithm], algorithm, headers={"kid": "one", **headers})


def parts(token):
    message, _, signature = token.rpartition(".")
    return message, unb64(signature)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_signature_and_what_is_near_it(algorithm, keys, faces):
    token = sign(keys, algorithm)
    assert [face(token) for face in faces] == [200, 200, 200]
    message, signature = parts(token)
    half = len(signature) // 2
    near = [
        b"",
        bytes(len(signature)),
        b"\xff" * len(signature),
        bytes([signature[0] ^ 1]) + signature[1:],
        signature[:-1] + bytes([signature[-1] ^ 1]),
        signature[1:],
        signature[:-1],
        signature + b"\0",
        b"\0" + signature,
        signature[:half],
    ]
    if algorithm.startswith("ES"):
        r, s = (int.from_bytes(part, "big") for part in (signature[:half], signature[half:]))
        near += [encode_dss_signature(r, s), signature[:half] + bytes(half), bytes(half) + signature[half:]]
    for other in near:
        assert [face(f"{message}.{b64(other)}") for face in faces] == [401, 401, 401], other.hex()


@pytest.mark.parametrize("algorithm", ["PS256", "PS384", "PS512"])
def test_a_salt_of_another_length(algorithm, keys, faces):
    message, _ = parts(sign(keys, algorithm))
    chosen = {"PS256": hashes.SHA256(), "PS384": hashes.SHA384(), "PS512": hashes.SHA512()}[algorithm]
    for length in (0, chosen.digest_size - 1, chosen.digest_size, chosen.digest_size + 1, 100):
        signature = keys[algorithm].sign(message.encode(), padding.PSS(padding.MGF1(chosen), length), chosen)
        expected = 200 if length == chosen.digest_size else 401
        assert [face(f"{message}.{b64(signature)}") for face in faces] == [expected] * 3, length


def test_a_signature_without_its_leading_zero(keys, faces):
    """OpenSSL takes one for PSS; its length is the modulus's (RFC 8017 section 8.1.2)."""
    while parts(token := sign(keys, "PS256"))[1][0] != 0:
        pass
    message, signature = parts(token)
    assert [face(token) for face in faces] == [200, 200, 200]
    assert [face(f"{message}.{b64(signature[1:])}") for face in faces] == [401, 401, 401]


@pytest.mark.parametrize("made", ["RS256", "RS512", "PS256", "PS384"])
@pytest.mark.parametrize("asked", ["RS256", "RS384", "PS256", "PS512"])
def test_one_rsa_pair_under_several_algorithms(made, asked, keys, faces):
    """The token says its issuer's algorithm; the signature was made by another, with the right private key."""
    if made == asked:
        return
    message, _ = parts(sign(keys, asked))
    signature = jwt.get_algorithm_by_name(made).sign(message.encode(), keys[made])
    assert [face(f"{message}.{b64(signature)}") for face in faces] == [401, 401, 401]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_header_that_names_another(algorithm, keys, faces):
    _, payload, signature = sign(keys, algorithm).split(".")
    for other in [*ALGORITHMS, "none", "HS1", "ES256K", "Ed448", "constructor", "__proto__"]:
        if other != algorithm:
            header = b64(f'{{"alg":"{other}","kid":"one","typ":"JWT"}}'.encode())
            assert [face(f"{header}.{payload}.{signature}") for face in faces] == [401, 401, 401], other
