"""What hands outside the US census add to a digit: the crossed 7, the footed and the flagged 1, the slashed 0 ...

Each habit reads the ink's own extremes and answers with a line to draw; the pen that drew the digit draws it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.augmentation import canvas

Lines = tuple[np.ndarray, np.ndarray]  # which of the images, (k,) intp, and their lines, (k, points, 2) float


@dataclass(frozen=True, slots=True)
class Ink:
    """Images of one label on the board, and where their ink ends."""

    inked: np.ndarray  # (n, 64, 64) bool
    top: np.ndarray  # (n,) and so on: first and last row, first and last column
    bottom: np.ndarray
    left: np.ndarray
    right: np.ndarray

    @property
    def height(self) -> np.ndarray:
        """Rows from the first to the last with ink."""
        return self.bottom - self.top + 1.0

    @property
    def width(self) -> np.ndarray:
        """Columns from the first to the last with ink."""
        return self.right - self.left + 1.0

    def across(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the first and last column with ink in one row of each image; an empty row has its middle twice."""
        row = self.inked[np.arange(len(rows)), np.clip(rows, 0, canvas.BOARD - 1).astype(int)]
        empty = ~row.any(axis=1)
        first, last = row.argmax(axis=1), canvas.BOARD - 1 - row[:, ::-1].argmax(axis=1)
        middle = (self.left + self.right) / 2
        return np.where(empty, middle, first), np.where(empty, middle, last)


def read(inked: np.ndarray) -> Ink:
    """Find where the ink of each image ends, (n, 64, 64) bool."""
    return Ink(inked, *canvas.extents(inked).T)


