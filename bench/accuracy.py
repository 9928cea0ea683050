"""Test accuracy, fitting time and size of each family's run, read from the cards of finished runs.

    python bench/accuracy.py

`python bench/recipes.py` trains them. A bar counts by the same run as in bench/pens.py.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench import recipes  # noqa: E402 - the path must be known first
from core import dataset, runs, settings  # noqa: E402
from core.errors import DigitLabError  # noqa: E402


def megabytes(run: runs.Run, name: str) -> float:
    """Return the size of the file whose name begins so, 0 where there is none."""
    return sum(file["bytes"] for path, file in run.card["files"].items() if path.startswith(name)) / 1e6


def reached(recipe: recipes.Recipe, run: runs.Run | None) -> bool:
    """Whether a recipe's run has the accuracy that it must have, in the time that it may take."""
    if run is None or recipe.bar is None:
        return False
    in_time = run.card["timings"]["fit_cpu"] <= recipe.bar.cpu_seconds
    return run.metrics["accuracy"] >= recipe.bar.accuracy and in_time


def line(recipe: recipes.Recipe, run: runs.Run | None) -> str:
    """Return one family's row."""
    if run is None:
        return f"{recipe.family:<20}no run yet: python bench/recipes.py {recipe.family}"
    row = (
        f"{recipe.family:<20}{run.config['augmentation']:>7}{run.metrics['accuracy']:>9.4f}"
        f"{run.card['timings']['fit_cpu']:>11.0f}{megabytes(run, 'model.onnx'):>9.2f}"
        f"{megabytes(run, 'model.joblib') + megabytes(run, 'model.keras'):>10.2f}"
    )
    if recipe.bar is None:
        return f"{row}   -"
    limit = "" if recipe.bar.cpu_seconds == float("inf") else f" in {recipe.bar.cpu_seconds:.0f} s"
    return f"{row}   {recipe.bar.accuracy}{limit}: {'yes' if reached(recipe, run) else 'NO'}"


def main() -> int:
    """Print the table; 0 = all bars hold, 1 = one does not, 2 = there is only the sample."""
    found = settings.load()
    made = recipes.finished(found)
    if not made:
        digits = dataset.load(found)
        print(f"data: {dataset.describe(digits)}")
        if digits.is_sample:
            return 2
    print(f"{'family':<20}{'level':>7}{'test':>9}{'fit CPU s':>11}{'ONNX MB':>9}{'model MB':>10}   bar")
    for recipe in recipes.known():
        print(line(recipe, made.get(recipe.family)))
    barred = [recipe for recipe in recipes.RECIPES if recipe.bar]
    held = sum(reached(recipe, made.get(recipe.family)) for recipe in barred)
    print(f"accuracy: {held} of {len(barred)} reached (bar {len(barred)})")
    return 0 if held == len(barred) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DigitLabError as error:
        print(f"accuracy: {error}", file=sys.stderr)
        sys.exit(2)
