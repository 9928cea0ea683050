"""Frames and arrays -> plotly figures and small pictures. Nothing here computes a result."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.digits import CLASS_NAMES, CLASSES
from core.look import ACCENT, MARK, MUTED, SCALE
from core.texts import t

HEIGHT = 320
LEGEND = {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0, "font": {"size": 11}, "itemwidth": 30}


def class_distribution(train: np.ndarray, test: np.ndarray) -> go.Figure:
    """Draw how many images of each digit there are; two (10,) integer arrays."""
    figure = go.Figure(
        [
            go.Bar(x=CLASS_NAMES, y=train, name=t("train ({n:,})", n=train.sum()), marker_color=ACCENT),
            go.Bar(x=CLASS_NAMES, y=test, name=t("test ({n:,})", n=test.sum()), marker_color=MUTED),
        ]
    )
    figure.update_traces(hovertemplate=t("digit %{x}: %{y:,} images") + "<extra></extra>")
    figure.update_layout(barmode="group")
    return calm(figure, t("digit"), t("images")).update_xaxes(type="category")


def confusion(matrix: np.ndarray, shares: np.ndarray, percent: bool) -> go.Figure:
    """Draw a confusion matrix with its numbers in the cells.

    Parameters
    ----------
    matrix : (10, 10) integers
        Row = true, column = predicted.
    shares : (10, 10) float, 0 to 1
        What the colours show, and the numbers where `percent` is set.
    """
    text = np.vectorize(lambda share: f"{share * 100:.1f}")(shares) if percent else matrix.astype(str)
    figure = go.Figure(
        go.Heatmap(
            z=shares**0.5,  # errors are rare: the root lifts them off the paper
            x=CLASS_NAMES,
            y=CLASS_NAMES,
            text=text,
            texttemplate="%{text}",
            textfont={"size": 11},
            customdata=np.dstack([matrix, shares * 100]),
            hovertemplate=t("a %{y} read as %{x}: %{customdata[0]:,} images (%{customdata[1]:.1f} %)")
            + "<extra></extra>",
            colorscale=SCALE,
            showscale=False,
            xgap=1,
            ygap=1,
        )
    )
    calm(figure, t("the model said"), t("it was"), height=430)
    figure.update_yaxes(autorange="reversed", type="category", showgrid=False)
    return figure.update_xaxes(type="category", side="top")


def learning(steps: Sequence[Mapping[str, Any]]) -> go.Figure:
    """Draw how a family learned: what it knew of the held-out images after each step, the best step marked.

    Parameters
    ----------
    steps : sequence of mappings
        `done`, `unit` and `held_accuracy` of each step, as in a run's card and a job's events.
    """
    done = [step["done"] for step in steps]
    right = [100 * step["held_accuracy"] for step in steps]
    best = int(np.argmax(right))
    mark = {"color": ACCENT, "size": [10 if i == best else 4 for i in range(len(steps))]}
    figure = go.Figure(go.Scatter(x=done, y=right, mode="lines+markers", line_color=ACCENT, marker=mark))
    unit = t(steps[0]["unit"])
    figure.update_traces(hovertemplate=f"%{{x}} {unit}: %{{y:.2f}} %<extra></extra>")
    return calm(figure, unit, t("held-out, % right"), height=220)


def probability_bars(proba: np.ndarray | None) -> str:
    """Return ten bars as HTML, the likeliest in the accent colour; empty bars for None.

    HTML, because it is there 40 ms sooner than a chart and does not jump.
    """
    rows = []
    for digit in CLASSES:
        p = 0.0 if proba is None else float(proba[digit])
        best = proba is not None and digit == int(proba.argmax())
        text = "" if proba is None else escape(percent(p))
        rows.append(
            f'<div class="dl-row{" dl-best" if best else ""}"><span>{digit}</span>'
            f'<div class="dl-track"><div class="dl-fill" style="width:{p * 100:.1f}%"></div></div>'
            f"<span>{text}</span></div>"
        )
    return f'<div class="dl-bars" role="img" aria-label="{escape(_spoken(proba))}">{"".join(rows)}</div>'


def answer(proba: np.ndarray | None, hint: str) -> str:
    """Return the answer in large type as HTML; else `hint`."""
    if proba is None:
        return f'<div class="dl-answer dl-none"><b>?</b><span>{escape(hint)}</span></div>'
    label, p = int(proba.argmax()), float(proba.max())
    sure = escape(t("{percent} sure", percent=percent(p)))
    return f'<div class="dl-answer"><b>{label}</b><span>{sure}</span></div>'


STYLE = f"""<style>
.dl-answer {{display:flex; align-items:baseline; gap:.8rem; min-height:4.8rem}}
.dl-answer b {{font-size:4.6rem; line-height:1; font-weight:700; color:var(--dl-accent)}}
.dl-answer span {{font-size:1.05rem; opacity:.8}}
.dl-none b {{color:{MUTED}}}
.dl-row {{display:grid; grid-template-columns:1.2rem 1fr 3.8rem; gap:.5rem; align-items:center; font-size:.95rem;
  line-height:1.5rem; font-variant-numeric:tabular-nums}}
