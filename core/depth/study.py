"""What one tree says at every depth and under every pruning: computed once, kept beside the run, read by pages."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

from core import metrics, pipeline, runs, training
from core.dataset import Digits
from core.depth import pruning, tree
from core.errors import DataError
from core.texts import t

FORMAT = 1
FILE = "extra/depth.npz"
HELD = 5000


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """One tree at every depth; the parts are the images it learned from, those held out, and the test set.

    Parameters
    ----------
    grown : bool
        Whether a second tree without a limit was grown for it; else it is the run's own.
    train, held, test : (depths, 10, 10) int64
        Confusion matrices, the first of depth 1; of a part without images they are all 0.
    answers : (depths, n_test) uint8
        What it answers to each test image.
    alphas : (k,) float64, rising
        From this `ccp_alpha` on, pruning leaves a tree of `leaves` leaves, (k,) int64.
    train_hits, held_hits, test_hits : (k,) int64
        How many images of each part that tree reads rightly.
    """

    grown: bool
    train: np.ndarray
    held: np.ndarray
    test: np.ndarray
    answers: np.ndarray
    alphas: np.ndarray
    leaves: np.ndarray
    train_hits: np.ndarray
    held_hits: np.ndarray
    test_hits: np.ndarray

    @property
    def depth(self) -> int:
        """The largest depth there is."""
        return len(self.test)


def has_tree(run: runs.Run) -> bool:
    """Tell whether a run is one tree, which can be cut."""
    return "tree.npz" in run.card["files"]


def load_tree(run: runs.Run) -> tree.Tree:
    """Read a run's tree.

    Raises
    ------
    RunError
        If the run has none, or it is not the one that was sealed.
    """
    with np.load(io.BytesIO(runs.verified(run, "tree.npz")), allow_pickle=False) as arrays:
        return tree.Tree(**{name: arrays[name] for name in tree.Tree.__dataclass_fields__})


def parts(run: runs.Run, digits: Digits) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of the training images that a run learned from, and of those that it held out.

    Raises
    ------
    DataError
        If the server has other data by now.
    """
    if digits.sha256 != run.config["data_sha256"]:
        raise DataError(
            t(
                "This run learned from the data {old}, but the server has {new} by now. Train once "
                "more to see its depth.",
                old=run.config["data_sha256"][:12],
                new=digits.sha256[:12],
            )
        )
    seed = pipeline.seed(run.config["params"])
    chosen = np.arange(len(digits.y_train))[training.choose(digits.y_train, run.config["train_size"], seed)]
    return hold_out(chosen, digits.y_train, run.config.get("validation", 0), seed)


