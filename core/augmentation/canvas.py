"""MNIST's digits, bent and turned, on a board fine enough to draw on again.

The board is 64 x 64, so that one row of black and white fits one 64-bit word (see `pen.skeleton`).
"""

from dataclasses import dataclass

import numpy as np

BOARD = 64
ZOOM = 2.3  # board pixels for each of MNIST's: 20 become 46, the rest is room for slant and for strokes drawn on
FINER = 4  # in so many steps each way is one of MNIST's pixels looked up
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

    An affine map and a smooth random displacement (Simard et al. 2003), looked up in the image drawn finer.

    Parameters
    ----------
    images : (n, 28, 28) uint8
    bend : Bend
    rng : numpy.random.Generator

    Returns
    -------
    (n, 64, 64) uint8
        0 = paper, 255 = ink.
    """
    n = len(images)
    finer = _finer(images)
    side = finer.shape[1]
    where = _where(images, bend, rng)
    where *= np.float32(FINER)
    where += np.float32(FINER * 1.5)  # a frame of one pixel; and the middle of a pixel, not its corner
    np.clip(where, 0, side - 1, out=where)
    at = where.astype(np.int32)
    index = at[:, 0]
    index *= side
    index += at[:, 1]
    index += (np.arange(n, dtype=np.int32) * (side * side))[:, None, None]
    return finer.ravel().take(index, mode="clip")


def _finer(images: np.ndarray) -> np.ndarray:
    # Framed by a pixel of paper, linearly between the pixels' middles.
    side = images.shape[1] + 2
    middles = (np.arange(side * FINER, dtype=np.float32) + 0.5) / FINER - 1.5
    share = np.maximum(1 - np.abs(middles[:, None] - np.arange(images.shape[1], dtype=np.float32)), 0)
    return (share @ (images.astype(np.float32) @ share.T)).astype(np.uint8)


def _where(images: np.ndarray, bend: Bend, rng: np.random.Generator) -> np.ndarray:
    # From each pixel of the board back to the image: (n, 2, 64, 64), all of it one sum of products of smooth curves.
    n = len(images)
    box = extents(images > _INKED)
    middle = np.stack([box[:, 0] + box[:, 1], box[:, 2] + box[:, 3]], axis=1) / 2
    steps = (np.arange(BOARD) - (BOARD - 1) / 2) / ZOOM
    curves = np.concatenate([_blend(bend.knots), np.ones((BOARD, 1)), steps[:, None]], axis=1).astype(np.float32)
    share = np.zeros((n, 2, bend.knots + 2, bend.knots + 2), np.float32)
    share[:, :, :-2, :-2] = rng.standard_normal((n, 2, bend.knots, bend.knots), dtype=np.float32) * bend.sway
    share[:, :, -2, -2] = middle + rng.uniform(-0.5, 0.5, (n, 2))  # the shift that whole pixels hide
    map_ = _matrices(n, bend, rng)
    share[:, :, -1, -2], share[:, :, -2, -1] = map_[:, :, 0], map_[:, :, 1]
    return curves @ share @ curves.T


def _matrices(n: int, bend: Bend, rng: np.random.Generator) -> np.ndarray:
    angle, slant = rng.uniform(-bend.turn, bend.turn, n), rng.uniform(-bend.slant, bend.slant, n)
    grow = np.exp(rng.uniform(-bend.stretch, bend.stretch, (n, 2)))
    grow /= np.maximum(1, grow.max(axis=1, keepdims=True))  # only the proportions matter: all is scaled to 20 px
    cos, sin = np.cos(angle), np.sin(angle)
    turned = np.stack([np.stack([cos, sin], -1), np.stack([slant * cos - sin, cos + slant * sin], -1)], 1)
    return turned / grow[:, None, :]


def _blend(knots: int) -> np.ndarray:
    places = np.linspace(0, BOARD - 1, knots)
    far = (np.arange(BOARD)[:, None] - places) / (0.8 * places[1])
    blend = np.exp(-(far**2) / 2)
    return blend / np.linalg.norm(blend, axis=1, keepdims=True)  # each point sways with the same variance
