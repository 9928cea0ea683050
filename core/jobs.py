"""Child processes as folders: start, follow, queue, cancel. Knows nothing of digits, models or pages.

A job is `DIGITLAB_HOME/jobs/<id>/` with `config.json` (what to do), `events.jsonl` (how far it is), `log.txt`
(what it printed) and `lock`. It is alive exactly as long as somebody holds that lock: the system lets go of it
however the process ends, whereas a process number may be given to a stranger.
"""

import contextlib
import functools
import itertools
import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from secrets import randbelow
from typing import Any

import psutil
from filelock import FileLock, Timeout

from core import files
from core.errors import JobError
from core.settings import ROOT, Settings
from core.texts import t

KEEP = 100  # a training and its tracking are two
START_GRACE_SECONDS = 10.0
ENDED = ("done", "failed", "cancelled")
_NUMBERS = itertools.count(randbelow(65536))  # drawn anew, two of a class that starts within a second may agree
_FINAL: dict[str, "Job"] = {}  # what has said its last word, by its folder
_PROBING = threading.Lock()  # two visitors' looks at the same lock would each take the other for the job


@dataclass(frozen=True, slots=True)
class Job:
    """One job as its folder tells it; times are seconds since the epoch."""

    id: str
    kind: str
    state: str  # starting, queued, running, done, failed or cancelled
    config: dict[str, Any]
    events: list[dict[str, Any]]
    submitted: float
    message: str

    @property
    def live(self) -> bool:
        return self.state not in ENDED

    @property
    def stage(self) -> str:
        return self.events[-1]["stage"] if self.events else self.state


def new_id(kind: str) -> str:
    """Return `YYYYMMDD-HHMMSS-<kind>-<4 hex>`, UTC: sorts by age, safe as a folder's name and in a URL."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{kind}-{next(_NUMBERS) % 65536:04x}"


def folder(settings: Settings, job_id: str) -> Path:
    """Return the job's folder, which need not exist."""
    return settings.home / "jobs" / job_id


def submit(
    settings: Settings, job_id: str, kind: str, config: dict[str, Any], result: str = "", slot: bool = True
) -> None:
    """Write a job's folder, without starting anything.

    Parameters
    ----------
    slot : bool
        Whether the job takes one of the `DIGITLAB_MAX_JOBS` slots, oldest job first.
    result : str
        A file below `DIGITLAB_HOME` whose existence proves that the job did its work, whatever came after.
    """
    path = folder(settings, job_id)
    new = path.with_name(f".new-{job_id}")
    new.mkdir(parents=True)
    body = {"kind": kind, "submitted": time.time(), "slot": slot, "result": result, "config": config}
    files.write_json(new / "config.json", body)
    for name in ("events.jsonl", "log.txt"):
        (new / name).touch()
    new.rename(path)
    _prune(settings)


def start(settings: Settings, job_id: str, secrets: Collection[str] = ()) -> None:
    """Run `python -m core <kind> --job <id>` in a session of its own, so that it outlives the server.

    Parameters
    ----------
    secrets : names of the secret variables that this child needs, usually none
    """
    path = folder(settings, job_id)
    kind = read_config(settings, job_id)["kind"]
    with (path / "log.txt").open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "core", kind, "--job", job_id],
            cwd=ROOT,
            env=settings.child_environment(secrets),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    with contextlib.suppress(psutil.NoSuchProcess):
        save_process(path, psutil.Process(child.pid))
    # Somebody has to wait for it, or it stays in the process table as a zombie.
    threading.Thread(target=child.wait, daemon=True).start()


def load_job(settings: Settings, job_id: str) -> Job:
    """Read one job.

    Raises
    ------
    JobError
        If there is no such job.
    """
    path = folder(settings, job_id)
    body = read_config(settings, job_id)
    try:
        alive, events = _alive(path), _read_events(path)
        alive = alive or (bool(events) and _alive(path))  # it may have begun between the first two looks
    except FileNotFoundError as error:  # just now pruned by another process
        raise _gone(job_id) from error
    found = state(
        alive=alive,
        starting=not alive and not events and _starting(path, body["submitted"]),
        stage=events[-1]["stage"] if events else "",
        cancelled=(path / "cancel").exists(),
        result=bool(body["result"]) and (settings.home / body["result"]).exists(),
    )
    message = _last_words(path, events) if found == "failed" else events[-1].get("message", "") if events else ""
    return Job(job_id, body["kind"], found, body["config"], events, body["submitted"], message)


def state(*, alive: bool, starting: bool, stage: str, cancelled: bool, result: bool) -> str:
    """Decide what a job is, from what its folder shows."""
    if not alive and (result or stage == "done"):
        return "done"
    if alive:
        return "queued" if stage == "queued" else "running"
    if cancelled or stage == "cancelled":
        return "cancelled"
    return "starting" if starting else "failed"


