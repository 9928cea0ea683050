"""A sweep on a real Dask cluster on loopback: a scheduler and two workers, one of which is killed at its work."""

import subprocess
import sys
from dataclasses import replace

import psutil
import pytest

from core import dataset, jobs, sweep, training, trials
from core.errors import JobError
from core.settings import Settings
from core.sweep import cluster
from tests.conftest import ROOT, end, free_port, until
from tests.test_sweep import make

distributed = pytest.importorskip("distributed", reason="requirements-dask.txt is not installed")
GRID = {"max_depth": "3,5,7", "criterion": "gini,entropy"}
SLOW = {"max_depth": "4", "criterion": "gini,entropy", "min_samples_leaf": "1,2,3"}


def silent(stage, **fields):
    pass


def dask(settings: Settings, log, *words: str, cwd=ROOT) -> subprocess.Popen:
    command = [sys.executable, "-m", "dask", *words]
    with log.open("ab") as out:
        return subprocess.Popen(command, cwd=cwd, env=settings.child_environment(), stdout=out, stderr=out)


@pytest.fixture(scope="module")
def started(tmp_path_factory, tiny_npz):
    """A scheduler and what starts workers: `start(settings) -> a process`; all of them end with the tests."""
    root, address = tmp_path_factory.mktemp("dask"), f"tcp://127.0.0.1:{free_port()}"
    quiet = Settings(home=root / "home", mnist=tiny_npz, keras_home=root / "keras", memory_mb=4096)
    words = ["scheduler", "--host", "127.0.0.1", "--port", address.rsplit(":", 1)[1], "--no-dashboard", "--no-show"]
    processes = [dask(quiet, root / "log", *words)]
    until(lambda: "Scheduler at" in (root / "log").read_text(), 120, "the scheduler")

    def start(settings: Settings, name: str, cwd=ROOT) -> subprocess.Popen:
        more = ["--nthreads", "1", "--no-dashboard", "--no-nanny", "--local-directory", str(root), "--name", name]
        processes.append(dask(settings, root / "log", "worker", address, *more, cwd=cwd))
        return processes[-1]

    yield replace(quiet, dask_scheduler=address), start
    for process in processes[::-1]:
        end(process)


@pytest.fixture
def pair(started, tiny, slow_npz):
    """Settings for the cluster, and two workers: `pair(mnist) -> settings, the processes by name`."""
    settings, start = started
    mine: list[subprocess.Popen] = []

    def begin(mnist=tiny.mnist):
        found = replace(tiny, mnist=mnist, dask_scheduler=settings.dask_scheduler)
        dataset.load(found)  # unpacked once, before two workers would do it
        named = {name: start(found, name) for name in ("one", "two")}
        mine.extend(named.values())
        with distributed.Client(settings.dask_scheduler, timeout=60, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=120)
        return found, named

    yield begin
    for process in mine:
        end(process)
    with distributed.Client(settings.dask_scheduler, timeout=60, set_as_default=False) as client:
        until(lambda: not client.scheduler_info(n_workers=-1)["workers"])


def test_the_same_sweep_on_a_cluster(pair, tiny, monkeypatch):
    settings, named = pair()
    here, there = (sweep.submit(one, make(GRID, size=1000)) for one in (tiny, settings))
    sweep.find(tiny, here, silent)
    best = sweep.find(settings, there, silent)
    serial, spread = trials.load(tiny, here), trials.load(settings, there)
    assert spread.body["where"] == "on 2 Dask workers"
    assert [one.scores for one in spread.trials] == [one.scores for one in serial.trials]
    assert best.params == serial.best.params
    # One worker is a cluster too; here nothing is fitted, for it would fail.
    end(named["two"])
    with distributed.Client(settings.dask_scheduler, timeout=60, set_as_default=False) as client:
        until(lambda: len(client.scheduler_info(n_workers=-1)["workers"]) == 1)
    monkeypatch.setattr(training, "fit", None)
    alone = sweep.submit(settings, make(GRID, size=1000))
    sweep.find(settings, alone, silent)
    assert trials.load(settings, alone).body["where"] == "on 1 Dask worker"
    assert [one.scores for one in trials.load(settings, alone).trials] == [one.scores for one in serial.trials]
    # Whoever has other data would score other images.
    with (
        pytest.raises(JobError, match=r"has the data .*, but the sweep is about abc"),
        cluster.backend(settings, 1, "abc"),
    ):
        pass


def test_a_worker_that_is_killed_costs_no_result(pair, slow_npz):
    settings, named = pair(slow_npz)
    sweep_id = sweep.submit(settings, make(SLOW, size=6000))
    jobs.start(settings, sweep_id)
    try:
        with distributed.Client(settings.dask_scheduler, timeout=60, set_as_default=False) as client:
            workers = {
                worker["name"]: where for where, worker in client.scheduler_info(n_workers=-1)["workers"].items()
            }

            def at_work():
                return trials.load(settings, sweep_id).done and client.processing().get(workers["two"])

            lost = until(at_work, 120, "a first result, and a trial on the second worker")
            psutil.Process(named["two"].pid).kill()
            until(lambda: workers["two"] not in client.scheduler_info(n_workers=-1)["workers"])
        assert lost
        assert len(trials.load(settings, sweep_id).done) < 6  # it was killed in the middle
        until(lambda: len(trials.load(settings, sweep_id).done) == 6, 200, "all trials")
        found = trials.load(settings, sweep_id)
        lines = (found.path / trials.FILE).read_text().splitlines()
        assert len(lines) == 6  # each came once
        assert {one.state for one in found.trials} == {"done"}
    finally:
        jobs.cancel(settings, sweep_id)


def test_what_is_missing_is_told_within_seconds(started, monkeypatch, tmp_path):
    settings, start = started
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 1.0)
    with pytest.raises(JobError, match=r"has no worker\. Start one in the app's folder: python -m dask worker tcp:"):
        cluster.connect(settings)
    nobody = replace(settings, dask_scheduler=f"tcp://127.0.0.1:{free_port()}")
    with pytest.raises(JobError, match=r"No Dask scheduler answers at .* Start it in the app's folder"):
        cluster.connect(nobody)
    # A worker that was started elsewhere has no `core` to import.
    process = start(settings, "lost", cwd=tmp_path)
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 60.0)
    try:
        with (
            pytest.raises(
                JobError, match=r"The Dask worker at .* cannot do a trial \(No module named 'core'|ModuleNotFound"
            ),
            cluster.backend(settings, 1, "abc"),
        ):
            pass
    finally:
        end(process)
