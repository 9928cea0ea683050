"""The file itself: `DIGITLAB_HOME/mydigits.sqlite`, safe under many tabs and processes that write at once.

A write-ahead log lets readers read while one writes; a writer waits for its turn (https://sqlite.org/wal.html).
"""

import contextlib
import hashlib
import json
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from core.digits import CLASSES, IMAGE_SHAPE, N_PIXELS, check_images
from core.errors import DrawingError
from core.settings import Settings
from core.texts import t

MOST, MOST_OF_ONE = 20_000, 1_000  # drawings in the file; of one author, where not only the host draws
MAX_PNG_BYTES, MAX_STROKES_BYTES = 256 << 10, 256 << 10
UNDO_SECONDS = 600.0
BUSY_SECONDS = 10.0
_TABLES = """
CREATE TABLE IF NOT EXISTS digits (
    id TEXT PRIMARY KEY, at REAL NOT NULL, author TEXT NOT NULL, label INTEGER NOT NULL CHECK (label BETWEEN 0 AND 9),
    answer INTEGER, confidence REAL, run TEXT NOT NULL, source TEXT NOT NULL,
    image BLOB NOT NULL CHECK (length(image) = 784),
    sha256 TEXT NOT NULL, strokes TEXT, png BLOB, deleted REAL, UNIQUE (author, sha256));
CREATE TABLE IF NOT EXISTS answers (
    sha256 TEXT NOT NULL, run TEXT NOT NULL, answer INTEGER NOT NULL, PRIMARY KEY (run, sha256)) WITHOUT ROWID;
"""
_COLUMNS = "id, at, author, label, answer, confidence, run, source, image, sha256, strokes IS NOT NULL, png IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Drawing:
    """One kept drawing.

    Parameters
    ----------
    at : float
        Seconds since the epoch.
    label : int
        What the person said it is.
    answer, confidence : int and float, or None
        What the model said, and how sure it was, where one was asked.
    run : str
        The id of that model's run, or empty.
    source : str
        "board", "picture", "camera", "number", "test image" or "import".
    image : (28, 28) uint8
    sha256 : str
        Of the image.
    """

    id: str
    at: float
    author: str
    label: int
    answer: int | None
    confidence: float | None
    run: str
    source: str
    image: np.ndarray
    sha256: str
    has_strokes: bool
    has_png: bool


def path(settings: Settings) -> Path:
    """Return where the drawings are kept."""
    return settings.home / "mydigits.sqlite"


@contextlib.contextmanager
def opened(settings: Settings, write: bool = False) -> Iterator[sqlite3.Connection]:
    """Open the file, made where it is missing; with `write`, in one transaction that is kept whole or not at all.

    Raises
    ------
    DrawingError
        If it cannot be read or written, with the reason.
    """
    try:
        connection = _connect(settings)
        try:
            connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            yield connection
            connection.execute("COMMIT")
        finally:
            connection.close()  # what was not committed is undone
    except (sqlite3.Error, OSError, Timeout) as error:
        words, name = _words(error), path(settings).name
        if not write:
            raise DrawingError(
                t(
                    "My digits cannot be read ({words}). Try again, or look at {name} in DIGITLAB_HOME.",
                    words=words,
                    name=name,
                )
            ) from error
        raise DrawingError(
            t(
                "My digits cannot be saved ({words}); nothing was lost or half written. Try again, or look at {name} "
                "in DIGITLAB_HOME.",
                words=words,
                name=name,
            )
        ) from error


def _words(error: Exception) -> str:
    return str(error.strerror if isinstance(error, OSError) and error.strerror else error) or type(error).__name__


def _connect(settings: Settings) -> sqlite3.Connection:
    file = path(settings)
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        # Two processes that turn a new file to its write-ahead log at once would not wait for one another.
        with FileLock(file.with_suffix(".lock"), timeout=BUSY_SECONDS):
            return _prepared(file)
    return _prepared(file)


