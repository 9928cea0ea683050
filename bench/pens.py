"""How well a run reads real pens: four variants of each drawing, beside the same run under naive resizing.

    python bench/pens.py [--run ID] [--pens FILE]

Needs the pen digits (`DIGITLAB_PENS`) and, where there is no run on it yet, all of MNIST. The bar is the depth-10
tree's: at least three times naive resizing, as drawn.
"""

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from core import inference, preprocessing, runs, settings  # noqa: E402 - the path must be known first
from core.errors import DigitLabError, ImageError  # noqa: E402

BAR = 3.0


def inverted(drawing: np.ndarray) -> np.ndarray:
    """Black ink on white paper."""
    return 255 - drawing


def thinned(drawing: np.ndarray) -> np.ndarray:
    """A thin pen: three passes of a 3x3 minimum."""
    image = Image.fromarray(drawing)
    for _ in range(3):
        image = image.filter(ImageFilter.MinFilter(3))
    return np.asarray(image)


def cornered(drawing: np.ndarray) -> np.ndarray:
    """Small, in the upper left corner."""
    board = Image.new("L", (280, 280))
    board.paste(Image.fromarray(drawing).resize((120, 120), Image.Resampling.BOX), (4, 4))
    return np.asarray(board)


VARIANTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "as drawn": np.asarray,
    "inverted": inverted,
    "thinned": thinned,
    "corner": cornered,
}


def ours(drawing: np.ndarray) -> np.ndarray:
    """The way of canvas, uploads and API; blank where no ink is found."""
    try:
        return preprocessing.normalise(preprocessing.ink(Image.fromarray(drawing)))
    except ImageError:
        return np.zeros((28, 28), np.uint8)


def score(session, drawings: np.ndarray, labels: np.ndarray, read: Callable[[np.ndarray], np.ndarray]) -> float:
    """Return the share of drawings that are read right after `read` made 28x28 of them."""
    images = np.stack([read(drawing) for drawing in drawings])
    return float((inference.predict_proba(session, images).argmax(axis=1) == labels).mean())


def table(session, drawings: np.ndarray, labels: np.ndarray) -> dict[str, tuple[float, float]]:
    """Return (naive, ours) for each variant."""
    found = {}
    for name, change in VARIANTS.items():
        changed = np.stack([change(drawing) for drawing in drawings])
        found[name] = tuple(score(session, changed, labels, read) for read in (preprocessing.resized, ours))
    return found


def choose(found: settings.Settings, run_id: str) -> runs.Run:
    """Return the run asked for, else the newest on all of MNIST, trained first where there is none."""
    if run_id:
        return runs.load_run(found, run_id)
    for attempt in range(2):
        for run in runs.list_runs(found):
            if run.servable and not run.card["data"]["is_sample"]:
                return run
        if attempt == 0:
            subprocess.run([sys.executable, "-m", "core", "train"], cwd=ROOT, stdout=subprocess.DEVNULL, check=False)
    print("pens: there is only the small sample; get all of MNIST first: python -m core data", file=sys.stderr)
    sys.exit(2)


def main() -> int:
    """Print the table; 0 = the bar holds, 1 = it does not, 2 = something is missing."""
    found = settings.load()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", default="", help="the run's id (the newest on all of MNIST)")
    parser.add_argument("--pens", type=Path, default=found.pens, help="an .npz with images and labels (DIGITLAB_PENS)")
    given = parser.parse_args()
    if not given.pens or not given.pens.is_file():
        print(f"pens: there is no file of pen digits ({given.pens}); name one with --pens.", file=sys.stderr)
        return 2
    try:
        run = choose(found, given.run)
        session = inference.load_session(run)
    except DigitLabError as error:
        print(f"pens: {error}", file=sys.stderr)
        return 2
    with np.load(given.pens, allow_pickle=False) as arrays:
        rows = table(session, arrays["images"], arrays["labels"])
        count = len(arrays["labels"])
    print(f"{count:,} drawings of {given.pens.name}; {run.id}, trained on {run.card['data']['title']}")
    print(f"{'variant':<10}{'naive':>8}{'ours':>8}")
    for name, (naive, mine) in rows.items():
        print(f"{name:<10}{naive:>8.3f}{mine:>8.3f}")
    mean = np.mean([mine for _, mine in rows.values()])
    naive, mine = rows["as drawn"]
    ratio = mine / naive if naive else float("inf")
    print(f"{'mean':<10}{'':>8}{mean:>8.3f}")
    print(f"pens: {ratio:.2f} times naive resizing, as drawn (bar {BAR:.1f})")
    return 0 if ratio >= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
