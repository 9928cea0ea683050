"""Weights & Biases on the screen: connected or not, what would be sent, sync now. The key itself is never shown."""

import time
from collections.abc import Sequence

import streamlit as st

from core import jobs, launch, runs, serving, tracking
from core.settings import Settings
from core.texts import retell, t
from core.ui import door, frame

POLL_SECONDS = 0.5
AGAIN_SECONDS = 300.0
_BUTTONS = {"test": "Test connection", "sync": "Sync all now", "exchange": "Look for promotions"}
_SENT = (
    "For each run: its parameters, figures, charts and notes, and the files of the run folder (model, card, config, "
    "evaluation). Not sent: host name, user, command line, source code, console output, machine statistics. "
    "No drawing either, unless a run learned from My digits or you send them there."
)


def connection_line(settings: Settings) -> None:
    """Say in one line whether runs go to W&B; what failed earlier and is due is tried again."""
    found = tracking.load_connection(settings)
    icon = {True: "cloud_done", False: "cloud_off", None: "cloud"}[found["ok"]]
    if door.is_host():
        st.caption(f":material/{icon}: W&B: {retell(found['message'])}")
    now = time.time()
    due = (tracking.pending(settings, now), tracking.pending_sweeps(settings, now), tracking.unlogged(settings))
    if any(due) and tracking.find_key(settings):
        frame.attempt(launch.start_tracking, settings, {"due": True})


def restore_if_empty(settings: Settings) -> None:
    """Show how the model to serve is fetched from W&B where this server has none; or why it could not be."""
    if not tracking.find_key(settings):
        return
    tries = [job for job in jobs.list_jobs(settings, "track") if "restore" in job.config]
    if not tries or time.time() - tries[0].submitted > AGAIN_SECONDS:
        frame.attempt(launch.start_tracking, settings, {"restore": ""})
    elif tries[0].state == "failed":
        st.caption(f":material/cloud_off: W&B: {retell(tries[0].message)}")
    _show_work(settings)


def promote(settings: Settings, run_id: str) -> None:
    """Promote a run here, and on W&B where that is connected."""
    serving.promote(settings, run_id)
    _tell(settings)


def roll_back(settings: Settings) -> None:
    """Put back what was in production before, here and on W&B."""
    serving.roll_back(settings)
    _tell(settings)


def sync_button(settings: Settings, run: runs.Run) -> None:
    """Offer to send one run to W&B now, without waiting for its time."""
    state = tracking.load_state(run)
    closed = not tracking.find_key(settings) or state["state"] == "synced" or not state.get("artifact")
    start = (launch.start_tracking, settings, {"sync": run.id})
    frame.button("wandb", t("Sync now"), "sync-now", ":material/sync:", *start, disabled=closed)


def look_if_due(settings: Settings) -> None:
    """Look for promotions made elsewhere: at most every five minutes, never while a training is under way."""
    if not tracking.find_key(settings) or any(job.live for job in jobs.list_jobs(settings, "train")):
        return
    looks = [job.submitted for job in jobs.list_jobs(settings, "track") if "exchange" in job.config]
    if not looks or time.time() - looks[0] > AGAIN_SECONDS:
        _tell(settings)


def _tell(settings: Settings) -> None:
    if tracking.find_key(settings):
        launch.start_tracking(settings, {"exchange": True})


def connection_section(settings: Settings) -> None:
    """Show the host how W&B is set up, and offer to test it and to sync everything now."""
    if not door.is_host():
        return
    has_key = bool(tracking.find_key(settings))
    with st.expander("Weights & Biases", icon=":material/cloud:"):
        connection_line(settings)
        rows = {
            t("Entity"): settings.wandb_entity or tracking.load_connection(settings)["entity"] or t("the key's own"),
            t("Project"): settings.wandb_project,
            t("Mode"): settings.wandb_mode,
            t("Key configured"): t("yes") if has_key else t("no"),
            t("Waiting to be sent"): str(len(tracking.pending(settings, time.time(), force=True))),
        }
        st.table({"": rows.keys(), " ": rows.values()})
        st.caption(t(_SENT))
        with st.container(horizontal=True):
            for key, label in _BUTTONS.items():
                start = (launch.start_tracking, settings, {key: True})
                frame.button("wandb", t(label), f"wandb-{key}", "", *start, disabled=not has_key)
        _offer_versions(settings)
        _show_work(settings)


def _offer_versions(settings: Settings) -> None:
    elsewhere = {version.version: version for version in tracking.list_elsewhere(settings)}
    if not elsewhere:
        return

    def name(version: str) -> str:
        found = elsewhere[version]
        accuracy = (found.metadata.get("metrics") or {}).get("accuracy", 0.0)
        return " · ".join([version, f"{accuracy:.2%}", str(found.metadata.get("run_id")), *found.aliases])

    chosen = st.selectbox(t("On W&B, not on this machine"), list(elsewhere), format_func=name, key="version")
    fetch = (launch.start_tracking, settings, {"restore": chosen})
    frame.button("wandb", t("Fetch this version"), "fetch", ":material/cloud_download:", *fetch)


def offer_missing(settings: Settings, missing: Sequence[str]) -> None:
    """Say which runs of a link are not on this server, and offer to fetch them from W&B.

    Parameters
    ----------
    missing : run ids
        What is no run's id at all is only named.
    """
    here = {run.id for run in runs.list_runs(settings)}
    for run_id in dict.fromkeys(missing):
        if run_id in here:
            continue
        if not runs.is_id(run_id):
            st.warning(t("There is no run {run} here.", run=repr(run_id[:60])), icon=":material/warning:")
            continue
        with st.container(border=True, key=f"missing-{run_id}"):
            words = t("There is no run {run} here: the link was made on another server.", run=repr(run_id))
            st.markdown(f":material/link_off: {words}")
            _offer_fetch(settings, run_id)


def _offer_fetch(settings: Settings, run_id: str) -> None:
    if not tracking.find_key(settings):
        st.caption(
            t(
                "W&B is not connected on this server, so the run cannot be fetched: export it on Runs where it is, and "
                "import the file on Runs here."
            )
        )
        return
    tries = [job for job in jobs.list_jobs(settings, "track") if job.config.get("restore") == run_id]
    if tries and tries[0].live:
        _show_work(settings)
        return
    if tries and tries[0].state == "failed":
        st.caption(f":material/cloud_off: {settings.without_places(retell(tries[0].message))}")
    fetch = (launch.start_tracking, settings, {"restore": run_id})
    frame.button("fetch", t("Fetch it from W&B"), f"fetch-{run_id}", ":material/cloud_download:", *fetch)
    if closed := door.closed("fetch"):
        st.caption(f":material/lock: {closed}")


def _show_work(settings: Settings) -> None:
    live = [job.id for job in jobs.list_jobs(settings, "track") if job.live]

    @st.fragment(run_every=POLL_SECONDS if live else None)
    def panel() -> None:
        for job in jobs.list_jobs(settings, "track"):
            if job.id in live and not job.live:
                st.rerun()
            if job.live and job.message:
                st.caption(f":material/hourglass_top: {retell(job.message)}")

    panel()
