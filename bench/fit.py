"""What our training costs beyond the fit: `python -m core train` against the bare `clf.fit` of the same tree.

    python bench/fit.py

Each in a process of its own, one after the other, on the same arrays; CPU time of the fit alone, after imports. What
the imports and the tracking cost is listed beside it.
"""

import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from core import dataset, runs, settings  # noqa: E402 - the path must be known first

BAR = 1.25
ROUNDS = 2
_BARE = """
import json, sys, time
began = time.process_time()
import numpy as np
from sklearn.tree import DecisionTreeClassifier
imports = time.process_time() - began
x, y = (np.load(f"{sys.argv[1]}/{name}_train.npy", mmap_mode="r") for name in "xy")
clf = DecisionTreeClassifier(max_depth=10, random_state=42)
x = np.reshape(x, (-1, 784))
began = time.process_time()
clf.fit(x, y)
print(json.dumps({"fit": time.process_time() - began, "imports": imports}))
"""


def children_cpu() -> float:
    """Return the CPU seconds of all child processes that have ended."""
    times = psutil.Process().cpu_times()
    return times.children_user + times.children_system


def run(words: list[str], env: dict[str, str]) -> tuple[str, float]:
    """Run one process; returns what it printed and its CPU seconds, its children's too."""
    before = children_cpu()
    done = subprocess.run([sys.executable, *words], cwd=ROOT, env=env, check=True, capture_output=True, text=True)
    return done.stdout, children_cpu() - before


def main() -> int:
    """Print the table; 0 = the bar holds, 1 = it does not, 2 = there is only the sample."""
    with tempfile.TemporaryDirectory() as folder:
        found = replace(settings.load(), home=Path(folder))
        digits = dataset.load(found)
        print(f"data: {dataset.describe(digits)}")
        if digits.is_sample:
            return 2
        env = found.child_environment()
        arrays = str(found.home / "data" / digits.sha256[:12])
        ours, bare, imports = [], [], []
        for _ in range(ROUNDS):
            said = json.loads(run(["-c", _BARE, arrays], env)[0])
            bare.append(said["fit"])
            imports.append(said["imports"])
            _, whole = run(["-m", "core", "train"], env)
            trained = runs.list_runs(found)[0]
            ours.append(trained.card["timings"]["fit_cpu"])
        _, tracking = run(["-m", "core", "track", "--offline", trained.id], env)
    ratio = min(ours) / min(bare)
    for name, seconds in (
        ("fit, python -m core train", min(ours)),
        ("fit, bare clf.fit", min(bare)),
        ("imports of scikit-learn", min(imports)),
        ("logging to W&B, offline", tracking),
        ("the whole command, all of it", whole),
    ):
        print(f"{name:<32}{seconds:8.2f} CPU s")
    print(f"fit: {ratio:.2f} (bar {BAR:.2f})")
    return 0 if ratio <= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
