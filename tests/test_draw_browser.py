"""Drawing in a real Chromium: nothing is lost, nothing jumps, and the answer is the one to what was sent."""

import io
import re
from collections.abc import Iterator
from urllib.parse import urljoin

import numpy as np
import pytest
from PIL import Image

from core import inference, plots_explain, preprocessing, runs
from core.settings import Settings
from tests.conftest import IDLE, until
from tests.drawing import (
    FIVE,
    SEVEN,
    SIDE,
    Received,
    draw_one_with_a_finger,
    inverted_png,
    pen_strokes,
    reading_home,
    replay,
    settled,
    thinned,
)
from tests.test_browser import overflow

__all__ = ["reading_home"]
pytestmark = pytest.mark.browser
EACH = 10
# Brush, what becomes of the points (half size means the pen too, as if the board had been scaled down), and the keys
# that set the slider from the brush before.
WAYS = {
    "brush 20": (20, 1.0, 0.0, ()),
    "brush 8": (8, 1.0, 0.0, ("Home",)),
    "half size in a corner": (10, 0.5, 4.0, ("ArrowRight", "ArrowRight")),
}
# What moved on the page without the visitor's doing; https://web.dev/articles/cls calls 0.1 good.
SHIFTS = """() => {
  window.shifted = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) window.shifted += entry.value;
  }).observe({type: "layout-shift"});
}"""
INK = """() => {
  for (const host of document.querySelectorAll(".st-key-canvas, .st-key-canvas *")) {
    const canvas = host.shadowRoot?.querySelector("canvas.dc-canvas.lower-canvas");
    if (!canvas) continue;
    const pixels = canvas.getContext("2d").getImageData(0, 0, 280, 280).data;
    return pixels.filter((value, at) => at % 4 === 0 && value > 128).length;
  }
}"""

# What may be touched on the page and is less than 44 px high. Not the input of a slider, whose whole row is touched.
SMALL = """() => {
  const found = [];
  const touched = "button, summary, label:has(input[type=checkbox]), [role=tab], [role=radio], "
    + "[data-testid=stSelectbox] [role=group]";
  for (const one of document.querySelectorAll(`[data-testid=stMain] :is(${touched})`)) {
    const height = one.getBoundingClientRect().height;
    if (height && height < 44) found.push(`${one.tagName} ${one.innerText || one.ariaLabel}: ${height}`);
  }
  return found;
}"""


@pytest.fixture
def place(reading_home, tiny_npz, tmp_path) -> Settings:
    return Settings(home=reading_home, mnist=tiny_npz, keras_home=tmp_path, memory_mb=4096)


@pytest.fixture
def draw_page(serve, visit, place):
    """Open Draw for the run of a family: `draw_page(family, query, width) -> (page, run, what it sends)`."""
    url = serve(place)

    def open_page(family: str, query: str = "", **look):
        run = next(run for run in runs.list_runs(place) if run.family == family)
        page = visit(f"{url}/Runs", **look)
        received = Received(page)  # it must be there before the socket is
        page.goto(f"{url}/Draw?run={run.id}{query}")
        settled(page)
        return page, run, received

    return open_page


def answer(page) -> str:
    return page.locator(".dl-answer b").inner_text()


def shows(page, run, received, strokes: int) -> None:
    """Wait until the server was sent so many strokes and the page shows what the run says of that very picture."""
    until(lambda: received.strokes == strokes, what=f"{strokes} strokes, not {received.strokes}", seconds=20)
    if not strokes:
        page.wait_for_selector(".dl-none")
        return
    image = preprocessing.from_rgba(received.pixels)
    answers_to(page, image)
    page.wait_for_selector(IDLE)
    assert answer(page) == str(inference.classify(inference.open_session(run), image).label)


def answers_to(page, image: np.ndarray) -> None:
    """Wait for the answer to this picture, (28, 28) uint8: it stands beside it."""
    source = re.search('src="(.*)"', plots_explain.picture(image, ""))[1]
    page.locator(f'.dl-seen img[src="{source}"]').wait_for(state="attached")


