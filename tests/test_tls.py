"""TLS from files: HTTP/2 and HTTP/1.1 by ALPN, `Secure` cookies, and plain http that only sends on."""

import subprocess

import pytest

from http1 import ask
from processes import Process, free_port, wait_until


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
