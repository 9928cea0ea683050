"""The command line: `python -m core train | predict | data | track`. Each is also what a job runs (`--job ID`).

Heavy imports stand inside the commands: a queued job waits for its turn in a few megabytes.
"""

import argparse
import io
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from core import jobs, settings, worker
from core.errors import DigitLabError

WAIT_SECONDS = 0.5


def main(argv: Sequence[str]) -> int:
    """Run one command; returns the exit code: 0 = done, 1 = failed, 2 = not understood."""
    if len(argv) < 1 or argv[0] not in COMMANDS:
        print(f"usage: python -m core {{{' | '.join(COMMANDS)}}} …   (add --help to each)", file=sys.stderr)
        return 2
    command, work = COMMANDS[argv[0]]
    try:
        found = settings.load()
        if work and len(argv) == 3 and argv[1] == "--job":
            return run_job(found, argv[2], work)
        return command(found, argv[1:])
    except DigitLabError as error:
        print(error, file=sys.stderr)
        return 1


Work = Callable[[settings.Settings, str, Mapping[str, Any], worker.Emit], None]


def run_job(found: settings.Settings, job_id: str, work: Work) -> int:
    """Do a job's work under its lock and say in its events how it ended."""
    config = jobs.load_job(found, job_id).config
    with worker.running(found, job_id) as emit:
        try:
            work(found, job_id, config, emit)
        except DigitLabError as error:
            return _failed(emit, str(error))
        except MemoryError:
            return _failed(emit, "There was not enough memory. Train on fewer images, or on a larger machine.")
        except Exception as error:  # the child's top level: whatever it is, the page must be told
            traceback.print_exc()
            return _failed(emit, f"{type(error).__name__}: {error}")
        emit("done")
    return 0


def _failed(emit: worker.Emit, message: str) -> int:
    print(message, file=sys.stderr)
    emit("failed", message=message)
    return 1


def _train(found: settings.Settings, argv: Sequence[str]) -> int:
    from core import metrics, models, pipeline, runs

    first = argparse.ArgumentParser(prog="python -m core train", add_help=False)
    first.add_argument("--model", default=models.DEFAULT, choices=list(models.CATALOGUE), help="the model family")
    spec = models.spec(first.parse_known_args(argv)[0].model)
    parser = argparse.ArgumentParser(prog="python -m core train", parents=[first], description=spec.summary)
    parser.add_argument("--train-size", type=int, default=None, metavar="N", help="number of training images (all)")
    for p in spec.parameters:
        shown = p.none if p.default is None else p.default
        kind = {"int": int, "float": float, "choice": str}[p.kind]
        convert = _none_or(kind) if p.none else kind
        words = f"{p.help} ({shown})".replace("%", "%%")
        parser.add_argument(f"--{p.name.replace('_', '-')}", type=convert, default=p.default, help=words, dest=p.name)
    given = vars(parser.parse_args(argv))
    params = {p.name: given[p.name] for p in spec.parameters}
    runs.sweep(found)
    run_id = pipeline.submit(found, pipeline.make_config(spec.name, params, given["train_size"]))
    code = run_job(found, run_id, _train_job)
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


def _train_job(found: settings.Settings, job_id: str, config: Mapping[str, Any], emit: worker.Emit) -> None:
    from core import pipeline

    pipeline.train(found, job_id, config, emit)


def _predict(found: settings.Settings, argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m core predict", description="Read the digit in a picture.")
    parser.add_argument("image", type=Path, help="a picture of one digit")
    parser.add_argument("--run", default="", help="the run's id (the newest)")
    parser.add_argument("--engine", choices=("onnx", "joblib"), default="onnx", help="which of the run's files (onnx)")
    given = parser.parse_args(argv)
    from core import inference, preprocessing, runs
    from core.errors import ImageError, RunError

    newest = runs.list_runs(found)
    if not given.run and not newest:
        raise RunError("There is no run yet. Train one first: python -m core train")
    run = runs.load_run(found, given.run) if given.run else newest[0]
    try:
        body = given.image.read_bytes()
    except OSError as error:
        raise ImageError(f"{given.image} cannot be read ({error.strerror}).") from error
    image = preprocessing.from_bytes(body)
    if given.engine == "joblib":
        import joblib

        proba = joblib.load(io.BytesIO(runs.verified(run, "model.joblib"))).predict_proba(image[None])[0]
    else:
        proba = inference.classify(inference.load_session(run), image).proba
    for digit, p in enumerate(proba):
        print(f"{digit} {p:.6f}")
    return 0


def _data(found: settings.Settings, argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m core data", description="Download MNIST, as Keras would.")
    parser.add_argument("--url", default="", help="another place to get mnist.npz from")
    parser.add_argument("--sha256", default="", help="what that file must hash to (the one of Keras's)")
    given = parser.parse_args(argv)
    from core import dataset

    def show(stage: str, **fields: Any) -> None:
        if fields.get("message") and not fields.get("done"):
            print(fields["message"], flush=True)

    _data_job(found, "", {"download": True, "url": given.url, "sha256": given.sha256}, show)
    print(dataset.describe(dataset.load(found)))
    return 0


def _data_job(found: settings.Settings, job_id: str, config: Mapping[str, Any], emit: worker.Emit) -> None:
    from core import dataset, download

    emit("sample", message="Unpacking the small sample")
    dataset.save_sample(found)
    if not config.get("download"):
        return
    emit("download", message="Downloading MNIST (11 MB)")
    last = 0.0

    def report(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last > 0.2 or done == total:
            last = time.monotonic()
            emit("download", done=done, total=total, message="Downloading MNIST (11 MB)")

    other = {k: config[k] for k in ("url", "sha256") if config.get(k)}
    download.fetch(found, report, **other)


def _track(found: settings.Settings, argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m core track", description="Log a finished run to W&B, offline.")
    parser.add_argument("run", help="the run's id")
    given = parser.parse_args(argv)
    from core import runs, tracking

    print(tracking.describe(tracking.track(found, runs.load_run(found, given.run))))
    return 0


def _track_job(found: settings.Settings, job_id: str, config: Mapping[str, Any], emit: worker.Emit) -> None:
    run_id = config["run"]
    emit("waiting", message="Waiting for the training to end")
    while jobs.load_job(found, run_id).live:
        time.sleep(WAIT_SECONDS)
    if jobs.load_job(found, run_id).state != "done":
        return
    from core import runs, tracking

    emit("track", message="Logging the run to W&B")
    tracking.track(found, runs.load_run(found, run_id))


COMMANDS: dict[str, tuple[Callable[[settings.Settings, Sequence[str]], int], Work | None]] = {
    "train": (_train, _train_job),
    "predict": (_predict, None),
    "data": (_data, _data_job),
    "track": (_track, _track_job),
}
