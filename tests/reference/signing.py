"""Keys that are the same in every run, and signatures by them."""

import hashlib
import hmac
import json
from functools import cache

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from case_rows import CASES
from tokens import b64, unb64

HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
CURVES = {
    "ES256": (ec.SECP256R1(), "P-256", 32),
    "ES384": (ec.SECP384R1(), "P-384", 48),
    "ES512": (ec.SECP521R1(), "P-521", 66),
}


def seed(algorithm, number, length):
    return hashlib.shake_256(f"a test key of {algorithm}, number {number}".encode()).digest(length)


@cache
def private_key(algorithm, number):
    family = algorithm[:2]
    if family == "HS":
        return seed(algorithm, number, int(algorithm[2:]) // 8)
    if family in ("RS", "PS"):
        return rsa_key(number % 2)
    if family == "ES":
        return ec.derive_private_key(int.from_bytes(seed(algorithm, number, 30)), CURVES[algorithm][0])
    return ed25519.Ed25519PrivateKey.from_private_bytes(seed(algorithm, number, 32))


@cache
def rsa_key(number):
    """One of two of `cases/keys`: to make one takes long."""
    jwk = json.loads((CASES / "keys" / ["partner-rs.jwk", "partner-forged.jwk"][number]).read_text())
    p, q, d, dp, dq, qi, n, e = (
        int.from_bytes(unb64(jwk[name])) for name in ("p", "q", "d", "dp", "dq", "qi", "n", "e")
    )
    return rsa.RSAPrivateNumbers(p, q, d, dp, dq, qi, rsa.RSAPublicNumbers(e, n)).private_key()


@cache
def public_jwk(algorithm, number):
    """As `site.json` holds it; a shared secret is itself."""
    private = private_key(algorithm, number)
    if algorithm.startswith("HS"):
        return {"kty": "oct", "alg": algorithm, "k": b64(private)}
    public = private.public_key()
    if algorithm[:2] in ("RS", "PS"):
        numbers = public.public_numbers()
        return {"kty": "RSA", "alg": algorithm, "n": b64(numbers.n.to_bytes(256)), "e": b64(numbers.e.to_bytes(3))}
    if algorithm.startswith("ES"):
        _, name, length = CURVES[algorithm]
        numbers = public.public_numbers()
        point = {"x": b64(numbers.x.to_bytes(length)), "y": b64(numbers.y.to_bytes(length))}
        return {"kty": "EC", "crv": name, "alg": algorithm, **point}
    return {"kty": "OKP", "crv": "Ed25519", "alg": algorithm, "x": b64(public.public_bytes_raw())}


def sign(algorithm, number, message):
    private = private_key(algorithm, number)
    family, digest = algorithm[:2], HASHES.get(algorithm[2:])
    if family == "HS":
        return hmac.digest(private, message, f"sha{algorithm[2:]}")
    if family == "RS":
        return private.sign(message, padding.PKCS1v15(), digest)
    if family == "PS":
        return private.sign(message, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
    if family == "ES":
        length = CURVES[algorithm][2]
        r, s = decode_dss_signature(private.sign(message, ec.ECDSA(digest)))
        return r.to_bytes(length) + s.to_bytes(length)
    return private.sign(message)
