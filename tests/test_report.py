"""The HTML report: one file, whole, with the run's own numbers."""

from html.parser import HTMLParser

import numpy as np
import pytest

from core import checks, dataset, metrics, report, robustness, runs
from core.report import svg
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
    run.config["params"]["criterion"] = "<b>gini</b>"
    evaluation = runs.load_evaluation(run)
    material = report.Material(
        run,
        evaluation,
        metrics.deeper(evaluation),
        checks.look(checks.Facts(run, evaluation)),
        found() if rich else None,
        dataset.load(trained).x_test if rich else None,
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
    assert text.count("<svg") == (9 if rich else 4)
    assert text.count("<img") == (24 if rich else 0)
    assert len(text) < 600_000
    assert "nan" not in text


def test_a_line_in_its_place():
    drawn = svg.chart([svg.Line(np.array([0, 1]), np.array([0, 1]), dots=True)], "x", "y", (0, 1), (0, 1))
    assert 'points="46.0,212.0 322.0,8.0"' in drawn
    assert drawn.count("<circle") == 2


def test_what_lies_beyond_is_cut_off():
    drawn = svg.chart([svg.Line(np.array([0, 1]), np.array([-5, 7]))], "x", "y", (0, 1), (0, 1))
    assert 'points="46.0,212.0 322.0,8.0"' in drawn
