"""Why the model answered that: one reason at a time, below the answer; what is closed is not computed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime
import streamlit as st

from core import dataset, depth, explain, inference, plots_explain, runs
from core.digits import CLASSES
from core.errors import DigitLabError
from core.settings import Settings
from core.texts import later, t
from core.ui import board, inputs, lesson, linked, verdict

MOST_RUNS = 3  # beside the page's own: as many models as the server keeps open
EXAMPLES = 10


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What a reason may need: who answered, and to what; `shown` is None before the first stroke."""

    settings: Settings
    data: dataset.Digits
    run: runs.Run
    session: onnxruntime.InferenceSession
    shown: board.Shown | None


def show_reasons(asked: Asked) -> None:
    """Let the visitor open one reason; it stays open from stroke to stroke, and in the link."""
    words = t("Each is computed only while it is open. Click it again to close it.")
    name = linked.choose(st.segmented_control, t("Look closer"), list(REASONS), None, "why", help=words)
    if not name:
        return
    if asked.shown is not None:
        lesson.did("reasons")
    with st.container(key="reason"):
        try:
            REASONS[name](asked)
        except DigitLabError as error:
            st.caption(f":material/info: {asked.settings.without_places(str(error))}")


def show_seen(asked: Asked) -> None:
    """Show each step from the board to 28x28, with the answer if it had been the last."""
    shown = _drawn(asked)
    if shown is None:
        return
    if shown.board is None or shown.strokes is None:
        st.markdown(
            t("A test image comes as MNIST has it: cropped, 20 pixels high, centred. Draw to see how that is made.")
        )
        return
    found = explain.stages(shown.board, shown.strokes)
    proba = inference.predict_proba(asked.session, np.stack([stage.stopped for stage in found]))
    st.html(plots_explain.stages(found, proba))
    first, last = int(proba[0].argmax()), int(proba[-1].argmax())
    st.markdown(
        t(
            "MNIST's digits were cropped, scaled to 20 pixels and centred by weight, so yours is too. Under each "
            "picture stands what the model would answer if that were the last step."
        )
        + " "
        + (
            t("Squeezing the whole board, as most programs do, gives the same here, but not always.")
            if first == last
            else t(
                "Squeezing the whole board, as most programs do, gives a **{first}** instead of a **{last}**.",
                first=first,
                last=last,
            )
        )
    )
    width = float(explain.thickness(shown.image[np.newaxis])[0])
    note = explain.note(width, _usual(asked.data.sha256, asked.data))
    if note:
        st.caption(f":material/line_weight: {note}")


def show_why(asked: Asked) -> None:
    """Show what decided: a tree's path, leaf and nearest flip; of any other family what covering does."""
    shown = _drawn(asked)
    if shown is None:
        return
    if depth.has_tree(asked.run):
        _show_tree(asked, shown.image)
    else:
        _show_occlusion(asked, shown.image)


def show_neighbours(asked: Asked) -> None:
    """Show the training images that look most like the picture."""
    shown = _drawn(asked)
    if shown is None:
        return
    data = asked.data
    found = explain.neighbours(shown.image, data.x_train, _chosen(data.sha256, data), EXAMPLES)
    labels, answer = data.y_train[found.rows], _answer(asked, shown.image)
    st.html(plots_explain.digits(data.x_train[found.rows], labels, [f"{d:.0f}" for d in found.distances], answer))
    count = int((labels == answer).sum())
    st.markdown(
        t(
            "The {n} nearest of {total:,} training images, pixel by pixel: **{count}** of them show a {answer}, the "
            "model's answer. The small number is the typical difference of a pixel, of 255.",
            n=len(labels),
            total=len(_chosen(data.sha256, data)),
            count=count,
            answer=answer,
        )
    )


def show_several(asked: Asked) -> None:
    """Show what other runs say of the same picture."""
    others = {run.id: run for run in runs.list_runs(asked.settings) if run.servable and run.id != asked.run.id}
    if not others:
        st.markdown(t("There is only this one run yet. Train another family and compare."))
        return
    labels = {run_id: inputs.run_label(run) for run_id, run in others.items()}
    look: dict[str, Any] = {
        "max_selections": MOST_RUNS,
        "help": t("Up to {most}: each model is held in memory while it answers.", most=MOST_RUNS),
    }
    start = _varied(asked.run, list(others.values()))
    chosen = linked.choose(st.multiselect, t("Other runs"), list(others), start, "beside", labels.__getitem__, **look)
    shown = _drawn(asked)
    if shown is None:
        return
    picture = shown.image[np.newaxis]
    sessions = [asked.session, *(inputs.session(others[run_id]) for run_id in chosen)]
    proba = np.concatenate([inference.predict_proba(session, picture) for session in sessions])
    names = [inputs.run_label(asked.run), *(labels[run_id] for run_id in chosen)]
    st.html(plots_explain.votes(names, proba))
    st.markdown(_verdict(proba))


def show_sureness(asked: Asked) -> None:
    """Show what the verdict beside the answer promises, and let the visitor choose how much."""
    verdict.coverage_input()
    verdict.show_calibration(asked.settings, asked.data, asked.run)


REASONS: dict[str, Callable[[Asked], None]] = {
    later("What it saw"): show_seen,
    later("Why"): show_why,
    later("Nearest"): show_neighbours,
    later("How sure"): show_sureness,
    later("Other models"): show_several,
}


