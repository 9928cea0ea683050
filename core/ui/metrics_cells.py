"""What is taken for what: the confusion matrix, and behind each of its cells the images."""

from html import escape
from typing import Any
from urllib.parse import urlencode

import numpy as np
import streamlit as st

from core import dataset, metrics, plots_metrics, runs
from core.texts import later, t
from core.ui import frame, linked

_SHOW = {later("images"): "all", later("% of the true digit"): "true", later("% of the answer"): "predicted"}
_EVERY, _SUSPECT = later("every mistake"), later("perhaps wrong labels")
_BETWEEN = " read as "  # in the link, whatever the language
_PAGE = 24
# In MNIST's test set people found about 15 labels of 10,000 to be wrong (Northcutt, Athalye and Mueller 2021).
_KNOWN_SHARE = 0.0015
_TOO_MANY = 0.01


@st.fragment
def show_mistakes(digits: dataset.Digits, run: runs.Run, evaluation: metrics.Evaluation) -> None:
    """Show the matrix beside the images of the cell that was clicked; a click reruns this part alone."""
    left, right = st.columns([6, 5], gap="medium")
    with left:
        _matrix(evaluation)
    with right:
        _images(digits, run, evaluation)


def _matrix(evaluation: metrics.Evaluation) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        look: dict[str, Any] = {"required": True, "label_visibility": "collapsed"}
        shown = linked.choose(st.segmented_control, t("Show"), list(_SHOW), "images", "cells", **look)
        words = t("Leave the right answers out, so that the mistakes stand out.")
        muted = st.toggle(t("Mistakes only"), key="muted", bind="query-params", help=words)
    matrix = evaluation.confusion_matrix
    worst = metrics.worst_pair(matrix)
    figure = plots_metrics.confusion(
        matrix, metrics.confusion_shares(matrix, _SHOW[shown]), percent=shown != "images", muted=muted
    )
    alt = t(
        "Confusion matrix; the most frequent mistake is a {true} read as {predicted}",
        true=worst.true,
        predicted=worst.predicted,
    )
    frame.chart(figure, "confusion", alt, on_select=_choose_cell, selection_mode="points")
    st.caption(
        t(
            "Each row is a digit as it was written, each column what the model said. The most frequent mistake: "
            "{count} times a {true} was read as {predicted}. Click a cell to see its images.",
            count=worst.count,
            true=worst.true,
            predicted=worst.predicted,
        )
    )


def _choose_cell() -> None:
    chosen = st.session_state["confusion"]["selection"]["points"]
    if chosen:
        true, said = (int(chosen[-1]["customdata"][i]) for i in ("0", "1"))
        st.session_state["pair"] = _name(true, said)
        st.session_state["page"] = 1


def _name(true: int, said: int) -> str:
    return f"{true}{_BETWEEN}{said}"


def _in_words(pair: str) -> str:
    if _BETWEEN not in pair:
        return t(pair)
    return t("{true} read as {predicted}", true=pair[0], predicted=pair[-1])


def _first_page() -> None:
    st.session_state["page"] = 1


