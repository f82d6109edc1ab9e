"""Pages of other origins. "Using cross-origin resource sharing" of the S3 user guide, PutBucketCors, OPTIONS object."""

from datetime import timedelta

from checks.forms import Form
from registry import check
from s3 import code, fails, md5, refused

APP = "https://app.example.com"
RULES = [
    {"AllowedOrigins": [APP], "AllowedMethods": ["GET", "PUT", "POST"], "AllowedHeaders": ["content-type", "x-amz-*"],
     "ExposeHeaders": ["ETag"], "MaxAgeSeconds": 600},
    {"AllowedOrigins": ["https://*.wild.example"], "AllowedMethods": ["GET"]},
    {"AllowedOrigins": ["*"], "AllowedMethods": ["HEAD"]},
]  # fmt: skip


def with_rules(s3, rules=None):
    """The run's bucket, with CORS rules for this check: taken off and set again by each, so that none stands on another's."""
    s3.boto.delete_bucket_cors(Bucket=s3.bucket)
    s3.boto.put_bucket_cors(Bucket=s3.bucket, CORSConfiguration={"CORSRules": rules or RULES})


def preflight(s3, method="PUT", headers="content-type", origin=APP, key="any/key"):
    asked = {"Origin": origin, "Access-Control-Request-Method": method}
    if headers:
        asked["Access-Control-Request-Headers"] = headers
    return s3.bare(s3.path(key), "OPTIONS", asked)


@check
def a_new_bucket_has_none(s3):
    """GetBucketCors: 404 NoSuchCORSConfiguration."""
    with fails(404, "NoSuchCORSConfiguration"):
        s3.boto.get_bucket_cors(Bucket=s3.new_bucket())


@check
def kept(s3):
    """PutBucketCors, GetBucketCors: what was put comes back."""
    with_rules(s3)
    rules = s3.boto.get_bucket_cors(Bucket=s3.bucket)["CORSRules"]
    listed = [{name: sorted(value) if isinstance(value, list) else value for name, value in rule.items()} for rule in rules]
    expected = [{name: sorted(value) if isinstance(value, list) else value for name, value in rule.items()} for rule in RULES]
    assert listed == expected, rules


