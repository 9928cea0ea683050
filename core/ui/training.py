"""Trainings: started by a button, watched and stopped on any page."""

import time
from typing import Any, Literal, NoReturn

import streamlit as st

from core import access, jobs, launch, models, pipeline, plots, runs, tracking
from core.errors import AccessError, DigitLabError, ModelError
from core.settings import Settings
from core.texts import retell, t
from core.ui import assignment, door, frame, registry, studying

POLL_SECONDS = 1.0
NEXT = 3  # of the trainings that wait
_KEEP = "Stop learning after this step and make a run of the best so far."
STATES: dict[str, tuple[Literal["gray", "blue", "green", "red", "orange"], str]] = {
    "starting": ("gray", ":material/hourglass_empty:"),
    "queued": ("gray", ":material/schedule:"),
    "running": ("blue", ":material/play_arrow:"),
    "done": ("green", ":material/check:"),
    "failed": ("red", ":material/error:"),
    "cancelled": ("orange", ":material/block:"),
}


def train_button(settings: Settings, config: dict[str, Any], label: str = "", key: str = "train") -> None:
    """Show the button that starts a training; where that is closed to this visitor, it says why."""
    closed = key == "train-default" and any(job.live for job in jobs.list_jobs(settings, "train"))
    why = door.closed("train") or unfit(settings, config)
    words = t("Starts at once, or waits for the training before it. You may leave this page meanwhile.")
    start = (start_training, settings, config)
    look: dict[str, Any] = {"type": "primary", "help": words, "disabled": closed or bool(why)}
    frame.button("train", label or t("Train"), key, ":material/play_arrow:", *start, **look)
    if why:
        st.caption(f":material/lock: {why}")


def unfit(settings: Settings, config: dict[str, Any]) -> str:
    """Return why a training does not fit into the memory; empty where it does."""
    try:
        launch.check_memory(settings, config, launch.rows_of(settings, config))
    except ModelError as error:
        return str(error)
    return ""


def train_default_button(settings: Settings) -> None:
    """Show the one button that makes the classic model; closed while a training is under way.

    In a class, where a name is to be given first, or under a teacher's lock, it leads to the page that asks for it.
    """
    if door.level() == access.CLASS or assignment.locked():
        frame.link(t("Train a tree"), "pages/1_Train.py", ":material/model_training:", key="train-default")
        return
    train_button(
        settings, pipeline.make_config(models.DEFAULT, {}, None, "none"), t("Train the default tree"), "train-default"
    )


def most_images(spec: models.ModelSpec, available: int) -> int:
    """Return on how many images this visitor may train a family, where it may be trained at all."""
    return min(available, spec.class_rows or available) if door.level() == access.CLASS else available


def author_input() -> None:
    """Ask for the name under which this visitor's runs are kept; it stays in the browser session."""
    in_class = door.level() == access.CLASS
    with st.container(width=320) if in_class else st.sidebar:
        st.text_input(
            t("Your name"),
            key="author",
            max_chars=launch.AUTHOR_LENGTH,
            persist_state="session",
            placeholder=t("needed in a class") if in_class else t("optional"),
            help=t(
                "Your runs are kept under this name. It is stored with them on this server, and shown to everybody."
            ),
        )
        if in_class:
            st.caption(t("In this class: at most {most} trainings of yours at a time.", most=launch.CLASS_JOBS))


def start_training(settings: Settings, config: dict[str, Any]) -> None:
    """Start a training under this visitor's name, within the limits of a class.

    Raises
    ------
    DigitLabError
        Why it cannot be started.
    """
    mine, author = st.session_state.setdefault("my_jobs", []), st.session_state.get("author") or ""
    if door.level() == access.CLASS:
        trainings = launch.list_waiting(settings)
        rows = launch.rows_of(settings, config)
        launch.check_class(config, rows, [job for job in trainings if job.id in mine], author)
    mine.append(launch.start(settings, config, author))


