"""Keys and tokens made without any code of the product: PyJWT and cryptography."""

import base64
import hashlib
import hmac
import json
import time
from dataclasses import dataclass

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

ISSUER = "https://app.example.com"
AUDIENCE = "files"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class SigningKey:
    algorithm: str
    kid: str
    private: object  # as PyJWT takes it

    @classmethod
    def new(cls, algorithm, kid):
        if algorithm.startswith("ES"):
            private = ec.generate_private_key(ec.SECP256R1())
        elif algorithm == "EdDSA":
            private = ed25519.Ed25519PrivateKey.generate()
        elif algorithm.startswith(("RS", "PS")):
            private = rsa.generate_private_key(65537, 2048)
        else:
            private = hashlib.sha256(b"a secret of this test run, " + kid.encode()).digest()
        return cls(algorithm, kid, private)

    def jwk(self):
        """The public half."""
        text = jwt.get_algorithm_by_name(self.algorithm).to_jwk(self.private.public_key())
        return {**json.loads(text), "kid": self.kid, "alg": self.algorithm, "use": "sig"}

    def public_pem(self):
        return self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def public_der(self):
        return self.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def private_pem(self):
        return self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def sign(self, claims, headers=None):
        return jwt.encode(claims, self.private, self.algorithm, headers={"kid": self.kid, **(headers or {})})


def claims(*, life=600, without=(), **changes):
    """The claims of an ordinary token; a change to None removes nothing, `without` does."""
    now = int(time.time())
    all_claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "somebody", "iat": now - 5, "exp": now + life, **changes}
    return {name: value for name, value in all_claims.items() if name not in without}


def forge(header, payload, secret):
    """A token signed by HMAC-SHA-256 whatever its header says. Header and payload: objects, or JSON text as it is."""
    parts = [part if isinstance(part, (str, bytes)) else json.dumps(part) for part in (header, payload)]
    signed = ".".join(b64(part if isinstance(part, bytes) else part.encode()) for part in parts)
    return f"{signed}.{b64(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


def sign_raw(key, header_text, payload_text):
    """A correctly signed token of JSON texts that a library would not write (duplicate members, odd spelling)."""
    signed = f"{b64(header_text.encode())}.{b64(payload_text.encode())}"
    signer = jwt.get_algorithm_by_name(key.algorithm)
    return f"{signed}.{b64(signer.sign(signed.encode(), signer.prepare_key(key.private)))}"


def parts_to_hide(token):
    """What of a token must be found nowhere: the whole, and its signature."""
    return [token, token.split(".")[2]]
