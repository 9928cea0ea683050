"""The pages in two languages: nothing English is left on a Portuguese one, and a link means the same in both."""

import pytest
from streamlit.testing.v1 import AppTest

from core import dataset, download, jobs, launch, lesson, models, pipeline, sweep, texts
from core.ui import training
from tests.conftest import ROOT
from tests.speaking import english_left, open_in, said

SPOKEN = [("Home.py", {}), ("pages/1_Train.py", {"search": "true"})]  # Portuguese throughout: scripts and their links


@pytest.mark.parametrize(("script", "query"), SPOKEN, ids=str)
@pytest.mark.parametrize("home", ["empty", "trained"])
def test_no_english_is_left_on_a_portuguese_page(script, query, home, request, started):
    request.getfixturevalue(home)
    page = open_in("pt", script, **query)
    assert english_left(page, allowed=("tiny",)) == []


@pytest.mark.parametrize("access_of", ["", "class"])
@pytest.mark.parametrize("script", ["Home.py", "pages/1_Train.py"])
def test_no_english_is_left_for_a_visitor(script, access_of, trained, started, monkeypatch):
    monkeypatch.setenv("DIGITLAB_PASSWORD", "abracadabra")
    monkeypatch.setenv("DIGITLAB_ACCESS", access_of or "closed")
    assert english_left(open_in("pt", script), allowed=("tiny",)) == []


def test_no_english_is_left_where_jobs_are_at_work(empty, started, monkeypatch):
    config = pipeline.make_config("random_forest", {"n_estimators": 20})
    body = {**config, "plan": launch.expect(empty, config), "author": ""}
    told = [
        {"t": 1.0, "stage": "fit", "done": k, "total": 20, "unit": "trees", "held_accuracy": k / 20} for k in (1, 2)
    ]
    last = {"running": "2 of 20 trees, 10.00% of the held-out images right", "failed": "Sealing the run"}
    found = [
        jobs.Job(f"job-{state}", "train", state, body, told, 1.0, last.get(state, "")) for state in training.STATES
    ]
    monkeypatch.setattr(jobs, "list_jobs", lambda settings, kind="": found if kind == "train" else [])
    page = open_in("pt", "pages/1_Train.py")
    words = "\n".join(said(page))
    assert all(texts.table()[state] in words for state in training.STATES)
    assert "2 de 20 árvores" in words
    assert english_left(page, allowed=("tiny", "job", "done")) == []


def test_no_english_is_left_where_there_is_only_the_sample(settings, started, monkeypatch):
    monkeypatch.setenv("DIGITLAB_HOME", str(settings.home))
    waiting = open_in("pt", "Home.py")
    assert "a ser desempacotada" in waiting.info[0].value
    assert english_left(waiting) == []
    dataset.save_sample(settings)
    download.save_failure(settings, "MNIST could not be downloaded (Timeout). Check the network.")
    assert english_left(open_in("pt", "Home.py"), allowed=("Timeout",)) == []


def test_no_english_is_left_in_a_search(empty, started):
    config = pipeline.make_config("decision_tree", {})
    wanted = sweep.make_config(config, {"criterion": "gini, entropy"}, "grid", 4, "accuracy", 300)
    sweep.find(empty, sweep.submit(empty, wanted), lambda stage, **fields: None)
    page = open_in("pt", "pages/1_Train.py")
    assert any("2 de 2 tentativas" in m.value for m in page.markdown)
    assert english_left(page, allowed=("tiny", "criterion")) == []


@pytest.mark.parametrize("step", range(1, len(lesson.STEPS) + 1))
def test_no_english_is_left_in_the_lesson(step, trained):
    script = lesson.STEPS[step - 1].page
    page = open_in("pt", script if script in ("Home.py", "pages/1_Train.py") else "Home.py", lesson=str(step))
    sources = ("http", "LeCun", "Breiman", "Classification", "and", "Regression", "Trees")
    assert english_left(page, allowed=("tiny", *sources)) == []


def test_what_is_wrong_with_the_settings_is_said_in_portuguese(empty, monkeypatch):
    monkeypatch.setenv("DIGITLAB_MAX_JOBS", "many")
    page = open_in("pt", "Home.py")
    assert page.error[0].value == "DIGITLAB_MAX_JOBS é 'many'; indique um número inteiro de 1 a 64, ou omita-a."


@pytest.mark.parametrize("family", models.CATALOGUE.values(), ids=lambda spec: spec.name)
def test_every_family_is_portuguese_in_the_side_bar(family, empty):
    page = open_in("pt", "pages/1_Train.py", model=family.label)
    assert page.selectbox(key="model").value == family.label
    assert english_left(page, allowed=("tiny",)) == []


def test_a_link_means_the_same_in_both_languages(empty):
    link = {
        "model": "Random forest",
        "random_forest_augmentation": "light",
        "random_forest_class_weight": "balanced",
        "search_how": "by chance",
        "search_metric": "Log loss",
        "try_random_forest": ["Trees", "Class weights"],
    }
    found = {}
    for language in ("en", "pt"):
        page = open_in(language, "pages/1_Train.py", **link)
        found[language] = [page.selectbox(key=key).value for key in ("model", *list(link)[1:3], "search_metric")]
        found[language] += [page.multiselect(key="try_random_forest").value]
        assert {key: page.query_params[key] for key in link} == link
    assert found["en"] == found["pt"] == ["Random forest", "light", "balanced", "Log loss", ["Trees", "Class weights"]]


def test_a_choice_outlives_a_change_of_the_language(empty):
    page = open_in("en", "pages/1_Train.py", criterion="entropy", max_depth="no limit")
    page.selectbox(key="class_weight").set_value("balanced").run()
    page.button_group(key="lang").set_value("pt").run()
    assert page.title[0].value == "Treinar"
    assert page.selectbox(key="class_weight").value == "balanced"
    assert page.selectbox(key="class_weight").options == ["nada", "equilibrado"]
    assert page.select_slider(key="max_depth").value == "no limit"
    assert page.query_params["class_weight"] == "balanced"
    page.selectbox(key="class_weight").set_value("none").run()
    assert "class_weight" not in page.query_params


@pytest.mark.parametrize(
    ("locale", "query", "title"),
    [
        ("pt-BR", {}, "Treinar"),
        ("pt-PT", {"lang": "en"}, "Train"),
        ("de-DE", {}, "Train"),
        (None, {}, "Train"),
        ("en-US", {"lang": "pt"}, "Treinar"),
        ("pt-PT", {"lang": "xx"}, "Treinar"),
    ],
)
def test_the_link_says_the_language_else_the_browser(locale, query, title, empty):
    page = AppTest.from_file(str(ROOT / "pages/1_Train.py"), default_timeout=60)
    page.query_params.update(query)
    page.context["locale"] = locale
    page.run()
    assert page.title[0].value == title
    # What the browser alone would say goes without saying.
    silent = title == "Train" and not (locale or "").startswith("pt")
    assert ("lang" in page.query_params) == (not silent)
