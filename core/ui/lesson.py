"""The lesson on the pages: a strip at the head that says what to do here, checks that it was done, and leads on."""

import numpy as np
import streamlit as st

from core import dataset, depth, digits, lesson, metrics, plots, runs
from core.settings import Settings
from core.texts import t
from core.ui import frame, inputs, training

_LEAVES, _ACROSS, _GROWN = 12, 6, 15
_IMAGES = 2000


def did(deed: str, count: int = 1) -> None:
    """Remember that this visitor did something that a step of the lesson asks for."""
    deeds = st.session_state.setdefault("deeds", {})
    deeds[deed] = deeds.get(deed, 0) + count


def notice(settings: Settings, data: dataset.Digits) -> None:
    """Draw the page anew where something below its head has just completed the step that the strip shows."""
    at = _at() if st.session_state.get("in_lesson", True) else 0
    if at and not st.session_state.get("lesson_done", True) and lesson.STEPS[at - 1].done(_facts(settings, data)):
        st.rerun()


def start_button() -> None:
    """Show the button that begins the lesson, or goes on with it."""
    at = _at()
    words = (
        t("Go on with the lesson: step {n} of {total}", n=at, total=len(lesson.STEPS)) if at else t("Start the lesson")
    )
    st.button(words, key="lesson-start", icon=":material/school:", on_click=_go, args=(at or 1,))


def show(settings: Settings, data: dataset.Digits, page: str) -> None:
    """Show the strip, where somebody is in the lesson; elsewhere nothing.

    Parameters
    ----------
    page : str
        The title of the page that is open, in English.
    """
    at = _at()
    if not at or not st.session_state.get("in_lesson", True):
        return
    step = lesson.STEPS[at - 1]
    with st.container(border=True, key="lesson-strip"):
        st.markdown(f"**{t('Lesson, step {n} of {total}', n=at, total=len(lesson.STEPS))} · {t(step.title)}**")
        st.progress(at / len(lesson.STEPS))
        here = _PAGES[step.page] == page
        if here:
            st.markdown(t(step.task))
            if step.name in _PANELS:
                _PANELS[step.name](settings, data)
            with st.expander(t("More, for the curious")):
                st.markdown(t(step.more))
        done = st.session_state["lesson_done"] = step.done(_facts(settings, data))
        _buttons(at, step, here, done)


def _buttons(at: int, step: lesson.Step, here: bool, done: bool) -> None:
    last = at == len(lesson.STEPS)
    with st.container(horizontal=True, vertical_alignment="center"):
        if not here:
            label = t("Go to the page {page}", page=t(_PAGES[step.page]))
            frame.link(label, step.page, ":material/arrow_forward:", key="lesson-page", lesson=str(at))
        elif done:
            st.markdown(f":material/check_circle: {t('Done.')}", width="content")
        if at > 1:
            st.button(t("Back"), key="lesson-back", on_click=_go, args=(at - 1,))
        label = t("Finish") if last else t("Next step")
        to = 0 if last else at + 1
        st.button(label, key="lesson-next", type="primary", disabled=not done, on_click=_go, args=(to,))
        if not done and not last:
            st.button(t("Skip"), key="lesson-skip", on_click=_go, args=(at + 1,))
        st.button(t("Leave the lesson"), key="lesson-leave", type="tertiary", on_click=_leave)


def _at() -> int:
    given = st.query_params.get("lesson") or str(st.session_state.get("lesson_step", 0))
    at = int(given) if given.isdecimal() and 0 < int(given) <= len(lesson.STEPS) else 0
    if at:
        st.session_state.lesson_step = at
        if st.session_state.get("in_lesson", True):
            st.query_params["lesson"] = str(at)
    return at


def _go(to: int) -> None:
    st.session_state.lesson_step, st.session_state.in_lesson = to, True
    if to:
        st.query_params["lesson"] = str(to)
    else:
        st.query_params.pop("lesson", None)


def _leave() -> None:
    st.session_state.in_lesson = False
    st.query_params.pop("lesson", None)


def _facts(settings: Settings, data: dataset.Digits) -> lesson.Facts:
    deeds = dict(st.session_state.get("deeds", {}))
    found = runs.list_runs(settings)
    deeds["augmented"] = sum(run.config.get("augmentation", "none") != "none" for run in found)
    deeds["families"] = len({run.family for run in found})
    known = {name: deeds[name] for name in lesson.Facts.__dataclass_fields__ if name in deeds}
    return lesson.Facts(**known)


def _flatten(settings: Settings, data: dataset.Digits) -> None:
    image = np.array(data.x_train[0])
    row = st.slider(t("Row of the picture"), 1, 28, 14, key="lesson-row", bind="query-params")
    seen = st.session_state.setdefault("rows_seen", set())
    seen.add(row)
    st.session_state.setdefault("deeds", {})["rows"] = len(seen)
    left, right = st.columns([1, 3], vertical_alignment="center")
    left.image(plots.framed_row(image, row - 1), width=168, alt=t("The picture, one row framed"))
    words = t("Numbers {first} to {last} of 784", first=28 * row - 27, last=28 * row)
    line = plots.magnified(image[row - 1 : row], 12, height=36)
    right.image(line, caption=words, width="stretch", alt=words)
    right.code(" ".join(str(v) for v in image[row - 1]), language=None, wrap_lines=True)