def _drawn(asked: Asked) -> board.Shown | None:
    if asked.shown is None:
        st.caption(t("Draw a digit first, or press N for one of the test set."))
    return asked.shown


def _answer(asked: Asked, image: np.ndarray) -> int:
    return inference.classify(asked.session, image).label


def _show_tree(asked: Asked, image: np.ndarray) -> None:
    tree = _tree(str(asked.run.path), asked.run)
    way, least = explain.path(tree, image), explain.flip(tree, image)
    st.markdown(
        t(
            "The tree asked **{n} questions**, each about one pixel, in the order of the numbers: blue where it found "
            "ink, amber where it found none. At the end of this path it answers **{digit}**.",
            n=len(way.questions),
            digit=way.label,
        )
    )
    st.html(plots_explain.path(image, way, least))
    st.markdown(_flip_words(way.label, least))
    learned, _ = depth.parts(asked.run, asked.data)
    rows = explain.evidence(way, asked.data.x_train, learned)
    labels = asked.data.y_train[rows]
    counts = np.bincount(labels, minlength=len(CLASSES))
    mix = ", ".join(f"{counts[digit]:,} x {digit}" for digit in np.argsort(-counts, kind="stable") if counts[digit])
    st.markdown(
        t(
            "**The leaf**: {n:,} training images answered all these questions in the same way: {mix}.",
            n=len(rows),
            mix=mix,
        )
    )
    # From the commonest digit of the leaf to the rarest, each with about its share.
    order = np.lexsort((labels, -counts[labels]))
    some = order[np.unique(np.linspace(0, len(order) - 1, EXAMPLES).round().astype(int))] if len(order) else order
    st.html(plots_explain.digits(asked.data.x_train[rows[some]], labels[some], [""] * len(some), way.label))


def _flip_words(label: int, least: explain.Flip | None) -> str:
    if least is None:
        return t("No change of any pixels makes this tree answer anything but {digit}.", digit=label)
    changes = "; ".join(
        t("row {row}, column {column}: {now} → {then}", row=row, column=column, now=now, then=then)
        for row, column, now, then in least.pixels
    )
    if len(least.pixels) == 1:
        return t(
            "**The fewest changes**: **one pixel** is enough to make it answer **{digit}** (framed in yellow; "
            "{changes}). No smaller number can: no other leaf of another answer is nearer.",
            digit=least.label,
            changes=changes,
        )
    return t(
        "**The fewest changes**: **{n} pixels** are enough to make it answer **{digit}** (framed in yellow; "
        "{changes}). No smaller number can: no other leaf of another answer is nearer.",
        n=len(least.pixels),
        digit=least.label,
        changes=changes,
    )


def _show_occlusion(asked: Asked, image: np.ndarray) -> None:
    place = st.empty()  # written to between the batches: there a newer stroke takes over
    found = explain.occlude(
        lambda images: inference.predict_proba(asked.session, images), image, lambda: place.html("<p></p>")
    )
    effect = plots_explain.heat(image, explain.heat(found.drops))
    place.html(
        plots_explain.figures(
            [
                (plots_explain.picture(image, t("The digit")), t("the digit"), False),
                (
                    plots_explain.picture(effect, t("What covering does")),
                    t("blue speaks for it, amber against"),
                    False,
                ),
            ],
        )
    )
    most = np.unravel_index(found.drops.argmax(), found.drops.shape)
    top, left = (explain.STRIDE * int(i) for i in most)
    st.markdown(
        t(
            "{n} patches of {side} x {side} pixels were covered with paper, one at a time. Covering rows {top} to "
            "{bottom}, columns {left} to {right} costs the answer **{digit}** most: from {before:.1%} to {after:.1%}.",
            n=found.asked - 1,
            side=explain.PATCH,
            top=top,
            bottom=top + explain.PATCH - 1,
            left=left,
            right=left + explain.PATCH - 1,
            digit=found.label,
            before=found.confidence,
            after=found.confidence - found.drops.max(),
        )
    )


def _varied(mine: runs.Run, others: list[runs.Run]) -> list[str]:
    newest = {run.family: run.id for run in reversed(others) if run.family != mine.family}
    return list(newest.values())[::-1][:MOST_RUNS] or [others[0].id]


def _verdict(proba: np.ndarray) -> str:
    said = proba.argmax(axis=1)
    if len(said) == 1:
        return t("Choose another run to compare with.")
    counts = np.bincount(said, minlength=len(CLASSES))
    if counts.max() == len(said):
        return t("**They agree**: all {n} read a **{digit}**.", n=len(said), digit=said[0])
    order = np.argsort(-counts, kind="stable")
    parts = ", ".join(t("{n} a **{digit}**", n=counts[d], digit=d) for d in order if counts[d])
    return t("**They disagree**: of {n}, {parts}.", n=len(said), parts=parts)


@st.cache_resource(max_entries=8, show_spinner=False)
def _tree(path: str, _run: runs.Run) -> depth.Tree:
    return depth.load_tree(_run)


@st.cache_resource(max_entries=4, show_spinner=False)
def _chosen(sha256: str, _data: dataset.Digits) -> np.ndarray:
    return explain.choose(_data.y_train)


@st.cache_resource(max_entries=4, show_spinner=False)
def _usual(sha256: str, _data: dataset.Digits) -> explain.Usual:
    return explain.usual(_data.x_train, _chosen(sha256, _data))
