"""How fast the HTTP API is: ours against a bare FastAPI app, and against the exercise's design.

One forest of 100 trees, the same PNG of a drawing, the same uvicorn settings; a Chromium session is open on Draw; the
load comes from a second process on loopback, over four connections, the servers in turn, round by round.

- ours: the Procfile's own command, `POST /api/predict`: decodes, normalises, answers by ONNX Runtime
- bare: decodes, resizes, calls `predict_proba` of the forest that it loaded once, as it was fitted: on both cores
- one core: the same with `n_jobs=1` set after loading, which few think of; listed, without a bar
- exercise: like bare, but `joblib.load` at each request

Bars: at least 5 times the bare app's requests/s, 20 times the exercise's; over 20,000 requests the memory of our server
stays within 5 %. Exits 2 without all of MNIST (DIGITLAB_MNIST).
"""

import asyncio
import io
import json
import multiprocessing
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from core import models, pipeline  # noqa: E402 - the path must be known first
from core import settings as environment  # noqa: E402
from tests.conftest import CHROMIUM_FLAGS, IDLE, end, free_port, get, server_command  # noqa: E402

BAR_BARE, BAR_EXERCISE, BAR_MEMORY = 5.0, 20.0, 0.05
ROUNDS, SECONDS, CONNECTIONS = 4, 4.0, 4
WARM_UP, MANY = 3_000, 20_000
OTHER = """
import io, joblib, numpy as np
from fastapi import FastAPI, Request
from PIL import Image

app, forest, careful = FastAPI(), joblib.load({path!r}), joblib.load({path!r})
careful[-1].n_jobs = 1

def answer(model, body):
    pixels = np.asarray(Image.open(io.BytesIO(body)).convert("L").resize((28, 28)))
    proba = model.predict_proba(pixels[None])[0]
    return {{"label": int(proba.argmax()), "proba": proba.tolist()}}

@app.get("/api/health")
def health():
    return {{}}

@app.post("/bare")
async def bare(request: Request):
    return answer(forest, await request.body())

@app.post("/one-core")
async def one_core(request: Request):
    return answer(careful, await request.body())

@app.post("/exercise")
async def exercise(request: Request):
    return answer(joblib.load({path!r}), await request.body())
"""


def main() -> int:
    """Print the table; return the exit code."""
    settings = environment.load()
    if not settings.mnist:
        print("bench/api.py needs all of MNIST: set DIGITLAB_MNIST to a mnist.npz.")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        home = replace(settings, home=Path(folder), password="", wandb_api_key="")
        run = make_run(home)
        print(f"{run.card['label']}, accuracy {run.metrics['accuracy']:.4f}, {settings.mnist.name}")
        ports, started = serve(home, run), []
        try:
            started = [process for process, _ in ports.values()]
            return measure({name: port for name, (_, port) in ports.items()}, ports["ours"][0].pid)
        finally:
            for process in started:
                end(process)


def make_run(settings):
    """Train the forest as a run like any other."""

    def build(params):
        from sklearn.ensemble import RandomForestClassifier

        return models.family.on_pixels(RandomForestClassifier(100, max_depth=16, n_jobs=2, random_state=42))

    tree = models.spec("decision_tree")
    models.CATALOGUE["bench_forest"] = replace(
        tree, name="bench_forest", label="Forest of 100 trees", parameters=(), build=build
    )
    config = pipeline.make_config("bench_forest", {}, None, "none")
    return pipeline.train(settings, "20260101-000000-bench_forest-0000", config, lambda stage, **fields: None)


