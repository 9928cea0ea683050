"""Jobs that look at a finished run and keep what they find beside it, in its `extra/`: one at a time for each run."""

from collections.abc import Mapping
from typing import Any

from core import jobs, launch, runs
from core.settings import Settings

KINDS = ("depth", "robustness", "calibrate")  # each is a command of that name


def submit(settings: Settings, kind: str, run: runs.Run, plan: Mapping[str, float], **config: Any) -> str:
    """Write the job's folder; returns its id.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    plan : mapping
        Expected seconds of each stage.
    config : more that the work is told, beside `run` and `plan`
    """
    job_id = jobs.new_id(kind)
    jobs.submit(settings, job_id, kind, {**config, "run": run.id, "plan": dict(plan)})
    return job_id


def start(settings: Settings, kind: str, run: runs.Run, plan: Mapping[str, float], **config: Any) -> str:
    """Start a study in a child, unless this run has one of the kind at work already; returns the job's id.

    Raises
    ------
    JobError
        If too many jobs wait already.
    """
    job = current(settings, kind, run)
    if job and job.live:
        return job.id
    launch.check_queue(settings, working(settings))
    job_id = submit(settings, kind, run, plan, **config)
    jobs.start(settings, job_id)
    return job_id


def current(settings: Settings, kind: str, run: runs.Run) -> jobs.Job | None:
    """Return the newest job of a kind that studies this run."""
    return next((job for job in jobs.list_jobs(settings, kind) if job.config["run"] == run.id), None)


def working(settings: Settings) -> list[jobs.Job]:
    """Return every training and every study, for whoever counts them."""
    return [job for kind in ("train", *KINDS) for job in jobs.list_jobs(settings, kind)]
