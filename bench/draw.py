"""How soon a stroke is answered: from its end to the new answer on the screen, in headless Chromium.

    python bench/draw.py [--run ID] [--strokes 40]

Against a page of five lines that only echoes the canvas (how many strokes, how much ink), in the same browser, its
server started in the same way with the same settings; stroke by stroke in turn. The canvas itself waits 0.2 s before it
sends, on both sides. Time is taken in the browser, from the mouse-up to the frame that shows the change. Beside it, and
without a bar: the same page with each reason open.
"""

import argparse
import contextlib
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench import pens  # noqa: E402 - the path must be known first
from core import settings  # noqa: E402
from core.errors import DigitLabError  # noqa: E402
from tests.conftest import CHROMIUM_FLAGS, IDLE, end, free_port, get, server_command  # noqa: E402

BAR = 1.25
EACH = 5  # strokes on a board before it is cleared
REASONS = ("What it saw", "Why", "Nearest", "Other models")
ECHO = """
import streamlit as st
from streamlit_drawable_canvas import st_canvas
drawing = st_canvas(stroke_width=20, stroke_color="#ffffff", background_color="#000000", width=280, height=280,
                    return_image_data=True, key="canvas")
ink = 0 if drawing.image_data is None else int(drawing.image_data[..., 0].sum())
st.html(f'<p id="echo">{len((drawing.json_data or {}).get("objects", []))} strokes, {ink} of ink</p>')
"""
ECHO_APP = "import streamlit as st\napp = st.App({path!r})\n"
# Watches every frame; the stroke ends where the browser says so.
WATCH = """(selector) => {
  const seen = () => document.querySelector(selector)?.innerHTML ?? "";
  const watch = {before: "", end: 0, shown: 0};
  window.benchWatch = watch;
  window.benchArm = () => { Object.assign(watch, {before: seen(), end: 0, shown: 0}); };
  window.addEventListener("mouseup", () => { watch.end = performance.now(); }, true);
  const frame = () => {
    if (watch.end && !watch.shown && seen() !== watch.before && seen()) watch.shown = performance.now();
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}"""
CLEAR = """() => {
  for (const host of document.querySelectorAll(".st-key-canvas, .st-key-canvas *")) {
    host.shadowRoot?.querySelector('button[title="Reset canvas & history"]')?.click();
  }
}"""


@dataclass(slots=True)
class Side:
    """One page and what was measured on it, in milliseconds."""

    page: Any
    selector: str
    times: list[float] = field(default_factory=list)