.dl-row span:last-child {{text-align:right}}
.dl-track {{background:rgba(128,138,152,.18); border-radius:3px; height:.85rem; overflow:hidden}}
.dl-fill {{background:{MUTED}; height:100%}}
.dl-best .dl-fill {{background:var(--dl-accent)}}
.dl-best {{font-weight:700}}
</style>"""


def magnified(image: np.ndarray, factor: int, height: int = 0) -> np.ndarray:
    """Return an image with every pixel `factor` times as wide and high (or `height`), black ink on white; uint8."""
    return 255 - np.kron(image, np.ones((height or factor, factor), np.uint8))


def question(image: np.ndarray, row: int, column: int, factor: int = 6) -> np.ndarray:
    """Return an image, (h, w) uint8, magnified, with one pixel framed; (h * factor, w * factor, 3) uint8."""
    return _framed(image, row, slice(column, column + 1), factor)


def framed_row(image: np.ndarray, row: int, factor: int = 6) -> np.ndarray:
    """Return an image as `question` does, with a whole row framed."""
    return _framed(image, row, slice(0, image.shape[1]), factor)


def _framed(image: np.ndarray, row: int, columns: slice, factor: int) -> np.ndarray:
    sheet = np.repeat(magnified(image, factor)[..., np.newaxis], 3, axis=2)
    top, left, right = row * factor, columns.start * factor, columns.stop * factor
    inner = sheet[top : top + factor, left:right].copy()
    sheet[max(top - 2, 0) : top + factor + 2, max(left - 2, 0) : right + 2] = tuple(bytes.fromhex(MARK[1:]))
    sheet[top : top + factor, left:right] = inner
    return sheet


def shares(ink: np.ndarray, no_ink: np.ndarray) -> go.Figure:
    """Draw which digits answer a question with yes and with no; two (10,) integer arrays."""
    figure = go.Figure(
        [
            go.Bar(x=CLASS_NAMES, y=ink, name=t("ink"), marker_color=ACCENT),
            go.Bar(x=CLASS_NAMES, y=no_ink, name=t("no ink"), marker_color=MUTED),
        ]
    )
    figure.update_layout(barmode="stack", legend={"orientation": "h", "y": 1.2, "x": 0})
    return calm(figure, t("digit"), t("images"), height=220).update_xaxes(type="category")


def depth_curve(frame: pd.DataFrame, best: int | None, chosen: int) -> go.Figure:
    """Draw a score of one tree against its depth, the gap between training and test images shaded.

    Parameters
    ----------
    frame : DataFrame
        Index = depth; columns train, held, test, 0 to 1; a column of NaN is left out.
    best : int or None
        The depth to mark with a line; None = none is known.
    chosen : int
        The depth whose points are ringed.
    """
    look: dict[str, tuple[str, dict[str, Any]]] = {
        "train": (t("learned from"), {"color": MUTED, "width": 2}),
        "test": (t("test"), {"color": ACCENT, "width": 2.5}),
        "held": (t("held out"), {"color": ACCENT, "width": 1.5, "dash": "dot"}),
    }
    shown = [name for name in look if frame[name].notna().all()]
    figure = go.Figure()
    for name in shown:
        title, line = look[name]
        # It fills to the trace before it, so that nothing may stand between these two.
        gap = {"fill": "tonexty", "fillcolor": "rgba(128,138,152,.2)"} if name == "test" else {}
        words = f"{title}: %{{y:.2%}}<extra></extra>"
        figure.add_scatter(
            x=frame.index, y=frame[name], name=title, mode="lines", line=line, hovertemplate=words, **gap
        )
    ring = {"size": 9, "color": [look[name][1]["color"] for name in shown]}
    spots = frame.loc[chosen, shown]
    figure.update_traces(mode="lines")
    figure.add_scatter(
        x=[chosen] * len(shown), y=spots, mode="markers", marker=ring, showlegend=False, hoverinfo="skip"
    )
    if best:
        figure.add_vline(best, line={"color": ACCENT, "width": 1, "dash": "dash"})
        figure.add_annotation(x=best, y=0, yref="paper", yanchor="bottom", xanchor="left", showarrow=False)
        figure.update_annotations(text=" " + t("deep enough: {best}", best=best), font={"color": ACCENT})
    return _lines(figure, t("questions asked at most (depth)"), "")


def pruning_curve(frame: pd.DataFrame, best: int | None) -> go.Figure:
    """Draw how well a tree reads against how many leaves pruning leaves it.

    Parameters
    ----------
    frame : DataFrame
        Columns alpha, leaves, train, held, test; a column of NaN is left out.
    best : int or None
        The row to mark.
    """
    figure = go.Figure()
    for name, title, color, dash in (
        ("train", t("learned from"), MUTED, "solid"),
        ("test", t("test"), ACCENT, "solid"),
        ("held", t("held out"), ACCENT, "dot"),
    ):
        if frame[name].notna().all():
            figure.add_scatter(
                x=frame["leaves"],
                y=frame[name],
                name=title,
                line={"color": color, "dash": dash, "width": 2},
                customdata=frame["alpha"],
                hovertemplate=f"{title}: %{{y:.2%}} (ccp_alpha %{{customdata:.2g}})<extra></extra>",
            )
    if best is not None:
        figure.add_vline(float(frame["leaves"][best]), line={"color": ACCENT, "width": 1, "dash": "dash"})
    return _lines(figure, t("leaves"), "").update_xaxes(type="log", dtick=1)


def _lines(figure: go.Figure, x: str, y: str) -> go.Figure:
    calm(figure, x, y).update_yaxes(tickformat=".0%")
    return figure.update_layout(hovermode="x unified")


def calm(figure: go.Figure, x: str, y: str, height: int = HEIGHT) -> go.Figure:
    """Give a chart the manner of the house, the same for all: no title, no frame, nothing to zoom, the legend above.

    Parameters
    ----------
    x, y : str
        What the axes show, in words.
    height : pixels
    """
    figure.update_layout(height=height, margin={"l": 8, "r": 8, "t": 8, "b": 8}, dragmode=False, legend=LEGEND)
    figure.update_xaxes(title=x, fixedrange=True, showgrid=False, zeroline=False)
    return figure.update_yaxes(title=y, fixedrange=True, zeroline=False)


def percent(share: float) -> str:
    """Return a share in words, with the digits that mean something."""
    # 0.04 % must not look like never, nor 99.96 % like always.
    if 0 < share < 0.001:
        return "<0.1 %"
    return ">99.9 %" if 0.999 < share < 1 else f"{share * 100:.1f} %"


def _spoken(proba: np.ndarray | None) -> str:
    if proba is None:
        return t("No answer yet")
    order = np.argsort(proba)[::-1][:3]
    return t("Probabilities: {list}", list=", ".join(f"{digit}: {percent(float(proba[digit]))}" for digit in order))
