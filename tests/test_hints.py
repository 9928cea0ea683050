"""Hints that act: the strongest one on Train, and a button that sets the whole side bar to the cure."""

import pytest

from core import cures, runs
from core.ui import inputs
from tests.conftest import IDLE
from tests.test_pages import check, open_page, texts


def test_the_newest_run_has_its_hint_on_train(trained):
    page = check(open_page("pages/1_Train.py"))
    assert "A hint for the newest run: **Learned by heart?** It reads" in texts(page)
    assert page.button(key="hint-cure")


def test_without_a_run_there_is_no_hint(empty):
    assert "A hint" not in texts(check(open_page("pages/1_Train.py")))


def test_a_damaged_run_leaves_the_page_whole(trained):
    (runs.list_runs(trained)[0].path / "evaluation.npz").write_bytes(b"x")
    page = check(open_page("pages/1_Train.py"))
    assert not page.error
    assert page.button(key="train")


def test_a_link_sets_what_it_names_and_the_rest_to_its_default(empty, monkeypatch):
    state = {"max_depth": "20", "max_leaf_nodes": 50, "train_size": 500, "random_forest_max_depth": "3"}
    monkeypatch.setattr(inputs.st, "session_state", state)
    inputs.set_from_link({"min_samples_leaf": "5", "class_weight": "balanced", "augmentation": "none"})
    assert state["model"] == "Decision tree"
    assert (state["max_depth"], state["min_samples_leaf"], state["class_weight"]) == ("10", 5, "balanced")
    assert (state["max_leaf_nodes"], state["augmentation"]) == (None, "none")
    assert "train_size" not in state
    assert state["random_forest_max_depth"] == "3"  # of another family


def test_every_family_can_be_set_from_its_own_link(trained, monkeypatch):
    run = runs.list_runs(trained)[0]
    for query in (cures.query(run), cures.another(run)):
        state: dict[str, object] = {}
        monkeypatch.setattr(inputs.st, "session_state", state)
        inputs.set_from_link(query)
        assert state["model"] == query.get("model", "Decision tree")


@pytest.mark.browser
def test_a_click_sets_the_side_bar(serve, visit, trained):
    url = serve(trained)
    page = visit(f"{url}/Train?max_depth=20&min_samples_split=7&max_leaf_nodes=30")
    page.get_by_role("button", name="Try it").click()
    page.wait_for_function("location.search.includes('min_samples_leaf=5')")
    page.wait_for_selector(IDLE)
    side = page.get_by_test_id("stSidebar")
    for label, value in {"Fewest images in a leaf": "5", "Fewest images to split": "2", "Maximum leaves": ""}.items():
        assert side.get_by_role("spinbutton", name=label).input_value() == value
    page.get_by_text("on 4,000 images, min_samples_leaf = 5: about").wait_for()  # and nothing else is changed
    assert "max_depth" not in page.url

    # The same from Metrics, over what was set in this visit.
    side.get_by_role("spinbutton", name="Fewest images to split").fill("9")
    side.get_by_role("spinbutton", name="Fewest images to split").press("Enter")
    page.wait_for_function("location.search.includes('min_samples_split=9')")
    page.get_by_role("link", name="Metrics").click()
    page.get_by_role("tab", name="Checks").click()
    page.get_by_role("button", name="Try it").first.click()
    page.get_by_role("heading", name="Train", exact=True).wait_for()
    page.wait_for_selector(IDLE)
    assert (
        page.get_by_test_id("stSidebar").get_by_role("spinbutton", name="Fewest images to split").input_value() == "2"
    )
