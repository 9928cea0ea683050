"""Delete a run so that it can come back: a folder moved aside, put back within ten minutes, then gone.

The moment of the deletion stands in the folder's new name, so that one rename is all that a deletion is. Nobody waits
in the background: whoever looks at the trash next takes away what is over its time.
"""

import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from core import jobs, runs, serving, tracking
from core.errors import RunError
from core.settings import Settings
from core.texts import t

KEEP_SECONDS = 600.0
_NAME = re.compile(r"(\d{10,14})-(.{1,200})", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Deleted:
    """One folder in the trash.

    Parameters
    ----------
    name : str
        Of the folder among the runs: a run's id, or whatever a foreign folder was called.
    label : str
        The run in words, where it can be read.
    at : float
        When it was deleted, seconds since the epoch.
    """

    name: str
    label: str
    at: float
    path: Path

    def left(self, now: float) -> float:
        """Return for how many more seconds it can be put back."""
        return max(0.0, self.at + KEEP_SECONDS - now)


def folder(settings: Settings) -> Path:
    """Return where deleted runs wait."""
    return settings.home / "trash"


def blocked(settings: Settings, run: runs.Run) -> str:
    """Say in one sentence why a run cannot be deleted just now; empty where it can."""
    if (serving.current(settings) or {}).get("run") == run.id:
        return t("This run is in production, so it cannot be deleted. Promote another one first.")
    chosen = serving.choose(settings).run
    if settings.serve not in ("production", "latest") and chosen and chosen.id == run.id:
        return t(
            "This run serves, as DIGITLAB_SERVE asks for {serve}, so it cannot be deleted. Unset that first.",
            serve=settings.serve,
        )
    if any(job.live and job.config.get("run") == run.id for job in jobs.list_jobs(settings)):
        return t("A job is at work on this run, so it cannot be deleted yet. Try again when it has ended.")
    if tracking.load_state(run)["state"] == "syncing" and _syncs(settings):
        return t("This run is on its way to W&B, so it cannot be deleted yet. Try again in a minute.")
    return ""


def delete(settings: Settings, name: str, now: float | None = None) -> Deleted:
    """Move a run, or a folder among the runs that cannot be used, to the trash.

    Parameters
    ----------
    now : float, seconds since the epoch, optional

    Raises
    ------
    RunError
        If there is no such folder, or the run is needed; with the reason.
    """
    source = runs.folder(settings) / name
    if not name or name.startswith(".") or Path(name).name != name or not source.exists():
        raise RunError(t("There is no run {name!r} here to delete. Choose one from the list.", name=name))
    label = ""
    if not any(broken.name == name for broken in runs.list_unusable_folders(settings)):
        run = runs.load_run(settings, name)
        label = run.card["label"]
        if why := blocked(settings, run):
            raise RunError(why)
    at = time.time() if now is None else now
    purge(settings, at)
    target = folder(settings) / f"{int(at * 1000)}-{name}"
    target.parent.mkdir(parents=True, exist_ok=True)
    source.rename(target)
    return Deleted(name, label, int(at * 1000) / 1000, target)


def restore(settings: Settings, name: str, now: float | None = None) -> str:
    """Put back what was deleted last under a name; returns the name.

    Raises
    ------
    RunError
        If its time is over, or such a run has come here meanwhile.
    """
    found = next((entry for entry in list_deleted(settings, now) if entry.name == name), None)
    if found is None:
        raise RunError(
            t(
                "{name} is not in the trash any more: it keeps a run for {minutes:.0f} minutes.",
                name=name,
                minutes=KEEP_SECONDS / 60,
            )
        )
    target = runs.folder(settings) / name
    if target.exists():
        raise RunError(t("There is a run {name} here already, so the deleted one stays in the trash.", name=name))
    target.parent.mkdir(parents=True, exist_ok=True)
    found.path.rename(target)
    return name


def list_deleted(settings: Settings, now: float | None = None) -> list[Deleted]:
    """Return what can still be put back, the last deleted first; what is over its time is taken away for good."""
    now = time.time() if now is None else now
    purge(settings, now)
    found = []
    for path in folder(settings).glob("*"):
        if entry := _entry(path):
            found.append(entry)
    return sorted(found, key=lambda entry: (entry.at, entry.name), reverse=True)


def purge(settings: Settings, now: float) -> list[str]:
    """Remove for good what was deleted more than ten minutes ago; returns the names."""
    gone = []
    for path in folder(settings).glob("*"):
        entry = _entry(path)
        if entry and not entry.left(now):
            _remove(path)
            gone.append(entry.name)
    return gone


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _entry(path: Path) -> Deleted | None:
    match = _NAME.fullmatch(path.name)
    if not match:
        return None
    try:
        label = runs.open_folder(path, match[2]).card["label"]
    except RunError:
        label = ""
    return Deleted(match[2], label, int(match[1]) / 1000, path)


def _syncs(settings: Settings) -> bool:
    return any(job.live for job in jobs.list_jobs(settings, "track"))
