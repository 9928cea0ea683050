"""My digits on a page: the gallery, how every run reads them, out as a file and in again, and into a training."""

from typing import Any

import pandas as pd
import streamlit as st

from core import access, jobs, metrics, mydigits, plots, runs, tracking
from core import launch as starting
from core.errors import AccessError, DigitLabError
from core.settings import Settings
from core.texts import later, retell, t
from core.ui import assignment, door, frame, inputs, saying

PAGE, CARD = 24, 92
SCORE_SECONDS, POLL_SECONDS = 0.8, 1.0
GONE = "gone_drawing"
_EMPTY = later("No drawing is kept yet. Draw a digit, then say “right” or what it is.")
_PRIVATE = later("They are in one file on this server, `mydigits.sqlite`. Nothing leaves the machine unless asked.")
_SEEN = later(
    "Whoever gives the name {name} here, and the host, sees these; only the tab that kept one, and the host, delete it."
)
_ON_WANDB = later("Sends the images and their labels, without names and strokes, as the data set my_digits.")
_SOURCES = (later("board"), later("picture"), later("camera"), later("test image"), later("number"))


@st.fragment
def show_my_digits(settings: Settings) -> None:
    """Show what is kept, the newest first, and what can be done with it; to whom it is open."""
    closed = door.closed("keep")
    if closed:
        st.caption(f":material/lock: {closed}")
        return
    if saying.name_is_missing("mine"):
        return
    try:
        owner = _owner(settings)
        total = mydigits.count(settings, owner)
        _show_gallery(settings, owner, total)
        if total:
            _show_scores(settings, owner)
        _show_exchange(settings, owner, total)
    except DigitLabError as error:
        frame.say(str(error))


def my_digits_input(settings: Settings) -> dict[str, Any]:
    """Let the visitor add My digits to a training; returns what the config gains, nothing where they do not."""
    if door.closed("keep") or (door.level() == access.CLASS and not saying.author()):
        return {}
    try:
        owner = None if door.is_host() else saying.author()
        total = mydigits.count(settings, owner)
        words = t(
            "{total:,} drawings, each counted {copies} times, are learned from beside MNIST. A copy of images and "
            "labels is kept, so that the run can be repeated; with W&B it is logged with the run.",
            total=total,
            copies=mydigits.COPIES,
        )
        look: dict[str, Any] = {"key": "my_digits", "bind": "query-params", "help": words}
        if total and assignment.control("my_digits", st.toggle, t("Add my digits to training"), **look):
            return {"my_digits": mydigits.make_set(settings, owner)}
    except DigitLabError as error:
        st.caption(f":material/warning: {error}")
    return {}


def _owner(settings: Settings) -> str | None:
    if not door.is_host():
        name = saying.author()
        st.caption(f"{t(_PRIVATE)} {t(_SEEN, name=frame.plain(name))}")
        return name
    st.caption(t(_PRIVATE))
    there = mydigits.authors(settings) if mydigits.count(settings) else {}
    if len(there) < 2:
        return None
    names: list[str | None] = [None, *there]
    words = [t("everybody ({n:,})", n=sum(there.values()))]
    words += [f"{name or t('no name')} ({count:,})" for name, count in there.items()]
    return names[st.selectbox(t("Whose"), range(len(names)), key="whose", format_func=words.__getitem__)]


