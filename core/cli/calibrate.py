"""`python -m core calibrate`: sets of digits with a guarantee, and the refusal of what is no digit."""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from core import settings, worker
from core.cli import jobwork


def command(found: settings.Settings, argv: Sequence[str]) -> int:
    """Calibrate a run and print what its sets and its refusal achieve; returns the exit code."""
    from core import refusal, runs

    parser = argparse.ArgumentParser(prog="python -m core calibrate", description="Calibrate a run's sets and refusal.")
    parser.add_argument("run", nargs="?", default="", help="the id of a run (the newest)")
    given = parser.parse_args(argv)
    run = jobwork.chosen(found, given.run, runs.list_runs(found), jobwork.NO_RUN)
    code = jobwork.run(found, refusal.submit(found, run), work)
    calibration = None if code else refusal.load(run)
    if calibration is None:
        return code or 1
    words = [*(refusal.describe(calibration, level) for level in (0.8, 0.9, 0.95, 0.99))]
    words.append(refusal.describe_refusal(calibration))
    print("\n\n".join(words).replace("**", ""))
    print(f"\nkept      {run.path / refusal.FILE}")
    return 0


def work(found: settings.Settings, job_id: str, config: Mapping[str, Any], emit: worker.Emit) -> None:
    """Calibrate one run, as a job."""
    from core import refusal

    refusal.work(found, job_id, config, emit)
