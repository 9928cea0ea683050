"""The pen: the line in the middle of a stroke, the distance from it, and ink of any width around it."""

import numpy as np

from core.augmentation.canvas import BOARD

FAR = 120  # the square of a distance that is not known
_SQUARES = np.arange(256, dtype=np.float32)


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
    words = _words(inked)
    todo = np.arange(len(words))
    while len(todo):
        before = here = words[todo]
        for first in (True, False):
            here = here & ~_removable(here, first)
        words[todo] = here
        todo = todo[(here != before).any(axis=1)]
    octets = words[:, :, None].view(np.uint8)
    return np.unpackbits(octets, axis=2, bitorder="little").view(bool)


def _words(inked: np.ndarray) -> np.ndarray:
    return np.packbits(inked, axis=2, bitorder="little").view("<u8")[:, :, 0].copy()


def width(inked: np.ndarray) -> np.ndarray:
    """Return how wide the strokes are, (n,) float pixels: twice the ink's area over the length of its edge."""
    words = _words(inked)
    edge = words ^ (words << np.uint64(1))
    across = np.bitwise_count(edge).sum(axis=1, dtype=float)
    along = np.bitwise_count(words[:, 1:] ^ words[:, :-1]).sum(axis=1, dtype=float)
    # Steps of pixels are longer than the line they follow: by 4 / pi on the mean over all directions.
    length = (across + along) * np.pi / 4
    return 2 * np.bitwise_count(words).sum(axis=1, dtype=float) / np.maximum(length, 1)


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
    upper = _words(inked)
    lower, one = np.zeros_like(upper), np.uint64(1)
    lower[:, :-1] = upper[:, 1:]
    a, b, c, d = upper, upper << one, lower, lower << one
    odd = a ^ b ^ c ^ d
    pairs = (a & b) | (c & d)
    single, triple = odd & ~pairs, odd & pairs
    diagonal = (a & d & ~b & ~c) | (b & c & ~a & ~d)
    count = [np.bitwise_count(squares).sum(axis=1, dtype=int) for squares in (single, triple, diagonal)]
    return 1 - (count[0] - count[1] - 2 * count[2]) // 4


def distance(points: np.ndarray, reach: int) -> np.ndarray:
    """Return the square of how far each pixel is from the nearest point, exact up to `reach`.

    It is a minimum over rows of a minimum over columns (Felzenszwalb and Huttenlocher 2012); up to a short reach plain
    shifted minima of bytes are the fastest way to it.

    Parameters
    ----------
    points : (n, 64, 64) bool
    reach : int, 1 to 10

    Returns
    -------
    (n, 64, 64) uint8
        Beyond `reach` some figure larger than its square.
    """
    squared = np.where(points, np.uint8(0), np.uint8(FAR))
    for swap in (False, True):
        known = squared.swapaxes(1, 2) if swap else squared
        nearest = known.copy()
        for step in range(1, reach + 1):
            cost = known + np.uint8(step * step)
            np.minimum(nearest[:, step:], cost[:, :-step], out=nearest[:, step:])
            np.minimum(nearest[:, :-step], cost[:, step:], out=nearest[:, :-step])
        squared = nearest.swapaxes(1, 2) if swap else nearest
    return squared


def inked(squared: np.ndarray, radius: np.ndarray, edge: np.ndarray) -> np.ndarray:
    """Return ink within `radius` of a line, fading over `edge` pixels; the strongest is full ink.

    Parameters
    ----------
    squared : (n, 64, 64) uint8
        As from `distance`.
    radius, edge : (n,) float

    Returns
    -------
    (n, 64, 64) uint8
        0 = paper, 255 = ink.
    """
    shades = np.clip((radius[:, None] - np.sqrt(_SQUARES)) / edge[:, None] + 0.5, 0, 1)
    shades = np.rint(shades * (255 / shades[:, :1])).astype(np.uint8)  # as `preprocessing.ink` has it
    at = squared.astype(np.int32)
    at += (np.arange(len(radius), dtype=np.int32) * 256)[:, None, None]
    return shades.ravel().take(at, mode="clip")


def from_lines(lines: np.ndarray) -> np.ndarray:
    """Return the square of each pixel's distance from a line through given points, as `distance` does.

    Parameters
    ----------
    lines : (n, points, 2) float
        Row and column on the board, at least two points a line.

    Returns
    -------
    (n, 64, 64) uint8
    """
    steps = np.arange(BOARD, dtype=np.float32)
    rows, columns = steps[:, None], steps[None, :]
    lines = lines.astype(np.float32)
    nearest = np.full((len(lines), BOARD, BOARD), 255, np.float32)
    for start, end in zip(lines.swapaxes(0, 1)[:-1], lines.swapaxes(0, 1)[1:], strict=True):
        (y, x), (dy, dx) = start.T[:, :, None, None], (end - start).T[:, :, None, None]
        along = (rows - y) * dy + (columns - x) * dx
        along = np.clip(along / np.maximum(dy * dy + dx * dx, 1e-6), 0, 1)
        squared = (rows - y - along * dy) ** 2 + (columns - x - along * dx) ** 2
        np.minimum(nearest, squared, out=nearest)
    return np.rint(nearest).astype(np.uint8)
