"""Calibrated once as a job and shared: promises on digits kept apart, refusals, words, the page, the API."""

import shutil
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from bench import refuse
from core import dataset, files, inference, jobs, launch, pipeline, refusal, runs, serving
from core.api import answers
from core.errors import DataError, ModelError, RunError
from core.refusal import judge, strangers
from core.settings import Settings, load
from tests import test_api
from tests.conftest import ROOT, shared

png = test_api.png


@pytest.fixture(scope="session")
def calibrated_home(tmp_path_factory, trained_home, tiny_npz):
    """The home with one run, calibrated from the command line; read only."""

    def make(home):
        shutil.copytree(trained_home, home)
        env = Settings(home=home, mnist=tiny_npz).child_environment()
        command = [sys.executable, "-m", "core", "calibrate"]
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        (home / "said.txt").write_text(done.stdout)

    return shared(tmp_path_factory, "calibrated-home", make)


@pytest.fixture
def calibrated(settings, calibrated_home, tiny_npz, monkeypatch):
    """A home with one calibrated run."""
    shutil.copytree(calibrated_home, settings.home)
    monkeypatch.setenv("DIGITLAB_HOME", str(settings.home))
    monkeypatch.setenv("DIGITLAB_MNIST", str(tiny_npz))
    return load()


def newest(settings) -> runs.Run:
    return runs.list_runs(settings)[0]


def kept(settings) -> refusal.Calibration:
    found = refusal.load(newest(settings))
    assert found is not None
    return found


def test_the_job_keeps_its_result_beside_the_run(calibrated, trained_home):
    run = newest(calibrated)
    assert [p.name for p in (run.path / "extra").iterdir()] == ["calibration.npz"]
    assert (run.path / refusal.FILE).stat().st_size < 2_000_000
    before = {p.name: p.read_bytes() for p in (trained_home / "runs" / run.id).iterdir() if p.is_file()}
    assert {p.name: p.read_bytes() for p in run.path.iterdir() if p.is_file()} == before
    (job,) = jobs.list_jobs(calibrated, "calibrate")
    assert [event["stage"] for event in job.events] == ["queued", "data", "fit", "evaluate", "seal", "done"]
    assert 0 <= launch.progress(job.events[:3], job.config["plan"], job.events[2]["t"])[0] < 1
    said = (calibrated.home / "said.txt").read_text()
    assert "Asked for 95 %" in said
    assert "are refused as they are" in said


def test_halves_are_stratified_disjoint_and_always_the_same(sample):
    chosen, others = refusal.halves(sample.y_test)
    assert sorted([*chosen, *others]) == list(range(1000))
    assert len(chosen) == len(others) == 500
    assert abs(np.bincount(sample.y_test[chosen]) - np.bincount(sample.y_test[others])).max() <= 1
    assert (refusal.halves(sample.y_test)[0] == chosen).all()


def test_sets_hold_what_they_promise_on_the_other_half(calibrated):
    found, evaluation = kept(calibrated), runs.load_evaluation(newest(calibrated))
    chosen, others = refusal.halves(evaluation.y_true)
    assert len(found.scores) == len(chosen)
    for i, coverage in enumerate(refusal.COVERAGES):
        # Calibrated on 500 and counted on 500.
        assert found.covered[i] >= coverage - 3.5 * np.sqrt(coverage * (1 - coverage) * 2 / 500)
        assert found.sizes[i].sum() == len(others)
    digits = [
        refusal.verdict(found, np.full((28, 28), 9, np.uint8), proba, 0.9).digits for proba in evaluation.proba[others]
    ]
    held = np.mean([label in some for label, some in zip(evaluation.y_true[others], digits, strict=True)])
    assert held == pytest.approx(found.covered[refusal.nearest(0.9)])
    assert all(some[0] == proba.argmax() for some, proba in zip(digits, evaluation.proba[others], strict=True))


