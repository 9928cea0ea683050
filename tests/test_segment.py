"""Whole numbers on clean and on photographed pages, made of real digits: found, in order, each as if drawn alone."""

import io

import numpy as np
import pytest
from PIL import Image

from core import components, photo, preprocessing, segment
from core.errors import ImageError
from tests import pages_of_paper


def as_image(ink: np.ndarray) -> Image.Image:
    return Image.fromarray((ink * 255).clip(0, 255).astype(np.uint8))


def likeness(piece: np.ndarray, original: np.ndarray) -> float:
    return float(np.abs(piece.astype(int) - preprocessing.normalise(original)).mean())


def test_components_against_a_flood_fill():
    rng = np.random.default_rng(0)
    mask = rng.random((40, 50)) < 0.35
    labels, pieces = components.find(mask)
    assert ((labels > 0) == mask).all()
    left = {(int(r), int(c)) for r, c in np.argwhere(mask)}
    areas = []
    while left:
        heap, seen = [left.pop()], 0
        first = labels[heap[0]]
        while heap:
            row, column = heap.pop()
            seen += 1
            assert labels[row, column] == first
            near = {(row + i, column + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} & left
            left -= near
            heap += near
        areas.append(seen)
    assert sorted(areas) == sorted(piece.area for piece in pieces)
    box = pieces[3]
    rows, columns = np.nonzero(labels == box.label)
    assert (box.top, box.left, box.bottom, box.right) == (
        rows.min(),
        columns.min(),
        rows.max() + 1,
        columns.max() + 1,
    )


def test_no_ink_has_no_components():
    labels, pieces = components.find(np.zeros((5, 6), bool))
    assert not pieces
    assert not labels.any()


@pytest.mark.parametrize("kind", ["clean", "photo", "turned and lined", "harsh"])
def test_a_number_is_read_left_to_right(sample, kind):
    rng = np.random.default_rng(3)
    right = found = 0
    for _ in range(12):
        chosen = rng.integers(0, len(sample.x_test), 4)
        ink = pages_of_paper.number(sample.x_test[chosen], gap=14)
        turn = rng.uniform(-5, 5) if kind == "turned and lined" else 0.0
        lines = kind == "turned and lined"
        if kind == "harsh":
            image = pages_of_paper.harshly_photographed(ink, rng)
        else:
            image = as_image(ink) if kind == "clean" else pages_of_paper.photographed(ink, rng, turn, lines)
        pieces = segment.digits(preprocessing.strokes(image))
        if len(pieces) == 4:
            right += 1
            found += sum(likeness(p.image, sample.x_test[i]) < 25 for p, i in zip(pieces, chosen, strict=True))
            lefts = [piece.box[1] for piece in pieces]
            assert lefts == sorted(lefts)
    assert right >= 10
    assert found >= 4 * right - 4


def test_shadows_make_a_photo_whatever_share_of_it_they_leave_bright(sample):
    rng = np.random.default_rng(4)
    for index in range(40):
        ink = pages_of_paper.number(sample.x_test[index : index + 1 + index % 5], gap=14)
        for image in (
            pages_of_paper.photographed(ink, rng),
            pages_of_paper.harshly_photographed(ink, rng, index % 2 > 0),
        ):
            assert photo.is_photo(np.asarray(image.convert("L")))


def test_what_is_short_and_out_of_the_line_is_no_digit(sample):
    page = np.asarray(as_image(pages_of_paper.number(sample.x_test[:3], gap=14))).copy()
    page[8:12, 40:75] = 255  # a bit of a printed line, above
    page[-10:-5, 90:115] = 255
    assert len(segment.digits(page)) == 3


def test_touching_digits_are_cut_and_flagged(sample):
    wide = [np.flatnonzero(sample.y_test == digit)[0] for digit in (0, 2)]
    apart = segment.digits(preprocessing.strokes(as_image(pages_of_paper.number(sample.x_test[wide], gap=12))))
    assert [piece.touching for piece in apart] == [False, False]
    together = segment.digits(preprocessing.strokes(as_image(pages_of_paper.number(sample.x_test[wide], gap=-5))))
    assert [piece.touching for piece in together] == [True, True]
    for piece, index in zip(together, wide, strict=True):
        assert likeness(piece.image, sample.x_test[index]) < 25


def test_a_five_whose_roof_is_loose_stays_one_digit():
    page = np.zeros((200, 300), np.uint8)
    page[40:50, 60:110] = 255  # the roof
    page[56:100, 60:70] = 255
    page[95:105, 60:105] = 255
    page[95:160, 100:110] = 255
    page[40:160, 180:192] = 255  # a one beside it
    pieces = segment.digits(page)
    assert len(pieces) == 2
    assert pieces[0].box[0] == pytest.approx(40 / 200)
    assert pieces[0].box[2] == pytest.approx(160 / 200)


def test_paper_and_texture_are_refused():
    with pytest.raises(ImageError, match="no ink"):
        segment.digits(np.zeros((50, 50), np.uint8))
    dots = np.zeros((300, 300), np.uint8)
    dots[::20, ::20] = 255
    dots = np.kron(dots[::2, ::2], np.ones((2, 2), np.uint8))
    with pytest.raises(ImageError, match="at most 20 digits"):
        segment.digits(dots)


def test_a_photo_is_read_where_the_plain_way_fails(sample):
    """Light from one side, a shadow, grain: what comes out is near the clean digit, and far nearer than before."""
    rng, ours, plain = np.random.default_rng(0), [], []
    for index in range(20):
        ink = pages_of_paper.number(sample.x_test[index : index + 1], gap=0)
        image = pages_of_paper.photographed(ink, rng, lines=index % 2 == 1)
        clean = preprocessing.normalise(np.asarray(as_image(ink))).astype(int)
        ours.append(np.abs(preprocessing.normalise(preprocessing.strokes(image)) - clean).mean())
        plain.append(np.abs(preprocessing.normalise(preprocessing.ink(image)) - clean).mean())
    assert np.median(ours) < 6
    assert np.median(ours) < np.median(plain) / 3


def test_the_table_beside_the_paper_is_no_ink(sample):
    rng = np.random.default_rng(1)
    ink = pages_of_paper.number(sample.x_test[:1], gap=0)
    page = np.asarray(pages_of_paper.photographed(ink, rng)).copy()
    page[:, :14] = rng.normal(30, 4, page[:, :14].shape).clip(0, 255)
    clean = preprocessing.normalise(np.asarray(as_image(ink))).astype(int)
    got = preprocessing.normalise(preprocessing.strokes(Image.fromarray(page)))
    assert np.abs(got - clean).mean() < 10


def test_drawings_scans_and_digits_are_no_photos(sample):
    for index in range(40):
        ink = pages_of_paper.number(sample.x_test[index : index + 1], gap=0)
        assert not photo.is_photo(np.asarray(as_image(ink)))
        assert not photo.is_photo(255 - np.asarray(as_image(ink)))
        body = io.BytesIO()
        as_image(ink).save(body, "JPEG", quality=40)
        assert not photo.is_photo(np.asarray(Image.open(body)))
        assert not photo.is_photo(np.asarray(Image.fromarray(sample.x_test[index]).resize((280, 280))))


def test_paper_without_ink_is_no_digit():
    rng = np.random.default_rng(0)
    empty = pages_of_paper.photographed(np.zeros((200, 200)), rng)
    with pytest.raises(ImageError, match="no ink in this photo"):
        preprocessing.strokes(empty)


def test_what_may_be_two_is_settled_by_which_the_model_is_surer_of(sample):
    pairs = (sample.x_test[[i, i + 1]] for i in range(200))
    found = (segment.digits(np.asarray(as_image(pages_of_paper.number(pair, gap=-8)))) for pair in pairs)
    pieces = next(pieces for pieces in found if len(pieces) == 1 and pieces[0].halves)
    assert len(pieces[0].halves) == 2

    def sure_of(one: float, two: float):
        table = np.full((3, 10), 0.0)
        table[:, 0] = (one, two, two)
        return lambda images: table[: len(images)]

    assert segment.settle(pieces, sure_of(0.9, 0.95)) == pieces
    halves = segment.settle(pieces, sure_of(0.4, 0.9))
    assert [piece.touching for piece in halves] == [True, True]
    assert halves[0].box[3] <= halves[1].box[3]
    assert segment.settle(halves, sure_of(0.0, 0.0)) == halves
