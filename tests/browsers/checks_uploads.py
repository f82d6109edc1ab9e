"""Checks 25 and 30: files straight to the bucket, whole and in parts."""

import hashlib
import json
import time
from array import array
from collections import Counter
from urllib.parse import parse_qs, urlsplit

from lab import MIB, PNG
from processes import wait_until

# Four parts of the usual size, the last one smaller.
SIZE = 60_000_000
# Bytes a second: of SIZE it takes three seconds and more.
SPEED = 20e6


def wish(check, **changes):
    return {"params": {"workspace": check.workspace.id}, "token": check.token("owner"), "name": "ä b.png", "type": "image/png", **changes}


def content(size):
    """As the page fills its files: no two parts are alike."""
    return array("I", range(size // 4)).tobytes()


def answer(check, status, body=""):
    cors = f"Access-Control-Allow-Origin: {check.app}\r\n"
    return f"HTTP/1.1 {status}\r\n{cors}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()


def once(said, wanted):
    """A fault for the first request that is wanted."""
    left = iter([said])
    return lambda seen: next(left, None) if wanted(seen) else None


def check_25_upload(check):
    """A form and a `PUT` straight to the bucket, again after a 503; cancelled; refused with a reason; and then shown."""
    page = check.page()
    small = wish(check, size=100_000)
    done = page.ask("upload", check.files, small)
    assert "error" not in done, done
    assert done["sent"] == 100_000
    assert check.workspace.read(done["key"]) == content(100_000)
    check.workspace.overwrite("/" + done["key"], PNG, ContentType="image/png")
    assert page.ask("image", check.files + done["path"]) == 8
    check.lab.recorder.fault = once(answer(check, "503 Service Unavailable"), lambda seen: seen.method == "POST")
    try:
        assert "error" not in page.ask("upload", check.files, small)
    finally:
        check.lab.recorder.fault = None
    before = len(check.lab.store.seen)
    check.lab.store.speed = SPEED
    try:
        assert page.ask("upload", check.files, wish(check, size=20 * MIB, cancelAfter=5 * MIB)).get("error") == "AbortError"
    finally:
        check.lab.store.speed = None
    [sent] = [seen for seen in check.lab.store.seen[before:] if seen.method == "POST"]
    wait_until(lambda: sent.broken_off, 2, "the store to see the end")
    refusals = [({"type": "text/html"}, "type_not_allowed", 415), ({"size": 81 * MIB}, "too_large", 413)]
    refusals.append(({"params": {"workspace": check.new_workspace().id}}, "forbidden", 403))
    for change, code, status in refusals:
        refused = page.ask("upload", check.files, {**small, **change})
        assert check.is_logged(refused.pop("id"))
        assert refused == {"error": "FilesError", "stage": "sign", "status": status, "code": code}


def check_30_upload_in_parts(check):
    """60 MB: again after a 503, with one token and the next; cancelled; resumed after a reload; where parts are not taken; refused."""
    digest = hashlib.sha256(content(SIZE)).hexdigest()
    page = check.page()
    try:
        for what in (a_part_again, cancelled, resumed, not_taken, refused):
            check.lab.store.fault = check.lab.recorder.fault = check.lab.store.speed = None
            what(check, page, digest)
    finally:
        check.lab.store.fault = check.lab.recorder.fault = check.lab.store.speed = None


def parts(check, since):
    """What the store was sent, by the parts' numbers."""
    puts = [seen for seen in list(check.lab.store.seen)[since:] if seen.method == "PUT"]
    return [(int(parse_qs(urlsplit(seen.target).query)["partNumber"][0]), seen) for seen in puts]


def is_whole(check, done, digest):
    assert "error" not in done, done
    assert done["sent"] == SIZE
    assert done["path"].endswith("/%C3%A4%20b.png")
    return hashlib.sha256(check.workspace.read(done["key"])).hexdigest() == digest


def a_part_again(check, page, digest):
    """The second part is answered 503. The token has ended: one question for the next, and none for the parts."""
    check.asked.clear()
    ended, good = check.token("owner", exp=int(time.time()) - 90), check.token("owner")
    check.give = lambda scope, why: ended if len(check.asked) == 1 else good
    since = len(check.lab.store.seen)
    is_second = lambda seen: seen.method == "PUT" and "partNumber=2" in seen.target
    check.lab.store.fault = once(answer(check, "503 Slow Down"), is_second)
    done = page.ask("upload", check.files, wish(check, size=SIZE, token=None))
    assert is_whole(check, done, digest)
    assert Counter(number for number, _ in parts(check, since)) == {1: 1, 2: 2, 3: 1, 4: 1}
    assert len(check.asked) == 2


def cancelled(check, page, digest):
    """What is on its way breaks off, and nothing of it is left at the store."""
    check.lab.store.speed = SPEED
    since = len(check.lab.store.seen)
    done = page.ask("upload", check.files, wish(check, size=SIZE, cancelAfter=MIB))
    assert done.get("error") == "AbortError", done
    on_their_way = [seen for _, seen in parts(check, since)]
    assert on_their_way
    wait_until(lambda: all(seen.broken_off for seen in on_their_way), 2, "the store to see the end")
    wait_until(lambda: not check.workspace.uploads(), 5, "the upload to be aborted")


def resumed(check, page, digest):
    """The page is loaded anew while the third part is on its way: what the store has is not sent again."""
    check.lab.store.speed = SPEED
    since = len(check.lab.store.seen)
    page.start("upload", check.files, wish(check, size=SIZE, remember=True, partsAbove=0))
    wait_until(lambda: [number for number, seen in parts(check, since) if seen.status == 200], 20, "a part to be there")
    page.reload()
    check.lab.store.speed = None
    stored = {number for number, seen in parts(check, since) if seen.status == 200}
    since = len(check.lab.store.seen)
    other = page.ask("upload", check.files, wish(check, size=SIZE - 4, resume=True))
    assert other["error"] == "TypeError", "parts of two files"
    done = page.ask("upload", check.files, wish(check, size=SIZE, resume=True))
    assert is_whole(check, done, digest)
    sent = {number for number, _ in parts(check, since)}
    assert sent and not sent & stored
    gone = page.ask("upload", check.files, wish(check, size=SIZE, resume=True))
    assert (gone["status"], gone["code"]) == (404, "not_found")


def not_taken(check, page, digest):
    """A site that takes none in parts gets the file whole."""
    since = len(check.lab.store.seen)
    said = answer(check, "404 Not Found", '{"error":"not_found","id":"x"}')
    check.lab.recorder.fault = once(said, lambda seen: seen.method == "POST" and seen.target == "/_edgepass/uploads")
    assert is_whole(check, page.ask("upload", check.files, wish(check, size=SIZE)), digest)
    assert [seen.status for seen in check.lab.store.seen[since:] if seen.method == "POST"] == [201]
    assert parts(check, since) == []


def refused(check, page, digest):
    """The bucket refuses a part: its reason comes through, and where nobody remembers the upload it is aborted."""
    unsigned = json.dumps({"url": check.lab.origin(f"store.{check.lab.domain}", check.lab.store.port) + "/browsers/a", "expires": 900})
    check.lab.recorder.fault = lambda seen: answer(check, "200 OK", unsigned) if seen.method == "GET" and "/multipart/" in seen.target else None
    done = page.ask("upload", check.files, wish(check, size=SIZE))
    assert done.pop("id")
    assert done == {"error": "FilesError", "stage": "store", "status": 403, "code": "AccessDenied"}
    wait_until(lambda: not check.workspace.uploads(), 5, "the upload to be aborted")
