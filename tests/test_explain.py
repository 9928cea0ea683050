"""Explanations are true: what they claim is followed by hand, or found again the long way round."""

import tracemalloc

import numpy as np
import pytest
from PIL import Image, ImageDraw

from core import dataset, depth, explain, inference, plots_explain, preprocessing, runs
from core.digits import N_PIXELS
from core.settings import Settings


def small(*nodes: tuple) -> depth.Tree:
    """Build a tree to be read by eye, of ("ask", pixel, threshold, left, right) and ("say", digit)."""
    asked = [node if node[0] == "ask" else ("say", -2, -2.0, -1, -1) for node in nodes]
    value = np.eye(10)[[0 if node[0] == "ask" else node[1] for node in nodes]]
    _, feature, threshold, left, right = zip(*asked, strict=True)
    arrays = [np.array(column) for column in (left, right, feature, threshold)]
    return depth.Tree(*arrays, np.full(len(nodes), 7), value)


@pytest.fixture(scope="module")
def home(trained_home, tiny_npz):
    return Settings(home=trained_home, mnist=tiny_npz)


@pytest.fixture(scope="module")
def run(home):
    return runs.list_runs(home)[0]


@pytest.fixture(scope="module")
def tree(run):
    return depth.load_tree(run)


@pytest.fixture(scope="module")
def images(sample):
    return np.asarray(sample.x_test)


def test_the_path_followed_by_hand_ends_in_the_models_leaf(run, tree, images):
    assert len(images) == 1000
    proba = inference.predict_proba(inference.load_session(run), images)
    for image, row in zip(images, proba, strict=True):
        way, node = explain.path(tree, image), 0
        for question in way.questions:
            assert tree.feature[node] == 28 * question.row + question.column
            assert image[question.row, question.column] == question.value
            assert question.ink == (question.value > question.threshold == tree.threshold[node])
            node = (tree.right if question.ink else tree.left)[node]
        assert tree.left[node] == -1
        assert (node, row.argmax()) == (way.leaf, way.label)
        np.testing.assert_allclose(tree.value[node], row, atol=1e-6)


def cheapest(tree, image: np.ndarray) -> int | None:
    """Count the fewest changes, the long way round: every leaf, every value that each of its pixels may have."""
    pixels, label, counts = image.reshape(N_PIXELS), explain.path(tree, image).label, []

    def visit(node: int, allowed: dict[int, set[int]]) -> None:
        if tree.left[node] < 0:
            if tree.best[node] != label and all(allowed.values()):
                counts.append(sum(int(pixels[f]) not in values for f, values in allowed.items()))
            return
        feature, limit = int(tree.feature[node]), tree.threshold[node]
        values = allowed.get(feature, set(range(256)))
        visit(tree.left[node], allowed | {feature: {v for v in values if v <= limit}})
        visit(tree.right[node], allowed | {feature: {v for v in values if v > limit}})

    visit(0, {})
    return min(counts, default=None)


def test_the_fewest_pixels_flip_the_answer_and_fewer_do_not(run, tree, images):
    session, found = inference.load_session(run), []
    for image in images[:300]:
        least, changed = explain.flip(tree, image), image.copy()
        for row, column, now, then in least.pixels:
            assert image[row, column] == now != then
            changed[row, column] = then
        found.append((least, changed, explain.path(tree, image).label))
    answers = inference.predict_proba(session, np.stack([changed for _, changed, _ in found])).argmax(axis=1)
    for (least, changed, label), said in zip(found, answers, strict=True):
        assert label != least.label == said
        assert explain.path(tree, changed).leaf == least.leaf
    counts = [len(least.pixels) for least, _, _ in found]
    assert counts[:25] == [cheapest(tree, image) for image in images[:25]]


def test_the_fewest_pixels_where_it_takes_several():
    """A trained tree flips by one pixel nearly always; these answer 0 nearly everywhere, about few pixels."""
    rng, counts = np.random.default_rng(0), []
    for _ in range(60):
        inner, leaves = 31, 32
        nodes = [("ask", int(rng.integers(6)), float(rng.uniform(0, 255)), 2 * i + 1, 2 * i + 2) for i in range(inner)]
        tree = small(*nodes, *(("say", int(rng.random() < 0.1)) for _ in range(leaves)))
        image = rng.integers(0, 256, (28, 28), np.uint8)
        least, expected = explain.flip(tree, image), cheapest(tree, image)
        counts.append(len(least.pixels) if least else None)
        assert counts[-1] == expected
        if least:
            for row, column, _, then in least.pixels:
                image[row, column] = then
            assert explain.path(tree, image).label == least.label
    assert {None, 1, 2, 3} <= set(counts)


