"""How good a run is, and where it fails."""

import streamlit as st

from core import metrics, plots, runs, ui

settings, digits = ui.page("Metrics")
run = ui.pick_run(settings)
evaluation = ui.evaluation(run)

TILES = {
    "accuracy": "The share of all test images that were read right.",
    "precision": "When the model says a digit, how often it is that digit; averaged over the digits by their counts.",
    "recall": "Of each digit's images, how many were found; averaged over the digits by their counts.",
    "f1": "Precision and recall in one number, their harmonic mean; averaged over the digits by their counts.",
}
with st.container(horizontal=True):
    for name, interval in metrics.summary(evaluation).items():
        st.metric(
            name.capitalize(),
            f"{interval.value:.4f}",
            delta=f"{interval.low:.3f} to {interval.high:.3f}",
            delta_color="off",
            delta_arrow="off",
            help=f"{TILES[name]} Below it the 95 % interval: where it would fall for 19 of 20 such test sets.",
            border=True,
            width=170,
        )

st.subheader("Each digit")
frame = metrics.report(evaluation)
never = [name for name in frame.index if frame.loc[name, "predicted"] == 0]
if never:
    st.warning(
        f"The model never answers {', '.join(never)}: precision is 0/0 there, which counts as 1 as in the exercise.",
        icon=":material/warning:",
    )
st.dataframe(
    frame.assign(note=["never predicted" if name in never else "" for name in frame.index]),
    key="report",
    height="content",
    column_config={
        "class": st.column_config.TextColumn("digit", width=104),
        "precision": st.column_config.NumberColumn(format="%.2f", width=72, help=TILES["precision"]),
        "recall": st.column_config.NumberColumn(format="%.2f", width=56, help=TILES["recall"]),
        "f1": st.column_config.NumberColumn(format="%.2f", width=46, help=TILES["f1"]),
        "support": st.column_config.NumberColumn(format="%d", width=64, help="How many test images show this digit."),
        "predicted": st.column_config.NumberColumn(
            "answers", format="%d", width=64, help="How often the model said it."
        ),
        "note": st.column_config.TextColumn(" ", width=120) if never else None,
    },
)

st.subheader("What is taken for what")
SHOW = {"images": "all", "% of the true digit": "true", "% of the answer": "predicted"}
shown = st.segmented_control(
    "Show", list(SHOW), default="images", required=True, key="cells", bind="query-params", label_visibility="collapsed"
)
matrix = evaluation.confusion_matrix
worst = metrics.worst_pair(matrix)
figure = plots.confusion(matrix, metrics.confusion_shares(matrix, SHOW[shown]), percent=shown != "images")
ui.chart(
    figure, "confusion", f"Confusion matrix; the most frequent mistake is a {worst.true} read as {worst.predicted}"
)
st.caption(
    f"Each row is a digit as it was written, each column what the model said. The most frequent mistake: "
    f"{worst.count} times a {worst.true} was read as {worst.predicted}."
)

if steps := run.card.get("learning"):
    st.subheader("How it learned")
    ui.learning_curve(steps, "learning")

ui.show_depth(settings, digits, run)

st.subheader("Take it with you")
with st.container(horizontal=True):
    st.download_button("Report (CSV)", frame.to_csv(), f"{run.id}-report.csv", "text/csv", on_click="ignore")
    evaluation_file = runs.evaluation_json(evaluation)
    st.download_button("Answers (JSON)", evaluation_file, f"{run.id}.json", "application/json", on_click="ignore")
    for name in (run.model_file, "model.onnx"):
        st.download_button(name, lambda name=name: runs.verified(run, name), f"{run.id}-{name}", on_click="ignore")

with st.expander("About this run"):
    st.json({"config": run.config, "card": {k: v for k, v in run.card.items() if k != "files"}})
