"""How well runs read real pens: the mean over four variants of each drawing, beside naive resizing.

    python bench/pens.py [--pens FILE]               each recipe's finished run against its bar (bench/recipes.py)
    python bench/pens.py --run [ID] [--pens FILE]    one run, variant by variant; no ID: the exercise's tree

Needs the pen digits (`DIGITLAB_PENS`) and, for `--run` where there is no such run yet, all of MNIST. The bar of one run
is the exercise's tree's: at least three times naive resizing, as drawn. What reads naive drawings well misses it.
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

from bench import recipes  # noqa: E402 - the path must be known first
from core import inference, preprocessing, runs, settings  # noqa: E402
from core.errors import DataError, DigitLabError, ImageError, RunError  # noqa: E402

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


def prepared(drawings: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return each variant of the drawings as (naive, ours), (n, 28, 28) uint8 each."""
    found = {}
    for name, change in VARIANTS.items():
        changed = [change(drawing) for drawing in drawings]
        found[name] = tuple(np.stack([read(drawing) for drawing in changed]) for read in (preprocessing.resized, ours))
    return found


def table(
    session, images: dict[str, tuple[np.ndarray, np.ndarray]], labels: np.ndarray
) -> dict[str, tuple[float, float]]:
    """Return the shares that are read right, (naive, ours), for each variant."""

    def score(these: np.ndarray) -> float:
        return float((inference.predict_proba(session, these).argmax(axis=1) == labels).mean())

    return {name: (score(naive), score(mine)) for name, (naive, mine) in images.items()}


def choose(
    found: settings.Settings, run_id: str, find: Callable[[settings.Settings], runs.Run | None] | None = None
) -> runs.Run:
    """Return the run asked for, else the one that `find` finds, a plain tree being trained first where there is none.

    Parameters
    ----------
    find : settings -> run or None
        None = `newest`.

    Raises
    ------
    DigitLabError
        If there is no such run, only the sample to train on, or the training failed; with the reason.
    """
    if run_id:
        return runs.load_run(found, run_id)
    find = find or newest
    run = find(found)
    if run is None:
        recipes.need_mnist(found)
        words = [sys.executable, "-m", "core", "train"]
        done = subprocess.run(
            words, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
        )
        run = find(found)
        if run is None:
            said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            raise RunError(f"There is no run on all of MNIST, and training one failed: {said[-1]}")
    return run


def newest(found: settings.Settings) -> runs.Run | None:
    """Return the newest run that can be served and was trained on more than the sample, or None."""
    able = (run for run in runs.list_runs(found) if run.servable and not run.card["data"]["is_sample"])
    return next(able, None)


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


def one_run(run: runs.Run, drawings: np.ndarray, labels: np.ndarray) -> int:
    """Print one run's table; 0 = it reads three times as well as by naive resizing, 1 = it does not."""
    rows = table(inference.load_session(run), prepared(drawings), labels)
    print(f"{'variant':<10}{'naive':>8}{'ours':>8}")
    for name, (naive, mine) in rows.items():
        print(f"{name:<10}{naive:>8.3f}{mine:>8.3f}")
    mean = np.mean([mine for _, mine in rows.values()])
    naive, mine = rows["as drawn"]
    ratio = mine / naive if naive else float("inf")
    print(f"{'mean':<10}{'':>8}{mean:>8.3f}")
    print(f"pens: {ratio:.2f} times naive resizing, as drawn (bar {BAR:.1f})")
    return 0 if ratio >= BAR else 1


def all_recipes(found: settings.Settings, drawings: np.ndarray, labels: np.ndarray) -> int:
    """Print each recipe's run against its bar; 0 = all bars hold, 1 = one does not or its run is not there."""
    made, images = recipes.finished(found), prepared(drawings)
    print(f"{'family':<20}{'mean':>7}{'naive':>7}" + "".join(f"{name:>10}" for name in VARIANTS) + "   bar")
    held = 0
    for recipe in recipes.known():
        run = made.get(recipe.family)
        if run is None:
            print(f"{recipe.family:<20}no run yet: python bench/recipes.py {recipe.family}")
            continue
        rows = table(inference.load_session(run), images, labels)
        naive, mean = np.mean(list(rows.values()), axis=0)
        reached = recipe.bar is not None and mean >= recipe.bar.pens
        held += reached
        said = f"{recipe.bar.pens}: {'yes' if reached else 'NO'}" if recipe.bar else "-"
        each = "".join(f"{mine:>10.3f}" for _, mine in rows.values())
        print(f"{recipe.family:<20}{mean:>7.3f}{naive:>7.3f}{each}   {said}")
    bars = sum(recipe.bar is not None for recipe in recipes.RECIPES)
    print(f"pens: {held} of {bars} reached (bar {bars})")
    return 0 if held == bars else 1


def main() -> int:
    """Print what was asked for; 0 = the bar holds, 1 = it does not."""
    found = settings.load()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", nargs="?", const="", help="one run's id (the exercise's tree)")
    parser.add_argument("--pens", type=Path, default=found.pens, help="an .npz with images and labels (DIGITLAB_PENS)")
    given = parser.parse_args()
    drawings, labels = load_pens(given.pens)
    run = None if given.run is None else choose(found, given.run, recipes.plain)
    about = f"; {run.id}, trained on {run.card['data']['title']}" if run else ""
    print(f"{len(labels):,} drawings of {given.pens.name}{about}")
    return one_run(run, drawings, labels) if run else all_recipes(found, drawings, labels)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DigitLabError as error:
        print(f"pens: {error}", file=sys.stderr)
        sys.exit(2)
