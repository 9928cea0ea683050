"""Answer images with a run's `model.onnx`, by ONNX Runtime: nothing is unpickled, scikit-learn is not needed."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import onnxruntime

from core import features, runs
from core.digits import check_images
from core.errors import RunError
from core.texts import retell

BATCH = 500  # bounds the memory: ten thousand images in one call would take 460 MB
THREADS = 2
KEPT = 80_000_000  # bytes of model files: opened, a forest takes twice its file, which a small server has room for
LARGE = 1_000_000  # bytes; so large a network is quicker on two cores (bench/predict.py), whatever else loses by them
_open: dict[runs.Run, onnxruntime.InferenceSession] = {}
_turn = threading.Lock()
_opening = threading.Lock()


@dataclass(frozen=True, slots=True)
class Prediction:
    """One answer.

    Parameters
    ----------
    image : (28, 28) uint8
        What the model received.
    proba : (10,) float32
        Sums to 1.
    milliseconds : float
        What the model itself took.
    """

    image: np.ndarray
    proba: np.ndarray
    milliseconds: float

    @property
    def label(self) -> int:
        return int(self.proba.argmax())

    @property
    def confidence(self) -> float:
        return float(self.proba.max())


def open_session(run: runs.Run) -> onnxruntime.InferenceSession:
    """Return a run's model, opened once for pages and API alike, and kept while those asked for since are not too many.

    Raises
    ------
    RunError
        If the run is not servable, or the file was damaged.
    """
    session = _open.get(run)
    if session is None:
        # By one at a time: a class that asks together would hold as many copies. Answers from what is open do not wait.
        with _opening:
            return _keep(run, _open.get(run) or load_session(run))
    return _keep(run, session)


def _keep(run: runs.Run, session: onnxruntime.InferenceSession) -> onnxruntime.InferenceSession:
    with _turn:
        _open.pop(run, None)
        _open[run] = session  # the newest stands last
        while len(_open) > 1 and sum(map(runs.size_of, _open)) > KEPT:
            del _open[next(iter(_open))]
        return session


def load_session(run: runs.Run) -> onnxruntime.InferenceSession:
    """Open a run's exported model, after its sha256 matches the card.

    Raises
    ------
    RunError
        If the run is not servable, or the file was damaged.
    """
    if not run.servable:
        raise RunError(retell(run.card["parity"]["reason"]))
    body = runs.verified(run, "model.onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS if run.model_file == "model.keras" and len(body) > LARGE else 1
    # Between two answers nobody waits in a busy loop: the cores belong to the next visitor.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return onnxruntime.InferenceSession(body, options, providers=["CPUExecutionProvider"])


def classify(session: onnxruntime.InferenceSession, image: np.ndarray) -> Prediction:
    """Answer one normalised image, (28, 28) uint8."""
    start = time.perf_counter()
    proba = predict_proba(session, image[np.newaxis])[0]
    return Prediction(image, proba, (time.perf_counter() - start) * 1000)


def predict_proba(session: onnxruntime.InferenceSession, images: np.ndarray) -> np.ndarray:
    """Answer normalised images, (n, 28, 28) uint8; returns (n, 10) float32.

    What is more than one batch is shared among threads, batch by batch: nobody waits for a single answer then.
    """
    check_images(images)

    def answer(start: int) -> np.ndarray:
        return session.run(["proba"], features.inputs(session, np.array(images[start : start + BATCH])))[0]

    starts = range(0, len(images), BATCH)
    if len(starts) == 1:
        return answer(0)
    with ThreadPoolExecutor(THREADS) as pool:
        return np.concatenate(list(pool.map(answer, starts)))
