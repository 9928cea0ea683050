"""The pictures of the lesson on Home, each computed from the data at hand."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from core import metrics, preprocessing
from core.digits import CLASSES, IMAGE_SHAPE, N_PIXELS

_TRAIN, _TEST = 2000, 1000
_SEED = 7
_CANVAS, _SIDE, _CORNER = 280, 90, 16


@dataclass(frozen=True, slots=True)
class Question:
    """The one question that separates the digits best.

    Parameters
    ----------
    row, column : int, 0 to 27
    ink, no_ink : (10,) int64
        How many images of each digit answer it with yes and with no.
    mean : (28, 28) uint8
        The average training image, to paint the pixel on.
    """

    row: int
    column: int
    ink: np.ndarray
    no_ink: np.ndarray
    mean: np.ndarray


def strip(image: np.ndarray) -> np.ndarray:
    """Return six rows from the middle of a digit, end to end, (1, 168) uint8: a piece of the 784 numbers."""
    return image[11:17].reshape(1, -1)


def shuffled(image: np.ndarray) -> np.ndarray:
    """Return the digit with its 784 pixels in another, fixed order: to a tree it is as good as the digit itself."""
    order = np.random.default_rng(_SEED).permutation(N_PIXELS)
    return image.reshape(-1)[order].reshape(IMAGE_SHAPE)


def best_question(images: np.ndarray, labels: np.ndarray) -> Question:
    """Find the pixel whose ink or no ink separates the classes best, as a tree's root does.

    The measure is the Gini impurity that is left after the question (Breiman et al. 1984), over about 2,000
    training images from everywhere in the data.
    """
    some = _spread(labels, _TRAIN)
    images, labels = images[some], np.asarray(labels[some])
    inky = images.reshape(-1, N_PIXELS) > 127
    yes = np.stack([inky[labels == c].sum(axis=0) for c in CLASSES])
    no = np.bincount(labels, minlength=len(CLASSES))[:, np.newaxis] - yes
    purity = sum((side**2).sum(axis=0) / np.maximum(side.sum(axis=0), 1) for side in (yes, no))
    pixel = int(np.argmax(purity))
    mean = images.mean(axis=0, dtype=np.float32).astype(np.uint8)
    return Question(*divmod(pixel, IMAGE_SHAPE[1]), yes[:, pixel], no[:, pixel], mean)


def nearest_average(x_train: np.ndarray, y_train: np.ndarray, x_test: np.ndarray, y_test: np.ndarray) -> np.ndarray:
    """Return the confusion matrix of the simplest model there is: the nearest average digit wins.

    About 2,000 training images make the ten averages, about 1,000 test images are answered.
    """
    some, asked = _spread(y_train, _TRAIN), _spread(y_test, _TEST)
    flat, labels = x_train[some].reshape(-1, N_PIXELS).astype(np.float32), np.asarray(y_train[some])
    means = np.stack(
        [flat[labels == c].mean(axis=0) if (labels == c).any() else np.full(N_PIXELS, 1e6) for c in CLASSES]
    )
    tests = x_test[asked].reshape(-1, N_PIXELS).astype(np.float32)
    distance = (means**2).sum(axis=1) - 2 * tests @ means.T  # the square of the test image is the same for all
    return metrics.confusion_matrix(np.asarray(y_test[asked]), distance.argmin(axis=1))


def drawn_small(image: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a digit as somebody might draw it, small and in a corner: the canvas, and what two ways make of it.

    Returns
    -------
    canvas : (280, 280) uint8
    resized : (28, 28) uint8
        The whole canvas squeezed.
    normalised : (28, 28) uint8
        Brought into MNIST's form.
    """
    canvas = np.zeros((_CANVAS, _CANVAS), np.uint8)
    small = np.asarray(Image.fromarray(np.asarray(image)).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC))
    canvas[_CORNER : _CORNER + _SIDE, _CORNER : _CORNER + _SIDE] = small
    return canvas, preprocessing.resized(canvas), preprocessing.normalise(canvas)


def _spread(labels: np.ndarray, size: int) -> slice:
    return slice(None, None, max(1, len(labels) // size))  # data may be sorted by class
