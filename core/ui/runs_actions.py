"""What can be done with one run: write on it, repeat it, make it elsewhere, send it around, delete it and undo that."""

import time
from collections.abc import Sequence
from functools import partial
from hashlib import sha256
from typing import Any

import streamlit as st

from core import access, archive, dataset, jobs, reproduce, runs, serving, tracking, trash
from core.errors import AccessError
from core.settings import Settings
from core.texts import t
from core.ui import door, frame, inputs, registry, runs_table, training

_UPLOAD_MB = 64  # as in .streamlit/config.toml: larger ones go by `python -m core runs import`


def show_run(settings: Settings, digits: dataset.Digits, run: runs.Run, found: Sequence[runs.Run]) -> None:
    """Show one run: what became of it, and everything that can be done with it."""
    st.markdown(f"**{frame.plain(inputs.run_label(run))}**")
    labels = runs.load_labels(run)
    if labels.get("note"):
        st.text(labels["note"])
    if "imported" in labels:
        words = t("Imported from a file on {when}.", when=frame.when(labels["imported"]))
        st.caption(f":material/archive: {words}")
    if words := runs.describe_repeat(run):
        st.caption(f":material/repeat: {frame.plain(words)}")
    st.caption(tracking.describe(tracking.load_state(run)))
    _buttons(settings, digits, run)
    for action in dict.fromkeys(("promote", "delete", "label")):
        if closed := door.closed(action):
            st.caption(f":material/lock: {closed}")
            break
    with st.expander(t("Name, author, note, tags"), icon=":material/edit:"):
        _labels_form(run, found)
    with st.expander(t("Make it again elsewhere"), key="recipe", icon=":material/code:", bind="query-params"):
        _show_recipe(run)


def _buttons(settings: Settings, digits: dataset.Digits, run: runs.Run) -> None:
    with st.container(horizontal=True):
        promoted = (serving.current(settings) or {}).get("run") == run.id
        words = t("From now on this run answers on Draw and in the API, until another is promoted.")
        look: dict[str, Any] = {"type": "primary", "disabled": not run.servable or promoted, "help": words}
        do = ("promote", ":material/rocket_launch:", registry.promote, settings, run.id)
        frame.button("promote", t("Promote to production"), *do, **look)
        few = len(serving.history(settings)) < 2
        words = t("Put back into production what was there before.")
        do_back = ("roll-back", ":material/undo:", registry.roll_back, settings)
        frame.button("promote", t("Roll back"), *do_back, disabled=few, help=words)
        registry.sync_button(settings, run)
        frame.link(t("Measure"), "pages/2_Metrics.py", ":material/monitoring:", key="measure", run=run.id)
        frame.link(t("Draw"), "pages/3_Draw.py", ":material/draw:", key="draw", run=run.id)
        why_not = _repeat_button(settings, digits, run)
        _export_button(run)
        blocked = trash.blocked(settings, run)
        kept = t("It goes to the trash, and can be put back for {n:.0f} minutes.", n=trash.KEEP_SECONDS / 60)
        do_delete = ("delete", ":material/delete:", trash.delete, settings, run.id)
        frame.button("delete", t("Delete"), *do_delete, disabled=bool(blocked), help=blocked or kept)
    for sentence in (why_not, blocked):
        if sentence:
            st.caption(f":material/info: {frame.plain(sentence)}")


def _repeat_button(settings: Settings, digits: dataset.Digits, run: runs.Run) -> str:
    """Show the button; returns why this run cannot be repeated here."""
    why = runs.why_no_repeat(run, digits.sha256)
    config = runs.repeat_config(run)
    why = why or training.unfit(settings, config)
    words = t("Trains once more with the same config, and says whether every prediction comes out the same.")
    if run.card.get("stopped"):
        words += " " + t("This one was stopped early by hand; the repeat goes on to its end.")
    do = ("repeat", ":material/repeat:", training.start_training, settings, config)
    frame.button("train", t("Repeat"), *do, disabled=bool(why), help=why or words)
    return why


def _export_button(run: runs.Run) -> None:
    closed = door.closed("export")
    st.download_button(
        t("Export"),
        partial(archive.export, run),  # packed when it is clicked
        f"{run.id}.zip",
        "application/zip",
        key="export",
        icon=":material/archive:",
        on_click="ignore",
        disabled=bool(closed),
        help=closed or t("The whole run as one .zip; another Digit Lab imports it below."),
    )


def _labels_form(run: runs.Run, found: Sequence[runs.Run]) -> None:
    labels, closed = runs.load_labels(run), _closed_labels(run)
    # Other words on the disk, written in another tab, are another form.
    form = f"{run.id}-{sha256(repr(sorted(labels.items())).encode()).hexdigest()[:8]}"
    used = sorted({tag for other in found for tag in runs.load_labels(other).get("tags", [])})
    with st.form(f"labels-{form}", border=False):
        look: dict[str, Any] = {"disabled": bool(closed)}
        for name, label, words in (
            ("name", t("Name"), t("shown instead of the model's kind")),
            ("author", t("Author"), t("whose run it is")),
        ):
            value, most = labels.get(name, ""), runs.LENGTHS[name]
            st.text_input(label, value, key=f"{name}-{form}", max_chars=most, placeholder=words, width=420, **look)
        value, most = labels.get("note", ""), runs.LENGTHS["note"]
        st.text_area(t("Note"), value, key=f"note-{form}", max_chars=most, height=90, width=640, **look)
        st.multiselect(
            t("Tags"),
            used,
            labels.get("tags", []),
            key=f"tags-{form}",
            accept_new_options=True,
            max_selections=runs.MOST_TAGS,
            placeholder=t("choose, or type a new one"),
            width=420,
            **look,
        )
        args = ("label", _save_labels, run, form, labels)
        st.form_submit_button(t("Save"), key=f"save-{form}", on_click=frame.act, args=args, **look)
    if closed:
        st.caption(f":material/lock: {closed}")


