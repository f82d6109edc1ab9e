"""Uploads in parts: the parts go to the bucket, and what makes the object of them goes through the gateway."""

import base64
import json
import re
import signal
import time
import uuid
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree

import pytest
from botocore.exceptions import ClientError

import tokens
from conftest import APP
from http1 import ask
from processes import wait_until

MIB = 1024 * 1024
PART = 5 * MIB
SECRET = "a secret of at least thirty-two bytes, for uploads"
OPERATORS = "a secret of at least thirty-two bytes, for operators"
S3_XML = "{http://s3.amazonaws.com/doc/2006-03-01/}"


@pytest.fixture(scope="module")
def serve(site, tmp_path_factory):
    """Starts a gateway that takes uploads in parts to that store."""
    secrets = tmp_path_factory.mktemp("secrets")
    for name, text in [("uploads", SECRET), ("admin", OPERATORS)]:
        (secrets / name).write_text(text)
    sections = f'[uploads]\nsecret_file = "{secrets}/uploads"\n\n[admin]\nsecret_file = "{secrets}/admin"\n\n'

    def start(*edits, with_secret=True):
        return site.serve(("[token]", (sections if with_secret else "") + "[token]"), *edits)

    return start


@pytest.fixture(scope="module")
def gateway(serve):
    return serve()


def call(gateway, token, method, target, body=None, **headers):
    more = {} if body is None else {"json": body}
    return ask(gateway.origin, "/_edgepass/" + target, method=method, token=token, headers={"Origin": APP, **headers}, **more)


def wish(workspace, size=None, *, filename="film.png", media_type="image/png", **more):
    said = {"params": {"workspace": workspace.id}, "filename": filename, "type": media_type, "mode": "multipart", **more}
    return said if size is None else {**said, "size": size}


def begin(gateway, workspace, size=None, *, token=None, **more):
    answer = call(gateway, token or workspace.token("owner"), "POST", "uploads", wish(workspace, size, **more))
    assert answer.status == 201, answer
    assert answer.json()["mode"] == "multipart"
    return answer.json()


def target(given, *rest, key=True):
    path = "/".join(["s3/multipart", quote(given["upload_id"], safe=""), *map(str, rest)])
    return f"{path}?key={quote(given['key'], safe='')}" if key else path


def sign(gateway, token, given, number):
    return call(gateway, token, "GET", target(given, number))


def send(url, body, method="PUT", **headers):
    parts = urlsplit(url)
    return ask(f"{parts.scheme}://{parts.netloc}", f"{parts.path}?{parts.query}", method=method, body=body, headers=headers)


def send_parts(gateway, token, given, bodies, first=1):
    """Signs and sends; gives the list for the completion."""
    parts = []
    for number, body in enumerate(bodies, first):
        signed = sign(gateway, token, given, number)
        assert signed.status == 200, signed
        sent = send(signed.json()["url"], body)
        assert sent.status == 200, sent
        parts.append({"PartNumber": number, "ETag": sent.header("etag")})
    return parts


def complete(gateway, token, given, parts):
    return call(gateway, token, "POST", target(given, "complete"), {"parts": parts})


def cut(body, part=PART):
    return [body[at : at + part] for at in range(0, len(body), part)]


