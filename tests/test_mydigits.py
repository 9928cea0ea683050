"""My digits: kept safely under many writers, given out and taken in again, scored once, learned from as a fixed set."""

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core import mydigits, runs
from core.errors import DataError, DrawingError
from core.mydigits import store

ROOT = Path(__file__).resolve().parents[1]


def image(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (28, 28), np.uint8)


def test_a_drawing_comes_back_as_it_was(settings):
    strokes = {"objects": [{"type": "path"}]}
    given = {"author": "Ana", "answer": 4, "confidence": 0.5, "run": "r", "source": "board"}
    kept = mydigits.save(settings, image(0), 9, **given, strokes=strokes, png=b"png", at=12.0)
    (drawing,) = mydigits.list_drawings(settings)
    assert (drawing.image == image(0)).all()
    assert (drawing.id, drawing.label, drawing.at) == (kept, 9, 12.0)
    assert {name: getattr(drawing, name) for name in given} == given
    assert (drawing.has_strokes, drawing.has_png) == (True, True)


def test_saying_again_mends_the_label_and_adds_nothing(settings):
    first = mydigits.save(settings, image(0), 9)
    assert mydigits.save(settings, image(0), 4) == first
    assert [d.label for d in mydigits.list_drawings(settings)] == [4]
    mydigits.save(settings, image(0), 4, author="Ana")
    assert mydigits.authors(settings) == {"": 1, "Ana": 1}


def test_what_is_too_large_is_left_out_but_the_drawing_kept(settings):
    strokes = {"objects": ["x" * store.MAX_STROKES_BYTES]}
    mydigits.save(settings, image(0), 1, png=b"x" * (mydigits.MAX_PNG_BYTES + 1), strokes=strokes)
    (drawing,) = mydigits.list_drawings(settings)
    assert (drawing.has_png, drawing.has_strokes) == (False, False)


@pytest.mark.parametrize("label", [-1, 10])
def test_a_label_is_a_digit(settings, label):
    with pytest.raises(DrawingError, match="a digit is 0 to 9"):
        mydigits.save(settings, image(0), label)


def test_delete_and_undo(settings, monkeypatch):
    ids = [mydigits.save(settings, image(i), i, author="Ana", at=float(i)) for i in range(3)]
    assert mydigits.delete(settings, ids[:1], author="Ben") == 0
    assert mydigits.delete(settings, ids[:2], author="Ana") == 2
    assert [d.label for d in mydigits.list_drawings(settings)] == [2]
    assert mydigits.restore(settings, ids[:1]) == 1
    assert mydigits.count(settings) == 2
    assert [d.label for d in mydigits.list_drawings(settings, "Ana", start=1, most=1)] == [0]
    monkeypatch.setattr(store, "UNDO_SECONDS", -1.0)
    mydigits.save(settings, image(9), 9)  # writing tidies up
    assert mydigits.restore(settings, ids) == 0


def test_a_full_file_refuses_with_the_number(settings, monkeypatch):
    monkeypatch.setattr(store, "MOST", 1)
    mydigits.save(settings, image(0), 0)
    with pytest.raises(DrawingError, match="1 drawings are kept, the most"):
        mydigits.save(settings, image(1), 1)


def test_a_damaged_file_is_said_and_left_alone(settings):
    store.path(settings).parent.mkdir(parents=True)
    store.path(settings).write_bytes(b"this is no database" * 100)
    with pytest.raises(DrawingError, match=r"cannot be saved .*not a database"):
        mydigits.save(settings, image(0), 0)
    assert store.path(settings).read_bytes().startswith(b"this is no database")


def test_a_place_that_cannot_be_written_is_said(settings):
    settings.home.write_text("a file where the folder should be")
    with pytest.raises(DrawingError, match="cannot be saved"):
        mydigits.save(settings, image(0), 0)


