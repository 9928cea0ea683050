"""What a page sends first that is opened from another: what one came for, the rest when the browser has drawn that.

Streamlit's browser part draws in one go whatever came within 10 ms, and its controls take it longest: the first number
would wait for the last chart, Train's button for everything in the side bar (`bench/pages.py`). A page still runs once
and in the order in which it is written; only messages wait, and only then: not when it runs again, nor in a new window.

Streamlit has no public way to keep messages back. All of a run's go through its context's `_enqueue`.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import streamlit as st
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.RootContainer_pb2 import RootContainer
from streamlit.runtime.scriptrunner import get_script_run_ctx

_PAINT_SECONDS = 0.09


@dataclass(slots=True)
class _Gate:
    """In the place of a run's `_enqueue`: lets through what is to be seen first."""

    send: Callable[[ForwardMsg], None]
    kept: list[ForwardMsg] = field(default_factory=list)
    after_paint: bool = False

    def __call__(self, message: ForwardMsg) -> None:
        place = message.metadata.delta_path  # empty where nothing is drawn, as for the window's title and address
        now = place and place[0] != RootContainer.SIDEBAR and not self.after_paint
        (self.send if now else self.kept.append)(message)


@contextlib.contextmanager
def first(title: str) -> Iterator[None]:
    """Send first what is drawn within; opened from another page, the side bar and `after_paint` come last."""
    context, before = get_script_run_ctx(), st.session_state.get("page_title", title)
    st.session_state["page_title"] = title
    if before != title and context:
        context._enqueue = _Gate(context._enqueue)
    try:
        yield
        let_paint()
    finally:  # where the page ends early there is nothing else to wait for
        _open_gate()


@contextlib.contextmanager
def after_paint() -> Iterator[None]:
    """Send last what is drawn within: only the last in its container, as the browser adds one element after another."""
    gate = _gate()
    if gate:
        gate.after_paint = True
    try:
        yield
    finally:
        if gate:
            gate.after_paint = False


def let_paint() -> None:
    """Let the browser draw what was sent, if the page was opened from another, then send what was kept back."""
    if _gate():
        time.sleep(_PAINT_SECONDS)
        _open_gate()


def _gate() -> _Gate | None:
    context = get_script_run_ctx()
    return context._enqueue if context and isinstance(context._enqueue, _Gate) else None


def _open_gate() -> None:
    context, gate = get_script_run_ctx(), _gate()
    if context and gate:
        context._enqueue = gate.send
        for message in gate.kept:
            gate.send(message)
