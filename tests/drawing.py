"""What the tests of the Draw page share: pen strokes, a mouse that replays them, and what the server was sent."""

import base64
import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.proto.BackMsg_pb2 import BackMsg

from core import jobs, pipeline
from core.settings import Settings
from tests.conftest import IDLE, shared

SIDE = 280
FIVE = [[(196, 62), (120, 60), (112, 130), (150, 118), (188, 136), (196, 180), (172, 220), (130, 228), (96, 212)]]
SEVEN = [[(70, 70), (205, 70), (120, 230)], [(90, 150), (190, 150)]]


@pytest.fixture(scope="session")
def reading_home(tmp_path_factory, trained_home, tiny_npz) -> Path:
    """A home with the default tree and, newer, a support vector machine on strokes, on the tiny data; read only."""

    def make(home: Path) -> None:
        shutil.copytree(trained_home, home)
        settings = Settings(home=home, mnist=tiny_npz)
        config = pipeline.make_config("hog_svm", {})
        pipeline.train(settings, jobs.new_id("hog_svm"), config, lambda stage, **fields: None)

    return shared(tmp_path_factory, "reading-home", make)


def pen_strokes(pens: dict[str, np.ndarray], number: int) -> list[np.ndarray]:
    """Return one pen digit's strokes, each (n, 2) in pixels of the board."""
    first, last = pens["sample_start"][number : number + 2]
    bounds = [*pens["stroke_start"], len(pens["points"])]
    return [pens["points"][bounds[i] : bounds[i + 1]] for i in range(first, last)]


def thinned(stroke: np.ndarray, step: int = 3) -> np.ndarray:
    """Return every third point of a stroke and its last: the browser takes one move of the mouse a frame."""
    return np.concatenate([stroke[:-1:step], stroke[-1:]])


def inverted_png(pens: dict[str, np.ndarray], number: int) -> bytes:
    """Return one pen digit as a PNG file, black ink on white paper."""
    body = io.BytesIO()
    Image.fromarray(255 - pens["images"][number]).save(body, "PNG")
    return body.getvalue()


def replay(page: Any, strokes: list[Any], a_point_a_frame: bool = False) -> None:
    """Draw strokes with the mouse as fast as it goes; or, as a hand does, so that the browser takes every point."""
    box = page.locator("canvas.upper-canvas").last.bounding_box()
    for stroke in strokes:
        points = [(box["x"] + float(x), box["y"] + float(y)) for x, y in stroke]
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point)
            if a_point_a_frame:
                page.evaluate("() => new Promise(requestAnimationFrame)")
        page.mouse.up()


def draw_one_with_a_finger(page: Any) -> None:
    """Draw a one by touch."""
    box = page.locator("canvas.upper-canvas").bounding_box()
    session = page.context.new_cdp_session(page)
    for kind, y in [("touchStart", 40), *(("touchMove", y) for y in range(60, 241, 20)), ("touchEnd", 0)]:
        points = [] if kind == "touchEnd" else [{"x": box["x"] + 140, "y": box["y"] + y}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    page.wait_for_selector(".dl-answer:not(.dl-none)")


def settled(page: Any) -> None:
    """Wait until the board is there and the script has come to its end."""
    page.wait_for_selector("canvas.upper-canvas")
    page.wait_for_selector(IDLE)


class Received:
    """Reads along what a page's browser sends to the server: the pictures of the canvas, decoded."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.drawings: list[dict[str, Any]] = []
        page.on("websocket", lambda socket: socket.on("framesent", self._read))

    def _read(self, frame: bytes | str) -> None:
        message = BackMsg()
        if isinstance(frame, str) or not message.ParseFromString(frame):
            return
        for widget in message.rerun_script.widget_states.widgets:
            if widget.id.endswith("-canvas") and widget.json_value:
                self.drawings.append(json.loads(widget.json_value)["drawing"])

    @property
    def strokes(self) -> int:
        """How many strokes the last message had."""
        self.page.evaluate("0")  # Playwright hands over what it has heard only while it is asked for something
        return len(self.drawings[-1]["raw"]["objects"]) if self.drawings else 0

    @property
    def pixels(self) -> np.ndarray:
        """The last picture, (280, 280, 4) uint8."""
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(self.drawings[-1]["data"].split(",", 1)[1]))))