def invite(settings: Settings) -> NoReturn:
    """Offer to train the first model, and end the page here; with W&B connected, fetch what serves from there first."""
    registry.restore_if_empty(settings)
    st.info(t("There is no trained model yet. One click makes the classic one: a decision tree of depth 10."))
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
        host, mine = door.is_host(), st.session_state.get("my_jobs", [])
        # Thirty pupils look at thirty jobs each second: of those that wait, one's own and the next are enough.
        waiting = [job for job in now_live[::-1] if job.state != "running"]
        shown = [job for job in waiting if job in waiting[:NEXT] or job.id in mine]
        for job in [job for job in now_live[::-1] if job.state == "running"] + shown:
            _show_job(settings, job, host)
        if len(waiting) > len(shown):
            st.caption(t("and {n} more wait for their turn", n=len(waiting) - len(shown)))
        for job in [job for job in found if not job.live][:ended]:
            _show_job(settings, job, host)

    panel()


def _show_job(settings: Settings, job: jobs.Job, host: bool) -> None:
    config = job.config
    label = t(models.spec(config["family"]).label) if config["family"] in models.CATALOGUE else config["family"]
    changed = ", ".join(f"`{k} = {v}`" for k, v in config["params"].items()) or t("everything at its default")
    color, icon = STATES[job.state]
    with st.container(border=True, key=f"job-{job.id}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.badge(t(job.state), icon=icon, color=color)
            who = f" · {frame.plain(config['author'])}" if config.get("author") else ""
            st.markdown(f"**{label}**{who} · {frame.when(job.submitted)}", help=changed, width="stretch")
            if job.live and studying.may_cancel(job.id):
                if job.stage == "fit" and job.events[-1].get("done"):
                    frame.button(
                        "cancel", t("Keep the best"), f"keep-{job.id}", "", _keep, settings, job.id, help=t(_KEEP)
                    )
                frame.button("cancel", t("Cancel"), f"cancel-{job.id}", "", studying.cancel, settings, job.id)
        if job.live:
            share, left = launch.progress(job.events, config["plan"], time.time())
            st.progress(share, text=studying.progress(job, left))
            learning_curve(job.events, f"learning-{job.id}")
        elif job.state == "failed":
            # Whoever may not mend it need not see how it is built.
            words = retell(job.message) if host else retell(job.message.splitlines()[0])
            st.code(settings.without_places(words), language=None, wrap_lines=True)
        elif job.state == "done":
            show_done(settings, job.id)


def learning_curve(steps: list[dict[str, Any]], key: str, words: str = "") -> None:
    """Show how a family learned, where it learned in steps and images were held out.

    Parameters
    ----------
    steps : list of dict
        A job's events, or what the card of a run keeps of them.
    words : str
        What there is to say of it at the end, instead of the best so far.
    """
    told = [step for step in steps if step.get("held_accuracy") is not None]
    if len(told) > 1:
        best = max(told, key=lambda step: step["held_accuracy"])
        what = {"share": best["held_accuracy"], "done": best["done"], "unit": t(best["unit"])}
        alt = t("Learning curve: {share:.2%} of the held-out images right after {done} {unit}", **what)
        frame.chart(plots.learning(told), key, alt)
        st.caption(
            words
            or t(
                "The best so far: {share:.2%} of the held-out images right after {done} {unit}. They were not learned "
                "from.",
                **what,
            )
        )


def _keep(settings: Settings, job_id: str) -> None:
    if not studying.may_cancel(job_id):
        raise AccessError(access.reason(settings, "cancel"))
    pipeline.keep_best(settings, job_id)


def show_done(settings: Settings, run_id: str) -> None:
    """Show a finished run in two lines: how good, where to go from here, whether it is on W&B."""
    try:
        run = runs.load_run(settings, run_id)
    except DigitLabError as error:
        st.caption(str(error))
        return
    seconds = run.card["timings"]["total"]
    with st.container(horizontal=True, vertical_alignment="center"):
        words = t("Accuracy **{accuracy:.4f}** in {seconds:.0f} s", accuracy=run.metrics["accuracy"], seconds=seconds)
        st.markdown(words, width="stretch")
        frame.link(t("Measure"), "pages/2_Metrics.py", ":material/monitoring:", key=f"measure-{run_id}", run=run_id)
        frame.link(t("Draw"), "pages/3_Draw.py", ":material/draw:", key=f"draw-{run_id}", run=run_id)
    st.caption(tracking.describe(tracking.load_state(run)))
