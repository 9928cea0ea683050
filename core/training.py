"""Fit one model: settings and images in, a fitted estimator and what it cost out."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from core import digits as contract
from core.errors import ModelError
from core.metrics import Evaluation
from core.models import ModelSpec, Value

if TYPE_CHECKING:
    from scipy import sparse
    from sklearn.base import BaseEstimator

MIN_TRAIN_SIZE = 100
_BATCH = 2000


@dataclass(frozen=True, slots=True)
class FittedModel:
    """A fitted estimator that takes uint8 images (n, 28, 28), and the seconds it took."""

    spec: ModelSpec
    params: Mapping[str, Value]
    estimator: "BaseEstimator"
    fit_seconds: float
    fit_cpu_seconds: float

    @property
    def classifier(self) -> Any:
        """The last step, behind flattening."""
        return self.estimator[-1]


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
        raise ModelError(f"train_size is {size}; give at least {MIN_TRAIN_SIZE} of the {available:,} images.")
    return size


def choose(labels: np.ndarray, size: int | None, seed: int) -> np.ndarray | slice:
    """Return which training images to use: all in their own order, or a stratified choice of `size`."""
    return slice(None) if size is None else contract.stratified(labels, size, seed)


def fit(
    spec: ModelSpec, params: Mapping[str, Value], images: np.ndarray, labels: np.ndarray, sparse: bool = False
) -> FittedModel:
    """Fit one family on uint8 images.

    The estimator makes its own single float32 copy; the images stay in the memory map.

    Parameters
    ----------
    params : mapping
        As checked by `spec.check`.
    images : (n, 28, 28) uint8
    labels : (n,) uint8
    sparse : bool
        Give a family that takes them the pixels as sparse columns: the same model in less memory and more time.
    """
    contract.check_images(images)
    estimator = spec.build(params)
    wall, cpu = time.perf_counter(), time.process_time()
    if sparse and spec.takes_sparse:
        # The steps before the last one keep nothing: only the classifier itself learns.
        estimator[-1].fit(sparse_columns(images), labels)
    else:
        estimator.fit(images, labels)
    return FittedModel(spec, params, estimator, time.perf_counter() - wall, time.process_time() - cpu)


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


def evaluate(model: FittedModel, images: np.ndarray, labels: np.ndarray) -> Evaluation:
    """Answer every image, in batches that bound the memory."""
    starts = range(0, len(images), _BATCH)
    proba = np.concatenate([model.estimator.predict_proba(images[i : i + _BATCH]) for i in starts])
    return Evaluation(np.array(labels), proba.astype(np.float32))
