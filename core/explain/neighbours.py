"""The training images that look most like a picture: what a model has seen of its kind."""

from dataclasses import dataclass

import numpy as np

from core.digits import N_PIXELS, stratified

COUNT, SEED = 10_000, 0
_CHUNK = 500  # images in memory at once, so that a small server notices nothing


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """The nearest images, nearest first.

    Parameters
    ----------
    rows : (k,) integers
        Positions in the training images.
    distances : (k,) float64
        Root of the mean squared difference of the pixels, 0 to 255.
    """

    rows: np.ndarray
    distances: np.ndarray


def choose(labels: np.ndarray) -> np.ndarray:
    """Return which training images are looked at: 10,000 of all of them, every digit with its share, always the same.

    Parameters
    ----------
    labels : (n,) uint8

    Returns
    -------
    (10000,) intp, sorted; all of them where there are fewer
    """
    return stratified(labels, min(COUNT, len(labels)), SEED)


def neighbours(image: np.ndarray, images: np.ndarray, rows: np.ndarray, count: int = 10) -> Neighbours:
    """Find the nearest images, pixel by pixel.

    Parameters
    ----------
    image : (28, 28) uint8
    images : (n, 28, 28) uint8
        Perhaps a memory map.
    rows : (m,) integers
        Which of them to look at.
    count : int
    """
    mine = image.reshape(N_PIXELS)
    squares = np.empty(len(rows))
    for start in range(0, len(rows), _CHUNK):
        theirs = images[rows[start : start + _CHUNK]].reshape(-1, N_PIXELS)
        # The difference of two bytes without leaving bytes; its square fits into 16 bits, its sum into 32.
        apart = np.maximum(theirs, mine) - np.minimum(theirs, mine)
        squares[start : start + _CHUNK] = np.einsum("ij,ij->i", apart, apart, dtype=np.uint32, casting="unsafe")
    order = np.argsort(squares, kind="stable")[:count]
    return Neighbours(rows[order], np.sqrt(squares[order] / N_PIXELS))
