"""The lesson's pictures are true."""

import numpy as np

from core import lesson


def test_best_question_finds_the_pixel_that_parts_the_classes():
    images = np.zeros((40, 28, 28), np.uint8)
    labels = np.arange(40) % 10
    images[labels >= 5, 3, 4] = 255
    asked = lesson.best_question(images, labels)
    assert (asked.row, asked.column) == (3, 4)
    assert asked.ink.tolist() == [0] * 5 + [4] * 5
    assert asked.no_ink.tolist() == [4] * 5 + [0] * 5


def test_nearest_average_reads_what_it_has_seen():
    images = np.zeros((20, 28, 28), np.uint8)
    labels = np.arange(20) % 10
    for image, label in zip(images, labels, strict=True):
        image[label, :] = 255
    matrix = lesson.nearest_average(images, labels, images, labels)
    assert matrix.tolist() == np.diag([2] * 10).tolist()


def test_shuffled_keeps_every_pixel():
    image = np.arange(784).reshape(28, 28)
    mixed = lesson.shuffled(image)
    assert sorted(mixed.ravel()) == list(range(784))
    assert (mixed != image).mean() > 0.9


def test_drawn_small_is_mended_by_normalising():
    image = np.zeros((28, 28), np.uint8)
    image[4:24, 12:16] = 255
    canvas, resized, normalised = lesson.drawn_small(image)
    assert canvas.shape == (280, 280)
    assert np.flatnonzero(resized.any(axis=1)).max() < 14  # all of it in the upper left
    rows = np.flatnonzero(normalised.max(axis=1) > 127)
    assert (rows[0], rows[-1]) == (4, 23)  # 20 pixels high, in the middle