def _images(digits: dataset.Digits, run: runs.Run, evaluation: metrics.Evaluation) -> None:
    matrix, suspects = evaluation.confusion_matrix, metrics.suspects(evaluation)
    wrong = matrix * (1 - np.eye(metrics.N_CLASSES, dtype=matrix.dtype))
    order = [*np.argsort(-wrong, axis=None, kind="stable")[: np.count_nonzero(wrong)]]
    order += [c * (metrics.N_CLASSES + 1) for c in range(metrics.N_CLASSES)]
    pairs = {_name(*divmod(int(cell), metrics.N_CLASSES)): divmod(int(cell), metrics.N_CLASSES) for cell in order}
    empty = st.session_state.get("pair")
    if isinstance(empty, str) and _BETWEEN in empty and empty not in pairs:  # a cell without images was clicked
        st.caption(t("No {true} was read as {predicted}.", true=empty[0], predicted=empty[-1]))
        st.session_state["pair"] = _EVERY
    count = {_EVERY: int(wrong.sum()), _SUSPECT: len(suspects)} | {n: int(matrix[p]) for n, p in pairs.items()}
    options = [_EVERY, _SUSPECT, *pairs]
    words = t("A click on a cell of the matrix chooses here too. The number of images is below.")
    look: dict[str, Any] = {"on_change": _first_page, "help": words}
    pair = linked.choose(st.selectbox, t("Images"), options, _EVERY, "pair", _in_words, **look)
    found = suspects if pair == _SUSPECT else _positions(evaluation, pairs.get(pair))
    st.caption(_words(pair, count[pair], evaluation, suspects))
    if digits.sha256 != run.config["data_sha256"]:
        st.info(
            t(
                "The images are not here: this run was measured on the data {run}, but the server has {server}.",
                run=run.config["data_sha256"][:12],
                server=digits.sha256[:12],
            ),
            icon=":material/image_not_supported:",
        )
        return
    pages = max(1, -(-len(found) // _PAGE))
    if st.session_state.get("page", 1) > pages:
        st.session_state["page"] = pages
    page = st.pagination(pages, key="page", bind="query-params", max_visible_pages=5) if pages > 1 else 1
    part = found[(page - 1) * _PAGE : page * _PAGE]
    if len(part):
        marked = suspects[: max(1, int(_KNOWN_SHARE * len(evaluation.y_true)))]
        st.html(_gallery(digits, run, evaluation, part, set(marked.tolist())))


def _positions(evaluation: metrics.Evaluation, pair: tuple[int, int] | None) -> np.ndarray:
    """Return test images: mistakes with the surest first, right answers with the least sure first."""
    if pair is None:
        found = np.flatnonzero(~evaluation.right)
    else:
        found = np.flatnonzero((evaluation.y_true == pair[0]) & (evaluation.y_pred == pair[1]))
    sure = evaluation.confidence[found]
    return found[np.argsort(sure if pair and pair[0] == pair[1] else -sure, kind="stable")]


def _words(pair: str, count: int, evaluation: metrics.Evaluation, suspects: np.ndarray) -> str:
    n = len(evaluation.y_true)
    if pair == _EVERY:
        return t(
            "All {count:,} mistakes among {n:,} images, the surest first. Dashed: the label may be wrong.",
            count=count,
            n=n,
        )
    if pair != _SUSPECT:
        return t(
            "{count:,} images of {n:,}. A picture opens on the Draw page, with the reason for its answer.",
            count=count,
            n=n,
        )
    words = t(
        "For {count:,} images the model is surer of another digit than it usually is of that digit's own images.",
        count=count,
    )
    if count > _TOO_MANY * n:
        why = t(
            "Of MNIST's labels only about {share:.2%} are wrong, so most of these are the model's own fault: "
            "it is too often sure and wrong. A better model points at better suspects.",
            share=_KNOWN_SHARE,
        )
        return f"{words} {why}"
    return f"{words} {t('Look for yourself: is the label wrong, or the model?')}"


def _gallery(
    digits: dataset.Digits, run: runs.Run, evaluation: metrics.Evaluation, part: np.ndarray, marked: set[int]
) -> str:
    tiles = []
    for i in map(int, part):
        true, said, sure = evaluation.y_true[i], evaluation.y_pred[i], _percent(evaluation.confidence[i])
        image = 255 - np.asarray(digits.x_test[i])
        look, words = "", t("Test image {i}: labelled {true}, read as {said}, {sure} sure")
        if i in marked:
            look = " dm-odd"
            words = t("Test image {i}: labelled {true}, read as {said}, {sure} sure, the label may be wrong")
        title = escape(words.format(i=i, true=true, said=said, sure=sure))
        tiles.append(
            f'<a class="dm-image{look}" href="Draw?{urlencode({"run": run.id, "image": i})}" title="{title}">'
            f'<img src="{plots_metrics.data_uri(image)}" alt="{title}" width="56" height="56">'
            f"<span>{t('<b>{true}</b> read <b>{said}</b>', true=true, said=said)}</span><span>{sure}</span></a>"
        )
    return f'{_STYLE}<div class="dm-images">{"".join(tiles)}</div>'


def _percent(share: float) -> str:
    return f"{min(share * 100, 99.9):.1f} %" if share < 1 else "100 %"


_STYLE = """<style>
.dm-images {display:grid; grid-template-columns:repeat(auto-fill, minmax(72px, 1fr)); gap:.5rem}
a.dm-image {display:flex; flex-direction:column; align-items:center; padding:.35rem .1rem; border-radius:.4rem;
  border:1px solid rgba(128,138,152,.35); text-decoration:none; color:inherit; font-size:.8rem; line-height:1.25}
a.dm-image:hover, a.dm-image:focus {border-color:var(--dl-accent); outline:none; box-shadow:0 0 0 1px var(--dl-accent)}
a.dm-image img {image-rendering:pixelated; width:56px; height:56px; border-radius:2px; margin-bottom:.2rem}
a.dm-odd {border:2px dashed var(--dl-mark)}
</style>"""
