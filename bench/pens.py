"""How well a run reads real pens: four variants of each drawing, beside the same run under naive resizing.

    python bench/pens.py [--run ID] [--pens FILE]

Needs the pen digits (`DIGITLAB_PENS`) and, where there is no run on it yet, all of MNIST. The bar is the depth-10
tree's: at least three times naive resizing, as drawn.
"""

import argparse
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from core import dataset, inference, preprocessing, runs, settings  # noqa: E402 - the path must be known first
from core.errors import DataError, DataNotReady, DigitLabError, ImageError, RunError  # noqa: E402

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
    """Return the run asked for, else the newest on all of MNIST, trained first where there is none.

    Raises
    ------
    DigitLabError
        If there is no such run, only the sample to train on, or the training failed; with the reason.
    """
    if run_id:
        return runs.load_run(found, run_id)
    run = newest(found)
    if run is None:
        need_mnist(found)
        words = [sys.executable, "-m", "core", "train"]
        done = subprocess.run(
            words, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
        )
        run = newest(found)
        if run is None:
            said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            raise RunError(f"There is no run on all of MNIST, and training one failed: {said[-1]}")
    return run


def newest(found: settings.Settings) -> runs.Run | None:
    """Return the newest run that can be served and was trained on more than the sample, or None."""
    able = (run for run in runs.list_runs(found) if run.servable and not run.card["data"]["is_sample"])
    return next(able, None)


def need_mnist(found: settings.Settings) -> None:
    """Refuse to train on the sample: it would leave a run that this bench cannot use."""
    try:
        is_sample = dataset.load(found).is_sample
    except DataNotReady:
        is_sample = True
    if is_sample:
        raise DataError("There is only the small sample; get all of MNIST first: python -m core data")


def load_pens(path: Path | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the drawings and their labels.

    Raises
    ------
    DataError
        If there is no such file, or it does not hold both.
    """
    if not path or not path.is_file():
        raise DataError(f"there is no file of pen digits ({path}); name one with --pens.")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return arrays["images"], arrays["labels"]
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} is no .npz with images and labels: {error}") from error


def main() -> int:
    """Print the table; 0 = the bar holds, 1 = it does not."""
    found = settings.load()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", default="", help="the run's id (the newest on all of MNIST)")
    parser.add_argument("--pens", type=Path, default=found.pens, help="an .npz with images and labels (DIGITLAB_PENS)")
    given = parser.parse_args()
    drawings, labels = load_pens(given.pens)
    run = choose(found, given.run)
    session = inference.load_session(run)
    rows = table(session, drawings, labels)
    print(f"{len(labels):,} drawings of {given.pens.name}; {run.id}, trained on {run.card['data']['title']}")
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
    try:
        sys.exit(main())
    except DigitLabError as error:
        print(f"pens: {error}", file=sys.stderr)
        sys.exit(2)
