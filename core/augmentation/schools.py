"""Digits written from nothing, as different schools teach them: for the shapes that MNIST's writers hardly knew.

A way of writing is a list of strokes, a stroke a list of points that a smooth line runs through; the same point twice
in a row is a corner. Each digit gets its own wandering of the points, and is then turned and slanted like any other.
"""

import functools

import numpy as np

from core.augmentation.canvas import BOARD, Bend

SIDE = 46.0  # the longer side on the board, as MNIST's 20 pixels have there
WANDER = 0.035  # standard deviation of a point, of the height
_SAMPLES = 120  # for each stroke: closer than the board's pixels
Points = tuple[tuple[float, float], ...]  # x to the right, y down, the height being 1


def _arc(x: float, y: float, across: float, down: float, start: float, turn: float, points: int = 7) -> Points:
    # Part of an ellipse; angles in degrees from the right, clockwise as seen.
    angles = np.deg2rad(np.linspace(start, start + turn, points))
    return tuple((float(x + across * np.cos(a)), float(y + down * np.sin(a))) for a in angles)


def _corner(x: float, y: float) -> Points:
    return ((x, y), (x, y))


_RING = _arc(0.33, 0.5, 0.33, 0.5, -80, -365)
_FLAG = (*_corner(0.42, 0.0), (0.42, 1.0))
_SEVEN = ((0.0, 0.04), *_corner(0.6, 0.0), (0.38, 0.45), (0.22, 1.0))
_BOWL = ((0.32, 0.36), (0.58, 0.5), (0.58, 0.8), (0.3, 1.0), (0.0, 0.93))
_LOOP = ((0.5, 0.14), (0.3, 0.0), (0.04, 0.12), (0.03, 0.36), (0.25, 0.48), (0.47, 0.33), *_corner(0.53, 0.08))
_SIX = ((0.0, 0.72), (0.13, 0.97), (0.4, 0.98), (0.53, 0.76), (0.38, 0.56), (0.14, 0.6), (0.01, 0.78))

_FIRST_HALF = ((0.48, 0.12), (0.28, 0.0), (0.06, 0.16), (0.16, 0.38), (0.42, 0.56), (0.54, 0.8), (0.3, 1.0))
_FROM_THE_MIDDLE = ((0.28, 0.46), (0.06, 0.3), (0.14, 0.04), (0.4, 0.03), (0.48, 0.26), (0.28, 0.46), (0.04, 0.68))

