"""Which run is better? Two or more answers to the same test images -> numbers and words. Pure numpy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core import metrics
from core.digits import CLASSES
from core.runs import Run, size_of

MOST = 8  # runs side by side: beyond that nobody tells the lines apart
RESAMPLES, BINS, POINTS = 10_000, 10, 200
UNLIKELY = 0.05
# Whether more or less of it is better.
BETTER = {
    "accuracy": "most",
    "f1": "most",
    "log_loss": "least",
    "calibration": "least",
    "fit_seconds": "least",
    "milliseconds": "least",
    "megabytes": "least",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """How much more of the test images the second run reads right, -1 to 1, with the 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Two runs' answers to the same images; the first three are positions, (k,) intp each.

    Parameters
    ----------
    fixed : wrong by the first run, right by the second
    broken : right by the first run, wrong by the second
    both_wrong : wrong by both
    p : float, 0 to 1
        McNemar's exact test: how likely so uneven a split of fixed and broken is by chance alone.
    """

    n: int
    fixed: np.ndarray
    broken: np.ndarray
    both_wrong: np.ndarray
    p: float
    difference: Difference


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Points of a line, and the one number that sums it up; x and y (m,) float64, weight (m,) int64 or empty."""

    x: np.ndarray
    y: np.ndarray
    figure: float
    weight: np.ndarray


def incomparable(found: Sequence[Run]) -> str:
    """Say in one sentence why runs cannot be compared; empty where they can: the same data, so the same test images."""
    first, *others = found
    for run in others:
        if run.config["data_sha256"] != first.config["data_sha256"]:
            return (
                f"These runs cannot be compared, as they answered different test images: {_data(first)}, but "
                f"{_data(run)}. Train one of them again on the other's data."
            )
    return ""


def different_answers(evaluations: Sequence[metrics.Evaluation]) -> str:
    """Say why evaluations are not of the same test images, by their labels; empty where they are."""
    first = evaluations[0].y_true
    if all(np.array_equal(first, other.y_true) for other in evaluations[1:]):
        return ""
    return "These runs cannot be compared: they name the same data, but the labels of their test images differ."


def pair(one: metrics.Evaluation, other: metrics.Evaluation, seed: int = 0) -> Pair:
    """Compare two runs' answers to the same test images, in the same order."""
    right, now = one.y_pred == one.y_true, other.y_pred == other.y_true
    fixed, broken = np.flatnonzero(~right & now), np.flatnonzero(right & ~now)
    n, up, down = len(right), len(fixed), len(broken)
    interval = difference_interval(n, up, down, seed)
    return Pair(n, fixed, broken, np.flatnonzero(~right & ~now), mcnemar(up, down), interval)


def mcnemar(fixed: int, broken: int) -> float:
    """Return the two-sided p of McNemar's exact test (McNemar 1947, https://doi.org/10.1007/BF02295996).

    Where two runs are equally good, each image on which they differ is a coin's toss: p is the chance of a split at
    least as uneven, by the binomial distribution, in whole numbers and therefore exact; 1 where they never differ.
    """
    n, fewer = fixed + broken, min(fixed, broken)
    ways = term = 1
    for i in range(fewer):
        term = term * (n - i) // (i + 1)
        ways += term
    return min(1.0, 2 * ways / 2**n)


def difference_interval(n: int, fixed: int, broken: int, seed: int = 0) -> Difference:
    """Return the difference of two accuracies with its 95 % percentile bootstrap interval (Efron 1979).

    Images are drawn, with both answers to each, so that what is hard for both does not widen the interval. Drawing n
    images is drawing from three kinds of them, fixed, broken and the rest: one multinomial draw a test set.
    """
    shares = np.array([fixed, broken, n - fixed - broken]) / n
    drawn = np.random.default_rng(seed).multinomial(n, shares, RESAMPLES)
    low, high = np.percentile((drawn[:, 0] - drawn[:, 1]) / n, [2.5, 97.5])
    return Difference((fixed - broken) / n, float(low), float(high))


def describe(found: Pair, first: str, second: str) -> str:
    """Say in words which of two runs is better, or that it is a tie."""
    up, down = len(found.fixed), len(found.broken)
    if not up + down:
        return f"**A tie**: both are right and wrong on the very same images, all {found.n:,} of them."
    counts = f"{second} reads {up:,} images right that {first} gets wrong, and gets {down:,} wrong that {first} reads."
    d = found.difference
    points = (
        f"That is {100 * d.value:+.2f} points of accuracy, {100 * d.low:+.2f} to {100 * d.high:+.2f} for 19 of 20 such "
        "test sets."
    )
    chance = p_words(found.p)
    if found.p >= UNLIKELY:
        return (
            f"**A tie: {chance}.** {counts} {points} Equally good models would differ as much by chance often enough."
        )
    winner = second if up > down else first
    return f"**{winner} is better: {chance}.** {counts} {points} Chance alone would hardly make that."


