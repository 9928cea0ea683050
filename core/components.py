"""What hangs together in a picture: connected pieces of ink, found run by run without a library for it.

Rosenfeld & Pfaltz 1966 (https://doi.org/10.1145/321356.321357): label the runs of each row, join those that touch.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Component:
    """One connected piece: its number in the picture of labels, its box (the far sides excluded), its pixels."""

    label: int
    top: int
    left: int
    bottom: int
    right: int
    area: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left


def find(mask: np.ndarray) -> tuple[np.ndarray, list[Component]]:
    """Find the connected pieces of a mask; pixels that touch at a corner hang together.

    Parameters
    ----------
    mask : (h, w) bool

    Returns
    -------
    labels : (h, w) int32
        0 = paper, else the piece's number.
    pieces : list of Component
        In the order of their numbers, from 1.
    """
    height, width = mask.shape
    stride = width + 2  # a column of paper on each side, so that no run goes on into the next row
    flat = np.zeros((height, stride), np.int8)
    flat[:, 1:-1] = mask
    edges = np.diff(flat.ravel(), prepend=0)
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    number = _numbers(starts, ends, stride)
    count = int(number.max()) + 1 if len(number) else 0
    marks = np.zeros(height * stride + 1, np.int32)
    marks[starts] = number + 1
    marks[ends] = -(number + 1)
    labels = np.cumsum(marks[:-1], dtype=np.int32).reshape(height, stride)[:, 1:-1]
    rows, left, right = starts // stride, starts % stride - 1, (ends - 1) % stride
    top, far = np.full(count, height), np.zeros(count, int)
    first, last, area = np.full(count, width), np.zeros(count, int), np.zeros(count, int)
    np.minimum.at(top, number, rows)
    np.maximum.at(far, number, rows + 1)
    np.minimum.at(first, number, left)
    np.maximum.at(last, number, right)
    np.add.at(area, number, ends - starts)
    sides = zip(top.tolist(), first.tolist(), far.tolist(), last.tolist(), area.tolist(), strict=True)
    return labels, [Component(i + 1, *box) for i, box in enumerate(sides)]


def _numbers(starts: np.ndarray, ends: np.ndarray, stride: int) -> np.ndarray:
    # For every run the runs of the row above that touch it: both lists are sorted, so they are a stretch of it.
    low = np.searchsorted(ends + stride, starts, "left")
    many = np.maximum(np.searchsorted(starts + stride, ends, "right") - low, 0)
    below = np.repeat(np.arange(len(starts)), many)
    above = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many) + np.repeat(low, many)
    parent = np.arange(len(starts))
    while True:
        one, other = parent[below], parent[above]
        least, new = np.minimum(one, other), parent.copy()
        np.minimum.at(new, one, least)
        np.minimum.at(new, other, least)
        while not np.array_equal(new, new[new]):
            new = new[new]
        if np.array_equal(new, parent):
            return np.unique(parent, return_inverse=True)[1].reshape(-1)
        parent = new
