"""Robustness: what changed images do to a run, measured on demand."""

import streamlit as st

from core import dataset, plots_metrics, robustness, runs
from core.settings import Settings
from core.texts import t
from core.ui import frame, metrics_checks, studying


def show_robustness(settings: Settings, digits: dataset.Digits, run: runs.Run) -> None:
    """Show accuracy under each change, from the pixels and after our normalisation, or offer to measure it."""
    found = metrics_checks.kept_robustness(run)
    if found is None:
        st.markdown(
            t(
                "People do not write in the middle of a square, and not with one pen. Here test images are moved, "
                "turned, made larger and smaller, drawn with another pen and made noisy. The run reads each one twice: "
                "the pixels as they come, and as the Draw page prepares them."
            )
        )
        studying.offer(
            settings,
            run,
            "robustness",
            t("Measure it (about {seconds:.0f} s)", seconds=sum(robustness.expect(run).values())),
            robustness.start,
            help=t("Changes 2,000 test images in steps and asks the run's exported model."),
            closed=_closed(digits, run),
        )
        return
    st.caption(
        t(
            "Each point: {n:,} test images, changed by so much. Grey: the pixels as they come. Blue: after our "
            "normalisation, which crops the ink, scales it to 20 pixels and centres it. The bands are 95 % intervals.",
            n=found.n,
        )
    )
    columns = st.columns(2, gap="medium")
    for i, (name, change) in enumerate(robustness.CHANGES.items()):
        with columns[i % 2]:
            st.subheader(t(change.label))
            axis = t(change.axis)
            figure = plots_metrics.robustness(found.levels[name], robustness.lines(found, name), axis)
            frame.chart(figure, f"robust-{name}", t("Accuracy against {axis}, raw and normalised", axis=axis))
            st.caption(robustness.describe(found, name))


def _closed(digits: dataset.Digits, run: runs.Run) -> str:
    if not run.servable:
        return str(run.card["parity"]["reason"])
    if digits.sha256 != run.config["data_sha256"]:
        return t("The server has other data than this run was measured on.")
    return ""
