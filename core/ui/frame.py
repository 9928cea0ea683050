"""A page's frame, its error edge, and the small things that every page shows the same way."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NoReturn, TypeVar
from zoneinfo import ZoneInfo

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from core import plots
from core.errors import DigitLabError
from core.settings import ROOT

T = TypeVar("T")
# A file of ours: Streamlit would fetch a named icon from a server of Google's.
_ICON = ROOT / ".streamlit" / "icon.png"
_FRAME = """<style>
.stMainBlockContainer {padding-top:3.2rem; padding-bottom:3rem; max-width:74rem}
@media (max-width:640px) {.stMainBlockContainer h1 {font-size:1.9rem; padding:.2rem 0}}
</style>"""


def frame(title: str) -> None:
    """Draw what stands at the head of every page."""
    st.set_page_config(page_title=f"{title} · Digit Lab", page_icon=_ICON, layout="wide")
    st.html(plots.STYLE + _FRAME)
    st.title(title)


def stop(error: DigitLabError) -> NoReturn:
    """Show an error's sentence and end the page here."""
    st.error(str(error), icon=":material/error:")
    st.stop()


def or_stop(read: Callable[..., T], *args: Any) -> T:
    """Return `read(*args)`; where it raises one of our sentences, show it and end the page here."""
    try:
        return read(*args)
    except DigitLabError as error:
        stop(error)


def act(do: Callable[..., Any], *args: Any) -> None:
    """Do what a button was clicked for; say in one sentence why where it cannot be done."""
    try:
        do(*args)
    except DigitLabError as error:
        st.error(str(error), icon=":material/error:")
    except OSError as error:
        st.error(f"That could not be written to the disk: {error.strerror}.", icon=":material/error:")


def when(seconds: float) -> str:
    """Return a time of day, with the date if it was not today, in the visitor's own time zone."""
    zone = ZoneInfo(st.context.timezone or "UTC")
    moment, today = datetime.fromtimestamp(seconds, zone), datetime.now(zone).date()
    return moment.strftime("%H:%M:%S" if moment.date() == today else "%d %b %Y, %H:%M")


def chart(figure: go.Figure, key: str, alt: str) -> None:
    """Show a figure, the same way everywhere."""
    st.plotly_chart(figure, key=key, alt=alt, config={"displayModeBar": False, "scrollZoom": False})


def link(label: str, target: str, icon: str, key: str, **query: str) -> None:
    """Show a button that leads to another page, with what it should open there in the link."""
    # Not st.page_link: it fails wherever a page is run by itself, as the tests do.
    if st.button(label, icon=icon, key=key):
        st.switch_page(target, query_params=query)


def digit(image: np.ndarray, caption: str, alt: str, width: int = 140) -> None:
    """Show one 28x28 image as black ink on white paper, its pixels visible."""
    st.image(plots.magnified(image, 8), caption=caption, width=width, alt=alt)


def count_up(counter: str, flag: str) -> None:
    """Raise a counter of this session by one and set a flag: what a Clear button's click does."""
    st.session_state[counter] += 1
    st.session_state[flag] = True
