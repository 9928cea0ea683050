"""A page's frame, its error edge, and the small things that every page shows the same way."""

import contextlib
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core import look, plots, plots_explain, texts
from core import settings as environment
from core.errors import DigitLabError, SettingsError
from core.texts import t
from core.ui import door, linking, opening

T = TypeVar("T")
# A file of ours: Streamlit would fetch a named icon from a server of Google's.
_ICON = environment.ROOT / ".streamlit" / "icon.png"
_FRAME = f"""<style>
[data-testid=stSidebarUserContent] [data-testid=stVerticalBlock] > :has(> .st-key-door), .st-key-door {{order:9}}
[data-testid=stSidebarUserContent] [data-testid=stVerticalBlock] > :has(> .st-key-language) {{order:10}}
.stApp {{--dl-accent:light-dark({look.ACCENT}, {look.ACCENT_ON_DARK}); --dl-mark:{look.MARK}}}
.stMainBlockContainer {{padding-top:3.2rem; padding-bottom:3rem; max-width:74rem}}
[data-testid=stCaptionContainer] {{color:inherit; opacity:.78}}
[data-testid=stWidgetLabel][disabled] {{color:inherit}}
.st-key-say-place {{min-height:2.75rem}}
[data-testid=stLayoutWrapper]:has(> .st-key-run-place), .st-key-run-place {{height:auto; overflow:visible}}
.st-key-run-place {{min-height:4.25rem}}
.st-key-variants-row img {{aspect-ratio:1}}
.st-key-variants-row > :nth-child(2) img {{aspect-ratio:2.05}}
[data-testid=stBaseButton-primary], [data-testid=stMultiSelectTagsContainer] [data-tag] {{
  background-color:{look.ACCENT}; border-color:{look.ACCENT}; color:#fff}}
@media (pointer:coarse) {{
  :is([data-testid=stMain], [data-testid=stSidebarUserContent])
    :is(button, summary, [role=tab], [data-testid=stCheckbox] label, [data-testid=stSelectbox] [role=group])
    {{min-height:44px}}
  [data-testid=stCheckbox] label {{align-items:center}}
  .st-key-run-place {{min-height:5.75rem}}
  [class*=st-key-runs-] [data-testid=stElementToolbar] {{top:-3.2rem}}}}
@media (prefers-reduced-motion:reduce) {{
  * {{animation-duration:.01ms !important; transition-duration:.01ms !important}}}}
@media (max-width:640px) {{
  .stMainBlockContainer h1 {{font-size:1.9rem; padding:.2rem 0}}
  [data-testid=stTabs] [role=tablist] {{flex-wrap:wrap}}
  .st-key-head {{padding-top:.6rem}}
  .st-key-runs-bar {{min-height:5.5rem}}}}
</style>"""
_PAGES = {"": "Home", "Train": "Train", "Metrics": "Metrics", "Draw": "Draw", "Runs": "Runs"}  # of a link: what it says
# Screen readers choose their voice by this.
_TONGUE = "<script>document.documentElement.lang = '{}'</script>"
_NAME = """[data-testid=stSidebarNavLink][href$="/{0}"] > * {{display:none}}
[data-testid=stSidebarNavLink][href$="/{0}"]::after {{content:"{1}"; font-size:.875rem}}
"""


def frame(title: str) -> None:
    """Draw what stands at the head of every page."""
    asked, own = st.query_params.get("lang"), texts.nearest(st.context.locale or "")
    st.session_state.setdefault("lang", asked if asked in texts.LANGUAGES else own)
    st.set_page_config(page_title=f"{t(title)} · Digit Lab", page_icon=_ICON, layout="wide")
    st.html(plots.STYLE + plots_explain.STYLE + _FRAME + _page_names())
    _language_input()
    # English goes without saying, but for somebody whose browser would say otherwise at the next visit.
    if language() == own == "en":
        st.query_params.pop("lang", None)
    else:
        st.query_params["lang"] = language()
    with st.container(horizontal=True, vertical_alignment="center", key="head"):
        st.title(t(title), anchor=False)
        with opening.after_paint():
            linking.copy_button()


def _language_input() -> None:
    # Not bound to the link: that would carry the language's name, where a teacher expects its code.
    with st.sidebar.container(key="language"):  # the style sheet puts it below what the page itself has there
        names = texts.LANGUAGES
        look: dict[str, Any] = {"required": True, "persist_state": "session", "format_func": names.__getitem__}
        st.segmented_control("Language · Idioma", list(names), key="lang", **look)
        st.html(_TONGUE.format(texts.TAGS[language()]), unsafe_allow_javascript=True)


