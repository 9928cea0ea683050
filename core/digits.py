"""The array contract that every module shares: what a digit image is."""

from collections.abc import Sequence

import numpy as np

from core.errors import DataError
from core.texts import t

IMAGE_SHAPE = (28, 28)
N_PIXELS = 28 * 28
CLASSES = tuple(range(10))
CLASS_NAMES = tuple(str(c) for c in CLASSES)


def check_images(images: np.ndarray, name: str = "images") -> None:
    """Refuse anything but uint8 images of shape (n, 28, 28), 0 = paper, 255 = ink.

    Raises
    ------
    DataError
        With the dtype and shape that were found.
    """
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != IMAGE_SHAPE:
        raise DataError(
            t(
                "{name} must be uint8 with shape (n, 28, 28), but it is {dtype} with shape {shape}. Save the "
                "pixels as whole numbers from 0 to 255.",
                name=name,
                dtype=images.dtype,
                shape=tuple(images.shape),
            )
        )


def check_labels(labels: np.ndarray, count: int, name: str = "labels") -> None:
    """Refuse anything but `count` whole-number labels from 0 to 9.

    Raises
    ------
    DataError
        With the dtype, length or range that was found.
    """
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise DataError(
            t(
                "{name} must be one row of whole numbers, but it is {dtype} with shape {shape}.",
                name=name,
                dtype=labels.dtype,
                shape=tuple(labels.shape),
            )
        )
    if len(labels) != count:
        raise DataError(
            t(
                "{name} has {n} labels for {count} images. Give one label for each image.",
                name=name,
                n=len(labels),
                count=count,
            )
        )
    if len(labels) and (labels.min() < 0 or labels.max() > 9):
        raise DataError(
            t(
                "{name} must lie between 0 and 9, but goes from {least} to {most}.",
                name=name,
                least=labels.min(),
                most=labels.max(),
            )
        )


def stratified(labels: np.ndarray, size: int, seed: int) -> np.ndarray:
    """Choose `size` positions so that every class keeps its share.

    Parameters
    ----------
    labels : (n,) integer array
    size : int, 1 to n
    seed : int
        The same seed gives the same choice.

    Returns
    -------
    (size,) intp array
        Sorted positions. Largest remainders decide who gets the places that shares leave over.
    """
    rng = np.random.default_rng(seed)
    counts = np.bincount(labels, minlength=len(CLASSES))
    exact = counts * size / len(labels)
    take = np.floor(exact).astype(int)
    take[np.argsort(take - exact, kind="stable")[: size - take.sum()]] += 1
    chosen = [rng.permutation(np.flatnonzero(labels == c))[: take[c]] for c in CLASSES]
    return np.sort(np.concatenate(chosen))


def blank() -> np.ndarray:
    """Return paper without ink, (28, 28) uint8."""
    return np.zeros(IMAGE_SHAPE, np.uint8)


def mosaic(images: np.ndarray, columns: int, gap: int = 2) -> np.ndarray:
    """Lay images out in rows, black ink on white paper.

    Parameters
    ----------
    images : (n, 28, 28) uint8
        Read row by row; the last row is filled up with paper.
    columns : int
    gap : int
        Pixels of paper between neighbours.

    Returns
    -------
    (rows * (28 + gap) - gap, columns * (28 + gap) - gap) uint8
    """
    rows = -(-len(images) // columns)
    cell = IMAGE_SHAPE[0] + gap
    sheet = np.full((rows * cell - gap, columns * cell - gap), 255, np.uint8)
    for i, image in enumerate(images):
        top, left = i // columns * cell, i % columns * cell
        sheet[top : top + IMAGE_SHAPE[0], left : left + IMAGE_SHAPE[1]] = 255 - image
    return sheet


def one_row_each(labels: np.ndarray, columns: int, seed: int) -> np.ndarray:
    """Choose `columns` examples of every digit, digit after digit.

    Returns
    -------
    (10 * columns,) intp array
        Positions in `labels`; repeated where a class has fewer than `columns` examples.

    Raises
    ------
    DataError
        If a class has no example at all.
    """
    rng = np.random.default_rng(seed)
    rows: Sequence[np.ndarray] = [np.flatnonzero(labels == c) for c in CLASSES]
    empty = [c for c, row in zip(CLASSES, rows, strict=True) if not len(row)]
    if empty:
        raise DataError(
            t("The data has no image of the digit {empty}. Give data in which every digit occurs.", empty=empty[0])
        )
    return np.concatenate([rng.choice(row, columns, replace=len(row) < columns) for row in rows])
