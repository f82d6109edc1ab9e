"""Checks 10 to 19: whom a token is sent to, when a new one is asked for, and when it is forgotten."""

import threading
import time
from urllib.parse import urlsplit

from checks_show import again, statuses
from lab import PNG, PageError
from processes import wait_until
from recorder import bearer

# Headers by which two requests of one kind may differ.
PASSING = {"host", "connection", "cookie", "referer", "date"}


def check_10_others_untouched(check):
    """What is none of our files goes out as if there were no worker."""
    plain, served = check.page(start=False), check.page()
    others = [f"{check.app}/echo", f"http://other.localhost:{check.lab.port}/echo"]
    for url in others:
        for init in ({}, {"headers": {"range": "bytes=0-9"}}, {"method": "GET", "cache": "no-store", "credentials": "omit"}):
            without, by_worker = (page.ask("json", url, init) for page in (plain, served))
            assert {k: v for k, v in by_worker.items() if k not in PASSING} == {k: v for k, v in without.items() if k not in PASSING}
    assert served.ask("controlled")


def check_11_look_alikes(check):
    """No token for what only looks like one of our files."""
    page = check.page(carrier="header")
    assert page.ask("image", check.put()) == 8
    tokens = {bearer(seen) for seen in check.to_files("GET")} - {None}
    assert len(tokens) == 1
    path, port = urlsplit(check.put()).path, check.lab.recorder.port
    host = check.files_host
    hosts = [f"{host}.evil.localhost", f"evil{host}", f"x.{host}"]
    foreign = [f"http://{name}:{port}{path}" for name in hosts]
    # The port of the app, a user before the host, and paths of ours with two meanings.
    foreign += [f"http://{host}:{check.lab.port}{path}", f"http://user:word@{host}:{port}{path}"]
    foreign += [f"{check.files}{path.replace('/a.png', tail)}" for tail in ("%2fa.png", "/..%2fa.png", "//a.png")]
    before = len(check.lab.recorder.seen), len(check.lab.requests)
    assert [page.ask("image", url) for url in foreign] == [0] * len(foreign)
    seen = check.lab.recorder.seen[before[0] :]
    assert len(seen) >= len(foreign) - 2, "they were asked"
    assert [request.target for request in seen if request.header("authorization") or "authorization" in request.target] == []
    app = [headers for _, target, headers in check.lab.requests[before[1] :] if target.endswith("a.png")]
    assert app and not [headers for headers in app if "Authorization" in headers]


def check_12_redirects(check):
    """To ourselves: followed. To another origin: nothing of the token goes along."""

    def answer(seen):
        cors = f"Access-Control-Allow-Origin: {check.app}\r\nAccess-Control-Allow-Credentials: true\r\nAccess-Control-Allow-Headers: authorization\r\n"
        head = f"{cors}Content-Length: 0\r\nConnection: close\r\n\r\n"
        if "elsewhere-" in seen.header("host"):
            return f"HTTP/1.1 404 Not Found\r\n{head}".encode()
        for url, target in ((near, here), (far, there)):
            if seen.method == "GET" and url.endswith(seen.target.split("?")[0]):
                return f"HTTP/1.1 302 Found\r\nLocation: {target}\r\n{head}".encode()
        return None

    for way in check.ways("auto", "header", "query"):
        here, there = check.put(), check.lab.origin(f"elsewhere-{check.app_host}", check.lab.recorder.port) + "/taken.png"
        near, far = check.put(), check.put()
        page = check.page(carrier=way)
        check.lab.recorder.fault = answer
        try:
            assert page.ask("image", near) == (0 if way == "query" else 8)
            assert page.ask("image", far) == 0
        finally:
            check.lab.recorder.fault = None
        taken = [seen for seen in check.lab.recorder.seen if seen.target.startswith("/taken.png")]
        assert taken, way
        for seen in taken:
            assert not bearer(seen) and "edgepass" not in (seen.header("cookie") or "")
            assert "authorization" not in seen.target + (seen.header("referer") or "")


