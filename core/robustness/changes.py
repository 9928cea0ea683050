"""What may happen to a digit on its way to the model, in steps: moved, turned, scaled, thicker, noisy."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.digits import IMAGE_SHAPE
from core.preprocessing import CENTRE
from core.texts import later

Apply = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]


@dataclass(frozen=True, slots=True)
class Change:
    """One kind of change.

    Parameters
    ----------
    label : str
        In one word, for a heading.
    axis : str
        What a level counts.
    done : str
        What was done at a level, in words with `{level}` for it.
    levels : tuple of float
        Rising; one of them changes nothing.
    apply : (images (n, 28, 28) uint8, level, rng) -> the same, changed
    """

    label: str
    axis: str
    done: str
    levels: tuple[float, ...]
    apply: Apply


def shifted(images: np.ndarray, level: float, rng: np.random.Generator) -> np.ndarray:
    """Move each image by `level` whole pixels up, down, left or right, as chance will have it."""
    ways = np.array([(-1, 0), (1, 0), (0, -1), (0, 1)])
    return _looked_up(images, np.eye(2), level * ways[rng.integers(0, len(ways), len(images))])


def turned(images: np.ndarray, level: float, rng: np.random.Generator) -> np.ndarray:
    """Turn each image clockwise by `level` degrees about its centre."""
    cos, sin = np.cos(np.radians(level)), np.sin(np.radians(level))
    # From the new image back to the old one, in rows and columns.
    return _looked_up(images, np.array([[cos, -sin], [sin, cos]]))


def scaled(images: np.ndarray, level: float, rng: np.random.Generator) -> np.ndarray:
    """Make each digit `level` times as large about its centre; smaller ones are the mean of four looks a pixel."""
    if level >= 1:
        return _looked_up(images, np.eye(2) / level)
    # One look a pixel would miss strokes that are thinner than the step from one to the next.
    places = [np.full((len(images), 2), (row, column)) for row in (-0.25, 0.25) for column in (-0.25, 0.25)]
    looks = [_looked_up(images, np.eye(2) / level, away).astype(np.uint16) for away in places]
    return ((looks[0] + looks[1] + looks[2] + looks[3] + 2) // 4).astype(np.uint8)


def thickened(images: np.ndarray, level: float, rng: np.random.Generator) -> np.ndarray:
    """Add `level` pixels of ink on each side of the strokes, or take them away; parts of a pixel by mixing."""
    found = images.astype(np.float32)
    grow = np.maximum if level > 0 else np.minimum
    left = abs(level)
    while left > 0:
        step = found.copy()
        for here, there in (((slice(1, None),), (slice(None, -1),)), ((slice(None, -1),), (slice(1, None),))):
            for axis in ((slice(None),), (slice(None), slice(None))):
                one, other = axis + here, axis + there
                step[one] = grow(step[one], found[other])
        found += min(left, 1) * (step - found)
        left -= 1
    return np.rint(found).astype(np.uint8)


def noisy(images: np.ndarray, level: float, rng: np.random.Generator) -> np.ndarray:
    """Add noise of the standard deviation `level` to every pixel, of 255 steps of grey."""
    noise = rng.standard_normal(images.shape, np.float32) * np.float32(level)
    return np.clip(np.rint(images + noise), 0, 255).astype(np.uint8)


CHANGES = {
    "shift": Change(
        later("Moved"), later("moved by, pixels"), later("Moved by {level:g} pixels"), (0, 1, 2, 3, 4), shifted
    ),
    "rotation": Change(
        later("Turned"),
        later("turned by, degrees"),
        later("Turned by {level:g} degrees"),
        (-45, -30, -15, 0, 15, 30, 45),
        turned,
    ),
    "scale": Change(
        later("Sized"), later("size, times"), later("{level:g} times as large"), (0.5, 0.65, 0.8, 1, 1.2, 1.35), scaled
    ),
    "thickness": Change(
        later("Pen"),
        later("ink added on each side, pixels"),
        later("With {level:+g} pixels of ink on each side"),
        (-1, -0.5, 0, 1, 2),
        thickened,
    ),
    "noise": Change(
        later("Noise"),
        later("noise, of 255 greys"),
        later("With noise of {level:g} greys"),
        (0, 25, 50, 75, 100),
        noisy,
    ),
}


def _looked_up(images: np.ndarray, back: np.ndarray, away: np.ndarray | None = None) -> np.ndarray:
    """Look each pixel up in the old image, between its four neighbours; beyond the edge is paper.

    Parameters
    ----------
    back : (2, 2) float
        From a place in the new image to the one in the old, both from the centre.
    away : (n, 2) float
        By how many rows and columns each image is moved.
    """
    n, side = len(images), IMAGE_SHAPE[0] + 2
    framed = np.zeros((n, side, side), np.float32)
    framed[:, 1:-1, 1:-1] = images
    grid = np.indices(IMAGE_SHAPE).reshape(2, -1) - CENTRE
    moved = np.zeros((n, 2)) if away is None else away
    where = back @ (grid[np.newaxis] - moved[:, :, np.newaxis]) + CENTRE + 1
    where = np.clip(where, 0, side - 1.001).astype(np.float32)
    whole = where.astype(np.int32)
    (row, column), (down, right) = (part.transpose(1, 0, 2) for part in (whole, where - whole))
    at = (np.arange(n) * side * side)[:, np.newaxis] + row * side + column
    flat = framed.ravel()
    upper = flat[at] * (1 - right) + flat[at + 1] * right
    lower = flat[at + side] * (1 - right) + flat[at + side + 1] * right
    return np.rint(upper * (1 - down) + lower * down).astype(np.uint8).reshape(n, *IMAGE_SHAPE)
