"""Live on a small dyno: 512 MiB and not a byte of swap for the server, its children and W&B's process together.

    python bench/dyno.py [--megabytes 512] [--warm]

Starts the Procfile's own command in a memory cgroup (v1 or v2, which takes root; the browser stays outside) and does
what two visitors do: train a small tree, train the depth-10 tree on all of MNIST, meanwhile read Metrics and draw, call
the API, wait for W&B's files; then queue as many trainings as a small server takes. Nothing may be killed, every job
must be done. Bars: idle at most 200 MB, first page within 30 s.

"In use" is the cgroup's usage less its file cache (inactive_file and active_file), which the kernel gives back whenever
memory is short: what is left is the processes' own memory, shared memory and the kernel's. `DIGITLAB_MEMORY_MB` tells
the app its limit, as in here it would read the machine's: without a cgroup namespace the cgroup is not at the
place where a container finds its own. Beforehand the installed packages are dropped from the file cache, as a new dyno
has none (`--warm` leaves them).
"""

import argparse
import contextlib
import io
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import psutil
from PIL import Image, ImageDraw
from playwright.sync_api import Error as BrowserError
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from core import dataset, jobs, launch, runs, settings  # noqa: E402 - the path must be known first
from core.errors import DataError, DigitLabError, JobError, SettingsError  # noqa: E402
from tests.conftest import CHROMIUM_FLAGS, IDLE, free_port  # noqa: E402

IDLE_BAR_MB, BOOT_BAR_SECONDS = 200, 30
GIVE_UP_SECONDS = 900
SAMPLE_SECONDS = 0.25
FULL = 60_000
V1, V2 = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")
PHASES = ("idle", "small run", "training", "tracking", "queue", "after")
SEVEN = [[(80, 70), (200, 70)], [(200, 70), (150, 140), (120, 230)]]


@dataclass(frozen=True, slots=True)
class Group:
    """One memory cgroup, v1 or v2."""

    path: Path
    v2: bool

    def number(self, v1: str, v2: str) -> int:
        text = (self.path / (v2 if self.v2 else v1)).read_text().strip()
        return int(text) if text.isdecimal() else 0

    def fields(self, name: str) -> dict[str, int]:
        rows = (line.split() for line in (self.path / name).read_text().splitlines())
        return {row[0]: int(row[1]) for row in rows if len(row) == 2}

    @property
    def usage(self) -> float:
        return self.number("memory.usage_in_bytes", "memory.current") / 2**20

    @property
    def peak(self) -> float:
        name = "memory.peak"  # only since Linux 5.19; before it, the samples have to do
        known = not self.v2 or (self.path / name).exists()
        return self.number("memory.max_usage_in_bytes", name) / 2**20 if known else 0.0

    @property
    def cache(self) -> float:
        fields, prefix = self.fields("memory.stat"), "" if self.v2 else "total_"
        return (fields[f"{prefix}inactive_file"] + fields[f"{prefix}active_file"]) / 2**20

    @property
    def kills(self) -> int:
        return self.fields("memory.events" if self.v2 else "memory.oom_control").get("oom_kill", 0)

    @property
    def pids(self) -> list[int]:
        return [int(pid) for pid in (self.path / "cgroup.procs").read_text().split()]


def make_group(megabytes: int) -> Group:
    """Make an empty cgroup with this limit."""
    v2 = (V2 / "cgroup.controllers").exists()
    parent = V2
    if v2:
        if "memory" not in (parent / "cgroup.subtree_control").read_text().split():
            (parent / "cgroup.subtree_control").write_text("+memory")
    else:  # below our own one, so that whatever limit we live under still holds
        lines = (line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines())
        parent = V1 / next((path.lstrip("/") for _, names, path in lines if "memory" in names.split(",")), "")
    group = Group(parent / f"digitlab-dyno-{os.getpid()}", v2)
    group.path.mkdir()
    limits = {"memory.max": megabytes << 20, "memory.swap.max": 0}
    if not v2:
        limits = {"memory.limit_in_bytes": megabytes << 20, "memory.memsw.limit_in_bytes": megabytes << 20}
    try:
        for name, value in limits.items():
            if (group.path / name).exists() or "sw" not in name:  # no such file where the kernel counts no swap
                (group.path / name).write_text(str(value))
    except OSError:
        group.path.rmdir()
        raise
    return group


@contextlib.contextmanager
def limited(megabytes: int) -> Iterator[Group]:
    """Make a memory cgroup with this limit and no swap; at the end everything in it is killed and it is removed.

    Raises
    ------
    SettingsError
        If this machine or user cannot.
    """
    try:
        group = make_group(megabytes)
    except OSError as error:
        raise SettingsError(
            f"No memory cgroup can be made here ({error}). It takes Linux, root and the memory controller."
        ) from error
    try:
        yield group
    finally:
        empty(group)


