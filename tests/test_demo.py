"""The demo app as its users meet it: every kind of file, posts with files in their midst, uploads that fail, the keyboard, a phone, axe."""

import json
import re
import subprocess
import wave
from urllib.parse import unquote

import pytest
from playwright.sync_api import expect

from conftest import s3_client
from http1 import ask
from processes import ROOT, Dev, four_free_ports, wait_until
from test_browser import Person, chromium, dev, image_in_feed, person  # noqa: F401  (fixtures; `dev` is this file's own)

MIB = 1024 * 1024
UTF8_NAME = "Grüße aus Łódź – 東京 (2).zip"
pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Half a minute with its index at the end: to play it, a browser has to ask for ranges."""
    path = tmp_path_factory.mktemp("film") / "rushes.mp4"
    picture = "testsrc2=size=640x360:rate=25:duration=30,noise=alls=18:allf=t"
    codec = ("-c:v", "libx264", "-preset", "ultrafast", "-b:v", "4M", "-pix_fmt", "yuv420p")
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", picture, *codec, path], check=True, timeout=60)
    assert path.stat().st_size > 6 * MIB
    return path


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    path = tmp_path_factory.mktemp("sound") / "silence.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(2 * 8000 * 3))
    return path


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("archive") / UTF8_NAME
    path.write_bytes(b"PK" + bytes(range(256)) * 40)
    return path


@pytest.fixture
def owner(person, dev):
    with person() as owner:
        owner.context.grant_permissions(["clipboard-read", "clipboard-write"])
        yield owner.sign_in(dev.owner())
        assert owner.unexpected_errors() == []


@pytest.fixture(scope="module")
def media(chromium, dev, film, sound, archive):
    """The owner has posted one of each kind: the paths of film, sound and archive, and of the samples' picture and PDF."""
    with Person(chromium, dev) as owner:
        owner.sign_in(dev.owner())
        owner.posts()
        owner.page.locator("#samples").click()
        expect(owner.page.locator(".post")).to_have_count(3, timeout=15_000)
        owner.upload([film, sound, archive])
        figures = owner.page.locator(".post figure")
        paths = {figure.get_attribute("data-kind"): figure.get_attribute("data-path") for figure in reversed(figures.all())}
        assert set(paths) == {"image", "video", "audio", "pdf", "other"}
        return paths


def figure(who, path):
    return who.page.locator(f'.post figure[data-path="{path}"]')


def drop(who, target, name, kind="drop"):
    """A real picture, dropped on an element or pasted into it."""
    who.page.locator(target).evaluate(
        """async (target, [name, kind]) => {
          const canvas = Object.assign(document.createElement('canvas'), {width: 640, height: 360});
          const context = canvas.getContext('2d');
          context.fillStyle = '#2c5c4f';
          context.fillRect(0, 0, 640, 360);
          const blob = await new Promise((resolve) => canvas.toBlob(resolve));
          const carried = new DataTransfer();
          carried.items.add(new File([blob], name, {type: 'image/png'}));
          const options = {bubbles: true, cancelable: true};
          const event = kind === 'drop'
            ? new DragEvent('drop', {...options, dataTransfer: carried})
            : new ClipboardEvent('paste', {...options, clipboardData: carried});
          if (target.dispatchEvent(event)) throw new Error('the browser would open it');
        }""",
        [name, kind],
    )


def slowly(who, bytes_a_second):
    """Sends at most so fast; 0 is as fast as it goes."""
    session = who.context.new_cdp_session(who.page)
    session.send("Network.enable")
    limit = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes_a_second or -1}
    session.send("Network.emulateNetworkConditions", limit)


# ---------------------------------------------------------------- every kind of file


