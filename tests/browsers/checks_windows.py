"""Checks 20 to 29 but for uploads: reloads, private and foreign windows, another worker, downloads, links."""

import hashlib
import threading
import time
from collections import deque

from checks_show import statuses
from lab import LARGE, LARGE_WORKSPACE, MIB
from processes import wait_until
from recorder import bearer

# What 400 MB may cost in memory: they pass neither the worker nor the page.
GROWTH = 64 * MIB
# Bytes a second: over loopback they come faster than Firefox writes them, and wait in memory.
SPEED = 40e6


def check_20_hard_reload(check):
    """Shift and reload: no worker at first. The pictures come back by themselves."""
    for way in check.ways():
        url = check.put()
        page = check.page(f'<img src="{url}">', carrier=way)
        assert page.ask("width", "img") == 8
        if not hasattr(check.engine, "hard_reload"):
            continue
        page.reload(hard=True)
        assert page.ask("width", "img") == 8
        assert page.ask("status")["worker"] == "controlling"
        assert page.ask("image", check.put()) == 8


def check_22_foreign_frame(check):
    """The app in a frame of another site: whatever the browser takes away there, files are shown, or the status says what is missing."""
    for way in check.ways():
        inner = check.prepare(carrier=way)
        outer = check.page(f'<iframe src="{inner.url}"></iframe>', start=False, origin=check.lab.origin(check.lab.elsewhere))
        check.loaded(inner, "")
        framed = outer.to(inner)
        status = framed.ask("status")
        # Chromium, as it is driven, gives frames of other sites no storage.
        without_storage = check.engine.name == "chromium"
        assert status["worker"] == ("unavailable" if without_storage else "controlling"), status
        assert status["carrier"] == "header", "another site's cookies do not go along"
        assert status["scopes"] == ["account"]
        assert framed.ask("call", "fetch", check.put()) == 200
        assert framed.ask("image", check.put()) == (0 if without_storage else 8)


def check_23_new_worker(check):
    """Another worker takes over while a film plays: the film goes on, the old page keeps working, and hears of it once."""
    for way in check.ways():
        page = check.page(carrier=way)
        # In WebKitGTK `play()` after a jump back to the start often never resolves, with any worker and before there is another.
        plays = check.engine.name != "webkit"
        if plays:
            assert "error" not in page.ask("film", check.put("film.mp4", check.lab.film, "video/mp4"))
            page.ask("play")
        check.worker = "// another version\n"
        assert page.ask("call", "update") is True
        wait_until(lambda: page.events("updated"), 10, "the new worker")
        if plays:
            before = page.ask("playing")
            assert before["error"] is None and not before["paused"], before
            wait_until(lambda: page.ask("playing")["time"] > before["time"] + 0.5, 10, "the film to go on")
        assert page.ask("image", check.put()) == 8
        assert len(page.events("updated")) == 1
        assert page.ask("call", "update") is False
        # Asked of the app each time, whatever is kept: `updateViaCache: none`.
        fetched = [target for host, target, _ in list(check.lab.requests) if check.app.endswith(host) and target.startswith("/files-sw.js")]
        assert len(fetched) >= 3
        check.worker = ""


class Peak(threading.Thread):
    """The most that the browser's processes have held, looked at all the time."""

    def __init__(self, engine):
        super().__init__(daemon=True)
        self.engine, self.before, self.most, self.done = engine, engine.memory(), 0, threading.Event()

    def run(self):
        while not self.done.wait(0.1):
            self.most = max(self.most, self.engine.memory())

    def growth(self):
        self.done.set()
        self.join()
        return self.most - self.before


def settle(engine):
    """Until three seconds have changed little: a browser goes on starting processes for a while after its start."""
    last = deque(maxlen=30)
    deadline = time.monotonic() + 30
    while (len(last) < last.maxlen or max(last) - min(last) > 2 * MIB) and time.monotonic() < deadline:
        time.sleep(0.1)
        last.append(engine.memory())


