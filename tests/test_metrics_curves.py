"""Every number about probabilities is scikit-learn's to 1e-12, on three real models and on the edges."""

import warnings

import numpy as np
import pytest
from sklearn import metrics as oracle
from sklearn.calibration import calibration_curve

from core import metrics

EXACT = {"rtol": 0, "atol": 1e-12}
LABELS = list(range(10))


def softmax(scores: np.ndarray) -> np.ndarray:
    grown = np.exp(scores - scores.max(axis=1, keepdims=True))
    return (grown / grown.sum(axis=1, keepdims=True)).astype(np.float32)


def edge(name: str) -> metrics.Evaluation:
    rng = np.random.default_rng(len(name))
    y = rng.integers(0, 10, 400).astype(np.uint8)
    proba = softmax(rng.normal(size=(400, 10)) + 2 * np.eye(10)[y])
    if name == "never predicted":
        proba[:, 3] = 0
    if name == "never present":
        y = np.where(y == 7, 1, y).astype(np.uint8)
    if name == "ties":
        proba = np.round(proba * 4) / 4 + np.float32(0.01)
    if name == "perfect":
        proba = np.eye(10, dtype=np.float32)[y]
    if name == "surely wrong":
        proba = np.eye(10, dtype=np.float32)[(y + 1) % 10]
    if name == "one image":
        y, proba = y[:1], proba[:1]
    if name == "rows that sum to 0.9999":
        proba *= np.float32(0.9999)
    return metrics.Evaluation(y, proba.astype(np.float32))


EDGES = ["random", "never predicted", "never present", "ties", "perfect", "surely wrong", "rows that sum to 0.9999"]
MODELS = ["tree", "forest", "logistic"]


