"""What a model family is: its parameters, how it learns, what it needs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from core.augmentation import LEVELS
from core.digits import N_PIXELS
from core.errors import ModelError
from core.texts import t

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator
    from sklearn.pipeline import Pipeline

Value = int | float | str | None
Params = Mapping[str, Value]
DEFAULT = "decision_tree"  # the exercise's


@dataclass(frozen=True, slots=True)
class Step:
    """How far a family that learns in steps has come; what is not measured is None.

    Parameters
    ----------
    done, total : int
        Steps so far, and at most; `unit` says of what: "epochs", "trees", "iterations".
    held_accuracy, held_loss : float
        On the held-out part of the training images; loss is the mean negative log likelihood.
    train_accuracy, train_loss : float
        On what it learns from, or a fixed part of that.
    """

    done: int
    total: int
    unit: str
    held_accuracy: float | None = None
    held_loss: float | None = None
    train_accuracy: float | None = None
    train_loss: float | None = None


Report = Callable[[Step], bool]
"""Tells a step to whoever watches; False = stop here and keep the best so far."""


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """What a family learns from.

    Parameters
    ----------
    images, labels : (n, 28, 28) uint8, (n,) uint8
        Perhaps a memory map. For a family with `features`, images are already turned into them: (n, m) float32. The
        augmented variants are among them, but for a family that `streams`.
    held_images, held_labels : the same of the held-out part
        Empty where nothing is held out; then nothing stops early. Never augmented.
    level, seed : str, int
        The augmentation that a family that `streams` makes by itself.
    """

    images: np.ndarray
    labels: np.ndarray
    held_images: np.ndarray
    held_labels: np.ndarray
    level: str = "none"
    seed: int = 0


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
            raise ModelError(
                t("{name} is {value!r}; choose one of {allowed}.", name=self.name, value=value, allowed=allowed)
            )
        number = int if self.kind == "int" else float
        in_range = isinstance(value, int | float) and not isinstance(value, bool) and self.low <= value <= self.high
        if in_range and number(value) == value:  # in this order: no whole number can be made of NaN or infinity
            return number(value)
        what = {"name": self.name, "value": value, "low": self.low, "high": self.high, "none": t(self.none)}
        if self.kind != "int":
            raise ModelError(t("{name} is {value!r}; give a number from {low:g} to {high:g}.", **what))
        if not self.none:
            raise ModelError(t("{name} is {value!r}; give a whole number from {low:g} to {high:g}.", **what))
        raise ModelError(
            t("{name} is {value!r}; give a whole number from {low:g} to {high:g}, or None for “{none}”.", **what)
        )


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One model family.

    Parameters
    ----------
    build : params -> unfitted scikit-learn estimator
        It takes uint8 images (n, 28, 28), flattening and scaling being its own first steps; with `features`, what these
        return.
    learn : (params, Material, Report) -> fitted estimator with predict_proba
        For families that learn in steps: reports each, stops early, keeps the best. None = one call of `fit`.
    features : str
        The step of `core.features` that must come before the estimator; empty = none.
    validation : int
        How many training images are held out unless the person says otherwise: 0 for what does not stop early.
    cpu_seconds : (params, n) -> float
        Rough cost of fitting n images, variants among them, on one core of 2024, for time estimates only.
    memory_mb : (params, n, small) -> float
        The most memory of its own (file pages aside, which the system takes back) that a process needs to make a run
        of n images, variants among them but for the array that they stand in, measured (bench/memory.py); `small` is
        `Settings.small`.
    takes_sparse : bool
        Whether the classifier learns from sparse columns as well.
    class_rows : int
        On how many images visitors of a class may train it; 0 = not at all.
    augmentation : str
        The level of `core.augmentation` unless the person says otherwise.
    copies : int
        How many augmented sets stand beside the originals.
    streams : bool
        It makes variants while it learns, new ones in every epoch; then there are no copies.
    needs : str
        A package beyond scikit-learn's that it cannot be trained without; empty = none.
    """

    name: str
    label: str
    summary: str
    parameters: tuple[Parameter, ...]
    build: Callable[[Mapping[str, Value]], "BaseEstimator"]
    cpu_seconds: Callable[[Mapping[str, Value], int], float]
    memory_mb: Callable[[Mapping[str, Value], int, bool], float]
    takes_sparse: bool = False
    class_rows: int = 0
    learn: "Callable[[Params, Material, Report], Any] | None" = None
    features: str = ""
    validation: int = 0
    augmentation: str = "none"
    copies: int = 0
    streams: bool = False
    needs: str = ""

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
            raise ModelError(
                t(
                    "{label} has no parameter {unknown!r}; it has {known}.",
                    label=t(self.label),
                    unknown=unknown[0],
                    known=known,
                )
            )
        return {p.name: p.check(params.get(p.name, p.default)) for p in self.parameters}

    def check_augmentation(self, level: str | None) -> str:
        """Return the level of augmentation, the family's own for None.

        Raises
        ------
        ModelError
            If there is no such level.
        """
        if level is None:
            return self.augmentation
        if level not in LEVELS:
            raise ModelError(
                t("augmentation is {level!r}; choose one of {levels}.", level=level, levels=", ".join(LEVELS))
            )
        return level

    def in_link(self, name: str) -> str:
        """Return under which name a link to Train has one of the family's own choices.

        The first family's stand there under their own names, another's under the family's and their own.
        """
        return name if self.name == DEFAULT else f"{self.name}_{name}"

    def copies_at(self, level: str) -> int:
        """Return how many augmented sets are made before the fit at a level."""
        return 0 if level == "none" else self.copies


_STEP_NAMES = {"FunctionTransformer": "double", "MinMaxScaler": "scale", "PCA": "pca"}

RANDOM_STATE = Parameter(
    "random_state",
    "Random seed",
    "int",
    42,
    "Where chance decides (between equally good questions, which images are held out, how variants are bent), this "
    "number decides how. The same seed gives the same model again.",
    low=0,
    high=2**31 - 1,
)


def on_pixels(*steps: "BaseEstimator") -> "Pipeline":
    """Return a Pipeline that flattens uint8 images (n, 28, 28) before the steps, the last of which classifies."""
    from sklearn.preprocessing import FunctionTransformer

    # numpy's own reshape, so that the saved model needs nothing of ours to load.
    made = on_features(*steps)
    made.steps.insert(0, ("flatten", FunctionTransformer(np.reshape, kw_args={"shape": (-1, N_PIXELS)})))
    return made


def on_features(*steps: "BaseEstimator") -> "Pipeline":
    """Return a Pipeline of steps that take float32 (n, m); each is called after what it does, the last `classifier`."""
    from sklearn.pipeline import Pipeline

    names = [_STEP_NAMES[type(step).__name__] for step in steps[:-1]]
    return Pipeline([*zip(names, steps, strict=False), ("classifier", steps[-1])])


def before(model: "Pipeline", x: np.ndarray) -> np.ndarray:
    """Return what the last step of a Pipeline is given for `x`."""
    return model[:-1].transform(x) if len(model) > 1 else x