WAYS: dict[int, tuple[tuple[Points, ...], ...]] = {
    0: (
        (_RING,),
        (_arc(0.3, 0.5, 0.3, 0.5, -110, -350),),
        ((*_arc(0.33, 0.52, 0.33, 0.48, -100, -350), (0.45, 0.12), (0.62, 0.0)),),
        (_RING, ((0.02, 0.96), (0.64, 0.04))),
    ),
    1: (
        (((0.05, 0.0), (0.0, 1.0)),),
        (((0.16, 0.26), *_FLAG),),
        (((0.0, 0.5), (0.25, 0.26), *_FLAG),),
        (((0.1, 0.26), *_FLAG), ((0.1, 1.0), (0.74, 0.98))),
        (((0.0, 0.42), *_FLAG), ((0.16, 1.0), (0.7, 1.0))),
        (((0.22, 0.18), *_FLAG),),
    ),
    2: (
        (((0.02, 0.24), (0.12, 0.06), (0.36, 0.0), (0.58, 0.18), (0.5, 0.46), *_corner(0.0, 1.0), (0.66, 0.98)),),
        (((0.02, 0.14), (0.3, 0.0), (0.56, 0.2), (0.42, 0.55), *_corner(0.02, 0.98), (0.34, 0.94), (0.66, 1.0)),),
        (
            ((0.02, 0.2), (0.28, 0.0), (0.55, 0.2), (0.4, 0.6), (0.14, 0.95), (0.0, 0.9), (0.1, 0.78), (0.34, 0.9),
             (0.66, 0.98)),
        ),
        (((0.0, 0.05), (0.35, 0.0), *_corner(0.6, 0.04), *_corner(0.0, 0.98), (0.64, 1.0)),),
    ),
    3: (
        (((0.02, 0.1), (0.26, 0.0), (0.5, 0.16), (0.42, 0.38), *_corner(0.2, 0.46), (0.5, 0.58), (0.54, 0.84),
          (0.28, 1.0), (0.0, 0.9)),),
        (((0.0, 0.02), *_corner(0.54, 0.0), *_corner(0.24, 0.4), (0.52, 0.54), (0.52, 0.86), (0.26, 1.0), (0.0, 0.9)),),
        (((0.0, 0.04), (0.32, 0.0), (0.5, 0.2), (0.3, 0.44), (0.52, 0.66), (0.4, 0.94), (0.0, 1.0)),),
    ),
    4: (
        (((0.1, 0.0), *_corner(0.0, 0.54), (0.66, 0.52)), ((0.5, 0.08), (0.46, 1.0))),
        (((0.46, 0.0), *_corner(0.0, 0.66), (0.68, 0.64)), ((0.46, 0.0), (0.46, 1.0))),
        (((0.36, 0.0), *_corner(0.0, 0.62), (0.68, 0.6)), ((0.44, 0.36), (0.4, 1.0))),
        (((0.12, 0.0), (0.02, 0.3), *_corner(0.06, 0.52), (0.5, 0.46)), ((0.54, 0.02), (0.52, 0.5), (0.44, 1.0))),
        (((0.2, 0.0), *_corner(0.0, 0.5), (0.5, 0.5)), ((0.5, 0.2), (0.5, 1.0))),
    ),
    5: (
        (((0.56, 0.0), *_corner(0.12, 0.02), *_corner(0.06, 0.42), *_BOWL),),
        ((*_corner(0.1, 0.02), *_corner(0.06, 0.42), *_BOWL), ((0.1, 0.02), (0.58, 0.0))),
        (((0.56, 0.02), (0.2, 0.04), (0.06, 0.28), (0.3, 0.44), (0.54, 0.62), (0.42, 0.92), (0.0, 0.96)),),
        (((0.6, 0.02), *_corner(0.14, 0.0), *_corner(0.1, 0.46), (0.4, 0.44), (0.54, 0.7), (0.36, 0.98), (0.0, 0.9)),),
    ),
    6: (
        (((0.46, 0.0), (0.16, 0.26), *_SIX),),
        (((0.34, 0.0), (0.08, 0.4), *_SIX),),
        (((0.54, 0.06), (0.32, 0.0), (0.08, 0.3), *_SIX),),
        (((0.2, 0.0), (0.04, 0.4), *_SIX),),
    ),
    7: (
        (_SEVEN,),
        (_SEVEN, ((0.14, 0.54), (0.6, 0.46))),
        (((0.0, 0.2), *_corner(0.02, 0.02), *_corner(0.6, 0.0), (0.3, 1.0)),),
        (((0.0, 0.16), *_corner(0.03, 0.02), *_corner(0.6, 0.04), (0.32, 1.0)), ((0.2, 0.5), (0.64, 0.48))),
        (((0.0, 0.12), (0.1, 0.0), (0.3, 0.06), *_corner(0.58, 0.0), (0.36, 0.5), (0.3, 1.0)),
         ((0.16, 0.52), (0.58, 0.5))),
        (((0.0, 0.0), *_corner(0.56, 0.0), (0.5, 1.0)), ((0.3, 0.5), (0.72, 0.48))),
    ),
    8: (
        ((*_FIRST_HALF, (0.03, 0.82), (0.14, 0.58), (0.42, 0.38), (0.5, 0.16), (0.44, 0.06)),),
        (_arc(0.28, 0.23, 0.22, 0.23, -80, -370), _arc(0.28, 0.74, 0.28, 0.27, -85, -370)),
        ((*_FROM_THE_MIDDLE, (0.12, 0.98), (0.44, 0.97), (0.53, 0.7), (0.28, 0.46)),),
    ),
    9: (
        ((*_LOOP, (0.5, 1.0)),),
        ((*_LOOP, (0.52, 0.6), (0.44, 0.92), (0.22, 1.0), (0.04, 0.92)),),
        ((*_LOOP, (0.46, 0.6), (0.26, 1.0)),),
        ((*_arc(0.27, 0.24, 0.25, 0.24, -20, -350), *_corner(0.52, 0.22), (0.5, 0.7), (0.34, 0.98), (0.06, 0.98)),),
        ((*_arc(0.27, 0.24, 0.25, 0.24, -20, -350), *_corner(0.52, 0.2), (0.53, 1.0)),),
    ),
}  # fmt: skip


