"""The Metrics page: one run opened, its first screen, and a tab for each question that works only while open."""

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from core import dataset, depth, metrics, runs
from core.settings import Settings
from core.texts import later
from core.ui import depth as depth_ui
from core.ui import (
    inputs,
    linked,
    metrics_cells,
    metrics_checks,
    metrics_curves,
    metrics_digits,
    metrics_export,
    metrics_inside,
    metrics_robustness,
)


@dataclass(frozen=True, slots=True)
class Opened:
    """A run on the page, with its answers and the data of this server."""

    settings: Settings
    digits: dataset.Digits
    run: runs.Run
    evaluation: metrics.Evaluation


def open_metrics(settings: Settings, digits: dataset.Digits) -> Opened:
    """Let the visitor choose a run, and read its answers."""
    run = inputs.pick_run(settings)
    return Opened(settings, digits, run, inputs.evaluation(run))


def show_summary(opened: Opened) -> None:
    """Say how good the run is and where it fails, with the four numbers that everybody asks for."""
    st.markdown(metrics.verdict(opened.evaluation))
    with st.container(horizontal=True, gap="small"):
        for name, interval in metrics_digits.summary(str(opened.run.path), opened.evaluation).items():
            metrics_digits.tile(name, interval, opened.evaluation)


def show_views(opened: Opened) -> None:
    """Show the tabs; which one is open is in the link."""
    names = [name for name, (_, fits) in _VIEWS.items() if fits(opened.run)]
    for name, tab in zip(names, linked.tabs("view", names), strict=True):
        if tab.open:
            with tab:
                _VIEWS[name][0](opened)


def _always(run: runs.Run) -> bool:
    return True


_VIEWS: dict[str, tuple[Callable[[Opened], None], Callable[[runs.Run], bool]]] = {
    later("Mistakes"): (lambda o: metrics_cells.show_mistakes(o.digits, o.run, o.evaluation), _always),
    later("Digits"): (lambda o: metrics_digits.show_digits(o.evaluation), _always),
    later("Numbers"): (lambda o: metrics_digits.show_numbers(o.run, o.evaluation), _always),
    later("Checks"): (lambda o: metrics_checks.show_checks(o.settings, o.digits, o.run, o.evaluation), _always),
    later("Curves"): (lambda o: metrics_curves.show_curves(o.run, o.evaluation), _always),
    later("Confidence"): (lambda o: metrics_curves.show_confidence(o.run, o.evaluation), _always),
    later("Inside"): (lambda o: metrics_inside.show_inside(o.digits, o.run), _always),
    later("Depth"): (lambda o: depth_ui.show_depth(o.settings, o.digits, o.run), depth.has_tree),
    later("Robustness"): (lambda o: metrics_robustness.show_robustness(o.settings, o.digits, o.run), _always),
    later("Export"): (lambda o: metrics_export.show_export(o.settings, o.digits, o.run, o.evaluation), _always),
}
