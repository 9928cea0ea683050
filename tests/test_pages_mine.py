"""Other ways in, and a say in the answer, on the Draw page and in the side bar of Train."""

import io

import numpy as np
import pytest
from PIL import Image

from core import access, mydigits, preprocessing, runs, segment
from core.ui import saying, ways_in
from tests import pages_of_paper
from tests.test_pages import check, open_page, texts

DRAW, TRAIN = "pages/3_Draw.py", "pages/1_Train.py"


def png(ink: np.ndarray) -> bytes:
    body = io.BytesIO()
    Image.fromarray((255 - 255 * ink).clip(0, 255).astype(np.uint8)).save(body, "PNG")
    return body.getvalue()


def html(page) -> str:
    return "\n".join(element.proto.body for element in page.get("html"))


@pytest.fixture
def number(sample) -> tuple[bytes, np.ndarray]:
    """A number of three digits in one picture, and the images in it."""
    images = sample.x_test[:3]
    return png(pages_of_paper.number(images, gap=14)), images


def upload(page, data, name="mine.png"):
    page.file_uploader(key="picture").set_value((name, data, "image/png"))
    return check(page.run())


def test_a_picture_is_read_and_its_answer_kept(trained, sample):
    page = upload(open_page(DRAW), png(pages_of_paper.number(sample.x_test[:1], gap=0)), "C:\\Users\\me\\seven.png")
    assert not page.error
    assert "dl-answer" in html(page)
    page.pills(key="say-picture-is").select(7).run()
    assert "Kept as a **7**, 1 in My digits" in texts(page)
    (drawing,) = mydigits.list_drawings(trained)
    assert (drawing.label, drawing.source, drawing.run) == (7, "picture", runs.list_runs(trained)[0].id)
    assert drawing.has_png
    page.button(key="say-picture-undo").click().run()
    assert mydigits.count(trained) == 0
    answer = page.button(key="say-picture-right").click().run()
    assert mydigits.list_drawings(trained)[0].label == drawing.answer
    check(answer)


def test_a_bad_picture_is_said_in_one_sentence(trained):
    page = upload(open_page(DRAW), b"<svg/>")
    assert [e.value for e in page.error] == [
        "These 6 bytes are not a picture that can be read. Use a PNG or JPEG file."
    ]
    assert not page.exception


def test_a_whole_number_is_read_digit_by_digit(trained, number):
    data, images = number
    page = open_page(DRAW)
    page.toggle(key="several").set_value(True)
    page = upload(page, data)
    pieces = segment.digits(preprocessing.strokes(preprocessing.open_image(data)))
    assert len(pieces) == 3
    body = html(page)
    assert body.count("<figure>") == 3
    assert body.count("<i style") == 3
    chosen = page.pills(key="number-piece")
    chosen.select(chosen.options[1].content if hasattr(chosen.options[1], "content") else chosen.options[1]).run()
    page.button(key="say-number-right").click().run()
    (drawing,) = mydigits.list_drawings(trained)
    assert drawing.source == "number"
    assert np.abs(drawing.image.astype(int) - images[1]).mean() < 40


def test_a_test_image_is_shown_with_what_it_is(trained):
    page = open_page(DRAW)
    page.segmented_control(key="way-in").set_value(ways_in.TEST).run()
    assert "Test image" in texts(check(page))
    assert "say-picture-right" not in [b.key for b in page.button]


def test_the_camera_is_off_until_it_is_asked_for(trained):
    page = open_page(DRAW)
    page.segmented_control(key="way-in").set_value(ways_in.CAMERA).run()
    assert not page.get("camera_input")
    check(page.toggle(key="camera-on").set_value(True).run())
    assert page.get("camera_input")


