"""Trainings: started by a button, watched and stopped on any page."""

import time
from typing import Any, Literal, NoReturn

import streamlit as st

from core import jobs, models, pipeline, runs, tracking
from core.errors import DigitLabError
from core.settings import Settings
from core.ui import frame, registry

POLL_SECONDS = 1.0
_STATES: dict[str, tuple[Literal["gray", "blue", "green", "red", "orange"], str]] = {
    "starting": ("gray", ":material/hourglass_empty:"),
    "queued": ("gray", ":material/schedule:"),
    "running": ("blue", ":material/play_arrow:"),
    "done": ("green", ":material/check:"),
    "failed": ("red", ":material/error:"),
    "cancelled": ("orange", ":material/block:"),
}


def start_training(settings: Settings, config: dict[str, Any]) -> None:
    """Start a training: what a Train button's click does."""
    frame.act(pipeline.start, settings, config)


def train_default_button(settings: Settings) -> None:
    """Show the one button that makes the classic model; closed while a training is under way."""
    st.button(
        "Train the default tree",
        key="train-default",
        type="primary",
        icon=":material/play_arrow:",
        on_click=start_training,
        args=(settings, pipeline.make_config(models.DEFAULT, {})),
        disabled=any(job.live for job in jobs.list_jobs(settings, "train")),
    )


def invite(settings: Settings) -> NoReturn:
    """Offer to train the first model, and end the page here; with W&B connected, fetch what serves from there first."""
    registry.restore_if_empty(settings)
    st.info("There is no trained model yet. One click makes the classic one: a decision tree of depth 10.")
    train_default_button(settings)
    show_jobs(settings)
    st.stop()


def show_jobs(settings: Settings, ended: int = 3) -> None:
    """Show every training that waits or runs, with a way to stop it, and the last few that ended."""
    live = any(job.live for job in jobs.list_jobs(settings, "train"))

    @st.fragment(run_every=POLL_SECONDS if live else None)
    def panel() -> None:
        found = jobs.list_jobs(settings, "train")
        now_live = [job for job in found if job.live]
        if live and not now_live:
            st.rerun()  # one full rerun: the polling stops and the finished run appears everywhere
        for job in now_live[::-1] + [job for job in found if not job.live][:ended]:
            _show_job(settings, job)

    panel()


def _show_job(settings: Settings, job: jobs.Job) -> None:
    config = job.config
    label = models.spec(config["family"]).label if config["family"] in models.CATALOGUE else config["family"]
    changed = ", ".join(f"{k} = {v}" for k, v in config["params"].items()) or "defaults"
    color, icon = _STATES[job.state]
    with st.container(border=True, key=f"job-{job.id}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.badge(job.state, icon=icon, color=color)
            st.markdown(f"**{label}** · {frame.when(job.submitted)}", help=changed, width="stretch")
            if job.live:
                st.button("Cancel", key=f"cancel-{job.id}", on_click=jobs.cancel, args=(settings, job.id))
        if job.live:
            share, left = pipeline.progress(job.events, config["plan"], time.time())
            words = (
                job.message
                if job.state == "running"
                else "Waiting for its turn"
                if job.state == "queued"
                else "Starting"
            )
            rest = f" · about {left:.0f} s left" if left else " · longer than expected"
            st.progress(share, text=words + (rest if job.state == "running" else ""))
        elif job.state == "failed":
            st.code(job.message, language=None, wrap_lines=True)
        elif job.state == "done":
            _show_done(settings, job.id)


def _show_done(settings: Settings, run_id: str) -> None:
    try:
        run = runs.load_run(settings, run_id)
    except DigitLabError as error:
        st.caption(str(error))
        return
    seconds = run.card["timings"]["total"]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"Accuracy **{run.metrics['accuracy']:.4f}** in {seconds:.0f} s", width="stretch")
        frame.link("Measure", "pages/2_Metrics.py", ":material/monitoring:", key=f"measure-{run_id}", run=run_id)
        frame.link("Draw", "pages/3_Draw.py", ":material/draw:", key=f"draw-{run_id}", run=run_id)
    st.caption(tracking.describe(tracking.load_state(run)))
