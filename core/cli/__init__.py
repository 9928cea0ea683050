"""The command line: `python -m core COMMAND`.

Most are also a job (`--job ID`). Heavy imports stand inside the commands: a queued job waits for its turn in a few
megabytes.
"""

import sys
from collections.abc import Callable, Sequence

from core import settings
from core.cli import calibrate, data, depth, doctor, jobwork, mydigits, predict, robustness, runs, sweep, track, train
from core.errors import DigitLabError

COMMANDS: dict[str, tuple[Callable[[settings.Settings, Sequence[str]], int], jobwork.Work | None]] = {
    "train": (train.command, train.work),
    "sweep": (sweep.command, sweep.work),
    "depth": (depth.command, depth.work),
    "robustness": (robustness.command, robustness.work),
    "calibrate": (calibrate.command, calibrate.work),
    "mydigits": (mydigits.command, mydigits.work),
    "predict": (predict.command, None),
    "runs": (runs.command, None),
    "data": (data.command, data.work),
    "track": (track.command, track.work),
    "doctor": (doctor.command, None),
}
_INTERNAL = {"stage": train.stage, "sweep-stage": sweep.stage}


def main(argv: Sequence[str]) -> int:
    """Run one command; returns the exit code: 0 = done, 1 = failed, 2 = not understood."""
    if len(argv) < 1 or argv[0] not in COMMANDS | _INTERNAL:
        print(f"usage: python -m core {{{' | '.join(COMMANDS)}}} …   (add --help to each)", file=sys.stderr)
        return 2
    try:
        found = settings.load()
        if argv[0] in _INTERNAL:
            return _INTERNAL[argv[0]](found, argv[1:])
        command, work = COMMANDS[argv[0]]
        if work and len(argv) == 3 and argv[1] == "--job":
            return jobwork.run(found, argv[2], work)
        return command(found, argv[1:])
    except DigitLabError as error:
        print(error, file=sys.stderr)
        return 1
