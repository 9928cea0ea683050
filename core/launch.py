"""Start what runs in a child: may it, does it fit, how long will it take, how far is it."""

import importlib.util
from collections.abc import Mapping
from typing import Any

from filelock import FileLock

from core import dataset, download, jobs, models, runs
from core.digits import N_PIXELS
from core.errors import AccessError, DataNotReady, JobError, ModelError
from core.pipeline import STAGES
from core.settings import SERVER_MB, Settings
from core.texts import t

QUEUE, SMALL_QUEUE, CLASS_JOBS = 40, 4, 2
AUTHOR_LENGTH = 40
COUNTED = ("train", "sweep")
# Seconds beside the fit, measured on two cores: imports and data, 10,000 test images, export and its proof.
_OVERHEAD = {"data": 2.0, "fit": 0.0, "evaluate": 0.5, "export": 4.0, "seal": 0.2}
_VARIANT = 0.0004  # seconds to write one image as another hand would


def start(settings: Settings, config: Mapping[str, Any], author: str = "") -> str:
    """Start a training run in a child, and the child that will log it; returns the id of job and run.

    The second one waits for the first to end and alone is given the W&B key.

    Raises
    ------
    ModelError
        If the training needs more memory than there is.
    JobError
        If too many wait already.
    """
    runs.sweep(settings)
    check_queue(settings, list_waiting(settings))
    run_id = submit(settings, config, author)
    jobs.start(settings, run_id)
    start_tracking(settings, {"run": run_id})
    return run_id


def list_waiting(settings: Settings) -> list[jobs.Job]:
    """Return the trainings and sweeps: what counts against the limits."""
    return [job for kind in COUNTED for job in jobs.list_jobs(settings, kind)]


def start_tracking(settings: Settings, config: Mapping[str, Any]) -> str:
    """Start a child that deals with W&B, the only kind that is given the key; returns its id.

    Parameters
    ----------
    config : mapping
        `run`: log this run when its training has ended, then sync. `sweep`: the same for its trials and its winner.
        `test`: ask W&B who we are. `sync`: sync every run now, or the one whose id it is; `due`: those whose time has
        come. `restore`: fetch a version, empty = the one to serve. `exchange`: bring promotions together. `my_digits`:
        log the set of My digits with this sha256. `after`: begin when this job has ended. The same thing is not started
        twice at a time.
    """
    for job in jobs.list_jobs(settings, "track"):
        if job.live and job.config == config:
            return job.id
    track_id = jobs.new_id("track")
    jobs.submit(settings, track_id, "track", dict(config), slot=False)
    jobs.start(settings, track_id, secrets=("WANDB_API_KEY",))
    return track_id


def submit(settings: Settings, config: Mapping[str, Any], author: str = "") -> str:
    """Write a training job's folder; the run that it makes has the same id, and its card proves that it was made.

    Raises
    ------
    ModelError
        If the training needs more memory than there is.
    """
    check_memory(settings, config, rows_of(settings, config))
    run_id = jobs.new_id(config["family"])
    body = {**config, "plan": expect(settings, config), "author": check_author(author)}
    jobs.submit(settings, run_id, "train", body, result=f"runs/{run_id}/card.json")
    return run_id


def check_memory(settings: Settings, config: Mapping[str, Any], rows: int) -> None:
    """Refuse, before it starts, a training that this machine cannot do, above all one that does not fit in its memory.

    Raises
    ------
    ModelError
        With the measured figure; or where the package that it needs is not installed.
    """
    spec = models.spec(config["family"])
    if spec.needs and not _installed(spec.needs):
        raise ModelError(
            t(
                "{label} cannot be trained here, as {needs} is not installed: train it on another machine, "
                "and it arrives through W&B.",
                label=t(spec.label),
                needs=spec.needs,
            )
        )
    learned = learned_rows(config, rows)
    need = memory_mb(settings, config, rows)
    if not settings.fits(need):
        what = {"label": t(spec.label), "rows": rows, "more": learned - rows, "need": need, "server": SERVER_MB}
        what["have"] = settings.memory_mb
        if learned > rows:
            raise ModelError(
                t(
                    "{label} on {rows:,} images and {more:,} variants needs {need:.0f} MB beside the server's "
                    "{server}, as measured; there are {have} MB (DIGITLAB_MEMORY_MB, else the machine's). Use "
                    "fewer images, or no augmentation.",
                    **what,
                )
            )
        raise ModelError(
            t(
                "{label} on {rows:,} images needs {need:.0f} MB beside the server's {server}, as measured; there are "
                "{have} MB (DIGITLAB_MEMORY_MB, else the machine's). Use fewer images.",
                **what,
            )
        )


