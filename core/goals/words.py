"""Goals and what is missing, in words."""

from core.goals.grammar import COUNTS, RIVAL, SHARES, Condition, Goal
from core.goals.standing import Part
from core.texts import t


def describe(goal: Goal) -> str:
    """Return a goal in words."""
    return "; ".join(_describe(condition) for condition in goal.conditions)


def _describe(condition: Condition) -> str:
    signs = {">=": t("at least"), "<=": t("at most"), ">": t("more than"), "<": t("less than")}
    return f"{label(condition.what)} {signs[condition.sign]} {_bound(condition)}"


def _bound(condition: Condition) -> str:
    deep = RIVAL.fullmatch(condition.rival)
    if deep:
        return t("a tree of depth {n}", n=deep[1])
    if condition.rival:
        return t("the run {run}", run=condition.rival)
    return say(condition.what, condition.bound or 0.0)


def label(what: str) -> str:
    """Return what a measure is called."""
    return {
        "accuracy": t("accuracy"),
        "f1": "F1",
        "my_digits": t("right on my digits"),
        "leaves": t("leaves"),
        "depth": t("depth"),
        "images": t("training images"),
        "seconds": t("seconds of fit"),
        "megabytes": "MB",
    }[what]


def say(what: str, value: float) -> str:
    """Return a measure's value as it is read: shares in percent."""
    if what in SHARES:
        return f"{100 * value:.4g} %"
    return f"{value:,.0f}" if what in COUNTS else f"{value:.3g}"


def describe_part(part: Part) -> str:
    """Return one condition and how far the run is from it, in words."""
    what, asked = part.condition.what, _describe(part.condition)
    if part.value is None:
        missing = t("no drawing of yours is kept yet") if what == "my_digits" else t("this model has none to count")
        return f"{asked}: {missing}"
    mine = say(what, part.value)
    if part.bound is None:
        return t("{asked}: {mine}; what is to be beaten is not on this server yet", asked=asked, mine=mine)
    than = f" ({say(what, part.bound)})" if part.condition.rival else ""
    if part.reached:
        return f"{asked}{than}: **{mine}**"
    away = abs(part.bound - part.value)
    gap = t("{n} points", n=f"{100 * away:.2g}") if what in SHARES else say(what, away)
    return t("{asked}{than}: **{mine}**, {gap} to go", asked=asked, than=than, mine=mine, gap=gap)
