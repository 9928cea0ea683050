"""Deskew and HOG: literal strokes, independence of the batch, what a model is fed."""

import numpy as np
import pytest

from core import features
from core.errors import DataError, ModelError


def stroke(slant: float) -> np.ndarray:
    image = np.zeros((1, 28, 28), np.uint8)
    for row in range(4, 24):
        column = 14 + round(slant * (row - 14))
        image[0, row, column : column + 3] = 255
    return image


def spread(ink: np.ndarray) -> float:
    columns = ink[0].sum(axis=0)
    at = np.arange(28)
    centre = (columns * at).sum() / columns.sum()
    return float((columns * (at - centre) ** 2).sum() / columns.sum())


@pytest.mark.parametrize("slant", [-0.5, 0.4])
def test_deskew_stands_a_slanted_stroke_upright(slant):
    leaning = stroke(slant).astype(np.float32) / 255
    upright = features.deskew(leaning)
    assert spread(upright) < 0.15 * spread(leaning)
    np.testing.assert_allclose(upright.sum(), leaning.sum(), rtol=1e-3)


def test_deskew_leaves_an_upright_stroke_alone():
    ink = stroke(0).astype(np.float32) / 255
    np.testing.assert_allclose(features.deskew(ink), ink, atol=1e-5)


def test_hog_tells_a_standing_stroke_from_a_lying_one():
    standing = stroke(0).astype(np.float32) / 255
    cells = [features.hog(ink).reshape(7, 7, 8).sum(axis=(0, 1)) for ink in (standing, standing.transpose(0, 2, 1))]
    across, down = [0, 4], [2, 6]  # the directions of the gradient, in eighths of a turn
    assert cells[0][across].sum() > 3 * cells[0][down].sum()
    assert cells[1][down].sum() > 3 * cells[1][across].sum()


def test_an_image_alone_gives_the_same_numbers_as_among_others(sample):
    together = features.deskew_hog(sample.x_test[:600])
    assert (together.dtype, together.shape) == (np.float32, (600, 392))
    assert np.isfinite(together).all()
    for i in (0, 499, 500, 599):
        assert (features.deskew_hog(sample.x_test[i : i + 1])[0] == together[i]).all()


def test_paper_without_ink_and_no_images_at_all():
    assert not features.deskew_hog(np.zeros((1, 28, 28), np.uint8)).any()
    assert features.deskew_hog(np.zeros((0, 28, 28), np.uint8)).shape == (0, 392)


def test_apply():
    images = stroke(0)
    assert features.apply("", images) is images
    with pytest.raises(ModelError, match="There is no feature 'magic'; there are deskew_hog"):
        features.apply("magic", images)
    with pytest.raises(DataError, match="images must be uint8"):
        features.apply("deskew_hog", images.astype(float))
    assert set(features.WORDS) == set(features.FEATURES)
