"""`python -m core sweep`: search for better parameters, and make a run of the winner."""

import argparse
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from core import jobs, settings, worker
from core.cli import jobwork

STAGES = ("find", "fit", "finish")


def command(found: settings.Settings, argv: Sequence[str]) -> int:
    """Search for better parameters and print the trials; returns the exit code."""
    from core import metrics, models, pipeline, runs, sweep, trials

    spec, given = _parse(argv, list(models.CATALOGUE), list(trials.METRICS), sweep.MAX_TRIALS)
    fixed = {name: sweep.value(spec, name, text) for name, text in map(_pair, given.set)}
    config = pipeline.make_config(spec.name, fixed, None, given.augmentation)
    how, texts = "random" if given.random else "grid", dict(map(_pair, given.grid))
    wanted = sweep.make_config(config, texts, how, given.trials, given.metric, given.train_size)
    if wanted["one_fit"]:
        print(sweep.describe(wanted["one_fit"]))
    runs.sweep(found)
    sweep_id = sweep.submit(found, wanted)
    code = jobwork.run(found, sweep_id, work)
    ended = trials.load(found, sweep_id)
    print(trials.table(ended).drop(columns="best").round(4).to_string())
    if code or ended.best is None:
        return code or 1
    run = runs.load_run(found, sweep_id)
    accuracy = metrics.accuracy(runs.load_evaluation(run).confusion_matrix)
    print(f"\nbest     {ended.searched(ended.best)}: {ended.metric.label} {ended.metric.say(ended.score(ended.best))}")
    print(f"test     accuracy {accuracy:.4f}, trained on all images\nrun      {run.path}")
    words = [sys.executable, "-m", "core", "track"]
    subprocess.run([*words, "--sweep", sweep_id], cwd=settings.ROOT, check=False)
    return subprocess.run([*words, sweep_id], cwd=settings.ROOT, check=False).returncode


def _parse(argv: Sequence[str], families: list[str], metrics: list[str], most: int) -> tuple[Any, argparse.Namespace]:
    from core import augmentation, models

    parser = argparse.ArgumentParser(prog="python -m core sweep", description="Search for better parameters.")
    parser.add_argument("--family", default=models.DEFAULT, choices=families, help="the model family")
    parser.add_argument(
        "--grid",
        action="append",
        required=True,
        metavar="NAME=VALUES",
        help="search this parameter: values with commas between, or a range such as 5..20; may be given several times",
    )
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter for all trials")
    parser.add_argument(
        "--augmentation",
        choices=augmentation.LEVELS,
        help="variants as other hands write (the family's own)",
    )
    parser.add_argument("--random", action="store_true", help="draw the trials by chance instead of trying them all")
    parser.add_argument("--trials", type=int, default=20, metavar="N", help=f"at most so many, up to {most} (20)")
    parser.add_argument(
        "--metric", default=metrics[0], choices=metrics, help=f"what the best is best at ({metrics[0]})"
    )
    parser.add_argument("--train-size", type=int, metavar="N", help="number of training images in a trial (all)")
    given = parser.parse_args(argv)
    return models.spec(given.family), given


def _pair(word: str) -> tuple[str, str]:
    from core.errors import ModelError

    name, equals, text = word.partition("=")
    if not equals:
        raise ModelError(f"{word!r} has no value; write it as NAME=VALUES.")
    return name.strip().replace("-", "_"), text


def work(found: settings.Settings, job_id: str, config: Mapping[str, Any], emit: worker.Emit) -> None:
    """Search and train the winner, as a job."""
    if found.small:
        # What one stage took from the system is given back before the next one begins.
        for stage in STAGES:
            worker.run_stage(["sweep-stage", stage, job_id], jobs.folder(found, job_id) / "log.txt")
        return
    from core import sweep

    sweep.work(found, job_id, emit)


def stage(found: settings.Settings, argv: Sequence[str]) -> int:
    """Do one part of a sweep for `work`: `python -m core sweep-stage find | fit | finish JOB`."""
    name, job_id = argv
    worker.end_with_parent()
    emit = worker.reporter(found, job_id)

    def do() -> None:
        from core import pipeline, sweep

        if name == "find":
            sweep.find(found, job_id, emit)
        elif name == "fit":
            pipeline.fit(found, job_id, sweep.winner(found, job_id), emit)
        else:
            sweep.finish(found, job_id, emit)

    why = jobwork.failure(do)
    print(why)
    return 1 if why else 0
