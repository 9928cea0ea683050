"""What may be wrong with a run: each check in plain words, with its number and its cure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core import cures, depth, metrics, pipeline, robustness, runs
from core.texts import t

GAP = 0.05  # of accuracy, between what it learned from and the test set
ERROR = 0.05  # the most that its confidence may be off, on average
BEHIND = 0.10  # of recall, between the weakest digit and the mean of all
SPREAD = 0.01  # of accuracy, between seeds
FASTER = 2.0
SMALL = 10_000


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Parameters
    ----------
    name : str
        In one or two words.
    holds : bool or None
        Whether all is well; None where nobody can tell yet.
    sentence : str
        What was found, with the number, and what to do about it.
    cure : dict
        Query parameters for the page that cures it; empty where there is none.
    page : str
        That page: Train, unless the cure is no training.
    """

    name: str
    holds: bool | None
    sentence: str
    cure: dict[str, str] = field(default_factory=dict)
    page: str = cures.TRAIN


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """What the checks look at: the run, its answers, the other runs, and its studies, where there are any.

    `all_here` tells whether this server has more than the bundled sample.
    """

    run: runs.Run
    evaluation: metrics.Evaluation
    others: Sequence[runs.Run] = ()
    study: depth.Study | None = None
    found: robustness.Robustness | None = None
    all_here: bool = False


def look(facts: Facts) -> list[Check]:
    """Do every check; those that do not hold come first, those that nobody can tell last."""
    each = (overfitting, underfitting, best, quickest, seeds, calibrated, weakest, sample, same_preprocessing)
    order = {False: 0, True: 1, None: 2}
    return sorted((check(facts) for check in each), key=lambda found: order[found.holds])


def strongest(facts: Facts) -> Check | None:
    """Return the one thing that is most worth mending, or None where all is well: what the others hang on first."""
    each = (sample, underfitting, overfitting, weakest, calibrated, same_preprocessing)
    return next((found for found in (check(facts) for check in each) if found.holds is False), None)


def train_accuracy(facts: Facts) -> float | None:
    """Return how many of the images that it learned from it reads, where anything tells."""
    if facts.study and not facts.study.grown:
        return float(depth.table(facts.study)["train"].iloc[-1])
    if facts.found:
        return facts.found.train_accuracy
    steps = [step for step in facts.run.card.get("learning") or [] if step.get("train_accuracy") is not None]
    held = [step.get("held_accuracy") or 0.0 for step in steps]
    return float(steps[int(np.argmax(held))]["train_accuracy"]) if steps else None


def overfitting(facts: Facts) -> Check:
    """Compare what it learned from with the test set."""
    name, train, test = t("Learned by heart?"), train_accuracy(facts), _accuracy(facts.evaluation)
    if train is None:
        words = t("Nobody has asked it about its own training images yet. Measure its robustness.")
        return Check(name, None, words)
    gap = train - test
    if gap <= GAP:
        words = t(
            "{train:.1%} of its training images and {test:.1%} of the test images: a gap of {gap}.",
            train=train,
            test=test,
            gap=_points(gap),
        )
        return Check(name, True, words)
    deep = depth.best_depth(facts.study) if facts.study else None
    tamer = cures.tamer(facts.run, deep)
    words = t(
        "It reads {train:.1%} of the images that it learned from, but {test:.1%} of the test images, a gap of {gap}: "
        "it learned by heart.",
        train=train,
        test=test,
        gap=_points(gap),
    )
    words += " " + cures.advice(tamer, t("Give it more images."))
    return Check(name, False, words, cures.query(facts.run, **tamer) if tamer else {})


def underfitting(facts: Facts) -> Check:
    """Compare with whoever always says the most frequent digit."""
    name, test, lazy = t("Learned enough?"), _accuracy(facts.evaluation), metrics.majority(facts.evaluation)
    better = (test - lazy) / (1 - lazy) if lazy < 1 else 1.0
    words = t(
        "Always saying the most frequent digit would be right for {lazy:.1%}; the model is right for {test:.1%}.",
        lazy=lazy,
        test=test,
    )
    if better >= 0.5:
        return Check(name, True, words)
    stronger = cures.stronger(facts.run)
    words += " " + cures.advice(stronger, t("Choose another model."))
    return Check(name, False, words, cures.query(facts.run, **stronger))


