"""TLS from files: HTTP/2 and HTTP/1.1 by ALPN, `Secure` cookies, and plain http that only sends on."""

import re
import socket
import ssl
import subprocess
import time

import pytest

import certificates
from certificates import Authority, connect, context, private_pem, shown
from http1 import ask, request
from processes import Process, free_port, run, wait_until


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    directory = tmp_path_factory.mktemp("tls")
    files = directory / "certificate.pem", directory / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-out", files[0], "-keyout", files[1]],
        check=True, capture_output=True,
    )  # fmt: skip
    return files


def edits(certificate, port):
    section = f'[tls]\ncertificate = "{certificate[0]}"\nkey = "{certificate[1]}"\n\n[site]\norigin = "https://localhost:{port}" #'
    return ("[listen]\n", f'[listen]\nhttps = "127.0.0.1:{port}"\n'), ("[site]\norigin =", section)


def curl(certificate, *arguments):
    done = subprocess.run(
        ["curl", "-sS", "-i", "--max-time", "20", "--cacert", certificate[0], *arguments], capture_output=True, check=True
    )
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    return head.decode().lower(), body


@pytest.fixture(scope="module")
def secure(site, certificate):
    port = free_port()
    site.serve(*edits(certificate, port))
    return f"https://localhost:{port}"


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_a_file_over_tls(secure, certificate, workspace, version):
    path = workspace.put(body=b"over tls")
    head, body = curl(certificate, version, "-H", f"Authorization: Bearer {workspace.token()}", secure + path)
    assert head.startswith("http/2 200" if version == "--http2" else "http/1.1 200 ok")
    assert body == b"over tls"


@pytest.mark.parametrize(("versions", "works"), [("--tls-max 1.1", False), ("--tls-max 1.2", True), ("--tlsv1.3", True)])
def test_tls_versions(secure, certificate, versions, works):
    command = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", certificate[0], *versions.split(), f"{secure}/a"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert (done.returncode == 0, done.stdout) == ((True, "401") if works else (False, "000"))


def test_cookies_are_secure(secure, certificate, workspace):
    token = workspace.token()
    head, _ = curl(certificate, "-X", "POST", "-H", f"Authorization: Bearer {token}", f"{secure}/_edgepass/session")
    cookie = next(line for line in head.splitlines() if line.startswith("set-cookie:"))
    assert "; secure" in cookie and "; httponly" in cookie and "; samesite=lax" in cookie and "domain=" not in cookie


def test_plain_http_sends_on_without_the_token(site, certificate, workspace, tmp_path):
    port, plain = free_port(), free_port()
    text, settings = site.text(*edits(certificate, port), directory=tmp_path)
    old = settings["origin"].removeprefix("http://")
    config = tmp_path / "edgepass.toml"
    config.write_text(text.replace(f'http = "{old}"', f'http = "0.0.0.0:{plain}"'))
    with Process(tmp_path, "serve", "--config", config, env=site.secrets()):
        origin = f"http://127.0.0.1:{plain}"

        def answers():
            try:
                return ask(origin, "/a", timeout=2)
            except OSError:
                return None

        wait_until(answers, 10, "the plain listener")
        token = workspace.token()
        answer = ask(origin, f"/a%20b/c?x=1&authorization={token}&link={token}&y=2", token=token)
        assert answer.status == 308
        assert answer.header("location") == f"https://localhost:{port}/a%20b/c?x=1&y=2"
        assert token.encode() not in answer.body and answer.header("cache-control") == "no-store"
        assert ask(origin, "/_edgepass/uploads", method="POST", token=token, json={}).status == 400


@pytest.fixture(scope="module")
def authority():
    return Authority()


def https_site(site, section, origin, *more):
    """A gateway with this `[tls]`; gives it and its port."""
    port = free_port()
    first = ("[listen]\n", f'[listen]\nhttps = "127.0.0.1:{port}"\n')
    gateway = site.serve(first, ("[site]\norigin =", f'{section}\n[site]\norigin = "{origin}" #'), *more)
    return gateway, port


def listed(*files):
    return "".join(f'[[tls.certificates]]\ncertificate = "{chain}"\nkey = "{key}"\n\n' for chain, key in files)


def test_the_certificate_of_the_name_that_is_asked_for(site, authority, tmp_path):
    names = {"first": ["files.example.com"], "exact": ["a.example.org"], "wildcard": ["*.example.org", "example.org"]}
    issued = {stem: authority.issue(*hosts) for stem, hosts in names.items()}
    serials = {stem: certificate.serial_number for stem, (_, _, certificate) in issued.items()}
    files = [certificates.write(tmp_path, stem, one) for stem, one in issued.items()]
    _, port = https_site(site, listed(*files), "https://files.example.com")
    for host, stem in {
        "files.example.com": "first",
        "a.example.org": "exact",
        "A.Example.ORG": "exact",
        "b.example.org": "wildcard",
        "example.org": "wildcard",
        "x.b.example.org": "first",
        "org": "first",
        "elsewhere.example": "first",
        None: "first",
    }.items():
        assert shown(port, host) == serials[stem], host


