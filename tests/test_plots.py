"""Charts are tested as data, never as pixels."""

import numpy as np

from core import plots

PROBA = np.array([0.0, 0.0004, 0.9, 0.0996, 0, 0, 0, 0, 0, 0], np.float32)


def test_confusion_shows_counts_or_shares():
    matrix = np.zeros((10, 10), int)
    matrix[3, 5] = 7
    shares = matrix / 14
    assert plots.confusion(matrix, shares, percent=False).data[0].text[3][5] == "7"
    assert plots.confusion(matrix, shares, percent=True).data[0].text[3][5] == "50.0"


def test_confusion_has_the_truth_from_top_to_bottom():
    figure = plots.confusion(np.eye(10, dtype=int), np.eye(10), percent=False)
    assert figure.layout.yaxis.autorange == "reversed"
    assert figure.layout.yaxis.title.text == "it was"


def test_class_distribution_has_one_bar_a_digit():
    figure = plots.class_distribution(np.arange(10), np.arange(10) * 2)
    assert [list(bar.y) for bar in figure.data] == [list(range(10)), list(range(0, 20, 2))]


def test_answer_and_bars_show_the_likeliest():
    assert "<b>2</b>" in plots.answer(PROBA, "")
    bars = plots.probability_bars(PROBA)
    assert bars.count("dl-best") == 1
    assert "90.0 %" in bars
    assert "&lt;0.1 %" in bars
    assert 'aria-label="Probabilities: 2: 90.0 %, 3: 10.0 %, 1: &lt;0.1 %"' in bars


def test_no_answer_shows_the_hint_escaped():
    assert "&lt;b&gt;" in plots.answer(None, "<b>")
    assert plots.probability_bars(None).count("dl-row") == 10


def test_magnified_is_ink_on_paper():
    image = np.array([[0, 255]], np.uint8)
    assert plots.magnified(image, 2).tolist() == [[255, 255, 0, 0], [255, 255, 0, 0]]


def test_question_frames_one_pixel_and_keeps_its_colour():
    picture = plots.question(np.zeros((28, 28), np.uint8), 10, 12, factor=6)
    assert picture.shape == (168, 168, 3)
    assert picture[62, 74].tolist() == [255, 255, 255]
    assert picture[59, 74].tolist() == [222, 64, 47]
