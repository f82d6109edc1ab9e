"""The AWS templates in other people's hands: linters, the SAM command line, the Serverless Framework, CDK, Terraform.

None of them knows what Edgepass means by a template (that is `edgepass aws check`'s to say); they know whether AWS would take it. Each is
also given a template with a mistake that it is to find. No account, and no network once `tests/aws/install` is through.
"""

import glob
import json
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from processes import BINARY, example

REPOSITORY = Path(__file__).parent.parent
TOOLS = REPOSITORY / "tests/aws"
VENVS = REPOSITORY / ".venv-aws"
VERSION_ARN = "arn:aws:lambda:us-east-1:123456789012:function:any:1"

pytestmark = pytest.mark.timeout(600)


def run(*command, cwd=REPOSITORY, **more):
    # The packages are installed without bytecode; each tool writes what it uses of it.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"NO_COLOR": "1", "AWS_EC2_METADATA_DISABLED": "true"} | more
    command = [str(word) for word in command]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def said(result):
    return f"{result.args}\n{result.stdout}\n{result.stderr}"


@pytest.fixture(scope="module", autouse=True)
def tools():
    installed = run(TOOLS / "install")
    print(installed.stdout)
    assert installed.returncode == 0, said(installed)


@pytest.fixture(scope="module")
def variants(tmp_path_factory):
    """Every variant, a folder each."""
    folder = tmp_path_factory.mktemp("variants")
    written = run(example("variants"), folder)
    assert written.returncode == 0, said(written)
    assert len(list(folder.iterdir())) >= 12
    return folder


def changed(folder, file, before, after):
    text = (folder / file).read_text()
    assert before in text, f"{file} has no {before!r}"
    (folder / file).write_text(text.replace(before, after))


def with_mistake(variants, tmp_path, variant, before, after):
    """A copy of a variant with one thing changed in its template."""
    copy = tmp_path / "mistake"
    shutil.copytree(variants / variant, copy)
    changed(copy, "template.yaml", before, after)
    return copy


def test_cfn_lint(variants, tmp_path):
    mistake = with_mistake(variants, tmp_path, "one", "SigningBehavior: always", "SigningBehaviour: always")
    templates = sorted(variants.glob("*/*.yaml"))
    linted = run(
        VENVS / "lint/bin/cfn-lint", "--format", "json", "--include-checks", "I", "--regions", "us-east-1", "eu-central-1", "--",
        *templates, mistake / "template.yaml",
    )  # fmt: skip
    findings = json.loads(linted.stdout)
    by_file = {finding["Filename"] for finding in findings}
    assert by_file == {str(mistake / "template.yaml")}, said(linted)
    assert "SigningBehaviour" in linted.stdout


def test_checkov(variants, tmp_path):
    mistake = with_mistake(variants, tmp_path, "one", "RestrictPublicBuckets: true", "RestrictPublicBuckets: false")
    for template in variants.glob("*/*.yaml"):
        (tmp_path / template.parent.name).mkdir(exist_ok=True)
        shutil.copy(template, tmp_path / template.parent.name)
    checked = run(
        VENVS / "checkov/bin/checkov", "-d", tmp_path, "--framework", "cloudformation", "--skip-download", "--compact", "--quiet",
        "-o", "json",
    )  # fmt: skip
    report = json.loads(checked.stdout)
    assert report["summary"]["parsing_errors"] == 0
    assert report["summary"]["resource_count"] > 200
    failed = [(check["file_path"].startswith(f"/{mistake.name}/"), check["check_id"]) for check in report["results"]["failed_checks"]]
    of_variants = {check for wrong, check in failed if not wrong}
    lines = (TOOLS / ".checkov.yaml").read_text().splitlines()
    skipped = dict(re.fullmatch(r"  - (\w+) +# (.{20,})", line).groups() for line in lines if line.startswith("  - "))
    assert of_variants == set(skipped)
    assert {check for wrong, check in failed if wrong} - of_variants == {"CKV_AWS_56"}


