"""Trials per minute: one at a time, in threads on this machine, and on a Dask cluster with one and with two workers.

    python bench/sweep.py

The same eight trees from 10,000 images of MNIST each time. Schedulers and workers are started here, on loopback, one
thread each, and wait while it is not their turn; the four sides take turns, round by round, so that whatever else the
machine does meets them all, and the median of the rounds' ratios counts. The bar is that two workers do at least 1.5
times as many trials a minute as one. Takes some minutes.
"""

import contextlib
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from core import dataset, jobs, models, pipeline, settings, sweep, trials  # noqa: E402 - the path must be known first
from core.sweep import cluster  # noqa: E402

BAR = 1.5
ROUNDS = 5
START_SECONDS = 120.0  # a machine that is busy with something else is slow, not broken
SPACE = {"max_depth": "8,10,12,14", "criterion": "gini,entropy"}
SERIAL, THREADS, ONE, TWO = "one at a time", "threads", "1 Dask worker", "2 Dask workers"


def free_port() -> int:
    """Return a port on which nobody listens just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running(found: settings.Settings, folder: Path, workers: int) -> Iterator[settings.Settings]:
    """Run a scheduler and workers until the end of the block; yields the settings that use them."""
    from distributed import Client

    port = free_port()
    address, dask = f"tcp://127.0.0.1:{port}", [sys.executable, "-m", "dask"]
    words = [[*dask, "scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard", "--no-show"]]
    worker = [*dask, "worker", address, "--nthreads", "1", "--no-dashboard", "--no-nanny"]
    words += [[*worker, "--local-directory", str(folder)]] * workers
    env, quiet = found.child_environment(), subprocess.DEVNULL
    processes = [subprocess.Popen(one, cwd=ROOT, env=env, stdout=quiet, stderr=quiet) for one in words]
    try:
        with Client(address, timeout=START_SECONDS, set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=START_SECONDS)
        yield replace(found, dask_scheduler=address)
    finally:
        for process in processes[::-1]:
            jobs.end_family(process.pid, grace=5.0)


def rate(found: settings.Settings, count: int) -> tuple[float, list[float]]:
    """Do the sweep, `count` trials at a time where that is in threads; returns trials a minute, and the scores."""
    config = pipeline.make_config("decision_tree", {}, None, "none")
    sweep_id = sweep.submit(found, sweep.make_config(config, SPACE, "grid", 8, "accuracy", 10_000))
    cluster.threads = lambda *_: count
    began = time.perf_counter()
    sweep.find(found, sweep_id, lambda stage, **fields: None)
    seconds = time.perf_counter() - began
    done = trials.load(found, sweep_id).done
    return 60 * len(done) / seconds, [one.scores["accuracy"] for one in done]


def measure(found: settings.Settings, folder: Path) -> tuple[dict[str, list[float]], bool]:
    """Let all sides take turns; returns the trials a minute of each round, and whether all scores were the same."""
    cluster.CONNECT_SECONDS = START_SECONDS
    cores = cluster.threads(found, models.spec("decision_tree"), 10_000, [{}] * 8)
    with running(found, folder, 1) as one, running(found, folder, 2) as two:
        sides = {SERIAL: (found, 1), THREADS: (found, cores), ONE: (one, 1), TWO: (two, 1)}
        scores = [rate(*side)[1] for side in sides.values()]  # the first opens data and libraries, here and there
        rates: dict[str, list[float]] = {name: [] for name in sides}
        for number in range(ROUNDS):
            for name in list(sides) if number % 2 else list(sides)[::-1]:
                figure, found_scores = rate(*sides[name])
                rates[name].append(figure)
                scores.append(found_scores)
    return rates, all(one == scores[0] for one in scores)


def main() -> int:
    """Print the table; 0 = the bar holds, 1 = it does not, 2 = there is only the sample."""
    with tempfile.TemporaryDirectory() as folder:
        found = replace(settings.load(), home=Path(folder) / "home", dask_scheduler="", wandb_mode="disabled")
        digits = dataset.load(found)
        print(f"data: {dataset.describe(digits)}")
        if digits.is_sample:
            return 2
        rates, same = measure(found, Path(folder))
    for name, figures in rates.items():
        times = statistics.median(a / b for a, b in zip(figures, rates[SERIAL], strict=True))
        print(f"{name:<16}{statistics.median(figures):8.1f} trials a minute {times:7.2f} x one at a time")
    print(f"the scores are {'the same everywhere' if same else 'NOT the same everywhere'}")
    print(f"{ROUNDS} rounds on {os.cpu_count()} cores; load {os.getloadavg()[1]:.1f}, of which at most 2 is ours")
    ratio = statistics.median(a / b for a, b in zip(rates[TWO], rates[ONE], strict=True))
    print(f"sweep: {ratio:.2f} (bar {BAR:.2f})")
    return 0 if ratio >= BAR and same else 1


if __name__ == "__main__":
    sys.exit(main())
