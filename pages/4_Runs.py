"""All runs: which one serves, promote another, go back; and what is on Weights & Biases."""

import streamlit as st

from core import runs, serving, tracking, ui

settings, digits = ui.page("Runs")
ui.look_if_due(settings)
serves = serving.choose(settings)
found = runs.list_runs(settings)
for sentence in runs.list_unusable(settings):
    st.caption(f":material/warning: {sentence}")
if not found:
    ui.invite(settings)

st.markdown(f"In service: **{ui.run_label(serves.run) if serves.run else 'nothing'}**, {serves.why}.")
states = [tracking.load_state(run) for run in found]
picked = st.dataframe(
    {
        "model": [run.card["label"] for run in found],
        "accuracy": [run.metrics["accuracy"] for run in found],
        "author": [runs.load_labels(run).get("author", "") for run in found],
        "when": [ui.when(run.card["created"]) for run in found],
        "in service": [bool(serves.run) and run.id == serves.run.id for run in found],
        "W&B": [state["state"] for state in states],
        "version": [serving.version(run) for run in found],
        "run": [run.id for run in found],
    },
    key="runs",
    on_select="rerun",
    selection_mode="single-row-required",
    selection_default={"selection": {"rows": [0]}},
    hide_index=True,
    column_config={
        "accuracy": st.column_config.NumberColumn(format="%.4f"),
        "in service": st.column_config.CheckboxColumn(help="The run that answers on Draw and in the API."),
        "W&B": st.column_config.TextColumn(help="What became of the run on Weights & Biases."),
    },
)
chosen = found[picked.selection.rows[0] if picked.selection.rows else 0]
st.markdown(f"**{ui.run_label(chosen)}**")
st.caption(tracking.describe(tracking.load_state(chosen)))
with st.container(horizontal=True):
    ui.button(
        "promote",
        "Promote to production",
        "promote",
        ":material/rocket_launch:",
        ui.promote,
        settings,
        chosen.id,
        type="primary",
        disabled=not chosen.servable or (serving.current(settings) or {}).get("run") == chosen.id,
        help="From now on this run answers on Draw and in the API, until another is promoted.",
    )
    ui.button(
        "promote",
        "Roll back",
        "roll-back",
        ":material/undo:",
        ui.roll_back,
        settings,
        disabled=len(serving.history(settings)) < 2,
        help="Put back into production what was there before.",
    )
    ui.sync_button(settings, chosen)
    ui.link("Measure", "pages/2_Metrics.py", ":material/monitoring:", key="measure", run=chosen.id)
    ui.link("Draw", "pages/3_Draw.py", ":material/draw:", key="draw", run=chosen.id)
if closed := ui.closed("promote"):
    st.caption(f":material/lock: {closed}")
ui.connection_section(settings)
