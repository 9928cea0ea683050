"""Is this a digit at all? A small network of ours that has seen digits of many hands, and what is none.

It looks at the picture itself, so that it serves every family alike: a tree's own confidence says little, as a
letter can be as sure of its leaf as a digit. It is fitted by scikit-learn in a child and answers in plain numpy.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from core import augmentation, features
from core.digits import CLASSES, IMAGE_SHAPE, check_images, stratified
from core.refusal import strangers

DIGITS, SHARE = 12_000, 2  # how many training images it sees; half as many of each kind of stranger
HIDDEN, EPOCHS, SEED = 128, 30, 0
FALSE_REFUSALS = 0.01
_BLOCK, _AT_ONCE = 2, 1000
N_LOOKS = features.N_HOG + (IMAGE_SHAPE[0] // _BLOCK) * (IMAGE_SHAPE[1] // _BLOCK)
_STRANGE = np.arange(len(CLASSES), len(CLASSES) + len(strangers.KINDS))


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """The network's weights, and what it was seen to refuse.

    Parameters
    ----------
    first, first_bias : (588, h), (h,) float32
        From what `looks` returns to the hidden layer.
    last, last_bias : (h, 15), (15,) float32
        To ten digits, then the kinds of `strangers.KINDS`.
    threshold : float
        Below this score a picture is refused: `FALSE_REFUSALS` of the digits that it was calibrated on score lower.
    n : int
        On how many digits it was calibrated, and measured on as many others.
    refused : (2,) float64
        The share of those others that it refuses: as they are, and as other hands and pens write them.
    caught : (5,) float64
        The share of each kind of stranger, made anew, that it refuses.
    """

    first: np.ndarray
    first_bias: np.ndarray
    last: np.ndarray
    last_bias: np.ndarray
    threshold: float
    n: int
    refused: np.ndarray
    caught: np.ndarray


def looks(images: np.ndarray) -> np.ndarray:
    """Return what the judge looks at: directions of strokes, and ink in 14 x 14 blocks.

    Parameters
    ----------
    images : (n, 28, 28) uint8

    Returns
    -------
    (n, 588) float32
    """
    check_images(images)
    half = (IMAGE_SHAPE[0] // _BLOCK, _BLOCK)
    blocks = images.reshape(-1, *half, *half).mean(axis=(2, 4), dtype=np.float32) / np.float32(255)
    return np.concatenate([features.deskew_hog(images), blocks.reshape(len(images), -1)], axis=1)


def logits(judge: Judge, images: np.ndarray) -> np.ndarray:
    """Return what speaks for each digit and each kind of stranger, (n, 15) float32."""
    hidden = np.maximum(looks(images) @ judge.first + judge.first_bias, 0)
    return hidden @ judge.last + judge.last_bias


def score(values: np.ndarray) -> np.ndarray:
    """Return the logarithm of the odds that it is a digit, (n,) float32, from `logits` (n, 15)."""
    return _log_sum(values[:, : len(CLASSES)]) - _log_sum(values[:, len(CLASSES) :])


def learn(images: np.ndarray, labels: np.ndarray, size: int = DIGITS) -> dict[str, Any]:
    """Fit the network; returns the fields of `Judge` that are its weights.

    Parameters
    ----------
    images, labels : (n, 28, 28) uint8, (n,) uint8
        The training part of the data; at most `size` of it are looked at.
    """
    from sklearn.neural_network import MLPClassifier
    from threadpoolctl import threadpool_limits

    chosen = stratified(labels, min(size, len(labels)), SEED)
    digits, known = np.asarray(images[chosen]), np.asarray(labels[chosen])
    kinds = np.concatenate([known[::SHARE], known, np.repeat(_STRANGE, len(digits) // SHARE)])
    seen, at = np.empty((len(kinds), N_LOOKS), np.float32), 0
    for part in _lessons(digits, known):
        for block in np.array_split(part, -(-len(part) // _AT_ONCE)):  # each in its place: two copies would be 230 MB
            seen[at : at + len(block)] = looks(block)
            at += len(block)
    network = MLPClassifier((HIDDEN,), alpha=1e-3, learning_rate_init=2e-3, max_iter=EPOCHS, random_state=SEED)
    # Batches this small gain nothing from two threads that wait for each other.
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it could go on learning after `EPOCHS` is known
        network.fit(seen, kinds)
    (first, last), (first_bias, last_bias) = network.coefs_, network.intercepts_
    return {"first": first, "first_bias": first_bias, "last": last, "last_bias": last_bias}


def _lessons(digits: np.ndarray, known: np.ndarray) -> Iterator[np.ndarray]:
    # What is learned from, in the order of its kinds; made one after the other, so that one at a time is in memory.
    yield digits[::SHARE]
    yield augmentation.augment(digits, known, "hands", SEED)
    for kind in strangers.KINDS:
        yield strangers.make(kind, len(digits) // SHARE, SEED, digits)


def threshold(scores: np.ndarray, share: float = FALSE_REFUSALS) -> float:
    """Return the score below which at most `share` of new digits of the same kind fall.

    The k-th smallest of n, k = floor((n + 1) * share): the other end of a conformal quantile.

    Parameters
    ----------
    scores : (n,) float
        Of digits that the judge has not learned from.
    """
    rank = int((len(scores) + 1) * share + 1e-9)
    return float(np.sort(scores)[rank - 1]) if rank else -np.inf


def calibrate(
    weights: dict[str, Any], images: np.ndarray, labels: np.ndarray, chosen: np.ndarray, others: np.ndarray
) -> Judge:
    """Set the threshold on one half of the test images, and measure on the other.

    Parameters
    ----------
    weights : dict
        From `learn`.
    images, labels : (n, 28, 28) uint8, (n,) uint8
        The test part of the data.
    chosen, others : (m,) integers
        Positions of the two halves.
    """
    blind = Judge(**weights, threshold=-np.inf, n=len(chosen), refused=np.zeros(2), caught=np.zeros(0))

    def scored(pictures: np.ndarray) -> np.ndarray:
        return score(logits(blind, pictures))

    def written(rows: np.ndarray, seed: int) -> np.ndarray:
        return scored(augmentation.augment(images[rows], labels[rows], "hands", seed))

    lowest = threshold(written(chosen, SEED + 1))
    plain = np.asarray(images[others])
    refused = np.array([(found < lowest).mean() for found in (scored(plain), written(others, SEED + 2))])
    caught = [(scored(strangers.make(k, 200, SEED + 1, plain)) < lowest).mean() for k in strangers.KINDS]
    return Judge(**weights, threshold=lowest, n=len(chosen), refused=refused, caught=np.array(caught))


def _log_sum(values: np.ndarray) -> np.ndarray:
    highest = values.max(axis=1, keepdims=True)
    return highest[:, 0] + np.log(np.exp(values - highest).sum(axis=1))