def test_a_film_is_sought_by_ranges(media, owner, dev, film):
    path, size = media["video"], film.stat().st_size
    video = figure(owner, path).locator("video")
    video.scroll_into_view_if_needed()
    wait_until(lambda: video.evaluate("video => video.readyState") >= 1, 15, "the film's index")
    assert video.evaluate("video => Math.round(video.duration)") == 30
    assert video.evaluate("video => video.crossOrigin") == "use-credentials"
    ranges = []
    owner.context.on("request", lambda request: ranges.append(request.headers.get("range")) if path in request.url else None)
    video.evaluate("video => { video.currentTime = 27; }")
    wait_until(lambda: video.evaluate("video => !video.seeking && video.readyState >= 2 && video.currentTime >= 27"), 15, "the seek")
    answers = [line for line in dev.log() if line["path"] == path and line["method"] == "GET" and line.get("subject") == "ada"]
    assert {line["status"] for line in answers} <= {200, 206, 304} and 206 in {line["status"] for line in answers}
    starts = [int(re.match(r"bytes=(\d+)-", wanted).group(1)) for wanted in ranges if wanted]
    assert not starts or max(starts) < size
    # The index at the end came by a range: nobody waited for the film's whole length.
    assert any(line["status"] == 206 and line["bytes"] < size / 2 for line in answers)


def test_a_sound_is_ready(media, owner):
    audio = figure(owner, media["audio"]).locator("audio")
    wait_until(lambda: audio.evaluate("audio => audio.duration") == 3, 15, "the sound's length")


def test_a_pdf_is_shown_in_a_frame(media, owner, dev):
    frame = figure(owner, media["pdf"]).locator("iframe")
    frame.scroll_into_view_if_needed()
    shown = wait_until(lambda: next((f for f in owner.page.frames if f.url.startswith(dev.files + media["pdf"])), None), 10, "the frame")
    wait_until(lambda: shown.evaluate("document.contentType") == "application/pdf", 10, "the PDF")
    assert "?" not in shown.url, "by cookie it is the stable URL itself"
    # The browser's own viewer has begun: it is a document within that frame.
    wait_until(lambda: any(f.parent_frame == shown for f in owner.page.frames), 10, "the viewer")
    assert frame.get_attribute("title") == "Minutes of the board.pdf, PDF"


@pytest.mark.parametrize("kind", ["other", "image", "video"])
def test_a_download_has_its_name_and_every_byte(media, owner, dev, archive, film, kind, tmp_path):
    with owner.page.expect_download(timeout=20_000) as download:
        figure(owner, media[kind]).locator(".download").click()
    names = {"other": UTF8_NAME, "image": "Evening over the hills.jpg", "video": film.name}
    assert download.value.suggested_filename == names[kind]
    download.value.save_as(tmp_path / "saved")
    expected = {"other": archive, "video": film}.get(kind)
    assert expected is None or (tmp_path / "saved").read_bytes() == expected.read_bytes()
    assert owner.page.url == dev.app + "/"


def test_the_card_of_another_file_names_type_and_size(media, owner):
    card = figure(owner, media["other"]).locator("a.doc")
    expect(card).to_contain_text(UTF8_NAME)
    expect(card).to_contain_text("Archive · 10 kB")
    with owner.page.expect_download() as download:
        card.click()
    assert download.value.suggested_filename == UTF8_NAME


def test_a_new_tab_opens_by_a_short_link(media, owner, dev):
    with owner.page.expect_popup() as popup:
        figure(owner, media["image"]).locator(".open").click()
    popup.value.wait_for_url(re.compile(r"\?link="))
    assert popup.value.url.startswith(dev.files + media["image"])
    assert popup.value.evaluate("document.contentType") == "image/jpeg"
    assert popup.value.evaluate("opener") is None
    assert popup.value.url.split("?link=")[1] not in dev.log_text()


def test_the_copied_address_is_the_stable_one(media, owner, dev):
    figure(owner, media["image"]).locator(".copy").click()
    expect(owner.page.locator("#said")).to_contain_text("Address copied")
    assert owner.page.evaluate("navigator.clipboard.readText()") == dev.files + media["image"]


def test_a_picture_is_shown_large_and_the_focus_comes_back(media, owner):
    zoom = figure(owner, media["image"]).locator("button.frame")
    zoom.click()
    shown = owner.page.locator("#viewer img")
    wait_until(lambda: shown.evaluate("image => image.naturalWidth") == 1280, 10, "the picture")
    owner.page.keyboard.press("Escape")
    expect(owner.page.locator("#viewer")).not_to_be_visible()
    expect(zoom).to_be_focused()


