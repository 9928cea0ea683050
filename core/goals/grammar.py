"""How a goal is written: `goal=accuracy>=0.90,leaves<=200` is reached by a run that meets every condition.

Right of a sign stands a number, `depth10` (the best tree of that depth here), or a run's id: `my_digits>depth10`.
"""

import math
import re
from dataclasses import dataclass

from core import runs
from core.errors import GoalError
from core.texts import t

SHARES = ("accuracy", "f1", "my_digits")
COUNTS = ("leaves", "depth", "images")
SIZES = ("seconds", "megabytes")
MEASURES = (*SHARES, *COUNTS, *SIZES)
MOST = 5  # conditions
_CONDITION = re.compile(r"\s*([a-z_0-9]+)\s*(>=|<=|>|<)\s*(\S+)\s*")
RIVAL = re.compile(r"depth([1-9][0-9]?)")
_EXAMPLE = "accuracy>=0.90,leaves<=200"


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that is asked for.

    Parameters
    ----------
    what : one of `MEASURES`
    sign : ">=", "<=", ">" or "<"
    bound : float or None
        A share from 0 to 1 for `SHARES`; None where a rival is to be beaten.
    rival : str
        `depth<n>` or a run's id; empty where there is a bound.
    """

    what: str
    sign: str
    bound: float | None
    rival: str = ""


@dataclass(frozen=True, slots=True)
class Goal:
    """All conditions must be met."""

    conditions: tuple[Condition, ...]


def parse(text: str) -> Goal:
    """Read a goal.

    Raises
    ------
    GoalError
        In one sentence, what could not be read and how it is written.
    """
    parts = [part for part in text.split(",") if part.strip()]
    if not 0 < len(parts) <= MOST:
        raise GoalError(
            t(
                "The link's goal has {n} conditions; write 1 to {most}, such as {example}.",
                n=len(parts),
                most=MOST,
                example=_EXAMPLE,
            )
        )
    return Goal(tuple(_condition(part) for part in parts))


def write(goal: Goal) -> str:
    """Return a goal as a link has it."""
    return ",".join(f"{c.what}{c.sign}{c.rival or f'{c.bound:.10g}'}" for c in goal.conditions)


def _condition(text: str) -> Condition:
    found = _CONDITION.fullmatch(text)
    if not found:
        part = repr(text.strip()[:60])
        raise GoalError(
            t("The link's goal has {part}, which is no condition; write {example}.", part=part, example=_EXAMPLE)
        )
    what, sign, bound = found.groups()
    if what not in MEASURES:
        name, names = repr(what[:60]), ", ".join(MEASURES)
        raise GoalError(t("The link's goal asks for {name}; what can be asked for is {names}.", name=name, names=names))
    if RIVAL.fullmatch(bound) or runs.is_id(bound):
        return Condition(what, sign, None, bound)
    return Condition(what, sign, _number(what, bound))


def _number(what: str, text: str) -> float:
    percent = text.endswith("%")
    try:
        value = float(text.removesuffix("%")) / (100 if percent else 1)
    except ValueError:
        value = math.nan
    if percent and what not in SHARES:
        value = math.nan
    most = 1.0 if what in SHARES else 1e9
    if 0 <= value <= most:
        return value
    kind = t("a share such as 0.90 or 90%") if what in SHARES else t("a number")
    bound = repr(text[:60])
    raise GoalError(
        t(
            "The link's goal has {bound} for {name}; write {kind}, depth10, or a run's id.",
            bound=bound,
            name=what,
            kind=kind,
        )
    )
