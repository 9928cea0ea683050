"""Read run folders: one, all, and those that cannot be used. Nothing but config.json and card.json is opened."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core import files
from core.errors import RunError
from core.runs import card as contents
from core.settings import Settings
from core.texts import t

FORMAT = 1
_ID = re.compile(r"\d{8}-\d{6}-[a-z_]+-[0-9a-f]{4}")


@dataclass(frozen=True, slots=True)
class Run:
    """One sealed run: `config` is all that is needed to repeat it, `card` what came of it.

    Two are the same where id and folder are: what was sealed never changes. Both dicts are shared by everybody who
    looks at the run; nobody changes them.
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


_KNOWN: dict[str, Run] = {}
_MOST = 2048


@dataclass(frozen=True, slots=True)
class Unusable:
    """A folder among the runs that is none, or none that can be used; `reason` is one sentence."""

    name: str
    reason: str


def folder(settings: Settings) -> Path:
    """Return where sealed runs live."""
    return settings.home / "runs"


def is_id(text: Any) -> bool:
    """Tell whether something could be the id of a run, and so the name of its folder."""
    return isinstance(text, str) and bool(_ID.fullmatch(text))


def load_run(settings: Settings, run_id: str) -> Run:
    """Read a run's config and card.

    Raises
    ------
    RunError
        If there is no such run, or its folder cannot be used; with the reason.
    """
    if not is_id(run_id):
        raise RunError(t("{run_id!r} is not the id of a run. Choose one from the list.", run_id=run_id))
    path = folder(settings) / run_id
    if not path.is_dir():
        raise RunError(t("There is no run {run_id!r} here. Choose one from the list.", run_id=run_id))
    return open_folder(path, run_id)


def open_folder(path: Path, run_id: str) -> Run:
    """Read the run in a folder, which need not be among the others yet.

    Raises
    ------
    RunError
        If it is no run of that id, of another format, or its files lack what every page relies on.
    """
    config, card = files.recall_json(path / "config.json"), files.recall_json(path / "card.json")
    known = _KNOWN.get(str(path))
    if known and known.config is config and known.card is card:  # the very objects that were checked before
        return known
    if not isinstance(config, dict) or not isinstance(card, dict) or card.get("id") != run_id:
        raise RunError(
            t(
                "The run {run_id} has no readable config.json and card.json of its own. Delete its folder.",
                run_id=run_id,
            )
        )
    if card.get("format") != FORMAT:
        raise RunError(
            t(
                "The run {run_id} has format {found!r}; this Digit Lab reads {format}. Use the version that made it.",
                run_id=run_id,
                found=card.get("format"),
                format=FORMAT,
            )
        )
    if fault := contents.fault(config, card):
        raise RunError(
            t("The run {run_id} cannot be used, as its {fault}. Delete its folder.", run_id=run_id, fault=fault)
        )
    if len(_KNOWN) >= _MOST:
        _KNOWN.clear()
    _KNOWN[str(path)] = Run(run_id, path, config, card)
    return _KNOWN[str(path)]


def list_runs(settings: Settings) -> list[Run]:
    """Return every usable run, newest first."""
    return [entry for entry in _entries(settings) if isinstance(entry, Run)]


def list_unusable_folders(settings: Settings) -> list[Unusable]:
    """Return each folder among the runs that cannot be used, with the reason."""
    return [entry for entry in _entries(settings) if isinstance(entry, Unusable)]


def list_unusable(settings: Settings) -> list[str]:
    """Return one sentence for each run folder that cannot be used."""
    return [entry.reason for entry in list_unusable_folders(settings)]


def size_of(run: Run) -> int:
    """Return how large the model is that a run serves, else the one for people; in bytes, from the card alone."""
    listed = run.card["files"]
    return next((listed[name]["bytes"] for name in ("model.onnx", run.model_file) if name in listed), 0)


def _entries(settings: Settings) -> list[Run | Unusable]:
    root = folder(settings)
    there = [p for p in root.iterdir() if not p.name.startswith(".")] if root.is_dir() else []
    found: list[Run | Unusable] = []
    for path in sorted(there, key=lambda p: p.name, reverse=True):
        try:
            if is_id(path.name):
                found.append(load_run(settings, path.name))
            elif path.is_dir():
                words = t("The folder {name!r} among the runs is no run. Move it away.", name=path.name)
                found.append(Unusable(path.name, words))
        except RunError as error:
            found.append(Unusable(path.name, str(error)))
    return found
