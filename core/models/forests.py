"""Forests: many trees that each see the digits a little differently, and vote."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from core.models.family import (
    RANDOM_STATE,
    Material,
    ModelSpec,
    Parameter,
    Params,
    Report,
    Step,
    before,
    on_features,
    on_pixels,
)
from core.models.trees import CLASS_WEIGHT, CRITERION, MIN_SAMPLES_LEAF

BATCHES = 20
_IMPORTS_MB = 150.0
_PARAMETERS = (
    Parameter(
        "n_estimators",
        "Trees",
        "int",
        60,
        "How many trees vote. More is steadier, slower and larger; beyond a hundred little is gained.",
        low=1,
        high=300,
    ),
    Parameter(
        "max_depth",
        "Maximum depth",
        "int",
        18,
        "How many questions each tree may ask. A forest can take deeper trees than a single one: the others outvote "
        "what one has learned by heart.",
        low=1,
        high=30,
    ),
    CRITERION,
    replace(MIN_SAMPLES_LEAF, default=4),  # or each tree would be as large as the images are many
    Parameter(
        "max_features",
        "Inputs tried for each question",
        "choice",
        "sqrt",
        "How many of the inputs are looked at for each question: the square root or the logarithm of their number. "
        "Fewer make the trees more different from each other.",
        choices=("sqrt", "log2"),
    ),
    CLASS_WEIGHT,
    RANDOM_STATE,
)


def _build(name: str, wrap: Any, params: Params) -> Any:
    import sklearn.ensemble

    return wrap(getattr(sklearn.ensemble, name)(n_jobs=2, **params))


def _learn(name: str, wrap: Any, params: Params, material: Material, report: Report) -> Any:
    """Grow a batch of trees at a time; more never harm, so what there is when it is stopped is the best."""
    model = _build(name, wrap, params)
    forest, total = model[-1], int(params["n_estimators"] or 1)
    x, held = (before(model, part) for part in (material.images, material.held_images))
    votes = np.zeros((len(held), 10))
    forest.set_params(warm_start=True, n_estimators=0)
    for part in np.array_split(np.arange(total), min(BATCHES, total)):
        grown = forest.n_estimators
        forest.set_params(n_estimators=grown + len(part)).fit(x, material.labels)
        accuracy = None
        if len(held):
            votes += sum(tree.predict_proba(held) for tree in forest.estimators_[grown:])
            accuracy = float((votes.argmax(axis=1) == material.held_labels).mean())
        if not report(Step(forest.n_estimators, total, "trees", held_accuracy=accuracy)):
            break
    # Two threads would add up the votes in any order, and one image is answered sooner without them.
    forest.set_params(warm_start=False, n_jobs=1)
    return model


def _memory_mb(memory: tuple[float, float], params: Params, n: int, small: bool) -> float:
    """Return what 60 trees of 4 images a leaf were measured to need, the trees' part of it made as large as asked."""
    of_default = memory[0] + memory[1] * n
    # With 20,000 images four times the trees took 3.4 times the part beyond the imports, leaves of one image 2.3 times.
    times = float(params["n_estimators"] or 1) / 60 * (4 / float(params["min_samples_leaf"] or 1)) ** 0.6
    return of_default + max(0.0, times - 1) * (of_default - _IMPORTS_MB)


def _family(
    name: str,
    label: str,
    summary: str,
    estimator: str,
    wrap: Any,
    seconds: float,
    memory: tuple[float, float],
    **more: Any,
) -> ModelSpec:
    return ModelSpec(
        name,
        label,
        summary,
        more.pop("parameters", _PARAMETERS),
        partial(_build, estimator, wrap),
        lambda params, n: seconds * float(params["n_estimators"] or 1) * n / 60_000,
        partial(_memory_mb, memory),
        learn=partial(_learn, estimator, wrap),
        validation=5000,
        augmentation="hands",
        copies=2,
        **more,
    )


def _deeper(depth: int) -> tuple[Parameter, ...]:
    return tuple(replace(p, default=depth) if p.name == "max_depth" else p for p in _PARAMETERS)


RANDOM_FOREST = _family(
    "random_forest",
    "Random forest",
    "Many trees, each grown on other images and asking about other pixels, vote.",
    "RandomForestClassifier",
    on_pixels,
    0.5,
    (200.0, 0.0036),
)
EXTRA_TREES = _family(
    "extra_trees",
    "Extra trees",
    "Like a random forest, but each question's threshold is drawn by chance: quicker, and often a little better.",
    "ExtraTreesClassifier",
    on_pixels,
    0.5,
    (240.0, 0.0063),
)
HOG_EXTRA_TREES = _family(
    "hog_extra_trees",
    "Extra trees on strokes",
    "Extra trees that look at the directions of strokes (HOG) of the upright digit instead of its pixels.",
    "ExtraTreesClassifier",
    on_features,
    0.6,
    (225.0, 0.0045),
    features="deskew_hog",
    parameters=_deeper(20),
)