def _show_gallery(settings: Settings, owner: str | None, total: int) -> None:
    gone = st.session_state.get(GONE)
    if gone:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(t("Deleted."), width="content")
            frame.button("keep", t("Undo"), "put-back", ":material/undo:", _put_back, settings, gone)
    if not total:
        st.info(t(_EMPTY), icon=":material/draw:")
        return
    pages, page = -(-total // PAGE), 1
    if pages > 1:
        page = int(
            st.number_input(
                t("Page, of {pages}", pages=pages), 1, pages, key="mine-page", bind="query-params", width=160
            )
        )
    found = mydigits.list_drawings(settings, owner, (page - 1) * PAGE, PAGE)
    with st.container(horizontal=True, gap="small", key="mine-gallery"):
        for drawing in found:
            _show_card(settings, drawing)


def _show_card(settings: Settings, drawing: mydigits.Drawing) -> None:
    alt = t("A drawing kept as a {digit}", digit=drawing.label)
    if drawing.answer is not None:
        alt = t("A drawing kept as a {digit}, read as {answer}", digit=drawing.label, answer=drawing.answer)
    mark = ":red[✗]" if drawing.answer not in (None, drawing.label) else ""
    with st.container(width=CARD, gap=None, key=f"card-{drawing.id}"):
        st.image(plots.magnified(drawing.image, 3), width=84, alt=alt)
        st.markdown(f"**{drawing.label}** {mark}", help=_about(drawing))
        mine = door.is_host() or drawing.id in st.session_state.get(saying.MINE, [])
        if mine:
            words: dict[str, Any] = {"help": t("Delete this {digit}", digit=drawing.label), "type": "tertiary"}
            frame.button("keep", t("Delete"), f"delete-{drawing.id}", "", _delete, settings, drawing.id, **words)


def _about(drawing: mydigits.Drawing) -> str:
    parts = [frame.when(drawing.at), t(drawing.source)]
    if drawing.answer is not None:
        parts.append(t("read as {answer}", answer=drawing.answer))
    if drawing.confidence is not None:
        parts.append(t("{percent} sure", percent=f"{drawing.confidence:.0%}"))
    return frame.plain(" · ".join([*parts, *([drawing.author] if drawing.author else [])]))


def _delete(settings: Settings, drawing: str) -> None:
    _check_own(drawing)
    mydigits.delete(settings, [drawing])
    st.session_state[GONE] = drawing


def _put_back(settings: Settings, drawing: str) -> None:
    _check_own(drawing)
    mydigits.restore(settings, [drawing])
    st.session_state.pop(GONE, None)


def _check_own(drawing: str) -> None:
    if not door.is_host() and drawing not in st.session_state.get(saying.MINE, []):
        raise AccessError(t("Only the tab that kept a drawing, and the host, may delete it."))


def _show_scores(settings: Settings, owner: str | None) -> None:
    st.subheader(t("Which model reads this hand?"))
    found = runs.list_runs(settings)
    left = mydigits.fill(settings, found, SCORE_SECONDS)
    scores = mydigits.table(settings, found, owner)
    frame_ = pd.DataFrame(
        {
            "model": [inputs.run_label(score.run) for score in scores],
            "right": [100 * score.accuracy.value for score in scores],
            "95 % interval": [_interval(score.accuracy) for score in scores],
            "drawings": [t("{right:,} of {asked:,}", right=score.right, asked=score.asked) for score in scores],
        }
    )
    columns: Any = {
        "model": t("model"),
        "right": st.column_config.ProgressColumn(t("read right"), format="%.1f %%", min_value=0, max_value=100),
        "95 % interval": t("95 % interval"),
        "drawings": t("drawings"),
    }
    st.dataframe(frame_, hide_index=True, column_config=columns, key="mine-scores")
    learned = any(score.run.config.get("my_digits") for score in scores)
    if learned:
        words = t("A model that learned from My digits has seen some of them before: its score here is flattered.")
        st.caption(words)
    live = next((job for job in jobs.list_jobs(settings, "mydigits") if job.live), None)
    if live:
        _follow(settings, live.id)
    elif left:
        words = t("Let the other {n} models answer", n=left) if left > 1 else t("Let the other model answer")
        frame.button("keep", words, "score-rest", ":material/play_arrow:", _start_scoring, settings)


def _interval(accuracy: metrics.Interval) -> str:
    return t("{low} to {high}", low=f"{100 * accuracy.low:.0f}", high=f"{100 * accuracy.high:.0f} %")


def _start_scoring(settings: Settings) -> None:
    if any(job.live for job in jobs.list_jobs(settings, "mydigits")):
        return
    job_id = jobs.new_id("mydigits")
    jobs.submit(settings, job_id, "mydigits", {})
    jobs.start(settings, job_id)


def _follow(settings: Settings, job_id: str) -> None:
    @st.fragment(run_every=POLL_SECONDS)
    def panel() -> None:
        job = jobs.load_job(settings, job_id)
        if not job.live:
            st.rerun()
        done, total = (job.events[-1].get(name, 0) for name in ("done", "total")) if job.events else (0, 0)
        st.progress(done / total if total else 0.0, text=retell(job.message or "Waiting for its turn"))
        if door.is_host():
            frame.button("cancel", t("Cancel"), f"cancel-{job_id}", "", jobs.cancel, settings, job_id)

    panel()


def _show_exchange(settings: Settings, owner: str | None, total: int) -> None:
    with st.expander(t("Out as a file, and in again"), icon=":material/swap_horiz:"):
        if total:
            with st.container(horizontal=True):
                for kind, make in (("npz", mydigits.export_npz), ("json", mydigits.export_json)):
                    name, key = f"mydigits.{kind}", f"mine-{kind}"
                    body = lambda make=make: make(settings, owner)  # noqa: E731  (made when it is clicked)
                    st.download_button(t("Export .{kind}", kind=kind), body, name, on_click="ignore", key=key)
            words = t("The .npz has images, labels and answers; the JSON everything that is kept, names too.")
            st.caption(words)
        st.session_state.setdefault("mine-imports", 0)
        key = f"mine-import-{st.session_state['mine-imports']}"
        st.file_uploader(
            t("Import what was exported"),
            type=["npz", "json"],
            key=key,
            max_upload_size=mydigits.MAX_FILE_BYTES >> 20,
            on_change=_import,
            args=(settings, key, owner),
        )
        said = st.session_state.pop("mine-said", None)
        if said:
            (st.success if said[0] else st.error)(said[1])
    if total and door.is_host():
        _show_sending(settings, owner)


def _import(settings: Settings, key: str, owner: str | None) -> None:
    given = st.session_state.get(key)
    if given is None:
        return
    try:
        door.require("keep")
        added, known = mydigits.load_file(settings, given.name, given.getvalue(), owner)
        said = (True, t("{added:,} drawings taken in, {known:,} were here already.", added=added, known=known))
    except DigitLabError as error:
        said = (False, settings.without_places(str(error)))
    st.session_state["mine-said"] = said
    frame.count_up("mine-imports", "mine-imported")  # a fresh uploader: the same file would come in once more


def _show_sending(settings: Settings, owner: str | None) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        words: dict[str, Any] = {"help": t(_ON_WANDB), "disabled": settings.wandb_mode == "disabled"}
        send = (_send, settings, owner)
        frame.button("wandb", t("Log to Weights & Biases"), "send-mine", ":material/cloud_upload:", *send, **words)
        state = tracking.load_drawings_state(settings)
        if state:
            said = f"{t(state['state'])}: {settings.without_places(retell(state['message']))}"
            st.caption(said, width="content")


def _send(settings: Settings, owner: str | None) -> None:
    starting.start_tracking(settings, {"my_digits": mydigits.make_set(settings, owner)["sha256"]})
