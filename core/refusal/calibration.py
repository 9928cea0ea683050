"""A run's calibration: how far its sets reach, and who judges what is a digit. Computed once, kept beside the run."""

import functools
import io
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from core import conformal, files, runs
from core.dataset import Digits
from core.digits import stratified
from core.errors import DataError, RunError
from core.refusal.judge import Judge

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
            f"The run {run.id} was measured on the data {run.config['data_sha256'][:12]}, but the server has "
            f"{digits.sha256[:12]} by now. Train once more to calibrate it."
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
    body = io.BytesIO()
    np.savez_compressed(body, format=FORMAT, **arrays)
    files.write_bytes(run.path / FILE, body.getvalue())


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
def _read(run: runs.Run, changed: int) -> Calibration:
    try:
        with np.load(run.path / FILE, allow_pickle=False) as arrays:
            if arrays["format"] != FORMAT:
                raise ValueError
            own = {name: arrays[name] for name in ("scores", "covered", "sizes")}
            given = {field.name: arrays[f"judge_{field.name}"] for field in fields(Judge)}
    except Exception as error:  # whatever numpy, zipfile and zlib say of a file that is not whole
        raise RunError(
            f"{FILE} of the run {run.id} cannot be read. Delete it, then calibrate the run again."
        ) from error
    judge = Judge(**given | {"threshold": float(given["threshold"]), "n": int(given["n"])})
    return Calibration(**own, judge=judge)
