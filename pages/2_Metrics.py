"""How good a run is, and where it fails."""

from core import ui

with ui.page("Metrics") as (settings, digits):
    opened = ui.open_metrics(settings, digits)
    ui.show_summary(opened)

ui.show_views(opened)