# ---------------------------------------------------------------- posts


def test_a_picture_in_the_text_stays_there_over_a_restart(chromium, tmp_path):
    port = four_free_ports()
    with Dev(tmp_path / "data", tmp_path / "1", port=port) as dev, Person(chromium, dev) as owner:
        owner.sign_in(dev.owner())
        text = owner.page.locator("#text")
        text.fill("Before.\nAfter.")
        text.evaluate("text => text.setSelectionRange(7, 7)")
        drop(owner, "#text", "first.png", "paste")
        drop(owner, "#text", "first.png", "drop")
        expect(text).to_have_value("Before.\n[first.png]\n[first.png 2]\nAfter.")
        expect(owner.page.locator('.upload[data-state="done"]')).to_have_count(2, timeout=15_000)
        assert owner.page.locator(".post").count() == 0, "what has words waits for the button"
        owner.page.locator("#post").click()
        expect(owner.page.locator(".post img")).to_have_count(2)
        (post,) = owner.page.evaluate("async () => (await (await fetch('/api/feed')).json()).posts")
        files = [dev.files + file["path"] for file in post["files"]]
        assert post["text"] == "\n".join(["Before.", *files, "After."])
        assert {(file["width"], file["height"]) for file in post["files"]} == {(640, 360)}
    with Dev(tmp_path / "data", tmp_path / "2", port=port) as dev:
        with Person(chromium, dev) as reader:
            reader.sign_in(dev.reader())
            image_in_feed(reader)
            order = reader.page.locator(".post").evaluate("post => [...post.children].slice(1).map(node => node.querySelector('img')?.src ?? node.textContent)")
            assert order == ["Before.", *files, "After."]
            assert reader.page.locator(".post .delete").count() == 0
        with Person(chromium, dev) as stranger:
            stranger.sign_in(dev.stranger())
            assert stranger.posts() == 0
            assert stranger.fetch(files[0])["status"] == 403


def test_a_post_alone_has_an_address_and_opens_for_its_workspace_only(media, owner, person, dev):
    owner.posts()
    post = owner.page.locator(".post").first
    post.locator(".post-head a").click()
    assert re.search(r"#post-[0-9a-f]{32}$", owner.page.url)
    expect(owner.page.locator(".post:visible")).to_have_count(1)
    expect(post).to_be_focused()
    address = owner.page.url
    owner.page.locator("#all-posts").click()
    assert owner.page.locator(".post:visible").count() > 1
    with person() as stranger:
        stranger.sign_in(dev.stranger())
        stranger.page.goto(address)
        expect(stranger.page.locator("#no-such-post")).to_be_visible()
        expect(stranger.page.locator(".post:visible")).to_have_count(0)


def test_an_author_deletes_a_post_and_its_file_stays(owner, person, dev, tmp_path):
    note = tmp_path / "to be forgotten.txt"
    note.write_text("not yet")
    owner.upload(note)
    posts = owner.posts()
    post = owner.page.locator(".post").first
    path = post.locator("figure").get_attribute("data-path")
    post.locator(".delete").click()
    expect(owner.page.locator("#confirm")).to_contain_text("Its file stays in the bucket")
    owner.page.locator("#confirm").get_by_text("Keep it").click()
    expect(post.locator(".delete")).to_be_focused()
    assert owner.posts() == posts
    post.locator(".delete").click()
    owner.page.locator("#confirm").get_by_text("Delete post").click()
    expect(owner.page.locator(".post")).to_have_count(posts - 1)
    assert owner.page.evaluate("document.activeElement !== document.body"), "the focus is somewhere"
    with person() as reader:
        reader.sign_in(dev.reader())
        assert reader.posts() == posts - 1
        assert reader.fetch(dev.files + path)["status"] == 200


# ---------------------------------------------------------------- refusals


