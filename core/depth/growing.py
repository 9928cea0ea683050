"""The study of a run as a job: grow one tree without a limit beside images held out, and cut it at every depth."""

import tempfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from core import dataset, jobs, launch, models, pipeline, runs, studies, training, worker
from core.depth import study, tree
from core.errors import RunError
from core.settings import Settings
from core.texts import t

FREE = {"max_depth": None, "ccp_alpha": 0.0}  # what limits the depth, and would cut before we look
_SECONDS = {"data": 2.0, "evaluate": 2.0, "export": 0.0, "seal": 0.2}
_COPY = 4000


def expect(run: runs.Run) -> dict[str, float]:
    """Return the expected seconds of each stage, from how long the run's own fit took here."""
    spec, params, rows = models.spec(run.family), run.config["params"], run.card["data"]["n_fit"]
    longer = spec.cpu_seconds({**params, **FREE}, rows) / max(spec.cpu_seconds(params, rows), 1e-3)
    return {**_SECONDS, "fit": 0.0 if is_free(run) else run.card["timings"]["fit"] * longer}


def is_free(run: runs.Run) -> bool:
    """Tell whether the run's own tree serves for the study: nothing limits its depth, and images were held out."""
    params = run.config["params"]
    return bool(run.config.get("validation")) and all(params[name] == value for name, value in FREE.items())


def submit(settings: Settings, run: runs.Run) -> str:
    """Write the study's job; returns its id.

    Raises
    ------
    RunError
        If the run is not one tree.
    ModelError
        If it needs more memory than there is.
    """
    _check(settings, run)
    return studies.submit(settings, "depth", run, expect(run))


def start(settings: Settings, run: runs.Run) -> str:
    """Start the study of a run in a child, unless it is at work already; returns the job's id.

    Raises
    ------
    RunError, ModelError
        As from `submit`.
    JobError
        If too many jobs wait already.
    """
    _check(settings, run)
    return studies.start(settings, "depth", run, expect(run))


def _check(settings: Settings, run: runs.Run) -> None:
    if not study.has_tree(run):
        raise RunError(
            t("The run {id} is no single tree, so it has no depth to study. Choose a decision tree.", id=run.id)
        )
    launch.check_memory(settings, run.config, run.card["data"]["n_fit"])


def work(settings: Settings, job_id: str, config: Mapping[str, Any], emit: worker.Emit) -> None:
    """Study a run and keep the result beside it: what the job does.

    Raises
    ------
    DigitLabError
        If the run or its data is gone.
    """
    emit("data", message=t("Opening the data"))
    run = runs.load_run(settings, config["run"])
    digits = dataset.load(settings)
    learned, held = study.parts(run, digits)
    if is_free(run):
        found = study.load_tree(run)
    else:
        if not len(held):
            seed = pipeline.seed(run.config["params"])
            learned, held = study.hold_out(learned, digits.y_train, study.HELD, seed)
        emit("fit", message=t("Growing a tree without a limit from {n:,} images", n=len(learned)))
        found = grow(settings, run, digits, learned, jobs.folder(settings, job_id))
    emit("evaluate", message=t("Cutting it at each of its {depth} depths", depth=found.depth))
    result = study.measure(found, run.config["params"], digits, learned, held, grown=not is_free(run))
    emit("seal", message=t("Keeping the result"))
    study.save(run, result)


def grow(settings: Settings, run: runs.Run, digits: dataset.Digits, rows: np.ndarray, folder: Any) -> tree.Tree:
    """Fit a tree with the run's parameters and augmentation, but without what limits its depth.

    Parameters
    ----------
    rows : (m,) integers
        Positions of the training images to learn from.
    folder : Path
        Where their copy may lie for the time of the fit.
    """
    estimator = models.spec(run.family).build({**run.config["params"], **FREE})
    labels, n = np.asarray(digits.y_train[rows]), len(rows)
    level, copies = run.config.get("augmentation", "none"), int(run.config.get("copies", 0))
    # In a file without a name, not in memory: the estimator makes a copy of its own, and one is what was reckoned with.
    with tempfile.TemporaryFile(dir=folder) as file:
        images = np.memmap(file, np.uint8, "w+", shape=((copies + 1) * n, *digits.x_train.shape[1:]))
        for start in range(0, n, _COPY):
            images[start : min(start + _COPY, n)] = digits.x_train[rows[start : start + _COPY]]
        if copies:
            seed = pipeline.seed(run.config["params"])
            _, labels = training.multiply(images[:n], labels, level, seed, copies, out=images)
        if settings.small:
            estimator[-1].fit(training.sparse_columns(images), labels)
        else:
            estimator.fit(images, labels)
        del images
    return tree.from_estimator(estimator[-1])
