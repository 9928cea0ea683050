"""The array contract, in literals: what is refused, and how a choice keeps its shares."""

import numpy as np
import pytest

from core import digits
from core.errors import DataError


@pytest.mark.parametrize("shape", [(0, 28, 28), (1, 28, 28), (3, 28, 28)])
def test_images_of_the_contract_pass_in_silence(shape):
    assert digits.check_images(np.zeros(shape, np.uint8)) is None


@pytest.mark.parametrize(
    ("shape", "dtype", "found"),
    [
        ((28, 28), np.uint8, r"uint8 with shape \(28, 28\)"),
        ((3, 784), np.uint8, r"uint8 with shape \(3, 784\)"),
        ((3, 28, 28, 1), np.uint8, r"uint8 with shape \(3, 28, 28, 1\)"),
        ((3, 27, 28), np.uint8, r"uint8 with shape \(3, 27, 28\)"),
        ((3, 28, 28), np.float32, r"float32 with shape \(3, 28, 28\)"),
        ((3, 28, 28), np.int64, r"int64 with shape \(3, 28, 28\)"),
        ((3, 28, 28), bool, r"bool with shape \(3, 28, 28\)"),
    ],
)
def test_other_images_are_refused_with_what_they_are(shape, dtype, found):
    with pytest.raises(DataError, match=rf"^x_test must be uint8 with shape \(n, 28, 28\), but it is {found}\."):
        digits.check_images(np.zeros(shape, dtype), "x_test")


@pytest.mark.parametrize("labels", [[], [0], [0, 9]])
def test_labels_of_the_contract_pass_in_silence(labels):
    assert digits.check_labels(np.array(labels, np.uint8), len(labels)) is None


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        (np.array([0.0, 1.0]), r"must be one row of whole numbers, but it is float64 with shape \(2,\)"),
        (np.zeros((2, 1), np.uint8), r"but it is uint8 with shape \(2, 1\)"),
        (np.array([True, False]), "but it is bool"),
        (np.array(["1", "2"]), "must be one row of whole numbers"),
        (np.array([1], np.uint8), "has 1 labels for 2 images"),
        (np.array([3, 10], np.uint8), "must lie between 0 and 9, but goes from 3 to 10"),
        (np.array([-1, 3], np.int8), "must lie between 0 and 9, but goes from -1 to 3"),
    ],
)
def test_other_labels_are_refused(labels, sentence):
    with pytest.raises(DataError, match=rf"^y_test .*{sentence}"):
        digits.check_labels(labels, 2, "y_test")


def test_choosing_all_is_all():
    labels = np.array([3, 1, 4, 1, 5, 9, 2, 6], np.uint8)
    assert digits.stratified(labels, len(labels), seed=0).tolist() == list(range(8))


def test_another_seed_chooses_others_in_the_same_shares():
    labels = np.repeat(np.arange(10), 20)
    one, two = (digits.stratified(labels, 50, seed) for seed in (0, 1))
    assert one.tolist() != two.tolist()
    assert np.bincount(labels[one]).tolist() == np.bincount(labels[two]).tolist() == [5] * 10


@pytest.mark.parametrize(
    ("counts", "size", "taken"),
    [
        ([6, 3, 1], 5, [3, 2, 0]),  # shares 3.0, 1.5, 0.5: of equal remainders the first class gets the place
        ([9, 1], 5, [5, 0]),
        ([5, 5], 1, [1, 0]),
        ([1, 1, 98], 50, [1, 0, 49]),
    ],
)
def test_largest_remainders_get_the_places_left_over(counts, size, taken):
    labels = np.repeat(np.arange(len(counts)), counts)
    chosen = digits.stratified(labels, size, seed=3)
    assert len(set(chosen.tolist())) == size
    assert np.bincount(labels[chosen], minlength=len(counts)).tolist() == taken


def test_rows_repeat_only_where_a_class_is_too_small():
    labels = np.array([*range(10), 0, 0, 0])
    chosen = digits.one_row_each(labels, 3, seed=0)
    assert len(set(chosen[:3].tolist())) == 3  # four zeros: three different ones
    assert chosen[3:6].tolist() == [1, 1, 1]


def test_blank_paper():
    paper = digits.blank()
    digits.check_images(paper[None])
    assert not paper.any()