def test_forty_pens_are_read_as_they_were_sent(draw_page, pens):
    chosen = np.random.default_rng(0).permutation(len(pens["labels"]))[: EACH * (len(WAYS) + 1)].reshape(-1, EACH)
    page, run, received = draw_page("hog_svm")
    session = inference.open_session(run)
    stored = {i: inference.classify(session, preprocessing.normalise(pens["images"][i])).label for i in chosen.flat}
    same = 0
    for (brush, scale, offset, keys), numbers in zip(WAYS.values(), chosen[:-1], strict=True):
        for key in keys:
            page.get_by_role("slider", name="Brush").press(key)
        if keys:
            page.wait_for_url(re.compile(f"brush={brush}"))
        page.wait_for_selector(IDLE)
        for number in numbers:
            strokes = [thinned(stroke) * scale + offset for stroke in pen_strokes(pens, number)]
            replay(page, strokes, a_point_a_frame=True)
            shows(page, run, received, len(strokes))
            assert {one["strokeWidth"] for one in received.drawings[-1]["raw"]["objects"]} == {brush}
            same += answer(page) == str(stored[number])
            page.keyboard.press("c")
            until(lambda: received.strokes == 0, what="an empty board")  # the page may still be at it: draw on
    same += sum(read == stored[number] for number, read in uploaded(page, session, pens, chosen[-1]))
    assert same >= 0.95 * chosen.size  # 38 of 40


def uploaded(page, session, pens, numbers) -> Iterator[tuple[int, int]]:
    """Upload pens as black ink on white paper, in turn; yields each with the page's answer, proven for what arrived."""
    page.get_by_text("Other ways in").click()
    for number in numbers:
        file = {"name": f"pen {number}.png", "mimeType": "image/png", "buffer": inverted_png(pens, number)}
        page.locator(".st-key-picture input[type=file]").set_input_files(file)
        page.get_by_test_id("stImageCaption").filter(has_text=file["name"]).wait_for()
        page.wait_for_selector(IDLE)
        shown = page.get_by_role("img", name="The picture as the model receives it").get_attribute("src")
        large = Image.open(io.BytesIO(page.request.get(urljoin(page.url, shown)).body())).convert("L")
        received = 255 - np.asarray(large.resize((28, 28), Image.Resampling.NEAREST))
        read = int(page.locator(".dl-answer b").last.inner_text())
        assert read == inference.classify(session, received).label
        yield number, read


def test_no_stroke_is_lost_and_nothing_jumps(draw_page):
    page, run, received = draw_page("decision_tree")
    replay(page, FIVE)
    shows(page, run, received, 1)
    page.evaluate(SHIFTS)
    for _ in range(4):
        page.get_by_role("button", name="Clear", exact=True).click()
        replay(page, SEVEN)  # at once: before the server can know of the click
        shows(page, run, received, 2)
    page.keyboard.press("z")
    shows(page, run, received, 1)
    page.get_by_role("button", name="Undo", exact=True).click()
    shows(page, run, received, 0)
    replay(page, SEVEN)
    page.keyboard.press("Control+z")  # before the canvas has sent the second stroke
    shows(page, run, received, 1)
    assert page.evaluate("window.shifted") < 0.02
    assert (
        page.get_by_role("status")
        .filter(has_text="The answer")
        .inner_text()
        .startswith(f"The answer is {answer(page)}")
    )
    assert page.get_by_role("img", name=re.compile("Drawing board")).count() == 1

    page.get_by_role("slider", name="Brush").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_url(re.compile("brush=21"))
    replay(page, [[(60, 200), (200, 210)]])
    shows(page, run, received, 2)


def away_and_back(page) -> None:
    page.get_by_role("link", name="Home").click()
    page.wait_for_selector("canvas.upper-canvas", state="detached")
    page.wait_for_selector(IDLE)
    page.get_by_role("link", name="Draw").first.click()
    settled(page)
    page.wait_for_selector(".dl-answer:not(.dl-none)")


