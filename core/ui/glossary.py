"""The glossary: the words of controls and numbers, from the very texts that stand beside them."""

from collections.abc import Iterable

import streamlit as st

from core import glossary, metrics, models, runs
from core.errors import DigitLabError
from core.texts import t
from core.ui import inputs, linked, metrics_curves, metrics_digits


def show_glossary(run: runs.Run | None) -> None:
    """Offer every word of controls and numbers; the link has whether it is open, and which word was looked for.

    Parameters
    ----------
    run : Run or None
        Whose own numbers are the examples.
    """
    place = st.expander(t("What the words mean"), key="glossary", icon=":material/menu_book:", bind="query-params")
    if not place.open:
        return  # nothing is computed for whoever does not look
    with place:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            word = st.text_input(t("Find a word"), key="word", bind="query-params", width=260) or ""
            labels = {spec.name: spec.label for spec in models.CATALOGUE.values()}
            words = t("Each model has parameters of its own.")
            family = linked.choose(
                st.selectbox,
                t("Controls of"),
                list(labels),
                models.DEFAULT,
                "of",
                lambda name: t(labels[name]),
                help=words,
                width=330,
            )
        found = _numbers(run)
        some = [_write(t("Numbers"), found, word), _write(t("Controls"), glossary.controls(models.spec(family)), word)]
        if not any(some):
            st.caption(t("No word here is like that."))
        if run:
            st.caption(t("The examples are of {run}.", run=inputs.run_label(run)))


def _write(title: str, terms: Iterable[glossary.Term], word: str) -> bool:
    wanted = word.lower().strip()
    some = [term for term in terms if wanted in f"{term.name} {term.label} {term.means}".lower()]
    if some:
        rows = [f"- **{term.label}**: {term.means}" + (f" *{term.here}*" if term.here else "") for term in some]
        st.markdown("\n".join([f"##### {title}", *rows]))
    return bool(some)


def _numbers(run: runs.Run | None) -> list[glossary.Term]:
    try:
        evaluation = inputs.cached_evaluation(str(run.path), run) if run else None
    except DigitLabError:
        evaluation = None  # Metrics says what is wrong with it
    values: dict[str, float] = {}
    if run and evaluation is not None:
        known = metrics_digits.summary(str(run.path), evaluation) | metrics_digits.deeper(str(run.path), evaluation)
        values = {name: interval.value for name, interval in known.items()}
    own = glossary.costs(run) if run else {}
    return [
        *(glossary.measure(name, values.get(name), evaluation) for name in metrics.MEANING),
        *(glossary.curve(name, _curve(name, run, evaluation)) for name in glossary.CURVES),
        *(glossary.cost(name, own.get(name, "")) for name in glossary.COSTS),
    ]


def _curve(name: str, run: runs.Run | None, evaluation: metrics.Evaluation | None) -> str:
    if run is None or evaluation is None:
        return ""
    if name == "reliability":
        off = 100 * metrics.reliability(evaluation).error
        return t("Here: off by {points:.1f} points on average.", points=off)
    roc, precision_recall = metrics_curves.curves(str(run.path), evaluation)
    area = next(curve.area for curve in (roc if name == "roc" else precision_recall) if curve.name == "macro")
    return t("Here: an area of {area:.4f}; 1 would be perfect.", area=area)
