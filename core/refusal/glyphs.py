"""What people draw that is no digit, as strokes: letters and signs by hand, scribbles, shapes.

Letters that many people would read as a digit (O as 0, l as 1, Z as 2, B as 8, g as 9 …) are left out on purpose:
nobody could refuse these and still take the digits of other hands.
"""

from collections.abc import Callable

import numpy as np

Strokes = list[np.ndarray]
"""Polylines (k, 2), x and y; only the proportions matter, as every drawing is scaled to its ink."""

# Points of a grid, x and y from 0 to 8; a stroke with ~ is a smooth curve through its points.
LETTERS = {
    "A": "08 40 88,15 75",
    "C": "~72 50 20 04 28 58 76",
    "E": "80 00 08 88,04 64",
    "F": "80 00 08,04 64",
    "H": "00 08,80 88,04 84",
    "J": "~60 63 66 48 18 06",
    "K": "00 08,70 04 78",
    "L": "00 08 68",
    "M": "08 00 45 80 88",
    "N": "08 00 88 80",
    "P": "08 00,~00 50 72 54 04",
    "R": "08 00,~00 50 72 54 04,34 78",
    "T": "00 80,40 48",
    "U": "~00 04 27 48 67 84 80",
    "V": "00 48 80",
    "W": "00 28 43 68 80",
    "X": "00 88,80 08",
    "Y": "00 44 80,44 48",
    "a": "~62 30 04 38 66,~60 65 88",
    "a in print": "~03 20 50 64 68,~64 24 06 28 66",
    "c": "~62 30 04 38 66",
    "d": "~64 35 06 38 67,60 68",
    "e": "~04 74 61 30 04 38 76",
    "f": "~71 50 32 48,14 64",
    "h": "00 08,~05 33 65 68",
    "k": "00 08,63 05 68",
    "m": "03 08,~05 22 45 48,~45 62 85 88",
    "n": "02 08,~05 32 65 68",
    "p": "02 08,~03 30 63 36 05",
    "r": "02 08,~05 32 62",
    "t": "~30 36 48 67,02 62",
    "u": "~00 05 27 55 60,60 68",
    "v": "02 38 62",
    "w": "02 28 43 68 82",
    "x": "02 68,62 08",
    "alpha": "~80 56 28 05 22 56 88",
    "gamma": "~00 20 45 38 35 80",
    "lambda": "~00 20 88,44 08",
    "pi": "01 81,21 28,~61 67 88",
    "omega": "~11 05 28 44 68 85 71",
    "sigma": "80 00 44 08 88",
    "psi": "~00 05 46 85 80,40 48",
    "+": "40 48,04 84",
    "=": "02 82,06 86",
    "#": "20 28,60 68,02 82,06 86",
    "*": "40 48,02 86,82 06",
    "&": "~88 12 30 52 06 28 64",
    "√": "05 24 38 50 80",
    "∞": "~44 62 84 66 44 22 04 26 44",
}


def letter(rng: np.random.Generator) -> Strokes:
    """A letter or sign from the table."""
    words = LETTERS[str(rng.choice(list(LETTERS)))]
    strokes = []
    for word in words.split(","):
        points = np.array([[int(pair[0]), int(pair[1])] for pair in word.lstrip("~").split()], float)
        points += rng.normal(0, 0.3, points.shape)
        strokes.append(smooth(points) if word.startswith("~") else points)
    return strokes


def scribble(rng: np.random.Generator) -> Strokes:
    """A pen that wanders, goes to and fro, or turns in circles."""
    n = int(rng.integers(7, 22))
    way = rng.integers(4)
    if way == 0:  # anywhere
        return [smooth(rng.uniform(0, 8, (n, 2)))]
    if way == 1:  # to and fro
        across = np.arange(n) % 2 * 8 + rng.normal(0, 1.2, n)
        return [smooth(np.stack([across, np.linspace(0, rng.uniform(3, 12), n)], 1)) @ _turned(rng)]
    if way == 2:  # round and round
        angle = np.linspace(0, rng.uniform(2.2, 5) * 2 * np.pi, 8 * n)
        radius = np.linspace(1, rng.uniform(0, 0.6), len(angle))  # a ring that stays in place would be a 0
        drift = np.linspace(0, rng.choice([0, rng.uniform(1, 6)]), len(angle))
        return [np.stack([radius * np.cos(angle) + drift, radius * np.sin(angle)], 1) @ _turned(rng)]
    steps = rng.normal(0, 1, (n, 2)).cumsum(axis=0)
    return [smooth(steps), *([smooth(rng.uniform(steps.min(), steps.max(), (4, 2)))] if rng.random() < 0.4 else [])]


def shape(rng: np.random.Generator) -> Strokes:
    """Lines that cross, corners joined in a ring, rings in rings, figures with a mark inside, rows of dots."""
    way = rng.integers(6)
    if way == 0:
        return [rng.uniform(0, 8, (2, 2)) for _ in range(rng.integers(3, 7))]
    if way == 1:  # a star's corners alternate between two radii
        n = int(rng.integers(3, 9))
        radius = np.where(np.arange(2 * n) % 2, rng.uniform(0.35, 0.7), 1.0)
        return [_ring(2 * n, rng, radius)]
    if way == 2:
        n = int(rng.integers(3, 6))
        return [_ring(n, rng, rng.uniform(0.7, 1, n))]
    if way == 3:
        outer = _ring(int(rng.choice([3, 4, 5, 6, 40])), rng)
        return [outer, *(0.5 * stroke for stroke in _marks(rng))]
    if way == 4:  # a shaft and what sits at its ends
        shaft = np.array([[0.0, 0], [8, 0]])
        tip = np.array([[8 - rng.uniform(1.5, 4), -rng.uniform(1, 3)], [8, 0], [8 - rng.uniform(1.5, 4), 3]])
        turn = _turned(rng)
        return [stroke @ turn for stroke in ([shaft, tip, 8 - tip] if rng.random() < 0.3 else [shaft, tip])]
    centres = rng.uniform(0, 8, (rng.integers(3, 9), 2))
    return [centre + 0.3 * _ring(8, rng) for centre in centres]


def smooth(points: np.ndarray, between: int = 8) -> np.ndarray:
    """Return a smooth curve through points (k, 2): Catmull and Rom's spline (1974)."""
    framed = np.concatenate([[2 * points[0] - points[1]], points, [2 * points[-1] - points[-2]]])
    a, b, c, d = (framed[i : len(framed) - 3 + i, None] for i in range(4))
    t = np.linspace(0, 1, between, endpoint=False)[None, :, None]
    curve = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    return np.concatenate([curve.reshape(-1, 2), points[-1:]])


def _ring(n: int, rng: np.random.Generator, radius: np.ndarray | float = 1.0) -> np.ndarray:
    angle = rng.uniform(0, 2 * np.pi) + np.arange(n) * 2 * np.pi / n
    corners = np.stack([np.cos(angle), np.sin(angle)], 1) * np.reshape(radius, (-1, 1))
    return np.concatenate([corners, corners[:1]])


def _marks(rng: np.random.Generator) -> Strokes:
    return [rng.uniform(-0.9, 0.9, (int(rng.integers(2, 5)), 2)) for _ in range(rng.integers(1, 4))]


def _turned(rng: np.random.Generator) -> np.ndarray:
    angle = rng.uniform(0, 2 * np.pi)
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


DRAWN: dict[str, Callable[[np.random.Generator], Strokes]] = {"letter": letter, "scribble": scribble, "shape": shape}
