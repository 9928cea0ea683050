"""A training run is a folder: written aside, sealed by one rename, then never changed."""

from core.runs.answers import draft_evaluation, evaluation_json, load_evaluation, verified
from core.runs.extra import CALIBRATION, adopt_extra, load_extra, save_extra
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
    open_folder,
    size_of,
)
from core.runs.labels import LENGTHS, MOST_TAGS, TAG_LENGTH, check_labels, check_tags, load_labels, save_labels
from core.runs.repeats import compare_repeat, describe_repeat, repeat_config, why_no_repeat
from core.runs.writing import adopt, begin, load_draft, save_draft, save_evaluation, seal, sha256, sweep

__all__ = [
    "CALIBRATION",
    "FORMAT",
    "LENGTHS",
    "MOST_TAGS",
    "TAG_LENGTH",
    "Run",
    "Unusable",
    "adopt",
    "adopt_extra",
    "begin",
    "check_labels",
    "check_tags",
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
    "load_extra",
    "load_labels",
    "load_run",
    "open_folder",
    "repeat_config",
    "save_draft",
    "save_evaluation",
    "save_extra",
    "save_labels",
    "seal",
    "sha256",
    "size_of",
    "sweep",
    "verified",
    "why_no_repeat",
]
