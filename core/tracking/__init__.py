"""Weights & Biases: runs are logged offline by a child of their own, then synced and proven.

The only place that imports wandb. The server calls what reads files alone; whatever imports wandb, joblib or
matplotlib does so inside the functions that only the child calls.
"""

from core.tracking.actions import exchange, restore
from core.tracking.connection import DEFAULT_URL, find_key, load_connection, test
from core.tracking.drawings import load_drawings_state, log_drawings, send_drawings
from core.tracking.extras import unlogged
from core.tracking.late import log_extras
from core.tracking.live import watch
from core.tracking.log import CHART_ROWS, draw_confusion_matrix, model_name, read_log, track
from core.tracking.registry import Version, list_elsewhere
from core.tracking.state import ARTIFACT, ARTIFACT_TYPE, NOT_LOGGED, describe, load_state
from core.tracking.sweeps import pending_sweeps, sync_sweeps, track_sweep
from core.tracking.sync import fail, interrupted, pending, sync_all

__all__ = [
    "ARTIFACT",
    "ARTIFACT_TYPE",
    "CHART_ROWS",
    "DEFAULT_URL",
    "NOT_LOGGED",
    "Version",
    "describe",
    "draw_confusion_matrix",
    "exchange",
    "fail",
    "find_key",
    "interrupted",
    "list_elsewhere",
    "load_connection",
    "load_drawings_state",
    "load_state",
    "log_drawings",
    "log_extras",
    "model_name",
    "pending",
    "pending_sweeps",
    "read_log",
    "restore",
    "send_drawings",
    "sync_all",
    "sync_sweeps",
    "test",
    "track",
    "track_sweep",
    "unlogged",
    "watch",
]