def test_a_drawing_survives_another_page(draw_page):
    page, run, received = draw_page("hog_svm")  # the newest, to which the link without a run leads
    replay(page, FIVE)
    until(lambda: received.strokes == 1, what="the stroke")
    page.wait_for_selector(".dl-answer:not(.dl-none)")
    picture, ink = page.locator(".dl-seen img").get_attribute("src"), page.evaluate(INK)
    away_and_back(page)
    assert page.locator(".dl-seen img").get_attribute("src") == picture
    until(lambda: page.evaluate(INK) == ink, what="the same ink on the board")

    replay(page, [[(30, 20), (60, 20)]])
    page.keyboard.press("z")  # before the canvas has sent the new stroke
    until(lambda: page.evaluate(INK) == ink, what="the old stroke alone")
    replay(page, [[(30, 20), (60, 20)]])
    shows(page, run, received, 1)
    away_and_back(page)
    for left in (ink, 0):  # what was drawn in two visits is undone stroke by stroke
        page.keyboard.press("z")
        until(lambda left=left: page.evaluate(INK) == left, what=f"{left} pixels of ink")
    page.wait_for_selector(".dl-none")


def test_no_stroke_is_lost_right_after_what_was_there_before_is_cleared(draw_page):
    page, run, received = draw_page("hog_svm")  # the newest, to which the link without a run leads
    replay(page, SEVEN)
    shows(page, run, received, 2)
    alone = received.pixels
    for number in range(6):
        if number < 4:
            away_and_back(page)
        else:
            ink = page.evaluate(INK)
            page.keyboard.press("n")
            page.get_by_text(re.compile(r"Test image \d")).wait_for()
            until(lambda ink=ink: page.evaluate(INK) != ink, what="the image on the board")
        if number % 2:
            page.keyboard.press("c")
        else:
            page.get_by_role("button", name="Clear", exact=True).click()
        replay(page, SEVEN)
        shows(page, run, received, 2)
        assert (received.pixels == alone).all(), number  # both strokes from their beginnings, and nothing else


def test_a_test_image_on_the_board(draw_page, tiny_npz):
    with np.load(tiny_npz) as arrays:
        images, labels = arrays["x_test"], arrays["y_test"]
    page, run, _ = draw_page("decision_tree", "&image=5&why=Why")
    session = inference.open_session(run)
    page.get_by_text(f"Test image 5, a {labels[5]}.").wait_for()
    assert answer(page) == str(inference.classify(session, images[5]).label)  # as it is, not drawn anew
    page.get_by_text("The fewest changes").wait_for()
    page.keyboard.press("n")
    page.wait_for_url(lambda url: "image=5&" not in url and "image=" in url)
    number = int(re.search(r"image=(\d+)", page.url)[1])
    page.get_by_text(f"Test image {number}, a {labels[number]}.").wait_for()
    assert answer(page) == str(inference.classify(session, images[number]).label)
    replay(page, SEVEN)
    page.wait_for_url(lambda url: "image=" not in url)
    page.get_by_text(re.compile("Test image")).wait_for(state="detached")
    page.keyboard.press("c")
    page.wait_for_selector(".dl-none")
    page.get_by_text("Draw a digit first").wait_for()


@pytest.mark.parametrize("width", [360, 390])
def test_with_one_thumb(draw_page, width):
    page, _, _ = draw_page("decision_tree", "&why=Why", width=width, touch=True)
    box = page.locator("canvas.upper-canvas").bounding_box()
    assert (box["width"], box["height"]) == (SIDE, SIDE)
    draw_one_with_a_finger(page)
    page.get_by_text("The leaf").wait_for()
    shown = page.locator(".dl-answer").bounding_box()
    assert box["y"] + SIDE < shown["y"]
    assert shown["y"] + shown["height"] < 844  # seen without scrolling
    for name in ("Clear", "Undo", "Digit"):
        button = page.get_by_role("button", name=name, exact=True).bounding_box()
        assert button["height"] >= 44, name
    assert overflow(page) <= 0
    page.get_by_text("Other ways in").tap()
    page.get_by_text("A whole number").wait_for()
    page.wait_for_selector(IDLE)
    until(lambda: page.evaluate(SMALL) == [], what=f"44 pixels for {page.evaluate(SMALL)}", seconds=10)  # it unfolds
    page.get_by_role("button", name="Clear", exact=True).tap()
    page.wait_for_selector(".dl-none")
