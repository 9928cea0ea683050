"""The whole depth curve from one fit, against fitting the tree again at each depth from 1 to 20.

    python bench/depth.py

Both sides learn from the same images of MNIST, 5,000 of its training images being held out to choose the depth by. CPU
time of this one process. Takes about six minutes of it.
"""

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from core import dataset, depth, models, settings  # noqa: E402 - the path must be known first

BAR = 8.0
DEPTHS = range(1, 21)
SEED = 42


def fit(params: dict[str, object], images: np.ndarray, labels: np.ndarray) -> tuple[Any, float]:
    """Fit one tree; returns it and the CPU seconds."""
    spec = models.spec("decision_tree")
    estimator = spec.build(spec.check(params))
    began = time.process_time()
    estimator.fit(images, labels)
    return estimator, time.process_time() - began


def main() -> int:
    """Print the table; 0 = the bar holds, 1 = it does not, 2 = there is only the sample."""
    digits = dataset.load(settings.load())
    print(f"data: {dataset.describe(digits)}")
    if digits.is_sample:
        return 2
    learned, held = depth.hold_out(np.arange(len(digits.y_train)), digits.y_train, depth.HELD, SEED)
    images, labels = digits.x_train[learned], np.asarray(digits.y_train[learned])
    fit({"max_depth": 1}, images[:1000], labels[:1000])  # imports are nobody's

    grown, fit_seconds = fit({"max_depth": None}, images, labels)
    began = time.process_time()
    study = depth.measure(depth.from_estimator(grown[-1]), {"criterion": "gini"}, digits, learned, held, grown=True)
    curve = depth.table(study)
    cut_seconds = time.process_time() - began
    best = depth.best_depth(study)

    refit_seconds, refit, apart = 0.0, [], []
    print(f"{'depth':>5}{'held out':>10}{'refit':>10}{'test':>10}{'refit':>10}{'fit CPU s':>11}")
    for level in DEPTHS:
        estimator, seconds = fit({"max_depth": level}, images, labels)
        began = time.process_time()
        on_held = estimator.score(digits.x_train[held], digits.y_train[held])
        on_test = estimator.score(digits.x_test, digits.y_test)
        refit_seconds += seconds + time.process_time() - began
        refit.append(on_held)
        ours = curve.loc[level]
        apart.append(100 * abs(ours["test"] - on_test))
        print(f"{level:>5}{ours['held']:>10.4f}{on_held:>10.4f}{ours['test']:>10.4f}{on_test:>10.4f}{seconds:>11.1f}")
    refit_best = int(depth.good_enough(np.array(refit), len(held)).argmax()) + 1
    ratio = refit_seconds / (fit_seconds + cut_seconds)
    print(
        f"one fit {fit_seconds:.1f} s, {study.depth} depths and {len(study.alphas)} prunings {cut_seconds:.2f} s; "
        f"{len(DEPTHS)} fits {refit_seconds:.1f} s (CPU)"
    )
    print(f"test accuracy apart by at most {max(apart[:15]):.2f} points to depth 15, {max(apart):.2f} to depth 20")
    print(f"best depth by the held-out images: {best}, by the refits {refit_best}")
    print(f"depth: {ratio:.1f} (bar {BAR:.0f})")
    return 0 if ratio >= BAR and best is not None and abs(best - refit_best) <= 1 else 1


if __name__ == "__main__":
    sys.exit(main())
