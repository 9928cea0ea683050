"""Log what was made for a run after it was logged: its calibration. Called in a child of its own."""

from typing import Any

from core import runs
from core.errors import TrackingError
from core.settings import Settings
from core.texts import t
from core.tracking import extras
from core.tracking.log import check_complete, started
from core.tracking.state import load_state, reason, save_state


def log_extras(settings: Settings) -> None:
    """Log, offline, every calibration that is `extras.unlogged`. Whatever fails is told and left alone."""
    for run in extras.unlogged(settings):
        state, extra = load_state(run), dict[str, Any](stamp=extras.stamp(run))
        try:
            extra |= _log(settings, run)
            state |= {
                "state": "local only",
                "message": t("Its calibration is logged on this machine; nothing was sent."),
            }
        except Exception as error:  # a child's top level: the next one must have its turn
            why = t("Its calibration could not be logged: {why}", why=reason(settings, error))
            state["message"] += f" {why}"
        save_state(run, state | {"extra": extra})


def _log(settings: Settings, run: runs.Run) -> dict[str, str]:
    if settings.wandb_mode == "disabled":
        raise TrackingError("WANDB_MODE is “disabled”.")
    settings.quiet_wandb()
    import wandb

    entries: list[dict[str, str]] = []
    try:
        with started(settings, run, entries, "model", "The calibration of a run that was logged before.") as logged:
            artifact = wandb.Artifact(
                extras.name_of(run),
                type=extras.TYPE,
                metadata={"run_id": run.id, "data_sha256": run.config["data_sha256"]},
            )
            file = run.path / runs.CALIBRATION
            artifact.add_file(str(file.resolve()), name=file.name, policy="immutable", skip_cache=True)
            logged.log_artifact(artifact)
    finally:
        wandb.teardown()  # wandb-core is in a session of its own and would outlive a killed child
    check_complete(settings, entries)
    return {"digest": artifact.digest, "folder": entries[0]["folder"]}
