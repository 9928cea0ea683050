"""Draw a digit with mouse or finger, see what the model reads and why."""

import streamlit as st
from streamlit_drawable_canvas import st_canvas

from core import api, inference, serving, ui
from core.texts import t


@st.fragment
def board() -> None:
    """Rerun alone at each stroke: the board, the answer, then the one reason that is open."""
    with st.container(horizontal=True, gap="small"):  # columns would squeeze the board, and with it the drawing
        left = st.container(width=ui.board.SIDE)
        with ui.after_paint():
            right, aside = st.container(width=330), st.container(width=150)
            with aside:
                brush = ui.board.show_brush()
    with left:
        # Cleared by another drawing under the same key: a new key would lose strokes (streamlit.md, section 1).
        st_canvas(
            stroke_width=brush,
            stroke_color="#ffffff",
            background_color="#000000",
            width=ui.board.SIDE,
            height=ui.board.SIDE,
            initial_drawing=ui.board.seed(),
            return_image_data=True,
            key=ui.board.KEY,
        )
    ui.let_paint()
    shown, hint = ui.board.take(data)
    prediction = inference.classify(session, shown.image) if shown else None
    with right:
        ui.board.show_answer(shown, prediction, hint)
        ui.show_verdict(settings, run, prediction)
        with st.container(key="say-place"):  # as high as its row, so that nothing moves when that appears
            if shown and shown.index is None:
                ui.show_feedback(settings, run, prediction, *ui.board.original())
            else:
                st.html("<div></div>")  # Streamlit leaves an empty container out
    with left:
        ui.board.show_buttons(data)
    with aside:
        ui.board.show_keys()
    # Everything below the answer waits for it. More tabs go into `ui.REASONS`.
    ui.show_reasons(ui.Asked(settings, data, run, session, shown))
    ui.notice(settings, data)


with ui.page("Draw") as (settings, data):
    ui.look_if_due(settings)
    serves = serving.choose(settings)
    run = ui.pick_run(settings, serves.run.id if serves.run else "")
    session = ui.session(run)
    ui.board.open_board(data)
    board()

st.caption(
    t(
        "In service: {why}. The answer comes from `model.onnx` of the run above. "
        "Nothing that you draw leaves this server.",
        why=serves.why,
    )
)
with st.expander(t("Ask from a program"), key="program", bind="query-params", icon=":material/code:"):
    examples = api.snippets(ui.address())
    for tab, (language, code) in zip(st.tabs(list(examples)), examples.items(), strict=True):
        tab.code(code, language="bash" if language == "curl" else language.lower())
    st.caption(
        t(
            "The answer has the digit and ten probabilities for each picture; "
            "[everything else that can be asked]({url}). "
            "It is there when the app was started by `make run` or the Procfile, not by `streamlit run`.",
            url=f"{ui.address()}/api/docs",
        )
    )
with st.expander(t("Other ways in"), key="ways", bind="query-params", icon=":material/photo_camera:"):
    ui.show_ways_in(settings, run, session)
with st.expander(t("My digits"), key="gallery", bind="query-params", icon=":material/collections_bookmark:"):
    ui.show_my_digits(settings)
