"""Sets with a guarantee: literal rows by hand, the promise on drawn data within binomial bounds, ties and all."""

import math

import numpy as np
import pytest

from core import conformal

LEVELS = (0.8, 0.9, 0.95, 0.99)


def row(**shares: float) -> np.ndarray:
    found = np.zeros((1, 10), np.float32)
    for digit, share in shares.items():
        found[0, int(digit[1:])] = share
    return found


def test_what_stands_before_each_digit():
    before = conformal.before(row(d4=0.6, d9=0.3, d1=0.1))[0]
    assert before[[4, 9, 1, 0]].tolist() == pytest.approx([0, 0.6, 0.9, 1.0])


def test_ties_stand_beside_each_other():
    before = conformal.before(row(d4=0.4, d9=0.400001, d1=0.2))[0]
    assert before[[4, 9]].tolist() == [0, 0]
    assert before[1] == pytest.approx(0.8, abs=1e-3)


def test_the_limit_is_the_finite_sample_quantile():
    ordered = np.arange(1, 20) / 100  # 19 images
    assert conformal.limit(ordered, 0.8) == 0.16  # ceil(20 * 0.8) = 16
    assert conformal.limit(ordered, 0.95) == 0.19
    assert conformal.limit(ordered, 0.96) == math.inf  # 20 of 19 images


def test_a_set_by_hand():
    proba = row(d4=0.6, d9=0.3, d1=0.1)
    assert np.flatnonzero(conformal.sets(proba, 0.0)).tolist() == [4]
    assert np.flatnonzero(conformal.sets(proba, 0.7)).tolist() == [4, 9]
    assert conformal.sets(proba, math.inf).all()


def drawn(n: int, seed: int, grid: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw answers and truths; the answers are overconfident, on a `grid` as coarse as a small tree's."""
    rng = np.random.default_rng(seed)
    truth = rng.dirichlet(np.full(10, 0.15), n)
    labels = (truth.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    said = truth**1.5 + 1e-9
    if grid:
        said = np.round(said * grid) + (said == said.max(axis=1, keepdims=True))
    return (said / said.sum(axis=1, keepdims=True)).astype(np.float32), labels


@pytest.mark.parametrize("grid", [0, 1, 3])
def test_the_promise_holds_on_other_data(grid):
    (proba, labels), (others, truths) = drawn(2000, 1, grid), drawn(20_000, 2, grid)
    held, sizes = conformal.measure(conformal.scores(proba, labels), others, truths, LEVELS)
    accuracy = (others.argmax(axis=1) == truths).mean()
    for level, share, size in zip(LEVELS, held, sizes, strict=True):
        # Both parts are a sample: of the calibration's 2,000 and of these 20,000.
        sigma = math.sqrt(level * (1 - level) * (1 / 2000 + 1 / 20_000))
        assert share >= level - 3.5 * sigma
        assert share >= accuracy - 1e-9  # the likeliest digit always belongs to it
        assert size.sum() == 20_000
        assert size[0] == 0
        if not grid and level > accuracy:  # without ties it promises little more than it must
            assert share <= level + 3.5 * sigma + 1e-3
    assert (np.diff(held) >= 0).all()


def test_a_model_that_knows_nothing_answers_every_digit():
    proba = np.full((600, 10), 0.1, np.float32)
    held, sizes = conformal.measure(
        conformal.scores(proba[:300], np.zeros(300, int)), proba, np.zeros(600, int), (0.9,)
    )
    assert held[0] == 1
    assert sizes[0, 10] == 600


def test_an_export_a_hair_off_gives_the_same_sets():
    proba, labels = drawn(1000, 3, 3)
    highest = conformal.limit(conformal.scores(proba, labels), 0.9)
    off = proba + np.random.default_rng(0).uniform(-5e-7, 5e-7, proba.shape).astype(np.float32)
    assert (conformal.sets(off, highest) == conformal.sets(proba, highest)).mean() > 0.999
