"""Take the README's screenshots: `python bin/shots.py URL` while the server runs with at least one run on MNIST."""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "shots"
IDLE = "[data-testid=stApp][data-test-script-state=notRunning]"
FIVE = [
    [(196, 62), (120, 60), (112, 130), (150, 118), (188, 136), (196, 180), (172, 220), (130, 228), (96, 212)],
]


def draw(page: Page) -> None:
    """Draw a five and wait for the answer."""
    box = page.locator("canvas.upper-canvas").bounding_box()
    for stroke in FIVE:
        page.mouse.move(box["x"] + stroke[0][0], box["y"] + stroke[0][1])
        page.mouse.down()
        for x, y in stroke[1:]:
            page.mouse.move(box["x"] + x, box["y"] + y, steps=8)
        page.mouse.up()
    page.wait_for_selector(".dl-answer:not(.dl-none)")
    page.mouse.move(5, 5)


def main(url: str) -> None:
    """Save one picture a page."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1180, "height": 820})
        for name in ("", "Train", "Metrics", "Draw", "Runs"):
            page.goto(f"{url}/{name}")
            page.wait_for_selector("h1")
            page.wait_for_selector(IDLE)
            if name == "Draw":
                page.wait_for_selector("canvas.upper-canvas")
                draw(page)
            page.wait_for_load_state("networkidle")
            page.wait_for_timeout(1000)  # charts fade in
            page.screenshot(path=FOLDER / f"{(name or 'home').lower()}.png")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])
