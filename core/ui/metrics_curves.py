"""Curves: what comes of every threshold, and whether the model's confidence may be believed."""

import numpy as np
import streamlit as st

from core import metrics, plots_metrics, runs
from core.digits import CLASS_NAMES
from core.ui import frame

_ALL = "all digits"


@st.fragment
def show_curves(run: runs.Run, evaluation: metrics.Evaluation) -> None:
    """Show ROC and precision-recall, each digit against the rest, with both averages."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        shown = st.selectbox("Show", [_ALL, *CLASS_NAMES], key="digit", bind="query-params", width=150)
        words = "A good model's curves bend in a corner: look at that alone."
        corner = st.toggle("Zoom into the corner", key="corner", bind="query-params", help=words)
    roc, precision_recall = curves(str(run.path), evaluation)
    some = [c for c in range(len(roc)) if shown == _ALL or roc[c].name in (shown, "micro", "macro")]
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("ROC", help="Receiver operating characteristic: each digit against the rest, at every threshold.")
        frame.chart(plots_metrics.roc([roc[c] for c in some], corner), "roc", "ROC curves of each digit and their mean")
        st.caption(_say_roc(roc, shown))
    with right:
        st.subheader("Precision and recall", help="How many of its alarms are right, against how much it finds.")
        figure = plots_metrics.precision_recall([precision_recall[c] for c in some], corner)
        frame.chart(figure, "precision-recall", "Precision against recall of each digit and their mean")
        st.caption(_say_precision(precision_recall, shown))
    st.dataframe(
        {
            "digit": [curve.name for curve in roc],
            "area under ROC": [curve.area for curve in roc],
            "average precision": [curve.area for curve in precision_recall],
        },
        key="areas",
        height="content",
        hide_index=True,
        width=420,
        column_config={
            "digit": st.column_config.TextColumn(width=70),
            "area under ROC": st.column_config.ProgressColumn(format="%.4f", min_value=0.5, max_value=1.0, width=150),
            "average precision": st.column_config.ProgressColumn(format="%.4f", min_value=0, max_value=1, width=150),
        },
    )
    st.caption("micro: all ten questions of all images together. macro: the mean of the ten digits.")


def _say_roc(roc: list[metrics.Curve], shown: str) -> str:
    curve = next(c for c in roc if c.name == ("macro" if shown == _ALL else shown))
    whom = "On average over the digits, an image of the digit" if shown == _ALL else f"An image of a {shown}"
    return (
        f"{whom} gets a higher probability for it than another image in {curve.area:.2%} of all pairs: that is the "
        "area under the curve. Guessing would be 50 %."
    )


def _say_precision(found: list[metrics.Curve], shown: str) -> str:
    curve = next(c for c in found if c.name == ("macro" if shown == _ALL else shown))
    half = float(np.interp(0.9, curve.x, curve.y)) if len(curve.x) else float("nan")
    whom = "the digits" if shown == _ALL else f"the {shown}s"
    return (
        f"To find 90 % of {whom}, it would be right in {half:.1%} of the cases in which it says so. "
        f"The average precision is {curve.area:.3f}."
    )


@st.fragment
def show_confidence(run: runs.Run, evaluation: metrics.Evaluation) -> None:
    """Show whether its percentages are honest, and what is gained when it may say "I don't know"."""
    found = metrics.reliability(evaluation)
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("Is it as sure as it is right?", help="A reliability diagram. On the dotted line it is honest.")
        frame.chart(plots_metrics.reliability(found), "reliability", "How often it is right against how sure it is")
        way = "surer than it is right" if found.lean > 0 else "more often right than it is sure"
        st.caption(
            f"Its confidence is off by {100 * found.error:.1f} points on average (the expected calibration error), at "
            f"worst by {100 * found.worst:.0f}; on the whole it is {way}."
        )
    with right:
        st.subheader("How sure is it?", help="Each line of the scale stands for ten times more answers.")
        edges, hits, misses = metrics.confidence_counts(evaluation)
        frame.chart(plots_metrics.confidence(edges, hits, misses), "sureness", "Right and wrong answers by confidence")
        st.caption(_say_sureness(evaluation))
    _coverage(evaluation)


def _say_sureness(evaluation: metrics.Evaluation) -> str:
    sure = evaluation.confidence >= 0.95
    wrong = int((sure & ~evaluation.right).sum())
    return f"In {sure.mean():.1%} of its answers it is at least 95 % sure; {wrong:,} of those are wrong all the same."


def _coverage(evaluation: metrics.Evaluation) -> None:
    st.subheader("What if it may say “I don't know”?")
    found = metrics.coverage(evaluation)
    words = "Below this confidence the model gives no answer."
    threshold = st.slider(
        "It answers when it is at least so sure",
        0,
        100,
        50,
        format="%d %%",
        key="sure",
        bind="query-params",
        help=words,
    )
    answered, accuracy = found.at(threshold / 100)
    n = len(evaluation.y_true)
    if answered:
        st.markdown(
            f"Then it answers **{answered:.1%}** of the images ({round(answered * n):,}) and reads **{accuracy:.2%}** "
            f"of them rightly, instead of {found.accuracy[-1]:.2%}; {round((1 - answered) * n):,} are left to a person."
        )
    else:
        st.markdown(f"It is never {threshold} % sure, so it answers nothing.")
    frame.chart(plots_metrics.coverage(found, threshold / 100), "coverage", "Accuracy against the share it answers")
    needed = found.needed(0.99)
    st.caption(
        f"To be right in 99 % of its answers it must be at least {needed:.0%} sure; then it answers "
        f"{found.at(needed)[0]:.1%} of the images."
        if needed
        else "However sure it is, it is never right in 99 % of its answers."
    )


@st.cache_resource(max_entries=16, show_spinner=False)
def curves(path: str, _evaluation: metrics.Evaluation) -> tuple[list[metrics.Curve], list[metrics.Curve]]:
    """Return a run's ROC and precision-recall curves, computed once."""
    return metrics.roc(_evaluation), metrics.precision_recall(_evaluation)