def test_a_stranger_is_told_why(media, person, dev):
    with person() as stranger:
        stranger.sign_in(dev.stranger())
        stranger.page.locator("#address").fill(dev.files + media["image"])
        stranger.page.locator("#try").get_by_role("button").click()
        refused = stranger.page.locator("#tried .refused")
        expect(refused).to_have_attribute("data-status", "403", timeout=10_000)
        expect(refused).to_contain_text("It is a file of Analytical Engines.")
        refused.locator("summary").click()
        identity = refused.locator("dd").last.inner_text()
        line = wait_until(lambda: next((line for line in dev.log() if line["id"] == identity), None), what="the log's line")
        assert (line["status"], line["path"]) == (403, unquote(media["image"]))
        command = refused.locator(".command code").inner_text()
        assert command.startswith("edgepass explain --config") and media["image"] in command
        assert stranger.unexpected_errors() == []


def test_an_address_in_a_post_opens_nothing_for_those_who_may_not(media, person, dev):
    with person() as stranger:
        stranger.sign_in(dev.stranger())
        posts = stranger.posts()
        stranger.page.locator("#text").fill(f"Found this: {dev.files}{media['image']}.")
        stranger.page.locator("#post").click()
        expect(stranger.page.locator(".post")).to_have_count(posts + 1)
        refused = stranger.page.locator(".post").first.locator(".refused")
        expect(refused).to_have_attribute("data-code", "forbidden", timeout=10_000)


@pytest.fixture(scope="module")
def strict(chromium, tmp_path_factory):
    """A demo whose configuration takes small pictures only."""
    directory, port = tmp_path_factory.mktemp("strict"), four_free_ports()
    with Dev(directory / "data", directory / "1", port=port) as first:
        text = first.config.read_text()
        for old, new in (('max_size = "5 GiB"', 'max_size = "1 KiB"'), ('types = ["*/*"]', 'types = ["image/*"]')):
            assert old in text
            text = text.replace(old, new)
        first.config.write_text(text)
    with Dev(directory / "data", directory / "2", port=port) as running:
        yield running


@pytest.mark.parametrize(
    ("name", "size", "status", "code", "says"),
    [
        ("large.png", 4000, 413, "too_large", "It is larger than this workspace takes. Make it smaller"),
        ("letter.txt", 40, 415, "type_not_allowed", "Files of this type are not taken here. Save it as another type"),
    ],
)
def test_what_is_not_taken_says_why_and_what_next(chromium, strict, tmp_path, name, size, status, code, says):
    (tmp_path / name).write_bytes(bytes(size))
    with Person(chromium, strict) as owner:
        owner.sign_in(strict.owner())
        owner.page.locator("#file-input").set_input_files(tmp_path / name)
        upload = owner.page.locator('.upload[data-state="failed"]')
        expect(upload.locator(".trouble")).to_contain_text(says, timeout=10_000)
        expect(owner.page.locator("#live")).to_contain_text(f"{name} was not uploaded.")
        upload.locator("summary").click()
        expect(upload.locator("dd").nth(1)).to_have_text(code)
        identity = upload.locator("dd").nth(2)
        expect(identity).to_have_text(re.compile("^[0-9a-f]{16}$"))
        wait_until(lambda: any(line["id"] == identity.inner_text() and line["status"] == status for line in strict.log()), what="the log's line")
        upload.locator(".cancel").click()
        expect(owner.page.locator(".upload")).to_have_count(0)
        expect(owner.page.locator("#text")).to_be_focused()


def test_an_expired_sign_in_loses_nothing(owner, dev, tmp_path):
    (tmp_path / "late.txt").write_text("still here")
    posts = owner.posts()
    owner.page.locator("#text").fill("Written late")
    owner.context.clear_cookies(name="demo_session")
    owner.page.locator("#file-input").set_input_files(tmp_path / "late.txt")
    upload = owner.page.locator(".upload")
    expect(upload).to_have_attribute("data-state", "failed", timeout=10_000)
    expect(upload.locator(".trouble")).to_contain_text("You are not signed in any more. Sign in again; nothing here is lost.")
    upload.get_by_role("button", name="Sign in again").click()
    expect(upload).to_have_attribute("data-state", "done", timeout=10_000)
    expect(owner.page.locator("#text")).to_have_value("Written late")
    owner.page.locator("#post").click()
    expect(owner.page.locator(".post")).to_have_count(posts + 1)


