"""Did a repeated training give the very same predictions? Asked when it is sealed, kept in its card."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from core import metrics, models
from core.errors import DigitLabError
from core.runs.answers import load_evaluation
from core.runs.folder import Run, load_run
from core.settings import Settings
from core.texts import retell, t


def repeat_config(run: Run) -> dict[str, Any]:
    """Return the config that trains a run once more, as a job takes it; the new card will say what it repeats."""
    made_here = ("data_sha256", "versions")
    return {name: value for name, value in run.config.items() if name not in made_here} | {"repeats": run.id}


def why_no_repeat(run: Run, data_sha256: str) -> str:
    """Say in one sentence why a run cannot be repeated on this server; empty where it can.

    Parameters
    ----------
    data_sha256 : str
        Of the data that the server has.
    """
    try:
        models.spec(run.family).check(run.config["params"])
    except DigitLabError as error:
        return t("It cannot be repeated by this Digit Lab. {error}", error=error)
    if run.config["data_sha256"] != data_sha256:
        return t(
            "It cannot be repeated here: it learned from {title} (sha256 {had}…), and this server has other data "
            "({here}…). Give it that data first, on Home.",
            title=retell(run.card["data"]["title"]),
            had=run.config["data_sha256"][:8],
            here=data_sha256[:8],
        )
    return ""


def compare_repeat(
    settings: Settings, run_id: str, evaluation: metrics.Evaluation, versions: Mapping[str, str]
) -> dict[str, Any]:
    """Compare a repeat's answers with those of the run that it repeats, byte by byte.

    Returns
    -------
    dict
        `run`; `identical`, None where the first run cannot be read any more, then with `why`; `others`, how many test
        images are answered otherwise; `max_difference` of a probability; `versions`, the names of those that differ.
    """
    try:
        first = load_run(settings, run_id)
        before = load_evaluation(first)
    except DigitLabError as error:
        return {"run": run_id, "identical": None, "why": str(error)}
    if before.proba.shape != evaluation.proba.shape:
        return {"run": run_id, "identical": None, "why": t("It was measured on another number of images.")}
    return {
        "run": run_id,
        "identical": same_bytes(before.y_true, evaluation.y_true) and same_bytes(before.proba, evaluation.proba),
        "others": int((before.y_pred != evaluation.y_pred).sum()),
        "max_difference": float(np.abs(before.proba - evaluation.proba).max()),
        "versions": sorted(k for k in versions if first.config["versions"].get(k) != versions[k]),
    }


def same_bytes(one: np.ndarray, other: np.ndarray) -> bool:
    """Tell whether two arrays are the same to the last bit; 0.0 and -0.0 are not."""
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()


def describe_repeat(run: Run) -> str:
    """Say in words which run this one repeats and what came of it; empty where it repeats none."""
    found = run.card.get("repeats")
    if not isinstance(found, dict) or not found.get("run"):
        return ""
    other = found["run"]
    if found.get("identical"):
        n = run.card["data"]["n_test"]
        return t("It repeats {run}: every prediction came out byte-identical, on {n:,} test images.", run=other, n=n)
    if found.get("identical") is None:
        why = retell(found.get("why", ""))
        return t("It repeats {run}, but the two could not be compared. {why}", run=other, why=why).strip()
    words = t(
        "It repeats {run}, and its predictions are not byte-identical: {n:,} test images are answered otherwise, a "
        "probability differs by up to {most:.1e}.",
        run=other,
        n=found.get("others", 0),
        most=found.get("max_difference", 0.0),
    )
    changed = ", ".join(map(str, found.get("versions") or []))
    why = t("The versions of {names} differ.", names=changed) if changed else t("It is promised on one machine only.")
    return f"{words} {why}"
