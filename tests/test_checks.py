"""The automatic checks on literal facts, and the cure's way to the Train page."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core import checks, cures, metrics, models, pipeline, robustness, runs
from tests.conftest import ROOT
from tests.test_robustness import newest


def answers(accuracy: float, n: int = 2000, sure: float = 0.0) -> metrics.Evaluation:
    """Return answers of which this share is right, as sure as they are right, or as `sure`."""
    y = (np.arange(n) % 10).astype(np.uint8)
    said = np.where(np.arange(n) // 10 % 100 < 100 * accuracy, y, (y + 1) % 10)
    proba = np.full((n, 10), (1 - (sure or accuracy)) / 9, np.float32)
    proba[np.arange(n), said] = sure or accuracy
    return metrics.Evaluation(y, proba)


def run(accuracy: float = 0.9, family: str = "decision_tree", fit: float = 10.0, seed: int = 42, **params) -> runs.Run:
    config = {
        "family": family,
        "params": models.spec(family).check({"random_state": seed, **params}),
        "train_size": None,
        "validation": 0,
        "data_sha256": "a" * 64,
    }
    card = {
        "label": models.spec(family).label,
        "metrics": {"accuracy": accuracy},
        "timings": {"fit_cpu": fit},
        "data": {"is_sample": False, "n_fit": 60_000, "n_train": 60_000},
        "preprocessing": pipeline.PREPROCESSING,
        "learning": [],
    }
    return runs.Run(f"{family}-{accuracy}-{fit}-{seed}", Path(), config, card)


def facts(mine: runs.Run | None = None, evaluation=None, others=(), train: float | None = None) -> checks.Facts:
    found = None
    if train is not None:
        found = robustness.Robustness(1, {}, {}, {}, np.zeros((28, 28)), int(1000 * train), 1000)
    return checks.Facts(mine or run(), evaluation or answers(0.9), others, None, found)


def test_overfitting_needs_a_train_accuracy():
    assert checks.overfitting(facts()).holds is None
    assert checks.overfitting(facts(train=0.93)).holds is True
    deep = checks.overfitting(facts(run(max_depth=None), train=1.0))
    assert deep.holds is False
    assert "10.0 points" in deep.sentence
    assert deep.cure == {}  # a depth of 10 is the default of the page
    assert checks.overfitting(facts(run(family="mlp"), train=1.0)).cure["mlp_alpha"] == "0.01"


def test_train_accuracy_of_the_best_step():
    steps = [
        {"held_accuracy": 0.8, "train_accuracy": 0.85},
        {"held_accuracy": 0.9, "train_accuracy": 0.95},
        {"held_accuracy": 0.89, "train_accuracy": 0.99},
    ]
    mine = run()
    assert checks.train_accuracy(facts(replace(mine, card=mine.card | {"learning": steps}))) == 0.95


def test_underfitting():
    assert checks.underfitting(facts()).holds is True
    found = checks.underfitting(facts(run(max_depth=2), answers(0.4)))
    assert (found.holds, found.cure["max_depth"]) == (False, "6")
    assert "10.0%" in found.sentence


def test_worse_than_the_best_only_beyond_chance():
    assert checks.best(facts()).holds is None
    assert checks.best(facts(others=[run(0.905, fit=1)])).holds is True
    found = checks.best(facts(others=[run(0.97, "random_forest"), run(0.95, "mlp")]))
    assert (found.holds, found.cure) == (False, {"model": "Random forest"})
    other = run(0.99)
    foreign = replace(other, config=other.config | {"data_sha256": "b" * 64})
    assert checks.best(facts(others=[foreign])).holds is None


def test_slower_than_one_as_good():
    assert checks.quickest(facts()).holds is True
    assert checks.quickest(facts(others=[run(0.9, fit=6)])).holds is True
    found = checks.quickest(facts(others=[run(0.905, fit=2, max_depth=8)]))
    assert (found.holds, found.cure) == (False, {"max_depth": "8"})
    assert checks.quickest(facts(others=[run(0.5, fit=0.1)])).holds is True


def test_seeds():
    found = checks.seeds(facts())
    assert (found.holds, found.cure) == (None, {"random_state": "43"})
    assert checks.seeds(facts(others=[run(0.905, seed=1)])).holds is True
    assert checks.seeds(facts(others=[run(0.85, seed=1)])).holds is False
    assert checks.seeds(facts(others=[run(0.85, seed=1, max_depth=3)])).holds is None


def test_calibration():
    assert checks.calibrated(facts()).holds is True
    found = checks.calibrated(facts(evaluation=answers(0.8, sure=0.99)))
    assert (found.holds, found.cure) == (False, {"min_samples_leaf": "20"})
    assert "surer than it is right" in found.sentence
    modest = checks.calibrated(facts(evaluation=answers(0.9, sure=0.6)))
    assert (modest.holds, modest.page, modest.cure) == (False, cures.DRAW, {"run": run().id, "why": "How sure"})


def test_one_digit_far_below():
    assert checks.weakest(facts()).holds is True
    evaluation = answers(1.0)
    proba = evaluation.proba.copy()
    fives = np.flatnonzero(evaluation.y_true == 5)[:100]
    proba[fives] = np.eye(10, dtype=np.float32)[6]
    found = checks.weakest(facts(evaluation=metrics.Evaluation(evaluation.y_true, proba)))
    assert (found.holds, found.cure) == (False, {"class_weight": "balanced"})
    assert "weakest digit is 5: it finds 50.0%" in found.sentence


def test_few_images_and_the_sample():
    mine = run()
    assert checks.sample(facts()).holds is True
    few = replace(mine, card=mine.card | {"data": mine.card["data"] | {"n_fit": 2000}})
    assert checks.sample(facts(few)).cure == {"train_size": "60000"}
    bundled = replace(mine, card=mine.card | {"data": {"is_sample": True, "n_fit": 4000, "n_train": 4000}})
    found = checks.sample(facts(bundled))
    assert (found.holds, found.page, found.cure) == (False, cures.HOME, {"data": "true"})
    again = checks.sample(replace(facts(bundled), all_here=True))
    assert (again.holds, again.page, again.cure) == (False, cures.TRAIN, {})


def test_the_strongest_hint_is_what_the_others_hang_on():
    assert checks.strongest(facts()) is None
    weak = run(max_depth=2)
    assert checks.strongest(facts(weak, answers(0.4, sure=0.99))).name == "Learned enough?"
    few = replace(weak, card=weak.card | {"data": weak.card["data"] | {"n_fit": 2000}})
    assert checks.strongest(facts(few, answers(0.4))).name == "Enough images?"
    assert checks.strongest(facts(run(max_depth=None), train=1.0)).name == "Learned by heart?"


def test_a_balanced_model_learns_from_other_hands():
    balanced = run(class_weight="balanced")
    plain = replace(balanced, config=balanced.config | {"augmentation": "none"})
    assert cures.fairer(run()) == {"class_weight": "balanced"}
    assert cures.fairer(plain) == {"augmentation": "hands"}
    assert cures.query(plain, **cures.fairer(plain)) == {"class_weight": "balanced", "augmentation": "hands"}
    assert cures.query(plain)["augmentation"] == "none"  # repeated as it was, whatever the page begins with
    mlp = run(family="mlp")
    seen = replace(mlp, config=mlp.config | {"augmentation": "hands"})
    assert cures.query(seen)["mlp_augmentation"] == "hands"


def test_other_preprocessing():
    mine = run()
    assert checks.same_preprocessing(facts()).holds is True
    old = replace(mine, card=mine.card | {"preprocessing": "squeezed"})
    assert "“squeezed”" in checks.same_preprocessing(facts(old)).sentence


def test_what_is_wrong_comes_first():
    found = checks.look(facts(run(max_depth=2), answers(0.4)))
    states = [check.holds for check in found]
    assert len(found) == 9
    assert states == sorted(states, key=[False, True, None].index)
    assert all(check.sentence.endswith(".") for check in found)


def test_a_family_that_is_not_known_here_has_no_link():
    mine = run()
    assert cures.query(replace(mine, config=mine.config | {"family": "oracle"})) == {}


@pytest.mark.parametrize(
    ("mine", "key", "value"),
    [
        (run(max_depth=None, criterion="entropy"), "max_depth", "no limit"),
        (run(family="mlp", hidden=32), "mlp_hidden", 32),
        (run(family="hog_svm", C=0.5), "hog_svm_C", 0.5),
    ],
    ids=["tree", "network", "machine"],
)
def test_the_link_sets_the_side_bar(empty, mine, key, value):
    page = AppTest.from_file(str(ROOT / "pages/1_Train.py"), default_timeout=60)
    page.query_params.update(cures.query(mine))
    page.run()
    assert not page.exception
    assert page.selectbox(key="model").value == mine.card["label"]
    assert page.session_state[key] == value


def test_a_real_run_with_all_that_is_known(trained):
    from core import dataset, depth

    mine = newest(trained)
    study = depth.of_run(mine, dataset.load(trained))
    found = checks.look(checks.Facts(mine, runs.load_evaluation(mine), runs.list_runs(trained), study))
    by_name = {check.name: check for check in found}
    assert by_name["Learned by heart?"].holds is False  # 4,000 images, depth 10
    assert by_name["Enough images?"].holds is True  # all that there are
