"""Bring logged runs to W&B, one folder at a time, oldest first, and prove that the model has arrived.

`wandb sync` ends with 0 although an upload was refused, so its word counts for nothing: a run is synced when the
digest of its artifact, as it was logged, is found on the server.
"""

import contextlib
import subprocess
import sys
import time
from typing import Any

from filelock import FileLock, Timeout

from core import jobs, runs
from core.errors import TrackingError
from core.settings import Settings
from core.texts import t
from core.tracking import connection, registry
from core.tracking.state import ARTIFACT, Kept, load_state, reason, save_state, scrub

FOLDER_SECONDS = 60.0
FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 60.0, 3600.0
OPEN = ("local only", "queued", "syncing", "failed")


def pending(settings: Settings, now: float, force: bool = False) -> list[runs.Run]:
    """Return the runs that are logged but not proven on the server, oldest first; the due ones, or all by `force`."""
    found = []
    for run in reversed(runs.list_runs(settings)):
        state = load_state(run)
        due = force or state.get("next_try", 0.0) <= now
        if state["state"] in OPEN and state.get("artifact") and due:
            found.append(run)
    return found


def sync_all(settings: Settings, force: bool = False, only: str = "") -> None:
    """Sync the runs that are due, or `only` this one, in turn; where another process is at it, leave it to that one."""
    settings = connection.with_key(settings)
    (settings.home / "wandb").mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(Timeout), FileLock(settings.home / "wandb" / "sync.lock").acquire(timeout=0):
        settings.quiet_wandb(online=True)
        due = [run for run in pending(settings, time.time(), force) if only in ("", run.id)]
        for run in due:
            save_state(run, load_state(run) | {"state": "queued", "message": t("Waits to be sent to W&B.")})
        for run in due:
            sync(settings, run)


def sync(settings: Settings, run: runs.Run) -> dict[str, Any]:
    """Upload one run and prove it; whatever happens, the run is whole and its state is true.

    Returns
    -------
    dict
        The content of `tracking.json`: synced with `version`, `url` and `entity`, or failed with the reason.
    """
    before = load_state(run)
    state = save_state(run, before | {"state": "syncing", "message": t("On its way to W&B.")})
    try:
        entity = connection.check(settings)
        said = [upload(settings, entry["folder"]) for entry in state["runs"]]
        found = registry.find_digest(settings, entity, state["project"], state["artifact"]["digest"])
        if found is None:
            gone = t("W&B does not have the model after the upload.")
            raise TrackingError(f"{gone}{_complaint(settings, said)}")
        state |= {"entity": entity, "version": found.version, "url": found.url, "attempts": 0}
        return save_state(run, state | {"state": "synced", "message": f"{ARTIFACT}:{found.version}, in {entity}."})
    except Exception as error:  # a child's top level: the next run must have its turn
        return fail(settings, run, state, reason(settings, error))


def fail(settings: Settings, run: Kept, state: dict[str, Any], why: str) -> dict[str, Any]:
    """Write down that a sync did not succeed, and when to try again: after 1, 2, 4 … minutes, at most an hour."""
    attempts = state.get("attempts", 0) + 1
    wait = min(FIRST_RETRY_SECONDS * 2 ** (attempts - 1), LAST_RETRY_SECONDS)
    body = {"state": "failed", "message": why, "attempts": attempts, "next_try": time.time() + wait}
    return save_state(run, state | body)


def interrupted(settings: Settings, why: str) -> None:
    """Mark as failed what a sync that was killed left as syncing."""
    for run in runs.list_runs(settings):
        state = load_state(run)
        if state["state"] == "syncing":
            fail(settings, run, state, why)


def upload(settings: Settings, *folders: str) -> str:
    """Send what was logged into these folders, relative to `DIGITLAB_HOME`; returns what `wandb sync` said.

    Raises
    ------
    TrackingError
        If a folder is gone, or they were not taken within `FOLDER_SECONDS`.
    """
    paths = [settings.home / folder for folder in folders]
    gone = [folder for folder, path in zip(folders, paths, strict=True) if not path.is_dir()]
    if gone:
        raise TrackingError(t("What was logged is gone ({gone}). Log it again: python -m core track ID", gone=gone[0]))
    words = [sys.executable, "-m", "wandb", "sync", "--include-synced", *map(str, paths)]
    child = subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    try:
        return child.communicate(timeout=FOLDER_SECONDS)[0]
    except subprocess.TimeoutExpired:
        raise TrackingError(t("W&B did not take the run within {seconds:.0f} s.", seconds=FOLDER_SECONDS)) from None
    finally:
        jobs.end_family(child.pid, grace=1.0)  # wandb-core is in a session of its own and may go on for minutes
        child.wait()


def _complaint(settings: Settings, said: list[str]) -> str:
    lines = [line for text in said for line in text.splitlines() if "error" in line.lower()]
    return f" It said: {scrub(settings, lines[-1])}" if lines else ""
