"""What rules may say beyond claims: hosts, text around placeholders, roles, paths, methods, times, addresses; and the mistakes in them."""

import json
import socket
import time
import uuid

import pytest

import tokens
from http1 import ask, exchange, request
from processes import run, wait_until
from test_config import place_of, places

ROLES = """\
[roles]
owner = ["read", "upload"]
reader = ["read"]
nobody = ["delete"]

"""

ROUTES = """\
[[route]]
name = "one host"
hosts = ["one.example.com", "also.example.com"]
path = "/h/{name...}"
key = "one/{name}"
bucket = "main"
allow = [{ action = "read", anyone = true }]

[[route]]
name = "every host"
path = "/h/{name...}"
key = "every/{name}"
bucket = "main"
allow = [{ action = "read", claims = { host = "every" } }]

[[route]]
name = "version"
path = "/t/v{n:int}/{name}.png"
bucket = "main"
allow = [{ action = "read", claims = { version = "{n}", name = "{name}" } }]

[[route]]
name = "other"
path = "/t/{other}/{name}"
bucket = "main"
allow = [{ action = "read", claims = { other = "{other}" } }]

[[route]]
name = "role"
path = "/role/{team}/{name}"
bucket = "main"
allow = [{ role = "teams.{team}" }]
upload = { fill = { name = "{filename}" }, max_size = "1 MiB", types = ["*/*"] }

[[route]]
name = "listed"
path = "/listed/{name...}"
bucket = "main"
allow = [{ action = "read", paths = "paths" }]

[[route]]
name = "address"
path = "/address/{name...}"
bucket = "main"
allow = [{ action = "read", anyone = true, addresses = ["127.0.0.1"] }]

[[route]]
name = "six"
path = "/six/{name...}"
bucket = "main"
allow = [{ action = "read", anyone = true, addresses = ["::1"] }]

[[route]]
name = "elsewhere"
path = "/elsewhere/{name...}"
bucket = "main"
allow = [{ action = "read", anyone = true, addresses = ["192.0.2.0/24", "2001:db8::/32"] }, { action = "read", claims = { sub = "ada" } }]

[cache]
"""


@pytest.fixture(scope="module")
def gateway(site):
    return site.serve(("[cache]\n", ROUTES), ("[token]\n", ROLES + "[token]\n"), ('audience = "files"', 'audience = ["files", "media"]'))


@pytest.fixture
def put(s3, dev):
    def put(key, body=b"x"):
        s3.put_object(Bucket=dev.s3["bucket"], Key=key, Body=body)

    return put


def signed(keys, **claims):
    return keys.es256.sign(tokens.claims(**claims))


def status(gateway, path, **options):
    return ask(gateway.origin, path, **options).status


@pytest.mark.parametrize("host, body", [
    ("one.example.com", b"one"), ("ONE.example.COM", b"one"), ("one.example.com:443", b"one"), ("also.example.com", b"one"),
    ("two.example.com", b"every"), ("one.example.com.", b"every"), ("xone.example.com", b"every"), ("one.example.com.evil.example", b"every"),
    ("one.example.com@evil.example", None), ("127.0.0.1", b"every"), ("[::1]:80", b"every"),
])  # fmt: skip
def test_hosts(gateway, keys, put, host, body):
    name = str(uuid.uuid4())
    put(f"one/{name}", b"one")
    put(f"every/{name}", b"every")
    token = signed(keys, host="every")
    answer = ask(gateway.origin, f"/h/{name}", token=token, headers={"Host": host})
    assert answer.body == body if body else answer.status == 400
    without = ask(gateway.origin, f"/h/{name}", headers={"Host": host}).status
    assert without == (400 if body is None else 200 if body == b"one" else 401)


def test_no_other_header_is_the_host(gateway, put):
    name = str(uuid.uuid4())
    put(f"one/{name}", b"one")
    for header in ("X-Forwarded-Host", "Forwarded", "X-Host", "X-Original-Host", ":authority"):
        headers = {"Host": "two.example.com", header: "one.example.com"}
        assert status(gateway, f"/h/{name}", headers=headers) in (400, 401), header
    absolute = exchange(gateway.origin, request("two.example.com", f"http://one.example.com/h/{name}"))
    assert absolute.body == b"one", "RFC 9112 section 3.2.2: the target's host counts"
    absolute = exchange(gateway.origin, request("one.example.com", f"http://two.example.com/h/{name}"))
    assert absolute.status == 401


