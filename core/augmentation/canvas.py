"""MNIST's digits, bent and turned, on a board fine enough to draw on again.

The board is 64 x 64, so that one row of black and white fits one 64-bit word (see `pen.skeleton`).
"""

from dataclasses import dataclass

import numpy as np

BOARD = 64
ZOOM = 2.3  # board pixels for each of MNIST's: 20 become 46, the rest is room for slant and for strokes drawn on
_INKED = 38  # 15 % of full ink, as `preprocessing` crops


@dataclass(frozen=True, slots=True)
class Bend:
    """How far a hand's shapes may differ from the original's: all are half-widths or standard deviations."""

    turn: float  # radians
    slant: float  # shear
    stretch: float  # logarithm of the scale, each axis on its own
    sway: float  # MNIST's pixels that a point wanders
    knots: int = 5  # control points a side: few for sweeping bends, more for a shaky hand


def extents(inked: np.ndarray) -> np.ndarray:
    """Return the first and last row, first and last column with ink.

    Parameters
    ----------
    inked : (n, h, w) bool

    Returns
    -------
    (n, 4) intp
        Of an image without ink: 0, h - 1, 0, w - 1.
    """
    rows, columns = np.asarray(inked.any(axis=2)), np.asarray(inked.any(axis=1))
    last = [side.shape[1] - 1 - side[:, ::-1].argmax(axis=1) for side in (rows, columns)]
    return np.stack([rows.argmax(axis=1), last[0], columns.argmax(axis=1), last[1]], axis=1)


def bent(images: np.ndarray, bend: Bend, rng: np.random.Generator) -> np.ndarray:
    """Turn, slant, stretch and bend each image in its own way, onto the board.

    An affine map and a smooth random displacement (Simard et al. 2003), both in one bilinear look-up.

    Parameters
    ----------
    images : (n, 28, 28) uint8
    bend : Bend
    rng : numpy.random.Generator

    Returns
    -------
    (n, 64, 64) float32
        0 = paper, 1 = ink.
    """
    n = len(images)
    box = extents(images > _INKED)
    middle = np.stack([box[:, 0] + box[:, 1], box[:, 2] + box[:, 3]], axis=1).astype(np.float32) / 2
    middle += rng.uniform(-0.5, 0.5, (n, 2)).astype(np.float32)  # the shift that whole pixels hide
    steps = (np.arange(BOARD, dtype=np.float32) - (BOARD - 1) / 2) / np.float32(ZOOM)
    where = _matrices(n, bend, rng) @ np.stack(np.meshgrid(steps, steps, indexing="ij")).reshape(2, -1)
    where = where.reshape(n, 2, BOARD, BOARD)
    where += middle[:, :, None, None]
    where += _displacement(n, bend, rng)
    return _looked_up(images, where)


def _matrices(n: int, bend: Bend, rng: np.random.Generator) -> np.ndarray:
    # From the board back to the image: where does this pixel's ink come from?
    angle, slant = rng.uniform(-bend.turn, bend.turn, n), rng.uniform(-bend.slant, bend.slant, n)
    grow = np.exp(rng.uniform(-bend.stretch, bend.stretch, (n, 2)))
    grow /= np.maximum(1, grow.max(axis=1, keepdims=True))  # only the proportions matter: all is scaled to 20 px
    cos, sin = np.cos(angle), np.sin(angle)
    turned = np.stack([np.stack([cos, sin], -1), np.stack([slant * cos - sin, cos + slant * sin], -1)], 1)
    return (turned / grow[:, None, :]).astype(np.float32)


def _displacement(n: int, bend: Bend, rng: np.random.Generator) -> np.ndarray:
    knots = rng.standard_normal((n, 2, bend.knots, bend.knots), dtype=np.float32) * np.float32(bend.sway)
    places = np.linspace(0, BOARD - 1, bend.knots)
    far = (np.arange(BOARD)[:, None] - places) / (0.8 * places[1])
    blend = np.exp(-(far**2) / 2)
    blend /= np.linalg.norm(blend, axis=1, keepdims=True)  # each point sways with the same variance
    blend = blend.astype(np.float32)
    return blend @ knots @ blend.T


def _looked_up(images: np.ndarray, where: np.ndarray) -> np.ndarray:
    n, side = len(images), images.shape[1] + 2
    framed = np.zeros((n, side, side), np.float32)
    framed[:, 1:-1, 1:-1] = images
    framed /= 255
    where = np.clip(where + 1, 0, side - 1.001)
    whole = where.astype(np.int32)
    part = where - whole
    at = whole[:, 0] * side + whole[:, 1] + (np.arange(n, dtype=np.int32) * side * side)[:, None, None]
    flat, down, right = framed.ravel(), part[:, 0], part[:, 1]
    upper = flat[at]
    upper += right * (flat[at + 1] - upper)
    at += side
    lower = flat[at]
    lower += right * (flat[at + 1] - lower)
    return upper + down * (lower - upper)