def test_a_store_that_is_away_is_named_and_tried_again(owner, dev, tmp_path):
    (tmp_path / "patient.txt").write_text("I can wait")
    posts = owner.posts()
    store = dev.s3["endpoint"] + "/**"
    owner.page.route(store, lambda route: route.abort())
    owner.page.locator("#file-input").set_input_files(tmp_path / "patient.txt")
    upload = owner.page.locator(".upload")
    expect(upload).to_have_attribute("data-state", "failed", timeout=30_000)
    expect(upload.locator(".trouble")).to_contain_text("The bucket does not answer. See whether it is running, then try again.")
    owner.page.unroute(store)
    owner.errors.clear()
    upload.locator(".retry").click()
    expect(owner.page.locator(".post")).to_have_count(posts + 1, timeout=15_000)


def test_cancel_one_of_several_and_try_it_again(owner, tmp_path):
    files = [tmp_path / f"part {number}.bin" for number in range(5)]
    for file in files:
        file.write_bytes(bytes(MIB))
    posts = owner.posts()
    slowly(owner, 400_000)
    owner.page.locator("#text").fill("Five parts")
    owner.page.locator("#file-input").set_input_files(files)
    expect(owner.page.locator('.upload[data-state="sending"]')).to_have_count(3)
    expect(owner.page.locator('.upload[data-state="waiting"]')).to_have_count(2)
    second = owner.page.locator(".upload").nth(1)
    expect(second.locator(".upload-state")).to_contain_text(re.compile(r"kB of 1\.0 MB · .+/s · .+ left"), timeout=20_000)
    second.locator(".cancel").click()
    expect(second).to_have_attribute("data-state", "cancelled")
    slowly(owner, 0)
    expect(owner.page.locator('.upload[data-state="done"]')).to_have_count(4, timeout=30_000)
    second.locator(".retry").click()
    expect(owner.page.locator('.upload[data-state="done"]')).to_have_count(5, timeout=30_000)
    owner.page.locator("#post").click()
    expect(owner.page.locator(".post")).to_have_count(posts + 1)
    expect(owner.page.locator(".post").first.locator("a.doc")).to_have_count(5)


# ---------------------------------------------------------------- people, keyboard, phone


def test_looking_at_it_as_somebody_else(owner, dev):
    owner.page.locator("#who-am-i").click()
    expect(owner.page.locator("#may")).to_contain_text("you see every file here, and add files")
    owner.page.locator(f'[data-switch="{dev.reader().name}"]').click()
    expect(owner.page.locator("#me-role")).to_have_text("reader", timeout=10_000)
    expect(owner.page.locator("#read-only")).to_be_visible()
    # The page changes hands at once; the files host is told a moment later.
    subjects = """async (files) => {
      const answer = await fetch(`${files}/_edgepass/session`, { credentials: 'include' });
      return ((await answer.json()).sessions ?? []).map((session) => session.subject);
    }"""
    wait_until(lambda: owner.page.evaluate(subjects, dev.files) == [dev.reader().name], 10, "the reader's own cookie")


