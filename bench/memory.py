"""The most memory that a whole training takes, for each family, on 5,000 and on 60,000 images.

    python bench/memory.py [--small] [FAMILY …]
    python bench/memory.py --robustness          the study of each family's largest run that there is, instead

Runs `python -m core train` in a process of its own for each, with the family's own augmentation, and looks every
twentieth of a second at how much of it nobody else has and the system cannot take back (anonymous memory). Where memory
does not depend on how long it learns, few steps are enough. The figures stand in each family's `memory_mb`; the bar is
that none is exceeded. `--small`: as on a server of 512 MB, one stage after another, without augmentation.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from core import dataset, launch, models, pipeline, robustness, runs, settings  # noqa: E402 - the path must be known first

SIZES = (5000, 60_000)
LOOK_SECONDS = 0.05
FEW = {
    "mlp": {"epochs": 2},
    "logistic_regression": {"max_iter": 20},
    "hog_logistic": {"max_iter": 20},
    "cnn_small": {"epochs": 2},
    "cnn_accurate": {"epochs": 1},
}


def anonymous_mb(process: psutil.Process) -> float:
    """Return what a process and its children have for themselves, in MiB; 0 for what has ended."""
    total = 0
    try:
        family = [process, *process.children(recursive=True)]
    except psutil.Error:
        return 0.0
    for one in family:
        try:
            text = Path(f"/proc/{one.pid}/smaps_rollup").read_text()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Anonymous:"))
    return total / 1024


def watched(found: settings.Settings, words: list[str], name: str, counts: Callable[[], bool]) -> float:
    """Run a command to its end; returns its peak in MiB, for as long as it counts."""
    child = subprocess.Popen(
        words, cwd=ROOT, env=found.child_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    process, most = psutil.Process(child.pid), 0.0
    while child.poll() is None and counts():
        most = max(most, anonymous_mb(process))
        time.sleep(LOOK_SECONDS)
    _, said = child.communicate()
    if child.returncode:
        raise SystemExit(f"memory: {name} failed: {said.strip().splitlines()[-1]}")
    return most


def study_peak(found: settings.Settings, run: runs.Run) -> float:
    """Study a copy of a run from the command line; returns the peak in MiB."""
    shutil.copytree(run.path, runs.folder(found) / run.id, ignore=shutil.ignore_patterns("extra"))
    words = [sys.executable, "-m", "core", "robustness", run.id]
    return watched(found, words, f"the study of {run.id}", lambda: True)


def studies(given: settings.Settings, found: settings.Settings) -> list[str]:
    """Print a row for each family's largest run; returns those whose figure is exceeded."""
    there = [run for run in runs.list_runs(given) if run.servable and not run.card["data"]["is_sample"]]
    largest = {run.family: run for run in sorted(there, key=runs.size_of)}
    above = []
    print(f"{'run':<44}{'model MB':>9}{'peak MB':>9}{'need_mb':>9}")
    for run in largest.values():
        most, told = study_peak(found, run), robustness.need_mb(run)
        above += [run.id] if most > told else []
        print(f"{run.id:<44}{runs.size_of(run) / 1e6:>9.1f}{most:>9.0f}{told:>9.0f}", flush=True)
    return above


def peak(found: settings.Settings, family: str, size: int, level: str) -> tuple[float, float]:
    """Train one run from the command line; returns its peak in MiB and its CPU seconds of fitting."""
    words = [sys.executable, "-m", "core", "train", "--family", family, "--augmentation", level]
    words += ["--train-size", str(size)]
    for name, value in FEW.get(family, {}).items():
        words += [f"--{name.replace('_', '-')}", str(value)]
    before = len(runs.list_runs(found))
    # After the seal the tracking begins, which is another process's memory.
    most = watched(found, words, family, lambda: len(runs.list_runs(found)) == before)
    return most, runs.list_runs(found)[0].card["timings"]["fit_cpu"]


def main() -> int:
    """Print the table; 0 = no figure is exceeded, 1 = one is, 2 = there is only the sample."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("family", nargs="*", choices=[*models.CATALOGUE, []], help="only these (all)")
    parser.add_argument("--small", action="store_true", help="as on a server of 512 MB")
    parser.add_argument("--robustness", action="store_true", help="the robustness studies instead of the trainings")
    given = parser.parse_args()
    above = []
    with tempfile.TemporaryDirectory() as folder:
        memory = 512 if given.small else max(4096, settings.load().memory_mb)
        found = replace(settings.load(), home=Path(folder), memory_mb=memory, wandb_mode="disabled", wandb_api_key="")
        digits = dataset.load(found)
        print(f"data: {dataset.describe(digits)}")
        if digits.is_sample:
            return 2
        if given.robustness:
            above = studies(settings.load(), found)
            print(f"memory: {len(above)} studies above what they say (bar 0)")
            return 1 if above else 0
        print(f"{'family':<22}{'images':>8}{'learned':>9}{'peak MB':>9}{'memory_mb':>11}{'fit CPU s':>11}")
        for name in given.family or models.CATALOGUE:
            spec = models.spec(name)
            level = "none" if given.small else spec.augmentation
            for size in SIZES:
                config = pipeline.make_config(name, {}, None, level)
                rows, told = launch.learned_rows(config, size), launch.memory_mb(found, config, size)
                if given.small and told + settings.SERVER_MB > memory:
                    print(f"{name:<22}{size:>8,}{rows:>9,}{'-':>9}{told:>11.0f}   refused")
                    continue
                most, seconds = peak(found, name, size, level)
                above += [name] if most > told else []
                print(f"{name:<22}{size:>8,}{rows:>9,}{most:>9.0f}{told:>11.0f}{seconds:>11.0f}", flush=True)
    print(f"memory: {len(above)} above what its family says (bar 0)")
    return 1 if above else 0


if __name__ == "__main__":
    sys.exit(main())
