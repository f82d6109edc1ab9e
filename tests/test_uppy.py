"""Uppy 6 and 5 as they come from npm, with the code of docs/guides/uppy.md as it stands there, in Chromium."""

import json
import os
import re
import subprocess
import uuid

import pytest
from playwright.sync_api import sync_playwright

from middleman import Middleman
from processes import RESULTS, ROOT, wait_until
from test_multipart import content, open_uploads

MIB = 1024 * 1024
UPPY = ROOT / "tests" / "uppy"
GUIDE = ROOT / "docs" / "guides" / "uppy.md"
BOTH = pytest.mark.parametrize("version", ["6", "5"])
pytestmark = pytest.mark.timeout(180)

ENTRY = """\
import { uploadWidget } from './uppy-%s.js'
const { files, workspace, token, parts } = JSON.parse(sessionStorage.getItem('test'))
window.uppy = uploadWidget({ target: '#uppy', files, workspace, getToken: async () => token })
const plugin = window.uppy.getPlugin('AwsS3Multipart') ?? window.uppy.getPlugin('AwsS3')
plugin.opts.shouldUseMultipart = parts // small files stand for large ones
window.done = []
window.uppy.on('upload-success', (file, response) => window.done.push(response))
window.uppy.on('restored', () => { window.restored = true })
"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """For each version one script and one style sheet, of the guide's own code."""
    assert (UPPY / "node_modules").exists(), f"run `npm ci` in {UPPY} first"
    blocks = dict(re.findall(r"```js\n// (uppy-[56]\.js)\n(.*?)```", GUIDE.read_text(), re.S))
    assert sorted(blocks) == ["uppy-5.js", "uppy-6.js"]
    built = {}
    for version in ("6", "5"):
        directory = tmp_path_factory.mktemp(f"uppy-{version}")
        (directory / f"uppy-{version}.js").write_text(blocks[f"uppy-{version}.js"])
        (directory / "entry.js").write_text(ENTRY % version)
        where = os.pathsep.join(str(path) for path in (UPPY / version / "node_modules", UPPY / "node_modules"))
        command = [UPPY / "node_modules/.bin/esbuild", "entry.js", "--bundle", "--outfile=page.js", "--log-level=error"]
        subprocess.run(command, cwd=directory, env={**os.environ, "NODE_PATH": where}, check=True, timeout=60)
        built[version] = {name: (directory / f"page.{name}").read_text() for name in ("js", "css")}
    return built


@pytest.fixture(scope="module")
def between(bucket):
    """Between the browser and the bucket."""
    middleman = Middleman(bucket["endpoint"])
    yield middleman
    middleman.stop()


@pytest.fixture(scope="module")
def serve(site, dev, between, tmp_path_factory):
    """Starts a gateway for pages of the demo's origin, with the proxy before the bucket."""
    secret = tmp_path_factory.mktemp("secrets") / "uploads"
    secret.write_text("a secret of at least thirty-two bytes, for uploads")

    def start(more=""):
        return site.serve(
            ('apps = ["https://app.example.com"]', f'apps = ["{dev.app}"]'),
            ("[issuer.app]", f'upload_endpoint = "{between.endpoint}"\n{more}\n[issuer.app]'),
            ("[token]", f'[uploads]\nsecret_file = "{secret}"\n\n[token]'),
        )

    return start


@pytest.fixture(scope="module")
def gateway(serve):
    return serve()


@pytest.fixture(scope="module")
def chromium():
    RESULTS.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        # A page that the test itself answers has no address, and would have to ask for leave to reach loopback.
        arguments = ["--disable-features=LocalNetworkAccessChecks"] + (["--no-sandbox"] if os.geteuid() == 0 else [])
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", headless=True, args=arguments)
        yield browser
        browser.close()


