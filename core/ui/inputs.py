"""What a visitor chooses: a family's parameters, a run; and what was chosen, read once for everybody."""

from collections.abc import Mapping
from typing import Any

import onnxruntime
import streamlit as st

from core import glossary, inference, metrics, models, runs
from core.settings import Settings
from core.texts import t
from core.ui import assignment, frame, linked, opening, registry, training

MAX_NOTCHES = 50  # beyond that a slider cannot be set with a finger
_LEVELS = {"light": "light variants", "hands": "other hands"}
_RUN_HELP = "Every finished training, newest first. The link in the address bar keeps your choice."


def family_input() -> models.ModelSpec:
    """Let the visitor choose a model family, kept in the link."""
    names = {spec.label: spec for spec in models.CATALOGUE.values()}
    choice = (linked.choose, st.selectbox, t("Model"), list(names), next(iter(names)))
    return names[assignment.control("model", *choice, key="model", help=glossary.control("model").help)]


def parameter_inputs(spec: models.ModelSpec) -> dict[str, models.Value]:
    """Draw one control a parameter; each keeps its value in the page's link."""
    return {p.name: _parameter_input(p, spec.in_link(p.name)) for p in spec.parameters}


def set_parameters(spec: models.ModelSpec, params: dict[str, models.Value]) -> None:
    """Give the side bar's controls these values; to be called before they are drawn, as by a button's click."""
    st.session_state["model"] = spec.label
    for p in spec.parameters:
        value = params[p.name]
        in_words = p.kind == "choice" or _has_notches(p)
        st.session_state[spec.in_link(p.name)] = (p.none if value is None else str(value)) if in_words else value


def link_to_train(label: str, icon: str, key: str, query: Mapping[str, str]) -> None:
    """Show a button that leads to Train, with the whole side bar set to what a link says."""
    if st.button(label, icon=icon, key=key, on_click=set_from_link, args=(query,)):
        st.switch_page("pages/1_Train.py", query_params=query)


def set_from_link(query: Mapping[str, str]) -> None:
    """Give every control of the side bar the value of a link to Train, or its default; as by a button's click.

    What a visitor set before would stay otherwise, as a link does not say what is at its default.
    """
    label = query.get("model")
    spec = next((one for one in models.CATALOGUE.values() if one.label == label), models.spec(models.DEFAULT))
    params = {p.name: p.default for p in spec.parameters}
    for p in spec.parameters:
        given = query.get(spec.in_link(p.name))
        if given is not None:
            params[p.name] = _from_words(p, given)
    set_parameters(spec, params)
    kinds: dict[str, Any] = {"train_size": int, spec.in_link("augmentation"): str}
    for key, kind in kinds.items():
        if key in query:
            st.session_state[key] = kind(query[key])
        else:
            st.session_state.pop(key, None)


def _from_words(p: models.Parameter, words: str) -> models.Value:
    if p.none and words == p.none:
        return None
    if p.kind == "choice":
        return next(value for value in p.choices if str(value) == words)
    return int(words) if p.kind == "int" else float(words)


def in_link(spec: models.ModelSpec, params: Mapping[str, models.Value]) -> dict[str, str]:
    """Return what a link to Train must carry to set a family's controls, each of them, whatever is there by default."""
    found = {spec.in_link(p.name): params[p.name] if params[p.name] is not None else p.none for p in spec.parameters}
    # A number that may be left empty has no words for that in the link.
    empty = {spec.in_link(p.name) for p in spec.parameters if p.kind != "choice" and not _has_notches(p)}
    given = {key: str(value) for key, value in found.items() if not (key in empty and isinstance(value, str))}
    return {"model": spec.label} | given


def _has_notches(p: models.Parameter) -> bool:
    return p.kind == "int" and p.high <= MAX_NOTCHES


def _parameter_input(p: models.Parameter, key: str) -> models.Value:
    look: dict[str, Any] = {"label": t(p.label), "key": key, "help": glossary.parameter(p).help}
    if p.kind == "choice" or _has_notches(p):
        values = p.choices or tuple(range(int(p.low), int(p.high) + 1)) + ((None,) if p.none else ())
        names = {p.none if value is None else str(value): value for value in values}
        default = next(name for name, value in names.items() if value == p.default)
        widget: Any = st.selectbox if p.kind == "choice" else st.select_slider
        return names[assignment.control(p.name, linked.choose, widget, options=list(names), default=default, **look)]
    number: Any = int if p.kind == "int" else float
    start: Any = p.default
    value: models.Value = assignment.control(
        p.name,
        st.number_input,
        min_value=number(p.low),
        max_value=number(p.high),
        value=start,
        step=number(p.step),
        format="%d" if p.kind == "int" else "%.5f",
        placeholder=t(p.none) or None,
        bind="query-params",
        **look,
    )
    return value


def pick_run(settings: Settings, preferred: str = "") -> runs.Run:
    """Let the visitor choose a run, newest first, kept in the link; where there is none, offer to train one.

    Parameters
    ----------
    preferred : str
        The id to begin with where the link names none; empty = the newest.
    """
    found = runs.list_runs(settings)
    for sentence in runs.list_unusable(settings):
        st.caption(f":material/warning: {sentence}")
    wanted = st.query_params.get("run")
    registry.offer_missing(settings, [wanted] if wanted else [])
    if not found:
        training.invite(settings)
    labels = {run.id: run_label(run) for run in found}
    first = next((run_id for run_id in (wanted, preferred) if run_id in labels), found[0].id)
    index = list(labels).index(first)
    # Only a container with a height keeps its place while it is empty; the style sheet lets it grow.
    with st.container(height=68, border=False, key="run-place"), opening.after_paint():
        chosen = st.selectbox(t("Run"), list(labels), index=index, format_func=labels.__getitem__, help=t(_RUN_HELP))
    if not wanted or wanted in labels or chosen != first:  # the link keeps what may still be fetched
        st.query_params["run"] = chosen
    return next(run for run in found if run.id == chosen)


def run_label(run: runs.Run) -> str:
    """Return a run in one line: what, how good, when."""
    depth, level = run.card["shape"].get("depth"), run.config.get("augmentation", "none")
    parts = [
        t("{label}, depth {depth}", label=t(run.card["label"]), depth=depth) if depth else t(run.card["label"]),
        t(_LEVELS[level]) if level in _LEVELS else "",
        f"{run.metrics['accuracy']:.2%}",
        t("small sample") if run.card["data"]["is_sample"] else "",
    ]
    said = ", ".join(part for part in parts[:2] if part), ", ".join(part for part in parts[2:] if part)
    name, when = runs.load_labels(run).get("name"), frame.when(run.card["created"])
    return " · ".join(part for part in (name, *said, when) if part)


def evaluation(run: runs.Run) -> metrics.Evaluation:
    """Return a run's answers on the test set, read once."""
    return frame.or_stop(cached_evaluation, str(run.path), run)


def session(run: runs.Run) -> onnxruntime.InferenceSession:
    """Return a run's model, loaded once for everybody."""
    return frame.or_stop(inference.open_session, run)


@st.cache_resource(max_entries=16, show_spinner=False)
def cached_evaluation(path: str, _run: runs.Run) -> metrics.Evaluation:
    """Return a run's answers, read once; raises `RunError` where they are damaged."""
    return runs.load_evaluation(_run)
