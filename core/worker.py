"""Be a job: hold its lock, wait for a slot, report. What a child process does around its work."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import psutil
from filelock import FileLock, Timeout

from core import jobs
from core.errors import JobError
from core.settings import Settings

POLL_SECONDS = 0.3


class Emit(Protocol):
    """Append one event; `stage` names what is going on, the rest is free."""

    def __call__(self, stage: str, **fields: Any) -> None: ...


def reporter(settings: Settings, job_id: str) -> Emit:
    """Return what appends an event to the job's `events.jsonl`."""
    path = jobs.folder(settings, job_id)

    def emit(stage: str, **fields: Any) -> None:
        line = json.dumps({"t": time.time(), "stage": stage, **fields})
        with (path / "events.jsonl").open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    return emit


@contextlib.contextmanager
def running(settings: Settings, job_id: str) -> Iterator[Emit]:
    """Be the job: hold its lock, wait for a slot, report; Ctrl-C and SIGTERM become a last event `cancelled`.

    Yields
    ------
    Emit
        Appends an event to `events.jsonl`.
    """
    path, emit = jobs.folder(settings, job_id), reporter(settings, job_id)
    with FileLock(path / "lock"):
        jobs.save_process(path, psutil.Process())
        _cancel_on_sigterm(emit)
        emit("queued")
        try:
            if (path / "cancel").exists():
                raise KeyboardInterrupt
            with _turn(settings, job_id):
                yield emit
        except KeyboardInterrupt:
            emit("cancelled")
            raise SystemExit(130) from None


def run_stage(words: Sequence[str], log: Path) -> None:
    """Run `python -m core <words>` as a process of its own, which ends with this one, and wait for it.

    Parameters
    ----------
    log : Path
        Where its errors are written to the end of; the last line it prints is what is told when it fails.

    Raises
    ------
    JobError
        What it said, where it failed.
    MemoryError
        If the system killed it.
    """
    with log.open("ab") as errors:
        # It reads its input until this process is gone: the system closes a pipe however its writer ends.
        command = [sys.executable, "-m", "core", *words]
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True)
        assert child.stdout
        try:
            said = child.stdout.read().strip()
            code = child.wait()
        finally:
            child.kill()
    if code == -getattr(signal, "SIGKILL", 9):
        raise MemoryError
    if code:
        raise JobError(said.splitlines()[-1] if said else f"The process ended with the code {code}.")


def end_with_parent() -> None:
    """Leave at once when the process that called `run_stage` is gone."""

    def watch() -> None:
        sys.stdin.read()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextlib.contextmanager
def slot(settings: Settings) -> Iterator[None]:
    """Hold one of the `DIGITLAB_MAX_JOBS` slots, whenever one is free."""
    while not (held := _free_slot(settings)):
        time.sleep(POLL_SECONDS)
    try:
        yield
    finally:
        held.release()


@contextlib.contextmanager
def _turn(settings: Settings, job_id: str) -> Iterator[None]:
    mine = jobs.read_config(settings, job_id)
    if not mine["slot"]:
        yield
        return
    # Only the oldest one that still waits is looked at each time; behind it nobody can come to pass.
    rivals = [i for i in jobs.list_ids(settings) if i != job_id]
    while True:
        while rivals and not _waits_before(settings, rivals[-1], (mine["submitted"], job_id)):
            rivals.pop()
        held = None if rivals else _free_slot(settings)
        if held:
            break
        time.sleep(POLL_SECONDS)
    try:
        yield
    finally:
        held.release()


def _waits_before(settings: Settings, job_id: str, mine: tuple[float, str]) -> bool:
    try:
        body = jobs.read_config(settings, job_id)
        if not body["slot"] or (body["submitted"], job_id) > mine:
            return False
        rival = jobs.load_job(settings, job_id)
        # Between taking its lock and its first event it is alive, and has not passed anybody yet.
        return rival.live and (not rival.events or rival.stage == "queued")
    except JobError:
        return False


def _free_slot(settings: Settings) -> FileLock | None:
    for number in range(settings.max_jobs):
        lock = FileLock(settings.home / "jobs" / f"slot-{number}.lock")
        with contextlib.suppress(Timeout):
            lock.acquire(timeout=0)
            return lock
    return None


def _cancel_on_sigterm(emit: Emit) -> None:
    # A Python handler would wait until the C code of a fit returns, which may take minutes. The wake-up descriptor
    # is written at once, by the system's own handler, and a thread that reads it can act while the fit goes on.
    if sys.platform == "win32" or threading.current_thread() is not threading.main_thread():
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)

    def watch() -> None:
        while os.read(reader, 1) != bytes([signal.SIGTERM]):
            pass
        emit("cancelled")
        os._exit(128 + signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()
