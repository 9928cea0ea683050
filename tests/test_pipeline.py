"""From data to a sealed folder: events in order, honest numbers, honest estimates; the exercise's figures."""

import contextlib
import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import classification_report

from core import dataset, inference, jobs, launch, metrics, models, pipeline, runs
from core.errors import DataError, ModelError
from tests.conftest import ROOT


def train(settings, params=None, size=None):
    events = []
    config = pipeline.make_config("decision_tree", params or {}, size, "none")
    run_id = jobs.new_id("decision_tree")
    run = pipeline.train(settings, run_id, config, lambda stage, **fields: events.append(stage))
    return run, events


def test_stages_come_in_order(tiny):
    run, events = train(tiny)
    assert events == list(pipeline.STAGES)
    assert runs.list_runs(tiny) == [run]
    assert run.servable


def test_card_tells_what_scikit_learn_tells(tiny):
    run, _ = train(tiny, {"max_depth": 1})
    evaluation = runs.load_evaluation(run)
    oracle = classification_report(evaluation.y_true, evaluation.y_pred, output_dict=True, zero_division=1)
    assert run.metrics["accuracy"] == pytest.approx(oracle["accuracy"], abs=1e-12)
    for ours, theirs in (("precision", "precision"), ("recall", "recall"), ("f1", "f1-score")):
        assert run.metrics[ours] == pytest.approx(oracle["weighted avg"][theirs], abs=1e-12)


def test_what_is_served_is_what_was_measured(tiny, sample):
    run, _ = train(tiny)
    served = inference.predict_proba(inference.load_session(run), sample.x_test)
    np.testing.assert_allclose(served, runs.load_evaluation(run).proba, atol=1e-6)


def test_config_is_enough_to_repeat(tiny):
    first, _ = train(tiny, {"max_depth": 4}, size=500)
    again, _ = train(tiny, first.config["params"], first.config["train_size"])
    assert first.config == again.config
    assert first.card["files"]["evaluation.npz"]["sha256"] == again.card["files"]["evaluation.npz"]["sha256"]
    assert first.card["data"]["n_fit"] == 500


def test_without_any_data_the_sample_is_unpacked(settings):
    run, _ = train(settings, {"max_depth": 2})
    assert run.card["data"]["is_sample"]


def test_bad_data_and_bad_parameters_stop_before_anything_is_written(settings, tmp_path):
    with pytest.raises(DataError):
        train(replace(settings, mnist=tmp_path / "none.npz"))
    with pytest.raises(ModelError):
        train(settings, {"max_depth": 0})
    assert not (settings.home / "runs").exists()


def test_estimate_learns_from_the_newest_run(tiny):
    config = pipeline.make_config("decision_tree", {}, None, "none")
    rough = launch.estimate(config, [], 4000)["fit"]
    run, _ = train(tiny)
    learned = launch.estimate(config, [run], 4000)["fit"]
    assert learned == pytest.approx(run.card["timings"]["fit"])
    assert launch.estimate(config, [run], 8000)["fit"] == pytest.approx(2 * learned)
    assert rough > 0


PLAN = {"data": 1.0, "fit": 8.0, "evaluate": 0.5, "export": 0.5, "seal": 0.0}


@pytest.mark.parametrize(
    ("stage", "elapsed", "share", "left"),
    [
        ("queued", 5, 0.0, 10.0),
        ("data", 0, 0.0, 10.0),
        ("fit", 4, 0.5, 5.0),
        ("fit", 100, 0.9, 0.0),  # longer than expected: no promise
        ("export", 0.25, 0.975, 0.25),
        ("seal", 0, 0.99, 0.0),  # never quite done before it is
    ],
)
def test_progress(stage, elapsed, share, left):
    found = launch.progress([{"t": 100.0, "stage": stage}], PLAN, 100.0 + elapsed)
    assert found == pytest.approx((share, left))


def test_progress_of_what_learns_in_steps_goes_by_its_own_pace():
    plan = {"data": 2.0, "fit": 100.0, "evaluate": 1.0, "export": 1.0, "seal": 0.0}
    fit = [{"t": 10.0, "stage": "fit"}, {"t": 20.0, "stage": "fit", "done": 5, "total": 20, "unit": "trees"}]
    share, left = launch.progress(fit, plan, 24.0)
    assert share == pytest.approx((2 + 100 / 4) / 104)
    assert left == pytest.approx(30 - 4 + 2)


def test_stopped_with_the_best_so_far(tiny):
    run_id, told = "20260101-000000-mlp-0000", []

    def emit(stage, **fields):
        told.append({"stage": stage, **fields})
        if fields.get("done") == 2:
            pipeline.keep_best(tiny, run_id)

    jobs.folder(tiny, run_id).mkdir(parents=True)
    run = pipeline.train(tiny, run_id, pipeline.make_config("mlp", {"epochs": 50}, None, "none"), emit)
    assert [step["done"] for step in run.card["learning"]] == [1, 2]
    assert run.card["stopped"]
    assert run.servable
    assert [e["unit"] for e in told if e.get("done")] == ["epochs", "epochs"]
    assert run.config["validation"] == 5000


def test_a_family_with_features_names_them(tiny):
    config = pipeline.make_config("hog_logistic", {}, None, "none")
    run = pipeline.train(tiny, "20260101-000000-hog_logistic-0000", config, lambda stage, **fields: None)
    assert run.card["features"].startswith("stand the digit upright")
    session = inference.open_session(run)
    proba = inference.predict_proba(session, np.array(dataset.load(tiny).x_test))
    assert np.abs(proba - runs.load_evaluation(run).proba).max() <= 1e-4


