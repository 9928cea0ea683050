"""The command line: `python -m core train | predict | data | track`. Each is also what a job runs (`--job ID`).

Heavy imports stand inside the commands: a queued job waits for its turn in a few megabytes.
"""

import argparse
import contextlib
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
LIVE_SECONDS = 30.0  # for the last events of a training that has ended
TRACK_SECONDS = 300.0  # for everything that is to be synced; one folder has its own limit


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
    parser = argparse.ArgumentParser(prog="python -m core track", description="Log runs to W&B, sync and fetch them.")
    parser.add_argument("run", nargs="?", default="", help="log this run, then sync it where there is a key")
    parser.add_argument("--offline", action="store_true", help="log this run, but send nothing")
    parser.add_argument("--sync", action="store_true", help="sync every logged run, or the one that is named, now")
    parser.add_argument("--due", action="store_true", help="sync those runs whose time has come after a failure")
    parser.add_argument("--test", action="store_true", help="say whether W&B can be reached, within 5 s")
    parser.add_argument("--restore", nargs="?", const="", metavar="V", help="fetch the version to serve, or version V")
    parser.add_argument("--watch", metavar="JOB", help="log a training's events to W&B while it goes on")
    parser.add_argument("--exchange", action="store_true", help="bring promotions here and on W&B together")
    given = parser.parse_args(argv)
    from core import tracking

    if given.test:
        answer = tracking.test(found)
        print(answer["message"])
        return 0 if answer["ok"] else 1
    if given.restore is not None:
        print(f"fetched {tracking.restore(found, given.restore).id}")
        return 0
    if given.watch:
        print(f"{tracking.watch(found, given.watch)} events")
        return 0
    if given.exchange:
        print(tracking.exchange(found))
        return 0
    if given.sync or given.due:
        return _sync(found, given.sync, given.run)
    if not given.run:
        parser.error("name a run, or one of the options")
    return _log(found, given.run, given.offline)


def _sync(found: settings.Settings, force: bool, only: str) -> int:
    from core import tracking

    tracking.sync_all(found, force, only)
    left = [run for run in tracking.pending(found, time.time(), force=True) if only in ("", run.id)]
    for run in left:
        print(f"{run.id}  {tracking.describe(tracking.load_state(run))}")
    return 1 if left else 0


def _log(found: settings.Settings, run_id: str, offline: bool) -> int:
    from core import runs, tracking

    run = runs.load_run(found, run_id)
    state = tracking.track(found, run)
    if tracking.find_key(found) and not offline:
        _track_child(found, "--due")
        state = tracking.load_state(run)
    print(tracking.describe(state))
    return 0


def _track_job(found: settings.Settings, job_id: str, config: Mapping[str, Any], emit: worker.Emit) -> None:
    if "run" in config:
        emit("waiting", message="Waiting for the training to end")
        live = _start_child(found, "--watch", config["run"]) if found.wandb_mode == "online" else None
        while jobs.load_job(found, config["run"]).live:
            time.sleep(WAIT_SECONDS)
        if live:
            with contextlib.suppress(subprocess.TimeoutExpired):
                live.wait(LIVE_SECONDS)
            jobs.end_family(live.pid)
        if jobs.load_job(found, config["run"]).state != "done":
            return
    from core import runs, tracking  # not before: the wait is to cost a few megabytes only

    if "run" in config:
        emit("log", message="Logging the run to W&B, offline")
        tracking.track(found, runs.load_run(found, config["run"]))
    for name, (words, message) in _TRACK_STEPS.items():
        if name in config:
            emit(name, message=message)
            _track_child(found, *words, *([config[name]] if isinstance(config[name], str) and config[name] else []))
    if tracking.find_key(found) and not {"test", "sync", "restore"} & set(config):
        emit("due", message="Syncing with W&B")
        _track_child(found, "--due", check=False)


def _start_child(found: settings.Settings, *words: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "core", "track", *words]
    env = found.child_environment(["WANDB_API_KEY"])
    return subprocess.Popen(
        command, cwd=settings.ROOT, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


_TRACK_STEPS = {
    "test": (["--test"], "Asking W&B who we are"),
    "sync": (["--sync"], "Syncing with W&B"),
    "restore": (["--restore"], "Fetching the model from W&B"),
    "exchange": (["--exchange"], "Looking for promotions on W&B"),
}


def _track_child(found: settings.Settings, *words: str, check: bool = True) -> None:
    # A process of its own: the one that logs has made itself forget the key, and this one can be killed at the limit.
    from core import tracking
    from core.errors import TrackingError

    child = _start_child(found, *words)
    try:
        said = child.communicate(timeout=TRACK_SECONDS)[0]
    except subprocess.TimeoutExpired:
        jobs.end_family(child.pid)
        late = f"W&B did not finish within {TRACK_SECONDS:.0f} s. It is tried again later."
        tracking.interrupted(found, late)
        raise TrackingError(late) from None
    if check and child.returncode and said.strip():
        raise TrackingError(said.strip().splitlines()[-1])


COMMANDS: dict[str, tuple[Callable[[settings.Settings, Sequence[str]], int], Work | None]] = {
    "train": (_train, _train_job),
    "predict": (_predict, None),
    "data": (_data, _data_job),
    "track": (_track, _track_job),
}
