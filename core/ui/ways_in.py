"""Other ways in than the board: a picture, the camera, a test image; one digit, or a whole number."""

import base64
import hashlib
import io
from dataclasses import dataclass
from html import escape

import numpy as np
import onnxruntime
import streamlit as st
from PIL import Image

from core import dataset, inference, plots, preprocessing, runs, segment, texts, uploads
from core.errors import ImageError
from core.settings import Settings
from core.texts import later, t
from core.ui import door, frame, linked, saying

TAKEN = "taken_picture"
KINDS = ["png", "jpg", "jpeg", "webp", "gif", "bmp", "tif", "tiff"]
UPLOAD, CAMERA, TEST = later("A picture"), later("The camera"), later("A test image")
_SHOWN = 360  # pixels of the picture's longer side on the page, and of the copy that is kept
_STYLE = """<style>
.dl-page {position:relative; display:inline-block; line-height:0; max-width:100%}
.dl-page img {max-width:100%; height:auto; border-radius:4px}
.dl-page i {position:absolute; border:2px solid var(--dl-accent); border-radius:3px; box-shadow:0 0 0 1px #fff}
.dl-page i.dl-touch {border-style:dashed; border-color:var(--dl-mark)}
.dl-strip {display:flex; flex-wrap:wrap; gap:.6rem; margin-top:.4rem}
.dl-strip figure {margin:0; text-align:center; width:72px}
.dl-strip img {width:72px; height:72px; image-rendering:pixelated; border:1px solid rgba(128,138,152,.4)}
.dl-strip b {font-size:1.3rem}
.dl-strip span {display:block; font-size:.85rem; opacity:.85}
</style>"""


@dataclass(frozen=True, slots=True, eq=False)
class Taken:
    """A picture that came in: what is shown of it, and its ink; or why it cannot be read."""

    name: str
    source: str
    picture: bytes = b""
    strokes: np.ndarray | None = None
    image: np.ndarray | None = None
    truth: int | None = None
    why: str = ""
    note: str = ""


@st.fragment
def show_ways_in(settings: Settings, run: runs.Run, session: onnxruntime.InferenceSession) -> None:
    """Let the visitor bring a picture, and show what the model reads in it."""
    uploads.expect(door.session())
    with st.container(horizontal=True, vertical_alignment="bottom"):
        choice = (st.segmented_control, t("From"), [UPLOAD, CAMERA, TEST], UPLOAD, "way-in")
        way = linked.choose(*choice, required=True)
        several = st.toggle(
            t("A whole number"),
            key="several",
            bind="query-params",
            disabled=way == TEST,
            help=t("Several digits in one line, read from left to right."),
        )
    {UPLOAD: _take_upload, CAMERA: _take_camera, TEST: lambda: _take_test(settings)}[way]()
    taken = st.session_state.get(TAKEN)
    if taken is None or taken.source != _SOURCES[way]:
        return
    if taken.note:
        st.caption(f":material/info: {taken.note}")
    if taken.why:
        st.error(taken.why, icon=":material/error:")
    elif several and taken.strokes is not None:
        _show_number(settings, run, session, taken, taken.strokes)
    else:
        _show_digit(settings, run, session, taken)


_SOURCES = {UPLOAD: "picture", CAMERA: "camera", TEST: "test image"}


def read(name: str, data: bytes, source: str = "picture") -> Taken:
    """Read a picture's bytes; whatever is wrong with them stands in `why`, as one sentence.

    Parameters
    ----------
    name : str
        Only shown, without any folder in it.
    """
    name = name.replace("\\", "/").rpartition("/")[2][:80]
    if len(data) > uploads.MAX_BYTES:
        return Taken(name, source, why=t(uploads.TOO_LARGE, size=len(data) / 2**20, most=uploads.MAX_BYTES >> 20))
    if not data:
        return Taken(name, source, why=t("The file is empty. Save the picture again, then upload it once more."))
    try:
        image = preprocessing.open_image(data)
        shown, strokes = _small_png(image), preprocessing.strokes(image)
        note = t("The file has several pictures; the first one is read.") if preprocessing.is_animated(data) else ""
        return Taken(name, source, shown, strokes, note=note)
    except ImageError as error:
        return Taken(name, source, why=str(error))


def _small_png(image: Image.Image) -> bytes:
    small = image if image.mode in ("L", "RGB", "RGBA") else image.convert("RGBA" if "A" in image.mode else "RGB")
    small = small.copy()
    small.thumbnail((_SHOWN, _SHOWN))
    body = io.BytesIO()
    small.save(body, "PNG")
    return body.getvalue()


def _take_upload() -> None:
    given = st.file_uploader(
        t("A digit or a number, drawn or photographed"),
        type=KINDS,
        key="picture",
        on_change=_dropped,
        max_upload_size=uploads.MAX_BYTES >> 20,
        help=t("PNG, JPEG, WebP, GIF (its first picture), BMP or TIFF. It is read and forgotten, unless you keep it."),
    )
    _take(given.name if given else "", given.getvalue() if given else None, "picture")


def _dropped() -> None:
    if st.session_state.get("picture") is None:
        st.session_state.pop(TAKEN, None)