def p_words(p: float) -> str:
    """Return a p in the digits that mean something."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def log_loss(evaluation: metrics.Evaluation) -> float:
    """Return the mean negative log likelihood of the true digits, in nats.

    In doubles, rows made to sum to 1, and never below the smallest double step, as scikit-learn's `log_loss` has it.
    """
    proba = evaluation.proba.astype(np.float64)
    proba /= proba.sum(axis=1, keepdims=True)
    told = proba[np.arange(len(proba)), evaluation.y_true]
    return float(-np.log(np.clip(told, np.finfo(np.float64).eps, 1.0)).mean())


def roc(evaluation: metrics.Evaluation, digit: int | None = None) -> Curve:
    """Return the ROC curve of one digit against the rest, or of all decisions together (micro average); figure = AUC.

    Parameters
    ----------
    digit : int or None
        None = micro average: each image counts once a class.
    """
    truth = evaluation.y_true[:, np.newaxis] == np.arange(len(CLASSES))
    columns: slice = slice(None) if digit is None else slice(digit, digit + 1)
    hits, scores = truth[:, columns].ravel(), evaluation.proba[:, columns].ravel()
    order = np.argsort(-scores, kind="stable")
    hits, scores = hits[order], scores[order]
    last = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)  # what ties is one step
    found, false = np.cumsum(hits)[last], np.cumsum(~hits)[last]
    if not found[-1] or not false[-1]:
        return Curve(np.array([]), np.array([]), float("nan"), np.array([], int))
    x, y = np.append(0, false) / false[-1], np.append(0, found) / found[-1]
    return Curve(*thinned(x, y), float(np.trapezoid(y, x)), np.array([], int))


def thinned(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return at most about `POINTS` of a rising line's points, both ends among them, no gap wider than the others."""
    if len(x) <= POINTS:
        return x, y
    way = (x + y) / (x[-1] + y[-1])
    kept = np.unique(np.append(np.searchsorted(way, np.linspace(0, 1, POINTS)), len(x) - 1))
    return x[kept], y[kept]


def reliability(evaluation: metrics.Evaluation) -> Curve:
    """Return how often a run is right against how sure it says it is, in `BINS` equal steps of confidence.

    Returns
    -------
    Curve
        x = mean confidence, y = accuracy, weight = images, of each step that has any; figure = expected calibration
        error (Naeini et al. 2015, https://doi.org/10.1609/aaai.v29i1.9602).
    """
    sure, right = evaluation.proba.max(axis=1).astype(np.float64), evaluation.y_pred == evaluation.y_true
    step = np.minimum((sure * BINS).astype(int), BINS - 1)
    images = np.bincount(step, minlength=BINS)
    there = images > 0
    x = np.bincount(step, sure, BINS)[there] / images[there]
    y = np.bincount(step, right, BINS)[there] / images[there]
    error = float((images[there] * np.abs(x - y)).sum() / len(sure))
    return Curve(x, y, error, images[there])


def overview(found: Sequence[Run], evaluations: Sequence[metrics.Evaluation]) -> pd.DataFrame:
    """Return the figures of each run, one row each in the given order; columns as in `BETTER`."""
    rows = []
    for run, evaluation in zip(found, evaluations, strict=True):
        matrix = evaluation.confusion_matrix
        rows.append(
            {
                "accuracy": metrics.accuracy(matrix),
                "f1": float(metrics.scores(matrix).f1.mean()),
                "log_loss": log_loss(evaluation),
                "calibration": reliability(evaluation).figure,
                "fit_seconds": run.card["timings"]["fit"],
                "milliseconds": 1000 * run.card["timings"]["predict"] / len(evaluation.y_true),
                "megabytes": size_of(run) / 1e6,
            }
        )
    return pd.DataFrame(rows, columns=list(BETTER))


def best(frame: pd.DataFrame, better: Mapping[str, str] = BETTER) -> pd.DataFrame:
    """Tell which entries are the best of their columns; all that tie, none where only one row has a value.

    Returns
    -------
    DataFrame of bool, as `frame`
    """
    marks = {}
    for name in frame.columns:
        column = frame[name]
        top = column.max() if better.get(name) == "most" else column.min()
        marks[name] = (column == top) & (column.notna().sum() > 1) & (name in better)
    return pd.DataFrame(marks, index=frame.index)


def recall_by_digit(evaluations: Sequence[metrics.Evaluation]) -> np.ndarray:
    """Return what share of each digit's images each run reads right; (runs, 10) float64."""
    return np.array([metrics.scores(e.confusion_matrix).recall for e in evaluations])


def _data(run: Run) -> str:
    data = run.card["data"]
    return f"{run.id} on {data['title']} ({data['n_test']:,} images, sha256 {run.config['data_sha256'][:8]}…)"
