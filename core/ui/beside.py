"""Other models: the same drawing through every run that is chosen, side by side, and whether they agree."""

import time
from typing import Any

import numpy as np
import streamlit as st

from core import council, plots_explain, runs
from core.digits import CLASSES
from core.settings import Settings
from core.texts import t
from core.ui import inputs, linked

_FIRST = 3  # chosen without asking: the newest of as many other families
_SECONDS = 0.3  # between two looks at answers that take long


def choose(settings: Settings, mine: runs.Run) -> tuple[list[runs.Run], dict[str, str]]:
    """Let the visitor choose runs to compare with, kept in the link; returns them and every run's label."""
    there = [run for run in runs.list_runs(settings) if run.servable and run.id != mine.id]
    others = {run.id: run for run in there if council.fits(settings, run)}
    if len(others) < len(there):
        words = t("{n} of the other runs are too large to be opened beside this one.", n=len(there) - len(others))
        st.caption(f":material/memory: {words}")
    labels = {run_id: inputs.run_label(run) for run_id, run in others.items()}
    if not others:
        st.markdown(t("There is only this one run yet. Train another family and compare."))
        return [], labels
    look: dict[str, Any] = {
        "max_selections": council.MOST,
        "help": t("Up to {most}. Each answers the same drawing, one after the other.", most=council.MOST),
    }
    start = _varied(mine, list(others.values()))
    chosen = linked.choose(st.multiselect, t("Other runs"), list(others), start, "beside", labels.__getitem__, **look)
    if len(chosen) == council.MOST and len(others) > council.MOST:
        st.caption(t("{most} is the most: each model is held in memory while it answers.", most=council.MOST))
    return [others[run_id] for run_id in chosen], labels


def show_answers(
    settings: Settings, mine: tuple[str, np.ndarray], chosen: list[runs.Run], labels: dict[str, str], image: np.ndarray
) -> None:
    """Show what each run says of a picture, in the order of the choice; what takes long comes in its turn.

    Parameters
    ----------
    mine : label of the page's own run, and its answer, (10,) float
    image : (28, 28) uint8
    """
    names = [mine[0], *(labels[run.id] for run in chosen)]
    rows: list[np.ndarray | None] = [mine[1], *[None] * len(chosen)]
    place, words, shown = st.empty(), st.empty(), time.monotonic()
    for number, proba in enumerate(council.ask(settings, chosen, image[np.newaxis]), 1):
        rows[number] = proba[0]
        if number < len(chosen) and time.monotonic() - shown > _SECONDS:
            place.html(plots_explain.votes(names, rows))
            shown = time.monotonic()
    place.html(plots_explain.votes(names, rows))
    words.markdown(agreement(np.stack([row for row in rows if row is not None])))


def agreement(proba: np.ndarray) -> str:
    """Say in one sentence whether models agree on a picture; `proba` (models, 10)."""
    said = proba.argmax(axis=1)
    if len(said) == 1:
        return t("Choose another run to compare with.")
    counts = np.bincount(said, minlength=len(CLASSES))
    if counts.max() == len(said):
        return t("**They agree**: all {n} read a **{digit}**.", n=len(said), digit=said[0])
    order = [digit for digit in np.argsort(-counts, kind="stable") if counts[digit]]
    parts = ", ".join(t("{n} a **{digit}**", n=counts[digit], digit=digit) for digit in order)
    return t("**They disagree**: of {n}, {parts}.", n=len(said), parts=parts)


def _varied(mine: runs.Run, others: list[runs.Run]) -> list[str]:
    newest = {run.family: run.id for run in reversed(others) if run.family != mine.family}
    return list(newest.values())[::-1][:_FIRST] or [others[0].id]
