"""The main journeys in a real Chromium, against the real server and real child processes."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from core import depth, inference, jobs, metrics, preprocessing, runs
from core.settings import Settings
from tests.conftest import IDLE, overflow, until
from tests.drawing import SIDE, draw_one_with_a_finger, pen_strokes, replay, settled

pytestmark = pytest.mark.browser


@pytest.fixture
def strokes(request) -> tuple[int, list[np.ndarray]]:
    """A digit as pen strokes, each (n, 2): a real "0" of the dev pens, or a drawn "1" where they are absent."""
    try:
        pens = request.getfixturevalue("pens")
    except pytest.skip.Exception:
        return 1, [np.linspace((140, 40), (140, 240), 20)]
    return 0, pen_strokes(pens, int(np.flatnonzero(pens["labels"] == 0)[0]))


def draw(page, strokes) -> None:
    """Replay strokes on the canvas with the mouse."""
    settled(page)
    replay(page, strokes)
    page.wait_for_selector(".dl-answer:not(.dl-none)")
    page.wait_for_selector(IDLE)


def rendered(strokes, width: int = 20) -> np.ndarray:
    """Draw strokes as the canvas does, round and white on black, (280, 280) uint8."""
    image = Image.new("L", (SIDE, SIDE))
    pen = ImageDraw.Draw(image)
    for stroke in strokes:
        pen.line([tuple(map(float, p)) for p in stroke], fill=255, width=width, joint="curve")
    return np.asarray(image)


def test_train_measure_draw(serve, visit, tiny, strokes):
    url = serve(tiny)
    page = visit(url)
    page.get_by_role("button", name="Train a tree").click()
    page.get_by_role("heading", name="Train", exact=True).wait_for()
    page.get_by_role("button", name="Train", exact=True).click()
    page.get_by_role("button", name="Measure").wait_for()
    (run,) = runs.list_runs(tiny)

    page.get_by_role("button", name="Measure").click()
    page.get_by_role("heading", name="Metrics").wait_for()
    page.get_by_text(f"{run.metrics['accuracy']:.4f}").first.wait_for()
    assert f"run={run.id}" in page.url
    page.get_by_role("tab", name="Export").click()
    for button, expected in {
        "Report (CSV)": metrics.report(runs.load_evaluation(run)).to_csv().encode(),
        "Answers (JSON)": runs.evaluation_json(runs.load_evaluation(run)).encode(),
        "model.joblib": runs.verified(run, "model.joblib"),
        "model.onnx": runs.verified(run, "model.onnx"),
    }.items():
        with page.expect_download() as download:
            page.get_by_role("button", name=button).click()
        assert Path(download.value.path()).read_bytes() == expected

    page.get_by_role("link", name="Draw").click()
    page.get_by_role("heading", name="Draw").wait_for()
    label, lines = strokes
    draw(page, lines)
    answer = int(page.locator(".dl-answer b").inner_text())
    expected = inference.classify(inference.load_session(run), preprocessing.normalise(rendered(lines)))
    assert answer == expected.label == label

    page.get_by_role("button", name="Clear", exact=True).click()
    page.wait_for_selector(".dl-none")
    page.wait_for_selector(IDLE)
    draw(page, lines)  # strokes right after Clear are not lost
    assert int(page.locator(".dl-answer b").inner_text()) == answer


def test_reload_second_tab_and_server_restart_keep_the_job(serve, visit, tiny, slow_npz):
    settings = Settings(home=tiny.home, keras_home=tiny.keras_home, memory_mb=4096, mnist=slow_npz)
    url = serve(settings)
    page = visit(f"{url}/Train?max_depth=no+limit&augmentation=none")
    page.get_by_role("button", name="Train", exact=True).click()
    page.get_by_text(re.compile("Fitting")).wait_for()
    page.reload()
    page.get_by_text(re.compile("Fitting")).wait_for()
    other = visit(f"{url}/Train")
    other.get_by_text(re.compile("Fitting")).wait_for()
    assert len(jobs.list_jobs(settings, "train")) == 1

    page.close()
    other.close()
    process, _ = serve.processes.pop()
    process.terminate()
    process.wait(30)
    (job,) = jobs.list_jobs(settings, "train")
    assert job.state == "running"

    again = visit(f"{serve(settings)}/Train")
    again.get_by_text(re.compile("Fitting")).wait_for()
    again.get_by_role("button", name="Cancel").click()
    again.get_by_text("cancelled").wait_for()
    assert not runs.list_runs(settings)
    assert until(lambda: not jobs.is_alive(settings, job.id), what="the job's end")


def test_study_every_depth_then_train_with_one(serve, visit, tiny, trained_home):
    shutil.copytree(trained_home, tiny.home)
    (run,) = runs.list_runs(tiny)
    page = visit(f"{serve(tiny)}/Metrics?run={run.id}&view=Depth")
    page.get_by_role("button", name=re.compile("Study every depth")).click()
    page.get_by_text(re.compile(r"Depth \d+ is enough")).wait_for()
    study = depth.load(run)
    best = depth.best_depth(study)
    page.get_by_text(f"The test images at depth {best}").wait_for()
    slider = page.get_by_role("slider", name="Cut at depth")
    slider.focus()
    slider.press("ArrowLeft")
    page.get_by_text(f"The test images at depth {best - 1}").wait_for()
    page.get_by_text(f"{metrics.accuracy(study.test[best - 2]):.4f}").first.wait_for()
    assert overflow(page) <= 0
    page.get_by_role("button", name=f"Train with depth {best - 1}").click()
    page.get_by_role("heading", name="Train", exact=True).wait_for()
    page.get_by_text(f"max_depth = {best - 1}:").wait_for()


@pytest.mark.parametrize("width", [700, 1000, 1180, 1920])
def test_board_is_never_squeezed(serve, visit, trained_home, tiny_npz, tmp_path, width):
    url = serve(Settings(home=trained_home, mnist=tiny_npz, keras_home=tmp_path, memory_mb=4096))
    page = visit(f"{url}/Draw", width=width)
    page.wait_for_selector("canvas.upper-canvas")
    box = page.locator("canvas.upper-canvas").bounding_box()
    assert (box["width"], box["height"]) == (SIDE, SIDE)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_phone(serve, visit, trained_home, tiny_npz, tmp_path, theme):
    settings = Settings(home=trained_home, mnist=tiny_npz, keras_home=tmp_path, memory_mb=4096)
    url = serve(settings)
    for name in ("", "Train", "Metrics", "Draw"):
        page = visit(f"{url}/{name}", width=360, theme=theme, touch=True)
        page.wait_for_selector("[data-testid=stMain] h1")
        assert overflow(page) <= 0, name
    box = page.locator("canvas.upper-canvas").bounding_box()
    assert (box["width"], box["height"]) == (SIDE, SIDE)
    draw_one_with_a_finger(page)
    assert page.locator(".dl-answer b").inner_text() == "1"
    answer = page.locator(".dl-answer").bounding_box()
    assert answer["y"] + answer["height"] < 844  # seen without scrolling


def test_first_visit_with_nothing_then_an_upload(serve, visit, settings, tiny_npz, tmp_path):
    """No data, no network: the sample is unpacked, the failed download is said, an upload replaces the sample."""
    page = visit(serve(settings))
    page.get_by_text("4,000 training and 1,000 test images from the bundled sample").wait_for()
    page.get_by_text("could not be downloaded").first.wait_for()
    assert len(jobs.list_jobs(settings, "data")) == 1

    page.get_by_text("Use other data").click()
    (tmp_path / "broken.npz").write_bytes(tiny_npz.read_bytes()[:5000])
    page.locator("input[type=file]").set_input_files(tmp_path / "broken.npz")
    page.get_by_text("is not a whole .npz file").wait_for()
    page.reload()
    page.get_by_text("from the bundled sample").first.wait_for()

    page.get_by_text("Use other data").click()
    page.locator("input[type=file]").set_input_files(tiny_npz)
    page.get_by_text("4,000 training and 1,000 test images from the upload").wait_for()
    other = visit(f"{page.url.rstrip('/')}/Train")  # for everybody
    other.get_by_text("from the upload").wait_for()
