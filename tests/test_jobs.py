"""Jobs as real child processes: queued, followed, cancelled, killed at every stage, orphaned; nothing half-written."""

import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psutil
import pytest
from filelock import FileLock

from core import dataset, files, jobs, launch, pipeline, runs, worker
from core.errors import JobError
from tests.conftest import ROOT, free_port, until

DEFAULT = pipeline.make_config("decision_tree", {}, None, "none")
ENDLESS = pipeline.make_config("decision_tree", {"max_depth": None}, None, "none")
posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")


@pytest.fixture
def home(tiny):
    """A home whose processes are ended afterwards."""
    yield tiny
    for job_id in jobs.list_ids(tiny):
        jobs.cancel(tiny, job_id)


@pytest.fixture
def slow(home, slow_npz):
    """The same on data that keeps a fit busy."""
    return replace(home, mnist=slow_npz)


def begin(settings, config=DEFAULT) -> str:
    run_id = launch.submit(settings, config)
    jobs.start(settings, run_id)
    return run_id


def wait_stage(settings, job_id: str, stage: str) -> None:
    def seen():
        return any(e["stage"] == stage for e in jobs.load_job(settings, job_id).events)

    until(seen, what=f"stage {stage} of {job_id}")


def wait_state(settings, job_id: str, *states: str) -> jobs.Job:
    def reached():
        job = jobs.load_job(settings, job_id)
        return job if job.state in states else None

    return until(reached, what=f"{states} of {job_id}")


def pid(settings, job_id: str) -> int:
    return files.read_json(jobs.folder(settings, job_id) / "process.json")["pid"]


def whole_or_nothing(settings) -> list[runs.Run]:
    """Return the runs, each with every file as it was sealed; nothing else may lie about after a sweep."""
    until(lambda: runs.sweep(settings) is not None)
    found = runs.list_runs(settings)
    assert runs.list_unusable(settings) == []
    for run in found:
        for name in run.card["files"]:
            runs.verified(run, name)
    lying = {p.name for p in runs.folder(settings).glob("*")} | {p.name for p in runs.folder(settings).glob(".*")}
    assert lying == {run.id for run in found}
    return found


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"alive": True, "stage": "queued"}, "queued"),
        ({"alive": True, "stage": "fit"}, "running"),
        ({"alive": True, "stage": ""}, "running"),
        ({"alive": True, "stage": "seal", "result": True}, "running"),
        ({"stage": "done"}, "done"),
        ({"stage": "seal", "result": True}, "done"),  # killed after the rename: the run is whole
        ({"stage": "fit", "cancelled": True}, "cancelled"),
        ({"stage": "cancelled"}, "cancelled"),
        ({"stage": "seal", "result": True, "cancelled": True}, "done"),  # cancelled too late
        ({"stage": "fit"}, "failed"),
        ({"stage": "failed"}, "failed"),
        ({"starting": True}, "starting"),
        ({"starting": True, "cancelled": True}, "cancelled"),
        ({}, "failed"),
    ],
)
def test_state(facts, expected):
    nothing = {"alive": False, "starting": False, "stage": "", "cancelled": False, "result": False}
    assert jobs.state(**(nothing | facts)) == expected


def test_ids_sort_by_age_and_are_names():
    assert jobs.new_id("data") < jobs.new_id("train").replace("20", "30", 1)
    assert "/" not in jobs.new_id("decision_tree")


def test_ids_of_the_same_second_differ():
    ids = [jobs.new_id("train") for _ in range(1000)]
    assert len(set(ids)) == len(ids)


def test_a_job_runs_to_its_end_and_makes_a_run(home):
    run_id = begin(home)
    job = wait_state(home, run_id, "done", "failed")
    assert job.state == "done", job.message
    assert [e["stage"] for e in job.events] == ["queued", *pipeline.STAGES, "done"]
    assert [r.id for r in whole_or_nothing(home)] == [run_id]


def test_training_and_tracking_together(home):
    run_id = launch.start(home, DEFAULT)
    (track,) = jobs.list_jobs(home, "track")
    assert wait_state(home, run_id, "done", "failed").state == "done"
    assert wait_state(home, track.id, "done", "failed").state == "done"
    state = files.read_json(home.home / "runs" / run_id / "tracking.json")
    assert state["state"] == "local only"
    assert len(whole_or_nothing(home)) == 1


