"""Runs side by side: which is better, on which images, for which digits, and whether chance explains it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core import compare, dataset, glossary, metrics, plots_compare, runs
from core.digits import CLASS_NAMES
from core.texts import later, t
from core.ui import frame, inputs, linked, metrics_curves, runs_table

_LETTERS = "ABCDEFGH"
_PAGE = 24
_MICRO = later("all digits")
_KINDS = {
    later("fixed"): later("Wrong by A, right by B. Below each: what it is, then what A and B said."),
    later("broken"): later("Right by A, wrong by B. Below each: what it is, then what A and B said."),
    later("both wrong"): later("Wrong by both. Below each: what it is, then what A and B said."),
}


def show_comparison(digits: dataset.Digits, chosen: Sequence[runs.Run]) -> None:
    """Show two or more runs side by side; where they answered different test images, why that cannot be."""
    st.subheader(t("Side by side"))
    letters = _LETTERS[: len(chosen)]
    rows = [f"**{letter}** · {frame.plain(inputs.run_label(run))}" for letter, run in zip(letters, chosen, strict=True)]
    st.markdown("  \n".join(rows))
    st.button(t("Choose none"), key="choose-none", icon=":material/close:", on_click=runs_table.choose, args=([],))
    if st.session_state.pop("runs_too_many", False):
        words = t("At most {most} runs are compared at a time.", most=compare.MOST)
        st.warning(words, icon=":material/warning:")
    if why := compare.incomparable(chosen):
        st.info(frame.plain(why), icon=":material/compare_arrows:")
        return
    evaluations = [inputs.evaluation(run) for run in chosen]
    if why := compare.different_answers(evaluations):
        st.info(why, icon=":material/compare_arrows:")
        return
    if len(chosen) == 2:
        _show_pair(digits, chosen, evaluations)
    _show_figures(letters, chosen, evaluations)
    _show_curves(letters, chosen, evaluations)


def _show_pair(digits: dataset.Digits, chosen: Sequence[runs.Run], evaluations: list[metrics.Evaluation]) -> None:
    found = compare.pair(evaluations[0], evaluations[1])
    st.markdown(compare.describe(found, "A", "B"))
    with st.container(horizontal=True):
        tiles = {
            t("B fixes"): (f"{len(found.fixed):,}", t("Images that A gets wrong and B reads.")),
            t("B breaks"): (f"{len(found.broken):,}", t("Images that A reads and B gets wrong.")),
            t("Both wrong"): (f"{len(found.both_wrong):,}", t("Images that neither reads.")),
            t("McNemar's p"): (
                compare.p_words(found.p).removeprefix("p ").removeprefix("= "),
                t("McNemar's exact test: how likely so uneven a split is by chance alone. Below 0.05: hardly chance."),
            ),
        }
        for name, (value, words) in tiles.items():
            st.metric(name, value, border=True, width=150, help=words)
    _show_images(digits, chosen[0], evaluations, found)


@st.fragment
def _show_images(
    digits: dataset.Digits, first: runs.Run, evaluations: list[metrics.Evaluation], found: compare.Pair
) -> None:
    places = {"fixed": found.fixed, "broken": found.broken, "both wrong": found.both_wrong}
    look: dict[str, Any] = {"required": True, "label_visibility": "collapsed", "on_change": _first_page}
    names = {kind: f"{t(kind)} ({len(places[kind]):,})" for kind in _KINDS}
    start = max(("fixed", "broken"), key=lambda kind: len(places[kind]))
    kinds = list(_KINDS)
    kind = linked.choose(st.segmented_control, t("Images"), kinds, start, "changed", names.__getitem__, **look)
    st.caption(t(_KINDS[kind]))
    if digits.sha256 != first.config["data_sha256"]:
        words = t("The images are not here, as this server has other data now.")
        st.info(words, icon=":material/image_not_supported:")
        return
    positions = places[kind]
    pages = max(1, -(-len(positions) // _PAGE))
    if st.session_state.get("changed_page", 1) > pages:
        st.session_state["changed_page"] = pages
    page = st.pagination(pages, key="changed_page", bind="query-params", max_visible_pages=5) if pages > 1 else 1
    part = positions[(page - 1) * _PAGE : page * _PAGE]
    if len(part):
        st.html(_gallery(digits, evaluations, part))
    else:
        st.caption(t("There is no such image."))


def _first_page() -> None:
    st.session_state["changed_page"] = 1


def _gallery(digits: dataset.Digits, evaluations: list[metrics.Evaluation], part: np.ndarray) -> str:
    captions, titles = [], []
    for i in map(int, part):
        a, b = (f"{e.y_pred[i]}" for e in evaluations)
        true = f"{evaluations[0].y_true[i]}"
        captions.append((t("a {digit}", digit=true), f"A {a} · B {b}"))
        titles.append(t("Test image {i}, a {true}: A says {a}, B says {b}", i=i, true=true, a=a, b=b))
    return plots_compare.gallery(np.asarray(digits.x_test[part]), captions, titles)


def _show_figures(letters: str, chosen: Sequence[runs.Run], evaluations: list[metrics.Evaluation]) -> None:
    table = compare.overview(chosen, evaluations).set_index(pd.Index(list(letters), name="run"))
    marks = compare.best(table)
    column = st.column_config.NumberColumn
    st.dataframe(
        table.style.apply(lambda _: marks.map(lambda best: _BEST if best else ""), axis=None),
        key="compared",
        height="content",
        alt=t("The figures of each run, the best of each column marked"),
        column_config={
            "run": st.column_config.TextColumn(t("run"), width=64),
            "accuracy": column(t("accuracy"), format="%.4f", width=80, help=glossary.measure("accuracy").help),
            "f1": column(t("macro F1"), format="%.4f", width=80, help=glossary.measure("macro_f1").help),
            "log_loss": column(t("log loss"), format="%.4f", width=74, help=glossary.measure("log_loss").help),
            "calibration": column("ECE", format="%.4f", width=64, help=t("Expected calibration error: 0 is honest.")),
            "fit_seconds": column(t("fit, s"), format="%.1f", width=64),
            "milliseconds": column(
                t("ms a digit"), format="%.3f", width=80, help=t("Over the whole test set, many at a time.")
            ),
            "megabytes": column("MB", format="%.3g", width=64),
        },
    )
    said = "; ".join(f"{letter} {_best_words(marks.loc[letter])}" for letter in letters if marks.loc[letter].any())
    st.caption(t("Best (shaded): {list}.", list=said) if said else t("None is better than the others."))
    shares = compare.recall_by_digit(evaluations)
    frame.chart(plots_compare.recall(list(letters), shares), "recalls", t("What share of each digit each run reads"))
    apart = int((shares.max(axis=0) - shares.min(axis=0)).argmax())
    low, high = (letters[int(getattr(shares[:, apart], name)())] for name in ("argmin", "argmax"))
    st.caption(
        t(
            "They are furthest apart on the digit {digit}: {high} reads {most:.1%} of them, {low} {least:.1%}.",
            digit=apart,
            high=high,
            most=shares[:, apart].max(),
            low=low,
            least=shares[:, apart].min(),
        )
    )


_BEST = "background-color: rgba(47, 111, 222, .22); font-weight: 700"
_BEST_AT = {
    "accuracy": later("accuracy"),
    "f1": later("macro F1"),
    "log_loss": later("log loss"),
    "calibration": later("calibration"),
    "fit_seconds": later("time of fit"),
    "milliseconds": later("speed"),
    "megabytes": later("size"),
}


def _best_words(marks: pd.Series) -> str:
    return ", ".join(t(_BEST_AT[name]) for name in marks.index[marks])


@st.fragment
def _show_curves(letters: str, chosen: Sequence[runs.Run], evaluations: list[metrics.Evaluation]) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        shown = linked.choose(st.selectbox, t("ROC of"), [_MICRO, *CLASS_NAMES], _MICRO, "roc_of", width=170)
        words = t("Good models' curves bend in a corner: look at that alone.")
        corner = st.toggle(t("Zoom into the corner"), key="zoom", bind="query-params", help=words)
    which = "micro" if shown == _MICRO else shown
    curves = {}
    for letter, run, evaluation in zip(letters, chosen, evaluations, strict=True):
        roc, _ = metrics_curves.curves(str(run.path), evaluation)
        curves[letter] = next(curve for curve in roc if curve.name == which)
    honest = {letter: metrics.reliability(e) for letter, e in zip(letters, evaluations, strict=True)}
    left, right = st.columns(2, gap="medium")
    with left:
        alt = t("ROC curves of {letters}", letters=", ".join(letters))
        frame.chart(plots_compare.roc(curves, corner), "compared-roc", alt)
        best = max(curves, key=lambda letter: np.nan_to_num(curves[letter].area))
        words = t("The larger the area below, the better: {best} has {area:.4f}.", best=best, area=curves[best].area)
        st.caption(words)
    with right:
        figure = plots_compare.reliability(honest)
        frame.chart(
            figure, "compared-reliability", t("How sure and how right {letters} are", letters=", ".join(letters))
        )
        best = min(honest, key=lambda letter: honest[letter].error)
        st.caption(
            t(
                "On the dotted line a model is as sure as it is right. {best} comes nearest: on average {error:.1%} "
                "apart.",
                best=best,
                error=honest[best].error,
            )
        )
