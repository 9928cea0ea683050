"""Photos of pen on paper: the paper's own brightness is estimated everywhere and divided out, then ink is what is left.

Drawings and scans have paper of one colour and never come here. The background is a morphological closing (Serra 1982):
what is dark and narrower than a window is filled with the paper around it; a shadow is wide, so it stays.
"""

import numpy as np
from PIL import Image, ImageFilter

from core import components
from core.errors import ImageError
from core.texts import t

SIZE = 512  # pixels of the longer side; a digit needs 20 of them
CLEAN_SHARE = 0.6  # of the pixels are the paper's colour, or the ink's
CLEAN_STEPS = 3.0  # of 255 that a clean picture's paper may differ by
CLEAN_CONTRAST = 0.1  # of the way from paper to ink that it may differ by as well: less than what counts as ink
SMALLEST = 64  # no photo is smaller
LEAST_DEPTH = 0.1  # of the paper's brightness that ink takes away, at the least
NOISE_TIMES = 5.0  # ink is this many times stronger than the paper's grain
FAINT, STRONG = 0.25, 0.5  # of the strongest ink: what grows a stroke, what begins one; a printed line is fainter
_GROW = 5  # pixels around strong ink where faint ink counts
_TOP = 0.995  # of all pixels are fainter than what is called ink at first
_DUST_SHARE = 1e-4  # of the picture, and of the largest stroke 2 %
_LEAST_SIDE = 0.07  # of the picture's shorter side that the largest stroke must measure
_GROUND, _WINDOW = 128, 21  # side of the small picture whose closing is the background, and the closing's window


def is_photo(grey: np.ndarray) -> bool:
    """Tell whether a picture's paper is uneven or grainy, as a camera makes it.

    Parameters
    ----------
    grey : (h, w) uint8 or float32, 0 to 255
    """
    if min(grey.shape) < SMALLEST:
        return False
    paper = float(np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])))
    low, high = float(grey.min()), float(grey.max())
    ink = low if paper - low > high - paper else high
    steps = max(CLEAN_STEPS, CLEAN_CONTRAST * abs(ink - paper))
    near = (np.abs(grey.astype(np.float32) - level) <= steps for level in (paper, ink))
    return float(np.logical_or(*near).mean()) < CLEAN_SHARE


def ink(grey: np.ndarray) -> np.ndarray:
    """Return how much ink there is at each pixel of a photo, dark on paper or light on a board.

    Parameters
    ----------
    grey : (h, w) uint8 or float32, 0 to 255

    Returns
    -------
    (h', w') uint8
        0 = paper, 255 = the most ink; at most `SIZE` pixels a side.

    Raises
    ------
    ImageError
        If nothing stands out from the paper's grain.
    """
    small = _smaller(grey, SIZE).filter(ImageFilter.MedianFilter(3))
    depth = _depth(small)
    grain = 1.4826 * float(np.median(np.abs(depth - np.median(depth))))
    least = max(LEAST_DEPTH, NOISE_TIMES * grain)
    strong = _strong(depth, least)
    strongest = float(np.quantile(depth[strong], 0.7)) if strong.any() else float(depth.max())
    if not strong.any() or strongest < least:
        raise ImageError(
            t(
                "There is no ink in this photo: nothing the size of a stroke is more than {least:.0%} darker "
                "or lighter than the paper around it. Use a thicker pen or more light, and come closer.",
                least=least,
            )
        )
    near = Image.fromarray(strong).convert("L").filter(ImageFilter.MaxFilter(_GROW))
    depth[(np.asarray(near) == 0) | (depth < FAINT * strongest)] = 0
    return np.clip(depth * (255 / strongest), 0, 255).astype(np.uint8)


def _smaller(grey: np.ndarray, side: int) -> Image.Image:
    image = Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8))
    scale = min(1.0, side / max(image.size))
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image if scale == 1.0 else image.resize(size, Image.Resampling.BOX)


def _depth(image: Image.Image) -> np.ndarray:
    # Both ways, as a shadow at the border may make the paper darker than its middle: ink is where more stands out.
    found = []
    for inverted in (False, True):
        turned = Image.fromarray(255 - np.asarray(image)) if inverted else image
        ground = _smaller(np.asarray(turned), _GROUND)
        ground = ground.filter(ImageFilter.MaxFilter(_WINDOW)).filter(ImageFilter.MinFilter(_WINDOW))
        paper = np.asarray(ground.resize(image.size, Image.Resampling.BILINEAR), np.float32)
        here = np.asarray(turned, np.float32)
        # Light falls on paper and ink alike, so the share counts; a dark board reflects little, so the difference does.
        found.append(np.clip((paper - here) / (255.0 if inverted else np.maximum(paper, 32.0)), 0, 1))
    dark, light = found
    return dark if np.quantile(dark, 0.99) >= np.quantile(light, 0.99) else light


def _strong(depth: np.ndarray, least: float) -> np.ndarray:
    # What lies beside the paper, and lines that were printed on it, are long, and may be darker than the pen: without
    # them the pen's own strength shows, so the level is set again until nothing more goes.
    height, width = depth.shape
    left = depth.copy()
    while True:
        labels, pieces = components.find(left > max(least, STRONG * float(np.quantile(left, _TOP))))
        odd = np.zeros(len(pieces) + 1, bool)
        for piece in pieces:
            odd[piece.label] = _is_edge_or_line(piece, height, width)
        if not odd.any():
            break
        left[odd[labels]] = 0
    if all(max(piece.height, piece.width) < _LEAST_SIDE * min(height, width) for piece in pieces):
        return np.zeros(depth.shape, bool)
    largest = max((piece.area for piece in pieces), default=0)
    kept = np.zeros(len(pieces) + 1, bool)
    for piece in pieces:
        kept[piece.label] = piece.area >= max(_DUST_SHARE * height * width, 0.02 * largest)
    return kept[labels]


def _is_edge_or_line(piece: components.Component, height: int, width: int) -> bool:
    level = piece.top == 0 or piece.bottom == height
    upright = piece.left == 0 or piece.right == width
    span = max(piece.height / height, piece.width / width)
    ratio = piece.width / piece.height
    along_border = (level and ratio > 3) or (upright and ratio < 1 / 3)
    small = max(piece.height, piece.width) < 0.15 * min(height, width)  # where a shadow leaves the picture
    return (
        along_border
        or ((level or upright) and small)
        or ((level or upright) and span > 0.4)
        or (span > 0.35 and not 1 / 8 < ratio < 8)
    )