@pytest.fixture(scope="module")
def models(sample) -> dict[str, metrics.Evaluation]:
    """Three real models, each on the 1,000 test images of the sample."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.tree import DecisionTreeClassifier

    flat, tests = (np.array(x).reshape(-1, 784) / 255 for x in (sample.x_train[::4], sample.x_test))
    made = DecisionTreeClassifier(max_depth=8), RandomForestClassifier(20, random_state=0), LogisticRegression()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {
            name: metrics.Evaluation(
                np.array(sample.y_test),
                model.fit(flat, sample.y_train[::4]).predict_proba(tests).astype(np.float32),
            )
            for name, model in zip(MODELS, made, strict=True)
        }


@pytest.fixture(params=[*EDGES, *MODELS])
def case(request, models) -> metrics.Evaluation:
    return models[request.param] if request.param in models else edge(request.param)


def test_numbers(case):
    y, p = case.y_true, case.p
    assert p.dtype == np.float64
    assert metrics.log_loss(case) == pytest.approx(oracle.log_loss(y, p, labels=LABELS), rel=0, abs=1e-12)
    assert metrics.brier(case) == pytest.approx(oracle.brier_score_loss(y, p, labels=LABELS), rel=0, abs=1e-12)
    for k in (1, 2, 3):
        expected = oracle.top_k_accuracy_score(y, p, k=k, labels=LABELS)
        assert metrics.top_accuracy(case, k) == pytest.approx(expected, rel=0, abs=1e-12)
    matrix = case.confusion_matrix
    assert metrics.kappa(matrix) == pytest.approx(oracle.cohen_kappa_score(y, case.y_pred), rel=0, abs=1e-12)
    assert metrics.mcc(matrix) == pytest.approx(oracle.matthews_corrcoef(y, case.y_pred), rel=0, abs=1e-12)
    assert metrics.accuracy(matrix) == pytest.approx(oracle.accuracy_score(y, case.y_pred), rel=0, abs=1e-12)


def test_one_digit_alone_has_no_kappa_and_no_mcc():
    case = metrics.Evaluation(np.full(5, 4, np.uint8), np.eye(10, dtype=np.float32)[[4] * 5])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert np.isnan(oracle.cohen_kappa_score(case.y_true, case.y_pred))
    assert np.isnan(metrics.kappa(case.confusion_matrix))
    assert metrics.mcc(case.confusion_matrix) == oracle.matthews_corrcoef(case.y_true, case.y_pred) == 0
    assert metrics.roc(case)[4].area != metrics.roc(case)[4].area  # there is no rest to be wrong about
    assert metrics.roc(case)[-1].name == "macro"
    metrics.deeper(case)


def test_roc(case):
    truth = case.y_true[:, None] == np.arange(10)
    found = metrics.roc(case)
    assert [curve.name for curve in found] == [*map(str, LABELS), "micro", "macro"]
    for c, curve in enumerate(found[:10]):
        if not truth[:, c].any():
            assert np.isnan(curve.area)
            continue
        x, y, _ = oracle.roc_curve(truth[:, c], case.p[:, c])
        np.testing.assert_allclose(curve.x, x, **EXACT)
        np.testing.assert_allclose(curve.y, y, **EXACT)
        np.testing.assert_allclose(curve.area, oracle.roc_auc_score(truth[:, c], case.p[:, c]), **EXACT)
    there = truth.any(axis=0)
    macro = oracle.roc_auc_score(truth[:, there].astype(int), case.p[:, there], average="macro")
    np.testing.assert_allclose(found[-1].area, macro, **EXACT)
    np.testing.assert_allclose(found[-2].area, oracle.roc_auc_score(truth.ravel(), case.p.ravel()), **EXACT)
    assert (found[-1].x[0], found[-1].y[0], found[-1].y[-1]) == (0, 0, 1)


@pytest.mark.filterwarnings("ignore:No positive class")
def test_precision_recall(case):
    truth = case.y_true[:, None] == np.arange(10)
    found = metrics.precision_recall(case)
    for c, curve in enumerate(found[:10]):
        y, x, _ = oracle.precision_recall_curve(truth[:, c], case.p[:, c])
        np.testing.assert_allclose(curve.x, x[::-1], **EXACT)
        np.testing.assert_allclose(curve.y, y[::-1], **EXACT)
        np.testing.assert_allclose(curve.area, oracle.average_precision_score(truth[:, c], case.p[:, c]), **EXACT)
    there = truth.any(axis=0)
    for curve, average, columns in ((found[-1], "macro", there), (found[-2], "micro", np.ones(10, bool))):
        expected = oracle.average_precision_score(truth[:, columns].astype(int), case.p[:, columns], average=average)
        np.testing.assert_allclose(curve.area, expected, **EXACT)


def test_reliability(case):
    found = metrics.reliability(case)
    right, sure = calibration_curve(case.right, case.confidence, n_bins=10)
    known = found.count > 0
    np.testing.assert_allclose(found.accuracy[known], right, **EXACT)
    np.testing.assert_allclose(found.confidence[known], sure, **EXACT)
    assert found.count.sum() == len(case.y_true)
    expected = (np.abs(right - sure) * found.count[known]).sum() / len(case.y_true)
    assert found.error == pytest.approx(expected, abs=1e-12)
    assert found.lean == pytest.approx(case.confidence.mean() - case.right.mean(), abs=1e-12)


def test_coverage(case):
    found = metrics.coverage(case)
    assert found.answered[-1] == 1
    assert found.accuracy[-1] == pytest.approx(oracle.accuracy_score(case.y_true, case.y_pred), abs=1e-12)
    for threshold in (0.0, 0.3, 0.5, float(np.median(case.confidence)), 0.99):
        kept = case.confidence >= threshold
        answered, accuracy = found.at(threshold)
        assert answered == pytest.approx(kept.mean(), abs=1e-12)
        if kept.any():
            expected = oracle.accuracy_score(case.y_true[kept], case.y_pred[kept])
            assert accuracy == pytest.approx(expected, abs=1e-12)
    answered, accuracy = found.at(1.1)
    assert answered == 0
    assert np.isnan(accuracy)


def test_the_threshold_that_is_needed():
    y = np.array([0, 1, 2, 3], np.uint8)
    proba = np.full((4, 10), 0.01, np.float32)
    proba[[0, 1, 2, 3], [0, 1, 5, 3]] = [0.9, 0.8, 0.7, 0.6]
    found = metrics.coverage(metrics.Evaluation(y, proba))
    evaluation = metrics.Evaluation(y, proba)
    assert found.needed(1.0) == evaluation.confidence[1]
    assert found.needed(0.75) == evaluation.confidence[3]
    assert metrics.coverage(metrics.Evaluation((y + 1) % 10, proba)).needed(0.9) is None


def test_confidence_counts(case):
    edges, right, wrong = metrics.confidence_counts(case)
    assert (right.sum(), wrong.sum()) == (case.right.sum(), (~case.right).sum())
    assert (edges[0], edges[-1]) == (0, 1)


def test_intervals_lie_about_their_number(case):
    for name, interval in metrics.deeper(case).items():
        assert interval.low - 1e-9 <= interval.value <= interval.high + 1e-9, name
    assert metrics.deeper(case) == metrics.deeper(case)


def test_bootstrap_of_the_log_loss_is_as_wide_as_its_standard_error(models):
    case = models["logistic"]
    losses = -np.log(np.clip(case.p[np.arange(1000), case.y_true], 2.3e-16, 1))
    found = metrics.deeper(case)["log_loss"]
    assert found.high - found.low == pytest.approx(2 * 1.96 * losses.std() / np.sqrt(1000), rel=0.12)


def test_thinned_keeps_both_ends_and_the_shape(models):
    curve = metrics.roc(models["logistic"])[10]
    thin = metrics.thinned(curve, 50)
    assert len(thin.x) <= 51
    assert (thin.x[0], thin.x[-1], thin.area) == (curve.x[0], curve.x[-1], curve.area)
    assert np.trapezoid(thin.y, thin.x) == pytest.approx(curve.area, abs=0.01)


def test_a_changed_label_is_suspected(models):
    case = models["logistic"]
    surest = int(np.where(case.right, case.confidence, 0).argmax())
    labels = case.y_true.copy()
    labels[surest] = (labels[surest] + 5) % 10
    found = metrics.suspects(metrics.Evaluation(labels, case.proba))
    assert surest in found[:5]
    assert not case.right[metrics.suspects(case)].any()


def test_majority():
    assert (
        metrics.majority(metrics.Evaluation(np.array([1, 1, 2], np.uint8), np.eye(10, dtype=np.float32)[:3])) == 2 / 3
    )
