"""How much may an image change before a run misreads it? From its pixels, and after our normalisation."""

from core.robustness.changes import CHANGES, Change
from core.robustness.measuring import check_memory, expect, measure, need_mb, start, submit, work
from core.robustness.study import FILE, Robustness, describe, lines, load, save

__all__ = [
    "CHANGES",
    "FILE",
    "Change",
    "Robustness",
    "check_memory",
    "describe",
    "expect",
    "lines",
    "load",
    "measure",
    "need_mb",
    "save",
    "start",
    "submit",
    "work",
]
