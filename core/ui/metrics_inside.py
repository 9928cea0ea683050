"""Inside the model: which pixels matter, how it learned, and a tree's own questions."""

from collections.abc import Callable
from functools import partial
from html import escape
from urllib.parse import urlencode

import numpy as np
import streamlit as st

from core import dataset, depth, look, metrics, plots_metrics, runs, texts, treeview
from core.errors import DigitLabError
from core.texts import t
from core.ui import frame, metrics_checks, training


def show_inside(digits: dataset.Digits, run: runs.Run) -> None:
    """Show what can be known of how the run decides."""
    if depth.has_tree(run):
        try:
            found = _tree(str(run.path), run)
        except DigitLabError as error:
            st.caption(f":material/info: {error}")
            return
        _questions(digits, run, found)
        _pixels_of_tree(digits, run, found)
    else:
        _pixels_by_covering(run)
    if steps := run.card.get("learning"):
        st.subheader(t("How it learned"))
        training.learning_curve(steps, "learning")
        best = max(steps, key=lambda step: step.get("held_accuracy") or 0.0)
        if best.get("held_accuracy"):
            st.caption(
                t(
                    "It was best after {done} {unit}, with {held:.2%} of the held-out images right; that state was "
                    "kept.",
                    done=best["done"],
                    unit=t(best["unit"]),
                    held=best["held_accuracy"],
                )
            )


@st.fragment
def _questions(digits: dataset.Digits, run: runs.Run, found: depth.Tree) -> None:
    st.subheader(t("The tree's questions"))
    last = len(found.left) - 1
    words = t("Every node has a number, shown as #0, #1, …; the root is 0.")
    root = 0
    if last:
        begin = t("Begin at node")
        root = st.number_input(begin, 0, last, 0, key="node", bind="query-params", width=190, help=words)
    same = digits.sha256 == run.config["data_sha256"]
    node = _top(str(run.path), root, same, found, digits)
    st.caption(
        t(
            "Each picture is the mean of the test images that come by, with the pixel that is asked framed. "
            "A click or Enter opens a branch. The whole tree asks {questions:,} questions and has {leaves:,} leaves.",
            questions=int(found.inner.sum()),
            leaves=int((~found.inner).sum()),
        )
    )
    if root:
        steps = (f"#{number} {t('ink') if ink else t('no ink')}" for number, ink in treeview.way_to(found, root))
        st.caption(t("The way here: {way}", way=" → ".join([*steps, f"#{root}"])))
    st.html(_STYLE + f'<div class="dt">{_card(node, run, 0)}</div>')
    with st.container(horizontal=True):
        for label, write, ending in ((t("As text"), treeview.as_text, "txt"), (t("As DOT"), treeview.as_dot, "dot")):
            name = f"{run.id}-tree.{ending}"
            st.download_button(
                label, partial(_write, write, found, texts.language()), name, "text/plain", on_click="ignore"
            )


def _write(write: Callable[[depth.Tree], str], found: depth.Tree, language: str) -> str:
    with texts.speaking(language):  # made when it is clicked, where no visitor can be asked
        return write(found)


def _card(node: treeview.Node, run: runs.Run, level: int) -> str:
    picture = ""
    if node.picture is not None:
        spot = f'<i style="left:{node.column / 0.28:.2f}%;top:{node.row / 0.28:.2f}%"></i>' if not node.is_leaf else ""
        alt = escape(t("Mean of the images that come by node {number}", number=node.number))
        picture = (
            f'<span class="dt-pic"><img src="{plots_metrics.data_uri(255 - node.picture)}" alt="{alt}">{spot}</span>'
        )
    if node.is_leaf:
        words = t("It says <b>{digit}</b>", digit=node.answer)
    else:
        words = t(
            "<b>Ink at row {row}, column {column}?</b> more than {threshold:.0f} of 255",
            row=node.row,
            column=node.column,
            threshold=node.threshold,
        )
    mix = treeview.mix_words(node.mix)
    head = (
        f'{picture}<span class="dt-words"><span>{words}</span>{_bar(node.mix)}'
        f"<small>{t('{n:,} images', n=node.samples)} · {mix} · #{node.number}</small></span>"
    )
    if node.no_ink is None or node.ink is None:
        if node.is_leaf:
            return f'<div class="dt-node dt-leaf">{head}</div>'
        more = urlencode({"run": run.id, "view": "Inside", "node": node.number})
        return f'<div class="dt-node dt-leaf">{head}<a href="Metrics?{escape(more)}">{t("go on from here")}</a></div>'
    sides = "".join(
        f'<div class="dt-side"><em>{label}</em>{_card(child, run, level + 1)}</div>'
        for label, child in ((t("no ink"), node.no_ink), (t("ink"), node.ink))
    )
    opened = " open" if level < 2 else ""
    return (
        f'<details class="dt-node dt-{min(level, 2)}"{opened}><summary>{head}</summary>'
        f'<div class="dt-sides">{sides}</div></details>'
    )


