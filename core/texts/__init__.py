"""What people read, in their language: English stands in the code, Portuguese in one table.

`t("{n} images", n=5)` is the English sentence, or what the table has for it in the language of whoever looks. The table
has one file a page. The English text is the key, as with gettext, so that the code reads as the page does; a test holds
code and table together.
"""

import functools
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

LANGUAGES = {"en": "English", "pt": "Português"}
_asked: list[Callable[[], str]] = [lambda: "en"]
_here: ContextVar[str] = ContextVar("_here", default="")


def t(english: str, /, **values: object) -> str:
    """Return a text in the current language, its `{placeholders}` filled in.

    Parameters
    ----------
    english : str
        A literal; with placeholders as of `str.format` where there are values.

    Returns
    -------
    str
        English where the table has no such text.
    """
    words = table().get(english, english) if language() == "pt" else english
    return words.format(**values) if values else words


def later(english: str, /) -> str:
    """Return a text as it is: for literals that are kept, as in a table, and that `t` says when somebody looks."""
    return english


def language() -> str:
    """Return the language of whoever looks: "en" or "pt"."""
    return _here.get() or _asked[0]()


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Speak a language within a block: for whoever makes a file for a visitor where no page is."""
    before = _here.set(language)
    try:
        yield
    finally:
        _here.reset(before)


def listen(ask: Callable[[], str]) -> None:
    """Let `ask` say from now on which language is spoken; a page asks its own browser session."""
    _asked[0] = ask


@functools.cache
def table() -> dict[str, str]:
    """Return English text -> Portuguese text."""
    parts = sorted(Path(__file__).parent.glob("*.toml"))
    return {english: other for part in parts for english, other in tomllib.loads(part.read_text("utf-8")).items()}
