"""The automatic checks: what may be wrong, with the number, and a button for the cure."""

import streamlit as st

from core import checks, cures, dataset, depth, metrics, robustness, runs
from core.errors import DigitLabError
from core.settings import Settings
from core.texts import t
from core.ui import depth as depth_ui
from core.ui import frame, inputs

_MARKS = {
    True: (":material/check_circle:", "green"),
    False: (":material/error:", "orange"),
    None: (":material/help:", "gray"),
}


def show_checks(settings: Settings, digits: dataset.Digits, run: runs.Run, evaluation: metrics.Evaluation) -> None:
    """Show every check, those that do not hold first."""
    found = look(settings, digits, run, evaluation)
    bad, open_ = (sum(check.holds is state for check in found) for state in (False, None))
    st.markdown(
        _count(bad, len(found), open_) + " " + t("A cure opens Train with the side bar set; nothing starts by itself.")
    )
    for i, check in enumerate(found):
        icon, colour = _MARKS[check.holds]
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(f":{colour}[{icon}] **{check.name}** {check.sentence}", width="stretch")
            if check.cure and check.holds is not True:
                cure_button(check, f"cure-{i}")


def cure_button(check: checks.Check, key: str) -> None:
    """Show the button that goes to a check's cure; where that is Train, with its whole side bar set to it."""
    if check.page == cures.TRAIN:
        inputs.link_to_train(t("Try it"), ":material/healing:", key, check.cure)
    else:
        frame.link(t("Try it"), check.page, ":material/healing:", key, **check.cure)


def show_hint(settings: Settings, digits: dataset.Digits) -> None:
    """Show the one thing about the newest run that is most worth mending, with its cure; nothing where all is well."""
    run = next(iter(runs.list_runs(settings)), None)
    if run is None:
        return
    try:
        evaluation = inputs.cached_evaluation(str(run.path), run)
    except DigitLabError:
        return  # Metrics says what is wrong with it
    check = checks.strongest(_facts(settings, digits, run, evaluation))
    if check is None:
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="hint"):
        words = t("A hint for the newest run")
        st.markdown(f":orange[:material/lightbulb:] {words}: **{check.name}** {check.sentence}", width="stretch")
        if check.cure:
            cure_button(check, "hint-cure")


def _count(bad: int, total: int, unknown: int) -> str:
    if unknown:
        return t(
            "**{bad} of {total} checks want a look**; {unknown} cannot be told yet.",
            bad=bad,
            total=total,
            unknown=unknown,
        )
    return t("**{bad} of {total} checks want a look**.", bad=bad, total=total)


def look(
    settings: Settings, digits: dataset.Digits, run: runs.Run, evaluation: metrics.Evaluation
) -> list[checks.Check]:
    """Return a run's checks, with all that is known of it and of the other runs."""
    return checks.look(_facts(settings, digits, run, evaluation))


def _facts(settings: Settings, digits: dataset.Digits, run: runs.Run, evaluation: metrics.Evaluation) -> checks.Facts:
    study = depth_ui.study_of(digits, run) if depth.has_tree(run) else None
    found = kept_robustness(run)
    return checks.Facts(run, evaluation, runs.list_runs(settings), study, found, not digits.is_sample)


def kept_robustness(run: runs.Run) -> robustness.Robustness | None:
    """Return the robustness study of a run, if there is one; says why where it cannot be read."""
    file = run.path / robustness.FILE
    try:
        return _kept(str(file), file.stat().st_mtime_ns, run) if file.exists() else None
    except DigitLabError as error:
        st.caption(f":material/info: {error}")
        return None


@st.cache_resource(max_entries=16, show_spinner=False)
def _kept(path: str, changed: int, _run: runs.Run) -> robustness.Robustness | None:
    return robustness.load(_run)
