"""What the Draw page shows of an answer and its reasons, as HTML. Nothing here computes a result.

HTML and not charts: it is there sooner, it does not jump, and small pictures lie inside it instead of being fetched
one by one after every stroke.
"""

import base64
import io
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
from PIL import Image

from core import explain, look, plots
from core.digits import CLASSES, IMAGE_SHAPE
from core.texts import t

# Blue and amber: apart for colour-blind eyes too.
_INK, _PAPER = look.ACCENT, "#d97706"
FOR, AGAINST = tuple(bytes.fromhex(_INK[1:])), tuple(bytes.fromhex(_PAPER[1:]))
_CELL = 20
STYLE = """<style>
.st-key-board-buttons button {min-height:44px; padding:.25rem .55rem}
.dl-keys {font-size:.8rem; opacity:.75; margin:0}
@media (hover:none) {.dl-keys {display:none}}
.dl-top {display:flex; align-items:center; justify-content:space-between; gap:.6rem; flex-wrap:wrap}
.dl-top .dl-answer {min-height:5.6rem; align-items:center; min-width:0}
.dl-seen, .dl-figures figure {margin:0; text-align:center}
.dl-seen img {width:84px; height:84px; display:block; margin:0 auto}
.dl-seen figcaption {font-size:.75rem; opacity:.75}
.dl-from {font-size:.9rem; margin:0 0 .3rem; min-height:1.4rem}
.dl-px {image-rendering:pixelated; border:1px solid rgba(128,138,152,.5); background:#fff}
.dl-figures {display:flex; flex-wrap:wrap; gap:.8rem 1rem; align-items:flex-start; margin:.2rem 0 .4rem}
.dl-figures figure {width:104px}
.dl-figures img {width:104px; height:104px; object-fit:contain}
.dl-figures figcaption {font-size:.85rem; line-height:1.25rem; overflow-wrap:anywhere}
.dl-figures b {font-size:1.25rem; color:var(--dl-accent)}
.dl-figures .dl-wrong b {color:#d97706}
.dl-small {gap:.5rem .55rem} .dl-small figure, .dl-small img {width:56px} .dl-small img {height:56px}
.dl-wide {display:flex; flex-wrap:wrap; gap:1rem 1.6rem; align-items:flex-start}
.dl-wide > img {width:min(100%, 336px); height:auto; aspect-ratio:1}
.dl-wide > div {flex:1 1 16rem; min-width:0}
.dl-path {margin:0; padding-left:2rem !important; columns:15rem auto; font-size:.92rem; line-height:1.55rem;
  font-variant-numeric:tabular-nums}
.dl-yes, .dl-no {display:inline-block; width:.7rem; height:.7rem; border-radius:2px; background:var(--dl-accent)}
.dl-no {background:#d97706; border-radius:50%}
</style>"""


def head(image: np.ndarray | None, proba: np.ndarray | None, hint: str, origin: str = "") -> str:
    """Return the answer, what the model received and the ten bars.

    Parameters
    ----------
    image : (28, 28) uint8, optional
    proba : (10,) float, optional
    hint : str
        What to say without an answer.
    origin : str
        Where the picture comes from, if it was not drawn.
    """
    seen = picture(
        np.zeros(IMAGE_SHAPE, np.uint8) if image is None else image, t("The 28 x 28 pixels that it received")
    )
    return (
        f'<div class="dl-top">{plots.answer(proba, hint)}'
        f'<figure class="dl-seen">{seen}<figcaption>{escape(t("what it received"))}</figcaption></figure></div>'
        f'<p class="dl-from">{escape(origin)}</p>{plots.probability_bars(proba)}'
    )


def spoken(proba: np.ndarray | None, hint: str) -> str:
    """Return the answer as a screen reader is to say it."""
    if proba is None:
        return hint
    first, second = np.argsort(proba)[::-1][:2]
    return t(
        "The answer is {first}, {sure:.0%} sure. Next: {second}, {less:.0%}.",
        first=first,
        sure=proba[first],
        second=second,
        less=proba[second],
    )


