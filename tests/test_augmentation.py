"""Other hands and other pens: the contract, seeds, levels, and the canvas's own normalisation."""

import numpy as np
import pytest

from core import augmentation
from core.errors import ModelError


@pytest.mark.parametrize("level", ["light", "hands"])
def test_variants_keep_the_contract(sample, level):
    images, labels = np.array(sample.x_train[:200]), np.array(sample.y_train[:200])
    made = augmentation.augment(images, labels, level, 7)
    assert (made.dtype, made.shape) == (np.uint8, images.shape)
    assert (made == augmentation.augment(images, labels, level, 7)).all()
    assert (made != augmentation.augment(images, labels, level, 8)).any()
    rows, columns = made.max(axis=2) > 38, made.max(axis=1) > 38
    longer = np.maximum(rows.sum(axis=1), columns.sum(axis=1))
    assert 17 <= np.median(longer) <= 20


def test_none_leaves_them_alone_and_an_unknown_level_is_refused(sample):
    images, labels = np.array(sample.x_train[:5]), np.array(sample.y_train[:5])
    assert (augmentation.augment(images, labels, "none", 0) == images).all()
    with pytest.raises(ModelError, match="wild"):
        augmentation.augment(images, labels, "wild", 0)
