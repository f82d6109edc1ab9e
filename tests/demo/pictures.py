"""Makes docs/pictures/: the demo as it is, on desktop and phone, light and dark.

    .venv/bin/python tests/demo/pictures.py        # wants the binary, chromium and ffmpeg
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from processes import ROOT, Dev  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"
LARGEST = 200 * 1024
PALETTE = "split[a][b];[a]palettegen=max_colors=128:stats_mode=full[p];[b][p]paletteuse=dither=sierra2_4a"

# A drawing of the mill's wheels, made here so that the pictures show no one's work.
WHEELS = """async () => {
  const canvas = Object.assign(document.createElement('canvas'), {width: 1200, height: 760});
  const context = canvas.getContext('2d');
  context.fillStyle = '#efe7d3';
  context.fillRect(0, 0, 1200, 760);
  const wheel = (x, y, radius, teeth, colour) => {
    context.fillStyle = colour;
    context.beginPath();
    for (let i = 0; i <= teeth * 4; i++) {
      const angle = (i * Math.PI) / (2 * teeth);
      const r = i % 4 < 2 ? radius : radius * 0.9;
      context.lineTo(x + r * Math.cos(angle), y + r * Math.sin(angle));
    }
    context.fill();
    context.fillStyle = '#efe7d3';
    for (let i = 0; i < 5; i++) {
      context.beginPath();
      context.arc(x + radius * 0.52 * Math.cos(i * 1.2566), y + radius * 0.52 * Math.sin(i * 1.2566), radius * 0.2, 0, 7);
      context.fill();
    }
    context.beginPath();
    context.arc(x, y, radius * 0.1, 0, 7);
    context.fill();
  };
  wheel(390, 420, 270, 26, '#2c5c4f');
  wheel(776, 300, 166, 16, '#d9902b');
  wheel(985, 520, 150, 14, '#9d4f2a');
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', 0.9));
  const carried = new DataTransfer();
  carried.items.add(new File([blob], 'Wheels of the mill.jpg', {type: 'image/jpeg'}));
  const options = {bubbles: true, cancelable: true, clipboardData: carried};
  document.getElementById('text').dispatchEvent(new ClipboardEvent('paste', options));
}"""


def sign_in(browser, dev, user, width, height, scheme):
    page = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, device_scale_factor=1.5).new_page()
    page.goto(dev.app)
    page.locator(f'[data-user="{user.name}"]').click()
    expect(page.locator("#feed")).to_have_attribute("aria-busy", "false")
    expect(page.locator("#own-result")).not_to_be_empty()
    return page


def fill(page):
    page.locator("#samples").click()
    expect(page.locator(".post")).to_have_count(3, timeout=15_000)
    page.locator("#text").fill("The brass came this morning. All three turn without a sound:\n")
    page.evaluate(WHEELS)
    expect(page.locator('.upload[data-state="done"]')).to_have_count(1, timeout=15_000)
    page.locator("#post").click()
    expect(page.locator(".post")).to_have_count(4)


def settle(page):
    page.mouse.move(0, 0)
    page.evaluate("() => Promise.all([...document.images].filter(image => !image.closest('[hidden]') && image.loading !== 'lazy').map(image => image.decode().catch(() => null)))")
    expect(page.locator(".toast")).not_to_be_visible(timeout=10_000)
    page.wait_for_timeout(500)  # the last transition


def take(page, name, directory):
    settle(page)
    raw, path = directory / f"{name}.png", PICTURES / f"{name}.png"
    page.screenshot(path=raw)
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", raw, "-vf", PALETTE, "-pix_fmt", "pal8", path], check=True)
    size = path.stat().st_size
    print(f"{path.relative_to(ROOT)}: {size // 1024} KiB")
    assert size <= LARGEST


def main():
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        directory = Path(temporary)
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", headless=True, args=["--no-sandbox"])
        with Dev(directory / "data", directory / "logs") as dev:
            owner = sign_in(browser, dev, dev.owner(), 1240, 880, "light")
            fill(owner)
            path = owner.locator(".post figure").first.get_attribute("data-path")
            take(owner, "demo", directory)
            take(sign_in(browser, dev, dev.reader(), 390, 800, "dark"), "demo-phone", directory)
            stranger = sign_in(browser, dev, dev.stranger(), 390, 800, "light")
            stranger.locator("#address").fill(dev.files + path)
            stranger.locator("#try").get_by_role("button").click()
            stranger.locator("#tried summary").click()
            stranger.locator("#try").evaluate("form => scrollTo(0, form.getBoundingClientRect().top + scrollY - 140)")
            take(stranger, "demo-refused", directory)
        browser.close()


if __name__ == "__main__":
    main()
