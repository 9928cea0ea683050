"""Pure image features that stand before an estimator, the same for training and serving.

What has no ONNX operator is computed here, in numpy, from the very images that every other model takes. The model's
card and its ONNX metadata name the feature.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from core.digits import IMAGE_SHAPE, check_images
from core.errors import ModelError

CELL, ORIENTATIONS = 4, 8
MAX_SLANT = 1.0  # a shear of 45 degrees; what leans more is no slant but a stroke
_CHUNK = 500
_GRID = (IMAGE_SHAPE[0] // CELL, IMAGE_SHAPE[1] // CELL)
N_HOG = _GRID[0] * _GRID[1] * ORIENTATIONS


def apply(name: str, images: np.ndarray) -> np.ndarray:
    """Return what a model takes for images: the images themselves, or the feature of that name.

    Parameters
    ----------
    name : str
        One of `FEATURES`; empty = the images as they are.
    images : (n, 28, 28) uint8

    Raises
    ------
    ModelError
        For a name that is not known.
    """
    if not name:
        return images
    if name not in FEATURES:
        raise ModelError(f"There is no feature {name!r}; there are {', '.join(FEATURES)}.")
    return FEATURES[name](images)


def inputs(session: Any, images: np.ndarray) -> dict[str, np.ndarray]:
    """Return what an exported model is fed for images (n, 28, 28) uint8: its first input's name says which feature."""
    name = session.get_inputs()[0].name
    return {name: images if name == "images" else apply(name, images)}


def deskew_hog(images: np.ndarray) -> np.ndarray:
    """Stand each digit upright, then describe it by the directions of its strokes.

    Parameters
    ----------
    images : (n, 28, 28) uint8

    Returns
    -------
    (n, 392) float32
        7 x 7 cells of 8 directions each. An image's numbers do not depend on the others beside it.
    """
    check_images(images)
    starts = range(0, len(images), _CHUNK)
    parts = [hog(deskew(np.asarray(images[i : i + _CHUNK], np.float32) / np.float32(255))) for i in starts]
    return np.concatenate(parts) if parts else np.zeros((0, N_HOG), np.float32)


def deskew(ink: np.ndarray) -> np.ndarray:
    """Take the slant out of digits, by a shear along the rows.

    The slant is the covariance of column and row over the variance of the row, of the ink's mass (the moments mu11
    and mu02, as in OpenCV's digits sample, https://docs.opencv.org/4.x/dd/d3b/tutorial_py_svm_opencv.html).

    Parameters
    ----------
    ink : (n, 28, 28) float32, 0 = paper

    Returns
    -------
    (n, 28, 28) float32
        Each row moved by a fraction of pixels, linearly between neighbours; the row through the centre stays.
    """
    height, width = ink.shape[1:]
    rows, columns = np.arange(height, dtype=np.float32), np.arange(width, dtype=np.float32)
    per_row, per_column = ink.sum(axis=2), ink.sum(axis=1)
    mass = np.maximum(per_row.sum(axis=1), np.float32(1e-6))
    y = (per_row * rows).sum(axis=1) / mass
    x = (per_column * columns).sum(axis=1) / mass
    off_row = rows - y[:, None]
    mu02 = (per_row * off_row**2).sum(axis=1)
    mu11 = ((ink * columns).sum(axis=2) * off_row).sum(axis=1) - x * (per_row * off_row).sum(axis=1)
    slant = np.clip(mu11 / np.maximum(mu02, np.float32(1e-6)), -MAX_SLANT, MAX_SLANT)
    from_column = columns + (slant[:, None] * off_row)[:, :, None]
    left = np.floor(from_column)
    share = from_column - left
    # A column of paper on each side takes what comes from outside.
    framed = np.pad(ink, ((0, 0), (0, 0), (1, 1)))
    at = np.clip(left.astype(np.int32) + 1, 0, width + 1)
    beside = np.clip(left.astype(np.int32) + 2, 0, width + 1)
    return np.take_along_axis(framed, at, 2) * (1 - share) + np.take_along_axis(framed, beside, 2) * share


def hog(ink: np.ndarray) -> np.ndarray:
    """Histograms of oriented gradients (Dalal & Triggs 2005, https://doi.org/10.1109/CVPR.2005.177).

    Signed directions, shared linearly between the two nearest of 8; each cell also takes part of its neighbours' (a
    triangle of two cells' width), and is normalised by the energy around it, clipped at 0.2 as the authors do.

    Parameters
    ----------
    ink : (n, 28, 28) float32, 0 to 1

    Returns
    -------
    (n, 392) float32
    """
    framed = np.pad(ink, ((0, 0), (1, 1), (1, 1)))
    across = framed[:, 1:-1, 2:] - framed[:, 1:-1, :-2]
    down = framed[:, 2:, 1:-1] - framed[:, :-2, 1:-1]
    strength = np.hypot(across, down)
    direction = np.arctan2(down, across) * np.float32(ORIENTATIONS / (2 * np.pi))
    low = np.floor(direction)
    share = direction - low
    first = low.astype(np.int32) % ORIENTATIONS
    votes = np.zeros((*ink.shape, ORIENTATIONS), np.float32)
    np.put_along_axis(votes, first[..., None], (strength * (1 - share))[..., None], 3)
    np.put_along_axis(votes, ((first + 1) % ORIENTATIONS)[..., None], (strength * share)[..., None], 3)
    cells = np.einsum("ar,bc,nrco->nabo", _SPREAD, _SPREAD, votes, optimize=_PATH)
    energy = np.pad((cells**2).sum(axis=3), ((0, 0), (1, 1), (1, 1)))
    around = sum(energy[:, i : i + _GRID[0], j : j + _GRID[1]] for i in range(3) for j in range(3))
    scaled = np.minimum(cells / np.sqrt(around + np.float32(1e-2))[..., None], np.float32(0.2 * 3))
    return np.sqrt(scaled).reshape(len(ink), N_HOG)


def _spread() -> np.ndarray:
    # Each pixel's share in each cell along one axis, (7, 28).
    centres = (np.arange(_GRID[0]) + 0.5) * CELL - 0.5
    distance = np.abs(centres[:, None] - np.arange(IMAGE_SHAPE[0])[None, :])
    return np.maximum(1 - distance / CELL, 0).astype(np.float32)


_SPREAD = _spread()
_PATH = ["einsum_path", (1, 2), (0, 1)]
FEATURES: dict[str, Callable[[np.ndarray], np.ndarray]] = {"deskew_hog": deskew_hog}
WORDS = {"deskew_hog": "stand the digit upright (deskew), then 7 x 7 x 8 histograms of its strokes' directions (HOG)"}
