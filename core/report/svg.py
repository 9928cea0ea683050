"""Small charts as SVG text: a few kilobytes each, sharp on paper, no script."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from core import look
from core.texts import t

WIDTH, HEIGHT = 340, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 18, 8, 38


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One line of a chart.

    Parameters
    ----------
    x, y : (n,) float
    colour : str
    width : float
    dots : bool
        Mark each point.
    dashed : bool
    low, high : (n,) float or None
        A band about it.
    """

    x: np.ndarray
    y: np.ndarray
    colour: str = look.ACCENT
    width: float = 1.5
    dots: bool = False
    dashed: bool = False
    low: np.ndarray | None = None
    high: np.ndarray | None = None


def chart(
    lines: Sequence[Line], x: str, y: str, across: tuple[float, float], up: tuple[float, float], percent: bool = True
) -> str:
    """Return a chart.

    Parameters
    ----------
    x, y : str
        What the axes count.
    across, up : (low, high)
        What the axes span; what lies beyond is cut off.
    percent : bool
        Whether the horizontal axis is in per cent; the vertical one always is.
    """
    body = [_axis(across, up, percent), *(_line(line, across, up) for line in lines)]
    words = escape(t("{y} against {x}", y=y, x=x))
    middle = (_TOP + HEIGHT - _BOTTOM) / 2
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{words}">{"".join(body)}'
        f'<text x="{(WIDTH + _LEFT) / 2}" y="{HEIGHT - 4}" text-anchor="middle">{escape(x)}</text>'
        f'<text transform="translate(11 {middle}) rotate(-90)" text-anchor="middle">{escape(y)}</text></svg>'
    )


def _place(
    x: np.ndarray, y: np.ndarray, across: tuple[float, float], up: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    right, high = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM
    part_x, part_y = (np.asarray(x) - across[0]) / (across[1] - across[0]), (np.asarray(y) - up[0]) / (up[1] - up[0])
    return _LEFT + right * part_x, HEIGHT - _BOTTOM - high * np.clip(part_y, 0, 1)


def _points(x: np.ndarray, y: np.ndarray) -> str:
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))


def _line(line: Line, across: tuple[float, float], up: tuple[float, float]) -> str:
    x, y = _place(line.x, line.y, across, up)
    dash = ' stroke-dasharray="4 3"' if line.dashed else ""
    parts = []
    if line.low is not None and line.high is not None:
        _, low = _place(line.x, line.low, across, up)
        _, high = _place(line.x, line.high, across, up)
        around = _points(np.concatenate([x, x[::-1]]), np.concatenate([high, low[::-1]]))
        parts.append(f'<polygon points="{around}" fill="{line.colour}" opacity=".18"/>')
    parts.append(
        f'<polyline points="{_points(x, y)}" fill="none" stroke="{line.colour}" stroke-width="{line.width}"{dash}/>'
    )
    if line.dots:
        parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="{line.colour}"/>' for a, b in zip(x, y, strict=True)]
    return "".join(parts)


def _axis(across: tuple[float, float], up: tuple[float, float], percent: bool) -> str:
    parts = []
    for value in np.linspace(*up, 5):
        _, (at,) = _place(np.array([across[0]]), np.array([value]), across, up)
        parts.append(f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{at:.1f}" y2="{at:.1f}" stroke="#ddd"/>')
        words = f"{value:.0%}" if up[1] - up[0] > 0.1 else f"{value:.1%}"
        parts.append(f'<text x="{_LEFT - 4}" y="{at + 3:.1f}" text-anchor="end">{words}</text>')
    for value in np.linspace(*across, 5):
        (at,), _ = _place(np.array([value]), np.array([up[0]]), across, up)
        words = f"{value:.0%}" if percent else f"{value:g}"
        parts.append(f'<text x="{at:.1f}" y="{HEIGHT - _BOTTOM + 14}" text-anchor="middle">{words}</text>')
    return "".join(parts)
