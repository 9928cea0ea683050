"""The numbers: tiles with intervals, the report of each digit, and what it cost to learn."""

from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from core import glossary, metrics, plots_metrics, runs
from core.texts import later, t
from core.ui import frame

_MODELS = ("model.joblib", "model.keras", "model.onnx")
_COLUMNS = {
    "precision": (later("precision"), later("When the model says this digit, how often it is that digit.")),
    "recall": (later("recall"), later("Of this digit's images, how many were found.")),
    "f1": (later("f1"), later("Precision and recall in one number, their harmonic mean.")),
}
_INTERVAL = later("Below it the 95 % interval: where it would fall for 19 of 20 such test sets.")


def tile(name: str, interval: metrics.Interval, evaluation: metrics.Evaluation) -> None:
    """Show one number with its interval."""
    term = glossary.measure(name, interval.value, evaluation)
    places = 3 if interval.low >= -1 and interval.high < 10 else 2
    st.metric(
        term.label,
        f"{interval.value:.4f}",
        delta=t("{low} to {high}", low=f"{interval.low:.{places}f}", high=f"{interval.high:.{places}f}"),
        delta_color="off",
        delta_arrow="off",
        help=f"{term.help} {t(_INTERVAL)}",
        border=True,
        width=170,
    )


def show_digits(evaluation: metrics.Evaluation) -> None:
    """Show the report of each digit, and how often each one is there and is said."""
    frame_ = metrics.report(evaluation)
    each = frame_.iloc[: metrics.N_CLASSES]
    never = [name for name in each.index if each.loc[name, "predicted"] == 0]
    if never:
        st.warning(
            t(
                "The model never answers {digits}: precision is 0/0 there, which counts as 1 as in the exercise.",
                digits=", ".join(never),
            ),
            icon=":material/warning:",
        )
    there = each[each["support"] > 0]
    weak, strong = there["f1"].idxmin(), there["f1"].idxmax()
    st.markdown(
        t(
            "It reads **{strong}** best (F1 {high:.2f}) and **{weak}** worst ({low:.2f}). Click a heading to sort.",
            strong=strong,
            high=there.loc[strong, "f1"],
            weak=weak,
            low=there.loc[weak, "f1"],
        )
    )
    _report(frame_, never)
    _proportions(evaluation.confusion_matrix)


def _report(frame_: pd.DataFrame, never: list[str]) -> None:
    st.dataframe(
        frame_.rename(index=_row).assign(note=[t("never predicted") if name in never else "" for name in frame_.index]),
        key="report",
        height="content",
        column_config={
            "class": st.column_config.TextColumn(t("digit"), width=98),
            **{name: _bar(t(label), t(words)) for name, (label, words) in _COLUMNS.items()},
            "support": st.column_config.NumberColumn(
                t("support"), format="%d", width=70, help=t("Test images that show this digit.")
            ),
            "predicted": st.column_config.NumberColumn(
                t("answers"), format="%d", width=70, help=t("How often the model said it.")
            ),
            "note": st.column_config.TextColumn(" ", width=120) if never else None,
        },
    )


def _proportions(matrix: np.ndarray) -> None:
    st.subheader(t("How often each digit is there, and how often it is said"))
    st.caption(metrics.say_proportions(matrix))
    chart = plots_metrics.proportions(matrix.sum(axis=1), matrix.sum(axis=0))
    frame.chart(chart, "proportions", t("How many test images show each digit, and how often the model says it"))


def _row(name: str) -> str:
    return t(name) if name in (later("macro avg"), later("weighted avg")) else name


def _bar(label: str, words: str) -> ColumnConfig:
    return st.column_config.ProgressColumn(label, width=88, help=words, format="%.3f", min_value=0.0, max_value=1.0)


def show_numbers(run: runs.Run, evaluation: metrics.Evaluation) -> None:
    """Show every number, each with what it says, and what the run cost."""
    st.html(_cards(summary(str(run.path), evaluation) | deeper(str(run.path), evaluation)))
    st.subheader(t("What it cost"))
    card = run.card
    own = glossary.costs(run)
    tiles = [(glossary.cost(name), own[name]) for name in ("fit", "fit_cpu", "predict", "memory")]
    size = {name: body["bytes"] for name, body in card["files"].items() if name in _MODELS}
    tiles += [(replace(glossary.cost("size"), label=name), glossary.size(count)) for name, count in size.items()]
    with st.container(horizontal=True, gap="small"):
        for term, value in tiles:
            st.metric(term.label, value, help=term.means, border=True, width=170)
    st.caption(
        t(
            "To learn from {n:,} images took {fit}; to answer one takes {each}.",
            n=card["data"]["n_fit"],
            fit=own["fit"],
            each=own["predict"],
        )
    )


@st.cache_data(max_entries=64, show_spinner=False)
def summary(path: str, _evaluation: metrics.Evaluation) -> dict[str, metrics.Interval]:
    """Return `metrics.summary` of a run, computed once."""
    return metrics.summary(_evaluation)


@st.cache_data(max_entries=64, show_spinner=False)
def deeper(path: str, _evaluation: metrics.Evaluation) -> dict[str, metrics.Interval]:
    """Return `metrics.deeper` of a run, computed once."""
    return metrics.deeper(_evaluation)


def _cards(found: dict[str, metrics.Interval]) -> str:
    rows = []
    for name, interval in found.items():
        meaning = metrics.MEANING[name]
        rows.append(
            f'<section class="dm-card"><h4>{t(meaning.label)}</h4><p class="dm-number">{interval.value:.4f}'
            f"<small>{t('{low} to {high}', low=f'{interval.low:.3f}', high=f'{interval.high:.3f}')}</small></p>"
            f"<p><b>{meaning.says(interval.value)}</b></p><p>{t(meaning.means)}</p></section>"
        )
    return f'{CARDS}<div class="dm-cards">{"".join(rows)}</div>'


CARDS = """<style>
.dm-cards {display:grid; grid-template-columns:repeat(auto-fill, minmax(min(100%, 17rem), 1fr)); gap:.8rem}
.dm-card {border:1px solid rgba(128,138,152,.35); border-radius:.4rem; padding:.7rem .9rem}
.dm-card h4 {font-size:.95rem; margin:0; padding:0; font-weight:600}
.dm-card p {margin:.25rem 0 0; font-size:.9rem; line-height:1.35}
.dm-card .dm-number {font-size:1.7rem; font-variant-numeric:tabular-nums; margin:0}
.dm-card small {font-size:.8rem; opacity:.7; margin-left:.6rem}
</style>"""
