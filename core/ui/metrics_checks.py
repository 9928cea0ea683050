"""The automatic checks: what may be wrong, with the number, and a button for the cure."""

import streamlit as st

from core import checks, dataset, depth, metrics, robustness, runs
from core.errors import DigitLabError
from core.settings import Settings
from core.texts import t
from core.ui import depth as depth_ui
from core.ui import frame

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
                frame.link(t("Try it"), "pages/1_Train.py", ":material/healing:", f"cure-{i}", **check.cure)


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
    study = depth_ui.study_of(digits, run) if depth.has_tree(run) else None
    return checks.look(checks.Facts(run, evaluation, runs.list_runs(settings), study, kept_robustness(run)))


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
