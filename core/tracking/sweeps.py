"""The trials of a sweep on W&B: one short process logs them all, offline; one upload brings and proves them.

A trial has no artifact, so it is proven by its own name among the runs of its group.
"""

import contextlib
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from core import models, trials
from core.errors import TrackingError
from core.settings import Settings
from core.texts import t
from core.tracking import connection, registry
from core.tracking.log import check_complete
from core.tracking.state import load_state, reason, save_state
from core.tracking.sync import OPEN, fail, upload

_AT_A_TIME = 10  # folders in one upload: they may go side by side, as no alias moves with them
_LOOK_BACK = 1000


def track_sweep(settings: Settings, sweep: trials.Sweep) -> dict[str, Any]:
    """Log every trial that came to an end, offline, and keep in the sweep's `tracking.json` what became of that.

    Returns
    -------
    dict
        As from `track`; `runs` has one entry a trial.
    """
    found: dict[str, Any] = {}
    try:
        state, message = _log(settings, sweep, found)
    except Exception as error:  # a child's top level: the sweep is whole, whatever W&B does
        again = f"Try again: python -m core track --sweep {sweep.id}"
        state, message = "failed", f"The trials could not be logged: {reason(settings, error)} {again}"
        found = {}
    return save_state(sweep, load_state(sweep) | found | {"state": state, "message": message})


def pending_sweeps(settings: Settings, now: float, force: bool = False) -> list[trials.Sweep]:
    """Return the sweeps whose trials are logged but not proven on the server, oldest first; the due ones, or all."""
    found = []
    for sweep in reversed(trials.list_sweeps(settings)):
        state = load_state(sweep)
        if state["state"] in OPEN and state.get("runs") and (force or state.get("next_try", 0.0) <= now):
            found.append(sweep)
    return found


def sync_sweep(settings: Settings, sweep: trials.Sweep) -> dict[str, Any]:
    """Upload the trials of a sweep and prove that they have arrived; whatever happens, the state is true."""
    state = save_state(sweep, load_state(sweep) | {"state": "syncing", "message": t("On its way to W&B.")})
    try:
        entity = connection.check(settings)
        folders = [entry["folder"] for entry in state["runs"]]
        for start in range(0, len(folders), _AT_A_TIME):
            upload(settings, *folders[start : start + _AT_A_TIME])
        there = _found(settings, entity, state["project"], sweep.id)
        missing = [entry["id"] for entry in state["runs"] if entry["id"] not in there]
        if missing:
            raise TrackingError(f"W&B does not have {len(missing)} of {len(folders)} trials after the upload.")
        words = t("{n} trials in the group {id}, in {entity}.", n=len(folders), id=sweep.id, entity=entity)
        return save_state(sweep, state | {"state": "synced", "message": words, "entity": entity, "attempts": 0})
    except Exception as error:  # a child's top level: the next one must have its turn
        return fail(settings, sweep, state, reason(settings, error))


def sync_sweeps(settings: Settings, force: bool = False, only: str = "") -> None:
    """Sync the sweeps that are due, or `only` this one; where another process is at it, leave it to that one."""
    settings = connection.with_key(settings)
    (settings.home / "wandb").mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(Timeout), FileLock(settings.home / "wandb" / "sync.lock").acquire(timeout=0):
        settings.quiet_wandb(online=True)
        for sweep in pending_sweeps(settings, time.time(), force):
            if only in ("", sweep.id):
                sync_sweep(settings, sweep)


def _found(settings: Settings, entity: str, project: str, group: str) -> set[str]:
    api = registry.open_api(settings)
    filters = {"group": group, "jobType": "trial"}
    logged = api.runs(f"{entity}/{project}", filters=filters, per_page=100)  # lazily: the id is all that is read
    return {run.id for run in islice(logged, _LOOK_BACK)}


def _log(settings: Settings, sweep: trials.Sweep, found: dict[str, Any]) -> tuple[str, str]:
    if settings.wandb_mode == "disabled":
        return "disabled", "WANDB_MODE is “disabled”, so nothing was logged."
    ended = [trial for trial in sweep.trials if trial.state in ("done", "failed")]
    if not ended:
        return "not logged", "No trial came to an end, so there is nothing to log."
    work = settings.home / "wandb"
    work.mkdir(parents=True, exist_ok=True)
    tempfile.TemporaryFile(dir=work).close()  # wandb would turn to the system's temporary folder without a word
    settings.quiet_wandb()
    import wandb

    found |= {"entity": settings.wandb_entity, "project": settings.wandb_project, "wandb": wandb.__version__}
    try:
        found["runs"] = [_log_trial(settings, sweep, trial) for trial in ended]
    finally:
        wandb.teardown()  # wandb-core is in a session of its own and would outlive a killed child
    check_complete(settings, found["runs"])
    return "local only", t(
        "{n} trials logged on this machine, under the group {id}; nothing was sent.", n=len(ended), id=sweep.id
    )


def _log_trial(settings: Settings, sweep: trials.Sweep, trial: trials.Trial) -> dict[str, str]:
    import wandb

    body = sweep.body
    about = {name: body[name] for name in ("family", "metric", "how", "train_size", "seed", "data_sha256", "one_fit")}
    logged = wandb.init(
        entity=settings.wandb_entity or None,
        project=settings.wandb_project,
        mode="offline",
        job_type="trial",
        group=sweep.id,
        name=f"trial-{trial.number}",
        tags=["sweep", body["how"], body["family"]],
        notes="Scored on held-out training images; the test set was not looked at.",
        config={"params": trial.params, "sweep": sweep.id, "model_name": models.spec(body["family"]).label} | about,
        # An empty host, for else the machine's name stands in the log in spite of x_disable_machine_info.
        settings=wandb.Settings(host="", init_timeout=60, finish_timeout=60, finish_timeout_raises=True),
    )
    folder = Path(logged.dir).parent.relative_to(settings.home).as_posix()
    for name, value in (trial.scores or {}).items():
        logged.summary[f"held_{name}"] = value
    logged.summary["seconds"] = trial.seconds
    if trial.message:
        logged.summary["message"] = trial.message
    logged.finish(exit_code=0 if trial.state == "done" else 1)
    return {"job_type": "trial", "id": logged.id, "folder": folder}
