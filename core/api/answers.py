"""Pictures -> answers, by the run that serves. Called in a thread: the event loop has pages to serve."""

import functools
import threading
import time
from typing import Any

import numpy as np

from core import inference, preprocessing, refusal, runs, serving, settings
from core.api import figures
from core.api.problems import ApiError
from core.errors import DigitLabError, ImageError

LOOK_SECONDS = 1.0
WAIT_SECONDS = 10.0
# A large picture takes some hundred megabytes while it is decoded.
_DECODING = threading.BoundedSemaphore(2)


def serves() -> serving.Serving:
    """Return which run answers; looked up at most once a second, as that reads every run's card."""
    return _looked_up(int(time.monotonic() / LOOK_SECONDS))[0]


def version() -> str:
    """Return the version of the run that answers; empty where it has none."""
    return _looked_up(int(time.monotonic() / LOOK_SECONDS))[1]


@functools.lru_cache(maxsize=1)
def _looked_up(tick: int) -> tuple[serving.Serving, str]:
    found = serving.choose(settings.load())
    return found, serving.version(found.run) if found.run else ""


def warm_up() -> None:
    """Open the model that serves, so that the first request does not wait for it."""
    run = serves().run
    if run:
        inference.open_session(run)


def classify(pictures: list[bytes]) -> dict[str, Any]:
    """Answer pictures, in their order.

    Raises
    ------
    ApiError
        422 where one cannot be read as a digit, 503 where no model serves or too much is asked at once.
    """
    began = time.perf_counter()
    run = serves().run
    if run is None:
        raise ApiError(
            503, "There is no model to answer yet. Train one, or wait until it is fetched.", {"Retry-After": "5"}
        )
    if not _DECODING.acquire(timeout=WAIT_SECONDS):
        raise ApiError(503, "Too many pictures are being read at once. Try again in a moment.", {"Retry-After": "1"})
    try:
        images = _read(pictures)
        proba = inference.predict_proba(inference.open_session(run), images)
    except DigitLabError as error:
        if isinstance(error, ImageError):
            raise ApiError(422, str(error)) from error
        raise ApiError(503, str(error), {"Retry-After": "5"}) from error
    finally:
        _DECODING.release()
    for label in proba.argmax(axis=1):
        figures.IMAGES.labels(int(label)).inc()
    return {
        "predictions": [
            {"label": int(row.argmax()), "proba": [round(float(p), 6) for p in row], **found}
            for row, found in zip(proba, _verdicts(run, images, proba), strict=True)
        ],
        "model": run.id,
        "version": version() or None,
        "milliseconds": round((time.perf_counter() - began) * 1000, 3),
    }


def _verdicts(run: runs.Run, images: np.ndarray, proba: np.ndarray) -> list[dict[str, Any]]:
    try:
        calibration = refusal.load(run)
    except DigitLabError:  # damaged: the model answers all the same, and its page says what to do
        calibration = None
    if calibration is None:
        return [{} for _ in proba]
    found = [refusal.verdict(calibration, image, row) for image, row in zip(images, proba, strict=True)]
    return [{"digits": list(one.digits), "is_digit": one.is_digit} for one in found]


def _read(pictures: list[bytes]) -> np.ndarray:
    images = []
    for number, data in enumerate(pictures, 1):
        try:
            images.append(preprocessing.from_bytes(data))
        except ImageError as error:
            raise ImageError(f"Image {number}: {error}" if len(pictures) > 1 else str(error)) from error
    return np.stack(images)
