"""Sets of digits that hold the true one as often as was asked for, whatever the model: split conformal prediction.

Each image of a calibration part says how much of the model's own belief stood before the true digit. A new image's set
takes in digits until as much belief stands before the next one as was enough for the asked share of those images.
"""

from math import ceil, inf

import numpy as np

from core.digits import CLASSES

# An exported model differs from the evaluated one by some 1e-7 to 1e-6 each probability: what is closer than this is a
# tie, and a tie is settled by the larger set. A tree's answers are few, so that ties are its daily bread. A wider
# margin would take in every digit wherever a sure model is wrong, as all scores lie close to 1 there.
TOLERANCE = 1e-5


def before(proba: np.ndarray) -> np.ndarray:
    """Return how much belief stands before each digit: the score of adaptive prediction sets.

    Romano, Sesia and Candès 2020 (https://arxiv.org/abs/2006.02544), their score without the digit's own share, so
    that the likeliest digit has 0 and no set is empty; not randomised, so that the same drawing has the same set.

    Parameters
    ----------
    proba : (n, 10) float, rows sum to 1

    Returns
    -------
    (n, 10) float64, 0 to 1
        The sum of the probabilities that are larger by more than `TOLERANCE`.
    """
    wide = proba.astype(np.float64)
    larger = wide[:, None, :] > wide[:, :, None] + TOLERANCE
    return np.einsum("nij,nj->ni", larger, wide)


def scores(proba: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return what `before` says of each image's true digit, rising, (n,) float64.

    Parameters
    ----------
    proba : (n, 10) float
    labels : (n,) integers, 0 to 9
    """
    return np.sort(before(proba)[np.arange(len(labels)), labels])


def limit(ordered: np.ndarray, coverage: float) -> float:
    """Return the score up to which digits belong to a set.

    The ceil((n + 1) * coverage)-th smallest of n scores: a new image of the same kind then has its true digit in the
    set with at least this probability (Angelopoulos and Bates 2021, https://arxiv.org/abs/2107.07511, section 1).

    Parameters
    ----------
    ordered : (n,) float
        Rising, from `scores`.
    coverage : float, 0 to 1

    Returns
    -------
    float
        Infinite where there are too few images to promise so much: then every digit belongs to the set.
    """
    # In floating point 500 * 0.82 is a hair more than 410, and one image more would be asked for.
    rank = ceil(round((len(ordered) + 1) * coverage, 9))
    return float(ordered[max(rank, 1) - 1]) if rank <= len(ordered) else inf


def sets(proba: np.ndarray, highest: float) -> np.ndarray:
    """Return which digits belong to each image's set, (n, 10) bool; at least the likeliest one does.

    Parameters
    ----------
    proba : (n, 10) float
    highest : float
        From `limit`.
    """
    return before(proba) <= highest + TOLERANCE


def measure(
    ordered: np.ndarray, proba: np.ndarray, labels: np.ndarray, coverages: tuple[float, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Count, on images that were not calibrated on, what the sets hold.

    Parameters
    ----------
    ordered : (n,) float
        From `scores`, of the calibration part.
    proba, labels : (m, 10) float, (m,) integers
    coverages : k shares, 0 to 1

    Returns
    -------
    (k,) float64
        The share of the m sets that hold the true digit.
    (k, 11) int64
        How many sets have 0, 1 … 10 digits.
    """
    held, sizes = np.zeros(len(coverages)), np.zeros((len(coverages), len(CLASSES) + 1), np.int64)
    standing = before(proba)
    for i, coverage in enumerate(coverages):
        inside = standing <= limit(ordered, coverage) + TOLERANCE
        held[i] = inside[np.arange(len(labels)), labels].mean()
        sizes[i] = np.bincount(inside.sum(axis=1), minlength=len(CLASSES) + 1)
    return held, sizes