def test_digits_pass_and_strangers_do_not(calibrated, sample):
    found = kept(calibrated).judge
    _, others = refusal.halves(sample.y_test)
    digits = judge.score(judge.logits(found, sample.x_test[others]))
    assert (digits < found.threshold).mean() == pytest.approx(found.refused[0])
    assert found.refused.max() <= 0.01 + 3.5 * np.sqrt(0.01 * 0.99 * 2 / 500)
    some = refuse.kinds(4)
    for kind, least in {"letters": 0.6, "scribbles": 0.6, "shapes": 0.6, "photos": 0.9}.items():
        images = np.stack([image for _, image in some[kind]])  # made by other code than it learned from
        assert (refuse.scores(found, images) < found.threshold).mean() > least, kind


def test_a_verdict_in_words(calibrated, sample):
    run, found = newest(calibrated), kept(calibrated)
    session = inference.load_session(run)
    said = [refusal.verdict(found, image, inference.classify(session, image).proba) for image in sample.x_test[:50]]
    assert sum(one.is_digit for one in said) >= 47
    assert all(not one.reason for one in said if one.is_digit)
    wild = strangers.make("photo", 1, 99, sample.x_test)[0]
    refused = refusal.verdict(found, wild, inference.classify(session, wild).proba)
    assert not refused.is_digit
    assert refused.reason.endswith("rather like a photo without strokes.")
    blank = refusal.verdict(found, np.zeros((28, 28), np.uint8), said[0].digits and np.eye(10)[3])
    assert (blank.is_digit, blank.reason) == (False, "There is no ink.")


@pytest.mark.parametrize(
    ("digits", "words"),
    [
        ((4,), "4 at 95 %"),
        ((4, 9), "4 or 9 at 95 %"),
        ((4, 9, 7), "4, 9 or 7 at 95 %"),
        (tuple(range(10)), "any digit at 95 %"),
    ],
)
def test_a_set_in_words(digits, words):
    assert refusal.say_set(digits, 0.95) == words


def test_a_verdict_takes_milliseconds(calibrated, sample):
    found, proba = kept(calibrated), np.full(10, 0.1, np.float32)
    took = []
    for image in sample.x_test[:30]:
        began = time.thread_time()
        refusal.verdict(found, image, proba)
        took.append(time.thread_time() - began)
    assert np.median(took) < 0.005


@pytest.mark.parametrize("kind", strangers.KINDS)
def test_strangers_are_seeded_and_in_mnists_form(kind, sample):
    made = strangers.make(kind, 12, 5, sample.x_test)
    assert (made.shape, made.dtype) == ((12, 28, 28), np.uint8)
    assert (made == strangers.make(kind, 12, 5, sample.x_test)).all()
    assert (made != strangers.make(kind, 12, 6, sample.x_test)).any()
    assert made.any(axis=(1, 2)).all()


def test_the_threshold_is_the_finite_sample_quantile():
    assert judge.threshold(np.arange(199.0), 0.01) == 1  # floor(200 * 0.01) = 2: the second smallest
    assert judge.threshold(np.arange(50.0), 0.01) == -np.inf  # too few to refuse any


def test_another_run_on_the_same_data_takes_the_judge(calibrated):
    first = kept(calibrated)
    run_id = jobs.new_id("decision_tree")
    run = pipeline.train(calibrated, run_id, pipeline.make_config("decision_tree", {"max_depth": 3}), _mute)
    assert refusal.load(run) is None
    assert refusal.expect(calibrated, run)["fit"] == 0
    refusal.follow_up(calibrated, run_id)
    second = refusal.load(run)
    assert (second.judge.first == first.judge.first).all()
    assert second.judge.threshold == first.judge.threshold
    # A tree of eight leaves: ties everywhere, and the promise holds.
    assert (second.covered >= np.array(refusal.COVERAGES) - 0.075).all()


def test_follow_up_is_silent_where_nothing_can_be_done(trained):
    refusal.follow_up(trained, newest(trained).id)
    refusal.follow_up(trained, "no such run")
    assert refusal.load(newest(trained)) is None


