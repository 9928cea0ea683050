"""The Metrics page's figures, tested as data."""

import base64
import io

import numpy as np
from PIL import Image

from core import metrics, plots_metrics


def evaluation(n: int = 500) -> metrics.Evaluation:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 10, n).astype(np.uint8)
    grown = np.exp(rng.normal(size=(n, 10)) + 3 * np.eye(10)[y])
    return metrics.Evaluation(y, (grown / grown.sum(axis=1, keepdims=True)).astype(np.float32))


def test_every_cell_can_be_clicked():
    matrix = np.arange(100).reshape(10, 10)
    figure = plots_metrics.confusion(matrix, metrics.confusion_shares(matrix, "all"), percent=False, muted=False)
    heat, squares = figure.data
    assert heat.text[3][5] == "35"
    assert squares.customdata[35].tolist()[:3] == [3, 5, 35]
    assert (squares.y[35], squares.x[35]) == ("3", "5")
    assert tuple(figure.layout.xaxis.range) == (-0.5, 9.5)
    assert tuple(figure.layout.yaxis.range) == (9.5, -0.5)


def test_muted_leaves_the_mistakes():
    matrix = np.diag([100] * 10)
    matrix[4, 9] = 5
    heat = plots_metrics.confusion(matrix, metrics.confusion_shares(matrix, "all"), percent=False, muted=True).data[0]
    assert heat.z[4][9] == 1  # the most frequent mistake is darkest now
    assert heat.z[4][4] == 0
    assert (heat.text[4][4], heat.text[4][9]) == ("", "5")
    perfect = np.diag([5] * 10)
    assert not plots_metrics.confusion(perfect, perfect / 5, percent=False, muted=True).data[0].z.any()


def test_curves_have_their_digits_and_averages():
    found = evaluation()
    figure = plots_metrics.roc(metrics.roc(found), corner=True)
    assert [line.name for line in figure.data] == [*map(str, range(10)), "micro", "macro", "guessing"]
    assert tuple(figure.layout.xaxis.range) == (0, 0.2)
    assert len(plots_metrics.precision_recall(metrics.precision_recall(found)[10:], corner=False).data) == 2
    absent = metrics.Evaluation(np.where(found.y_true == 7, 1, found.y_true).astype(np.uint8), found.proba)
    assert "7" not in [line.name for line in plots_metrics.roc(metrics.roc(absent), corner=False).data]


def test_confidence_figures():
    found = evaluation()
    reliable = metrics.reliability(found)
    assert plots_metrics.reliability(reliable).data[1].customdata.sum() == 500
    edges, right, wrong = metrics.confidence_counts(found)
    bars = plots_metrics.confidence(edges, right, wrong)
    assert np.nansum(bars.data[0].y) == found.right.sum()
    covered = metrics.coverage(found)
    spot = plots_metrics.coverage(covered, 0.5).data[1]
    assert (spot.x[0], spot.y[0]) == covered.at(0.5)
    assert len(plots_metrics.coverage(covered, 1.5).data) == 1


def test_robustness_has_two_lines_with_bands():
    line = [metrics.wilson(hits, 100) for hits in (90, 50)]
    figure = plots_metrics.robustness(np.array([0.0, 4.0]), {"raw": line, "normalised": line}, "moved by, pixels")
    assert [trace.name for trace in figure.data if trace.name] == ["raw", "normalised"]
    assert list(figure.data[0].x) == [0, 4, 4, 0]
    assert figure.data[0].y[0] == line[0].high
    assert figure.data[0].y[-1] == line[0].low


def test_an_image_in_its_own_address():
    image = np.arange(784, dtype=np.uint8).reshape(28, 28)
    kind, body = plots_metrics.data_uri(image).split(",")
    assert kind == "data:image/png;base64"
    assert (np.asarray(Image.open(io.BytesIO(base64.b64decode(body)))) == image).all()


def test_pixels_and_proportions():
    values = np.zeros((28, 28))
    values[3, 4] = 0.25
    figure = plots_metrics.pixels(values, "words")
    assert (figure.data[0].z[3][4], figure.data[0].customdata[3][4]) == (0.5, 0.25)
    assert list(plots_metrics.proportions(np.arange(10), np.ones(10)).data[0].y) == list(range(10))