class Widget:
    """A page of the app with Uppy in it."""

    def __init__(self, chromium, dev, script, gateway, workspace, token, parts):
        self.context = chromium.new_context(viewport={"width": 900, "height": 700})
        self.page = self.context.new_page()
        address = f"{dev.app}/uploads-{uuid.uuid4()}"
        html = f"<!doctype html><meta charset=utf-8><style>{script['css']}</style><div id=uppy></div><script src='{address}.js'></script>"
        self.page.route(f"{address}.js", lambda route: route.fulfill(body=script["js"], content_type="text/javascript"))
        self.page.route(address, lambda route: route.fulfill(body=html, content_type="text/html"))
        said = {"files": gateway.origin, "workspace": workspace.id, "token": token or workspace.token("owner"), "parts": parts}
        self.page.add_init_script(f"sessionStorage.setItem('test', {json.dumps(json.dumps(said))})")
        self.errors = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        self.page.goto(address)
        self.page.wait_for_function("window.uppy !== undefined")

    def add(self, name, body, media_type="image/png"):
        path = {"name": name, "mimeType": media_type, "buffer": body}
        self.page.locator("#uppy input[type=file]").first.set_input_files(path)
        self.page.wait_for_function("name => window.uppy.getFiles().some((file) => file.name === name)", arg=name)

    def start(self):
        self.page.evaluate("() => { window.uppy.upload().catch(() => {}) }")

    def done(self):
        """What came with `upload-success`."""
        try:
            self.page.wait_for_function("window.done.length > 0", timeout=30_000)
        except Exception as error:
            state = self.page.evaluate("JSON.stringify(window.uppy.getFiles().map((f) => [f.name, f.error, f.progress]))")
            raise AssertionError(f"{state} {self.errors}") from error
        return self.page.evaluate("window.done[0]")

    def close(self):
        self.context.close()


@pytest.fixture
def widget(chromium, dev, pages, gateway, workspace, between):
    open_ones = []

    def open_widget(version, *, parts=False, token=None, gateway=gateway):
        open_ones.append(Widget(chromium, dev, pages[version], gateway, workspace, token, parts))
        return open_ones[-1]

    between.forget()
    yield open_widget
    between.fault = None
    for one in open_ones:
        one.page.screenshot(path=RESULTS / "uppy.png")
        one.close()


def stored(s3, bucket, workspace):
    """The workspace's objects: key and bytes."""
    listed = s3.list_objects_v2(Bucket=bucket["bucket"], Prefix=workspace.id + "/").get("Contents", [])
    return {item["Key"]: s3.get_object(Bucket=bucket["bucket"], Key=item["Key"])["Body"].read() for item in listed}


@BOTH
def test_a_small_file(version, widget, workspace, s3, bucket, between):
    page = widget(version)
    page.add("Käfer & Co.png", b"a small picture")
    page.start()
    page.done()
    [(key, body)] = stored(s3, bucket, workspace).items()
    assert body == b"a small picture" and key.endswith("/Käfer & Co.png")
    assert [seen.method for seen in between.seen if seen.method != "OPTIONS"] == ["POST"], "a form, straight to the bucket"


def test_a_small_file_as_one_put(widget, workspace, s3, bucket, between, serve):
    """Where the bucket takes no forms."""
    puts = serve("post = false\n")
    for version in ("6", "5"):
        between.forget()
        page = widget(version, gateway=puts)
        page.add(f"{version}.png", b"by put, " + version.encode())
        page.start()
        page.done()
        assert [seen.method for seen in between.seen if seen.method != "OPTIONS"] == ["PUT"]
    assert sorted(stored(s3, bucket, workspace).values()) == [b"by put, 5", b"by put, 6"]