def test_of_two_for_one_name_the_one_whose_key_the_client_knows(site, authority, tmp_path):
    issued = [authority.issue("files.example.com", key=key) for key in ("p256", "rsa")]
    files = [certificates.write(tmp_path, str(number), one) for number, one in enumerate(issued)]
    _, port = https_site(site, listed(*files), "https://files.example.com")
    for algorithms, wanted in (("ECDSA+SHA256:RSA-PSS+SHA256", 0), ("RSA-PSS+SHA256:RSA+SHA256", 1)):
        done = subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "files.example.com", "-sigalgs", algorithms],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=20,
        )  # fmt: skip
        found = re.search(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", done.stdout, re.S)
        assert found, done.stderr
        shown_now = certificates.x509.load_pem_x509_certificate(found.group(0))
        assert shown_now.serial_number == issued[wanted][2].serial_number, algorithms


@pytest.mark.parametrize("key, form", [("rsa", "pkcs8"), ("rsa", "traditional"), ("p256", "pkcs8"), ("p256", "traditional"), ("p384", "pkcs8"), ("p384", "traditional"), ("ed25519", "pkcs8")])
def test_kinds_of_keys(site, authority, tmp_path, key, form):
    chain, private = certificates.write(tmp_path, "files", authority.issue("localhost", key=key, form=form))
    _, port = https_site(site, f'[tls]\ncertificate = "{chain}"\nkey = "{private}"\n', "https://localhost")
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        trusted = context(authority)
        trusted.minimum_version = trusted.maximum_version = version
        with connect(port, "localhost", trusted) as connection:
            connection.sendall(request("localhost", "/_edgepass/health"))
            assert connection.recv(1000).startswith(b"HTTP/1.1 200 OK")


def test_a_chain(site, authority, tmp_path):
    middle = Authority("the one between", authority)
    chain, key, certificate = middle.issue("localhost")
    files = certificates.write(tmp_path, "files", (chain + middle.pem, key, certificate))
    gateway, port = https_site(site, f'[tls]\ncertificate = "{files[0]}"\nkey = "{files[1]}"\n', "https://localhost")
    connect(port, "localhost", context(authority)).close()
    assert "warning" not in run("check", "--config", gateway.config, env=site.secrets(), check=0).stderr


def head_over_tls(port, authority, host, target="/_edgepass/health", method="GET"):
    with connect(port, host, context(authority)) as connection:
        connection.sendall(request(host, target, method=method))
        return connection.recv(4000).partition(b"\r\n\r\n")[0].decode().lower()


@pytest.mark.parametrize("setting, value", [("", "max-age=31536000"), ('hsts = "30d"\n', "max-age=2592000"), ('hsts = "0s"\n', "max-age=0"), ("hsts = false\n", None)])
def test_hsts(site, authority, tmp_path, setting, value):
    chain, key = certificates.write(tmp_path, "files", authority.issue("files.example.com"))
    section = f'[tls]\ncertificate = "{chain}"\nkey = "{key}"\n{setting}'
    gateway, port = https_site(site, section, "https://files.example.com")
    for target, method in (("/_edgepass/health", "GET"), ("/nothing", "GET"), ("/nothing", "HEAD"), ("/a", "OPTIONS"), ("/a", "PUT")):
        head = head_over_tls(port, authority, "files.example.com", target, method)
        found = re.findall(r"^strict-transport-security: (.*)$", head.replace("\r", ""), re.M)
        assert found == ([value] if value else []), head
    assert ask(gateway.origin, "/_edgepass/health").all("strict-transport-security") == [], "not over plain http"


def test_no_hsts_for_this_machine(secure, certificate):
    head, _ = curl(certificate, f"{secure}/_edgepass/health")
    assert "strict-transport-security" not in head


def test_sessions_do_not_outlive_their_certificate(site, authority, tmp_path):
    """Whoever resumes is shown no certificate: under another one it takes a whole handshake."""
    chain, key = certificates.write(tmp_path, "files", authority.issue("localhost"))
    gateway, port = https_site(site, f'[tls]\ncertificate = "{chain}"\nkey = "{key}"\n', "https://localhost")
    trusted = context(authority)
    trusted.maximum_version = ssl.TLSVersion.TLSv1_2

    def resumed(session=None):
        with socket.create_connection(("127.0.0.1", port), 20) as plain, trusted.wrap_socket(plain, server_hostname="localhost", session=session) as connection:
            return connection.session_reused, connection.session

    _, session = resumed()
    assert resumed(session)[0]
    certificates.write(tmp_path, "files", authority.issue("localhost"))
    gateway.process.send_signal(1)
    wait_until(lambda: "new certificates" in gateway.stderr_path.read_text() or "taken up" in gateway.stderr_path.read_text(), what="the reload")
    reused, session = resumed(session)
    assert not reused
    gateway.process.send_signal(1)
    wait_until(lambda: "the same certificates" in gateway.stderr_path.read_text(), what="the second reload")
    assert resumed(session)[0], "the same certificate: sessions stay"


def test_half_a_handshake_is_let_go(site, authority, tmp_path):
    chain, key = certificates.write(tmp_path, "files", authority.issue("localhost"))
    _, port = https_site(site, f'[tls]\ncertificate = "{chain}"\nkey = "{key}"\n', "https://localhost")
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), 20) as plain:
        plain.sendall(b"\x16\x03\x01\x02\x00\x01\x00")
        assert plain.recv(1) == b""
    assert 8 < time.monotonic() - began < 15


