"""How fast a run answers: ONNX Runtime as the server uses it, against the model's own file in its own library.

    python bench/predict.py

The newest run of each family is asked: one image by itself and batches up to 10,000, the median of one image and the
best of a batch (wall time). The two take turns after every few calls, not after each: the server has ONNX Runtime alone
in its process, and the other library's threads go on for a moment after an answer. The feature step, where a family has
one, counts on both sides. What the export costs is listed beside it. The bar: at one image 5 times as fast, for
forests and CNNs.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from core import dataset, export, inference, models, runs, settings, training  # noqa: E402 - the path comes first

BAR = 5.0
BATCHES = (1, 10, 100, 1000, 10_000)
SECONDS = 2.0  # for the repetitions of one size, as far as they fit
TURN = 20
MANY = {1: 200, 10: 50, 100: 20, 1000: 5, 10_000: 2}


def barred(family: str) -> bool:
    """Whether the bar counts for a family."""
    return "forest" in family or "trees" in family or family.startswith("cnn")


def newest(found: settings.Settings) -> dict[str, runs.Run]:
    """Return the newest servable run of each family, in the catalogue's order."""
    there = [run for run in runs.list_runs(found) if run.servable]
    first = {name: next((run for run in there if run.family == name), None) for name in models.CATALOGUE}
    return {name: run for name, run in first.items() if run}


def once(ask: Callable[[], object]) -> float:
    """Return the seconds that one call takes."""
    began = time.perf_counter()
    ask()
    return time.perf_counter() - began


def duel(served: Callable[[], object], own: Callable[[], object], size: int) -> tuple[float, float]:
    """Return the seconds of a call, (served, own), asked in turn, after one each to warm up."""
    times: tuple[list[float], list[float]] = ([], [])
    in_turn, end = min(TURN, MANY[size]), time.perf_counter() + SECONDS
    while len(times[1]) < MANY[size] and (not times[1] or time.perf_counter() < end):
        for found, ask in zip(times, (served, own), strict=True):
            ask()
            found += [once(ask) for _ in range(in_turn)]
    served_seconds, own_seconds = (float(np.median(found) if size == 1 else min(found)) for found in times)
    return served_seconds, own_seconds


def original(run: runs.Run) -> training.FittedModel:
    """Open the file for people, as it was sealed."""
    runs.verified(run, run.model_file)
    return export.load_model(run.path, models.spec(run.family), run.config["params"])


def measure(run: runs.Run, images: np.ndarray) -> tuple[list[tuple[float, float]], float]:
    """Return the seconds of each batch, (served, own), and those that writing `model.onnx` takes."""
    session, model = inference.load_session(run), original(run)
    rows = []
    for size in BATCHES:
        some = np.array(images[:size])
        rows.append(
            duel(
                lambda some=some: inference.predict_proba(session, some),
                lambda some=some: training.predict_proba(model, some),
                size,
            )
        )
    with tempfile.TemporaryDirectory() as folder:
        return rows, once(lambda: export.save_onnx(model, Path(folder)))


def main() -> int:
    """Print the table; 0 = the bar holds, 1 = it does not, 2 = there is no run of a forest or a CNN."""
    found = settings.load()
    images = np.resize(dataset.load(found).x_test, (BATCHES[-1], 28, 28))
    worst = float("inf")
    print(f"{'':<22}{'ms, ONNX Runtime / own library, by images at once':^76}{'export':>9}{'ONNX':>8}{'own':>8}")
    print(f"{'family':<22}" + "".join(f"{size:>15,}" for size in BATCHES) + f"{'one':>7}{'s':>9}{'MB':>6}{'MB':>8}")
    for name, run in newest(found).items():
        rows, seconds = measure(run, images)
        ratio = rows[0][1] / rows[0][0]
        worst = min(worst, ratio) if barred(name) else worst
        cells = "".join(f"{1000 * served:>8.2f}/{1000 * own:<6.4g}" for served, own in rows)
        sizes = [run.card["files"][file]["bytes"] / 1e6 for file in ("model.onnx", run.model_file)]
        print(f"{name:<22}{cells}{ratio:>6.1f}x{seconds:>9.2f}{sizes[0]:>7.2f}{sizes[1]:>8.2f}", flush=True)
    if worst == float("inf"):
        print("There is no run of a forest or a CNN yet: python bench/recipes.py")
        return 2
    print(f"predict: {worst:.1f} (bar {BAR:.0f})")
    return 0 if worst >= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
