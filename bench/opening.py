"""How soon a page is of use: a run opened on Metrics, and the Runs page with 200 runs, in headless Chromium.

    python bench/opening.py [--turns 5] [--runs 200]

Every finished run on all of MNIST is copied into a home of the bench's own, in turn and under new ids, until there are
200: real folders whose files match their cards, read by the very code that reads any run. Neighbours differ, so that
what is seen can be told from what was there before. Time is taken in the browser, from the click or key to the frame
that shows what was asked for; nothing of the run that is opened was read by that server before.
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bin import shots  # noqa: E402 - the path must be known first
from core import dataset, files, runs, settings  # noqa: E402
from core.errors import DigitLabError, RunError  # noqa: E402
from tests.conftest import CHROMIUM_FLAGS, IDLE, free_port  # noqa: E402

TILES_BAR, RUNS_BAR = 1.0, 2.0
TILES = """() => {
  const main = document.querySelector("[data-testid=stMain]");
  const tiles = [...(main?.querySelectorAll("[data-testid=stMetric]") ?? [])].filter((tile) => tile.checkVisibility());
  const there = main?.querySelector("h1")?.innerText === "Metrics" && tiles.length >= 4;
  return there ? tiles.map((tile) => tile.innerText).join() : "";
}"""
TABLE = """() => {
  const main = document.querySelector("[data-testid=stMain]");
  return main?.querySelector("h1")?.innerText === "Runs" && main.querySelector("[data-testid=stDataFrame] canvas") &&
    document.querySelector("[data-testid=stApp]").dataset.testScriptState === "notRunning" ? "table" : "";
}"""
# Looks at every frame; time begins with the next click or key.
WATCH = """(look) => {
  const seen = eval(look), watch = {before: seen(), began: 0, shown: 0};
  window.benchWatch = watch;
  for (const name of ["click", "keydown"]) {
    window.addEventListener(name, () => { watch.began ||= performance.now(); }, {capture: true, once: true});
  }
  const frame = () => {
    const now = watch.began && seen();
    if (now && now !== watch.before) watch.shown = performance.now();
    else requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}"""
SINCE_OPENED = """(look) => new Promise((done) => {
  const seen = eval(look), frame = () => (seen() ? done(performance.now()) : requestAnimationFrame(frame));
  frame();
})"""


@dataclass(slots=True)
class Row:
    """One way to open something, its bar in seconds (0 = none), and what was measured, in milliseconds."""

    name: str
    bar: float = 0.0
    times: list[float] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.bar or float(np.median(self.times)) < 1000 * self.bar


def main() -> int:
    """Print the table; 0 = every bar holds, 1 = one does not."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=5, help="of each (5); servers that are started anew: 3")
    parser.add_argument("--runs", type=int, default=200, help="how many (200)")
    given = parser.parse_args()
    found = settings.load()
    with tempfile.TemporaryDirectory(prefix="opening-") as folder:
        ours = replace(found, home=Path(folder), rate=0, wandb_mode="disabled")
        print(f"{copy_runs(found, ours, given.runs)} runs; {dataset.describe(dataset.load(ours))}")
        rows = measure(ours, given.turns)
    print(f"{'what is opened':<44}{'median ms':>10}{'slowest':>9}{'bar':>7}   load {os.getloadavg()[0]:.1f}")
    for row in rows:
        bar = f"{1000 * row.bar:.0f}" if row.bar else "-"
        print(f"{row.name:<44}{np.median(row.times):>10.0f}{max(row.times):>9.0f}{bar:>7}")
    barred = [row for row in rows if row.bar]
    medians = ", ".join(f"{row.name} {np.median(row.times) / 1000:.2f} s (bar {row.bar:g})" for row in barred)
    print(f"opening: {medians}")
    return 0 if all(row.holds for row in barred) else 1


def copy_runs(found: settings.Settings, ours: settings.Settings, count: int) -> int:
    """Put `count` runs into our home, each a copy of one that was finished; returns how many can be used.

    Raises
    ------
    RunError
        If there are no two runs on all of MNIST that tell apart, or one does not match its card.
    """
    finished = [run for run in runs.list_runs(found) if not run.card["data"]["is_sample"]]
    different = list({run.metrics["accuracy"]: run for run in finished}.values())
    if len(different) < 2:
        raise RunError(f"This needs two runs on all of MNIST that differ, and there are {len(different)}. Train some.")
    for run in different:
        for name in run.card["files"]:
            runs.verified(run, name)
        shutil.copytree(run.path, ours.home / "sources" / run.id)
    for number in range(count):
        run = different[number % len(different)]
        new = f"2026{number // 28 + 1:02}{number % 28 + 1:02}-120000-{run.family}-{number:04x}"
        # The same files under another name; only the card, which names the run, is its own.
        shutil.copytree(ours.home / "sources" / run.id, runs.folder(ours) / new, copy_function=os.link)
        files.write_json(runs.folder(ours) / new / "card.json", run.card | {"id": new})
        runs.save_labels(runs.load_run(ours, new), {"name": f"Run {number}", "author": "bench"}, add=["copy"])
    return len(runs.list_runs(ours))


def measure(ours: settings.Settings, turns: int) -> list[Row]:
    """Return what was measured, in the order of the table."""
    from playwright.sync_api import sync_playwright

    switch, other = Row("Metrics, from another page", TILES_BAR), Row("Metrics, another run", TILES_BAR)
    warm, cold = Row("Runs, from another page", RUNS_BAR), Row("Runs, first page of a new server", RUNS_BAR)
    new = Row("Runs, new window"), Row("Metrics, new window")
    port = free_port()
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_FLAGS)
        page = window(browser)
        for turn in range(1 + 3):
            with shots.server(ours, port) as url:
                taken = since_opened(page, f"{url}/Runs", TABLE)
                # The first turn is the browser's own: it fetches and compiles Streamlit's part of the page.
                cold.times += [taken] if turn else []
        with shots.server(ours, port) as url:
            for row, look in zip(new, (TABLE, TILES), strict=True):
                for _ in range(3):
                    fresh = window(browser)
                    row.times.append(since_opened(fresh, f"{url}/{row.name.split(',')[0]}", look))
                    fresh.context.close()
            page.goto(url)
            page.wait_for_selector("[data-testid=stSidebarNav]")
            page.wait_for_selector(IDLE)
            for _ in range(turns):
                switch.times.append(timed(page, TILES, partial(go, page, "Metrics")))
                point_at_next_run(page)
                other.times.append(timed(page, TILES, partial(page.keyboard.press, "Enter")))
                warm.times.append(timed(page, TABLE, partial(go, page, "Runs")))
        browser.close()
    return [switch, other, warm, cold, *new]


