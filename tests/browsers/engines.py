"""Three browsers behind one interface: open a tab, go somewhere, close it. What a page can do itself, it does itself (`page/battery.js`)."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from urllib.error import HTTPError, URLError

from playwright.sync_api import sync_playwright

from marionette import Marionette
from processes import free_port, wait_until

HERE = Path(__file__).resolve().parent
MINI_BROWSER = "/usr/lib/{}-linux-gnu/webkit2gtk-4.1/MiniBrowser".format(os.uname().machine)


class Engine:
    name = ""
    program = ""  # what its processes' executable is called

    def __init__(self, private=False):
        self.private = private
        self.downloads = Path(tempfile.mkdtemp(prefix="edgepass-downloads-"))

    def stop_workers(self, tab):
        """False where a driver cannot."""
        return False

    def undriven(self):
        """The same browser without a driver that looks at all its answers, where a driver does."""
        return contextlib.nullcontext(self)

    def memory(self):
        """Resident bytes of all its processes that are not mapped from files."""
        return sum(resident(pid) for pid in descendants(self.root_pid()) if is_program(pid, self.program))

    def close(self):
        shutil.rmtree(self.downloads, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Chromium(Engine):
    """A profile on disk, or with `private` an incognito window, by Playwright."""

    name = "chromium"
    program = "chromium"
    playwright = None
    running = []

    def __init__(self, private=False, authority=None):
        """`authority`: the file of a certificate that is trusted; then every name below `test` is this machine."""
        super().__init__(private)
        # Playwright takes no notice of a profile's own settings; a switch decides about sounds before the first gesture.
        arguments = ["--autoplay-policy=no-user-gesture-required", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        launch = {"executable_path": "/usr/bin/chromium", "headless": True, "args": arguments}
        self._home = tempfile.mkdtemp(prefix="edgepass-home-")
        if authority:
            trust(Path(self._home) / ".pki/nssdb", authority)
            arguments.append("--host-resolver-rules=MAP *.test 127.0.0.1")
            launch["env"] = {**os.environ, "HOME": self._home}
        # One for all: a second in the same thread is refused.
        Chromium.running = [*Chromium.running, self]
        Chromium.playwright = Chromium.playwright or sync_playwright().start()
        self._playwright = Chromium.playwright
        self._profile = tempfile.mkdtemp(prefix="edgepass-chromium-")
        if private:
            self._browser = self._playwright.chromium.launch(**launch)
            self.fresh()
        else:
            self._context = self._playwright.chromium.launch_persistent_context(self._profile, **launch)

    def fresh(self):
        """Another incognito window, which knows nothing of those before."""
        for context in self._browser.contexts:
            context.close()
        self._context = self._browser.new_context()

    def root_pid(self):
        return os.getpid()

    def open(self, url):
        tab = self._context.new_page()
        tab.goto(url)
        return tab

    def goto(self, tab, url):
        tab.goto(url)

    def reload(self, tab):
        tab.reload()

    def hard_reload(self, tab):
        session = self._context.new_cdp_session(tab)
        with tab.expect_navigation():
            session.send("Page.reload", {"ignoreCache": True})

    def stop_workers(self, tab):
        """As the browser does by itself after a while."""
        session = self._context.new_cdp_session(tab)
        session.send("ServiceWorker.enable")
        session.send("ServiceWorker.stopAllWorkers")
        return True

    def saved(self, tab, name, start):
        """Where the download that `start` begins ends up."""
        with tab.expect_download() as download:
            start()
        assert download.value.suggested_filename == name
        return download.value.path()

    def cancel_download(self, tab, start, is_running):
        """As the user does it, once it is running."""
        with tab.expect_download() as download:
            start()
        wait_until(is_running, 10, "the download")
        download.value.cancel()

    def close_tab(self, tab):
        tab.close()

    def close(self):
        self._context.close()
        if self.private:
            self._browser.close()
        Chromium.running.remove(self)
        if not Chromium.running:
            Chromium.playwright.stop()
            Chromium.playwright = None
        shutil.rmtree(self._profile, ignore_errors=True)
        shutil.rmtree(self._home, ignore_errors=True)
        super().close()


class Firefox(Engine):
    """By puppeteer over WebDriver BiDi: `firefox.mjs` is the half of this class that runs in node."""

    name = "firefox"
    program = "firefox"

    def __init__(self, private=False, authority=None):
        """As Chromium's."""
        super().__init__(private)
        self._profile = tempfile.mkdtemp(prefix="edgepass-firefox-")
        if authority:
            trust(Path(self._profile), authority)
        settings = json.dumps({"private": private, "downloads": str(self.downloads), "profile": self._profile, "secure": bool(authority)})
        self._node = subprocess.Popen(["node", HERE / "firefox.mjs", settings], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._said()

    def _said(self):
        line = self._node.stdout.readline()
        assert line, f"firefox.mjs ended with {self._node.wait(10)}"
        answer = json.loads(line)
        assert "error" not in answer, answer["error"]
        return answer["done"]

    def _do(self, what, *arguments):
        self._node.stdin.write(json.dumps([what, *arguments]) + "\n")
        self._node.stdin.flush()
        return self._said()

    def root_pid(self):
        return self._node.pid

    def open(self, url):
        return self._do("open", url)

    def goto(self, tab, url):
        self._do("goto", tab, url)

    def reload(self, tab):
        self._do("reload", tab)

    def stop_workers(self, tab):
        """It stops those that nobody has asked for anything, here after a second (`firefox.mjs`)."""
        time.sleep(3)
        return True

    def saved(self, tab, name, start):
        start()
        path = self.downloads / name
        # While it is on its way, the browser has another file beside it.
        wait_until(lambda: path.exists() and path.stat().st_size and not list(self.downloads.glob("*.part")), 30, "the download")
        return path

    def close_tab(self, tab):
        self._do("close", tab)

    def close(self):
        self._node.stdin.close()
        try:
            self._node.wait(20)
        except subprocess.TimeoutExpired:
            self._node.kill()
        shutil.rmtree(self._profile, ignore_errors=True)
        super().close()

    def undriven(self):
        """The driver's half in the browser keeps a copy of every answer."""
        return PlainFirefox()


class PlainFirefox(Engine):
    """Nobody drives it: it opens one address at its start."""

    name, program, saved = Firefox.name, Firefox.program, Firefox.saved

    def __init__(self):
        super().__init__()
        self._profile = tempfile.mkdtemp(prefix="edgepass-firefox-")
        settings = {
            "browser.download.dir": str(self.downloads),
            "browser.download.folderList": 2,
            "browser.download.useDownloadDir": True,
            "browser.download.always_ask_before_handling_new_types": False,
            "browser.aboutwelcome.enabled": False,
            # Any, and otherwise as it is for people.
            "marionette.port": 0,
            "remote.prefs.recommended": False,
            "browser.shell.checkDefaultBrowser": False,
            "datareporting.policy.dataSubmissionEnabled": False,
            "toolkit.telemetry.reportingpolicy.firstRun": False,
        }
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in settings.items()]
        (Path(self._profile) / "user.js").write_text("".join(lines))
        self._browser = None

    def root_pid(self):
        return os.getpid()

    def open(self, url):
        listening = ["--marionette", "--remote-allow-system-access"]
        command = ["/usr/bin/firefox-esr", "--headless", "--no-remote", *listening, "--profile", self._profile, url]
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._browser = subprocess.Popen(command, **quiet, start_new_session=True)

    def memory(self):
        ours = [self._browser.pid, *descendants(self._browser.pid)] if self._browser else []
        return sum(resident(pid) for pid in ours)

    def cancel_download(self, tab, start, is_running):
        """By the browser's own list of downloads, as its panel does."""
        start()
        wait_until(is_running, 10, "the download")
        with Marionette(self._profile) as marionette:
            marionette.run("""
                const { Downloads } = ChromeUtils.importESModule("resource://gre/modules/Downloads.sys.mjs");
                const running = async () => (await (await Downloads.getList(Downloads.ALL)).getAll()).filter((one) => !one.stopped);
                for (let tries = 0; tries < 100 && !(await running()).length; tries++) await new Promise((done) => setTimeout(done, 50));
                for (const one of await running()) await one.cancel();
            """)

    def close_tab(self, tab):
        pass  # it has one, and ends with it

    def close(self):
        if self._browser:
            os.killpg(self._browser.pid, signal.SIGTERM)
            self._browser.wait(20)
        shutil.rmtree(self._profile, ignore_errors=True)
        super().close()


