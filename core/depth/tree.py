"""A fitted tree as plain arrays: where images end in it, and what it would answer if it were cut at any depth."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from core.digits import CLASSES, N_PIXELS

_CHUNK = 4000


@dataclass(frozen=True, eq=False)
class Tree:
    """A decision tree, one entry a node, root first.

    Parameters
    ----------
    left, right : (nodes,) int32
        The children; -1 at a leaf.
    feature : (nodes,) int16, 0 to 783
    threshold : (nodes,) float32
        To the left where the pixel is not above it.
    samples : (nodes,) int32
        How many training images came by.
    value : (nodes, 10) float32
        The class shares of these images, each weighted with its class's weight.
    """

    left: np.ndarray
    right: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    samples: np.ndarray
    value: np.ndarray

    @cached_property
    def best(self) -> np.ndarray:
        """(nodes,) uint8: what each node would answer if it were a leaf."""
        return self.value.argmax(axis=1).astype(np.uint8)

    @cached_property
    def inner(self) -> np.ndarray:
        """(nodes,) bool: whether a node asks a question."""
        return self.left >= 0

    @cached_property
    def parents(self) -> np.ndarray:
        """(nodes,) intp; the root is its own parent."""
        found = np.zeros(len(self.left), np.intp)
        asking = np.flatnonzero(self.inner)
        found[self.left[asking]] = asking
        found[self.right[asking]] = asking
        return found

    @cached_property
    def levels(self) -> list[np.ndarray]:
        """The nodes of each level, the root's first."""
        found = [np.zeros(1, np.intp)]
        while len(asking := found[-1][self.inner[found[-1]]]):
            found.append(np.concatenate([self.left[asking], self.right[asking]]).astype(np.intp))
        return found

    @property
    def depth(self) -> int:
        """How many questions its longest path asks; 1 for a tree that asks none, as a cut at 1 leaves it whole."""
        return max(len(self.levels) - 1, 1)


def from_estimator(classifier: Any) -> Tree:
    """Return the arrays of a fitted `DecisionTreeClassifier`."""
    tree = classifier.tree_
    return Tree(
        tree.children_left.astype(np.int32),
        tree.children_right.astype(np.int32),
        tree.feature.astype(np.int16),
        tree.threshold.astype(np.float32),
        tree.n_node_samples.astype(np.int32),
        tree.value[:, 0, :].astype(np.float32),
    )


def ends(tree: Tree, images: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
    """Walk images down the tree, a few thousand at a time.

    Parameters
    ----------
    images : (n, 28, 28) uint8
        Perhaps a memory map.
    rows : (m,) integers
        Which of them; None = all.

    Returns
    -------
    (m,) int32
        The leaf in which each one ends.
    """
    rows = np.arange(len(images)) if rows is None else rows
    found = np.empty(len(rows), np.int32)
    for start in range(0, len(rows), _CHUNK):
        pixels = images[rows[start : start + _CHUNK]].reshape(-1, N_PIXELS)
        found[start : start + _CHUNK] = _descend(tree, pixels)
    return found


def _descend(tree: Tree, pixels: np.ndarray) -> np.ndarray:
    node = np.zeros(len(pixels), np.int32)
    going = np.arange(len(pixels))
    while len(going := going[tree.inner[node[going]]]):
        at = node[going]
        low = pixels[going, tree.feature[at]] <= tree.threshold[at]
        node[going] = np.where(low, tree.left[at], tree.right[at])
    return node


def answers(tree: Tree, leaves: np.ndarray) -> np.ndarray:
    """Return what the tree answers at every depth, from the leaf in which each image ends.

    Cut at a depth, a path answers with the node that it has come to there, or with its leaf where it ends earlier.

    Parameters
    ----------
    leaves : (n,) int32
        From `ends`.

    Returns
    -------
    (depths, n) uint8
        Row 0 is depth 1.
    """
    table = np.empty((tree.depth, len(tree.left)), np.uint8)
    table[:, 0] = tree.best[0]
    for level, nodes in enumerate(tree.levels[1:]):
        table[:level, nodes] = table[:level, tree.parents[nodes]]
        table[level:, nodes] = tree.best[nodes]
    return table[:, leaves]


def passed(tree: Tree, leaves: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Count how many images of each digit came by each node; (nodes, 10) int64."""
    nodes = len(tree.left)
    pairs = leaves.astype(np.intp) * len(CLASSES) + labels
    counts = np.bincount(pairs, minlength=nodes * len(CLASSES)).reshape(nodes, -1)
    for level in tree.levels[:0:-1]:
        np.add.at(counts, tree.parents[level], counts[level])
    return counts


def matrices(tree: Tree, counts: np.ndarray, start: np.ndarray, stop: np.ndarray, steps: int) -> np.ndarray:
    """Return the confusion matrices of a tree whose leaves change from step to step.

    Parameters
    ----------
    counts : (nodes, 10) int64
        From `passed`.
    start, stop : (nodes,) integers
        A node is a leaf from the step `start` until before the step `stop`.

    Returns
    -------
    (steps, 10, 10) int64
        Row = true, column = predicted.
    """
    change = np.zeros((steps + 1, len(CLASSES), len(CLASSES)), np.int64)
    np.add.at(change, (np.minimum(start, steps), tree.best), counts)
    np.subtract.at(change, (np.minimum(stop, steps), tree.best), counts)
    return change.cumsum(axis=0)[:steps].transpose(0, 2, 1)


def by_depth(tree: Tree, counts: np.ndarray) -> np.ndarray:
    """Return the confusion matrix of the tree cut at each depth; (depths, 10, 10) int64, the first is depth 1."""
    start = np.empty(len(tree.left), np.intp)
    for level, nodes in enumerate(tree.levels):
        start[nodes] = level - 1
    stop = np.where(tree.inner, start + 1, tree.depth)
    return matrices(tree, counts, np.maximum(start, 0), np.maximum(stop, 0), tree.depth)
