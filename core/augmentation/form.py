"""`preprocessing.normalise` for many boards at once: the same bytes, without the cost of a call for each."""

import numpy as np
from PIL import Image

from core import preprocessing
from core.augmentation.canvas import BOARD, extents
from core.digits import IMAGE_SHAPE

_SIDE = IMAGE_SHAPE[0]


def normalised(boards: np.ndarray) -> np.ndarray:
    """Bring each board into MNIST's form.

    Parameters
    ----------
    boards : (n, 64, 64) uint8
        0 = paper, 255 = ink.

    Returns
    -------
    (n, 28, 28) uint8
        What `preprocessing.normalise` returns for each; blank where there is no ink.
    """
    n = len(boards)
    faint = (preprocessing.INK_SHARE * boards.max(axis=(1, 2))).astype(np.uint8)
    inked = boards > faint[:, None, None]
    box = extents(inked)
    box[:, 1::2] += 1
    size = box[:, 1::2] - box[:, ::2]
    scale = preprocessing.LONGER_SIDE / size.max(axis=1)
    small = np.maximum(1, np.rint(size * scale[:, None])).astype(int)
    sheet, out = Image.fromarray(boards.reshape(n * BOARD, BOARD)), Image.new("L", (_SIDE, n * _SIDE))
    for i, ((top, bottom, left, right), (height, width)) in enumerate(zip(box.tolist(), small.tolist(), strict=True)):
        crop = sheet.crop((left, i * BOARD + top, right, i * BOARD + bottom))
        out.paste(crop.resize((width, height), Image.Resampling.LANCZOS), (0, i * _SIDE))
    placed = np.asarray(out).reshape(n, *IMAGE_SHAPE)
    rows, columns = _shift(placed.sum(axis=2), small[:, 0]), _shift(placed.sum(axis=1), small[:, 1])
    # What is moved down and to the right comes from above and from the left; nothing is there yet, or it would be cut.
    steps = np.arange(_SIDE)
    at = (steps - rows[:, None])[:, :, None] % _SIDE * _SIDE + (steps - columns[:, None])[:, None, :] % _SIDE
    moved = np.take_along_axis(placed.reshape(n, -1), at.reshape(n, -1), axis=1).reshape(placed.shape)
    return np.where(inked.any(axis=(1, 2))[:, None, None], moved, np.uint8(0))


def _shift(mass: np.ndarray, length: np.ndarray) -> np.ndarray:
    mass = mass.astype(float)
    centre = (mass * np.arange(_SIDE)).sum(axis=1) / np.maximum(mass.sum(axis=1), 1)
    return np.clip(np.rint(preprocessing.CENTRE - centre), 0, _SIDE - length).astype(int)
