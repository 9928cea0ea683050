"""A say in the answer: "right" or "it is a…", which keeps the drawing in My digits."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core import access, inference, launch, mydigits, runs
from core.digits import CLASSES
from core.errors import AccessError, DrawingError
from core.mydigits.store import sha256_of
from core.settings import Settings
from core.texts import later, t
from core.ui import door, frame

KEPT, MINE = "kept_drawing", "my_drawings"
_PRIVATE = later("It is kept on this server, in My digits. Nothing leaves the machine unless somebody asks for it.")


def show_feedback(
    settings: Settings,
    run: runs.Run,
    prediction: inference.Prediction | None,
    png: bytes | None = None,
    strokes: Mapping[str, Any] | None = None,
    source: str = "board",
    key: str = "say",
) -> None:
    """Let the visitor say whether the answer is right; what they say is kept with the drawing.

    Parameters
    ----------
    prediction : Prediction or None
        None shows nothing.
    png : bytes, optional
        The picture as it came.
    strokes : mapping, optional
        The canvas's own JSON.
    source : str
        As of `mydigits.Drawing`.
    key : str
        Begins the keys of the controls; another one for each place on a page.
    """
    if prediction is None:
        return
    if door.closed("keep"):
        return  # a visitor of a closed server draws and asks, no more
    kept = st.session_state.get(KEPT)
    if kept and kept["sha256"] == sha256_of(prediction.image):
        _say_kept(settings, kept, key)
        return
    if name_is_missing(key):
        return
    given = (settings, run.id, prediction, png, strokes, source)
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key=f"{key}-row"):
        do = (f"{key}-right", ":material/check:", _keep, *given, prediction.label)
        frame.button("keep", t("Right"), *do, help=t(_PRIVATE))
        with st.popover(t("It is a …"), help=t(_PRIVATE)):
            # One control and not ten buttons: it stands below the answer, and each stroke waits for it.
            words: dict[str, Any] = {"on_change": _said, "args": (f"{key}-is", *given), "width": 250}
            st.pills(t("It is a"), CLASSES, key=f"{key}-is", label_visibility="collapsed", **words)


def _said(key: str, *given: Any) -> None:
    label = st.session_state[key]
    st.session_state[key] = None  # the next drawing begins without a choice
    if label is not None:
        frame.act("keep", _keep, *given, int(label))


def name_is_missing(place: str) -> bool:
    """In a class, ask for the name under which drawings are kept; tells whether it is still missing.

    Parameters
    ----------
    place : str
        Where on the page it is asked for: each place has an input of its own.
    """
    if door.level() != access.CLASS or author():
        return False
    st.text_input(
        t("Your name, to keep drawings under"),
        key=f"author-{place}",
        max_chars=launch.AUTHOR_LENGTH,
        on_change=_name,
        args=(f"author-{place}",),
        help=t("Whoever gives this name here, and the host of this server, sees the drawings kept under it."),
    )
    return True


def _name(key: str) -> None:
    st.session_state["author"] = st.session_state[key]  # where the Train page has it


def author() -> str:
    """Return the name that this visitor gave, cleaned, or an empty text."""
    return launch.check_author(st.session_state.get("author") or "")


def _keep(
    settings: Settings,
    run_id: str,
    prediction: inference.Prediction,
    png: bytes | None,
    strokes: Mapping[str, Any] | None,
    source: str,
    label: int,
) -> None:
    name = author()
    if door.level() == access.CLASS:
        if not name:
            raise AccessError(t("Give your name first: your drawings are kept under it."))
        if mydigits.count(settings, name) >= mydigits.MOST_OF_ONE:
            raise DrawingError(
                t(
                    "{most:,} drawings of yours are kept, the most in a class. Delete some.",
                    most=mydigits.MOST_OF_ONE,
                )
            )
    said: dict[str, Any] = {
        "answer": prediction.label,
        "confidence": prediction.confidence,
        "run": run_id,
        "source": source,
    }
    kept = mydigits.save(settings, prediction.image, label, name, png=png, strokes=strokes, **said)
    st.session_state.setdefault(MINE, []).append(kept)
    st.session_state[KEPT] = {"sha256": sha256_of(prediction.image), "id": kept, "label": label}


def _say_kept(settings: Settings, kept: dict[str, Any], key: str) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key=f"{key}-row"):
        total = mydigits.count(settings, None if door.is_host() else author())
        words = t("Kept as a **{digit}**, {total:,} in My digits.", digit=kept["label"], total=total)
        st.markdown(f":material/check: {words}", width="content")
        frame.button("keep", t("Undo"), f"{key}-undo", ":material/undo:", _take_back, settings, kept["id"])


def _take_back(settings: Settings, drawing: str) -> None:
    mydigits.delete(settings, [drawing])
    del st.session_state[KEPT]
