"""One tree at every depth: the curve, a slider that cuts it, the study that finds the depth that is enough."""

import numpy as np
import streamlit as st

from core import cures, dataset, depth, launch, metrics, plots, runs
from core.errors import DigitLabError, ModelError
from core.settings import Settings
from core.texts import t
from core.ui import frame, inputs, linked, studying

_SCORES = {"accuracy": "", "F1": "_f1"}
_REFIT = (
    "The cut costs nothing, as a tree of ten questions is the beginning of a tree of fifty. A tree that is trained "
    "with this depth can answer a little differently: between equally good questions scikit-learn decides by chance. "
    "On all of MNIST the two were up to 0.3 points of accuracy apart to depth 15, and 0.4 at depth 18; "
    "with fewer images more."
)


def show_depth(settings: Settings, digits: dataset.Digits, run: runs.Run) -> None:
    """Show a tree at every depth, and offer the study that goes beyond the run's own; nothing for other families."""
    if not depth.has_tree(run):
        return
    st.subheader(t("How deep should it be?"))
    study = study_of(digits, run)
    if not study:
        return
    st.markdown(depth.describe(study))
    _offer(settings, run, study)
    _board(run, study)
    title = t("Pruning: fewer leaves instead of fewer questions")
    with st.expander(title, key="pruned", icon=":material/content_cut:", bind="query-params"):
        st.markdown(depth.describe_pruning(study))
        curve = plots.pruning_curve(depth.pruning_table(study), depth.best_pruning(study))
        frame.chart(curve, "pruning", t("Accuracy against the number of leaves that pruning leaves"))


def show_newest_depth(settings: Settings, digits: dataset.Digits) -> None:
    """Show in short what depth does to the newest run, where that is a tree."""
    run = next(iter(runs.list_runs(settings)), None)
    if not run or not depth.has_tree(run) or run.config["data_sha256"] != digits.sha256:
        return
    st.subheader(t("The newest tree at every depth"))
    study = study_of(digits, run)
    if study:
        st.markdown(depth.describe(study))
        _curve(study, study.depth, "", "newest-depth")
        frame.link(
            t("Try every depth"), "pages/2_Metrics.py", ":material/account_tree:", "depths", run=run.id, view="Depth"
        )


def study_of(digits: dataset.Digits, run: runs.Run) -> depth.Study | None:
    """Return what there is to say of a tree at every depth, read once; says why where there is nothing."""
    try:
        file = run.path / depth.FILE
        kept = _kept(str(file), file.stat().st_mtime_ns, run) if file.exists() else None
        return kept or _own(str(run.path), digits.sha256, run, digits)
    except DigitLabError as error:
        st.caption(f":material/info: {error}")
        return None


@st.cache_resource(max_entries=16, show_spinner=False)
def _kept(path: str, changed: int, _run: runs.Run) -> depth.Study | None:
    return depth.load(_run)


@st.cache_resource(max_entries=16, show_spinner=False)
def _own(path: str, sha256: str, _run: runs.Run, _digits: dataset.Digits) -> depth.Study:
    return depth.of_run(_run, _digits)


@st.fragment
def _board(run: runs.Run, study: depth.Study) -> None:
    chosen, start = study.depth, depth.best_depth(study) or study.depth
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if study.depth > 1:
            chosen = st.slider(t("Cut at depth"), 1, study.depth, start, key="depth", bind="query-params", width=420)
        words = t("The share of images read right, or F1 averaged over the ten digits.")
        score = linked.choose(
            st.segmented_control, t("Score"), list(_SCORES), "accuracy", "score", required=True, help=words
        )
    _curve(study, chosen, _SCORES[score], "depth-curve")
    st.caption(depth.describe_cut(study, chosen))
    words = t("**The test images at depth {depth}**, read by this run's tree:", depth=chosen)
    if study.grown:
        words = t(
            "**The test images at depth {depth}**, read by a tree that was grown for this without a limit:",
            depth=chosen,
        )
    st.markdown(words)
    _show_matrix(study.test[chosen - 1], chosen)
    st.caption(t(_REFIT))
    label = t("Train with depth {depth}", depth=chosen)
    inputs.link_to_train(label, ":material/model_training:", "train-depth", cures.query(run, max_depth=chosen))


def _show_matrix(matrix: np.ndarray, chosen: int) -> None:
    report = metrics.report_of(matrix)
    average = report.loc["weighted avg"]
    with st.container(horizontal=True):
        for name, value in {"accuracy": metrics.accuracy(matrix), **average[["precision", "recall", "f1"]]}.items():
            st.metric(t(str(name)).capitalize(), f"{value:.4f}", border=True, width=170)
    left, right = st.columns([4, 3])
    with left:
        figure = plots.confusion(matrix, metrics.confusion_shares(matrix, "all"), percent=False)
        frame.chart(figure, "depth-confusion", t("Confusion matrix at depth {depth}", depth=chosen))
    right.dataframe(
        report[["precision", "recall", "f1", "support"]],
        key="depth-report",
        height="content",
        column_config={
            "class": st.column_config.TextColumn(t("digit"), width=96),
            "precision": st.column_config.NumberColumn(t("precision"), format="%.2f", width=70),
            "recall": st.column_config.NumberColumn(t("recall"), format="%.2f", width=64),
            "f1": st.column_config.NumberColumn(t("f1"), format="%.2f", width=44),
            "support": st.column_config.NumberColumn(t("support"), format="%d", width=66),
        },
    )


def _curve(study: depth.Study, chosen: int, ending: str, key: str) -> None:
    table = depth.table(study)
    shown = table[[f"{name}{ending}" for name in ("train", "held", "test")]].set_axis(["train", "held", "test"], axis=1)
    best = depth.best_depth(study)
    alt = t("Score on each part against the depth of the tree")
    if best:
        alt = t("Score on each part against the depth of the tree; depth {best} is enough", best=best)
    frame.chart(plots.depth_curve(shown, best, chosen), key, alt)


def _offer(settings: Settings, run: runs.Run, study: depth.Study) -> None:
    if study.grown or depth.is_free(run):
        return
    studying.offer(
        settings,
        run,
        "depth",
        t("Study every depth (about {seconds:.0f} s)", seconds=sum(depth.expect(run).values())),
        depth.start,
        help=t("Grows one tree without a limit beside images that are held out, and cuts it at every depth."),
        closed=_unfit(settings, run),
    )


def _unfit(settings: Settings, run: runs.Run) -> str:
    try:
        launch.check_memory(settings, run.config, run.card["data"]["n_fit"])
    except ModelError as error:
        return str(error)
    return ""
