"""One number for a whole test set, each with its 95 % interval."""

from math import sqrt

import numpy as np

from core.metrics.classes import N_CLASSES, Evaluation, Interval, scores, weighted

Z_95 = 1.959963984540054
RESAMPLES = 1000
_AT_ONCE = 50  # test sets drawn at once: 10,000 images each are 4 MB of positions


def summary(evaluation: Evaluation, seed: int = 0) -> dict[str, Interval]:
    """Return accuracy and the weighted precision, recall and F1, each with its 95 % interval.

    Accuracy has Wilson's interval (Wilson 1927). The others have a percentile bootstrap (Efron 1979) over the
    test images: drawing n images with replacement is drawing n cells of the confusion matrix, so that
    `RESAMPLES` test sets cost one multinomial draw.
    """
    matrix = evaluation.confusion_matrix
    n = int(matrix.sum())
    here, there = scores(matrix), scores(_drawn(matrix, seed))
    found = {"accuracy": wilson(int(np.trace(matrix)), n)}
    for name in ("precision", "recall", "f1"):
        value = float(weighted(getattr(here, name), here.support))
        found[name] = _between(value, weighted(getattr(there, name), there.support))
    return found


def deeper(evaluation: Evaluation, seed: int = 0) -> dict[str, Interval]:
    """Return what accuracy does not say, each with its 95 % interval.

    Returns
    -------
    dict
        top2, log_loss, brier, kappa, mcc, macro_f1. Top-2 has Wilson's interval, the others a percentile bootstrap.
    """
    matrix, n = evaluation.confusion_matrix, len(evaluation.y_true)
    drawn = _drawn(matrix, seed)
    losses = np.stack([_log_losses(evaluation), _briers(evaluation)])
    resampled = _means(losses, seed)
    return {
        "top2": wilson(int(_in_top(evaluation, 2).sum()), n),
        "log_loss": _between(log_loss(evaluation), resampled[0]),
        "brier": _between(brier(evaluation), resampled[1]),
        "kappa": _between(float(kappa(matrix)), kappa(drawn)),
        "mcc": _between(float(mcc(matrix)), mcc(drawn)),
        "macro_f1": _between(float(scores(matrix).f1.mean()), scores(drawn).f1.mean(axis=-1)),
    }


def log_loss(evaluation: Evaluation) -> float:
    """Return the mean of -ln(probability of the true digit), in nats; a probability counts as at least 2.2e-16."""
    return float(np.average(_log_losses(evaluation)))


def brier(evaluation: Evaluation) -> float:
    """Return the mean squared distance of the ten probabilities from the truth, 0 to 2 (Brier 1950)."""
    return float(np.average(_briers(evaluation)))


def top_accuracy(evaluation: Evaluation, k: int = 2) -> float:
    """Return how often the true digit is among the `k` likeliest; of equal ones the higher digit counts as likelier."""
    return float(np.average(_in_top(evaluation, k)))


def kappa(matrix: np.ndarray) -> np.ndarray:
    """Return Cohen's kappa (Cohen 1960): the agreement beyond what chance would give.

    Parameters
    ----------
    matrix : (..., 10, 10) integers

    Returns
    -------
    (...) float64, -1 to 1
        NaN where only one digit was there and answered, as then chance would agree always.
    """
    true, said = matrix.sum(axis=-1).astype(float), matrix.sum(axis=-2).astype(float)
    n = true.sum(axis=-1)
    hits = np.trace(matrix, axis1=-2, axis2=-1)
    # Both multiplied by n: whole numbers, so that zero is zero.
    apart, by_chance = (n - hits) * n, n * n - (true * said).sum(axis=-1)
    return 1 - np.divide(apart, by_chance, out=np.full(np.shape(n), np.nan), where=by_chance != 0)


def mcc(matrix: np.ndarray) -> np.ndarray:
    """Return the Matthews correlation coefficient of many classes (Gorodkin 2004).

    Parameters
    ----------
    matrix : (..., 10, 10) integers

    Returns
    -------
    (...) float64, -1 to 1
        0 where it is 0/0: one answer for all, or one digit only.
    """
    true, said = matrix.sum(axis=-1).astype(float), matrix.sum(axis=-2).astype(float)
    n = true.sum(axis=-1)
    together = np.trace(matrix, axis1=-2, axis2=-1) * n - (true * said).sum(axis=-1)
    spread = (n * n - (said * said).sum(axis=-1)) * (n * n - (true * true).sum(axis=-1))
    return np.divide(together, np.sqrt(spread), out=np.zeros(np.shape(n)), where=spread != 0)


def majority(evaluation: Evaluation) -> float:
    """Return the accuracy of whoever always says the most frequent digit."""
    support = evaluation.confusion_matrix.sum(axis=1)
    return float(support.max() / support.sum())


def wilson(hits: int, n: int) -> Interval:
    """Return hits / n with Wilson's 95 % score interval (Wilson 1927, JASA 22:209)."""
    p = hits / n
    centre = (p + Z_95**2 / (2 * n)) / (1 + Z_95**2 / n)
    half = Z_95 / (1 + Z_95**2 / n) * sqrt(p * (1 - p) / n + Z_95**2 / (4 * n * n))
    return Interval(p, max(0.0, centre - half), min(1.0, centre + half))


def accuracy_interval(evaluation: Evaluation) -> Interval:
    """Return the accuracy with Wilson's interval."""
    return wilson(int(evaluation.right.sum()), len(evaluation.right))


def _log_losses(evaluation: Evaluation) -> np.ndarray:
    p, tiny = evaluation.p, np.finfo(np.float64).eps
    return -np.log(np.clip(p[np.arange(len(p)), evaluation.y_true], tiny, 1 - tiny))


def _briers(evaluation: Evaluation) -> np.ndarray:
    return ((np.eye(N_CLASSES)[evaluation.y_true] - evaluation.p) ** 2).sum(axis=1)


def _in_top(evaluation: Evaluation, k: int) -> np.ndarray:
    order = np.argsort(evaluation.p, axis=1, kind="stable")[:, ::-1]
    return (order[:, :k] == evaluation.y_true[:, np.newaxis]).any(axis=1)


def _drawn(matrix: np.ndarray, seed: int) -> np.ndarray:
    n = int(matrix.sum())
    drawn = np.random.default_rng(seed).multinomial(n, (matrix / n).ravel(), RESAMPLES)
    return drawn.reshape(-1, N_CLASSES, N_CLASSES)


def _means(values: np.ndarray, seed: int) -> np.ndarray:
    rng, n = np.random.default_rng(seed), values.shape[1]
    parts = (rng.integers(0, n, (_AT_ONCE, n), np.int32) for _ in range(RESAMPLES // _AT_ONCE))
    return np.concatenate([values[:, part].mean(axis=2) for part in parts], axis=1)


def _between(value: float, drawn: np.ndarray) -> Interval:
    known = drawn[~np.isnan(drawn)]
    low, high = np.percentile(known, [2.5, 97.5]) if len(known) else (value, value)
    return Interval(value, float(low), float(high))
