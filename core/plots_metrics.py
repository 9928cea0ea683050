"""The figures of the Metrics page. Nothing here computes a result."""

import base64
import io
import itertools
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from PIL import Image

from core import look, plots
from core.digits import CLASS_NAMES
from core.metrics import Coverage, Curve, Interval, Reliability, thinned
from core.texts import t

_HEAT = [[0.0, "#f4f7fd"], [0.3, "#cfdef8"], [0.6, "#5f93e8"], [1.0, "#123a8c"]]
_CELL = 44  # a click between two squares goes to the nearer one, so they may overlap on a phone


def confusion(matrix: np.ndarray, shares: np.ndarray, percent: bool, muted: bool) -> go.Figure:
    """Draw a confusion matrix whose cells can be clicked.

    Parameters
    ----------
    matrix, shares, percent
        As of `plots.confusion`.
    muted : bool
        Leave the right answers out, so that the colours show the mistakes alone.

    Returns
    -------
    Figure
        Its last trace has a point a cell, with the true and the predicted digit as `customdata`.
    """
    off = 1 - np.eye(len(matrix)) if muted else np.ones_like(shares)
    seen = shares * off
    figure = plots.confusion(matrix, seen / max(float(seen.max()), 1e-12), percent)
    cells = np.vectorize(lambda share: f"{share * 100:.1f}")(shares) if percent else matrix.astype(str)
    figure.update_traces(text=np.where(off > 0, cells, ""), hoverinfo="skip", hovertemplate=None)
    true, said = (axis.ravel() for axis in np.indices(matrix.shape))
    # A heatmap tells nobody of a click: what is clicked are squares over it that cannot be seen.
    figure.add_scatter(
        x=[CLASS_NAMES[c] for c in said],
        y=[CLASS_NAMES[c] for c in true],
        mode="markers",
        marker={"symbol": "square", "size": _CELL, "opacity": 0.001, "color": plots.ACCENT},
        customdata=np.column_stack([true, said, matrix.ravel(), 100 * shares.ravel()]),
        hovertemplate=t("a %{y} read as %{x}: %{customdata[2]:,} images (%{customdata[3]:.1f} %)") + "<extra></extra>",
        showlegend=False,
    )
    figure.update_traces(selector={"type": "scatter"}, selected_marker_opacity=0.001, unselected_marker_opacity=0.001)
    # Points would make plotly leave a margin about the cells.
    figure.update_xaxes(range=[-0.5, len(matrix) - 0.5], autorange=False)
    figure.update_yaxes(range=[len(matrix) - 0.5, -0.5], autorange=False)
    return figure.update_layout(clickmode="event+select", hovermode="closest")


def proportions(true: np.ndarray, predicted: np.ndarray) -> go.Figure:
    """Draw how many images of each digit there are, and how often the model says it; two (10,) integer arrays."""
    figure = go.Figure(
        [
            go.Bar(x=CLASS_NAMES, y=true, name=t("images"), marker_color=plots.MUTED),
            go.Bar(x=CLASS_NAMES, y=predicted, name=t("answers"), marker_color=plots.ACCENT),
        ]
    )
    figure.update_traces(hovertemplate=t("%{y:,} %{fullData.name} of a %{x}") + "<extra></extra>")
    return plots.calm(figure, t("digit"), t("images")).update_xaxes(type="category")


def roc(curves: Sequence[Curve], corner: bool) -> go.Figure:
    """Draw ROC curves; `corner` shows only the part where a good model's curves bend."""
    figure = _curves(curves, t("false alarms %{x:.1%}, found %{y:.1%}"))
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", line={"color": plots.MUTED, "dash": "dot", "width": 1}, name=t("guessing")
    )
    plots.calm(figure, t("false alarms"), t("found"))
    figure.update_xaxes(range=[0, 0.2] if corner else [0, 1], tickformat=".0%")
    return figure.update_yaxes(range=[0.8, 1.002] if corner else [0, 1.01], tickformat=".0%")


def precision_recall(curves: Sequence[Curve], corner: bool) -> go.Figure:
    """Draw precision against recall; `corner` shows only the part where a good model's curves bend."""
    figure = _curves(curves, t("found %{x:.1%}, right %{y:.1%}"))
    plots.calm(figure, t("found (recall)"), t("right (precision)"))
    figure.update_xaxes(range=[0.6, 1.002] if corner else [0, 1.01], tickformat=".0%")
    return figure.update_yaxes(range=[0.6, 1.002] if corner else [0, 1.01], tickformat=".0%")


def reliability(found: Reliability) -> go.Figure:
    """Draw how often the model is right against how sure it is; the size of a point shows how many answers."""
    known = found.count > 0
    size = 8 + 22 * np.sqrt(found.count[known] / found.count.max())
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", line={"color": plots.MUTED, "dash": "dot"}, name=t("as sure as it is right")
    )
    figure.add_scatter(
        x=found.confidence[known],
        y=found.accuracy[known],
        mode="lines+markers",
        marker={"size": size, "color": plots.ACCENT, "opacity": 0.85},
        line={"color": plots.ACCENT, "width": 1.5},
        customdata=found.count[known],
        hovertemplate=t("%{x:.1%} sure, %{y:.1%} right, %{customdata:,} answers") + "<extra></extra>",
        name=t("the model"),
        cliponaxis=False,  # most answers are at the very end of the scale
    )
    plots.calm(figure, t("how sure it is"), t("how often it is right"))
    return figure.update_xaxes(range=[0, 1.02], tickformat=".0%").update_yaxes(range=[0, 1.05], tickformat=".0%")


