"""May its probabilities be believed? Reliability, coverage, and the answers that are confidently "wrong"."""

from dataclasses import dataclass

import numpy as np

from core.metrics.classes import N_CLASSES, Evaluation

BINS = 10


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """How sure the model was, in equal steps, against how often it was right.

    Parameters
    ----------
    edges : (bins + 1,) float64
    count : (bins,) int64
        Answers whose confidence lies in each step, the upper end belonging to it.
    confidence, accuracy : (bins,) float64
        Their mean confidence, and the share that is right; NaN where there are none.
    error : float
        The expected calibration error: the distance between the two, averaged over all answers (Naeini et al. 2015).
    worst : float
        The largest distance of a step that has answers.
    """

    edges: np.ndarray
    count: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray
    error: float
    worst: float

    @property
    def lean(self) -> float:
        """By how much it is surer than it is right, on average; below 0 where it is too modest."""
        known = self.count > 0
        return float(((self.confidence - self.accuracy)[known] * self.count[known]).sum() / self.count.sum())


def reliability(evaluation: Evaluation, bins: int = BINS) -> Reliability:
    """Sort the answers by their confidence into equal steps from 0 to 1."""
    edges = np.linspace(0, 1, bins + 1)
    place = np.searchsorted(edges[1:-1], evaluation.confidence)
    count = np.bincount(place, minlength=bins)
    known = count > 0
    sums = (np.bincount(place, weights, minlength=bins) for weights in (evaluation.confidence, evaluation.right))
    sure, right = (np.divide(total, count, out=np.full(bins, np.nan), where=known) for total in sums)
    distance = np.abs(sure - right)[known]
    error = float((distance * count[known]).sum() / count.sum())
    return Reliability(edges, count, sure, right, error, float(distance.max()))


def confidence_counts(evaluation: Evaluation, bins: int = 20) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Count right and wrong answers in equal steps of confidence; (bins + 1,) edges and twice (bins,) int64."""
    edges = np.linspace(0, 1, bins + 1)
    right, wrong = (np.histogram(evaluation.confidence[w], edges)[0] for w in (evaluation.right, ~evaluation.right))
    return edges, right, wrong


@dataclass(frozen=True, slots=True, eq=False)
class Coverage:
    """What is left when the model says "I don't know" below a threshold.

    Parameters
    ----------
    threshold : (m,) float64, falling
        Each different confidence that occurs.
    answered : (m,) float64, rising to 1
        The share of images with at least this confidence.
    accuracy : (m,) float64
        The share of those that is right.
    """

    threshold: np.ndarray
    answered: np.ndarray
    accuracy: np.ndarray

    def at(self, threshold: float) -> tuple[float, float]:
        """Return which share is answered at a threshold, and which share of that is right; 0 and NaN for none."""
        place = int(np.searchsorted(-self.threshold, -threshold, side="right")) - 1
        if place < 0:
            return 0.0, float("nan")
        return float(self.answered[place]), float(self.accuracy[place])

    def needed(self, accuracy: float) -> float | None:
        """Return the lowest threshold above which this share is right; None where there is none."""
        good = np.flatnonzero(self.accuracy >= accuracy)
        return float(self.threshold[good[-1]]) if len(good) else None


def coverage(evaluation: Evaluation) -> Coverage:
    """Let the model answer only what it is surest of, from the surest image to all."""
    order = np.argsort(-evaluation.confidence, kind="stable")
    sure = evaluation.confidence[order]
    last = np.append(np.flatnonzero(np.diff(sure)), len(sure) - 1)
    hits = np.cumsum(evaluation.right[order])[last]
    return Coverage(sure[last], (last + 1) / len(sure), hits / (last + 1))


def suspects(evaluation: Evaluation) -> np.ndarray:
    """Find the images whose label may be wrong: those that confident learning counts (Northcutt et al. 2021).

    The model gives another digit at least the probability that it gives, on average, to the images which really are
    that digit. Whether the label or the model errs, only a person can tell.

    Returns
    -------
    (k,) intp
        Positions in the test set, the one with the least probability of its label first.
    """
    truth, p = evaluation.y_true, evaluation.p
    usual = np.array([p[truth == c, c].mean() if (truth == c).any() else np.inf for c in range(N_CLASSES)])
    answer = evaluation.y_pred
    found = np.flatnonzero(~evaluation.right & (evaluation.confidence >= usual[answer]))
    own = p[found, truth[found]]
    return found[np.lexsort((-evaluation.confidence[found], own))]