def _take_camera() -> None:
    if not st.toggle(t("Switch the camera on"), key="camera-on"):
        st.caption(
            t("Dark pen on light paper, one line, close enough to fill the picture. Nothing is kept unless you say.")
        )
        return
    given = st.camera_input(t("Hold the paper still"), key="camera")
    _take(t("photo"), given.getvalue() if given else None, "camera")


def _take(name: str, data: bytes | None, source: str) -> None:
    taken: Taken | None = st.session_state.get(TAKEN)
    if data is None:  # a full server drops older pictures; what was read of one stays until the visitor removes it
        return
    mark = hashlib.sha256(data).hexdigest(), texts.language()  # what is wrong with it is said in words
    if taken is None or st.session_state.get("taken_mark") != (mark, source):
        st.session_state[TAKEN], st.session_state["taken_mark"] = read(name, data, source), (mark, source)


def _take_test(settings: Settings) -> None:
    if st.button(t("Another test image"), key="another", icon=":material/casino:") or (
        getattr(st.session_state.get(TAKEN), "source", "") != "test image"
    ):
        found = dataset.load(settings)
        index = int(np.random.default_rng().integers(len(found.y_test)))
        image, truth = np.array(found.x_test[index]), int(found.y_test[index])
        st.session_state[TAKEN] = Taken(str(index), "test image", image=image, truth=truth)
        st.session_state["taken_mark"] = None


def _show_digit(settings: Settings, run: runs.Run, session: onnxruntime.InferenceSession, taken: Taken) -> None:
    try:
        image = preprocessing.normalise(taken.strokes) if taken.strokes is not None else taken.image
    except ImageError as error:
        st.error(str(error), icon=":material/error:")
        return
    if image is None:
        return
    prediction = inference.classify(session, image)
    with st.container(horizontal=True, gap="medium"):
        with st.container(width=300):
            st.html(plots.answer(prediction.proba, "") + plots.probability_bars(prediction.proba))
            if taken.truth is not None:
                st.caption(t("Test image {index}, a {truth}.", index=taken.name, truth=taken.truth))
            else:
                saying.show_feedback(settings, run, prediction, taken.picture, None, taken.source, "say-picture")
        if taken.picture:
            with st.container(width=200):
                st.image(taken.picture, caption=frame.plain(taken.name), width=180, alt=t("The picture as it came"))
        with st.container(width=150):
            frame.digit(image, t("What the model receives"), t("The picture as the model receives it"))


def _show_number(
    settings: Settings, run: runs.Run, session: onnxruntime.InferenceSession, taken: Taken, strokes: np.ndarray
) -> None:
    try:
        pieces = segment.settle(segment.digits(strokes), lambda images: inference.predict_proba(session, images))
    except ImageError as error:
        st.error(str(error), icon=":material/error:")
        return
    proba = inference.predict_proba(session, np.stack([piece.image for piece in pieces]))
    number, sure = "".join(map(str, proba.argmax(axis=1))), proba.max(axis=1)
    words = t("{percent} sure of all {n}", percent=plots.percent(float(sure.prod())), n=len(pieces))
    st.html(f'<div class="dl-answer" role="status"><b>{number}</b><span>{words}</span></div>')
    st.html(_STYLE + boxed(taken.picture, pieces) + strip(pieces, proba))
    if any(piece.touching for piece in pieces):
        st.caption(
            ":material/warning: "
            + t("Two digits may touch: the dashed boxes were cut apart where the ink is thinnest.")
        )
    labels = [f"{i + 1}: {int(p.argmax())}" for i, p in enumerate(proba)]
    chosen = st.pills(t("Say of one digit whether it is right"), labels, key="number-piece")
    if chosen:
        at = labels.index(chosen)
        one = inference.Prediction(pieces[at].image, proba[at], 0.0)
        saying.show_feedback(settings, run, one, None, None, "number", "say-number")


def boxed(picture: bytes, pieces: list[segment.Piece]) -> str:
    """Return a picture as HTML with a box around each digit; dashed where two may touch."""
    boxes = []
    for piece in pieces:
        top, left, bottom, right = (100 * side for side in piece.box)
        kind = ' class="dl-touch"' if piece.touching else ""
        place = f"top:{top:.2f}%; left:{left:.2f}%; height:{bottom - top:.2f}%; width:{right - left:.2f}%"
        boxes.append(f'<i{kind} style="{place}"></i>')
    data = base64.b64encode(picture).decode()
    alt = t("The picture, with {n} digits found in it", n=len(pieces))
    return f'<div class="dl-page"><img src="data:image/png;base64,{data}" alt="{alt}">{"".join(boxes)}</div>'


def strip(pieces: list[segment.Piece], proba: np.ndarray) -> str:
    """Return each digit as the model received it, its answer and confidence below, as HTML."""
    figures = []
    for piece, row in zip(pieces, proba, strict=True):
        body = io.BytesIO()
        Image.fromarray(255 - piece.image).save(body, "PNG")
        data, digit = base64.b64encode(body.getvalue()).decode(), int(row.argmax())
        said = escape(plots.percent(float(row.max())))
        note = f"<span>{t('may touch')}</span>" if piece.touching else ""
        alt = t("28 x 28 pixels, read as {digit}", digit=digit)
        figures.append(
            f'<figure><img src="data:image/png;base64,{data}" alt="{alt}">'
            f"<figcaption><b>{digit}</b><span>{said}</span>{note}</figcaption></figure>"
        )
    return f'<div class="dl-strip">{"".join(figures)}</div>'