def _closed_labels(run: runs.Run) -> str:
    closed = door.closed("label")
    if not closed and door.level() == access.CLASS and run.id not in st.session_state.get("my_jobs", []):
        return t("In a class everybody writes on the runs of their own browser tab.")
    return closed


def _save_labels(run: runs.Run, form: str, before: dict[str, Any]) -> None:
    """Save what was changed in a form, and nothing else: somebody may have changed the rest meanwhile."""
    if why := _closed_labels(run):
        raise AccessError(why)
    given = {name: st.session_state[f"{name}-{form}"] or "" for name in runs.LENGTHS}
    changed = {name: value for name, value in given.items() if value != before.get(name, "")}
    tags, had = st.session_state[f"tags-{form}"], before.get("tags", [])
    runs.save_labels(run, changed, [tag for tag in tags if tag not in had], [tag for tag in had if tag not in tags])


def _show_recipe(run: runs.Run) -> None:
    found = reproduce.recipe(run)
    if found.code:
        st.caption(
            t(
                "Plain scikit-learn, nothing of this app. With the versions that it names, on the same machine, it is "
                "the same model; elsewhere it may differ in the last digits."
            )
        )
        st.code(found.code, language="python", height=360)
        st.caption(t("The same in this app's folder, as a run:"))
    else:
        st.caption(frame.plain(found.note))
    st.code(found.command, language="bash", wrap_lines=True)


def show_trash(settings: Settings) -> None:
    """Show what was deleted in the last ten minutes, with a way to put it back."""
    now = time.time()
    for entry in trash.list_deleted(settings, now)[:5]:
        with st.container(horizontal=True, vertical_alignment="center"):
            what = f"{t(entry.label)} {entry.name}".strip()
            minutes = max(1, round(entry.left(now) / 60))
            words = t("Deleted: {what}, for good in {minutes} min.", what=frame.plain(what), minutes=minutes)
            st.caption(f":material/delete: {words}", width="content")
            key = f"undo-{entry.path.name}"
            frame.button("delete", t("Undo"), key, ":material/undo:", _restore, settings, entry.name)


def _restore(settings: Settings, name: str) -> None:
    trash.restore(settings, name)
    if runs.is_id(name):
        runs_table.choose([name])


def show_unusable(settings: Settings) -> None:
    """Show every folder among the runs that cannot be used, with the reason and a way to be rid of it."""
    broken = runs.list_unusable_folders(settings)
    if not broken:
        return
    words = (
        t("1 folder among the runs cannot be used")
        if len(broken) == 1
        else t("{n} folders among the runs cannot be used", n=len(broken))
    )
    with st.expander(words, icon=":material/warning:"):
        for entry in broken:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.caption(f":material/warning: {frame.plain(entry.reason)}", width="stretch")
                do = (trash.delete, settings, entry.name)
                frame.button("delete", t("Delete"), f"delete-{entry.name}", ":material/delete:", *do)


def show_import(settings: Settings) -> None:
    """Offer to take in a run that was exported elsewhere."""
    with st.expander(t("Import a run"), icon=":material/unarchive:"):
        closed = door.closed("import")
        key = f"import-{st.session_state.setdefault('imports', 0)}"
        st.file_uploader(
            t("A .zip that Export made, up to {most} MB", most=_UPLOAD_MB),
            type="zip",
            key=key,
            max_upload_size=_UPLOAD_MB,
            on_change=frame.act,
            args=("import", _take_in, settings, key),
            disabled=bool(closed),
            help=closed or t("Everything in it is checked against the run's card before it is believed."),
        )
        st.caption(
            t(
                "Larger ones in a terminal: `python -m core runs import FILE`. An imported model is only ever opened "
                "by ONNX Runtime, which runs no foreign code."
            )
        )
    if done := st.session_state.get("imported"):  # beside the expander, which a fresh uploader closes
        st.caption(f":material/check: {t('Imported {run}.', run=done)}")


def _take_in(settings: Settings, key: str) -> None:
    given = st.session_state.get(key)
    if given is None:
        return
    run = archive.take_in(settings, given)
    runs_table.choose([run.id])
    st.session_state["imports"] += 1  # a fresh uploader
    st.session_state["imported"] = run.id


def show_live(settings: Settings) -> None:
    """Show the trainings that wait or run, such as a repeat; nothing else."""
    if any(job.live for job in jobs.list_jobs(settings, "train")):
        training.show_jobs(settings, ended=0)
