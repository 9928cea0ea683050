"""Families of trees: they ask one pixel after another whether there is ink."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from core.models.family import RANDOM_STATE, ModelSpec, Parameter, Value, on_pixels

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

CRITERION = Parameter(
    "criterion",
    "Split criterion",
    "choice",
    "gini",
    "How the tree measures whether a question separates the digits well. Entropy is often a little better here.",
    choices=("gini", "entropy", "log_loss"),
)
MIN_SAMPLES_LEAF = Parameter(
    "min_samples_leaf",
    "Fewest images in a leaf",
    "int",
    1,
    "Every answer of the tree must rest on at least this many training images. More makes it more cautious.",
    low=1,
    high=10_000,
)
CLASS_WEIGHT = Parameter(
    "class_weight",
    "Class weights",
    "choice",
    None,
    "Balanced makes rare digits count as much as frequent ones.",
    choices=(None, "balanced"),
    none="none",
)
_TREE_PARAMETERS = (
    Parameter(
        "max_depth",
        "Maximum depth",
        "int",
        10,
        "How many questions the tree may ask before it must answer. Few: it is too simple. Many: it starts to learn "
        "single training images by heart.",
        low=1,
        high=50,
        none="no limit",
    ),
    CRITERION,
    Parameter(
        "min_samples_split",
        "Fewest images to split",
        "int",
        2,
        "A group of fewer training images than this is not split any further.",
        low=2,
        high=10_000,
    ),
    MIN_SAMPLES_LEAF,
    Parameter(
        "max_leaf_nodes",
        "Maximum leaves",
        "int",
        None,
        "How many different final answers the tree may have. The most useful splits come first.",
        low=2,
        high=10_000,
        none="no limit",
    ),
    Parameter(
        "ccp_alpha",
        "Pruning (ccp_alpha)",
        "float",
        0.0,
        "After growing, cut off branches that gain less than this. 0 cuts nothing; try 0.0001.",
        low=0.0,
        high=0.1,
        step=0.00005,
    ),
    Parameter(
        "max_features",
        "Pixels tried for each question",
        "choice",
        None,
        "How many of the 784 pixels are looked at for each question: all, the square root (28) or the logarithm (9). "
        "Fewer is faster and more random.",
        choices=(None, "sqrt", "log2"),
        none="all",
    ),
    CLASS_WEIGHT,
    RANDOM_STATE,
)


def _build_tree(params: Mapping[str, Value]) -> "BaseEstimator":
    from sklearn.tree import DecisionTreeClassifier

    return on_pixels(DecisionTreeClassifier(**params))


def _tree_cpu_seconds(params: Mapping[str, Value], n: int) -> float:
    depth = min(float(params["max_depth"] or 22), 22.0)
    return 1.05 * depth * n / 60_000


def _tree_memory_mb(params: Mapping[str, Value], n: int, small: bool) -> float:
    # Measured on 5,000 and 60,000 images: 153 and 300 MB dense, 157 and 189 MB as sparse columns; never below export.
    # With two variants of each, 191 and 810 MB, of which 11 and 135 are the array of them.
    return max(157.0, 125 + n * 0.0011 if small else 145 + n * 0.003)


DECISION_TREE = ModelSpec(
    "decision_tree",
    "Decision tree",
    "Asks one pixel after another whether there is ink, and answers at the end of the path.",
    _TREE_PARAMETERS,
    _build_tree,
    _tree_cpu_seconds,
    _tree_memory_mb,
    takes_sparse=True,
    class_rows=20_000,
    augmentation="hands",
    copies=2,
)
