"""A teacher makes a link for the class: what is locked, what is to be reached."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from core import goals, locks, models, runs
from core.settings import Settings
from core.texts import t
from core.ui import assignment, frame, inputs

_LISTED = 20
_DEEPEST = 50


def show_class_link(settings: Settings, spec: models.ModelSpec, params: Mapping[str, Any], level: str) -> None:
    """Let a teacher choose a lock and a goal, and show the link; not where such a link was followed."""
    if assignment.locked():
        return
    with st.expander(t("Make a link for my class"), key="class", icon=":material/school:", bind="query-params"):
        st.markdown(
            t("Set the side bar as the class is to find it. Then choose what nobody can change, and what to reach.")
        )
        locked = _lock_input(spec)
        goal = _goal_input(settings)
        query = inputs.in_link(spec, params) | {spec.in_link("augmentation"): level}
        for name in ("train_size", "my_digits", "lang"):
            if name in st.query_params:
                query[name] = st.query_params[name]
        query |= {"lock": locked} if locked else {}
        query |= {"goal": goals.write(goal)} if goal else {}
        # Signs are written as %3E: mail programs end a link at a bare ">".
        link = f"{frame.address()}/Train?{urlencode(query, safe=',=')}"
        st.code(link, language=None, wrap_lines=True)
        st.caption(t("Runs shows the board of the class under this link: for each name the best run, reached or not."))


def _lock_input(spec: models.ModelSpec) -> str:
    labels = {locks.ALL: t("everything in the side bar")} | assignment.name_labels(spec)
    chosen = st.multiselect(
        t("What nobody can change"),
        list(labels),
        format_func=lambda name: labels.get(name, name),
        key=f"class-lock-{spec.name}",
        placeholder=t("nothing"),
    )
    return locks.ALL if locks.ALL in chosen else ",".join(chosen)


def _goal_input(settings: Settings) -> goals.Goal | None:
    kinds = {"none": t("no goal"), "numbers": t("numbers to reach"), "rival": t("a model to beat")}
    kind = st.segmented_control(
        t("What is to be reached"),
        list(kinds),
        default="none",
        required=True,
        format_func=kinds.__getitem__,
        key="class-goal",
    )
    if kind == "none":
        return None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        return _numbers_input() if kind == "numbers" else _rival_input(settings)


def _numbers_input() -> goals.Goal:
    share = st.number_input(t("Accuracy at least, %"), 10.0, 100.0, 90.0, step=0.5, key="class-accuracy", width=180)
    words = t("Leave it empty for any number of leaves.")
    leaves = st.number_input(t("Leaves at most"), 2, 10_000, 200, key="class-leaves", help=words, width=180)
    found = [goals.Condition("accuracy", ">=", share / 100)]
    return goals.Goal((*found, *([goals.Condition("leaves", "<=", float(leaves))] if leaves else [])))


def _rival_input(settings: Settings) -> goals.Goal:
    whats = {"my_digits": goals.label("my_digits"), "accuracy": goals.label("accuracy")}
    what = st.selectbox(t("Better at"), list(whats), format_func=whats.__getitem__, key="class-what", width=210)
    found = runs.list_runs(settings)[:_LISTED]
    names = {"depth": t("a tree of the depth")} | {run.id: inputs.run_label(run) for run in found}
    rival = st.selectbox(t("than"), list(names), format_func=names.__getitem__, key="class-rival", width=330)
    if rival == "depth":
        rival += str(st.number_input(t("Depth"), 1, _DEEPEST, 10, key="class-depth", width=120))
    return goals.Goal((goals.Condition(what, ">", None, rival),))