def main() -> int:
    """Print the table; 0 = the bar holds, 1 = it does not."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", default="", help="the run's id (the newest on all of MNIST)")
    parser.add_argument("--strokes", type=int, default=40, help="on each side (40)")
    given = parser.parse_args()
    found = settings.load()
    run = pens.choose(found, given.run)
    print(f"{run.id}, trained on {run.card['data']['title']}")
    print(f"{'page':<26}{'median ms':>10}{'p95 ms':>9}{'lost':>6}")
    with tempfile.TemporaryDirectory() as folder, servers(found, Path(folder), {"echo.py": ECHO}) as (ours, echo):
        from playwright.sync_api import sync_playwright

        with sync_playwright() as p:
            browser = p.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_FLAGS)
            sides = [
                open_side(browser, f"{echo}/", "#echo"),
                open_side(browser, f"{ours}/Draw?run={run.id}", ".dl-seen"),
            ]
            lost = measure(sides, given.strokes)
            row("echo of the canvas", sides[0], lost[0])
            row("Draw", sides[1], lost[1])
            for reason in REASONS:
                one = open_side(browser, f"{ours}/Draw?run={run.id}&why={reason.replace(' ', '+')}", ".dl-seen")
                row(f"Draw, {reason!r} open", one, measure([one], given.strokes // 4)[0])
            browser.close()
    ratio = float(np.median(sides[1].times) / np.median(sides[0].times))
    print(f"draw: {ratio:.2f} (bar {BAR})")
    return 0 if ratio <= BAR and not any(lost) else 1


@contextlib.contextmanager
def servers(found: settings.Settings, folder: Path, scripts: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Start the app, and in a folder of its own one of these scripts, `echo.py` first; returns the addresses."""
    for name, body in scripts.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(body)
    (folder / "echo_app.py").write_text(ECHO_APP.format(path=str(folder / "echo.py")))
    shutil.copytree(ROOT / ".streamlit", folder / ".streamlit")
    env = found.child_environment() | {"DIGITLAB_RATE": "0"}
    quiet = {"env": env, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    ports = free_port(), free_port()
    theirs = [("echo_app:app" if word == "app:app" else word) for word in server_command(ports[1])]
    started = [subprocess.Popen(server_command(ports[0]), cwd=ROOT, **quiet)]
    try:
        started.append(subprocess.Popen(theirs, cwd=folder, **quiet))
        for port, path in zip(ports, ("/api/health", "/_stcore/health"), strict=True):
            while not get(f"http://127.0.0.1:{port}{path}"):
                time.sleep(0.1)
        yield f"http://127.0.0.1:{ports[0]}", f"http://127.0.0.1:{ports[1]}"
    finally:
        for process in started:
            end(process)


def open_side(browser: Any, url: str, selector: str) -> Side:
    """Open a page in a window of its own and draw one stroke that does not count."""
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.set_default_timeout(60_000)
    page.goto(url)
    page.wait_for_selector("canvas.upper-canvas")
    page.wait_for_selector(selector, state="attached")
    page.wait_for_selector(IDLE)
    page.evaluate(WATCH, selector)
    side = Side(page, selector)
    stroke(side, (40, 40), (200, 60))
    side.times.clear()
    return side


def measure(sides: list[Side], count: int) -> list[int]:
    """Draw `count` strokes on each side in turn; returns how many got no new answer."""
    chance, lost = random.Random(0), [0] * len(sides)
    for number in range(count):
        points = [(chance.uniform(30, 250), chance.uniform(30, 250)) for _ in range(2)]
        for place, side in enumerate(sides):
            if number % EACH == 0:
                clear(side)
            lost[place] += not stroke(side, *points)
    return lost


def stroke(side: Side, start: tuple[float, float], stop: tuple[float, float]) -> bool:
    """Draw one stroke and wait until the page shows something new and has come to rest."""
    from playwright.sync_api import TimeoutError as NothingCame

    page = side.page
    page.bring_to_front()
    box = page.locator("canvas.upper-canvas").last.bounding_box()
    page.evaluate("benchArm()")
    page.mouse.move(box["x"] + start[0], box["y"] + start[1])
    page.mouse.down()
    page.mouse.move(box["x"] + stop[0], box["y"] + stop[1], steps=6)
    page.mouse.up()
    try:
        page.wait_for_function("benchWatch.shown > 0", timeout=10_000)
    except NothingCame:
        return False
    side.times.append(page.evaluate("benchWatch.shown - benchWatch.end"))
    page.wait_for_selector(IDLE)
    return True


def clear(side: Side) -> None:
    """Empty the board, and wait until the page knows."""
    side.page.bring_to_front()
    shown = side.page.locator(side.selector).inner_html()
    side.page.evaluate(CLEAR)
    side.page.wait_for_function(
        "([selector, shown]) => document.querySelector(selector)?.innerHTML !== shown", arg=[side.selector, shown]
    )
    side.page.wait_for_selector(IDLE)


def row(name: str, side: Side, lost: int) -> None:
    """Print one line of the table."""
    print(f"{name:<26}{np.median(side.times):>10.0f}{np.percentile(side.times, 95):>9.0f}{lost:>6}", flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DigitLabError as error:
        print(f"draw: {error}", file=sys.stderr)
        sys.exit(2)
