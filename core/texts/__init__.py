"""What people read, in their language: English stands in the code, Portuguese in one table.

`t("{n} images", n=5)` is the English sentence, or what the table has for it in the language of whoever looks. The table
has one file a page. The English text is the key, as with gettext, so that the code reads as the page does; a test holds
code and table together.
"""

import functools
import re
import string
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

LANGUAGES = {"en": "English", "pt": "Português"}
TAGS = {"en": "en-GB", "pt": "pt-PT"}  # as HTML names them
_TELLING = 8  # letters beside the gaps that make a sentence known again
_GAP = re.compile(r"\{(\w+)[!:][^}]*\}")  # what was written once needs no format
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


def retell(english: str) -> str:
    """Return a finished English sentence in the current language: what a child wrote, or a file keeps.

    Returns
    -------
    str
        As it is where the table has no such sentence.
    """
    return _retold(english) if language() == "pt" else english


@functools.lru_cache(512)
def _retold(english: str) -> str:
    if english in table():
        return table()[english]
    for pattern, words in _sentences():
        if found := pattern.fullmatch(english):
            # What stands in a gap may be a text of ours too, such as the word for what is counted.
            return words.format(**{name: _retold(text) for name, text in found.groupdict().items()})
    return english


@functools.cache
def _sentences() -> list[tuple[re.Pattern[str], str]]:
    found = []
    for english, other in table().items():
        parts = list(string.Formatter().parse(english))
        said = sum(len(literal) for literal, *_ in parts)
        names = [name for _, name, *_ in parts if name]
        if said < _TELLING or not names or "%{" in english:  # the gaps of a chart are filled in the browser
            continue
        seen: set[str] = set()
        pattern = ""
        for literal, name, *_ in parts:
            gap = "" if name is None else f"(?P={name})" if name in seen else f"(?P<{name}>.+?)"
            pattern += re.escape(literal) + gap
            seen |= {name or ""}
        found.append((said, re.compile(pattern, re.DOTALL), _GAP.sub(r"{\1}", other)))
    return [(pattern, words) for _, pattern, words in sorted(found, key=lambda one: -one[0])]


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


def nearest(tag: str) -> str:
    """Return the language for a browser's tag such as `pt-BR`; English where we have no such language."""
    code = tag.split("-")[0].lower()
    return code if code in LANGUAGES else "en"


def listen(ask: Callable[[], str]) -> None:
    """Let `ask` say from now on which language is spoken; a page asks its own browser session."""
    _asked[0] = ask


@functools.cache
def table() -> dict[str, str]:
    """Return English text -> Portuguese text."""
    parts = sorted(Path(__file__).parent.glob("*.toml"))
    return {english: other for part in parts for english, other in tomllib.loads(part.read_text("utf-8")).items()}
