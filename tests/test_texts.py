"""One table of texts: nothing in it is unused, nothing on a page is missing, and placeholders keep their names."""

import ast
import string

import pytest

from core import lesson, texts
from tests.conftest import ROOT

SOURCES = [ROOT / "Home.py", *sorted((ROOT / "pages").glob("*.py")), *sorted((ROOT / "core").rglob("*.py"))]

SAID = {"t", "later"}


def used() -> set[str]:
    """Return every literal that is given to `t`, at once or later."""
    found = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SAID and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant):
                    found.add(first.value)
    return found | {text for step in lesson.STEPS for text in (step.title, step.task, step.more)}


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_text_is_in_the_table():
    assert sorted(used() - set(texts.table())) == []


def test_translations_keep_the_placeholders():
    wrong = [english for english, other in texts.table().items() if placeholders(english) != placeholders(other)]
    assert wrong == []


@pytest.fixture
def portuguese(monkeypatch):
    monkeypatch.setattr(texts, "_asked", [lambda: "pt"])


def test_a_text_is_said_in_the_language_of_whoever_looks(portuguese):
    assert texts.t("Train") == "Treinar"
    assert texts.t("no such {thing}", thing="text") == "no such text"


def test_a_file_made_apart_from_the_page_speaks_as_its_reader():
    with texts.speaking("pt"):
        assert texts.t("Train") == "Treinar"
    assert texts.t("Train") == "Train"
