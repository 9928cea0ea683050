"""The same pictures through many runs: each is opened for its turn, and stays open while there is room.

`inference.open_session` keeps the few models that pages and API answer with; a dozen beside each other would push them
out at every stroke. So they have a place of their own, bounded by the memory there is. What does not fit is let go
after its turn: never two of those are in memory at a time.
"""

import threading
from collections.abc import Iterator, Sequence

import numpy as np
import onnxruntime

from core import inference, runs
from core.settings import Settings

MOST = 12
_SHARE = 32  # of the memory, as model files; opened, a forest takes about four times its file
_UNKNOWN_MB = 2048  # where nothing says how much memory there is
_open: dict[runs.Run, onnxruntime.InferenceSession] = {}
_turn = threading.Lock()


def ask(settings: Settings, asked: Sequence[runs.Run], images: np.ndarray) -> Iterator[np.ndarray]:
    """Answer pictures with one run after the other.

    Parameters
    ----------
    images : (n, 28, 28) uint8

    Yields
    ------
    (n, 10) float32
        The answers of the next run.

    Raises
    ------
    RunError
        If a run is not servable, or its file was damaged.
    """
    for run in asked:
        with _turn:
            session = _open.get(run) or inference.load_session(run)
            if run not in _open and _make_room(settings, run, asked):
                _open[run] = session
        yield inference.predict_proba(session, images)
        del session


def _make_room(settings: Settings, run: runs.Run, asked: Sequence[runs.Run]) -> bool:
    # Only those that nobody asks now go: what goes round in turn would otherwise push itself out, one by one.
    room = ((settings.memory_mb or _UNKNOWN_MB) << 20) // _SHARE - runs.size_of(run)
    for other in [other for other in _open if other not in asked]:
        if sum(map(runs.size_of, _open)) <= room:
            break
        del _open[other]
    return sum(map(runs.size_of, _open)) <= room
