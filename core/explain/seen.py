"""What the model saw of a drawing: each step from the board to 28x28, and the answer if one had stopped there."""

from dataclasses import dataclass

import numpy as np

from core import preprocessing
from core.digits import IMAGE_SHAPE
from core.texts import t

_CHUNK = 1000
_RARE = (1, 99)  # percentiles of MNIST beyond which a stroke is called thin or thick


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """One step on the way.

    Parameters
    ----------
    name : str
    picture : (h, w) uint8
        What there is after it, 0 = paper.
    stopped : (28, 28) uint8
        What the model would receive if this were the last step: the picture squeezed, or laid in the middle.
    """

    name: str
    picture: np.ndarray
    stopped: np.ndarray


@dataclass(frozen=True, slots=True)
class Usual:
    """How thick MNIST's strokes are, in pixels of 28: 98 of 100 lie between `low` and `high`."""

    low: float
    middle: float
    high: float


def stages(board: np.ndarray, strokes: np.ndarray) -> tuple[Stage, ...]:
    """Return the steps from the board to what the model receives, the last stage.

    Parameters
    ----------
    board : (h, w) uint8
        The picture as it was drawn, in grey.
    strokes : (h, w) uint8
        Its ink, from `preprocessing.ink`; a picture without any is refused there.
    """
    steps = preprocessing.steps(strokes)
    marked = np.where(strokes > int(preprocessing.INK_SHARE * strokes.max()), strokes, 0)
    return (
        Stage(t("the board"), board, preprocessing.resized(board)),
        Stage(t("ink found"), marked, preprocessing.resized(strokes)),
        Stage(t("cropped"), steps.crop, preprocessing.resized(steps.crop)),
        Stage(t("20 pixels"), steps.small, _in_the_middle(steps.small)),
        Stage(t("centred by weight"), steps.image, steps.image),
    )


def thickness(images: np.ndarray) -> np.ndarray:
    """Measure how thick the strokes are: twice the ink's area over the length of its outline.

    A ribbon of length l and width w has the area l * w and an outline of about 2 * l. Both are taken from the grey
    values, the outline as their total variation (Rudin, Osher & Fatemi 1992, https://doi.org/10.1016/0167-2789(92)90242-F;
    for a shape of one grey it is the length of its edge by the coarea formula), so that no threshold decides.

    Parameters
    ----------
    images : (n, 28, 28) uint8

    Returns
    -------
    (n,) float32
        In pixels; 0 for blank paper.
    """
    ink = np.pad(images.astype(np.float32), ((0, 0), (1, 1), (1, 1)))
    across, down = ink[:, :-1, 1:] - ink[:, :-1, :-1], ink[:, 1:, :-1] - ink[:, :-1, :-1]
    outline = np.hypot(across, down).sum(axis=(1, 2))
    return np.divide(2 * ink.sum(axis=(1, 2)), outline, out=np.zeros(len(ink), np.float32), where=outline > 0)


def usual(images: np.ndarray, rows: np.ndarray) -> Usual:
    """Measure the strokes of training images, (n, 28, 28) uint8, at the positions `rows`, (m,) integers."""
    parts = [thickness(images[rows[i : i + _CHUNK]]) for i in range(0, len(rows), _CHUNK)]
    low, middle, high = np.percentile(np.concatenate(parts), (_RARE[0], 50, _RARE[1]))
    return Usual(float(low), float(middle), float(high))


def note(width: float, known: Usual) -> str:
    """Say so where a stroke is much thicker or thinner than those that a model has learned from; else nothing."""
    if known.low <= width <= known.high:
        return ""
    words = (
        t(
            "Scaled down like this, your stroke is {width:.1f} pixels thick: thicker than nearly all of MNIST's, of "
            "which 98 in 100 lie between {low:.1f} and {high:.1f}. The model has hardly seen that; try a thinner brush."
        )
        if width > known.high
        else t(
            "Scaled down like this, your stroke is {width:.1f} pixels thick: thinner than nearly all of MNIST's, of "
            "which 98 in 100 lie between {low:.1f} and {high:.1f}. The model has hardly seen that; try a thicker brush."
        )
    )
    return words.format(width=width, low=known.low, high=known.high)


def _in_the_middle(small: np.ndarray) -> np.ndarray:
    # By its box and not by its weight: what is left to do is shown by the last step.
    out = np.zeros(IMAGE_SHAPE, np.uint8)
    top, left = ((full - part) // 2 for full, part in zip(IMAGE_SHAPE, small.shape, strict=True))
    out[top : top + small.shape[0], left : left + small.shape[1]] = small
    return out
