"""Sweeps: many trials started by a button, watched as a live table, the winner trained as a run."""

import time
from typing import Any

import pandas as pd
import streamlit as st

from core import access, dataset, jobs, launch, models, sweep, training, trials
from core import tracking as wandb_state
from core.errors import AccessError, DigitLabError, RunError
from core.settings import Settings
from core.texts import retell, t
from core.ui import assignment, door, frame, inputs, linked, sweep_chart
from core.ui import training as shown_training

POLL_SECONDS = 1.0
_DEFAULT_IMAGES, _DEFAULT_TRIALS = 10_000, 12
_LISTED = 20
_HOW = {"every combination": "grid", "by chance": "random"}  # words -> what core calls it
_INTRO = (
    "Tries many settings of this model, and scores each on training images that it did not learn from. The test images "
    "are not looked at: they judge the winner, once, in the end."
)


def show_sweeps(settings: Settings, digits: dataset.Digits, spec: models.ModelSpec, config: dict[str, Any]) -> None:
    """Offer to search for better parameters of a family, and show the search that is under way or was the last.

    Parameters
    ----------
    config : dict
        What the side bar says, from `pipeline.make_config`: it holds for whatever is not searched, and for the winner.
    """
    found = [one.id for one in trials.list_sweeps(settings)]
    live = [job.id for job in jobs.list_jobs(settings, "sweep") if job.live]
    with st.expander(t("Search for better parameters"), key="search", icon=":material/search:", bind="query-params"):
        st.markdown(t(_INTRO))
        wanted = _controls(settings, digits, spec, config)
        if wanted:
            _offer(settings, wanted)
    if found:
        _panel(settings, live, _pick(settings, found))


