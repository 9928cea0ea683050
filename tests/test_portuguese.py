"""Metrics, Draw and Runs in Portuguese: nothing English is left, and a link or a choice means the same in both."""

import re

import pytest

from core import depth, metrics, report, robustness, runs, texts, treeview
from core.ui import draw, metrics_export
from core.ui import metrics as metrics_page
from tests.speaking import english_left, open_in
from tests.test_pages import texts as written
from tests.test_refusal import calibrated, calibrated_home  # noqa: F401  (fixtures)
from tests.test_report import found as measured
from tests.test_robustness import newest
from tests.test_runs_page import two, worse  # noqa: F401  (fixtures)

# Names that are the same in both, the colours of Streamlit's own signs, and words between two numbers.
SAME = ("ROC", "ECE", "micro", "macro", "µs", "model", "joblib", "proj_mnist", "curl", "Python", "JavaScript", "tiny")
SIGNS = ("orange", "green", "gray", "um", "está", "não", "acima", "prof")
PARAMETERS = ("min_samples_leaf", "class_weight", "balanced")


def left(page) -> list[str]:
    return [
        text for text in english_left(page, allowed=(*SAME, *SIGNS, *PARAMETERS)) if not text.startswith('\'{"config"')
    ]


@pytest.mark.parametrize("view", metrics_page._VIEWS)
def test_metrics_is_portuguese(view, trained):
    robustness.save(newest(trained), measured())
    page = open_in("pt", "pages/2_Metrics.py", view=view)
    assert [tab.label for tab in page.tabs] == [texts.table()[name] for name in metrics_page._VIEWS]
    assert [bool(len(tab.children)) for tab in page.tabs] == [name == view for name in metrics_page._VIEWS]
    assert left(page) == []


@pytest.mark.parametrize("why", draw.REASONS)
def test_draw_is_portuguese(why, calibrated):  # noqa: F811
    page = open_in("pt", "pages/3_Draw.py", image="7", why=why)
    assert page.button_group(key="why").value == why
    assert left(page) == []


def test_runs_is_portuguese(two):  # noqa: F811
    _, good, other = two
    assert left(open_in("pt", "pages/4_Runs.py")) == []
    page = open_in("pt", "pages/4_Runs.py", compare=f"{good.id},{other.id}", changed="both wrong", roc_of="3")
    assert page.button_group(key="changed").value == "both wrong"
    assert page.selectbox(key="roc_of").value == "3"
    assert left(page) == []


def test_without_a_run_they_are_portuguese(empty):
    for script in ("pages/2_Metrics.py", "pages/3_Draw.py", "pages/4_Runs.py"):
        assert left(open_in("pt", script)) == []


def test_a_link_to_a_cell_means_the_same_in_both_languages(trained):
    matrix = runs.load_evaluation(newest(trained)).confusion_matrix
    worst = metrics.worst_pair(matrix)
    link = {"cells": "% of the answer", "pair": f"{worst.true} read as {worst.predicted}"}
    for language in texts.LANGUAGES:
        page = open_in(language, "pages/2_Metrics.py", **link)
        assert {key: page.query_params[key] for key in link} == link
        assert page.button_group(key="cells").value == link["cells"]
        assert page.selectbox(key="pair").value == link["pair"]
    assert f"{worst.true} lido como {worst.predicted}" in page.selectbox(key="pair").options


def test_the_open_tab_outlives_a_change_of_the_language(trained):
    page = open_in("en", "pages/2_Metrics.py", view="Curves", digit="3")
    page.button_group(key="lang").set_value("pt").run()
    assert [tab.label for tab in page.tabs if len(tab.children)] == ["Curvas"]
    assert page.selectbox(key="digit").value == "3"
    assert page.query_params["view"] == "Curves"
    page.selectbox(key="digit").set_value("all digits").run()
    assert "digit" not in page.query_params
    page.button_group(key="lang").set_value("en").run()
    assert [tab.label for tab in page.tabs if len(tab.children)] == ["Curves"]
    assert page.selectbox(key="digit").value == "all digits"


def test_what_the_caches_hold_has_no_language(trained):
    first = written(open_in("pt", "pages/2_Metrics.py", view="Robustness"))
    second = written(open_in("en", "pages/2_Metrics.py", view="Robustness"))
    assert "Lê bem" in first
    assert "Lê bem" not in second
    assert "It reads" in second


def test_the_report_is_written_in_the_language_of_whoever_asks(trained):
    run = newest(trained)
    evaluation = runs.load_evaluation(run)
    with texts.speaking("pt"):
        material = report.Material(run, evaluation, metrics.deeper(evaluation), (), measured(), None)
    page = metrics_export._write_report(material, "pt")
    assert '<html lang="pt">' in page
    said = re.sub(r"<style.*?</style>|<[^>]*>", " ", page, flags=re.DOTALL)
    for english in ("Accuracy", "It reads", "how sure", "images", "time to learn", "version of"):
        assert english not in said
    assert "Árvore de decisão" in said
    assert '<html lang="en">' in metrics_export._write_report(material, "en")


def test_the_whole_tree_speaks_as_its_reader(trained):
    tree = depth.load_tree(newest(trained))
    with texts.speaking("pt"):
        assert "sem tinta" in treeview.as_dot(tree)
        assert "imagens" in treeview.as_text(tree)
    assert "no ink" in treeview.as_dot(tree)
