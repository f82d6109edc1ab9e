"""Objects, tokens, certificate and origin: what all servers share."""

import datetime
import ipaddress
import random
import re
import urllib.request
import uuid

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from server import LOAD_CORE, Server

from http1 import request
from processes import free_port
from tokens import SigningKey, claims

WORKSPACES = 10
# Requests made in advance, which the load generator walks through again and again.
WALK = 50_000
WALK_LARGE = 2_000

ORIGIN = """\
daemon off;
{user}worker_processes 1;
worker_rlimit_nofile 20000;
pid {dir}/nginx.pid;
error_log {dir}/error.log warn;
events {{ worker_connections 4096; }}
http {{
  types {{ application/octet-stream bin; }}
  sendfile on;
  keepalive_requests 1000000000;
  access_log off;
  client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fastcgi;
  uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
  server {{
    listen 127.0.0.1:{port};
    add_header Cache-Control "public, max-age=86400";
    location /bucket/ {{ root {dir}/www; }}
    location / {{ root {dir}/www/bucket; }}
    location = /count {{ stub_status; }}
  }}
}}
"""


class Lab:
    def __init__(self, directory, sizes, users, seed, nginx_user):
        self.directory = directory
        self.dice = random.Random(seed)
        self.nginx_user = nginx_user
        self.certificate, self.certificate_key = write_certificate(directory)
        workspaces = [self.uuid() for _ in range(WORKSPACES)]
        self.key = SigningKey.new("HS256", "bench")
        # Each user reads one workspace; so does each token, and holds a tenth of the objects.
        self.tokens = [[] for _ in workspaces]
        for number in range(users):
            workspace = workspaces[number % WORKSPACES]
            self.tokens[number % WORKSPACES].append(self.token(number, workspace))
        self.bodies, self.paths = {}, {}
        for name, (size, count) in sizes.items():
            self.bodies[name] = self.dice.randbytes(size)
            places = [number % WORKSPACES for number in range(count)]
            self.paths[name] = [(place, f"/{workspaces[place]}/{self.uuid()}/{name}-{number}.bin") for number, place in enumerate(places)]
        self.start_origin()

    def uuid(self):
        return str(uuid.UUID(int=self.dice.getrandbits(128), version=4))

    def token(self, number, workspace):
        """One token for all servers. `members` is a claim of an app's own; `cdniuc` (RFC 9246) is how Traffic Server is told a path."""
        return self.key.sign(
            claims(
                life=7200,
                sub=f"user-{number}",
                members={workspace: "reader"},
                cdniv=1,
                cdniuc=f"regex:https?://[^/]*/{workspace}/.*",
            )
        )

    def start_origin(self):
        directory = self.directory / "origin"
        self.bodies_directory = self.directory / "bodies"
        self.bodies_directory.mkdir()
        for name, body in self.bodies.items():
            (self.bodies_directory / name).write_bytes(body)
            for _, path in self.paths[name]:
                file = directory / "www" / "bucket" / path[1:]
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(body)
        self.origin_port = free_port()
        config = directory / "nginx.conf"
        config.write_text(ORIGIN.format(dir=directory, port=self.origin_port, user=self.nginx_user))
        command = ["nginx", "-p", directory, "-c", config]
        self.origin = Server("the origin", LOAD_CORE, command, directory, {"http1": self.origin_port})
        self.origin.wait_until_ready()

    def origin_requests(self):
        """How many the origin has answered so far, without those that ask for this."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.origin_port}/count", timeout=10) as answer:
            text = answer.read().decode()
        self.counted = getattr(self, "counted", 0) + 1
        # "server accepts handled requests", then three numbers.
        return int(re.search(r"\n\s*\d+ \d+ (\d+)", text).group(1)) - self.counted

    def target(self, peer, workspace, path):
        """A path as this server wants it asked for, with one of those tokens that may read it."""
        if peer.token_in is None:
            return path
        return f"{path}?{peer.token_in}={self.dice.choice(self.tokens[workspace])}"

    def targets(self, peer, case, count, most=None):
        """At random, of the first `most` objects."""
        paths = self.paths[case.files][:most]
        return [self.target(peer, *self.dice.choice(paths)) for _ in range(count)]

    def range_of(self, case):
        """The header of a random range, aligned to its own length; nothing for whole objects."""
        if case.part is None:
            return []
        first = self.dice.randrange(len(self.bodies[case.files]) // case.part) * case.part
        return [("Range", f"bytes={first}-{first + case.part - 1}")]

    def write_requests(self, peer, case):
        """For wrk: whole requests, ended by NUL. For h2load: addresses, a line each."""
        count = WALK if case.files == "1k" else WALK_LARGE
        path = self.directory / f"{peer.name}.{case.name.replace('/', '.')}.requests"
        if path.exists():
            return path
        targets = self.targets(peer, case, min(count, 10 * len(self.paths[case.files]) + 1000))
        if case.transport == "http2":
            origin = f"https://127.0.0.1:{peer.server.ports['http2']}"
            path.write_text("".join(f"{origin}{target}\n" for target in targets))
        else:
            host = f"127.0.0.1:{peer.server.ports[case.transport]}"
            path.write_bytes(b"".join(request(host, target, headers=self.range_of(case)) + b"\0" for target in targets))
        return path


def write_certificate(directory):
    """A P-256 certificate for loopback, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")])
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(x509.random_serial_number()).add_extension(names, critical=False)
    built = built.not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=30))
    certificate = built.sign(key, hashes.SHA256())
    (directory / "certificate.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (directory / "key.pem").write_bytes(pem)
    return directory / "certificate.pem", directory / "key.pem"