def test_oldest_first_one_at_a_time(home):
    ids = [begin(home) for _ in range(3)]
    for run_id in ids:
        wait_state(home, run_id, "done")
    began = [next(e["t"] for e in jobs.load_job(home, i).events if e["stage"] == "data") for i in ids]
    ended = [jobs.load_job(home, i).events[-1]["t"] for i in ids]
    assert began == sorted(began)
    assert all(end <= next_ for end, next_ in zip(ended, began[1:], strict=False))


def test_two_slots_run_two_at_a_time(slow):
    two = replace(slow, max_jobs=2)
    ids = [begin(two, ENDLESS) for _ in range(3)]
    for run_id in ids[:2]:
        wait_stage(two, run_id, "fit")
    assert wait_state(two, ids[2], "queued")


def test_a_queued_job_waits_in_a_few_megabytes(slow):
    begin(slow, ENDLESS)
    waiting = begin(slow)
    wait_state(slow, waiting, "queued")
    assert psutil.Process(pid(slow, waiting)).memory_info().rss < 45 * 2**20


def test_cancel_while_fitting_is_quick_and_leaves_nothing(slow):
    run_id = begin(slow, ENDLESS)
    wait_stage(slow, run_id, "fit")
    jobs.cancel(slow, run_id)
    job = jobs.load_job(slow, run_id)
    assert job.state == "cancelled"
    assert not psutil.pid_exists(pid(slow, run_id)) or psutil.Process(pid(slow, run_id)).status() == "zombie"
    assert whole_or_nothing(slow) == []


def test_cancel_while_queued_lets_the_others_be(slow):
    first, second = begin(slow, ENDLESS), begin(slow)
    wait_stage(slow, first, "fit")
    wait_state(slow, second, "queued")
    jobs.cancel(slow, second)
    assert jobs.load_job(slow, second).state == "cancelled"
    assert jobs.load_job(slow, first).state == "running"


def test_cancel_before_the_child_has_begun(home):
    run_id = launch.submit(home, DEFAULT)
    jobs.cancel(home, run_id)
    assert jobs.load_job(home, run_id).state == "cancelled"
    jobs.start(home, run_id)  # too late: it must not train
    until(lambda: not jobs.is_alive(home, run_id) and jobs.load_job(home, run_id).stage == "cancelled")
    assert whole_or_nothing(home) == []


def test_cancel_after_the_end_changes_nothing(home):
    run_id = begin(home)
    wait_state(home, run_id, "done")
    jobs.cancel(home, run_id)
    assert jobs.load_job(home, run_id).state == "done"
    assert len(whole_or_nothing(home)) == 1


@posix
def test_sigterm_means_cancel_even_within_a_fit(slow):
    run_id = begin(slow, ENDLESS)
    wait_stage(slow, run_id, "fit")
    os.kill(pid(slow, run_id), signal.SIGTERM)
    assert wait_state(slow, run_id, "cancelled")
    assert whole_or_nothing(slow) == []


@posix
@pytest.mark.parametrize("stage", ["queued", *pipeline.STAGES])
def test_kill_9_at_each_stage(home, stage):
    run_id = begin(home)
    wait_stage(home, run_id, stage)
    os.kill(pid(home, run_id), signal.SIGKILL)
    job = wait_state(home, run_id, "failed", "done")
    found = whole_or_nothing(home)
    if job.state == "failed":
        assert found == []
        assert "without a word" in job.message
    else:  # the rename came first
        assert [r.id for r in found] == [run_id]


KILLED_WITHIN = {
    "data": ("dataset", "load"),
    "fit": ("training", "fit"),
    "evaluate": ("runs", "save_evaluation"),
    "export": ("export", "save_onnx"),
    "seal": ("runs.writing", "sha256"),
}