def written(labels: np.ndarray, bend: Bend, rng: np.random.Generator) -> np.ndarray:
    """Write each label once, in a way drawn by chance, as lines one pixel wide.

    Parameters
    ----------
    labels : (n,) integer, 0 to 9
    bend : canvas.Bend
        Its turn, slant and stretch; the points wander by `WANDER`.
    rng : numpy.random.Generator

    Returns
    -------
    (n, 64, 64) bool
    """
    board = np.zeros((len(labels), BOARD, BOARD), bool)
    pick = rng.random(len(labels))
    for label, ways in WAYS.items():
        for way in range(len(ways)):
            mine = np.flatnonzero((labels == label) & ((pick * len(ways)).astype(int) == way))
            points, blend = _prepared(label, way)
            wander = rng.normal(0, WANDER, (len(mine), *points.shape))
            line = _placed(blend @ (points + wander), bend, rng)
            at = np.clip(np.rint(line), 0, BOARD - 1).astype(int)
            board[mine[:, None], at[:, :, 1], at[:, :, 0]] = True
    return board


def _placed(line: np.ndarray, bend: Bend, rng: np.random.Generator) -> np.ndarray:
    n = len(line)
    angle, slant = rng.uniform(-bend.turn, bend.turn, n), rng.uniform(-bend.slant, bend.slant, n)
    grow = np.exp(rng.uniform(-bend.stretch, bend.stretch, n))
    cos, sin = np.cos(angle), np.sin(angle)
    # Columns are where x and y go: slanted and stretched first, then turned.
    turned = np.stack([np.stack([grow * cos, grow * sin], -1), np.stack([slant * cos - sin, slant * sin + cos], -1)], 1)
    line = line @ turned
    low, high = line.min(axis=1, keepdims=True), line.max(axis=1, keepdims=True)
    size = (high - low).max(axis=2, keepdims=True)
    return (line - (low + high) / 2) * (SIDE / size) + (BOARD - 1) / 2


@functools.cache
def _prepared(label: int, way: int) -> tuple[np.ndarray, np.ndarray]:
    # The way's different points, (p, 2), and what share of each makes each sample of its lines, (s, p).
    strokes = WAYS[label][way]
    points = list(dict.fromkeys(point for stroke in strokes for point in stroke))
    blends = []
    for stroke in strokes:
        own = np.zeros((len(stroke), len(points)))
        own[np.arange(len(stroke)), [points.index(point) for point in stroke]] = 1
        blends.append(_smooth(len(stroke)) @ own)
    return np.array(points), np.concatenate(blends)


def _smooth(points: int) -> np.ndarray:
    # Catmull and Rom's spline (1974) as a matrix, (samples, points): it runs through each point.
    t = np.linspace(0, points - 1, _SAMPLES)
    left = np.minimum(t.astype(int), points - 2)
    u = (t - left)[:, None]
    powers = np.concatenate([np.ones_like(u), u, u**2, u**3], axis=1)
    rule = np.array([[0, 2, 0, 0], [-1, 0, 1, 0], [2, -5, 4, -1], [-1, 3, -3, 1]]) / 2
    shares = powers @ rule
    blend = np.zeros((_SAMPLES, points))
    for k in range(4):
        np.add.at(blend, (np.arange(_SAMPLES), np.clip(left + k - 1, 0, points - 1)), shares[:, k])
    return blend
