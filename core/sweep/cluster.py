"""Where the trials of a sweep run: in threads on this machine, or on a Dask cluster where the settings name one."""

import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from core import launch
from core.errors import JobError
from core.models import ModelSpec
from core.settings import Settings

if TYPE_CHECKING:
    from distributed import Client

CONNECT_SECONDS = 5.0


def threads(settings: Settings, spec: ModelSpec, rows: int, trials: int) -> int:
    """Return how many trials run at a time here: no more than there are cores, and than the memory holds.

    scikit-learn lets go of Python's lock while it grows a tree or multiplies matrices, so threads use all cores and
    share the images (eight fits in 215 MB, against 544 with processes).

    Parameters
    ----------
    rows : int
        How many images a trial uses. Each trial is counted with all that a process of its own would need, which is more
        than threads do.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    fit = (settings.memory_mb - launch.SERVER_MB) / spec.memory_mb(rows, settings.small)
    return max(1, min(cores, trials, int(fit) if settings.memory_mb else cores))


@contextlib.contextmanager
def backend(settings: Settings, count: int) -> Iterator[str]:
    """Let `joblib.Parallel` run on the cluster of the settings, else in `count` threads; yields where, in words.

    Raises
    ------
    JobError
        If dask is not installed, or the scheduler cannot be reached or has no worker.
    """
    import joblib
    from threadpoolctl import threadpool_limits

    if not settings.dask_scheduler:
        # BLAS would start as many threads as there are cores for each of the trials.
        with threadpool_limits(1 if count > 1 else None), joblib.parallel_config(backend="threading", n_jobs=count):
            yield f"{count} at a time on this machine"
        return
    with connect(settings) as client, joblib.parallel_config(backend="dask", n_jobs=-1):
        workers = len(client.scheduler_info(n_workers=-1)["workers"])
        yield f"on {workers} Dask worker{'s' if workers > 1 else ''} at {settings.dask_scheduler}"


def connect(settings: Settings) -> "Client":
    """Connect to the scheduler, and see that it has a worker.

    Raises
    ------
    JobError
        Within `CONNECT_SECONDS` each, what is missing and how to get it.
    """
    address = settings.dask_scheduler
    try:
        from distributed import Client
    except ImportError:
        raise JobError(
            f"DASK_SCHEDULER_ADDRESS is {address!r}, but dask is not installed here. Run: pip install -r "
            "requirements-dask.txt, or unset it to search on this machine."
        ) from None
    try:
        client = Client(address, timeout=CONNECT_SECONDS)
    except (OSError, ValueError) as error:  # a timeout is an OSError too
        raise JobError(
            f"No Dask scheduler answers at {address} (DASK_SCHEDULER_ADDRESS) in {CONNECT_SECONDS:.0f} s. Start one "
            "with: dask scheduler, or unset it to search on this machine."
        ) from error
    try:
        client.wait_for_workers(1, timeout=CONNECT_SECONDS)
    except TimeoutError:
        client.close()
        raise JobError(
            f"The Dask scheduler at {address} has no worker. Start one in the app's folder with: dask worker {address}"
        ) from None
    return client
