"""What `tracking.json` says of a run: the only word on W&B that pages and server read."""

import time
from pathlib import Path
from typing import Any, Protocol

from core import files
from core.errors import DigitLabError
from core.settings import Settings
from core.texts import retell, t

ARTIFACT, ARTIFACT_TYPE = "model_export", "inference_artifact"
NOT_LOGGED = {"state": "not logged", "message": "This run is not logged to W&B yet."}
_LONGEST_REASON = 300


class Kept(Protocol):
    """What has a folder with a `tracking.json`: a run, or a sweep."""

    @property
    def path(self) -> Path: ...


def load_state(run: Kept) -> dict[str, Any]:
    """Return what `tracking.json` says of a run, or a state saying that it is not logged.

    `state` is one of: not logged, disabled, local only, queued, syncing, synced, failed.
    """
    body = files.recall_json(run.path / "tracking.json")
    usable = isinstance(body, dict) and {"state", "message"} <= body.keys()
    return dict(body) if usable else dict(NOT_LOGGED)


def save_state(run: Kept, body: dict[str, Any]) -> dict[str, Any]:
    """Replace `tracking.json`, stamped with the time; where it cannot be written, the message says so. Never raises."""
    body = body | {"when": time.time()}
    try:
        files.write_json(run.path / "tracking.json", body)
    except OSError as error:
        body["message"] += f" (This cannot be kept, as tracking.json cannot be written: {error.strerror}.)"
    return body


def describe(state: dict[str, Any]) -> str:
    """Say in one line what became of a run on W&B, with the link where it is there."""
    link = f" [{t('Open it on W&B')}]({state['url']})" if state.get("url") and state["state"] == "synced" else ""
    return f"W&B: {t(state['state'])}. {retell(state['message'])}{link}"


def reason(settings: Settings, error: Exception) -> str:
    """Return an error as one sentence, short and without the key."""
    if isinstance(error, DigitLabError):
        return str(error)
    return scrub(settings, f"{type(error).__name__}: {error}") + "."


def scrub(settings: Settings, text: str) -> str:
    """Return a text in one line, short and without the key."""
    line = " ".join(text.split())
    return (line.replace(settings.wandb_api_key, "…") if settings.wandb_api_key else line)[:_LONGEST_REASON]
