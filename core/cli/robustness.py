"""`python -m core robustness`: how a run reads images that were moved, turned, scaled, thickened or made noisy."""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from core import settings, worker
from core.cli import jobwork


def command(found: settings.Settings, argv: Sequence[str]) -> int:
    """Measure a run under each change and print the curves; returns the exit code."""
    from core import robustness, runs

    words = "Change test images in steps and see how many are still read."
    parser = argparse.ArgumentParser(prog="python -m core robustness", description=words)
    parser.add_argument("run", nargs="?", default="", help="the id of a run (the newest)")
    given = parser.parse_args(argv)
    run = jobwork.chosen(found, given.run, runs.list_runs(found), jobwork.NO_RUN)
    code = jobwork.run(found, robustness.submit(found, run), work)
    study = None if code else robustness.load(run)
    if study is None:
        return code or 1
    for name, change in robustness.CHANGES.items():
        print(change.axis)
        print("  level     " + " ".join(f"{level:7g}" for level in study.levels[name]))
        for way, line in robustness.lines(study, name).items():
            print(f"  {way[:9]:9} " + " ".join(f"{one.value:7.1%}" for one in line))
        print(f"  {robustness.describe(study, name)}")
    print(f"\nkept      {run.path / robustness.FILE}")
    return 0


def work(found: settings.Settings, job_id: str, config: Mapping[str, Any], emit: worker.Emit) -> None:
    """Study one run, as a job."""
    from core import robustness

    robustness.work(found, job_id, config, emit)
