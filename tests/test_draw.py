"""The Draw page under AppTest: what is on the board, and each reason; nothing is computed for those that are closed."""

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core import council, dataset, depth, explain, inference, plots_explain, preprocessing, runs
from core.settings import load as load_settings
from core.ui import beside
from tests.drawing import reading_home
from tests.test_pages import check, open_page, texts

__all__ = ["reading_home"]
REASONS = ("What it saw", "Why", "Nearest", "Other models")


@pytest.fixture
def reading(reading_home, tiny_npz, monkeypatch):
    """A home with a tree and, newer, a support vector machine."""
    monkeypatch.setenv("DIGITLAB_HOME", str(reading_home))
    monkeypatch.setenv("DIGITLAB_MNIST", str(tiny_npz))
    return load_settings()


def of(settings, family: str) -> runs.Run:
    return next(run for run in runs.list_runs(settings) if run.family == family)


def shown(page: AppTest) -> str:
    return texts(page) + "\n".join(element.proto.body for element in page.get("html"))


def one() -> np.ndarray:
    board = np.zeros((280, 280, 4), np.uint8)
    board[..., 3] = 255
    board[40:240, 130:150, :3] = 255
    return board


def drawn(page: AppTest, board: np.ndarray) -> AppTest:
    body = io.BytesIO()
    Image.fromarray(board, "RGBA").save(body, "PNG")
    url = "data:image/png;base64," + base64.b64encode(body.getvalue()).decode()
    page.session_state["canvas"] = {"drawing": {"raw": {"objects": [{"type": "Path"}]}, "data": url}}
    return check(page.run())


def draw_page(run: runs.Run, **query: str) -> AppTest:
    return check(open_page("pages/3_Draw.py", run=run.id, **query))


@pytest.mark.parametrize("reason", REASONS)
@pytest.mark.parametrize("family", ["decision_tree", "hog_svm"])
def test_every_reason_opens_empty_and_with_a_drawing(reading, family, reason):
    page = draw_page(of(reading, family), why=reason)
    assert "Draw a digit first" in texts(page)
    drawn(page, one())
    assert "Draw a digit first" not in texts(page)
    assert not page.error


def test_what_is_closed_is_not_computed(reading, monkeypatch):
    for name in ("stages", "path", "flip", "occlude", "neighbours"):
        monkeypatch.setattr(explain, name, lambda *given: pytest.fail("computed, though nobody asked"))
    page = drawn(draw_page(of(reading, "decision_tree")), one())
    assert "<b>1</b>" in shown(page)


def test_a_tree_says_why(reading):
    run = of(reading, "decision_tree")
    image = preprocessing.from_rgba(one())
    tree = depth.load_tree(run)
    way, least = explain.path(tree, image), explain.flip(tree, image)
    said = shown(drawn(draw_page(run, why="Why"), one()))
    assert f"asked **{len(way.questions)} questions**" in said
    assert f"it answers **{way.label}**" in said
    assert f"**The leaf**: {way.samples:,} training images" in said
    row, column, now, then = least.pixels[0]
    assert f"make it answer **{least.label}**" in said
    assert f"row {row}, column {column}: {now} → {then}" in said


def test_a_leaf_of_few_and_of_many_images(reading):
    run, data = of(reading, "decision_tree"), dataset.load(reading)
    tree = depth.load_tree(run)
    samples = np.array([explain.path(tree, image).samples for image in data.x_test])
    for number in (samples.argmin(), samples.argmax()):
        said = shown(draw_page(run, why="Why", image=str(number)))
        assert f"**The leaf**: {samples[number]:,} training images" in said
        leaf = said.rpartition("dl-figures dl-small")[2]
        assert leaf.count("<figure") == min(samples[number], 10)
    assert samples.min() < 10 < samples.max()


def test_the_leaf_is_not_told_of_other_data(reading, monkeypatch, slow_npz):
    monkeypatch.setenv("DIGITLAB_MNIST", str(slow_npz))
    said = texts(drawn(draw_page(of(reading, "decision_tree"), why="Why"), one()))
    assert "**The fewest changes**" in said  # of that the tree alone knows
    assert "**The leaf**" not in said
    assert "data" in said


def test_other_families_are_covered_patch_by_patch(reading):
    run = of(reading, "hog_svm")
    session = inference.load_session(run)
    found = explain.occlude(lambda some: inference.predict_proba(session, some), preprocessing.from_rgba(one()))
    said = shown(drawn(draw_page(run, why="Why"), one()))
    assert f"{found.asked - 1} patches of 4 x 4 pixels" in said
    assert f"from {found.confidence:.1%} to {found.confidence - found.drops.max():.1%}" in said


