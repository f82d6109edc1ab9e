"""Varnish with objects in memory, without authorisation. It speaks no TLS itself, so neither does it here."""

import subprocess

from .peer import Peer

RULES = """\
vcl 4.1;
backend origin {{ .host = "127.0.0.1"; .port = "{origin}"; }}
sub vcl_recv {{
  set req.url = "/bucket" + req.url;
  return (hash);
}}
"""


class Varnish(Peer):
    name = "varnish"
    title = "Varnish, no authorisation"
    transports = ("http1",)
    without = "Varnish speaks no TLS itself, and HTTP/2 to browsers needs TLS"

    def version(self):
        said = subprocess.run(["varnishd", "-V"], capture_output=True, text=True, check=True)
        return (said.stdout + said.stderr).split("\n")[0].split(" (")[1].split(" revision")[0].replace("varnish-", "Varnish ")

    def command(self, directory, plain, tls, wrapped):
        rules = directory / "rules.vcl"
        rules.write_text(RULES.format(origin=self.lab.origin_port))
        command = ["varnishd", "-F", "-j", "none", "-n", directory / "run", "-a", f"127.0.0.1:{plain}", "-f", rules,
                   "-s", "malloc,1g", "-T", "none", "-p", "thread_pools=1", "-p", "timeout_idle=3600"]  # fmt: skip
        return command, {}
