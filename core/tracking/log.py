"""Log a sealed run, offline: charts, summary and the model's files, into `DIGITLAB_HOME/wandb`."""

import contextlib
import io
import struct
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core import dataset, metrics, models, runs
from core.digits import CLASS_NAMES, CLASSES, stratified
from core.errors import DigitLabError
from core.settings import Settings
from core.tracking import drawings
from core.tracking.state import ARTIFACT, ARTIFACT_TYPE, load_state, reason, save_state

if TYPE_CHECKING:
    import wandb
    from PIL.Image import Image

ARTIFACT_FILES = ("card.json", "config.json", "evaluation.npz", "model.joblib", "model.keras", "model.onnx", "tree.npz")
SUMMARY = {"Acc": "accuracy", "Precision": "precision", "Recall": "recall", "F1": "f1"}
TABLE_ROWS = 200
CHART_ROWS = 2000  # plot_classifier looks at every cell of X in a Python loop: 60,000 rows take half a minute
_Fitted = tuple[Any, dataset.Digits]  # an estimator and the data that it was fitted to
_LOG_HEADER, _LOG_BLOCK, _CHUNK_HEADER, _ENDS = 7, 1 << 15, 7, (1, 4)  # chunks that end a record: whole, last part


def track(settings: Settings, run: runs.Run) -> dict[str, Any]:
    """Log a sealed run to W&B, offline, and keep in its `tracking.json` what became of that.

    Returns
    -------
    dict
        The content of `tracking.json`: `state` ("local only", "failed" or "disabled"), `message` (one sentence, also of
        whatever went wrong), `when` (seconds since the epoch); and, as far as the logging came, `entity`, `project`,
        `wandb` (its version), `runs` (job_type, id and folder of each, relative to `DIGITLAB_HOME`) and `artifact`
        (name, type, digest). What an earlier attempt wrote stays where this one has nothing of its own.
    """
    found: dict[str, Any] = {}
    try:
        state, message = _log(settings, run, found)
    except Exception as error:  # a child's top level: the run is sealed and whole, whatever W&B does
        again = f"Try again: python -m core track {run.id}"
        state, message = "failed", f"The run is whole but could not be logged: {reason(settings, error)} {again}"
    return save_state(run, load_state(run) | found | {"state": state, "message": message})


def model_name(run: runs.Run) -> str:
    """Return what the exercise calls a model: the default tree is its baseline."""
    spec = models.spec(run.family)
    is_plain = run.config.get("augmentation", "none") == "none"
    is_baseline = run.family == models.DEFAULT and is_plain and run.config["params"] == spec.check({})
    return "Baseline_model" if is_baseline else spec.label


def draw_confusion_matrix(matrix: np.ndarray) -> "Image":
    """Draw a confusion matrix, row = true class, as a picture: counts, darker where a cell holds more of its row."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image

    figure = Figure(figsize=(6.4, 6.0), layout="constrained")
    canvas = FigureCanvasAgg(figure)  # without pyplot, so that no screen is looked for and nothing stays open
    axes = figure.subplots()
    shares = metrics.confusion_shares(matrix, "true")
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(matrix):
        colour = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, f"{count}", ha="center", va="center", fontsize=8, color=colour)
    axes.set(xticks=CLASSES, yticks=CLASSES, xlabel="Predicted", ylabel="True", title="Confusion matrix")
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])


def read_log(log: bytes) -> list[Any]:
    """Return the protobuf records of W&B's own log of a run, a `.wandb` file; one that is cut off is left out.

    The file is a LevelDB log: blocks of 32 KiB with chunks in them, each with its checksum, length and kind; a record
    that does not fit into the rest of a block goes on in the next.
    """
    from wandb.proto.wandb_internal_pb2 import Record  # type: ignore[attr-defined]

    found, parts, at = [], b"", _LOG_HEADER
    while at + _CHUNK_HEADER <= len(log):
        left = _LOG_BLOCK - at % _LOG_BLOCK
        if left < _CHUNK_HEADER:
            at += left
            continue
        _, length, kind = struct.unpack_from("<IHB", log, at)
        at += _CHUNK_HEADER + length
        if at > len(log):
            break
        parts += log[at - length : at]
        if kind in _ENDS:
            found.append(Record.FromString(parts))
            parts = b""
    return found


def _log(settings: Settings, run: runs.Run, found: dict[str, Any]) -> tuple[str, str]:
    # `found` is filled on the way, so that a failure halfway still tells what is on the disk.
    if settings.wandb_mode == "disabled":
        return "disabled", "WANDB_MODE is “disabled”, so nothing was logged."
    sealed = _verify(run)
    work = settings.home / "wandb"
    work.mkdir(parents=True, exist_ok=True)
    tempfile.TemporaryFile(dir=work).close()  # wandb would turn to the system's temporary folder without a word
    settings.quiet_wandb()
    import wandb

    project = settings.wandb_project
    found |= {"entity": settings.wandb_entity, "project": project, "wandb": wandb.__version__, "runs": []}
    fitted, left_out = _load_fitted(settings, run)
    try:
        with started(settings, run, found["runs"], "train", _notes(run, fitted)) as logged:
            _log_evaluation(logged, run, fitted)
        with started(settings, run, found["runs"], "model", "The model's files, as they were sealed.") as logged:
            found["artifact"] = _log_artifact(logged, run, sealed)
            if run.config.get("my_digits"):
                drawings.log_set(logged, settings, run.config["my_digits"])
    finally:
        wandb.teardown()  # wandb-core is in a session of its own and would outlive a killed child
    check_complete(settings, found["runs"])
    return "local only", f"Logged on this machine, for the project {project}; nothing was sent.{left_out}"


def check_complete(settings: Settings, logged: Sequence[Mapping[str, str]]) -> None:
    """Refuse W&B runs whose log ends halfway: on a full disk wandb says nothing.

    Parameters
    ----------
    logged : sequence of mappings
        `id` and `folder`, relative to `DIGITLAB_HOME`, of each.

    Raises
    ------
    OSError
        Names the file.
    """
    for entry in logged:
        log = settings.home / entry["folder"] / f"run-{entry['id']}.wandb"
        if not is_complete(log):
            raise OSError(f"{log.name} ends halfway; the disk may be full")


def is_complete(log: Path) -> bool:
    """Tell whether a run's `.wandb` file ends as wandb ends it."""
    return any(record.WhichOneof("record_type") == "exit" for record in read_log(log.read_bytes())[-1:])