def empty(group: Group) -> None:
    """End everything in a cgroup and remove it."""
    for grace in (10.0, 5.0, 5.0):
        family = []
        for pid in group.pids:
            with contextlib.suppress(psutil.Error):
                family.append(psutil.Process(pid))
        for one in family:
            with contextlib.suppress(psutil.Error):
                one.terminate() if grace == 10.0 else one.kill()
        psutil.wait_procs(family, timeout=grace)
        if not group.pids:
            break
    group.path.rmdir()


class Watch(threading.Thread):
    """Samples the cgroup and each of its processes until told to stop."""

    def __init__(self, group: Group) -> None:
        super().__init__(daemon=True)
        self.group, self.phase, self.over = group, PHASES[0], threading.Event()
        self.in_use: dict[str, list[float]] = defaultdict(list)
        self.own: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        self.private: dict[str, float] = defaultdict(float)
        self.peaks: dict[str, float] = defaultdict(float)
        self.top: tuple[float, str, dict[str, float]] = (0.0, "", {})

    def run(self) -> None:
        while not self.over.wait(SAMPLE_SECONDS):
            in_use, now = self.group.usage - self.group.cache, {}
            for pid in self.group.pids:
                # Gone between two looks, or killed and not yet buried.
                with contextlib.suppress(psutil.Error, OSError, KeyError):
                    name, own = self.look(psutil.Process(pid))
                    now[name] = now.get(name, 0.0) + own
            self.in_use[self.phase].append(in_use)
            if in_use > self.top[0]:
                self.top = (in_use, self.phase, now | {"kernel and shared": in_use - sum(now.values())})

    def look(self, process: psutil.Process) -> tuple[str, float]:
        name = role(process)
        rows = (line.split() for line in Path(f"/proc/{process.pid}/status").read_text().splitlines())
        status = {row[0]: int(row[1]) / 2**10 for row in rows if len(row) == 3 and row[2] == "kB"}
        own = status["RssAnon:"] + status["RssShmem:"]
        self.peaks[name] = max(self.peaks[name], status["VmHWM:"])
        self.own[name][self.phase] = max(self.own[name][self.phase], own)
        self.private[name] = max(self.private[name], process.memory_full_info().uss / 2**20)
        return name, own


def role(process: psutil.Process) -> str:
    """Return what a process is, from its command line: two of the same kind have the same name."""
    words = process.cmdline()
    if "-m" in words and words[words.index("-m") + 1] == "core":
        # "core stage fit", "core track --job", "core track --offline": not the ids, of which each is another.
        return " ".join(word for word in words[words.index("core") :] if not word[0].isdigit())
    if any(Path(word).name == "uvicorn" for word in words):
        return "server"
    return process.name()


def drop_cached() -> None:
    """Let the kernel forget the installed packages, as far as nobody has them mapped just now."""
    for path in Path(sys.prefix).rglob("*"):
        with contextlib.suppress(OSError):
            if path.is_file() and not path.is_symlink():
                descriptor = os.open(path, os.O_RDONLY)
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
                os.close(descriptor)


def procfile_command() -> str:
    """Return what the Procfile starts as `web`."""
    lines = (ROOT / "Procfile").read_text().splitlines()
    return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("web:"))


def start_server(group: Group, found: settings.Settings, log: Path) -> subprocess.Popen:
    """Start the Procfile's command inside the cgroup; its children inherit that."""
    env = found.child_environment()
    env |= {"HOME": str(found.home), "PORT": str(found.port), "HTTPS_PROXY": "http://127.0.0.1:9"}
    env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
    # No `exec`: the command may begin with a variable, as Heroku's shell allows.
    words = f"echo $$ > {shlex.quote(str(group.path / 'cgroup.procs'))} && {procfile_command()}"
    with log.open("wb") as file:
        return subprocess.Popen(["/bin/sh", "-c", words], cwd=ROOT, env=env, stdout=file, stderr=file)


def open_page(browser, url: str) -> Page:
    """Open a page as a visitor of its own and wait until it stands still."""
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.set_default_timeout(60_000)
    end = time.monotonic() + 120
    while True:
        try:
            page.goto(url)
            break
        except BrowserError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
    settled(page)
    return page


def settled(page: Page) -> None:
    """Wait until a page has a heading and its script has come to its end."""
    page.wait_for_selector("h1")
    page.wait_for_selector(IDLE)


def go(page: Page, url: str) -> None:
    """Open another address in the same tab."""
    page.goto(url)
    settled(page)


