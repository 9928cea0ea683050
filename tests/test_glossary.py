"""The glossary and the help beside a control are one text; a number's example is the run's own."""

import pytest

from core import glossary, metrics, models, runs
from core.ui import linked
from tests.test_pages import check, open_page, texts


def helps(widgets) -> dict[str, str]:
    return {widget.key: widget.proto.help for widget in widgets if widget.proto.help}


def test_the_help_of_every_control_is_the_glossarys(empty):
    page = check(open_page("pages/1_Train.py"))
    for spec in models.CATALOGUE.values():
        check(page.selectbox(key="model").set_value(spec.label).run())
        side = page.sidebar
        found = helps([*side.selectbox, *side.select_slider, *side.number_input])
        assert sorted(found.values()) == sorted(term.help for term in glossary.controls(spec))


@pytest.mark.parametrize("name", ["decision_tree", "cnn_small"])
def test_the_glossary_has_every_control(name, empty):
    shown = texts(check(open_page("Home.py", glossary="true", of=name)))
    for term in glossary.controls(models.spec(name)):
        assert f"**{term.label}**: {term.means}" in shown


def test_the_help_of_every_tile_is_the_glossarys_with_the_runs_own_number(trained):
    run = runs.list_runs(trained)[0]
    evaluation = runs.load_evaluation(run)
    hits = int(evaluation.right.sum())
    tiles = {tile.label: tile.proto.help for tile in check(open_page("pages/2_Metrics.py")).metric}
    assert f"The share of all test images that were read right. Here: {hits} of 1,000." in tiles["Accuracy"]
    home = texts(check(open_page("Home.py", glossary="true")))
    for name, interval in metrics.summary(evaluation).items():
        term = glossary.measure(name, interval.value, evaluation)
        assert tiles[term.label].startswith(term.help)
        assert f"**{term.label}**: {term.means} *{term.here}*" in home
    tiles = {tile.label: tile.proto.help for tile in check(open_page("pages/2_Metrics.py", view="Numbers")).metric}
    for name in ("fit", "fit_cpu", "predict", "memory"):
        term = glossary.cost(name, glossary.costs(run)[name])
        assert tiles[term.label] == term.means
        assert f"**{term.label}**: {term.means} *{term.here}*" in home


def test_every_number_has_an_example(trained):
    shown = texts(check(open_page("Home.py", glossary="true")))
    names = [*metrics.MEANING, *glossary.CURVES, *glossary.COSTS]
    numbers = shown.split("##### Numbers")[1].split("#####")[0].strip().splitlines()
    assert len(numbers) == len(names)
    assert all(line.endswith("*") for line in numbers)


def test_a_word_of_the_link_is_found(trained):
    shown = texts(check(open_page("Home.py", glossary="true", word="kappa")))
    assert "**Cohen's kappa**: How much better than chance" in shown
    assert "Log loss" not in shown
    assert "No word here is like that." in texts(check(open_page("Home.py", glossary="true", word="qqq")))


def test_closed_it_costs_nothing_and_without_a_run_it_has_no_examples(empty, monkeypatch):
    calls = []
    monkeypatch.setattr(linked, "choose", lambda *args, **look: calls.append(args) or models.DEFAULT)
    check(open_page("Home.py"))
    assert not calls
    shown = texts(check(open_page("Home.py", glossary="true")))
    assert calls
    assert "Here:" not in shown
    assert "The examples are" not in shown


def test_examples():
    evaluation = metrics.Evaluation([0, 1, 2, 3], [[1.0] + [0.0] * 9] * 4)
    assert metrics.example("accuracy", 0.25, evaluation).startswith("Here: 1 of 4. ")
    assert metrics.example("accuracy", 0.25) == "Of 1,000 new digits like these it would misread about 750."
    assert not glossary.measure("kappa").here


def test_sizes_and_times():
    assert [glossary.short(v) for v in (2e-6, 0.0123)] == ["2 µs", "12.3 ms"]
    assert [glossary.seconds(v) for v in (1.234, 20.5)] == ["1.2 s", "20 s"]
    assert [glossary.size(v) for v in (74_100, 2_500_000)] == ["74 kB", "2.5 MB"]
