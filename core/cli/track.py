"""`python -m core track`: log runs to W&B, sync and fetch them. A job of this kind waits in a few megabytes."""

import argparse
import contextlib
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from core import jobs, settings, worker
from core.texts import t

WAIT_SECONDS = 0.5
LIVE_SECONDS = 30.0  # for the last events of a training that has ended
TRACK_SECONDS = 300.0  # for everything that is to be synced; one folder has its own limit
_STEPS = {
    "test": (["--test"], "Asking W&B who we are"),
    "sync": (["--sync"], "Syncing with W&B"),
    "restore": (["--restore"], "Fetching the model from W&B"),
    "my_digits": (["--my-digits"], "Logging My digits to W&B"),
    "exchange": (["--exchange"], "Looking for promotions on W&B"),
}


def command(found: settings.Settings, argv: Sequence[str]) -> int:
    """Log, sync, fetch or watch runs on W&B; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m core track", description="Log runs to W&B, sync and fetch them.")
    parser.add_argument("run", nargs="?", default="", help="log this run, then sync it where there is a key")
    parser.add_argument("--offline", action="store_true", help="log this run, but send nothing")
    parser.add_argument("--sync", action="store_true", help="sync every logged run, or the one that is named, now")
    parser.add_argument("--due", action="store_true", help="sync those runs whose time has come after a failure")
    parser.add_argument("--test", action="store_true", help="say whether W&B can be reached, within 5 s")
    parser.add_argument("--restore", nargs="?", const="", metavar="V", help="fetch the version to serve, or version V")
    parser.add_argument("--watch", metavar="JOB", help="log a training's events to W&B while it goes on")
    parser.add_argument("--sweep", metavar="ID", help="log the trials of this sweep, but send nothing yet")
    parser.add_argument("--exchange", action="store_true", help="bring promotions here and on W&B together")
    parser.add_argument("--my-digits", metavar="SHA", help="log this set of My digits, and send it if there is a key")
    parser.add_argument("--send-my-digits", action="store_true", help="send the set that was logged last")
    parser.add_argument("--extras", action="store_true", help="log what was calibrated since a run was logged")
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
    if given.sweep:
        return _log_sweep(found, given.sweep)
    if given.extras:
        tracking.log_extras(found)
        return 0
    if given.exchange:
        print(tracking.exchange(found))
        return 0
    if given.my_digits or given.send_my_digits:
        return _drawings(found, given.my_digits)
    if given.sync or given.due:
        return _sync(found, given.sync, given.run)
    if not given.run:
        parser.error("name a run, or one of the options")
    return _log(found, given.run, given.offline)


def _drawings(found: settings.Settings, sha256: str | None) -> int:
    from core import tracking

    state = tracking.log_drawings(found, sha256) if sha256 else tracking.send_drawings(found)
    if sha256 and state["state"] == "local only" and tracking.find_key(found):
        _child(found, "--send-my-digits", check=False)
        state = tracking.load_drawings_state(found)
    print(f"W&B: {state['state']}. {state['message']}")
    return 1 if state["state"] == "failed" else 0


def _sync(found: settings.Settings, force: bool, only: str) -> int:
    from core import tracking

    if tracking.unlogged(found):
        _child(found, "--extras", check=False)
    tracking.sync_all(found, force, only)
    tracking.sync_sweeps(found, force, only)
    waiting: list[Any] = [
        *tracking.pending(found, time.time(), True),
        *tracking.pending_sweeps(found, time.time(), True),
    ]
    left = [one for one in waiting if only in ("", one.id)]
    for one in left:
        print(f"{one.id}  {tracking.describe(tracking.load_state(one))}")
    return 1 if left else 0


def _log_sweep(found: settings.Settings, sweep_id: str) -> int:
    from core import tracking, trials

    print(tracking.describe(tracking.track_sweep(found, trials.load(found, sweep_id))))
    return 0


def _log(found: settings.Settings, run_id: str, offline: bool) -> int:
    from core import runs, tracking

    run = runs.load_run(found, run_id)
    state = tracking.track(found, run)
    tracking.log_extras(found)
    if tracking.find_key(found) and not offline:
        _child(found, "--due")
        state = tracking.load_state(run)
    print(tracking.describe(state))
    return 0


def work(found: settings.Settings, job_id: str, config: Mapping[str, Any], emit: worker.Emit) -> None:
    """Log a run when its training has ended, or do what else is asked for, as a job."""
    if "run" in config and not _ended_well(found, config["run"], emit):
        return
    if "after" in config:
        while jobs.load_job(found, config["after"]).live:
            time.sleep(WAIT_SECONDS)
    # What was tried before a sweep was stopped counts too; only its winner needs a good end.
    won = "sweep" in config and _ended_well(found, config["sweep"], emit)
    # On a small server in turn with the trainings; elsewhere nothing is waited for.
    with worker.slot(found) if found.small else contextlib.nullcontext():
        if "run" in config:
            emit("log", message=t("Logging the run to W&B, offline"))
            _child(found, config["run"], "--offline")
        if "sweep" in config:
            emit("log", message=t("Logging the trials to W&B, offline"))
            _child(found, "--sweep", config["sweep"])
            if won:
                _child(found, config["sweep"], "--offline")
        for name, (words, message) in _STEPS.items():
            if name in config:
                emit(name, message=t(message))
                _child(found, *words, *([config[name]] if isinstance(config[name], str) and config[name] else []))
        from core import tracking  # not before: to wait, for a turn or for a child, is to cost a few megabytes only

        if tracking.find_key(found) and not {"test", "sync", "restore"} & set(config):
            emit("due", message=t("Syncing with W&B"))
            _child(found, "--due", check=False)


def _ended_well(found: settings.Settings, run_id: str, emit: worker.Emit) -> bool:
    emit("waiting", message=t("Waiting for the training to end"))
    live = _start_child(found, "--watch", run_id) if found.wandb_mode == "online" else None
    while jobs.load_job(found, run_id).live:
        time.sleep(WAIT_SECONDS)
    if live:
        with contextlib.suppress(subprocess.TimeoutExpired):
            live.wait(LIVE_SECONDS)
        jobs.end_family(live.pid)
    return jobs.load_job(found, run_id).state == "done"


def _start_child(found: settings.Settings, *words: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "core", "track", *words]
    env = found.child_environment(["WANDB_API_KEY"])
    return subprocess.Popen(
        command, cwd=settings.ROOT, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def _child(found: settings.Settings, *words: str, check: bool = True) -> None:
    # A process of its own: the one that logs has made itself forget the key, and this one can be killed at the limit.
    from core.errors import TrackingError

    child = _start_child(found, *words)
    try:
        said = child.communicate(timeout=TRACK_SECONDS)[0]
    except subprocess.TimeoutExpired:
        jobs.end_family(child.pid)
        from core import tracking

        late = f"W&B did not finish within {TRACK_SECONDS:.0f} s. It is tried again later."
        tracking.interrupted(found, late)
        raise TrackingError(late) from None
    if check and child.returncode and said.strip():
        raise TrackingError(said.strip().splitlines()[-1])
