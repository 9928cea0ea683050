"""How well each run reads My digits. An answer never changes, so each is asked for once, and kept with the drawings."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from core import inference, metrics, runs
from core.digits import IMAGE_SHAPE
from core.errors import RunError
from core.mydigits import store
from core.settings import Settings

LIGHT_BYTES = 20 << 20  # a model of more takes too long to open within a page


@dataclass(frozen=True, slots=True)
class Score:
    """How many of the drawings a run reads as their authors did.

    Parameters
    ----------
    accuracy : metrics.Interval
        With Wilson's 95 % interval; of no drawing, 0 to 1.
    asked : int
        How many of the drawings it has answered.
    """

    run: runs.Run
    right: int
    asked: int
    total: int
    accuracy: metrics.Interval


def fill(
    settings: Settings,
    found: Sequence[runs.Run],
    seconds: float = float("inf"),
    tell: Callable[[int, int], None] | None = None,
) -> int:
    """Let every run answer the drawings that it has not seen yet, one run after another.

    Parameters
    ----------
    seconds : float
        Begin no other run after so long; with a limit, large models are left out too.
    tell : callable, optional
        Is told how many runs are done, and of how many.

    Returns
    -------
    int
        How many runs are left with drawings that they have not answered.
    """
    end, left = time.monotonic() + seconds, 0
    usable = [run for run in found if run.servable]
    for done, run in enumerate(usable):
        if tell:
            tell(done, len(usable))
        images, names = _unseen(settings, run.id)
        if not names:
            continue
        large = run.card["files"]["model.onnx"]["bytes"] > LIGHT_BYTES
        if time.monotonic() > end or (large and np.isfinite(seconds)):
            left += 1
            continue
        try:
            answers = inference.predict_proba(inference.load_session(run), images).argmax(axis=1).tolist()
        except RunError:
            continue  # the Runs page says what is wrong with it
        with store.opened(settings, write=True) as connection:
            rows = [(name, run.id, answer) for name, answer in zip(names, answers, strict=True)]
            connection.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", rows)
    return left


def table(settings: Settings, found: Sequence[runs.Run], author: str | None = None) -> list[Score]:
    """Return each run's score on the drawings, of all or of one author, the best first."""
    where, given = ("", ()) if author is None else (" AND d.author = ?", (author,))
    asked = (
        "SELECT a.run, count(*), sum(a.answer = d.label) FROM digits d JOIN answers a ON a.sha256 = d.sha256 "
        f"WHERE d.deleted IS NULL{where} GROUP BY a.run"
    )
    total = store.count(settings, author)
    with store.opened(settings) as connection:
        counted = {run_id: (n, right) for run_id, n, right in connection.execute(asked, given)}
    scores = [
        Score(
            run, counted[run.id][1], counted[run.id][0], total, metrics.wilson(counted[run.id][1], counted[run.id][0])
        )
        for run in found
        if run.id in counted
    ]
    return sorted(scores, key=lambda score: -score.accuracy.value)


def _unseen(settings: Settings, run_id: str) -> tuple[np.ndarray, list[str]]:
    asked = (
        "SELECT DISTINCT sha256, image FROM digits WHERE deleted IS NULL AND sha256 NOT IN "
        "(SELECT sha256 FROM answers WHERE run = ?)"
    )
    with store.opened(settings) as connection:
        rows = connection.execute(asked, (run_id,)).fetchall()
    images = np.frombuffer(b"".join(image for _, image in rows), np.uint8).reshape(-1, *IMAGE_SHAPE)
    return images, [name for name, _ in rows]
