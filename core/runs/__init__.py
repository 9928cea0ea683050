"""A training run is a folder: written aside, sealed by one rename, then never changed."""

from core.runs.answers import draft_evaluation, evaluation_json, load_evaluation, verified
from core.runs.folder import (
    FORMAT,
    Run,
    Unusable,
    folder,
    is_id,
    list_runs,
    list_unusable,
    list_unusable_folders,
    load_run,
    size_of,
)
from core.runs.labels import check_labels, load_labels, save_labels
from core.runs.repeats import compare_repeat, describe_repeat
from core.runs.writing import adopt, begin, load_draft, save_draft, save_evaluation, seal, sha256, sweep

__all__ = [
    "FORMAT",
    "Run",
    "Unusable",
    "adopt",
    "begin",
    "check_labels",
    "compare_repeat",
    "describe_repeat",
    "draft_evaluation",
    "evaluation_json",
    "folder",
    "is_id",
    "list_runs",
    "list_unusable",
    "list_unusable_folders",
    "load_draft",
    "load_evaluation",
    "load_labels",
    "load_run",
    "save_draft",
    "save_evaluation",
    "save_labels",
    "seal",
    "sha256",
    "size_of",
    "sweep",
    "verified",
]
