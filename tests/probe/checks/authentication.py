"""Who is asking. "Authenticating Requests (AWS Signature Version 4)" and "Error responses" of the S3 API reference."""

import base64
import hashlib
import hmac
import re
import time
from datetime import timedelta
from email.utils import formatdate

from registry import check
from s3 import refused
from sigv4 import STREAMING, UNSIGNED, digest, query_string

EXPIRED = timedelta(minutes=16)


@check
def header(s3):
    """Any operation: a signature in the header is taken."""
    key = s3.put(b"here")
    answer = s3.ask("GET", key)
    assert (answer.status, answer.body) == (200, b"here")


@check
def unsigned_payload(s3):
    """Any operation: the payload may be named UNSIGNED-PAYLOAD in place of its hash."""
    key = s3.key()
    assert s3.ask("PUT", key, body=b"x", payload=UNSIGNED).status == 200
    assert s3.get(key) == b"x"


@check
def wrong_secret(s3):
    """Any operation: 403 SignatureDoesNotMatch."""
    refused(s3.ask("GET", s3.put(), signer=s3.signer.but(secret="wrong")), 403, "SignatureDoesNotMatch")


@check
def wrong_secret_writes_nothing(s3):
    """PutObject: what is refused is not done."""
    key = s3.put(b"before")
    refused(s3.ask("PUT", key, body=b"after", signer=s3.signer.but(secret="wrong")), 403)
    assert s3.get(key) == b"before"


@check
def unknown_access_key(s3):
    """Any operation: 403 InvalidAccessKeyId."""
    refused(s3.ask("GET", s3.put(), signer=s3.signer.but(access="NOBODYNOBODYNOBODY00")), 403, "InvalidAccessKeyId")


@check
def anonymous_get(s3):
    """GetObject: 403 AccessDenied for those who are not known."""
    refused(s3.bare(s3.path(s3.put())), 403, "AccessDenied")


@check
def anonymous_put(s3):
    """PutObject: 403 AccessDenied for those who are not known, and nothing is stored."""
    key = s3.key()
    refused(s3.bare(s3.path(key), "PUT", body=b"x"), 403, "AccessDenied")
    assert s3.ask("GET", key).status == 404


@check
def anonymous_delete(s3):
    """DeleteObject: 403 AccessDenied for those who are not known, and nothing is deleted."""
    key = s3.put()
    refused(s3.bare(s3.path(key), "DELETE"), 403, "AccessDenied")
    assert s3.ask("GET", key).status == 200


@check
def anonymous_list(s3):
    """ListObjectsV2: 403 AccessDenied for those who are not known."""
    refused(s3.bare(s3.path() + "?list-type=2"), 403, "AccessDenied")


@check
def missing_is_not_told(s3):
    """GetObject: without permission a missing object is 403 too."""
    refused(s3.bare(s3.path(s3.key())), 403, "AccessDenied")


@check
def clock_late(s3):
    """Any operation: 403 RequestTimeTooSkewed beyond 15 minutes."""
    refused(s3.ask("GET", s3.put(), signer=s3.signer.but(late=EXPIRED)), 403, "RequestTimeTooSkewed")


@check
def clock_ahead(s3):
    """Any operation: 403 RequestTimeTooSkewed beyond 15 minutes."""
    refused(s3.ask("GET", s3.put(), signer=s3.signer.but(late=-EXPIRED)), 403, "RequestTimeTooSkewed")


@check
def clock_a_little_late(s3):
    """Any operation: 15 minutes are allowed."""
    key = s3.put()
    for minutes in (13, -13):
        assert s3.ask("GET", key, signer=s3.signer.but(late=timedelta(minutes=minutes))).status == 200, minutes


@check
def body_is_not_what_was_signed(s3):
    """PutObject: 400 XAmzContentSHA256Mismatch, and nothing is stored."""
    key = s3.key()
    refused(s3.ask("PUT", key, body=b"another", payload=digest(b"this")), 400, "XAmzContentSHA256Mismatch")
    assert s3.ask("GET", key).status == 404


