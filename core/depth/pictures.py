"""What each leaf of a tree stands for, as a picture: the average of the training images that end there."""

from dataclasses import dataclass

import numpy as np

from core.depth import tree as trees
from core.digits import IMAGE_SHAPE, N_PIXELS


@dataclass(frozen=True, slots=True, eq=False)
class Leaves:
    """The leaves of a tree cut at some depth, those with most images first.

    Parameters
    ----------
    pictures : (k, 28, 28) uint8
        The average image of each.
    answers : (k,) uint8
        What each answers.
    counts : (k,) int64
        How many of the images ended in each.
    total : int
        How many leaves there are in all.
    """

    pictures: np.ndarray
    answers: np.ndarray
    counts: np.ndarray
    total: int


def leaves(tree: trees.Tree, depth: int, ends: np.ndarray, images: np.ndarray, most: int) -> Leaves:
    """Average the images that end in each of the fullest leaves of a tree cut at a depth.

    Parameters
    ----------
    depth : int, from 1
    ends : (n,) integers
        The leaf of the whole tree in which each image ends, as from `tree.ends`.
    images : (n, 28, 28) uint8
    most : int
        How many leaves to show.
    """
    level = np.zeros(len(tree.left), np.intp)
    for number, nodes in enumerate(tree.levels):
        level[nodes] = number
    at = np.asarray(ends).astype(np.intp)
    while len(deeper := np.flatnonzero(level[at] > depth)):
        at[deeper] = tree.parents[at[deeper]]
    nodes, where, counts = np.unique(at, return_inverse=True, return_counts=True)
    chosen = np.argsort(-counts, kind="stable")[:most]
    flat = images.reshape(-1, N_PIXELS)
    pictures = np.stack([flat[where == one].mean(axis=0, dtype=np.float32) for one in chosen])
    return Leaves(
        pictures.astype(np.uint8).reshape(-1, *IMAGE_SHAPE), tree.best[nodes[chosen]], counts[chosen], len(nodes)
    )
