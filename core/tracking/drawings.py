"""My digits on W&B: the data set `my_digits`, logged when a run learned from them or somebody asked."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core import files, mydigits
from core.errors import TrackingError
from core.settings import Settings
from core.texts import t
from core.tracking import connection, registry, sync
from core.tracking.state import reason

if TYPE_CHECKING:
    import wandb

NAME, TYPE, JOB_TYPE = "my_digits", "dataset", "data"


def state_file(settings: Settings) -> Path:
    """Return where it is written what became of the last sending."""
    return settings.home / "mydigits" / "tracking.json"


def load_drawings_state(settings: Settings) -> dict[str, Any]:
    """Return the last word on My digits and W&B: `state`, `message`, `sha256`, `when`; empty where nobody asked yet."""
    body = files.read_json(state_file(settings))
    return body if isinstance(body, dict) else {}


def log_set(logged: "wandb.Run", settings: Settings, config: Mapping[str, Any]) -> str:
    """Log a set of My digits within a run: images and labels, no strokes and no names; returns its digest.

    Parameters
    ----------
    config : mapping
        As from `mydigits.make_set`.
    """
    import wandb

    mydigits.load_set(settings, config)  # which proves that it is the one that was learned from
    artifact = wandb.Artifact(NAME, type=TYPE, metadata=dict(config))
    file = mydigits.set_file(settings, config["sha256"]).resolve()
    artifact.add_file(str(file), name="my_digits.npz", policy="immutable", skip_cache=True)
    logged.log_artifact(artifact)
    return artifact.digest


def log_drawings(settings: Settings, sha256: str) -> dict[str, Any]:
    """Log a set of My digits by itself, offline; returns the state that is kept."""
    if settings.wandb_mode == "disabled":
        return _save(settings, sha256=sha256, state="disabled", message="WANDB_MODE is “disabled”: nothing was logged.")
    config = {"sha256": sha256, "copies": 1}
    config["count"] = len(mydigits.load_set(settings, config)[1])
    (settings.home / "wandb").mkdir(parents=True, exist_ok=True)
    settings.quiet_wandb()
    import wandb

    logged = wandb.init(
        entity=settings.wandb_entity or None,
        project=settings.wandb_project,
        mode="offline",
        job_type=JOB_TYPE,
        name=NAME,
        config=config,
        settings=wandb.Settings(host="", init_timeout=60, finish_timeout=60, finish_timeout_raises=True),
    )
    try:
        digest, folder = log_set(logged, settings, config), Path(logged.dir).parent.relative_to(settings.home)
        logged.finish()
    finally:
        wandb.teardown()
    message = t("{n} drawings are logged on this machine; nothing was sent.", n=config["count"])
    found = {"sha256": sha256, "digest": digest, "folder": folder.as_posix(), "project": settings.wandb_project}
    return _save(settings, state="local only", message=message, **found)


def send_drawings(settings: Settings) -> dict[str, Any]:
    """Upload what `log_drawings` logged, and prove that it arrived; returns the state that is kept."""
    settings = connection.with_key(settings)
    settings.quiet_wandb(online=True)
    state = load_drawings_state(settings)
    try:
        entity = connection.check(settings)
        sync.upload(settings, state["folder"])
        place = f"{entity}/{state['project']}/{NAME}"
        there = registry.open_api(settings).artifacts(TYPE, place)
        found = next((artifact for artifact in there if artifact.digest == state["digest"]), None)
        if found is None:
            raise TrackingError("W&B does not have the drawings after the upload. Send them again later.")
        return _save(settings, **state | {"state": "synced", "message": f"{NAME}:{found.version}, in {entity}."})
    except Exception as error:  # a child's top level: whatever it is, the page must be told
        return _save(settings, **state | {"state": "failed", "message": reason(settings, error)})


def _save(settings: Settings, **body: Any) -> dict[str, Any]:
    body["when"] = time.time()
    files.write_json(state_file(settings), body)
    return body
