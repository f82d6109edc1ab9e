"""`edgepass aws` as a user gives its commands: what is written, what is refused, what is found."""

import json
import os
import re
import stat
import subprocess
import zipfile

import pytest

from processes import BINARY, run

S3 = "https://s3.{region}.amazonaws.com"


@pytest.fixture
def configure(site, tmp_path):
    """The ordinary site on AWS, after edits: its file."""

    def configure(*edits, aws='stack = "acme-files"', region="us-east-1"):
        text, _ = site.text(directory=tmp_path)
        endpoint = re.search(r'endpoint = "([^"]+)"', text).group(1)
        text = re.sub(r'origin = "http://[^"]+"', 'origin = "https://files.example.com"', text)
        text = re.sub(r"\[listen\]\n(.+\n)+", "", text)  # served on AWS alone
        text = text.replace(endpoint, S3.format(region=region)).replace('region = "us-east-1"', f'region = "{region}"')
        for old, new in edits:
            assert old in text, f"nothing to edit: {old}"
            text = text.replace(old, new)
        config = tmp_path / "edgepass.toml"
        config.write_text(f"{text}\n[aws]\n{aws}\n")
        return config

    return configure


def hs256(config):
    """The same site for a CloudFront Function."""
    text = re.sub(r'jwks_file = "[^"]+"\nalgorithms = .*', 'secret_file = "secret"\nalgorithms = ["HS256"]', config.read_text())
    config.write_text(text)
    (config.parent / "secret").write_text("0123456789abcdef0123456789abcdef")
    return config


def render(config, out, *options, check=0):
    return run("aws", "render", "--config", config, "--out", out, *options, check=check)


def names(out):
    return sorted(re.sub(r"-[0-9a-f]{12}", "-HASH", str(path.relative_to(out))) for path in out.rglob("*") if path.is_file())


def test_one_configuration_becomes_everything_that_is_deployed(configure, tmp_path):
    out = tmp_path / "out"
    said = render(configure(), out)
    assert names(out) == ["README.md", "edge-HASH.zip", "regional-HASH.zip", "template.yaml"]
    assert sorted(said.stdout.split()) == sorted(str(path) for path in out.iterdir())
    template = (out / "template.yaml").read_text()
    (edge,) = out.glob("edge-*.zip")
    assert f"edgepass/{edge.name}" in template
    assert f"EdgeFunctionVersion{edge.stem.removeprefix('edge-')}:" in template
    checked = run("aws", "check", out / "template.yaml", check=0)
    assert "no mistakes found" in checked.stderr and checked.stdout == ""


def test_a_split_layout_and_every_other_form(configure, tmp_path):
    out = tmp_path / "out"
    config = configure(aws='stack = "acme-files"\nlayout = "split"', region="eu-central-1")
    render(config, out, "--with", "serverless,sam,cdk,terraform")
    assert {"edge.yaml", "template.yaml", "serverless.yml", "samconfig.toml", "cdk/app.js", "terraform/main.tf"} <= set(names(out))
    run("aws", "check", out / "template.yaml", out / "edge.yaml", check=0)


def test_the_function_form_keeps_its_secrets_apart(configure, tmp_path):
    out = tmp_path / "out"
    render(hs256(configure(aws='stack = "acme-files"\nform = "function"')), out)
    assert names(out) == ["README.md", "keys.json", "regional-HASH.zip", "template.yaml"]
    assert stat.S_IMODE(os.stat(out / "keys.json").st_mode) == 0o600
    template = (out / "template.yaml").read_text()
    for text in ("0123456789abcdef", "MDEyMzQ1Njc4OWFiY2RlZ"):
        assert text not in template
    run("aws", "check", out / "template.yaml", check=0)


def test_zips_are_the_same_bytes_again_and_others_for_other_rules(configure, tmp_path):
    config = configure()
    run("aws", "package", "--config", config, "--out", tmp_path / "one", check=0)
    run("aws", "package", "--config", config, "--out", tmp_path / "two", check=0)
    one, two = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("one", "two"))
    assert one == two and len(one) == 2
    run("aws", "package", "--config", configure(('max_age = "24h"', 'max_age = "1h"')), "--out", tmp_path / "three", check=0)
    assert not set(one) & {path.name for path in (tmp_path / "three").iterdir()}
    for path in (tmp_path / "one").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None