def test_a_flip_that_can_be_checked_by_eye():
    image = np.zeros((28, 28), np.uint8)
    image[0, 1] = 200
    both = small(
        ("ask", 0, 99.5, 1, 2),
        ("say", 4),
        ("ask", 1, 50.5, 3, 4),
        ("say", 9),
        ("ask", 0, 99.9, 5, 6),  # no whole number lies between 99.5 and 99.9: nothing ever ends in the 1
        ("say", 1),
        ("say", 4),
    )
    assert explain.flip(both, image) == explain.Flip(((0, 0, 0, 100), (0, 1, 200, 50)), 9, 3)
    same = small(("ask", 0, 99.5, 1, 2), ("say", 4), ("say", 4))
    assert explain.flip(same, image) is None
    assert cheapest(same, image) is None
    assert explain.path(small(("say", 3)), image).questions == ()


def test_of_equally_few_changes_the_least_is_taken():
    image = np.full((28, 28), 100, np.uint8)
    tree = small(("ask", 5, 40.5, 1, 2), ("say", 1), ("ask", 6, 90.5, 3, 4), ("say", 2), ("say", 0))
    assert explain.flip(tree, image) == explain.Flip(((0, 6, 100, 90),), 2, 3)


def test_the_leafs_images_are_those_that_end_there(home, run, tree, images):
    digits = dataset.load(home)
    learned, _ = depth.parts(run, digits)
    leaves = depth.tree.ends(tree, digits.x_train, learned)
    for image in images[:50]:
        way = explain.path(tree, image)
        rows = explain.evidence(way, digits.x_train, learned)
        assert rows.tolist() == learned[leaves == way.leaf].tolist()
        assert len(rows) == way.samples


def test_occlusion_can_be_repeated_by_hand(run, images):
    session = inference.load_session(run)
    asked = []

    def predict(batch):
        asked.append(len(batch))
        return inference.predict_proba(session, batch)

    image, rested = images[3], []
    found = explain.occlude(predict, image, lambda: rested.append(1))
    i, j = np.argwhere(found.drops)[0]
    by_hand = image.copy()
    by_hand[2 * i : 2 * i + 4, 2 * j : 2 * j + 4] = 0
    whole, without = (inference.classify(session, one).proba[found.label] for one in (image, by_hand))
    assert found.drops[i, j] == pytest.approx(float(whole) - float(without), abs=1e-7)
    assert (found.label, found.confidence) == (whole.argmax() if whole.ndim else found.label, pytest.approx(whole))
    assert (
        found.asked
        == sum(asked)
        == 1 + sum((explain.covered(image, *cell) != image).any() for cell in np.ndindex(13, 13))
    )
    assert len(rested) == len(asked) - 1


def test_heat_lies_where_the_model_looks():
    image = np.full((28, 28), 255, np.uint8)

    def predict(batch):  # sure of a 3 as long as one pixel has ink
        sure = batch[:, 10, 20] / 255
        return np.stack([np.where(c == 3, sure, (1 - sure) / 9) for c in range(10)], axis=1)

    heat = explain.heat(explain.occlude(predict, image).drops)
    assert np.unravel_index(heat.argmax(), heat.shape) in {(10, 20), (10, 21), (11, 20), (11, 21)}
    assert not heat[:6].any()
    assert not heat[:, :16].any()


def test_neighbours_are_the_nearest_and_need_little_memory(images):
    rng = np.random.default_rng(0)
    many = rng.integers(0, 256, (10_000, 28, 28), np.uint8)
    many[[17, 4321]] = images[0], np.clip(images[0].astype(int) + 1, 0, 255)
    rows = explain.choose(np.arange(10_000, dtype=np.uint8) % 10)
    explain.neighbours(images[0], many, rows[:10])
    tracemalloc.start()
    found = explain.neighbours(images[0], many, rows, 5)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.rows[:2].tolist() == [17, 4321]
    apart = np.sqrt(((many.astype(float) - images[0]) ** 2).mean(axis=(1, 2)))
    np.testing.assert_allclose(found.distances, np.sort(apart)[:5], rtol=1e-12)
    assert peak < 8_000_000