def confidence(edges: np.ndarray, right: np.ndarray, wrong: np.ndarray) -> go.Figure:
    """Draw how many right and wrong answers there are at each confidence, each line of the scale ten times more."""
    middle = (edges[1:] + edges[:-1]) / 2
    spans = [t("{low} to {high}", low=f"{low:.0%}", high=f"{high:.0%}") for low, high in itertools.pairwise(edges)]
    figure = go.Figure(
        [
            go.Bar(x=middle, y=np.where(right, right, np.nan), name=t("right"), marker_color=plots.ACCENT),
            go.Bar(x=middle, y=np.where(wrong, wrong, np.nan), name=t("wrong"), marker_color=look.MARK),
        ]
    )
    words = t("%{customdata} sure: %{y:,} %{fullData.name}") + "<extra></extra>"
    figure.update_traces(customdata=spans, hovertemplate=words)
    plots.calm(figure, t("how sure it is"), t("answers")).update_xaxes(range=[0, 1], tickformat=".0%")
    return figure.update_yaxes(type="log", dtick=1)


def coverage(found: Coverage, threshold: float) -> go.Figure:
    """Draw how often it is right against how much it answers, the chosen threshold marked."""
    curve = thinned(Curve("", found.answered, found.accuracy, 0.0))
    figure = go.Figure(go.Scatter(x=curve.x, y=curve.y, mode="lines", line={"color": plots.ACCENT, "width": 2.5}))
    figure.update_traces(hovertemplate=t("answers %{x:.1%}, right %{y:.2%}") + "<extra></extra>")
    answered, accuracy = found.at(threshold)
    if answered:
        spot = {"size": 12, "color": look.MARK}
        figure.add_scatter(x=[answered], y=[accuracy], mode="markers", marker=spot, hoverinfo="skip")
    plots.calm(figure, t("share that it answers"), t("right among these")).update_layout(showlegend=False)
    low = min(float(curve.y.min()), 0.98)
    figure.update_yaxes(range=[low - 0.01, 1.003], tickformat=".0%" if low < 0.9 else ".1%")
    return figure.update_xaxes(range=[0, 1.01], tickformat=".0%")


def pixels(values: np.ndarray, words: str) -> go.Figure:
    """Draw a number for each pixel as a picture, (28, 28) float; `words` says what the number is."""
    heat = go.Heatmap(z=np.clip(values, 0, None) ** 0.5, customdata=values, colorscale=_HEAT, showscale=False)
    hover = t("row %{y}, column %{x}: %{customdata:.2%}")
    figure = go.Figure(heat.update(hovertemplate=f"{hover} {words}<extra></extra>"))
    plots.calm(figure, "", "").update_yaxes(autorange="reversed", showgrid=False, scaleanchor="x", constrain="domain")
    return figure.update_xaxes(showgrid=False, constrain="domain").update_layout(plot_bgcolor="#f4f7fd")


def robustness(levels: np.ndarray, lines: dict[str, list[Interval]], axis: str) -> go.Figure:
    """Draw accuracy against how much an image was changed.

    Parameters
    ----------
    levels : (k,) float
    lines : name -> an Interval for each level
        The first in grey, the second in the accent colour, each with its 95 % band.
    axis : str
        What was changed, with the unit.
    """
    figure = go.Figure()
    looks = (("#7d8795", "rgba(125,135,149,.22)"), (plots.ACCENT, "rgba(35,96,197,.2)"))
    for (name, found), (colour, band) in zip(lines.items(), looks, strict=False):
        y, low, high = ([getattr(one, part) for one in found] for part in ("value", "low", "high"))
        figure.add_scatter(
            x=[*levels, *levels[::-1]],
            y=[*high, *low[::-1]],
            fill="toself",
            fillcolor=band,
            line={"width": 0},
            hoverinfo="skip",
            showlegend=False,
            mode="lines",
        )
        words = f"{name}: " + t("%{y:.1%} right") + "<extra></extra>"
        figure.add_scatter(x=levels, y=y, name=name, mode="lines+markers", line_color=colour, hovertemplate=words)
    plots.calm(figure, axis, t("right"), height=260)
    return figure.update_yaxes(range=[0, 1.02], tickformat=".0%")


def data_uri(image: np.ndarray) -> str:
    """Return an image, (h, w) or (h, w, 3) uint8, as the address of a PNG that is its own content."""
    body = io.BytesIO()
    Image.fromarray(image).save(body, "PNG")
    return "data:image/png;base64," + base64.b64encode(body.getvalue()).decode()


def _curves(curves: Sequence[Curve], words: str) -> go.Figure:
    figure = go.Figure()
    for curve in map(thinned, curves):
        if not len(curve.x):
            continue
        average = curve.name in ("micro", "macro")
        colour = plots.ACCENT if average else look.DIGITS[int(curve.name)]
        line = {"color": colour, "width": 3 if average else 1.3, "dash": "dash" if curve.name == "macro" else "solid"}
        hover = f"{curve.name}: {words}<extra></extra>"
        figure.add_scatter(x=curve.x, y=curve.y, name=curve.name, mode="lines", line=line, hovertemplate=hover)
    return figure
