"""The figures of the Runs page: all runs as points, some of them side by side. Nothing here computes a result."""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core import plots, plots_metrics
from core.digits import CLASS_NAMES
from core.look import INK
from core.metrics import Curve, Reliability, thinned
from core.texts import t

# One line a run: colours that stay apart for colour-blind eyes, on white and on black, and dashes beside them.
LINES = ("#4f8bf0", "#e07b00", "#17a07a", "#c64c9b", "#8a94a3", "#b58a00", "#7a5fd0", "#c0392b")
DASHES = ("solid", "dash", "dot", "dashdot")
# The weaker, the stronger the colour; never so dark that ink on it could not be read.
_WEAK = ((0.0, "#7ba6ee"), (0.6, "#cfdef8"), (1.0, "#f4f7fd"))


def scatter(frame: pd.DataFrame, x: str, axis: str, chosen: Sequence[str]) -> go.Figure:
    """Draw the accuracy of runs against what they cost; a click on a point tells which.

    Parameters
    ----------
    frame : DataFrame
        Index = run ids; columns `label`, `accuracy` (0 to 1) and `x`, above 0.
    x, axis : str
        The column, and what it is in words, with the unit.
    chosen : run ids
        Drawn larger, in the accent colour.

    Returns
    -------
    Figure
        One trace; each point has its run's id as `customdata`.
    """
    picked = frame.index.isin(chosen)
    mark = {
        "size": np.where(picked, 15, 10),
        "color": np.where(picked, plots.ACCENT, plots.MUTED),
        "opacity": np.where(picked, 1.0, 0.75),
        "line": {"width": 1, "color": "#ffffff"},
    }
    points = go.Scatter(x=frame[x], y=frame["accuracy"], mode="markers", marker=mark, text=frame["label"])
    figure = go.Figure(points.update(customdata=np.array(frame.index, dtype=object)[:, np.newaxis]))
    figure.update_traces(hovertemplate="%{text}<br>" + t("accuracy %{y:.2%}, %{x:.3g}") + f" {axis}<extra></extra>")
    figure.update_traces(selected_marker_opacity=1, unselected_marker_opacity=0.75)
    plots.calm(figure, axis, t("accuracy")).update_yaxes(tickformat=".0%")
    figure.update_xaxes(type="log", tickformat="~g", dtick=1 if _wide(frame[x]) else None)
    return figure.update_layout(clickmode="event+select", showlegend=False, hovermode="closest")


def _wide(values: pd.Series) -> bool:
    return bool(len(values)) and values.max() > 30 * values.min()


def roc(curves: Mapping[str, Curve], corner: bool) -> go.Figure:
    """Draw one ROC curve a run over each other; `corner` shows only where good models' curves bend."""
    figure = go.Figure()
    for number, (name, curve) in enumerate(curves.items()):
        line = thinned(curve)
        words = f"{name}: " + t("false alarms %{x:.1%}, found %{y:.1%}") + "<extra></extra>"
        figure.add_scatter(x=line.x, y=line.y, name=name, mode="lines", line=_line(number), hovertemplate=words)
    plots.calm(figure, t("false alarms"), t("found"))
    figure.update_xaxes(range=[0, 0.2] if corner else [0, 1], tickformat=".0%")
    return figure.update_yaxes(range=[0.8, 1.002] if corner else [0, 1.01], tickformat=".0%")


def reliability(found: Mapping[str, Reliability]) -> go.Figure:
    """Draw how often each run is right against how sure it is."""
    figure = go.Figure()
    honest = {"color": plots.MUTED, "dash": "dot", "width": 1}
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line=honest, name=t("as sure as right"), hoverinfo="skip")
    for number, (name, one) in enumerate(found.items()):
        known = one.count > 0
        figure.add_scatter(
            x=one.confidence[known],
            y=one.accuracy[known],
            customdata=one.count[known],
            name=name,
            mode="lines+markers",
            line=_line(number),
            hovertemplate=f"{name}: " + t("%{x:.1%} sure, %{y:.1%} right, %{customdata:,} answers") + "<extra></extra>",
        )
    plots.calm(figure, t("how sure it is"), t("how often it is right"))
    return figure.update_xaxes(range=[0, 1.02], tickformat=".0%").update_yaxes(range=[0, 1.05], tickformat=".0%")


def recall(names: Sequence[str], shares: np.ndarray) -> go.Figure:
    """Draw what share of each digit's images each run reads; (runs, 10) float, 0 to 1."""
    floor = float(shares.min())
    figure = go.Figure(
        go.Heatmap(
            z=shares,
            zmin=min(floor, 0.9),
            zmax=1.0,
            x=CLASS_NAMES,
            y=list(names),
            text=np.vectorize(lambda share: f"{100 * share:.0f}" if share < 0.995 else f"{100 * share:.1f}")(shares),
            texttemplate="%{text}",
            textfont={"size": 11, "color": INK},
            hovertemplate=t("%{y} reads %{z:.2%} of the digit %{x}") + "<extra></extra>",
            colorscale=_WEAK,
            showscale=False,
            xgap=1,
            ygap=1,
        )
    )
    plots.calm(figure, t("of each digit, % read right"), "").update_xaxes(type="category", side="top", showgrid=False)
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False)
    return figure.update_layout(height=90 + 34 * len(names))


def gallery(images: np.ndarray, captions: Sequence[tuple[str, str]], titles: Sequence[str]) -> str:
    """Return images with two lines below each as HTML, as many in a row as there is room for.

    Parameters
    ----------
    images : (n, 28, 28) uint8
    captions, titles : one an image
        The two lines, and what a screen reader says of the picture.
    """
    tiles = []
    for image, (first, second), title in zip(images, captions, titles, strict=True):
        tiles.append(
            f'<figure class="dc-image"><img src="{plots_metrics.data_uri(255 - image)}" alt="{escape(title)}" '
            f'width="56" height="56"><figcaption><b>{escape(first)}</b><br>{escape(second)}</figcaption></figure>'
        )
    return f'{_STYLE}<div class="dc-images">{"".join(tiles)}</div>'


_STYLE = """<style>
.dc-images {display:grid; grid-template-columns:repeat(auto-fill, minmax(76px, 1fr)); gap:.5rem}
figure.dc-image {margin:0; padding:.35rem .1rem; border:1px solid rgba(128,138,152,.35); border-radius:.4rem;
  text-align:center; font-size:.8rem; line-height:1.3}
figure.dc-image img {image-rendering:pixelated; width:56px; height:56px; border-radius:2px}
</style>"""


def _line(number: int) -> dict[str, object]:
    return {"color": LINES[number % len(LINES)], "dash": DASHES[number % len(DASHES)], "width": 2}
