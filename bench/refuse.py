"""How much that is no digit is refused where 1 % of real pen digits are: letters, scribbles, shapes, photos.

    python bench/refuse.py [--run ID]

The threshold is moved to where 1 % of the dev pens (`DIGITLAB_PENS`) are refused; beside it stands what the calibrated
one does. Nothing here was made by the code that the judge learned from: letters come from ten fonts that ship with
matplotlib, scribbles are sums of sines, shapes and photos have forms of their own. What many people would read as a
digit (O, l, S, Z, g, a bolt …) is listed apart and does not count.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench import pens  # noqa: E402 - the path must be known first
from core import preprocessing, refusal, runs, settings  # noqa: E402
from core.errors import DigitLabError, ImageError, RunError  # noqa: E402
from core.refusal import judge  # noqa: E402

BAR = 0.85
FALSE = 0.01
FONTS = ("DejaVuSans", "DejaVuSerif", "DejaVuSans-Oblique", "DejaVuSansMono-Bold", "STIXGeneral")
FONTS += ("STIXGeneralItalic", "cmr10", "cmss10", "cmti10", "cmtt10")
ALIKE = "OoDQGIil|jSsZzBbgqy"
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_T = np.linspace(0, 2 * np.pi, 60)
_BOARD, _PENS = 280, (8, 14, 20)


def ring(x: float, y: float, radius: float) -> np.ndarray:
    """A circle."""
    return np.stack([x + radius * np.cos(_T), y + radius * np.sin(_T)], 1)


def _heart() -> np.ndarray:
    down = 13 * np.cos(_T) - 5 * np.cos(2 * _T) - 2 * np.cos(3 * _T) - np.cos(4 * _T)
    return np.stack([16 * np.sin(_T) ** 3, -down], 1)


_STAR = np.arange(6) * 4 * np.pi / 5 - np.pi / 2
SHAPES = {
    "triangle": [[(0, 8), (4, 0), (8, 8), (0, 8)]],
    "square": [[(0, 0), (8, 0), (8, 8), (0, 8), (0, 0)]],
    "star": [np.stack([np.cos(_STAR), np.sin(_STAR)], 1)],
    "heart": [_heart()],
    "arrow": [[(0, 4), (8, 4)], [(5, 1), (8, 4), (5, 7)]],
    "cross": [[(4, 0), (4, 8)], [(0, 4), (8, 4)]],
    "x": [[(0, 0), (8, 8)], [(8, 0), (0, 8)]],
    "smiley": [ring(0, 0, 4), ring(-1.5, -1, 0.4), ring(1.5, -1, 0.4), ring(0, 0, 2)[:30]],
    "house": [[(0, 4), (4, 0), (8, 4), (8, 9), (0, 9), (0, 4)]],
    "check mark": [[(0, 4), (3, 8), (9, 0)]],
    "flower": [ring(0, 0, 1), *(ring(2 * np.cos(a), 2 * np.sin(a), 1) for a in np.arange(5) * 2 * np.pi / 5)],
    "wave": [np.stack([2 * _T, 2 * np.sin(3 * _T)], 1)],
    "envelope": [[(0, 0), (9, 0), (9, 6), (0, 6), (0, 0), (4.5, 4), (9, 0)]],
    "bolt": [[(5, 0), (1, 5), (5, 5), (2, 10)]],
}
ALIKE_SHAPES = ("bolt",)


def received(picture: Image.Image) -> np.ndarray:
    """What a model would be given, blank where no ink is found."""
    try:
        return preprocessing.normalise(preprocessing.ink(picture))
    except ImageError:
        return np.zeros((28, 28), np.uint8)


def letters(characters: str, fonts: tuple[str, ...]) -> Iterator[tuple[str, Image.Image]]:
    """Each character in each font."""
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    for font in fonts:
        face = ImageFont.truetype(str(folder / f"{font}.ttf"), 120)
        for character in characters:
            board = Image.new("L", (_BOARD, _BOARD))
            ImageDraw.Draw(board).text((_BOARD // 2, _BOARD // 2), character, fill=255, font=face, anchor="mm")
            yield character, board


def scribbles(n: int, rng: np.random.Generator) -> Iterator[tuple[str, Image.Image]]:
    """Smooth curves: sums of four to eight sines in both directions."""
    for _ in range(n):
        waves = np.arange(1, rng.integers(5, 10))
        turns = waves[:, None] * np.linspace(0, 2 * np.pi, 400) * rng.uniform(0.7, 1)
        parts = rng.standard_normal((2, 2, len(waves))) / np.sqrt(waves)
        curve = np.stack([a @ np.sin(turns) + b @ np.cos(turns) for a, b in parts], 1)
        curve = (curve - curve.min(axis=0)) / np.ptp(curve, axis=0) * rng.uniform(120, 220, 2) + 30
        yield "curve", drawn([curve], rng)


def shapes(n: int, rng: np.random.Generator) -> Iterator[tuple[str, Image.Image]]:
    """Each shape `n` times, turned, slanted and stretched a little."""
    for name, strokes in SHAPES.items():
        for _ in range(n):
            turn, slant = rng.normal(0, 0.08), rng.normal(0, 0.1)
            hand = np.array([[np.cos(turn), np.sin(turn)], [slant - np.sin(turn), np.cos(turn)]])
            hand *= np.exp(rng.normal(0, 0.1, (1, 2)))
            moved = [np.asarray(stroke, float) @ hand for stroke in strokes]
            every = np.concatenate(moved)
            scale = 200 / np.ptp(every, axis=0).max()
            yield name, drawn([(stroke - every.min(axis=0)) * scale + 40 for stroke in moved], rng)


def drawn(strokes: list[np.ndarray], rng: np.random.Generator) -> Image.Image:
    """Strokes on the canvas with one of its pens."""
    board, width = Image.new("L", (_BOARD, _BOARD)), int(rng.choice(_PENS))
    for stroke in strokes:
        points = [(float(x), float(y)) for x, y in stroke]
        ImageDraw.Draw(board).line(points, fill=255, width=width, joint="curve")
    return board


def photos(n: int, rng: np.random.Generator) -> Iterator[tuple[str, Image.Image]]:
    """Grain, blurred grain, light that falls off along a line, and from a point."""
    for _ in range(n):
        grain = Image.fromarray(rng.integers(0, 256, (200, 200), np.uint8))
        yield "grain", grain
        yield "blurred grain", grain.filter(ImageFilter.GaussianBlur(rng.uniform(2, 12)))
        yield "gradient", Image.linear_gradient("L").rotate(rng.uniform(0, 360))
        yield "spot", Image.radial_gradient("L").crop((0, 0, *(int(side) for side in rng.integers(130, 256, 2))))


def kinds(n: int = 20) -> dict[str, list[tuple[str, np.ndarray]]]:
    """Return (name, image) of everything, by kind; the same each time. `n` says how many: each shape so many times."""
    fonts = FONTS[: n // 2]
    rng = np.random.default_rng(7)
    plain = "".join(c for c in ALPHABET if c not in ALIKE)
    figures = list(shapes(n, rng))
    made = {
        "letters": list(letters(plain, fonts)),
        "scribbles": list(scribbles(15 * n, rng)),
        "shapes": [f for f in figures if f[0] not in ALIKE_SHAPES],
        "photos": list(photos(5 * n // 2, rng)),
        "look-alikes": [*letters(ALIKE, fonts), *(f for f in figures if f[0] in ALIKE_SHAPES)],
    }
    return {kind: [(name, received(picture)) for name, picture in some] for kind, some in made.items()}


def calibrated(found: settings.Settings, run_id: str) -> refusal.Calibration:
    """Return the calibration of a run (the newest on all of MNIST), made first where there is none."""
    run = runs.load_run(found, run_id) if run_id else pens.choose(found, "")
    if not (run.path / refusal.FILE).exists():
        words = [sys.executable, "-m", "core", "calibrate", run.id]
        subprocess.run(words, cwd=ROOT, stdout=subprocess.DEVNULL, check=False)
    calibration = refusal.load(run)
    if calibration is None:
        raise RunError(f"The run {run.id} could not be calibrated.")
    return calibration


def scores(found: judge.Judge, images: np.ndarray) -> np.ndarray:
    """Return the score of each image; what has no ink is refused by that alone."""
    return np.where(images.any(axis=(1, 2)), judge.score(judge.logits(found, images)), -np.inf)


def main() -> int:
    """Print the table; 0 = the bar holds, 1 = it does not."""
    found = settings.load()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", default="", help="the run's id (the newest on all of MNIST)")
    given = parser.parse_args()
    drawings, _ = pens.load_pens(found.pens)
    judged = calibrated(found, given.run).judge
    digits = np.sort(scores(judged, np.stack([pens.ours(drawing) for drawing in drawings])))
    at_pens = float(digits[int(FALSE * len(digits))])  # exactly so many lie below it
    print(
        f"{len(digits):,} drawings of {found.pens.name if found.pens else ''}; {refusal.FILE} of a run on {found.home}"
    )
    print(f"{'refused':<14}{'images':>8}{'at 1 % of pens':>16}{'as calibrated':>15}")
    own = float((digits < judged.threshold).mean())
    print(f"{'pen digits':<14}{len(digits):>8,}{(digits < at_pens).mean():>16.3f}{own:>15.3f}")
    shares = {}
    for kind, some in kinds().items():
        names, values = np.array([name for name, _ in some]), scores(judged, np.stack([image for _, image in some]))
        shares[kind] = float((values < at_pens).mean())
        print(f"{kind:<14}{len(some):>8,}{shares[kind]:>16.3f}{(values < judged.threshold).mean():>15.3f}")
        by_name = {name: float((values[names == name] < at_pens).mean()) for name in dict.fromkeys(names)}
        lowest = [f"{name} {share:.2f}" for name, share in sorted(by_name.items(), key=lambda item: item[1])[:8]]
        print(f"{'':<4}least: {', '.join(lowest)}")
    mean = float(np.mean([share for kind, share in shares.items() if kind != "look-alikes"]))
    print(f"refuse: {mean:.3f} (bar {BAR:.2f})")
    return 0 if mean >= BAR else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DigitLabError as error:
        print(f"refuse: {error}", file=sys.stderr)
        sys.exit(2)
