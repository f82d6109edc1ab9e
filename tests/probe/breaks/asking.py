"""What may be wrong. Who is asking: signatures, times, presigned URLs."""

import re
import time

from breaker import refusal
from breaks.making import add, field, proof, replaced, rewrite, skew


def let_in(when):
    def request(asked):
        if not asked.valid and when(asked) and not (asked.method == "POST" and (asked.header("content-type") or "").startswith("multipart/")):
            asked.signed_again()

    return request


add("signatures are not looked at", "authentication checksums errors versions", let_in(lambda a: "AWS4" in proof(a) or a.presigned))
add("anyone is let in", "authentication deletion subresources errors cors objects", let_in(lambda a: not proof(a) and not a.presigned))
add("Signature Version 2 is taken", "authentication", let_in(lambda a: proof(a).startswith("AWS ") or a.parameter("AWSAccessKeyId")))
add("presigned URLs live for ever", "authentication", let_in(lambda a: a.presigned))
add("presigned URLs are not taken", "authentication objects multipart checksums cors",
    lambda a: refusal(403, "AccessDenied") if a.presigned and a.method != "OPTIONS" else None)  # fmt: skip
add("presigned URLs live for 15 minutes at most", "authentication", lambda a: refusal(403, "AccessDenied")
    if a.presigned and (a.parameter("X-Amz-Date") or "")[:13] != time.strftime("%Y%m%dT%H%M", time.gmtime())[:13] and a.valid else None)  # fmt: skip
add("presigned URLs live for 6 days at most", "authentication",
    lambda a: refusal(403, "AccessDenied") if a.presigned and int(a.parameter("X-Amz-Expires") or 0) > 6 * 86400 else None)  # fmt: skip
add("clocks must agree to the minute", "authentication",
    lambda a: refusal(403, "RequestTimeTooSkewed") if a.header("x-amz-date") and abs(skew(a.header("x-amz-date"))) > 60 else None)  # fmt: skip
add("every request has to say its hash", "authentication checksums",
    lambda a: refusal(400, "InvalidRequest") if not re.fullmatch("[0-9a-f]{64}", a.header("x-amz-content-sha256") or "0" * 64) else None)  # fmt: skip
add("every refusal is an unknown key", "authentication forms", None,
    lambda a, g: rewrite(g, b"<Code>(SignatureDoesNotMatch|AccessDenied|RequestTimeTooSkewed)</Code>", b"<Code>InvalidAccessKeyId</Code>"))  # fmt: skip
add("every unknown key is a wrong signature", "authentication forms", None,
    lambda a, g: rewrite(g, b"<Code>InvalidAccessKeyId</Code>", b"<Code>SignatureDoesNotMatch</Code>"))  # fmt: skip
add("a malformed proof is 403", "authentication", None, lambda a, g: replaced(g, 400, 403) if proof(a) else None)
add("the secret is shown", "errors", None, lambda a, g: rewrite(g, b"</Error>", b"<S>" + a.proxy.signer.secret.encode() + b"</S></Error>"))
add(
    "missing is told to anyone",
    "authentication errors",
    lambda a: refusal(404, "NoSuchKey") if not proof(a) and not a.presigned and a.method == "GET" else None,
)


def refused_but_done(asked, given):
    """The refusal comes after the deed."""
    body = asked.raw_body
    if asked.method == "PUT" and asked.key and 400 <= given.status < 500 and given.status != 404 and not asked.parameter("uploadId"):
        asked.aside("PUT", asked.key, body=body)
    if asked.method == "DELETE" and given.status in (403, 412) and asked.key:
        asked.aside("DELETE", asked.key)
    if asked.method == "POST" and 400 <= given.status < 500:
        key = field(body, "key")
        if key:
            asked.aside("PUT", key, body=b"x")
        for key in re.findall(rb"<Key>([^<]*)</Key>", body)[:3]:
            asked.aside("DELETE", key.decode())


add(
    "what is refused is done all the same",
    "authentication checksums copies deletion forms multipart objects writes subresources",
    None,
    refused_but_done,
)
