"""What is wrong with a token, or its issuer and claims: docs/reference/http.md, "Tokens"; RFC 7515, 7518, 7519, 8037, 8725."""

import base64
import hmac
import math
import re

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from reference import strict_json

LONGEST = 8192
LONGEST_KID = 256
ALGORITHMS = {family + size for family in ("HS", "RS", "PS", "ES") for size in ("256", "384", "512")} | {"EdDSA"}
FORBIDDEN = {"jku", "jwk", "x5u", "x5c", "crit", "b64", "zip", "enc", "cty"}
TYPES = {"jwt", "at+jwt", "application/jwt", "application/at+jwt"}
CURVES = {"ES256": (ec.SECP256R1, 32), "ES384": (ec.SECP384R1, 48), "ES512": (ec.SECP521R1, 66)}


class Refused(Exception):
    """By its reason. An expired token has been verified: its issuer and claims are there."""

    def __init__(self, reason, verified=None):
        super().__init__(reason)
        self.reason, self.verified = reason, verified


def unbase64(text):
    """RFC 7515 section 2: no padding, no other alphabet; RFC 4648 section 3.5: no unused bits."""
    if not re.fullmatch(r"[A-Za-z0-9_-]*", text):
        raise Refused("token_base64")
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise Refused("token_base64") from None
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != text:
        raise Refused("token_base64")
    return data


def verify(token, issuers):
    """The issuer and the claims of a token that one of its issuer's keys signed. It says nothing about time and audience."""
    if not token:
        raise Refused("token_not_bearer")
    if len(token.encode()) > LONGEST:
        raise Refused("token_too_long")
    parts = token.split(".")
    if len(parts) != 3:
        raise Refused("token_not_three_parts")
    # The order in which http.md has them: a token with several faults is refused for the first.
    header = read(unbase64(parts[0]), "token_header_json")
    algorithm = check_header(header)
    claims = read(unbase64(parts[1]), "token_claims_json")
    check_types(claims)
    signature = unbase64(parts[2])
    issuer = next((issuer for issuer in issuers if issuer.issuer == claims.get("iss")), None)
    if issuer is None:
        raise Refused("token_unknown_issuer")
    if algorithm not in issuer.algorithms:
        raise Refused("token_algorithm_not_allowed")
    key = find_key(issuer.keys, header.get("kid"), algorithm)
    if not key.made(f"{parts[0]}.{parts[1]}".encode(), signature):
        raise Refused("token_bad_signature")
    return issuer, claims


def read(data, reason):
    try:
        return strict_json.read_object(data)
    except strict_json.Fault:
        raise Refused(reason) from None


def check_header(header):
    """The algorithm."""
    if FORBIDDEN & set(header):
        raise Refused("token_header_member")
    kind = header.get("typ", "JWT")
    # RFC 7515 section 4.1.9: media types, compared without regard to case.
    if type(kind) is not str or kind.lower() not in TYPES:
        raise Refused("token_type")
    kid = header.get("kid", "")
    if type(kid) is not str or len(kid.encode()) > LONGEST_KID:
        raise Refused("token_key_id")
    algorithm = header.get("alg")
    # RFC 9864: another name of EdDSA with Ed25519.
    algorithm = "EdDSA" if algorithm == "Ed25519" else algorithm
    if type(algorithm) is not str or algorithm not in ALGORITHMS:
        raise Refused("token_algorithm")
    return algorithm


def check_types(claims):
    for name in ("iss", "sub", "jti"):
        if type(claims.get(name, "")) is not str:
            raise Refused("token_claim_type")
    audience = claims.get("aud", "")
    for text in audience if type(audience) is list else [audience]:
        if type(text) is not str:
            raise Refused("token_claim_type")
    for name in ("exp", "nbf", "iat"):
        seconds_of(claims.get(name, 0))


def seconds_of(value):
    """RFC 7519 section 2, NumericDate; within 2^53 seconds, the whole numbers that every JSON reader has."""
    if type(value) not in (int, float) or abs(value) > 2**53:
        raise Refused("token_claim_type")
    return math.floor(value)


def find_key(keys, kid, algorithm):
    """The one of that name, whatever its algorithm; else the only one of the algorithm that the name does not exclude."""
    named = [key for key in keys if kid is not None and key.kid == kid]
    fitting = [key for key in keys if key.algorithm == algorithm and (kid is None or key.kid is None)]
    found = named or fitting
    if len(found) != 1:
        raise Refused("token_unknown_key")
    if found[0].algorithm != algorithm:
        raise Refused("token_algorithm_not_allowed")
    return found[0]


class Key:
    """One key of a set: RFC 7517, RFC 7518 section 6, RFC 8037 section 2. It has one algorithm."""

    def __init__(self, jwk):
        def number(name):
            return int.from_bytes(unbase64(jwk[name]), "big")

        self.kid, self.algorithm = jwk.get("kid"), jwk["alg"]
        if jwk["kty"] == "oct":
            self.public = unbase64(jwk["k"])
        elif jwk["kty"] == "RSA":
            self.public = rsa.RSAPublicNumbers(number("e"), number("n")).public_key()
        elif jwk["kty"] == "EC":
            curve = CURVES[self.algorithm][0]()
            self.public = ec.EllipticCurvePublicNumbers(number("x"), number("y"), curve).public_key()
        else:
            self.public = ed25519.Ed25519PublicKey.from_public_bytes(unbase64(jwk["x"]))

    def made(self, message, signature):
        family, size = self.algorithm[:2], self.algorithm[2:]
        if family == "HS":
            return hmac.compare_digest(hmac.digest(self.public, message, f"sha{size}"), signature)
        try:
            if self.algorithm == "EdDSA":
                self.public.verify(signature, message)
                return True
            digest = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}[size]()
            if family == "RS":
                self.public.verify(signature, message, padding.PKCS1v15(), digest)
            elif family == "PS":
                pss = padding.PSS(padding.MGF1(digest), digest.digest_size)
                self.public.verify(signature, message, pss, digest)
            else:
                length = CURVES[self.algorithm][1]
                if len(signature) != 2 * length:
                    return False
                r, s = signature[:length], signature[length:]
                der = encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
                self.public.verify(der, message, ec.ECDSA(digest))
            return True
        except InvalidSignature:
            return False


def check_times(issuer, claims, now):
    """Audience and times, which are judged on every request."""
    audience = claims.get("aud", [])
    if not set(audience if type(audience) is list else [audience]) & set(issuer.audiences):
        raise Refused("token_audience_mismatch")
    times = {name: seconds_of(claims[name]) for name in ("exp", "nbf", "iat") if name in claims}
    if "exp" not in times:
        raise Refused("token_no_expiry")
    # RFC 7519 section 4.1.5: not before; section 4.1.4: not on or after.
    if times.get("nbf", now) > now + issuer.leeway:
        raise Refused("token_not_yet_valid")
    if times.get("iat", now) > now + issuer.leeway:
        raise Refused("token_issued_in_future")
    if times["exp"] <= now - issuer.leeway:
        raise Refused("token_expired", (issuer, claims))
    if issuer.max_age is not None:
        if "iat" not in times:
            raise Refused("token_no_issued_at")
        if times["iat"] + issuer.max_age <= now - issuer.leeway:
            raise Refused("token_too_old", (issuer, claims))
