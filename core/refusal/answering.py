"""The verdict on one picture: is it a digit, and which may it be; in numbers and in words."""

from dataclasses import dataclass

import numpy as np

from core import conformal
from core.digits import CLASSES
from core.refusal import judge, strangers
from core.refusal.calibration import COVERAGES, Calibration
from core.texts import later, t

REFUSED = later("This does not look like a digit")
_LIKE = {
    "letter": later("a letter or a sign"),
    "scribble": later("a scribble"),
    "shape": later("a shape"),
    "photo": later("a photo without strokes"),
    "several": later("several digits at once"),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may be said of one picture with a guarantee.

    Parameters
    ----------
    is_digit : bool
        Whether it is taken for a digit at all.
    reason : str
        Why not, in one sentence; empty for a digit.
    digits : tuple of int
        The set, likeliest first; also where it is no digit, for whoever wants it nevertheless.
    coverage : float, 0 to 1
        How often such sets hold the true digit, at least, on images like the test set's.
    score : float
        The logarithm of the odds that it is a digit.
    """

    is_digit: bool
    reason: str
    digits: tuple[int, ...]
    coverage: float
    score: float


def verdict(calibration: Calibration, image: np.ndarray, proba: np.ndarray, coverage: float = 0.95) -> Verdict:
    """Judge one picture.

    Parameters
    ----------
    image : (28, 28) uint8
        As from `preprocessing.normalise`.
    proba : (10,) float
        The run's own answer to it.
    coverage : float, 0 to 1
    """
    inside = conformal.sets(proba[None], conformal.limit(calibration.scores, coverage))[0]
    digits = tuple(int(digit) for digit in np.argsort(-proba, kind="stable") if inside[digit])
    if not image.any():
        return Verdict(False, t("There is no ink."), digits, coverage, -np.inf)
    values = judge.logits(calibration.judge, image[None])
    odds = float(judge.score(values)[0])
    if odds >= calibration.judge.threshold:
        return Verdict(True, "", digits, coverage, odds)
    like = _LIKE[strangers.KINDS[int(values[0, len(CLASSES) :].argmax())]]
    reason = t(
        "Of 100 digits that other hands write, 99 look more like one. This looks rather like {thing}.", thing=t(like)
    )
    return Verdict(False, reason, digits, coverage, odds)


def say_set(digits: tuple[int, ...], coverage: float) -> str:
    """Return a set in words, such as "4 or 9 at 95 %"."""
    *others, last = (str(digit) for digit in digits)
    share = 100 * coverage
    if len(digits) == len(CLASSES):
        return t("any digit at {share:.0f} %", share=share)
    if not others:
        return t("{digit} at {share:.0f} %", digit=last, share=share)
    return t("{others} or {last} at {share:.0f} %", others=", ".join(others), last=last, share=share)


def nearest(coverage: float) -> int:
    """Return the place in `COVERAGES` of the one that is nearest."""
    return int(np.abs(np.array(COVERAGES) - coverage).argmin())


def describe(calibration: Calibration, coverage: float) -> str:
    """Say in two sentences what the other half of the test images showed at a coverage, one of `COVERAGES`."""
    i = nearest(coverage)
    sizes = calibration.sizes[i]
    n = int(sizes.sum())
    alone, average = sizes[1] / n, (sizes * np.arange(len(sizes))).sum() / n
    return t(
        "Asked for {share:.0f} %, the sets held the true digit for **{held:.1%}** of {n:,} test images that were not "
        "calibrated on. {alone:.1%} of the sets were a single digit; on average they had {average:.2f}.",
        share=coverage * 100,
        held=calibration.covered[i],
        n=n,
        alone=alone,
        average=average,
    )


def describe_refusal(calibration: Calibration) -> str:
    """Say what the judge refuses of digits, and of what is none."""
    found = calibration.judge
    plain, hands = found.refused
    kinds = (t("letters"), t("scribbles"), t("shapes"), t("photos"), t("two digits"))
    made = ", ".join(f"{words} {share:.0%}" for words, share in zip(kinds, found.caught, strict=True))
    return t(
        "Of {n:,} test digits that were not calibrated on, **{plain:.1%}** are refused as they are, and "
        "**{hands:.1%}** when other hands and pens write them. Of pictures that were made to be refused: {made}.",
        n=found.n,
        plain=plain,
        hands=hands,
        made=made,
    )