def _tree_run(settings: Settings, data: dataset.Digits) -> runs.Run | None:
    trees = [
        run for run in runs.list_runs(settings) if depth.has_tree(run) and run.config["data_sha256"] == data.sha256
    ]
    run = max(trees, key=lambda run: run.card["shape"]["depth"], default=None)  # the deeper, the more there is to see
    if run is None:
        st.markdown(t("For this step there must be a tree. One click trains the classic one."))
        training.train_default_button(settings)
    return run


def _grow(settings: Settings, data: dataset.Digits) -> None:
    run = _tree_run(settings, data)
    if run is None:
        return
    study = frame.or_stop(depth.of_run, run, data)
    most = min(study.depth, _GROWN)
    words = t("Questions that the tree may ask")
    chosen = st.slider(words, 1, most, 1, key="lesson-depth", bind="query-params") if most > 1 else 1
    deeds = st.session_state.setdefault("deeds", {})
    # A shallow tree has been seen whole when its own last depth was.
    deeds["deepest"] = max(deeds.get("deepest", 0), lesson.DEEP if chosen == most else chosen)
    shown = _leaves(str(run.path), chosen, run, data)
    row = depth.table(study).loc[chosen]
    st.markdown(
        t(
            "With {depth} questions the tree has {leaves} leaves and reads **{test:.1%}** of the test images.",
            depth=chosen,
            leaves=f"{shown.total:,}",
            test=row["test"],
        )
    )
    words = t("The fullest leaves. Each answers: {answers}", answers=", ".join(str(a) for a in shown.answers))
    sheet = digits.mosaic(shown.pictures, min(len(shown.pictures), _ACROSS))
    with st.container(width=80 * min(len(shown.pictures), _ACROSS)):
        st.image(plots.magnified(255 - sheet, 3), width="stretch", alt=words)
    st.caption(words)


@st.cache_data(max_entries=32, show_spinner=False)
def _leaves(path: str, chosen: int, _run: runs.Run, _data: dataset.Digits) -> depth.Leaves:
    tree = depth.load_tree(_run)
    some = np.array(_data.x_train[:: max(len(_data.x_train) // _IMAGES, 1)])
    return depth.leaves(tree, chosen, depth.ends(tree, some), some, _LEAVES)


def _overfit(settings: Settings, data: dataset.Digits) -> None:
    run = _tree_run(settings, data)
    if run is None:
        return
    study = frame.or_stop(depth.of_run, run, data)
    table = depth.table(study)
    said = st.number_input(t("Deep enough at"), 1, study.depth, 1, key="lesson-enough", bind="query-params", width=200)
    curve = table[["train", "held", "test"]]
    frame.chart(plots.depth_curve(curve, None, int(said)), "lesson-curve", t("Accuracy against the depth of the tree"))
    deeds = st.session_state.setdefault("deeds", {})
    # Where nothing was held out the curve that everybody sees must do; no run is trained from this answer.
    seen = depth.good_enough(table["test"].to_numpy(), int(study.test[0].sum()))
    deeds["said_depth"], deeds["best_depth"] = int(said), depth.best_depth(study) or int(seen.argmax()) + 1


def _confuse(settings: Settings, data: dataset.Digits) -> None:
    found = runs.list_runs(settings)
    if not found:
        return
    wanted = st.query_params.get("run")
    run = next((run for run in found if run.id == wanted), found[0])
    worst = metrics.worst_pair(inputs.evaluation(run).confusion_matrix)
    with st.container(horizontal=True):
        true = st.selectbox(t("It was a"), digits.CLASSES, index=None, key="lesson-true", placeholder="?", width=140)
        said = st.selectbox(
            t("and was read as a"), digits.CLASSES, index=None, key="lesson-said", placeholder="?", width=180
        )
    deeds = st.session_state.setdefault("deeds", {})
    deeds["worst_pair"] = (worst.true, worst.predicted)
    deeds["said_pair"] = None if true is None or said is None else (true, said)
    if deeds["said_pair"] and deeds["said_pair"] != deeds["worst_pair"]:
        st.caption(t("That happens too, but another mistake is more frequent. Look for the darkest cell."))


_PANELS = {"flatten": _flatten, "grow": _grow, "overfit": _overfit, "confuse": _confuse}
_PAGES = {
    "Home.py": "Digit Lab",
    "pages/1_Train.py": "Train",
    "pages/2_Metrics.py": "Metrics",
    "pages/3_Draw.py": "Draw",
    "pages/4_Runs.py": "Runs",
}
