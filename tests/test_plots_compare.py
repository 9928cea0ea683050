"""The figures of the Runs page, as data."""

import numpy as np
import pandas as pd

from core import metrics, plots, plots_compare


def evaluation() -> metrics.Evaluation:
    rng = np.random.default_rng(0)
    proba = rng.random((300, 10)).astype(np.float32)
    return metrics.Evaluation(np.arange(300, dtype=np.uint8) % 10, proba / proba.sum(axis=1, keepdims=True))


def test_scatter_has_a_point_a_run_that_knows_its_id():
    frame = pd.DataFrame(
        {"label": ["one", "two"], "accuracy": [0.9, 0.8], "fit_seconds": [1.0, 500.0]}, index=["a-1", "b-2"]
    )
    (points,) = plots_compare.scatter(frame, "fit_seconds", "seconds of fit", ["b-2"]).data
    assert [row[0] for row in points.customdata] == ["a-1", "b-2"]
    assert list(points.x) == [1.0, 500.0]
    assert list(points.marker.color) == [plots.MUTED, plots.ACCENT]


def test_curves_lie_over_each_other_in_different_looks():
    e = evaluation()
    curve = metrics.roc(e)[-2]
    figure = plots_compare.roc({"A": curve, "B": curve}, corner=True)
    assert [trace.name for trace in figure.data] == ["A", "B"]
    assert figure.data[0].line.color != figure.data[1].line.color
    assert figure.data[0].line.dash != figure.data[1].line.dash
    assert figure.layout.xaxis.range == (0, 0.2)
    honest = plots_compare.reliability({"A": metrics.reliability(e)})
    assert sum(honest.data[1].customdata) == 300


def test_recall_shows_runs_by_digits():
    shares = np.linspace(0.5, 1, 20).reshape(2, 10)
    (heat,) = plots_compare.recall(["A", "B"], shares).data
    assert np.array_equal(heat.z, shares)
    assert list(heat.y) == ["A", "B"]
    assert heat.text[0][0] == "50"
    assert heat.text[1][9] == "100.0"


def test_gallery_escapes_what_is_written_below_a_picture():
    html = plots_compare.gallery(np.zeros((1, 28, 28), np.uint8), [("a <7>", "A 1 · B 7")], ['say "7"'])
    assert "a &lt;7&gt;" in html
    assert 'alt="say &quot;7&quot;"' in html
    assert html.count("data:image/png;base64,") == 1
