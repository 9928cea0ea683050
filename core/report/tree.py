"""The top of a tree as one drawing: at each node its pixel marked on a small digit, and who comes by."""

import numpy as np

from core import look, plots_metrics, treeview
from core.texts import t

LEVELS = 3
_WIDTH, _HEIGHT, _PICTURE, _GAP = 128, 98, 48, 34
_PAD = 5


def draw(root: treeview.Node) -> str:
    """Return the root and `LEVELS` levels below it as SVG."""
    width, height = _WIDTH * 2**LEVELS, (LEVELS + 1) * _HEIGHT + LEVELS * _GAP
    words = t("The top of the tree: each node's pixel, its images and their digits")
    body = "".join(_branch(root, 0, 0.0, float(width)))
    return f'<div class="tree"><svg viewBox="0 0 {width} {height}" role="img" aria-label="{words}">{body}</svg></div>'


def _branch(node: treeview.Node, level: int, left: float, right: float) -> list[str]:
    middle, top = (left + right) / 2, level * (_HEIGHT + _GAP)
    found = [_box(node, middle - _WIDTH / 2 + 2, top)]
    for child, side, words in ((node.no_ink, (left, middle), t("no ink")), (node.ink, (middle, right), t("ink"))):
        if child is None or level == LEVELS:
            continue
        end, foot = sum(side) / 2, top + _HEIGHT
        found.append(f'<path d="M{middle} {foot}L{end} {foot + _GAP}" stroke="{look.MUTED}"/>')
        anchor, at = ("end", -6) if child is node.no_ink else ("start", 6)
        found.append(f'<text x="{end + at}" y="{foot + _GAP - 12}" text-anchor="{anchor}">{words}</text>')
        found += _branch(child, level + 1, *side)
    return found


def _box(node: treeview.Node, x: float, y: float) -> str:
    inside = _WIDTH - 4
    parts = [f'<rect x="{x}" y="{y}" width="{inside}" height="{_HEIGHT}" rx="5" fill="#fff" stroke="#b9c0ca"/>']
    parts.append(_picture(node, x + _PAD, y + _PAD))
    if node.is_leaf:
        lines = [t("says {digit}", digit=node.answer)]
    else:
        lines = [
            t("row {row}", row=node.row),
            t("column {column}", column=node.column),
            t("ink > {ink:.0f}", ink=node.threshold),
        ]
    for i, words in enumerate(lines):
        parts.append(f'<text x="{x + _PICTURE + 2 * _PAD}" y="{y + 18 + 14 * i}">{words}</text>')
    parts.append(_mix(node.mix, x + _PAD, y + _PICTURE + 2 * _PAD, inside - 2 * _PAD))
    foot = y + _HEIGHT - 7
    parts.append(f'<text x="{x + _PAD}" y="{foot - 14}">{t("{n:,} images", n=node.samples)}</text>')
    parts.append(f'<text x="{x + _PAD}" y="{foot}">{treeview.mix_words(node.mix, 2)}</text>')
    return "".join(parts)


def _picture(node: treeview.Node, x: float, y: float) -> str:
    side = f'x="{x}" y="{y}" width="{_PICTURE}" height="{_PICTURE}"'
    drawn = f'<rect {side} fill="#f4f7fd"/>'
    if node.picture is not None:
        drawn = f'<image {side} class="pixels" href="{plots_metrics.data_uri(255 - node.picture)}"/>'
    if node.is_leaf:
        return drawn
    pixel = _PICTURE / 28
    spot = f'x="{x + pixel * node.column - 1:.1f}" y="{y + pixel * node.row - 1:.1f}"'
    return drawn + (
        f'<rect {spot} width="{pixel + 2:.1f}" height="{pixel + 2:.1f}" fill="none" stroke="{look.MARK}" '
        'stroke-width="1.6"/>'
    )


def _mix(mix: np.ndarray, x: float, y: float, width: float) -> str:
    ends = np.concatenate([[0.0], np.cumsum(mix / max(float(mix.sum()), 1e-12))]) * width
    return "".join(
        f'<rect x="{x + ends[c]:.1f}" y="{y}" width="{ends[c + 1] - ends[c]:.1f}" height="5" fill="{colour}"/>'
        for c, colour in enumerate(look.DIGITS)
        if mix[c] >= 0.005
    )
