"""Comparing runs: literal cases, and scikit-learn and scipy as oracles."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from sklearn import metrics as oracle

from core import compare, metrics, runs
from core.settings import Settings


def evaluation(seed: int, n: int = 500, sharp: float = 3.0, **change) -> metrics.Evaluation:
    rng = np.random.default_rng(seed)
    y_true = change.get("y_true", np.arange(n, dtype=np.uint8) % 10)
    scores = rng.normal(size=(n, 10))
    scores[np.arange(n), y_true] += sharp
    proba = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return metrics.Evaluation(y_true, proba.round(change.get("digits", 9)).astype(np.float32))


def answers(y_true: list[int], y_pred: list[int]) -> metrics.Evaluation:
    return metrics.Evaluation(np.array(y_true, np.uint8), np.eye(10, dtype=np.float32)[y_pred])


def run_on(sha256: str, title: str = "mnist.npz") -> runs.Run:
    data = {"title": title, "n_test": 10_000}
    return runs.Run("20260101-000000-mlp-abcd", None, {"data_sha256": sha256}, {"data": data})


def test_fixed_broken_both_wrong():
    found = compare.pair(answers([0, 1, 2, 3, 4], [0, 1, 9, 9, 4]), answers([0, 1, 2, 3, 4], [0, 8, 2, 9, 8]))
    assert found.fixed.tolist() == [2]
    assert found.broken.tolist() == [1, 4]
    assert found.both_wrong.tolist() == [3]
    assert found.difference.value == pytest.approx(-0.2)
    assert found.p == 1.0


@pytest.mark.parametrize(("fixed", "broken"), [(0, 0), (0, 1), (5, 0), (3, 12), (40, 28), (700, 820), (5000, 4000)])
def test_mcnemar_is_the_binomial_test(fixed, broken):
    expected = binomtest(fixed, fixed + broken).pvalue if fixed + broken else 1.0
    assert compare.mcnemar(fixed, broken) == pytest.approx(expected, rel=1e-9, abs=1e-300)
    assert compare.mcnemar(broken, fixed) == compare.mcnemar(fixed, broken)


def test_the_interval_is_that_of_drawing_images():
    one, other = evaluation(0), evaluation(1, sharp=4.0)
    found = compare.pair(one, other).difference
    right = (other.y_pred == other.y_true).astype(float) - (one.y_pred == one.y_true)
    rng = np.random.default_rng(5)
    drawn = [right[rng.integers(0, len(right), len(right))].mean() for _ in range(4000)]
    assert found.value == pytest.approx(right.mean())
    assert [found.low, found.high] == pytest.approx(np.percentile(drawn, [2.5, 97.5]), abs=0.004)
    assert found == compare.pair(one, other).difference


@pytest.mark.parametrize(
    ("up", "down", "words"),
    [
        (40, 28, "**A tie: p = 0.18.** B reads 40 images right that A gets wrong, and gets 28 wrong that A reads."),
        (60, 20, "**B is better: p < 0.001.**"),
        (5, 20, "**A is better: p = 0.004.**"),
        (0, 0, "**A tie**: both are right and wrong on the very same images"),
    ],
)
def test_the_verdict_in_words(up, down, words):
    nothing = np.zeros(0, int)
    difference = compare.difference_interval(1000, up, down)
    pair = compare.Pair(1000, np.arange(up), np.arange(down), nothing, compare.mcnemar(up, down), difference)
    assert compare.describe(pair, "A", "B").startswith(words)


def test_recall_by_digit_is_scikit_learns():
    both = [evaluation(0), evaluation(1)]
    expected = [oracle.recall_score(e.y_true, e.y_pred, average=None) for e in both]
    assert np.allclose(compare.recall_by_digit(both), expected)


def test_best_is_marked_in_its_own_direction():
    frame = pd.DataFrame({"accuracy": [0.9, 0.95, 0.95], "log_loss": [0.2, 0.3, np.nan], "name": [1, 2, 3]})
    marks = compare.best(frame)
    assert marks["accuracy"].tolist() == [False, True, True]
    assert marks["log_loss"].tolist() == [True, False, False]
    assert not marks["name"].any()
    assert not compare.best(frame.iloc[:1]).to_numpy().any()
    assert compare.best(pd.DataFrame({"log_loss": [0.2, np.inf]}))["log_loss"].tolist() == [True, False]


def test_other_data_cannot_be_compared_and_says_why():
    assert compare.incomparable([run_on("a" * 64), run_on("a" * 64)]) == ""
    said = compare.incomparable([run_on("a" * 64), run_on("b" * 64, "the bundled sample")])
    assert "cannot be compared, as they answered different test images" in said
    assert "mnist.npz" in said
    assert "the bundled sample" in said
    assert compare.different_answers([evaluation(0), evaluation(1)]) == ""
    other = evaluation(1, y_true=np.zeros(500, np.uint8))
    assert "labels of their test images differ" in compare.different_answers([evaluation(0), other])


def test_overview_of_real_runs(trained_home):
    found = runs.list_runs(Settings(home=trained_home))
    frame = compare.overview(found, [runs.load_evaluation(run) for run in found])
    assert list(frame.columns) == list(compare.BETTER)
    row, run = frame.iloc[0], found[0]
    assert row["accuracy"] == pytest.approx(run.metrics["accuracy"])
    assert row["log_loss"] == pytest.approx(run.metrics["log_loss"])
    assert row["megabytes"] == run.card["files"]["model.onnx"]["bytes"] / 1e6
    assert row["milliseconds"] == pytest.approx(run.card["timings"]["predict"])  # 1,000 images
