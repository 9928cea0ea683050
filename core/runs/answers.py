"""Read what a run's sealed files hold, after each matches its sha256."""

import hashlib
import io
import json
import zipfile
from pathlib import Path

import numpy as np

from core import metrics
from core.digits import CLASSES
from core.errors import RunError
from core.runs.folder import Run
from core.texts import t

_LARGEST = 64 * 2**20  # of an evaluation unpacked: a million and a half test images


def verified(run: Run, name: str) -> bytes:
    """Read one of the run's files, after its sha256 matches the card.

    Raises
    ------
    RunError
        If the run has no such file, or the file is not the one that was sealed.
    """
    expected = run.card["files"].get(name)
    if expected is None:
        raise RunError(t("The run {id} has no {name}.", id=run.id, name=name))
    try:
        body = (run.path / name).read_bytes()
    except OSError as error:
        raise RunError(t("{name} of the run {id} cannot be read. Train it once more.", name=name, id=run.id)) from error
    found = hashlib.sha256(body).hexdigest()
    if found != expected["sha256"]:
        raise RunError(
            t(
                "{name} of the run {id} has the sha256 {found}…, but was sealed with {sha256}…: it was "
                "changed or damaged. Train it once more.",
                name=name,
                id=run.id,
                found=found[:12],
                sha256=expected["sha256"][:12],
            )
        )
    return body


def load_evaluation(run: Run) -> metrics.Evaluation:
    """Read the answers on the test set that were saved with the run.

    Raises
    ------
    RunError
        If the file was changed, or holds no answers.
    """
    return _evaluation(verified(run, "evaluation.npz"), f"evaluation.npz of the run {run.id}")


def draft_evaluation(partial: Path) -> metrics.Evaluation:
    """Read the answers of a run that is not sealed yet."""
    return _evaluation((partial / "evaluation.npz").read_bytes(), "evaluation.npz")


def evaluation_json(evaluation: metrics.Evaluation) -> str:
    """Return the evaluation as JSON: y_true, y_pred and proba, one entry a test image."""
    body = {
        "y_true": evaluation.y_true.tolist(),
        "y_pred": evaluation.y_pred.tolist(),
        "proba": [[round(float(p), 6) for p in row] for row in evaluation.proba],
    }
    return json.dumps(body)


def _evaluation(body: bytes, name: str) -> metrics.Evaluation:
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            large = sum(entry.file_size for entry in archive.infolist()) > _LARGEST
        if not large:
            with np.load(io.BytesIO(body), allow_pickle=False) as arrays:
                found = metrics.Evaluation(arrays["y_true"], arrays["proba"])
                if _holds_answers(found):
                    return found
    except (zipfile.BadZipFile, ValueError, KeyError, EOFError, OSError):
        pass
    raise RunError(t("{name} holds no answers that can be read. Train it once more.", name=name))


def _holds_answers(found: metrics.Evaluation) -> bool:
    y_true, proba = found.y_true, found.proba
    return (
        y_true.ndim == 1
        and len(y_true) > 0
        and y_true.dtype == np.uint8
        and int(y_true.max()) < len(CLASSES)
        and proba.shape == (len(y_true), len(CLASSES))
        and proba.dtype.kind == "f"
        and bool(np.isfinite(proba).all())
    )
