"""Make a run: write its folder aside, seal it by one rename, or take in one that was made elsewhere."""

import hashlib
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from core import files, jobs, metrics
from core.errors import RunError
from core.runs.answers import verified
from core.runs.folder import FORMAT, Run, folder, is_id, load_run, open_folder
from core.settings import Settings
from core.texts import t


def begin(settings: Settings, run_id: str, config: dict[str, Any]) -> Path:
    """Make the folder in which a run is written until it is sealed, and put its `config.json` there."""
    partial = folder(settings) / f".partial-{run_id}"
    partial.mkdir(parents=True)
    files.write_json(partial / "config.json", config)
    return partial


def save_draft(partial: Path, card: dict[str, Any]) -> None:
    """Keep what is known of the card so far, for the process that seals the run."""
    files.write_json(partial / "draft.json", card)


def load_draft(settings: Settings, run_id: str) -> tuple[Path, dict[str, Any], dict[str, Any]]:
    """Return folder, config and card so far of a run that is not sealed yet; the draft itself goes."""
    partial = folder(settings) / f".partial-{run_id}"
    config, card = files.read_json(partial / "config.json"), files.read_json(partial / "draft.json")
    if not config or not card:
        raise RunError(t("The run {run_id} was not fitted to its end. Train it once more.", run_id=run_id))
    (partial / "draft.json").unlink()
    return partial, config, card


def save_evaluation(partial: Path, evaluation: metrics.Evaluation) -> None:
    """Write `evaluation.npz` (y_true uint8 (n,), proba float32 (n, 10))."""
    with (partial / "evaluation.npz").open("wb") as file:
        np.savez_compressed(file, y_true=evaluation.y_true, proba=evaluation.proba)


def seal(settings: Settings, run_id: str, card: dict[str, Any]) -> Run:
    """Finish a run: write the card with the sha256 of every file, then give the folder its final name.

    Parameters
    ----------
    card : dict
        Metrics, timings, parity, versions; `id`, `format` and `files` are added here.
    """
    partial = folder(settings) / f".partial-{run_id}"
    inside = sorted(p for p in partial.iterdir() if p.is_file())
    listing = {p.name: {"bytes": p.stat().st_size, "sha256": sha256(p)} for p in inside}
    files.write_json(partial / "card.json", {"format": FORMAT, "id": run_id, **card, "files": listing})
    partial.rename(folder(settings) / run_id)
    return load_run(settings, run_id)


def adopt(settings: Settings, path: Path) -> Run:
    """Take in a run folder that was made elsewhere, by one rename, after everything in it matches its card.

    Parameters
    ----------
    path : Path
        A folder on the same disk; it is moved.

    Raises
    ------
    RunError
        If it is no run folder, of another format, incomplete, changed, or holds what the card does not name.
    """
    card = files.read_json(path / "card.json")
    if not isinstance(card, dict) or not is_id(card.get("id")) or not isinstance(card.get("files"), dict):
        raise RunError(t("This is not a run of Digit Lab: it has no readable card.json."))
    if card.get("format") != FORMAT:
        raise RunError(
            t(
                "The run {id} has format {found!r}; this Digit Lab reads {format}.",
                id=card["id"],
                found=card.get("format"),
                format=FORMAT,
            )
        )
    there = {p.name for p in path.iterdir()} - {"card.json"}
    odd = sorted(there ^ set(card["files"]))
    if odd:
        raise RunError(
            t("The run {id} is not whole: {odd} is missing, or does not belong to it.", id=card["id"], odd=odd[0])
        )
    run = open_folder(path, card["id"])
    for name in card["files"]:
        verified(run, name)
    if not (folder(settings) / run.id).exists():
        folder(settings).mkdir(parents=True, exist_ok=True)
        path.rename(folder(settings) / run.id)
    return load_run(settings, run.id)


def sweep(settings: Settings) -> list[str]:
    """Remove what interrupted jobs left behind; returns the ids whose half-written folders went."""
    gone = []
    for partial in folder(settings).glob(".partial-*"):
        run_id = partial.name.removeprefix(".partial-")
        if not jobs.is_alive(settings, run_id):
            shutil.rmtree(partial, ignore_errors=True)
            gone.append(run_id)
    return gone


def sha256(path: Path) -> str:
    """Return a file's sha256 as 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