def test_gallery_scores_delete_undo_and_training(trained, sample, started):
    for i in range(30):
        mydigits.save(trained, sample.x_test[i], int(sample.y_test[i]), answer=1, confidence=0.5)
    page = check(open_page(DRAW))
    assert len([b for b in page.button if str(b.key).startswith("delete-")]) == 24
    table = next(frame.value for frame in page.dataframe if "95 % interval" in frame.value)
    (run,) = runs.list_runs(trained)
    right = (runs.load_evaluation(run).y_pred[:30] == sample.y_test[:30]).sum()
    assert table["drawings"][0] == f"{right} of 30"
    first = mydigits.list_drawings(trained)[0]
    page.button(key=f"delete-{first.id}").click().run()
    assert mydigits.count(trained) == 29
    check(page.button(key="put-back").click().run())
    assert mydigits.count(trained) == 30
    page.number_input(key="mine-page").set_value(2).run()
    assert len([b for b in check(page).button if str(b.key).startswith("delete-")]) == 6

    train = check(open_page(TRAIN, my_digits="true"))
    train.button(key="train").click().run()
    (job,) = [job for job in started if "decision_tree" in job]
    from core import jobs

    config = jobs.load_job(trained, job).config
    assert config["my_digits"]["count"] == 30
    assert mydigits.set_file(trained, config["my_digits"]["sha256"]).exists()


def test_an_exported_file_comes_in_again(trained, sample):
    mydigits.save(trained, sample.x_test[0], 7, author="Ana")
    body = mydigits.export_json(trained)
    page = open_page(DRAW)
    page.file_uploader(key="mine-import-0").set_value(("a.json", body, "application/octet-stream"))
    check(page.run())
    assert page.success[0].value == "0 drawings taken in, 1 were here already."
    page.file_uploader(key="mine-import-1").set_value(("b.npz", b"nonsense", "application/octet-stream"))
    assert "not an .npz file" in check(page.run()).error[0].value


def test_a_visitor_of_a_closed_server_keeps_nothing(trained, sample, monkeypatch):
    monkeypatch.setattr(access, "_holder", "")
    monkeypatch.setenv("DIGITLAB_PASSWORD", "open sesame")
    page = upload(open_page(DRAW), png(pages_of_paper.number(sample.x_test[:1], gap=0)))
    assert "dl-answer" in html(page)
    assert "say-picture-right" not in [b.key for b in page.button]
    assert "Keeping drawings is closed to visitors." in texts(page)
    assert "my_digits" not in [t.key for t in open_page(TRAIN).toggle]
    assert mydigits.count(trained) == 0


def test_in_a_class_a_name_comes_first_and_others_are_not_seen(trained, sample, monkeypatch):
    monkeypatch.setattr(access, "_holder", "")
    monkeypatch.setenv("DIGITLAB_PASSWORD", "open sesame")
    monkeypatch.setenv("DIGITLAB_ACCESS", "class")
    mydigits.save(trained, sample.x_test[5], 1, author="Ben")
    page = upload(open_page(DRAW), png(pages_of_paper.number(sample.x_test[:1], gap=0)))
    assert "say-picture-right" not in [b.key for b in page.button]
    page.text_input(key="author-say-picture").set_value("Ana").run()
    check(page.pills(key="say-picture-is").select(7).run())
    assert {d.author: d.label for d in mydigits.list_drawings(trained)} == {"Ben": 1, "Ana": 7}
    deletes = [b.key for b in page.run().button if str(b.key).startswith("delete-")]
    (mine,) = mydigits.list_drawings(trained, "Ana")
    assert deletes == [f"delete-{mine.id}"]


def test_a_failed_write_is_said_and_the_drawing_stays(trained, sample):
    page = upload(open_page(DRAW), png(pages_of_paper.number(sample.x_test[:1], gap=0)))
    (trained.home / "mydigits.sqlite").write_bytes(b"no database" * 100)
    page.button(key="say-picture-right").click().run()
    assert "My digits cannot be saved" in page.error[0].value
    assert "dl-answer" in html(page)
    assert saying.KEPT not in page.session_state
