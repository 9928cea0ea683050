"""What visitors may send: one picture each, while they look at the Draw page, and all together no more than fits.

Streamlit keeps whatever a session sends until the session ends, so what is to be removed for it is named here.
"""

import threading
import time
from collections import OrderedDict

from core.texts import later, t

MAX_BYTES = 8 << 20
MAX_TOGETHER = 48 << 20
EXPECT_SECONDS, MAX_EXPECTED = 1800.0, 2000
OVERHEAD_BYTES = 16 << 10  # of the form around the file
TOO_LARGE = later("The picture has {size:.0f} MB, more than the {most} that are taken. Scale it down.")
NOT_HERE = "Files are taken on the Draw page only, one picture at a time."
_lock = threading.Lock()
_expected: OrderedDict[str, float] = OrderedDict()
_kept: OrderedDict[tuple[str, str], int] = OrderedDict()


def expect(session: str) -> None:
    """Take pictures of this browser session from now on, for half an hour."""
    with _lock:
        _expected.pop(session, None)
        _expected[session] = time.monotonic() + EXPECT_SECONDS
        while len(_expected) > MAX_EXPECTED:
            _expected.popitem(last=False)


def refusal(session: str, size: int | None) -> tuple[int, str] | None:
    """Return why a visitor's file is not taken, as HTTP status and sentence; None where it is.

    Parameters
    ----------
    size : int or None
        What the request says that it holds; a request that does not say is not read.
    """
    with _lock:
        expected = _expected.get(session, 0.0) > time.monotonic()
    if not expected:
        return 403, NOT_HERE
    if size is None:
        return 411, "The request does not say how large it is. Send the file in one piece."
    if size > MAX_BYTES + OVERHEAD_BYTES:
        return 413, t(TOO_LARGE, size=size / 2**20, most=MAX_BYTES >> 20)
    return None


def admit(session: str, name: str, size: int) -> list[tuple[str, str]]:
    """Note a file that is being taken; returns which older ones, as (session, name), must be removed for it."""
    with _lock:
        gone = [key for key in _kept if key[0] == session and key[1] != name]
        for key in gone:
            del _kept[key]
        _kept[session, name] = size
        while sum(_kept.values()) > MAX_TOGETHER and len(_kept) > 1:
            oldest, _ = _kept.popitem(last=False)
            gone.append(oldest)
    return gone
