"""What each number means, and what a run's own number says; for people of sixteen."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.metrics.classes import Evaluation, scores, worst_pair
from core.metrics.scalars import accuracy_interval


@dataclass(frozen=True, slots=True)
class Meaning:
    """One number in words.

    Parameters
    ----------
    label : str
    means : str
        What it is, in one sentence.
    says : number -> str
        What this run's number says, in one sentence.
    """

    label: str
    means: str
    says: Callable[[float], str]


MEANING = {
    "accuracy": Meaning(
        "Accuracy",
        "The share of all test images that were read right.",
        lambda v: f"Of 1,000 new digits like these it would misread about {1000 * (1 - v):.0f}.",
    ),
    "precision": Meaning(
        "Precision",
        "When the model says a digit, how often it is that digit; averaged over the digits by their counts.",
        lambda v: f"When it names a digit it is right {v:.1%} of the time.",
    ),
    "recall": Meaning(
        "Recall",
        "Of each digit's images, how many were found; averaged over the digits by their counts.",
        lambda v: f"Of each digit's images it finds {v:.1%}.",
    ),
    "f1": Meaning(
        "F1",
        "Precision and recall in one number, their harmonic mean; averaged over the digits by their counts.",
        lambda v: f"Precision and recall together come to {v:.3f}; 1 would be perfect.",
    ),
    "macro_f1": Meaning(
        "Macro F1",
        "F1 averaged so that every digit counts alike, however rare it is.",
        lambda v: f"With every digit as important as the others it is {v:.3f}.",
    ),
    "top2": Meaning(
        "Top-2 accuracy",
        "How often the truth is among the two likeliest digits.",
        lambda v: f"If it might guess twice, it would be right {v:.1%} of the time.",
    ),
    "log_loss": Meaning(
        "Log loss",
        "How surprised it is by the truth: the mean of -ln(probability of the true digit). 0 is perfect; guessing "
        "blindly is 2.30. A sure mistake costs most.",
        lambda v: f"It is as surprised as if it always gave the true digit a probability of {math.exp(-v):.0%}.",
    ),
    "brier": Meaning(
        "Brier score",
        "How far the ten probabilities are from the truth, squared and added. 0 is perfect, 2 the worst; guessing "
        "blindly is 0.90.",
        lambda v: f"Its probabilities are {v / 0.9:.0%} as far from the truth as blind guessing.",
    ),
    "kappa": Meaning(
        "Cohen's kappa",
        "How much better than chance the answers agree with the truth: 0 is chance, 1 perfect.",
        lambda v: f"Of what chance would get wrong it gets {v:.1%} right.",
    ),
    "mcc": Meaning(
        "Matthews correlation",
        "How closely answers and truth go together, all mistakes counted: 0 is chance, 1 perfect.",
        lambda v: f"Answers and truth go together to {v:.3f} of 1.",
    ),
}


def verdict(evaluation: Evaluation) -> str:
    """Say how good a model is and where it fails, in Markdown."""
    found = accuracy_interval(evaluation)
    hits, n = int(evaluation.right.sum()), len(evaluation.right)
    words = f"**It reads {hits:,} of {n:,} test images rightly: {found.value:.1%}.**"
    worst = worst_pair(evaluation.confusion_matrix)
    if not worst.count:
        return f"{words} It makes no mistake at all."
    each = scores(evaluation.confusion_matrix)
    recall = np.where(each.support > 0, each.recall, np.inf)
    weak = int(recall.argmin())
    return (
        f"{words} It fails most on **{weak}**, of which it finds {recall[weak]:.1%}, and most often it takes "
        f"a **{worst.true}** for a **{worst.predicted}**: {worst.count:,} times."
    )
