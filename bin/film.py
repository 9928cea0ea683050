"""Film README's animated picture: train a tree, measure it, draw for a better model, see why; about 20 seconds.

    python bin/film.py

The app runs on a copy of the newest runs of DIGITLAB_HOME, so that one of them should read hands well; the tree is
trained while the film is taken. Writes docs/digit-lab.webp.
"""

import io
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bin import shots  # noqa: E402 - the path must be known first
from core import runs, settings  # noqa: E402
from tests.conftest import CHROMIUM_FLAGS, IDLE  # noqa: E402

FILM = ROOT / "docs" / "digit-lab.webp"
SIZE, WIDTH = {"width": 1120, "height": 760}, 840
SECONDS = 20
# Headless Chromium shows no pointer of its own.
POINTER = """() => {
  const dot = document.createElement("div");
  dot.style.cssText = "position:fixed;z-index:9999999;width:18px;height:18px;margin:-9px;border-radius:50%;" +
    "background:rgba(220,60,40,.75);pointer-events:none;left:-50px";
  document.documentElement.append(dot);
  addEventListener("mousemove", (e) => { dot.style.left = e.clientX + "px"; dot.style.top = e.clientY + "px"; }, true);
}"""


class Camera:
    """Takes frames, each with how long it is shown."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.frames: list[tuple[Image.Image, int]] = []

    def take(self, milliseconds: int) -> None:
        """Add what is to be seen now."""
        picture = Image.open(io.BytesIO(self.page.screenshot()))
        self.frames.append(
            (picture.convert("RGB").resize((WIDTH, WIDTH * SIZE["height"] // SIZE["width"])), milliseconds)
        )

    def click(self, selector: str) -> None:
        """Move the pointer somewhere, show it there, click."""
        at = self.page.locator(selector).first
        at.scroll_into_view_if_needed()
        at.hover()
        self.take(400)
        at.click()

    def save(self, path: Path) -> float:
        """Write the film, its times stretched to `SECONDS`; returns its size in MB."""
        factor = 1000 * SECONDS / sum(shown for _, shown in self.frames)
        images, times = [image for image, _ in self.frames], [round(shown * factor) for _, shown in self.frames]
        new = path.with_suffix(".new")
        images[0].save(
            new, "WEBP", save_all=True, append_images=images[1:], duration=times, loop=0, quality=70, method=6
        )
        new.replace(path)
        return path.stat().st_size / 1e6


def play(page: Page, camera: Camera, best: str) -> None:
    """Go through the pages as a visitor would."""
    shots.rest(page)
    camera.take(1500)
    camera.click("[data-testid=stSidebarNavLink]:has-text('Train')")
    shots.rest(page)
    camera.take(800)
    slider = page.get_by_role("slider", name="Maximum depth")
    slider.focus()
    for _ in range(4):
        slider.press("ArrowRight")
    page.wait_for_selector(IDLE)
    camera.take(900)
    camera.click(".st-key-train button")
    done = page.locator("[class*=st-key-measure-]").first
    while not done.count():
        camera.take(180)
        page.wait_for_timeout(1500)
    camera.take(900)
    done.locator("button").click()
    shots.rest(page)
    camera.take(2200)
    page.goto(f"{page.url.split('/Metrics')[0]}/Draw?run={best}&why=Why")
    page.evaluate(POINTER)
    shots.rest(page)
    camera.take(600)
    box = page.locator("canvas.upper-canvas").bounding_box()
    assert box
    points = [(box["x"] + x, box["y"] + y) for x, y in shots.FIVE]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=6)
        camera.take(160)
    page.mouse.up()
    page.wait_for_selector(".dl-answer:not(.dl-none)")
    camera.take(1200)
    shots.rest(page)
    camera.take(1500)
    page.mouse.wheel(0, 420)
    page.wait_for_timeout(500)
    camera.take(2000)
    camera.click("[data-testid=stSidebarNavLink]:has-text('Runs')")
    shots.rest(page)
    camera.take(2000)


def main() -> None:
    """Take the film."""
    found = settings.load()
    with tempfile.TemporaryDirectory() as place, sync_playwright() as p:
        there = shots.home(found, Path(place), 6)
        best = max(runs.list_runs(there), key=lambda run: run.metrics["accuracy"]).id
        with shots.server(there) as url:
            browser = p.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_FLAGS)
            page = browser.new_page(viewport=SIZE)
            page.goto(url)
            page.evaluate(POINTER)
            camera = Camera(page)
            play(page, camera, best)
            browser.close()
    print(f"film: {len(camera.frames)} frames, {camera.save(FILM):.1f} MB in {FILM}")


if __name__ == "__main__":
    main()
