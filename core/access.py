"""Who may do what. Without a password everything is open on this machine; on the internet a visitor draws and asks.

Three levels: `host` may do everything, `class` may train within limits, `visitor` may draw and call the API. A server
that has a password hands out the level `host` to the one browser tab that gave it last; nothing is kept on a disk.
"""

import hashlib
import hmac
import ipaddress
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from limits import RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from core.errors import AccessError
from core.settings import Settings
from core.texts import t

HOST, CLASS, VISITOR = "host", "class", "visitor"
# What is not named here only the host may do.
OPEN_TO = dict.fromkeys(("train", "cancel", "label", "export", "keep", "fetch"), (HOST, CLASS))
ATTEMPTS = RateLimitItemPerMinute(5, 15)  # wrong passwords of one client in 15 minutes
ALL_ATTEMPTS = RateLimitItemPerHour(100)  # of all clients together: many addresses are cheap
_CLOSED = {
    "train": "Training is closed to visitors",
    "cancel": "Stopping a training of somebody else is closed to visitors",
    "data": "Changing the data is closed to visitors",
    "promote": "Promoting is closed to visitors",
    "label": "Writing on a run is closed to visitors",
    "export": "Exporting a run is closed to visitors",
    "import": "Importing a run is closed to visitors",
    "delete": "Deleting a run is closed to visitors",
    "keep": "Keeping drawings is closed to visitors",
    "wandb": "Weights & Biases is closed to visitors",
    "fetch": "Fetching a run from W&B is closed to visitors",
}
_limiter = MovingWindowRateLimiter(MemoryStorage())
_holding = threading.Lock()
_holder = ""


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks: the address, and whether it is this very machine with nobody in between."""

    address: str
    local: bool


def client(settings: Settings, peer: str | None, headers: Mapping[str, str]) -> Client:
    """Tell who asks.

    Parameters
    ----------
    peer : str or None
        The other end of the connection; None is this machine.
    headers : mapping
        Names in lower case. Of `x-forwarded-for` only what our own proxies appended counts: the rest is the
        client's own word.
    """
    chain = [part.strip() for part in headers.get("x-forwarded-for", "").split(",") if part.strip()]
    if settings.proxies and len(chain) >= settings.proxies:
        return Client(chain[-settings.proxies], local=False)
    address = peer or "127.0.0.1"
    # The name asked for must be this machine's own too: a foreign site may have its name point here.
    asked = urlsplit(f"//{headers.get('host', 'localhost')}").hostname or ""
    return Client(address, _is_loopback(address) and _is_loopback(asked) and not chain and not settings.dyno)


def level(settings: Settings, who: Client, session: str) -> str:
    """Return what a session may do: `host`, `class` or `visitor`."""
    unlocked = bool(session) and session == _holder
    if unlocked or (who.local and not settings.password):
        return HOST
    return CLASS if settings.access == CLASS else VISITOR


def require(settings: Settings, now: str, action: str) -> None:
    """Refuse what a level may not do.

    Raises
    ------
    AccessError
        What is closed, and how it is opened.
    """
    if now not in OPEN_TO.get(action, (HOST,)):
        raise AccessError(reason(settings, action))


def reason(settings: Settings, action: str) -> str:
    """Say why an action is closed, and what opens it."""
    what = t(_CLOSED.get(action, "This is closed to visitors"))
    if settings.password:
        return t("{what}. Unlock it in the side bar with the password of this server.", what=what)
    return t("{what}, as this server has no password. Set DIGITLAB_PASSWORD where it runs.", what=what)


def unlock(settings: Settings, who: Client, session: str, password: str) -> None:
    """Give a session the level `host`; the one that had it before loses it.

    Raises
    ------
    AccessError
        If the password is wrong, or too many were.
    """
    global _holder
    mine = ("unlock", who.address)
    if not (_limiter.test(ATTEMPTS, *mine) and _limiter.test(ALL_ATTEMPTS, "unlock")):
        raise AccessError(t("Too many wrong passwords. Try again in a quarter of an hour."))
    if not settings.password or not _same(password, settings.password):
        _limiter.hit(ATTEMPTS, *mine)
        _limiter.hit(ALL_ATTEMPTS, "unlock")
        left = _limiter.get_window_stats(ATTEMPTS, *mine).remaining
        if left == 1:
            raise AccessError(t("That is not the password; 1 more try."))
        raise AccessError(t("That is not the password; {left} more tries.", left=left))
    with _holding:
        _holder = session


def lock(session: str) -> None:
    """Take the level `host` from a session again."""
    global _holder
    with _holding:
        if _holder == session:
            _holder = ""


def is_unlocked(session: str) -> bool:
    """Tell whether this session holds the level `host` by password."""
    return bool(session) and session == _holder


def too_many(settings: Settings, who: Client, what: str) -> bool:
    """Count one request of a client; True where it had more than `DIGITLAB_RATE` in the last minute."""
    if not settings.rate or who.local:
        return False
    return not _limiter.hit(RateLimitItemPerMinute(settings.rate), what, who.address)


def _same(one: str, other: str) -> bool:
    # Of equal length and independent of where they differ: the time taken tells nothing.
    digests = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in (one, other)]
    return hmac.compare_digest(*digests)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
