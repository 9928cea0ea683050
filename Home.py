"""What Digit Lab is, the data, and the lesson in five short steps."""

import streamlit as st

from core import digits, lesson, metrics, plots, runs, ui
from core.texts import t

with ui.page("Digit Lab") as (settings, data):
    st.markdown(
        t("Teach a machine to read handwritten digits: **train** it, **measure** it, **draw** for it, see why it errs.")
    )

    ui.show_goal(settings)
    best = max(runs.list_runs(settings), key=lambda run: run.metrics["accuracy"], default=None)
    with st.container(horizontal=True, vertical_alignment="center"):
        if best:
            st.metric(
                t("Best model so far"), f"{best.metrics['accuracy']:.2%}", help=ui.run_label(best), width="content"
            )
            ui.link(t("Draw for it"), "pages/3_Draw.py", ":material/draw:", key="draw-best", run=best.id)
            ui.link(t("Train a better one"), "pages/1_Train.py", ":material/model_training:", key="train-better")
        else:
            ui.train_default_button(settings)
        ui.start_button()
    ui.show_jobs(settings, ended=0)

st.header(t("The data"))


def show_others() -> None:
    """Choose other images, and let the lesson know."""
    ui.linking.next_number("others")
    ui.did("shuffles")


grid, charts = st.columns([1, 1], gap="large")
with grid:
    chosen = digits.one_row_each(data.y_train, 14, seed=ui.linking.number("others"))
    st.image(digits.mosaic(data.x_train[chosen], 14), width="stretch", alt=t("Training images, one row for each digit"))
    st.button(t("Show others"), key="shuffle", icon=":material/shuffle:", on_click=show_others)
with charts:
    train, test = metrics.class_counts(data.y_train), metrics.class_counts(data.y_test)
    ui.chart(plots.class_distribution(train, test), "classes", t("How many images of each digit there are"))
    st.caption(t("Every digit occurs about equally often, in training and in test: nothing to win by guessing."))
with st.expander(t("Use other data"), key="data", bind="query-params", icon=":material/upload:"):
    ui.data_controls(settings)

st.header(t("The lesson, in five steps"))
example = data.x_train[int(chosen[14 * 5])]
one, two, three, four, five = (st.container(border=True) for _ in range(5))
with one:
    words, picture = st.columns([3, 2])
    words.markdown(
        t(
            "#### 1 · The data\nA digit is 28 x 28 pixels, each a number from 0 (paper) to 255 (ink). People "
            "wrote them, others wrote the labels. The machine learns from one part and is tested on another "
            "that it never saw."
        )
    )
    picture.image(plots.magnified(example, 8), width=200, alt=t("One training image, magnified"))
with two:
    words, picture = st.columns([3, 2])
    words.markdown(
        t(
            "#### 2 · Flattening, and what it loses\nMost models take a row of numbers, so the picture is cut "
            "into its 28 rows and these are laid end to end: 784 numbers. Who is above whom is lost. Shuffle "
            "the pixels, the same way in every image, and you cannot read the digit any more; a tree learns "
            "from it just as well."
        )
    )
    row = plots.magnified(lesson.strip(example), 4, height=40)
    picture.image(
        row, caption=t("Six of the rows, end to end"), width="stretch", alt=t("Six rows of pixels laid end to end")
    )
    mixed = plots.magnified(lesson.shuffled(example), 6)
    picture.image(
        mixed, caption=t("The same digit, shuffled"), width=168, alt=t("The same digit with its pixels shuffled")
    )
with three:
    words, picture = st.columns([3, 2])
    asked = lesson.best_question(data.x_train, data.y_train)
    words.markdown(
        t(
            "#### 3 · The tree\nA decision tree asks one pixel at a time: is there ink? The best first question is the "
            "one that parts the digits most: here the pixel in row {row}, column {column}. After ten such questions "
            "the tree answers with the digit that most training images at the end of that path were.",
            row=asked.row,
            column=asked.column,
        )
    )
    with words:
        ui.chart(plots.shares(asked.ink, asked.no_ink), "question", t("Which digits have ink at that pixel"))
    picture.image(
        plots.question(asked.mean, asked.row, asked.column), width=168, alt=t("The average image, the pixel framed")
    )
with four:
    words, picture = st.columns([3, 2])
    simple = lesson.nearest_average(data.x_train, data.y_train, data.x_test, data.y_test)
    worst = metrics.worst_pair(simple)
    words.markdown(
        t(
            "#### 4 · The metrics\nThe simplest model of all compares an image with ten average digits. It reads "
            "{share:.0%} of {n:,} test images right. The confusion matrix says more: its most frequent mistake is a "
            "{true} read as {said}, {count} times. Can you beat it?",
            share=metrics.accuracy(simple),
            n=simple.sum(),
            true=worst.true,
            said=worst.predicted,
            count=worst.count,
        )
    )
    with words:
        ui.link(t("Train a tree"), "pages/1_Train.py", ":material/model_training:", key="lesson-train")
    with picture:
        figure = plots.confusion(simple, metrics.confusion_shares(simple, "all"), percent=False)
        ui.chart(figure.update_layout(height=300), "simple", t("Confusion matrix of the nearest average digit"))
with five:
    words, picture = st.columns([3, 2])
    words.markdown(
        t(
            "#### 5 · Drawing\nYou do not draw as MNIST was scanned: small, in a corner, with another pen. "
            "Squeezing the board to 28 x 28 (middle) gives the model something it never saw. So every drawing "
            "is cropped to its ink, scaled to 20 pixels and centred (right), exactly as MNIST was."
        )
    )
    with words:
        ui.link(t("Draw"), "pages/3_Draw.py", ":material/draw:", key="lesson-draw")
    board, squeezed, centred = lesson.drawn_small(example)
    row = picture.container(horizontal=True, gap="xsmall")  # columns would fill a phone with one picture each
    for image, caption in ((board, t("drawn")), (squeezed, t("squeezed")), (centred, t("centred"))):
        row.image(plots.magnified(image, 1 if image is board else 10), caption=caption, width=78, alt=caption)
ui.show_glossary(best)
