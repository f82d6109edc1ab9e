"""The journey in Chromium: from one browser to another, and to no stranger."""

import hashlib
import json
import os
import re
import uuid

import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import expect, sync_playwright

from conftest import s3_client
from http1 import ask
from processes import RESULTS, Dev, wait_until

MIB = 1024 * 1024
LARGE = 200 * MIB
pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def dev(tmp_path_factory):
    """A demo of its own: its byte counters count this journey alone."""
    directory = tmp_path_factory.mktemp("journey")
    with Dev(directory / "data", directory / "logs") as running:
        yield running


@pytest.fixture(scope="module")
def chromium():
    RESULTS.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", headless=True, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def jpeg(chromium, tmp_path_factory):
    """A grainy evening over hills: a megabyte or more, so that it is seen in any byte counter."""
    page = chromium.new_page(viewport={"width": 1600, "height": 1200})
    page.set_content("<body style='margin:0'><canvas id=c width=1600 height=1200></canvas>")
    page.evaluate("""() => {
      const context = document.getElementById('c').getContext('2d');
      const sky = context.createLinearGradient(0, 0, 0, 1200);
      ['#22314f', '#7a5a7e', '#e08e6d', '#f6d9a0'].forEach((colour, at) => sky.addColorStop(at / 3, colour));
      context.fillStyle = sky;
      context.fillRect(0, 0, 1600, 1200);
      context.fillStyle = '#fff1cf';
      context.beginPath();
      context.arc(1080, 690, 90, 0, 7);
      context.fill();
      [['#54506f', 760, 90], ['#35405c', 880, 70], ['#1d2b3c', 1010, 50]].forEach(([colour, height, wave], hill) => {
        context.fillStyle = colour;
        context.beginPath();
        context.moveTo(0, 1200);
        for (let x = 0; x <= 1600; x += 8) {
          context.lineTo(x, height - wave * Math.sin(x / (170 + 60 * hill) + hill * 2) - 20 * Math.sin(x / 61 + hill));
        }
        context.lineTo(1600, 1200);
        context.fill();
      });
      const image = context.getImageData(0, 0, 1600, 1200);
      for (let i = 0; i < image.data.length; i++) if (i % 4 !== 3) image.data[i] += (Math.random() - 0.5) * 60;
      context.putImageData(image, 0, 0);
    }""")
    path = tmp_path_factory.mktemp("photo") / "Käfer am Fenster.jpg"
    page.screenshot(path=path, type="jpeg", quality=95)
    page.close()
    assert path.stat().st_size > MIB
    return path


class Person:
    """One browser profile, its page, and what went wrong in it."""

    def __init__(self, chromium, dev):
        self.dev = dev
        self.context = chromium.new_context(viewport={"width": 1280, "height": 900})
        self.page = self.context.new_page()
        self.errors = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)

    def open(self):
        self.page.goto(self.dev.app)
        return self

    def sign_in(self, user):
        self.open()
        self.page.locator(f'[data-user="{user.name}"]').click()
        expect(self.page.locator("#me-title")).to_be_visible()
        # From here on the token travels: the page has exchanged it for a cookie, or settled on another carrier.
        expect(self.page.locator("#mode")).to_have_attribute("data-carrier", re.compile("cookie|header|query"), timeout=10_000)
        return self

    def posts(self):
        """How many the feed has, once it has been read."""
        expect(self.page.locator("#feed")).to_have_attribute("aria-busy", "false")
        return self.page.locator(".post").count()

    def upload(self, path, done_within=30):
        posts = self.posts()
        self.page.locator("#file-input").set_input_files(path)
        expect(self.page.locator(".post")).to_have_count(posts + 1, timeout=done_within * 1000)

    def fetch(self, url, **options):
        """Status and type of a fetch by the page's script."""
        return self.page.evaluate(
            """async ([url, options]) => {
              const answer = await fetch(url, options);
              const body = await answer.arrayBuffer();
              return {status: answer.status, size: body.byteLength, url: answer.url};
            }""",
            [url, {"credentials": "include", **options}],
        )

    def new_image(self, url):
        """The width of an `<img>` that is put into the page now; 0 where it does not show."""
        return self.page.evaluate(
            """(url) => new Promise((resolve) => {
              const image = new Image();
              image.onload = () => resolve(image.naturalWidth);
              image.onerror = () => resolve(0);
              image.src = url;
              document.body.append(image);
            })""",
            url,
        )

    def unexpected_errors(self):
        """Chromium writes a line for each refused request; the page asks for some refusals on purpose."""
        return [error for error in self.errors if not re.search(r"status of (401|403)", error)]

    def picture(self, name):
        self.page.screenshot(path=RESULTS / f"{name}.png")

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            self.picture("failed")
        self.context.close()


