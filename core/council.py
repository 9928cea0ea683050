"""The same pictures through many runs: each is opened for its turn, and stays open while there is room.

`inference.open_session` keeps the few models that pages and API answer with; a dozen beside each other would push them
out at every stroke. So they have a place of their own, bounded by the memory there is. What does not fit is let go
after its turn, and its memory given back: never two of those are open at a time.
"""

import contextlib
import ctypes
import threading
from collections.abc import Iterator, Sequence

import numpy as np
import onnxruntime

from core import inference, runs
from core.settings import SERVER_MB, Settings

MOST = 12
_TIMES = 3  # what a model takes when it is opened, as a multiple of its file; a forest 2.2, as measured
_KEPT = 0.25  # of the memory beside the server, for what stays open; the rest is for the one whose turn it is
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
            stays = run in _open or _make_room(settings, run, asked)
            if stays:
                _open[run] = session
            proba = inference.predict_proba(session, images)
            del session
            if not stays:
                _give_back()
        yield proba


def fits(settings: Settings, run: runs.Run) -> bool:
    """Tell whether there is memory enough to open a run beside the server and what stays open."""
    return runs.size_of(run) <= (1 - _KEPT) * _room(settings)


def _give_back() -> None:
    # The C library keeps what was freed for itself: after three forests that was 400 MB.
    with contextlib.suppress(OSError, AttributeError):  # not every system's library has it
        ctypes.CDLL(None).malloc_trim(0)


def _make_room(settings: Settings, run: runs.Run, asked: Sequence[runs.Run]) -> bool:
    # Only those that nobody asks now go: what goes round in turn would otherwise push itself out, one by one.
    most = _KEPT * _room(settings) - runs.size_of(run)
    for other in [other for other in _open if other not in asked]:
        if sum(map(runs.size_of, _open)) <= most:
            break
        del _open[other]
    return sum(map(runs.size_of, _open)) <= most


def _room(settings: Settings) -> float:
    # In bytes of model files.
    return max((settings.memory_mb or _UNKNOWN_MB) - SERVER_MB, 0) * 2**20 / _TIMES
