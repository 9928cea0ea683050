"""train(config) = data > fit > evaluate > export > seal. Runs in a child, reports as it goes."""

import importlib.metadata
import platform
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from core import dataset, export, features, jobs, metrics, models, mydigits, runs, training, worker
from core.errors import DataNotReady
from core.settings import Settings
from core.texts import later, t

STAGES = ("data", "fit", "evaluate", "export", "seal")
PACKAGES = ("numpy", "scikit-learn", "joblib", "onnx", "onnxruntime")
PREPROCESSING = later("ink crop, longer side 20 px, centre of mass at (14, 14)")
JOB_ONLY = ("plan", "author", "repeats")  # of a job's config; no part of what is needed to repeat the run
_STEPS = {
    "trees": "{done} of {total} trees",
    "epochs": "{done} of {total} epochs",
    "iterations": "{done} of {total} iterations",
    "fit": "{done} of {total} fits",
}


def make_config(
    family: str, params: Mapping[str, Any], train_size: int | None = None, augmentation: str | None = None
) -> dict[str, Any]:
    """Return a checked config: all that is needed to train, and later to repeat it.

    Parameters
    ----------
    augmentation : str, optional
        One of `augmentation.LEVELS`; else the family's own.

    Raises
    ------
    ModelError
        For an unknown family, parameter or level, or a value out of range.
    """
    spec = models.spec(family)
    level = spec.check_augmentation(augmentation)
    return {
        "family": family,
        "params": spec.check(params),
        "train_size": training.check_train_size(train_size, dataset.MAX_IMAGES),
        "validation": spec.validation,
        "augmentation": level,
        "copies": spec.copies_at(level),
    }


def train(settings: Settings, run_id: str, config: Mapping[str, Any], emit: worker.Emit) -> runs.Run:
    """Make one run, from data to sealed folder, in this process.

    Raises
    ------
    DigitLabError
        Whatever is wrong with settings, data or parameters, as one sentence.
    """
    fit(settings, run_id, config, emit)
    return finish(settings, run_id, emit)


def fit(settings: Settings, run_id: str, config: Mapping[str, Any], emit: worker.Emit) -> None:
    """Make the first half of a run: the fitted model and its answers on the test set, in a folder not yet sealed.

    Raises
    ------
    DigitLabError
        Whatever is wrong with settings, data or parameters, as one sentence.
    """
    began = time.time()
    emit("data", message=t("Opening the data"))
    spec = models.spec(config["family"])
    params = spec.check(config["params"])
    digits = _open_data(settings)
    size = training.check_train_size(config["train_size"], len(digits.y_train))
    chosen = training.choose(digits.y_train, size, seed(params))
    images, labels = digits.x_train[chosen], digits.y_train[chosen]
    kept = {"params": params, "train_size": size, "data_sha256": digits.sha256, "versions": versions(spec.needs)}
    asked = {k: v for k, v in config.items() if k not in JOB_ONLY}
    partial = runs.begin(settings, run_id, asked | kept)

    clocks = time.perf_counter(), time.process_time()
    extra = mydigits.load_set(settings, config["my_digits"]) if config.get("my_digits") else None
    material = _prepare(spec, images, labels, asked | kept, emit, extra)
    spent = {"prepare": time.perf_counter() - clocks[0], "prepare_cpu": time.process_time() - clocks[1]}
    emit("fit", message=t("Fitting {n:,} images", n=len(material.labels)))
    model = training.fit(spec, params, material, _reporter(settings, run_id, emit), sparse=settings.small)

    emit("evaluate", message=t("Answering {n:,} test images", n=len(digits.y_test)))
    start = time.perf_counter()
    evaluation = training.evaluate(model, digits.x_test, digits.y_test)
    predict_seconds = time.perf_counter() - start
    runs.save_evaluation(partial, evaluation)
    export.save_model(model, partial)
    export.save_tree(model, partial)
    card = _card(model, digits, len(labels) + (len(extra[1]) if extra else 0), evaluation)
    if extra:
        card["data"]["my_digits"] = config["my_digits"]["count"]
    card["timings"] |= {"predict": predict_seconds, **spent}
    told = {name: config.get(name, "") for name in ("author", "repeats")}
    runs.save_draft(partial, card | {"created": began} | told)


