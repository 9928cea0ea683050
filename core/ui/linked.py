"""Choices that stand in the page's link in words that are the same in every language.

Streamlit's own `bind="query-params"` writes into the link what is shown; translated, a link made in one language would
mean nothing in the other.
"""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core import texts
from core.texts import t


def choose(
    widget: Callable[..., Any],
    label: str,
    options: Sequence[str],
    default: Any,
    key: str,
    say: Callable[[str], str] = t,
    **look: Any,
) -> Any:
    """Show a choice that is kept in the link.

    Parameters
    ----------
    widget : callable
        `st.selectbox`, `st.segmented_control`, `st.select_slider`, or, for several at once, `st.multiselect`.
    options : texts
        As the link has them, in English or as code.
    default : str, or a list of them for `st.multiselect`
        What an empty link means.
    say : option -> what is shown for it
    look : as of the widget

    Returns
    -------
    str or list of str
        From the options, whatever the language.
    """
    known = st.session_state.setdefault("chosen", {})  # key -> the language that it was last shown in, and the value
    if key not in st.session_state or _went_back():
        st.session_state[key] = _asked(key, options, default)
    elif key in known and known[key][0] != texts.language():
        st.session_state[key] = known[key][1]  # the browser still sends it in the other language's words
    # Said now, in this visitor's language: Streamlit asks for the names outside of the page's run too.
    names = {one: say(one) for one in options}
    value = widget(label, list(options), key=key, format_func=lambda one: names.get(one, one), **look)
    known[key] = (texts.language(), value)
    _write(key, value, default)
    return value


def _asked(key: str, options: Sequence[str], default: Any) -> Any:
    given = st.query_params.get_all(key)
    if not given:
        return default
    found = [one for one in given if one in options]
    if isinstance(default, list):
        return found if found or given == [""] else default
    return found[0] if found else default


def _write(key: str, value: Any, default: Any) -> None:
    wanted = [] if value == default else (value or [""]) if isinstance(value, list) else [value]
    if wanted == st.query_params.get_all(key):
        return
    if wanted:
        st.query_params[key] = wanted
    else:
        st.query_params.pop(key, None)


def _went_back() -> bool:
    # By the browser's own button, that is: then the link is right, and not what was chosen meanwhile.
    context = get_script_run_ctx()
    return bool(context and context.is_history_navigation)


def tabs(key: str, names: Sequence[str]) -> list[Any]:
    """Show tabs, the one open that the link names; returns them in order."""
    words = [t(name) for name in names]
    own = f"{key}-{texts.language()}"  # what Streamlit keeps of tabs is a word
    if own not in st.session_state or _went_back():
        st.session_state[own] = words[names.index(_asked(key, names, names[0]))]
    shown = list(st.tabs(words, key=own, on_change="rerun"))
    _write(key, next((name for name, tab in zip(names, shown, strict=True) if tab.open), names[0]), names[0])
    return shown