def _line(*points: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    return np.stack([np.stack([np.asarray(y, float), np.asarray(x, float)], axis=-1) for y, x in points], axis=1)


def crossed_seven(ink: Ink, rng: np.random.Generator) -> Lines:
    """A bar through the stem, at about half the height."""
    n, high = len(ink.top), ink.height
    y = ink.top + high * rng.uniform(0.42, 0.64, n)
    first, last = ink.across(y)
    x = (first + last) / 2
    before, after = high * rng.uniform(0.14, 0.32, n), high * rng.uniform(0.12, 0.30, n)
    tilt = rng.uniform(-0.12, 0.35, n)  # rising to the right
    bar = _line(
        (y + before * tilt, x - before), (y + high * rng.uniform(-0.02, 0.02, n), x), (y - after * tilt, x + after)
    )
    plain = np.flatnonzero(last - first < 0.35 * high)  # wider: it is crossed already
    return plain, bar[plain]


def hooked_seven(ink: Ink, rng: np.random.Generator) -> Lines:
    """A short stroke down from where the pen set on."""
    n, high = len(ink.top), ink.height
    column = ink.inked[np.arange(n), :, np.clip(ink.left + 1, 0, canvas.BOARD - 1)]
    y, x = column.argmax(axis=1), ink.left + 1.0
    down = high * rng.uniform(0.10, 0.28, n)
    hook = _line((y, x), (y + down, x - high * rng.uniform(-0.05, 0.08, n)))
    high_up = np.flatnonzero(y < ink.top + 0.3 * high)
    return high_up, hook[high_up]


def footed_one(ink: Ink, rng: np.random.Generator) -> Lines:
    """A base to stand on."""
    n, high = len(ink.top), ink.height
    y = ink.bottom - 1.0
    x = np.mean(ink.across(y), axis=0)
    before, after, tilt = high * rng.uniform(0.1, 0.36, n), high * rng.uniform(0.1, 0.36, n), rng.uniform(-0.15, 0.2, n)
    foot = _line((y + before * tilt, x - before), (y, x), (y - after * tilt, x + after))
    narrow = np.flatnonzero(ink.width < 0.7 * high)  # a wide 1 has its foot already, or lies flat
    return narrow, foot[narrow]


def flagged_one(ink: Ink, rng: np.random.Generator) -> Lines:
    """An upstroke that leads to the top, short as in print or as long as in German schools."""
    n, high = len(ink.top), ink.height
    y = ink.top + 1.0
    x = np.mean(ink.across(y), axis=0)
    long, angle = high * rng.uniform(0.18, 0.62, n), rng.uniform(0.45, 1.15, n)
    sag = high * rng.uniform(-0.03, 0.05, n)
    down, out = long * np.cos(angle), long * np.sin(angle)
    flag = _line((y, x), (y + down / 2 + sag, x - out / 2), (y + down, x - out))
    narrow = np.flatnonzero(ink.width < 0.6 * high)
    return narrow, flag[narrow]


def slashed_zero(ink: Ink, rng: np.random.Generator) -> Lines:
    """A stroke through the ring, from the lower left to the upper right."""
    n = len(ink.top)
    y, x = (ink.top + ink.bottom) / 2, (ink.left + ink.right) / 2
    reach, lean = rng.uniform(0.5, 1.15, n) / 2, rng.uniform(0.5, 1.1, n)
    up, out = ink.height * reach, ink.width * reach * lean
    return np.arange(n), _line((y + up, x - out), (y - up, x + out))


def closed_four(ink: Ink, rng: np.random.Generator) -> Lines:
    """The two tips at the top joined, as it is printed."""
    n = len(ink.top)
    middle = (ink.left + ink.right) // 2
    columns = np.arange(canvas.BOARD)
    tips = []
    for side in (columns <= middle[:, None], columns > middle[:, None]):
        rows = (ink.inked & side[:, None, :]).any(axis=2)
        y = rows.argmax(axis=1)
        row = ink.inked[np.arange(n), y] & side
        tips.append((y + 1.0, (row * columns).sum(axis=1) / np.maximum(row.sum(axis=1), 1)))
    (y, x), (other_y, other_x) = tips
    # Far apart, or square, it would be a 9.
    near = np.abs(other_x - x) < 0.3 * ink.height
    both = np.flatnonzero((np.maximum(y, other_y) < ink.top + 0.4 * ink.height) & near)
    return both, _line((y, x), (other_y, other_x))[both]


def curled_nine(ink: Ink, rng: np.random.Generator) -> Lines:
    """A tail that swings to the left, as print has it."""
    n, high = len(ink.top), ink.height
    y = ink.bottom - 1.0
    first, last = ink.across(y)
    x, size = (first + last) / 2, high * rng.uniform(0.5, 1.1, n)
    tail = _line(
        (y - 0.02 * size, x),
        (y + 0.10 * size, x - 0.10 * size),
        (y + 0.13 * size, x - 0.24 * size),
        (y + 0.08 * size, x - 0.38 * size),
        (y + rng.uniform(-0.1, 0.05, n) * size, x - 0.46 * size),
    )
    straight = np.flatnonzero(last - first < 0.3 * high)
    return straight, tail[straight]


def roofed_five(ink: Ink, rng: np.random.Generator) -> Lines:
    """The upper bar drawn further, or apart from the rest: two strokes instead of one."""
    n, high = len(ink.top), ink.height
    first, _ = ink.across(ink.top + np.minimum(0.12 * high, 3))
    y = ink.top + high * rng.uniform(-0.06, 0.05, n)
    long = high * rng.uniform(0.35, 0.75, n)
    return np.arange(n), _line((y, first), (y - long * rng.uniform(-0.1, 0.25, n), first + long))


def short_stemmed_four(inked: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Take the upper part of a four's right stroke away: only the left one reaches the top.

    Parameters
    ----------
    inked : (n, 64, 64) bool
    rng : numpy.random.Generator

    Returns
    -------
    (n, 64, 64) bool
        A four that has no left stroke up there is left whole.
    """
    ink, steps, n = read(inked), np.arange(canvas.BOARD), np.arange(len(inked))
    cut = ink.top + ink.height * rng.uniform(0.15, 0.38, len(inked))
    first, last = ink.across(cut)
    middle = (first + last) / 2
    parted = ~inked[n, cut.astype(int), middle.astype(int)]
    # Where the left stroke is the shorter one, what is left would be no 4.
    left = inked & (steps < middle[:, None])[:, None, :]
    parted &= left.any(axis=2).argmax(axis=1) < ink.top + 0.12 * ink.height
    gone = (steps < cut[:, None])[:, :, None] & (steps > middle[:, None])[:, None, :]
    return inked & ~(gone & parted[:, None, None])


SHORT_STEM = 0.25  # share of the fours
Habit = Callable[[Ink, np.random.Generator], Lines]
HABITS: dict[int, tuple[tuple[Habit, float], ...]] = {
    0: ((slashed_zero, 0.12),),
    1: ((footed_one, 0.35), (flagged_one, 0.65)),
    4: ((closed_four, 0.2),),
    5: ((roofed_five, 0.15),),
    7: ((crossed_seven, 0.6), (hooked_seven, 0.25)),
    9: ((curled_nine, 0.35),),
}


def shortened(inked: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Take away what other hands leave out; returns the (n, 64, 64) bool it was given where nobody does."""
    mine = np.flatnonzero((labels == 4) & (rng.random(len(labels)) < SHORT_STEM))
    if not len(mine):
        return inked
    inked = inked.copy()
    inked[mine] = short_stemmed_four(inked[mine], rng)
    return inked


def habits(inked: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> list[Lines]:
    """Choose who adds what.

    Parameters
    ----------
    inked : (n, 64, 64) bool
    labels : (n,) integer
    rng : numpy.random.Generator

    Returns
    -------
    list of ((k,) intp, (k, points, 2) float)
        Positions in `inked`, and the lines to draw on them.
    """
    found = []
    for label, ways in HABITS.items():
        for habit, share in ways:
            mine = np.flatnonzero((labels == label) & (rng.random(len(labels)) < share))
            chosen, lines = habit(read(inked[mine]), rng)
            found.append((mine[chosen], lines))
    return found
