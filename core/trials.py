"""A sweep as a folder: what is searched, and every trial as soon as it has ended. Only the sweep's job writes there.

`DIGITLAB_HOME/sweeps/<id>/sweep.json` says what is tried, in order; `trials.jsonl` has a line for whatever becomes of a
trial, the last one counts. A job that is killed loses nothing that was finished.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from core import files
from core.errors import RunError
from core.settings import Settings
from core.texts import t

FORMAT = 1
FILE = "trials.jsonl"


@dataclass(frozen=True, slots=True)
class Metric:
    """A way to score a trial on the held-out images; `sign` is 1 where more is better, else -1."""

    label: str
    sign: int
    percent: bool

    def say(self, value: float) -> str:
        """Return a score as people read it."""
        return f"{value:.2%}" if self.percent else f"{value:.4f}"


METRICS = {
    "accuracy": Metric("Accuracy", 1, percent=True),
    "f1": Metric("Macro F1", 1, percent=False),
    "log_loss": Metric("Log loss", -1, percent=False),
}


@dataclass(frozen=True, slots=True)
class Trial:
    """One trial.

    Parameters
    ----------
    params : dict
        All parameters of the family, those that are not searched too.
    state : "waiting", "running", "done" or "failed"
    scores : dict of str to float
        One for each of `METRICS`, on the held-out images; empty before the end.
    seconds : float
        What the fit and the answers took.
    message : str
        Why it failed.
    """

    number: int
    params: dict[str, Any]
    state: str = "waiting"
    scores: Mapping[str, float] | None = None
    seconds: float = 0.0
    message: str = ""


@dataclass(frozen=True, slots=True)
class Sweep:
    """One sweep; `body` is its `sweep.json`, as `core.sweep.submit` describes it."""

    id: str
    path: Path
    body: dict[str, Any]
    trials: tuple[Trial, ...]

    @property
    def metric(self) -> Metric:
        return METRICS[self.body["metric"]]

    @property
    def done(self) -> list[Trial]:
        """The trials that came to a result."""
        return [trial for trial in self.trials if trial.state == "done"]

    @property
    def ended(self) -> int:
        """How many trials came to an end, good or bad."""
        return sum(trial.state in ("done", "failed") for trial in self.trials)

    def score(self, trial: Trial) -> float:
        """Return what a trial that is done counts for."""
        return (trial.scores or {})[self.body["metric"]]

    def searched(self, trial: Trial) -> dict[str, Any]:
        """Return those parameters of a trial that are searched."""
        return {name: trial.params[name] for name in self.body["space"]}

    @property
    def best(self) -> Trial | None:
        """The best trial so far, the earlier of two equal ones; None while none is done."""
        return max(self.done, key=lambda trial: (self.metric.sign * self.score(trial), -trial.number), default=None)


def folder(settings: Settings, sweep_id: str) -> Path:
    """Return the sweep's folder, which need not exist."""
    return settings.home / "sweeps" / sweep_id


def create(settings: Settings, sweep_id: str, body: dict[str, Any]) -> Path:
    """Write a new sweep's folder, nothing tried yet."""
    path = folder(settings, sweep_id)
    path.mkdir(parents=True)
    (path / FILE).touch()
    files.write_json(path / "sweep.json", {"format": FORMAT, **body})
    return path


def note(path: Path, **facts: Any) -> None:
    """Add to `sweep.json` what is known only when the job is at work."""
    files.write_json(path / "sweep.json", files.read_json(path / "sweep.json") | facts)


def append(path: Path, number: int, state: str, **fields: Any) -> None:
    """Write down at once what became of a trial; a line is written whole or, if the machine dies, not read."""
    line = json.dumps({"number": number, "state": state, **fields}) + "\n"
    with (path / FILE).open("ab", buffering=0) as file:  # one write, so that two threads' lines do not mix
        file.write(line.encode())


def load(settings: Settings, sweep_id: str) -> Sweep:
    """Read one sweep.

    Raises
    ------
    RunError
        If there is no such sweep, or it cannot be read.
    """
    path = folder(settings, sweep_id)
    if sweep_id != path.name or not path.is_dir():
        raise RunError(t("There is no sweep {sweep_id!r} here. Choose one from the list.", sweep_id=sweep_id))
    body = files.read_json(path / "sweep.json")
    if not isinstance(body, dict) or body.get("format") != FORMAT:
        raise RunError(
            t("The sweep {sweep_id} has no sweep.json that this Digit Lab reads. Delete its folder.", sweep_id=sweep_id)
        )
    found = {number: Trial(number, params) for number, params in enumerate(body["plan"], 1)}
    for line in (path / FILE).read_bytes().split(b"\n")[:-1]:  # what stands after the last end of a line is cut off
        try:
            told = json.loads(line)
            number = told.pop("number")
            found[number] = Trial(number, found[number].params, **told)
        except (ValueError, KeyError, TypeError):
            continue
    return Sweep(sweep_id, path, body, tuple(found.values()))


def list_ids(settings: Settings) -> list[str]:
    """Return the ids of all sweeps, newest first."""
    root = settings.home / "sweeps"
    return sorted((p.parent.name for p in root.glob("[0-9]*/sweep.json")), reverse=True)


def list_sweeps(settings: Settings) -> list[Sweep]:
    """Return every sweep that can be read, newest first."""
    found = []
    for sweep_id in list_ids(settings):
        try:
            found.append(load(settings, sweep_id))
        except RunError:
            continue
    return found


def table(sweep: Sweep) -> pd.DataFrame:
    """Return the trials, one a row.

    Returns
    -------
    DataFrame
        Index `trial` from 1; a column for each searched parameter, for each of `METRICS` (NaN before the end), then
        seconds, state, and best (bool).
    """
    best = sweep.best
    rows = []
    for trial in sweep.trials:
        scores = {name: (trial.scores or {}).get(name, float("nan")) for name in METRICS}
        seconds = trial.seconds if trial.state == "done" else float("nan")
        own = {"seconds": seconds, "state": trial.state, "best": trial is best}
        rows.append(sweep.searched(trial) | scores | own)
    return pd.DataFrame(rows, index=pd.RangeIndex(1, len(rows) + 1, name="trial"))
