"""A sweep as a job: many trials side by side, each kept as soon as it has ended; the winner becomes a run.

The sweep, its job and the winner's run have one id, so that all of them are one group on W&B.
"""

import time
from collections.abc import Iterator, Mapping
from typing import Any

from core import dataset, jobs, launch, models, pipeline, runs, training, trials, worker
from core.errors import AccessError, JobError, ModelError
from core.settings import SERVER_MB, Settings
from core.sweep import cluster, onefit, space, trial
from core.texts import t

CLASS_TRIALS = 12
SEARCH = "search"
_LEFT_MB = 22  # of each network stays with TensorFlow until the process ends, measured over seven of them
_LOADING = 3.0  # seconds for imports and data, measured on two cores


def make_config(
    config: Mapping[str, Any], texts: Mapping[str, str], how: str, count: int, metric: str, train_size: int | None
) -> dict[str, Any]:
    """Return a checked sweep: what is tried, in order, and how it is judged.

    Parameters
    ----------
    config : mapping
        Of the run that the winner becomes, from `pipeline.make_config`; its parameters hold wherever none is searched.
    texts : mapping
        For each searched parameter its values or its range, as `space.parse` reads them.
    how : "grid" or "random"
    count : int
        The most trials.
    metric : one of `trials.METRICS`
    train_size : int or None
        On how many training images each trial learns and is scored; None = all.

    Raises
    ------
    ModelError
        With what cannot be searched.
    """
    if metric not in trials.METRICS:
        raise ModelError(
            t("The metric is {metric!r}; choose one of {metrics}.", metric=metric, metrics=", ".join(trials.METRICS))
        )
    spec, base = models.spec(config["family"]), config["params"]
    seed = int(base.get("random_state") or 0)
    found = space.space_of(spec, texts)
    return {
        "family": spec.name,
        "run": dict(config),
        "space": dict(texts),
        "how": how,
        "metric": metric,
        "train_size": training.check_train_size(train_size, dataset.MAX_IMAGES),
        "seed": seed,
        "plan": space.plan(spec, base, found, how, count, seed),
        "one_fit": onefit.applies(spec.name, list(texts), base),
    }


def _learned(settings: Settings, config: Mapping[str, Any]) -> int:
    return launch.learned_rows(config["run"], launch.rows_of(settings, config))


def expect(settings: Settings, config: Mapping[str, Any]) -> dict[str, float]:
    """Return the expected seconds of the search, and of each stage of the winner's training."""
    rows, earlier = launch.rows_of(settings, config), runs.list_runs(settings)
    fits = [onefit.largest(config["one_fit"], config["plan"])] if config["one_fit"] else config["plan"]
    each = (launch.estimate({**config["run"], "params": params}, earlier, rows)["fit"] for params in fits)
    count = cluster.threads(settings, models.spec(config["family"]), _learned(settings, config), fits)
    once = launch.estimate(config["run"], [], rows)["data"]  # the trials share what is made of the images
    return {SEARCH: _LOADING + once + sum(each) / count} | launch.expect(settings, config["run"])


def start(settings: Settings, config: Mapping[str, Any], author: str = "") -> str:
    """Start a sweep in a child, and the child that will log it; returns the id of job, sweep and run.

    Raises
    ------
    ModelError, JobError
        As from `launch.start`.
    """
    runs.sweep(settings)
    launch.check_queue(settings, launch.list_waiting(settings))
    sweep_id = submit(settings, config, author)
    jobs.start(settings, sweep_id)
    launch.start_tracking(settings, {"sweep": sweep_id})
    return sweep_id


def submit(settings: Settings, config: Mapping[str, Any], author: str = "") -> str:
    """Write a sweep's folder and its job; returns their id.

    Raises
    ------
    ModelError
        If a trial, or the winner's training, needs more memory than there is.
    """
    check(settings, config)
    sweep_id = jobs.new_id(config["family"])
    author = launch.check_author(author)
    trials.create(settings, sweep_id, {**config, "author": author, "created": time.time()})
    plan = expect(settings, config)
    jobs.submit(settings, sweep_id, "sweep", {"plan": plan, "author": author}, result=f"runs/{sweep_id}/card.json")
    return sweep_id


def check(settings: Settings, config: Mapping[str, Any]) -> None:
    """Refuse, before it starts, a sweep of which a trial or the winner's training does not fit into the memory.

    Raises
    ------
    ModelError
        With the measured figure.
    """
    launch.check_memory(settings, config["run"], launch.rows_of(settings, config["run"]))
    rows = launch.rows_of(settings, config)
    hungriest = max(
        config["plan"], key=lambda params: launch.memory_mb(settings, {**config["run"], "params": params}, rows)
    )
    launch.check_memory(settings, {**config["run"], "params": hungriest}, rows)
    spec, count = models.spec(config["family"]), len(config["plan"])
    need = launch.memory_mb(settings, config["run"], rows) + count * _LEFT_MB
    if spec.needs and not settings.fits(need):
        raise ModelError(
            t(
                "{count} trials of {label} need {need:.0f} MB beside the server's {server}, as measured: TensorFlow "
                "keeps a little of each. There are {have} MB (DIGITLAB_MEMORY_MB, else the machine's). Try fewer.",
                count=count,
                label=t(spec.label),
                need=need,
                server=SERVER_MB,
                have=settings.memory_mb,
            )
        )


