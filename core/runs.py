"""A training run is a folder: written aside, sealed by one rename, then never changed."""

import hashlib
import io
import json
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from core import files, jobs, metrics
from core.errors import RunError
from core.settings import Settings

FORMAT = 1
_ID = re.compile(r"\d{8}-\d{6}-[a-z_]+-[0-9a-f]{4}")


@dataclass(frozen=True, slots=True)
class Run:
    """One sealed run: `config` is all that is needed to repeat it, `card` what came of it.

    Two are the same where id and folder are: what was sealed never changes.
    """

    id: str
    path: Path
    config: dict[str, Any] = field(compare=False)
    card: dict[str, Any] = field(compare=False)

    @property
    def family(self) -> str:
        return self.config["family"]

    @property
    def metrics(self) -> dict[str, float]:
        return self.card["metrics"]

    @property
    def model_file(self) -> str:
        """The name of the file for people: a network's, or scikit-learn's."""
        return next((name for name in ("model.keras", "model.joblib") if name in self.card["files"]), "model.joblib")

    @property
    def servable(self) -> bool:
        return self.card["parity"]["servable"]


def folder(settings: Settings) -> Path:
    """Return where sealed runs live."""
    return settings.home / "runs"


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
        raise RunError(f"The run {run_id} was not fitted to its end. Train it once more.")
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
    if not isinstance(card, dict) or not _ID.fullmatch(str(card.get("id"))) or not isinstance(card.get("files"), dict):
        raise RunError("This is not a run of Digit Lab: it has no readable card.json.")
    if card.get("format") != FORMAT:
        raise RunError(f"The run {card['id']} has format {card.get('format')!r}; this Digit Lab reads {FORMAT}.")
    there = {p.name for p in path.iterdir()} - {"card.json"}
    odd = sorted(there ^ set(card["files"]))
    if odd:
        raise RunError(f"The run {card['id']} is not whole: {odd[0]} is missing, or does not belong to it.")
    run = Run(card["id"], path, files.read_json(path / "config.json") or {}, card)
    for name in card["files"]:
        verified(run, name)
    if not (folder(settings) / run.id).exists():
        folder(settings).mkdir(parents=True, exist_ok=True)
        path.rename(folder(settings) / run.id)
    return load_run(settings, run.id)


def load_run(settings: Settings, run_id: str) -> Run:
    """Read a run's config and card.

    Raises
    ------
    RunError
        If there is no such run, or its folder cannot be used; with the reason.
    """
    if not _ID.fullmatch(run_id):
        raise RunError(f"{run_id!r} is not the id of a run. Choose one from the list.")
    path = folder(settings) / run_id
    if not path.is_dir():
        raise RunError(f"There is no run {run_id!r} here. Choose one from the list.")
    config, card = files.read_json(path / "config.json"), files.read_json(path / "card.json")
    if not isinstance(config, dict) or not isinstance(card, dict) or card.get("id") != run_id:
        raise RunError(f"The run {run_id} has no readable config.json and card.json of its own. Delete its folder.")
    if card.get("format") != FORMAT:
        raise RunError(
            f"The run {run_id} has format {card.get('format')!r}; this Digit Lab reads {FORMAT}. "
            "Use the version that made it."
        )
    return Run(run_id, path, config, card)


def list_runs(settings: Settings) -> list[Run]:
    """Return every usable run, newest first."""
    return [entry for entry in _entries(settings) if isinstance(entry, Run)]


def list_unusable(settings: Settings) -> list[str]:
    """Return one sentence for each run folder that cannot be used."""
    return [entry for entry in _entries(settings) if isinstance(entry, str)]


def verified(run: Run, name: str) -> bytes:
    """Read one of the run's files, after its sha256 matches the card.

    Raises
    ------
    RunError
        If the run has no such file, or the file is not the one that was sealed.
    """
    expected = run.card["files"].get(name)
    if expected is None:
        raise RunError(f"The run {run.id} has no {name}.")
    try:
        body = (run.path / name).read_bytes()
    except OSError as error:
        raise RunError(f"{name} of the run {run.id} cannot be read. Train it once more.") from error
    found = hashlib.sha256(body).hexdigest()
    if found != expected["sha256"]:
        raise RunError(
            f"{name} of the run {run.id} has the sha256 {found[:12]}…, but was sealed with "
            f"{expected['sha256'][:12]}…: it was changed or damaged. Train it once more."
        )
    return body


def load_evaluation(run: Run) -> metrics.Evaluation:
    """Read the answers on the test set that were saved with the run."""
    return _evaluation(verified(run, "evaluation.npz"))


def draft_evaluation(partial: Path) -> metrics.Evaluation:
    """Read the answers of a run that is not sealed yet."""
    return _evaluation((partial / "evaluation.npz").read_bytes())


def save_labels(run: Run, labels: dict[str, str]) -> None:
    """Write what people say of a run, such as its `author`: beside the sealed files, and free to change."""
    files.write_json(run.path / "labels.json", load_labels(run) | labels)


def load_labels(run: Run) -> dict[str, str]:
    """Read what people say of a run; empty where nobody did."""
    body = files.read_json(run.path / "labels.json")
    return body if isinstance(body, dict) else {}


def evaluation_json(evaluation: metrics.Evaluation) -> str:
    """Return the evaluation as JSON: y_true, y_pred and proba, one entry a test image."""
    body = {
        "y_true": evaluation.y_true.tolist(),
        "y_pred": evaluation.y_pred.tolist(),
        "proba": [[round(float(p), 6) for p in row] for row in evaluation.proba],
    }
    return json.dumps(body)


def sweep(settings: Settings) -> list[str]:
    """Remove what interrupted jobs left behind; returns the ids whose half-written folders went."""
    gone = []
    for partial in folder(settings).glob(".partial-*"):
        run_id = partial.name.removeprefix(".partial-")
        if not jobs.is_alive(settings, run_id):
            shutil.rmtree(partial, ignore_errors=True)
            gone.append(run_id)
    return gone


def _evaluation(body: bytes) -> metrics.Evaluation:
    with np.load(io.BytesIO(body), allow_pickle=False) as arrays:
        return metrics.Evaluation(arrays["y_true"], arrays["proba"])


def sha256(path: Path) -> str:
    """Return a file's sha256 as 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _entries(settings: Settings) -> list[Run | str]:
    root = folder(settings)
    ids = sorted((p.name for p in root.iterdir() if _ID.fullmatch(p.name)), reverse=True) if root.is_dir() else []
    found: list[Run | str] = []
    for run_id in ids:
        try:
            found.append(load_run(settings, run_id))
        except RunError as error:
            found.append(str(error))
    return found
