"""Pictures of what is no digit, for the judge to learn from: made by strokes and by chance, never by a file.

Showing a detector other things beside the ones it shall know is outlier exposure (Hendrycks, Mazeika and Dietterich
2019, https://arxiv.org/abs/1812.04606).
"""

import numpy as np
from PIL import Image, ImageDraw

from core import preprocessing
from core.errors import ImageError
from core.refusal import glyphs

KINDS = ("letter", "scribble", "shape", "photo", "several")
_BOARD, _MARGIN = 140, 22


def make(kind: str, n: int, seed: int, images: np.ndarray) -> np.ndarray:
    """Make pictures of one kind, in the form of `preprocessing.normalise`.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    seed : int, from 0
        The same seed gives the same bytes.
    images : (m, 28, 28) uint8
        Digits, two of which beside each other are no digit ("several").

    Returns
    -------
    (n, 28, 28) uint8
    """
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    made: list[np.ndarray] = []
    while len(made) < n:
        try:
            if kind == "several":
                first, second = images[rng.integers(len(images), size=2)]
                made.append(beside(first, second, int(rng.integers(-2, 5))))
            else:
                board = photo(rng) if kind == "photo" else drawn(glyphs.DRAWN[kind](rng), rng)
                made.append(preprocessing.normalise(preprocessing.ink(Image.fromarray(board))))
        except ImageError:  # a photo of so little contrast that it is blank: refused long before
            continue
    return np.stack(made)


def drawn(strokes: glyphs.Strokes, rng: np.random.Generator) -> np.ndarray:
    """Draw strokes with one pen, turned, slanted and stretched a little as a hand does it.

    Returns
    -------
    (140, 140) uint8
        0 = paper, 255 = ink.
    """
    angle, slant = rng.normal(0, 0.12), rng.normal(0, 0.15)
    hand = np.array([[np.cos(angle), np.sin(angle)], [slant - np.sin(angle), np.cos(angle)]])
    hand = hand * np.exp(rng.normal(0, 0.15, (1, 2)))
    moved = [stroke @ hand for stroke in strokes]
    every = np.concatenate(moved)
    low, size = every.min(axis=0), max(np.ptp(every, axis=0).max(), 1e-6)
    scale = (_BOARD - 2 * _MARGIN) / size
    width = float(np.exp(rng.uniform(np.log(4), np.log(20))))
    board = Image.new("L", (_BOARD, _BOARD))
    pen, half = ImageDraw.Draw(board), width / 2
    for stroke in moved:
        points = [(float(x), float(y)) for x, y in (stroke - low) * scale + _MARGIN]
        pen.line(points, fill=255, width=round(width), joint="curve")
        for x, y in (points[0], points[-1]):
            pen.ellipse((x - half, y - half, x + half, y + half), fill=255)
    return np.asarray(board)


def photo(rng: np.random.Generator) -> np.ndarray:
    """A photo of nothing: grain, clouds, light that falls off, a shadow's edge. (64, 64) uint8."""
    coarse = int(rng.choice([2, 3, 4, 6, 9, 16, 32, 64]))
    clouds = rng.random((coarse, coarse)).astype(np.float32) ** rng.uniform(0.5, 4)
    picture = np.array(Image.fromarray(clouds).resize((64, 64), Image.Resampling.BICUBIC))
    y, x = np.mgrid[-1:1:64j, -1:1:64j]
    angle = rng.uniform(0, 2 * np.pi)
    along = x * np.cos(angle) + y * np.sin(angle)
    light = (along, np.tanh(9 * (along - rng.uniform(-0.7, 0.7))), np.hypot(x, y))[rng.integers(3)]
    mixed = rng.uniform(0, 1) * picture + rng.choice([0, 1]) * rng.uniform(0, 1) * light
    mixed = mixed + rng.choice([0, 0.02, 0.1, 0.3]) * rng.standard_normal(mixed.shape)
    spread = max(float(np.ptp(mixed)), 1e-6)
    return ((mixed - mixed.min()) / spread * rng.uniform(40, 255)).astype(np.uint8)


def beside(first: np.ndarray, second: np.ndarray, gap: int) -> np.ndarray:
    """Set two images (28, 28) uint8 side by side, `gap` pixels of paper between their ink; one image of both."""
    parts = [image[:, np.flatnonzero(image.any(axis=0))] for image in (first, second)]
    width = parts[0].shape[1] + parts[1].shape[1] + gap
    both = np.zeros((first.shape[0], max(width, parts[0].shape[1], parts[1].shape[1])), np.uint8)
    both[:, : parts[0].shape[1]] = parts[0]
    right = both[:, -parts[1].shape[1] :]
    np.maximum(right, parts[1], out=right)
    return preprocessing.normalise(both)
