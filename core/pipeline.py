"""train(config) = data > fit > evaluate > export > seal. Runs in a child, reports as it goes."""

import importlib.metadata
import platform
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock

from core import dataset, download, export, jobs, metrics, models, runs, training, worker
from core.errors import DataNotReady
from core.settings import Settings

STAGES = ("data", "fit", "evaluate", "export", "seal")
PACKAGES = ("numpy", "scikit-learn", "joblib", "onnx", "skl2onnx", "onnxruntime")
PREPROCESSING = "ink crop, longer side 20 px, centre of mass at (14, 14)"
# Seconds beside the fit, measured on two cores: imports and data, 10,000 test images, export and its proof.
_OVERHEAD = {"data": 2.0, "evaluate": 0.5, "export": 4.0, "seal": 0.2}


def make_config(family: str, params: Mapping[str, Any], train_size: int | None = None) -> dict[str, Any]:
    """Return a checked config: all that is needed to train, and later to repeat it.

    Raises
    ------
    ModelError
        For an unknown family or parameter, or a value out of range.
    """
    return {
        "family": family,
        "params": models.spec(family).check(params),
        "train_size": training.check_train_size(train_size, dataset.MAX_IMAGES),
        "validation": 0,
        "augmentation": "none",
    }


def start(settings: Settings, config: Mapping[str, Any]) -> str:
    """Start a training run in a child, and the child that will log it; returns the id of job and run.

    The second one waits for the first to end and alone is given the W&B key.
    """
    runs.sweep(settings)
    run_id = submit(settings, config)
    jobs.start(settings, run_id)
    start_tracking(settings, {"run": run_id})
    return run_id


def start_tracking(settings: Settings, config: Mapping[str, Any]) -> str:
    """Start a child that deals with W&B, the only kind that is given the key; returns its id.

    Parameters
    ----------
    config : mapping
        `run`: log this run when its training has ended, then sync. `test`: ask W&B who we are. `sync`: sync every run
        now, or the one whose id it is; `due`: those whose time has come. `restore`: fetch a version, empty = the one to
        serve. `exchange`: bring promotions together. The same thing is not started twice at a time.
    """
    for job in jobs.list_jobs(settings, "track"):
        if job.live and job.config == config:
            return job.id
    track_id = jobs.new_id("track")
    jobs.submit(settings, track_id, "track", dict(config), slot=False)
    jobs.start(settings, track_id, secrets=("WANDB_API_KEY",))
    return track_id


def submit(settings: Settings, config: Mapping[str, Any]) -> str:
    """Write a training job's folder; the run that it makes has the same id, and its card proves that it was made."""
    run_id = jobs.new_id(config["family"])
    plan = expect(settings, config)
    jobs.submit(settings, run_id, "train", {**config, "plan": plan}, result=f"runs/{run_id}/card.json")
    return run_id


def expect(settings: Settings, config: Mapping[str, Any]) -> dict[str, float]:
    """Return the expected seconds of each stage on this machine, with the data it has."""
    return estimate(config, runs.list_runs(settings), _rows(settings, config))


def estimate(config: Mapping[str, Any], earlier: list[runs.Run], rows: int) -> dict[str, float]:
    """Return the expected seconds of each stage.

    The family's rough figure is corrected by how long its newest run took on this machine.
    """
    seconds = models.spec(config["family"]).cpu_seconds
    fit = seconds(config["params"], rows)
    for run in earlier:
        if run.family == config["family"]:
            expected = seconds(run.config["params"], run.card["data"]["n_fit"])
            fit *= run.card["timings"]["fit"] / max(expected, 1e-3)
            break
    return {stage: fit if stage == "fit" else _OVERHEAD[stage] for stage in STAGES}


