"""How soon a page shows what one came for: from the click in the side bar to its first useful content, in Chromium.

    python bench/pages.py [--home FOLDER] [--rounds 10]

Warm switches between our pages, in turn with switches between two pages of an empty Streamlit app, in the same browser,
its server started in the same way with the same settings. Time is taken in the browser, from the click to the frame
that shows the content. The bars: within 1.0 s, and at most 2.5 times as long as the empty page; for every page.
"""

import argparse
import shutil
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench import draw, opening, pens  # noqa: E402 - the path must be known first
from core import settings  # noqa: E402
from core.errors import DigitLabError  # noqa: E402
from tests.conftest import CHROMIUM_FLAGS, IDLE  # noqa: E402

SECONDS, BAR = 1.0, 2.5
EMPTY = {
    "echo.py": 'import streamlit as st\nst.title("One")\n',
    "pages/Two.py": 'import streamlit as st\nst.title("Two")\n',
}
# The canvas stands in a shadow root.
LOOK = """() => {{
  if (document.querySelector("h1")?.innerText !== "{title}") return "";
  const roots = [document, ...[...document.querySelectorAll(".st-key-canvas *")].map((host) => host.shadowRoot)];
  const found = roots.map((root) => root?.querySelector("{selector}")).find(Boolean);
  return found && found.getBoundingClientRect().height > 0 && !found.closest("[data-stale=true]") ? "there" : "";
}}"""


@dataclass(frozen=True, slots=True)
class Switch:
    """A page to come from, the page to go to, and what one came for."""

    start: str
    page: str
    title: str
    selector: str


OURS = (
    Switch("Runs", "Home", "Digit Lab", "[data-testid=stMetricValue]"),
    Switch("Home", "Train", "Train", "[class*=st-key-train] button"),
    Switch("Home", "Metrics", "Metrics", "[data-testid=stMetricValue]"),
    Switch("Home", "Draw", "Draw", "canvas.upper-canvas"),
    Switch("Home", "Runs", "Runs", "[data-testid=stDataFrame]"),
)
THEIRS = Switch("echo", "Two", "Two", "h1")


def take(page: Any, switch: Switch) -> float:
    """Go to a page by its link in the side bar; returns the milliseconds to its first useful content."""
    page.bring_to_front()
    page.locator(f"[data-testid=stSidebarNavLink]:has-text('{switch.start}')").click()
    page.wait_for_function("title => document.querySelector('h1')?.innerText !== title", arg=switch.title)
    page.wait_for_selector(IDLE)
    page.wait_for_load_state("networkidle")
    link = page.locator(f"[data-testid=stSidebarNavLink]:has-text('{switch.page}')")
    return opening.timed(page, LOOK.format(title=switch.title, selector=switch.selector), link.click)


def measure(browser: Any, ours: str, theirs: str, rounds: int) -> dict[Switch, list[float]]:
    """Let all pages take turns; the first round only warms them up."""
    pages = {ours: [*OURS], theirs: [THEIRS]}
    windows = {url: opening.window(browser) for url in pages}
    for url, window in windows.items():
        window.goto(url)
        window.wait_for_selector(IDLE)
    times: dict[Switch, list[float]] = {switch: [] for switches in pages.values() for switch in switches}
    for number in range(rounds + 1):
        for url, switches in pages.items():
            for switch in switches:
                found = take(windows[url], switch)
                times[switch] += [found] if number else []
    return times


def main() -> int:
    """Print the table; 0 = the bars hold, 1 = one does not."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, help="where the runs are (DIGITLAB_HOME)")
    parser.add_argument("--rounds", type=int, default=10, help="switches to each page (10)")
    given = parser.parse_args()
    found = settings.load()
    found = replace(found, home=given.home.resolve()) if given.home else found
    pens.choose(found, "")
    with tempfile.TemporaryDirectory() as folder, draw.servers(found, Path(folder), EMPTY) as (ours, empty):
        from playwright.sync_api import sync_playwright

        with sync_playwright() as p:
            browser = p.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_FLAGS)
            times = measure(browser, ours, empty, given.rounds)
            browser.close()
    base = float(np.median(times[THEIRS]))
    print(f"{'page':<12}{'median ms':>10}{'p95 ms':>9}{'times empty':>13}")
    for switch, some in times.items():
        name = "empty page" if switch is THEIRS else switch.page
        print(f"{name:<12}{np.median(some):>10.0f}{np.percentile(some, 95):>9.0f}{np.median(some) / base:>13.2f}")
    slowest = max(float(np.median(some)) for some in times.values())
    print(f"pages: {slowest / base:.2f} times an empty page (bar {BAR}), {slowest / 1000:.2f} s (bar {SECONDS})")
    return 0 if slowest <= min(BAR * base, 1000 * SECONDS) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DigitLabError as error:
        print(f"pages: {error}", file=sys.stderr)
        sys.exit(2)
