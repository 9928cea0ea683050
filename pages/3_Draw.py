"""Draw a digit with mouse or finger and see what the model reads."""

import streamlit as st
from streamlit_drawable_canvas import st_canvas

from core import api, digits, inference, plots, preprocessing, serving, ui
from core.errors import ImageError

settings, _ = ui.page("Draw")
ui.look_if_due(settings)
serves = serving.choose(settings)
run = ui.pick_run(settings, serves.run.id if serves.run else "")
session = ui.session(run)
st.session_state.setdefault("clears", 0)
BRUSH = 20


@st.fragment
def board() -> None:
    """Rerun alone at each stroke: canvas and brush on the left, the answer on the right."""
    with st.container(horizontal=True, gap="small"):  # columns would squeeze the board, and with it the drawing
        left, middle, right = st.container(width=280), st.container(width=250), st.container(width=140)
    with left:
        st.caption("Your digit")  # and room for the canvas's own tools, which float above it
        # Cleared by another drawing under the same key: a new key would lose strokes (streamlit.md, section 1).
        drawing = st_canvas(
            stroke_width=st.session_state.get("brush", BRUSH),
            stroke_color="#ffffff",
            background_color="#000000",
            width=280,
            height=280,
            initial_drawing={"objects": [], "nonce": st.session_state.clears},
            return_image_data=True,
            key="canvas",
        )
        with st.container(horizontal=True, vertical_alignment="bottom", width=280):
            st.button(
                "Clear", key="clear", icon=":material/delete:", on_click=ui.count_up, args=("clears", "just_cleared")
            )
            st.slider(
                "Brush", 8, 40, BRUSH, key="brush", bind="query-params", help="The pen's width, in pixels of 280."
            )
    # The first rerun after Clear still carries the old strokes.
    has_ink = bool((drawing.json_data or {}).get("objects")) and not st.session_state.pop("just_cleared", False)
    prediction, hint = None, "Draw a digit from 0 to 9"
    if has_ink:
        try:
            prediction = inference.classify(session, preprocessing.from_rgba(drawing.image_data))
        except ImageError as error:
            hint = str(error)
    proba = prediction.proba if prediction else None
    with middle:
        st.html(plots.answer(proba, hint) + plots.probability_bars(proba))
    with right:
        received = prediction.image if prediction else digits.blank()
        ui.digit(received, "What the model receives: 28 x 28 pixels", "The drawing as the model receives it")


board()
st.caption(
    f"In service: {serves.why}. The answer comes from `model.onnx` of the run above. "
    "Nothing that you draw leaves this server."
)
with st.expander("Ask from a program", icon=":material/code:"):
    examples = api.snippets(ui.address())
    for tab, (language, code) in zip(st.tabs(list(examples)), examples.items(), strict=True):
        tab.code(code, language="bash" if language == "curl" else language.lower())
    st.caption(
        "The answer has the digit and ten probabilities for each picture; "
        f"[everything else that can be asked]({ui.address()}/api/docs). "
        "It is there when the app was started by `make run` or the Procfile, not by `streamlit run`."
    )
with st.expander("Other ways in", icon=":material/photo_camera:"):
    ui.show_ways_in(settings, run, session)
with st.expander("My digits", icon=":material/collections_bookmark:"):
    ui.show_my_digits(settings)
