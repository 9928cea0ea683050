"""Our numbers are scikit-learn's: it is the oracle here and nowhere else."""

import numpy as np
import pytest
from sklearn import metrics as oracle

from core import metrics

RNG = np.random.default_rng(0)


def answers(y_true, y_pred) -> metrics.Evaluation:
    return metrics.Evaluation(np.array(y_true, np.uint8), np.eye(10, dtype=np.float32)[np.array(y_pred)])


CASES = {
    "random": answers(RNG.integers(0, 10, 500), RNG.integers(0, 10, 500)),
    "perfect": answers(range(10), range(10)),
    "all wrong": answers(range(10), [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]),
    "one answer for all": answers(range(10), [3] * 10),
    "a class is never present": answers([0, 1, 2, 2], [0, 1, 2, 9]),
    "one image": answers([7], [7]),
}


@pytest.fixture(params=CASES, ids=str)
def case(request):
    return CASES[request.param]


def test_confusion_matrix(case):
    expected = oracle.confusion_matrix(case.y_true, case.y_pred, labels=range(10))
    assert case.confusion_matrix.tolist() == expected.tolist()


def test_report(case):
    expected = oracle.precision_recall_fscore_support(case.y_true, case.y_pred, labels=range(10), zero_division=1)
    frame = metrics.report(case)
    for name, values in zip(("precision", "recall", "f1", "support"), expected, strict=True):
        np.testing.assert_allclose(frame[name].iloc[:10], values, atol=1e-12)
    for average in ("macro", "weighted"):
        expected = oracle.precision_recall_fscore_support(
            case.y_true, case.y_pred, labels=range(10), zero_division=1, average=average
        )[:3]
        found = frame.loc[f"{average} avg", ["precision", "recall", "f1"]].to_numpy(float)
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_summary_has_the_weighted_averages_inside_their_intervals(case):
    frame, found = metrics.report(case), metrics.summary(case)
    assert found["accuracy"].value == pytest.approx(oracle.accuracy_score(case.y_true, case.y_pred), abs=1e-12)
    for name in ("precision", "recall", "f1"):
        assert found[name].value == pytest.approx(frame.loc["weighted avg", name], abs=1e-12)
    for interval in found.values():
        assert 0 <= interval.low <= interval.high <= 1


def test_summary_is_the_same_each_time(case):
    assert metrics.summary(case) == metrics.summary(case)


def test_wilson_is_the_textbook_value():
    # Brown, Cai and DasGupta 2001: 10 of 20 gives 0.299 to 0.701.
    found = metrics.wilson(10, 20)
    assert (round(found.low, 3), found.value, round(found.high, 3)) == (0.299, 0.5, 0.701)


@pytest.mark.parametrize(("hits", "edge"), [(0, 0.0), (50, 1.0)])
def test_wilson_stays_between_0_and_1(hits, edge):
    found = metrics.wilson(hits, 50)
    assert edge in (found.low, found.high)
    assert found.low < found.high


def test_bootstrap_interval_covers_what_it_should():
    """The interval of a 1,000-image test set is about as wide as the spread of many such sets."""
    true = RNG.integers(0, 10, 1000)
    wrong = RNG.random(1000) < 0.2
    evaluation = answers(true, np.where(wrong, (true + 1) % 10, true))
    interval = metrics.summary(evaluation)["recall"]
    expected = 2 * 1.96 * np.sqrt(0.2 * 0.8 / 1000)
    assert interval.high - interval.low == pytest.approx(expected, rel=0.15)


def test_ties_go_to_the_lowest_class():
    proba = np.zeros((1, 10), np.float32)
    proba[0, [4, 7]] = 0.5
    assert metrics.Evaluation(np.array([7], np.uint8), proba).y_pred.tolist() == [4]


def test_shares_by_row_by_column_and_of_all():
    matrix = np.zeros((10, 10), int)
    matrix[0, :2], matrix[1, 1] = (3, 1), 4
    assert metrics.confusion_shares(matrix, "true")[0, :2].tolist() == [0.75, 0.25]
    assert metrics.confusion_shares(matrix, "predicted")[:2, 1].tolist() == [0.2, 0.8]
    assert metrics.confusion_shares(matrix, "all")[1, 1] == 1.0
    assert metrics.confusion_shares(matrix, "true")[9].tolist() == [0.0] * 10  # no image, no division by zero


def test_worst_pair_ignores_the_right_answers():
    matrix = np.diag([100] * 10)
    matrix[4, 9] = 7
    assert metrics.worst_pair(matrix) == metrics.Mistake(true=4, predicted=9, count=7)
    assert metrics.worst_pair(np.diag([5] * 10)).count == 0
