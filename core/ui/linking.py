"""The link: every page's state stands in the address bar, and one button in the head copies it."""

import functools
from pathlib import Path
from typing import Any

import streamlit as st

from core.texts import t

_HTML = """<div class="dl-link"><button type="button">
<svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true"><path fill="currentColor" d="M3.9 12a3.1 3.1 0 0 1
3.1-3.1h4V7H7a5 5 0 0 0 0 10h4v-1.9H7A3.1 3.1 0 0 1 3.9 12zM8 13h8v-2H8v2zm9-6h-4v1.9h4a3.1 3.1 0 0 1 0 6.2h-4V17h4a5 5
0 0 0 0-10z"/></svg><span>Copy link</span></button>
<div role="status"></div><label hidden><input readonly></label></div>"""
_CSS = """
.dl-link {position:relative; display:flex; align-items:center; gap:.5rem; white-space:nowrap;
  font:400 .875rem var(--st-font)}
.dl-link button {display:flex; align-items:center; gap:.35rem; min-height:2.25rem; padding:0 .6rem; cursor:pointer;
  font:inherit; color:var(--st-text-color); background:transparent; border:1px solid var(--st-border-color);
  border-radius:var(--st-button-radius)}
.dl-link button:hover, .dl-link button:focus-visible {color:var(--st-primary-color);
  border-color:var(--st-primary-color); outline:none}
.dl-link [role=status] {color:var(--st-text-color); position:absolute; top:calc(100% + .15rem); right:0;
  padding:0 .25rem; background:var(--st-background-color)}
.dl-link label {position:absolute; z-index:9; top:calc(100% + 1.6rem); right:0}
.dl-link input {width:min(84vw, 30rem); padding:.5rem; font:inherit; color:var(--st-text-color);
  background:var(--st-background-color); border:2px solid var(--st-primary-color); border-radius:.3rem}
.dl-link [hidden] {display:none}
@media (pointer:coarse) {.dl-link button {min-height:44px}}
"""
_SCRIPT = (Path(__file__).parent / "link.js").read_text(encoding="utf-8")


def copy_button() -> None:
    """Show the button that copies the page's link; where the browser forbids that, the link to copy by hand."""
    words = {
        "copy": t("Copy link"),
        "copied": t("Copied"),
        "here": t("Copy the link from here"),
        "help": t("The link opens this page as it is now, for whoever you send it to."),
    }
    _component()(data=words, key="copy-link", height="content", width="content")


def number(name: str) -> int:
    """Return a count that this page keeps in its link, 0 or more; 0 where the link has none."""
    given = st.query_params.get(name, "")
    return int(given) if given.isdecimal() and len(given) < 7 else 0


def next_number(name: str) -> None:
    """Raise a count in the link by one: what a button's click does."""
    st.query_params[name] = str(number(name) + 1)


@functools.cache
def _component() -> Any:
    return st.components.v2.component("digitlab_link", html=_HTML, css=_CSS, js=_SCRIPT)
