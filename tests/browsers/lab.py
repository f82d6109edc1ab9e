"""An app of the tests' own, a gateway before the store, and recording proxies between browser and gateway, browser and store.

Every check has two hosts that no other check uses, `NAME.lab.localhost` for the app and `files-NAME.lab.localhost` for the files: one
site, two origins, nothing left over from the check before. Browsers take names below `localhost` for this machine, and for secure.
With certificates it is the same by https, and below `example.test`, where nothing is taken for secure that is not.
"""

import hashlib
import json
import os
import queue
import ssl
import struct
import tempfile
import threading
import time
import uuid
import zlib
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import film
from processes import wait_until
from recorder import Recorder

PAGE = Path(__file__).resolve().parent / "page"
DIST = Path(__file__).resolve().parent.parent.parent / "browser" / "dist"

MIB = 1024 * 1024
LARGE = 400 * MIB
LARGE_WORKSPACE = str(uuid.uuid4())

# What the certificate of the lab by https is for.
SECURE_NAMES = ("example.test", "*.example.test", "elsewhere.test")

# Seconds for one order; the pages' own limits are shorter.
PATIENCE = 25

# A check runs once for each way of tokens, each time with other hosts.
ROUNDS = "abc"


def host_label(name, engine, round):
    return f"{name.split('_')[0]}{ROUNDS[round]}-{engine.name}{'-private' * engine.private}"


class PageError(AssertionError):
    """What was thrown in the page."""


@dataclass
class Page:
    """What is served under an id, and the line to the page that has been loaded from it."""

    id: str
    origin: str
    html: str
    options: dict | None
    load: str = ""
    orders: queue.Queue = field(default_factory=queue.Queue)
    reports: dict = field(default_factory=dict)
    tab: object = None

    @property
    def url(self):
        return f"{self.origin}/page/{self.id}"


@dataclass
class Check:
    """One check's hosts, workspace, tokens and pages."""

    lab: "Lab"
    engine: object
    name: str
    new_workspace: object  # called for each that the check needs
    workspace: object = None
    pages: list = field(default_factory=list)
    asked: list = field(default_factory=list)  # of (scope, why)
    tabs: list = field(default_factory=list)
    give: object = None  # called with (scope, why): a token, None, or a number for a status
    worker: str = ""  # appended to the worker script
    same_host: bool = False  # files and app differ in their port alone
    by_link: bool = False  # the files origin is the gateway's own, which stands in its links
    round: int = 0

    def __post_init__(self):
        self.workspace = self.new_workspace()

    @property
    def app_host(self):
        return f"{host_label(self.name, self.engine, self.round)}.{self.lab.domain}"

    @property
    def app(self):
        return self.lab.origin(self.app_host)

    @property
    def files_host(self):
        if self.by_link:
            return f"files.{self.lab.domain}"
        return self.app_host if self.same_host else f"files-{self.app_host}"

    @property
    def files(self):
        return self.lab.origin(self.files_host, self.lab.recorder.port)

    def ways(self, *ways):
        """For each way of tokens a round with hosts and tabs of its own."""
        for self.round, way in enumerate(ways or ("auto", "header")):
            self.give = None
            self.asked.clear()
            yield way
            self.end()

    def token(self, *arguments, **changes):
        return self.workspace.token(*arguments, **changes)

    def put(self, name="a.png", body=None, content_type="image/png", **options):
        """The stable URL of a new object."""
        return self.files + self.workspace.put(name, PNG if body is None else body, ContentType=content_type, **options)

    def folder(self, files):
        """Several objects beside each other, of (name, bytes, media type). Gives the URL that their names follow."""
        folder = f"/{self.workspace.id}/{uuid.uuid4()}/"
        for name, body, kind in files:
            self.workspace.overwrite(folder + name, body, ContentType=kind)
        return self.files + folder

    def large(self):
        """The URL of 400 MiB in the store, and their SHA-256."""
        key, digest = self.lab.large
        return f"{self.files}/{key}", digest

    def note(self, text):
        """A figure for the log of the run."""
        print(f"{self.engine.name}, {self.name}: {text}")

    def options(self, **changes):
        pattern = f"{self.files}/{{workspace}}/{{file}}/{{name...}}"
        return {"match": [{"pattern": pattern, "scope": "account"}], "timeout": 4000, **changes}

    def page(self, html="", *, wait=True, origin=None, start=True, **options):
        """A new tab with the battery; `html` stands in it from the first byte on. `start=False`: without the package."""
        page = self.prepare(html, origin=origin, start=start, **options)
        page.tab = self.engine.open(page.url)
        self.tabs.append(page.tab)
        self.loaded(page, "", wait)
        return Line(self, page)

    def prepare(self, html="", *, origin=None, start=True, **options):
        page = Page(uuid.uuid4().hex[:12], origin or self.app, html, self.options(**options) if start else None)
        self.lab.pages[page.id] = (self, page)
        return page

    def loaded(self, page, before, wait=True):
        wait_until(lambda: page.load != before, PATIENCE, "the page to load")
        if wait and page.options:
            Line(self, page).ask("ready")
            Line(self, page).ask("control")

    def to_files(self, method=None, url=None, status=None):
        return self.lab.recorder.to(self.files_host, method, urlsplit(url).path if url else None, status)

    def answer(self, scope, why):
        self.asked.append((scope, why))
        return self.give(scope, why) if self.give else self.token()

    def is_logged(self, id):
        """The gateway's own log has it: whoever is told this id can look it up."""
        return wait_until(lambda: id and any(line["id"] == id for line in self.lab.gateway.log()), 5, f"`{id}` in the log")

    def end(self):
        while self.tabs:
            self.engine.close_tab(self.tabs.pop())


