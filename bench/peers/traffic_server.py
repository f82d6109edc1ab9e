"""Apache Traffic Server with its `uri_signing` plugin, every object in its memory cache."""

import json
import re
import subprocess

from tokens import ISSUER, b64

from .peer import Peer

RECORDS = """\
CONFIG proxy.config.http.server_ports STRING {plain}:ipv4:ip-in=127.0.0.1 {tls}:ssl:ipv4:ip-in=127.0.0.1
CONFIG proxy.config.admin.user_id STRING #-1
CONFIG proxy.config.exec_thread.autoconfig INT 0
CONFIG proxy.config.exec_thread.limit INT 1
CONFIG proxy.config.accept_threads INT 0
CONFIG proxy.config.task_threads INT 1
CONFIG proxy.config.cache.threads_per_disk INT 1
CONFIG proxy.config.net.connections_throttle INT 18000
CONFIG proxy.config.net.max_connections_in INT 16000
CONFIG proxy.config.http.keep_alive_no_activity_timeout_in INT 3600
CONFIG proxy.config.http2.no_activity_timeout_in INT 3600
CONFIG proxy.config.http.insert_response_via_str INT 0
CONFIG proxy.config.url_remap.remap_required INT 1
CONFIG proxy.config.reverse_proxy.enabled INT 1
CONFIG proxy.config.cache.ram_cache.size INT 512M
CONFIG proxy.config.cache.ram_cache_cutoff INT 128M
CONFIG proxy.config.cache.ram_cache.algorithm INT 1
CONFIG proxy.config.cache.ram_cache.use_seen_filter INT 0
CONFIG proxy.config.cache.min_average_object_size INT 8000
CONFIG proxy.config.ssl.server.cert.path STRING {dir}/etc
CONFIG proxy.config.ssl.server.private_key.path STRING {dir}/etc
CONFIG proxy.config.log.logging_enabled INT 3
CONFIG proxy.config.dns.resolv_conf STRING {dir}/etc/resolv.conf
"""
FILES = {
    "remap.config": "map / http://127.0.0.1:{origin}/bucket/ @plugin=uri_signing.so @pparam={dir}/etc/signing.json\n",
    "storage.config": "{dir}/cache 1G\n",
    "ssl_multicert.config": "dest_ip=* ssl_cert_name=certificate.pem ssl_key_name=key.pem\n",
    "plugin.config": "",
    "resolv.conf": "nameserver 127.0.0.1\n",
    "ip_allow.yaml": "ip_allow:\n  - {{apply: in, ip_addrs: 0/0, action: allow, methods: ALL}}\n",
    "logging.yaml": """\
logging:
  formats: [{{name: plain, format: '%<chi> %<caun> [%<cqtn>] "%<cqtx>" %<pssc> %<pscl>'}}]
  logs: [{{filename: access, format: plain}}]
""",
}
LAYOUT = """\
prefix: {dir}
exec_prefix: /usr
bindir: /usr/bin
sbindir: /usr/sbin
sysconfdir: {dir}/etc
datadir: {dir}/etc
includedir: /usr/include
libdir: /usr/lib/trafficserver
libexecdir: /usr/lib/trafficserver/modules
localstatedir: {dir}/run
runtimedir: {dir}/run
logdir: {dir}/log
mandir: /usr/share/man
infodir: /usr/share/info
cachedir: {dir}/run
"""


class TrafficServer(Peer):
    name = "traffic-server"
    title = "Traffic Server, uri_signing"
    token_in = "URISigningPackage"
    binds_path = True

    def version(self):
        said = subprocess.run(["traffic_server", "--version"], capture_output=True, text=True, check=True)
        return re.search(r"Traffic Server \d[\d.]*", said.stdout + said.stderr).group(0)

    def command(self, directory, plain, tls, wrapped):
        values = {"dir": directory, "plain": plain, "tls": tls, "origin": self.lab.origin_port}
        for name in ("etc", "run", "log", "cache"):
            (directory / name).mkdir()
        for name, text in {**FILES, "records.config": RECORDS}.items():
            (directory / "etc" / name).write_text(text.format(**values))
        (directory / "etc" / "signing.json").write_text(json.dumps(self.signing()))
        (directory / "etc" / "certificate.pem").write_bytes(self.lab.certificate.read_bytes())
        (directory / "etc" / "key.pem").write_bytes(self.lab.certificate_key.read_bytes())
        layout = directory / "runroot.yaml"
        layout.write_text(LAYOUT.format(**values))
        return ["traffic_server", f"--run-root={layout}"], {}

    def signing(self):
        """Its key; and the token is taken out of the address, so that one object is kept once for all users."""
        key = {"kty": "oct", "alg": "HS256", "kid": self.lab.key.kid, "k": b64(self.lab.key.private)}
        return {ISSUER: {"renewal_kid": self.lab.key.kid, "strip_token": True, "id": "files", "keys": [key]}}