@check
def deleted(s3):
    """DeleteBucketCors: 204; then there is none."""
    bucket = s3.new_bucket()
    s3.boto.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": RULES})
    assert s3.boto.delete_bucket_cors(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"] == 204
    with fails(404, "NoSuchCORSConfiguration"):
        s3.boto.get_bucket_cors(Bucket=bucket)


@check
def allowed(s3):
    """OPTIONS object: origin, methods, headers and age of the rule; no signature is wanted."""
    with_rules(s3)
    answer = preflight(s3)
    assert answer.status == 200, answer.status
    assert answer.header("access-control-allow-origin") == APP
    assert "put" in answer.listed("access-control-allow-methods")
    assert "content-type" in answer.listed("access-control-allow-headers")
    assert answer.header("access-control-max-age") == "600"


@check
def headers_by_wildcard(s3):
    """PutBucketCors: an allowed header may hold one `*`."""
    with_rules(s3)
    answer = preflight(s3, headers="x-amz-date,X-Amz-Meta-A")
    assert answer.status == 200
    assert {"x-amz-date", "x-amz-meta-a"} <= answer.listed("access-control-allow-headers")


@check
def another_origin(s3):
    """OPTIONS object: 403 where no rule fits."""
    with_rules(s3)
    for origin in ("https://evil.example", APP + ".evil.example", "http://app.example.com", APP + ":444"):
        answer = preflight(s3, origin=origin)
        assert (answer.status, answer.all("access-control-allow-origin")) == (403, []), origin


@check
def another_method(s3):
    """OPTIONS object: 403 where no rule fits."""
    with_rules(s3)
    answer = preflight(s3, method="DELETE")
    assert (answer.status, answer.all("access-control-allow-origin")) == (403, [])


@check
def another_header(s3):
    """OPTIONS object: 403 where no rule fits."""
    with_rules(s3)
    answer = preflight(s3, headers="content-type,authorization")
    assert (answer.status, answer.all("access-control-allow-headers")) == (403, [])


@check
def of_no_rules(s3):
    """OPTIONS object: 403 where the bucket has no rules."""
    answer = s3.bare(f"/{s3.new_bucket()}/x", "OPTIONS", {"Origin": APP, "Access-Control-Request-Method": "GET"})
    refused(answer, 403)


@check
def preflight_without_origin(s3):
    """OPTIONS object: 400 BadRequest without Origin."""
    with_rules(s3)
    assert s3.bare(s3.path("x"), "OPTIONS", {"Access-Control-Request-Method": "GET"}).status == 400


@check
def preflight_of_a_presigned_url(s3):
    """OPTIONS object: the query of the URL that is meant changes nothing."""
    with_rules(s3)
    asked = {"Origin": APP, "Access-Control-Request-Method": "PUT"}
    answer = s3.bare(s3.presigned("PUT", "x", signer=s3.signer.but(late=timedelta(hours=2))), "OPTIONS", asked)
    assert (answer.status, answer.header("access-control-allow-origin")) == (200, APP)


@check
def an_answer(s3):
    """GetObject: an allowed origin may read the answer, and the headers that are exposed."""
    with_rules(s3)
    answer = s3.ask("GET", s3.put(), headers={"Origin": APP})
    assert answer.status == 200
    assert answer.header("access-control-allow-origin") == APP
    assert "etag" in answer.listed("access-control-expose-headers")


@check
def an_answer_varies(s3):
    """GetObject: Vary names Origin, so that caches keep the answers apart."""
    with_rules(s3)
    assert "origin" in s3.ask("GET", s3.put(), headers={"Origin": APP}).listed("vary")


@check
def an_answer_to_another_origin(s3):
    """GetObject: the object, without CORS headers."""
    with_rules(s3)
    answer = s3.ask("GET", s3.put(), headers={"Origin": "https://evil.example"})
    assert (answer.status, answer.all("access-control-allow-origin")) == (200, [])


@check
def an_answer_to_no_origin(s3):
    """GetObject: no CORS headers where no Origin was sent."""
    with_rules(s3)
    assert s3.ask("GET", s3.put()).all("access-control-allow-origin") == []


@check
def an_upload(s3):
    """PutObject: an allowed origin may read the answer and its ETag."""
    with_rules(s3)
    answer = s3.ask("PUT", s3.key(), headers={"Origin": APP}, body=b"x")
    assert (answer.status, answer.header("access-control-allow-origin")) == (200, APP)
    assert "etag" in answer.listed("access-control-expose-headers")


@check
def a_form(s3):
    """POST Object: an allowed origin may read the answer."""
    with_rules(s3)
    assert Form(s3, s3.key()).send(Origin=APP).header("access-control-allow-origin") == APP


@check
def a_refusal(s3):
    """Any operation: an allowed origin may read a refusal."""
    with_rules(s3)
    answer = s3.bare(s3.path(s3.put()), headers={"Origin": APP})
    assert (answer.status, answer.header("access-control-allow-origin")) == (403, APP)


@check
def a_missing_object(s3):
    """GetObject: an allowed origin may read that there is none."""
    with_rules(s3)
    answer = s3.ask("GET", s3.key(), headers={"Origin": APP})
    assert (answer.status, answer.header("access-control-allow-origin")) == (404, APP)


@check
def origins_by_wildcard(s3):
    """PutBucketCors: an origin may hold one `*`."""
    with_rules(s3)
    answer = s3.ask("GET", s3.put(), headers={"Origin": "https://a.wild.example"})
    assert answer.header("access-control-allow-origin") == "https://a.wild.example"
    assert s3.ask("GET", s3.put(), headers={"Origin": "https://wild.example.evil"}).all("access-control-allow-origin") == []


@check
def any_origin(s3):
    """PutBucketCors: `*` as origin is answered `*`."""
    with_rules(s3)
    answer = s3.ask("HEAD", s3.put(), headers={"Origin": "https://anyone.example"})
    assert answer.header("access-control-allow-origin") == "*"


@check
def the_first_rule_that_fits(s3):
    """PutBucketCors: the first rule that fits is used."""
    first = {"AllowedOrigins": [APP], "AllowedMethods": ["GET"], "MaxAgeSeconds": 1}
    with_rules(s3, [first, {**first, "MaxAgeSeconds": 2}])
    assert preflight(s3, "GET", headers=None).header("access-control-max-age") == "1"


@check
def method_of_no_sense(s3):
    """PutBucketCors: methods are GET, PUT, POST, DELETE, HEAD: 400 InvalidRequest."""
    with fails(400, "InvalidRequest"):
        with_rules(s3, [{"AllowedOrigins": ["*"], "AllowedMethods": ["PATCH"]}])


@check
def two_wildcards(s3):
    """PutBucketCors: an origin holds at most one `*`: 400 InvalidRequest."""
    with fails(400, "InvalidRequest"):
        with_rules(s3, [{"AllowedOrigins": ["https://*.a.*"], "AllowedMethods": ["GET"]}])


@check
def no_rules(s3):
    """PutBucketCors: 400 MalformedXML."""
    body = b"<CORSConfiguration></CORSConfiguration>"
    answer = s3.ask("PUT", query=[("cors", None)], body=body, headers={"Content-MD5": md5(body)})
    assert answer.status == 400 and code(answer) in ("MalformedXML", "InvalidRequest"), answer
