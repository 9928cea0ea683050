"""One self-contained HTML report of a run: opens offline, prints well, made of text and a few small pictures."""

from core.report.inside import Inside, look_inside
from core.report.page import Material, html

__all__ = ["Inside", "Material", "html", "look_inside"]
