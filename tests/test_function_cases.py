"""The rows of `cases/` put to the CloudFront Function, its site's issuers turned to HS256 with a secret each."""

import base64
import hashlib
import json
import shutil
import time
from collections import Counter

import pytest

import aws_function
from case_rows import SITE, bucket_of, judge_refusal, make_question, private_key, read_rows, uri_of


def secret_of(name):
    """Made, but for the issuer that has one already."""
    if name == "legacy":
        return private_key("legacy")[1]
    return hashlib.sha512(f"the secret of {name}".encode()).digest()


def find_key(name):
    """The key of a row as one of HS256: its issuer's secret, or one that is not."""
    jwk, private = private_key(name)
    if jwk["kty"] == "oct":
        return jwk, private
    secret = secret_of(f"forger of {name}") if name.endswith(("-forged", "-gone")) else secret_of(jwk["issuer"])
    return {**jwk, "alg": "HS256"}, secret


def left_out(row):
    """Why a row says nothing of a site whose issuers have one secret each; none where it does."""
    if row.get("action") == "upload":
        return "uploads are the regional function's"
    reason = row["expect"].get("reason")
    if reason == "token_algorithm_not_allowed":
        return "about an issuer's other algorithms"
    if reason == "token_unknown_key":
        return "about key ids, which a secret does not have"
    for token in row["tokens"]:
        if token.get("tamper") == "der-signature":
            return "about a form of signature that HS256 does not have"
        if reason == "token_bad_signature" and isinstance(token.get("header", {}).get("kid"), str) and "iss" not in token.get("claims", {}):
            return "about key ids, which a secret does not have"
    return None


def as_hs256(token):
    """A header that is written out says its algorithm there."""
    if "header_json" not in token:
        return token
    return {**token, "header_json": token["header_json"].replace('"ES256"', '"HS256"').replace('"RS256"', '"HS256"')}


# The signature is compared as text, and before the claims are read to the letter; but for `iss`, which names the secret.
OTHER_REASONS = {
    "token_base64": ("token_base64", "token_bad_signature", "token_algorithm"),
    "token_claims_json": ("token_claims_json", "token_unknown_issuer"),
    "token_claim_type": ("token_claim_type", "token_unknown_issuer"),
    "token_key_id": ("token_key_id", "token_header_json"),
}

ALL = list(read_rows())
LEFT_OUT = {param.id: left_out(param.values[0]) for param in ALL}
ROWS = [param for param in ALL if LEFT_OUT[param.id] is None]
STORE = {name: base64.b64encode(secret_of(name)).decode() for name in SITE["issuer"]}


@pytest.fixture(scope="module")
def code():
    return aws_function.render(SITE)


@pytest.fixture(scope="module", params=["node", "njs"])
def outcomes(request, code, tmp_path_factory):
    """All rows at once: an engine starts once."""
    if request.param == "njs" and not shutil.which("njs"):
        pytest.skip("the Debian package `njs` is not installed")
    now = int(time.time())
    rows = [param.values[0] for param in ROWS]
    rows = [{**row, "tokens": [as_hs256(token) for token in row["tokens"]]} for row in rows]
    events = [aws_function.event_of(make_question(row, now, find_key), number) for number, row in enumerate(rows)]
    outcomes = aws_function.ENGINES[request.param](code, STORE, events, tmp_path_factory.mktemp("function"))
    assert len(outcomes) == len(rows)
    return {row["name"]: outcome for row, outcome in zip(rows, outcomes)}


def judge(row, outcome):
    assert "error" not in outcome, outcome
    result, expect = outcome["result"], row["expect"]
    if expect.get("allowed"):
        assert result.get("uri") == uri_of(expect["key"]), result
        assert result["querystring"] == {} and result["cookies"] == {} and "authorization" not in result["headers"]
        assert bucket_of(expect) == ("second" if expect["key"].startswith("years/") else "main")
        return
    assert "statusCode" in result, "allowed"
    said = json.loads(result["body"]) if "body" in result else {}
    judge_refusal(row, result["statusCode"], said.get("error"))
    log = json.loads(outcome["logs"][0])
    assert log["code"] == expect["code"]
    if "reason" in expect:
        assert log["reason"] in OTHER_REASONS.get(expect["reason"], (expect["reason"],))


@pytest.mark.parametrize("row", ROWS)
def test_row(outcomes, row):
    judge(row, outcomes[row["name"]])


def test_what_is_left_out():
    """A change of the rules above shows."""
    counted = {
        "uploads are the regional function's": 101,
        "about an issuer's other algorithms": 20,
        "about key ids, which a secret does not have": 13,
        "about a form of signature that HS256 does not have": 1,
    }
    assert (len(ROWS), Counter(reason for reason in LEFT_OUT.values() if reason)) == (564, counted)


@pytest.mark.parametrize("wrong", [{"key": "another"}, {"allowed": False, "status": 403, "code": "forbidden"}], ids=repr)
def test_the_runner_can_fail(outcomes, wrong):
    row = next(param.values[0] for param in ROWS if param.values[0]["name"] == "good: app-1")
    with pytest.raises(AssertionError):
        judge({**row, "expect": {**row["expect"], **wrong}}, outcomes[row["name"]])