def memory_mb(settings: Settings, config: Mapping[str, Any], rows: int) -> float:
    """Return the most memory that a training of its own on `rows` images needs, as measured by bench/memory.py."""
    learned = learned_rows(config, rows)
    # The originals are pages of a file, which the system takes back; with variants all of them are an array.
    array = learned * N_PIXELS / 2**20 if learned > rows else 0.0
    return models.spec(config["family"]).memory_mb(config["params"], learned, settings.small) + array


def learned_rows(config: Mapping[str, Any], rows: int) -> int:
    """Return from how many images a config learns, the variants that are made before the fit among them."""
    return rows * (1 + int(config.get("copies", 0)))


def _installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ImportError:  # what forbids a package may say so already when it is looked for
        return False


def check_queue(settings: Settings, trainings: list[jobs.Job]) -> None:
    """Refuse one training more where too many wait; each that waits is a process.

    Raises
    ------
    JobError
        With the number that wait.
    """
    waiting = sum(job.live for job in trainings)
    most = SMALL_QUEUE if settings.small else QUEUE
    if waiting >= most:
        raise JobError(
            t("{waiting} trainings run or wait already, the most for this server. Try again later.", waiting=waiting)
        )


def check_class(config: Mapping[str, Any], rows: int, mine: list[jobs.Job], author: str) -> None:
    """Refuse what a visitor of a class may not start.

    Parameters
    ----------
    mine : jobs that the same browser session started

    Raises
    ------
    AccessError
        With the limit that is exceeded.
    """
    spec = models.spec(config["family"])
    if not check_author(author):
        raise AccessError(t("Give your name first: your run is kept under it."))
    if not spec.class_rows:
        raise AccessError(t("{label} takes too long for a class. Choose another model.", label=t(spec.label)))
    if rows > spec.class_rows:
        raise AccessError(
            t(
                "A class trains this model on at most {class_rows:,} images, not {rows:,}. Use fewer.",
                class_rows=spec.class_rows,
                rows=rows,
            )
        )
    waiting = sum(job.live for job in mine)
    if waiting >= CLASS_JOBS:
        raise AccessError(
            t("{waiting} trainings of yours run or wait already. Try again when one has ended.", waiting=waiting)
        )


def check_author(name: str) -> str:
    """Return an author's name without what cannot be printed, in one line of at most `AUTHOR_LENGTH` characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())[:AUTHOR_LENGTH].strip()


def expect(settings: Settings, config: Mapping[str, Any]) -> dict[str, float]:
    """Return the expected seconds of each stage on this machine, with the data it has."""
    return estimate(config, runs.list_runs(settings), rows_of(settings, config))


def estimate(config: Mapping[str, Any], earlier: list[runs.Run], rows: int) -> dict[str, float]:
    """Return the expected seconds of each stage.

    The family's rough figure is corrected by how long its newest run took on this machine.
    """
    seconds = models.spec(config["family"]).cpu_seconds
    learned = learned_rows(config, rows)
    fit = seconds(config["params"], learned)
    for run in earlier:
        if run.family == config["family"]:
            expected = seconds(run.config["params"], learned_rows(run.config, run.card["data"]["n_fit"]))
            fit *= run.card["timings"]["fit"] / max(expected, 1e-3)
            break
    return _OVERHEAD | {"data": _OVERHEAD["data"] + _VARIANT * (learned - rows), "fit": fit}


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
    if events[-1].get("total"):  # it learns in steps: its own pace says more than the plan
        began = next(event["t"] for event in events if event["stage"] == stage)
        done, total_steps = events[-1]["done"], events[-1]["total"]
        left = (since - began) / done * (total_steps - done)
        after = total - past - plan[stage]
        return min((past + plan[stage] * done / total_steps) / total, 0.99), max(left - (now - since), 0.0) + after
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


def rows_of(settings: Settings, config: Mapping[str, Any]) -> int:
    """Return on how many images a config trains, with the data there is."""
    try:
        available = len(dataset.load(settings).y_train)
    except DataNotReady:
        available = 4000
    mine = config.get("my_digits") or {"count": 0, "copies": 0}
    return min(config["train_size"] or available, available) + mine["count"] * mine["copies"]