def serve(settings, run) -> dict[str, tuple[subprocess.Popen, int]]:
    """Start the two servers; returns process and port of each design."""
    other = settings.home / "other.py"
    other.write_text(OTHER.format(path=str(run.path / "model.joblib")))
    ours, theirs = free_port(), free_port()
    env = settings.child_environment() | {"DIGITLAB_RATE": "0"}
    quiet = {"env": env, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    command = server_command(theirs)
    one = subprocess.Popen(server_command(ours), cwd=ROOT, **quiet)
    two = subprocess.Popen([("other:app" if w == "app:app" else w) for w in command], cwd=settings.home, **quiet)
    for port in (ours, theirs):
        while not get(f"http://127.0.0.1:{port}/api/health"):
            time.sleep(0.1)
    return {"ours": (one, ours), "bare": (two, theirs), "one core": (two, theirs), "exercise": (two, theirs)}


def measure(ports: dict[str, int], pid: int) -> int:
    """Load them in turn, with a browser open on ours, and print what came of it."""
    from playwright.sync_api import sync_playwright

    picture = drawing()
    paths = {"ours": "/api/predict", "bare": "/bare", "one core": "/one-core", "exercise": "/exercise"}
    with sync_playwright() as p, multiprocessing.get_context("spawn").Pool(1) as second:
        browser = p.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM_FLAGS)
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{ports['ours']}/Draw")
        page.wait_for_selector(IDLE)
        times: dict[str, list[float]] = {name: [] for name in paths}
        rates: dict[str, list[float]] = {name: [] for name in paths}
        for _ in range(ROUNDS):
            for name, path in paths.items():
                taken, wall = second.apply(load, (ports[name], path, picture, SECONDS, 0))
                times[name] += taken
                rates[name].append(len(taken) / wall)
        second.apply(load, (ports["ours"], paths["ours"], picture, 0, WARM_UP))
        before = psutil.Process(pid).memory_info().rss
        second.apply(load, (ports["ours"], paths["ours"], picture, 0, MANY))
        growth = psutil.Process(pid).memory_info().rss / before - 1
        page.wait_for_selector(IDLE)
        browser.close()
    return report(times, rates, before, growth)


def report(times, rates, before, growth) -> int:
    """Print the table and the verdict."""
    print(f"{'server':10}{'requests/s':>12}{'p50 ms':>10}{'p99 ms':>10}{'ratio':>8}")
    rate = {name: float(np.median(values)) for name, values in rates.items()}
    for name, values in times.items():
        p50, p99 = np.percentile(np.array(values) * 1000, [50, 99])
        print(f"{name:10}{rate[name]:12.1f}{p50:10.1f}{p99:10.1f}{rate['ours'] / rate[name]:8.1f}")
    print(f"memory of our server: {before / 2**20:.0f} MB, {growth:+.1%} after {MANY:,} requests more")
    bare, exercise = rate["ours"] / rate["bare"], rate["ours"] / rate["exercise"]
    holds = bare >= BAR_BARE and exercise >= BAR_EXERCISE and abs(growth) <= BAR_MEMORY
    print(f"api: {bare:.1f} x bare, {exercise:.0f} x exercise, memory {growth:+.1%} (bar 5 x, 20 x, 5 %)")
    return 0 if holds else 1


def drawing() -> bytes:
    """Return the PNG of a seven as a canvas of 280x280 sends it, white on black."""
    from PIL import Image, ImageDraw

    board = Image.new("RGBA", (280, 280), (0, 0, 0, 255))
    ImageDraw.Draw(board).line([(80, 70), (200, 70), (120, 230)], fill=(255,) * 4, width=20, joint="curve")
    out = io.BytesIO()
    board.save(out, "PNG")
    return out.getvalue()


def load(port: int, path: str, body: bytes, seconds: float, count: int) -> tuple[list[float], float]:
    """Ask for some seconds, or `count` times; returns each answer's seconds, and the seconds of all."""
    return asyncio.run(_load(port, path, body, seconds, count))


async def _load(port: int, path: str, body: bytes, seconds: float, count: int) -> tuple[list[float], float]:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/png\r\nContent-Length: {len(body)}\r\n\r\n"
    request, taken, left = head.encode() + body, [], [count]
    began = time.perf_counter()

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (left[0] > 0) if count else (time.perf_counter() - began < seconds):
            left[0] -= 1
            start = time.perf_counter()
            writer.write(request)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = next(line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            text = await reader.readexactly(int(length.split(b":")[1]))
            taken.append(time.perf_counter() - start)
            if b" 200 " not in answer[:15]:
                raise RuntimeError(f"{path} said {answer[:30]!r} {json.loads(text)}")
        writer.close()

    await asyncio.gather(*(client() for _ in range(CONNECTIONS)))
    return taken, time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
