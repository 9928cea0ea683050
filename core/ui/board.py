"""The drawing board: what is on it, kept over visits to other pages; Clear, Undo and the next test image.

Streamlit forgets a canvas when its page is left, and the canvas sends its picture only after a stroke. So strokes and
picture are kept here in the session, and put back as the canvas's `initial_drawing`: what is "laid" on the board.

The canvas's own Reset goes back to what it was given. So that it empties the board nevertheless, at once and without
asking the server (whose answer would wipe away a stroke begun meanwhile), what is laid is marked as not to be exported:
the canvas shows it, has it in its picture, but not among its strokes. Whether it still lies there, the picture tells.
"""

import base64
import functools
import io
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image

from core import dataset, digits, inference, plots_explain, preprocessing
from core.errors import ImageError
from core.texts import later, t
from core.ui import lesson

KEY, SIDE, BRUSH = "canvas", 280, 20
_LABEL = later(
    "Drawing board: draw a digit with mouse or finger. C clears it, Z takes the last stroke back, N brings a digit."
)
_SAY = (
    '<div role="status" style="position:absolute; width:1px; height:1px; overflow:hidden; clip-path:inset(50%)"></div>'
)
_SCRIPT = (Path(__file__).parent / "board.js").read_text(encoding="utf-8")
_INKED = 128  # as grey, of white strokes on black: their edges may differ by a little when they are drawn anew
_KEYS = later("<kbd>C</kbd> clears<br><kbd>Z</kbd> undoes<br><kbd>N</kbd> brings a test image")
_HINT = later("Draw a digit from 0 to 9")


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """The picture that is to be answered.

    Parameters
    ----------
    image : (28, 28) uint8
        What the model receives.
    board, strokes : (280, 280) uint8, optional
        The drawing in grey, and its ink; None for a test image, which goes to the model as it is.
    index, truth : int, optional
        Which test image, and which digit it is.
    """

    image: np.ndarray
    board: np.ndarray | None = None
    strokes: np.ndarray | None = None
    index: int | None = None
    truth: int | None = None


def open_board(found: dataset.Digits) -> None:
    """Begin a visit: keep what was drawn before, or lay the test image on the board that the link names."""
    wanted = st.query_params.get("image")
    # Our own doing, which stands in the link for as long as nothing is drawn on the image.
    if wanted is None or (wanted == str(_state()["index"]) and _untouched()):
        return
    count = len(found.y_test)
    if wanted.isdecimal() and int(wanted) < count:
        _lay(found, int(wanted))
        return
    words = t("There is no test image {wanted!r}: they go from 0 to {last}.", wanted=wanted, last=count - 1)
    st.warning(words, icon=":material/warning:")
    del st.query_params["image"]


def seed() -> dict[str, Any]:
    """Return the `initial_drawing` of the canvas; another one only where the server puts something on the board."""
    state = _state()
    if KEY not in st.session_state:  # the canvas is new on this page: it begins with what was drawn before
        _put(state["objects"])
        state["base"] = state["png"]
    return {"objects": [one | {"excludeFromExport": True} for one in state["seed"]], "nonce": state["nonce"]}


def take(found: dataset.Digits) -> tuple[Shown | None, str]:
    """Take in what the canvas sent; returns the picture to answer, or None and a hint."""
    _receive()
    state = _state()
    _say_in_link()
    if _untouched():
        index = state["index"]
        return Shown(np.array(found.x_test[index]), index=index, truth=int(found.y_test[index])), ""
    if not state["objects"] or not state["png"]:
        return None, t(_HINT)
    try:
        board = Image.open(io.BytesIO(base64.b64decode(state["png"].split(",", 1)[1])))
        strokes = preprocessing.ink(board)
        return Shown(preprocessing.normalise(strokes), np.asarray(board.convert("L")), strokes), ""
    except ImageError as error:
        return None, str(error)


def original() -> tuple[bytes | None, dict[str, Any] | None]:
    """Return the drawing as the canvas sent it, PNG and strokes; None for a test image."""
    state = _state()
    if _untouched() or not state["png"]:
        return None, None
    return base64.b64decode(state["png"].split(",", 1)[1]), {"objects": state["objects"]}


