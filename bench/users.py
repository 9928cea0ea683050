"""A class at work: 25 visitors draw at once while a model trains, then 30 of them queue a training each.

    python bench/users.py [--drawings 12] [--users 25] [--trainings 30]

Real sessions over WebSockets (bench/sessions.py) against the real server. Each draws, looks, clears and draws again,
about every three seconds; what it is shown must be exactly what the run in service answers to that very drawing,
all ten bars. The same is measured for one visitor alone, first with nothing else going on. Then a server in
`DIGITLAB_ACCESS=class`: each visitor gives a name and clicks Train; every job must end once, done, under its author.

Bars: no error, no foreign answer, every job once; and the 95th percentile, from the drawing sent to its answer
received, below one second with everybody there (the canvas itself waits 0.2 s before it sends). The visitors take their
part of the same two cores.
"""

import argparse
import asyncio
import base64
import contextlib
import io
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import psutil
from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench import sessions  # noqa: E402 - the path must be known first
from core import dataset, inference, jobs, preprocessing, runs, serving, settings  # noqa: E402
from core.errors import DataError, DigitLabError, JobError  # noqa: E402
from tests.conftest import free_port  # noqa: E402

BAR_SECONDS = 1.0
TRAIN_SIZE = 2000  # of each of the queued trainings: enough to be a real one, and thirty of them end soon
SIDE = 280
# The seven segments of a pocket calculator, for where there are no pen digits.
_POINTS = {"a": (0, 0), "b": (1, 0), "c": (0, 1), "d": (1, 1), "e": (0, 2), "f": (1, 2)}
_SHAPES = ["abdfeca", "bdf", "abdcef", "abdfe dc", "acd bf", "bacdfe", "bacefdc", "abf", "abdcefdbac", "dcabdf"]
Strokes = list[list[tuple[float, float]]]


@dataclass(frozen=True, slots=True)
class Drawing:
    """One digit as the canvas sends it, and what must be answered."""

    value: str
    answer: tuple[str, ...]


@dataclass(slots=True)
class Seen:
    """What a group of visitors saw."""

    seconds: list[float] = field(default_factory=list)
    foreign: int = 0
    complaints: list[str] = field(default_factory=list)
    cpu: float = 0.0


def shapes(count: int, chance: random.Random) -> Iterator[Strokes]:
    """Draw digits with a ruler, each at another place and size."""
    for number in range(count):
        x, y, width = chance.uniform(30, 110), chance.uniform(25, 60), chance.uniform(50, 110)
        places = {name: (x + width * c, y + width * 0.9 * r) for name, (c, r) in _POINTS.items()}
        yield [[places[name] for name in word] for word in _SHAPES[number % 10].split()]


def pens(path: Path, count: int) -> Iterator[Strokes]:
    """Return real people's strokes, the digits in turn."""
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in ("labels", "points", "stroke_start", "sample_start")}
    bounds = [*arrays["stroke_start"], len(arrays["points"])]
    of_digit = [np.flatnonzero(arrays["labels"] == digit) for digit in range(10)]
    for number in range(count):
        chosen = of_digit[number % 10][(number // 10) % len(of_digit[number % 10])]
        first, last = arrays["sample_start"][chosen : chosen + 2]
        strokes = [arrays["points"][bounds[i] : bounds[i + 1]] for i in range(first, last)]
        yield [[(float(x), float(y)) for x, y in stroke] for stroke in strokes]


def encode(strokes: Strokes) -> str:
    """Draw strokes as the canvas does, round and white on black; returns the PNG in base64."""
    image = Image.new("RGBA", (SIDE, SIDE), "black")
    pen = ImageDraw.Draw(image)
    for stroke in strokes:
        pen.line(stroke, fill="white", width=20, joint="curve")
    body = io.BytesIO()
    image.save(body, "PNG")
    return base64.b64encode(body.getvalue()).decode()


def drawings(found: settings.Settings, run: runs.Run, count: int) -> list[Drawing]:
    """Return drawings, and to each what the run answers when it is asked here."""
    model = inference.load_session(run)
    given = found.pens if found.pens and found.pens.is_file() else None
    made = []
    for strokes in pens(given, count) if given else shapes(count, random.Random(0)):
        png = encode(strokes)
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(png))).convert("RGBA"))
        said = inference.classify(model, preprocessing.from_rgba(pixels))
        answer = (str(said.label), *(f"{p * 100:.1f}" for p in said.proba.tolist()))
        made.append(Drawing(sessions.drawing_value(png, strokes), answer))
    return made


