"""The configuration's JSON schema: it takes what the gateway takes, and refuses what it can know to be wrong."""

import datetime
import json
import re
import tomllib

import jsonschema
import pytest

import test_config
from processes import ROOT, run

SHIPPED = ROOT / "docs" / "reference" / "edgepass.schema.json"
DATA = ROOT / "crates" / "edgepass" / "tests" / "data"


@pytest.fixture(scope="module")
def schema():
    return json.loads(SHIPPED.read_text())


def as_json(value):
    """A TOML value as editors hand it to the schema: dates are text."""
    if isinstance(value, dict):
        return {key: as_json(member) for key, member in value.items()}
    if isinstance(value, list):
        return [as_json(item) for item in value]
    return value.isoformat() if isinstance(value, (datetime.datetime, datetime.date, datetime.time)) else value


def faults(schema, text):
    validator = jsonschema.Draft7Validator(schema)
    return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(as_json(tomllib.loads(text)))]


def test_the_command_prints_what_is_shipped():
    assert run("schema", check=0).stdout == SHIPPED.read_text()


def test_it_is_a_schema_that_older_editors_take_too(schema):
    jsonschema.Draft7Validator.check_schema(schema)
    text = json.dumps(schema)
    for newer in ('"$defs"', '"const"', '"if"', '"propertyNames"', '"unevaluatedProperties"', '"dependentRequired"'):
        assert newer not in text
    for found in re.findall(r'"\$ref": "#/definitions/(\w+)"', text):
        assert found in schema["definitions"]


def whole_examples():
    """Every configuration of the documentation that stands for itself: it has a site, a bucket and a route."""
    for page in sorted((ROOT / "docs").rglob("*.md")) + [ROOT / "README.md"]:
        for number, block in enumerate(re.findall(r"^```toml\n(.*?)^```", page.read_text(), re.M | re.S)):
            if re.search(r"^\[site\]", block, re.M) and "[bucket." in block and "[[route]]" in block:
                yield pytest.param(block, id=f"{page.name}-{number}")


@pytest.mark.parametrize("text", list(whole_examples()))
def test_the_documentations_examples(schema, text):
    assert faults(schema, text.replace("…", "x")) == []


def test_there_are_examples():
    assert len(list(whole_examples())) >= 2


@pytest.mark.parametrize("name", ["good.toml", "whole.toml"])
def test_good_configurations(schema, name):
    assert faults(schema, (DATA / name).read_text()) == []


def test_what_dev_and_the_tests_run_on(schema, dev, site, tmp_path):
    assert faults(schema, dev.config.read_text()) == []
    assert faults(schema, site.text(directory=tmp_path)[0]) == []


# What of the mistakes a schema cannot know: files, names that lead somewhere, what bears on each other.
UNKNOWABLE = re.compile(
    "second listener|beside `https`|needs a certificate|only redirects|of no use|cannot read|is not a file|holds no|holds a key"
    "|the key is not|is empty|has the same|the same bucket|unknown (bucket|issuer|hook|placeholder|role)|no token can|no rule|the rule"
    "|not in the key|overlap|the same|needs public keys|needs a shared secret|the secret has|no key of|a second carrier|stands there twice"
    "|taken on loopback|honours|is refused|a name|placeholder|never|anyone may|could|reach|no `?role|nobody|one segment|segment"
    "|a second route|a disk cache has|in the clear|not a valid|cannot be used|expired|the number is too large|no request can|a `max_size`|for 1s to 7d|after 1m to 365d|several algorithms"
)


def test_mistakes(schema):
    """Each mistake of the parser's own table is one by the schema, or one that no schema can know."""
    good = (DATA / "good.toml").read_text()
    refused, known, missed = 0, 0, []
    for case in tomllib.loads((DATA / "mistakes.toml").read_text())["case"]:
        text = good.replace(case["replace"], case["by"], 1)
        try:
            found = faults(schema, text)
        except tomllib.TOMLDecodeError:
            continue
        if found:
            refused += 1
        elif not any(UNKNOWABLE.search(said) for said in case["says"]):
            missed.append((case["by"], case["says"]))
        else:
            known += 1
    assert missed == []
    assert refused > 35, (refused, known)


@pytest.mark.parametrize("old, new", [(old, new) for old, new, _ in test_config.MISTAKES if "more" not in new])
def test_the_mistakes_of_the_tests(schema, site, tmp_path, old, new):
    assert faults(schema, site.text((old, new), directory=tmp_path)[0])