def _prepare(
    spec: models.ModelSpec,
    images: np.ndarray,
    labels: np.ndarray,
    config: Mapping[str, Any],
    emit: worker.Emit,
    extra: tuple[np.ndarray, np.ndarray] | None = None,
) -> models.Material:
    def tell(done: int, total: int) -> None:
        words = t("{done:,} of {total:,} variants written by other hands", done=done, total=total)
        emit("data", message=words, done=done, total=total)

    if spec.features:
        emit("data", message=t("Looking at the strokes of {n:,} images", n=len(labels)))
    level, copies = config.get("augmentation", "none"), config.get("copies", 0)
    return training.prepare(
        spec, images, labels, int(config.get("validation", 0)), seed(config["params"]), level, copies, tell, extra
    )


def keep_best(settings: Settings, run_id: str) -> None:
    """Ask a training that learns in steps to stop, and to make a run of the best that it has."""
    (jobs.folder(settings, run_id) / "keep").touch()


def _reporter(settings: Settings, run_id: str, emit: worker.Emit) -> models.Report:
    def report(step: models.Step) -> bool:
        found = asdict(step)
        words = t(_STEPS[step.unit], done=step.done, total=step.total)
        if step.held_accuracy is not None:
            words = t("{words}, {right:.2%} of the held-out images right", words=words, right=step.held_accuracy)
        emit("fit", message=words, **found)
        return not (jobs.folder(settings, run_id) / "keep").exists()

    return report


def seed(params: Mapping[str, Any]) -> int:
    """Return what decides everything that chance decides in a run: which images, which variants, which ties."""
    return int(params.get("random_state") or 0)


def finish(settings: Settings, run_id: str, emit: worker.Emit) -> runs.Run:
    """Make the second half of a run, from the files of the first: the model to serve, its proof, the seal."""
    emit("export", message=t("Writing model.onnx"))
    start = time.perf_counter()
    partial, config, card = runs.load_draft(settings, run_id)
    model = export.load_model(partial, models.spec(config["family"]), config["params"])
    export.save_onnx(model, partial)
    served = export.onnx_proba(partial / "model.onnx", _open_data(settings).x_test)
    evaluation = runs.draft_evaluation(partial)
    card["parity"] = export.parity(evaluation.proba, served)

    emit("seal", message=t("Sealing the run"))
    card["timings"] |= {"export": time.perf_counter() - start, "total": time.time() - card["created"]}
    card["peak_memory_mb"] = max(card["peak_memory_mb"], peak_memory_mb())
    author, repeats = card.pop("author"), card.pop("repeats")
    if repeats:
        card["repeats"] = runs.compare_repeat(settings, repeats, evaluation, config["versions"])
    run = runs.seal(settings, run_id, card)
    if author:
        runs.save_labels(run, {"author": author})
    return run


def _card(
    model: training.FittedModel, digits: dataset.Digits, n_fit: int, evaluation: metrics.Evaluation
) -> dict[str, Any]:
    return {
        "label": model.spec.label,
        "metrics": {name: interval.value for name, interval in metrics.summary(evaluation).items()}
        | {"log_loss": metrics.log_loss(evaluation)},
        "shape": export.shape_of(model),
        "data": {
            "title": digits.title,
            "is_sample": digits.is_sample,
            "n_fit": n_fit,
            "n_train": len(digits.y_train),
            "n_test": len(digits.y_test),
        },
        "timings": {"fit": model.fit_seconds, "fit_cpu": model.fit_cpu_seconds},
        "peak_memory_mb": peak_memory_mb(),
        "preprocessing": PREPROCESSING,
        "features": features.WORDS.get(model.spec.features, ""),
        "learning": [asdict(step) for step in model.steps],
        "stopped": model.stopped,
    }


def _open_data(settings: Settings) -> dataset.Digits:
    try:
        return dataset.load(settings)
    except DataNotReady:
        dataset.save_sample(settings)
        return dataset.load(settings)


def versions(needs: str = "") -> dict[str, str]:
    """Return the versions that a result depends on; those of TensorFlow where a family `needs` it."""
    there = {name: importlib.metadata.version(name) for name in (*PACKAGES, *(["keras"] if needs else []))}
    if needs:  # by whichever of its names it was installed
        name = importlib.metadata.packages_distributions()[needs][0]
        there |= {needs: importlib.metadata.version(name)}
    return {"python": platform.python_version()} | there


def peak_memory_mb() -> float:
    """Return the most memory this process ever held, in MiB (resident set; on Windows the working set)."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux: ru_maxrss would start from what the parent held before the exec
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 2**10
    try:
        import resource
    except ImportError:
        return psutil.Process().memory_info().peak_wset / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
