"""How deep should a tree be? One fit, cut at every depth.

A tree that may ask ten questions is the beginning of the tree that may ask fifty: whoever has the large one has them
all. So the curve of every depth costs one fit and one walk, not fifty fits. And so does pruning.
"""

from core.depth.growing import expect, grow, is_free, start, submit, work
from core.depth.pictures import Leaves, leaves
from core.depth.study import (
    FILE,
    HELD,
    Study,
    best_depth,
    best_pruning,
    good_enough,
    has_tree,
    hold_out,
    load,
    load_tree,
    measure,
    of_run,
    parts,
    pruning_table,
    save,
    table,
)
from core.depth.tree import Tree, ends, from_estimator
from core.depth.words import describe, describe_cut, describe_pruning

__all__ = [
    "FILE",
    "HELD",
    "Leaves",
    "Study",
    "Tree",
    "best_depth",
    "best_pruning",
    "describe",
    "describe_cut",
    "describe_pruning",
    "ends",
    "expect",
    "from_estimator",
    "good_enough",
    "grow",
    "has_tree",
    "hold_out",
    "is_free",
    "leaves",
    "load",
    "load_tree",
    "measure",
    "of_run",
    "parts",
    "pruning_table",
    "save",
    "start",
    "submit",
    "table",
    "work",
]