class Line:
    """To a loaded page: asks it to do something, gives what came of it."""

    def __init__(self, check, page):
        self.check, self.page = check, page

    def to(self, page):
        """To a page that this one has in a frame."""
        return Line(self.check, page)

    def start(self, what, *arguments):
        """Without waiting: the number under which the answer comes."""
        number = uuid.uuid4().hex[:8]
        self.page.orders.put({"number": number, "what": what, "arguments": arguments})
        return number

    def end(self, number):
        report = wait_until(lambda: self.page.reports.pop(number, None), PATIENCE, "the page's report")
        if "error" in report:
            raise PageError(report["error"])
        return report["value"]

    def ask(self, what, *arguments):
        return self.end(self.start(what, *arguments))

    def reload(self, hard=False, wait=True):
        before = self.page.load
        (self.check.engine.hard_reload if hard else self.check.engine.reload)(self.page.tab)
        self.check.loaded(self.page, before, wait)

    def events(self, kind=None):
        return [event for event in self.ask("events") if kind in (None, event["type"])]


class Lab:
    def __init__(self, serve_gateway, put, store, tls=None):
        """
        `serve_gateway(lab)` starts one that calls itself by the recorder's port; `put(key, file)` puts into its bucket, at the
        endpoint `store`. `tls`: the `ssl.SSLContext` of a server that is known by `SECURE_NAMES`.
        """
        self.dist, self._put = DIST, put
        self.scheme = "https" if tls else "http"
        self.domain, self.elsewhere = ("example.test", "elsewhere.test") if tls else ("lab.localhost", "elsewhere.localhost")
        self.pages, self.requests = {}, []
        self.stopping = threading.Event()
        self.recorder, self.store = Recorder(tls), Recorder(tls)
        self.store.lead_to(store)
        lab = self

        class Handler(AppHandler):
            def setup(self):
                super().setup()
                self.lab = lab

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if tls:
            # By the thread that answers: browsers open connections that they say nothing on.
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.gateway = serve_gateway(self)
        self.recorder.lead_to(self.gateway.origin)

    def origin(self, host, port=None):
        return f"{self.scheme}://{host}:{port or self.port}"

    @cached_property
    def film(self):
        with tempfile.TemporaryDirectory() as directory:
            return film.make(Path(directory) / "film.mp4")

    @cached_property
    def short_film(self):
        with tempfile.TemporaryDirectory() as directory:
            return film.make(Path(directory) / "film.mp4", seconds=4)

    @cached_property
    def large(self):
        """Key and SHA-256; the workspace is this object's alone."""
        key, digest = f"{LARGE_WORKSPACE}/{uuid.uuid4()}/rushes.bin", hashlib.sha256()
        block = os.urandom(MIB)
        with tempfile.TemporaryFile() as file:
            for number in range(LARGE // MIB):
                piece = number.to_bytes(8, "big") + block[8:]
                digest.update(piece)
                file.write(piece)
            file.seek(0)
            self._put(key, file)
        return key, digest.hexdigest()

    def stop(self):
        self.stopping.set()
        self.server.shutdown()
        self.server.server_close()
        self.recorder.stop()
        self.store.stop()


class AppHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def log_message(self, *_):
        pass

    def answer(self, body, kind="application/json", status=200, **headers):
        body = body if isinstance(body, bytes) else body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        # The battery runs in frames without an origin as well.
        self.send_header("Access-Control-Allow-Origin", "*")
        # Never kept: `updateViaCache: none` is the browser's half of a fresh worker script, this is the server's.
        self.send_header("Cache-Control", headers.pop("cache", "no-cache"))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        url = urlsplit(self.path)
        self.lab.requests.append((self.headers.get("host"), self.path, dict(self.headers)))
        first, _, rest = url.path[1:].partition("/")
        try:
            getattr(self, f"get_{first.replace('.', '_').replace('-', '_')}", self.nothing)(rest, parse_qs(url.query))
        except (ConnectionError, ssl.SSLEOFError):
            pass  # the page is gone

    def nothing(self, *_):
        self.answer("not here", "text/plain", 404)

    def get_page(self, id, _):
        check, page = self.lab.pages[id]
        text = (PAGE / "battery.html").read_text().replace("HTML", page.html)
        text = text.replace("SETUP", json.dumps({"id": page.id, "options": page.options}))
        self.answer(text, "text/html; charset=utf-8", cache="no-store")

    def get_battery_js(self, *_):
        self.answer((PAGE / "battery.js").read_bytes(), "text/javascript")

    def get_index_global_js(self, *_):
        self.answer((self.lab.dist / "index.global.js").read_bytes(), "text/javascript")

    def get_index_js(self, *_):
        self.answer((self.lab.dist / "index.js").read_bytes(), "text/javascript")

    def get_files_sw_js(self, *_):
        host = self.headers["host"].split(":")[0]
        appended = next((check.worker for check, page in self.lab.pages.values() if f"//{host}:" in page.origin and check.worker), "")
        self.answer((self.lab.dist / "files-sw.js").read_text() + appended, "text/javascript")

    def get_worker_js(self, *_):
        self.answer((PAGE / "worker.js").read_bytes(), "text/javascript")

    def get_echo(self, *_):
        self.answer(json.dumps({name.lower(): value for name, value in self.headers.items()}))

    def get_slow(self, *_):
        time.sleep(2)
        self.answer("{}")

    def get_token(self, id, query):
        check, _ = self.lab.pages[id]
        given = check.answer(query["scope"][0], query["why"][0])
        if isinstance(given, int):
            self.answer("{}", status=given)
        else:
            self.answer(json.dumps({"token": given}), cache="no-store")

    def get_orders(self, id, query):
        """Waits until there is something to do."""
        _, page = self.lab.pages[id]
        load = query["load"][0]
        if query.get("first"):
            # What the load before has not taken is not for this one.
            page.load, page.orders = load, queue.Queue()
        orders = page.orders
        deadline = time.monotonic() + 20
        while page.load == load and time.monotonic() < deadline and not self.lab.stopping.is_set():
            try:
                return self.answer(json.dumps(orders.get(timeout=0.2)), cache="no-store")
            except queue.Empty:
                continue
        self.answer("null", status=200 if page.load == load else 410, cache="no-store")

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.lab.pages[self.path.split("/")[2]][1].reports[body["number"]] = body
        self.answer("{}")


def png(width=8, height=8):
    """A small picture, made by hand: no picture is fetched from anywhere."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + b"\x2f\x6f\xe0" * width for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


PNG = png()
