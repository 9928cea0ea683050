"""How far a run is from a goal, and whose best run is where."""

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core import runs
from core.goals.grammar import RIVAL, SHARES, Condition, Goal

Facts = Mapping[str, float]
_HOLDS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}


@dataclass(frozen=True, slots=True)
class Part:
    """One condition and a run.

    Parameters
    ----------
    value, bound : float or None
        The run's, and what is asked for; None where it is not known.
    reached : bool
    short : float
        What is missing, as a share of what is asked for: 0 where it is reached, 1 where nobody can tell.
    """

    condition: Condition
    value: float | None
    bound: float | None
    reached: bool
    short: float


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a run is from a goal."""

    parts: tuple[Part, ...]

    @property
    def reached(self) -> bool:
        """Whether every condition is met."""
        return all(part.reached for part in self.parts)

    @property
    def short(self) -> float:
        """What is missing, added over the conditions."""
        return sum(part.short for part in self.parts)


@dataclass(frozen=True, slots=True)
class Entry:
    """A run that stands for its author.

    Parameters
    ----------
    facts : measure -> value
        Of the run; what is not known is left out.
    rivals : rival -> facts
        Measured as the run was, so on the same drawings.
    """

    author: str
    run: str
    facts: Facts
    rivals: Mapping[str, Facts]


def facts(run: runs.Run, my_digits: float | None = None) -> dict[str, float]:
    """Return what is known of a run, from its card alone.

    Parameters
    ----------
    my_digits : float, optional
        The share of the kept drawings that it reads, where it was asked.
    """
    card = run.card
    found = {name: card["metrics"].get(name) for name in ("accuracy", "f1")}
    found |= {name: card["shape"].get(name) for name in ("leaves", "depth")}
    found |= {"images": card["data"]["n_fit"], "seconds": card["timings"]["fit"]}
    found |= {"megabytes": runs.size_of(run) / 1e6, "my_digits": my_digits}
    return {name: float(value) for name, value in found.items() if value is not None}


def rivals(goal: Goal) -> list[str]:
    """Return whom the goal wants to be beaten, each once."""
    return list(dict.fromkeys(condition.rival for condition in goal.conditions if condition.rival))


def candidates(rival: str, found: Sequence[runs.Run]) -> list[runs.Run]:
    """Return the runs that a rival may be: the one of that id, or every tree that was asked for that depth."""
    deep = RIVAL.fullmatch(rival)
    if not deep:
        return [run for run in found if run.id == rival]
    wanted = int(deep[1])
    return [run for run in found if run.family == "decision_tree" and run.config["params"].get("max_depth") == wanted]


def strongest(found: Sequence[Facts]) -> dict[str, float]:
    """Return the best of several runs in each measure: the most of a share, the least of anything else."""
    names = {name for one in found for name in one}
    return {name: (max if name in SHARES else min)(one[name] for one in found if name in one) for name in sorted(names)}


def judge(goal: Goal, mine: Facts, others: Mapping[str, Facts]) -> Standing:
    """Tell how far a run is from a goal.

    Parameters
    ----------
    mine : measure -> value
    others : rival -> facts
    """
    return Standing(tuple(_part(condition, mine, others) for condition in goal.conditions))


def _part(condition: Condition, mine: Facts, others: Mapping[str, Facts]) -> Part:
    what = condition.what
    bound = others.get(condition.rival, {}).get(what) if condition.rival else condition.bound
    value = mine.get(what)
    if value is None or bound is None:
        return Part(condition, value, bound, False, 1.0)
    reached = _HOLDS[condition.sign](value, bound)
    away = abs(bound - value) / max(abs(bound), 1e-9)
    # Level with what must be beaten is short of it all the same, by next to nothing.
    return Part(condition, value, bound, reached, 0.0 if reached else min(max(away, 1e-9), 1.0))


def board(goal: Goal, entries: Sequence[Entry]) -> list[tuple[Entry, Standing]]:
    """Return each author's best entry: those who reached the goal first, then whoever is nearest to it."""
    judged = [(entry, judge(goal, entry.facts, entry.rivals)) for entry in entries]

    def rank(line: tuple[Entry, Standing]) -> tuple[bool, float, float]:
        entry, standing = line
        return not standing.reached, standing.short, -entry.facts.get("accuracy", 0.0)

    best: dict[str, tuple[Entry, Standing]] = {}
    for line in sorted(judged, key=rank):
        best.setdefault(line[0].author, line)
    return list(best.values())
