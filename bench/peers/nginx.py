"""nginx's `proxy_cache`, without authorisation, set up to be fast: one worker, hits from open files, connections kept for ever."""

import subprocess

from .peer import Peer

# `tcp_nopush` is off: with it on, answers of 64 KiB stall for 40 ms on loopback.
CONFIG = """\
daemon off;
{modules}{user}worker_processes 1;
worker_rlimit_nofile 20000;
pid {dir}/nginx.pid;
error_log {dir}/error.log warn;
events {{ worker_connections 16384; multi_accept on; }}
http {{
  types {{ application/octet-stream bin; }}
  sendfile on;
  tcp_nopush off;
  tcp_nodelay on;
  keepalive_timeout 3600;
  keepalive_requests 1000000000;
  open_file_cache max=30000 inactive=1h;
  open_file_cache_valid 1h;
  access_log {dir}/access.log combined buffer=64k flush=200ms;
  client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fastcgi;
  uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
  proxy_cache_path {dir}/cache levels=1:2 keys_zone=files:64m max_size=4g inactive=1h use_temp_path=off;
  ssl_certificate {certificate};
  ssl_certificate_key {key};
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_session_cache shared:sessions:16m;
  upstream origin {{ server 127.0.0.1:{origin}; keepalive 32; }}
{gate}  server {{
    listen 127.0.0.1:{plain} reuseport;
    listen 127.0.0.1:{tls} ssl http2 reuseport;
    location / {{
{check}      proxy_pass http://origin/bucket$uri;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_cache files;
      proxy_cache_key $uri;
      proxy_cache_valid 200 1h;
    }}
  }}
}}
"""


class Nginx(Peer):
    name = "nginx"
    title = "nginx, no authorisation"
    for_callgrind = True

    def version(self):
        said = subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=True).stderr
        return f"nginx {said.strip().split('/')[-1]}"

    def parts(self, directory):
        """What njs adds: modules, the gate, and the question at each request."""
        return {"modules": "", "gate": "", "check": ""}

    def command(self, directory, plain, tls, wrapped):
        config = directory / "nginx.conf"
        config.write_text(
            CONFIG.format(
                dir=directory, plain=plain, tls=tls, origin=self.lab.origin_port, user=self.lab.nginx_user,
                certificate=self.lab.certificate, key=self.lab.certificate_key, **self.parts(directory),
            )  # fmt: skip
        )
        # Under valgrind a worker would be another process than the one that is looked at.
        single = ["-g", "master_process off;"] if wrapped else []
        return ["nginx", "-p", directory, "-c", config, *single], {}
