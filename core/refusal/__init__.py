"""What a model may say with a guarantee: a set that holds the true digit, or that this is no digit at all."""

from core.refusal.answering import REFUSED, Verdict, describe, describe_refusal, nearest, say_set, verdict
from core.refusal.calibrating import check, expect, fits, follow_up, known_judge, start, submit, work
from core.refusal.calibration import COVERAGES, FILE, Calibration, halves, load, of_run, save
from core.refusal.judge import FALSE_REFUSALS, Judge

__all__ = [
    "COVERAGES",
    "FALSE_REFUSALS",
    "FILE",
    "REFUSED",
    "Calibration",
    "Judge",
    "Verdict",
    "check",
    "describe",
    "describe_refusal",
    "expect",
    "fits",
    "follow_up",
    "halves",
    "known_judge",
    "load",
    "nearest",
    "of_run",
    "save",
    "say_set",
    "start",
    "submit",
    "verdict",
    "work",
]
