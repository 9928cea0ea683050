"""How good a run is, and where it fails."""

from core import ui

settings, digits = ui.page("Metrics")
opened = ui.open_metrics(settings, digits)
ui.show_summary(opened)
ui.let_paint()
ui.show_views(opened)
