"""Kill whatever can be killed, at random moments, and count what is lost and what is claimed falsely.

    python bench/faults.py [--rounds 50] [--seed 0]

Each round starts a training as the server does and then kills -9 one of: who started it, the training child, the track
child, or W&B (a stand-in, which comes back with what it knew). At the end everything that is left is synced once more.
Every run must be whole and listed, or plainly failed; every run called synced must be on the server.
"""

import argparse
import contextlib
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from core import dataset, files, jobs, runs, settings, tracking  # noqa: E402 - the path must be known first
from core.errors import DigitLabError  # noqa: E402
from tests import wandb_server  # noqa: E402

TARGETS = ("starter", "training child", "track child", "W&B")
LONGEST_WAIT_SECONDS = 7.0
STARTER = """
import time
from core import launch, pipeline, settings
print(launch.start(settings.load(), pipeline.make_config("decision_tree", {"max_depth": %d}, None, "none")), flush=True)
time.sleep(600)
"""


def kill(found: settings.Settings, job_id: str) -> None:
    """Kill -9 a job's process and all below it."""
    body = files.read_json(jobs.folder(found, job_id) / "process.json")
    with contextlib.suppress(psutil.Error, TypeError):
        process = psutil.Process(body["pid"])
        for one in [process, *process.children(recursive=True)]:
            one.kill()


def one_round(found: settings.Settings, chance: random.Random, server: wandb_server.Server, stand_in) -> str:
    """Start a training, wait a random moment, kill; returns the id of the run."""
    env = found.child_environment(["WANDB_API_KEY"])
    code = STARTER % chance.randint(1, 10)
    starter = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True)
    run_id = starter.stdout.readline().strip()
    time.sleep(chance.uniform(0, LONGEST_WAIT_SECONDS))
    target = chance.choice(TARGETS)
    if target == "training child":
        kill(found, run_id)
    elif target == "track child":
        for job in jobs.list_jobs(found, "track")[:1]:
            kill(found, job.id)
    elif target == "W&B":
        stand_in.close()
        time.sleep(chance.uniform(0, 2))
        stand_in.enter_context(wandb_server.running(server))
        server.fault = lambda path, operation: None
    starter.kill()
    starter.wait()
    return run_id


def run_core(found: settings.Settings, *words: str) -> None:
    """Run one command of ours, quietly."""
    env = found.child_environment(["WANDB_API_KEY"])
    command = [sys.executable, "-m", "core", *words]
    subprocess.run(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, check=False)


def settle(found: settings.Settings) -> None:
    """Wait for every child, then sync what is left."""
    end = time.monotonic() + 600
    while time.monotonic() < end and any(job.live for job in jobs.list_jobs(found)):
        time.sleep(0.5)
    runs.sweep(found)
    for run in runs.list_runs(found):
        if not tracking.load_state(run).get("artifact"):
            run_core(found, "track", "--offline", run.id)
    run_core(found, "track", "--sync")


def verdict(found: settings.Settings, run_id: str, digests: set[str]) -> str:
    """Return what became of one run, in a word or two."""
    try:
        run = runs.load_run(found, run_id)
        for name in run.card["files"]:
            runs.verified(run, name)
    except DigitLabError:
        with contextlib.suppress(DigitLabError):
            return "plainly failed" if jobs.load_job(found, run_id).state in ("failed", "cancelled") else "LOST"
        return "plainly failed"  # so long ago that its job is no longer kept
    state = tracking.load_state(run)
    if state["state"] != "synced":
        return f"whole, {state['state']}"
    return "whole, synced" if state["artifact"]["digest"] in digests else "FALSELY SYNCED"


def main() -> int:
    """Print what became of every run; 0 = none lost and none false, 1 = otherwise."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    chance = random.Random(given.seed)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stand_in:
        server = stand_in.enter_context(wandb_server.running())
        home = Path(folder) / "home"
        found = settings.Settings(home=home, keras_home=home, wandb_api_key=wandb_server.KEY, wandb_base_url=server.url)
        dataset.save_sample(found)
        ids = [one_round(found, chance, server, stand_in) for _ in range(given.rounds)]
        settle(found)
        digests = {version["digest"] for version in server.versions()}
        counts = Counter(verdict(found, run_id, digests) for run_id in ids)
    print(f"{given.rounds} faults, seed {given.seed}, on the bundled sample")
    for what, count in counts.most_common():
        print(f"{what:<24}{count:>4}")
    lost, false = counts["LOST"], counts["FALSELY SYNCED"]
    print(f"faults: {lost} lost, {false} false (bar 0, 0)")
    return 0 if not lost + false else 1


if __name__ == "__main__":
    sys.exit(main())
