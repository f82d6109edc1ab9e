"""The worker: what ./build-aws built for it, in Node.js without its glue and in workerd whole, with stores that tell what they were asked."""

import json
import platform
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from edge_function import Function
from http1 import ask
from processes import BINARY, ROOT, free_port, wait_until

BUILT = BINARY.parent.parent / "worker"
HARNESS = ROOT / "tests" / "worker" / "decide.mjs"
ARCHITECTURE = {"x86_64": "64", "aarch64": "arm64"}[platform.machine()]
WORKERD = ROOT / "tests" / "worker" / "node_modules" / "@cloudflare" / f"workerd-linux-{ARCHITECTURE}" / "bin" / "workerd"

CONFIG = """\
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "worker", worker = (
      modules = [
        (name = "worker.mjs", esModule = embed "worker.mjs"),
        (name = "authorizer.mjs", esModule = embed "authorizer.mjs"),
        (name = "edgepass-pure.wasm", wasm = embed "edgepass-pure.wasm"),
        (name = "site.json", text = embed "site.json"),
      ],
      bindings = [{bindings}],
      compatibilityDate = "2026-11-01",
    )),
    {stores}
  ],
  sockets = [(name = "http", address = "127.0.0.1:{port}", http = (), service = "worker")],
);
"""


def assemble(directory, site):
    """The worker's directory: what was built, and the settings of a site."""
    shutil.copytree(BUILT, directory)
    shutil.copy(site, directory / "site.json")
    return directory


class Pure(Function):
    """The module in Node.js. `ask(event)` gives the decision itself."""

    def __init__(self, directory):
        super().__init__(directory, HARNESS)


class Store:
    """A bucket's stand-in: its answer says what it was asked for."""

    def __init__(self, bucket):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                headers = {name.lower(): value for name, value in self.headers.items()}
                body = json.dumps({"bucket": bucket, "method": self.command, "path": self.path, "headers": headers}).encode()
                self.send_response(302 if self.path == "/public/moved" else 200)
                self.send_header("Location", "http://127.0.0.1:1/")
                self.send_header("Set-Cookie", "store=1")
                self.send_header("ETag", '"one"')
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_HEAD = do_GET

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()


class Workerd:
    """The worker served by workerd, with a store for each bucket."""

    def __init__(self, directory, buckets):
        self._stores = [Store(bucket) for bucket in buckets]
        port = free_port()
        self.origin = f"http://127.0.0.1:{port}"
        names = ["ORIGIN"] + [f"ORIGIN_{number}" for number in range(1, len(buckets))]
        bindings = ", ".join(f'(name = "{name}", service = "{name.lower()}")' for name in names)
        external = '(name = "{}", external = (address = "127.0.0.1:{}", http = ())),'
        stores = "\n    ".join(external.format(name.lower(), store.port) for name, store in zip(names, self._stores))
        config = directory / "worker.capnp"
        config.write_text(CONFIG.format(bindings=bindings, stores=stores, port=port))
        self._log_path = directory / "workerd.log"
        with self._log_path.open("w") as log:
            self.process = subprocess.Popen([WORKERD, "serve", config], stdout=log, stderr=subprocess.STDOUT)
        try:
            wait_until(self._answers, 20, "workerd's port")
        except BaseException:
            self.stop()
            raise

    def _answers(self):
        assert self.process.poll() is None, f"workerd ended:\n{self.log_text()}"
        try:
            return ask(self.origin, "/", timeout=5).status
        except OSError:
            return None

    def log_text(self):
        return self._log_path.read_text()

    def record(self, number):
        """The line about the request of this id, once it is written."""

        def find():
            for line in self.log_text().splitlines():
                if line.startswith("{") and number in line:
                    return json.loads(line)
            return None

        return wait_until(find, 5, f"the log line of {number}")

    def stop(self):
        self.process.terminate()
        self.process.wait(10)
        for store in self._stores:
            store.stop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
