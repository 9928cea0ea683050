"""All runs in one table: found by words, family, tag and author, chosen by a tick or a click on a point."""

from collections.abc import Sequence
from functools import partial
from hashlib import sha256
from itertools import compress
from typing import Any

import pandas as pd
import streamlit as st

from core import compare, dataset, glossary, plots_compare, runs, serving, tracking
from core.settings import Settings
from core.texts import later, retell, t
from core.ui import frame, inputs, linked, opening, registry

_BEST = {"accuracy": "most", "f1": "most", "log_loss": "least", "fit_seconds": "least", "megabytes": "least"}
_NAMES = {
    "accuracy": later("accuracy"),
    "f1": later("F1"),
    "log_loss": later("log loss"),
    "fit_seconds": later("quickest"),
    "megabytes": later("smallest"),
}
_ROW = 35  # pixels, as Streamlit draws it
# In the link, and on the screen.
_LOOKS = {"Table": later("Table"), "Accuracy against time and size": later("Chart")}
_ANSWERS = {"all": (True, False), later("can answer"): (True,), later("cannot answer"): (False,)}


def _filter_runs(found: Sequence[runs.Run]) -> list[runs.Run]:
    labels = [runs.load_labels(run) for run in found]
    families = dict(sorted({run.card["label"]: run.family for run in found}.items()))
    tags = sorted({tag for label in labels for tag in label.get("tags", [])})
    authors = sorted({label["author"] for label in labels if label.get("author")})
    words = st.text_input(
        t("Search"),
        key="find",
        bind="query-params",
        placeholder=t("name, note, parameter, id"),
        label_visibility="collapsed",
        icon=":material/search:",
        width=230,
    )
    with opening.after_paint():
        with st.popover(t("Filter"), icon=":material/filter_alt:"):
            look: dict[str, Any] = {"placeholder": t("all")}
            some = linked.choose(st.multiselect, t("Model"), list(families), [], "kind", **look)
            look["bind"] = "query-params"
            tag = st.multiselect(t("Tag"), tags, key="tag", disabled=not tags, **look)
            by = st.multiselect(t("Author"), authors, key="by", disabled=not authors, **look)
            answers = linked.choose(
                st.segmented_control, t("On Draw and in the API"), list(_ANSWERS), "all", "use", required=True
            )
        help_mine = t("Runs that were started in this browser tab, or under the name that was given in it.")
        mine = st.toggle(t("Mine"), key="mine", bind="query-params", help=help_mine)
    shown = []
    for run, label in zip(found, labels, strict=True):
        if (
            (not some or run.card["label"] in some)
            and (not tag or set(tag) & set(label.get("tags", [])))
            and (not by or label.get("author") in by)
            and (not mine or is_mine(run))
            and run.servable in _ANSWERS[answers]
            and all(word in _text(run, label) for word in (words or "").lower().split())
        ):
            shown.append(run)
    return shown


def is_mine(run: runs.Run) -> bool:
    """Tell whether this browser session started a run, or has given the name that the run is kept under."""
    author = st.session_state.get("author")
    by_name = bool(author) and runs.load_labels(run).get("author") == author
    return by_name or run.id in st.session_state.get("my_jobs", [])


def _text(run: runs.Run, labels: dict[str, Any]) -> str:
    params = " ".join(f"{name}={value}" for name, value in run.config["params"].items())
    said = " ".join([labels.get("name", ""), labels.get("note", ""), labels.get("author", ""), *labels.get("tags", [])])
    return f"{run.id} {run.card['label']} {t(run.card['label'])} {params} {said}".lower()


def asked_runs() -> list[str]:
    """Return the ids of the runs that the link names."""
    given = st.query_params.get("compare") or st.query_params.get("run") or ""
    return list(dict.fromkeys(part for part in given.split(",") if part))[: compare.MOST]