def draw(page: Page, url: str) -> str:
    """Draw a seven with the mouse; returns the answer on the page."""
    go(page, f"{url}/Draw")
    page.wait_for_selector("canvas.upper-canvas")
    box = page.locator("canvas.upper-canvas").last.bounding_box()
    for stroke in SEVEN:
        points = [(box["x"] + x, box["y"] + y) for x, y in stroke]
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point, steps=8)
        page.mouse.up()
    page.wait_for_selector(".dl-answer:not(.dl-none)")
    page.wait_for_selector(IDLE)
    return page.locator(".dl-answer b").inner_text()


def train(page: Page, url: str, found: settings.Settings, query: str = "") -> str:
    """Click Train; returns the id of the new job."""
    before = set(jobs.list_ids(found))
    go(page, f"{url}/Train{query}")
    page.get_by_role("button", name="Train", exact=True).click()
    end = time.monotonic() + 60
    while time.monotonic() < end:
        new = [job_id for job_id in set(jobs.list_ids(found)) - before if "track" not in job_id]
        if new:
            return new[0]
        time.sleep(0.2)
    raise JobError("A click on Train started no job within 60 s.")


def ended(found: settings.Settings, group: Group, kind: str) -> bool:
    """Tell whether every job of a kind has come to its end.

    Raises
    ------
    JobError
        If something was killed, and an end may never come.
    """
    if group.kills:
        raise JobError(f"{group.kills} killed for want of memory.")
    ids = [job_id for job_id in jobs.list_ids(found) if ("track" in job_id) == (kind == "track")]
    return all(stage(found, job_id) in jobs.ENDED for job_id in ids)


def stage(found: settings.Settings, job_id: str) -> str:
    """Return a job's last stage. Read only: a look at its lock could be taken for a job at work."""
    lines = (jobs.folder(found, job_id) / "events.jsonl").read_text().splitlines()
    return json.loads(lines[-1])["stage"] if lines else "starting"


def wait_ended(found: settings.Settings, group: Group, kind: str) -> None:
    """Wait for every job of a kind.

    Raises
    ------
    JobError
        If it takes longer than it ever may.
    """
    end = time.monotonic() + GIVE_UP_SECONDS
    while not ended(found, group, kind):
        if time.monotonic() > end:
            raise JobError(f"A {kind} job did not end within {GIVE_UP_SECONDS} s.")
        time.sleep(0.2)


