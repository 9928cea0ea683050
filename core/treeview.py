"""A tree to look at: its top as a diagram, all of it as text and DOT, and how much each of its pixels matters."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from core.depth import Tree, pruning, tree
from core.digits import CLASSES, IMAGE_SHAPE, N_PIXELS
from core.texts import t

LEVELS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One node of the diagram.

    Parameters
    ----------
    number : int
        Its place in the tree's arrays; the root is 0.
    row, column : int, 0 to 27
        The pixel that it asks; -1 at a leaf.
    threshold : float
        From paper, 0, to this is "no ink", above it "ink".
    samples : int
        Training images that came by.
    mix : (10,) float32
        Which share of them is each digit.
    picture : (28, 28) uint8 or None
        The mean of the images that come by; None where there are no images to show.
    no_ink, ink : Node or None
        What follows; None at a leaf, and below the levels that were asked for.
    """

    number: int
    row: int
    column: int
    threshold: float
    samples: int
    mix: np.ndarray
    picture: np.ndarray | None
    no_ink: "Node | None"
    ink: "Node | None"

    @property
    def answer(self) -> int:
        return int(self.mix.argmax())

    @property
    def is_leaf(self) -> bool:
        return self.row < 0


def top(found: Tree, root: int = 0, levels: int = LEVELS, images: np.ndarray | None = None) -> Node:
    """Return the nodes from one on downwards.

    Parameters
    ----------
    root : int
        Where to begin.
    levels : int
        How many levels of nodes below it.
    images : (n, 28, 28) uint8
        Whose means are the nodes' pictures.
    """
    ends = tree.ends(found, images) if images is not None else np.zeros(0, np.int32)
    passing = np.flatnonzero(np.isin(ends, list(_below(found, root))))
    return _node(found, root, levels, images, passing)


def _node(found: Tree, number: int, levels: int, images: np.ndarray | None, passing: np.ndarray) -> Node:
    inner = bool(found.inner[number])
    row, column = divmod(int(found.feature[number]), IMAGE_SHAPE[1]) if inner else (-1, -1)
    picture, no_ink, ink = None, None, None
    here = images[passing] if images is not None and len(passing) else None
    if here is not None:
        picture = here.mean(axis=0, dtype=np.float32).astype(np.uint8)
    if inner and levels:
        low = here[:, row, column] <= found.threshold[number] if here is not None else np.zeros(0, bool)
        sides = (passing[low], passing[~low]) if here is not None else (passing, passing)
        children = (int(side[number]) for side in (found.left, found.right))
        no_ink, ink = (
            _node(found, child, levels - 1, images, side) for child, side in zip(children, sides, strict=True)
        )
    threshold, samples = float(found.threshold[number]), int(found.samples[number])
    return Node(number, row, column, threshold, samples, found.value[number], picture, no_ink, ink)


def _below(found: Tree, root: int) -> Iterator[int]:
    waiting = [root]
    while waiting:
        number = waiting.pop()
        yield number
        if found.inner[number]:
            waiting += [int(found.left[number]), int(found.right[number])]


def way_to(found: Tree, number: int) -> list[tuple[int, bool]]:
    """Return the nodes from the root to before this one, each with whether the way goes on where there is ink."""
    way = []
    while number:
        parent = int(found.parents[number])
        way.append((parent, bool(found.right[parent] == number)))
        number = parent
    return way[::-1]


def importances(found: Tree, criterion: str, class_weights: np.ndarray | None = None) -> np.ndarray:
    """Return which part of all that the tree's questions gain is due to each pixel (Breiman et al. 1984, section 5.3).

    Parameters
    ----------
    criterion, class_weights
        As of `depth.pruning.risks`.

    Returns
    -------
    (28, 28) float64
        Sums to 1; all 0 for a tree that asks nothing.
    """
    risk = pruning.risks(found, criterion, class_weights)
    asking = np.flatnonzero(found.inner)
    gain = risk[asking] - risk[found.left[asking]] - risk[found.right[asking]]
    total = np.bincount(found.feature[asking], gain, minlength=N_PIXELS)
    return (total / max(float(total.sum()), 1e-300)).reshape(IMAGE_SHAPE)


def as_text(found: Tree) -> str:
    """Return the whole tree as indented lines, the form of scikit-learn's `export_text`."""
    lines = []
    waiting: list[tuple[int, int, str]] = [(0, 0, "")]
    while waiting:
        number, level, question = waiting.pop()
        if question:
            lines.append("|   " * (level - 1) + f"|--- {question}")
        if not found.inner[number]:
            count = t("{n} images", n=found.samples[number])
            lines.append("|   " * level + f"|--- class: {found.best[number]} ({count})")
            continue
        pixel = _pixel(found, number)
        # The last one is taken first.
        waiting.append((int(found.right[number]), level + 1, f"{pixel} >  {found.threshold[number]:.2f}"))
        waiting.append((int(found.left[number]), level + 1, f"{pixel} <= {found.threshold[number]:.2f}"))
    return "\n".join(lines) + "\n"


def as_dot(found: Tree) -> str:
    """Return the whole tree in Graphviz's language; `dot -Tsvg tree.dot` draws it."""
    lines = ["digraph Tree {", 'node [shape=box, style="rounded", fontname="helvetica"];']
    for number in range(len(found.left)):
        mix = found.value[number]
        most = ", ".join(f"{c}: {mix[c]:.0%}" for c in np.argsort(-mix, kind="stable")[:2] if mix[c] > 0)
        count = t("{n} images", n=found.samples[number]) + f"\\n{most}"
        if not found.inner[number]:
            lines.append(f'{number} [label="{t("says {digit}", digit=found.best[number])}\\n{count}"];')
            continue
        lines.append(f'{number} [label="{_pixel(found, number)} <= {found.threshold[number]:.2f}\\n{count}"];')
        lines.append(f'{number} -> {found.left[number]} [label="{t("no ink")}"];')
        lines.append(f'{number} -> {found.right[number]} [label="{t("ink")}"];')
    return "\n".join([*lines, "}"]) + "\n"


def _pixel(found: Tree, number: int) -> str:
    row, column = divmod(int(found.feature[number]), IMAGE_SHAPE[1])
    return t("row {row} column {column}", row=row, column=column)


def mix_words(mix: np.ndarray, most: int = 3) -> str:
    """Say which digits come by: "7: 62 %, 9: 30 %"."""
    order = np.argsort(-mix, kind="stable")[:most]
    return ", ".join(f"{CLASSES[c]}: {mix[c]:.0%}" for c in order if mix[c] >= 0.005)