def chosen_runs(settings: Settings, found: Sequence[runs.Run]) -> list[runs.Run]:
    """Return the runs that were chosen, by the link or in this session; else the newest. The link says which."""
    here, asked = {run.id: run for run in found}, asked_runs()
    if asked and asked != st.session_state.get("runs_link"):
        st.session_state["runs_chosen"] = asked
        st.session_state["runs_missing"] = [run_id for run_id in asked if run_id not in here]
        registry.offer_missing(settings, [run_id for run_id in asked if not runs.is_id(run_id)])
    chosen = st.session_state.get("runs_chosen", [found[0].id])
    ids = [run_id for run_id in chosen if run_id in here]
    # Kept in the link, as they may come yet; what was deleted here is not among them.
    coming = [i for i in chosen if i in st.session_state.get("runs_missing", []) and i not in here and runs.is_id(i)]
    registry.offer_missing(settings, coming)
    named = [*ids, *coming]
    link = ",".join(named)
    st.session_state["runs_chosen"], st.session_state["runs_link"] = named, named
    name, other = ("compare", "run") if len(named) > 1 else ("run", "compare")
    st.query_params.pop(other, None)
    if link:
        st.query_params[name] = link
    else:
        st.query_params.pop(name, None)
    return [here[run_id] for run_id in ids]


def choose(ids: Sequence[str]) -> None:
    """Choose runs from elsewhere than the table, which then begins anew with these ticked."""
    st.session_state["runs_chosen"] = list(ids)[: compare.MOST]
    st.session_state["runs_anew"] = st.session_state.get("runs_anew", 0) + 1


def show_runs(
    settings: Settings, digits: dataset.Digits, found: Sequence[runs.Run], chosen: Sequence[runs.Run]
) -> None:
    """Let the visitor narrow the runs down, and show these as a table or as points; the link says which."""
    with st.container(horizontal=True, vertical_alignment="center", key="runs-bar"):
        shown = _filter_runs(found)
        with opening.after_paint():
            choice = (st.segmented_control, t("Show"), list(_LOOKS), "Table", "look", lambda one: t(_LOOKS[one]))
            as_table = linked.choose(*choice, required=True, label_visibility="collapsed") == "Table"
    if not shown:
        st.info(t("No run is like that. Take a filter away."), icon=":material/filter_alt_off:")
        return
    if len(shown) < len(found):
        st.caption(t("{shown} of {total} runs are like that.", shown=len(shown), total=len(found)))
    table = runs_frame(settings, digits, shown)
    if as_table:
        _table(table, shown, [run.id for run in chosen])
    else:
        _points(table, [run.id for run in chosen])


def runs_frame(settings: Settings, digits: dataset.Digits, shown: Sequence[runs.Run]) -> pd.DataFrame:
    """Return what the table shows, a row a run, from cards and labels alone; index = run ids."""
    serves = serving.choose(settings).run
    rows = []
    for run in shown:
        labels, metrics = runs.load_labels(run), run.metrics
        rows.append(
            {
                "name": labels.get("name") or _name(run),
                "accuracy": metrics["accuracy"],
                "best": "",
                "f1": metrics["f1"],
                "log_loss": metrics.get("log_loss"),
                "fit_seconds": run.card["timings"]["fit"],
                "megabytes": runs.size_of(run) / 1e6,
                "model": t(run.card["label"]),
                "author": labels.get("author", ""),
                "tags": labels.get("tags", []),
                "when": pd.Timestamp(run.card["created"], unit="s", tz="UTC"),
                "serves": serves is not None and run.id == serves.id,
                "wandb": " ".join([t(tracking.load_state(run)["state"]), serving.version(run)]).strip(),
                "data": retell(run.card["data"]["title"]),
                "why_not": "" if run.servable else retell(run.card["parity"]["reason"]),
                "label": inputs.run_label(run),
            }
        )
    same = [i for i, run in enumerate(shown) if run.config["data_sha256"] == digits.sha256] or range(len(shown))
    figures = pd.DataFrame([[rows[i][name] for name in _BEST] for i in same], columns=list(_BEST), dtype=float)
    names = [t(name) for name in _NAMES.values()]
    for i, marked in zip(same, compare.best(figures, _BEST).to_numpy(), strict=True):
        rows[i]["best"] = ", ".join(compress(names, marked))
    return pd.DataFrame(rows, index=[run.id for run in shown])


def _name(run: runs.Run) -> str:
    depth = run.card["shape"].get("depth")
    label = t(run.card["label"])
    return t("{label}, depth {depth}", label=label, depth=depth) if depth else label