@pytest.mark.parametrize("path, claims, wanted", [
    ("/t/v7/a.png", {"version": 7, "name": "a"}, 200), ("/t/v7/a.png", {"version": "7", "name": "a"}, 200),
    ("/t/v7/a.png", {"version": 8, "name": "a"}, 403), ("/t/v7/a.png", {"version": 7, "name": "a.png"}, 403),
    ("/t/v7/a.png", {"version": 7.5, "name": "a"}, 403), ("/t/v7/a.png", {"version": True, "name": "a"}, 403),
    ("/t/v7/a.png", {"other": "v7"}, 403), ("/t/v07/a.png", {"version": 7, "name": "a"}, 403), ("/t/v07/a.png", {"other": "v07"}, 200),
    ("/t/v7/.png", {"other": "v7"}, 200), ("/t/v7/a.PNG", {"other": "v7"}, 200), ("/t/V7/a.png", {"other": "V7"}, 200),
    ("/t/v7/..png", {"version": 7, "name": "."}, 403), ("/t/v7/...png", {"version": 7, "name": ".."}, 403),
    ("/t/v7/a%2Epng", {"version": 7, "name": "a"}, 200), ("/t/v/a.png", {"other": "v"}, 200),
    ("/t/v-1/a.png", {"version": -1, "name": "a"}, 403), ("/t/v9223372036854775808/a.png", {"version": 9223372036854775808, "name": "a"}, 403),
])  # fmt: skip
def test_text_around_placeholders(gateway, keys, put, path, claims, wanted):
    put(path[1:].replace("%2E", "."))
    assert status(gateway, path, token=signed(keys, **claims)) == wanted


@pytest.mark.parametrize("role, read, upload", [
    ("owner", 200, 201), ("reader", 200, 403), ("nobody", 403, 403), ("Owner", 403, 403), ("own", 403, 403), ("", 403, 403), (True, 403, 403),
    (["x", "owner"], 200, 201), (["nobody", "reader"], 200, 403), ([["owner"]], 403, 403), ({"owner": True}, 403, 403), ("owner,reader", 403, 403),
])  # fmt: skip
def test_roles(gateway, keys, put, role, read, upload):
    team = f"t{uuid.uuid4()}"
    put(f"role/{team}/a")
    token = signed(keys, teams={team: role, "x": "owner"})
    assert status(gateway, f"/role/{team}/a", token=token) == read
    wish = {"params": {"team": team}, "filename": "b", "type": "text/plain", "size": 1}
    assert status(gateway, "/_edgepass/uploads", method="POST", token=token, json={**wish, "route": "role"}) == upload
    assert status(gateway, f"/role/{team}y/a", token=token) == 403


def test_roles_with_dots_in_names(gateway, keys, put):
    put("role/a.b/c")
    assert status(gateway, "/role/a.b/c", token=signed(keys, teams={"a.b": "reader"})) == 200
    assert status(gateway, "/role/a.b/c", token=signed(keys, teams={"a": {"b": "reader"}})) == 403


@pytest.mark.parametrize("paths, wanted", [
    (["/listed/a/b"], 200), ("/listed/a/b", 200), ("/listed/a/*", 200), ("/listed/*", 200), ("/*", 200), (["/x", "/listed/*"], 200),
    ("*", 403), ("/listed/a*", 403), ("/listed/a/b*", 403), ("/listed/a/b/*", 403), ("/listed/a", 403), ("listed/a/b", 403), ("/Listed/*", 403),
    ("/listed/a/b/", 403), ("/listed/*/b", 403), ("/listed/%61/b", 403), ("/listed/**", 403), ("//*", 403), ("/listed/./*", 403), ("", 403),
    ([["/listed/*"]], 403), ({"path": "/listed/*"}, 403), ([], 403), (None, 403), (True, 403),
])  # fmt: skip
def test_paths_in_tokens(gateway, keys, put, paths, wanted):
    put("listed/a/b")
    assert status(gateway, "/listed/a/b", token=signed(keys, paths=paths)) == wanted
    assert status(gateway, "/public/nothing", token=signed(keys, paths=["/listed/a/b"])) == 404


