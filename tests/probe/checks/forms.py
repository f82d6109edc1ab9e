"""Uploads by HTML forms. "POST Object" and "POST Policy" of the S3 API reference."""

import base64
import json
import uuid
from datetime import datetime, timedelta, timezone

from registry import check
from s3 import code, etag_of, refused, texts


class Form:
    """A form for one key, which a check changes in one place."""

    def __init__(self, s3, key, *, conditions=(), signer=None, expires=timedelta(minutes=5), bucket=None, bind_key=True):
        self.s3, self.signer = s3, signer or s3.signer
        when = self.signer.time()
        self.fields = {
            "key": key,
            "x-amz-algorithm": "AWS4-HMAC-SHA256",
            "x-amz-credential": f"{self.signer.access}/{self.signer.scope(when)}",
            "x-amz-date": when,
        }
        rules = [{"bucket": bucket or s3.bucket}, *conditions]
        rules += [{name: value} for name, value in self.fields.items() if name != "key" or bind_key]
        expiration = (datetime.now(timezone.utc) - self.signer.late + expires).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        policy = json.dumps({"expiration": expiration, "conditions": rules})
        self.sign(when, base64.b64encode(policy.encode()).decode())

    def sign(self, when, policy):
        self.fields |= {"policy": policy, "x-amz-signature": self.signer.sign(when, policy)}

    def send(self, body=b"some bytes", *, filename="photo.png", after=(), file=True, **headers):
        boundary = f"----{uuid.uuid4().hex}"
        part = "--{}\r\nContent-Disposition: form-data; name=\"{}\"{}\r\n\r\n".format
        data = b"".join((part(boundary, name, "") + f"{value}\r\n").encode() for name, value in self.fields.items())
        if file:
            data += part(boundary, "file", f'; filename="{filename}"').encode() + body + b"\r\n"
        data += b"".join((part(boundary, name, "") + f"{value}\r\n").encode() for name, value in after)
        data += f"--{boundary}--\r\n".encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", **headers}
        return self.s3.bare(self.s3.path(), "POST", headers, data)


def absent(s3, key):
    assert s3.ask("GET", key).status == 404, "it was stored"


@check
def plain(s3):
    """POST Object: 204, and the bytes are there."""
    key = s3.key()
    assert Form(s3, key).send(b"by a form").status == 204
    assert s3.get(key) == b"by a form"


@check
def etag_and_location(s3):
    """POST Object: the answer has ETag and Location."""
    key = s3.key()
    answer = Form(s3, key).send(b"x")
    assert answer.header("etag") == etag_of(b"x")
    assert answer.header("location").endswith(key)


@check
def status_201(s3):
    """POST Object: success_action_status 201 gives a document with Location, Bucket, Key and ETag."""
    key = s3.key()
    form = Form(s3, key, conditions=[{"success_action_status": "201"}])
    form.fields["success_action_status"] = "201"
    answer = form.send(b"x")
    assert answer.status == 201
    assert (texts(answer, "Bucket"), texts(answer, "Key"), texts(answer, "ETag")) == ([s3.bucket], [key], [etag_of(b"x")])
    assert texts(answer, "Location")[0]


@check
def status_200(s3):
    """POST Object: success_action_status 200 gives an empty 200."""
    form = Form(s3, s3.key(), conditions=[{"success_action_status": "200"}])
    form.fields["success_action_status"] = "200"
    answer = form.send(b"x")
    assert (answer.status, answer.body) == (200, b"")


@check
def status_of_no_sense(s3):
    """POST Object: another success_action_status is 204."""
    form = Form(s3, s3.key(), conditions=[{"success_action_status": "418"}])
    form.fields["success_action_status"] = "418"
    assert form.send(b"x").status == 204


@check
def redirect(s3):
    """POST Object: success_action_redirect is a 303 with bucket, key and etag in the query."""
    to = "https://app.example.com/done"
    key = s3.key()
    form = Form(s3, key, conditions=[{"success_action_redirect": to}])
    form.fields["success_action_redirect"] = to
    answer = form.send(b"x")
    assert answer.status == 303
    location = answer.header("location")
    assert location.startswith(to + "?") and f"bucket={s3.bucket}" in location and "key=" in location and "etag=" in location