def test_data_job_is_started_once(settings, monkeypatch):
    started = []
    monkeypatch.setattr(jobs, "start", lambda settings, job_id, secrets=(): started.append(job_id))
    assert launch.start_data(settings) == launch.start_data(settings)
    assert len(started) == 1


def test_only_the_tracking_child_is_given_the_key(settings, monkeypatch):
    given = {}

    class Child:
        pid = 1

        def __init__(self, words, env, **options):
            given[words[3]] = (words, env)

        def wait(self):
            return 0

    settings = replace(settings, wandb_api_key="k" * 40, password="hush")
    monkeypatch.setattr(subprocess, "Popen", Child)
    launch.start(settings, pipeline.make_config("decision_tree", {}, None, "none"))
    assert "k" * 40 not in str(given["train"])
    assert given["track"][1]["WANDB_API_KEY"] == "k" * 40
    assert "k" * 40 not in str(given["track"][0])
    assert "hush" not in str(given)
    assert "k" * 40 not in repr(settings)
    for path in settings.home.rglob("*"):
        assert path.is_dir() or "k" * 40 not in path.read_text()


def test_default_run_prints_the_figures_of_the_exercise(full_mnist, tmp_path, settings):
    """Accuracy 0.8662 and the report of the exercise, on all of MNIST, from the command line."""
    settings = replace(settings, mnist=full_mnist)
    words = [sys.executable, "-m", "core", "train", "--max-depth", "10"]
    env = settings.child_environment() | {"WANDB_MODE": "disabled"}
    done = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "accuracy 0.8662"
    found = {line.split("  ")[0].strip(): line.split()[-4:] for line in lines[4:16]}
    assert {name: " ".join(row[:3]) for name, row in found.items()} == {
        "0": "0.91 0.94 0.92",
        "1": "0.95 0.96 0.95",
        "2": "0.85 0.84 0.84",
        "3": "0.82 0.84 0.83",
        "4": "0.86 0.85 0.86",
        "5": "0.84 0.80 0.82",
        "6": "0.91 0.87 0.89",
        "7": "0.90 0.88 0.89",
        "8": "0.80 0.81 0.80",
        "9": "0.81 0.86 0.83",
        "macro avg": "0.87 0.86 0.86",
        "weighted avg": "0.87 0.87 0.87",
    }
    (run,) = runs.list_runs(settings)
    assert run.card["shape"]["nodes"] == 1703
    # One float32 copy of the images is 188 MB; a float64 or a second copy would be beyond this.
    assert run.card["peak_memory_mb"] < 480
    assert json.loads((run.path / "config.json").read_text())["data_sha256"] == run.config["data_sha256"]
    assert metrics.report(runs.load_evaluation(run)).loc["0", "support"] == 980


def test_config_and_card_say_all_there_is_to_say(tiny, sample):
    run, _ = train(tiny, {"max_depth": 3}, size=1000)
    assert json.loads((run.path / "config.json").read_text()) == run.config
    assert run.config == {
        "family": "decision_tree",
        "params": models.spec("decision_tree").check({"max_depth": 3}),
        "train_size": 1000,
        "validation": 0,
        "augmentation": "none",
        "copies": 0,
        "data_sha256": sample.sha256,
        "versions": pipeline.versions(),
    }
    card = run.card
    assert card["id"] == run.id
    assert card["shape"] == {"nodes": 15, "leaves": 8, "depth": 3}
    assert card["data"] == {
        "title": "tiny.npz (DIGITLAB_MNIST)",
        "is_sample": False,
        "n_fit": 1000,
        "n_train": 4000,
        "n_test": 1000,
    }
    assert set(card["metrics"]) == {"accuracy", "precision", "recall", "f1", "log_loss"}
    assert set(card["timings"]) == {"prepare", "prepare_cpu", "fit", "fit_cpu", "predict", "export", "total"}
    assert all(seconds > 0 for seconds in card["timings"].values())
    assert card["peak_memory_mb"] > 50


def test_stages_end_where_a_stage_fails(tiny, monkeypatch):
    def broken(model, folder):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pipeline.export, "save_onnx", broken)
    events, run_id, config = (
        [],
        jobs.new_id("decision_tree"),
        pipeline.make_config("decision_tree", {"max_depth": 1}, None, "none"),
    )
    with pytest.raises(OSError, match="No space"):
        pipeline.train(tiny, run_id, config, lambda stage, **fields: events.append(stage))
    assert events == ["data", "fit", "evaluate", "export"]
    assert runs.list_runs(tiny) == []
    assert runs.sweep(tiny) == [run_id]


def test_models_stay_open_as_far_as_there_is_room(trained, monkeypatch):
    (run,) = runs.list_runs(trained)
    other = replace(run, id="20260101-000000-decision_tree-0000")
    first = inference.open_session(run)
    inference.open_session(other)
    assert inference.open_session(run) is first
    monkeypatch.setattr(inference, "KEPT", runs.size_of(run))
    inference.open_session(other)
    assert inference.open_session(run) is not first


def test_a_model_that_many_ask_for_at_once_is_opened_once(trained, monkeypatch):
    (run,) = runs.list_runs(trained)
    asked, opened, load = threading.Barrier(8), [], inference.load_session

    def opening(run):
        opened.append(run.id)
        with contextlib.suppress(threading.BrokenBarrierError):
            asked.wait(timeout=0.2)  # whoever would open it too has the time to
        return load(run)

    monkeypatch.setattr(inference, "load_session", opening)
    with ThreadPoolExecutor(8) as pupils:
        sessions = list(pupils.map(inference.open_session, [run] * 8))
    assert opened == [run.id]
    assert len(set(map(id, sessions))) == 1
