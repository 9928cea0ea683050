"""The HTML report: one file, whole, with the run's own numbers."""

from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import numpy as np
import pytest

from core import checks, dataset, depth, metrics, report, robustness, runs
from core.report import inside as parts
from core.report import svg, tree
from tests.test_robustness import newest

VOID = {"meta", "img", "br", "line", "polyline", "polygon", "circle"}


class Whole(HTMLParser):
    """Fail on a tag that is not closed; collect what would be fetched."""

    def __init__(self):
        super().__init__()
        self.open, self.outside = [], []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        self.outside += [
            v for k, v in attrs if k in ("src", "href") and not str(v).startswith("data:image/png;base64,")
        ]

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag


def found() -> robustness.Robustness:
    levels = {name: np.array(change.levels, float) for name, change in robustness.CHANGES.items()}
    hits = {name: np.full(len(change.levels), 80) for name, change in robustness.CHANGES.items()}
    return robustness.Robustness(100, levels, hits, hits, np.zeros((28, 28)), 90, 100)


@pytest.mark.parametrize("rich", [True, False])
def test_a_report_is_whole_and_self_contained(trained, rich):
    run = newest(trained)
    evaluation, digits = runs.load_evaluation(run), dataset.load(trained)
    inside = replace(report.look_inside(run, digits), study=depth.of_run(run, digits)) if rich else report.Inside()
    run.config["params"]["criterion"] = "<b>gini</b>"
    material = report.Material(
        run,
        evaluation,
        metrics.deeper(evaluation),
        checks.look(checks.Facts(run, evaluation)),
        found() if rich else None,
        digits.x_test if rich else None,
        inside,
    )
    text = report.html(material)
    parser = Whole()
    parser.feed(text)
    parser.close()
    assert not parser.open
    assert not parser.outside
    assert "<script" not in text
    assert "&lt;b&gt;gini" in text
    assert f"{metrics.log_loss(evaluation):.4f}" in text
    assert text.count("<svg") == (13 if rich else 6)
    assert text.count("<img") == (25 if rich else 0)
    if rich:
        assert text.count("<image") == 2 ** (tree.LEVELS + 1) - 1
        assert f"The first of its {inside.questions:,} questions" in text
        assert metrics.say_gain(inside.gain) in unescape(text)
    assert len(text) < 600_000
    assert "nan" not in text


def test_a_line_in_its_place():
    drawn = svg.chart([svg.Line(np.array([0, 1]), np.array([0, 1]), dots=True)], "x", "y", (0, 1), (0, 1))
    assert 'points="54.0,212.0 322.0,8.0"' in drawn
    assert drawn.count("<circle") == 2


def test_what_lies_beyond_is_cut_off():
    drawn = svg.chart([svg.Line(np.array([0, 1]), np.array([-5, 7]))], "x", "y", (0, 1), (0, 1))
    assert 'points="54.0,212.0 322.0,8.0"' in drawn


def test_bars_stand_on_the_lower_edge():
    drawn = svg.chart([svg.Bars(np.array([0.5]), np.array([0.5]), 1.0)], "x", "y", (0, 1), (0, 1))
    assert '<rect x="54.0" y="110.0" width="268.0" height="102.0"' in drawn


def test_a_learning_curve_says_its_best_step():
    steps = [{"done": n, "unit": "epochs", "held_accuracy": right} for n, right in ((1, 0.9), (2, 0.95), (3, 0.94))]
    drawn = parts.learning(steps)
    assert "best after 2 epochs, with 95.00%" in drawn
    assert ">2</text>" in drawn
    assert parts.learning(None) == parts.learning([]) == parts.learning([{"done": 1, "unit": "trees"}]) == ""


def test_pixels_are_shown_for_what_is_no_tree_too():
    assert parts.pixels(report.Inside(), None) == ""
    assert "Most is lost at row 0, column 0" in parts.pixels(report.Inside(), found())


@pytest.mark.parametrize(("matrix", "words"), [(np.eye(10, dtype=int), "exactly as often"), (None, "“3” 5 times too")])
def test_what_is_said_too_often(matrix, words):
    if matrix is None:
        matrix = np.eye(10, dtype=int) * 5
        matrix[7, 7], matrix[7, 3] = 0, 5
    assert words in metrics.say_proportions(matrix)
