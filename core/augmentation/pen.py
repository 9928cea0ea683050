"""The pen: the line in the middle of a stroke, the distance from it, and ink of any width around it."""

import numpy as np

from core.augmentation.canvas import BOARD

REACH = 9  # pixels of the board that a distance is known for: the widest marker, and some
_FAR = 120
_ROOTS = np.sqrt(np.arange(256, dtype=np.float32))


def skeleton(inked: np.ndarray) -> np.ndarray:
    """Thin strokes to lines one pixel wide that hang together as the strokes did.

    Zhang and Suen's thinning (CACM 27(3), 1984), with a row of the board as one 64-bit word: each step of the rule
    is a few operations on words for 64 pixels at once.

    Parameters
    ----------
    inked : (n, 64, 64) bool

    Returns
    -------
    (n, 64, 64) bool
    """
    words = np.packbits(inked, axis=2, bitorder="little").view("<u8")[:, :, 0]
    while True:
        before = words
        for first in (True, False):
            words = words & ~_removable(words, first)
        if (words == before).all():
            break
    octets = np.ascontiguousarray(words)[:, :, None].view(np.uint8)
    return np.unpackbits(octets, axis=2, bitorder="little").view(bool)


def _removable(words: np.ndarray, first: bool) -> np.ndarray:
    north, south = np.zeros_like(words), np.zeros_like(words)
    north[:, 1:], south[:, :-1] = words[:, :-1], words[:, 1:]
    one = np.uint64(1)
    east, west = words >> one, words << one
    ring = (north, north >> one, east, south >> one, south, south << one, west, north << one)
    turns = [~here & after for here, after in zip(ring, (*ring[1:], ring[0]), strict=True)]
    some_turn, more_turns = _one_and_two(turns)
    neighbours = _one_and_two(ring)[1] & _one_and_two([~here for here in ring])[1]  # from two to six of eight
    gaps = (
        ~(north & east & south) & ~(east & south & west) if first else ~(north & east & west) & ~(north & south & west)
    )
    return some_turn & ~more_turns & neighbours & gaps


def _one_and_two(words: list[np.ndarray] | tuple[np.ndarray, ...]) -> tuple[np.ndarray, np.ndarray]:
    # Bits that at least one, and at least two, of the words have.
    one, two = words[0], np.zeros_like(words[0])
    for word in words[1:]:
        two = two | (one & word)
        one = one | word
    return one, two


def holes(inked: np.ndarray) -> np.ndarray:
    """Count the holes of each image, as far as its ink hangs together; each further piece of ink counts as one less.

    One minus Euler's number, from counts of 2 x 2 squares (Gray, IEEE Trans. Computers C-20(5), 1971).

    Parameters
    ----------
    inked : (n, 64, 64) bool
        Without ink on the border.

    Returns
    -------
    (n,) int
    """
    upper = np.packbits(inked, axis=2, bitorder="little").view("<u8")[:, :, 0]
    lower, one = np.zeros_like(upper), np.uint64(1)
    lower[:, :-1] = upper[:, 1:]
    a, b, c, d = upper, upper << one, lower, lower << one
    odd = a ^ b ^ c ^ d
    pairs = (a & b) | (c & d)
    single, triple = odd & ~pairs, odd & pairs
    diagonal = (a & d & ~b & ~c) | (b & c & ~a & ~d)
    count = [np.bitwise_count(squares).sum(axis=1, dtype=int) for squares in (single, triple, diagonal)]
    return 1 - (count[0] - count[1] - 2 * count[2]) // 4


def distance(points: np.ndarray) -> np.ndarray:
    """Return how far each pixel is from the nearest point, exact up to `REACH`.

    The squared distance is a minimum over rows of a minimum over columns (Felzenszwalb and Huttenlocher 2012); up to
    a short reach plain shifted minima of bytes are the fastest way to it.

    Parameters
    ----------
    points : (n, 64, 64) bool

    Returns
    -------
    (n, 64, 64) float32
        Beyond `REACH` some figure larger than it.
    """
    squared = np.where(points, np.uint8(0), np.uint8(_FAR))
    for swap in (False, True):
        known = squared.swapaxes(1, 2) if swap else squared
        nearest = known.copy()
        for step in range(1, REACH + 1):
            cost = np.uint8(step * step)
            np.minimum(nearest[:, step:], known[:, :-step] + cost, out=nearest[:, step:])
            np.minimum(nearest[:, :-step], known[:, step:] + cost, out=nearest[:, :-step])
        squared = nearest.swapaxes(1, 2) if swap else nearest
    return _ROOTS[squared]


def inked(far: np.ndarray, radius: np.ndarray, edge: np.ndarray) -> np.ndarray:
    """Return ink within `radius` of a line, fading over `edge` pixels.

    Parameters
    ----------
    far : (n, 64, 64) float32
        Distances from the line.
    radius, edge : (n,) float

    Returns
    -------
    (n, 64, 64) float32
        0 = paper, 1 = ink.
    """
    slope = np.float32(1) / edge.astype(np.float32)
    ink = (radius.astype(np.float32) * slope)[:, None, None] - far * slope[:, None, None]
    ink += np.float32(0.5)
    return np.clip(ink, 0, 1, out=ink)


def from_lines(lines: np.ndarray) -> np.ndarray:
    """Return each pixel's distance from a line through given points.

    Parameters
    ----------
    lines : (n, points, 2) float
        Row and column on the board, at least two points a line.

    Returns
    -------
    (n, 64, 64) float32
    """
    steps = np.arange(BOARD, dtype=np.float32)
    rows, columns = steps[:, None], steps[None, :]
    lines = lines.astype(np.float32)
    nearest = np.full((len(lines), BOARD, BOARD), np.inf, np.float32)
    for start, end in zip(lines.swapaxes(0, 1)[:-1], lines.swapaxes(0, 1)[1:], strict=True):
        (y, x), (dy, dx) = start.T[:, :, None, None], (end - start).T[:, :, None, None]
        along = (rows - y) * dy + (columns - x) * dx
        along = np.clip(along / np.maximum(dy * dy + dx * dx, 1e-6), 0, 1)
        squared = (rows - y - along * dy) ** 2 + (columns - x - along * dx) ** 2
        np.minimum(nearest, squared, out=nearest)
    return np.sqrt(nearest)