def check_class(config: Mapping[str, Any]) -> None:
    """Refuse, beside what `launch.check_class` refuses, a search that is too long for a visitor of a class.

    Raises
    ------
    AccessError
        With the limit.
    """
    if len(config["plan"]) > CLASS_TRIALS:
        raise AccessError(
            t(
                "A class searches with at most {most} trials, not {n}. Try fewer.",
                most=CLASS_TRIALS,
                n=len(config["plan"]),
            )
        )


def progress(sweep: trials.Sweep, job: jobs.Job, now: float) -> tuple[float, float]:
    """Tell how far a sweep's job is: its share, 0 to 1, and the expected seconds to go; as `launch.progress`."""
    plan = dict(job.config["plan"])
    search, rest = plan.pop(SEARCH), sum(plan.values())
    began = next((event["t"] for event in job.events if event["stage"] == SEARCH), None)
    if began is None:
        return 0.0, search + rest
    later = [event for event in job.events if event["stage"] in pipeline.STAGES]
    if later:
        share, left = launch.progress(later, plan, now)
        return (search + share * rest) / (search + rest), left
    done, total = sweep.ended, len(sweep.trials)
    # Its own pace says more than the plan, as soon as there is one.
    left = (now - began) / done * (total - done) if done else max(search - (now - began), 0.0)
    return min((search * done / total) / (search + rest), 0.99), left + rest


def find(settings: Settings, sweep_id: str, emit: worker.Emit) -> trials.Trial:
    """Do every trial that is planned; returns the best.

    Raises
    ------
    JobError
        If the cluster cannot be used, or no trial came to a result.
    """
    emit(SEARCH, message=t("Opening the data"))
    sweep = trials.load(settings, sweep_id)
    digits = trial.open_data(settings)
    body = sweep.body
    given = body["run"]
    task = trial.Task(
        body["family"], body["train_size"], body["seed"], digits.sha256, given["augmentation"], given["copies"]
    )
    trials.note(sweep.path, data_sha256=digits.sha256, versions=pipeline.versions())
    for done, card in enumerate(_cards(settings, sweep, task), 1):
        trials.append(sweep.path, card.pop("number"), **card)
        emit(
            SEARCH,
            done=done,
            total=len(sweep.trials),
            message=t("{done} of {total} trials", done=done, total=len(sweep.trials)),
        )
    best = (ended := trials.load(settings, sweep_id)).best
    if best is None:
        raise JobError(t("No trial came to a result. The first one said: {message}", message=ended.trials[0].message))
    return best


def _cards(settings: Settings, sweep: trials.Sweep, task: trial.Task) -> Iterator[dict[str, Any]]:
    plan = sweep.body["plan"]
    if sweep.body["one_fit"]:
        trials.note(sweep.path, where="one fit on this machine")
        yield from onefit.run(task, sweep.body["one_fit"], plan, settings)
        return
    from joblib import Parallel, delayed

    spec = models.spec(task.family)
    count = cluster.threads(settings, spec, _learned(settings, sweep.body), plan)
    with cluster.backend(settings, count, task.data_sha256) as place:
        trials.note(sweep.path, where=place.words)
        # On a cluster nothing of ours travels but the task: settings hold secrets, and each machine has its own.
        do = trial.run if settings.dask_scheduler else _watched(settings, sweep)
        ahead = "all" if settings.dask_scheduler else count
        work = (delayed(do)(task, number, params) for number, params in enumerate(plan, 1))
        cards = Parallel(return_as="generator_unordered", batch_size=1, pre_dispatch=ahead)(work)
        yield from cluster.watched(place, cards, len(plan))


def _watched(settings: Settings, sweep: trials.Sweep) -> Any:
    def do(task: trial.Task, number: int, params: Mapping[str, Any]) -> dict[str, Any]:
        trials.append(sweep.path, number, "running")
        return trial.run(task, number, params, settings)

    return do


def winner(settings: Settings, sweep_id: str) -> dict[str, Any]:
    """Return the config of the run that the best trial so far becomes.

    Raises
    ------
    JobError
        If no trial has come to a result.
    """
    sweep = trials.load(settings, sweep_id)
    if sweep.best is None:
        raise JobError(t("The sweep {sweep_id} has no result yet.", sweep_id=sweep_id))
    return {**sweep.body["run"], "params": sweep.best.params, "author": sweep.body["author"]}


def work(settings: Settings, sweep_id: str, emit: worker.Emit) -> runs.Run:
    """Search, then make a run of the winner on all the images that it is to have: what the job does.

    Raises
    ------
    DigitLabError
        Why there is no winner, or no run of it.
    """
    find(settings, sweep_id, emit)
    pipeline.fit(settings, sweep_id, winner(settings, sweep_id), emit)
    return finish(settings, sweep_id, emit)


def finish(settings: Settings, sweep_id: str, emit: worker.Emit) -> runs.Run:
    """Seal the winner's run, and write beside it which sweep it comes from."""
    run = pipeline.finish(settings, sweep_id, emit)
    tried = len(trials.load(settings, sweep_id).done)
    runs.save_labels(run, {"note": f"sweep: {sweep_id}, the best of {tried} trials"}, add=["sweep"])
    return run