def test_a_list_of_paths_opens_no_other_route(gateway, keys, workspace):
    assert status(gateway, workspace.put(), token=signed(keys, paths=["/*"])) == 403


def row(conditions):
    """The ordinary rule of a workspace's own token, with conditions."""
    plain = '{ action = "read", claims = { workspace = "{workspace}" } }'
    return plain, plain.removesuffix(" }") + f", {conditions} }}"


def at(seconds, form="%Y-%m-%dT%H:%M:%SZ"):
    return time.strftime(form, time.gmtime(time.time() + seconds))


def hours(first, last):
    return f'hours = "{at(first * 60, "%H:%M")}-{at(last * 60, "%H:%M")}"'


DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
TODAY, TOMORROW = (lambda: DAYS[int(at(0, "%w"))]), (lambda: DAYS[int(at(86_400, "%w"))])
CIRCUMSTANCES = {
    "GET alone": (lambda: 'methods = ["GET"]', 200, 403, "method_not_covered"),
    "HEAD alone": (lambda: 'methods = ["HEAD"]', 403, 200, "method_not_covered"),
    "begun": (lambda: f"from = {at(-60)}", 200, 200, None),
    "not begun": (lambda: f"from = {at(3600)}", 403, 403, "outside_times"),
    "not over": (lambda: f'until = "{at(3600)}"', 200, 200, None),
    "over": (lambda: f"until = {at(-1)}", 403, 403, "outside_times"),
    "over in another zone": (lambda: f"until = {at(3600, '%Y-%m-%dT%H:%M:%S+02:00')}", 403, 403, "outside_times"),
    "these hours": (lambda: hours(-5, 30), 200, 200, None),
    "other hours": (lambda: hours(30, 60), 403, 403, "outside_times"),
    "over midnight": (lambda: hours(-5, -10), 200, 200, None),
    "today": (lambda: f'days = ["{TODAY()}"]', 200, 200, None),
    "another day": (lambda: f'days = ["{TOMORROW()}"]', 403, 403, "outside_times"),
    "from here": (lambda: 'addresses = ["127.0.0.0/8"]', 200, 200, None),
    "from elsewhere": (lambda: 'addresses = ["192.0.2.0/24", "::1"]', 403, 403, "address_not_covered"),
    "not from all of IPv6": (lambda: 'addresses = ["::/0"]', 403, 403, "address_not_covered"),
    "all": (lambda: f'methods = ["GET"], from = {at(-60)}, days = ["{TODAY()}"], addresses = ["127.0.0.1"]', 200, 403, "method_not_covered"),
}


@pytest.mark.parametrize("what", CIRCUMSTANCES)
def test_circumstances(site, workspace, what):
    conditions, get, head, reason = CIRCUMSTANCES[what]
    gateway = site.serve(row(conditions()))
    path = workspace.put()
    for method, wanted in (("GET", get), ("HEAD", head)):
        answer = ask(gateway.origin, path, method=method, token=workspace.scoped_token())
        assert answer.status == wanted, (method, answer)
        if wanted == 403:
            assert gateway.log_of(answer)["reason"] == reason
    assert status(gateway, path, token=workspace.token()) == 200, "the other rule demands nothing"
    assert status(gateway, path) == 401


def test_a_rule_ends_while_its_object_is_cached(site, workspace):
    gateway = site.serve(row(f"until = {at(3)}"))
    path, token = workspace.put(), workspace.scoped_token()
    assert status(gateway, path, token=token) == 200
    wait_until(lambda: status(gateway, path, token=token) == 403, 5, "the end")


