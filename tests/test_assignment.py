"""A teacher's link on the pages: locked controls, the config that is trained, the goal, the board, the link itself."""

from urllib.parse import parse_qs, urlsplit

import pytest

from core import goals, jobs, models, runs, texts
from tests.test_pages import check, open_page
from tests.test_pages import texts as words

LOCK = {"max_depth": "5", "criterion": "entropy", "lock": "max_depth,criterion"}
GOAL = "accuracy>=0.99,leaves<=2"


def test_locked_controls_are_closed_and_say_why(empty):
    page = check(open_page("pages/1_Train.py", **LOCK))
    assert (page.select_slider(key="max_depth").value, page.select_slider(key="max_depth").disabled) == ("5", True)
    assert (page.selectbox(key="criterion").value, page.selectbox(key="criterion").disabled) == ("entropy", True)
    assert not page.number_input(key="min_samples_leaf").disabled
    assert "Your teacher's link locks Maximum depth, Split criterion: trainings here have" in words(page)
    options = page.multiselect(key="try_decision_tree").options
    assert "Maximum depth" not in options
    assert "Fewest images in a leaf" in options


def test_what_is_trained_has_the_locked_values_whatever_the_browser_sends(empty, started):
    page = check(open_page("pages/1_Train.py", **LOCK))
    page.session_state["max_depth"] = "20"  # as a forged message of the browser would
    page.query_params["max_depth"] = "9"  # as a link within the visit would
    page.number_input(key="min_samples_leaf").set_value(7)
    check(page.run())
    assert page.select_slider(key="max_depth").value == "5"
    assert page.query_params["max_depth"] in ("5", ["5"])
    page.button(key="train").click().run()
    params = jobs.load_job(empty, started[0]).config["params"]
    assert (params["max_depth"], params["criterion"], params["min_samples_leaf"]) == (5, "entropy", 7)


def test_everything_locked_leaves_nothing_to_search(empty):
    page = check(open_page("pages/1_Train.py", model="Random forest", lock="all"))
    side = [*page.sidebar.selectbox, *page.sidebar.number_input, *page.sidebar.select_slider]
    assert len(side) > 5
    assert all(widget.disabled for widget in side)
    assert "locks everything in the side bar" in words(page)
    assert "there is nothing to search" in words(page)


def test_a_locked_model_leaves_its_parameters_open(empty):
    page = check(open_page("pages/1_Train.py", lock="model"))
    assert page.selectbox(key="model").disabled
    assert not page.select_slider(key="max_depth").disabled


@pytest.mark.parametrize("query", [{"lock": "max_dept"}, {"goal": "accuracy>90"}], ids=["lock", "goal"])
def test_what_cannot_be_read_is_one_sentence(empty, query):
    page = check(open_page("pages/1_Train.py", **query))
    assert len(page.warning) == 1
    assert page.warning[0].value.startswith("The link's")
    assert not page.select_slider(key="max_depth").disabled


@pytest.mark.parametrize("name", ["Home.py", "pages/1_Train.py"])
def test_how_far_the_goal_is(name, trained):
    run = runs.list_runs(trained)[0]
    page = check(open_page(name, goal=GOAL))
    assert "accuracy at least 99 %; leaves at most 2" in words(page)
    assert f"**{100 * run.metrics['accuracy']:.4g} %**" in words(page)
    assert "to go" in words(page)
    reached = check(open_page(name, goal="accuracy>=0.1"))
    assert "**Goal reached** · " in words(reached)


def test_without_a_goal_nothing_is_said_and_with_no_run_what_to_do(empty):
    assert "Goal" not in words(open_page("pages/1_Train.py"))
    assert "here you will see how far it is" in words(check(open_page("pages/1_Train.py", goal=GOAL)))


def test_my_digits_to_beat(trained):
    page = check(open_page("pages/1_Train.py", goal="my_digits>depth10"))
    assert "right on my digits more than a tree of depth 10: no drawing of yours is kept yet" in words(page)


def test_the_class_board(trained):
    run = runs.list_runs(trained)[0]
    runs.save_labels(run, {"author": "Ana"})
    page = check(open_page("pages/4_Runs.py", goal="accuracy>=0.1,leaves<=2"))
    assert "Class board" in [heading.value for heading in page.subheader]
    board = page.dataframe[0].value
    assert list(board["who"]) == ["Ana"]
    assert list(board["reached"]) == [False]
    assert "0 of 1 reached the goal." in words(page)
    assert "goal" in page.query_params


def test_a_teacher_makes_the_link_and_the_class_finds_it(empty, started):
    page = check(open_page("pages/1_Train.py", max_depth="7"))
    page.multiselect(key="class-lock-decision_tree").set_value(["max_depth", "model"])
    page.segmented_control(key="class-goal").set_value("numbers")
    check(page.run())
    link = next(code.value for code in page.code if "lock=" in code.value)
    query = {name: found[0] for name, found in parse_qs(urlsplit(link).query).items()}
    assert urlsplit(link).path == "/Train"
    assert (query["lock"], query["max_depth"], query["goal"]) == ("max_depth,model", "7", "accuracy>=0.9,leaves<=200")
    assert ">" not in link

    pupil = check(open_page("pages/1_Train.py", **query))
    assert pupil.select_slider(key="max_depth").disabled
    assert pupil.selectbox(key="model").disabled
    assert "class" not in [expander.label for expander in pupil.expander]
    pupil.button(key="train").click().run()
    config = jobs.load_job(empty, started[0]).config
    assert config["params"] == models.spec("decision_tree").check({"max_depth": 7})


def test_a_model_to_beat(trained):
    page = check(open_page("pages/1_Train.py"))
    page.segmented_control(key="class-goal").set_value("rival")
    check(page.run())
    link = next(code.value for code in page.code if "/Train?" in code.value)
    assert goals.parse(parse_qs(urlsplit(link).query)["goal"][0]) == goals.parse("my_digits>depth10")


def test_in_portuguese(empty):
    page = check(open_page("pages/1_Train.py", lang="pt", goal=GOAL, **LOCK))
    assert "Objetivo" in words(page)
    assert "A ligação do professor bloqueia" in words(page)
    assert texts.t("Goal") == "Goal"  # outside of a session
