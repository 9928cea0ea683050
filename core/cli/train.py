"""`python -m core train`: fit, export and log one run; below 1 GB each in a process of its own, one after another."""

import argparse
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from core import jobs, settings, worker
from core.cli import jobwork

STAGES = ("fit", "finish")


def command(found: settings.Settings, argv: Sequence[str]) -> int:
    """Train one run and print its report; returns the exit code."""
    from core import augmentation, launch, metrics, models, mydigits, pipeline, runs

    first = argparse.ArgumentParser(prog="python -m core train", add_help=False)
    names = list(models.CATALOGUE)
    first.add_argument("--family", "--model", choices=names, help=f"the model family (the exercise's {models.DEFAULT})")
    family = first.parse_known_args(argv)[0].family
    spec = models.spec(family or models.DEFAULT)
    # Without a word about the family it is the exercise's own tree, which saw MNIST and nothing else.
    level = spec.augmentation if family else "none"
    parser = argparse.ArgumentParser(prog="python -m core train", parents=[first], description=spec.summary)
    parser.add_argument("--train-size", type=int, default=None, metavar="N", help="number of training images (all)")
    words = f"other hands' and other pens' variants of the training images ({level})"
    parser.add_argument("--augmentation", choices=augmentation.LEVELS, default=level, help=words)
    words = "learn from My digits too: as they are now, or a set that was kept, by the first 12 digits of its sha256"
    parser.add_argument("--my-digits", nargs="?", const="", metavar="SHA256", help=words)
    for p in spec.parameters:
        shown = p.none if p.default is None else p.default
        kind = {"int": int, "float": float, "choice": str}[p.kind]
        convert = _none_or(kind) if p.none else kind
        words = f"{p.help} ({shown})".replace("%", "%%")
        parser.add_argument(f"--{p.name.replace('_', '-')}", type=convert, default=p.default, help=words, dest=p.name)
    given = vars(parser.parse_args(argv))
    params = {p.name: given[p.name] for p in spec.parameters}
    runs.sweep(found)
    config = pipeline.make_config(spec.name, params, given["train_size"], given["augmentation"])
    if (named := given["my_digits"]) is not None:
        config["my_digits"] = mydigits.kept_set(found, named) if named else mydigits.make_set(found)
    run_id = launch.submit(found, config)
    code = jobwork.run(found, run_id, work)
    if code:
        return code
    run = runs.load_run(found, run_id)
    frame = metrics.report(runs.load_evaluation(run))
    print(f"accuracy {run.metrics['accuracy']:.4f}\n\n{frame.drop(columns='predicted').round(2).to_string()}\n")
    print(f"run      {run.path}")
    return subprocess.run([sys.executable, "-m", "core", "track", run_id], cwd=settings.ROOT, check=False).returncode


def _none_or(kind: type) -> Callable[[str], Any]:
    def convert(text: str) -> Any:
        return None if text.lower() in ("none", "") else kind(text)

    convert.__name__ = f"{kind.__name__} or none"
    return convert


def work(found: settings.Settings, job_id: str, config: Mapping[str, Any], emit: worker.Emit) -> None:
    """Make a run, as a job."""
    if found.small:
        # What one stage took from the system is given back before the next one begins.
        for stage in STAGES:
            worker.run_stage(["stage", stage, job_id], jobs.folder(found, job_id) / "log.txt")
        return
    from core import pipeline, refusal

    pipeline.train(found, job_id, config, emit)
    refusal.follow_up(found, job_id)


def stage(found: settings.Settings, argv: Sequence[str]) -> int:
    """Do one half of a training for `work`: `python -m core stage fit | finish JOB`."""
    name, job_id = argv
    worker.end_with_parent()
    emit = worker.reporter(found, job_id)

    def do() -> None:
        from core import pipeline, refusal

        if name == "fit":
            pipeline.fit(found, job_id, jobs.read_config(found, job_id)["config"], emit)
        else:
            pipeline.finish(found, job_id, emit)
            refusal.follow_up(found, job_id)

    why = jobwork.failure(do)
    print(why)
    return 1 if why else 0
