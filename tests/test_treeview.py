"""The tree to look at: by hand on a literal tree, and as scikit-learn has it."""

import re

import numpy as np
import pytest

from core import depth, treeview
from tests.test_depth import fitted, images, literal


def test_top_of_a_literal_tree():
    found = treeview.top(literal(), images=images((), (5,), (5, 7), (5, 7)))
    assert (found.row, found.column, found.threshold, found.samples) == (0, 5, 127.5, 8)
    assert found.picture[0, 5] == 150  # three of four images have ink of 200 there
    assert (found.no_ink.is_leaf, found.no_ink.answer) == (True, 1)
    assert found.ink.picture[0, 7] == 133
    assert [side.answer for side in (found.ink.no_ink, found.ink.ink)] == [2, 3]
    assert found.ink.ink.picture[0, 7] == 200


def test_it_may_begin_anywhere_and_end_anywhere():
    found = treeview.top(literal(), 2, levels=0, images=images((), (5,), (5, 7)))
    assert (found.number, found.no_ink, found.ink) == (2, None, None)
    assert found.picture[0, 7] == 100  # only the two that come by
    assert treeview.top(literal(), 2).picture is None
    assert treeview.way_to(literal(), 4) == [(0, True), (2, True)]
    assert treeview.way_to(literal(), 0) == []


def test_a_node_that_no_image_passes_has_no_picture():
    found = treeview.top(literal(), images=images((5,)))
    assert found.no_ink.picture is None
    assert found.ink.picture is not None


@pytest.mark.parametrize("params", [{}, {"criterion": "entropy"}, {"class_weight": "balanced"}], ids=str)
def test_importances_are_those_of_scikit_learn(sample, params):
    classifier = fitted(sample, 1500, **params)
    weights = 1 / np.bincount(sample.y_train[:1500], minlength=10) if "class_weight" in params else None
    found = treeview.importances(depth.from_estimator(classifier), params.get("criterion", "gini"), weights)
    np.testing.assert_allclose(found.ravel(), classifier.feature_importances_, atol=1e-6)  # kept in single precision
    assert found.sum() == pytest.approx(1)


def test_text_is_that_of_scikit_learn(sample):
    from sklearn.tree import export_text

    classifier = fitted(sample, 800, max_depth=6)
    names = [f"row {row} column {column}" for row in range(28) for column in range(28)]
    theirs = export_text(classifier, feature_names=names, max_depth=20)
    ours = re.sub(r" \(\d+ images\)", "", treeview.as_text(depth.from_estimator(classifier)))
    assert ours == theirs


def test_dot_has_every_node_and_every_branch(sample):
    found = depth.from_estimator(fitted(sample, 800, max_depth=5))
    text = treeview.as_dot(found)
    assert text.startswith("digraph Tree {")
    assert text.rstrip().endswith("}")
    assert len(re.findall(r"^\d+ \[label=", text, re.M)) == len(found.left)
    edges = {(int(a), int(b)) for a, b in re.findall(r"^(\d+) -> (\d+)", text, re.M)}
    inner = np.flatnonzero(found.inner)
    assert edges == {(i, side[i]) for i in inner for side in (found.left, found.right)}


def test_the_mix_in_words():
    mix = np.zeros(10, np.float32)
    mix[[7, 9, 1]] = 0.62, 0.378, 0.002
    assert treeview.mix_words(mix) == "7: 62%, 9: 38%"
