"""How fast an empty server serves again what was synced: data folder and server gone, W&B (a stand-in) remains.

    python bench/restore.py

Trains the default tree on whatever data there is, logs and syncs it with the real client, throws the home away, starts
the real server on an empty one and waits until it is ready; then compares every file, byte for byte.
"""

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from core import jobs, runs, settings  # noqa: E402 - the path must be known first
from tests import wandb_server  # noqa: E402
from tests.conftest import free_port  # noqa: E402

BAR_SECONDS = 10.0
GIVE_UP_SECONDS = 60.0


def run_core(found: settings.Settings, *words: str) -> None:
    """Run one command of ours; its failure ends the bench."""
    env = found.child_environment(["WANDB_API_KEY"])
    subprocess.run([sys.executable, "-m", "core", *words], cwd=ROOT, env=env, check=True, stdout=subprocess.DEVNULL)


def wait_ready(url: str) -> float:
    """Return how many seconds it takes until the server says that a model serves; infinity if it never does."""
    began = time.monotonic()
    while time.monotonic() - began < GIVE_UP_SECONDS:
        try:
            with urllib.request.urlopen(f"{url}/api/health", timeout=2) as answer:
                if json.load(answer)["ready"]:
                    return time.monotonic() - began
        except OSError:
            pass
        time.sleep(0.05)
    return float("inf")


def serve_again(found: settings.Settings) -> float:
    """Start the server on an empty home; returns the seconds from the start of the process to ready."""
    port = free_port()
    words = [sys.executable, "-m", "uvicorn", "app:app", "--port", str(port), "--no-access-log"]
    env, quiet = found.child_environment(["WANDB_API_KEY"]), subprocess.DEVNULL
    server = subprocess.Popen(words, cwd=ROOT, env=env, stdout=quiet, stderr=quiet)
    try:
        return wait_ready(f"http://127.0.0.1:{port}")
    finally:
        jobs.end_family(server.pid)


def main() -> int:
    """Print the table; 0 = the bar holds, 1 = it does not."""
    with tempfile.TemporaryDirectory() as folder, wandb_server.running() as stand_in:
        base = replace(settings.load(), wandb_api_key=wandb_server.KEY, wandb_base_url=stand_in.url)
        first, second = (replace(base, home=Path(folder) / name) for name in ("first", "second"))
        run_core(first, "train")
        (trained,) = runs.list_runs(first)
        body = {p.name: p.read_bytes() for p in trained.path.iterdir() if p.name != "tracking.json"}
        seconds = serve_again(second)
        found = runs.list_runs(second)
        same = bool(found) and all((found[0].path / name).read_bytes() == held for name, held in body.items())
    print(f"data: {trained.card['data']['title']}; run {trained.id}, {sum(map(len, body.values())):,} bytes")
    print(f"{'start of the process to ready':<32}{seconds:8.1f} s")
    print(f"{'every file the same':<32}{'yes' if same else 'no':>8}")
    print(f"restore: {seconds:.1f} s (bar {BAR_SECONDS:.0f} s)")
    return 0 if same and seconds <= BAR_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