def check_24_download(check):
    """400 MB go to the disk: whole, under the name asked for, and past the browser's memory. One that is cancelled ends at the server."""
    check.by_link = True
    url, digest = check.large()
    # The gateway's own host and the large file are all engines'.
    earlier = len(check.to_files("GET", url))
    downloads = lambda: check.to_files("GET", url)[earlier:]
    small = check.put("small.bin", b"some bytes", "application/octet-stream")
    check.give = lambda scope, why: check.workspace.signed(members={LARGE_WORKSPACE: "reader", check.workspace.id: "reader"})
    with check.engine.undriven() as engine:
        driven, check.engine = check.engine, engine
        try:
            page = check.page()
            tab = page.page.tab
            download = lambda url, name: engine.saved(tab, name, lambda: page.start("call", "download", url, name))
            # What the first of all downloads starts is not what a large one costs.
            download(small, "small.bin")
            settle(engine)
            peak = Peak(engine)
            peak.start()
            check.lab.recorder.speed = SPEED
            saved = download(url, "rushes.bin")
            growth = peak.growth()
            asked = wait_until(downloads, 10, "the download")
            assert [seen.target for seen in asked if "link=" not in seen.target or bearer(seen)] == []
            if engine.name == "webkit":
                # MiniBrowser saves nothing when it is driven: that it asks is all there is to see.
                assert saved is None
                return
            assert len(asked) == 1, [(seen.target[-9:], seen.status, seen.answered_bytes, seen.broken_off) for seen in asked]
            with open(saved, "rb") as file:
                assert hashlib.file_digest(file, "sha256").hexdigest() == digest
            check.lab.recorder.speed = SPEED / 8
            engine.cancel_download(tab, lambda: page.start("call", "download", url, "cancelled.bin"), lambda: len(downloads()) > 1)
            cancelled = downloads()[-1]
            wait_until(lambda: cancelled.broken_off, 2, "the server to see the end")
            assert cancelled.answered_bytes < LARGE / 2
        finally:
            check.lab.recorder.speed = None
            check.end()
            check.engine = driven
    check.note(f"{growth / MIB:.0f} MiB more while {LARGE / MIB:.0f} MiB were saved")
    assert growth < GROWTH


def check_26_sandboxed_frame(check):
    """A frame without an origin of its own has no storage and no worker at all: nothing is thrown."""
    inner = check.prepare()
    outer = check.page(f'<iframe sandbox="allow-scripts" src="{inner.url}"></iframe>', start=False)
    check.loaded(inner, "")
    assert outer.to(inner).ask("status")["worker"] == "unavailable"


def check_27_links(check):
    """A link opens a file where no worker and no cookie is: in a frame, an image, a window; and only while it lives."""
    check.by_link = True
    for way in check.ways():
        page = check.page(carrier=way)
        text = check.put("a.txt", b"some text", "text/plain")
        link = page.ask("call", "link", text, {"ttl": 30})
        assert page.ask("put", "iframe", {"src": link}) == 1
        assert page.ask("image", page.ask("call", "link", check.put())) == 8
        assert page.ask("fetch", link)["status"] == 200
        gone = check.files + f"/{check.new_workspace().id}/{check.new_workspace().id}/a.png"
        refused = page.ask("refused", "link", gone)
        assert check.is_logged(refused.pop("id"))
        assert refused == {"name": "FilesError", "stage": "link", "status": 403, "code": "forbidden"}
        by_link = [seen for seen in check.to_files("GET") if "link=" in seen.target]
        assert {seen.status for seen in by_link} <= {200, 304} and len(by_link) >= 3
        assert [seen.target for seen in by_link if bearer(seen)] == []


def check_29_forms(check):
    """As a script and as a module: the same two functions."""
    assert check.page(start=False).ask("forms") == [["createFiles", "uploadFile"]] * 2


def check_28_kill_switch(check):
    """`worker: false` takes a worker away that an earlier version of the app has left."""
    page = check.page()
    assert page.ask("registrations") == 1
    off = check.page(worker=False)
    assert off.ask("registrations") == 0
    fresh = check.page(worker=False)
    assert not fresh.ask("controlled")
    assert fresh.ask("call", "fetch", check.put()) == 200


def check_31_cookie(check):
    """What the cookie says of itself; it does not go along when another site's page asks."""
    check.same_host = check.engine.name == "webkit"
    url = check.put()
    page = check.page()
    assert page.ask("status")["carrier"] == "cookie"
    assert page.ask("image", url) == 8
    [given] = [value for seen in check.to_files("POST") for name, value in seen.answer_headers if name == "set-cookie"]
    attributes = dict(part.strip().lower().partition("=")[::2] for part in given.split(";")[1:])
    assert int(attributes.pop("max-age")) > 0
    expected = {"path": "/", "httponly": "", "samesite": "lax"}
    assert attributes == ({**expected, "secure": ""} if check.lab.scheme == "https" else expected)
    other = check.page(start=False, origin=check.lab.origin(check.lab.elsewhere))
    assert other.ask("image", url) == 0
    last = check.to_files("GET", url)[-1]
    assert last.status == 401 and not last.header("cookie")


def check_32_download_beside_others(check):
    """A download is no navigation: what the page has under way goes on. Firefox ends it all when an anchor is clicked."""
    check.by_link = True
    page = check.page()
    url = check.put("a.bin", b"some bytes", "application/octet-stream")
    assert page.ask("downloadBeside", "/slow", url, "a.bin") == 200
    wait_until(lambda: statuses(check, url) == [200], 10, "the download")
