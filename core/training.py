"""Fit one model: settings and images in, a fitted estimator and what it cost out."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from core import augmentation, features
from core import digits as contract
from core.errors import ModelError
from core.metrics import Evaluation
from core.models import Material, ModelSpec, Report, Step, Value
from core.texts import t

if TYPE_CHECKING:
    from scipy import sparse
    from sklearn.base import BaseEstimator

MIN_TRAIN_SIZE = 100
HELD_SHARE = 0.1  # of few images, no more than this is held out
_BATCH = 1000
_AT_ONCE = 2000  # images whose variants are made between two reports


Tell = Callable[[int, int], None]
"""Is told how many of how many are done."""


@dataclass(frozen=True, slots=True)
class FittedModel:
    """A fitted estimator, and what it took.

    Parameters
    ----------
    estimator : has predict_proba
        It takes uint8 images (n, 28, 28), or what the family's `features` makes of them.
    steps : tuple of Step
        How it learned, for a family that learns in steps.
    stopped : bool
        Whether the person ended the learning early.
    """

    spec: ModelSpec
    params: Mapping[str, Value]
    estimator: "BaseEstimator"
    fit_seconds: float
    fit_cpu_seconds: float
    steps: tuple[Step, ...] = ()
    stopped: bool = False

    @property
    def classifier(self) -> Any:
        """The last step, behind flattening; of a network, the whole."""
        return getattr(self.estimator, "steps", [("", self.estimator)])[-1][1]


def check_train_size(size: int | None, available: int) -> int | None:
    """Return the number of training images, None for all of them.

    Raises
    ------
    ModelError
        If it is below `MIN_TRAIN_SIZE`. More than there are means all.
    """
    if size is None or size >= available:
        return None
    if size < MIN_TRAIN_SIZE:
        raise ModelError(
            t(
                "train_size is {size}; give at least {least} of the {available:,} images.",
                size=size,
                least=MIN_TRAIN_SIZE,
                available=available,
            )
        )
    return size


def choose(labels: np.ndarray, size: int | None, seed: int) -> np.ndarray | slice:
    """Return which training images to use: all in their own order, or a stratified choice of `size`."""
    return slice(None) if size is None else contract.stratified(labels, size, seed)


def split(labels: np.ndarray, validation: int, seed: int) -> tuple[np.ndarray | slice, np.ndarray]:
    """Return the positions to learn from and those held out, stratified and seeded; of few images less is held out."""
    held = min(validation, int(len(labels) * HELD_SHARE))
    if not held:
        return slice(None), np.zeros(0, int)
    chosen = contract.stratified(labels, held, seed)
    return np.setdiff1d(np.arange(len(labels)), chosen), chosen


def prepare(
    spec: ModelSpec,
    images: np.ndarray,
    labels: np.ndarray,
    validation: int = 0,
    seed: int = 0,
    level: str = "none",
    copies: int | None = None,
    tell: Tell | None = None,
    extra: tuple[np.ndarray, np.ndarray] | None = None,
) -> Material:
    """Make of training images what a family learns from: a held-out part, variants of the rest, and features.

    Held out first: no variant of a held-out image is ever learned from, and none of them is changed.

    Parameters
    ----------
    images, labels : (n, 28, 28) uint8, (n,) uint8
    validation : int
        How many images are held out.
    level : str
        One of `augmentation.LEVELS`.
    copies : int, optional
        How many augmented sets; else the family's own number.
    tell : Tell, optional
        Is told how many variants are made.
    extra : images and labels, optional
        Learned from beside the rest, and never held out: copies of one drawing would stand on both sides.
    """
    contract.check_images(images)
    kept, held = split(labels, validation, seed)
    held_images, held_labels = images[held], labels[held]
    images, labels = images[kept], labels[kept]
    if extra:
        images, labels = np.concatenate([images, extra[0]]), np.concatenate([labels, extra[1]])
    if spec.streams:
        return Material(images, labels, held_images, held_labels, level, seed)
    sets = spec.copies_at(level) if copies is None else copies
    if sets and level != "none":
        images, labels = multiply(images, labels, level, seed, sets, tell)
    turned, held_turned = (features.apply(spec.features, part) for part in (images, held_images))
    return Material(turned, labels, held_turned, held_labels)


def multiply(
    images: np.ndarray,
    labels: np.ndarray,
    level: str,
    seed: int,
    copies: int,
    tell: Tell | None = None,
    out: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Put augmented sets behind the originals, part by part, so that progress is told and little is held beside them.

    Parameters
    ----------
    out : ((copies + 1) * n, 28, 28) uint8, optional
        Where they shall stand, perhaps a memory map; else an array of its own.

    Returns
    -------
    ((copies + 1) * n, 28, 28) uint8 and ((copies + 1) * n,) of the labels' dtype
    """
    n, sets = len(images), copies + 1
    out = np.empty((sets * n, *contract.IMAGE_SHAPE), np.uint8) if out is None else out
    ordered = out.reshape(sets, n, *contract.IMAGE_SHAPE)
    for start in range(0, n, _AT_ONCE):
        part = slice(start, min(start + _AT_ONCE, n))
        own = int(np.random.SeedSequence([seed, start]).generate_state(1)[0])  # or each part would be bent alike
        made, _ = augmentation.multiplied(images[part], labels[part], level, own, copies)
        ordered[:, part] = made.reshape(sets, -1, *contract.IMAGE_SHAPE)
        if tell:
            tell(part.stop * copies, n * copies)
    return out, np.tile(labels, sets)