def test_ten_thousand_are_chosen_with_every_digits_share():
    labels = np.repeat(np.arange(10, dtype=np.uint8), 2000)
    rows = explain.choose(labels)
    assert np.bincount(labels[rows]).tolist() == [1000] * 10
    assert rows.tolist() == explain.choose(labels).tolist()
    assert len(explain.choose(labels[::100])) == 200


def line(width: int) -> np.ndarray:
    board = Image.new("L", (28, 28))
    ImageDraw.Draw(board).rectangle((4, 10, 23, 9 + width), fill=255)
    return np.asarray(board)


def test_thickness_is_that_of_a_ribbon():
    for width in (1, 2, 4):
        # The outline has the ribbon's two ends as well.
        assert explain.thickness(line(width)[np.newaxis])[0] == pytest.approx(width * 20 / (20 + width), rel=0.03)
    assert explain.thickness(np.zeros((1, 28, 28), np.uint8)).tolist() == [0]


def test_a_stroke_unlike_mnists_is_told(sample):
    known = explain.usual(sample.x_train, explain.choose(sample.y_train))
    widths = explain.thickness(np.asarray(sample.x_train))
    assert np.mean((widths < known.low) | (widths > known.high)) == pytest.approx(0.02, abs=0.003)
    assert explain.note(known.middle, known) == ""
    assert "thinner than nearly all" in explain.note(known.low - 0.1, known)
    assert "try a thinner brush" in explain.note(known.high + 0.1, known)


def test_the_steps_lead_to_what_the_model_receives():
    board = Image.new("L", (280, 280))
    ImageDraw.Draw(board).line([(30, 40), (80, 30), (60, 120)], fill=255, width=16, joint="curve")
    strokes = preprocessing.ink(board)
    found = explain.stages(np.asarray(board), strokes)
    assert [stage.name for stage in found] == ["the board", "ink found", "cropped", "20 pixels", "centred by weight"]
    assert np.array_equal(found[-1].stopped, preprocessing.normalise(strokes))
    assert np.array_equal(found[0].stopped, preprocessing.resized(np.asarray(board)))
    steps = preprocessing.steps(strokes)
    height, width = steps.crop.shape
    assert np.array_equal(strokes[steps.top : steps.top + height, steps.left : steps.left + width], steps.crop)
    assert max(found[3].picture.shape) == 20
    assert found[3].stopped.sum() == found[4].stopped.sum()  # the same ink, elsewhere
    assert all(stage.stopped.shape == (28, 28) for stage in found)


def test_reasons_as_pictures(tree, images):
    image = images[0]
    way, least = explain.path(tree, image), explain.flip(tree, image)
    html = plots_explain.path(image, way, least)
    assert html.count("<li>") == len(way.questions)
    assert f"row {way.questions[0].row}, column {way.questions[0].column}" in html
    svg = plots_explain._path_svg(image, way, least)
    assert svg.count("<text") == len({(q.row, q.column) for q in way.questions})
    assert svg.count("#ffd60a") == len(least.pixels)
    effect = np.zeros((28, 28))
    effect[0, 0], effect[0, 1] = 0.5, -0.5
    colours = plots_explain.heat(np.zeros((28, 28), np.uint8), effect)
    assert colours[0, 0, 2] > colours[0, 0, 0]  # blue speaks for the answer
    assert colours[0, 1, 0] > colours[0, 1, 2]
    assert colours[5, 5].tolist() == [255, 255, 255]
    proba = np.eye(10)[[3, 3, 8]]
    assert plots_explain.votes(["a", "b", "<c>"], proba).count("dl-wrong") == 1
    assert "&lt;c&gt;" in plots_explain.votes(["a", "b", "<c>"], proba)
    assert plots_explain.spoken(proba[0], "") == "The answer is 3, 100% sure. Next: 9, 0%."
    assert plots_explain.spoken(None, "Draw") == "Draw"