def picture(image: np.ndarray, alt: str) -> str:
    """Return an image, (h, w) uint8 as ink or (h, w, 3) uint8 in colours, as HTML: pixels visible, ink black."""
    pixels = image if image.ndim == 3 else 255 - image
    return f'<img class="dl-px" alt="{escape(alt)}" src="data:image/png;base64,{_png(pixels)}">'


def board_png(image: np.ndarray, side: int) -> str:
    """Return an image, (28, 28) uint8, as a data URL of `side` x `side` pixels, white ink on black like the board."""
    return f"data:image/png;base64,{_png(np.kron(image, np.ones((side // IMAGE_SHAPE[0],) * 2, np.uint8)))}"


def stages(found: Sequence[explain.Stage], proba: np.ndarray) -> str:
    """Return the steps side by side, each with the answer if it had been the last; `proba` (stages, 10)."""
    final = int(proba[-1].argmax())
    cells = []
    for number, (stage, row) in enumerate(zip(found, proba, strict=True), 1):
        label, high, wide = int(row.argmax()), *stage.picture.shape
        words = f"<b>{label}</b> {row[label]:.0%}<br>{number}. {escape(stage.name)}<br>{wide} x {high}"
        cells.append(
            (picture(stage.picture, t("{step}: read as {digit}", step=stage.name, digit=label)), words, label != final)
        )
    return figures(cells)


def figures(cells: Sequence[tuple[str, str, bool]], small: bool = False) -> str:
    """Return pictures in a row that wraps: (picture, words as HTML, whether to mark it as different)."""
    body = "".join(
        f"<figure{' class=dl-wrong' if odd else ''}>{image}<figcaption>{words}</figcaption></figure>"
        for image, words, odd in cells
    )
    return f'<div class="dl-figures{" dl-small" if small else ""}">{body}</div>'


def digits(images: np.ndarray, labels: Sequence[Any], words: Sequence[str], answer: int) -> str:
    """Return training images with their labels, those unlike the answer marked."""
    cells = [
        (picture(image, t("a {digit}", digit=label)), f"<b>{label}</b> {escape(word)}", label != answer)
        for image, label, word in zip(images, labels, words, strict=True)
    ]
    return figures(cells, small=True)


def path(image: np.ndarray, way: explain.Path, flip: explain.Flip | None) -> str:
    """Return the questions painted on the digit and as a list."""
    ends = t("The pixels that were asked, numbered: {list}", list=_path_words(way))
    return (
        f'<div class="dl-wide"><img class="dl-px" alt="{escape(ends)}" '
        f'src="data:image/svg+xml;base64,{base64.b64encode(_path_svg(image, way, flip).encode()).decode()}">'
        f'<div><ol class="dl-path">{"".join(_question(q) for q in way.questions)}</ol></div></div>'
    )


def heat(image: np.ndarray, effect: np.ndarray) -> np.ndarray:
    """Colour a digit by what covering does, blue where it costs probability and amber where it gives some.

    Parameters
    ----------
    image : (28, 28) uint8
    effect : (28, 28) float
        From `explain.heat`.

    Returns
    -------
    (28, 28, 3) uint8
    """
    strength = np.abs(effect) / max(float(np.abs(effect).max()), 1e-9)
    colour = np.where(effect[..., np.newaxis] >= 0, np.array(FOR), np.array(AGAINST))
    ground = 255 - 0.55 * image[..., np.newaxis].astype(float)
    share = (0.85 * strength)[..., np.newaxis]
    return (ground * (1 - share) + colour * share).round().astype(np.uint8)