def test_anyone_under_a_circumstance(gateway, put, keys):
    name = str(uuid.uuid4())
    for folder in ("address", "elsewhere", "public"):
        put(f"{folder}/{name}")
    answer = ask(gateway.origin, f"/address/{name}")
    assert (answer.status, answer.header("cache-control")) == (200, "private, no-cache")
    assert answer.header("cross-origin-resource-policy") == ask(gateway.origin, "/nowhere").header("cross-origin-resource-policy")
    assert ask(gateway.origin, f"/public/{name}").header("cache-control") == "public, no-cache"
    assert ask(gateway.origin, f"/address/{name}", token="rubbish").status == 200
    refused = ask(gateway.origin, f"/elsewhere/{name}")
    assert refused.status == 401, "a token might help"
    assert ask(gateway.origin, f"/elsewhere/{name}", token=signed(keys, sub="ada")).status == 200
    for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "True-Client-IP", "CF-Connecting-IP", "X-Client-IP", "Via"):
        assert ask(gateway.origin, f"/elsewhere/{name}", headers={header: "192.0.2.7"}).status == 401, header
    only = ask(gateway.origin, f"/six/{name}")
    assert (only.status, only.code) == (403, "forbidden"), "no token would help"


def test_ipv6(site, put):
    """A listener for both families: who comes by IPv4 is judged by the IPv4 address."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 here")
    edits = ("[cache]\n", ROUTES), ("[token]\n", ROLES + "[token]\n")
    both = site.serve(*edits, ('http = "127.0.0.1:', 'http = "[::]:'))
    assert (status(both, "/address/x"), status(both, "/six/x")) == (404, 403), "IPv4 through the socket of both"
    six = both.origin.replace("127.0.0.1", "[::1]")
    assert ask(six, "/six/x").status == 404 and ask(six, "/address/x").status == 403


def test_several_audiences(gateway, workspace):
    path = workspace.put()
    for audience, wanted in (("files", 200), ("media", 200), (["x", "media"], 200), ("mediafiles", 401), ("files media", 401), ([], 401), (["x"], 401)):
        assert status(gateway, path, token=workspace.token(aud=audience)) == wanted, audience


# Mistakes ----------------------------------------------------------------------------------------------------------


def route(allow, path="/x/{a}/{b}", more=""):
    return "[cache]\n", f'[[route]]\nname = "x"\npath = "{path}"\nbucket = "main"\n{more}allow = [{allow}]\n\n[cache]\n'


READ = '{ action = "read", claims = {} }'
HOOK = '[hook.app]\nurl = "https://app.example.com/"\n'


def before_token(text):
    return "[token]\n", f"{text}\n[token]\n"


# What is edited, and the text at whose line the mistake is shown.
MISTAKES = {
    "a host with a port": ([route(READ, more='hosts = ["a.example.com:443"]\n')], '"a.example.com:443"'),
    "a host with a scheme": ([route(READ, more='hosts = ["https://a.example.com"]\n')], '"https://a.'),
    "a host in capitals": ([route(READ, more='hosts = ["A.example.com"]\n')], '"A.example'),
    "a host as a pattern": ([route(READ, more='hosts = ["*.example.com"]\n')], '"*.example'),
    "no host": ([route(READ, more="hosts = []\n")], "hosts = []"),
    "two placeholders in a segment": ([route(READ, path="/x/{a}-{b}")], '"/x/{a}-{b}"'),
    "a rest with text": ([route(READ, path="/x/v{a...}")], '"/x/v{a...}"'),
    "paths that cross": ([route(READ, path="/x/{a}/y"), ("[cache]\n", route(READ, path="/x/y/{b}")[1].replace('name = "x"', 'name = "z"'))], '"/x/y/{b}"'),
    "a role without roles": ([route('{ role = "r" }')], '{ role = "r" }'),
    "a role beside an action": ([before_token(ROLES), route('{ action = "read", role = "r" }')], '{ action = "read", role'),
    "a role beside anyone": ([before_token(ROLES), route('{ role = "r", anyone = true }')], '{ role = "r", anyone'),
    "a role with an unknown action": ([before_token('[roles]\nowner = ["write"]\n')], '"write"'),
    "a role for nothing": ([before_token("[roles]\nowner = []\n")], "owner = []"),
    "neither who nor what": ([route('{ action = "read" }')], '{ action = "read" }'),
    "an unknown method": ([route('{ action = "read", claims = {}, methods = ["POST"] }')], '"POST"'),
    "no method": ([route('{ action = "read", claims = {}, methods = [] }')], "methods = []"),
    "methods of an upload": ([route('{ action = "upload", claims = {}, methods = ["GET"] }', more='upload = { max_size = "1 B", types = ["*/*"], fill = {} }\n')], '"GET"'),
    "a time without an offset": ([route('{ action = "read", claims = {}, from = 2026-12-01T00:00:00 }')], "from = 2026"),
    "a date alone": ([route('{ action = "read", claims = {}, from = 2026-12-01 }')], "from = 2026"),
    "it ends before it begins": ([route('{ action = "read", claims = {}, from = 2026-12-01T00:00:00Z, until = 2026-11-01T00:00:00Z }')], "until = 2026"),
    "it ends as it begins": ([route('{ action = "read", claims = {}, hours = "08:00-08:00" }')], "08:00-08:00"),
    "no hours": ([route('{ action = "read", claims = {}, hours = "8-18" }')], '"8-18"'),
    "hours that are not there": ([route('{ action = "read", claims = {}, hours = "08:00-24:01" }')], '"08:00-24:01"'),
    "an unknown day": ([route('{ action = "read", claims = {}, days = ["monday"] }')], '"monday"'),
    "no day": ([route('{ action = "read", claims = {}, days = [] }')], "days = []"),
    "no address": ([route('{ action = "read", claims = {}, addresses = ["localhost"] }')], '"localhost"'),
    "bits behind the length": ([route('{ action = "read", claims = {}, addresses = ["192.0.2.1/24"] }')], '"192.0.2.1/24"'),
    "too long a length": ([route('{ action = "read", claims = {}, addresses = ["192.0.2.0/33"] }')], '"192.0.2.0/33"'),
    "octal": ([route('{ action = "read", claims = {}, addresses = ["010.0.0.1"] }')], '"010.0.0.1"'),
    "anyone beside a hook": ([before_token(HOOK), route('{ action = "read", anyone = true, hook = "app" }')], "anyone = true, hook"),
    "anyone beside paths": ([route('{ action = "read", anyone = true, paths = "p" }')], 'anyone = true, paths'),
    "an unknown hook": ([before_token(HOOK), route('{ action = "read", claims = {}, hook = "ap" }')], '"ap"'),
    "a list of paths, and a key without them": ([route('{ action = "read", paths = "p" }', more='key = "x/{b}"\n')], 'paths = "p"'),
    "never needed: anyone may": ([route(f'{{ action = "read", anyone = true }}, {READ}')], READ),
    "never needed: a wider rule": ([route(f'{READ}, {{ action = "read", claims = {{ a = "{{a}}" }} }}')], 'claims = { a = "{a}" }'),
    "never needed: the same again": ([route('{ action = "read", claims = { a = 1 } }, { action = "read", claims = { a = 1 } }')], "{ a = 1 }"),
    "never needed: under a condition": ([route(f'{READ}, {{ action = "read", claims = {{}}, methods = ["GET"] }}')], 'methods = ["GET"]'),
    "an `iss` that nobody has": ([route('{ action = "read", claims = { iss = "https://nobody.example" } }')], '"https://nobody.example"'),
    "no value": ([route('{ action = "read", claims = { a = [] } }')], "a = []"),
    "an action that no issuer may": ([route('{ action = "delete", claims = {} }')], '"delete"'),
    "any origin, and not anyone": ([route(READ, more='cors = "*"\n')], 'cors = "*"'),
    "any origin, and anyone under a condition": ([route('{ action = "read", anyone = true, addresses = ["10.0.0.0/8"] }', more='cors = "*"\n')], 'cors = "*"'),
    "no audience": ([('audience = "files"', "audience = []")], "audience = []"),
    "tokens where links are": ([('"query:authorization"', '"query:link"')], '"query:link"'),
    "a document that is no URL": ([('jwks_file = "', 'discovery = "http://idp.example.com"\n#')], '"http://idp.example.com"'),
    "an issuer that is no URL": ([('issuer = "https://app.example.com"', 'issuer = "app"'), ('jwks_file = "', 'discovery = true\n#')], None),
    "no document": ([('jwks_file = "', 'discovery = false\n#')], "discovery = false"),
    "two places of keys": ([('jwks_file = "', 'discovery = true\njwks_file = "')], None),
    "a hook over plain http": ([before_token('[hook.app]\nurl = "http://app.example.com/"\n')], '"http://app.example.com/"'),
    "a hook with a user": ([before_token('[hook.app]\nurl = "https://u:p@app.example.com/"\n')], '"https://u:p@'),
    "a hook that may take long": ([before_token(HOOK + 'timeout = "6s"\n')], '"6s"'),
    "a hook without time": ([before_token(HOOK + 'timeout = "0s"\n')], '"0s"'),
    "answers that stay fresh": ([before_token(HOOK + 'fresh = "6m"\n')], '"6m"'),
    "answers that stay stale": ([before_token(HOOK + 'stale = "61m"\n')], '"61m"'),
    "a secret that is not there": ([before_token(HOOK + 'secret_file = "nothing.secret"\n')], "nothing.secret"),
    "links without a file": ([before_token('[links]\nsecret_file = "nothing.secret"\n')], "nothing.secret"),
    "links with a weak secret": ([before_token('[links]\nsecret_file = "/proc/sys/kernel/ostype"\n')], "ostype"),
    "operators with a weak secret": ([before_token('[admin]\nsecret_file = "/proc/sys/kernel/ostype"\n')], "ostype"),
    "nine claims to revoke by": ([before_token('[revocation]\nclaims = ["a","b","c","d","e","f","g","h","i"]\n')], "claims = [\"a\""),
    "a claim to revoke by twice": ([before_token('[revocation]\nclaims = ["a","a"]\n')], "claims = [\"a\""),
    "state without a directory": ([before_token("[state]\n")], "[state]"),
    "one time, perhaps": ([('max_age = "24h"', 'max_age = "24h"\none_time = "yes"')], '"yes"'),
}


@pytest.mark.parametrize("what", MISTAKES)
def test_a_mistake_has_its_place(site, tmp_path, what):
    edits, needle = MISTAKES[what]
    text, _ = site.text(*edits, directory=tmp_path)
    path = tmp_path / "edgepass.toml"
    path.write_text(text)
    for command in ("check", "serve"):
        done = run(command, "--config", path, env=site.secrets())
        assert done.returncode == 2, (done.stdout, done.stderr)
        assert "panic" not in done.stderr
    found = places(done.stderr, path)
    assert found, done.stderr
    if needle:
        wanted = {place_of(text, needle)[0]}
        if what.startswith("never needed"):
            wanted.add(text[: text.rindex(needle)].count("\n") + 1)
        assert {line for line, _ in found} <= wanted, (found, wanted, done.stderr)
    mistakes = json.loads(run("check", "--config", path, "--json", env=site.secrets()).stdout)["mistakes"]
    assert [(mistake["line"], mistake["column"]) for mistake in mistakes] == found


def test_one_time_and_links_and_all_together_are_fine(site, tmp_path):
    (tmp_path / "secret").write_text("a secret of at least thirty-two bytes")
    sections = "".join(f'[{name}]\nsecret_file = "secret"\n' for name in ("links", "admin")) + f'[state]\ndirectory = "{tmp_path}/state"\n' + HOOK
    text, _ = site.text(before_token(ROLES + sections), ("[cache]\n", ROUTES), directory=tmp_path)
    (tmp_path / "edgepass.toml").write_text(text)
    run("check", "--config", tmp_path / "edgepass.toml", env=site.secrets(), check=0)
    assert not (tmp_path / "state").exists(), "`check` makes nothing"


@pytest.mark.parametrize("path", ["/r{n}/{{x...}}", "/all/{{a}}/r{n}", "/r{n}-{{x}}/{{y:int}}"])
def test_ten_thousand_routes_load_in_seconds(site, tmp_path, path, record_property):
    plain, _ = site.text(directory=tmp_path)
    head = plain.replace("[cache]\n", "#").split("[[route]]")[0]
    one = '[[route]]\nname="r{n}"\npath="' + path + '"\nbucket="main"\nallow=[{{action="read",claims={{}}}}]\n'
    text = head + "".join(one.format(n=number) for number in range(10_000))
    assert len(text) < 1 << 20
    file = tmp_path / "edgepass.toml"
    file.write_text(text)
    begun = time.monotonic()
    run("check", "--config", file, env=site.secrets(), check=0, timeout=60)
    seconds = time.monotonic() - begun
    print(f"10,000 routes of {path} in {seconds:.2f} s")
    record_property("seconds", round(seconds, 2))
    assert seconds < 20
