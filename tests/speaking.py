"""Everything that a person reads on a page, and what of it is not Portuguese although the page is."""

import functools
import json
import re
import string
from collections.abc import Iterator
from typing import Any

from google.protobuf.message import Message
from streamlit.testing.v1 import AppTest

from core import texts
from tests.conftest import ROOT

# Fields of Streamlit's messages that are shown, or read aloud.
SHOWN = {"alt", "body", "caption", "content", "delta", "help", "label", "options", "placeholder", "text", "title"}
# Inside of charts and tables, which travel as JSON.
SHOWN_IN_JSON = {"hovertemplate", "label", "help", "name", "text", "title", "ticktext", "texttemplate"}
NAMES = (
    *("English", "Português", "Idioma", "Language", "MNIST", "Keras", "Weights", "Biases", "Home"),
    *("UTC", "min", "MB", "KB", "npz", "HOG", "PCA", "CNN", "SVM", "ONNX"),
    *("Gini", "Entropy", "log_loss", "sqrt", "log2", "log", "ccp_alpha", "alpha"),
)
_WORD = re.compile(r"[^\W\d_][\w']*[^\W\d_]")
_NO_WORDS = re.compile(
    r"`[^`]*`|:material/\w+:|:[\w-]+\[|https?://[^\s)]+|%\{[^}]*\}|\b[A-Za-z]+_[A-Za-z_]+\b|<(style|script).*?</\1>|<[^>]*>|&\w+;",
    re.DOTALL,
)
_MONTHS = re.compile(r"\b\d\d [A-Z][a-z][a-z] \d{4}, \d\d:\d\d\b|\b\d{8}-\d{6}-[\w-]+\b")


def open_in(language: str, script: str, **query: str) -> AppTest:
    """Open a page in a language."""
    page = AppTest.from_file(str(ROOT / script), default_timeout=60)
    page.query_params.update({"lang": language, **query})
    page.run()
    assert not page.exception, [e.value for e in page.exception]
    return page


def said(page: AppTest) -> list[str]:
    """Return every text on a page, once each, in the order of the page."""
    nodes = [node for part in (page.main, page.sidebar) for node in part]
    found = [text for node in nodes for text in _texts(node.proto)]
    return list(dict.fromkeys(text for text in found if _WORD.search(text)))


def english_left(page: AppTest, allowed: tuple[str, ...] = ()) -> list[str]:
    """Return the texts of a page that have words which neither the Portuguese table says nor `NAMES` or `allowed`.

    A text may be put together from several of the table, with numbers and somebody's own words between.
    """
    known = {word.casefold() for word in (*NAMES, *allowed)}
    left = {text: [w for w in _WORD.findall(_beyond_table(text)) if w.casefold() not in known] for text in said(page)}
    return [f"{text!r}: {' '.join(words)}" for text, words in left.items() if words]


def _texts(proto: Any, field: str = "") -> Iterator[str]:
    if not isinstance(proto, Message):
        return
    for descriptor, value in proto.ListFields():
        name = descriptor.name
        values = list(value) if descriptor.is_repeated and not isinstance(value, dict) else [value]
        for one in values:
            if isinstance(one, Message):
                yield from _texts(one, name)
            elif isinstance(one, str) and one[:1] == "{" and name in ("spec", "columns"):
                yield from _texts_of_json(json.loads(one))
            elif isinstance(one, str) and name in SHOWN:
                yield one


def _texts_of_json(body: Any, key: str = "") -> Iterator[str]:
    if isinstance(body, dict):
        for name, value in body.items():
            if name != "template":
                yield from _texts_of_json(value, name)
    elif isinstance(body, list):
        for value in body:
            yield from _texts_of_json(value, key)
    elif isinstance(body, str) and key in SHOWN_IN_JSON:
        yield body


def _beyond_table(text: str) -> str:
    rest = _MONTHS.sub(" ", _NO_WORDS.sub(" ", text.replace("\\", "")))
    for longest, pattern in _patterns():
        if longest in rest:
            rest = pattern.sub(lambda found: " ".join(["", *(g or "" for g in found.groups()), ""]), rest)
    return rest


@functools.cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    found = []
    for other in texts.table().values():
        parts = list(string.Formatter().parse(_NO_WORDS.sub(" ", other)))
        pieces = [literal for literal, *_ in parts if literal.strip()]
        if not any(_WORD.search(piece) for piece in pieces):
            continue
        pattern = "".join(
            re.escape(literal) + ("" if name is None else "(.*)" if i == len(parts) - 1 else "(.*?)")
            for i, (literal, name, *_) in enumerate(parts)
        )
        whole = re.compile(rf"(?<!\w){pattern}(?!\w)", re.DOTALL)
        found.append((sum(map(len, pieces)), max(pieces, key=len), whole))
    # The longest first: what says little beside its gaps would break what says more.
    return [(longest, whole) for _, longest, whole in sorted(found, key=lambda one: -one[0])]