def test_by_keyboard_alone(person, dev, tmp_path):
    note = tmp_path / "by hand.txt"
    note.write_text("no mouse")
    with person() as owner:
        page = owner.page
        page.on("filechooser", lambda _: None)  # from now on no chooser of the system opens instead
        owner.open()
        expect(page.locator("[data-user]").first).to_be_visible()

        def go_to(selector, key="Tab", most=60):
            for _ in range(most):
                if page.evaluate("selector => document.activeElement.matches(selector)", selector):
                    return
                page.keyboard.press(key)
            raise AssertionError(f"{selector} is not reached")

        go_to(f'[data-user="{dev.owner().name}"]')
        page.keyboard.press("Enter")
        expect(page.locator("#me-title")).to_be_visible()
        posts = owner.posts()
        go_to("#text")
        page.keyboard.type("Typed.")
        go_to("#file-input")
        with page.expect_file_chooser() as chooser:
            page.keyboard.press("Enter")
        chooser.value.set_files(note)
        expect(page.locator('.upload[data-state="done"]')).to_have_count(1, timeout=10_000)
        go_to("#post")
        page.keyboard.press("Enter")
        expect(page.locator(".post")).to_have_count(posts + 1)
        go_to(".post .delete")
        page.keyboard.press("Enter")
        go_to("#confirm .danger", most=4)
        page.keyboard.press("Enter")
        expect(page.locator(".post")).to_have_count(posts)
        go_to("#who-am-i", "Shift+Tab", most=200)
        page.keyboard.press("Enter")
        expect(page.locator("#people-menu")).to_be_visible()
        go_to("[data-switch]", most=3)
        page.keyboard.press("Escape")
        expect(page.locator("#people-menu")).not_to_be_visible()
        expect(page.locator("#who-am-i")).to_be_focused()
        go_to("#sign-out", most=2)
        page.keyboard.press("Enter")
        expect(page.locator("[data-user]").first).to_be_visible()


def width(who):
    return who.page.evaluate("document.documentElement.scrollWidth")


def test_a_phone_scrolls_down_only(media, person, dev, tmp_path):
    (tmp_path / ("a very long name of a file " * 6 + ".txt")).write_text("x")
    with person() as owner:
        owner.page.set_viewport_size({"width": 360, "height": 740})
        owner.open()
        expect(owner.page.locator("[data-user]").first).to_be_visible()
        assert width(owner) == 360
        owner.sign_in(dev.owner())
        owner.posts()
        assert width(owner) == 360
        for summary in owner.page.locator(".why summary").all():
            summary.click()
        owner.page.route(dev.s3["endpoint"] + "/**", lambda route: route.abort())
        owner.page.locator("#file-input").set_input_files(next(tmp_path.iterdir()))
        expect(owner.page.locator('.upload[data-state="failed"]')).to_be_visible(timeout=30_000)
        assert width(owner) == 360
        owner.page.locator("#who-am-i").click()
        assert width(owner) == 360
        owner.picture("phone")


def test_with_reduced_motion_nothing_moves(media, person, dev):
    with person() as owner:
        owner.page.emulate_media(reduced_motion="reduce")
        owner.sign_in(dev.owner())
        owner.posts()
        assert owner.page.evaluate("document.getAnimations().length") == 0


# ---------------------------------------------------------------- axe


