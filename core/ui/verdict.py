"""What may be said with a guarantee: a set of digits at a chosen coverage, or that the drawing is no digit."""

from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from core import dataset, inference, refusal, runs
from core.errors import DigitLabError
from core.settings import Settings
from core.texts import t
from core.ui import studying

DEFAULT = 95
_KEY = "coverage"
# As high as three lines, so that nothing below moves when the answer changes.
_STYLE = """<style>
.dl-verdict {min-height:4.6rem; line-height:1.5rem}
.dl-verdict b {font-size:1.15rem; color:var(--dl-accent)}
.dl-verdict.dl-no b {color:inherit}
.dl-verdict span {display:block; font-size:.9rem; line-height:1.3rem; opacity:.8}
</style>"""


def coverage_input() -> float:
    """Let the visitor choose how often a set must hold the true digit, kept in the link; returns 0.80 to 0.99."""
    lowest, highest = (round(100 * end) for end in (refusal.COVERAGES[0], refusal.COVERAGES[-1]))
    words = t("How often the set of digits must hold the true one. More certainty costs larger sets.")
    chosen = st.slider(
        t("Coverage"), lowest, highest, DEFAULT, key=_KEY, format="%d %%", help=words, bind="query-params", width=250
    )
    return chosen / 100


def show_verdict(
    settings: Settings, run: runs.Run, prediction: inference.Prediction | None, drawing: Any = None
) -> None:
    """Show the set of digits that a drawing may be, at the coverage of `coverage_input`, or why it is refused.

    Some milliseconds: to be called at each stroke.

    Parameters
    ----------
    prediction : Prediction or None
        None before anything is drawn.
    drawing : (28, 28) uint8, optional
        The image to judge, where it is not the one that the prediction is about.
    """
    st.html(_STYLE + verdict_html(settings, run, prediction, drawing, st.session_state.get(_KEY, DEFAULT) / 100))


def verdict_html(
    settings: Settings, run: runs.Run, prediction: inference.Prediction | None, drawing: Any, coverage: float
) -> str:
    """Return the verdict as HTML, read out by screen readers when it changes."""
    try:
        calibration = refusal.load(run)
    except DigitLabError as error:
        return _html("", settings.without_places(str(error)))
    if calibration is None:
        return _html("", t("Sets of digits and refusal are not calibrated for this run yet."))
    if prediction is None:
        return _html("", t("Here comes which digits it may be, or that it is none."))
    image = prediction.image if drawing is None else drawing
    found = refusal.verdict(calibration, image, prediction.proba, coverage)
    if not found.is_digit:
        return _html(t(refusal.REFUSED), found.reason, refused=True)
    held = calibration.covered[refusal.nearest(coverage)]
    return _html(
        refusal.say_set(found.digits, coverage),
        t("On test images kept apart, such a set held the true digit for {held:.1%}.", held=held),
    )


def show_calibration(settings: Settings, digits: dataset.Digits, run: runs.Run) -> None:
    """Show what a run's calibration achieves on test images kept apart; offer it where it is missing."""
    try:
        calibration = refusal.load(run)
    except DigitLabError as error:
        st.caption(f":material/error: {settings.without_places(str(error))}")
        return
    if calibration is None:
        _offer(settings, run, digits)
        return
    coverage = st.session_state.get(_KEY, DEFAULT) / 100
    st.markdown(refusal.describe(calibration, coverage))
    st.dataframe(
        size_table(calibration, coverage),
        key="set-sizes",
        height="content",
        width=420,
        hide_index=True,
        column_config={
            "digits": st.column_config.TextColumn(t("digits in the set"), width=140),
            "share": st.column_config.ProgressColumn(
                t("share of the sets"), format="percent", min_value=0, max_value=1
            ),
        },
    )
    st.markdown(refusal.describe_refusal(calibration))
    st.caption(
        t(
            "The promise holds for images like the test set's, on average over all of them: not for each drawing "
            "alone, and for hands that write very differently less exactly. It comes from conformal prediction "
            "(Romano, Sesia and Candès 2020): a set takes in digits, likeliest first, until it is as large as was "
            "needed on the other half."
        )
    )


def size_table(calibration: refusal.Calibration, coverage: float) -> pd.DataFrame:
    """Return which sizes the sets have at a coverage: columns digits (text) and share (0 to 1)."""
    sizes = calibration.sizes[refusal.nearest(coverage)]
    return pd.DataFrame(
        [{"digits": str(size), "share": count / sizes.sum()} for size, count in enumerate(sizes) if count]
    )


def _offer(settings: Settings, run: runs.Run, digits: dataset.Digits) -> None:
    st.markdown(
        t(
            "This run can answer with a set of digits that holds the true one as often as you ask for, and refuse what "
            "is no digit. Both are calibrated once, on half of the test images, and reported on the other half."
        )
    )
    why = ""
    try:
        refusal.check(settings, run, digits)
    except DigitLabError as error:
        why = settings.without_places(str(error))
    studying.offer(
        settings,
        run,
        "calibrate",
        t("Calibrate (about {seconds:.0f} s)", seconds=max(sum(refusal.expect(settings, run).values()), 2)),
        refusal.start,
        help=t("Learns to tell digits from letters, scribbles and shapes, then sets how much doubt a set must hold."),
        closed=why,
    )


def _html(head: str, rest: str, refused: bool = False) -> str:
    kind = "dl-verdict dl-no" if refused else "dl-verdict"
    strong = f"<b>{escape(head)}</b>" if head else ""
    return f'<div class="{kind}" role="status">{strong}<span>{escape(rest)}</span></div>'
