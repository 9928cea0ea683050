"""Changed images: the changes by hand, the study as a job, what it says."""

from dataclasses import replace

import numpy as np
import pytest

from core import dataset, inference, jobs, robustness, runs, studies
from core.cli import jobwork
from core.errors import DataError, ModelError, RunError
from core.robustness import changes, measuring
from tests.conftest import until
from tests.test_depth import newest

RNG = np.random.default_rng(0)


def dot(row: int = 14, column: int = 14) -> np.ndarray:
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, row, column] = 200
    return image


def test_shifted_by_whole_pixels_without_a_blur():
    many = np.repeat(dot(), 50, axis=0)
    found = changes.shifted(many, 3, np.random.default_rng(1))
    places = {tuple(map(int, np.argwhere(image)[0])) for image in found}
    assert places == {(11, 14), (17, 14), (14, 11), (14, 17)}
    assert (found.max(axis=(1, 2)) == 200).all()
    assert changes.shifted(dot(0, 0), 1, RNG).max() in (0, 200)  # beyond the edge it is gone, not wrapped


def test_turned_clockwise():
    assert changes.turned(dot(4, 14), 90, RNG)[0, 14, 24] == 200
    assert changes.turned(dot(4, 14), -90, RNG)[0, 14, 4] == 200


def test_scaled_about_the_centre():
    square = np.zeros((1, 28, 28), np.uint8)
    square[0, 9:20, 9:20] = 255
    ink = [changes.scaled(square, level, RNG).sum() / square.sum() for level in (0.5, 1, 1.35)]
    assert ink == pytest.approx([0.25, 1, 1.35**2], rel=0.06)


def test_thickened_by_parts_of_a_pixel():
    assert (changes.thickened(dot(), 1, RNG) > 0).sum() == 5
    assert (changes.thickened(dot(), 2, RNG) > 0).sum() == 13
    assert changes.thickened(dot(), 0.5, RNG)[0, 13, 14] == 100
    assert changes.thickened(dot(), -0.5, RNG)[0, 14, 14] == 100
    assert not changes.thickened(dot(), -1, RNG).any()


@pytest.mark.parametrize("name", robustness.CHANGES)
def test_one_level_changes_nothing(sample, name):
    change = robustness.CHANGES[name]
    plain = 1 if name == "scale" else 0
    assert plain in change.levels
    assert list(change.levels) == sorted(change.levels)
    images = np.array(sample.x_test[:20])
    before = images.copy()
    assert (change.apply(images, plain, RNG) == images).all()
    for level in change.levels:
        found = change.apply(images, level, RNG)
        assert (found.dtype, found.shape) == (np.uint8, images.shape)
        assert (found == before).all() == (level == plain)
    assert (images == before).all()


@pytest.fixture
def few(monkeypatch):
    """Fewer images than a real study takes."""
    for name, value in {"IMAGES": 150, "COVERED": 30, "LEARNED": 200}.items():
        monkeypatch.setattr(measuring, name, value)


def test_the_study_as_a_job(trained, few):
    run = newest(trained)
    assert robustness.load(run) is None
    sealed = {p.name: p.read_bytes() for p in run.path.iterdir() if p.is_file()}
    job_id = robustness.submit(trained, run)
    assert jobwork.run(trained, job_id, robustness.work) == 0
    found = robustness.load(run)
    assert {p.name: p.read_bytes() for p in run.path.iterdir() if p.is_file()} == sealed
    events = [e for e in jobs.load_job(trained, job_id).events if e["stage"] == "evaluate"]
    assert (events[-1]["done"], events[-1]["total"]) == (58, 58)
    assert [e["done"] for e in events] == sorted(e["done"] for e in events)

    digits = dataset.load(trained)
    session = inference.load_session(run)
    chosen = measuring.contract.stratified(np.asarray(digits.y_test), 150, measuring.SEED)
    said = inference.predict_proba(session, np.array(digits.x_test[chosen])).argmax(axis=1)
    plain = int((said == digits.y_test[chosen]).sum())
    for name, change in robustness.CHANGES.items():
        at = list(change.levels).index(1 if name == "scale" else 0)
        assert found.raw[name][at] == plain  # unchanged is unchanged
        assert (found.n, len(found.raw[name])) == (150, len(change.levels))
    moved = found.normalised["shift"][-1] - found.raw["shift"][-1]
    assert moved > 30  # the lesson: centring undoes a shift of four pixels
    assert "our normalisation brings that to" in robustness.describe(found, "shift")
    assert found.train_n == 200
    assert found.train_accuracy > 0.85
    assert found.occlusion[12:16, 12:16].max() > found.occlusion[:4, :4].max() == 0
    line = robustness.lines(found, "shift")["as it comes"]
    assert line[0].low < line[0].value < line[0].high


def test_describe_says_where_nothing_is_gained():
    n = {name: np.full(len(change.levels), 80) for name, change in robustness.CHANGES.items()}
    levels = {name: np.array(change.levels, float) for name, change in robustness.CHANGES.items()}
    found = robustness.Robustness(100, levels, n, n, np.zeros((28, 28)), 9, 10)
    assert "next to nothing" in robustness.describe(found, "noise")


def test_refused_before_it_starts(trained, slow_npz, started):
    run = newest(trained)
    with pytest.raises(DataError, match="but the server has"):
        robustness.start(replace(trained, mnist=slow_npz), run)
    parity = {"servable": False, "reason": "It is not what was trained."}
    with pytest.raises(RunError, match="not what was trained"):
        robustness.start(trained, replace(run, card=run.card | {"parity": parity}))
    assert not jobs.list_jobs(trained, "robustness")


def test_a_model_too_large_for_the_memory_is_refused_with_the_figure(trained, started):
    run = newest(trained)
    files = run.card["files"] | {"model.onnx": run.card["files"]["model.onnx"] | {"bytes": 60_000_000}}
    large = replace(run, card=run.card | {"files": files})
    assert robustness.need_mb(large) == pytest.approx(400)
    with pytest.raises(ModelError, match="takes 400 MB beside the server's"):
        robustness.start(replace(trained, memory_mb=500), large)
    assert robustness.start(replace(trained, memory_mb=500), run) == started[0]


def test_cancel_leaves_nothing(trained):
    run = newest(trained)
    job_id = robustness.start(trained, run)
    assert robustness.start(trained, run) == job_id
    until(lambda: jobs.load_job(trained, job_id).stage == "evaluate", what="the first answers")
    jobs.cancel(trained, job_id)
    assert jobs.load_job(trained, job_id).state == "cancelled"
    assert robustness.load(run) is None
    assert studies.current(trained, "robustness", run).state == "cancelled"


@pytest.mark.parametrize("body", [b"", b"PK\x03\x04 cut off"])
def test_a_damaged_study_is_one_sentence(trained, body):
    run: runs.Run = newest(trained)
    (run.path / "extra").mkdir()
    (run.path / robustness.FILE).write_bytes(body)
    with pytest.raises(RunError, match=r"extra/robustness\.npz .* cannot be read"):
        robustness.load(run)
