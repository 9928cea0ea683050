"""A goal that a teacher's link sets, and how far a run is from it."""

from core.goals.grammar import COUNTS, MEASURES, MOST, SHARES, Condition, Goal, parse, write
from core.goals.standing import Entry, Facts, Part, Standing, board, candidates, facts, judge, rivals, strongest
from core.goals.words import describe, describe_part, label, say

__all__ = [
    "COUNTS",
    "MEASURES",
    "MOST",
    "SHARES",
    "Condition",
    "Entry",
    "Facts",
    "Goal",
    "Part",
    "Standing",
    "board",
    "candidates",
    "describe",
    "describe_part",
    "facts",
    "judge",
    "label",
    "parse",
    "rivals",
    "say",
    "strongest",
    "write",
]
