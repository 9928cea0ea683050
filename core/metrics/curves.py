"""What comes of every threshold: ROC and precision-recall, one digit against the rest, and their averages."""

from dataclasses import dataclass

import numpy as np

from core.digits import CLASS_NAMES
from core.metrics.classes import N_CLASSES, Evaluation


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One curve, from its left end to its right.

    Parameters
    ----------
    name : "0" to "9", "micro" or "macro"
    x, y : (m,) float64, 0 to 1
        Of an ROC the share of false and of true alarms; of precision-recall the recall and the precision.
    area : float
        Under an ROC; of precision-recall the average precision. NaN where the digit, or the rest, is not there.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    area: float


def roc(evaluation: Evaluation) -> list[Curve]:
    """Return the receiver operating characteristic of each digit against the rest, then micro and macro.

    Micro takes all ten questions of all images together. Macro averages the ten curves over the share of false alarms;
    its area is the mean of the ten areas (Fawcett 2006), of those that are known.

    Returns
    -------
    list of 12 Curve
        Points between two others of a straight line are left out.
    """
    found = [_roc_curve(name, *pair) for name, pair in _questions(evaluation)]
    known = [curve for curve in found[:N_CLASSES] if not np.isnan(curve.area)]
    if not known:
        return [*found, Curve("macro", np.zeros(0), np.zeros(0), float("nan"))]
    grid = np.unique(np.concatenate([curve.x for curve in known]))
    mean = np.mean([np.interp(grid, curve.x, curve.y) for curve in known], axis=0)
    macro = Curve("macro", np.append(0.0, grid), np.append(0.0, mean), float(np.mean([c.area for c in known])))
    return [*found, macro]


def precision_recall(evaluation: Evaluation) -> list[Curve]:
    """Return precision against recall of each digit against the rest, then micro and macro.

    The area is the average precision, a sum of steps and not of trapezoids, which would flatter (Davis and Goadrich
    2006). Macro averages precision over recall; its area is the mean of the digits that are there.

    Returns
    -------
    list of 12 Curve
        From recall 0 to 1. A digit that is not there has the area 0.
    """
    pairs = _questions(evaluation)
    found = [_precision_curve(name, *pair) for name, pair in pairs]
    known = [curve for curve, (_, (truth, _)) in zip(found[:N_CLASSES], pairs, strict=False) if truth.any()]
    grid = np.linspace(0, 1, 501)
    mean = np.mean([np.interp(grid, curve.x, curve.y) for curve in known], axis=0)
    return [*found, Curve("macro", grid, mean, float(np.mean([curve.area for curve in known])))]


def thinned(curve: Curve, most: int = 300) -> Curve:
    """Return a curve of at most about `most` points, close enough to be drawn: even steps along its length."""
    if len(curve.x) <= most:
        return curve
    length = np.append(0.0, np.cumsum(np.abs(np.diff(curve.x)) + np.abs(np.diff(curve.y))))
    places = np.searchsorted(length, np.linspace(0, length[-1], most))
    kept = np.unique(np.append(places, len(length) - 1))
    return Curve(curve.name, curve.x[kept], curve.y[kept], curve.area)


def _questions(evaluation: Evaluation) -> list[tuple[str, tuple[np.ndarray, np.ndarray]]]:
    truth = evaluation.y_true[:, np.newaxis] == np.arange(N_CLASSES, dtype=np.uint8)
    p = evaluation.p
    each = [(name, (truth[:, c], p[:, c])) for c, name in enumerate(CLASS_NAMES)]
    return [*each, ("micro", (truth.ravel(), p.ravel()))]


def _alarms(truth: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Count false and true alarms at each different score, from the highest down; two (m,) float64 arrays."""
    order = np.argsort(-score, kind="stable")
    last = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)
    true = np.cumsum(truth[order], dtype=np.float64)[last]
    return 1 + last - true, true


def _roc_curve(name: str, truth: np.ndarray, score: np.ndarray) -> Curve:
    false, true = _alarms(truth, score)
    if len(false) > 2:
        corner = (np.diff(false, 2) != 0) | (np.diff(true, 2) != 0)
        kept = np.concatenate([[True], corner, [True]])
        false, true = false[kept], true[kept]
    if not false[-1] or not true[-1]:
        return Curve(name, np.zeros(0), np.zeros(0), float("nan"))
    x, y = np.append(0.0, false / false[-1]), np.append(0.0, true / true[-1])
    return Curve(name, x, y, float(np.trapezoid(y, x)))


def _precision_curve(name: str, truth: np.ndarray, score: np.ndarray) -> Curve:
    false, true = _alarms(truth, score)
    recall = true / true[-1] if true[-1] else np.ones_like(true)
    x, y = np.append(0.0, recall), np.append(1.0, true / (true + false))
    return Curve(name, x, y, float((np.diff(x) * y[1:]).sum()) if true[-1] else 0.0)
