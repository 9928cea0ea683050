"""Why a model said what it said. Arrays in, arrays out: no model file, no page, no chart is known here."""

from core.explain.decision import Flip, Path, Question, Tree, evidence, flip, path
from core.explain.neighbours import Neighbours, choose, neighbours
from core.explain.occlusion import PATCH, STRIDE, Occlusion, covered, heat, occlude
from core.explain.seen import Stage, Usual, note, stages, thickness, usual

__all__ = [
    "PATCH",
    "STRIDE",
    "Flip",
    "Neighbours",
    "Occlusion",
    "Path",
    "Question",
    "Stage",
    "Tree",
    "Usual",
    "choose",
    "covered",
    "evidence",
    "flip",
    "heat",
    "neighbours",
    "note",
    "occlude",
    "path",
    "stages",
    "thickness",
    "usual",
]
