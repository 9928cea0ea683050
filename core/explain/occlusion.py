"""Which part of the picture speaks for the answer: cover it bit by bit and look what the model says then.

Zeiler & Fergus 2014, section 4.2 (https://doi.org/10.1007/978-3-319-10590-1_53). It asks the model only for answers,
so that it is the same for every family.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.digits import IMAGE_SHAPE

PATCH, STRIDE = 4, 2
_AT_ONCE = 40
_CORNERS = range(0, IMAGE_SHAPE[0] - PATCH + 1, STRIDE)


@dataclass(frozen=True, slots=True, eq=False)
class Occlusion:
    """What covering does.

    Parameters
    ----------
    label : int
        The model's answer to the whole picture, and how sure it was.
    confidence : float, 0 to 1
    drops : (13, 13) float64
        By how much the probability of `label` falls when the patch with its corner at (2i, 2j) is covered; below 0
        where it rises.
    asked : int
        How many pictures the model was asked about.
    """

    label: int
    confidence: float
    drops: np.ndarray
    asked: int


def covered(image: np.ndarray, i: int, j: int) -> np.ndarray:
    """Return a copy of an image, (28, 28) uint8, with paper over the patch (i, j)."""
    copy = image.copy()
    copy[STRIDE * i : STRIDE * i + PATCH, STRIDE * j : STRIDE * j + PATCH] = 0
    return copy


def occlude(
    predict: Callable[[np.ndarray], np.ndarray], image: np.ndarray, between: Callable[[], object] = lambda: None
) -> Occlusion:
    """Cover each patch in turn; patches without ink are not asked about, as nothing changes there.

    Parameters
    ----------
    predict : (n, 28, 28) uint8 -> (n, 10) float
    image : (28, 28) uint8
    between : function
        Called after each batch, so that whoever waits for something newer can break off here.
    """
    (whole,) = predict(image[np.newaxis])
    label = int(whole.argmax())
    cells = [(i, j) for i in range(len(_CORNERS)) for j in range(len(_CORNERS))]
    inked = [cell for cell in cells if (covered(image, *cell) != image).any()]
    drops = np.zeros((len(_CORNERS), len(_CORNERS)))
    for start in range(0, len(inked), _AT_ONCE):
        part = inked[start : start + _AT_ONCE]
        answers = predict(np.stack([covered(image, *cell) for cell in part]))
        drops[tuple(np.transpose(part))] = float(whole[label]) - answers[:, label].astype(float)
        between()
    return Occlusion(label, float(whole[label]), drops, len(inked) + 1)


def heat(drops: np.ndarray) -> np.ndarray:
    """Spread patches over pixels: each pixel gets the mean of the patches that cover it; (28, 28) float64."""
    total, times = np.zeros(IMAGE_SHAPE), np.zeros(IMAGE_SHAPE)
    for i, top in enumerate(_CORNERS):
        for j, left in enumerate(_CORNERS):
            total[top : top + PATCH, left : left + PATCH] += drops[i, j]
            times[top : top + PATCH, left : left + PATCH] += 1
    return total / times
