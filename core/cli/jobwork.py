"""What every job does around its work: be the job, and tell in one sentence why it failed."""

import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from core import jobs, settings, worker
from core.errors import DigitLabError

if TYPE_CHECKING:
    from core.runs import Run

NO_RUN = "There is no run yet. Train one first: python -m core train"

Work = Callable[[settings.Settings, str, Mapping[str, Any], worker.Emit], None]


def run(found: settings.Settings, job_id: str, work: Work) -> int:
    """Do a job's work under its lock and say in its events how it ended; returns the exit code."""
    config = jobs.load_job(found, job_id).config
    with worker.running(found, job_id) as emit:
        why = failure(lambda: work(found, job_id, config, emit))
        if why:
            print(why, file=sys.stderr)
            emit("failed", message=why)
            return 1
        emit("done")
    return 0


def chosen(found: settings.Settings, run_id: str, among: "Sequence[Run]", none: str) -> "Run":
    """Return the run that somebody named, else the newest of those that serve.

    Raises
    ------
    RunError
        If there is no such run, or `none`, where there is nothing to choose from.
    """
    from core import runs
    from core.errors import RunError

    if run_id:
        return runs.load_run(found, run_id)
    if not among:
        raise RunError(none)
    return among[0]


def failure(do: Callable[[], None]) -> str:
    """Do something; returns why it failed, in one sentence, or an empty text."""
    try:
        do()
    except DigitLabError as error:
        return str(error)
    except MemoryError:
        return "There was not enough memory. Train on fewer images, or on a larger machine."
    except Exception as error:  # the child's top level: whatever it is, the page must be told
        traceback.print_exc()
        return f"{type(error).__name__}: {error}"
    return ""
