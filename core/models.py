"""The catalogue: one `ModelSpec` per family. Its parameters are its sidebar, its command line and its checks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.digits import N_PIXELS
from core.errors import ModelError

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

Value = int | float | str | None


@dataclass(frozen=True, slots=True)
class Parameter:
    """One hyperparameter as data.

    Parameters
    ----------
    kind : "int", "float" or "choice"
    none : str
        What None means, in words, for a parameter that may be None; empty where it may not.
    low, high, step : numbers
        For "int" and "float"; both ends belong to the range.
    choices : values
        For "choice", the default among them.
    """

    name: str
    label: str
    kind: str
    default: Value
    help: str
    low: float = 0
    high: float = 0
    step: float = 1
    choices: tuple[Value, ...] = ()
    none: str = ""

    def check(self, value: Any) -> Value:
        """Return `value` in the parameter's own type.

        Raises
        ------
        ModelError
            Names the parameter, the value and what it may be.
        """
        if value is None and self.none:
            return None
        if self.kind == "choice":
            if value in self.choices:
                return value
            allowed = ", ".join(str(c) for c in self.choices)
            raise ModelError(f"{self.name} is {value!r}; choose one of {allowed}.")
        number = int if self.kind == "int" else float
        in_range = isinstance(value, int | float) and not isinstance(value, bool) and self.low <= value <= self.high
        if in_range and number(value) == value:  # in this order: no whole number can be made of NaN or infinity
            return number(value)
        noun = "a whole number" if self.kind == "int" else "a number"
        also = f", or None for “{self.none}”" if self.none else ""
        raise ModelError(f"{self.name} is {value!r}; give {noun} from {self.low:g} to {self.high:g}{also}.")


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One model family.

    Parameters
    ----------
    build : params -> unfitted scikit-learn Pipeline
        It takes uint8 images (n, 28, 28): flattening and scaling are its own first steps.
    cpu_seconds : (params, n) -> float
        Rough cost of fitting n images on one core of 2024, for time estimates only.
    memory_mb : (n, small) -> float
        The most memory of its own (file pages aside, which the system takes back) that a process needs to make a run
        of n images, measured; `small` is `Settings.small`.
    takes_sparse : bool
        Whether the classifier learns from sparse columns as well.
    class_rows : int
        On how many images visitors of a class may train it; 0 = not at all.
    """

    name: str
    label: str
    summary: str
    parameters: tuple[Parameter, ...]
    build: Callable[[Mapping[str, Value]], "BaseEstimator"]
    cpu_seconds: Callable[[Mapping[str, Value], int], float]
    memory_mb: Callable[[int, bool], float]
    takes_sparse: bool = False
    class_rows: int = 0

    def check(self, params: Mapping[str, Any]) -> dict[str, Value]:
        """Return all parameters, checked, with the defaults for those that are not given.

        Raises
        ------
        ModelError
            For an unknown name or a value out of range.
        """
        unknown = sorted(set(params) - {p.name for p in self.parameters})
        if unknown:
            known = ", ".join(p.name for p in self.parameters)
            raise ModelError(f"{self.label} has no parameter {unknown[0]!r}; it has {known}.")
        return {p.name: p.check(params.get(p.name, p.default)) for p in self.parameters}


RANDOM_STATE = Parameter(
    "random_state",
    "Random seed",
    "int",
    42,
    "Where chance decides (ties between equally good questions), this number decides how. The same seed gives the "
    "same model again.",
    low=0,
    high=2**31 - 1,
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
    Parameter(
        "criterion",
        "Split criterion",
        "choice",
        "gini",
        "How the tree measures whether a question separates the digits well. Entropy is often a little better here.",
        choices=("gini", "entropy", "log_loss"),
    ),
    Parameter(
        "min_samples_split",
        "Fewest images to split",
        "int",
        2,
        "A group of fewer training images than this is not split any further.",
        low=2,
        high=10_000,
    ),
    Parameter(
        "min_samples_leaf",
        "Fewest images in a leaf",
        "int",
        1,
        "Every answer of the tree must rest on at least this many training images. More makes it more cautious.",
        low=1,
        high=10_000,
    ),
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
    Parameter(
        "class_weight",
        "Class weights",
        "choice",
        None,
        "Balanced makes rare digits count as much as frequent ones.",
        choices=(None, "balanced"),
        none="none",
    ),
    RANDOM_STATE,
)


def _build_tree(params: Mapping[str, Value]) -> "BaseEstimator":
    from sklearn.tree import DecisionTreeClassifier

    return _on_pixels(DecisionTreeClassifier(**params))


def _on_pixels(estimator: "BaseEstimator") -> "BaseEstimator":
    import numpy as np
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import FunctionTransformer

    # numpy's own reshape, so that the saved model needs nothing of ours to load.
    flatten = FunctionTransformer(np.reshape, kw_args={"shape": (-1, N_PIXELS)})
    return Pipeline([("flatten", flatten), ("classifier", estimator)])


def _tree_cpu_seconds(params: Mapping[str, Value], n: int) -> float:
    depth = min(float(params["max_depth"] or 22), 22.0)
    return 1.05 * depth * n / 60_000


def _tree_memory_mb(n: int, small: bool) -> float:
    # Measured on 5,000 and 60,000 images: 153 and 300 MB dense, 157 and 189 MB as sparse columns; never below export.
    return max(157.0, 125 + n * (0.0011 if small else 0.0029))


CATALOGUE: dict[str, ModelSpec] = {
    spec.name: spec
    for spec in (
        ModelSpec(
            "decision_tree",
            "Decision tree",
            "Asks one pixel after another whether there is ink, and answers at the end of the path.",
            _TREE_PARAMETERS,
            _build_tree,
            _tree_cpu_seconds,
            _tree_memory_mb,
            takes_sparse=True,
            class_rows=20_000,
        ),
    )
}
DEFAULT = "decision_tree"


def spec(name: str) -> ModelSpec:
    """Return one family.

    Raises
    ------
    ModelError
        If the catalogue has no such family.
    """
    if name not in CATALOGUE:
        raise ModelError(f"There is no model family {name!r}; there are {', '.join(CATALOGUE)}.")
    return CATALOGUE[name]
