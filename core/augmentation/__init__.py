"""Images -> more images, as other pens and other hands would have written them.

MNIST's writers held one kind of pen and learnt to write in US schools. Each variant is bent and turned, drawn again
with another pen, at the level "hands" also in the manner of other schools, and goes through the canvas's own
normalisation, so that it is what a model will be shown.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from core.augmentation import form, variants
from core.digits import check_images, check_labels
from core.errors import ModelError
from core.texts import t

LEVELS = ("none", "light", "hands")
CHUNK = 1000  # images that are read, and given out, at once
_AT_ONCE = 250  # images on the board at once: a few megabytes, which stay in the processor's cache


def augment(images: np.ndarray, labels: np.ndarray, level: str, seed: int) -> np.ndarray:
    """Make one new variant of each image.

    Parameters
    ----------
    images : (n, 28, 28) uint8
        May be memory-mapped; read in chunks.
    labels : (n,) integer, 0 to 9
    level : str
        One of `LEVELS`; "none" gives the images as they are.
    seed : int, from 0
        The same seed gives the same bytes.

    Returns
    -------
    (n, 28, 28) uint8
        In the form of `preprocessing.normalise`. An image without ink stays as it is.

    Raises
    ------
    ModelError
        If there is no such level.
    DataError
        If images or labels are not of that form.
    """
    _check(images, labels, level)
    out = np.empty(images.shape, np.uint8)
    _fill(out, images, labels, level, np.random.default_rng(seed))
    return out


def multiplied(
    images: np.ndarray, labels: np.ndarray, level: str, seed: int, copies: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the originals followed by `copies` augmented sets of them, each with variants of its own.

    At level "none" there is nothing to add: the originals come back alone. Beyond the result only a chunk is held.

    Returns
    -------
    ((copies + 1) * n, 28, 28) uint8 and ((copies + 1) * n,) of the labels' dtype

    Raises
    ------
    ModelError
        If there is no such level.
    DataError
        If images or labels are not of that form.
    """
    _check(images, labels, level)
    sets = 1 if level == "none" else copies + 1
    out = np.empty((sets, *images.shape), np.uint8)
    out[0] = images
    for k in range(1, sets):
        _fill(out[k], images, labels, level, np.random.default_rng([seed, k]))
    return out.reshape(-1, *images.shape[1:]), np.tile(labels, sets)


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """Training data that is new in every epoch; made by `stream`."""

    images: np.ndarray
    labels: np.ndarray
    level: str
    seed: int
    originals: float

    def epoch(self, k: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield every image once, in an order and in variants that belong to epoch `k`, from 0.

        Yields
        ------
        (m, 28, 28) uint8 and (m,) labels
            m is `CHUNK`, in the last chunk what is left.
        """
        rng = np.random.default_rng([self.seed, k])
        order = rng.permutation(len(self.images))
        for start in range(0, len(order), CHUNK):
            chosen = order[start : start + CHUNK]
            images, labels = self.images[chosen], self.labels[chosen]
            kept = round(self.originals * (start + len(chosen))) - round(self.originals * start)
            if self.level != "none":
                _fill(images[kept:], images[kept:], labels[kept:], self.level, rng)
            mixed = rng.permutation(len(chosen))  # or a small batch would hold originals only
            yield images[mixed], labels[mixed]


def stream(images: np.ndarray, labels: np.ndarray, level: str, seed: int, *, originals: float) -> Stream:
    """Return epochs of variants for what learns in steps, beside a share of untouched originals.

    Parameters
    ----------
    images, labels, level, seed
        As for `augment`. The images are not copied.
    originals : float, 0 to 1
        Share of each epoch that is left as it is.

    Raises
    ------
    ModelError
        If there is no such level, or the share lies outside 0 to 1.
    DataError
        If images or labels are not of that form.
    """
    _check(images, labels, level)
    if not 0 <= originals <= 1:
        raise ModelError(t("The share of originals is {originals}, but must lie between 0 and 1.", originals=originals))
    return Stream(images, labels, level, seed, originals)


def preview(image: np.ndarray, label: int, level: str, seed: int, n: int = 8) -> np.ndarray:
    """Return `n` variants of one image, (n, 28, 28) uint8, to look at before training."""
    return augment(np.repeat(image[None], n, axis=0), np.full(n, label, np.uint8), level, seed)


def _check(images: np.ndarray, labels: np.ndarray, level: str) -> None:
    if level not in LEVELS:
        raise ModelError(
            t("There is no augmentation {level!r}. Choose one of: {levels}.", level=level, levels=", ".join(LEVELS))
        )
    check_images(images)
    check_labels(labels, len(images))


def _fill(out: np.ndarray, images: np.ndarray, labels: np.ndarray, level: str, rng: np.random.Generator) -> None:
    if level == "none":
        out[:] = images
        return
    for start in range(0, len(images), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        originals = np.asarray(images[part])
        made = form.normalised(variants.written(originals, np.asarray(labels[part]), variants.LEVELS[level], rng))
        # What had no ink to begin with stays as it is.
        out[part] = np.where(made.max(axis=(1, 2), keepdims=True) > 0, made, originals)
