"""One table of texts: nothing in it is unused, nothing on a page is missing, and placeholders keep their names."""

import ast
import string
import tomllib
from collections.abc import Iterator

import pytest

from core import lesson, models, texts, trials
from tests.conftest import ROOT

SOURCES = [ROOT / "Home.py", *sorted((ROOT / "pages").glob("*.py")), *sorted((ROOT / "core").rglob("*.py"))]

SAID = {"t", "later"}


# Written in English by a child, or kept in a file, and retold where they are shown.
KEPT = {
    "The process ended in the stage “{stage}” without a word (killed, or out of memory).",
    "The process ended with the code {code}.",
    *("the bundled sample of 5,000 digits", "the Keras cache", "the Keras download", "the upload {name}"),
    *("one fit on this machine", "trees", "epochs", "iterations", "name", "author", "note"),
    *("starting", "queued", "running", "done", "failed", "cancelled", "waiting"),
    *("not logged", "disabled", "local only", "syncing", "synced", "This run is not logged to W&B yet."),
    *("study the depth again", "measure it again", "calibrate the run again"),
    *("Asking W&B who we are", "Fetching the model from W&B", "Logging My digits to W&B"),
    "Looking for promotions on W&B",
    *("accuracy", "precision", "recall", "f1", "none", "light", "hands"),
}
CODE = {"gini", "entropy", "log_loss", "sqrt", "log2"}  # choices that people find under these names everywhere


def used() -> set[str]:
    """Return every text given to `t`, at once or later: where it stands there, or in a constant given there."""
    found = set()
    for path in SOURCES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        constants = {
            target.id: node.value
            for node in tree.body
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SAID and node.args:
                found |= set(literals(node.args[0], constants))
    steps = {text for step in lesson.STEPS for text in (step.title, step.task, step.more)}
    return found | steps | catalogue() | {metric.label for metric in trials.METRICS.values()} | KEPT


def literals(node: ast.AST, constants: dict[str, ast.AST]) -> Iterator[str]:
    """Return the texts that an argument may be: keys and indices are none."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            yield node.value
    elif isinstance(node, ast.Name):
        if node.id in constants:
            yield from literals(constants[node.id], {})
    elif isinstance(node, ast.Dict):
        for value in node.values:
            yield from literals(value, constants)
    elif isinstance(node, ast.Subscript):
        yield from literals(node.value, constants)
    elif isinstance(node, ast.IfExp):
        yield from (text for part in (node.body, node.orelse) for text in literals(part, constants))
    elif isinstance(node, ast.BoolOp | ast.Tuple):
        parts = node.values if isinstance(node, ast.BoolOp) else node.elts
        yield from (text for part in parts for text in literals(part, constants))
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
        yield from (text for part in (node.func.value, *node.args[1:]) for text in literals(part, constants))


def catalogue() -> set[str]:
    """Return what people read of the models and their parameters."""
    families = models.CATALOGUE.values()
    found = {text for spec in families for text in (spec.label, spec.summary)}
    for p in (p for spec in families for p in spec.parameters):
        found |= {p.label, p.help, p.none, *(choice for choice in p.choices if isinstance(choice, str))}
    return found - CODE - {""}


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_text_is_in_the_table():
    assert sorted(used() - set(texts.table())) == []


def test_no_text_stands_in_two_files():
    parts = [tomllib.loads(path.read_text("utf-8")) for path in (ROOT / "core" / "texts").glob("*.toml")]
    assert sum(len(part) for part in parts) == len(texts.table())


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


def test_what_a_child_said_is_retold(portuguese):
    assert texts.retell("Opening the data") == "A abrir os dados"
    assert texts.retell("12 of 60 trees") == "12 de 60 árvores"
    assert texts.retell("3 of 8 epochs, 98.20% of the held-out images right") == (
        "3 de 8 épocas, 98.20% das imagens retiradas do treino bem lidas"
    )
    assert texts.retell("max_depth is 99; give a whole number from 1 to 50.") == (
        "max_depth é 99; dê um número inteiro de 1 a 50."
    )
    assert texts.retell("Killed by the moon") == "Killed by the moon"
    ended = "The process ended in the stage “starting” without a word (killed, or out of memory).\nKilled by the moon"
    assert texts.retell(ended) == (
        "O processo acabou na fase “a começar” sem uma palavra (morto, ou sem memória).\nKilled by the moon"
    )


def test_english_stays_as_it_was_said():
    assert texts.retell("12 of 60 trees") == "12 of 60 trees"