def content(size):
    """Bytes that no two parts share."""
    return b"".join(n.to_bytes(8, "big") for n in range(size // 8 + 1))[:size]


def open_uploads(s3, bucket, key):
    listed = s3.list_multipart_uploads(Bucket=bucket["bucket"], Prefix=key)
    return [upload for upload in listed.get("Uploads", []) if upload["Key"] == key]


def exists(s3, bucket, key):
    return any(item["Key"] == key for item in s3.list_objects_v2(Bucket=bucket["bucket"], Prefix=key).get("Contents", []))


def test_a_file_in_parts(gateway, workspace, s3, bucket):
    token, body = workspace.token("owner"), content(11 * MIB)
    given = begin(gateway, workspace, len(body), part_size=PART)
    assert given["part_size"] == PART and given["key"] == given["path"][1:]
    assert 6 * 86400 < given["expires"] - time.time() <= 7 * 86400
    [raw] = open_uploads(s3, bucket, given["key"])
    assert raw["UploadId"] not in given["upload_id"] and re.fullmatch(r"[\w-]+", given["upload_id"])

    answer = call(gateway, token, "GET", target(given, "batch") + "&partNumbers=1,2,3")
    urls = answer.json()["presignedUrls"]
    assert list(urls) == ["1", "2", "3"]
    parts = []
    for (number, url), piece in zip(urls.items(), cut(body)):
        sent = send(url, piece)
        assert sent.status == 200, sent
        parts.append({"PartNumber": int(number), "ETag": sent.header("etag")})
    listed = call(gateway, token, "GET", target(given)).json()
    assert [(part["PartNumber"], part["ETag"], part["Size"]) for part in listed] == [
        (part["PartNumber"], part["ETag"], len(piece)) for part, piece in zip(parts, cut(body))
    ]
    assert not exists(s3, bucket, given["key"])

    done = complete(gateway, token, given, parts)
    assert done.status == 200, done
    assert done.json() == {
        "location": gateway.origin + given["path"],
        "key": given["key"],
        "bucket": bucket["bucket"],
        "path": given["path"],
    }
    stored = s3.get_object(Bucket=bucket["bucket"], Key=given["key"])
    assert stored["ContentType"] == "image/png" and stored["Body"].read() == body
    read = ask(gateway.origin, given["path"], token=token)
    assert read.status == 200 and read.body == body
    assert not open_uploads(s3, bucket, given["key"])


def test_completing_twice_is_completing_once(gateway, workspace, s3, bucket):
    token = workspace.token("owner")
    given = begin(gateway, workspace, 7)
    parts = send_parts(gateway, token, given, [b"7 bytes"])
    first, second = complete(gateway, token, given, parts), complete(gateway, token, given, parts)
    assert (first.status, second.status) == (200, 200), (first, second)
    assert first.json() == second.json()
    # Another object in its place is not what this upload made.
    s3.put_object(Bucket=bucket["bucket"], Key=given["key"], Body=b"other")
    third = complete(gateway, token, given, parts)
    assert (third.status, third.code) == (404, "not_found"), third


def test_the_key_of_an_upload_is_not_taken_from_another(gateway, workspace, s3, bucket):
    """If-None-Match at the completion, where the store knows it; Ceph RGW 16 does not."""
    token = workspace.token("owner")
    given = begin(gateway, workspace, 7)
    parts = send_parts(gateway, token, given, [b"7 bytes"])
    s3.put_object(Bucket=bucket["bucket"], Key=given["key"], Body=b"other")
    answer = complete(gateway, token, given, parts)
    assert (answer.status, answer.code) in [(412, "precondition_failed"), (200, None)], answer


def test_abort(gateway, workspace, s3, bucket):
    token = workspace.token("owner")
    given = begin(gateway, workspace, 7)
    parts = send_parts(gateway, token, given, [b"7 bytes"])
    assert call(gateway, token, "DELETE", target(given)).json() == {}
    assert not open_uploads(s3, bucket, given["key"])
    assert call(gateway, token, "DELETE", target(given)).status == 200, "it is gone, which is what was asked for"
    for answer in [call(gateway, token, "GET", target(given)), complete(gateway, token, given, parts)]:
        assert (answer.status, answer.code) == (404, "not_found"), answer


def everything(gateway, token, given):
    """Each thing that can be asked about an upload, with its answer."""
    signed = {"key": given["key"], "uploadId": given["upload_id"]}
    part = [{"PartNumber": 1, "ETag": '"x"'}]
    return {
        "list": call(gateway, token, "GET", target(given)),
        "part": sign(gateway, token, given, 1),
        "batch": call(gateway, token, "GET", target(given, "batch") + "&partNumbers=1"),
        "sign part": call(gateway, token, "POST", "s3/sign", {"method": "PUT", "partNumber": 1, **signed}),
        "sign list": call(gateway, token, "POST", "s3/sign", {"method": "GET", **signed}),
        "sign complete": call(gateway, token, "POST", "s3/sign", [{"method": "POST", **signed}]),
        "sign abort": call(gateway, token, "POST", "s3/sign", {"method": "DELETE", **signed}),
        "complete": complete(gateway, token, given, part),
        "abort": call(gateway, token, "DELETE", target(given)),
    }


def refused(gateway, token, given, status, code):
    answers = everything(gateway, token, given)
    assert {what: (answer.status, answer.code) for what, answer in answers.items()} == dict.fromkeys(answers, (status, code))


@pytest.fixture
def begun(gateway, workspace, s3, bucket):
    """An upload of ada's, which stands at the end of the test as it did at its beginning."""
    given = begin(gateway, workspace, 7, token=workspace.token("owner", sub="ada"))
    yield given
    assert len(open_uploads(s3, bucket, given["key"])) == 1


def test_a_stolen_id_is_of_no_use(gateway, workspace, begun):
    """Another member of the same workspace, with the same role."""
    refused(gateway, workspace.token("owner", sub="eve"), begun, 403, "forbidden")
    answer = sign(gateway, workspace.token("owner", sub="eve"), begun, 1)
    assert gateway.log_of(answer)["reason"] == "upload_of_another"


def test_nobody_without_a_token(gateway, begun):
    refused(gateway, None, begun, 401, "token_missing")


def test_a_role_that_changes_stops_the_upload(gateway, workspace, begun):
    assert sign(gateway, workspace.token("owner", sub="ada"), begun, 1).status == 200
    refused(gateway, workspace.token("reader", sub="ada"), begun, 403, "forbidden")


def test_an_expired_token_stops_the_upload_and_a_new_one_goes_on(gateway, workspace, begun):
    past = int(time.time()) - 7200
    refused(gateway, workspace.token("owner", sub="ada", iat=past, exp=past + 60), begun, 401, "token_expired")
    assert sign(gateway, workspace.token("owner", sub="ada"), begun, 1).status == 200


def test_a_revoked_token_stops_the_upload(gateway, workspace, begun):
    token = workspace.token("owner", sub="ada", jti=str(uuid.uuid4()))
    assert sign(gateway, token, begun, 1).status == 200
    jti = json.loads(tokens.unb64(token.split(".")[1]))["jti"]
    headers = {"Authorization": f"Bearer {OPERATORS}"}
    assert ask(gateway.admin, "/revocations", method="POST", json={"jti": jti}, headers=headers).status in (200, 201, 204)
    refused(gateway, token, begun, 401, "token_revoked")


def test_a_token_without_a_subject_is_its_own_owner(gateway, workspace):
    def without_subject(**changes):
        claims = tokens.claims(members={workspace.id: "owner"}, **changes)
        claims.pop("sub", None)
        return workspace._keys.es256.sign(claims)

    mine, other = without_subject(), without_subject(jti=str(uuid.uuid4()))
    given = begin(gateway, workspace, 7, token=mine)
    assert sign(gateway, mine, given, 1).status == 200
    refused(gateway, other, given, 403, "forbidden")


def test_a_tampered_id(gateway, workspace, begun):
    token, seal = workspace.token("owner", sub="ada"), begun["upload_id"]
    raw = tokens.unb64(seal)
    larger = raw.replace(b'"s":7', b'"s":9')
    assert larger != raw
    for changed in [tokens.b64(larger), seal[:-1], seal[1:], "A" * len(seal), "x", seal.swapcase(), base64.b64encode(b"2~raw").decode()]:
        refused(gateway, token, {**begun, "upload_id": changed}, 403, "forbidden")
    answer = sign(gateway, token, {**begun, "upload_id": tokens.b64(larger)}, 1)
    assert gateway.log_of(answer)["reason"] == "upload_id_forged"


def test_another_gateways_secret_made_another_seal(serve, workspace, begun, tmp_path):
    (tmp_path / "other").write_text("another secret of at least thirty-two bytes")
    other = serve((f'[uploads]\nsecret_file = "', f'[uploads]\nsecret_file = "{tmp_path}/other" # '))
    refused(other, workspace.token("owner", sub="ada"), begun, 403, "forbidden")


def test_a_foreign_key(gateway, workspace, begun):
    token = workspace.token("owner", sub="ada")
    for key in ["x", begun["key"] + "x", f"{uuid.uuid4()}/{uuid.uuid4()}/film.png"]:
        for rest, method, body in [((), "GET", None), ((1,), "GET", None), ((), "DELETE", None), (("complete",), "POST", {"parts": []})]:
            answer = call(gateway, token, method, target({**begun, "key": key}, *rest), body)
            if body is None:
                assert (answer.status, answer.code) == (403, "forbidden"), (key, rest, answer)
            else:
                assert answer.status in (400, 403)
    assert sign(gateway, token, begun, 1).status == 200
    assert call(gateway, token, "GET", target(begun, 1, key=False)).status == 200, "the id alone says where"


def test_the_bounds_of_parts(gateway, workspace):
    token = workspace.token("owner")
    given = begin(gateway, workspace, 11 * MIB, part_size=PART)
    statuses = {number: sign(gateway, token, given, number).status for number in ["0", "1", "3", "4", "10001", "-1", "01", "x", "99999999999"]}
    assert statuses == {"0": 400, "1": 200, "3": 200, "4": 400, "10001": 400, "-1": 400, "01": 400, "x": 400, "99999999999": 400}
    open_size = begin(gateway, workspace)
    assert [sign(gateway, token, open_size, number).status for number in (1, 5, 6)] == [200, 200, 400], "20 MiB in parts of 5"
    for numbers in ["", "1,", "1,1x", ",".join(["1"] * 101)]:
        assert call(gateway, token, "GET", target(given, "batch") + f"&partNumbers={numbers}").status == 400, numbers
    for part_size in [0, PART - 1, 6 * 1024 * MIB, "x"]:
        assert call(gateway, token, "POST", "uploads", wish(workspace, 7, part_size=part_size)).status == 400, part_size


def test_a_part_has_the_length_that_was_signed(gateway, workspace):
    token = workspace.token("owner")
    given = begin(gateway, workspace, PART + 3, part_size=PART)
    url = sign(gateway, token, given, 2).json()["url"]
    assert [send(url, body).status for body in (b"four", b"", b"tri")] == [403, 403, 200]


def test_the_size_is_checked_before_it_begins(gateway, workspace):
    answer = call(gateway, workspace.token("owner"), "POST", "uploads", wish(workspace, 20 * MIB + 1))
    assert (answer.status, answer.code) == (413, "too_large")
    answer = call(gateway, workspace.token("owner"), "POST", "uploads", wish(workspace, 7, media_type="text/html"))
    assert (answer.status, answer.code) == (415, "type_not_allowed")
    answer = call(gateway, workspace.token("reader"), "POST", "uploads", wish(workspace, 7))
    assert (answer.status, answer.code) == (403, "forbidden")


def test_parts_beyond_the_limit_are_thrown_away(gateway, workspace, s3, bucket):
    """Nothing bounds the parts of a file whose size was not said, but the completion does."""
    token = workspace.token("owner")
    given = begin(gateway, workspace)
    parts = send_parts(gateway, token, given, cut(content(20 * MIB + 1)))
    answer = complete(gateway, token, given, parts)
    assert (answer.status, answer.code) == (413, "too_large"), answer
    assert answer.json()["message"] == "20971521 bytes; at most 20971520 are taken"
    assert not exists(s3, bucket, given["key"]) and not open_uploads(s3, bucket, given["key"])


def test_parts_that_are_not_the_stores(gateway, workspace, s3, bucket):
    token = workspace.token("owner")
    given = begin(gateway, workspace, PART + 3, part_size=PART)
    one, two = send_parts(gateway, token, given, [content(PART), b"tri"])
    for parts in [[one], [], [two, one], [one, one], [one, {**two, "ETag": '"0"'}], [one, two, {"PartNumber": 3, "ETag": '"x"'}], "x", [1]]:
        answer = complete(gateway, token, given, parts)
        assert (answer.status, answer.code) == (400, "bad_request"), (parts, answer)
    assert not exists(s3, bucket, given["key"])
    bare = {**two, "ETag": two["ETag"].strip('"')}
    assert complete(gateway, token, given, [one, bare]).status == 200, "some clients take the quotes off"


def test_a_part_that_copies_another_object(gateway, workspace, other_workspace, s3, bucket):
    """With a header that nobody signed: else whoever may upload could read whatever the store holds."""
    token, secret = workspace.token("owner"), other_workspace.put(body=content(PART))
    given = begin(gateway, workspace)
    url = sign(gateway, token, given, 1).json()["url"]
    stolen = send(url, b"", **{"x-amz-copy-source": f"/{bucket['bucket']}{secret}"})
    assert stolen.status == 403, stolen
    listed = s3.list_parts(Bucket=bucket["bucket"], Key=given["key"], UploadId=open_uploads(s3, bucket, given["key"])[0]["UploadId"])
    assert "Parts" not in listed


def test_small_parts_are_refused_by_the_store(gateway, workspace):
    token = workspace.token("owner")
    given = begin(gateway, workspace)
    parts = send_parts(gateway, token, given, [b"one", b"two"])
    answer = complete(gateway, token, given, parts)
    assert (answer.status, answer.code) == (400, "bad_request"), answer
    assert gateway.log_of(answer)["reason"] == "upload_part_too_small"


def test_killed_and_gone_on_with(serve, site, workspace, s3, bucket):
    token, body = workspace.token("owner"), content(PART + 9)
    gateway = serve()
    given = begin(gateway, workspace, len(body), part_size=PART)
    parts = send_parts(gateway, token, given, cut(body)[:1])
    gateway.stop(signal.SIGKILL)
    again = site.again(gateway)
    try:
        parts += send_parts(again, token, given, cut(body)[1:], first=2)
        assert complete(again, token, given, parts).status == 200
    finally:
        again.stop()
    assert s3.get_object(Bucket=bucket["bucket"], Key=given["key"])["Body"].read() == body


def test_a_site_without_a_secret_says_so(serve, workspace):
    gateway = serve(with_secret=False)
    token = workspace.token("owner")
    for answer in [
        call(gateway, token, "POST", "uploads", wish(workspace, 7)),
        call(gateway, token, "POST", "s3/multipart", {"filename": "a", "type": "image/png", "metadata": {"workspace": workspace.id}}),
        call(gateway, token, "POST", "s3/sign", {"method": "POST", "key": "a", "params": {"workspace": workspace.id}}),
    ]:
        assert (answer.status, answer.code) == (404, "not_found")
        assert "[uploads]" in answer.json()["detail"]
        assert gateway.log_of(answer)["reason"] == "no_multipart"


# The words of Companion and of Uppy 6's signRequest


def test_companions_params(gateway, workspace, s3, bucket):
    token = workspace.token("owner")
    query = f"filename=a+b.png&type=image%2Fpng&metadata%5Bworkspace%5D={workspace.id}&metadata%5Bname%5D=a+b.png"
    answer = call(gateway, token, "GET", f"s3/params?{query}")
    assert answer.status == 200, answer
    said = answer.json()
    assert said["method"] == "POST" and said["fields"]["key"] == said["key"] and said["key"].endswith("/a b.png")
    assert said["expires"] == 900, "seconds from now: Uppy 5 makes a time limit of them"
    bad = call(gateway, token, "GET", "s3/params?filename=a&type=image%2Fpng")
    assert (bad.status, bad.json()["message"]) == (400, "`params.workspace` is missing")


def test_companions_multipart(gateway, workspace, s3, bucket):
    token, body = workspace.token("owner"), content(PART + 5)
    said = {"filename": "film.png", "type": "image/png", "metadata": {"workspace": workspace.id, "name": "film.png", "type": "image/png"}}
    answer = call(gateway, token, "POST", "s3/multipart", said)
    assert answer.status == 200, answer
    given = {"upload_id": answer.json()["uploadId"], "key": answer.json()["key"]}
    assert answer.json()["bucket"] == bucket["bucket"]
    parts = send_parts(gateway, token, given, cut(body))
    done = complete(gateway, token, given, parts)
    assert done.status == 200 and done.json()["location"] == f"{gateway.origin}/{given['key']}"
    assert s3.get_object(Bucket=bucket["bucket"], Key=given["key"])["Body"].read() == body


def test_sign_request(gateway, workspace, s3, bucket):
    token, body = workspace.token("owner"), content(PART + 5)

    def signed(**request):
        answer = call(gateway, token, "POST", "s3/sign", request)
        assert answer.status == 200, answer
        return answer.json()

    create = signed(method="POST", key=f"{uuid.uuid4()}-a&b.png", params={"workspace": workspace.id})
    assert create["key"].endswith("/a&b.png") and create["url"].startswith(gateway.origin + "/_edgepass/s3/object?ticket=")
    made = send(create["url"], b"", "POST", Origin=APP, **{"Content-Type": "image/png"})
    assert (made.status, made.header("content-type"), made.header("access-control-allow-origin")) == (200, "application/xml", APP)
    root = ElementTree.fromstring(made.body)
    assert root.findtext(f"{S3_XML}Key") == create["key"]
    upload = {"key": create["key"], "uploadId": root.findtext(f"{S3_XML}UploadId")}

    etags = []
    for number, piece in enumerate(cut(body), 1):
        part = signed(method="PUT", partNumber=number, **upload)
        assert part["key"] == create["key"] and part["url"].startswith(bucket["endpoint"])
        etags.append(send(part["url"], piece).header("etag").strip('"'))
    listed = send(signed(method="GET", **upload)["url"], b"", "GET")
    assert [e.text for e in ElementTree.fromstring(listed.body).iter(f"{S3_XML}PartNumber")] == ["1", "2"]

    done = signed(method="POST", **upload)["url"]
    xml = "".join(f"<Part><PartNumber>{n}</PartNumber><ETag>{etag}</ETag></Part>" for n, etag in enumerate(etags, 1))
    for _ in range(2):
        answer = send(done, f"<CompleteMultipartUpload>{xml}</CompleteMultipartUpload>".encode(), "POST", Origin=APP)
        assert answer.status == 200, answer
        assert ElementTree.fromstring(answer.body).findtext(f"{S3_XML}Location") == gateway.origin + "/" + quote(create["key"])
    stored = s3.get_object(Bucket=bucket["bucket"], Key=create["key"])
    assert stored["ContentType"] == "image/png" and stored["Body"].read() == body

    one = signed(method="PUT", key="b.png", contentType="image/png", size=3, params={"workspace": workspace.id})
    assert one["fields"]["key"] == one["key"]
    batch = call(gateway, token, "POST", "s3/sign", [{"method": "GET", **upload}] * 3)
    assert [item["key"] for item in batch.json()] == [create["key"]] * 3
    assert call(gateway, token, "POST", "s3/sign", [{"method": "GET", **upload}] * 101).status == 400


def test_tickets(gateway, workspace):
    token = workspace.token("owner")
    request = {"method": "POST", "key": "a.png", "params": {"workspace": workspace.id}}
    url = call(gateway, token, "POST", "s3/sign", request).json()["url"]
    wrong = send(url, b"", "POST", **{"Content-Type": "text/html"})
    assert (wrong.status, wrong.header("content-type")) == (415, "application/xml")
    code = ElementTree.fromstring(wrong.body).findtext("Code")
    assert code == "InvalidRequest"
    changed = url[:-1] + ("A" if url[-1] != "A" else "B")
    for bad in [changed, url.split("=")[0] + "=", url.split("?")[0]]:
        answer = send(bad, b"", "POST", **{"Content-Type": "image/png"})
        assert (answer.status, ElementTree.fromstring(answer.body).findtext("Code")) == (403, "AccessDenied"), answer
    stranger = send(url, b"", "POST", Origin="https://evil.example", **{"Content-Type": "image/png"})
    assert stranger.status == 403 and stranger.header("access-control-allow-origin") is None
    given = begin(gateway, workspace, 7)
    as_ticket = send(f"{gateway.origin}/_edgepass/s3/object?ticket={given['upload_id']}", b"", "POST")
    assert as_ticket.status == 403, "an id is no ticket"
    ticket = url.split("=")[1]
    refused(gateway, token, {**given, "upload_id": ticket}, 403, "forbidden")


def test_a_completion_by_ticket_is_bounded_too(gateway, workspace, s3, bucket):
    token = workspace.token("owner")
    given = begin(gateway, workspace)
    parts = send_parts(gateway, token, given, cut(content(20 * MIB + 1)))
    signed = {"method": "POST", "key": given["key"], "uploadId": given["upload_id"]}
    url = call(gateway, token, "POST", "s3/sign", signed).json()["url"]
    huge = send(url, b"<CompleteMultipartUpload>" + b" " * MIB, "POST")
    assert huge.status == 413
    for bad in [b"", b"x", b"<!DOCTYPE x [<!ENTITY a 'b'>]><CompleteMultipartUpload/>", b"<a>" * 1000]:
        assert send(url, bad, "POST").status == 400, bad
    xml = "".join(f"<Part><PartNumber>{part['PartNumber']}</PartNumber><ETag>{part['ETag']}</ETag></Part>" for part in parts)
    answer = send(url, f"<CompleteMultipartUpload>{xml}</CompleteMultipartUpload>".encode(), "POST")
    assert (answer.status, ElementTree.fromstring(answer.body).findtext("Code")) == (413, "EntityTooLarge"), answer
    assert not exists(s3, bucket, given["key"]) and not open_uploads(s3, bucket, given["key"])


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("s3/params", {"get", "options"}),
        ("s3/sign", {"post", "options"}),
        ("s3/object", {"post", "options"}),
        ("s3/multipart", {"post", "options"}),
        ("s3/multipart/x", {"get", "delete", "options"}),
        ("s3/multipart/x/batch", {"get", "options"}),
        ("s3/multipart/x/7", {"get", "options"}),
        ("s3/multipart/x/complete", {"post", "options"}),
    ],
)
def test_methods_and_preflights(gateway, path, methods):
    answer = call(gateway, None, "OPTIONS", path)
    assert answer.status == 204 and answer.listed("access-control-allow-methods") == methods
    assert {"authorization", "content-type"} <= answer.listed("access-control-allow-headers")
    wrong = call(gateway, None, "PUT", path)
    assert wrong.status == 405 and wrong.listed("allow") == methods