@check
def content_sha256_missing(s3):
    """Any operation: x-amz-content-sha256 is required with a signature in the header: 400."""
    signer, when, path = s3.signer, s3.signer.time(), s3.path(s3.put())
    headers = [("host", s3.host), ("x-amz-date", when)]
    signature = signer.signature(when, "GET", path, [], headers, digest(b""))
    proof = f"AWS4-HMAC-SHA256 Credential={s3.access}/{signer.scope(when)}, SignedHeaders=host;x-amz-date, Signature={signature}"
    refused(s3.bare(path, headers={"x-amz-date": when, "Authorization": proof}), 400)


@check
def header_changed_after_signing(s3):
    """Any operation: signed headers are what was signed."""
    path, headers = s3.path(s3.key()), [("x-amz-meta-a", "signed")]
    added = s3.signer.headers("PUT", path, [], headers, UNSIGNED, s3.host)
    refused(s3.bare(path, "PUT", [("x-amz-meta-a", "changed"), *added], b"x"), 403, "SignatureDoesNotMatch")


@check
def amz_header_not_signed(s3):
    """Any operation: every x-amz-* header is signed, or 403 AccessDenied."""
    refused(s3.ask("PUT", s3.key(), body=b"x", unsigned={"x-amz-meta-a": "b"}), 403, "AccessDenied", "SignatureDoesNotMatch")


@check
def host_not_signed(s3):
    """Any operation: Host is among the signed headers."""
    when, path = s3.signer.time(), s3.path(s3.put())
    headers = [("x-amz-content-sha256", UNSIGNED), ("x-amz-date", when)]
    signature = s3.signer.signature(when, "GET", path, [], headers, UNSIGNED)
    names = ";".join(name for name, _ in headers)
    proof = f"AWS4-HMAC-SHA256 Credential={s3.access}/{s3.signer.scope(when)}, SignedHeaders={names}, Signature={signature}"
    assert s3.bare(path, headers=[*headers, ("Authorization", proof)]).status in (400, 403)


@check
def another_path(s3):
    """Any operation: the path is signed."""
    key, path = s3.put(), s3.path(s3.key())
    added = s3.signer.headers("GET", path, [], [], UNSIGNED, s3.host)
    refused(s3.bare(s3.path(key), headers=added), 403, "SignatureDoesNotMatch")


@check
def another_method(s3):
    """Any operation: the method is signed."""
    path = s3.path(s3.put())
    added = s3.signer.headers("GET", path, [], [], UNSIGNED, s3.host)
    refused(s3.bare(path, "DELETE", added), 403, "SignatureDoesNotMatch")


@check
def another_query(s3):
    """Any operation: the query is signed."""
    added = s3.signer.headers("GET", s3.path(), [("list-type", "2"), ("prefix", "a")], [], UNSIGNED, s3.host)
    refused(s3.bare(s3.path() + "?list-type=2&prefix=b", headers=added), 403, "SignatureDoesNotMatch")


@check
def another_region(s3):
    """Any operation: 400 AuthorizationHeaderMalformed where the scope names another region."""
    refused(s3.ask("GET", s3.put(), signer=s3.signer.but(region="eu-north-7")), 400, "AuthorizationHeaderMalformed")


@check
def another_service(s3):
    """Any operation: 400 AuthorizationHeaderMalformed where the scope names another service."""
    refused(s3.ask("GET", s3.put(), signer=s3.signer.but(service="ec2")), 400, "AuthorizationHeaderMalformed")


@check
def malformed_header(s3):
    """Any operation: 400 AuthorizationHeaderMalformed."""
    for proof in ("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=x", "AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=0"):
        when = s3.signer.time()
        answer = s3.bare(s3.path(s3.put()), headers={"x-amz-date": when, "x-amz-content-sha256": UNSIGNED, "Authorization": proof})
        refused(answer, 400)


@check
def version_2_in_the_header(s3):
    """Any operation: Signature Version 2 is not supported: 400 InvalidRequest."""
    path, date = s3.path(s3.put()), formatdate(usegmt=True)
    mac = hmac.new(s3.secret.encode(), f"GET\n\n\n{date}\n{path}".encode(), hashlib.sha1).digest()
    answer = s3.bare(path, headers={"Date": date, "Authorization": f"AWS {s3.access}:{base64.b64encode(mac).decode()}"})
    refused(answer, 400, "InvalidRequest")