def test_sam_validates(variants, tmp_path):
    def validated(folder):
        return run(
            VENVS / "lint/bin/sam", "validate", "--lint", "-t", "template.yaml", "--region", "eu-central-1", cwd=folder, SAM_CLI_TELEMETRY="0"
        )

    right = validated(variants / "everything")
    assert right.returncode == 0, said(right)
    mistake = with_mistake(variants, tmp_path, "everything", "HttpVersion: http2and3", "HttpVersion: http9")
    assert validated(mistake).returncode != 0


@pytest.mark.parametrize("variant", ["one", "everything", "function"])
def test_samconfig_gives_what_templates_ask_for(variants, variant):
    folder = variants / variant
    config = tomllib.loads((folder / "samconfig.toml").read_text())
    assert config.pop("version") == 0.1
    for environment in config.values():
        settings = environment["deploy"]["parameters"]
        template = (folder / settings["template_file"]).read_text()
        asked = template.split("Parameters:\n")[1].split("\nRules:")[0]
        given = [parameter.split("=")[0] for parameter in settings["parameter_overrides"]]
        assert sorted(given) == sorted(re.findall(r"^  (\w+):", asked, re.MULTILINE))


def packaged(folder, config, *parameters):
    result = run(
        TOOLS / "node_modules/.bin/serverless", "package", "--config", config, "--package", f".packaged-{config}", "--param=codeBucket=code",
        *parameters, cwd=folder, SLS_TELEMETRY_DISABLED="1", SLS_NOTIFICATIONS_MODE="off",
    )  # fmt: skip
    assert result.returncode == 0, said(result)
    return json.loads((folder / f".packaged-{config}/cloudformation-template-update-stack.json").read_text())


def test_serverless_and_cdk_take_the_templates_in_whole(variants, tmp_path):
    folder = variants / "everything"
    edge = packaged(folder, "serverless-edge.yml")
    main = packaged(folder, "serverless.yml", f"--param=edgeFunctionVersionArn={VERSION_ARN}")
    synthesised = run("node", "app.js", cwd=folder / "cdk", NODE_PATH=str(TOOLS / "node_modules"), CDK_OUTDIR=str(tmp_path))
    assert synthesised.returncode == 0, said(synthesised)
    for stack, by_serverless, file in [("acme-files-edge", edge, "edge.yaml"), ("acme-files", main, "template.yaml")]:
        by_cdk = json.loads((tmp_path / f"{stack}.template.json").read_text())
        resources = (folder / file).read_text().split("\nResources:\n")[1].split("\nOutputs:\n")[0]
        names = re.findall(r"^  (\w+):", resources, re.MULTILINE)
        assert sorted(by_serverless["Resources"]) == sorted(names)
        assert by_serverless["Rules"] == by_cdk["Rules"]
        for name in names:
            assert plain(by_serverless["Resources"][name]) == plain(by_cdk["Resources"][name]), name


def plain(value):
    """Two tools' JSON of one template, less how they write the same: `Fn::GetAtt` as text or list; parameters that CDK fills in."""
    if isinstance(value, dict):
        if set(value) == {"Fn::GetAtt"} and isinstance(value["Fn::GetAtt"], str):
            return {"Fn::GetAtt": value["Fn::GetAtt"].split(".", 1)}
        if set(value) == {"Ref"} and value["Ref"] in ("EdgeCodeKey", "RegionalCodeKey"):
            return "a package"
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if isinstance(value, str) and re.fullmatch(r"edgepass/(edge|regional)-[0-9a-f]{12}\.zip", value):
        return "a package"
    return value