@pytest.fixture(scope="module")
def axe():
    script = (ROOT / "tests" / "demo" / "node_modules" / "axe-core" / "axe.min.js").read_text()

    def barriers(who):
        """Serious and critical findings in the page as it is now; frames of other origins are their own documents."""
        if not who.page.evaluate("'axe' in window"):
            who.page.evaluate(script)
        found = who.page.evaluate("async () => (await axe.run(document, {iframes: false, resultTypes: ['violations']})).violations")
        return [
            (finding["impact"], finding["id"], [node["target"] for node in finding["nodes"]][:5])
            for finding in found
            if finding["impact"] in ("serious", "critical")
        ]

    return barriers


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1280, 900), (360, 740)], ids=["desktop", "phone"])
def test_no_barriers_in_any_state(media, person, dev, axe, tmp_path, scheme, size):
    large = tmp_path / "slow.bin"
    large.write_bytes(bytes(4 * MIB))
    with person() as stranger:
        stranger.page.emulate_media(color_scheme=scheme)
        stranger.page.set_viewport_size({"width": size[0], "height": size[1]})
        stranger.open()
        expect(stranger.page.locator("[data-user]").first).to_be_visible()
        assert axe(stranger) == [], "signed out"
        stranger.sign_in(dev.stranger())
        while stranger.posts():
            stranger.page.locator(".post .delete").first.click()
            stranger.page.locator("#confirm .danger").click()
            expect(stranger.page.locator("#confirm")).not_to_be_visible()
            wait_until(lambda: "deleted" in stranger.page.locator("#said").inner_text(), what="the deletion")
            stranger.page.reload()
        expect(stranger.page.locator("#empty")).to_be_visible()
        assert axe(stranger) == [], "empty"
        stranger.page.locator("#address").fill(dev.files + media["image"])
        stranger.page.locator("#try").get_by_role("button").click()
        stranger.page.locator("#tried summary").click(timeout=10_000)
        assert axe(stranger) == [], "refused"
    with person() as owner:
        page = owner.page
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": size[0], "height": size[1]})
        owner.sign_in(dev.owner())
        figure(owner, media["image"]).scroll_into_view_if_needed()
        image_in_feed(owner)
        assert axe(owner) == [], "every kind of file"
        figure(owner, media["image"]).locator("button.frame").click()
        assert axe(owner) == [], "a picture shown large"
        page.keyboard.press("Escape")
        page.locator("#who-am-i").click()
        assert axe(owner) == [], "the menu"
        page.keyboard.press("Escape")
        page.locator(".post .delete").first.click()
        assert axe(owner) == [], "the question before deleting"
        page.keyboard.press("Escape")
        page.locator(".post-head a").first.click()
        assert axe(owner) == [], "a post open"
        page.locator("#all-posts").click()
        slowly(owner, 50_000)
        page.locator("#file-input").set_input_files(large)
        expect(page.locator('.upload[data-state="sending"]')).to_have_count(1, timeout=10_000)
        assert axe(owner) == [], "an upload under way"
        page.locator(".upload .cancel").click()
        slowly(owner, 0)
        page.route(dev.s3["endpoint"] + "/**", lambda route: route.abort())
        page.locator(".upload .retry").click()
        expect(page.locator('.upload[data-state="failed"]')).to_have_count(1, timeout=30_000)
        page.locator(".upload summary").click()
        assert axe(owner) == [], "an upload that failed"
        owner.context.clear_cookies(name="demo_session")
        expect(page.locator("#ended")).to_be_visible(timeout=10_000)
        assert axe(owner) == [], "the sign-in has ended"


def test_axe_finds_barriers_where_there_are_some(person, axe):
    """The judge is awake."""
    with person() as visitor:
        visitor.open()
        expect(visitor.page.locator("[data-user]").first).to_be_visible()
        visitor.page.evaluate("document.body.append(document.createElement('button'), new Image())")
        assert {finding[1] for finding in axe(visitor)} >= {"button-name", "image-alt"}


def test_the_page_is_small_and_its_policy_strict(dev):
    total = 0
    page = ask(dev.app, "/")
    policy = page.header("content-security-policy")
    assert "'unsafe" not in policy and "default-src 'none'" in policy
    assert not re.search(rb"<style|\sstyle=|\son\w+=|<script(?! type=\"module\" src=\"/app.js\"></script>)", page.body)
    paths = {"/", "/app.js", *re.findall(r'href="(/[\w.-]+)"', page.body.decode())}
    seen = set()
    while paths - seen:
        path = (paths - seen).pop()
        seen.add(path)
        body = ask(dev.app, path).body
        total += len(body)
        paths |= set(re.findall(r"from '(/[\w./-]+)'", body.decode()))
        paths |= {f"/{name}" for name in re.findall(r"from '\./([\w.-]+)'", body.decode())}
    assert {"/uploads.js", "/edgepass.js", "/feed.css"} <= seen
    print(f"the page and all that it loads: {total} bytes in {len(seen)} files")
    assert total < 128 * 1024


def test_no_file_byte_passes_the_app_with_all_of_it(media, dev):
    """The last of this file: what all its tests sent and showed."""
    counted = json.loads(ask(dev.app, "/api/bytes").body)
    delivered = sum(line.get("bytes", 0) for line in dev.log())
    print(f"through the app {counted}, by the files host {delivered}")
    stored = s3_client(dev.s3).list_objects_v2(Bucket=dev.s3["bucket"])["Contents"]
    assert counted["received"] < sum(entry["Size"] for entry in stored) / 10