def test_several_runs_are_asked_side_by_side(reading):
    tree, svm = of(reading, "decision_tree"), of(reading, "hog_svm")
    page = draw_page(tree, why="Other models", image="5")
    assert page.multiselect(key="beside").value == [svm.id]
    image = np.asarray(dataset.load(reading).x_test[5])[np.newaxis]
    answers = {int(inference.predict_proba(inference.load_session(run), image).argmax()) for run in (tree, svm)}
    assert ("**They agree**" if len(answers) == 1 else "**They disagree**") in texts(page)
    page.multiselect(key="beside").set_value([]).run()
    assert "Choose another run" in texts(check(page))


def test_a_dozen_runs_are_asked_and_no_more_stay_open_than_there_is_room(reading, monkeypatch):
    monkeypatch.setattr(council, "_open", {})
    tree, svm = of(reading, "decision_tree"), of(reading, "hog_svm")
    many = [replace(tree, id=f"{tree.id[:-4]}{i:04x}") for i in range(council.MOST - 1)] + [svm]
    image = np.asarray(dataset.load(reading).x_test[5])[np.newaxis]
    opened = []
    load = inference.load_session
    monkeypatch.setattr(council.inference, "load_session", lambda run: opened.append(run) or load(run))
    large = replace(reading, memory_mb=8192)
    for _ in range(2):
        proba = list(council.ask(large, many, image))
    assert opened == many  # once each
    assert (proba[-1] == inference.predict_proba(load(svm), image)).all()
    assert all((row == proba[0]).all() for row in proba[:-1])

    council._open.clear()
    small = replace(reading, memory_mb=201)  # room for 87 kB that stay open: some of these trees, not the machine
    assert len(list(council.ask(small, [*many[:9], svm], image))) == 10
    assert council._open
    assert sum(map(runs.size_of, council._open)) <= 87_500
    assert svm not in council._open
    list(council.ask(small, [many[9]], image))
    assert many[9] in council._open  # what nobody asks any more makes room
    assert council.fits(large, svm)
    assert not council.fits(small, svm)


def test_models_are_said_to_agree_or_not():
    rows = np.eye(10)
    assert beside.agreement(rows[[4, 4, 4]]) == "**They agree**: all 3 read a **4**."
    assert beside.agreement(rows[[4, 9, 9]]) == "**They disagree**: of 3, 2 a **9**, 1 a **4**."
    waiting = plots_explain.votes(["a", "b"], [rows[4], None])
    assert waiting.count("<figure>") == 2
    assert "<b>…</b>" in waiting


def test_a_test_image_comes_by_link_as_it_is(reading, monkeypatch):
    run, data = of(reading, "decision_tree"), dataset.load(reading)
    page = draw_page(run, image="7", why="What it saw")
    expected = inference.classify(inference.load_session(run), np.asarray(data.x_test[7]))
    assert f"Test image 7, a {data.y_test[7]}." in shown(page)
    assert f"<b>{expected.label}</b>" in shown(page)
    assert "A test image comes as MNIST has it" in texts(page)
    assert page.query_params["image"] == "7"
    monkeypatch.setattr("random.randrange", lambda count: count - 1)
    page.button(key="next").click().run()
    assert page.query_params["image"] == "999"
    page.button(key="clear").click().run()
    assert "image" not in page.query_params
    assert "Draw a digit from 0 to 9" in shown(check(page))


@pytest.mark.parametrize("wanted", ["1000", "-1", "nine", ""])
def test_a_test_image_that_is_not_there(reading, wanted):
    page = draw_page(of(reading, "decision_tree"), image=wanted)
    assert [warning.value for warning in page.warning] == [f"There is no test image {wanted!r}: they go from 0 to 999."]
    assert "Draw a digit from 0 to 9" in shown(page)


def test_the_server_can_clear_and_undo_by_itself(reading):
    page = drawn(draw_page(of(reading, "decision_tree")), one())
    page.button(key="undo").click().run()
    assert "Draw a digit from 0 to 9" in shown(check(page))
    drawn(page, np.flip(one(), axis=0) // 2 + np.array([0, 0, 0, 127], np.uint8))
    assert "Draw a digit from 0 to 9" not in shown(page)
    page.button(key="clear").click().run()
    page.run()  # and whatever comes next, as long as the canvas repeats itself
    assert "Draw a digit from 0 to 9" in shown(check(page))


def test_a_thick_pen_is_told(reading):
    thick = np.zeros((280, 280, 4), np.uint8)
    thick[..., 3] = 255
    thick[100:180, 60:220, :3] = 255
    said = texts(drawn(draw_page(of(reading, "decision_tree"), why="What it saw"), thick))
    assert "thicker than nearly all of MNIST's" in said