@pytest.mark.parametrize(
    "edits,aws,message",
    [
        ([], 'stack = "Acme"', "is not a stack's name"),
        ([], 'stack = "acme"\nform = "wasm"', "`wasm` where"),
        ([], 'stack = "acme"\nadopt = ["mian"]', "did you mean `main`?"),
        ([], 'stack = "acme"\ncertificate = "arn:aws:acm:eu-west-1:1:certificate/2"', "us-east-1"),
        ([], 'stack = "acme"\nrefresh_keys = "1h"', "no issuer has a `jwks_url` or `discovery`"),
        ([], 'stack = "acme"\nstak = "acme"', "unknown key `stak`"),
        ([], 'stack = "acme"\naccess = "oai"\nkms = "create"', "[aws_identity_with_kms]"),
        ([], 'stack = "acme"\nlog_bucket = "acme-logs"', "[aws_logs_hold_tokens]"),
        ([], 'stack = "acme"\nform = "function"', "[aws_function_algorithm]"),
        ([("https://s3.us-east-1.amazonaws.com", "https://minio.example.com")], 'stack = "acme"', "is not S3's regional endpoint"),
        ([("https://files.example.com", "http://files.example.com")], 'stack = "acme"\n', "the site's origin is"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(configure, tmp_path, edits, aws, message):
    refused = render(configure(*edits, aws=aws), tmp_path / "out", check=2)
    assert message in refused.stderr
    assert "hint:" in refused.stderr or "did you mean" in refused.stderr
    assert not (tmp_path / "out").exists()


def test_without_the_section_or_the_parts_it_says_what_to_do(site, tmp_path, configure):
    text, _ = site.text(directory=tmp_path)
    bare = tmp_path / "bare.toml"
    bare.write_text(text)
    assert "[aws]" in render(bare, tmp_path / "out", check=2).stderr
    missing = render(configure(), tmp_path / "out", "--parts", tmp_path / "nowhere", check=1)
    assert "./build-aws" in missing.stderr


def test_on_aws_alone_there_is_nothing_to_listen_on(configure, tmp_path):
    config = configure()
    text = re.sub(r"\[listen\]\n(.+\n)+", "", config.read_text())
    config.write_text(text)
    render(config, tmp_path / "out")
    assert "listen" in run("serve", "--config", config, check=2).stderr


# The check -------------------------------------------------------------------------------------------------------


@pytest.fixture
def template(configure, tmp_path):
    render(configure(), tmp_path / "out")
    return tmp_path / "out" / "template.yaml"


def test_a_mistake_has_its_place_its_reason_and_its_mending(template):
    text = template.read_text()
    line = next(number for number, line in enumerate(text.splitlines(), 1) if "BlockPublicPolicy: true" in line)
    template.write_text(text.replace("BlockPublicPolicy: true", "BlockPublicPolicy: false"))
    found = run("aws", "check", template, check=3)
    assert re.search(rf"template\.yaml:{line}:\d+: error\[\w+\]", found.stdout)
    assert "why:" in found.stdout and "mend:" in found.stdout
    listed = json.loads(run("aws", "check", template, "--json", check=3).stdout)["findings"]
    assert len(listed) == 1 and listed[0]["source"] == str(template)


@pytest.mark.parametrize("text", ["", "Resources: [", "a: 1\na: 2\n", "&a [*a]", "\x00", "{" * 5000])
def test_what_is_no_template_is_said_with_its_place(tmp_path, text):
    path = tmp_path / "broken.yaml"
    path.write_text(text)
    done = run("aws", "check", path)
    assert done.returncode in (0, 2)
    if done.returncode == 2:
        assert "broken.yaml: " in done.stderr


def test_a_missing_file_is_said(tmp_path):
    assert "cannot read" in run("aws", "check", tmp_path / "none.yaml", check=1).stderr


def test_help_teaches():
    for command in ((), ("render",), ("package",), ("check",), ("dev",), ("destroy",)):
        said = run("aws", *command, "--help", check=0).stdout
        assert "edgepass aws" in said and len(said) > 300, command


def test_live_and_destroy_need_the_aws_cli(tmp_path):
    """Without the program they say so; nothing else is tried."""
    empty = tmp_path / "bin"
    empty.mkdir()
    for words in (["check", "--live", "--distribution", "E2QWRUHAPOMQZL"], ["destroy", "--stack", "acme-files", "--yes"]):
        done = subprocess.run([str(BINARY), "aws", *words], env={"PATH": str(empty)}, capture_output=True, text=True, timeout=30)
        assert done.returncode == 1
        assert "`aws` (the AWS CLI) is not there" in done.stderr and "hint:" in done.stderr


def test_uploads_in_parts_are_a_gateways(configure, tmp_path):
    (tmp_path / "secret").write_text("0123456789abcdef0123456789abcdef")
    config = configure(("[token]", '[uploads]\nsecret_file = "secret"\n\n[token]'))
    said = render(config, tmp_path / "out", check=2)
    assert "`[uploads]` beside `[aws]`: functions on AWS take no uploads in parts yet" in said.stderr
