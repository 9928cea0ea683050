"""Small files that are either whole or not there: written under a temporary name, then renamed."""

import json
import secrets
from pathlib import Path
from typing import Any

_REMEMBERED: dict[str, tuple[tuple[int, ...], Any]] = {}
_MOST = 4096  # files: two hundred runs are eight hundred


def write_bytes(path: Path, body: bytes) -> None:
    """Replace a file by `body` in one step; a reader sees the old one or the new one, never half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        new.write_bytes(body)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def write_json(path: Path, body: Any) -> None:
    """Replace a JSON file in one step."""
    write_bytes(path, json.dumps(body, indent=1).encode())


def read_json(path: Path) -> Any:
    """Return a JSON file's content, or None where the file is missing or is not JSON."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None


def recall_json(path: Path) -> Any:
    """Return what `read_json` does, but read a file again only when it has changed since the last time.

    What is returned is shared by everybody who asks: it is to be looked at, not to be changed.
    """
    try:
        stat = path.stat()
    except OSError:
        return None
    mark = (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino)
    known = _REMEMBERED.get(str(path))
    if known and known[0] == mark:
        return known[1]
    body = read_json(path)
    if len(_REMEMBERED) >= _MOST:
        _REMEMBERED.clear()
    _REMEMBERED[str(path)] = (mark, body)
    return body