def read_answer(html: str) -> tuple[str, ...]:
    """Return what a visitor is shown: the digit and ten percentages."""
    label = re.search(r"<b>(.)</b>", html)
    return (label[1] if label else "", *re.findall(r"width:([\d.]+)%", html))


EMPTY = sessions.drawing_value(encode([]), [])


async def draw(session: sessions.Session, drawing: Drawing, chance: random.Random, seen: Seen) -> None:
    """Draw one digit, look at the answer, clear the board."""
    await asyncio.sleep(chance.uniform(0.8, 1.6))
    while not session.answers.empty():
        session.answers.get_nowait()
    session.set("canvas", json_value=drawing.value)
    began = time.perf_counter()
    await session.rerun("canvas")
    arrived, html = session.answers.get_nowait()
    seen.seconds.append(arrived - began)
    shown = read_answer(html)
    seen.foreign += shown != drawing.answer
    await asyncio.sleep(chance.uniform(0.8, 1.6))
    await session.rerun("clear", trigger=True)
    session.set("canvas", json_value=EMPTY)  # the browser loads the empty drawing and sends it back
    await session.rerun("canvas")


async def visitor(url: str, number: int, made: list[Drawing], count: int, seen: Seen) -> None:
    """Be one visitor who draws `count` digits, at no time the same as the neighbours."""
    chance = random.Random(number)
    await asyncio.sleep(chance.uniform(0, 2))
    async with sessions.opened(url, "Draw") as session:
        for turn in range(count):
            await draw(session, made[(number * 31 + turn) % len(made)], chance, seen)
        seen.complaints += session.complaints


async def keep_training(url: str, found: settings.Settings) -> None:
    """Be one more visitor, who watches a training and starts the next one whenever it has ended."""
    async with sessions.opened(url, "Train") as session:
        while True:
            if not any(job.live for job in jobs.list_jobs(found, "train")):
                await session.rerun("train", trigger=True)
            await asyncio.sleep(1)


async def group(
    url: str, found: settings.Settings, server: psutil.Process, made: list[Drawing], users: int, count: int, train: bool
) -> Seen:
    """Let `users` visitors draw at once."""
    seen = Seen()
    training = asyncio.create_task(keep_training(url, found)) if train else None
    if training:
        while not any(job.state == "running" for job in jobs.list_jobs(found, "train")):
            if training.done():
                training.result()
            await asyncio.sleep(0.2)
    before, began = server.cpu_times(), time.monotonic()
    results = await asyncio.gather(
        *(visitor(url, number, made, count, seen) for number in range(users)), return_exceptions=True
    )
    after = server.cpu_times()
    seen.cpu = (after.user + after.system - before.user - before.system) / (time.monotonic() - began)
    seen.complaints += [f"{type(result).__name__}: {result}" for result in results if result is not None]
    if training:
        if training.done():
            seen.complaints.append(f"the training's own tab: {training.exception()}")
        training.cancel()
        await asyncio.gather(training, return_exceptions=True)
    return seen


@contextlib.contextmanager
def server_of(found: settings.Settings, folder: Path) -> Iterator[psutil.Process]:
    """Run the real server; at the end it and every job are ended."""
    words = [sys.executable, "-m", "uvicorn", "app:app", "--port", str(found.port), "--no-access-log"]
    env = found.child_environment(["DIGITLAB_PASSWORD"]) | {"HOME": str(folder), "HTTPS_PROXY": "http://127.0.0.1:9"}
    with (folder / f"server-{found.port}.log").open("wb") as log:
        server = subprocess.Popen(words, cwd=ROOT, env=env, stdout=log, stderr=log)
    try:
        end = time.monotonic() + 60
        while not listens(found.port):
            if time.monotonic() > end or server.poll() is not None:
                said = Path(log.name).read_text(errors="replace").strip().splitlines()[-1:]
                raise JobError(f"The server did not start: {said}")
            time.sleep(0.1)
        yield psutil.Process(server.pid)
    finally:
        for job in jobs.list_jobs(found):
            jobs.cancel(found, job.id)
        jobs.end_family(server.pid)


