"""Right and wrong answers: the confusion matrix, and what each digit's precision, recall and F1 are."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from core.digits import CLASSES

N_CLASSES = len(CLASSES)


@dataclass(frozen=True)
class Evaluation:
    """The answers of one model on one test set.

    Parameters
    ----------
    y_true : (n,) uint8, 0 to 9
    proba : (n, 10) float32
        Rows sum to 1.
    """

    y_true: np.ndarray
    proba: np.ndarray

    @cached_property
    def y_pred(self) -> np.ndarray:
        """(n,) uint8: the class of the largest probability, the lowest class where several are equal."""
        return self.proba.argmax(axis=1).astype(np.uint8)

    @cached_property
    def p(self) -> np.ndarray:
        """(n, 10) float64: `proba`, each row divided by its sum; what every number about probabilities is made of."""
        exact = self.proba.astype(np.float64)
        return exact / exact.sum(axis=1, keepdims=True)

    @cached_property
    def confidence(self) -> np.ndarray:
        """(n,) float64: the probability of the answer."""
        return self.p.max(axis=1)

    @cached_property
    def right(self) -> np.ndarray:
        """(n,) bool: whether each answer is right."""
        return self.y_pred == self.y_true

    @cached_property
    def confusion_matrix(self) -> np.ndarray:
        """(10, 10) int64: row = true class, column = predicted class."""
        return confusion_matrix(self.y_true, self.y_pred)


@dataclass(frozen=True, slots=True)
class Scores:
    """Precision, recall, F1 and support: one value a class, each a (10,) array.

    Where a ratio is 0/0 (a class never predicted, or never present) it counts as 1, as in the exercise
    (scikit-learn's `zero_division=1`).
    """

    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    support: np.ndarray
    predicted: np.ndarray


@dataclass(frozen=True, slots=True)
class Interval:
    """A number, and where it would fall for 95 % of test sets like this one."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Mistake:
    """How often one digit was taken for another."""

    true: int
    predicted: int
    count: int


def worst_pair(matrix: np.ndarray) -> Mistake:
    """Return the most frequent mistake of a confusion matrix; its count is 0 where there is none."""
    wrong = matrix * (1 - np.eye(N_CLASSES, dtype=matrix.dtype))
    true, predicted = divmod(int(wrong.argmax()), N_CLASSES)
    return Mistake(true, predicted, int(wrong[true, predicted]))


def class_counts(labels: np.ndarray) -> np.ndarray:
    """Count the labels of each class; (10,) int64."""
    return np.bincount(labels, minlength=N_CLASSES)


def confusion_matrix(y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
    """Count (true, predicted) pairs.

    Returns
    -------
    (10, 10) int64
        Row = true class, column = predicted class.
    """
    pairs = y_true.astype(np.intp) * N_CLASSES + y_pred
    return np.bincount(pairs, minlength=N_CLASSES**2).reshape(N_CLASSES, N_CLASSES)


def confusion_shares(matrix: np.ndarray, by: str) -> np.ndarray:
    """Return what share each cell of a confusion matrix is, 0 to 1.

    Parameters
    ----------
    matrix : (10, 10) integers
    by : "true", "predicted" or "all"
        Of its row, of its column, or of the fullest cell; a row or column without images is 0.
    """
    whole = {"true": matrix.sum(axis=1, keepdims=True), "predicted": matrix.sum(axis=0, keepdims=True)}
    return matrix / np.maximum(whole.get(by, matrix.max()), 1)


def scores(matrix: np.ndarray) -> Scores:
    """Score every class of a confusion matrix.

    Parameters
    ----------
    matrix : (..., 10, 10) integers
        Row = true, column = predicted; leading axes are kept, so that many matrices can be scored at once.
    """
    hits = np.diagonal(matrix, axis1=-2, axis2=-1)
    support, predicted = matrix.sum(axis=-1), matrix.sum(axis=-2)
    return Scores(
        precision=_ratio(hits, predicted),
        recall=_ratio(hits, support),
        f1=_ratio(2 * hits, support + predicted),
        support=support,
        predicted=predicted,
    )


def accuracy(matrix: np.ndarray) -> float:
    """Return the share of right answers, 0 to 1; NaN for an empty matrix."""
    total = matrix.sum()
    return float(np.trace(matrix) / total) if total else float("nan")


def weighted(values: np.ndarray, support: np.ndarray) -> np.ndarray:
    """Average over classes (the last axis) with the class counts as weights."""
    return (values * support).sum(axis=-1) / support.sum(axis=-1)


def report(evaluation: Evaluation) -> pd.DataFrame:
    """Return the classic classification report.

    Returns
    -------
    DataFrame
        Index "0" to "9", "macro avg", "weighted avg"; columns precision, recall, f1, support (true images),
        predicted (answers given).
    """
    return report_of(evaluation.confusion_matrix)


def report_of(matrix: np.ndarray) -> pd.DataFrame:
    """Return the classic report of a confusion matrix, as `report` does."""
    s = scores(matrix)
    columns = {"precision": s.precision, "recall": s.recall, "f1": s.f1}
    frame = pd.DataFrame(columns, index=[str(c) for c in CLASSES])
    frame["support"], frame["predicted"] = s.support, s.predicted
    n = int(s.support.sum())
    frame.loc["macro avg"] = [*(v.mean() for v in columns.values()), n, n]
    frame.loc["weighted avg"] = [*(weighted(v, s.support) for v in columns.values()), n, n]
    return frame.astype({"support": int, "predicted": int}).rename_axis("class")


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.ones(np.shape(whole)), where=whole != 0)
