"""The lesson: the pictures that Home explains with, and eight steps across the pages that each do something real."""

from core.lesson.pictures import Question, best_question, drawn_small, nearest_average, shuffled, strip
from core.lesson.steps import DEEP, STEPS, Facts, Step

__all__ = [
    "DEEP",
    "STEPS",
    "Facts",
    "Question",
    "Step",
    "best_question",
    "drawn_small",
    "nearest_average",
    "shuffled",
    "strip",
]
