"""What the pages share on the screen. The only part of core that imports Streamlit.

The look: one accent (blue) for what counts, grey for the rest; black ink on white paper for every digit, in both
themes; numbers with the digits that mean something; charts without tools; one useful thing first on every page.
"""

from core.ui.augmentation import augmentation_input, show_variants
from core.ui.data import data_controls, page
from core.ui.depth import show_depth, show_newest_depth
from core.ui.door import closed, is_host, level
from core.ui.frame import address, button, chart, count_up, digit, link, or_stop, plain, stop, when
from core.ui.inputs import evaluation, family_input, parameter_inputs, pick_run, run_label, session
from core.ui.lesson import did, start_button
from core.ui.metrics import open_metrics, show_verdict, show_views
from core.ui.registry import connection_line, connection_section, look_if_due, promote, roll_back, sync_button
from core.ui.runs_actions import show_import, show_live, show_run, show_trash, show_unusable
from core.ui.runs_compare import show_comparison
from core.ui.runs_table import chosen_runs, filter_runs, show_runs
from core.ui.training import (
    author_input,
    invite,
    learning_curve,
    most_images,
    show_jobs,
    train_button,
    train_default_button,
)

__all__ = [
    "address",
    "augmentation_input",
    "author_input",
    "button",
    "chart",
    "chosen_runs",
    "closed",
    "connection_line",
    "connection_section",
    "count_up",
    "data_controls",
    "did",
    "digit",
    "evaluation",
    "family_input",
    "filter_runs",
    "invite",
    "is_host",
    "learning_curve",
    "level",
    "link",
    "look_if_due",
    "most_images",
    "open_metrics",
    "or_stop",
    "page",
    "parameter_inputs",
    "pick_run",
    "plain",
    "promote",
    "roll_back",
    "run_label",
    "session",
    "show_comparison",
    "show_depth",
    "show_import",
    "show_jobs",
    "show_live",
    "show_newest_depth",
    "show_run",
    "show_runs",
    "show_trash",
    "show_unusable",
    "show_variants",
    "show_verdict",
    "show_views",
    "start_button",
    "stop",
    "sync_button",
    "train_button",
    "train_default_button",
    "when",
]