def hold_out(chosen: np.ndarray, labels: np.ndarray, size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Divide positions into those to learn from and those held out, as `training.split` does it.

    Parameters
    ----------
    chosen : (m,) integers
        Positions in `labels`, (n,) uint8.
    """
    kept, held = training.split(labels[chosen], size, seed)
    return chosen[kept], chosen[held]


def of_run(run: runs.Run, digits: Digits) -> Study:
    """Cut the run's own tree at every depth of its own: no fit, a fraction of a second.

    Raises
    ------
    DataError
        If the server has other data by now.
    """
    learned, held = parts(run, digits)
    return measure(load_tree(run), run.config["params"], digits, learned, held, grown=False)


def measure(
    found: tree.Tree, params: dict[str, Any], digits: Digits, learned: np.ndarray, held: np.ndarray, *, grown: bool
) -> Study:
    """Cut a tree at every depth and prune it under every alpha, on three sets of images.

    Parameters
    ----------
    params : dict
        With which it was fitted: `criterion` and `class_weight` matter for the pruning.
    learned, held : (m,) integers
        Positions in the training images.
    """
    balanced = params.get("class_weight") == "balanced"
    # Inverse to their number, as scikit-learn does it; a factor on all of them changes nothing.
    weights = 1 / np.maximum(metrics.class_counts(digits.y_train[learned]), 1) if balanced else None
    path = pruning.path(found, pruning.risks(found, params["criterion"], weights))
    curves: dict[str, np.ndarray] = {}
    for name, images, labels, rows in (
        ("train", digits.x_train, digits.y_train, learned),
        ("held", digits.x_train, digits.y_train, held),
        ("test", digits.x_test, digits.y_test, np.arange(len(digits.y_test))),
    ):
        ends = tree.ends(found, images, rows)
        counts = tree.passed(found, ends, labels[rows])
        curves[name] = tree.by_depth(found, counts)
        curves[f"{name}_hits"] = pruning.hits(found, path, counts)
    return Study(grown=grown, answers=tree.answers(found, ends), alphas=path.alphas, leaves=path.leaves, **curves)


def table(study: Study) -> pd.DataFrame:
    """Return accuracy and macro F1 of each part at every depth.

    Returns
    -------
    DataFrame
        Index `depth` from 1; columns train, held, test (accuracy) and train_f1, held_f1, test_f1, 0 to 1; NaN where
        nothing was held out.
    """
    frame = pd.DataFrame(index=pd.RangeIndex(1, study.depth + 1, name="depth"))
    found = {"train": study.train, "held": study.held, "test": study.test}
    for name, matrix in found.items():
        total = matrix.sum(axis=(1, 2))
        right = np.trace(matrix, axis1=1, axis2=2)
        frame[name] = np.divide(right, total, out=np.full(len(total), np.nan), where=total > 0)
    for name, matrix in found.items():
        frame[f"{name}_f1"] = metrics.scores(matrix).f1.mean(axis=-1) if matrix.any() else np.nan
    return frame


def pruning_table(study: Study) -> pd.DataFrame:
    """Return the pruned trees from the largest to the smallest.

    Returns
    -------
    DataFrame
        Columns alpha, leaves, train, held, test (accuracy, 0 to 1; NaN where nothing was held out).
    """
    frame = pd.DataFrame({"alpha": study.alphas, "leaves": study.leaves})
    for name in ("train", "held", "test"):
        total = getattr(study, name)[0].sum()
        frame[name] = getattr(study, f"{name}_hits") / total if total else np.nan
    return frame


def good_enough(accuracy: np.ndarray, n: int) -> np.ndarray:
    """Tell which candidates lie within one standard error of the best (Breiman et al. 1984, section 3.4.3).

    The very best one is often so by chance; the simplest one within the error is as good, and stays the same when the
    tree is grown again.

    Parameters
    ----------
    accuracy : (k,) float, 0 to 1
        On `n` images that none of the candidates has learned from.
    """
    best = accuracy.max()
    return accuracy >= best - np.sqrt(best * (1 - best) / n)


def best_depth(study: Study) -> int | None:
    """Return the smallest depth that is good enough on the held-out images; None where there are none."""
    if not study.held.any():
        return None
    accuracy = table(study)["held"].to_numpy()
    return int(good_enough(accuracy, int(study.held[0].sum())).argmax()) + 1


def best_pruning(study: Study) -> int | None:
    """Return the row of `pruning_table` with the fewest leaves that is good enough on the held-out images."""
    if not study.held.any():
        return None
    n = int(study.held[0].sum())
    return int(np.flatnonzero(good_enough(study.held_hits / n, n))[-1])


def save(run: runs.Run, study: Study) -> None:
    """Keep a study beside the run's sealed files."""
    runs.save_extra(run, FILE, FORMAT, {field.name: getattr(study, field.name) for field in fields(study)})


def load(run: runs.Run) -> Study | None:
    """Read a run's study; None where there is none yet.

    Raises
    ------
    RunError
        If there is one that cannot be read.
    """
    return runs.load_extra(run, FILE, FORMAT, _from_arrays, "study the depth again")


def _from_arrays(arrays: Mapping[str, np.ndarray]) -> Study:
    found: dict[str, Any] = {field.name: arrays[field.name] for field in fields(Study)}
    return Study(**found | {"grown": bool(found["grown"])})