@check
def version_2_in_the_query(s3):
    """Any operation: Signature Version 2 is not supported."""
    path, expires = s3.path(s3.put()), str(int(time.time()) + 60)
    mac = hmac.new(s3.secret.encode(), f"GET\n\n\n{expires}\n{path}".encode(), hashlib.sha1).digest()
    query = query_string([("AWSAccessKeyId", s3.access), ("Expires", expires), ("Signature", base64.b64encode(mac).decode())])
    assert s3.bare(f"{path}?{query}").status in (400, 403)


@check
def presigned_get(s3):
    """GetObject: the signature may be in the query."""
    answer = s3.bare(s3.presigned("GET", s3.put(b"here")))
    assert (answer.status, answer.body) == (200, b"here")


@check
def presigned_head(s3):
    """HeadObject: the signature may be in the query."""
    answer = s3.bare(s3.presigned("HEAD", s3.put(b"here")), "HEAD")
    assert (answer.status, answer.header("content-length")) == (200, "4")


@check
def presigned_put(s3):
    """PutObject: the signature may be in the query, with headers that bind the sender."""
    key = s3.key()
    target = s3.presigned("PUT", key, headers={"Content-Type": "image/png"})
    assert s3.bare(target, "PUT", {"Content-Type": "image/png"}, b"x").status == 200
    assert s3.head(key)["ContentType"] == "image/png"


@check
def presigned_put_of_another_type(s3):
    """PutObject: signed headers are what was signed."""
    key = s3.key()
    target = s3.presigned("PUT", key, headers={"Content-Type": "image/png"})
    refused(s3.bare(target, "PUT", {"Content-Type": "text/html"}, b"x"), 403, "SignatureDoesNotMatch")
    refused(s3.bare(target, "PUT", body=b"x"), 403)
    assert s3.ask("GET", key).status == 404


@check
def presigned_put_of_another_length(s3):
    """PutObject: a signed Content-Length binds the sender."""
    key = s3.key()
    target = s3.presigned("PUT", key, headers={"Content-Length": "3"})
    refused(s3.bare(target, "PUT", body=b"four"), 403)
    assert s3.bare(target, "PUT", body=b"123").status == 200


@check
def presigned_expired(s3):
    """Any operation: 403 AccessDenied after its time."""
    target = s3.presigned("GET", s3.put(), expires=60, signer=s3.signer.but(late=timedelta(seconds=90)))
    refused(s3.bare(target), 403, "AccessDenied")


@check
def presigned_long_ago_and_still_good(s3):
    """Any operation: the 15 minutes of skew do not shorten a life."""
    target = s3.presigned("GET", s3.put(), expires=86400, signer=s3.signer.but(late=timedelta(hours=5)))
    assert s3.bare(target).status == 200


@check
def presigned_from_the_future(s3):
    """Any operation: 403 AccessDenied before its time."""
    target = s3.presigned("GET", s3.put(), expires=86400, signer=s3.signer.but(late=-timedelta(hours=5)))
    refused(s3.bare(target), 403)


@check
def presigned_seven_days(s3):
    """Any operation: X-Amz-Expires is at most 604,800."""
    key = s3.put()
    assert s3.bare(s3.presigned("GET", key, expires=604800)).status == 200
    refused(s3.bare(s3.presigned("GET", key, expires=604801)), 400, "AuthorizationQueryParametersError")


@check
def presigned_negative_life(s3):
    """Any operation: X-Amz-Expires must be non-negative."""
    assert s3.bare(s3.presigned("GET", s3.put(), expires=-1)).status in (400, 403)


@check
def presigned_longer_life(s3):
    """Any operation: X-Amz-Expires is signed."""
    target = s3.presigned("GET", s3.put()).replace("X-Amz-Expires=60", "X-Amz-Expires=6000")
    refused(s3.bare(target), 403, "SignatureDoesNotMatch")


@check
def presigned_another_method(s3):
    """Any operation: the method is signed."""
    key = s3.put()
    for method in ("PUT", "DELETE"):
        refused(s3.bare(s3.presigned("GET", key), method, body=b"x"), 403, "SignatureDoesNotMatch")
    assert s3.ask("GET", key).status == 200


