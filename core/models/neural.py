"""A small neural network of scikit-learn's: one hidden layer, learned in epochs."""

import copy
from typing import Any

import numpy as np

from core.models.family import RANDOM_STATE, Material, ModelSpec, Parameter, Params, Report, Step, before, on_pixels

PATIENCE = 5
_PARAMETERS = (
    Parameter(
        "epochs",
        "Epochs",
        "int",
        30,
        "How often it sees all training images at most. It stops earlier where the held-out images say so.",
        low=1,
        high=100,
    ),
    Parameter(
        "hidden",
        "Hidden units",
        "int",
        256,
        "How many little detectors stand between the pixels and the answer.",
        low=8,
        high=1024,
    ),
    Parameter(
        "learning_rate_init",
        "Learning rate",
        "float",
        0.001,
        "How large a step it takes after each handful of images.",
        low=0.0001,
        high=0.1,
        step=0.0005,
    ),
    Parameter(
        "alpha",
        "Weight decay (alpha)",
        "float",
        0.0001,
        "Pulls the weights towards zero, which keeps it from learning single images by heart.",
        low=0.0,
        high=1.0,
        step=0.0001,
    ),
    RANDOM_STATE,
)


def _build(params: Params) -> Any:
    from sklearn.neural_network import MLPClassifier
    from sklearn.preprocessing import MinMaxScaler

    given = {k: v for k, v in params.items() if k not in ("epochs", "hidden")}
    mlp = MLPClassifier((int(params["hidden"] or 1),), max_iter=int(params["epochs"] or 1), batch_size=200, **given)
    return on_pixels(MinMaxScaler(), mlp)


def _learn(params: Params, material: Material, report: Report) -> Any:
    """Learn epoch by epoch; keep the weights of the best one by the held-out part, and stop when it gets no better."""
    model = _build(params)
    x = model[:-1].fit_transform(material.images)
    held = before(model, material.held_images) if len(material.held_labels) else None
    mlp, total = model[-1], int(params["epochs"] or 1)
    best, best_accuracy, waited = None, -1.0, 0
    for done in range(1, total + 1):
        mlp.partial_fit(x, material.labels, classes=np.arange(10))
        accuracy = None if held is None else float((mlp.predict(held) == material.held_labels).mean())
        waited = 0 if accuracy is None or accuracy > best_accuracy else waited + 1
        if not waited:
            best_accuracy = -1.0 if accuracy is None else accuracy
            best = copy.deepcopy((mlp.coefs_, mlp.intercepts_))
        if not report(Step(done, total, "epochs", accuracy, train_loss=float(mlp.loss_))) or waited >= PATIENCE:
            break
    mlp.coefs_, mlp.intercepts_ = best or (mlp.coefs_, mlp.intercepts_)
    return model


MLP = ModelSpec(
    "mlp",
    "Neural network",
    "One layer of little detectors between pixels and answer, learned in epochs.",
    _PARAMETERS,
    _build,
    lambda params, n: 1.6 * float(params["epochs"] or 1) * n / 60_000 * (0.3 + float(params["hidden"] or 1) / 360),
    lambda params, n, small: 140 + 0.0059 * n,
    learn=_learn,
    validation=5000,
    class_rows=20_000,
    augmentation="hands",
    copies=2,
)
