"""The configuration of `cases/` for the reference authorizer."""

import base64
import json
import tomllib

from case_rows import CASES
from reference.authorizer import Site


def case_site():
    config = tomllib.loads((CASES / "site.toml").read_text())
    return Site(config, {name: key_set(issuer) for name, issuer in config["issuer"].items()})


def key_set(issuer):
    if "jwks_file" in issuer:
        return json.loads((CASES / issuer["jwks_file"]).read_text())["keys"]
    secret = (CASES / issuer["secret_file"]).read_bytes().removesuffix(b"\n")
    return [{"kty": "oct", "alg": "HS256", "k": base64.urlsafe_b64encode(secret).rstrip(b"=").decode()}]


def is_decidable(row):
    """What a decider about reading can answer, of targets that HTTP can carry."""
    return row.get("action", "read") == "read" and row["target"].startswith("/")