def _page_names() -> str:
    # Streamlit makes its list of pages from the names of their files.
    if language() == "en":
        return ""
    return "<style>" + "".join(_NAME.format(end, t(name)) for end, name in _PAGES.items()) + "</style>"


def language() -> str:
    """Return what language this visitor chose; English for whoever is no visitor, such as the API."""
    return st.session_state.get("lang") or "en" if get_script_run_ctx(suppress_warning=True) else "en"


texts.listen(language)


def stop(error: DigitLabError) -> NoReturn:
    """Show an error's sentence and end the page here."""
    say(str(error))
    st.stop()


def say(sentence: str) -> None:
    """Show what went wrong, without a folder or the machine's name in it."""
    with contextlib.suppress(SettingsError):  # which names a folder only to whoever starts the server
        sentence = environment.load().without_places(sentence)
    st.error(sentence, icon=":material/error:")


def or_stop(read: Callable[..., T], *args: Any) -> T:
    """Return `read(*args)`; where it raises one of our sentences, show it and end the page here."""
    try:
        return read(*args)
    except DigitLabError as error:
        stop(error)


def reason(check: Callable[..., Any], *args: Any) -> str:
    """Return why `check(*args)` refuses, in one of our sentences, or an empty text."""
    try:
        check(*args)
    except DigitLabError as error:
        return str(error)
    return ""


def act(action: str, do: Callable[..., Any], *args: Any) -> None:
    """Do what a button was clicked for, if this visitor may; say in one sentence why where it cannot be done."""

    def permitted() -> None:
        # Asked here and not only where the button is drawn: a click is a message that anybody can send.
        door.require(action)
        do(*args)

    attempt(permitted)


def attempt(do: Callable[..., Any], *args: Any) -> None:
    """Do something; say in one sentence why where it cannot be done."""
    try:
        do(*args)
    except DigitLabError as error:
        say(str(error))
    except OSError as error:
        say(t("That could not be written to the disk: {why}.", why=error.strerror))


def button(action: str, label: str, key: str, icon: str, do: Callable[..., Any], *args: Any, **look: Any) -> None:
    """Show a button for something that is not open to everybody; closed, it says why.

    Parameters
    ----------
    action : str
        As in `access.OPEN_TO`.
    look : as of `st.button`
    """
    closed = door.closed(action)
    if closed:
        look |= {"disabled": True, "help": closed}
    st.button(label, key=key, icon=icon or None, on_click=act, args=(action, do, *args), **look)


def address() -> str:
    """Return the address under which the visitor sees this server, without a path."""
    url = st.context.url
    parts = urlsplit(url) if isinstance(url, str) else None  # in an AppTest it is something that is no text
    return f"{parts.scheme}://{parts.netloc}" if parts and parts.netloc else "http://localhost:8501"


def plain(text: str) -> str:
    """Return somebody's words so that Markdown shows them as they are."""
    return re.sub(r"([\\`*_{}\[\]()#+.!|<>~$:&-])", r"\\\1", text)


def when(seconds: float) -> str:
    """Return a time of day, with the date if it was not today, in the visitor's own time zone."""
    zone = ZoneInfo(st.context.timezone or "UTC")
    moment, today = datetime.fromtimestamp(seconds, zone), datetime.now(zone).date()
    return moment.strftime("%H:%M:%S" if moment.date() == today else t("%d %b %Y, %H:%M"))


def chart(figure: go.Figure, key: str, alt: str, **more: Any) -> None:
    """Show a figure, the same way everywhere: its menu, which lies over it and moves nothing, saves it as a picture.

    Parameters
    ----------
    more : as of `st.plotly_chart`
    """
    picture = {"filename": f"digit-lab-{key}", "format": "png", "scale": 2}
    menu = {"modeBarButtons": [["toImage"]], "displaylogo": False, "toImageButtonOptions": picture}
    # Nothing here is zoomed, and two quick clicks on two cells would count as a double click, which clears the choice.
    calm = {"scrollZoom": False, "doubleClick": False, "doubleClickDelay": 1}
    st.plotly_chart(figure, key=key, alt=alt, config=menu | calm, **more)


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