class WebKit(Engine):
    """WebKitGTK's MiniBrowser by plain WebDriver. Its sessions are private by nature: nothing of them is on disk."""

    name = "webkit"
    program = "webkit"

    def __init__(self):
        super().__init__()
        self._port = free_port()
        self._log = tempfile.TemporaryFile()
        display, self._screen = start_screen()
        # As root in a container neither the sandbox nor a graphics card is to be had.
        environment = {
            "DISPLAY": display,
            "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1",
            "WEBKIT_DISABLE_COMPOSITING_MODE": "1",
            "LIBGL_ALWAYS_SOFTWARE": "1",
        }
        self._driver = subprocess.Popen(
            ["dbus-run-session", "--", "WebKitWebDriver", "-p", str(self._port), "--host=127.0.0.1"],
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )
        wait_until(self._answers, 20, "WebKitWebDriver")
        wanted = {"acceptInsecureCerts": True, "webkitgtk:browserOptions": {"binary": MINI_BROWSER, "args": ["--automation"]}}
        session = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._session = f"/session/{session['sessionId']}"
        self._first = self._call("GET", f"{self._session}/window")

    def _answers(self):
        try:
            return self._call("GET", "/status")
        except (URLError, OSError):
            return None

    def _call(self, method, path, body=None):
        data = None if body is None and method != "POST" else json.dumps(body or {}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self._port}{path}", data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.read().decode()}") from None

    def _in(self, tab, method, path, body=None):
        self._call("POST", f"{self._session}/window", {"handle": tab})
        return self._call(method, f"{self._session}{path}", body)

    def root_pid(self):
        return self._driver.pid

    def open(self, url):
        tab = self._call("POST", f"{self._session}/window/new", {"type": "window"})["handle"]
        self.goto(tab, url)
        return tab

    def goto(self, tab, url):
        self._in(tab, "POST", "/url", {"url": url})

    def reload(self, tab):
        self._in(tab, "POST", "/refresh")

    def saved(self, tab, name, start):
        start()

    def close_tab(self, tab):
        self._in(tab, "DELETE", "/window")
        self._call("POST", f"{self._session}/window", {"handle": self._first})

    def close(self):
        try:
            self._call("DELETE", self._session)
        finally:
            os.killpg(self._driver.pid, signal.SIGTERM)
            self._driver.wait(20)
            self._screen.terminate()
            self._screen.wait(20)
            self._log.close()
            super().close()


