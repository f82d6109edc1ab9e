"""A configuration that is not wholly understood starts nothing: every mistake at once, each with its place."""

import json
import re

import pytest

from processes import run

def place_of(text, needle):
    before = text[: text.index(needle)]
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


@pytest.fixture
def written(site, tmp_path):
    """Writes the ordinary configuration with these edits. Gives its path and its text."""

    def write(*edits):
        text, _ = site.text(*edits, directory=tmp_path)
        path = tmp_path / "edgepass.toml"
        path.write_text(text)
        return path, text

    return write


def places(output, path):
    """(line, column) of every `file:line:column` in the output."""
    return [(int(line), int(column)) for line, column in re.findall(re.escape(str(path)) + r":(\d+):(\d+)", output)]


def test_the_ordinary_configuration_is_fine(written, site):
    path, _ = written()
    done = run("check", "--config", path, env=site.secrets())
    assert done.returncode == 0, done.stderr


# Each: what to find in the ordinary configuration, what to put there, and the text at which the mistake is shown.
MISTAKES = [
    ('memory = "256 MiB"', 'memory = "256 lots"', '"256 lots"'),
    ('ttl = "5m"', 'ttl = "5m"\ncolour = "blue"', "colour"),
    ('algorithms = ["ES256", "RS256", "EdDSA"]', 'algorithms = ["ES256", "none"]', '"none"'),
    ('name = "public"\n', 'name = "public"\nbuckets = "x"\n', "buckets"),
    ('path = "/public/{name...}"', 'path = "/public/{name...}/more"', '"/public/{name...}/more"'),
    ('apps = ["https://app.example.com"]', 'apps = ["app.example.com"]', '"app.example.com"'),
]


def test_six_mistakes_six_messages(written, site):
    path, text = written(*((old, new) for old, new, _ in MISTAKES))
    wanted = sorted(place_of(text, needle) for _, _, needle in MISTAKES)
    for command in ("check", "serve"):
        done = run(command, "--config", path, env=site.secrets())
        assert done.returncode == 2, (command, done.stdout, done.stderr)
        assert sorted(places(done.stderr, path)) == wanted, done.stderr
        assert "hint:" in done.stderr
        assert "panic" not in done.stderr


def test_the_same_as_json(written, site):
    path, text = written(*((old, new) for old, new, _ in MISTAKES))
    done = run("check", "--config", path, "--json", env=site.secrets())
    assert done.returncode == 2
    mistakes = json.loads(done.stdout)["mistakes"]
    assert all(mistake["message"] for mistake in mistakes)
    assert sorted((mistake["line"], mistake["column"]) for mistake in mistakes) == sorted(place_of(text, needle) for _, _, needle in MISTAKES)


ALONE = {
    "no TOML": ("[cache]", "[cache", "[cache"),
    "an unknown section": ("[cache]\n", "[cash]\n", "cash"),
    "a wrong type": ('memory = "256 MiB"', "memory = 256", "memory = 256"),
    "an unknown placeholder in the key": ('key = "{workspace}/{file}/{name}"', 'key = "{workspace}/{fil}/{name}"', '"{workspace}/{fil}/{name}"'),
    "an unknown placeholder in a claim": ('claims = { workspace = "{workspace}" }', 'claims = { workspace = "{tenant}" }', '"{tenant}"'),
    "an unknown bucket": ('path = "/public/{name...}"\nbucket = "main"', 'path = "/public/{name...}"\nbucket = "mane"', '"mane"'),
    "an unknown issuer": ('action = "upload", issuer = "app"', 'action = "upload", issuer = "ap"', '"ap"'),
    "an unknown action": ('{ action = "read", anyone = true }', '{ action = "reed", anyone = true }', '"reed"'),
    "an unknown type of placeholder": ('{workspace:uuid}/{file:uuid}', "{workspace:uid}/{file:uuid}", '"/{workspace:uid}'),
    "a route's name twice": ('name = "public"', 'name = "files"', '"files"\npath = "/public'),
    "anyone may not upload": ('{ action = "read", anyone = true }', '{ action = "upload", anyone = true }', "{ action = \"upload\", anyone"),
    "a duration without a unit": ('max_age = "24h"', 'max_age = "24"', '"24"'),
    "a duplicate key": ('region = "', 'region = "x"\nregion = "', None),
    "an origin with a path": ('apps = ["https://app.example.com"]', 'apps = ["https://app.example.com/x"]', '"https://app.example.com/x"'),
    "a key file that is missing": ("jwks.json", "nothing.json", None),
}  # fmt: skip


@pytest.mark.parametrize("what", ALONE)
def test_one_mistake_has_its_place(written, site, what):
    old, new, needle = ALONE[what]
    path, text = written((old, new))
    done = run("check", "--config", path, env=site.secrets())
    assert done.returncode == 2, done.stdout + done.stderr
    found = places(done.stderr, path)
    assert found, done.stderr
    if needle:
        line, column = place_of(text, needle)
        assert found[0][0] == line, (found, (line, column), done.stderr)


def test_missing_sections_are_named(tmp_path):
    path = tmp_path / "empty.toml"
    path.write_text("")
    done = run("check", "--config", path)
    assert done.returncode == 2
    for section in ("listen", "site", "bucket", "route"):
        assert section in done.stderr


def test_a_weak_secret_is_refused(written, site, tmp_path):
    secret = tmp_path / "weak.secret"
    secret.write_bytes(b"password")
    path, _ = written(('algorithms = ["ES256", "RS256", "EdDSA"]', 'algorithms = ["HS256"]'))
    text = path.read_text()
    path.write_text(re.sub(r'jwks_file = ".*"', f'secret_file = "{secret}"', text))
    done = run("check", "--config", path, env=site.secrets())
    assert done.returncode == 2
    assert "password" not in done.stderr


def test_a_file_that_is_not_there(tmp_path):
    for command in ("check", "serve"):
        done = run(command, "--config", tmp_path / "none.toml")
        assert done.returncode in (1, 2)
        assert "none.toml" in done.stderr and "panic" not in done.stderr


def test_credentials_that_are_not_there(written):
    path, _ = written()
    done = run("serve", "--config", path)
    assert done.returncode in (1, 2)
    assert "TEST_ACCESS_KEY" in done.stderr


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"\x00" * 1000, b"[" * 100_000, b"a = " + b"[" * 100_000, b'"' * 5000])
def test_hostile_files_end_in_messages(tmp_path, content):
    path = tmp_path / "hostile.toml"
    path.write_bytes(content)
    done = run("check", "--config", path)
    assert done.returncode in (1, 2)
    assert "panic" not in done.stderr and done.stderr
