"""Watch a training on W&B while it goes on (`WANDB_MODE=online`): the job's events, as they come."""

import time

from core import jobs
from core.settings import Settings
from core.tracking import connection

POLL_SECONDS = 0.5
FINISH_SECONDS = 20


def watch(settings: Settings, run_id: str) -> int:
    """Log every event of a training job to an online run of its own, until the job ends; returns how many.

    The run has the job type `train` and the tag `live`; the full record of the finished run is logged beside it,
    under the same group, as always.

    Raises
    ------
    TrackingError
        If W&B cannot be used now; the training does not notice.
    """
    entity = connection.check(settings)
    connection.with_key(settings).quiet_wandb(online=True)
    import wandb

    logged = wandb.init(
        entity=entity,
        project=settings.wandb_project,
        mode="online",
        job_type="train",
        group=run_id,
        name=f"{run_id} (live)",
        tags=["live"],
        config=jobs.load_job(settings, run_id).config,
        settings=wandb.Settings(host="", init_timeout=FINISH_SECONDS, finish_timeout=FINISH_SECONDS),
    )
    told = 0
    while True:
        job = jobs.load_job(settings, run_id)
        for event in job.events[told:]:
            numbers = {k: v for k, v in event.items() if isinstance(v, int | float) and k != "t"}
            logged.log({"stage": event["stage"], "seconds": event["t"] - job.submitted, **numbers})
        told = len(job.events)
        if not job.live:
            break
        time.sleep(POLL_SECONDS)
    logged.finish(exit_code=0 if job.state == "done" else 1)
    wandb.teardown()
    return told