ENGINES = {engine.name: engine for engine in (Chromium, Firefox, WebKit)}


def trust(database, authority):
    """Makes a database of the kind that Chromium and Firefox keep their certificates in, with this one in it."""
    database.mkdir(parents=True, exist_ok=True)
    for command in (["-N", "--empty-password"], ["-A", "-t", "C,,", "-n", "tests", "-i", str(authority)]):
        subprocess.run(["certutil", "-d", f"sql:{database}", *command], check=True, stdin=subprocess.DEVNULL)


def start_screen():
    """A display that nobody looks at; Xvfb chooses its number itself."""
    read, write = os.pipe()
    screen = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x900x24", "-nolisten", "tcp"],
        pass_fds=[write],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    with os.fdopen(read) as number:
        return f":{number.readline().strip()}", screen


def descendants(root):
    """The ids of all processes below this one."""
    parents = {}
    for directory in Path("/proc").iterdir():
        if directory.name.isdigit():
            try:
                parents[int(directory.name)] = int((directory / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue  # ended meanwhile
    found, grown = {root}, True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        found, grown = found | more, bool(more)
    return found - {root}


def is_program(pid, name):
    try:
        return name in os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return False  # ended meanwhile


def resident(pid):
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0  # ended meanwhile
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(("RssAnon:", "RssShmem:")))
