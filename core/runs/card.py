"""What config.json and card.json of a run must hold before any page relies on it."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from core.texts import t

_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LAST_MOMENT = 4e9  # the year 2096: what is later can be no time at which a run was made


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _share(value: Any) -> bool:
    return _number(value) and 0 <= value <= 1


def _amount(value: Any) -> bool:
    return _number(value) and value >= 0


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _moment(value: Any) -> bool:
    return _amount(value) and value < _LAST_MOMENT


def _a(kind: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, kind)


_OF_CARD: dict[str, Callable[[Any], bool]] = {
    "label": _a(str),
    "created": _moment,
    "shape": _a(dict),
    "peak_memory_mb": _amount,
    "metrics.accuracy": _share,
    "metrics.f1": _share,
    "data.title": _a(str),
    "data.is_sample": _a(bool),
    "data.n_fit": _count,
    "data.n_train": _count,
    "data.n_test": _count,
    "timings.fit": _amount,
    "timings.predict": _amount,
    "timings.total": _amount,
    "parity.servable": _a(bool),
    "parity.reason": _a(str),
    "files": _a(dict),
}
_OF_CONFIG: dict[str, Callable[[Any], bool]] = {
    "family": _a(str),
    "params": _a(dict),
    "data_sha256": lambda value: isinstance(value, str) and bool(_SHA256.fullmatch(value)),
    "versions": _a(dict),
}
# Of newer cards, or of some families; where it is there, it must be what it seems.
_PERHAPS_CARD: dict[str, Callable[[Any], bool]] = {
    "metrics.log_loss": _amount,
    "shape.depth": _count,
    "features": _a(str),
    "learning": lambda value: isinstance(value, list) and all(isinstance(step, dict) for step in value),
    "repeats": _a(dict),
}
_PERHAPS_CONFIG: dict[str, Callable[[Any], bool]] = {
    "train_size": _count,
    "validation": _count,
    "augmentation": _a(str),
    "copies": _amount,
}


def fault(config: Mapping[str, Any], card: Mapping[str, Any]) -> str:
    """Say what is wrong with a run's two files, in words that follow "its"; empty where they can be relied on.

    Parameters
    ----------
    config, card : mapping
        As read from config.json and card.json, perhaps written by another program.
    """
    for name, body, needed, perhaps in (
        ("config.json", config, _OF_CONFIG, _PERHAPS_CONFIG),
        ("card.json", card, _OF_CARD, _PERHAPS_CARD),
    ):
        odd = [where for where, fits in needed.items() if not fits(_at(body, where))]
        odd += [where for where, fits in perhaps.items() if _at(body, where) is not None and not fits(_at(body, where))]
        if odd:
            return t("{name} has no usable {field}", name=name, field=odd[0])
    for name, entry in card["files"].items():
        if not _FILE_NAME.fullmatch(name) or not _listed(entry):
            return t("card.json lists the file {name!r} without its size and sha256", name=name[:60])
    needed_files = ["config.json", "evaluation.npz", *(["model.onnx"] if card["parity"]["servable"] else [])]
    missing = [name for name in needed_files if name not in card["files"]]
    return t("card.json does not list {name}", name=missing[0]) if missing else ""


def _listed(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and _count(entry.get("bytes"))
        and isinstance(entry.get("sha256"), str)
        and bool(_SHA256.fullmatch(entry["sha256"]))
    )


def _at(body: Any, where: str) -> Any:
    for name in where.split("."):
        body = body.get(name) if isinstance(body, dict) else None
    return body
