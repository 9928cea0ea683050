"""Every family of the catalogue through the same invariants: a new entry is tested for free."""

import re
import subprocess
import sys

import numpy as np
import pytest

from core import export, features, models, onnx_export, training
from core.errors import ModelError

FAMILIES = list(models.CATALOGUE)
TOO_SLOW = "cnn_accurate"  # learns by the very code of cnn_small; its own layers' export is tested in test_deep.py


@pytest.fixture(scope="module", params=FAMILIES)
def family(request) -> models.ModelSpec:
    return models.spec(request.param)


@pytest.fixture(scope="module")
def fitted(family, sample) -> training.FittedModel:
    if family.name == TOO_SLOW:
        pytest.skip(f"{TOO_SLOW} takes too long here")
    return fit(family, sample)


def fit(family, sample, report=None) -> training.FittedModel:
    material = training.prepare(family, sample.x_train[:1000], sample.y_train[:1000], family.validation)
    return training.fit(family, family.check({}), material, report)


def test_parameters_explain_themselves(family):
    assert family.summary.endswith(".")
    for p in family.parameters:
        assert p.help.endswith(".")
        assert p.check(p.default) == p.default


def test_default_is_checked_and_complete(family):
    assert family.check({}) == {p.name: p.default for p in family.parameters}


def test_wrong_values_get_one_sentence(family):
    for p in family.parameters:
        outside = (p.high + 1, p.low - 1, float("nan"), float("inf"), -float("inf"), 10**400, True, "ten", [1])
        for wrong in ("no such choice", "") if p.kind == "choice" else outside:
            with pytest.raises(ModelError, match=f"^{p.name} is {re.escape(repr(wrong))}; (give|choose) .*\\.$"):
                family.check({p.name: wrong})
        if not p.none:
            with pytest.raises(ModelError, match=f"^{p.name} is None"):
                family.check({p.name: None})


def test_unknown_parameter_is_refused(family):
    with pytest.raises(ModelError, match="has no parameter 'depth'; it has "):
        family.check({"depth": 3})


def test_probabilities(fitted, sample):
    proba = training.evaluate(fitted, sample.x_test, sample.y_test).proba
    assert proba.shape == (1000, 10)
    assert proba.dtype == np.float32
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-5)
    assert (proba.argmax(axis=1) == sample.y_test).mean() > 0.5


def test_same_seed_same_model(family, fitted, sample):
    again = fit(family, sample)
    one, two = (training.evaluate(m, sample.x_test, sample.y_test).proba for m in (fitted, again))
    assert (one == two).all()


def test_onnx_agrees(fitted, sample, tmp_path):
    export.save_onnx(fitted, tmp_path)
    served = export.onnx_proba(tmp_path / "model.onnx", sample.x_test)
    parity = export.parity(training.evaluate(fitted, sample.x_test, sample.y_test).proba, served)
    assert parity["servable"], parity


def test_a_forest_that_was_grown_best_leaf_first_is_no_table(sample):
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(n_estimators=2, max_leaf_nodes=20, random_state=0)
    forest.fit(sample.x_train[:200].reshape(200, -1), sample.y_train[:200])
    with pytest.raises(ModelError, match="max_leaf_nodes"):
        onnx_export.convert(forest)


def test_more_trees_and_smaller_leaves_need_more_memory():
    spec = models.spec("extra_trees")

    def need(**params) -> float:
        return spec.memory_mb(spec.check(params), 20_000, False)

    assert need() == need(n_estimators=10) == pytest.approx(240 + 126)
    assert need(n_estimators=240) == pytest.approx(150 + 4 * 216)
    assert need(min_samples_leaf=1) > 1.5 * need()


def test_joblib_needs_scikit_learn_alone(fitted, sample, tmp_path):
    if fitted.spec.needs:
        pytest.skip("a network is no joblib file; test_deep.py loads it with plain Keras")
    export.save_joblib(fitted, tmp_path)
    taken = features.apply(fitted.spec.features, sample.x_test[:50])  # for some a step that the card names comes first
    np.save(tmp_path / "images.npy", taken)
    code = (
        "import sys, joblib, numpy as np\n"
        "model = joblib.load('model.joblib')\n"
        "np.save('proba.npy', model.predict_proba(np.load('images.npy')))\n"
        "assert not [m for m in sys.modules if m == 'core' or m.startswith('core.')]\n"
    )
    subprocess.run([sys.executable, "-I", "-c", code], cwd=tmp_path, check=True)
    expected = fitted.estimator.predict_proba(taken)
    assert (np.load(tmp_path / "proba.npy") == expected).all()


