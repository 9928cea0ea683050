"""What helps against what a check found: other parameters, in words and as a link to the Train page."""

from collections.abc import Mapping
from typing import Any

from core import models, runs
from core.errors import ModelError
from core.models import ModelSpec, Value
from core.texts import t

HOME, TRAIN, DRAW = "Home.py", "pages/1_Train.py", "pages/3_Draw.py"


def query(run: runs.Run, **changes: Value) -> dict[str, str]:
    """Return what the link to the Train page must carry to repeat a run, perhaps with other values.

    Parameters
    ----------
    changes : parameter -> value
        What the family does not have is left out; `augmentation` may be among them.

    Returns
    -------
    dict
        Empty where this version has no such family.
    """
    spec = _spec(run.family)
    if spec is None:
        return {}
    given: Mapping[str, Any] = {**run.config["params"], **changes}
    found = {} if spec.name == models.DEFAULT else {"model": spec.label}
    for p in spec.parameters:
        value = given.get(p.name, p.default)
        if value != p.default:
            found[spec.in_link(p.name)] = p.none if value is None else str(value)
    level = changes.get("augmentation", run.config.get("augmentation"))
    if level:
        found[spec.in_link("augmentation")] = str(level)
    if run.config.get("train_size"):
        found["train_size"] = str(run.config["train_size"])
    return found


def another(run: runs.Run) -> dict[str, str]:
    """Return the link to a family that is worth comparing a run with."""
    label = next(spec.label for spec in models.CATALOGUE.values() if spec.name not in (run.family, models.DEFAULT))
    return {"model": label}


def tamer(run: runs.Run, best_depth: int | None) -> dict[str, Value]:
    """Return parameters with which a family learns less by heart; empty where there are none to try."""
    params = run.config["params"]
    deep = params.get("max_depth", 0)
    if run.family == models.DEFAULT and (deep is None or deep > (best_depth or 10)):
        return {"max_depth": best_depth or 10}
    if "min_samples_leaf" in params and params["min_samples_leaf"] < 5:
        return {"min_samples_leaf": 5}
    if "alpha" in params and params["alpha"] < 0.01:
        return {"alpha": 0.01}
    if "C" in params:
        return {"C": max(params["C"] / 10, 0.001)}
    return {}


def stronger(run: runs.Run) -> dict[str, Value]:
    """Return parameters with which a family learns more; empty where there are none to try."""
    deep = run.config["params"].get("max_depth")
    return {"max_depth": min(2 * int(deep) + 2, 15)} if deep and deep < 15 else {}


def fairer(run: runs.Run) -> dict[str, Value]:
    """Return what helps a digit that is found too seldom; empty where there is nothing to try."""
    if run.config["params"].get("class_weight", "balanced") != "balanced":
        return {"class_weight": "balanced"}
    return {"augmentation": "hands"} if run.config.get("augmentation") in ("none", "light") else stronger(run)


def calibrate(run: runs.Run) -> dict[str, str]:
    """Return the link to where a run is calibrated on Draw."""
    return {"run": run.id, "why": "How sure"}


def advice(changes: Mapping[str, Value], otherwise: str) -> str:
    """Say what to try, or `otherwise` where nothing is to be changed."""
    if not changes:
        return otherwise
    return t("Try {values}.", values=", ".join(f"{name} = {value}" for name, value in changes.items()))


def _spec(family: str) -> ModelSpec | None:
    try:
        return models.spec(family)
    except ModelError:
        return None
