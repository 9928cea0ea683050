"""Trials per minute: one at a time, in threads on this machine, and on a Dask cluster with one and with two workers.

    python bench/sweep.py

The same eight trees from 6,000 images of MNIST each time, in the same order, each time by a process of its own that
has opened its data before. Scheduler and workers are started here, on loopback, one thread each. The bar is that two
workers do at least 1.5 times as many trials a minute as one; it needs two cores that nobody else uses.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from core import dataset, jobs, settings  # noqa: E402 - the path must be known first

BAR = 1.5
START_SECONDS = 60.0
ROUNDS = 2
# What one side does; it prints the seconds of the search alone, and the scores, which must be the same everywhere.
_SIDE = """
import json, sys, time
from core import models, pipeline, settings, sweep, trials
from core.sweep import cluster
found = settings.load()
cluster.CONNECT_SECONDS = 60.0  # a machine that is busy with something else is slow, not broken
if sys.argv[1] == "serial":
    cluster.threads = lambda *_: 1
texts = {"max_depth": "8,10,12,14", "criterion": "gini,entropy"}
wanted = sweep.make_config(pipeline.make_config("decision_tree", {}, None, "none"), texts, "grid", 8, "accuracy", 6_000)
times = []
for params in (wanted["plan"][:1] * 2, wanted["plan"]):  # the first opens data and libraries, here and there
    sweep_id = sweep.submit(found, {**wanted, "plan": params})
    began = time.perf_counter()
    sweep.find(found, sweep_id, lambda stage, **fields: None)
    times.append(time.perf_counter() - began)
scores = [one.scores["accuracy"] for one in trials.load(found, sweep_id).trials]
print(json.dumps({"seconds": times[-1], "scores": scores}))
"""


def free_port() -> int:
    """Return a port on which nobody listens just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def cluster(found: settings.Settings, folder: Path, workers: int) -> Iterator[str]:
    """Run a scheduler and workers until the end of the block; yields the scheduler's address."""
    from distributed import Client

    port = free_port()
    address, dask = f"tcp://127.0.0.1:{port}", [sys.executable, "-m", "dask"]
    words = [[*dask, "scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard", "--no-show"]]
    worker = [*dask, "worker", address, "--nthreads", "1", "--no-dashboard", "--no-nanny"]
    words += [[*worker, "--local-directory", str(folder)]] * workers
    env, quiet = found.child_environment(), subprocess.DEVNULL
    running = [subprocess.Popen(one, cwd=ROOT, env=env, stdout=quiet, stderr=quiet) for one in words]
    try:
        with Client(address, timeout=START_SECONDS) as client:
            client.wait_for_workers(workers, timeout=START_SECONDS)
        yield address
    finally:
        for process in running[::-1]:
            jobs.end_family(process.pid, grace=5.0)


def run(found: settings.Settings, name: str) -> dict:
    """Do the sweep in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", _SIDE, name],
        cwd=ROOT,
        env=found.child_environment() | {"PYTHONPATH": str(ROOT)},
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def side(found: settings.Settings, folder: Path, name: str) -> dict:
    """Do the sweep one way."""
    workers = {"1 Dask worker": 1, "2 Dask workers": 2}.get(name, 0)
    if not workers:
        return run(found, name)
    with cluster(found, folder, workers) as address:
        return run(replace(found, dask_scheduler=address), name)


def main() -> int:
    """Print the table; 0 = the bar holds, 1 = it does not, 2 = there is only the sample."""
    sides = ("serial", "threads", "1 Dask worker", "2 Dask workers")
    with tempfile.TemporaryDirectory() as folder:
        found = replace(settings.load(), home=Path(folder) / "home", dask_scheduler="", wandb_mode="disabled")
        digits = dataset.load(found)
        print(f"data: {dataset.describe(digits)}; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        if digits.is_sample:
            return 2
        began = time.perf_counter()
        results = [{name: side(found, Path(folder), name) for name in sides} for _ in range(ROUNDS)]
        print(f"{ROUNDS} rounds, the better of each, {time.perf_counter() - began:.0f} s in all")
    rates = {name: max(60 * len(r[name]["scores"]) / r[name]["seconds"] for r in results) for name in sides}
    same = all(r[name]["scores"] == results[0]["serial"]["scores"] for r in results for name in sides)
    for name, rate in rates.items():
        print(f"{name:<16}{rate:8.1f} trials a minute {rate / rates['serial']:7.2f} x serial")
    print(f"the scores are {'the same everywhere' if same else 'NOT the same everywhere'}")
    ratio = rates["2 Dask workers"] / rates["1 Dask worker"]
    print(f"sweep: {ratio:.2f} (bar {BAR:.2f})")
    return 0 if ratio >= BAR and same else 1


if __name__ == "__main__":
    sys.exit(main())