def test_steps_are_told_and_stopped(family, fitted, sample):
    if not family.learn:
        assert fitted.steps == ()
        return
    assert fitted.steps
    assert [step.done for step in fitted.steps] == sorted({step.done for step in fitted.steps})
    assert all(0 < step.done <= step.total and step.unit for step in fitted.steps)
    assert not fitted.stopped
    early = fit(family, sample, lambda step: False)
    assert (len(early.steps), early.stopped) == (1, True)
    assert training.predict_proba(early, sample.x_test[:10]).shape == (10, 10)


def test_tree_file_walked_by_hand_gives_the_probabilities(fitted, sample, tmp_path):
    export.save_tree(fitted, tmp_path)
    if not (tmp_path / "tree.npz").exists():
        pytest.skip(f"{fitted.spec.name} is no single tree")
    with np.load(tmp_path / "tree.npz", allow_pickle=False) as arrays:
        tree = {name: arrays[name] for name in arrays.files}
    for image, expected in zip(sample.x_test[:100], fitted.estimator.predict_proba(sample.x_test[:100]), strict=True):
        node, pixels = 0, image.ravel()
        while tree["left"][node] != -1:
            side = "left" if pixels[tree["feature"][node]] <= tree["threshold"][node] else "right"
            node = tree[side][node]
        np.testing.assert_allclose(tree["value"][node], expected, atol=1e-6)


def test_time_estimate_grows_with_the_images(family):
    params = family.check({})
    assert 0 < family.cpu_seconds(params, 1000) < family.cpu_seconds(params, 60_000) < 3600


def test_unknown_family():
    with pytest.raises(ModelError, match="There is no model family 'magic'; there are decision_tree"):
        models.spec("magic")


@pytest.mark.parametrize(("value", "kept"), [(10, 10), (None, None), (50, 50), (1, 1)])
def test_max_depth_takes_1_to_50_and_no_limit(value, kept):
    assert models.spec("decision_tree").check({"max_depth": value})["max_depth"] == kept


@pytest.mark.parametrize("value", [0, 51, 2.5, "ten", True])
def test_max_depth_refuses(value):
    with pytest.raises(ModelError, match=r"max_depth is .*; give a whole number from 1 to 50, or None for “no limit”"):
        models.spec("decision_tree").check({"max_depth": value})


def test_a_model_that_disagrees_is_not_served():
    proba = np.full((3, 10), 0.05, np.float32)
    proba[:, 4] = 0.55
    other = proba.copy()
    other[1, [4, 5]] = (0.05, 0.55)
    verdict = export.parity(proba, other)
    assert (verdict["servable"], verdict["other_answers"]) == (False, 1)
    assert verdict["max_difference"] == pytest.approx(0.5)
    assert "answers 1 test images differently" in verdict["reason"]


def test_near_ties_may_swap_within_the_allowed_difference():
    proba = np.zeros((1, 10), np.float32)
    proba[0, :2] = (0.50004, 0.49996)
    assert export.parity(proba, proba[:, [1, 0, *range(2, 10)]])["servable"]


@pytest.mark.parametrize(("size", "kept"), [(None, None), (1000, None), (5000, None), (999, 999), (100, 100)])
def test_train_size(size, kept):
    assert training.check_train_size(size, 1000) == kept


def test_train_size_too_small():
    with pytest.raises(ModelError, match="train_size is 99; give at least 100 of the 1,000 images"):
        training.check_train_size(99, 1000)


def test_what_is_held_out_is_not_learned_from():
    labels = np.repeat([0, 1], [600, 400]).astype(np.uint8)
    kept, held = training.split(labels, 50, seed=0)
    assert np.bincount(labels[held]).tolist() == [30, 20]
    assert sorted([*kept, *held]) == list(range(1000))
    assert len(training.split(labels, 5000, seed=0)[1]) == 100  # of few images a tenth
    kept, held = training.split(labels, 0, seed=0)
    assert (len(labels[kept]), len(held)) == (1000, 0)


def test_some_of_the_images_are_chosen_in_the_shares_of_all():
    labels = np.repeat([0, 1, 2], [500, 300, 200]).astype(np.uint8)
    chosen = training.choose(labels, 100, seed=0)
    assert np.bincount(labels[chosen]).tolist() == [50, 30, 20]
    assert labels[training.choose(labels, None, seed=0)].tolist() == labels.tolist()
