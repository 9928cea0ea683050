"""All runs: find, compare, promote, repeat, send around; and what is on Weights & Biases."""

import streamlit as st

from core import runs, serving, ui
from core.texts import t

with ui.page("Runs") as (settings, digits):
    ui.look_if_due(settings)
    serves = serving.choose(settings)
    found = runs.list_runs(settings)
    best = max(found, key=lambda run: run.metrics["accuracy"], default=None)
    if best:
        st.markdown(t("Most right so far: **{run}**.", run=ui.plain(ui.run_label(best))))
    if serves.run:
        st.markdown(t("In service: **{run}**, {why}.", run=ui.plain(ui.run_label(serves.run)), why=serves.why))
    elif best:
        st.markdown(t("Nothing is in service. {why}", why=serves.why))
    ui.show_trash(settings)
    ui.show_unusable(settings)
    if not found:
        ui.offer_missing(settings, ui.asked_runs())
        invitation, below = st.container(), st.container()
        with below:
            ui.show_import(settings)
        with invitation:
            ui.invite(settings)  # which ends the page

    ui.show_board(settings, found)
    chosen = ui.chosen_runs(settings, found)
    ui.show_runs(settings, digits, found, chosen)

if not chosen:
    st.caption(t("Tick a run to see what can be done with it; tick two or more to compare them."))
elif len(chosen) == 1:
    ui.show_run(settings, digits, chosen[0], found)
else:
    ui.did("compared", len(chosen))
    ui.show_comparison(digits, chosen)
    ui.notice(settings, digits)
ui.show_live(settings)
ui.show_import(settings)
ui.connection_section(settings)