def _controls(
    settings: Settings, digits: dataset.Digits, spec: models.ModelSpec, config: dict[str, Any]
) -> dict[str, Any] | None:
    names = {p.name: p for p in spec.parameters if p.name not in assignment.locked()}
    if not names:
        st.caption(t("Your teacher's link locks every parameter, so there is nothing to search."))
        return None
    chosen = linked.choose(
        st.multiselect,
        t("Parameters to try"),
        list(names),
        list(names)[:2],
        f"try_{spec.name}",
        lambda name: t(names[name].label),
        placeholder=t("Choose"),
        help=t("All others keep the value that they have in the side bar."),
    )
    texts = {}
    with st.container(horizontal=True, vertical_alignment="top"):
        for name in chosen:
            texts[name] = _values_input(spec, names[name])
    with st.container(horizontal=True, vertical_alignment="bottom"):
        how = linked.choose(st.segmented_control, t("Try"), list(_HOW), next(iter(_HOW)), "search_how", required=True)
        count = st.number_input(
            t("Trials at most"), 1, _most_trials(), _DEFAULT_TRIALS, key="search_trials", bind="query-params", width=150
        )
        available = shown_training.most_images(spec, len(digits.y_train))
        size = st.number_input(
            t("Images in the search"),
            training.MIN_TRAIN_SIZE,
            available,
            min(available, _DEFAULT_IMAGES),
            step=max(available // 60, 1),
            key="search_images",
            bind="query-params",
            width=190,
            help=t("Fewer is faster. The winner learns from as many as the side bar says."),
        )
        labels = {metric.label: name for name, metric in trials.METRICS.items()}
        metric = linked.choose(st.selectbox, t("Best by"), list(labels), next(iter(labels)), "search_metric", width=150)
    try:
        return sweep.make_config(config, texts, _HOW[how], count, labels[metric], size)
    except DigitLabError as error:
        st.caption(f":material/error: {error}")
        return None


def _values_input(spec: models.ModelSpec, p: models.Parameter) -> str:
    key, start = f"search_{spec.name}_{p.name}", sweep.suggest(p)
    if p.kind == "choice":
        options = [p.none if value is None else str(value) for value in p.choices]
        look: dict[str, Any] = {"placeholder": t("Choose"), "width": 330}
        return ", ".join(linked.choose(st.multiselect, t(p.label), options, options, key, **look))
    what = {"name": p.name, "low": p.low, "high": p.high, "none": p.none, "help": t(p.help)}
    words = t("`{name}`: values with commas between, or a range such as `{low:g}..{high:g}`. {help}", **what)
    if p.none:
        words = t(
            "`{name}`: values with commas between, or a range such as `{low:g}..{high:g}`, or `{none}`. {help}", **what
        )
    return st.text_input(t(p.label), sweep.write(p, start), key=key, bind="query-params", help=words, width=330) or ""


def _most_trials() -> int:
    return sweep.CLASS_TRIALS if door.level() == access.CLASS else sweep.MAX_TRIALS


def _offer(settings: Settings, wanted: dict[str, Any]) -> None:
    n, last = launch.rows_of(settings, wanted), launch.rows_of(settings, wanted["run"])
    held = min(sweep.HELD, int(n * training.HELD_SHARE))
    seconds = sum(sweep.expect(settings, wanted).values())
    what = {"n": len(wanted["plan"]), "learn": n - held, "held": held, "last": last, "time": _duration(seconds)}
    if what["n"] == 1:
        words = t(
            "**1 trial**: it learns from {learn:,} images and is scored on {held:,} others; then the same learns "
            "from {last:,}. About {time}.",
            **what,
        )
    else:
        words = t(
            "**{n} trials**, each learns from {learn:,} images and is scored on {held:,} others; then the best "
            "one learns from {last:,}. About {time}.",
            **what,
        )
    st.markdown(f"{words} {sweep.describe(wanted['one_fit'])}" if wanted["one_fit"] else words)
    why = door.closed("train") or frame.reason(sweep.check, settings, wanted)
    look: dict[str, Any] = {"type": "primary", "disabled": bool(why)}
    frame.button("train", t("Start the search"), "search-start", ":material/search:", _start, settings, wanted, **look)
    if why:
        st.caption(f":material/lock: {why}")


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _start(settings: Settings, wanted: dict[str, Any]) -> None:
    mine, author = st.session_state.setdefault("my_jobs", []), st.session_state.get("author") or ""
    if door.level() == access.CLASS:
        own = [job for job in launch.list_waiting(settings) if job.id in mine]
        for one in (wanted, wanted["run"]):
            launch.check_class(wanted, launch.rows_of(settings, one), own, author)
        sweep.check_class(wanted)
    sweep_id = sweep.start(settings, wanted, author)
    mine.append(sweep_id)
    st.query_params["sweep"] = sweep_id


def _pick(settings: Settings, found: list[str]) -> str:
    asked = st.query_params.get("sweep", "")
    first = asked if asked in found else found[0]
    if len(found) == 1:
        return first
    shown = list(dict.fromkeys([*found[:_LISTED], first]))
    labels = {one.id: _label(one) for one in (trials.load(settings, sweep_id) for sweep_id in shown)}
    chosen = st.selectbox(t("Search"), shown, index=shown.index(first), format_func=lambda one: labels[one], width=420)
    if chosen != found[0] or asked:
        st.query_params["sweep"] = chosen
    return chosen


def _label(found: trials.Sweep) -> str:
    best = t("no result yet")
    if found.best:
        best = t("best {score}", score=found.metric.say(found.score(found.best)))
    family, when = models.CATALOGUE.get(found.body["family"]), frame.when(found.body["created"])
    name = t(family.label) if family else found.body["family"]
    return f"{name} · {', '.join(found.body['space'])} · {best} · {when}"


def _panel(settings: Settings, live: list[str], sweep_id: str) -> None:
    @st.fragment(run_every=POLL_SECONDS if live else None)
    def panel() -> None:
        try:
            found = trials.load(settings, sweep_id)
        except RunError as error:
            st.caption(f":material/warning: {error}")
            return
        job = next((job for job in jobs.list_jobs(settings, "sweep") if job.id == sweep_id), None)
        if sweep_id in live and not (job and job.live):
            st.rerun()  # one full rerun: the polling stops and the winner appears everywhere
        _show(settings, found, job)

    panel()


def _show(settings: Settings, found: trials.Sweep, job: jobs.Job | None) -> None:
    spec = models.spec(found.body["family"])
    words = t("{done} of {total} trials", done=found.ended, total=len(found.trials))
    who = f" · {frame.plain(found.body['author'])}" if found.body["author"] else ""
    where = f", {retell(found.body['where'])}" if found.body.get("where") else ""
    title = t("Search: {label}", label=t(spec.label))
    with st.container(border=True, key="sweep"):
        with st.container(horizontal=True, vertical_alignment="center"):
            if job:
                color, icon = shown_training.STATES[job.state]
                st.badge(t(job.state), icon=icon, color=color)
            st.markdown(f"**{title}**{who} · {words}{where}", width="stretch")
            if job and job.live and (door.is_host() or job.id in st.session_state.get("my_jobs", [])):
                frame.button("cancel", t("Cancel"), f"cancel-{job.id}", "", _cancel, settings, job.id)
        if job and job.live:
            share, left = sweep.progress(found, job, time.time())
            words = retell(job.message) if job.message else t("Waiting for its turn")
            if left and job.state == "running":
                words = t("{work} · about {time} left", work=words, time=_duration(left))
            st.progress(share, text=words)
        elif job and job.state == "failed":
            words = retell(job.message) if door.is_host() else retell(job.message.splitlines()[0])
            st.code(settings.without_places(words), language=None, wrap_lines=True)
        _show_best(settings, spec, found, job)
        _show_trials(spec, found)


def _show_best(settings: Settings, spec: models.ModelSpec, found: trials.Sweep, job: jobs.Job | None) -> None:
    best = found.best
    if best is None:
        return
    what = {
        "params": ", ".join(f"`{name}` = {_said(value)}" for name, value in found.searched(best).items()),
        "metric": t(found.metric.label),
        "score": found.metric.say(found.score(best)),
        "number": best.number,
    }
    if job and job.live:
        st.markdown(t("**Best so far: {params}**. {metric} {score}, trial {number}.", **what))
    else:
        st.markdown(t("**Best: {params}**. {metric} {score}, trial {number}.", **what))
    if job and job.live:
        return
    if (settings.home / "runs" / found.id / "card.json").exists():
        st.caption(
            t(
                "Trained as a run, and here judged on the test images. The best of {n} trials was a little lucky "
                "with the held-out images too, so it is the test that counts.",
                n=len(found.done),
            )
        )
        shown_training.show_done(settings, found.id)
    else:
        st.caption(t("The winner was not trained. Take its parameters over to the side bar, and train it."))
        take = (inputs.set_parameters, spec, best.params)
        st.button(t("Take over"), key="take-over", icon=":material/arrow_back:", on_click=take[0], args=take[1:])
    st.caption(t("Trials on {what}", what=wandb_state.describe(wandb_state.load_state(found))))


def _said(value: Any) -> str:
    return t("none") if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _show_trials(spec: models.ModelSpec, found: trials.Sweep) -> None:
    table, names = trials.table(found), list(found.body["space"])
    none = {p.name: t(p.none) for p in spec.parameters}
    if len(found.done) > 1:
        with st.container(horizontal=True):
            for name in names:
                with st.container(width=340):
                    figure = sweep_chart.against(table, name, none[name], found.body["metric"])
                    what = {"metric": t(found.metric.label), "name": name}
                    alt = t("{metric} of every trial against {name}, the best one marked", **what)
                    frame.chart(figure, f"sweep-{name}", alt)
    rows = table.assign(**{name: [_cell(v, none[name]) for v in table[name]] for name in names})
    rows["state"] = [t(state) for state in rows["state"]]
    rows.insert(0, "mark", ["★" if best else "" for best in rows.pop("best")])
    score = {"accuracy": "%.4f", "f1": "%.4f", "log_loss": "%.3f"}
    labels = {
        name: st.column_config.NumberColumn(t(trials.METRICS[name].label), format=form) for name, form in score.items()
    }
    st.dataframe(
        rows,
        key="sweep-trials",
        height="content" if len(rows) <= 12 else 420,
        alt=t("Every trial with its parameters, scores, seconds and state; the best one has a star"),
        column_config={
            "trial": st.column_config.NumberColumn(t("trial")),
            "mark": st.column_config.TextColumn(t("best"), width=52),
            "state": st.column_config.TextColumn(t("state")),
            "seconds": st.column_config.NumberColumn("s", format="%.1f", help=t("Fit and answers, in seconds")),
            **labels,
        },
    )
    failed = next((trial for trial in found.trials if trial.state == "failed"), None)
    if failed:
        words = t("Trial {number} failed: {message}", number=failed.number, message=retell(failed.message))
        st.caption(f":material/error: {words}")


def _cell(value: Any, none: str) -> str:
    return none or t("none") if pd.isna(value) else _said(value)


def _cancel(settings: Settings, job_id: str) -> None:
    if not door.is_host() and job_id not in st.session_state.get("my_jobs", []):
        raise AccessError(access.reason(settings, "cancel"))
    jobs.cancel(settings, job_id)
