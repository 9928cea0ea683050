"""The Metrics page under AppTest: every tab, what is chosen in it, and what is not there."""

import numpy as np
import pytest

from core import checks, dataset, depth, jobs, metrics, robustness, runs, treeview
from tests.test_pages import _html, check, open_page, texts
from tests.test_report import found as measured
from tests.test_robustness import newest

VIEWS = ["Mistakes", "Digits", "Numbers", "Checks", "Curves", "Confidence", "Inside", "Depth", "Robustness", "Export"]


def open_view(view: str, **query: str):
    return check(open_page("pages/2_Metrics.py", view=view, **query))


@pytest.mark.parametrize("view", VIEWS)
def test_every_tab_opens_from_its_link_and_alone(trained, view):
    page = open_view(view)
    assert [tab.label for tab in page.tabs] == VIEWS
    assert not page.error
    assert metrics.verdict(runs.load_evaluation(newest(trained))) in texts(page)
    # What is closed costs nothing: it is not on the page.
    for tab in page.tabs:
        assert bool(len(tab.children)) == (tab.label == view), tab.label


@pytest.mark.parametrize("view", VIEWS)
def test_every_tab_opens_on_other_data(trained, slow_npz, monkeypatch, view):
    monkeypatch.setenv("DIGITLAB_MNIST", str(slow_npz))
    page = open_view(view)
    assert not page.error
    if view == "Mistakes":
        assert "The images are not here" in texts(page)
        assert "dm-image" not in _html(page)


def test_a_cell_shows_its_images(trained):
    run, digits = newest(trained), dataset.load(trained)
    evaluation = runs.load_evaluation(run)
    worst = metrics.worst_pair(evaluation.confusion_matrix)
    page = open_view("Mistakes", pair=f"{worst.true} read as {worst.predicted}")
    assert page.selectbox(key="pair").value == f"{worst.true} read as {worst.predicted}"
    wrong = np.flatnonzero((evaluation.y_true == worst.true) & (evaluation.y_pred == worst.predicted))
    shown = _html(page)
    assert shown.count('href="Draw?') == min(24, worst.count)
    for i in wrong[:1]:
        assert f'href="Draw?run={run.id}&image={i}"' in shown
        assert f"Test image {i}: labelled {worst.true}, read as {worst.predicted}" in shown
    assert int(digits.y_test[wrong[0]]) == worst.true
    page.selectbox(key="pair").set_value("perhaps wrong labels").run()
    assert f"For {len(metrics.suspects(evaluation))} images" in texts(check(page))


def test_pages_of_images_start_over_with_another_cell(trained):
    page = open_view("Mistakes", page="2")
    every = _html(page)
    page.selectbox(key="pair").set_value("0 read as 0").run()
    assert check(page).session_state["page"] == 1
    assert _html(page) != every
    assert "0 read as 0" in page.selectbox(key="pair").value


def test_a_page_that_is_not_there_is_the_last(trained):
    assert 'href="Draw?' in _html(open_view("Mistakes", page="999"))


def test_numbers_say_what_they_mean(trained):
    run = newest(trained)
    evaluation = runs.load_evaluation(run)
    page = open_view("Numbers")
    shown = _html(page)
    for name, interval in (metrics.summary(evaluation) | metrics.deeper(evaluation)).items():
        assert f"{interval.value:.4f}" in shown
        assert metrics.MEANING[name].says(interval.value) in shown
    labels = [metric.label for metric in page.metric]
    assert {"Time to learn", "Time to answer", "Memory", "model.joblib", "model.onnx"} <= set(labels)


def test_checks_offer_their_cure(trained):
    run, page = newest(trained), open_view("Checks")
    study = depth.of_run(run, dataset.load(trained))
    found = checks.look(checks.Facts(run, runs.load_evaluation(run), [run], study))
    assert all(check.sentence in texts(page) for check in found)
    cures = [f"cure-{i}" for i, one in enumerate(found) if one.cure and one.holds is not True]
    assert cures
    assert cures == [button.key for button in page.button if str(button.key).startswith("cure-")]


def test_the_threshold_in_the_link(trained):
    covered = metrics.coverage(runs.load_evaluation(newest(trained)))
    page = open_view("Confidence", sure="90")
    answered, accuracy = covered.at(0.9)
    assert page.slider(key="sure").value == 90
    assert f"it answers **{answered:.1%}**" in texts(page)
    assert f"reads **{accuracy:.2%}**" in texts(page)


def test_the_tree_begins_where_the_link_says(trained):
    tree = depth.load_tree(newest(trained))
    page = open_view("Inside", node="1")
    shown = _html(page)
    assert "The way here: #0 no ink → #1" in texts(page)
    assert "#1<" in shown
    assert "· #0<" not in shown
    node = treeview.top(tree, 1)
    assert f"Ink at row {node.row}, column {node.column}?" in shown
    assert "Gini importance" in texts(page)


def test_robustness_is_measured_on_demand(trained, started):
    run, page = newest(trained), open_view("Robustness")
    page.button(key="study-robustness").click().run()
    check(page)
    assert jobs.load_job(trained, started[0]).config["run"] == run.id
    assert page.button(key=f"cancel-{started[0]}")
    jobs.cancel(trained, started[0])
    robustness.save(run, measured())
    page = open_view("Robustness")
    assert "study-robustness" not in [button.key for button in page.button]
    assert robustness.describe(measured(), "noise") in texts(page)


def test_a_visitor_may_not_start_it(trained, monkeypatch):
    monkeypatch.setenv("DIGITLAB_PASSWORD", "a long enough password")
    page = open_view("Robustness")
    assert "study-robustness" not in [button.key for button in page.button]
    assert "Unlock it in the side bar" in texts(page)


def test_a_damaged_study_is_one_sentence(trained):
    run = newest(trained)
    (run.path / "extra").mkdir()
    (run.path / robustness.FILE).write_bytes(b"no archive")
    for view in ("Robustness", "Checks", "Inside", "Export"):
        page = open_view(view)
        assert ("robustness.npz" in texts(page)) == (view != "Inside")