@pytest.fixture
def person(chromium, dev):
    return lambda: Person(chromium, dev)


def app_bytes(dev):
    counted = ask(dev.app, "/api/bytes").json()
    return counted["received"] + counted["sent"]


def image_in_feed(person):
    """The newest post's image, when it shows."""
    image = person.page.locator(".post img").first
    expect(image).to_be_visible()
    wait_until(lambda: image.evaluate("image => image.complete && image.naturalWidth > 0"), 15, "the image to show")
    return image


def stable(dev, url):
    """The stable URL: on the files origin, a path, no query."""
    pattern = re.escape(dev.files) + rf"/{dev.owner().workspace}/[0-9a-f-]{{36}}/[^?#]+"
    assert re.fullmatch(pattern, url), url
    return url


@pytest.fixture
def posted(person, dev, jpeg):
    """The owner has posted the photo: (owner's browser, stable URL)."""
    with person() as owner:
        owner.sign_in(dev.owner())
        owner.upload(jpeg)
        yield owner, stable(dev, image_in_feed(owner).evaluate("image => image.src"))


def test_before_signing_in(person):
    with person() as visitor:
        visitor.open()
        expect(visitor.page.locator("[data-user]").first).to_be_visible()
        visitor.picture("welcome")
        assert visitor.page.locator(".post").count() == 0
        assert visitor.unexpected_errors() == []


def test_the_photo_is_seen_by_its_owner(posted, dev, jpeg):
    owner, url = posted
    image = owner.page.locator(".post img").first
    assert image.evaluate("image => image.naturalWidth") == 1600
    assert image.evaluate("image => image.currentSrc") == url
    owner.picture("owner")
    key = url[len(dev.files) + 1 :]
    from urllib.parse import unquote

    stored = s3_client(dev.s3).get_object(Bucket=dev.s3["bucket"], Key=unquote(key))
    assert stored["Body"].read() == jpeg.read_bytes()
    assert stored["ContentType"] == "image/jpeg"
    assert owner.unexpected_errors() == []


def test_the_reader_of_the_same_workspace_sees_it(posted, person, dev):
    _, url = posted
    with person() as reader:
        reader.sign_in(dev.reader())
        image = image_in_feed(reader)
        assert image.evaluate("image => image.src") == url
        assert image.evaluate("image => image.naturalWidth") == 1600
        expect(reader.page.locator("#file-input")).not_to_be_visible()
        reader.picture("reader")
        assert reader.unexpected_errors() == []


def test_a_stranger_gets_403(posted, person, dev):
    _, url = posted
    with person() as stranger:
        stranger.sign_in(dev.stranger())
        assert stranger.page.locator(f'.post img[src="{url}"]').count() == 0
        assert stranger.fetch(url)["status"] == 403
        assert stranger.new_image(url) == 0
        expect(stranger.page.locator("#other-result")).to_have_attribute("data-status", "403", timeout=10_000)
        stranger.picture("stranger")
        assert stranger.unexpected_errors() == []


def test_the_page_shows_who_sees_what(posted):
    owner, _ = posted
    owner.page.locator("#check").click()
    for who, status in (("own", "200"), ("anonymous", "401"), ("other", "403")):
        expect(owner.page.locator(f"#{who}-result")).to_have_attribute("data-status", status, timeout=10_000)
    owner.picture("who-sees-this")