def _bar(mix: np.ndarray) -> str:
    parts = "".join(
        f'<i style="width:{100 * share:.1f}%;background:{colour}"></i>'
        for share, colour in zip(mix, look.DIGITS, strict=True)
        if share >= 0.005
    )
    return f'<span class="dt-bar" role="img" aria-label="{escape(treeview.mix_words(mix))}">{parts}</span>'


def _pixels_of_tree(digits: dataset.Digits, run: runs.Run, found: depth.Tree) -> None:
    st.subheader(t("Which pixels matter"))
    params, weights = run.config["params"], None
    if params.get("class_weight") == "balanced":
        if digits.sha256 != run.config["data_sha256"]:
            st.caption(t("Its digits were weighted by their number, and the data it learned from is not here."))
            return
        learned, _ = depth.parts(run, digits)
        weights = 1 / np.maximum(metrics.class_counts(digits.y_train[learned]), 1)
    values = treeview.importances(found, params["criterion"], weights)
    _show_pixels(values, t("of all that its questions gain"))
    row, column = divmod(int(values.argmax()), values.shape[1])
    st.caption(
        t(
            "The darker, the more the tree's questions at that pixel gain (Gini importance). The most is gained at row "
            "{row}, column {column}: {most:.1%} of all. {asked:,} of {size} pixels are asked at all.",
            row=row,
            column=column,
            most=values.max(),
            asked=np.count_nonzero(values),
            size=values.size,
        )
    )


def _pixels_by_covering(run: runs.Run) -> None:
    st.subheader(t("Which pixels matter"))
    found = metrics_checks.kept_robustness(run)
    if found is None:
        st.caption(
            t("Not measured yet: the study on the tab Robustness covers part after part of the images with paper.")
        )
        return
    _show_pixels(found.occlusion, t("less probability for the true digit"))
    row, column = divmod(int(found.occlusion.argmax()), found.occlusion.shape[1])
    st.caption(
        t(
            "The darker, the more it misses what is there: paper was laid over each square of 4 x 4 pixels "
            "(occlusion). Most is lost at row {row}, column {column}: {most:.1%} of the true digit's probability.",
            row=row,
            column=column,
            most=found.occlusion.max(),
        )
    )


def _show_pixels(values: np.ndarray, words: str) -> None:
    with st.container(width=380):
        frame.chart(plots_metrics.pixels(values, words), "pixels", t("How much each pixel matters, as a picture"))


@st.cache_resource(max_entries=8, show_spinner=False)
def _tree(path: str, _run: runs.Run) -> depth.Tree:
    return depth.load_tree(_run)


@st.cache_resource(max_entries=32, show_spinner=False)
def _top(path: str, root: int, same: bool, _found: depth.Tree, _digits: dataset.Digits) -> treeview.Node:
    return treeview.top(_found, root, images=_digits.x_test if same else None)


_STYLE = """<style>
.dt {font-size:.9rem; line-height:1.3}
.dt details > summary {list-style:none; cursor:pointer}
.dt summary::-webkit-details-marker {display:none}
.dt summary, .dt-leaf {display:flex; gap:.6rem; align-items:center; padding:.4rem .5rem; flex-wrap:wrap;
  border:1px solid rgba(128,138,152,.35); border-radius:.4rem; min-height:44px}
.dt summary::after {content:"+"; margin-left:auto; font-size:1.2rem; opacity:.6; padding:0 .3rem}
.dt details[open] > summary::after {content:"\\2013"}
.dt summary:focus-visible {outline:2px solid var(--dl-accent)}
.dt-pic {position:relative; width:56px; height:56px; flex:none}
.dt-pic img {width:56px; height:56px; image-rendering:pixelated; border-radius:2px; display:block}
.dt-pic i {position:absolute; width:3.6%; height:3.6%; outline:2px solid var(--dl-mark)}
.dt-words {display:flex; flex-direction:column; gap:.2rem; flex:1 1 8rem; min-width:0}
.dt-words small {opacity:.75; font-size:.8rem}
.dt-bar {display:flex; height:.55rem; width:100%; max-width:16rem; border-radius:3px; overflow:hidden}
.dt-sides {border-left:2px solid rgba(128,138,152,.35); margin-left:.7rem; padding-left:.6rem}
.dt-side {margin-top:.4rem}
.dt-side > em {font-size:.8rem; opacity:.75; font-style:normal}
@media (min-width:1000px) {
  .dt-0 > .dt-sides, .dt-1 > .dt-sides {display:grid; grid-template-columns:1fr 1fr; gap:.6rem}
}
</style>"""