def listens(port: int) -> bool:
    """Tell whether somebody listens on a port of this machine."""
    import socket

    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def pupil(url: str, author: str, waits: list[float], complaints: list[str], over: asyncio.Event) -> None:
    """Be one of a class: give a name, choose few images, click Train, and watch until everybody's has ended."""
    await asyncio.sleep(random.Random(author).uniform(0, 3))
    async with sessions.opened(url, "Train") as session:
        session.set("author", string_value=author)
        await session.rerun("author")
        session.set("train_size", double_value=TRAIN_SIZE)
        await session.rerun("train_size")
        began = time.perf_counter()
        await session.rerun("train", trigger=True)
        waits.append(time.perf_counter() - began)
        await over.wait()
        complaints += [f"{author}: {sentence}" for sentence in session.complaints]


async def classroom(url: str, found: settings.Settings, authors: list[str]) -> tuple[list[float], list[str]]:
    """Let a whole class queue its trainings and wait for the last; returns the clicks' seconds and complaints."""
    waits: list[float] = []
    complaints: list[str] = []
    over = asyncio.Event()
    pupils = [asyncio.create_task(pupil(url, author, waits, complaints, over)) for author in authors]
    end = time.monotonic() + 30 * len(authors) + 120
    while time.monotonic() < end:
        await asyncio.sleep(2)
        listed = jobs.list_jobs(found)
        clicked = len(waits) + sum(task.done() for task in pupils) >= len(authors)
        if clicked and not any(job.live for job in listed):
            break
    else:
        complaints.append("the queue did not come to its end")
    await asyncio.sleep(3)  # every tab sees the end, and draws itself once more
    over.set()
    results = await asyncio.gather(*pupils, return_exceptions=True)
    complaints += [f"{type(result).__name__}: {result}" for result in results if result is not None]
    return waits, complaints


def account(found: settings.Settings, authors: list[str]) -> list[str]:
    """Return every sentence against "every job ends once, done, under its author"."""
    wrong = []
    listed = jobs.list_jobs(found, "train")
    once = Counter(job.config.get("author") for job in listed)
    if once != Counter(authors):
        wrong.append(f"{len(listed)} jobs of {len(once)} authors, not {len(authors)}: {once.most_common(3)}")
    for job in listed:
        stages = Counter(event["stage"] for event in job.events)
        if job.state != "done" or stages["done"] != 1 or stages["fit"] != 1:
            wrong.append(f"{job.id} is {job.state} after {dict(stages)}: {job.message}")
    wrong += [
        f"{job.id} is {job.state}: {job.message}" for job in jobs.list_jobs(found, "track") if job.state != "done"
    ]
    made = runs.list_runs(found)
    named = Counter(runs.load_labels(run).get("author") for run in made)
    owner = {job.id: job.config.get("author") for job in listed}
    mixed = [run.id for run in made if runs.load_labels(run).get("author") != owner.get(run.id)]
    if named != Counter(authors) or mixed:
        wrong.append(f"{len(made)} runs of {len(named)} authors, {len(mixed)} under another's name")
    return wrong


def first_run(found: settings.Settings) -> runs.Run:
    """Train the run that answers."""
    env = found.child_environment()
    words = [sys.executable, "-m", "core", "train", "--train-size", "20000"]
    done = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    made = runs.list_runs(found)
    if not made:
        raise JobError(f"The first training failed: {done.stderr.strip().splitlines()[-1:]}")
    return made[0]