def progress(events: list[dict[str, Any]], plan: Mapping[str, float], now: float) -> tuple[float, float]:
    """Tell how far a training job is.

    Parameters
    ----------
    events : list
        As written by the job, each with `t` and `stage`.
    plan : mapping
        Expected seconds of each stage, from `estimate`.
    now : float
        Seconds since the epoch.

    Returns
    -------
    share : float, 0 to 1
        Never quite 1 before the job has ended.
    left : float
        Expected seconds to go; 0 where the job takes longer than expected.
    """
    total = sum(plan.values())
    stage, since = (events[-1]["stage"], events[-1]["t"]) if events else ("queued", now)
    if stage not in STAGES:
        return 0.0, total
    past = sum(plan[s] for s in STAGES[: STAGES.index(stage)])
    spent = past + min(now - since, plan[stage])
    return min(spent / total, 0.99), max(total - spent, 0.0) if now - since < plan[stage] else 0.0


def start_data(settings: Settings) -> str:
    """Start the job that unpacks the sample and downloads MNIST, unless it is at work; returns its id."""
    root = settings.home / "jobs"
    root.mkdir(parents=True, exist_ok=True)
    with FileLock(root / "data.lock"):
        for job in jobs.list_jobs(settings, "data"):
            if job.live:
                return job.id
        # Whatever ends the job, even kill -9: nobody tries again by itself within the hour.
        download.save_failure(settings, "The last download did not come to its end.")
        job_id = jobs.new_id("data")
        jobs.submit(settings, job_id, "data", {"download": True}, slot=False)
        jobs.start(settings, job_id)
    return job_id


def train(settings: Settings, run_id: str, config: Mapping[str, Any], emit: worker.Emit) -> runs.Run:
    """Make one run, from data to sealed folder.

    Raises
    ------
    DigitLabError
        Whatever is wrong with settings, data or parameters, as one sentence.
    """
    began = time.time()
    emit("data", message="Opening the data")
    spec = models.spec(config["family"])
    params = spec.check(config["params"])
    digits = _open_data(settings)
    size = training.check_train_size(config["train_size"], len(digits.y_train))
    chosen = training.choose(digits.y_train, size, int(params.get("random_state") or 0))
    images, labels = digits.x_train[chosen], digits.y_train[chosen]
    kept = {"params": params, "train_size": size, "data_sha256": digits.sha256, "versions": versions()}
    partial = runs.begin(settings, run_id, {k: v for k, v in config.items() if k != "plan"} | kept)

    emit("fit", message=f"Fitting {len(labels):,} images")
    model = training.fit(spec, params, images, labels)

    emit("evaluate", message=f"Answering {len(digits.y_test):,} test images")
    start = time.perf_counter()
    evaluation = training.evaluate(model, digits.x_test, digits.y_test)
    predict_seconds = time.perf_counter() - start
    runs.save_evaluation(partial, evaluation)

    emit("export", message="Writing model.joblib and model.onnx")
    start = time.perf_counter()
    export.save_joblib(model, partial)
    export.save_onnx(model, partial)
    export.save_tree(model, partial)
    served = export.onnx_proba(partial / "model.onnx", digits.x_test)
    seconds = {"predict": predict_seconds, "export": time.perf_counter() - start, "total": time.time() - began}

    emit("seal", message="Sealing the run")
    card = _card(model, digits, len(labels), evaluation)
    card["created"], card["parity"] = began, export.parity(evaluation.proba, served)
    card["timings"] |= seconds
    return runs.seal(settings, run_id, card)


def _card(
    model: training.FittedModel, digits: dataset.Digits, n_fit: int, evaluation: metrics.Evaluation
) -> dict[str, Any]:
    return {
        "label": model.spec.label,
        "metrics": {name: interval.value for name, interval in metrics.summary(evaluation).items()},
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
    }


def _open_data(settings: Settings) -> dataset.Digits:
    try:
        return dataset.load(settings)
    except DataNotReady:
        dataset.save_sample(settings)
        return dataset.load(settings)


def versions() -> dict[str, str]:
    """Return the versions that a result depends on."""
    return {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in PACKAGES}


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


def _rows(settings: Settings, config: Mapping[str, Any]) -> int:
    try:
        available = len(dataset.load(settings).y_train)
    except DataNotReady:
        available = 4000
    return min(config["train_size"] or available, available)
