"""One trial: fit on most of the training images, score on the rest. Runs in a thread here, or on another machine.

A trial opens the data by itself and returns a card of a few hundred bytes, so that nothing large ever travels. The test
set is never looked at: what is chosen here must not have seen what it is judged by in the end.
"""

import functools
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from core import dataset, features, metrics, models, training
from core import settings as environment
from core.errors import DataError, DataNotReady, DigitLabError
from core.models import Value
from core.settings import Settings
from core.texts import t

HELD = 5000  # of the training images, but never more than `training.HELD_SHARE` of them
_BATCH = 1000
_loading = threading.Lock()


@dataclass(frozen=True, slots=True)
class Task:
    """What all trials of a sweep have in common.

    Parameters
    ----------
    train_size : int or None
        How many training images are used, the held-out ones among them; None = all.
    seed : int
        Decides which ones, and which of them are held out.
    data_sha256 : str
        Of the data that every trial must see.
    level, copies : str, int
        The augmentation of what is learned from, as of `training.prepare`; what is scored on is never changed.
    """

    family: str
    train_size: int | None
    seed: int
    data_sha256: str
    level: str = "none"
    copies: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """What the trials share: the material to learn from, and the held-out images (or their features) with labels."""

    material: models.Material
    held: np.ndarray
    labels: np.ndarray


def open_data(settings: Settings) -> dataset.Digits:
    """Open the data there is; unpack the small sample where there is nothing else."""
    try:
        return dataset.load(settings)
    except DataNotReady:
        dataset.save_sample(settings)
        return dataset.load(settings)


def ready() -> bool:
    """Return True: whoever can answer has Digit Lab's code."""
    return True


def data_here() -> str:
    """Return the sha256 of the data on the machine that this runs on."""
    return open_data(environment.load()).sha256


@functools.lru_cache(maxsize=1)
def _load(settings: Settings, task: Task) -> Parts:
    digits = open_data(settings)
    if digits.sha256 != task.data_sha256:
        raise DataError(
            t(
                "The data here is {sha256} by now, but the sweep is about {data_sha256}. Start it again.",
                sha256=digits.sha256[:12],
                data_sha256=task.data_sha256[:12],
            )
        )
    spec = models.spec(task.family)
    chosen = np.arange(len(digits.y_train))[training.choose(digits.y_train, task.train_size, task.seed)]
    labels = np.asarray(digits.y_train[chosen])
    kept, held = training.split(labels, HELD, task.seed)
    # A family that stops early or calibrates holds out images of its own: it must not see those it is scored on.
    images = digits.x_train[chosen[kept]]
    material = training.prepare(spec, images, labels[kept], spec.validation, task.seed, task.level, task.copies)
    return Parts(material, features.apply(spec.features, digits.x_train[chosen[held]]), labels[held])


def load_parts(settings: Settings, task: Task) -> Parts:
    """Return what the trials share, made once a process.

    Raises
    ------
    DataError
        If the data here is not the sweep's.
    """
    with _loading:  # two trials that begin at once would both make it
        return _load(settings, task)


def scores(y_true: np.ndarray, proba: np.ndarray) -> dict[str, float]:
    """Score answers by each of `trials.METRICS`.

    Parameters
    ----------
    y_true : (n,) uint8
    proba : (n, 10) float

    Returns
    -------
    dict
        `accuracy`, `f1` (the mean over the ten digits, 0/0 counting as 1), and `log_loss`: the mean negative logarithm
        of what the right digit was given, probabilities renormalised in doubles and kept from 0 by one double's
        precision, as in scikit-learn.
    """
    found = metrics.Evaluation(y_true, proba)
    p = proba.astype(np.float64)
    p /= p.sum(axis=1, keepdims=True)
    right = np.clip(p[np.arange(len(p)), y_true], np.finfo(np.float64).eps, 1 - np.finfo(np.float64).eps)
    return {
        "accuracy": metrics.accuracy(found.confusion_matrix),
        "f1": float(metrics.scores(found.confusion_matrix).f1.mean()),
        "log_loss": float(-np.log(right).mean()),
    }


def run(task: Task, number: int, params: Mapping[str, Value], settings: Settings | None = None) -> dict[str, Any]:
    """Do one trial; never raises, so that one that fails does not end the others.

    Parameters
    ----------
    settings : Settings, optional
        None = those of the machine that this runs on.

    Returns
    -------
    dict
        As `trials.append` takes it: number, state ("done" or "failed"), scores, seconds, message.
    """
    try:
        found, seconds = _run(settings or environment.load(), task, params)
    except DigitLabError as error:
        return {"number": number, "state": "failed", "message": str(error)}
    except MemoryError:
        return {"number": number, "state": "failed", "message": "There was not enough memory. Use fewer images."}
    except Exception as error:  # a trial's top level: scikit-learn refuses some combinations only when it fits
        traceback.print_exc()
        return {"number": number, "state": "failed", "message": f"{type(error).__name__}: {error}"}
    return {"number": number, "state": "done", "scores": found, "seconds": seconds}


def _run(settings: Settings, task: Task, params: Mapping[str, Value]) -> tuple[dict[str, float], float]:
    import joblib

    parts = load_parts(settings, task)
    models.spec(task.family).build(params)  # the imports of the first trial are nobody's
    began = time.perf_counter()
    # The trials share the cores out among themselves; a forest in one of them must neither start threads of its own
    # nor, on a cluster, send its trees to other machines.
    with joblib.parallel_config(backend="sequential"):
        model = training.fit(models.spec(task.family), params, parts.material, sparse=settings.small)
        batches = [parts.held[i : i + _BATCH] for i in range(0, len(parts.held), _BATCH)]
        proba = np.concatenate([model.estimator.predict_proba(batch) for batch in batches])
    return scores(parts.labels, proba.astype(np.float32)), time.perf_counter() - began
