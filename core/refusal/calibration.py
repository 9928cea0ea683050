"""A run's calibration: how far its sets reach, and who judges what is a digit. Computed once, kept beside the run."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from core import conformal, runs
from core.dataset import Digits
from core.digits import stratified
from core.errors import DataError
from core.refusal.judge import Judge
from core.texts import t

FORMAT = 1
FILE = "extra/calibration.npz"
COVERAGES = tuple(percent / 100 for percent in range(80, 100))
_SEED = 7


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """What half of the test images taught, and what the other half says of it.

    Parameters
    ----------
    scores : (n,) float32
        Rising, from `conformal.scores`, of the half that was calibrated on.
    covered : (20,) float64
        The share of the other half whose set held the true digit, at each of `COVERAGES`.
    sizes : (20, 11) int64
        How many of their sets had 0 to 10 digits.
    judge : Judge
    """

    scores: np.ndarray
    covered: np.ndarray
    sizes: np.ndarray
    judge: Judge


def halves(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Divide the test images: positions to calibrate on and positions to report on, stratified, always the same.

    Parameters
    ----------
    labels : (n,) uint8
    """
    chosen = stratified(labels, len(labels) // 2, _SEED)
    return chosen, np.setdiff1d(np.arange(len(labels)), chosen)


def check(run: runs.Run, digits: Digits) -> None:
    """Refuse a run whose test images are not the ones at hand.

    Raises
    ------
    DataError
        With both data sets' names.
    """
    if run.config["data_sha256"] != digits.sha256:
        raise DataError(
            t(
                "The run {id} was measured on the data {old}, but the server has {new} by now. "
                "Train once more to calibrate it.",
                id=run.id,
                old=run.config["data_sha256"][:12],
                new=digits.sha256[:12],
            )
        )


def of_run(run: runs.Run, judge: Judge) -> Calibration:
    """Calibrate the run's sets, from the answers that were saved with it: some milliseconds."""
    evaluation = runs.load_evaluation(run)
    chosen, others = halves(evaluation.y_true)
    ordered = conformal.scores(evaluation.proba[chosen], evaluation.y_true[chosen]).astype(np.float32)
    covered, sizes = conformal.measure(ordered, evaluation.proba[others], evaluation.y_true[others], COVERAGES)
    return Calibration(ordered, covered, sizes, judge)


def save(run: runs.Run, calibration: Calibration) -> None:
    """Keep a calibration beside the run's sealed files."""
    own = [field.name for field in fields(Calibration) if field.name != "judge"]
    arrays: dict[str, Any] = {name: getattr(calibration, name) for name in own}
    arrays |= {f"judge_{field.name}": getattr(calibration.judge, field.name) for field in fields(Judge)}
    runs.save_extra(run, FILE, FORMAT, arrays)


def load(run: runs.Run) -> Calibration | None:
    """Read a run's calibration, once for everybody; None where there is none yet.

    Raises
    ------
    RunError
        If there is one that cannot be read.
    """
    try:
        changed = (run.path / FILE).stat().st_mtime_ns
    except OSError:
        return None
    return _read(run, changed)


@functools.lru_cache(maxsize=8)
def _read(run: runs.Run, changed: int) -> Calibration | None:
    return runs.load_extra(run, FILE, FORMAT, _from_arrays, "calibrate the run again")


def _from_arrays(arrays: Mapping[str, np.ndarray]) -> Calibration:
    own = {name: arrays[name] for name in ("scores", "covered", "sizes")}
    given: dict[str, Any] = {field.name: arrays[f"judge_{field.name}"] for field in fields(Judge)}
    return Calibration(**own, judge=Judge(**given | {"threshold": float(given["threshold"]), "n": int(given["n"])}))
