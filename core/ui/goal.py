"""A teacher's goal on the screen: how far one's own runs are from it, and the board of the class."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core import goals, mydigits, runs
from core.settings import Settings
from core.texts import t
from core.ui import assignment, door, frame, inputs, runs_table

SCORE_SECONDS = 0.8
_MARKS = {True: ":green[:material/check_circle:]", False: ":orange[:material/radio_button_unchecked:]"}


def show_goal(settings: Settings) -> None:
    """Show the link's goal, and how far one's best and newest runs are from it; nothing where there is none."""
    goal = assignment.goal()
    if goal is None:
        return
    found = runs.list_runs(settings)
    mine = [run for run in found if runs_table.is_mine(run)] or (found if door.is_host() else [])
    with st.container(border=True, key="goal"):
        st.markdown(f":material/flag: **{t('Goal')}**: {goals.describe(goal)}")
        if not mine:
            st.caption(t("Train a model: here you will see how far it is from the goal."))
            return
        standing = {e.run: goals.judge(goal, e.facts, e.rivals) for e in _entries(settings, goal, mine, found)}
        best = min(mine, key=lambda run: (not standing[run.id].reached, standing[run.id].short))
        shown = {t("Best so far"): best} | ({t("Newest"): mine[0]} if mine[0].id != best.id else {})
        for words, run in shown.items():
            _show(words, run, standing[run.id])


def _show(words: str, run: runs.Run, standing: goals.Standing) -> None:
    head = t("Goal reached") if standing.reached else words
    parts = "  \n".join(f"{_MARKS[part.reached]} {goals.describe_part(part)}" for part in standing.parts)
    st.markdown(f"**{head}** · {frame.plain(inputs.run_label(run))}  \n{parts}")


def show_board(settings: Settings, found: Sequence[runs.Run]) -> None:
    """Show the board of the class: a line an author, the best run for the goal, the nearest first."""
    goal = assignment.goal()
    if goal is None or not found:
        return
    lines = goals.board(goal, _entries(settings, goal, found, found))
    there = {run.id: run for run in found}
    reached = sum(standing.reached for _, standing in lines)
    st.subheader(t("Class board"), help=t("For each author the run that is nearest to the goal."))
    st.markdown(f":material/flag: {goals.describe(goal)}")
    rows = [
        {
            "who": entry.author or t("no name"),
            "reached": standing.reached,
            **{f"part-{i}": _cell(part) for i, part in enumerate(standing.parts)},
            "run": inputs.run_label(there[entry.run]),
        }
        for entry, standing in lines
    ]
    column = st.column_config
    st.dataframe(
        pd.DataFrame(rows),
        key="class-board",
        hide_index=True,
        height="content",
        alt=t("The board of the class: who reached the goal, with which run"),
        column_config={
            "who": column.TextColumn(t("author"), width=110, pinned=True),
            "reached": column.CheckboxColumn(t("reached"), width=80),
            **{
                f"part-{i}": column.TextColumn(goals.label(condition.what), width=130)
                for i, condition in enumerate(goal.conditions)
            },
            "run": column.TextColumn(t("run"), width=330),
        },
    )
    st.caption(t("{n} of {total} reached the goal.", n=reached, total=len(lines)))


def _cell(part: goals.Part) -> str:
    value = t("none") if part.value is None else goals.say(part.condition.what, part.value)
    return value if part.reached or part.value is None else f"{value} ✗"


def _entries(
    settings: Settings, goal: goals.Goal, contenders: Sequence[runs.Run], found: Sequence[runs.Run]
) -> list[goals.Entry]:
    drawn = any(condition.what == "my_digits" for condition in goal.conditions)
    candidates = {rival: goals.candidates(rival, found) for rival in goals.rivals(goal)}
    if drawn:
        asked = {run.id: run for run in [*contenders, *(run for some in candidates.values() for run in some)]}
        mydigits.fill(settings, list(asked.values()), SCORE_SECONDS)
    scores: dict[str, dict[str, float]] = {}
    entries = []
    for run in contenders:
        author = runs.load_labels(run).get("author", "")
        if drawn and author not in scores:
            # Everybody's runs are measured by their own hand; whoever gave no name, by all hands.
            table = mydigits.table(settings, found, author or None)
            scores[author] = {score.run.id: score.accuracy.value for score in table if score.asked}
        own = scores.get(author, {})
        rivals = {
            rival: goals.strongest([goals.facts(one, own.get(one.id)) for one in some])
            for rival, some in candidates.items()
        }
        entries.append(goals.Entry(author, run.id, goals.facts(run, own.get(run.id)), rivals))
    return entries