MISTAKES = {
    "an empty file": (lambda a: (b"", a[1]), "certificate", "holds no PEM certificate"),
    "an empty key": (lambda a: (a[0], b""), "key", "holds no PEM private key"),
    "no certificate": (lambda a: (a[1], a[1]), "certificate", "holds no PEM certificate"),
    "no key": (lambda a: (a[0], a[0]), "key", "holds no PEM private key"),
    "half a certificate": (lambda a: (a[0][:300], a[1]), "certificate", "broken PEM"),
    "rubbish in it": (lambda a: (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", a[1]), "certificate", "certificate 1 cannot be read"),
    "the key of another": (lambda a: (a[0], a[3].issue("localhost")[1]), "key", "the key is not the certificate's"),
    "a passphrase": (lambda a: (a[0], private_pem(certificates.KEYS["p256"](), passphrase=b"x")), "key", "is protected by a passphrase"),
    "an old passphrase": (lambda a: (a[0], private_pem(certificates.KEYS["rsa"](), "traditional", b"x")), "key", "is protected by a passphrase"),
    "a chain that is none": (lambda a: (a[0] + a[0], a[1]), "certificate", "certificate 2 did not issue certificate 1"),
    "a chain upside down": (lambda a: (a[3].pem + a[0], a[1]), "certificate", "certificate 2 did not issue certificate 1"),
    "a small key": (None, "key", "cannot be used"),
}


@pytest.mark.parametrize("what", MISTAKES)
def test_certificate_mistakes(site, authority, tmp_path, what):
    make, side, says = MISTAKES[what]
    issued = (*authority.issue("localhost"), authority)
    if make is None:
        small = certificates.rsa.generate_private_key(65537, 1024)
        signed = certificates.sign(certificates.name("x"), small.public_key(), authority, ["localhost"])
        texts = signed.public_bytes(certificates.serialization.Encoding.PEM), private_pem(small)
    else:
        texts = make(issued)
    checked(site, tmp_path, texts, side, says)


def checked(site, tmp_path, texts, side, says):
    """`check` and `serve` refuse the pair, and show it at the file's place."""
    for path, text in zip(("files.pem", "files.key"), texts, strict=True):
        if text is not None:
            (tmp_path / path).write_bytes(text)
    text, _ = site.text(*edits((tmp_path / "files.pem", tmp_path / "files.key"), 1), directory=tmp_path)
    config = tmp_path / "edgepass.toml"
    config.write_text(text)
    line = text[: text.index(f'\n{side} = "')].count("\n") + 2
    for command in ("check", "serve"):
        done = run(command, "--config", config, env=site.secrets())
        assert done.returncode == 2, done.stderr
        assert says in done.stderr and f"{config}:{line}:" in done.stderr, done.stderr


def test_a_directory_and_a_missing_file(site, authority, tmp_path):
    _, key, _ = authority.issue("localhost")
    checked(site, tmp_path, (None, key), "certificate", "there is no such file")
    (tmp_path / "files.pem").mkdir()
    checked(site, tmp_path, (None, key), "certificate", "is not a file")


WARNINGS = {
    "expired": ({"days": -1, "begins": -30}, "localhost", "expired on 20"),
    "not valid yet": ({"begins": 3}, "localhost", "is not valid before 20"),
    "soon": ({"days": 3}, "localhost", "expires on 20"),
    "another name": ({}, "elsewhere.example", "no certificate is for `localhost`"),
}


@pytest.mark.parametrize("what", WARNINGS)
def test_warnings_are_no_mistakes(site, authority, tmp_path, what):
    options, host, says = WARNINGS[what]
    files = certificates.write(tmp_path, "files", authority.issue(host, **options))
    gateway, port = https_site(site, f'[tls]\ncertificate = "{files[0]}"\nkey = "{files[1]}"\n', "https://localhost")
    done = run("check", "--config", gateway.config, env=site.secrets(), check=0)
    assert "warning: " in done.stderr and says in done.stderr, done.stderr
    assert re.search(re.escape(str(gateway.config)) + r":\d+:\d+", done.stderr)
    assert says in gateway.stderr_path.read_text()
    shown(port, "localhost")


def test_a_certificate_without_its_issuers(site, authority, tmp_path):
    files = certificates.write(tmp_path, "files", authority.issue("localhost"))
    gateway, _ = https_site(site, f'[tls]\ncertificate = "{files[0]}"\nkey = "{files[1]}"\n', "https://localhost")
    done = run("check", "--config", gateway.config, "--json", env=site.secrets(), check=0)
    assert "holds one certificate" in done.stdout and '"ok":true' in done.stdout
