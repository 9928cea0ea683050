"""The study as a job: change some test images in every way, and ask the run's exported model."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import onnxruntime
from PIL import Image

from core import dataset, depth, inference, preprocessing, runs, studies, worker
from core import digits as contract
from core.errors import DataError, ImageError, ModelError, RunError
from core.robustness.changes import CHANGES
from core.robustness.study import Robustness, save
from core.settings import SERVER_MB, Settings
from core.texts import retell, t

IMAGES, COVERED, LEARNED = 2000, 400, 5000
SEED = 0
_AT_ONCE = 250
_PATCH = 4  # pixels a side of the paper that covers
_PATCHES = (contract.IMAGE_SHAPE[0] // _PATCH) ** 2
_CHANGED = IMAGES * sum(len(change.levels) for change in CHANGES.values())
_BARE_MB, _EACH_MB = 250.0, 2.5  # without a model, and for each megabyte of it
_NORMALISE_SECONDS, _CHANGE_SECONDS = 3e-4, 1e-4  # for one image, on one core of 2024

Told = Callable[[int, str], None]


def expect(run: runs.Run) -> dict[str, float]:
    """Return the expected seconds of each stage, from how fast the run answered its test images."""
    each = run.card["timings"]["predict"] / run.card["data"]["n_test"]
    share = min(1.0, run.card["data"]["n_test"] / IMAGES)
    answers = 2 * _CHANGED * share + COVERED * _PATCHES + LEARNED
    seconds = answers * each + share * _CHANGED * (_NORMALISE_SECONDS + _CHANGE_SECONDS)
    return {"data": 2.0, "fit": 0.0, "evaluate": seconds, "export": 0.0, "seal": 0.2}


def need_mb(run: runs.Run) -> float:
    """Return the most memory that the study of a run takes, as measured by `bench/memory.py --robustness`.

    Beside the images and what answering a batch of them takes, ONNX Runtime holds a model twice while it opens it.
    """
    return _BARE_MB + _EACH_MB * runs.size_of(run) / 1e6


def check_memory(settings: Settings, run: runs.Run) -> None:
    """Refuse, before it starts, a study that does not fit into the memory.

    Raises
    ------
    ModelError
        With the measured figure.
    """
    need = need_mb(run)
    if not settings.fits(need):
        raise ModelError(
            t(
                "To measure this run takes {need:.0f} MB beside the server's {server}, as measured; there are {have} "
                "MB (DIGITLAB_MEMORY_MB, else the machine's). Measure it on a larger machine.",
                need=need,
                server=SERVER_MB,
                have=settings.memory_mb,
            )
        )


def submit(settings: Settings, run: runs.Run) -> str:
    """Write the study's job; returns its id.

    Raises
    ------
    RunError
        If the run has no exported model that may be asked.
    DataError
        If the server has other data by now.
    ModelError
        If there is too little memory.
    """
    check_memory(settings, run)
    _check(settings, run)
    return studies.submit(settings, "robustness", run, expect(run))


def start(settings: Settings, run: runs.Run) -> str:
    """Start the study of a run in a child, unless it is at work already; returns the job's id.

    Raises
    ------
    RunError, DataError, ModelError
        As from `submit`.
    JobError
        If too many jobs wait already.
    """
    check_memory(settings, run)
    _check(settings, run)
    return studies.start(settings, "robustness", run, expect(run))


def _check(settings: Settings, run: runs.Run) -> dataset.Digits:
    if not run.servable:
        raise RunError(retell(run.card["parity"]["reason"]))
    digits = dataset.load(settings)
    if digits.sha256 != run.config["data_sha256"]:
        raise DataError(
            t(
                "The run {id} was measured on the data {old}, but the server has {new}. Bring that "
                "data back, or train once more.",
                id=run.id,
                old=run.config["data_sha256"][:12],
                new=digits.sha256[:12],
            )
        )
    return digits


def work(settings: Settings, job_id: str, config: Mapping[str, Any], emit: worker.Emit) -> None:
    """Study a run and keep the result beside it: what the job does.

    Raises
    ------
    DigitLabError
        If the run or its data is gone.
    """
    emit("data", message=t("Opening the data"))
    run = runs.load_run(settings, config["run"])
    digits = _check(settings, run)
    learned, _ = depth.parts(run, digits)
    total = 2 * sum(len(change.levels) for change in CHANGES.values()) + 2
    found = measure(
        inference.load_session(run),
        digits,
        learned,
        lambda done, words: emit("evaluate", message=words, done=done, total=total),
    )
    emit("seal", message=t("Keeping the result"))
    save(run, found)


def measure(
    session: onnxruntime.InferenceSession, digits: dataset.Digits, learned: np.ndarray, told: Told
) -> Robustness:
    """Ask a model about changed images, a few hundred at a time.

    Parameters
    ----------
    learned : (m,) integers
        Positions of the training images that it learned from.
    told : (steps done, words)
        Is told after each step.
    """
    labels = np.asarray(digits.y_test)
    chosen = contract.stratified(labels, min(IMAGES, len(labels)), SEED)
    labels = labels[chosen]
    hits: dict[str, dict[str, np.ndarray]] = {"raw": {}, "normalised": {}}
    done = 0
    for name, change in CHANGES.items():
        for part in hits.values():
            part[name] = np.zeros(len(change.levels), np.int64)
        for k, level in enumerate(change.levels):
            for start, changed in _changed(digits.x_test, chosen, name, level):
                truth = labels[start : start + len(changed)]
                hits["raw"][name][k] += _right(session, changed, truth)
                hits["normalised"][name][k] += _right(session, _normalised(changed), truth)
            done += 2
            told(done, t(change.done, level=level))
    covered = _occlusion(session, digits, contract.stratified(digits.y_test, min(COVERED, len(digits.y_test)), SEED))
    told(done + 1, t("Covering parts of the images"))
    some = np.sort(np.random.default_rng(SEED).permutation(learned)[:LEARNED])
    known = sum(
        _right(session, digits.x_train[part], np.asarray(digits.y_train[part])) for part in _parts(some, _AT_ONCE)
    )
    told(done + 2, t("Reading images that it learned from"))
    levels = {name: np.array(change.levels, float) for name, change in CHANGES.items()}
    return Robustness(n=len(chosen), levels=levels, **hits, occlusion=covered, train_hits=known, train_n=len(some))


def _parts(rows: np.ndarray, size: int) -> Iterator[np.ndarray]:
    return (rows[start : start + size] for start in range(0, len(rows), size))


def _changed(images: np.ndarray, chosen: np.ndarray, name: str, level: float) -> Iterator[tuple[int, np.ndarray]]:
    rng = np.random.default_rng([SEED, list(CHANGES).index(name)])  # the same direction at every level
    start = 0
    for part in _parts(chosen, _AT_ONCE):
        yield start, CHANGES[name].apply(images[part], level, rng)
        start += len(part)


def _normalised(images: np.ndarray) -> np.ndarray:
    found = images.copy()
    for i, image in enumerate(images):
        try:
            found[i] = preprocessing.normalise(preprocessing.ink(Image.fromarray(image)))
        except ImageError:  # nothing is left of it: the model gets what there is
            continue
    return found


def _right(session: onnxruntime.InferenceSession, images: np.ndarray, labels: np.ndarray) -> int:
    return int((inference.predict_proba(session, images).argmax(axis=1) == labels).sum())


def _occlusion(session: onnxruntime.InferenceSession, digits: dataset.Digits, chosen: np.ndarray) -> np.ndarray:
    images, labels = np.array(digits.x_test[chosen]), np.asarray(digits.y_test[chosen])
    everyone = np.arange(len(labels))
    sure = inference.predict_proba(session, images)[everyone, labels].mean(dtype=np.float64)
    found = np.zeros(contract.IMAGE_SHAPE)
    for row in range(0, contract.IMAGE_SHAPE[0], _PATCH):
        for column in range(0, contract.IMAGE_SHAPE[1], _PATCH):
            here = slice(row, row + _PATCH), slice(column, column + _PATCH)
            covered = images.copy()
            covered[:, *here] = 0
            if (covered != images).any():
                proba = inference.predict_proba(session, covered)[everyone, labels]
                found[here] = sure - proba.mean(dtype=np.float64)
    return found
