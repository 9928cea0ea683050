"""What a chart says, in one sentence with the run's own number; the page and the report say the same."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.metrics.classes import Evaluation
from core.texts import t

SURE = 0.95


def say_proportions(matrix: np.ndarray) -> str:
    """Say which digits are answered too often and too seldom; of a (10, 10) confusion matrix."""
    said = matrix.sum(axis=0) - matrix.sum(axis=1)
    if not said.any():
        return t("It says every digit exactly as often as it is there.")
    most, least = int(said.argmax()), int(said.argmin())
    return t(
        "It says “{most}” {often:,} times too often and “{least}” {seldom:,} times too seldom.",
        most=most,
        often=said[most],
        least=least,
        seldom=-said[least],
    )


def say_sureness(evaluation: Evaluation) -> str:
    """Say how many answers are sure, and how many of those are wrong."""
    sure = evaluation.confidence >= SURE
    wrong = int((sure & ~evaluation.right).sum())
    return t(
        "In {share:.1%} of its answers it is at least 95 % sure; {wrong:,} of those are wrong all the same.",
        share=sure.mean(),
        wrong=wrong,
    )


def say_learning(steps: Sequence[Mapping[str, Any]]) -> str:
    """Say after which step it knew most of the held-out images; empty where none were held out.

    Parameters
    ----------
    steps : sequence of mappings
        As in a run's card: `done`, `unit` and `held_accuracy` of each step.
    """
    best = max(steps, key=lambda step: step.get("held_accuracy") or 0.0, default=None)
    if not best or not best.get("held_accuracy"):
        return ""
    return t(
        "It was best after {done} {unit}, with {held:.2%} of the held-out images right; that state was kept.",
        done=best["done"],
        unit=t(best["unit"]),
        held=best["held_accuracy"],
    )


def say_gain(values: np.ndarray) -> str:
    """Say which pixel a tree gains most by; of its (28, 28) importances."""
    row, column = divmod(int(values.argmax()), values.shape[1])
    return t(
        "The darker, the more the tree's questions at that pixel gain (Gini importance). The most is gained at row "
        "{row}, column {column}: {most:.1%} of all. {asked:,} of {size} pixels are asked at all.",
        row=row,
        column=column,
        most=values.max(),
        asked=np.count_nonzero(values),
        size=values.size,
    )


def say_covering(values: np.ndarray) -> str:
    """Say which pixel a model misses most where it is covered; of a robustness study's (28, 28) losses."""
    row, column = divmod(int(values.argmax()), values.shape[1])
    return t(
        "The darker, the more it misses what is there: paper was laid over each square of 4 x 4 pixels "
        "(occlusion). Most is lost at row {row}, column {column}: {most:.1%} of the true digit's probability.",
        row=row,
        column=column,
        most=values.max(),
    )
