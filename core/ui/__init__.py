"""What the pages share on the screen. The only part of core that imports Streamlit.

The look, in ten lines (the colours are in `core/look.py`, what Streamlit itself draws is in `.streamlit/config.toml`):

1. One accent, blue, for what counts and for what one does first; grey for the rest; red marks a place, nothing else.
2. Every digit is black ink on white paper, in both themes, its pixels visible.
3. Ten colours for the ten digits, the same in every chart, and never without the digit itself beside them.
4. One typeface, Streamlit's; sizes in rem, so that a reader's own setting holds.
5. One spacing, Streamlit's gap between elements; what comes late has its place kept, so that nothing moves.
6. Numbers stand right-aligned, with the digits that mean something, and an interval where there is one.
7. Charts have neither tools nor a frame, and the same height where they stand side by side.
8. The first screen answers the page's one question, at 1280 and at 390 pixels; what is for few is folded away.
9. Every control and every number has its help in one sentence; an error says the fact, the value and the cure.
10. What a finger touches is 44 pixels high; what moves, moves only for those who did not ask for less.
"""

from core.ui import board, linking
from core.ui.assignment import control, say_lock
from core.ui.augmentation import augmentation_input, plan_in_words, show_variants
from core.ui.class_link import show_class_link
from core.ui.data import data_controls, page
from core.ui.depth import show_depth, show_newest_depth
from core.ui.door import closed, is_host, level
from core.ui.draw import REASONS, Asked, show_reasons
from core.ui.frame import address, button, chart, count_up, digit, link, or_stop, plain, stop, when
from core.ui.glossary import show_glossary
from core.ui.goal import show_board, show_goal
from core.ui.inputs import evaluation, family_input, parameter_inputs, pick_run, run_label, session
from core.ui.lesson import did, notice, start_button
from core.ui.metrics import open_metrics, show_summary, show_views
from core.ui.metrics_checks import show_hint
from core.ui.mine import my_digits_input, show_my_digits
from core.ui.opening import after_paint, let_paint
from core.ui.registry import (
    connection_line,
    connection_section,
    look_if_due,
    offer_missing,
    promote,
    roll_back,
    sync_button,
)
from core.ui.runs_actions import show_import, show_live, show_run, show_trash, show_unusable
from core.ui.runs_compare import show_comparison
from core.ui.runs_table import asked_runs, chosen_runs, show_runs
from core.ui.saying import show_feedback
from core.ui.sweep import show_sweeps
from core.ui.training import (
    author_input,
    invite,
    learning_curve,
    most_images,
    show_jobs,
    train_button,
    train_default_button,
)
from core.ui.verdict import coverage_input, show_calibration, show_verdict
from core.ui.ways_in import show_ways_in

__all__ = [
    "REASONS",
    "Asked",
    "address",
    "after_paint",
    "asked_runs",
    "augmentation_input",
    "author_input",
    "board",
    "button",
    "chart",
    "chosen_runs",
    "closed",
    "connection_line",
    "connection_section",
    "control",
    "count_up",
    "coverage_input",
    "data_controls",
    "did",
    "digit",
    "evaluation",
    "family_input",
    "invite",
    "is_host",
    "learning_curve",
    "let_paint",
    "level",
    "link",
    "linking",
    "look_if_due",
    "most_images",
    "my_digits_input",
    "notice",
    "offer_missing",
    "open_metrics",
    "or_stop",
    "page",
    "parameter_inputs",
    "pick_run",
    "plain",
    "plan_in_words",
    "promote",
    "roll_back",
    "run_label",
    "say_lock",
    "session",
    "show_board",
    "show_calibration",
    "show_class_link",
    "show_comparison",
    "show_depth",
    "show_feedback",
    "show_glossary",
    "show_goal",
    "show_hint",
    "show_import",
    "show_jobs",
    "show_live",
    "show_my_digits",
    "show_newest_depth",
    "show_reasons",
    "show_run",
    "show_runs",
    "show_summary",
    "show_sweeps",
    "show_trash",
    "show_unusable",
    "show_variants",
    "show_verdict",
    "show_views",
    "show_ways_in",
    "start_button",
    "stop",
    "sync_button",
    "train_button",
    "train_default_button",
    "when",
]
