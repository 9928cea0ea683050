"""Which controls of Train a teacher's link locks: `lock=max_depth,criterion`, `lock=model` or `lock=all`."""

from collections.abc import Collection

from core import models
from core.errors import GoalError
from core.texts import t

ALL = "all"
OTHERS = ("model", "augmentation", "train_size", "my_digits")  # controls that are no parameter of a family


def names() -> list[str]:
    """Return what can be locked: parameters under their own names, whatever family has them, and `OTHERS`."""
    found = [p.name for spec in models.CATALOGUE.values() for p in spec.parameters]
    return [*OTHERS, *dict.fromkeys(found)]


def parse(text: str, known: Collection[str]) -> frozenset[str]:
    """Return what is locked.

    Parameters
    ----------
    text : str
        Names with commas between, or `all`; empty = nothing.
    known : names that there are

    Raises
    ------
    GoalError
        For a name that is none.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if ALL in parts:
        return frozenset(known)
    for part in parts:
        if part not in known:
            wrong = repr(part[:60])
            raise GoalError(
                t(
                    "The link's lock names {name}, which is no control of Train; write {all}, or names such as {some}.",
                    name=wrong,
                    all=ALL,
                    some="model, max_depth, criterion",
                )
            )
    return frozenset(parts)
