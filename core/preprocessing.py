"""Anything drawn or uploaded -> (28, 28) uint8 in MNIST's own form. One way for canvas, uploads and the API.

MNIST's digits were cropped to their ink, scaled so that the longer side is 20 px and placed with the centre of
mass at the centre of 28x28 (LeCun et al. 1998, http://yann.lecun.com/exdb/mnist/). A model reads a drawing only
as well as the drawing looks like that.
"""

import contextlib
import io
import struct
import threading
import warnings
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from core import photo
from core.digits import IMAGE_SHAPE
from core.errors import ImageError
from core.texts import t

LONGER_SIDE = 20
CENTRE = 14.0  # measured on MNIST, 0-based; 13.5 would cost the tree 5 points
INK_SHARE = 0.15  # of the darkest ink; fainter is smudge, and would widen the crop
LEAST_CONTRAST = 24
# A server of 512 MB has some 130 MB to spare for a picture. What a pixel takes at the most while it is decoded, scaled
# down and made grey was measured for each format and mode; a plain JPEG decodes straight to a smaller size.
MAX_PIXELS, MAX_BYTES = 25_000_000, 2**27
_PIXEL_BYTES = {"WEBP": 16, "LA": 12, "PA": 12, "P": 9, "JPEG": 1, "CMYK progressive": 8, "progressive": 6}
_ALONE, _ALONE_FROM = threading.Lock(), 2**25
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")  # Pillow knows more, one of which starts Ghostscript
WORKING_SIZE = 1024
# What Pillow does not reduce by itself: one bit (a scan), 16 bits, indexed colours, and grey beside its alpha.
_REDUCIBLE = {"1": "L", "I;16": "I", "I;16B": "I", "I;16L": "I", "P": "RGBA", "PA": "RGBA", "LA": "RGBA"}
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)  # the limit here is lower, and refuses
_DAMAGED = (OSError, ValueError, SyntaxError, EOFError, RuntimeError, TypeError, LookupError, ArithmeticError)


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """What `normalise` goes through, one picture a step.

    Parameters
    ----------
    top, left : int
        Where the crop began in the strokes.
    crop : (height, width) uint8
        The ink and nothing around it.
    small : (h, w) uint8
        The crop with its longer side at 20 px.
    image : (28, 28) uint8
        `small` with its centre of mass at (14, 14): what the model receives.
    """

    top: int
    left: int
    crop: np.ndarray
    small: np.ndarray
    image: np.ndarray


def from_bytes(data: bytes) -> np.ndarray:
    """Decode an image file and normalise it.

    Parameters
    ----------
    data : bytes
        Any format that Pillow decodes; of an animation the first frame.

    Returns
    -------
    (28, 28) uint8

    Raises
    ------
    ImageError
        If the bytes are no image, the image is too large, or there is no ink in it.
    """
    return normalise(strokes(open_image(data)))


def strokes(image: Image.Image) -> np.ndarray:
    """Return how much ink there is at each pixel of a file's picture: `ink`, or for a photo what its light allows.

    Returns
    -------
    (h, w) uint8
        0 = paper, 255 = ink; a photo comes back smaller.

    Raises
    ------
    ImageError
        If there is no ink.
    """
    grey = _grey(image)
    return photo.ink(grey) if photo.is_photo(grey) else _amount(grey)


def from_rgba(pixels: np.ndarray) -> np.ndarray:
    """Normalise the canvas's own pixels, (h, w, 4) uint8, as `from_bytes` does a file's."""
    return normalise(ink(Image.fromarray(np.ascontiguousarray(pixels), "RGBA")))


