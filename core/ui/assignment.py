"""What a teacher's link sets: a lock on controls of Train, and a goal. Both stay for the visit, on every page."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from core import goals, locks, models
from core.errors import GoalError
from core.texts import t

_NAMES = ("lock", "goal")


def remember() -> None:
    """Keep the lock and the goal of the link for this visit, and in the link of every page."""
    for name in _NAMES:
        given = st.query_params.get(name)
        if given:
            st.session_state[f"given_{name}"] = given
        elif kept := st.session_state.get(f"given_{name}"):
            st.query_params[name] = kept


def locked() -> frozenset[str]:
    """Return the names of what is locked; nothing where the link's lock cannot be read, which `say_lock` says."""
    try:
        return locks.parse(st.session_state.get("given_lock", ""), locks.names())
    except GoalError:
        return frozenset()


def goal() -> goals.Goal | None:
    """Return the link's goal, or None where there is none; says why where it cannot be read."""
    given = st.session_state.get("given_goal")
    if not given:
        return None
    try:
        return goals.parse(given)
    except GoalError as error:
        st.warning(str(error), icon=":material/flag:")
        return None


def control(name: str, widget: Callable[..., Any], *args: Any, key: str, **look: Any) -> Any:
    """Draw a control of Train; where it is locked, disabled, and with the link's value whatever the browser sends.

    Parameters
    ----------
    name : one of `locks.names`
    widget : as `st.slider`
    """
    if name not in locked():
        return widget(*args, key=key, **look)
    held = st.session_state.setdefault("held", {})
    if key not in held:
        held[key] = widget(*args, key=key, disabled=True, **look)
        return held[key]
    if st.session_state.get(key) != held[key]:
        st.session_state[key] = held[key]
    widget(*args, key=key, disabled=True, **look)
    return held[key]


def say_lock(spec: models.ModelSpec) -> None:
    """Say in one sentence what the link locks."""
    given = st.session_state.get("given_lock", "")
    try:
        found = locks.parse(given, locks.names())
    except GoalError as error:
        st.warning(str(error), icon=":material/lock:")
        return
    if not found:
        return
    labels = name_labels(spec)
    mine = [label for name, label in labels.items() if name in found]
    what = t("everything in the side bar") if len(mine) == len(labels) else ", ".join(mine) or given
    words = t("Your teacher's link locks {what}: trainings here have the link's values.", what=what)
    st.caption(f":material/lock: {words}")


def name_labels(spec: models.ModelSpec) -> dict[str, str]:
    """Return what can be locked on the side bar of a family, name -> label."""
    others = {
        "model": t("Model"),
        "augmentation": t("Augmentation"),
        "train_size": t("Training images"),
        "my_digits": t("My digits"),
    }
    return others | {p.name: t(p.label) for p in spec.parameters}
