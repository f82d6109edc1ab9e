"""The journey through a local CloudFront made of what would be deployed: the demo works unchanged, with either authorizer."""

import json
import uuid

import pytest

from http1 import ask
from middleman import Middleman
from processes import Dev, four_free_ports, wait_until
from test_browser import (  # noqa: F401  (fixtures and tests that run here again, on this file's `dev`)
    chromium,
    image_in_feed,
    jpeg,
    person,
    posted,
    test_a_hard_reload_keeps_the_image,
    test_a_reload_keeps_the_user_and_the_image,
    test_a_stranger_gets_403,
    test_after_signing_out_it_is_401_and_in_no_cache,
    test_before_signing_in,
    test_no_file_byte_passes_the_app,
    test_several_files_at_once,
    test_somebody_who_is_not_signed_in_gets_401,
    test_the_page_shows_who_sees_what,
    test_the_photo_is_seen_by_its_owner,
    test_the_reader_of_the_same_workspace_sees_it,
    test_the_token_is_in_no_url,
)

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module", params=["lambda", "function"])
def dev(request, tmp_path_factory):
    """With a proxy between the edge and the bucket, which records what the bucket is asked."""
    directory = tmp_path_factory.mktemp(f"aws-{request.param}")
    command, port = ("aws", "dev", "--form", request.param), four_free_ports()
    with Dev(directory / "data", directory / "logs", command=command, ready_within=30, port=port) as first:
        config, store = first.config, first.s3["endpoint"]
    middleman = Middleman(store)
    text = config.read_text()
    assert text.count(f'endpoint = "{store}"') == 1
    config.write_text(text.replace(f'endpoint = "{store}"', f'endpoint = "{middleman.endpoint}"\nupload_endpoint = "{store}"'))
    with Dev(directory / "data", directory / "logs", command=command, ready_within=30, port=port) as running:
        running.bucket = middleman
        yield running
    middleman.stop()


@pytest.fixture
def stored(dev):
    """An object of the owner's workspace: (path, bytes)."""
    from conftest import s3_client

    path, body = f"/{dev.owner().workspace}/{uuid.uuid4()}/a b+c.txt", uuid.uuid4().bytes * 5000
    s3_client(dev.s3).put_object(Bucket=dev.s3["bucket"], Key=path[1:], Body=body, ContentType="text/plain")
    return path.replace(" ", "%20"), body


def get(dev, path, token=None, method="GET", **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return ask(dev.files, path, method=method, token=token, headers=headers)


def test_two_users_share_one_copy(dev, stored):
    path, body = stored
    first = get(dev, path, dev.owner().token)
    second = get(dev, path.replace("+", "%2B"), dev.reader().token)
    assert first.status == second.status == 200 and first.body == second.body == body
    assert first.header("x-cache") == "Miss from cloudfront"
    assert second.header("x-cache") == "Hit from cloudfront"


def test_who_is_refused(dev, stored):
    path, _ = stored
    for token, status in ((None, 401), ("nonsense", 401), (dev.stranger().token, 403)):
        answer = get(dev, path, token, Origin=dev.app)
        assert answer.status == status
        assert answer.header("access-control-allow-origin") == dev.app
        assert answer.header("cache-control") == "no-store"
    assert get(dev, "/", dev.owner().token).status == 400
    assert get(dev, f"/?list-type=2&prefix={dev.owner().workspace}", dev.owner().token).status == 400


def test_what_is_missing_is_404_for_those_who_may_know(dev):
    path = f"/{dev.owner().workspace}/{uuid.uuid4()}/missing.txt"
    assert get(dev, path, dev.owner().token).status == 404
    assert get(dev, path, dev.stranger().token).status == 403


def test_a_preflight_is_answered_at_the_edge(dev, stored):
    path, _ = stored
    asked = {"Origin": dev.app, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    answer = ask(dev.files, path, method="OPTIONS", headers=asked)
    assert answer.status == 204
    assert answer.header("access-control-allow-origin") == dev.app
    assert "Authorization" in answer.header("access-control-allow-headers")


def test_two_authorizations_are_refused(dev, stored):
    path, _ = stored
    owner = dev.owner().token
    lines = [("Authorization", f"Bearer {owner}"), ("Authorization", f"Bearer {owner}x")]
    answer = ask(dev.files, path, headers=lines)
    assert (answer.status, answer.json()["error"]) == (400, "token_conflict")


def test_ranges_and_conditions_come_from_the_cache(dev, stored):
    path, body = stored
    token = dev.owner().token
    whole = get(dev, path, token)
    part = get(dev, path, token, Range="bytes=100-199")
    assert part.status == 206 and part.body == body[100:200]
    assert get(dev, path, token, If_None_Match=whole.header("etag")).status == 304


def test_answers_are_safe_and_private(dev, stored):
    path, _ = stored
    answer = get(dev, path, dev.owner().token, Origin=dev.app)
    assert answer.header("cache-control") == "private, no-cache"
    assert answer.header("x-content-type-options") == "nosniff"
    assert answer.header("content-security-policy").startswith("sandbox;")
    assert answer.header("access-control-allow-origin") == dev.app
    assert answer.header("access-control-allow-credentials") == "true"
    stranger = get(dev, path, dev.owner().token, Origin="https://evil.example")
    assert stranger.header("access-control-allow-origin") is None


def test_no_token_reaches_a_log_or_the_bucket(dev, stored):
    path, _ = stored
    token = dev.owner().token
    assert ask(dev.files, f"{path}?authorization={token}", headers={"Cookie": f"edgepass={token}", "X-Test": "x"}).status == 200
    (asked,) = dev.bucket.of(path.split("/")[2])
    assert "?" not in asked.target and asked.header("cookie") is None and asked.header("x-test") is None
    assert asked.header("authorization").startswith("AWS4-HMAC-SHA256 ")
    assert token[-40:].encode() not in asked.head
    everything = b"".join(seen.head for seen in dev.bucket.seen)
    assert b"ey" + b"J" not in everything, "something like a token went to the bucket"
    wait_until(lambda: path.split("/")[2] in dev.log_text(), 5, "the access log's line")
    said = dev.log_text() + dev.output()
    ready = json.dumps(dev.says)
    assert token[-40:] not in said.replace(ready, "").replace(dev.line, "")