def ask(url: str) -> str:
    """Send a drawing to the API; returns the answer's label, or what went wrong."""
    image = Image.new("L", (280, 280))
    for stroke in SEVEN:
        ImageDraw.Draw(image).line(stroke, fill=255, width=20, joint="curve")
    body = io.BytesIO()
    image.save(body, "PNG")
    request = urllib.request.Request(f"{url}/api/predict", body.getvalue(), {"Content-Type": "image/png"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            found = json.load(answer)
    except (OSError, ValueError) as error:
        return f"no answer ({error})"
    first = (found.get("predictions") or [found])[0]
    return str(first.get("label", found))


@dataclass(slots=True)
class Visit:
    """What the two visitors saw."""

    boot_seconds: float = 0.0
    idle_mb: float = 0.0
    answers: tuple[str, ...] = ()
    api: str = ""


def two_visitors(browser, began: float, found: settings.Settings, group: Group, watch: Watch, seen: Visit) -> None:
    """Do all that the bench claims, in this order."""
    url = f"http://127.0.0.1:{found.port}"
    first = open_page(browser, url)
    seen.boot_seconds = time.monotonic() - began
    time.sleep(5)
    seen.idle_mb = float(np.median(watch.in_use["idle"][-8:]))
    watch.phase = "small run"
    second = open_page(browser, f"{url}/Train")
    train(first, url, found, "?train_size=2000")
    wait_ended(found, group, "train")
    wait_ended(found, group, "track")
    go(second, f"{url}/Metrics")
    answers = [draw(second, url)]
    watch.phase = "training"
    train(first, url, found)
    while not ended(found, group, "train"):
        go(second, f"{url}/Metrics")
        answers.append(draw(second, url))
        seen.api = ask(url)
    watch.phase = "tracking"
    while not ended(found, group, "track"):
        go(second, f"{url}/Metrics")
        answers.append(draw(second, url))
    wait_ended(found, group, "track")
    watch.phase = "queue"
    for page in (first, second) * (launch.SMALL_QUEUE // 2):
        train(page, url, found)
    wait_ended(found, group, "train")
    wait_ended(found, group, "track")
    watch.phase = "after"
    go(first, f"{url}/Metrics")
    answers.append(draw(first, url))
    seen.api = ask(url)
    seen.answers = tuple(answers)


def complaints(found: settings.Settings, group: Group, seen: Visit) -> list[str]:
    """Return every sentence that speaks against the claim."""
    wrong = [f"{group.kills} killed for want of memory"] if group.kills else []
    listed = jobs.list_jobs(found)
    wrong += [f"job {job.id} is {job.state}: {job.message}" for job in listed if job.state != "done"]
    full = [run for run in runs.list_runs(found) if run.card["data"]["n_fit"] == FULL and run.servable]
    wrong += [] if full else ["no servable run on all of MNIST"]
    wrong += [] if seen.api.isdecimal() else [f"POST /api/predict: {seen.api}"]
    wrong += [] if all(a.isdecimal() for a in seen.answers) else [f"Draw answered {seen.answers}"]
    if seen.idle_mb > IDLE_BAR_MB:
        wrong.append(f"idle {seen.idle_mb:.0f} MB")
    if seen.boot_seconds > BOOT_BAR_SECONDS:
        wrong.append(f"first page after {seen.boot_seconds:.1f} s")
    return wrong


def show(watch: Watch, group: Group) -> None:
    """Print who held how much, and when."""
    print(f"{'MB, at most':<24}{'RSS':>7}{'private':>9}   of it no file's, while")
    print(f"{'':<40}" + "".join(f"{phase:>10}" for phase in PHASES))
    for name in sorted(watch.peaks, key=watch.peaks.__getitem__, reverse=True):
        cells = "".join(f"{watch.own[name].get(phase, 0):>10.0f}" for phase in PHASES)
        print(f"{name:<24}{watch.peaks[name]:>7.0f}{watch.private[name]:>9.0f}{cells}")
    highest = {phase: max(watch.in_use.get(phase) or [0]) for phase in PHASES}
    print(f"{'all, in use':<40}" + "".join(f"{highest[phase]:>10.0f}" for phase in PHASES))
    most, phase, parts = watch.top
    held = ", ".join(f"{name} {mb:.0f}" for name, mb in sorted(parts.items(), key=lambda part: -part[1]) if mb >= 1)
    print(f"peak: {group.peak:.0f} MB with file cache; {most:.0f} in use (sampled), {phase}: {held}")


def measure(found: settings.Settings, group: Group, folder: Path, watch: Watch, seen: Visit) -> list[str]:
    """Start server and browser and let the two visitors in; returns what speaks against the claim."""
    log = folder / "server.log"
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_FLAGS)
        except BrowserError as error:
            raise SettingsError(f"There is no browser: {error.message.splitlines()[0]}") from error
        began = time.monotonic()
        start_server(group, found, log)
        watch.start()
        try:
            two_visitors(browser, began, found, group, watch, seen)
            return complaints(found, group, seen)
        except (BrowserError, JobError) as error:
            return [str(error).splitlines()[0], *log.read_text(errors="replace").splitlines()[-5:]]
        finally:
            browser.close()
            watch.over.set()
            watch.join()


def prepare(asked: settings.Settings, folder: Path, megabytes: int) -> settings.Settings:
    """Return the settings of a new dyno with all of MNIST at hand, and nothing in its home.

    Raises
    ------
    DataError
        If only the sample is there.
    """
    look = settings.Settings(home=folder / "look", mnist=asked.mnist, keras_home=folder / "keras")
    if not asked.mnist or len(dataset.load(look).y_train) < FULL:
        raise DataError("This bench trains on all of MNIST; name the file in DIGITLAB_MNIST.")
    home = folder / "home"
    home.mkdir()
    new = settings.Settings(home=home, mnist=asked.mnist, keras_home=folder / "keras", netrc=folder / "netrc")
    return replace(new, memory_mb=megabytes, port=free_port())


def main() -> int:
    """Print the figures; 0 = the claim holds, 1 = it does not."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=512, help="the cgroup's limit (512)")
    parser.add_argument("--warm", action="store_true", help="leave the installed packages in the file cache")
    given = parser.parse_args()
    seen = Visit()
    with tempfile.TemporaryDirectory(prefix="dyno-") as name, limited(given.megabytes) as group:
        found = prepare(settings.load(), Path(name), given.megabytes)
        if not given.warm:
            drop_cached()
        watch = Watch(group)
        wrong = measure(found, group, Path(name), watch, seen)
        print(f"{given.megabytes} MiB, no swap, cgroup {'v2' if group.v2 else 'v1'}; {procfile_command()}")
        show(watch, group)
        for sentence in wrong:
            print(f"  against it: {sentence}")
        kills = group.kills
    print(
        f"dyno: {kills} killed, idle {seen.idle_mb:.0f} MB, first page {seen.boot_seconds:.1f} s, API said "
        f"{seen.api or 'nothing'} (bar 0, {IDLE_BAR_MB} MB, {BOOT_BAR_SECONDS} s)"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DigitLabError as error:
        print(f"dyno: {error}", file=sys.stderr)
        sys.exit(2)