def open_image(data: bytes) -> Image.Image:
    """Decode an image file, upright, at most `WORKING_SIZE` pixels a side.

    Raises
    ------
    ImageError
        If the bytes are no image, damaged, or of more pixels than the memory of a small server allows.
    """
    try:
        image: Image.Image = Image.open(io.BytesIO(data), formats=FORMATS)
        width, height = image.size
        each = _pixel_bytes(image)
        if width * height > min(MAX_PIXELS, MAX_BYTES // each):
            most = min(MAX_PIXELS, MAX_BYTES // each) // 10**6
            raise ImageError(
                t(
                    "The picture has {width} x {height} pixels; of this kind at most {most} million are read. "
                    "Scale it down first.",
                    width=width,
                    height=height,
                    most=most,
                )
            )
        # Two visitors' large pictures at once would be too much for a small server.
        with _ALONE if width * height * each > _ALONE_FROM else contextlib.nullcontext():
            return _decoded(image)
    except Image.DecompressionBombError as error:
        raise ImageError(
            t(
                "The picture has far more than the {most} million pixels that are read. Scale it down.",
                most=MAX_PIXELS // 10**6,
            )
        ) from error
    except UnidentifiedImageError as error:
        raise ImageError(
            t("These {n:,} bytes are not a picture that can be read. Use a PNG or JPEG file.", n=len(data))
        ) from error
    except (*_DAMAGED, struct.error) as error:  # each was, or may be, raised by one of Pillow's readers
        raise ImageError(t("The picture is damaged or cut off. Save it again, then upload it once more.")) from error


def is_animated(data: bytes) -> bool:
    """Tell whether a file holds more than one picture; of those only the first is read."""
    try:
        return bool(getattr(Image.open(io.BytesIO(data), formats=FORMATS), "is_animated", False))
    except (*_DAMAGED, struct.error):
        return False


def _pixel_bytes(image: Image.Image) -> int:
    if image.format == "JPEG" and "progressive" in image.info:
        return _PIXEL_BYTES["CMYK progressive" if image.mode == "CMYK" else "progressive"]
    return _PIXEL_BYTES.get(image.format or "") or _PIXEL_BYTES.get(image.mode) or 8


def _decoded(image: Image.Image) -> Image.Image:
    image.draft("RGB", (WORKING_SIZE, WORKING_SIZE))  # a JPEG decodes straight to a smaller size
    image.load()
    factor = max(image.size) // WORKING_SIZE
    if factor > 1:
        to = _REDUCIBLE.get(image.mode)
        image = (image.convert(to) if to else image).reduce(factor)
    ImageOps.exif_transpose(image, in_place=True)
    return image


def ink(image: Image.Image) -> np.ndarray:
    """Return how much ink there is at each pixel, whatever the colours.

    Transparency is laid on its background first; paper is the median of the border, ink is the distance from it.

    Returns
    -------
    (h, w) uint8
        0 = paper, 255 = the most ink of this picture.

    Raises
    ------
    ImageError
        If the picture is blank.
    """
    return _amount(_grey(image))


def _amount(grey: np.ndarray) -> np.ndarray:
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    paper = float(np.median(border))
    # Ink is on the side of the paper where more of the picture lies far away from it; what lies above the paper less
    # what lies below it is the sum of all differences.
    bright = float(grey.mean(dtype=np.float64)) >= paper
    strongest = float(grey.max()) - paper if bright else paper - float(grey.min())
    if strongest < LEAST_CONTRAST:
        raise ImageError(
            t(
                "There is no ink in this picture: the strongest stroke differs from the paper by "
                "{strongest:.0f} of 255 steps. Draw a digit, or use a picture with more contrast.",
                strongest=max(strongest, 0),
            )
        )
    # Of 8 bits there are only 256 greys to look at.
    shades = np.arange(256, dtype=np.float32) if grey.dtype == np.uint8 else grey
    distance = shades - paper if bright else paper - shades
    distance *= np.float32(255 / strongest)
    amount = np.clip(distance, 0, 255, out=distance).astype(np.uint8)
    return amount.take(grey) if grey.dtype == np.uint8 else amount


def normalise(amount: np.ndarray) -> np.ndarray:
    """Bring ink into MNIST's form: crop, longer side to 20 px, centre of mass to (14, 14).

    Parameters
    ----------
    amount : (h, w) uint8
        0 = paper, 255 = ink, as from `ink`.

    Returns
    -------
    (28, 28) uint8

    Raises
    ------
    ImageError
        If there is no ink at all.
    """
    return steps(amount).image


def steps(amount: np.ndarray) -> Steps:
    """Do what `normalise` does and keep what each step makes; for `amount` and errors see there."""
    mask = amount > int(INK_SHARE * amount.max())
    if not mask.any():
        raise ImageError(t("There is no ink in this picture. Draw a digit first."))
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    crop = amount[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = crop.shape
    scale = LONGER_SIDE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = np.asarray(Image.fromarray(crop).resize(size, Image.Resampling.LANCZOS))
    out = np.zeros(IMAGE_SHAPE, np.uint8)
    top, left = _corner(small, axis=1), _corner(small, axis=0)
    out[top : top + small.shape[0], left : left + small.shape[1]] = small
    return Steps(int(rows[0]), int(columns[0]), crop, small, out)


def resized(strokes: np.ndarray) -> np.ndarray:
    """Squeeze the whole picture into (28, 28) uint8: what most projects do, kept as the baseline to beat."""
    return np.asarray(Image.fromarray(strokes).resize(IMAGE_SHAPE, Image.Resampling.BILINEAR))


def _corner(small: np.ndarray, axis: int) -> int:
    # `axis` is summed away. The ink must stay inside the picture even if its centre of mass does not come to 14.
    mass = small.sum(axis=axis, dtype=float)
    centre = (mass * np.arange(len(mass))).sum() / mass.sum()
    return int(np.clip(round(CENTRE - centre), 0, IMAGE_SHAPE[0] - len(mass)))


def _grey(image: Image.Image) -> np.ndarray:
    if image.mode.startswith(("I", "F")):  # 16 bits and more have no fixed white: stretch what is there
        deep = np.nan_to_num(np.asarray(image, np.float32))
        span = float(deep.max() - deep.min())
        return (deep - deep.min()) * (255 / span if span else 0)
    if "A" in image.getbands() or "transparency" in image.info:
        rgba = image if image.mode == "RGBA" else image.convert("RGBA")
        if np.asarray(rgba.getchannel("A")).min() < 255:
            grey, alpha = (np.asarray(band, np.float32) for band in (rgba.convert("L"), rgba.getchannel("A")))
            # Ink on nothing: the background is whatever the ink is not.
            background = 0.0 if (grey * alpha).sum() > 127 * alpha.sum() else 255.0
            return background + (grey - background) * (alpha / 255)
        image = rgba
    return np.asarray(image if image.mode == "L" else image.convert("L"))