@check
def filename(s3):
    """POST Object: ${filename} in the key becomes the file's name."""
    prefix = s3.key("")
    form = Form(s3, prefix + "${filename}", conditions=[["starts-with", "$key", prefix]], bind_key=False)
    assert form.send(b"x", filename="holiday.png").status == 204
    assert s3.get(prefix + "holiday.png") == b"x"


@check
def expired(s3):
    """POST Policy: 403 AccessDenied after the expiration."""
    key = s3.key()
    refused(Form(s3, key, expires=timedelta(seconds=-30)).send(), 403, "AccessDenied")
    absent(s3, key)


@check
def signed_an_hour_ago(s3):
    """POST Policy: a form is good until its expiration."""
    form = Form(s3, s3.key(), signer=s3.signer.but(late=timedelta(hours=1)), expires=timedelta(hours=2))
    assert form.send().status == 204


@check
def another_key(s3):
    """POST Policy: 403 AccessDenied where a condition fails."""
    form, other = Form(s3, s3.key()), s3.key()
    form.fields["key"] = other
    refused(form.send(), 403, "AccessDenied")
    absent(s3, other)


@check
def outside_the_prefix(s3):
    """POST Policy: starts-with."""
    prefix, other = s3.key(""), s3.key()
    form = Form(s3, prefix + "a", conditions=[["starts-with", "$key", prefix]], bind_key=False)
    form.fields["key"] = other
    refused(form.send(), 403, "AccessDenied")
    absent(s3, other)


@check
def dot_segments_are_no_way_out(s3):
    """POST Policy: a key is text: `..` leads nowhere."""
    prefix, name = s3.key(""), str(uuid.uuid4())
    key = f"{prefix}../../{s3.bucket}/{name}"
    form = Form(s3, key, conditions=[["starts-with", "$key", prefix]], bind_key=False)
    assert form.send(b"x").status == 204
    assert s3.get(key) == b"x"
    absent(s3, name)


@check
def too_large(s3):
    """POST Policy: content-length-range: 400 EntityTooLarge."""
    key = s3.key()
    refused(Form(s3, key, conditions=[["content-length-range", 2, 5]]).send(b"123456"), 400, "EntityTooLarge")
    absent(s3, key)


@check
def too_small(s3):
    """POST Policy: content-length-range: 400 EntityTooSmall."""
    key = s3.key()
    refused(Form(s3, key, conditions=[["content-length-range", 2, 5]]).send(b"1"), 400, "EntityTooSmall")
    absent(s3, key)


@check
def just_right(s3):
    """POST Policy: content-length-range includes both its ends."""
    for body in (b"12", b"12345"):
        assert Form(s3, s3.key(), conditions=[["content-length-range", 2, 5]]).send(body).status == 204, body


@check
def a_field_of_which_the_policy_says_nothing(s3):
    """POST Policy: each field of the form is in the policy, or 403 AccessDenied."""
    key = s3.key()
    form = Form(s3, key)
    form.fields["x-amz-meta-a"] = "b"
    refused(form.send(), 403, "AccessDenied")
    absent(s3, key)


@check
def x_ignore(s3):
    """POST Policy: fields that begin with x-ignore- need no condition."""
    form = Form(s3, s3.key())
    form.fields["x-ignore-me"] = "x"
    assert form.send().status == 204


@check
def wrong_signature(s3):
    """POST Object: 403 SignatureDoesNotMatch."""
    key = s3.key()
    refused(Form(s3, key, signer=s3.signer.but(secret="wrong")).send(), 403, "SignatureDoesNotMatch")
    absent(s3, key)


@check
def unknown_access_key(s3):
    """POST Object: 403 InvalidAccessKeyId."""
    refused(Form(s3, s3.key(), signer=s3.signer.but(access="NOBODYNOBODYNOBODY00")).send(), 403, "InvalidAccessKeyId")


@check
def edited_policy(s3):
    """POST Object: the policy is what was signed."""
    key = s3.key()
    form = Form(s3, key)
    policy = json.loads(base64.b64decode(form.fields["policy"]))
    form.fields["policy"] = base64.b64encode(json.dumps({**policy, "expiration": "2099-01-01T00:00:00.000Z"}).encode()).decode()
    refused(form.send(), 403, "SignatureDoesNotMatch")
    absent(s3, key)


