"""Photos of pen on paper, made of real digits: uneven light, grain, a little turned; whole numbers, touching digits."""

import io

import numpy as np
from PIL import Image

SIDE = 96  # of a digit's 28 pixels, on the page


def digit(image: np.ndarray, side: int = SIDE) -> np.ndarray:
    """Return a digit as smooth large ink, (side, side) float, 0 to 1, cropped to its ink left and right."""
    large = Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)
    ink = np.asarray(large, float) / 255
    columns = np.flatnonzero(ink.max(axis=0) > 0.3)
    return ink[:, columns[0] : columns[-1] + 1]


def number(images: np.ndarray, gap: int, margin: int = 60) -> np.ndarray:
    """Set digits side by side, `gap` pixels apart (below 0: they overlap); (h, w) float, 0 to 1 = ink."""
    parts = [digit(image) for image in images]
    width = sum(part.shape[1] for part in parts) + gap * (len(parts) - 1)
    page = np.zeros((SIDE + 2 * margin, width + 2 * margin))
    left = margin
    for part in parts:
        here = page[margin : margin + SIDE, left : left + part.shape[1]]
        np.maximum(here, part, out=here)
        left += part.shape[1] + gap
    return page


def photographed(ink: np.ndarray, rng: np.random.Generator, turn: float = 0.0, lines: bool = False) -> Image.Image:
    """Put ink on a page as a phone sees it: light from one side, a shadow, grain, faint printed lines."""
    turned = Image.fromarray((ink * 255).astype(np.uint8)).rotate(turn, Image.Resampling.BICUBIC)
    ink = np.asarray(turned, float) / 255
    height, width = ink.shape
    rows, columns = np.mgrid[0:height, 0:width]
    angle = rng.uniform(0, 2 * np.pi)
    slope = (np.cos(angle) * columns / width + np.sin(angle) * rows / height) / np.sqrt(2)
    light = 165 + 70 * slope
    shadow = (columns / width + rows / height) < rng.uniform(0.3, 0.6)
    soft = (
        Image.fromarray((shadow * 255).astype(np.uint8))
        .resize((16, 16))
        .resize((width, height), Image.Resampling.BICUBIC)
    )
    light = light * (1 - 0.35 * np.asarray(soft, float) / 255)
    printed = 0.18 * ((rows % 40) < 2) if lines else 0.0
    page = light * (1 - np.maximum(0.75 * ink, printed)) + rng.normal(0, 5, ink.shape)
    return Image.fromarray(np.clip(page, 0, 255).astype(np.uint8))


def harshly_photographed(ink: np.ndarray, rng: np.random.Generator, ruled: bool = True) -> Image.Image:
    """Put blue ink on yellowish ruled paper, the sharp edge of a shadow across it, saved as a poor JPEG."""
    height, width = ink.shape
    rows, columns = np.mgrid[0:height, 0:width]
    angle = rng.uniform(0, 2 * np.pi)
    along = np.cos(angle) * (columns / width - 0.5) + np.sin(angle) * (rows / height - 0.5)
    edge = 1 / (1 + np.exp((along - rng.uniform(-0.2, 0.2)) * min(height, width) / 3))
    light = (0.78 + 0.2 * (columns / width if rng.random() < 0.5 else rows / height)) * (
        1 - rng.uniform(0.2, 0.5) * edge
    )
    page = np.full((height, width, 3), rng.uniform(0.9, 1.05) * np.array([242, 228, 188]))
    if ruled:
        line = ((rows + int(rng.integers(0, 34))) % 34 < 2) * 0.55
        page += (np.array([140, 165, 215]) - page) * line[..., None]
    page += (np.array([38, 52, 138]) - page) * (0.88 * ink)[..., None]
    seen = page * light[..., None] + rng.normal(0, 4, page.shape)
    body = io.BytesIO()
    Image.fromarray(np.clip(seen, 0, 255).astype(np.uint8)).save(body, "JPEG", quality=40)
    return Image.open(body)
