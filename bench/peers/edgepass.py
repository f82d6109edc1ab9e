"""Edgepass as it is configured by default: token and path judged on every request, access log on."""

import subprocess

from .peer import Peer

CONFIG = """\
[listen]
http = "127.0.0.1:{plain}"
https = "127.0.0.1:{tls}"

[tls]
certificate = "{certificate}"
key = "{key}"

[site]
origin = "https://127.0.0.1:{tls}"
apps = ["https://app.example.com"]

[bucket.main]
endpoint = "http://127.0.0.1:{origin}"
region = "us-east-1"
name = "bucket"
credentials = {{ access_key_env = "BENCH_KEY", secret_key_env = "BENCH_KEY" }}

[issuer.app]
issuer = "https://app.example.com"
audience = "files"
secret_file = "{secret}"
algorithms = ["HS256"]
may = ["read"]
max_age = "24h"

[token]
from = ["header", "cookie:edgepass", "query:authorization"]

[[route]]
name = "files"
path = "/{{workspace:uuid}}/{{file:uuid}}/{{name...}}"
bucket = "main"
key = "{{workspace}}/{{file}}/{{name}}"
allow = [
  {{ action = "read", claims = {{ workspace = "{{workspace}}" }} }},
  {{ action = "read", claims = {{ "members.{{workspace}}" = ["owner", "editor", "reader"] }} }},
]
"""


class Edgepass(Peer):
    name = "edgepass"
    title = "Edgepass"
    token_in = "authorization"
    binds_path = True
    for_callgrind = True

    def version(self):
        return subprocess.run([self.options.binary, "--version"], capture_output=True, text=True, check=True).stdout.strip()

    def command(self, directory, plain, tls, wrapped):
        secret = directory / "secret"
        secret.write_bytes(self.lab.key.private)
        secret.chmod(0o600)
        config = directory / "edgepass.toml"
        config.write_text(
            CONFIG.format(
                plain=plain, tls=tls, origin=self.lab.origin_port, secret=secret,
                certificate=self.lab.certificate, key=self.lab.certificate_key,
            )  # fmt: skip
        )
        return [self.options.binary, "serve", "--config", config], {"BENCH_KEY": "bench-key-of-no-worth"}