@check
def no_policy(s3):
    """POST Object: without a policy the sender is nobody: 403 AccessDenied."""
    key = s3.key()
    form = Form(s3, key)
    form.fields = {"key": key}
    refused(form.send(), 403)
    absent(s3, key)


@check
def policy_without_sense(s3):
    """POST Object: 400 InvalidPolicyDocument."""
    form = Form(s3, s3.key())
    for text in ("{", '{"expiration": 5, "conditions": []}', '{"conditions": []}'):
        form.sign(form.fields["x-amz-date"], base64.b64encode(text.encode()).decode())
        answer = form.send()
        assert answer.status in (400, 403), (text, answer.status)


@check
def without_a_key(s3):
    """POST Object: the field `key` is required: 400 InvalidArgument."""
    form = Form(s3, "x", bind_key=False)
    del form.fields["key"]
    refused(form.send(), 400, "InvalidArgument")


@check
def without_a_file(s3):
    """POST Object: the field `file` is required: 400 InvalidArgument."""
    key = s3.key()
    refused(Form(s3, key).send(file=False), 400, "InvalidArgument")
    absent(s3, key)


@check
def another_bucket(s3):
    """POST Policy: the condition on the bucket."""
    key = s3.key()
    refused(Form(s3, key, bucket="another-bucket").send(), 403, "AccessDenied")
    absent(s3, key)


@check
def content_type(s3):
    """POST Object: the field Content-Type is the object's type; starts-with may leave it open."""
    key = s3.key()
    form = Form(s3, key, conditions=[["starts-with", "$Content-Type", "image/"]])
    form.fields["Content-Type"] = "image/gif"
    assert form.send().status == 204
    assert s3.head(key)["ContentType"] == "image/gif"


@check
def another_content_type(s3):
    """POST Policy: 403 where the type is another."""
    key = s3.key()
    form = Form(s3, key, conditions=[["starts-with", "$Content-Type", "image/"]])
    form.fields["Content-Type"] = "text/html"
    refused(form.send(), 403, "AccessDenied")
    absent(s3, key)


@check
def metadata(s3):
    """POST Object: x-amz-meta-* fields are metadata."""
    key = s3.key()
    form = Form(s3, key, conditions=[{"x-amz-meta-tag": "value"}])
    form.fields["x-amz-meta-tag"] = "value"
    assert form.send().status == 204
    assert s3.head(key)["Metadata"] == {"tag": "value"}


@check
def fields_after_the_file(s3):
    """POST Object: what comes after the file is ignored."""
    key, other = s3.key(), s3.key()
    assert Form(s3, key).send(b"x", after=[("key", other)]).status == 204
    assert s3.get(key) == b"x"
    absent(s3, other)


@check
def names_in_any_case(s3):
    """POST Object: names of fields are without regard to case."""
    form = Form(s3, s3.key())
    form.fields = {name.title() if name.startswith("x-") else name: value for name, value in form.fields.items()}
    assert form.send().status == 204


@check
def no_form(s3):
    """POST Object: 412 PreconditionFailed where the body is no multipart/form-data."""
    answer = s3.bare(s3.path(), "POST", {"Content-Type": "application/x-www-form-urlencoded"}, b"key=a")
    refused(answer, 412, "PreconditionFailed")


@check
def bytes_that_look_like_a_form(s3):
    """POST Object: a file is its bytes: line ends and dashes in it end nothing."""
    body = b"\r\n--\r\n------\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nx\r\n--"
    key = s3.key()
    assert Form(s3, key).send(body).status == 204
    assert s3.get(key) == body


@check
def an_empty_file(s3):
    """POST Object: a file may have no bytes."""
    key = s3.key()
    assert Form(s3, key).send(b"").status == 204
    assert s3.get(key) == b""


@check
def missing_bucket(s3):
    """POST Object: 404 NoSuchBucket."""
    form = Form(s3, "a", bucket="no-such-bucket-of-the-probe")
    path, s3_path = "/no-such-bucket-of-the-probe", s3.path
    s3.path = lambda *_: path
    try:
        answer = form.send()
    finally:
        s3.path = s3_path
    assert answer.status in (403, 404) and code(answer) in ("NoSuchBucket", "AccessDenied"), answer
