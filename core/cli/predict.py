"""`python -m core predict`: read the digit in a picture."""

import argparse
import io
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core import settings
from core.cli import jobwork

if TYPE_CHECKING:
    import numpy as np

    from core.runs import Run

ENGINES = ("onnx", "joblib", "keras")


def command(found: settings.Settings, argv: Sequence[str]) -> int:
    """Print ten probabilities for a picture; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m core predict", description="Read the digit in a picture.")
    parser.add_argument("image", type=Path, help="a picture of one digit")
    parser.add_argument("--run", default="", help="the run's id (the newest)")
    parser.add_argument("--engine", choices=ENGINES, default="onnx", help="which of the run's files (onnx)")
    parser.add_argument("--trust", action="store_true", help="open the model file of a run that was imported")
    given = parser.parse_args(argv)
    from core import inference, preprocessing, runs
    from core.errors import ImageError, RunError

    run = jobwork.chosen(found, given.run, runs.list_runs(found), jobwork.NO_RUN)
    try:
        body = given.image.read_bytes()
    except OSError as error:
        raise ImageError(f"{given.image} cannot be read ({error.strerror}).") from error
    image = preprocessing.from_bytes(body)
    if given.engine != "onnx":
        if run.model_file != f"model.{given.engine}":
            raise RunError(f"The run {run.id} has {run.model_file}: use --engine {run.model_file.split('.')[1]}.")
        if "imported" in runs.load_labels(run) and not given.trust:
            raise RunError(
                f"The run {run.id} was imported, and its {run.model_file} can do anything when it is opened. "
                "Use --engine onnx, or add --trust where you know who made it."
            )
        proba = _original(run, image)
    else:
        proba = inference.classify(inference.load_session(run), image).proba
    for digit, p in enumerate(proba):
        print(f"{digit} {p:.6f}")
    return 0


def _original(run: "Run", image: "np.ndarray") -> "np.ndarray":
    """Answer one image, (28, 28) uint8, with the file for people instead of the served one."""
    from core import features, models, runs
    from core.models import deep

    body = io.BytesIO(runs.verified(run, run.model_file))
    if run.model_file == "model.keras":
        with tempfile.TemporaryDirectory() as folder:  # Keras opens files, not bytes
            path = Path(folder) / run.model_file
            path.write_bytes(body.getbuffer())
            return deep.load(path).predict_proba(image[None])[0]
    import joblib

    return joblib.load(body).predict_proba(features.apply(models.spec(run.family).features, image[None]))[0]