def check_13_query_leaves_no_trace(check):
    """By query the token is in the address that is sent, and nowhere that a page or another server can look."""
    page = check.page(carrier="query")
    files = [("style.css", b".from-the-store{background:url(picture.png)}", "text/css"), ("picture.png", None, "image/png")]
    folder = check.folder([(name, body or PNG, kind) for name, body, kind in files])
    url = check.put()
    addresses = [page.ask("fetch", url)["url"], page.ask("xhr", url)["url"]]
    assert addresses == [url, url]
    assert page.ask("image", url) == 8
    assert page.ask("stylesheet", folder + "style.css")["loaded"] == 1
    wait_until(lambda: statuses(check, folder + "picture.png"), 10, "the stylesheet's picture")
    film = page.ask("film", check.put("film.mp4", check.lab.film, "video/mp4"))
    assert "error" not in film, film
    assert any("authorization=" in seen.target for seen in check.to_files("GET"))
    leaks = [address for address in page.ask("seen") if "authorization=" in address]
    assert leaks == []
    assert [seen.header("referer") for seen in check.to_files() if "authorization=" in (seen.header("referer") or "")] == []


def rejected_first(check):
    """A token that has ended, then good ones."""
    return lambda scope, why: check.token(exp=int(time.time()) - 90) if why == "missing" else check.token()


def check_14_one_flight(check):
    """The token has ended: 20 files at once, in two tabs, and one question for another; by a worker, and by the tabs themselves."""
    for way in check.ways("auto", "header", "without a worker"):
        by_worker = way != "without a worker"
        options = {"carrier": way} if by_worker else {"carrier": "header", "worker": False}
        pages = [check.page(**options) for _ in range(2)]
        check.give = rejected_first(check)
        for page in pages:
            page.ask("call", "logout")
        wait_until(lambda: all(page.ask("status")["scopes"] == [] for page in pages), 5, "both tabs to forget")
        check.asked.clear()
        urls = [check.put(f"{n}.png") for n in range(20)]
        what, good = ("images", 8) if by_worker else ("fetches", 200)
        running = [(page, page.start(what, part)) for page, part in zip(pages, (urls[:10], urls[10:]))]
        assert [page.end(number) for page, number in running] == [[good] * 10] * 2
        assert check.asked == [("account", "missing"), ("account", "rejected")], way
        for url in urls:
            assert statuses(check, url)[-1] == 200


def check_15_no_token_to_be_had(check):
    """The app refuses, or never answers: 401 within the time given, the page is not blocked, and the next request tries again."""
    for way in check.ways():
        check.give = lambda scope, why: 503
        page = check.page(carrier=way, timeout=1500)
        assert page.ask("image", check.put()) == 0
        released = threading.Event()
        check.give = lambda scope, why: (released.wait(20), None)[1]
        page.ask("pause", 2100)
        began, hanging = time.monotonic(), page.start("fetch", check.put())
        assert page.ask("json", "/echo")["host"], "the page goes on"
        assert page.end(hanging)["status"] == 401
        assert time.monotonic() - began < 6
        released.set()
        check.give = None
        page.ask("pause", 2100)
        assert page.ask("image", check.put()) == 8


