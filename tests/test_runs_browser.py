"""The Runs page in a real Chromium: ticks, a point, undo after a reload, a repeat, a run that leaves and comes back."""

import re
import shutil

import pytest

from core import jobs, pipeline, runs
from core.settings import Settings
from tests.conftest import IDLE, overflow, until

pytestmark = pytest.mark.browser
ROW = 35  # of the table, in pixels; the first is its head


@pytest.fixture
def two(tiny, trained_home) -> tuple[Settings, runs.Run, runs.Run]:
    """Settings, the newest run (a tree of depth 3), the one before it."""
    shutil.copytree(trained_home, tiny.home)
    config = pipeline.make_config("decision_tree", {"max_depth": 3}, None, "none")
    new = pipeline.train(tiny, jobs.new_id("decision_tree"), config, lambda stage, **fields: None)
    old = next(run for run in runs.list_runs(tiny) if run.id != new.id)
    return tiny, new, old


def tick(page, row: int) -> None:
    box = page.locator("[data-testid=stDataFrame] canvas").first.bounding_box()
    page.mouse.click(box["x"] + 17, box["y"] + ROW * (row + 1) + ROW / 2)


def test_compare_delete_undo_repeat_export_import(serve, visit, two, tmp_path):
    settings, new, old = two
    page = visit(f"{serve(settings)}/Runs")
    tick(page, 1)
    page.get_by_role("heading", name="Side by side").wait_for()
    page.get_by_text("B is better: p < 0.001.").wait_for()
    page.wait_for_url(re.compile(rf"compare={new.id}(,|%2C){old.id}"))
    page.wait_for_selector(".dc-images img")
    page.get_by_text(re.compile(r"^broken")).first.click()
    page.get_by_text("Right by A, wrong by B.").wait_for()
    assert overflow(page) <= 0
    tick(page, 0)  # off again
    page.get_by_role("button", name="Promote to production").wait_for()
    page.wait_for_url(re.compile(rf"run={old.id}"))

    page.get_by_role("radio", name="Chart").click()
    points = page.locator(".js-plotly-plot .scatterlayer .point")
    points.first.wait_for()
    points.first.click(force=True)  # the newest, as in the table
    page.get_by_role("heading", name="Side by side").wait_for()
    page.wait_for_url(re.compile(rf"compare={old.id}(,|%2C){new.id}"))

    page.goto(f"{page.url.split('?')[0]}?run={new.id}")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    shutil.copy(download.value.path(), tmp_path / "run.zip")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Undo").wait_for()
    page.reload()
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Undo").wait_for(state="detached")
    assert len(runs.list_runs(settings)) == 2
    shutil.rmtree(new.path)

    page.reload()
    page.wait_for_selector(IDLE)
    page.get_by_text("Import a run").click()
    page.locator("input[type=file]").set_input_files(tmp_path / "run.zip")
    page.get_by_text(f"Imported {new.id}.").wait_for()
    assert runs.load_run(settings, new.id).card == new.card

    page.get_by_role("button", name="Repeat").click()
    until(lambda: len(runs.list_runs(settings)) == 3, what="the repeat")
    again = runs.list_runs(settings)[0]
    page.goto(f"{page.url.split('?')[0]}?run={again.id}")
    page.get_by_text(f"It repeats {new.id}: every prediction came out byte-identical").wait_for()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_phone(serve, visit, two, theme):
    settings, new, old = two
    url = serve(settings)
    for query in (f"run={new.id}", f"compare={new.id},{old.id}"):
        page = visit(f"{url}/Runs?{query}", width=360, theme=theme, touch=True)
        page.wait_for_selector("[data-testid=stDataFrame] canvas")
        assert overflow(page) <= 0
        table = page.locator("[data-testid=stDataFrame]").first.bounding_box()
        assert table["y"] < 844  # seen without scrolling