@posix
@pytest.mark.parametrize("stage", KILLED_WITHIN)
def test_killed_in_the_midst_of_a_stage(home, stage):
    """The same without luck: the child kills itself where the stage does its work."""
    module, function = KILLED_WITHIN[stage]
    code = (
        "import os, signal, sys\n"
        f"import core.{module}\n"
        "from core import cli\n"
        f"core.{module}.{function} = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)\n"
        "cli.main(['train', '--job', sys.argv[1]])\n"
    )
    run_id = launch.submit(home, DEFAULT)
    done = subprocess.run([sys.executable, "-c", code, run_id], cwd=ROOT, env=home.child_environment(), check=False)
    assert done.returncode == -signal.SIGKILL
    job = jobs.load_job(home, run_id)
    assert (job.state, job.stage) == ("failed", stage)
    assert f"ended in the stage “{stage}” without a word" in job.message
    assert runs.list_runs(home) == []
    assert (home.home / "runs" / f".partial-{run_id}").exists() == (stage != "data")
    assert whole_or_nothing(home) == []
    following = begin(home)
    assert wait_state(home, following, "done", "failed").state == "done"


@posix
def test_a_dead_jobs_slot_goes_to_the_next(slow):
    first, second = begin(slow, ENDLESS), begin(slow)
    wait_stage(slow, first, "fit")
    os.kill(pid(slow, first), signal.SIGKILL)
    wait_stage(slow, second, "data")


def test_a_child_that_cannot_begin_is_failed_with_its_log(home):
    run_id = launch.submit(home, DEFAULT)
    path = jobs.folder(home, run_id) / "config.json"
    body = files.read_json(path)
    files.write_json(path, body | {"config": body["config"] | {"family": "magic"}})
    jobs.start(home, run_id)
    job = wait_state(home, run_id, "failed")
    assert job.message.startswith("There is no model family 'magic'; there are decision_tree, ")


def test_an_unexpected_error_is_told_and_logged(home):
    run_id = launch.submit(home, DEFAULT)
    (home.home / "runs").write_text("a file where the folder should be")
    jobs.start(home, run_id)
    job = wait_state(home, run_id, "failed")
    assert job.message.startswith(("NotADirectoryError", "FileExistsError"))
    assert "Traceback" in (jobs.folder(home, run_id) / "log.txt").read_text()


def test_a_job_outlives_who_started_it(home):
    code = (
        "from core import launch, pipeline, settings\n"
        "print(launch.start(settings.load(), pipeline.make_config('decision_tree', {}, None, 'none')))\n"
    )
    env = home.child_environment()
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert wait_state(home, done.stdout.strip(), "done", "failed").state == "done"


def test_the_last_hundred_are_kept(home):
    ids = [f"20260101-000{n:03}-decision_tree-abcd" for n in range(jobs.KEEP + 3)]
    for job_id in ids:
        jobs.submit(home, job_id, "train", DEFAULT)
        (jobs.folder(home, job_id) / "cancel").touch()
    assert jobs.list_ids(home) == ids[:2:-1]
    for job_id in ids[:3]:
        with pytest.raises(JobError, match="There is no job"):
            jobs.load_job(home, job_id)


def test_half_an_event_is_not_read(home):
    run_id = launch.submit(home, DEFAULT)
    with (jobs.folder(home, run_id) / "events.jsonl").open("w") as file:
        file.write('{"t": 1, "stage": "fit"}\n{"t": 2, "sta')
    assert [e["stage"] for e in jobs.load_job(home, run_id).events] == ["fit"]


def data_job(settings, url: str, sha256: str) -> str:
    job_id = jobs.new_id("data")
    jobs.submit(settings, job_id, "data", {"download": True, "url": url, "sha256": sha256}, slot=False)
    jobs.start(settings, job_id)
    return job_id


def test_a_data_job_without_network_fails_but_leaves_the_sample(home):
    fresh = replace(home, mnist=None)
    job = wait_state(fresh, data_job(fresh, f"http://127.0.0.1:{free_port()}/mnist.npz", "0" * 64), "failed", "done")
    assert job.state == "failed"
    assert job.message.startswith("MNIST could not be downloaded (ConnectionError).")
    assert [e["stage"] for e in job.events] == ["queued", "sample", "download", "failed"]
    assert dataset.load(fresh).is_sample