@BOTH
def test_parts_with_one_that_fails(version, widget, workspace, s3, bucket, between, dev):
    body = content(11 * MIB)
    failed = []

    def fail_once(seen):
        if seen.method == "PUT" and "partNumber=2" in seen.target and not failed:
            failed.append(seen.target)
            cors = f"Access-Control-Allow-Origin: {dev.app}\r\nAccess-Control-Allow-Credentials: true\r\n"
            return f"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n{cors}Connection: close\r\n\r\n".encode()
        return None

    between.fault = fail_once
    page = widget(version, parts=True)
    page.add("film.png", body)
    page.start()
    said = page.done()
    [(key, there)] = stored(s3, bucket, workspace).items()
    assert there == body and len(failed) == 1
    assert json.dumps(said).count(key.rsplit("/", 1)[0]) >= 1, said
    sent = [re.search(r"partNumber=(\d)", seen.target)[1] for seen in between.seen if seen.method == "PUT" and seen.status == 200]
    assert sorted(sent) == ["1", "2", "3"]
    assert s3.head_object(Bucket=bucket["bucket"], Key=key)["ContentType"] == "image/png"


@BOTH
def test_cancel(version, widget, workspace, s3, bucket, between):
    page = widget(version, parts=True)
    page.add("film.png", content(11 * MIB))
    between.hold()
    try:
        page.start()
        wait_until(lambda: any(seen.method in ("PUT", "OPTIONS") for seen in between.seen), what="the first part")
        all_open = s3.list_multipart_uploads(Bucket=bucket["bucket"], Prefix=workspace.id).get("Uploads", [])
        assert len(all_open) == 1
        page.page.evaluate("window.uppy.cancelAll()")
    finally:
        between.release()
    key = all_open[0]["Key"]
    wait_until(lambda: not open_uploads(s3, bucket, key), what="the upload's end")
    assert not stored(s3, bucket, workspace)


@BOTH
def test_a_reload_goes_on(version, widget, workspace, s3, bucket, between):
    """Golden Retriever keeps files of up to 10 MiB: their second part is held up, and the page is loaded anew."""
    body = content(8 * MIB)

    def no_second_part(seen):
        return b"" if seen.method == "PUT" and "partNumber=2" in seen.target else None

    between.fault = no_second_part
    page = widget(version, parts=True)
    page.add("film.png", body)
    page.page.wait_for_timeout(1500)  # Golden Retriever writes at its own pace, and says not when
    page.start()
    wait_until(lambda: any("partNumber=1" in seen.target and seen.method == "PUT" and seen.status == 200 for seen in between.seen), 20)
    page.page.wait_for_timeout(1500)
    page.page.reload()
    between.fault = None
    between.forget()
    page.page.wait_for_function("window.uppy?.getFiles().length === 1 && window.uppy.getFiles()[0].data != null", timeout=20_000)
    page.page.wait_for_timeout(500)
    page.page.evaluate("() => { const id = Object.keys(window.uppy.getState().currentUploads)[0]; window.uppy.emit('restore-confirmed'); if (!id) window.uppy.upload().catch(() => {}) }")
    page.done()
    [there] = stored(s3, bucket, workspace).values()
    assert there == body
    again = [seen.target for seen in between.seen if seen.method == "PUT"]
    assert all("partNumber=2" in target for target in again) and again, "the first part is not sent again"


@BOTH
def test_errors_can_be_read(version, widget, workspace):
    for name, media_type, token, sentence in [
        ("page.html", "text/html", None, "the route does not take files of this type"),
        ("photo.png", "image/png", workspace.token("reader"), "forbidden"),
    ]:
        page = widget(version, token=token)
        page.add(name, b"<p>", media_type)
        page.start()
        page.page.wait_for_function("window.uppy.getFiles()[0]?.error", timeout=20_000)
        assert sentence in page.page.evaluate("window.uppy.getFiles()[0].error")
        shown = page.page.locator(f'#uppy :is([aria-label*="{sentence}"], :text("{sentence}"))').first
        shown.wait_for(state="attached", timeout=10_000)


@BOTH
def test_too_large_is_said_before_it_is_sent(version, widget, workspace, between):
    page = widget(version, parts=True)
    page.add("film.png", content(20 * MIB + 1))
    page.start()
    page.page.wait_for_function("window.uppy.getFiles()[0]?.error", timeout=20_000)
    assert "20971521 bytes; at most 20971520 are taken" in page.page.evaluate("window.uppy.getFiles()[0].error")
    assert not between.seen
