"""One variant of each image, on the board: bent, drawn again with another pen, in the manner of another school."""

from dataclasses import dataclass

import numpy as np

from core.augmentation import canvas, hands, pen, schools


@dataclass(frozen=True, slots=True)
class Level:
    """How far variants may go."""

    bend: canvas.Bend
    redrawn: float  # share that a pen of one width draws anew; the rest keeps its strokes' own shape
    pens: tuple[float, float]  # half the width of such a pen, of MNIST's pixels
    swell: float  # the most that strokes of their own shape gain on each side, of MNIST's pixels
    habits: bool
    schools: float  # share that is written from nothing, as other schools teach it


LEVELS = {
    "light": Level(canvas.Bend(0.14, 0.15, 0.10, 0.5), 0.4, (0.6, 1.8), 0.3, False, 0.0),
    "hands": Level(canvas.Bend(0.20, 0.28, 0.20, 0.8), 0.65, (0.4, 2.0), 0.6, True, 0.15),
}
_RINGS = np.array([1, 0, 0, 0, 0, 0, 1, 0, 2, 1])  # closed loops that a digit should have
_THICK = 2.2 * canvas.ZOOM  # so wide a stroke may have filled its loop, and no line in its middle says so
# A canvas smooths its edges over one of many pixels, a photo over more.
_EDGES, _EDGE_SHARES = (1.0, 1.5, 3.0), (0.5, 0.3, 0.2)


def written(images: np.ndarray, labels: np.ndarray, how: Level, rng: np.random.Generator) -> np.ndarray:
    """Write one variant of each image.

    Parameters
    ----------
    images : (n, 28, 28) uint8
    labels : (n,) integer, 0 to 9
    how : Level
    rng : numpy.random.Generator

    Returns
    -------
    (n, 64, 64) uint8
        0 = paper, 255 = ink; blank where the image is.
    """
    n = len(images)
    inked, full = _inked(canvas.bent(images, how.bend, rng), labels, rng)
    if how.habits:
        inked = hands.shortened(inked, labels, rng)
    wide = pen.width(inked)
    redrawn = (rng.random(n) < how.redrawn) & ~(full & (wide > _THICK))
    new = (rng.random(n) < how.schools) & inked.any(axis=(1, 2))
    redrawn |= new
    low, high = np.log(how.pens)
    edge = rng.choice(_EDGES, n, p=_EDGE_SHARES)
    radius = np.where(redrawn, np.exp(rng.uniform(low, high, n)), rng.uniform(0.1, how.swell, n)) * canvas.ZOOM
    # Nearer to the middle than half the edge all of it would be grey.
    edge = np.where(redrawn, edge, np.minimum(edge, 2 * radius))

    line = inked.copy()
    line[new] = schools.written(labels[new], how.bend, rng)
    thin = redrawn & ~new
    line[thin] = pen.skeleton(inked[thin])
    ink = np.empty(inked.shape, np.uint8)
    for mine in (np.flatnonzero(redrawn), np.flatnonzero(~redrawn)):
        if len(mine):
            reach = int(np.ceil((radius[mine] + edge[mine] / 2).max()))
            ink[mine] = pen.inked(pen.distance(line[mine], reach), radius[mine], edge[mine])
    if how.habits:
        drawn, old = np.where(redrawn, radius, wide / 2 + radius), np.flatnonzero(~new)
        for chosen, lines in hands.habits(inked[old], labels[old], rng):
            at = old[chosen]
            ink[at] = np.maximum(ink[at], pen.inked(pen.from_lines(lines), drawn[at], edge[at]))
    ink[~inked.any(axis=(1, 2))] = 0
    return ink


def _inked(grey: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    # Where there is ink, and whether a loop is missing. In a loop nearly filled, only darker ink shows it.
    most = grey.max(axis=(1, 2))
    inked = grey > (rng.uniform(0.3, 0.5, len(grey)) * most).astype(np.uint8)[:, None, None]
    few = np.flatnonzero(pen.holes(inked) < _RINGS[labels])
    darker = grey[few] > (0.75 * most[few]).astype(np.uint8)[:, None, None]
    inked[few] = np.where((pen.holes(darker) >= _RINGS[labels[few]])[:, None, None], darker, inked[few])
    return inked, pen.holes(inked) < _RINGS[labels]