@posix
@pytest.mark.parametrize("how", ["kill", "cancel"])
def test_a_data_job_that_is_stopped_halfway_leaves_no_file(home, how):
    fresh = replace(home, mnist=None)
    with socket.create_server(("127.0.0.1", 0)) as server:
        job_id = data_job(fresh, f"http://127.0.0.1:{server.getsockname()[1]}/mnist.npz", "0" * 64)
        server.settimeout(60)
        connection, _ = server.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 400_000)
            until(lambda: any(e.get("done") for e in jobs.load_job(fresh, job_id).events), what="half of the file")
            if how == "kill":
                os.kill(pid(fresh, job_id), signal.SIGKILL)
            else:
                jobs.cancel(fresh, job_id)
            wait_state(fresh, job_id, "failed" if how == "kill" else "cancelled")
    assert not dataset.keras_file(fresh).exists()
    assert dataset.load(fresh).is_sample


def test_the_tracker_waits_in_a_few_megabytes_and_leaves_with_its_run(slow):
    run_id = launch.start(slow, ENDLESS)
    (track,) = jobs.list_jobs(slow, "track")
    wait_stage(slow, run_id, "fit")
    wait_stage(slow, track.id, "waiting")
    assert psutil.Process(pid(slow, track.id)).memory_info().rss < 45 * 2**20
    jobs.cancel(slow, run_id)
    assert [e["stage"] for e in wait_state(slow, track.id, "done", "failed").events] == ["queued", "waiting", "done"]
    assert whole_or_nothing(slow) == []


def test_many_visitors_looks_do_not_bring_a_dead_job_to_life(settings):
    job_id = "20260101-000000-decision_tree-abcd"
    jobs.submit(settings, job_id, "train", DEFAULT)
    (jobs.folder(settings, job_id) / "lock").touch()
    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(lambda _: jobs.is_alive(settings, job_id), range(2000)))
    assert not any(seen)


def test_what_is_no_job_does_not_stop_new_ones(settings):
    (settings.home / "jobs" / "20200101-000000-x").mkdir(parents=True)
    for n in range(jobs.KEEP + 1):
        job_id = f"20260101-0000{n:02}-decision_tree-abcd"
        jobs.submit(settings, job_id, "train", DEFAULT)
        (jobs.folder(settings, job_id) / "cancel").touch()
    assert len(jobs.list_jobs(settings)) == jobs.KEEP


def test_a_job_that_is_just_being_pruned_is_not_listed(settings):
    kept, going = "20260101-000000-decision_tree-abcd", "20260101-000001-decision_tree-abcd"
    for job_id in (kept, going):
        jobs.submit(settings, job_id, "train", DEFAULT)
    (jobs.folder(settings, going) / "events.jsonl").unlink()
    assert [job.id for job in jobs.list_jobs(settings)] == [kept]
    with pytest.raises(JobError, match="There is no job"):
        jobs.load_job(settings, going)


def test_a_job_that_begins_while_it_is_looked_at_has_not_failed(settings, monkeypatch):
    job_id = "20260101-000000-decision_tree-abcd"
    jobs.submit(settings, job_id, "train", DEFAULT)
    path, lock = jobs.folder(settings, job_id), FileLock(jobs.folder(settings, job_id) / "lock")
    read = jobs._read_events

    def begins_just_now(folder):
        lock.acquire()
        (path / "events.jsonl").write_text('{"t": 1, "stage": "queued"}\n')
        return read(folder)

    monkeypatch.setattr(jobs, "_read_events", begins_just_now)
    with lock:
        lock.release()
        assert jobs.load_job(settings, job_id).state == "queued"


@pytest.mark.parametrize(("events", "waits"), [("", True), ("queued", True), ("data", False), ("done", False)])
def test_a_job_waits_for_an_older_one_until_that_has_passed(settings, events, waits):
    older, mine = "20260101-000000-decision_tree-abcd", (time.time() + 1, "20260101-000001-decision_tree-abcd")
    jobs.submit(settings, older, "train", DEFAULT)
    if events:
        (jobs.folder(settings, older) / "events.jsonl").write_text(f'{{"t": 1, "stage": "{events}"}}\n')
    with FileLock(jobs.folder(settings, older) / "lock"):  # alive, in whatever stage
        assert worker._waits_before(settings, older, mine) == waits
    assert not worker._waits_before(settings, older, (0.0, older))  # that one is younger
