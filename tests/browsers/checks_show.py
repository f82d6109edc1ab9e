"""Checks 1 to 9: everything a page can show is shown, with a token on every request and no byte too many."""

from pathlib import Path

from lab import PNG
from processes import wait_until
from recorder import bearer, first_byte

# Bytes a second, of a good line: over loopback a player has the whole film before it can say that it wants no more of it.
SPEED = 8e6
FONT = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")


def has_token(seen):
    return bearer(seen) is not None or "edgepass" in (seen.header("cookie") or "")


def carrier(check):
    """WebKitGTK keeps no cookie that another host sets, be it of the same site: there `auto` ends with the header."""
    return "header" if check.engine.name == "webkit" and not check.same_host else "cookie"


def statuses(check, url, method="GET"):
    return [seen.status for seen in check.to_files(method, url)]


def check_01_first_visit(check):
    """An empty profile: controlled without a reload, and what failed before there was a token is shown."""
    url = check.put()
    page = check.page(f'<img src="{url}">')
    assert page.ask("status") == {"worker": "controlling", "carrier": carrier(check), "scopes": ["account"]}
    assert page.ask("width", "img") == 8
    assert statuses(check, url) == [401, 200]
    healed = wait_until(lambda: page.events("healed"), 5, "the event")
    assert [event["url"] for event in healed] == [url]
    assert check.asked == [("account", "missing")]


def check_02_every_kind_of_element(check):
    """Each once, each with a token, in every carrier."""
    for way in check.ways():
        page = check.page(carrier=way)
        assert page.ask("status")["worker"] == "controlling"
        shown = every_kind(check, page)
        assert {url: statuses(check, url) for url in shown} == {url: [200] for url in shown}, way
        assert [request.target for url in shown for request in check.to_files("GET", url) if not has_token(request)] == []


def every_kind(check, page):
    """Shows one of each; gives their URLs."""
    picture, small, background = (check.put(f"{n}.png") for n in range(3))
    assert page.ask("image", picture) == 8
    assert page.ask("put", "img", {"srcset": f"{small} 1x"}) == 8
    page.ask("background", background)
    wait_until(lambda: statuses(check, background), 10, "the background")
    store = [("font.ttf", FONT.read_bytes(), "font/ttf"), ("picture.png", PNG, "image/png")]
    style = "@font-face{font-family:stored;src:url(font.ttf)}.from-the-store{width:123px;font:16px stored;background:url(picture.png)}"
    store.append(("style.css", style.encode(), "text/css"))
    folder = check.folder(store)
    assert page.ask("stylesheet", folder + "style.css") == {"loaded": 1, "width": "123px", "font": "loaded"}
    wait_until(lambda: statuses(check, folder + "picture.png"), 10, "the stylesheet's picture")
    script = check.put("script.js", b"window.fromTheStore = 'a script'", "text/javascript")
    assert page.ask("script", script) == [1, "a script"]
    module = check.put("module.js", b"export default 'a module'", "text/javascript")
    assert page.ask("module", module) == "a module"
    return [picture, small, background, *(folder + name for name, *_ in store), script, module]


def check_03_one_preflight(check):
    """By cookie one `OPTIONS` for the exchange and none for files; no token in any URL."""
    check.same_host = check.engine.name == "webkit"
    page = check.page()
    assert page.ask("status")["carrier"] == "cookie"
    every_kind(check, page)
    assert len(check.to_files("OPTIONS")) <= 1
    assert not [seen.target for seen in check.to_files() if "?" in seen.target]