def test_many_processes_write_at_once_and_nothing_is_lost(settings):
    """Each begins when the file is not there yet, so that making it is raced for too."""
    code = """
import sys, numpy as np
from pathlib import Path
from core import mydigits
from core.settings import Settings
settings, me = Settings(home=Path(sys.argv[1])), int(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
for i in range(20):
    image = np.random.default_rng(1000 * me + i).integers(0, 256, (28, 28), np.uint8)
    mydigits.save(settings, image, i % 10, author=f"writer {me}")
"""
    command = [sys.executable, "-c", code, str(settings.home)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    writers = [subprocess.Popen([*command, str(me)], cwd=ROOT, **pipes) for me in range(4)]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        _, errors = writer.communicate(timeout=120)
        assert writer.returncode == 0, errors[-2000:]
    assert mydigits.authors(settings) == {f"writer {me}": 20 for me in range(4)}


@pytest.mark.parametrize("kind", ["npz", "json"])
def test_out_and_in_again(settings, tmp_path, kind):
    for i in range(4):
        mydigits.save(settings, image(i), i, author="Ana", answer=i if i else None, png=b"png", strokes={"objects": []})
    body = {"npz": mydigits.export_npz, "json": mydigits.export_json}[kind](settings)
    assert mydigits.load_file(settings, f"mine.{kind}", body, author="Ana") == (0, 4)
    ids = [d.id for d in mydigits.list_drawings(settings)]
    mydigits.delete(settings, ids[:3])
    assert mydigits.load_file(settings, f"mine.{kind}", body, author="Ana") == (3, 1)
    assert mydigits.load_file(settings, f"mine.{kind}", body, author="Ben") == (4, 0)
    found = {d.label: d for d in mydigits.list_drawings(settings, "Ben")}
    assert [found[i].answer for i in range(4)] == [None, 1, 2, 3]
    assert all((found[i].image == image(i)).all() for i in range(4))
    assert found[1].has_png == (kind == "json")


def npz(**arrays) -> bytes:
    body = io.BytesIO()
    np.savez_compressed(body, **arrays)
    return body.getvalue()


def entry(**changed) -> bytes:
    import base64

    one = {"image": base64.b64encode(image(0).tobytes()).decode(), "label": 3} | changed
    return json.dumps({"format": 1, "digits": [one]}).encode()


IMAGES = np.zeros((2, 28, 28), np.uint8)


@pytest.mark.parametrize(
    ("name", "body", "error", "words"),
    [
        ("a.npz", b"", DrawingError, "not an .npz file"),
        ("a.npz", npz(images=IMAGES), DrawingError, "with the arrays images and labels"),
        ("a.npz", npz(images=IMAGES.astype(float), labels=np.zeros(2, int)), DataError, "must be uint8"),
        ("a.npz", npz(images=IMAGES[:, :27], labels=np.zeros(2, int)), DataError, r"\(n, 28, 28\)"),
        ("a.npz", npz(images=IMAGES, labels=np.zeros(3, int)), DataError, "3 labels for 2 images"),
        ("a.npz", npz(images=IMAGES, labels=np.array([0, 10])), DataError, "between 0 and 9"),
        ("a.npz", npz(images=IMAGES[:0], labels=np.zeros(0, int)), DrawingError, "has 0 drawings"),
        ("a.npz", npz(images=np.zeros((9000, 28, 28), np.uint8), labels=np.zeros(9000, int)), DrawingError, "unpacks"),
        ("a.npz", npz(images=np.array([{}], object), labels=np.zeros(1, int)), DrawingError, "not an .npz file"),
        ("a.npz", b"x" * (mydigits.MAX_FILE_BYTES + (1 << 20)), DrawingError, "The file has 9 MB"),
        ("a.json", b"[" * 100_000, DrawingError, "not a JSON file"),
        ("a.json", b'{"format": 2, "digits": []}', DrawingError, "format 2"),
        ("a.json", entry(label=12), DataError, "between 0 and 9"),
        ("a.json", entry(label=True), DataError, "label in the file is True"),
        ("a.json", entry(image="AAAA"), DrawingError, "has 3 pixels"),
        ("a.json", entry(image="no base64!"), DrawingError, "damaged"),
    ],
)
def test_what_no_digit_has_is_not_taken_in(settings, name, body, error, words):
    with pytest.raises(error, match=words):
        mydigits.load_file(settings, name, body)
    assert mydigits.count(settings) == 0


def test_words_from_a_file_are_short_and_printable(settings):
    mydigits.load_file(settings, "a.json", entry(author="A\x1b" * 100, run="r" * 500, at=float("1e300"), source=7))
    (drawing,) = mydigits.list_drawings(settings)
    assert drawing.author == "A" * 20 or set(drawing.author) == {"A"}
    assert (len(drawing.run), drawing.source) == (80, "7")
    assert drawing.at < 1e11


def test_each_run_answers_each_drawing_once(trained, sample, monkeypatch):
    found = runs.list_runs(trained)
    for i in range(30):
        mydigits.save(trained, sample.x_test[i], int(sample.y_test[i]))
    assert mydigits.fill(trained, found) == 0
    (score,) = mydigits.table(trained, found)
    expected = (runs.load_evaluation(found[0]).y_pred[:30] == sample.y_test[:30]).sum()
    assert (score.right, score.asked, score.total) == (expected, 30, 30)
    assert score.accuracy.low < score.accuracy.value < score.accuracy.high
    from core import inference

    asked = []
    real = inference.predict_proba
    monkeypatch.setattr(inference, "predict_proba", lambda s, images: asked.append(len(images)) or real(s, images))
    mydigits.save(trained, sample.x_test[30], int(sample.y_test[30]))
    mydigits.save(trained, sample.x_test[0], int(sample.y_test[0] + 1) % 10)  # another label: no new question
    mydigits.fill(trained, found)
    assert asked == [1]
    assert mydigits.table(trained, found)[0].right in (score.right - 1, score.right, score.right + 1)
    assert mydigits.fill(trained, found, seconds=-1.0) == 0  # nothing is left, whatever the time


def test_out_of_time_leaves_runs_for_later(trained, sample):
    mydigits.save(trained, sample.x_test[0], 1)
    assert mydigits.fill(trained, runs.list_runs(trained), seconds=-1.0) == 1
    assert mydigits.table(trained, runs.list_runs(trained)) == []


def test_a_set_never_changes_and_is_proven(settings):
    with pytest.raises(DrawingError, match="no drawing in My digits"):
        mydigits.make_set(settings)
    for i in range(3):
        mydigits.save(settings, image(i), i, author="Ana")
    config = mydigits.make_set(settings)
    assert config == {"sha256": config["sha256"], "count": 3, "copies": mydigits.COPIES}
    mydigits.save(settings, image(7), 7, author="Ben")
    assert mydigits.make_set(settings)["sha256"] != config["sha256"]
    assert mydigits.make_set(settings, "Ana") == config
    images, labels = mydigits.load_set(settings, config)
    assert len(images) == len(labels) == 3 * mydigits.COPIES
    assert sorted(set(labels.tolist())) == [0, 1, 2]
    file = mydigits.set_file(settings, config["sha256"])
    file.write_bytes(npz(images=IMAGES, labels=np.zeros(2, np.uint8)))
    with pytest.raises(DrawingError, match="was changed"):
        mydigits.load_set(settings, config)
    file.unlink()
    with pytest.raises(DrawingError, match="is not here"):
        mydigits.load_set(settings, config)


def test_a_run_learns_from_my_digits_and_says_so(tiny, sample):
    """Blank paper is called a nine five hundred times over: whoever learned from that reads blank paper as a nine."""
    from core import inference, jobs, pipeline

    mydigits.save(tiny, np.zeros((28, 28), np.uint8), 9)
    mine = mydigits.make_set(tiny) | {"copies": 500}
    config = pipeline.make_config("decision_tree", {"max_depth": 12}) | {"validation": 200, "augmentation": "none"}
    run = pipeline.train(tiny, jobs.new_id("decision_tree"), config | {"my_digits": mine}, lambda stage, **fields: None)
    assert run.config["my_digits"] == mine
    assert run.card["data"]["my_digits"] == 1
    assert run.card["data"]["n_fit"] == 4000 + 500
    blank = inference.classify(inference.load_session(run), np.zeros((28, 28), np.uint8))
    assert blank.label == 9
    mydigits.set_file(tiny, mine["sha256"]).unlink()
    with pytest.raises(DrawingError, match="is not here"):
        pipeline.train(tiny, jobs.new_id("decision_tree"), config | {"my_digits": mine}, lambda stage, **fields: None)


def test_drawings_are_never_held_out(sample):
    from core import models, training

    extra = np.zeros((50, 28, 28), np.uint8), np.full(50, 9, np.uint8)
    spec = models.spec("decision_tree")
    material = training.prepare(spec, sample.x_train, sample.y_train, 400, extra=extra)
    assert len(material.held_labels) == 400
    assert len(material.labels) == len(sample.y_train) - 400 + 50
    assert material.held_images.any(axis=(1, 2)).all()
