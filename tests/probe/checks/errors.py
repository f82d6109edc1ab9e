"""The shape of answers that refuse, and requests of no sense. "Error responses" of the S3 API reference."""

from registry import check
from s3 import code, refused, texts, xml


@check
def document(s3):
    """Any operation: an Error with Code, Message and RequestId."""
    root = xml(s3.ask("GET", s3.key()))
    assert root.tag == "Error"
    said = {child.tag: child.text for child in root}
    assert said["Code"] == "NoSuchKey" and said["Message"] and said["RequestId"], said


@check
def names_the_key(s3):
    """GetObject: NoSuchKey names the Key that is missing, escaped for XML."""
    key = s3.key("<&>")
    assert texts(s3.ask("GET", key), "Key") == [key] or texts(s3.ask("GET", key), "Resource") == [f"/{s3.bucket}/{key}"]


@check
def media_type(s3):
    """Any operation: an error is application/xml."""
    assert s3.ask("GET", s3.key()).header("content-type") == "application/xml"


@check
def request_id(s3):
    """Any operation: x-amz-request-id, another for each request; an error's document names the same."""
    first, second = s3.ask("GET", s3.key()), s3.ask("GET", s3.key())
    assert first.header("x-amz-request-id") != second.header("x-amz-request-id")
    assert texts(first, "RequestId") == [first.header("x-amz-request-id")]


@check
def request_id_of_a_success(s3):
    """Any operation: x-amz-request-id."""
    assert s3.ask("GET", s3.put()).header("x-amz-request-id")


@check
def method_of_no_sense(s3):
    """Any operation: 405 MethodNotAllowed."""
    for method in ("PATCH", "BREW"):
        answer = s3.ask(method, s3.put())
        assert answer.status in (400, 405), (method, answer.status)


@check
def post_on_an_object(s3):
    """POST without `uploads`, `uploadId` or `select` on a key is refused."""
    answer = s3.ask("POST", s3.put(), body=b"x")
    assert 400 <= answer.status < 500 or answer.status == 501, answer.status


@check
def nothing_malformed_is_a_500(s3):
    """Any operation: what is malformed is the client's fault: 4xx."""
    bucket = s3.bucket
    targets = ["//", f"/{bucket}//x", f"/{bucket}/%", f"/{bucket}/%ff", f"/{bucket}/%00", "/../x", "/?x", "/%2e%2e/x", "/" + "a" * 5000,
               f"/{bucket}?list-type=2&max-keys=-1", f"/{bucket}?uploads=x&uploadId=", f"/{bucket}/x?partNumber=x&uploadId=y", f"/{bucket}?versions&x=%zz"]  # fmt: skip
    for target in targets:
        for method in ("GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"):
            answer = s3.bare(target, method, body=b"x" if method in ("PUT", "POST") else None)
            assert answer.status < 500, (method, target, answer.status)


@check
def no_http(s3):
    """RFC 9112 section 3: what is no request is 400."""
    for data in (b"NONSENSE\r\n\r\n", b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n"):
        try:
            answer = s3.raw(data)
        except OSError:
            continue  # closed without an answer
        except Exception as error:  # noqa: BLE001
            assert type(error).__name__ in ("RemoteDisconnected", "BadStatusLine"), error
            continue
        assert 400 <= answer.status < 600, answer.status
    assert s3.ask("GET", s3.put()).status == 200, "and it goes on"


@check
def two_lengths(s3):
    """RFC 9112 section 6.3: two Content-Lengths that differ are 400."""
    head = f"PUT {s3.path(s3.key())} HTTP/1.1\r\nHost: {s3.host}\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx".encode()
    assert s3.raw(head, "PUT").status == 400


@check
def length_and_chunks(s3):
    """RFC 9112 section 6.1: Content-Length beside Transfer-Encoding is no way to smuggle: one answer, or 400."""
    key = s3.key()
    smuggled = f"GET {s3.path(key)} HTTP/1.1\r\nHost: {s3.host}\r\n\r\n"
    head = f"PUT {s3.path(key)} HTTP/1.1\r\nHost: {s3.host}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}".encode()
    assert 400 <= s3.raw(head, "PUT").status < 500


@check
def head_has_no_body(s3):
    """HeadObject: an error without a body."""
    answer = s3.bare(s3.path(s3.put()), "HEAD")
    assert (answer.status, answer.body) == (403, b"")


@check
def large_head(s3):
    """Any operation: a head beyond all measure is refused, and the server stays."""
    try:
        answer = s3.bare(s3.path("x"), headers={"x-large": "x" * 200_000})
        assert 400 <= answer.status < 500, answer.status
    except OSError:
        pass  # closed, which is a refusal too
    assert s3.ask("GET", s3.put()).status == 200


@check
def what_it_cannot_do_is_said(s3):
    """Any operation: 501 NotImplemented or a refusal: a subresource that is not known is never taken for the object."""
    key = s3.put(b"the object")
    for name in ("torrent", "legal-hold", "retention"):
        answer = s3.ask("GET", key, query=[(name, None)])
        assert answer.status >= 400 and answer.body != b"the object", (name, answer.status)
    refused_put = s3.ask("PUT", key, query=[("legal-hold", None)], body=b"<LegalHold><Status>ON</Status></LegalHold>")
    assert refused_put.status >= 400, refused_put.status
    assert s3.get(key) == b"the object"


@check
def dates(s3):
    """RFC 9110 section 6.6.1: Date in every answer."""
    for answer in (s3.ask("GET", s3.put()), s3.ask("GET", s3.key()), s3.bare(s3.path("x"))):
        assert answer.header("date"), answer.status


@check
def signature_errors_name_no_secret(s3):
    """Any operation: SignatureDoesNotMatch shows what was signed, never the secret."""
    answer = s3.ask("GET", s3.put(), signer=s3.signer.but(secret="wrong"))
    refused(answer, 403, "SignatureDoesNotMatch")
    assert s3.secret.encode() not in answer.body


@check
def no_such_bucket_names_it(s3):
    """Any operation: NoSuchBucket names the bucket."""
    answer = s3.ask("GET", "a", bucket="no-such-bucket-of-the-probe")
    assert code(answer) == "NoSuchBucket"
    assert b"no-such-bucket-of-the-probe" in answer.body
