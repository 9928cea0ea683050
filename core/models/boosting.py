"""Gradient boosting: small trees, one after another, each mending what those before it got wrong."""

from typing import Any

import numpy as np

from core.models.family import RANDOM_STATE, Material, ModelSpec, Parameter, Params, Report, Step, on_pixels
from core.models.trees import CLASS_WEIGHT

EVERY = 10  # iterations a step: each call sorts the pixels into bins anew
PATIENCE = 3
_PARAMETERS = (
    Parameter(
        "max_iter",
        "Rounds",
        "int",
        100,
        "How many rounds there are at most, with one small tree for each digit in every round.",
        low=10,
        high=300,
    ),
    Parameter(
        "learning_rate",
        "Learning rate",
        "float",
        0.15,
        "How much of each tree's mending is taken over. Small: slow and careful.",
        low=0.01,
        high=1.0,
        step=0.01,
    ),
    Parameter(
        "max_leaf_nodes",
        "Leaves of each tree",
        "int",
        31,
        "How fine each single tree may be.",
        low=4,
        high=64,
    ),
    CLASS_WEIGHT,
    RANDOM_STATE,
)


def _build(params: Params) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return on_pixels(HistGradientBoostingClassifier(early_stopping=False, max_features=0.2, **params))


def _learn(params: Params, material: Material, report: Report) -> Any:
    """Boost ten rounds at a time; with a held-out part, stop when its loss no longer falls, and cut back to the best."""
    from sklearn.metrics import log_loss

    model = _build(params)
    boosting, total = model[-1], int(params["max_iter"] or 1)
    x, held = (model[:-1].transform(part) for part in (material.images, material.held_images))
    best, best_loss, waited = 0, np.inf, 0
    for done in [*range(EVERY, total, EVERY), total]:
        boosting.set_params(max_iter=done, warm_start=True).fit(x, material.labels)
        accuracy, loss = None, None
        if len(held):
            proba = boosting.predict_proba(held)
            loss = float(log_loss(material.held_labels, proba, labels=range(10)))
            accuracy = float((proba.argmax(axis=1) == material.held_labels).mean())
        waited = 0 if loss is None or loss < best_loss else waited + 1
        if not waited:
            best, best_loss = done, np.inf if loss is None else loss
        if not report(Step(done, total, "rounds", accuracy, loss)) or waited >= PATIENCE:
            break
    del boosting._predictors[best:]
    boosting.set_params(max_iter=best, warm_start=False)
    return model


HIST_GRADIENT_BOOSTING = ModelSpec(
    "hist_gradient_boosting",
    "Gradient boosting",
    "Small trees one after another, each mending what those before it got wrong.",
    _PARAMETERS,
    _build,
    lambda params, n: 1.5 * float(params["max_iter"] or 1) * n / 60_000,
    lambda n, small: 300 + 700 * n / 60_000,
    learn=_learn,
    validation=5000,
)