def best(facts: Facts) -> Check:
    """Compare its accuracy with the best run's on the same data."""
    name, rivals = t("The best so far?"), _rivals(facts)
    if not rivals:
        return Check(name, None, t("There is no other run on this data to compare it with."), cures.another(facts.run))
    top = max(rivals, key=lambda run: run.metrics["accuracy"])
    mine, theirs, n = _accuracy(facts.evaluation), top.metrics["accuracy"], len(facts.evaluation.y_true)
    chance = metrics.Z_95 * math.sqrt((mine * (1 - mine) + theirs * (1 - theirs)) / n)
    if theirs - mine <= chance:
        words = t(
            "No run on this data is clearly better: {mine:.2%}, the best other one {theirs:.2%}.",
            mine=mine,
            theirs=theirs,
        )
        return Check(name, True, words)
    words = t(
        "{model} reads {theirs:.2%}, {gap} more. Train that, or start from it.",
        model=t(top.card["label"]),
        theirs=theirs,
        gap=_points(theirs - mine),
    )
    return Check(name, False, words, cures.query(top))


def quickest(facts: Facts) -> Check:
    """Look for a run that is as good and took less than half the time to learn."""
    name, mine = t("Worth its time?"), _accuracy(facts.evaluation)
    spent = facts.run.card["timings"]["fit_cpu"]
    slack = metrics.Z_95 * math.sqrt(2 * mine * (1 - mine) / len(facts.evaluation.y_true))
    equal = [run for run in _rivals(facts) if run.metrics["accuracy"] >= mine - slack]
    if not equal:
        words = t("It learned in {spent:.1f} processor seconds, and no other run is as good.", spent=spent)
        return Check(name, True, words)
    fast = min(equal, key=lambda run: run.card["timings"]["fit_cpu"])
    seconds = fast.card["timings"]["fit_cpu"]
    if seconds * FASTER > spent:
        words = t("It learned in {spent:.1f} processor seconds; no run as good took half of that.", spent=spent)
        return Check(name, True, words)
    words = t(
        "It learned in {spent:.1f} processor seconds. {model} is as good ({accuracy:.2%}) after {seconds:.1f}: take "
        "that one.",
        spent=spent,
        model=t(fast.card["label"]),
        accuracy=fast.metrics["accuracy"],
        seconds=seconds,
    )
    return Check(name, False, words, cures.query(fast))


def seeds(facts: Facts) -> Check:
    """Compare with runs that differ in nothing but the seed."""
    name, run = t("Luck or skill?"), facts.run
    if "random_state" not in run.config["params"]:
        return Check(name, True, t("Nothing in it is left to chance: the same images give the same model."))
    twins = [run, *(other for other in facts.others if other.id != run.id and _twin(run, other))]
    known = {other.config["params"]["random_state"]: other.metrics["accuracy"] for other in twins}
    if len(known) < 2:
        again = cures.query(run, random_state=int(run.config["params"]["random_state"] or 0) + 1)
        return Check(name, None, t("Nobody can tell from one seed. Train it once more with another."), again)
    low, high = min(known.values()), max(known.values())
    steady = high - low <= SPREAD
    words = (
        t("With {n} seeds it came to {low:.2%} to {high:.2%}, {gap} apart: it does not hang on chance.")
        if steady
        else t(
            "With {n} seeds it came to {low:.2%} to {high:.2%}, {gap} apart: a part of that is luck. A forest, which "
            "averages many trees, is steadier."
        )
    )
    return Check(name, steady, words.format(n=len(known), low=low, high=high, gap=_points(high - low)))