def _table(table: pd.DataFrame, shown: Sequence[runs.Run], chosen: list[str]) -> None:
    # A tick is kept by its row's number: other rows are another table.
    rows = sha256(",".join(table.index).encode()).hexdigest()[:8]
    key = f"runs-{rows}-{st.session_state.get('runs_anew', 0)}"
    ids = list(table.index)
    ticked = [ids.index(run_id) for run_id in chosen if run_id in ids]
    st.dataframe(
        table.drop(columns=["label", *([] if table["why_not"].any() else ["why_not"])]),
        key=key,
        on_select=partial(_take_ticks, key, ids),
        selection_mode="multi-row",
        selection_default={"selection": {"rows": ticked}},
        hide_index=True,
        height=min(_ROW * (len(table) + 1) + 2, 400),  # said, so that what stands below does not jump
        alt=t("All runs; tick one to see it, two or more to compare them"),
        column_config=_columns(),
    )


def _columns() -> dict[str, Any]:
    column = st.column_config
    number = partial(column.NumberColumn, width=74)
    return {
        "name": column.TextColumn(t("run"), width=190, pinned=True),
        "best": column.TextColumn(
            t("best at"), width=110, help=t("Best of the runs shown here on this server's data.")
        ),
        "accuracy": number(t("accuracy"), format="%.4f", help=glossary.measure("accuracy").help),
        "f1": number("F1", format="%.4f", help=glossary.measure("f1").help),
        "log_loss": number(t("log loss"), format="%.4f", help=glossary.measure("log_loss").help),
        "fit_seconds": number(t("fit, s"), format="%.1f", help=glossary.cost("fit").help),
        "megabytes": number("MB", format="%.3g", help=glossary.cost("size").help),
        "model": column.TextColumn(t("model"), width=130),
        "author": column.TextColumn(t("author"), width=90),
        "tags": column.ListColumn(t("tags"), width=110),
        "when": column.DatetimeColumn(t("when"), format="D MMM YYYY, HH:mm", timezone=_zone(), width=140),
        "serves": column.CheckboxColumn(t("in service"), help=t("The run that answers on Draw and in the API.")),
        "wandb": column.TextColumn("W&B", help=t("What became of the run on Weights & Biases, and its version there.")),
        "why_not": column.TextColumn(t("cannot answer because"), width=220),
        "data": column.TextColumn(t("data"), width=150, help=t("What it learned from.")),
    }


def _zone() -> str:
    zone = st.context.timezone
    return zone if isinstance(zone, str) else "UTC"


def _take_ticks(key: str, ids: list[str]) -> None:
    ticked = [ids[row] for row in sorted(st.session_state[key]["selection"]["rows"]) if row < len(ids)]
    before = st.session_state.get("runs_chosen", [])
    # In the order in which they were chosen, and with those that a filter hides just now.
    kept = [run_id for run_id in before if run_id in ticked or run_id not in ids]
    found = [*kept, *(run_id for run_id in ticked if run_id not in kept)]
    if len(found) > compare.MOST:
        choose(found)
        st.session_state["runs_too_many"] = True
    st.session_state["runs_chosen"] = found[: compare.MOST]


def _points(table: pd.DataFrame, chosen: list[str]) -> None:
    left, right = st.columns(2, gap="medium")
    for place, x, axis in ((left, "fit_seconds", t("seconds of fit")), (right, "megabytes", t("megabytes"))):
        with place:
            known = table[table[x] > 0]
            words = t("The accuracy of {n} runs against {axis}", n=len(known), axis=axis)
            key = f"points-{x}"
            look: dict[str, Any] = {"on_select": partial(_take_point, key), "selection_mode": "points"}
            frame.chart(plots_compare.scatter(known, x, axis, chosen), key, words, **look)
    best = table["accuracy"].idxmax()
    st.caption(
        t(
            "Up is better, left is cheaper. The most accurate is {best}. "
            "Click a point to add it to the chosen ones, or to take it away.",
            best=frame.plain(table.loc[best, "label"]),
        )
    )


def _take_point(key: str) -> None:
    points = st.session_state[key]["selection"]["points"]
    if points:
        found = points[-1]["customdata"]
        run_id = found["0"] if isinstance(found, dict) else found[0]
        before = st.session_state.get("runs_chosen", [])
        choose([i for i in before if i != run_id] if run_id in before else [*before, run_id])
