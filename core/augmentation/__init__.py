"""Images -> more images, as other pens and other hands would have written them.

MNIST's writers held one kind of pen and learnt to write in US schools. Each variant is bent and turned, drawn again
with another pen, at the level "hands" also in the manner of other schools, and goes through the canvas's own
normalisation, so that it is what a model will be shown.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from core import preprocessing
from core.augmentation import canvas, hands, pen, schools
from core.digits import check_images, check_labels
from core.errors import ImageError, ModelError

LEVELS = ("none", "light", "hands")
CHUNK = 1000  # images that are read, and given out, at once
_AT_ONCE = 250  # images on the board at once: a few megabytes, which stay in the processor's cache


@dataclass(frozen=True, slots=True)
class _Level:
    bend: canvas.Bend
    redrawn: float  # share that a pen of one width draws anew; the rest keeps its strokes' own shape
    pens: tuple[float, float]  # half the width of such a pen, of MNIST's pixels
    swell: float  # the most that strokes of their own shape gain on each side, of MNIST's pixels
    habits: bool
    schools: float  # share that is written from nothing, as other schools teach it


_LEVELS = {
    "light": _Level(canvas.Bend(0.14, 0.15, 0.10, 0.5), 0.3, (0.8, 1.8), 0.4, False, 0.0),
    "hands": _Level(canvas.Bend(0.20, 0.28, 0.20, 0.8), 0.6, (0.4, 2.2), 0.9, True, 0.15),
}
_RINGS = np.array([1, 0, 0, 0, 0, 0, 1, 0, 2, 1])  # closed loops that a digit should have
_THICK = 2.2 * canvas.ZOOM  # so wide a stroke may have filled its loop, and no line in its middle says so


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
        raise ModelError(f"The share of originals is {originals}, but must lie between 0 and 1.")
    return Stream(images, labels, level, seed, originals)


def preview(image: np.ndarray, label: int, level: str, seed: int, n: int = 8) -> np.ndarray:
    """Return `n` variants of one image, (n, 28, 28) uint8, to look at before training."""
    return augment(np.repeat(image[None], n, axis=0), np.full(n, label, np.uint8), level, seed)


def _check(images: np.ndarray, labels: np.ndarray, level: str) -> None:
    if level not in LEVELS:
        raise ModelError(f"There is no augmentation {level!r}. Choose one of: {', '.join(LEVELS)}.")
    check_images(images)
    check_labels(labels, len(images))


def _fill(out: np.ndarray, images: np.ndarray, labels: np.ndarray, level: str, rng: np.random.Generator) -> None:
    if level == "none":
        out[:] = images
        return
    for start in range(0, len(images), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        originals = np.asarray(images[part])
        written = _written(originals, np.asarray(labels[part]), _LEVELS[level], rng)
        for i, (strokes, original) in enumerate(zip(written, originals, strict=True), start):
            try:
                out[i] = preprocessing.normalise(strokes)
            except ImageError:  # it had no ink to begin with
                out[i] = original


def _written(images: np.ndarray, labels: np.ndarray, how: _Level, rng: np.random.Generator) -> np.ndarray:
    n = len(images)
    inked, full = _inked(canvas.bent(images, how.bend, rng), labels, rng)
    if how.habits:
        inked = hands.shortened(inked, labels, rng)
    middle = pen.skeleton(inked)
    width = inked.sum(axis=(1, 2)) / np.maximum(middle.sum(axis=(1, 2)), 1)
    full &= width > _THICK
    redrawn = (rng.random(n) < how.redrawn) & ~full
    new = np.flatnonzero((rng.random(n) < how.schools) & inked.any(axis=(1, 2)))
    middle[new], redrawn[new] = schools.written(labels[new], how.bend, rng), True
    # A canvas smooths its edges over one of many pixels, a photo over more.
    edge = rng.choice([1.0, 1.5, 3.0], n, p=[0.5, 0.3, 0.2])
    low, high = np.log(how.pens)
    radius = np.where(
        redrawn,
        np.exp(rng.uniform(low, high, n)) * canvas.ZOOM,
        rng.uniform(0.3, 0.5 + how.swell * canvas.ZOOM, n),
    )
    edge = np.where(redrawn, edge, np.minimum(edge, 2 * radius))  # or all of the ink would be grey
    ink = pen.inked(pen.distance(np.where(redrawn[:, None, None], middle, inked)), radius, edge)
    if how.habits:
        drawn, old = np.where(redrawn, radius, width / 2 + radius), np.setdiff1d(np.arange(n), new)
        for chosen, lines in hands.habits(inked[old], labels[old], rng):
            stroke = pen.inked(pen.from_lines(lines), drawn[old[chosen]], edge[old[chosen]])
            ink[old[chosen]] = np.maximum(ink[old[chosen]], stroke)
    # As `preprocessing.ink` has it: the strongest ink is full ink.
    ink *= (255 / np.maximum(ink.max(axis=(1, 2)), 1e-6))[:, None, None]
    return ink.astype(np.uint8)


def _inked(grey: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    # Where there is ink, and whether a loop is missing. In a loop nearly filled, only darker ink shows it.
    most = grey.max(axis=(1, 2))[:, None, None]
    inked = grey > rng.uniform(0.3, 0.5, len(grey))[:, None, None] * most
    few = np.flatnonzero(pen.holes(inked) < _RINGS[labels])
    darker = grey[few] > 0.75 * most[few]
    inked[few] = np.where((pen.holes(darker) >= _RINGS[labels[few]])[:, None, None], darker, inked[few])
    return inked, pen.holes(inked) < _RINGS[labels]