def votes(names: Sequence[str], proba: np.ndarray) -> str:
    """Return what several models say of one picture, side by side; those unlike the first marked."""
    first = int(proba[0].argmax())
    cells = []
    for name, row in zip(names, proba, strict=True):
        label = int(row.argmax())
        words = f"<b>{label}</b> {row[label]:.0%}<br>{escape(name)}"
        cells.append((picture(_profile(row), _profile_words(row)), words, label != first))
    return figures(cells)


def _profile(proba: np.ndarray) -> np.ndarray:
    # Ten upright bars in 52 x 52 pixels.
    sheet = np.full((52, 52, 3), 255, np.uint8)
    for digit in CLASSES:
        high = max(round(48 * float(proba[digit])), 1)
        sheet[50 - high : 50, 2 + 5 * digit : 5 + 5 * digit] = FOR if digit == proba.argmax() else (154, 164, 178)
    return sheet


def _profile_words(proba: np.ndarray) -> str:
    most = ", ".join(f"{d}: {proba[d]:.0%}" for d in np.argsort(proba)[::-1][:3])
    return t("Bars of ten probabilities: {list}", list=most)


def _question(question: explain.Question) -> str:
    words = (
        t("row {row}, column {column}: {value} is above {threshold:g}, <b>ink</b>")
        if question.ink
        else t("row {row}, column {column}: {value} is not above {threshold:g}, <b>no ink</b>")
    )
    where = {"row": question.row, "column": question.column}
    said = words.format(value=question.value, threshold=question.threshold, **where)
    return f'<li><span class="{"dl-yes" if question.ink else "dl-no"}"></span> {said}</li>'


def _path_words(way: explain.Path) -> str:
    said = {True: t("{i} row {row} column {column} ink"), False: t("{i} row {row} column {column} no ink")}
    return "; ".join(said[q.ink].format(i=i, row=q.row, column=q.column) for i, q in enumerate(way.questions, 1))


def _path_svg(image: np.ndarray, way: explain.Path, flip: explain.Flip | None) -> str:
    rows, columns = IMAGE_SHAPE
    pieces = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {columns * _CELL} {rows * _CELL}" '
        f'shape-rendering="crispEdges"><rect width="100%" height="100%" fill="#fff"/>'
    ]
    for row, column in np.argwhere(image):
        grey = 255 - int(image[row, column])
        pieces.append(_cell(int(row), int(column), f'fill="rgb({grey},{grey},{grey})"'))
    asked: dict[tuple[int, int], list[tuple[int, bool]]] = {}
    for number, question in enumerate(way.questions, 1):
        asked.setdefault((question.row, question.column), []).append((number, question.ink))
    for (row, column), entries in asked.items():
        colour = _INK if entries[-1][1] else _PAPER
        size = 13 if len(entries) == 1 and entries[0][0] < 10 else 10 if len(entries) == 1 else 7
        label = ",".join(str(number) for number, _ in entries)
        pieces.append(_cell(row, column, f'fill="{colour}" stroke="#fff" stroke-width="1.5"'))
        pieces.append(
            f'<text x="{column * _CELL + _CELL / 2}" y="{row * _CELL + _CELL / 2 + size * 0.36}" font-size="{size}" '
            f'font-family="sans-serif" font-weight="700" text-anchor="middle" fill="#fff">{label}</text>'
        )
    for row, column, *_ in flip.pixels if flip else ():
        pieces.append(_cell(row, column, 'fill="none" stroke="#111" stroke-width="6"'))
        pieces.append(_cell(row, column, 'fill="none" stroke="#ffd60a" stroke-width="3"'))
    return "".join(pieces) + "</svg>"


def _cell(row: int, column: int, look: str) -> str:
    return f'<rect x="{column * _CELL}" y="{row * _CELL}" width="{_CELL}" height="{_CELL}" {look}/>'


def _png(pixels: np.ndarray) -> str:
    body = io.BytesIO()
    Image.fromarray(pixels).save(body, "PNG", compress_level=1)
    return base64.b64encode(body.getvalue()).decode()
