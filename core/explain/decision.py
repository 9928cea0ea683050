"""Why a tree said it: the questions that it asked, who ended in the same leaf, and the least change that flips it."""

import heapq
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from core.digits import IMAGE_SHAPE, N_PIXELS

_DARKEST = 255


class Tree(Protocol):
    """What is asked of a tree here; `core.depth.Tree` has it, one entry a node, root first."""

    @property
    def left(self) -> np.ndarray: ...
    @property
    def right(self) -> np.ndarray: ...
    @property
    def feature(self) -> np.ndarray: ...
    @property
    def threshold(self) -> np.ndarray: ...
    @property
    def value(self) -> np.ndarray: ...
    @property
    def samples(self) -> np.ndarray: ...
    @property
    def best(self) -> np.ndarray: ...


@dataclass(frozen=True, slots=True)
class Question:
    """One question on the way down: is the pixel above the threshold?

    Parameters
    ----------
    row, column : int, 0 to 27
    threshold : float
    value : int, 0 to 255
        What the image has there.
    """

    row: int
    column: int
    threshold: float
    value: int

    @property
    def ink(self) -> bool:
        """Whether the answer was yes."""
        return self.value > self.threshold


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """One image's way through a tree.

    Parameters
    ----------
    questions : tuple of Question
        In the order in which they were asked.
    leaf : int
        The node where it ended.
    label : int
        What the leaf answers.
    samples : int
        How many training images ended there.
    """

    questions: tuple[Question, ...]
    leaf: int
    label: int
    samples: int


@dataclass(frozen=True, slots=True)
class Flip:
    """The fewest pixels whose change makes a tree answer something else.

    Parameters
    ----------
    pixels : tuple of (row, column, value now, value then)
        One way to do it with the fewest pixels; of all those, the one that changes their values least.
    label : int
        What the tree answers then.
    leaf : int
    """

    pixels: tuple[tuple[int, int, int, int], ...]
    label: int
    leaf: int


def path(tree: Tree, image: np.ndarray) -> Path:
    """Follow one image, (28, 28) uint8, from the root to its leaf."""
    pixels, node, asked = image.reshape(N_PIXELS), 0, []
    while tree.left[node] >= 0:
        feature = int(tree.feature[node])
        row, column = divmod(feature, IMAGE_SHAPE[1])
        question = Question(row, column, float(tree.threshold[node]), int(pixels[feature]))
        asked.append(question)
        node = int(tree.right[node] if question.ink else tree.left[node])
    return Path(tuple(asked), node, int(tree.best[node]), int(tree.samples[node]))


def evidence(way: Path, images: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return which images answer every question as this one did, and so end in the same leaf.

    Parameters
    ----------
    images : (n, 28, 28) uint8
        Perhaps a memory map; of each image only the pixels that are asked are read.
    rows : (m,) integers
        Which of them to look at.

    Returns
    -------
    (k,) integers, a part of `rows`
    """
    for question in way.questions:
        value = images[rows, question.row, question.column]
        rows = rows[(value > question.threshold) == question.ink]
    return rows


def flip(tree: Tree, image: np.ndarray) -> Flip | None:
    """Find the fewest pixels whose change flips the answer; exact, not a search by trial.

    Every leaf asks of some pixels that they lie between two values. An image reaches it by changing just those of its
    pixels that do not. The tree is gone through from the cheapest node to the dearest, and a node never costs less than
    the one above it (uniform-cost search), so that the first leaf with another answer is the nearest of all leaves.

    Parameters
    ----------
    image : (28, 28) uint8

    Returns
    -------
    Flip or None
        None where no leaf that can be reached answers anything else.
    """
    pixels = image.reshape(N_PIXELS).tolist()
    label = path(tree, image).label
    waiting: list[tuple[int, int, int, dict[int, tuple[int, int]]]] = [(0, 0, 0, {})]
    while waiting:
        changed, amount, node, bounds = heapq.heappop(waiting)
        if tree.left[node] < 0:
            if tree.best[node] != label:
                return Flip(_changes(pixels, bounds), int(tree.best[node]), node)
            continue
        feature, limit = int(tree.feature[node]), int(np.floor(tree.threshold[node]))
        low, high = bounds.get(feature, (0, _DARKEST))
        before = _distance(pixels[feature], low, high)
        for child, least, most in ((tree.left, low, min(high, limit)), (tree.right, max(low, limit + 1), high)):
            if least > most:
                continue  # no whole number lies between: nothing ever comes here
            after = _distance(pixels[feature], least, most)
            cost = changed + (after > 0) - (before > 0), amount + after - before
            heapq.heappush(waiting, (*cost, int(child[node]), bounds | {feature: (least, most)}))
    return None


def _distance(value: int, low: int, high: int) -> int:
    return max(low - value, value - high, 0)


def _changes(pixels: list[int], bounds: dict[int, tuple[int, int]]) -> tuple[tuple[int, int, int, int], ...]:
    found = []
    for feature, (low, high) in bounds.items():
        now = pixels[feature]
        if _distance(now, low, high):
            row, column = divmod(feature, IMAGE_SHAPE[1])
            found.append((row, column, now, min(max(now, low), high)))
    return tuple(found)
