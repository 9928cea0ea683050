"""A study of a run on a page: offered by a button, followed by a bar, stopped; and why where it cannot be."""

import time
from collections.abc import Callable
from typing import Any

import streamlit as st

from core import access, jobs, launch, runs, studies
from core.errors import AccessError
from core.settings import Settings
from core.texts import retell, t
from core.ui import door, frame

POLL_SECONDS = 1.0


def offer(
    settings: Settings,
    run: runs.Run,
    kind: str,
    label: str,
    start: Callable[[Settings, runs.Run], str],
    *,
    help: str,
    closed: str = "",
) -> None:
    """Show a study that is at work, else the button that starts it; if the last one failed, the reason.

    Parameters
    ----------
    kind : str
        One of `studies.KINDS`; the button has the key `study-<kind>`.
    label, help : str
        Of the button; the label says how long it takes.
    start : (settings, run) -> id of the job
    closed : str
        Why it cannot be started here; empty where it can.
    """
    job = studies.current(settings, kind, run)
    if job and job.live:
        follow(settings, job.id)
        return
    if job and job.state == "failed":
        words = retell(job.message) if door.is_host() else retell(job.message.splitlines()[0])
        st.caption(f":material/error: {settings.without_places(words)}")
    why = door.closed("train") or closed
    if why:
        st.caption(f":material/lock: {help} {why}")
        return
    frame.button("train", label, f"study-{kind}", ":material/labs:", _start, settings, run, start, help=help)


def follow(settings: Settings, job_id: str) -> None:
    """Show how far a job is, second by second; one full rerun when it ends."""

    @st.fragment(run_every=POLL_SECONDS)
    def panel() -> None:
        job = jobs.load_job(settings, job_id)
        if not job.live:
            st.rerun()  # the whole page once: the result is there, or the reason why not
        share, left = launch.progress(job.events, job.config["plan"], time.time())
        with st.container(horizontal=True, vertical_alignment="center"):
            st.progress(share, text=progress(job, left))
            if may_cancel(job_id):
                frame.button("cancel", t("Cancel"), f"cancel-{job_id}", "", cancel, settings, job_id)

    panel()


def progress(job: jobs.Job, left: float) -> str:
    """Say what a job is at, and how long it will take; `left` in seconds, 0 where it took longer than expected."""
    if job.state == "queued":
        return t("Waiting for its turn")
    if job.state != "running" or not job.message:
        return t("Starting")
    if left:
        return t("{work} · about {left:.0f} s left", work=retell(job.message), left=left)
    return t("{work} · longer than expected", work=retell(job.message))


def cancel(settings: Settings, job_id: str) -> None:
    """Stop a job of one's own; the host may stop any.

    Raises
    ------
    AccessError
        If it is somebody else's.
    """
    if not may_cancel(job_id):
        raise AccessError(access.reason(settings, "cancel"))
    jobs.cancel(settings, job_id)


def may_cancel(job_id: str) -> bool:
    """Tell whether this visitor may stop a job."""
    return door.is_host() or job_id in st.session_state.get("my_jobs", [])


def _start(settings: Settings, run: runs.Run, start: Callable[[Settings, runs.Run], Any]) -> None:
    mine, author = st.session_state.setdefault("my_jobs", []), st.session_state.get("author") or ""
    if door.level() == access.CLASS:
        own = [job for job in studies.working(settings) if job.id in mine]
        launch.check_class(run.config, run.card["data"]["n_fit"], own, author)
    started = start(settings, run)
    if started not in mine:
        mine.append(started)