def test_somebody_who_is_not_signed_in_gets_401(posted, person):
    _, url = posted
    with person() as nobody:
        nobody.open()
        assert nobody.fetch(url)["status"] == 401
        assert nobody.new_image(url) == 0


def test_no_file_byte_passes_the_app(posted, person, dev, jpeg):
    owner, url = posted
    before = app_bytes(dev)
    size = jpeg.stat().st_size
    for _ in range(5):
        assert owner.fetch(url, cache="reload") == {"status": 200, "size": size, "url": url}
    with person() as reader:
        reader.sign_in(dev.reader())
        image_in_feed(reader)
    assert app_bytes(dev) - before < size / 2


def test_after_signing_out_it_is_401_and_in_no_cache(posted):
    owner, url = posted
    assert owner.fetch(url)["status"] == 200
    owner.page.locator("#sign-out").click()
    expect(owner.page.locator("[data-user]").first).to_be_visible()
    for cache in ("default", "force-cache", "no-cache", "reload"):
        assert owner.fetch(url, cache=cache)["status"] == 401, cache
    assert owner.new_image(url) == 0
    expect(owner.page.locator(".post")).to_have_count(0)
    owner.picture("signed-out")
    for cookie in owner.context.cookies():
        assert cookie["value"].count(".") != 2, "a token is left in a cookie"
    assert owner.unexpected_errors() == []


def test_going_back_after_signing_out_shows_nothing(posted):
    owner, url = posted
    owner.page.locator("#sign-out").click()
    expect(owner.page.locator("[data-user]").first).to_be_visible()
    owner.page.goto("about:blank")
    owner.page.go_back()
    expect(owner.page.locator("[data-user]").first).to_be_visible()
    assert owner.new_image(url) == 0


def test_a_reload_keeps_the_user_and_the_image(posted):
    owner, url = posted
    owner.page.reload()
    image = image_in_feed(owner)
    assert image.evaluate("image => image.src") == url
    owner.context.new_page().goto(owner.dev.app)
    assert owner.unexpected_errors() == []


def test_a_hard_reload_keeps_the_image(posted):
    """Shift and reload: the page has no worker then, until it is claimed."""
    owner, _ = posted
    session = owner.context.new_cdp_session(owner.page)
    with owner.page.expect_navigation():
        session.send("Page.reload", {"ignoreCache": True})
    image_in_feed(owner)


def test_the_token_is_in_no_url(posted, dev):
    """Neither in what the page asked for, nor in what the browser remembers of it."""
    owner, _ = posted
    token = owner.page.evaluate("async () => (await (await fetch('/api/token')).json()).token")
    urls = []
    owner.page.on("request", lambda request: urls.append(request.url))
    owner.page.reload()
    image_in_feed(owner)
    remembered = owner.page.evaluate("performance.getEntriesByType('resource').map(entry => entry.name)")
    assert urls and remembered
    assert not [url for url in urls + remembered if "authorization=" in url or token[-40:] in url]
    assert token.split(".")[2] not in dev.log_text()