@check
def presigned_another_key(s3):
    """Any operation: the path is signed."""
    key = s3.put()
    refused(s3.bare(s3.presigned("GET", key).replace(key[:8], "00000000")), 403, "SignatureDoesNotMatch")


@check
def presigned_another_query(s3):
    """Any operation: the query is signed."""
    refused(s3.bare(s3.presigned("GET", s3.put()) + "&response-content-type=text/html"), 403, "SignatureDoesNotMatch")


@check
def presigned_without_a_part(s3):
    """Any operation: 400 AuthorizationQueryParametersError where a parameter is missing."""
    target = s3.presigned("GET", s3.put())
    for name in ("X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders"):
        answer = s3.bare(re.sub(rf"&?{name}=[^&]*", "", target))
        assert answer.status in (400, 403), (name, answer.status)


@check
def presigned_wrong_secret(s3):
    """Any operation: 403 SignatureDoesNotMatch."""
    refused(s3.bare(s3.presigned("GET", s3.put(), signer=s3.signer.but(secret="wrong"))), 403, "SignatureDoesNotMatch")


@check
def presigned_with_an_amz_header_that_nobody_signed(s3):
    """PutObject: x-amz-* headers that were not signed are refused: whoever holds the URL asks for nothing more."""
    source = s3.put(b"secret")
    for name, value in (("x-amz-acl", "public-read"), ("x-amz-copy-source", f"/{s3.bucket}/{source}"), ("x-amz-meta-a", "b")):
        key = s3.key()
        answer = s3.bare(s3.presigned("PUT", key), "PUT", {name: value}, b"x")
        refused(answer, 403)
        assert s3.ask("GET", key).status == 404


@check
def two_proofs(s3):
    """Any operation: one way of proof: 400 InvalidArgument."""
    key = s3.put()
    added = s3.signer.headers("GET", s3.path(key), [], [], UNSIGNED, s3.host)
    refused(s3.bare(s3.presigned("GET", key), headers=added), 400, "InvalidArgument", "InvalidRequest")


def chunked(s3, body, spoil=None):
    """aws-chunked with a signature on each chunk: the seed is the request's own."""
    key, signer = s3.key(), s3.signer
    path, headers = s3.path(key), [("content-encoding", "aws-chunked"), ("x-amz-decoded-content-length", str(len(body)))]
    added = signer.headers("PUT", path, [], headers, STREAMING, s3.host)
    when, last = dict(added)["x-amz-date"], re.search(r"Signature=(\w+)", dict(added)["Authorization"]).group(1)
    sent = b""
    for number, piece in enumerate([body[at : at + 65536] for at in range(0, len(body), 65536)] + [b""]):
        text = "\n".join(["AWS4-HMAC-SHA256-PAYLOAD", when, signer.scope(when), last, digest(b""), digest(piece)])
        last = signer.sign(when, text)
        shown = "0" * 64 if number == spoil else last
        sent += f"{len(piece):x};chunk-signature={shown}\r\n".encode() + piece + b"\r\n"
    return key, s3.bare(path, "PUT", [*headers, *added], sent)


@check
def signed_chunks(s3):
    """PutObject: STREAMING-AWS4-HMAC-SHA256-PAYLOAD, a signature for each chunk; aws-chunked is not stored as an encoding."""
    body = bytes(range(256)) * 600
    key, answer = chunked(s3, body)
    assert answer.status == 200, answer
    assert s3.get(key) == body
    assert "aws-chunked" not in s3.head(key).get("ContentEncoding", "")


@check
def signed_chunks_with_a_wrong_signature(s3):
    """PutObject: 403 SignatureDoesNotMatch, and nothing is stored."""
    key, answer = chunked(s3, bytes(range(256)) * 600, spoil=1)
    refused(answer, 403, "SignatureDoesNotMatch")
    assert s3.ask("GET", key).status == 404


@check
def signed_chunks_with_a_wrong_last_signature(s3):
    """PutObject: the empty chunk at the end has a signature like the others."""
    key, answer = chunked(s3, bytes(range(256)) * 600, spoil=3)
    refused(answer, 403, "SignatureDoesNotMatch")
    assert s3.ask("GET", key).status == 404
