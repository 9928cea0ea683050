"""Take it with you: the report, the table, the answers, the model."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from core import dataset, metrics, report, runs, texts
from core.settings import Settings
from core.texts import t
from core.ui import metrics_checks, metrics_digits, metrics_inside

_TYPES = {".csv": "text/csv", ".json": "application/json", ".html": "text/html"}


def show_export(settings: Settings, digits: dataset.Digits, run: runs.Run, evaluation: metrics.Evaluation) -> None:
    """Offer everything as files; each is made when it is clicked."""
    material = report.Material(
        run,
        evaluation,
        metrics_digits.deeper(str(run.path), evaluation),
        metrics_checks.look(settings, digits, run, evaluation),
        metrics_checks.kept_robustness(run),
        digits.x_test if digits.sha256 == run.config["data_sha256"] else None,
        metrics_inside.for_report(digits, run),
    )
    words = t("One page in one file: opens without a network, prints well.")
    _offer(t("Report (HTML)"), partial(_write_report, material, texts.language()), f"{run.id}-report.html")
    st.caption(words)
    with st.container(horizontal=True):
        _offer(t("Report (CSV)"), lambda: metrics.report(evaluation).to_csv(), f"{run.id}-report.csv")
        _offer(t("Answers (JSON)"), lambda: runs.evaluation_json(evaluation), f"{run.id}.json")
        for name in run.card["files"]:
            if name.startswith("model."):
                _offer(name, partial(runs.verified, run, name), f"{run.id}-{name}")
    st.caption(t("Every chart has a menu of its own, at its upper right, that saves it as a picture."))
    with st.expander(t("About this run"), key="about", bind="query-params"):
        st.json({"config": run.config, "card": {k: v for k, v in run.card.items() if k != "files"}})


def _write_report(material: report.Material, language: str) -> str:
    with texts.speaking(language):  # made when it is clicked, where no visitor can be asked
        return report.html(material)


def _offer(label: str, make: Callable[[], str | bytes], file_name: str) -> None:
    ending = file_name[file_name.rfind(".") :]
    mime = _TYPES.get(ending, "application/octet-stream")
    st.download_button(label, make, file_name, mime, on_click="ignore")
