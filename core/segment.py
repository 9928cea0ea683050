"""A whole number in one picture: its digits found, left to right, each brought into MNIST's form by itself."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from core import components, preprocessing
from core.errors import ImageError
from core.texts import t

SIZE = 512
MOST = 20
SPECK = 0.12  # of the tallest piece: smaller both ways is dust
SHORT = 0.65  # of the tallest piece: a part of a digit, not a digit
OVERLAP = 0.5  # of the narrower one's columns that lie in the other's
NEAR = 0.12  # of the tallest piece: a short part this close belongs to its neighbour
WIDE = 1.2  # times a digit's height: two digits may touch
TALL = 0.9  # of the tallest piece: as tall as this the digits of a number are taken to be
DOUBTFUL, MARGIN = 0.75, 0.1  # so wide it may be two; how much surer the model must be of two than of one
BRIDGE = 0.25  # of the height, at the most, that a cut between two digits goes through ink
_AWAY = 0.25  # of a piece's width, at each side, where no cut is made
_BEND = 2.0  # what a cut pays to step aside, in steps of ink


@dataclass(frozen=True, slots=True)
class Piece:
    """One digit of a number.

    Parameters
    ----------
    box : (top, left, bottom, right)
        As shares of the picture's height and width, 0 to 1.
    image : (28, 28) uint8
    touching : bool
        Whether it was cut from something too wide to be one digit.
    halves : tuple of Piece
        What it would be if it were two, where it is wide enough for doubt; `settle` decides.
    """

    box: tuple[float, float, float, float]
    image: np.ndarray
    touching: bool
    halves: tuple["Piece", ...] = ()


def digits(strokes: np.ndarray) -> list[Piece]:
    """Find the digits of a number that stands in one line.

    Parameters
    ----------
    strokes : (h, w) uint8
        0 = paper, 255 = ink, as from `preprocessing.strokes`.

    Returns
    -------
    list of Piece
        From left to right.

    Raises
    ------
    ImageError
        If there is no ink, or more pieces than a number has digits.
    """
    small = _smaller(strokes)
    mask = small > int(preprocessing.INK_SHARE * small.max())
    labels, found = components.find(mask)
    tallest = max((piece.height for piece in found), default=0)
    found = [piece for piece in found if max(piece.height, piece.width) > SPECK * tallest]
    groups = _joined([[piece] for piece in found], tallest)
    if not groups:
        raise ImageError(t("There is no ink in this picture. Write a number first."))
    if len(groups) > MOST:
        raise ImageError(
            t(
                "There are {n} pieces in this picture; a number of at most {most} digits is read.",
                n=len(groups),
                most=MOST,
            )
        )
    pieces = []
    for group in groups:
        own = np.where(np.isin(labels, [0, *(piece.label for piece in group)]), small, 0)
        sides = _box(group)
        pieces += _pieces(own, sides, tallest, small.shape, touching=False)
    return sorted(pieces, key=lambda piece: piece.box[1] + piece.box[3])


def settle(pieces: list[Piece], answer: Callable[[np.ndarray], np.ndarray]) -> list[Piece]:
    """Decide where one wide piece may be two digits: by which reading the model is surer of.

    Parameters
    ----------
    answer : (n, 28, 28) uint8 -> (n, 10) float
        The model's probabilities.

    Returns
    -------
    list of Piece
        Each doubtful piece as it was, or its halves, flagged as touching.
    """
    found: list[Piece] = []
    for piece in pieces:
        if piece.halves:
            sure = answer(np.stack([one.image for one in (piece, *piece.halves)])).max(axis=1)
            found += piece.halves if sure[1:].min() > sure[0] + MARGIN else (piece,)
        else:
            found.append(piece)
    return found


def _smaller(strokes: np.ndarray) -> np.ndarray:
    scale = SIZE / max(strokes.shape)
    if scale >= 1:
        return strokes
    size = (max(1, round(strokes.shape[1] * scale)), max(1, round(strokes.shape[0] * scale)))
    return np.asarray(Image.fromarray(strokes).resize(size, Image.Resampling.BOX))


def _box(group: list[components.Component]) -> tuple[int, int, int, int]:
    return (
        min(p.top for p in group),
        min(p.left for p in group),
        max(p.bottom for p in group),
        max(p.right for p in group),
    )


def _joined(groups: list[list[components.Component]], tallest: int) -> list[list[components.Component]]:
    # The roof of a five, the bar of a broken four: short, and above, below or right beside the rest of its digit.
    shortest_first = sorted(range(len(groups)), key=lambda i: _height(groups[i]))
    for i in shortest_first:
        part = groups[i]
        if not part or _height(part) >= SHORT * tallest:
            continue
        others = [(_distance(part, other, tallest), j) for j, other in enumerate(groups) if j != i and other]
        distance, nearest = min(others, default=(np.inf, -1))
        if distance <= NEAR * tallest:
            groups[nearest] = groups[nearest] + part
            groups[i] = []
    return [group for group in groups if group]


def _height(group: list[components.Component]) -> int:
    top, _, bottom, _ = _box(group)
    return bottom - top


def _distance(part: list[components.Component], other: list[components.Component], tallest: int) -> float:
    top, left, bottom, right = _box(part)
    its_top, its_left, its_bottom, its_right = _box(other)
    aside = max(left, its_left) - min(right, its_right)
    apart = max(0, max(top, its_top) - min(bottom, its_bottom))
    if -aside >= OVERLAP * min(right - left, its_right - its_left):
        return apart / 4  # one above the other: in a number of one line that is one digit
    if bottom - top > tallest / 2:
        return np.inf  # half a digit tall and beside the other: a small digit of its own
    return float(np.hypot(max(0, aside), apart))


def _pieces(
    own: np.ndarray, sides: tuple[int, int, int, int], tallest: int, shape: tuple[int, ...], touching: bool
) -> list[Piece]:
    top, left, bottom, right = sides
    crop = own[top:bottom, left:right]
    # A short wide piece is one flat digit or dash; the tallest one's height says what a digit's width may be.
    if crop.shape[1] <= WIDE * max(crop.shape[0], TALL * tallest):
        height, width = shape
        box = (top / height, left / width, bottom / height, right / width)
        doubtful = not touching and crop.shape[1] > DOUBTFUL * max(crop.shape[0], TALL * tallest)
        halves = tuple(_halved(own, sides, tallest, shape)) if doubtful and _is_thin(crop) else ()
        return [Piece(box, preprocessing.normalise(crop), touching, halves)]
    return _halved(own, sides, tallest, shape)


def _halved(own: np.ndarray, sides: tuple[int, int, int, int], tallest: int, shape: tuple[int, ...]) -> list[Piece]:
    top, left, bottom, right = sides
    crop = own[top:bottom, left:right]
    cut, found = _cut(crop), []
    columns = np.arange(crop.shape[1])
    for half in (columns < cut[:, np.newaxis], columns >= cut[:, np.newaxis]):
        part = np.where(half, crop, 0)
        rows, there = np.flatnonzero(part.max(axis=1) > 0), np.flatnonzero(part.max(axis=0) > 0)
        whole = np.zeros_like(own)
        whole[top:bottom, left:right] = part
        inner = (top + rows[0], left + there[0], top + rows[-1] + 1, left + there[-1] + 1)
        found += _pieces(whole, inner, tallest, shape, touching=True)
    return found


def _is_thin(crop: np.ndarray) -> bool:
    # Where two digits touch, a cut crosses one short bridge; through one digit it crosses two strokes, or along one.
    cut = _cut(crop)
    inked = crop[np.arange(len(crop)), np.minimum(cut, crop.shape[1] - 1)] > preprocessing.INK_SHARE * crop.max()
    bridges = np.count_nonzero(np.diff(inked.astype(np.int8), prepend=0) == 1)
    return bool(bridges <= 1 and inked.sum() <= BRIDGE * len(crop))


def _cut(crop: np.ndarray) -> np.ndarray:
    # The way from top to bottom that crosses the least ink, stepping aside by one pixel a row at the most; returns the
    # column of the cut in each row (Avidan & Shamir 2007 call it a seam).
    away = max(1, int(_AWAY * crop.shape[1]))
    cost = crop[:, away : crop.shape[1] - away].astype(np.float32)
    middle = np.abs(np.arange(cost.shape[1]) - (cost.shape[1] - 1) / 2)
    total, came = cost[0] + middle, np.zeros(cost.shape, np.int8)
    for row in range(1, len(cost)):
        padded = np.pad(total, 1, constant_values=np.inf)
        choices = np.stack([padded[:-2] + _BEND, padded[1:-1], padded[2:] + _BEND])
        came[row] = choices.argmin(axis=0) - 1
        total = choices.min(axis=0) + cost[row]
    at = np.empty(len(cost), int)
    at[-1] = int(total.argmin())
    for row in range(len(cost) - 1, 0, -1):
        at[row - 1] = at[row] + came[row, at[row]]
    return at + away