def show_answer(shown: Shown | None, prediction: inference.Prediction | None, hint: str) -> None:
    """Show the answer and its bars; announce it."""
    proba, origin = (prediction.proba if prediction else None), ""
    if shown and shown.index is not None:
        origin = t("Test image {index}, a {truth}. Draw on it, or clear it.", index=shown.index, truth=shown.truth)
    received = shown.image if shown else digits.blank()
    st.html(plots_explain.head(received, proba, hint, origin))
    data = {"say": plots_explain.spoken(proba, hint), "label": t(_LABEL), "laid": _state()["laid"]}
    _hands()(data=data, key="hands", height="content", width="content")


def show_buttons(found: dataset.Digits) -> None:
    """Show what acts on the board: by click, by finger, by key."""
    with st.container(horizontal=True, gap="xsmall", width=SIDE, key="board-buttons"):
        st.button(t("Clear"), key="clear", icon=":material/delete:", on_click=_clear)
        st.button(t("Undo"), key="undo", icon=":material/undo:", on_click=_undo)
        st.button(t("Digit"), key="next", icon=":material/casino:", on_click=_next, args=(found,))


def show_brush() -> int:
    """Let the visitor choose how thick the pen is; returns that, in pixels.

    Called before the canvas: it must know the width in the link at once, as a change of it cuts the stroke being drawn.
    """
    words = t("The pen's width, in pixels of 280.")
    return st.slider(t("Brush"), 8, 40, BRUSH, key="brush", bind="query-params", help=words)


def show_keys() -> None:
    """Show which keys there are."""
    st.html(f'<p class="dl-keys">{t(_KEYS)}</p>')


def _state() -> dict[str, Any]:
    new = {"objects": [], "png": "", "seed": [], "laid": False, "base": "", "nonce": 0, "before": "", "index": None}
    return st.session_state.setdefault("board", new)


def _untouched() -> bool:
    state = _state()
    return state["index"] is not None and [one.get("type") for one in state["objects"]] == ["Image"]


def _say_in_link() -> None:
    wanted = str(_state()["index"]) if _untouched() else None
    if st.query_params.get("image") == wanted:
        return
    if wanted is None:
        del st.query_params["image"]
    else:
        st.query_params["image"] = wanted


def _sent() -> dict[str, Any]:
    return (st.session_state.get(KEY) or {}).get("drawing") or {}


def _receive() -> None:
    # Until the canvas has taken in what the server put there, it repeats what it sent before.
    state, picture = _state(), _sent().get("data") or ""
    if picture and picture != state["before"]:
        strokes = (_sent().get("raw") or {}).get("objects", [])
        if state["laid"]:
            state["laid"] = _covers(picture, state["base"])
            state["base"] = state["base"] or picture
        state |= {"objects": (state["seed"] if state["laid"] else []) + strokes, "png": picture, "before": ""}
        # Counted as a drawing at its first stroke.
        if len(state["objects"]) == 1 and not _untouched():
            lesson.did("drawings")


def _covers(picture: str, base: str) -> bool:
    """Tell whether all ink of a board, a data URL, is in another picture of it; without a base, whether any ink is."""
    ink = _grey(picture)
    return bool((ink[_grey(base) > _INKED] > _INKED).all()) if base else bool(ink.any())


def _grey(picture: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(picture.split(",", 1)[1]))).convert("L"))


def _put(objects: list[dict[str, Any]]) -> None:
    state = _state()
    state |= {
        "objects": objects,
        "seed": objects,
        "laid": bool(objects),
        "base": "",
        "nonce": state["nonce"] + 1,
        "before": _sent().get("data") or "",
    }


def _clear() -> None:
    _state()["index"] = None
    _put([])
    _say_in_link()


def _undo() -> None:
    _receive()
    _put(_state()["objects"][:-1])


def _next(found: dataset.Digits) -> None:
    _lay(found, random.randrange(len(found.y_test)))
    _say_in_link()


def _lay(found: dataset.Digits, index: int) -> None:
    _state()["index"] = index
    picture = plots_explain.board_png(np.asarray(found.x_test[index]), SIDE)
    place = {"originX": "left", "originY": "top", "left": 0, "top": 0, "width": SIDE, "height": SIDE}
    _put([{"type": "Image", "version": "7.4.0", **place, "src": picture}])


@functools.cache
def _hands() -> Any:
    return st.components.v2.component("digitlab_hands", html=_SAY, js=_SCRIPT)