def test_no_raw_id_and_no_token_in_the_log(gateway, workspace, s3, bucket):
    token = workspace.token("owner")
    given = begin(gateway, workspace, 7)
    [raw] = open_uploads(s3, bucket, given["key"])
    answer = sign(gateway, token, given, 1)
    gateway.log_of(answer)
    assert raw["UploadId"] not in gateway.log_text() and token.split(".")[2] not in gateway.log_text()


def test_the_abandoned_are_swept(serve, workspace, s3, bucket):
    """Those of the upload routes, and no others of the bucket."""
    foreign = f"elsewhere/{uuid.uuid4()}"
    ours = f"{workspace.id}/{uuid.uuid4()}/old.png"
    for key in (foreign, ours):
        s3.create_multipart_upload(Bucket=bucket["bucket"], Key=key)
    begun = time.monotonic()
    wait_until(lambda: time.monotonic() > begun + 61, 70)  # the least age that a configuration may call abandoned
    gateway = serve(("[issuer.app]", 'abandoned_uploads = "1m"\n\n[issuer.app]'))
    young = begin(gateway, workspace, 7)
    wait_until(lambda: not open_uploads(s3, bucket, ours), 30, "the sweep")
    assert len(open_uploads(s3, bucket, foreign)) == 1 and len(open_uploads(s3, bucket, young["key"])) == 1
    counted = re.compile(rb"^edgepass_uploads_abandoned_total [1-9]", re.M)
    assert wait_until(lambda: counted.search(ask(gateway.admin, "/metrics").body), what="the count")
    assert wait_until(lambda: '"event":"abandoned_uploads"' in gateway.log_text(), what="the log's line")
    for upload in open_uploads(s3, bucket, foreign):
        s3.abort_multipart_upload(Bucket=bucket["bucket"], Key=foreign, UploadId=upload["UploadId"])
