"""FittedModel -> model.joblib or .keras for people, model.onnx for serving, tree.npz for explaining; and the proof."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from core import features, onnx_export, onnx_network
from core.models import ModelSpec, Value, deep
from core.texts import t
from core.training import FittedModel

JOBLIB, KERAS = "model.joblib", "model.keras"
MAX_DIFFERENCE = 1e-4
CLEAR_MARGIN = 2e-4  # two answers closer than this may swap places within the allowed difference
_BATCH = 1000


def save_model(model: FittedModel, folder: Path) -> None:
    """Write the model for people: `model.keras` for a network, else `model.joblib`."""
    if isinstance(model.estimator, deep.Network):
        model.estimator.network.save(folder / KERAS)
    else:
        save_joblib(model, folder)


def load_model(folder: Path, spec: ModelSpec, params: Mapping[str, Value]) -> FittedModel:
    """Read back what `save_model` wrote just before: what is exported is what people get."""
    if (folder / KERAS).exists():
        return FittedModel(spec, params, deep.load(folder / KERAS), 0.0, 0.0)
    return load_joblib(folder, spec, params)


def save_joblib(model: FittedModel, folder: Path) -> None:
    """Write `model.joblib`: loads with joblib and scikit-learn alone and takes raw 0..255 pixels."""
    import joblib

    joblib.dump(model.estimator, folder / JOBLIB, compress=3)


def load_joblib(folder: Path, spec: ModelSpec, params: Mapping[str, Value]) -> FittedModel:
    """Read back the `model.joblib` that `save_joblib` wrote just before."""
    import joblib

    return FittedModel(spec, params, joblib.load(folder / JOBLIB), 0.0, 0.0)


def save_onnx(model: FittedModel, folder: Path) -> None:
    """Write `model.onnx`, as `core.onnx_export` describes it."""
    if isinstance(model.estimator, deep.Network):
        body = onnx_network.convert(model.estimator.network)
    else:
        body = onnx_export.convert(model.estimator, model.spec.features)
    (folder / "model.onnx").write_bytes(body.SerializeToString())


def save_tree(model: FittedModel, folder: Path) -> None:
    """Write `tree.npz` for a decision tree; other families have none.

    One entry a node, root first: `left`, `right` (int32, -1 at a leaf), `feature` (int16, pixel 0 to 783, -2 at a
    leaf), `threshold` (float32: to the left if pixel <= threshold), `samples` (int32, training images that came
    by), `value` ((n, 10) float32, their class shares).
    """
    tree = getattr(model.classifier, "tree_", None)
    if tree is None:
        return
    np.savez_compressed(
        folder / "tree.npz",
        left=tree.children_left.astype(np.int32),
        right=tree.children_right.astype(np.int32),
        feature=tree.feature.astype(np.int16),
        threshold=tree.threshold.astype(np.float32),
        samples=tree.n_node_samples.astype(np.int32),
        value=tree.value[:, 0, :].astype(np.float32),
    )


def shape_of(model: FittedModel) -> dict[str, int]:
    """Return what tells a model's size in its own terms: nodes, leaves and depth of a tree, weights of a network."""
    if isinstance(model.estimator, deep.Network):
        return {"weights": int(model.estimator.network.count_params())}
    tree = getattr(model.classifier, "tree_", None)
    if tree is None:
        return {}
    return {"nodes": int(tree.node_count), "leaves": int(tree.n_leaves), "depth": int(tree.max_depth)}


def onnx_proba(path: Path, images: np.ndarray) -> np.ndarray:
    """Answer images with an exported model, in batches; (n, 10) float32."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    starts = range(0, len(images), _BATCH)
    # A slice of a memory map is handed over as it is; ONNX Runtime wants an array of numpy's own.
    parts = (np.array(images[i : i + _BATCH]) for i in starts)
    return np.concatenate([session.run(["proba"], features.inputs(session, part))[0] for part in parts])


def parity(proba: np.ndarray, served: np.ndarray) -> dict[str, Any]:
    """Compare the estimator's probabilities with the exported model's.

    Parameters
    ----------
    proba, served : (n, 10) float32

    Returns
    -------
    dict
        `max_difference`; `other_answers`, counted where the two best differ by more than `CLEAR_MARGIN`; `servable`;
        `reason`, a sentence where it is not.
    """
    difference = float(np.abs(proba - served).max())
    best = np.sort(proba, axis=1)
    clear = best[:, -1] - best[:, -2] > CLEAR_MARGIN
    others = int(((proba.argmax(axis=1) != served.argmax(axis=1)) & clear).sum())
    servable = difference <= MAX_DIFFERENCE and not others
    why = t(
        "The exported model differs from the trained one by up to {difference:.2g} (at most {allowed:g} is "
        "allowed) and answers {others} test images differently, so it is kept but not served.",
        difference=difference,
        allowed=MAX_DIFFERENCE,
        others=others,
    )
    return {
        "max_difference": difference,
        "other_answers": others,
        "servable": servable,
        "reason": "" if servable else why,
    }