def _prepared(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        connection.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # what was said to be saved survives a loss of power
        connection.executescript(_TABLES)
    except BaseException:
        connection.close()
        raise
    return connection


def sha256_of(image: np.ndarray) -> str:
    """Return the sha256 of an image's pixels."""
    return hashlib.sha256(np.ascontiguousarray(image).tobytes()).hexdigest()


def save(
    settings: Settings,
    image: np.ndarray,
    label: int,
    author: str = "",
    answer: int | None = None,
    confidence: float | None = None,
    run: str = "",
    source: str = "board",
    strokes: Mapping[str, Any] | None = None,
    png: bytes | None = None,
    at: float | None = None,
) -> str:
    """Keep one drawing; the same image of the same author once more changes its label instead; returns its id.

    Parameters
    ----------
    image : (28, 28) uint8
        As the model received it.
    label : int, 0 to 9
    strokes : mapping, optional
        The canvas's own JSON; left out beyond `MAX_STROKES_BYTES`.
    png : bytes, optional
        The picture as it came; left out beyond `MAX_PNG_BYTES`.

    Raises
    ------
    DrawingError
        If it cannot be written, or there are too many.
    DataError
        If the image or the label is none.
    """
    check_images(image[np.newaxis])
    if label not in CLASSES:
        raise DrawingError(t("The label is {label}; a digit is 0 to 9.", label=label))
    text = json.dumps(strokes) if strokes else None
    row = {
        "id": token_hex(8),
        "at": time.time() if at is None else at,
        "author": author,
        "label": int(label),
        "answer": answer,
        "confidence": confidence,
        "run": run,
        "source": source,
        "image": np.ascontiguousarray(image).tobytes(),
        "sha256": sha256_of(image),
        "strokes": text if text and len(text) <= MAX_STROKES_BYTES else None,
        "png": png if png and len(png) <= MAX_PNG_BYTES else None,
    }
    with opened(settings, write=True) as connection:
        return insert(connection, row)


def insert(connection: sqlite3.Connection, row: Mapping[str, Any]) -> str:
    """Write one row within a transaction; returns the id that it has.

    Raises
    ------
    DrawingError
        If there are too many.
    """
    connection.execute("DELETE FROM digits WHERE deleted < ?", (time.time() - UNDO_SECONDS,))
    kept = connection.execute("SELECT count(*) FROM digits").fetchone()[0]
    if kept >= MOST:
        raise DrawingError(
            t("{kept:,} drawings are kept, the most for this server. Export them, then delete some.", kept=kept)
        )
    names = ", ".join(row)
    marks = ", ".join(f":{name}" for name in row)
    statement = (
        f"INSERT INTO digits ({names}) VALUES ({marks}) ON CONFLICT (author, sha256) DO UPDATE SET "
        "label = excluded.label, deleted = NULL RETURNING id"
    )
    return connection.execute(statement, dict(row)).fetchone()[0]


def _where(author: str | None) -> tuple[str, tuple[str, ...]]:
    return ("deleted IS NULL", ()) if author is None else ("deleted IS NULL AND author = ?", (author,))


def count(settings: Settings, author: str | None = None) -> int:
    """Return how many drawings are kept: all, or those of one author."""
    if not path(settings).exists():
        return 0
    where, given = _where(author)
    with opened(settings) as connection:
        return connection.execute(f"SELECT count(*) FROM digits WHERE {where}", given).fetchone()[0]


def authors(settings: Settings) -> dict[str, int]:
    """Return who drew, and how many each, most first."""
    with opened(settings) as connection:
        asked = "SELECT author, count(*) FROM digits WHERE deleted IS NULL GROUP BY author ORDER BY 2 DESC, 1"
        return dict(connection.execute(asked).fetchall())


def list_drawings(
    settings: Settings, author: str | None = None, start: int = 0, most: int = 1_000_000
) -> list[Drawing]:
    """Return drawings, newest first."""
    if not path(settings).exists():
        return []
    where, given = _where(author)
    asked = f"SELECT {_COLUMNS} FROM digits WHERE {where} ORDER BY at DESC, id LIMIT ? OFFSET ?"
    with opened(settings) as connection:
        return [_drawing(row) for row in connection.execute(asked, (*given, most, start))]


def _drawing(row: Sequence[Any]) -> Drawing:
    *head, blob, sha256, has_strokes, has_png = row
    image = np.frombuffer(blob, np.uint8, N_PIXELS).reshape(IMAGE_SHAPE)
    known = dict(zip(("id", "at", "author", "label", "answer", "confidence", "run", "source"), head, strict=True))
    return Drawing(**known, image=image, sha256=sha256, has_strokes=bool(has_strokes), has_png=bool(has_png))


def delete(settings: Settings, ids: Sequence[str], author: str | None = None) -> int:
    """Take drawings out; they can be put back for ten minutes. Returns how many.

    Parameters
    ----------
    author : str, optional
        Only where they are this author's.
    """
    return _mark(settings, ids, author, time.time())


def restore(settings: Settings, ids: Sequence[str], author: str | None = None) -> int:
    """Put back what was deleted in the last ten minutes; returns how many."""
    return _mark(settings, ids, author, None)


def _mark(settings: Settings, ids: Sequence[str], author: str | None, moment: float | None) -> int:
    now = "IS NOT NULL" if moment is None else "IS NULL"
    own, given = ("", ()) if author is None else (" AND author = ?", (author,))
    with opened(settings, write=True) as connection:
        done = [
            connection.execute(
                f"UPDATE digits SET deleted = ? WHERE id = ? AND deleted {now}{own}", (moment, one, *given)
            ).rowcount
            for one in ids
        ]
    return sum(done)