def check_04_cookie_without_worker(check):
    """Nothing depends on the worker where the cookie comes back."""
    check.same_host = check.engine.name == "webkit"
    page = check.page(worker=False)
    assert page.ask("status") == {"worker": "off", "carrier": "cookie", "scopes": ["account"]}
    assert not page.ask("controlled")
    url, text = check.put(), check.put("a.txt", b"some text", "text/plain")
    assert page.ask("image", url) == 8
    assert page.ask("put", "iframe", {"src": text}) == 1
    assert page.ask("put", "object", {"data": check.put("object.png"), "type": "image/png"}) == 1
    assert page.ask("put", "embed", {"src": check.put("embed.png"), "type": "image/png"}) == 1
    assert page.ask("follow", check.put("link.txt", b"some text", "text/plain")) == 1
    film = check.put("film.mp4", check.lab.film, "video/mp4")
    played = page.ask("film", film)
    assert "error" not in played, played
    wrong = [(seen.target, seen.status) for seen in check.to_files("GET") if seen.status not in (200, 206, 304)]
    assert wrong == []


def watch_film(check, page, **attributes):
    """Plays and jumps to 90 %: no second whole, no byte twice. Gives what the page saw."""
    url = check.put("film.mp4", check.lab.film, "video/mp4")
    check.lab.recorder.speed = SPEED
    try:
        played = page.ask("film", url, attributes)
    finally:
        check.lab.recorder.speed = None
    assert "error" not in played, played
    assert played["width"] == 320 and played["time"] > 0.9 * played["duration"]
    requests, size = check.to_files("GET", url), len(check.lab.film)
    assert [seen.status for seen in requests].count(200) <= 1, [(s.status, s.header("range")) for s in requests]
    assert any(seen.status == 206 and first_byte(seen) > 0.8 * size for seen in requests)
    sent = sum(seen.answered_bytes for seen in requests)
    assert sent < 1.3 * size, (sent, [(s.status, s.header("range"), s.answered_bytes) for s in requests])
    check.note(f"{sent / size:.2f} of the film sent in {len(requests)} answers")
    return played


def check_05_film(check):
    """20 MB with the index at the end: plays, jumps to 90 %, by ranges, in every carrier."""
    for way in check.ways():
        watch_film(check, check.page(carrier=way), crossorigin="anonymous")


def check_06_bare_film(check):
    """`<video>` without `crossorigin`, put in by the app later: Firefox shows its request to no worker."""
    for way in check.ways():
        watch_film(check, check.page(carrier=way))


def check_07_canvas(check):
    """What asks for `crossorigin` can be read from a canvas."""
    for way in check.ways():
        page = check.page(carrier=way)
        film = page.ask("film", check.put("film.mp4", check.lab.short_film, "video/mp4"), {"crossorigin": "anonymous"})
        assert film.get("pixels") == "clean", film
        assert page.ask("drawn", check.put(), {"crossorigin": "anonymous"}) == {"width": 8, "pixels": "clean"}


def check_08_ranges_and_conditions(check):
    """The page's own `fetch` and the package's: 206, HEAD, 304."""
    for way in check.ways():
        page = check.page(carrier=way)
        url = check.put("a.bin", bytes(range(256)) * 4, "application/octet-stream")
        for call in ("fetch", "filesFetch"):
            part = page.ask(call, url, {"headers": {"range": "bytes=100-199"}})
            assert (part["status"], part["size"], part["range"]) == (206, 100, "bytes 100-199/1024")
            head = page.ask(call, url, {"method": "HEAD"})
            assert (head["status"], head["size"]) == (200, 0)
        # The browser asks itself whether what it keeps is still good.
        kept = check.put("kept.bin", b"kept", "application/octet-stream")
        assert [page.ask("fetch", kept)["status"] for _ in range(2)] == [200, 200]
        assert statuses(check, kept) == [200, again(check)]


def again(check):
    """What a second asking costs: WebKitGTK, when it is driven, keeps nothing that a worker has fetched."""
    return 200 if check.engine.name == "webkit" and carrier(check) == "header" else 304


def check_09_dedicated_worker(check):
    """A worker of the page is served like the page."""
    for way in check.ways():
        page = check.page(carrier=way)
        script = check.put("script.js", b"self.fromTheStore = 'imported'", "text/javascript")
        assert page.ask("worker", [check.put(), script]) == {"fetch": 200, "script": "imported"}
