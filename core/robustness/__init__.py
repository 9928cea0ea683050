"""How much may an image change before a run misreads it? From its pixels, and after our normalisation."""

from core.robustness.changes import CHANGES, Change
from core.robustness.measuring import expect, measure, start, submit, work
from core.robustness.study import FILE, Robustness, describe, lines, load, save

__all__ = [
    "CHANGES",
    "FILE",
    "Change",
    "Robustness",
    "describe",
    "expect",
    "lines",
    "load",
    "measure",
    "save",
    "start",
    "submit",
    "work",
]