def calibrated(facts: Facts) -> Check:
    """Compare how sure it is with how often it is right."""
    name, found = t("Honest about doubt?"), metrics.reliability(facts.evaluation)
    if found.error <= ERROR:
        return Check(name, True, t("Its confidence is off by {points} on average.", points=_points(found.error)))
    calmer = {"min_samples_leaf": 20} if _has(facts.run, "min_samples_leaf") and found.lean > 0 else {}
    words = (
        t("Its confidence is off by {points} on average: it is surer than it is right.", points=_points(found.error))
        if found.lean > 0
        else t(
            "Its confidence is off by {points} on average: it is more often right than it is sure.",
            points=_points(found.error),
        )
    )
    if calmer:
        return Check(name, False, f"{words} {cures.advice(calmer, '')}", cures.query(facts.run, **calmer))
    words += " " + t("Do not take its percentages at their word: on Draw it can be calibrated to answer with a set.")
    return Check(name, False, words, cures.calibrate(facts.run), cures.DRAW)


def weakest(facts: Facts) -> Check:
    """Look for a digit that is found far less often than the others."""
    found = metrics.scores(facts.evaluation.confusion_matrix)
    recall = np.where(found.support > 0, found.recall, np.nan)
    digit, mean = int(np.nanargmin(recall)), float(np.nanmean(recall))
    low = float(recall[digit])
    name = t("Fair to all digits?")
    words = t(
        "Its weakest digit is {digit}: it finds {low:.1%} of them, of all {mean:.1%}.", digit=digit, low=low, mean=mean
    )
    if mean - low <= BEHIND:
        return Check(name, True, words)
    fairer = cures.fairer(facts.run)
    words += " " + cures.advice(fairer, t("Look at its mistakes."))
    return Check(name, False, words, cures.query(facts.run, **fairer))


def sample(facts: Facts) -> Check:
    """Tell whether it learned from few images."""
    name, data = t("Enough images?"), facts.run.card["data"]
    n = data["n_fit"]
    if data["is_sample"] and facts.all_here:
        words = t("It learned from {n:,} images of the bundled sample, and there are more now: train it again.", n=n)
        return Check(name, False, words, {k: v for k, v in cures.query(facts.run).items() if k != "train_size"})
    if data["is_sample"]:
        words = t(
            "It learned from {n:,} images of the bundled sample. Get all of MNIST on the start page, train again.", n=n
        )
        return Check(name, False, words, {"data": "true"}, cures.HOME)
    if n < min(SMALL, data["n_train"]):
        words = t(
            "It learned from {n:,} of {total:,} images. More of them make almost any model better.",
            n=n,
            total=data["n_train"],
        )
        return Check(name, False, words, cures.query(facts.run) | {"train_size": str(data["n_train"])})
    return Check(name, True, t("It learned from {n:,} images.", n=n))


def same_preprocessing(facts: Facts) -> Check:
    """Compare how drawings are prepared now with how they were when the run was made."""
    name, made = t("Served as it learned?"), facts.run.card.get("preprocessing", "")
    if made == pipeline.PREPROCESSING:
        return Check(name, True, t("Drawings are prepared as when it was made: {made}.", made=t(made)))
    words = t(
        "It was made for “{made}”, but drawings are prepared by “{now}” now. Train it again.",
        made=t(made),
        now=t(pipeline.PREPROCESSING),
    )
    return Check(name, False, words, cures.query(facts.run))


def _has(run: runs.Run, name: str) -> bool:
    return name in run.config["params"]


def _accuracy(evaluation: metrics.Evaluation) -> float:
    return metrics.accuracy(evaluation.confusion_matrix)


def _points(share: float) -> str:
    return t("{points:.1f} points", points=100 * share)


def _rivals(facts: Facts) -> list[runs.Run]:
    data = facts.run.config["data_sha256"]
    return [run for run in facts.others if run.id != facts.run.id and run.config.get("data_sha256") == data]


def _twin(run: runs.Run, other: runs.Run) -> bool:
    def plain(config: Mapping[str, Any]) -> dict[str, Any]:
        params = {name: value for name, value in config["params"].items() if name != "random_state"}
        return {**config, "params": params, "versions": None}

    return other.family == run.family and plain(run.config) == plain(other.config)
