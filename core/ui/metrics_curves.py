"""Curves: what comes of every threshold, and whether the model's confidence may be believed."""

import numpy as np
import streamlit as st

from core import glossary, metrics, plots_metrics, runs
from core.digits import CLASS_NAMES
from core.texts import later, t
from core.ui import frame, linked

_ALL = later("all digits")


@st.fragment
def show_curves(run: runs.Run, evaluation: metrics.Evaluation) -> None:
    """Show ROC and precision-recall, each digit against the rest, with both averages."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        shown = linked.choose(st.selectbox, t("Show"), [_ALL, *CLASS_NAMES], _ALL, "digit", width=170)
        words = t("A good model's curves bend in a corner: look at that alone.")
        corner = st.toggle(t("Zoom into the corner"), key="corner", bind="query-params", help=words)
    roc, precision_recall = curves(str(run.path), evaluation)
    some = [c for c in range(len(roc)) if shown == _ALL or roc[c].name in (shown, "micro", "macro")]
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("ROC", help=glossary.curve("roc").means)
        alt = t("ROC curves of each digit and their mean")
        frame.chart(plots_metrics.roc([roc[c] for c in some], corner), "roc", alt)
        st.caption(_say_roc(roc, shown))
    with right:
        st.subheader(t("Precision and recall"), help=glossary.curve("precision_recall").means)
        figure = plots_metrics.precision_recall([precision_recall[c] for c in some], corner)
        frame.chart(figure, "precision-recall", t("Precision against recall of each digit and their mean"))
        st.caption(_say_precision(precision_recall, shown))
    column = st.column_config.ProgressColumn
    st.dataframe(
        {
            "digit": [curve.name for curve in roc],
            "area under ROC": [curve.area for curve in roc],
            "average precision": [curve.area for curve in precision_recall],
        },
        key="areas",
        height="content",
        hide_index=True,
        width=360,
        column_config={
            "digit": st.column_config.TextColumn(t("digit"), width=62),
            "area under ROC": column(t("area under ROC"), format="%.4f", min_value=0.5, max_value=1.0, width=140),
            "average precision": column(t("average precision"), format="%.4f", min_value=0, max_value=1, width=140),
        },
    )
    st.caption(t("micro: all ten questions of all images together. macro: the mean of the ten digits."))


def _say_roc(roc: list[metrics.Curve], shown: str) -> str:
    curve = next(c for c in roc if c.name == ("macro" if shown == _ALL else shown))
    if shown == _ALL:
        return t(
            "On average over the digits, an image of the digit gets a higher probability for it than another image in "
            "{area:.2%} of all pairs: that is the area under the curve. Guessing would be 50 %.",
            area=curve.area,
        )
    return t(
        "An image of a {digit} gets a higher probability for it than another image in {area:.2%} of all pairs: that "
        "is the area under the curve. Guessing would be 50 %.",
        digit=shown,
        area=curve.area,
    )


def _say_precision(found: list[metrics.Curve], shown: str) -> str:
    curve = next(c for c in found if c.name == ("macro" if shown == _ALL else shown))
    half = float(np.interp(0.9, curve.x, curve.y)) if len(curve.x) else float("nan")
    if shown == _ALL:
        return t(
            "To find 90 % of the digits, it would be right in {half:.1%} of the cases in which it says so. "
            "The average precision is {area:.3f}.",
            half=half,
            area=curve.area,
        )
    return t(
        "To find 90 % of the {digit}s, it would be right in {half:.1%} of the cases in which it says so. "
        "The average precision is {area:.3f}.",
        digit=shown,
        half=half,
        area=curve.area,
    )


@st.fragment
def show_confidence(run: runs.Run, evaluation: metrics.Evaluation) -> None:
    """Show whether its percentages are honest, and what is gained when it may say "I don't know"."""
    found = metrics.reliability(evaluation)
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader(t("Is it as sure as it is right?"), help=glossary.curve("reliability").means)
        frame.chart(plots_metrics.reliability(found), "reliability", t("How often it is right against how sure it is"))
        st.caption(_say_reliability(found))
    with right:
        words = t("Each line of the scale stands for ten times more answers.")
        st.subheader(t("How sure is it?"), help=words)
        edges, hits, misses = metrics.confidence_counts(evaluation)
        alt = t("Right and wrong answers by confidence")
        frame.chart(plots_metrics.confidence(edges, hits, misses), "sureness", alt)
        st.caption(metrics.say_sureness(evaluation))
    _coverage(evaluation)


def _say_reliability(found: metrics.Reliability) -> str:
    if found.lean > 0:
        words = t(
            "Its confidence is off by {error:.1f} points on average (the expected calibration error), at worst by "
            "{worst:.0f}; on the whole it is surer than it is right."
        )
    else:
        words = t(
            "Its confidence is off by {error:.1f} points on average (the expected calibration error), at worst by "
            "{worst:.0f}; on the whole it is more often right than it is sure."
        )
    return words.format(error=100 * found.error, worst=100 * found.worst)


def _coverage(evaluation: metrics.Evaluation) -> None:
    st.subheader(t("What if it may say “I don't know”?"))
    found = metrics.coverage(evaluation)
    words = t("Below this confidence the model gives no answer.")
    threshold = st.slider(
        t("It answers when it is at least so sure"),
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
            t(
                "Then it answers **{answered:.1%}** of the images ({count:,}) and reads **{accuracy:.2%}** of them "
                "rightly, instead of {all:.2%}; left to a person: {rest:,}.",
                answered=answered,
                count=round(answered * n),
                accuracy=accuracy,
                all=found.accuracy[-1],
                rest=round((1 - answered) * n),
            )
        )
    else:
        st.markdown(t("It is never {threshold} % sure, so it answers nothing.", threshold=threshold))
    alt = t("Accuracy against the share it answers")
    frame.chart(plots_metrics.coverage(found, threshold / 100), "coverage", alt)
    needed = found.needed(0.99)
    st.caption(
        t(
            "To be right in 99 % of its answers it must be at least {needed:.0%} sure; then it answers {share:.1%} of "
            "the images.",
            needed=needed,
            share=found.at(needed)[0],
        )
        if needed
        else t("However sure it is, it is never right in 99 % of its answers.")
    )


@st.cache_resource(max_entries=16, show_spinner=False)
def curves(path: str, _evaluation: metrics.Evaluation) -> tuple[list[metrics.Curve], list[metrics.Curve]]:
    """Return a run's ROC and precision-recall curves, computed once."""
    return metrics.roc(_evaluation), metrics.precision_recall(_evaluation)
