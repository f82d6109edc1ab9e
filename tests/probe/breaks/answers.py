"""What may be wrong. The shape of answers, and statuses."""

from breaker import CUT_SHORT, ENDS, NO_CONTINUE, TAKES_ANYTHING
from breaks.making import add, replaced, rewrite, setting, ALL
from http1 import Answer

add(
    "every refusal has one code",
    " ".join(ALL),
    None,
    lambda a, g: rewrite(g, b"<Error>(.*?)<Code>[^<]*</Code>", b"<Error>\\1<Code>InternalError</Code>"),
)
add(
    "errors are not XML",
    "errors authentication objects",
    None,
    lambda a, g: setting(g, "content-type", "text/plain") if g.body.startswith(b"<?xml") and b"<Error>" in g.body else None,
)
add("errors have no message", "errors", None, lambda a, g: rewrite(g, b"<Message>[^<]*</Message>", b""))
add("errors have no id", "errors", None, lambda a, g: rewrite(g, b"<RequestId>[^<]*</RequestId>", b""))
add("errors name nothing", "errors", None, lambda a, g: rewrite(g, b"<(Key|Resource|BucketName)>[^<]*</(Key|Resource|BucketName)>", b""))
add("answers have no id", "errors", None, lambda a, g: setting(g, "x-amz-request-id", None))
add("answers have no date", "errors", None, lambda a, g: setting(g, "date", None))
add(
    "a HEAD says 404 without a reason",
    "objects buckets reads multipart errors",
    None,
    lambda a, g: replaced(g, 404, 410) if a.method == "HEAD" else None,
)
add("what is malformed is a 500", "errors keys", None, lambda a, g: replaced(g, 400, 500))
add(ENDS, "objects")
add(NO_CONTINUE, "objects")
add(CUT_SHORT, "objects")
add(TAKES_ANYTHING, "errors objects")
add("heads may be as large as they like", "errors", lambda a: Answer(200, [], b"") if a.header("x-large") else None)
add(
    "a length may be missing",
    "objects",
    lambda a: Answer(200, [("etag", '"x"')], b"") if a.method == "PUT" and a.header("content-length") is None else None,
)
add(
    "any method is a GET",
    "errors",
    lambda a: setattr(a, "method", "GET") or a.signed_again() if a.valid and a.method not in ("GET", "HEAD", "PUT", "POST", "DELETE") else None,
)
add("an unknown subresource is the object", "errors",
    lambda a: a.without_parameters("torrent", "legal-hold", "retention") if a.method == "GET" else None)  # fmt: skip
add("an unknown subresource is written as the object", "errors", lambda a: a.without_parameters("legal-hold") if a.method == "PUT" else None)
add("a POST on a key is an upload", "errors", lambda a: Answer(200, [], b"") if a.method == "POST" and a.key and not a.query else None)


for status in (201, 204, 206, 303, 304, 403, 404, 405, 409, 411, 412, 416, 501):

    def as_200(asked, given, status=status):
        replaced(given, status, 200)

    add(f"{status} is 200", " ".join(ALL), None, as_200)


add("400 is 200", " ".join(ALL), None, lambda a, g: replaced(g, 400, 200))
add("200 is 202", " ".join(ALL), None, lambda a, g: replaced(g, 200, 202) if not (a.method == "PUT" and not a.key) else None)
