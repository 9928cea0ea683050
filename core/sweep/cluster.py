"""Where the trials of a sweep run: in threads on this machine, or on a Dask cluster where the settings name one."""

import contextlib
import os
import queue
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.errors import JobError
from core.models import ModelSpec, Params
from core.settings import SERVER_MB, Settings
from core.sweep import trial
from core.texts import t

if TYPE_CHECKING:
    from distributed import Client

CONNECT_SECONDS = 5.0
LOST_SECONDS = 15.0  # so long nothing is under way and nothing comes: what is missing then never comes
_LOST = (
    "The cluster lost this trial: again and again the worker that had it died, most likely for want of memory. Give it "
    "more, or use fewer images."
)
_UNFIT = (
    "The Dask {who} cannot do a trial ({why}). Start it in the app's folder, with its packages, by: python -m dask "
    "{what}"
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where trials run; `client` is that of a cluster, None on this machine."""

    words: str
    client: "Client | None" = None


def threads(settings: Settings, spec: ModelSpec, rows: int, trials: Sequence[Params]) -> int:
    """Return how many trials run at a time here: no more than there are cores, and than the memory holds.

    scikit-learn lets go of Python's lock while it grows a tree or multiplies matrices, so threads use all cores and
    share the images (eight fits in 215 MB, against 544 with processes).

    Parameters
    ----------
    rows : int
        From how many images a trial learns, variants among them. Each trial is counted with all that a process of its
        own would need, which is more than threads do.
    trials : sequence of parameters
        The hungriest of them decides.
    """
    if spec.needs:  # TensorFlow uses all cores by itself, and its seed is the process's
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    fit = (settings.memory_mb - SERVER_MB) / max(spec.memory_mb(one, rows, settings.small) for one in trials)
    return max(1, min(cores, len(trials), int(fit) if settings.memory_mb else cores))


@contextlib.contextmanager
def backend(settings: Settings, count: int, data_sha256: str = "") -> Iterator[Place]:
    """Let `joblib.Parallel` run on the cluster of the settings, else in `count` threads.

    Parameters
    ----------
    data_sha256 : str
        Of the data that every worker must have.

    Raises
    ------
    JobError
        If dask is not installed, the scheduler cannot be reached or has no worker, or a worker cannot do a trial.
    """
    import joblib
    from threadpoolctl import threadpool_limits

    if not settings.dask_scheduler:
        # BLAS would start as many threads as there are cores for each of the trials.
        with threadpool_limits(1 if count > 1 else None), joblib.parallel_config(backend="threading", n_jobs=count):
            yield Place(t("{count} at a time on this machine", count=count))
        return
    with connect(settings) as client:
        workers = _check(client, data_sha256)
        with joblib.parallel_config(backend=_on_cluster(client), n_jobs=-1):
            yield Place(t("on {n} Dask workers", n=workers) if workers > 1 else t("on 1 Dask worker"), client)


def _on_cluster(client: "Client") -> Any:
    from joblib._dask import DaskDistributedBackend

    class Cluster(DaskDistributedBackend):
        """joblib's own "dask" backend, but for one thing."""

        def effective_n_jobs(self, n_jobs: int) -> int:
            # To a cluster of one worker with one thread joblib would send nothing, and do the work here.
            return max(2, super().effective_n_jobs(n_jobs))

    return Cluster(client=client)


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
            t(
                "DASK_SCHEDULER_ADDRESS is {address!r}, but dask is not installed here. Run: pip install -r "
                "requirements-dask.txt, or unset it to search on this machine.",
                address=address,
            )
        ) from None
    try:
        client = Client(address, timeout=CONNECT_SECONDS)
    except (OSError, ValueError) as error:  # a timeout is an OSError too
        raise JobError(
            t(
                "No Dask scheduler answers at {address} (DASK_SCHEDULER_ADDRESS) in {seconds:.0f} s. "
                "Start it in the app's folder by: python -m dask scheduler, or unset it to search on this "
                "machine.",
                address=address,
                seconds=CONNECT_SECONDS,
            )
        ) from error
    try:
        client.wait_for_workers(1, timeout=CONNECT_SECONDS)
    except TimeoutError:
        client.close()
        raise JobError(
            t(
                "The Dask scheduler at {address} has no worker. Start one in the app's folder: python -m dask "
                "worker {address}",
                address=address,
            )
        ) from None
    return client


def _check(client: "Client", data_sha256: str) -> int:
    # joblib waits for ever for a task that scheduler or worker cannot even read, so both are asked before.
    try:
        client.run_on_scheduler(trial.ready)
        answers = client.run(trial.data_here, on_error="return")
    except Exception as error:  # whatever dask, or the other side's Python, says
        raise JobError(
            t(_UNFIT, who=f"scheduler at {client.scheduler.address}", why=error, what="scheduler")
        ) from error
    for worker, answer in answers.items():
        if isinstance(answer, Exception):
            raise JobError(t(_UNFIT, who=f"worker at {worker}", why=answer, what="worker ADDRESS"))
        if answer != data_sha256:
            raise JobError(
                t(
                    "The Dask worker at {worker} has the data {answer}, but the sweep is about {data_sha256}. "
                    "Give every worker the same DIGITLAB_MNIST.",
                    worker=worker,
                    answer=answer[:12],
                    data_sha256=data_sha256[:12],
                )
            )
    return len(answers)


def watched(place: Place, cards: Iterator[dict[str, Any]], count: int) -> Iterator[dict[str, Any]]:
    """Yield the cards of `count` trials as they come; those that a cluster has lost for good come as failed.

    joblib's Dask backend never tells of a task that ended in an error of Dask's own, and would wait for it for ever.

    Raises
    ------
    JobError
        If the scheduler is gone.
    """
    if place.client is None:
        yield from cards
        return
    came: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    def fetch() -> None:
        for card in cards:
            came.put(card)

    threading.Thread(target=fetch, daemon=True).start()
    missing, since = set(range(1, count + 1)), time.monotonic()
    while missing:
        try:
            card = came.get(timeout=0.5)
        except queue.Empty:
            states = [future.status for future in list(place.client.futures.values())]
            if "pending" in states and place.client.status == "running":
                since = time.monotonic()
            if time.monotonic() - since < LOST_SECONDS:
                continue
            if place.client.status != "running":
                raise JobError(
                    t("The Dask scheduler is gone. What was finished is kept; start it and search again.")
                ) from None
            break
        missing.discard(card["number"])
        since = time.monotonic()
        yield card
    yield from ({"number": number, "state": "failed", "message": t(_LOST)} for number in sorted(missing))
