"""A run's calibration on W&B: made after the seal, often after the logging, so an artifact of its own beside the run's.

It travels so that a server that is too small to fit one refuses what is no digit nevertheless.
"""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core import runs
from core.settings import Settings
from core.tracking.state import load_state

if TYPE_CHECKING:
    import wandb

TYPE = "calibration"


def name_of(run: runs.Run) -> str:
    """Return the artifact's name: one collection a run, so that it is found without a search."""
    return f"{TYPE}-{run.id}"


def unlogged(settings: Settings) -> list[runs.Run]:
    """Return the runs that are logged, but not with the calibration that they have by now."""
    return [run for run in runs.list_runs(settings) if _is_unlogged(run)]


def stamp(run: runs.Run) -> int:
    """Return when a run's calibration was written, in nanoseconds; 0 where there is none."""
    try:
        return (run.path / runs.CALIBRATION).stat().st_mtime_ns
    except OSError:
        return 0


def fetch(settings: Settings, api: "wandb.Api", place: str, run: runs.Run) -> dict[str, Any]:
    """Bring the newest calibration of a run here, unless it has one; best effort, as the run is whole without it.

    Parameters
    ----------
    place : str
        ENTITY/PROJECT

    Returns
    -------
    dict
        What `tracking.json` keeps of it; empty where there is none.
    """
    import wandb

    if stamp(run):
        return {}
    try:
        artifact = api.artifact(f"{place}/{name_of(run)}:latest")
        with tempfile.TemporaryDirectory(dir=settings.home / "wandb", prefix="fetch-") as new:
            artifact.download(root=new, skip_cache=True)
            artifact.verify(new)
            runs.adopt_extra(run, Path(new) / Path(runs.CALIBRATION).name)
    except (wandb.errors.CommError, ValueError, OSError):
        return {}
    return {"extra": {"stamp": stamp(run), "digest": artifact.digest}}


def _is_unlogged(run: runs.Run) -> bool:
    state, now = load_state(run), stamp(run)
    return bool(state.get("artifact")) and now not in (0, state.get("extra", {}).get("stamp"))