def _verify(run: runs.Run) -> dict[str, str]:
    # First of all: what was changed since it was sealed is neither opened nor logged.
    for name in run.card["files"]:
        runs.verified(run, name)
    return {n: runs.sha256(run.path / n) for n in ARTIFACT_FILES if n == "card.json" or n in run.card["files"]}


@contextlib.contextmanager
def started(
    settings: Settings, run: runs.Run, entries: list[dict[str, str]], job_type: str, notes: str
) -> Iterator["wandb.Run"]:
    """Start a W&B run for a run of ours, offline, and finish it; adds to `entries` what it was."""
    import wandb

    logged = wandb.init(
        entity=settings.wandb_entity or None,
        project=settings.wandb_project,
        mode="offline",
        job_type=job_type,
        group=run.id,
        name=run.id,
        notes=notes,
        tags=[run.family],
        config=run.config | {"run_id": run.id, "model_name": model_name(run), "data": run.card["data"]},
        # An empty host, else the machine's name stands in the log in spite of x_disable_machine_info.
        settings=wandb.Settings(host="", init_timeout=60, finish_timeout=60, finish_timeout_raises=True),
    )
    folder = Path(logged.dir).parent.relative_to(settings.home)
    entries.append({"job_type": job_type, "id": logged.id, "folder": folder.as_posix()})
    try:
        yield logged
    except BaseException:
        logged.finish(exit_code=1)
        raise
    logged.finish()


def _load_fitted(settings: Settings, run: runs.Run) -> tuple[_Fitted | None, str]:
    if "tree.npz" not in run.card["files"]:
        return None, ""  # plot_classifier is for the trees of scikit-learn
    try:
        digits = dataset.load(settings)
    except DigitLabError as error:
        return None, f" Without plot_classifier: {error}"
    if digits.sha256 != run.config["data_sha256"]:
        return None, " Without plot_classifier: the data here is not the data of this run."
    import joblib

    estimator = joblib.load(io.BytesIO(runs.verified(run, "model.joblib")))
    return (estimator, digits), ""


def _choose(labels: np.ndarray) -> np.ndarray:
    # The first rows, for a choice from all over the file would map 50 MB of it; but the bundled sample is sorted.
    n = min(CHART_ROWS, len(labels))
    all_occur = len(np.unique(labels[:n])) == len(CLASSES)
    return np.arange(n) if all_occur else stratified(labels, n, seed=0)


def _notes(run: runs.Run, fitted: _Fitted | None) -> str:
    train, test = run.card["data"]["n_train"], run.card["data"]["n_test"]
    notes = f"Summary, confusion_matrix and its chart, roc_curve: all {test:,} test images; 0/0 counts as 1."
    rows = f"{min(CHART_ROWS, train):,} training and {min(CHART_ROWS, test):,} test images"
    return f"{notes} The charts of plot_classifier, summary_metrics among them: {rows}." if fitted else notes


