"""Weights & Biases on the screen: connected or not, what would be sent, sync now. The key itself is never shown."""

import time

import streamlit as st

from core import jobs, pipeline, tracking
from core.settings import Settings
from core.ui import frame

POLL_SECONDS = 0.5
_BUTTONS = {"test": "Test connection", "sync": "Sync all now", "exchange": "Look for promotions"}
_SENT = (
    "For each run: its parameters, figures, charts and notes, and the files of the run folder (model, card, config, "
    "evaluation). Not sent: host name, user, command line, source code, console output, machine statistics, drawings."
)


def connection_line(settings: Settings) -> None:
    """Say in one line whether runs go to W&B; what failed earlier and is due is tried again."""
    found = tracking.load_connection(settings)
    icon = {True: "cloud_done", False: "cloud_off", None: "cloud"}[found["ok"]]
    st.caption(f":material/{icon}: W&B: {found['message']}")
    if tracking.find_key(settings) and tracking.pending(settings, time.time()):
        frame.act(pipeline.start_tracking, settings, {"sync": False})


def connection_section(settings: Settings) -> None:
    """Show how W&B is set up, and offer to test it and to sync everything now."""
    has_key = bool(tracking.find_key(settings))
    with st.expander("Weights & Biases", icon=":material/cloud:"):
        connection_line(settings)
        rows = {
            "Entity": settings.wandb_entity or tracking.load_connection(settings)["entity"] or "the key's own",
            "Project": settings.wandb_project,
            "Mode": settings.wandb_mode,
            "Key configured": "yes" if has_key else "no",
            "Waiting to be sent": str(len(tracking.pending(settings, time.time(), force=True))),
        }
        st.table({"": rows.keys(), " ": rows.values()})
        st.caption(_SENT)
        with st.container(horizontal=True):
            for key, label in _BUTTONS.items():
                start = (pipeline.start_tracking, settings, {key: True})
                st.button(label, key=f"wandb-{key}", on_click=frame.act, args=start, disabled=not has_key)
        _show_work(settings)


def _show_work(settings: Settings) -> None:
    live = [job.id for job in jobs.list_jobs(settings, "track") if job.live]

    @st.fragment(run_every=POLL_SECONDS if live else None)
    def panel() -> None:
        for job in jobs.list_jobs(settings, "track"):
            if job.id in live and not job.live:
                st.rerun()
            if job.live and job.message:
                st.caption(f":material/hourglass_top: {job.message}")

    panel()
