"""`edgepass check --live`: what it says of stores, issuers and the site as they are."""

import json

import pytest

from conftest import ORIGIN
from processes import free_port, run

NO_KEY = b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>"
MISSING = b"HTTP/1.1 404 Not Found\r\nContent-Type: application/xml\r\nContent-Length: %d\r\n\r\n%s" % (len(NO_KEY), NO_KEY)


def look(config, env):
    """The exit code, and what was found: (of, code) to message."""
    said = run("check", "--live", "--json", "--config", config, env=env)
    answer = json.loads(said.stdout)
    assert answer["mistakes"] == [] and answer["ok"] == (said.returncode == 0), answer
    assert said.returncode in (0, 3) and all(finding["hint"] for finding in answer["live"] if not finding["ok"])
    return said.returncode, {(finding["of"], finding["code"]): finding["message"] for finding in answer["live"]}


@pytest.fixture
def faults(site, dev, s3, bucket, tmp_path):
    """Checks the configuration after the edits. Gives the codes of faults, but that the site is not running."""
    s3.put_object(Bucket=bucket["bucket"], Key="a-file-of-somebody", Body=b"theirs")

    def faults(*edits, env=None, endpoint=None):
        app = ('apps = ["https://app.example.com"]', f'apps = ["{dev.app}"]')
        text, _ = site.text(app, *edits, endpoint=endpoint, directory=tmp_path)
        (tmp_path / "edgepass.toml").write_text(text)
        code, found = look(tmp_path / "edgepass.toml", {**site.secrets(), **(env or {})})
        assert code == 3 and ("site", "site_away") in found
        return [code for of, code in found if of != "site" and code]

    return faults


def test_all_is_well(site, dev, s3, bucket, own_middleman):
    """And nothing is written."""
    s3.put_object(Bucket=bucket["bucket"], Key="a-file-of-somebody", Body=b"theirs")
    gateway = site.serve(('apps = ["https://app.example.com"]', f'apps = ["{dev.app}"]'), endpoint=own_middleman.endpoint)
    own_middleman.forget()
    code, found = look(gateway.config, site.secrets())
    assert code == 0 and len(found) == 3 and not any(code for _, code in found), found
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket["bucket"], Prefix=".edgepass-check").get("Contents", [])]
    uploads = s3.list_multipart_uploads(Bucket=bucket["bucket"], Prefix=".edgepass-check").get("Uploads", [])
    assert (keys, uploads) == ([], [])
    assert [seen.method for seen in own_middleman.seen] == ["GET", "GET", "OPTIONS", "OPTIONS"] + (["PUT"] if ORIGIN == "store" else ["PUT", "GET", "PUT"])
    told = run("check", "--live", "--config", gateway.config, env=site.secrets(), check=0)
    assert told.stdout == "" and told.stderr.count("  good   ") == 4


def test_nothing_is_wrong_but_the_site(faults):
    assert faults() == []


def test_a_store_that_is_not_there(faults):
    assert faults(endpoint=f"http://127.0.0.1:{free_port()}") == ["store_away"]


def test_keys_that_the_store_does_not_know(faults):
    assert "store_denies" in faults(env={"TEST_SECRET_KEY": "another-secret"})


def test_a_bucket_that_is_not_there(faults, bucket):
    assert "store_has_no_bucket" in faults((f'name = "{bucket["bucket"]}"', 'name = "no-such-bucket"'))


def test_no_credentials(faults):
    assert faults(("TEST_ACCESS_KEY", "TEST_NO_SUCH_VARIABLE")) == ["credentials_missing"]


def test_an_app_that_the_bucket_does_not_know(faults, dev):
    assert faults((f'apps = ["{dev.app}"]', 'apps = ["https://other.example.com"]')) == ["store_cors"]


def test_an_issuer_without_keys(faults, tmp_path):
    assert faults((f'jwks_file = "{tmp_path}/jwks.json"', f'jwks_url = "http://localhost:{free_port()}/jwks.json"')) == ["keys_missing"]


def test_a_store_that_takes_what_nobody_signed(faults, bucket, own_middleman):
    if ORIGIN == "ceph":
        assert faults(env={"TEST_UPLOAD_ACCESS_KEY": bucket["access_key"], "TEST_UPLOAD_SECRET_KEY": bucket["secret_key"]}) == ["store_takes_unsigned_headers"]
    else:
        own_middleman.fault = lambda seen: MISSING if seen.header("x-amz-copy-source") else None
        assert faults(endpoint=own_middleman.endpoint) == ["store_takes_unsigned_headers"]


def test_a_store_that_answers_strangers(faults, s3, bucket, own_middleman):
    if ORIGIN == "ceph":
        s3.put_bucket_acl(Bucket=bucket["bucket"], ACL="public-read")
        try:
            assert faults() == ["store_public"]
        finally:
            s3.put_bucket_acl(Bucket=bucket["bucket"], ACL="private")
    else:
        own_middleman.fault = lambda seen: MISSING if seen.method == "GET" and seen.header("authorization") is None else None
        assert faults(endpoint=own_middleman.endpoint) == ["store_public"]