def test_200_mb_with_progress(person, dev, tmp_path):
    path = tmp_path / "film rushes.mp4"
    block, digest = os.urandom(MIB), hashlib.sha256()
    with open(path, "wb") as file:
        for number in range(LARGE // MIB):
            piece = number.to_bytes(8, "big") + block[8:]
            digest.update(piece)
            file.write(piece)
    with person() as owner:
        owner.sign_in(dev.owner())
        before, posts = app_bytes(dev), owner.posts()
        # Every change of the bar is written down by the page itself: none is missed between two looks.
        owner.page.evaluate("""() => {
          window.seen = [];
          const look = () => {
            const bar = document.querySelector('.upload progress');
            const value = bar && bar.max > 0 ? bar.value / bar.max : null;
            if (value !== null && value !== window.seen[window.seen.length - 1]) window.seen.push(value);
            window.looking = requestAnimationFrame(look);
          };
          look();
        }""")
        owner.page.locator("#file-input").set_input_files(path)
        expect(owner.page.locator('.upload[data-state="sending"]')).to_have_count(1, timeout=10_000)
        owner.picture("sending")
        expect(owner.page.locator(".post")).to_have_count(posts + 1, timeout=120_000)
        seen = owner.page.evaluate("() => { cancelAnimationFrame(window.looking); return window.seen; }")
        between = [value for value in seen if 0.01 < value < 0.99]
        assert len(between) >= 3, seen
        assert seen == sorted(seen), "progress never goes back"
        owner.picture("sent")
        stable_path = owner.page.locator(".post [data-path]").first.get_attribute("data-path")
        assert app_bytes(dev) - before < MIB
        assert owner.unexpected_errors() == []

    from urllib.parse import unquote

    stored = s3_client(dev.s3).get_object(Bucket=dev.s3["bucket"], Key=unquote(stable_path)[1:])
    assert stored["ContentLength"] == LARGE
    read = hashlib.sha256()
    for piece in stored["Body"].iter_chunks(MIB):
        read.update(piece)
    assert read.digest() == digest.digest()


def test_a_large_upload_can_be_cancelled(person, dev, tmp_path):
    path = tmp_path / "too much.mp4"
    with open(path, "wb") as file:
        file.truncate(LARGE)
    with person() as owner:
        owner.sign_in(dev.owner())
        posts = owner.posts()
        owner.page.locator("#file-input").set_input_files(path)
        owner.page.locator(".upload .cancel").click()
        expect(owner.page.locator('.upload[data-state="cancelled"], .upload')).not_to_have_attribute("data-state", "sending")
        assert owner.page.locator(".post").count() == posts


def test_several_files_at_once(person, dev, jpeg, tmp_path):
    files = [jpeg]
    for number in range(4):
        files.append(tmp_path / f"note {number}.txt")
        files[-1].write_text(f"note {number}")
    with person() as owner:
        owner.sign_in(dev.owner())
        posts = owner.posts()
        owner.page.locator("#file-input").set_input_files(files)
        expect(owner.page.locator(".post")).to_have_count(posts + 1, timeout=30_000)
        newest = owner.page.locator(".post").first
        expect(newest.locator("a.doc")).to_have_count(4)
        image_in_feed(owner)


def test_html_and_svg_from_another_user_cannot_act(person, dev):
    """Stored scripts: opened in a tab of their own they run nothing, in the app's page they are no script."""
    client = s3_client(dev.s3)
    with person() as owner:
        owner.sign_in(dev.owner())
        for name, media_type, body in (
            ("evil.html", "text/html", "<title>x</title><script>document.title = 'ran'; fetch('/_edgepass/session')</script>"),
            ("evil.svg", "image/svg+xml", "<svg xmlns='http://www.w3.org/2000/svg'><script>document.documentElement.id = 'ran'</script></svg>"),
        ):
            path = f"/{dev.owner().workspace}/{uuid.uuid4()}/{name}"
            client.put_object(Bucket=dev.s3["bucket"], Key=path[1:], Body=body.encode(), ContentType=media_type)
            assert owner.fetch(dev.files + path)["status"] == 200
            tab = owner.context.new_page()
            with tab.expect_download(timeout=10_000) as download:
                try:
                    tab.goto(dev.files + path, timeout=10_000)
                except PlaywrightError as error:  # so it calls a navigation that became a download
                    assert "Download is starting" in str(error) or "ERR_ABORTED" in str(error)
            assert download.value.suggested_filename == name
            assert tab.title() != "ran"
            tab.close()


def test_the_summary_of_the_journey(person, dev, jpeg):
    """Written down for people: what passed the app, and what the gateway delivered."""
    delivered = sum(record.get("bytes", 0) for record in dev.log())
    passed = app_bytes(dev)
    (RESULTS / "journey.json").write_text(json.dumps({"app_bytes": passed, "file_bytes": delivered}))
    assert delivered > 20 * MIB
    assert passed < delivered / 5
