"""Minimal cost-complexity pruning (Breiman, Friedman, Olshen, Stone 1984, chapter 3) from a tree's plain arrays."""

from dataclasses import dataclass

import numpy as np

from core.depth.tree import Tree, matrices

_NEVER = np.iinfo(np.intp).max
_SAME = 1e-10  # two effective alphas as near as this are one: equal ratios of counts, rounded in another order


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """The trees that pruning leads through, from the whole one to the bare root.

    Parameters
    ----------
    alphas : (k,) float64, rising
        From this `ccp_alpha` on the tree has this shape; the first is 0.
    start, stop : (nodes,) intp
        A node is a leaf from the step `start` until before the step `stop`.
    """

    alphas: np.ndarray
    start: np.ndarray
    stop: np.ndarray

    @property
    def leaves(self) -> np.ndarray:
        """(k,) int64: how many leaves each of these trees has."""
        steps = len(self.alphas)
        change = np.bincount(np.minimum(self.start, steps), minlength=steps + 1)
        change -= np.bincount(np.minimum(self.stop, steps), minlength=steps + 1)
        return change.cumsum()[:steps]


def risks(tree: Tree, criterion: str, class_weights: np.ndarray | None = None) -> np.ndarray:
    """Return each node's impurity times its share of the (weighted) training images; (nodes,) float64.

    Parameters
    ----------
    criterion : "gini", "entropy" or "log_loss"
        The last two are the same, in bits, as in scikit-learn.
    class_weights : (10,) float
        As the tree was fitted with; any multiple of them will do. None = all equal.
    """
    weights = np.ones(tree.value.shape[1]) if class_weights is None else np.asarray(class_weights, float)
    # The shares are stored in single precision; as numbers of images they are whole again, and ties stay ties.
    shares = tree.value.astype(float) / weights
    counts = np.rint(shares / shares.sum(axis=1, keepdims=True) * tree.samples[:, np.newaxis]) * weights
    total = counts.sum(axis=1)
    p = counts / total[:, np.newaxis]
    if criterion == "gini":
        impurity = 1 - (p**2).sum(axis=1)
    else:
        impurity = -(p * np.log2(p, out=np.zeros_like(p), where=p > 0)).sum(axis=1)
    return impurity * total / total[0]


def path(tree: Tree, risk: np.ndarray) -> Path:
    """Prune the weakest link again and again: the inner node whose questions gain least for each leaf they add.

    Parameters
    ----------
    risk : (nodes,) float64
        From `risks`.
    """
    branch, leaves = risk.copy(), np.ones(len(risk), np.int64)
    for nodes in tree.levels[::-1]:
        asking = nodes[tree.inner[nodes]]
        for part in (branch, leaves):
            part[asking] = part[tree.left[asking]] + part[tree.right[asking]]
    link = np.full(len(risk), np.inf)
    link[tree.inner] = (risk - branch)[tree.inner] / (leaves - 1)[tree.inner]
    start = np.where(tree.inner, _NEVER, 0)
    alphas = [0.0]
    while np.isfinite(link[weakest := int(link.argmin())]):
        if link[weakest] > alphas[-1] + _SAME:
            alphas.append(float(link[weakest]))
        start[weakest] = len(alphas) - 1
        _collapse(tree, weakest, risk, branch, leaves, link)
    stop = np.full(len(risk), _NEVER)
    for nodes in tree.levels[1:]:
        above = tree.parents[nodes]
        stop[nodes] = np.minimum(stop[above], start[above])
    return Path(np.array(alphas), np.minimum(start, stop), stop)


def _collapse(
    tree: Tree, node: int, risk: np.ndarray, branch: np.ndarray, leaves: np.ndarray, link: np.ndarray
) -> None:
    below = [node]
    while below:
        one = below.pop()
        if np.isfinite(link[one]):
            link[one] = np.inf
            below += [int(tree.left[one]), int(tree.right[one])]
    fewer, worse = leaves[node] - 1, risk[node] - branch[node]
    while node:
        node = int(tree.parents[node])
        leaves[node] -= fewer
        branch[node] += worse
        link[node] = (risk[node] - branch[node]) / (leaves[node] - 1)


def hits(tree: Tree, found: Path, counts: np.ndarray) -> np.ndarray:
    """Return how many images each tree of a path answers rightly; (k,) int64.

    Parameters
    ----------
    counts : (nodes, 10) int64
        From `tree.passed`.
    """
    return np.trace(matrices(tree, counts, found.start, found.stop, len(found.alphas)), axis1=1, axis2=2)
