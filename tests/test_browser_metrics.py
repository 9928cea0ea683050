"""The Metrics page in a real Chromium: a click on a cell, a branch, a cure, a robustness study, a report."""

import contextlib
import re
import shutil
from pathlib import Path

import pytest

from core import metrics, robustness, runs
from core.settings import Settings
from tests.conftest import IDLE, until
from tests.test_browser import overflow

pytestmark = pytest.mark.browser


def click_cell(page, true: int, said: int) -> None:
    """Click a cell of the confusion matrix as a hand does: go there, see what it says, click; again if it was lost."""
    from playwright.sync_api import TimeoutError as TimeIsOver  # here, as these tests are skipped where it is missing

    page.wait_for_selector(".st-key-confusion .scatterlayer .point")
    page.wait_for_selector(IDLE)
    point = page.locator(".st-key-confusion .scatterlayer .point").nth(10 * true + said)
    label = page.locator(".st-key-confusion .hoverlayer").get_by_text(f"a {true} read as {said}:")

    def taken() -> bool:  # plotly takes a click to be where it saw the mouse last, and forgets that when it redraws
        point.scroll_into_view_if_needed()
        box = point.bounding_box()
        middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(middle[0] + 2, middle[1] + 2)
        page.mouse.move(*middle)
        if not label.count():
            return False
        page.mouse.down()
        page.mouse.up()
        with contextlib.suppress(TimeIsOver):
            page.wait_for_url(re.compile(f"pair={true}.read.as.{said}"), timeout=10_000)
            return True
        assert not label.count(), "a click was lost although plotly saw the mouse there"
        return False

    until(taken, what=f"a click on the cell {true}, {said}")


@pytest.mark.parametrize(("width", "theme"), [(360, "dark"), (1280, "light")])
def test_a_click_on_a_cell_opens_its_images(serve, visit, trained_home, tiny_npz, tmp_path, width, theme):
    settings = Settings(home=trained_home, mnist=tiny_npz, keras_home=tmp_path, memory_mb=4096)
    (run,) = runs.list_runs(settings)
    matrix = runs.load_evaluation(run).confusion_matrix
    url = serve(settings)
    page = visit(f"{url}/Metrics?run={run.id}", width=width, theme=theme)
    worst = metrics.worst_pair(matrix)
    for true, said in ((worst.true, worst.predicted), (0, 0), (9, 9)):
        click_cell(page, true, said)
        page.locator(f'a.dm-image[title*="labelled {true}, read as {said},"]').first.wait_for()
        page.wait_for_url(re.compile(f"pair={true}.read.as.{said}"))
    page.locator("a.dm-image").first.focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Draw").wait_for()
    assert f"run={run.id}" in page.url
    for view in ("Digits", "Numbers", "Checks", "Curves", "Confidence", "Inside", "Depth", "Robustness", "Export"):
        page.goto(f"{url}/Metrics?run={run.id}&view={view}")
        page.get_by_role("tab", name=view, selected=True).wait_for()
        page.wait_for_selector(IDLE)
        assert overflow(page) <= 0, view
        assert not page.locator("[data-testid=stException]").count()


def test_look_inside_measure_take_away(serve, visit, tiny, trained_home):
    shutil.copytree(trained_home, tiny.home)
    (run,) = runs.list_runs(tiny)
    page = visit(f"{serve(tiny)}/Metrics?run={run.id}&view=Inside")
    branches = page.locator(".dt details")
    branches.first.wait_for()
    closed = page.locator(".dt details:not([open])")
    before = closed.count()
    closed.first.locator("> summary").focus()
    page.keyboard.press("Enter")
    shut = "n => document.querySelectorAll('.dt details:not([open])').length === n"
    page.wait_for_function(shut, arg=before - 1)
    with page.expect_download() as download:
        page.get_by_role("button", name="As DOT").click()
    assert Path(download.value.path()).read_text().startswith("digraph Tree {")

    page.get_by_role("tab", name="Robustness").click()
    page.get_by_role("button", name=re.compile("Measure it")).click()
    page.get_by_role("heading", name="Noise").wait_for()
    assert robustness.load(run).n == 1000

    page.get_by_role("tab", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Report (HTML)").click()
    body = Path(download.value.path()).read_text()
    assert robustness.describe(robustness.load(run), "shift") in body
    page.get_by_role("tab", name="Checks").click()
    page.get_by_text("Luck or skill?").wait_for()
    page.wait_for_selector(IDLE)  # the checks come one after another: until then another one is the last
    page.get_by_role("button", name="Try it").last.click()
    page.get_by_role("heading", name="Train", exact=True).wait_for()
    page.get_by_text("random_state").first.wait_for()