def test_refused_before_it_starts(trained, started):
    run, digits = newest(trained), dataset.load(trained)
    with pytest.raises(ModelError, match="needs 440 MB"):
        refusal.start(replace(trained, memory_mb=600), run)
    other = replace(run, config=run.config | {"data_sha256": "f" * 64})
    with pytest.raises(DataError, match="ffffffffffff"):
        refusal.check(trained, other, digits)
    assert not started
    refusal.start(trained, run)
    assert len(started) == 1  # nothing to send, as this run is not logged
    jobs.cancel(trained, started[0])
    files.write_json(run.path / "tracking.json", {"state": "synced", "message": "", "artifact": {"digest": "d"}})
    job_id = refusal.start(trained, run)
    first, second = started[1:]
    assert (first, jobs.load_job(trained, second).config) == (job_id, {"due": True, "after": job_id})


@pytest.mark.parametrize("body", [b"", b"no archive", b"PK\x03\x04 cut off"])
def test_a_damaged_calibration_is_one_sentence(calibrated, body):
    run = newest(calibrated)
    (run.path / refusal.FILE).write_bytes(body)
    with pytest.raises(RunError, match=r"extra/calibration\.npz .* cannot be read"):
        refusal.load(run)
    assert "cannot be read" in texts(page(0))


def script(index: int) -> None:
    """A page with all three parts, and the test image of this number as what was drawn."""
    import numpy as np

    from core import dataset, inference, runs, settings, ui

    found = settings.load()
    digits, run = dataset.load(found), runs.list_runs(found)[0]
    ui.coverage_input()
    image = digits.x_test[index] if index >= 0 else np.random.default_rng(0).integers(1, 255, (28, 28), np.uint8)
    ui.show_verdict(found, run, inference.classify(inference.open_session(run), image))
    ui.show_verdict(found, run, None)
    ui.show_calibration(found, digits, run)


def page(index: int, **query: str) -> AppTest:
    found = AppTest.from_function(script, kwargs={"index": index}, default_timeout=60)
    found.query_params.update(query)
    found.run()
    assert not found.exception, [e.value for e in found.exception]
    return found


def texts(found: AppTest) -> str:
    html = [element.proto.body for element in found.get("html")]
    return "\n".join(html + [e.value for group in (found.markdown, found.caption) for e in group])


def test_the_page_shows_set_coverage_and_sizes(calibrated):
    shown = page(0)
    run, digits = newest(calibrated), dataset.load(calibrated)
    proba = inference.classify(inference.load_session(run), digits.x_test[0]).proba
    expected = refusal.verdict(kept(calibrated), digits.x_test[0], proba, 0.95)
    assert f"<b>{refusal.say_set(expected.digits, 0.95)}</b>" in texts(shown)
    assert f"{kept(calibrated).covered[refusal.nearest(0.95)]:.1%}" in texts(shown)
    assert shown.dataframe[0].value["share"].sum() == pytest.approx(1)
    shown.slider(key="coverage").set_value(85).run()
    assert "at 85 %" in texts(shown)
    assert "Asked for 85 %" in texts(shown)
    assert refusal.REFUSED in texts(page(-1))


def test_the_coverage_comes_from_the_link(calibrated):
    assert "Asked for 99 %" in texts(page(0, coverage="99"))


def test_an_uncalibrated_run_is_offered_it(trained, started):
    shown = page(0)
    assert "this run is not calibrated. Open “How sure”" in texts(shown)
    shown.button(key="study-calibrate").click().run()
    assert len(started) == 1
    assert jobs.load_job(trained, started[0]).config["run"] == newest(trained).id


def test_the_api_says_set_and_refusal_where_there_is_a_calibration(calibrated, png, monkeypatch):
    monkeypatch.setattr(answers, "serves", lambda: serving.choose(calibrated))
    client = TestClient(test_api.build(calibrated), client=("127.0.0.1", 1), base_url="http://localhost")
    described = client.get("/api/openapi.json").json()["components"]["schemas"]["Prediction"]
    assert "95 of 100" in described["properties"]["digits"]["description"]
    assert described["required"] == ["label", "proba"]

    def ask():
        return client.post("/api/predict", content=png, headers={"content-type": "image/png"}).json()["predictions"][0]

    said = ask()
    assert said["digits"][0] == said["label"]
    assert said["is_digit"] in (True, False)
    (newest(calibrated).path / refusal.FILE).write_bytes(b"damaged")
    assert set(ask()) == {"label", "proba"}


def _mute(stage, **fields):
    pass
