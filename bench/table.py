"""The table in README: family, test, pens, fit time, size, milliseconds; written between its two markers.

    python bench/table.py [--print]

Reads finished runs (`python bench/recipes.py` trains them) and trains what all are compared with, the plain tree of
depth 10, where there is none. The fit's time is in CPU seconds, of making variants and fitting, in plain trees.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench import pens, predict, recipes  # noqa: E402 - the path must be known first
from core import dataset, inference, models, runs, settings  # noqa: E402
from core.errors import DigitLabError, RunError  # noqa: E402

README = ROOT / "README.md"
MARKERS = ("<!-- bench -->", "<!-- /bench -->")
HEAD = ("| Family | Test | Pens | Fit time | Model, MB | One image, ms |", "|---|--:|--:|--:|--:|--:|")
_ASKED = 200


def cpu_seconds(run: runs.Run) -> float:
    """Return what a run cost before it could answer: making variants and features, and the fit."""
    timings = run.card["timings"]
    return timings["fit_cpu"] + timings.get("prepare_cpu", 0.0)


def milliseconds(session, images: np.ndarray) -> float:
    """Return the median time of one image, as the server answers it."""
    times = [predict.once(lambda i=i: inference.predict_proba(session, images[i : i + 1])) for i in range(_ASKED)]
    return 1000 * float(np.median(times))


def line(title: str, run: runs.Run, base: runs.Run, images: np.ndarray, drawings: dict | None, labels) -> str:
    """Return one row."""
    session = inference.load_session(run)
    read = "-"
    if drawings is not None:
        read = f"{np.mean([mine for _, mine in pens.table(session, drawings, labels).values()]):.3f}"
    megabytes = run.card["files"]["model.onnx"]["bytes"] / 1e6
    size = f"{megabytes:.2f}" if megabytes < 10 else f"{megabytes:.0f}"
    ratio = cpu_seconds(run) / cpu_seconds(base)
    times = f"{ratio:.1f}" if ratio < 10 else f"{ratio:.0f}"
    return (
        f"| {title} | {run.metrics['accuracy']:.4f} | {read} | {times} | {size} | {milliseconds(session, images):.2f} |"
    )


def rewritten(text: str, rows: list[str]) -> str:
    """Return a text with the rows between its two markers.

    Raises
    ------
    RunError
        If it has no such markers.
    """
    if not all(text.count(marker) == 1 for marker in MARKERS) or text.index(MARKERS[0]) > text.index(MARKERS[1]):
        raise RunError(f"README.md has no place for the table: put {MARKERS[0]} and {MARKERS[1]} there, once each.")
    before, rest = text.split(MARKERS[0])
    return "\n".join([f"{before}{MARKERS[0]}", *HEAD, *rows, f"{MARKERS[1]}{rest.split(MARKERS[1])[1]}"])


def main() -> int:
    """Write the table; 0 = done, 2 = there is only the sample."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--print", action="store_true", help="print it and leave README as it is")
    given = parser.parse_args()
    found = settings.load()
    recipes.need_mnist(found)
    if recipes.plain(found) is None:
        subprocess.run([sys.executable, "-m", "core", "train"], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    base = recipes.plain(found)
    assert base
    images = np.array(dataset.load(found).x_test[:_ASKED])
    drawings, labels = None, None
    if found.pens:
        pictures, labels = pens.load_pens(found.pens)
        drawings = pens.prepared(pictures)
    rows = [line("The exercise: decision tree, depth 10", base, base, images, drawings, labels)]
    for name, run in recipes.finished(found).items():
        rows.append(line(models.spec(name).label, run, base, images, drawings, labels))
    print("\n".join([*HEAD, *rows]))
    if not given.print:
        README.write_text(rewritten(README.read_text(encoding="utf-8"), rows), encoding="utf-8")
    missing = len(recipes.known()) - len(rows) + 1
    print(f"table: {len(rows)} rows" + (f", {missing} families have no finished run" if missing else ""))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DigitLabError as error:
        print(f"table: {error}", file=sys.stderr)
        sys.exit(2)