def check_16_scopes(check):
    """The file's own token, else the account's; after a 403 the next, once."""
    pattern = f"{check.files}/{{workspace}}/{{file}}/{{name...}}"
    match = [{"pattern": pattern, "scope": "{workspace}", "fallback": ["account"]}]
    own, other = check.workspace, check.new_workspace()
    tokens = {own.id: own.scoped_token(), "account": other.token()}
    check.give = lambda scope, why: tokens.get(scope)
    page = check.page(carrier="header", match=match)
    mine, theirs = check.put(), check.files + other.put("a.png", PNG, ContentType="image/png")
    assert page.ask("images", [mine, theirs]) == [8, 8]
    assert [bearer(seen) for seen in check.to_files("GET", mine)] == [tokens[own.id]]
    assert [bearer(seen) for seen in check.to_files("GET", theirs)] == [tokens["account"]]
    # A token of its own that does not cover the path: the account's is tried, and no more.
    tokens[other.id] = own.token()
    page.ask("pause", 2100)
    again = check.files + other.put("b.png", PNG, ContentType="image/png")
    assert page.ask("image", again) == 8
    assert [bearer(seen) for seen in check.to_files("GET", again)] == [tokens[other.id], tokens["account"]]
    tokens["account"] = own.token(sub="another")
    nobody = check.new_workspace()
    tokens[nobody.id] = own.token()
    refused = check.files + nobody.put("c.png", PNG, ContentType="image/png")
    assert page.ask("fetch", refused)["status"] == 403
    assert statuses(check, refused) == [403, 403]


def check_17_worker_stopped(check):
    """A worker is stopped whenever the browser likes: the next picture has its token all the same."""
    check.worker = BORN
    for way in check.ways():
        page = check.page(carrier=way)
        assert page.ask("image", check.put()) == 8
        born = page.ask("born")
        stopped = check.engine.stop_workers(page.page.tab)
        # WebKitGTK's driver cannot, and the engine itself does not while the page is open.
        assert stopped == (check.engine.name != "webkit")
        assert page.ask("image", check.put()) == 8
        assert (page.ask("born") != born) == stopped, "it is another worker"


# What a check can ask the worker for: two answers that differ are of two workers.
BORN = """
const born = Math.random();
self.addEventListener('message', ({ data, ports }) => data === 'born' && ports[0].postMessage(born));
"""


def check_18_new_token_same_cache(check):
    """Another token does not cost another transfer: the browser asks whether its copy is good."""
    for way in check.ways():
        page = check.page(carrier=way)
        url = check.put("large.bin", bytes(300_000), "application/octet-stream")
        assert page.ask("fetch", url)["size"] == 300_000
        page.ask("call", "setToken", "account", check.token(sub="somebody else"))
        second = page.ask("fetch", url)
        assert second["size"] == 300_000
        seen = check.to_files("GET", url)
        assert [request.status for request in seen] == [200, again(check)], way
        assert seen[1].answered_bytes == 0 or check.engine.name == "webkit"


def check_19_logout(check):
    """Nothing is left, in any tab; what was on its way is not shown."""
    for way in check.ways():
        options = {"carrier": way, "persist": "indexeddb"}
        page, other = check.page(**options), check.page(**options)
        url, late = check.put(), check.put("late.bin", bytes(1000), "application/octet-stream")
        assert [tab.ask("image", url) for tab in (page, other)] == [8, 8]
        check.give = lambda scope, why: None
        check.lab.recorder.hold()
        try:
            waiting = page.start("fetch", late)
            wait_until(lambda: check.to_files(url=late), 5, "the request on its way")
            leaving = page.start("call", "logout")
            page.ask("pause", 300)
        finally:
            check.lab.recorder.release()
        page.end(leaving)
        assert_fails(page, waiting)
        for tab in (page, other):
            assert tab.ask("status")["scopes"] == []
            assert tab.ask("fetch", url)["status"] == 401
            assert tab.ask("image", check.put()) == 0
            assert [event["type"] for event in tab.events("loggedout")] == ["loggedout"]
            # A document may show a picture again that it shows already; the next one has none to show.
            tab.reload()
            assert tab.ask("image", url) == 0
        left = page.ask("stored")
        assert (left["tokens"], left["caches"], left["cookies"]) == ([], [], "")
        last = check.to_files("GET", url)[-1]
        assert not bearer(last) and "edgepass" not in (last.header("cookie") or "")


def assert_fails(page, number):
    try:
        answer = page.end(number)
    except PageError:
        return
    raise AssertionError(f"shown after signing out: {answer}")