def plugin_folder():
    """Where Terraform's AWS provider lies unpacked, so that nothing is fetched."""
    places = [
        os.environ.get("TF_PLUGIN_DIR", ""),
        os.path.expanduser("~/.terraform.d/plugins"),
        os.path.expanduser("~/.local/share/terraform/plugins"),
        "/usr/local/share/terraform/plugins",
        "/usr/share/terraform/plugins",
        "/usr/local/share/terraform/providers",
        "/usr/share/terraform/providers",
        *glob.glob("/opt/*"),
    ]
    return next((place for place in places if place and Path(place, "registry.terraform.io/hashicorp/aws").is_dir()), None)


@pytest.fixture(scope="module")
def terraform():
    plugins = plugin_folder()
    if shutil.which("terraform") is None or plugins is None:
        pytest.skip("terraform, or its AWS provider in a folder (TF_PLUGIN_DIR), is not there")

    def tested(folder):
        quiet = {"CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": os.devnull, "TF_IN_AUTOMATION": "1"}
        initialised = run("terraform", "init", "-no-color", f"-plugin-dir={plugins}", cwd=folder, **quiet)
        assert initialised.returncode == 0, said(initialised)
        return run("terraform", "test", "-no-color", cwd=folder, **quiet)

    return tested


@pytest.mark.parametrize("variant", ["adopted-given-key", "everything"])
def test_terraform_module(variants, terraform, variant):
    tested = terraform(variants / variant / "terraform")
    assert tested.returncode == 0, said(tested)
    assert "4 passed, 0 failed" in tested.stdout


def test_terraform_files_are_formatted(variants):
    if shutil.which("terraform") is None:
        pytest.skip("terraform is not there")
    formatted = run("terraform", "fmt", "-check", "-diff", "-recursive", variants)
    assert formatted.returncode == 0, said(formatted)


def test_terraform_tests_find_mistakes(variants, terraform, tmp_path):
    copy = tmp_path / "terraform"
    shutil.copytree(variants / "several/terraform", copy, ignore=shutil.ignore_patterns(".terraform*"))
    changed(copy, "main.tf", "restrict_public_buckets = true", "restrict_public_buckets = false")
    changed(copy, "main.tf", 'Condition = { StringEquals = { "AWS:SourceArn"', 'Condition = { StringLike = { "AWS:SourceArn"')
    changed(copy, "main.tf", '"aws:SecureTransport" = "false"', '"aws:SecureTransport" = "true"')
    changed(copy, "edge.tf", '"edgelambda.amazonaws.com"', '"edge.amazonaws.com"')
    changed(copy, "edge.tf", "publish = true", "publish = false")
    changed(copy, "distribution.tf", 'event_type = "viewer-request"', 'event_type = "origin-request"')
    changed(copy, "distribution.tf", 'viewer_protocol_policy     = "redirect-to-https"', 'viewer_protocol_policy     = "allow-all"')
    changed(copy, "distribution.tf", "origin_override = true", "origin_override = false")
    changed(copy, "distribution.tf", 'header_behavior = "none"', 'header_behavior = "whitelist"\n      headers {\n        items = ["Origin"]\n      }')
    tested = terraform(copy)
    for message in [
        "A bucket could be made public.",
        "A bucket may be read by more than this distribution.",
        "A bucket may be read without TLS.",
        "A behaviour has no authorizer, or one that is no version.",
        "A behaviour allows plain http, or caches OPTIONS.",
        "The edge function's role cannot be used at the edge.",
        "The edge function is not one that CloudFront takes.",
        "Something of the request besides its path is part of the cache's key.",
        "CORS is left to the origin, or lets every page in with credentials.",
    ]:
        assert message in tested.stdout + tested.stderr, f"not found: {message}\n{said(tested)}"


def test_our_own_check_finds_nothing_in_what_we_render(variants):
    for folder in sorted(variants.iterdir()):
        templates = [folder / name for name in ("template.yaml", "edge.yaml") if (folder / name).exists()]
        checked = run(BINARY, "aws", "check", *templates)
        assert (checked.returncode, checked.stdout) == (0, ""), said(checked)
