"""What each number means, and what a run's own number says; for people of sixteen."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.metrics.classes import Evaluation, scores, worst_pair
from core.metrics.scalars import accuracy_interval
from core.texts import later, t


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
        later("Accuracy"),
        later("The share of all test images that were read right."),
        lambda v: t("Of 1,000 new digits like these it would misread about {n:.0f}.", n=1000 * (1 - v)),
    ),
    "precision": Meaning(
        later("Precision"),
        later("When the model says a digit, how often it is that digit; averaged over the digits by their counts."),
        lambda v: t("When it names a digit it is right {v:.1%} of the time.", v=v),
    ),
    "recall": Meaning(
        later("Recall"),
        later("Of each digit's images, how many were found; averaged over the digits by their counts."),
        lambda v: t("Of each digit's images it finds {v:.1%}.", v=v),
    ),
    "f1": Meaning(
        later("F1"),
        later("Precision and recall in one number, their harmonic mean; averaged over the digits by their counts."),
        lambda v: t("Precision and recall together come to {v:.3f}; 1 would be perfect.", v=v),
    ),
    "macro_f1": Meaning(
        later("Macro F1"),
        later("F1 averaged so that every digit counts alike, however rare it is."),
        lambda v: t("With every digit as important as the others it is {v:.3f}.", v=v),
    ),
    "top2": Meaning(
        later("Top-2 accuracy"),
        later("How often the truth is among the two likeliest digits."),
        lambda v: t("If it might guess twice, it would be right {v:.1%} of the time.", v=v),
    ),
    "log_loss": Meaning(
        later("Log loss"),
        later(
            "How surprised it is by the truth: the mean of -ln(probability of the true digit). 0 is perfect; guessing "
            "blindly is 2.30. A sure mistake costs most."
        ),
        lambda v: t("It is as surprised as if it always gave the true digit a probability of {p:.0%}.", p=math.exp(-v)),
    ),
    "brier": Meaning(
        later("Brier score"),
        later(
            "How far the ten probabilities are from the truth, squared and added. 0 is perfect, 2 the worst; guessing "
            "blindly is 0.90."
        ),
        lambda v: t("Its probabilities are {p:.0%} as far from the truth as blind guessing.", p=v / 0.9),
    ),
    "kappa": Meaning(
        later("Cohen's kappa"),
        later("How much better than chance the answers agree with the truth: 0 is chance, 1 perfect."),
        lambda v: t("Of what chance would get wrong it gets {v:.1%} right.", v=v),
    ),
    "mcc": Meaning(
        later("Matthews correlation"),
        later("How closely answers and truth go together, all mistakes counted: 0 is chance, 1 perfect."),
        lambda v: t("Answers and truth go together to {v:.3f} of 1.", v=v),
    ),
}


def example(name: str, value: float, evaluation: Evaluation | None = None) -> str:
    """Return what a run's own number says; of shares of all images the count too, where the answers are given."""
    says = MEANING[name].says(value)
    if evaluation is None or name not in ("accuracy", "top2"):
        return says
    n = len(evaluation.y_true)
    return t("Here: {hits:,} of {n:,}.", hits=round(value * n), n=n) + " " + says


def verdict(evaluation: Evaluation) -> str:
    """Say how good a model is and where it fails, in Markdown."""
    found = accuracy_interval(evaluation)
    hits, n = int(evaluation.right.sum()), len(evaluation.right)
    words = t("**It reads {hits:,} of {n:,} test images rightly: {share:.1%}.**", hits=hits, n=n, share=found.value)
    worst = worst_pair(evaluation.confusion_matrix)
    if not worst.count:
        return f"{words} {t('It makes no mistake at all.')}"
    each = scores(evaluation.confusion_matrix)
    recall = np.where(each.support > 0, each.recall, np.inf)
    weak = int(recall.argmin())
    where = t(
        "It fails most on **{weak}**, of which it finds {recall:.1%}, and most often it takes a **{true}** for a "
        "**{predicted}**: {count:,} times.",
        weak=weak,
        recall=recall[weak],
        true=worst.true,
        predicted=worst.predicted,
        count=worst.count,
    )
    return f"{words} {where}"
