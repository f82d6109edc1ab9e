"""Uploads go straight to the bucket: the gateway only signs, and the store checks what was signed."""

import base64
import json
import re
import subprocess
import uuid

import pytest

from conftest import APP
from http1 import ask, exchange, request
from processes import wait_until

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
BODY = bytes(range(256)) * 40


def wish(workspace, size=len(BODY), *, filename="photo.png", media_type="image/png", **more):
    return {"params": {"workspace": workspace.id}, "filename": filename, "type": media_type, "size": size, **more}


def ask_grant(gateway, token, body, **headers):
    return ask(gateway.origin, "/_edgepass/uploads", method="POST", token=token, json=body, headers={"Origin": APP, **headers})


def grant(gateway, workspace, mode, **options):
    answer = ask_grant(gateway, workspace.token("owner"), wish(workspace, mode=mode, **options))
    assert answer.status == 201, answer
    given = answer.json()
    assert given["mode"] == mode
    return given


def split_url(url):
    match = re.fullmatch(r"(http://[^/]+)(/.*)", url)
    return match.group(1), match.group(2)


def put(given, body, **changes):
    """The presigned PUT, by hand. `changes` replace or (None) remove headers."""
    headers = {**given.get("headers", {}), **{name.replace("_", "-"): value for name, value in changes.items()}}
    origin, target = split_url(given["url"])
    return ask(origin, target, method=given["method"], body=body, headers={n: v for n, v in headers.items() if v is not None})


def form(fields, body, *, filename="photo.png", part_type="image/png", after=()):
    """multipart/form-data as a browser writes it: the fields in order, the file last."""
    boundary = "----edge" + uuid.uuid4().hex
    parts = []
    for name, value in fields:
        parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode())
    head = f'Content-Disposition: form-data; name="file"; filename="{filename}"\r\nContent-Type: {part_type}'
    parts.append(f"--{boundary}\r\n{head}\r\n\r\n".encode() + body + b"\r\n")
    for name, value in after:
        parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode())
    return f"multipart/form-data; boundary={boundary}", b"".join(parts) + f"--{boundary}--\r\n".encode()


def post(given, body, fields=None, *, page=None, **options):
    """The POST form, by hand; with the Origin of a page."""
    media_type, data = form((given["fields"] if fields is None else fields).items(), body, **options)
    origin, target = split_url(given["url"])
    headers = {"Content-Type": media_type, **({"Origin": page} if page else {})}
    return ask(origin, target, method="POST", body=data, headers=headers)


def exists(s3, dev, key):
    return any(item["Key"] == key for item in s3.list_objects_v2(Bucket=dev.s3["bucket"], Prefix=key).get("Contents", []))


def read_back(gateway, workspace, s3, dev, given):
    """The bytes through the gateway and straight from the store."""
    through = ask(gateway.origin, given["path"], token=workspace.token())
    assert through.status == 200, through
    straight = s3.get_object(Bucket=dev.s3["bucket"], Key=given["key"])
    assert straight["ContentType"] == through.header("content-type")
    return through.body, straight["Body"].read()


def test_a_grant(gateway, workspace):
    given = grant(gateway, workspace, "put")
    assert given["method"] == "PUT"
    assert re.fullmatch(rf"/{workspace.id}/{UUID}/photo\.png", given["path"])
    assert given["key"] == given["path"][1:]
    assert given["expires"]
    again = grant(gateway, workspace, "put")
    assert again["key"] != given["key"], "each upload has a place of its own"


def test_the_mode_is_chosen_when_left_out(gateway, workspace, s3, dev):
    answer = ask_grant(gateway, workspace.token("owner"), wish(workspace))
    assert answer.status == 201
    assert answer.header("cache-control") == "no-store"
    assert answer.header("access-control-allow-origin") == APP
    given = answer.json()
    sent = {"post": post, "put": put}[given["mode"]](given, BODY)
    assert sent.status in (200, 201, 204)
    assert read_back(gateway, workspace, s3, dev, given) == (BODY, BODY)


def test_put_by_hand(gateway, workspace, s3, dev):
    given = grant(gateway, workspace, "put")
    assert put(given, BODY).status == 200
    assert read_back(gateway, workspace, s3, dev, given) == (BODY, BODY)