def _log_evaluation(logged: "wandb.Run", run: runs.Run, fitted: _Fitted | None) -> None:
    import wandb

    evaluation = runs.load_evaluation(run)
    found = metrics.summary(evaluation)
    for name, ours in SUMMARY.items():
        logged.summary[name] = found[ours].value
    if fitted:
        _plot_classifier(logged, model_name(run), fitted, evaluation)
    y_true, y_pred = evaluation.y_true.tolist(), evaluation.y_pred.tolist()
    names = list(CLASS_NAMES)
    chart = wandb.plot.confusion_matrix(y_true=y_true, preds=y_pred, class_names=names, title="Confusion matrix")
    picture = wandb.Image(draw_confusion_matrix(evaluation.confusion_matrix), caption="Row: true, column: predicted")
    roc = wandb.plot.roc_curve(y_true, _occurring(evaluation).tolist(), names)
    logged.log({"confusion_matrix": picture, "confusion_matrix_chart": chart, "roc_curve": roc})
    if fitted:
        logged.log({"predictions": _predictions(evaluation, fitted[1])})


def _predictions(evaluation: metrics.Evaluation, digits: dataset.Digits) -> "wandb.Table":
    import wandb

    table = wandb.Table(columns=["image", "true", "predicted", "confidence"])
    for i in range(min(TABLE_ROWS, len(evaluation.y_true))):
        answer = int(evaluation.y_pred[i])
        image = wandb.Image(255 - np.array(digits.x_test[i]))
        table.add_data(image, int(evaluation.y_true[i]), answer, float(evaluation.proba[i, answer]))
    return table


def _plot_classifier(logged: "wandb.Run", name: str, fitted: _Fitted, evaluation: metrics.Evaluation) -> None:
    import wandb.sklearn

    estimator, digits = fitted
    train, test = _choose(digits.y_train), _choose(digits.y_test)
    part = metrics.Evaluation(evaluation.y_true[test], evaluation.proba[test])
    flat = [estimator[:-1].transform(images) for images in (digits.x_train[train], digits.x_test[test])]

    def log_summary_metrics(*_: Any, **__: Any) -> None:
        rows = [[key, round(interval.value, 4), name] for key, interval in metrics.summary(part).items()]
        table = wandb.Table(columns=["metric_name", "metric_value", "model_name"], data=rows)
        logged.log({"summary_metrics": wandb.plot.visualize("wandb/metrics/v1", table)})

    # Two of its charts would be wrong: its confusion matrix has the axes swapped and the key of our picture, and its
    # summary counts 0/0 as 0, unlike the page, the CSV and this run's own summary.
    helper: Any = sys.modules[wandb.sklearn.plot_classifier.__module__]
    helper.confusion_matrix = lambda *_, **__: None
    helper.shared.summary_metrics = log_summary_metrics
    x_train, x_test = (x.astype(np.float32) for x in flat)
    y_train, y_test, y_pred = (y.astype(int) for y in (digits.y_train[train], part.y_true, part.y_pred))
    answers = (y_train, y_test, y_pred, _occurring(part), list(CLASS_NAMES))
    with warnings.catch_warnings(action="ignore"):
        wandb.sklearn.plot_classifier(estimator[-1], x_train, x_test, *answers, model_name=name)


def _occurring(evaluation: metrics.Evaluation) -> np.ndarray:
    # wandb takes the columns for those of the classes in y_true, so a class without an image would shift them.
    return evaluation.proba[:, np.unique(evaluation.y_true)]


def _log_artifact(logged: "wandb.Run", run: runs.Run, sealed: dict[str, str]) -> dict[str, str]:
    import wandb

    metadata = {
        "run_id": run.id,
        "family": run.family,
        "format": run.card["format"],
        "metrics": run.metrics,
        "sha256": sealed,
        "data_sha256": run.config["data_sha256"],
        "versions": run.config["versions"],
    }
    artifact = wandb.Artifact(ARTIFACT, type=ARTIFACT_TYPE, metadata=metadata)
    for name in sealed:
        # Neither copied nor staged: the sealed folder is the store, and a sync reads it from there.
        artifact.add_file(str((run.path / name).resolve()), name=name, policy="immutable", skip_cache=True)
    logged.log_artifact(artifact)
    return {"name": ARTIFACT, "type": ARTIFACT_TYPE, "digest": artifact.digest}