def window(browser: Any) -> Any:
    """Open a window that knows nothing of earlier ones."""
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.set_default_timeout(60_000)
    return page


def since_opened(page: Any, url: str, look: str) -> float:
    """Open an address; returns the milliseconds until `look` finds something."""
    page.goto(url, wait_until="commit")
    return page.evaluate(SINCE_OPENED, look)


def timed(page: Any, look: str, act: Callable[[], Any]) -> float:
    """Do something on a page that is at rest; returns the milliseconds until `look` finds something new."""
    page.evaluate(WATCH, look)
    act()
    page.wait_for_function("benchWatch.shown > 0")
    taken = page.evaluate("benchWatch.shown - benchWatch.began")
    page.wait_for_selector(IDLE)
    return taken


def go(page: Any, name: str) -> None:
    """Change the page by the side bar."""
    page.locator(f"[data-testid=stSidebarNav] a[href$='/{name}']").click()


def point_at_next_run(page: Any) -> None:
    """Open the list of runs and go one down; Enter will choose it."""
    page.locator("[data-testid=stMain] [data-testid=stSelectbox] input").first.focus()
    page.keyboard.press("ArrowDown")
    page.wait_for_selector("[role=listbox]")
    page.keyboard.press("ArrowDown")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DigitLabError as error:
        print(f"opening: {error}", file=sys.stderr)
        sys.exit(2)