def fit(
    spec: ModelSpec, params: Mapping[str, Value], material: Material, report: Report | None = None, sparse: bool = False
) -> FittedModel:
    """Fit one family.

    Parameters
    ----------
    params : mapping
        As checked by `spec.check`.
    report : Report
        Is told each step of a family that learns in steps; False ends the learning with the best so far.
    sparse : bool
        Give a family that takes them the pixels as sparse columns: the same model in less memory and more time.
    """
    steps, goes_on = [], [True]

    def tell(step: Step) -> bool:
        steps.append(step)
        goes_on.append(report is None or report(step))
        return goes_on[-1]

    wall, cpu = time.perf_counter(), time.process_time()
    if spec.learn:
        estimator = spec.learn(params, material, tell)
    else:
        estimator = spec.build(params)
        if sparse and spec.takes_sparse:
            # The steps before the last one keep nothing: only the classifier itself learns.
            estimator[-1].fit(sparse_columns(material.images), material.labels)
        else:
            estimator.fit(material.images, material.labels)
    seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
    return FittedModel(spec, params, estimator, seconds, cpu_seconds, tuple(steps), not goes_on[-1])


def sparse_columns(images: np.ndarray) -> "sparse.csc_matrix":
    """Return the pixels as float32 columns without their zeros, four in five of MNIST's.

    Made row of pixels by row of pixels into arrays of the final size, as a conversion by scipy would hold them twice.

    Parameters
    ----------
    images : (n, 28, 28) uint8

    Returns
    -------
    (n, 784) csc_matrix of float32, indices int32
    """
    from scipy import sparse

    rows = range(contract.IMAGE_SHAPE[0])
    counts = np.concatenate([np.count_nonzero(images[:, row], axis=0) for row in rows])
    ends = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    data, indices = np.empty(ends[-1], np.float32), np.empty(ends[-1], np.int32)
    for column in range(contract.N_PIXELS):
        pixels = images[:, column // contract.IMAGE_SHAPE[1], column % contract.IMAGE_SHAPE[1]]
        here = slice(ends[column], ends[column + 1])
        indices[here] = np.flatnonzero(pixels)
        data[here] = pixels[indices[here]]
    return sparse.csc_matrix((data, indices, ends), shape=(len(images), contract.N_PIXELS))


def predict_proba(model: FittedModel, images: np.ndarray) -> np.ndarray:
    """Answer images, (n, 28, 28) uint8, in batches that bound the memory; returns (n, 10) float32."""
    batches = (images[i : i + _BATCH] for i in range(0, len(images), _BATCH))
    answers = [model.estimator.predict_proba(features.apply(model.spec.features, batch)) for batch in batches]
    return np.concatenate(answers).astype(np.float32)


def evaluate(model: FittedModel, images: np.ndarray, labels: np.ndarray) -> Evaluation:
    """Answer every image."""
    return Evaluation(np.array(labels), predict_proba(model, images))
