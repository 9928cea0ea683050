"""`python -m core depth`: one tree at every depth, from one fit."""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from core import settings, worker
from core.cli import jobwork


def command(found: settings.Settings, argv: Sequence[str]) -> int:
    """Study a tree at every depth and print the table; returns the exit code."""
    from core import depth, runs

    parser = argparse.ArgumentParser(prog="python -m core depth", description="Study a tree at every depth.")
    parser.add_argument("run", nargs="?", default="", help="the id of a run that is a decision tree (the newest)")
    given = parser.parse_args(argv)
    trees = [run for run in runs.list_runs(found) if depth.has_tree(run)]
    run = jobwork.chosen(
        found, given.run, trees, "There is no decision tree yet. Train one first: python -m core train"
    )
    code = jobwork.run(found, depth.submit(found, run), work)
    study = None if code else depth.load(run)
    if study is None:
        return code or 1
    print(depth.table(study).round(4).to_string())
    print(f"\n{depth.describe(study)}\n\nkept      {run.path / depth.FILE}".replace("**", ""))
    return 0


def work(found: settings.Settings, job_id: str, config: Mapping[str, Any], emit: worker.Emit) -> None:
    """Study one run, as a job."""
    from core import depth

    depth.work(found, job_id, config, emit)