def test_post_by_hand(gateway, workspace, s3, dev):
    given = grant(gateway, workspace, "post")
    answer = post(given, BODY, page=dev.app)
    assert answer.status in (200, 201, 204)
    assert answer.header("access-control-allow-origin") == dev.app
    assert read_back(gateway, workspace, s3, dev, given) == (BODY, BODY)


def test_put_by_curl(gateway, workspace, s3, dev, tmp_path):
    given = grant(gateway, workspace, "put")
    (tmp_path / "photo.png").write_bytes(BODY)
    headers = [part for name, value in given.get("headers", {}).items() for part in ("-H", f"{name}: {value}")]
    command = ["curl", "-sS", "-f", "-X", "PUT", "-T", tmp_path / "photo.png", *headers, given["url"]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert read_back(gateway, workspace, s3, dev, given) == (BODY, BODY)


def test_post_by_curl(gateway, workspace, s3, dev, tmp_path):
    given = grant(gateway, workspace, "post")
    (tmp_path / "photo.png").write_bytes(BODY)
    fields = [part for name, value in given["fields"].items() for part in ("-F", f"{name}={value}")]
    command = ["curl", "-sS", "-f", *fields, "-F", f"file=@{tmp_path}/photo.png;type=image/png", given["url"]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert read_back(gateway, workspace, s3, dev, given) == (BODY, BODY)


def test_presigned_by_boto3(gateway, workspace, s3, dev):
    """Both forms as boto3 signs them, sent to the store, read back through the gateway."""
    bucket = dev.s3["bucket"]
    for number in range(2):
        key = f"{workspace.id}/{uuid.uuid4()}/photo {number}.png"
        if number:
            given = s3.generate_presigned_post(bucket, key, Fields={"Content-Type": "image/png"}, Conditions=[{"Content-Type": "image/png"}])
            assert post(given, BODY).status == 204
        else:
            params = {"Bucket": bucket, "Key": key, "ContentType": "image/png"}
            url = s3.generate_presigned_url("put_object", Params=params)
            assert put({"method": "PUT", "url": url, "headers": {"Content-Type": "image/png"}}, BODY).status == 200
        given = {"key": key, "path": "/" + key.replace(" ", "%20")}
        assert read_back(gateway, workspace, s3, dev, given) == (BODY, BODY)


@pytest.mark.parametrize("mode", ["put", "post"])
@pytest.mark.parametrize("size", [0, 1, 1_048_577, 9_000_000])
def test_sizes(gateway, workspace, s3, dev, mode, size):
    body = bytes(size % 251 for _ in range(1)) * size
    given = grant(gateway, workspace, mode, size=size)
    sent = {"post": post, "put": put}[mode](given, body)
    assert sent.status in (200, 201, 204), sent
    assert read_back(gateway, workspace, s3, dev, given) == (body, body)


@pytest.mark.parametrize(
    "filename",
    ["käse 文件 😀.png", "a+b&c=d?.png", "per%cent.png", "../../../etc/passwd", "..", ".", "a/b\\c.png", "a\x00b.png", "a\r\nb.png",
     " spaces ", "x" * 255 + ".png", "CON.png", "a%2Fb.png", '"quoted".png', "<b>.png", "\u202egnp.exe", "", "日" * 255],
)  # fmt: skip
@pytest.mark.parametrize("mode", ["put", "post"])
def test_file_names_stay_inside_their_place(gateway, workspace, s3, dev, mode, filename):
    answer = ask_grant(gateway, workspace.token("owner"), wish(workspace, 3, filename=filename, mode=mode))
    if answer.status == 400:
        assert answer.code == "bad_request"
        return
    assert answer.status == 201
    given = answer.json()
    match = re.fullmatch(rf"{workspace.id}/{UUID}/([^/\\\x00]+)", given["key"])
    assert match and match.group(1) not in (".", "..")
    assert len(given["key"].encode()) <= 1024
    assert {"post": post, "put": put}[mode](given, b"abc").status in (200, 201, 204)
    assert read_back(gateway, workspace, s3, dev, given) == (b"abc", b"abc")


# What is not granted ----------------------------------------------------------------------------------------------


def refused(answer, status, code):
    assert (answer.status, answer.code) == (status, code), answer
    assert answer.header("cache-control") == "no-store"
    assert answer.header("access-control-allow-origin") == APP


def test_too_large_to_ask_for(gateway, workspace):
    for size in (20 * 1024 * 1024 + 1, 10**15, 2**63 - 1, 2**64, 10**30):
        answer = ask_grant(gateway, workspace.token("owner"), wish(workspace, size))
        if size >= 2**53 and answer.status == 400:
            refused(answer, 400, "bad_request")
        else:
            refused(answer, 413, "too_large")


def test_just_small_enough(gateway, workspace):
    assert ask_grant(gateway, workspace.token("owner"), wish(workspace, 20 * 1024 * 1024)).status == 201


@pytest.mark.parametrize("size", [-1, 1.5, "5", None, True, [5]])
def test_sizes_of_no_sense(gateway, workspace, size):
    refused(ask_grant(gateway, workspace.token("owner"), wish(workspace, size)), 400, "bad_request")


@pytest.mark.parametrize("media_type", ["text/html", "video/mp4", "application/x-msdownload", "image", "*/*", "", "text/plain2", "x/image/png"])
def test_another_type(gateway, workspace, media_type):
    answer = ask_grant(gateway, workspace.token("owner"), wish(workspace, media_type=media_type))
    if "/" in media_type.strip("/") and "*" not in media_type and media_type.count("/") == 1:
        refused(answer, 415, "type_not_allowed")
    else:
        refused(answer, answer.status, {400: "bad_request", 415: "type_not_allowed"}[answer.status])


def test_a_type_that_would_break_a_header(gateway, workspace):
    for media_type in ("image/png\r\nx-amz-acl: public-read", "image/png\nx: y", "image/\x00"):
        answer = ask_grant(gateway, workspace.token("owner"), wish(workspace, media_type=media_type))
        assert answer.status in (400, 403, 415)


def test_another_workspace(gateway, workspace, other_workspace):
    refused(ask_grant(gateway, workspace.token("owner"), wish(other_workspace)), 403, "forbidden")


def test_a_reader_may_not_upload(gateway, workspace):
    refused(ask_grant(gateway, workspace.token("reader"), wish(workspace)), 403, "forbidden")
    refused(ask_grant(gateway, workspace.scoped_token(), wish(workspace)), 403, "forbidden")


def test_no_token_no_upload(gateway, workspace):
    refused(ask_grant(gateway, None, wish(workspace)), 401, "token_missing")
    refused(ask_grant(gateway, workspace.token("owner", exp=5, iat=1), wish(workspace)), 401, "token_expired")


@pytest.mark.parametrize(
    "params",
    [{}, {"workspace": "not-a-uuid"}, {"workspace": ""}, {"workspace": "../x"}, {"workspace": None}, {"workspace": ["x"]}, None, "x", []],
    ids=repr,
)
def test_params_of_no_sense(gateway, workspace, params):
    answer = ask_grant(gateway, workspace.token("owner"), {**wish(workspace), "params": params})
    assert answer.status in (400, 403), answer
    assert answer.code in ("bad_request", "bad_path", "forbidden")


def test_params_may_not_take_the_place_of_what_is_filled(gateway, workspace):
    """A client that chose the file's UUID could overwrite another's file."""
    victim = str(uuid.uuid4())
    answer = ask_grant(gateway, workspace.token("owner"), {**wish(workspace), "params": {"workspace": workspace.id, "file": victim}})
    assert answer.status == 400 or victim not in answer.json()["key"]


@pytest.mark.parametrize("mode", ["copy", "", 5, "PUT"])
def test_modes_of_no_sense(gateway, workspace, mode):
    refused(ask_grant(gateway, workspace.token("owner"), wish(workspace, mode=mode)), 400, "bad_request")


@pytest.mark.parametrize("route", ["public", "nothing", "", 5])
def test_routes_that_take_no_uploads(gateway, workspace, route):
    answer = ask_grant(gateway, workspace.token("owner"), wish(workspace, route=route))
    assert answer.status in (400, 403, 404), answer


# What is not signed -----------------------------------------------------------------------------------------------


def test_put_of_another_size_type_place_or_method(gateway, workspace, s3, dev):
    given = grant(gateway, workspace, "put")
    header = next(name for name in given["headers"] if name.lower() == "content-type")
    other_key = given["key"].replace("photo.png", "other.png")
    tries = {
        "larger": lambda: put(given, BODY + b"x"),
        "smaller": lambda: put(given, BODY[:-1]),
        "another type": lambda: put({**given, "headers": {**given["headers"], header: "text/html"}}, BODY),
        "no type": lambda: put({**given, "headers": {n: v for n, v in given["headers"].items() if n != header}}, BODY),
        "another key": lambda: put({**given, "url": given["url"].replace("photo.png", "other.png")}, BODY),
        "dot segments": lambda: put({**given, "url": given["url"].replace("photo.png", "../photo.png")}, BODY),
        "another method": lambda: put({**given, "method": "DELETE"}, b""),
        "the wrong signature": lambda: put({**given, "url": given["url"][:-4] + "0000"}, BODY),
        "no signature": lambda: put({**given, "url": re.sub(r"&X-Amz-Signature=\w+", "", given["url"])}, BODY),
        "a longer life": lambda: put({**given, "url": re.sub(r"X-Amz-Expires=\d+", "X-Amz-Expires=604800", given["url"])}, BODY),
        "another query": lambda: put({**given, "url": given["url"] + "&x=1"}, BODY),
        "as a multipart upload": lambda: put({**given, "url": given["url"] + "&uploads=", "method": "POST"}, b""),
    }
    outcomes = {what: do().status for what, do in tries.items()}
    accepted = [what for what, status in outcomes.items() if not 400 <= status < 500]
    assert accepted == [], outcomes
    assert not exists(s3, dev, given["key"]) and not exists(s3, dev, other_key)
    assert put(given, BODY).status == 200, "and the one that was signed goes through"


@pytest.mark.parametrize("header", ["x-amz-acl", "x-amz-copy-source", "x-amz-meta-a", "x-amz-website-redirect-location"])
def test_put_with_a_header_that_nobody_signed(gateway, workspace, other_workspace, s3, dev, header):
    """Else whoever may upload one file could publish it, or have the store copy another's file to their own place."""
    given, secret = grant(gateway, workspace, "put"), other_workspace.put(body=b"theirs")
    value = {"x-amz-acl": "public-read", "x-amz-copy-source": f"/{dev.s3['bucket']}{secret}"}.get(header, "https://evil.example/")
    assert put(given, BODY, **{header: value}).status == 403
    assert not exists(s3, dev, given["key"])


def policy_of(given):
    return json.loads(base64.b64decode(given["fields"]["policy"]))


def with_policy(given, policy):
    return {**given["fields"], "policy": base64.b64encode(json.dumps(policy).encode()).decode()}


def test_post_outside_its_policy(gateway, workspace, s3, dev):
    given = grant(gateway, workspace, "post")
    fields = given["fields"]
    type_field = next(name for name in fields if name.lower() == "content-type")
    signature = next(name for name in fields if name.lower() == "x-amz-signature")
    wider = policy_of(given)
    for condition in wider["conditions"]:
        if isinstance(condition, list) and condition[0] == "content-length-range":
            condition[2] = 10**12
    later = {**policy_of(given), "expiration": "2099-01-01T00:00:00.000Z"}
    victim = f"{uuid.uuid4()}/{uuid.uuid4()}/photo.png"
    tries = {
        "too large": (BODY * 3000, fields, {}),
        "another type": (BODY, {**fields, type_field: "text/html"}, {}),
        "no type": (BODY, {n: v for n, v in fields.items() if n != type_field}, {}),
        "another key": (BODY, {**fields, "key": victim}, {}),
        "dot segments": (BODY, {**fields, "key": given["key"] + "/../../../x"}, {}),
        "an extra field": (BODY, {"x-amz-meta-a": "b", **fields}, {}),
        "an acl": (BODY, {"acl": "public-read", **fields}, {}),
        "a redirect": (BODY, {"success_action_redirect": "https://evil.example/", **fields}, {}),
        "no policy": (BODY, {n: v for n, v in fields.items() if n != "policy"}, {}),
        "no signature": (BODY, {n: v for n, v in fields.items() if n != signature}, {}),
        "another signature": (BODY, {**fields, signature: "0" * 64}, {}),
        "an edited policy: wider": (BODY, with_policy(given, wider), {}),
        "an edited policy: later": (BODY, with_policy(given, later), {}),
        "an edited policy: empty": (BODY, with_policy(given, {**later, "conditions": []}), {}),
        "no fields at all": (BODY, {}, {}),
        "only the key": (BODY, {"key": given["key"]}, {}),
    }
    outcomes = {what: post(given, body, fields, **options).status for what, (body, fields, options) in tries.items()}
    accepted = [what for what, status in outcomes.items() if not 400 <= status < 500]
    assert accepted == [], outcomes
    assert not exists(s3, dev, given["key"]) and not exists(s3, dev, victim)
    assert post(given, BODY).status in (200, 201, 204), "and the one that was signed goes through"


def test_post_errors_are_readable_for_the_page(gateway, workspace, dev):
    given = grant(gateway, workspace, "post")
    answer = post(given, BODY, {**given["fields"], "key": "x"}, page=dev.app)
    assert answer.status == 403
    assert answer.header("access-control-allow-origin") == dev.app
    assert post(given, BODY, page="https://evil.example").all("access-control-allow-origin") == []


def test_fields_after_the_file_count_for_nothing(gateway, workspace, s3, dev):
    given = grant(gateway, workspace, "post")
    victim = f"{workspace.id}/{uuid.uuid4()}/victim.png"
    answer = post(given, BODY, after=[("key", victim)])
    assert answer.status in (200, 201, 204)
    assert not exists(s3, dev, victim)
    assert read_back(gateway, workspace, s3, dev, given) == (BODY, BODY)


def test_the_parts_own_type_does_not_count(gateway, workspace, s3, dev):
    given = grant(gateway, workspace, "post")
    assert post(given, BODY, part_type="text/html").status in (200, 201, 204)
    assert s3.head_object(Bucket=dev.s3["bucket"], Key=given["key"])["ContentType"] == "image/png"


def test_a_form_whose_stated_length_lies(gateway, workspace, s3, dev):
    """Cut short, the upload is not there; too long, the rest is no object of its own."""
    given = grant(gateway, workspace, "post")
    media_type, data = form(given["fields"].items(), BODY)
    origin, target = split_url(given["url"])
    cut = request(origin.split("//")[1], target, method="POST", headers={"Content-Type": media_type, "Content-Length": len(data)})
    with pytest.raises(Exception):
        exchange(origin, cut + data[: len(data) // 2], timeout=0.5)
    assert not exists(s3, dev, given["key"])


@pytest.mark.parametrize("mode", ["put", "post"])
def test_after_expiry(site, workspace, s3, dev, mode):
    gateway = site.serve(("upload = { fill", 'upload = { expires = "1s", fill'))
    given = grant(gateway, workspace, mode)

    def refused_now():
        answer = {"post": post, "put": put}[mode](given, BODY)
        return answer if answer.status == 403 else None

    answer = wait_until(refused_now, 5, "the grant's expiry")
    assert answer.status == 403
    for key in [item["Key"] for item in s3.list_objects_v2(Bucket=dev.s3["bucket"], Prefix=workspace.id).get("Contents", [])]:
        s3.delete_object(Bucket=dev.s3["bucket"], Key=key)
    assert {"post": post, "put": put}[mode](given, BODY).status == 403
    assert not exists(s3, dev, given["key"])


@pytest.mark.parametrize("mode", ["put", "post"])
def test_the_secret_key_is_in_no_grant(gateway, workspace, dev, mode):
    assert dev.s3["secret_key"] not in json.dumps(grant(gateway, workspace, mode))


def test_the_gateway_sees_no_byte_of_an_upload(gateway, workspace, middleman):
    before = len(middleman.seen)
    given = grant(gateway, workspace, "post")
    assert len(middleman.seen) == before, "signing asks nobody"
    assert split_url(given["url"])[0] == middleman.endpoint