def row(name: str, seen: Seen) -> str:
    """Return one line of the table."""
    if not seen.seconds:
        return f"{name:<28}   nobody got an answer"
    middle, high = np.percentile(seen.seconds, [50, 95]) * 1000
    return (
        f"{name:<28}{len(seen.seconds):>9}{middle:>9.0f}{high:>7.0f}{max(seen.seconds) * 1000:>7.0f}"
        f"{seen.foreign:>9}{len(seen.complaints):>8}{seen.cpu:>12.0%}"
    )


def draw_together(found: settings.Settings, folder: Path, given: argparse.Namespace) -> list[tuple[str, Seen]]:
    """Measure one visitor alone, one beside a training, and all of them beside a training."""
    run = first_run(found)
    serving.promote(found, run.id)  # or a tab that opens later would be answered by a newer run
    made = drawings(found, run, 400)
    url = f"http://127.0.0.1:{found.port}"
    cases = [("one visitor", 1, False), ("one, a model training", 1, True)]
    cases += [(f"{given.users} visitors, a model training", given.users, True)]
    rows = []
    with server_of(found, folder) as server:
        asyncio.run(visitor(url, 99, made, 2, Seen()))  # the server's first visitor waits for its imports
        for name, users, train in cases:
            seen = asyncio.run(group(url, found, server, made, users, given.drawings, train))
            rows.append((name, seen))
            print(row(name, seen), flush=True)
    return rows


def main() -> int:
    """Print the table; 0 = the bars hold, 1 = they do not."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--drawings", type=int, default=12, help="digits that each visitor draws (12)")
    parser.add_argument("--users", type=int, default=25, help="visitors who draw (25)")
    parser.add_argument("--trainings", type=int, default=30, help="visitors who train (30)")
    given = parser.parse_args()
    asked = settings.load()
    with tempfile.TemporaryDirectory(prefix="users-") as name:
        folder = Path(name)
        found = replace(asked, home=folder / "home", port=free_port(), password="", access="closed", wandb_api_key="")
        found = replace(found, netrc=folder / "netrc", rate=600, max_jobs=1, memory_mb=max(asked.memory_mb, 2048))
        if not asked.mnist or dataset.load(found).is_sample:
            raise DataError("This bench trains on all of MNIST; name the file in DIGITLAB_MNIST.")
        print(f"{asked.mnist.name}; {asked.pens.name if asked.pens else 'digits drawn with a ruler'}; two cores shared")
        print(f"{'':<28}{'drawings':>9}{'p50 ms':>9}{'p95':>7}{'max':>7}{'foreign':>9}{'errors':>8}{'server CPU':>12}")
        rows = draw_together(found, folder, given)
        school = replace(found, home=folder / "class", port=free_port(), password="a long secret", access="class")
        authors = [f"Pupil {number:02}" for number in range(1, given.trainings + 1)]
        began = time.monotonic()
        with server_of(school, folder) as server:
            url = f"http://127.0.0.1:{school.port}"
            waits, complaints = asyncio.run(classroom(url, school, authors))
            used = server.cpu_times()
        seconds = time.monotonic() - began
        complaints += account(school, authors)
        middle, most = np.median(waits or [0]), max(waits or [0])
        cpu = (used.user + used.system) / seconds
        print(
            f"{given.trainings} trainings of {TRAIN_SIZE:,} images queued by as many: ended after {seconds:.0f} s, "
            f"a click took {middle:.1f} s (at most {most:.1f}), the server {cpu:.0%} CPU"
        )
    complaints += [f"{name}: {sentence}" for name, seen in rows for sentence in seen.complaints]
    for sentence, times in Counter(complaints).most_common(12):
        print(f"  against it, {times} times: {sentence}")
    alone, everybody = (np.percentile(seen.seconds or [np.inf], 95) for seen in (rows[0][1], rows[-1][1]))
    foreign = sum(seen.foreign for _, seen in rows)
    print(
        f"users: {len(complaints)} errors, {foreign} foreign answers, p95 {everybody:.2f} s with {given.users} "
        f"visitors, {everybody / alone:.1f} times one alone (bar 0, 0, {BAR_SECONDS:.1f} s)"
    )
    return 0 if not complaints and not foreign and everybody <= BAR_SECONDS else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DigitLabError as error:
        print(f"users: {error}", file=sys.stderr)
        sys.exit(2)
