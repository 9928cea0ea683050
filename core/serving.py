"""Which run answers: the one promoted, the newest, or a version by its number; and why."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core import files, runs
from core.errors import RunError
from core.settings import Settings
from core.texts import retell, t

KEEP = 20


@dataclass(frozen=True, slots=True)
class Serving:
    """The run that answers, None where there is none yet, and the reason in words."""

    run: runs.Run | None
    why: str


def choose(settings: Settings) -> Serving:
    """Decide which run serves, by `DIGITLAB_SERVE`: production, latest or a version such as v3."""
    usable = [run for run in runs.list_runs(settings) if run.servable]
    if not usable:
        return Serving(None, t("There is no model yet."))
    wanted = settings.serve
    if wanted == "latest":
        return Serving(usable[0], t("the newest run (DIGITLAB_SERVE=latest)"))
    if wanted != "production":
        for run in usable:
            if version(run) == wanted:
                return Serving(run, t("version {wanted} (DIGITLAB_SERVE)", wanted=wanted))
        return Serving(None, t("DIGITLAB_SERVE asks for {wanted}, which is not on this machine.", wanted=wanted))
    promoted = current(settings)
    if not promoted:
        return Serving(usable[0], t("the newest run, as none is promoted"))
    for run in usable:
        if run.id == promoted["run"]:
            return Serving(run, t("promoted to production"))
    why = t("the newest run, as the promoted one, {run}, is not on this machine", run=promoted["run"])
    return Serving(usable[0], why)


def current(settings: Settings) -> dict[str, Any] | None:
    """Return the last promotion, `run` and `at` (seconds since the epoch), or None."""
    promotions = history(settings)
    return promotions[-1] if promotions else None


def history(settings: Settings) -> list[dict[str, Any]]:
    """Return the promotions that hold, oldest first."""
    body = files.read_json(_file(settings))
    return body if isinstance(body, list) else []


def promote(settings: Settings, run_id: str, at: float | None = None) -> None:
    """Make a run the one in production.

    Parameters
    ----------
    at : float, seconds since the epoch, optional
        When it was promoted, where that happened elsewhere; else now.

    Raises
    ------
    RunError
        If there is no such run, or it cannot be served.
    """
    run = runs.load_run(settings, run_id)
    if not run.servable:
        raise RunError(retell(run.card["parity"]["reason"]))
    entry = {"run": run.id, "at": time.time() if at is None else at}
    earlier = [p for p in history(settings) if p["run"] != run.id]
    files.write_json(_file(settings), [*earlier, entry][-KEEP:])


def roll_back(settings: Settings) -> str:
    """Put back into production what was there before; returns its id.

    The return counts as a promotion of now, so that it wins over older ones made elsewhere.

    Raises
    ------
    RunError
        If nothing was promoted before, or it is gone.
    """
    promotions = history(settings)
    if len(promotions) < 2:
        raise RunError(t("There is no earlier promotion to go back to."))
    before = runs.load_run(settings, promotions[-2]["run"])
    files.write_json(_file(settings), [*promotions[:-2], {"run": before.id, "at": time.time()}])
    return before.id


def version(run: runs.Run) -> str:
    """Return the run's version on W&B, such as v3, or an empty text."""
    state = files.recall_json(run.path / "tracking.json")
    return str(state.get("version", "")) if isinstance(state, dict) else ""


def _file(settings: Settings) -> Path:
    return settings.home / "production.json"