def list_ids(settings: Settings) -> list[str]:
    """Return the ids of all jobs, newest first."""
    root = settings.home / "jobs"
    return sorted((p.name for p in root.glob("[0-9]*-*") if p.is_dir()), reverse=True)


def list_jobs(settings: Settings, kind: str = "") -> list[Job]:
    """Return all jobs, newest first; `kind` keeps one kind only."""
    found = []
    for job_id in list_ids(settings):
        with contextlib.suppress(JobError):  # another process may prune it between the two reads
            # Jobs of another kind are left out before anybody looks at their locks.
            if not kind or _kind(settings, job_id) == kind:
                found.append(_known(settings, job_id))
    return sorted(found, key=lambda job: (job.submitted, job.id), reverse=True)


@functools.lru_cache(maxsize=10 * KEEP)
def _kind(settings: Settings, job_id: str) -> str:
    return read_config(settings, job_id)["kind"]


def _known(settings: Settings, job_id: str) -> Job:
    # Thirty open pages look at fifty jobs every second, and most of these will never change again.
    path = str(folder(settings, job_id))
    if path in _FINAL:
        return _FINAL[path]
    job = load_job(settings, job_id)
    if job.stage in ENDED and not job.live:
        if len(_FINAL) >= 10 * KEEP:
            _FINAL.clear()
        _FINAL[path] = job
    return job


def is_alive(settings: Settings, job_id: str) -> bool:
    """Tell whether some process is at work on this job."""
    return _alive(folder(settings, job_id))


def cancel(settings: Settings, job_id: str, grace: float = 3.0) -> None:
    """Stop a job and every process below it; a job that has ended stays as it is.

    Parameters
    ----------
    grace : float, seconds
        How long the processes may take to leave by themselves before they are killed.
    """
    path = folder(settings, job_id)
    if not load_job(settings, job_id).live:
        return
    (path / "cancel").touch()
    process = _process(path)
    if process is None:
        return
    end_family(process.pid, grace)


def end_family(pid: int, grace: float = 3.0) -> None:
    """End a process and every process below it: ask first, then kill after `grace` seconds."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.Error:
        return
    for one in family:
        with contextlib.suppress(psutil.Error):
            one.terminate()
    _, stubborn = psutil.wait_procs(family, timeout=grace)
    for one in stubborn:
        with contextlib.suppress(psutil.Error):
            one.kill()
    psutil.wait_procs(stubborn, timeout=grace)


def _alive(path: Path) -> bool:
    if not (path / "lock").exists():
        return False
    try:
        with _PROBING, FileLock(path / "lock", timeout=0):
            return False
    except Timeout:
        return True


def _read_events(path: Path) -> list[dict[str, Any]]:
    text = (path / "events.jsonl").read_text(encoding="utf-8")
    complete = text[: text.rfind("\n") + 1]  # the last line may be half-written just now
    return [json.loads(line) for line in complete.splitlines()]


def _last_words(path: Path, events: list[dict[str, Any]]) -> str:
    if events and events[-1]["stage"] == "failed":
        return events[-1]["message"]
    lines = (path / "log.txt").read_text(encoding="utf-8", errors="replace").strip().splitlines()
    stage = events[-1]["stage"] if events else "starting"
    silent = f"The process ended in the stage “{stage}” without a word (killed, or out of memory)."
    return "\n".join([silent, *lines[-5:]])


def save_process(path: Path, process: psutil.Process) -> None:
    """Write down which process works on the job in this folder, for `cancel`."""
    files.write_json(path / "process.json", {"pid": process.pid, "created": process.create_time()})


def _process(path: Path) -> psutil.Process | None:
    body = files.read_json(path / "process.json")
    if not body:
        return None
    try:
        process = psutil.Process(body["pid"])
        same = abs(process.create_time() - body["created"]) < 1 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return None
    return process if same else None


def read_config(settings: Settings, job_id: str) -> dict[str, Any]:
    """Read what the job was told: kind, submitted, slot, result, config.

    Raises
    ------
    JobError
        If there is no such job.
    """
    body = files.read_json(folder(settings, job_id) / "config.json")
    if not body:
        raise _gone(job_id)
    return body


def _gone(job_id: str) -> JobError:
    return JobError(t("There is no job {job_id!r} any more; the last {keep} are kept.", job_id=job_id, keep=KEEP))


def _starting(path: Path, submitted: float) -> bool:
    if (path / "process.json").exists():
        return _process(path) is not None
    return time.time() - submitted < START_GRACE_SECONDS


def _prune(settings: Settings) -> None:
    for job_id in list_ids(settings)[KEEP:]:
        with contextlib.suppress(JobError):  # another process may prune it too, and what is no job is not ours
            if not load_job(settings, job_id).live:
                shutil.rmtree(folder(settings, job_id), ignore_errors=True)
