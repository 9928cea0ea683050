"""Photograph the app: every page at 1280 and 390 px, light and dark, with no run, one run and many.

    python bin/shots.py [--to FOLDER]     all states, in .shots
    python bin/shots.py --readme          the five pictures of README, in docs/shots

"Many" are the runs of DIGITLAB_HOME, copied; where there are fewer than two, some small ones are trained first. Each
state has a server of its own, in a temporary folder. Every picture shows the whole page; what one sees at first is in
the pictures that end in "-first".
"""

import argparse
import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from core import runs, settings  # noqa: E402 - the path must be known first
from tests.conftest import CHROMIUM_FLAGS, IDLE, end, free_port, get, server_command  # noqa: E402

PAGES = ("Home", "Train", "Metrics", "Draw", "Runs")
SIZES = {1280: 800, 390: 844}
STATES = {"empty": 0, "one": 1, "many": 99}
SMALL = (["--max-depth", "5"], ["--model", "logistic_regression", "--augmentation", "none"], [])
FIVE = [(196, 62), (120, 60), (112, 130), (150, 118), (188, 136), (196, 180), (172, 220), (130, 228), (96, 212)]


def draw_five(page: Page) -> None:
    """Draw a five and wait for the answer."""
    box = page.locator("canvas.upper-canvas").bounding_box()
    assert box
    page.mouse.move(box["x"] + FIVE[0][0], box["y"] + FIVE[0][1])
    page.mouse.down()
    for x, y in FIVE[1:]:
        page.mouse.move(box["x"] + x, box["y"] + y, steps=8)
    page.mouse.up()
    page.wait_for_selector(".dl-answer:not(.dl-none)")
    page.mouse.move(5, 5)


def rest(page: Page) -> None:
    """Wait until nothing moves any more."""
    page.wait_for_selector("h1")
    page.wait_for_selector(IDLE)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1000)  # charts fade in


def show(page: Page, url: str, name: str) -> None:
    """Open a page and draw on it where it has a board."""
    page.goto(f"{url}/{'' if name == 'Home' else name}")
    rest(page)
    if page.locator("canvas.upper-canvas").count():
        draw_five(page)
        rest(page)


def whole(page: Page, path: Path) -> None:
    """Photograph a page from its head to its foot, its window made as high as it needs."""
    size = page.viewport_size
    assert size
    needed = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": size["width"], "height": min(max(needed, size["height"]), 8000)})
    rest(page)
    page.screenshot(path=path)
    page.set_viewport_size(size)


@contextlib.contextmanager
def server(found: settings.Settings, port: int = 0) -> Iterator[str]:
    """Run the app with these settings, on a free port where none is given; yields its address."""
    port, quiet = port or free_port(), subprocess.DEVNULL
    process = subprocess.Popen(
        server_command(port), cwd=ROOT, env=found.child_environment(), stdout=quiet, stderr=quiet
    )
    try:
        while not get(f"http://127.0.0.1:{port}/api/health"):
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        end(process)


def home(found: settings.Settings, folder: Path, most: int) -> settings.Settings:
    """Make a home with at most so many of the newest runs; trains small ones where there are not two."""
    made = replace(found, home=folder, wandb_mode="disabled")
    for run in runs.list_runs(found)[:most]:
        shutil.copytree(run.path, folder / "runs" / run.path.name)
    for words in SMALL[: min(most, len(SMALL))] if len(runs.list_runs(made)) < min(most, 2) else ():
        command = [sys.executable, "-m", "core", "train", *words]
        subprocess.run(command, cwd=ROOT, env=made.child_environment(), stdout=subprocess.DEVNULL, check=True)
    return made


def all_states(browser: Browser, found: settings.Settings, folder: Path) -> None:
    """Save every page in every state."""
    for state, most in STATES.items():
        with tempfile.TemporaryDirectory() as place, server(home(found, Path(place), most)) as url:
            for width, height in SIZES.items():
                for theme in ("light", "dark"):
                    size = {"width": width, "height": height}
                    context = browser.new_context(viewport=size, color_scheme=theme, has_touch=width < 600)
                    page = context.new_page()
                    for name in PAGES:
                        show(page, url, name)
                        stem = f"{name.lower()}-{state}-{width}-{theme}"
                        page.screenshot(path=folder / f"{stem}-first.png")
                        whole(page, folder / f"{stem}.png")
                    context.close()
                    print(f"{state}, {width} px, {theme}: {len(PAGES)} pages", flush=True)


def for_readme(browser: Browser, found: settings.Settings, folder: Path) -> None:
    """Save one picture a page, of the runs that there are."""
    with server(found) as url:
        page = browser.new_page(viewport={"width": 1180, "height": 820})
        for name in PAGES:
            show(page, url, name)
            page.screenshot(path=folder / f"{name.lower()}.png")


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--to", type=Path, default=ROOT / ".shots", help="the folder (.shots)")
    parser.add_argument("--readme", action="store_true", help="the five pictures of README instead")
    given = parser.parse_args()
    folder = ROOT / "docs" / "shots" if given.readme else given.to
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_FLAGS)
        (for_readme if given.readme else all_states)(browser, settings.load(), folder)
    print(f"shots: {len(list(folder.glob('*.png')))} pictures in {folder}")


if __name__ == "__main__":
    main()
