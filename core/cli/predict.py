"""`python -m core predict`: read the digit in a picture."""

import argparse
import io
from collections.abc import Sequence
from pathlib import Path

from core import settings


def command(found: settings.Settings, argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m core predict", description="Read the digit in a picture.")
    parser.add_argument("image", type=Path, help="a picture of one digit")
    parser.add_argument("--run", default="", help="the run's id (the newest)")
    parser.add_argument("--engine", choices=("onnx", "joblib"), default="onnx", help="which of the run's files (onnx)")
    parser.add_argument("--trust", action="store_true", help="open the .joblib file of a run that was imported")
    given = parser.parse_args(argv)
    from core import inference, preprocessing, runs
    from core.errors import ImageError, RunError

    newest = runs.list_runs(found)
    if not given.run and not newest:
        raise RunError("There is no run yet. Train one first: python -m core train")
    run = runs.load_run(found, given.run) if given.run else newest[0]
    try:
        body = given.image.read_bytes()
    except OSError as error:
        raise ImageError(f"{given.image} cannot be read ({error.strerror}).") from error
    image = preprocessing.from_bytes(body)
    if given.engine == "joblib" and "imported" in runs.load_labels(run) and not given.trust:
        raise RunError(
            f"The run {run.id} was imported, and a .joblib file can do anything when it is opened. Use --engine onnx, "
            "or add --trust where you know who made it."
        )
    if given.engine == "joblib":
        import joblib

        proba = joblib.load(io.BytesIO(runs.verified(run, "model.joblib"))).predict_proba(image[None])[0]
    else:
        proba = inference.classify(inference.load_session(run), image).proba
    for digit, p in enumerate(proba):
        print(f"{digit} {p:.6f}")
    return 0
