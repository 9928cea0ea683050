"""Which run is better? Two or more answers to the same test images -> numbers and words. Pure numpy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core import metrics
from core.runs import Run, size_of
from core.texts import retell, t

MOST = 8  # runs side by side: beyond that nobody tells the lines apart
RESAMPLES = 10_000
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


def incomparable(found: Sequence[Run]) -> str:
    """Say in one sentence why runs cannot be compared; empty where they can: the same data, so the same test images."""
    first, *others = found
    for run in others:
        if run.config["data_sha256"] != first.config["data_sha256"]:
            return t(
                "These runs cannot be compared, as they answered different test images: {first}, but {other}. Train "
                "one of them again on the other's data.",
                first=_data(first),
                other=_data(run),
            )
    return ""


def different_answers(evaluations: Sequence[metrics.Evaluation]) -> str:
    """Say why evaluations are not of the same test images, by their labels; empty where they are."""
    first = evaluations[0].y_true
    if all(np.array_equal(first, other.y_true) for other in evaluations[1:]):
        return ""
    return t("These runs cannot be compared: they name the same data, but the labels of their test images differ.")


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
        return t("**A tie**: both are right and wrong on the very same images, all {n:,} of them.", n=found.n)
    d, chance = found.difference, p_words(found.p)
    counts = t(
        "{second} reads {up:,} images right that {first} gets wrong, and gets {down:,} wrong that {first} reads. That "
        "is {points:+.2f} points of accuracy, {low:+.2f} to {high:+.2f} for 19 of 20 such test sets.",
        first=first,
        second=second,
        up=up,
        down=down,
        points=100 * d.value,
        low=100 * d.low,
        high=100 * d.high,
    )
    if found.p >= UNLIKELY:
        begin = t("**A tie: {chance}.**", chance=chance)
        end = t("Equally good models would differ as much by chance often enough.")
    else:
        begin = t("**{winner} is better: {chance}.**", winner=second if up > down else first, chance=chance)
        end = t("Chance alone would hardly make that.")
    return f"{begin} {counts} {end}"


def p_words(p: float) -> str:
    """Return a p in the digits that mean something."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def overview(found: Sequence[Run], evaluations: Sequence[metrics.Evaluation]) -> pd.DataFrame:
    """Return the figures of each run, one row each in the given order; columns as in `BETTER`."""
    rows = []
    for run, evaluation in zip(found, evaluations, strict=True):
        matrix = evaluation.confusion_matrix
        rows.append(
            {
                "accuracy": metrics.accuracy(matrix),
                "f1": float(metrics.scores(matrix).f1.mean()),
                "log_loss": metrics.log_loss(evaluation),
                "calibration": metrics.reliability(evaluation).error,
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
    values = frame.to_numpy(float) * [1 if better.get(name) == "most" else -1 for name in frame.columns]
    top = np.fmax.reduce(values, axis=0, initial=-np.inf)
    ranked = [name in better for name in frame.columns] & ((~np.isnan(values)).sum(axis=0) > 1)
    return pd.DataFrame((values == top) & ranked, index=frame.index, columns=frame.columns)


def recall_by_digit(evaluations: Sequence[metrics.Evaluation]) -> np.ndarray:
    """Return what share of each digit's images each run reads right; (runs, 10) float64."""
    return np.array([metrics.scores(e.confusion_matrix).recall for e in evaluations])


def _data(run: Run) -> str:
    data = run.card["data"]
    return t(
        "{run} on {data} ({n:,} images, sha256 {sha256}…)",
        run=run.id,
        data=retell(data["title"]),
        n=data["n_test"],
        sha256=run.config["data_sha256"][:8],
    )
