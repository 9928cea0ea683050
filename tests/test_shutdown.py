"""What Heroku does at every deploy and every day: SIGTERM to all processes, and 30 seconds until SIGKILL."""

import signal
import subprocess
import sys
from dataclasses import replace

import psutil
import pytest

from core import jobs, launch, pipeline, runs
from tests.conftest import ROOT, end, free_port, get, server_command, until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")
GRACE = 30


@pytest.fixture
def dyno(tmp_path):
    """Start the Procfile's own command; returns its process and address."""
    started = []

    def start(settings):
        port = free_port()
        env = settings.child_environment() | {"HOME": str(tmp_path), "DIGITLAB_MEMORY_MB": str(settings.memory_mb)}
        with (tmp_path / "server.log").open("wb") as log:
            started.append(subprocess.Popen(server_command(port), cwd=ROOT, env=env, stdout=log, stderr=log))
        url = f"http://127.0.0.1:{port}"
        until(lambda: get(f"{url}/api/health"), what="the server")
        return started[-1], url

    yield start
    for process in started:
        end(process)


def works_on(home) -> list[psutil.Process]:
    """Return every process of ours that has this home."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("DIGITLAB_HOME") == str(home) and "core" in process.cmdline():
                found.append(process)
        except psutil.Error:
            pass
    return found


@pytest.mark.browser
@pytest.mark.parametrize("memory_mb", [512, 4096])
def test_sigterm_to_all_leaves_every_run_whole_or_plainly_failed(dyno, tiny, slow_npz, chromium, memory_mb):
    settings = replace(tiny, mnist=slow_npz, memory_mb=memory_mb)
    server, url = dyno(settings)
    page = chromium.new_page()
    page.goto(f"{url}/Train")
    page.get_by_role("button", name="Train", exact=True).wait_for(timeout=60_000)
    endless = pipeline.make_config("decision_tree", {"max_depth": None}, None, "none")
    ids = [launch.start(settings, endless) for _ in range(2)]  # one at work, one in the queue
    until(lambda: jobs.load_job(settings, ids[0]).stage == "fit", what="the fit")
    until(lambda: jobs.load_job(settings, ids[1]).stage == "queued", what="the queue")

    everything = [psutil.Process(server.pid), *works_on(settings.home)]
    for process in everything:
        process.terminate()
    left = psutil.wait_procs(everything, timeout=GRACE)[1]
    page.close()

    assert not left
    assert [jobs.load_job(settings, run_id).state for run_id in ids] == ["cancelled", "cancelled"]
    assert not any(job.live for job in jobs.list_jobs(settings))
    assert not works_on(settings.home)
    runs.sweep(settings)
    assert not list(runs.folder(settings).glob("*"))


def test_a_server_that_ends_alone_leaves_its_training_at_work(dyno, tiny, slow_npz):
    settings = replace(tiny, mnist=slow_npz)
    server, _ = dyno(settings)
    run_id = launch.start(settings, pipeline.make_config("decision_tree", {"max_depth": None}, None, "none"))
    until(lambda: jobs.load_job(settings, run_id).stage == "fit", what="the fit")
    server.send_signal(signal.SIGTERM)
    server.wait(GRACE)
    assert jobs.load_job(settings, run_id).live
    for job in jobs.list_jobs(settings):
        jobs.cancel(settings, job.id)
    assert not works_on(settings.home)
