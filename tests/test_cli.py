"""The command line, as a person types it."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from core import inference, pipeline, preprocessing, runs
from core.cli import predict
from core.settings import Settings
from tests.conftest import ROOT


@pytest.fixture
def core(tiny_npz):
    """`core(settings, *words)` runs `python -m core …`."""

    def run(settings, *words):
        command = [sys.executable, "-m", "core", *words]
        env = settings.child_environment()
        return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)

    return run


@pytest.fixture
def picture(tmp_path):
    image = Image.new("RGB", (200, 300), "white")
    ImageDraw.Draw(image).line([(120, 40), (80, 260)], fill="navy", width=20)
    path = tmp_path / "one.png"
    image.save(path)
    return path


def test_train_prints_accuracy_report_and_where(core, tiny):
    done = core(
        tiny, "train", "--max-depth", "3", "--train-size", "1000", "--criterion", "entropy", "--random-state", "1"
    )
    assert done.returncode == 0, done.stderr
    (run,) = runs.list_runs(tiny)
    assert run.config["params"]["max_depth"] == 3
    assert run.config["params"]["random_state"] == 1
    assert run.config["train_size"] == 1000
    lines = done.stdout.splitlines()
    assert lines[0] == f"accuracy {run.metrics['accuracy']:.4f}"
    assert lines[2].split() == ["precision", "recall", "f1", "support"]
    assert f"run      {run.path}" in lines
    assert lines[-1].startswith("W&B: local only")


def test_train_takes_none(core, tiny):
    assert core(tiny, "train", "--max-depth", "none", "--max-leaf-nodes", "5").returncode == 0
    (run,) = runs.list_runs(tiny)
    assert (run.config["params"]["max_depth"], run.card["shape"]["leaves"]) == (None, 5)


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (
            ["train", "--max-depth", "99"],
            1,
            "max_depth is 99; give a whole number from 1 to 50, or None for “no limit”.",
        ),
        (["train", "--max-depth", "ten"], 2, "argument --max-depth: invalid int or none value: 'ten'"),
        (["train", "--model", "magic"], 2, "invalid choice: 'magic'"),
        (["train", "--train-size", "5"], 1, "train_size is 5; give at least 100"),
        (["predict", "x.png"], 1, "There is no run yet. Train one first: python -m core train"),
        (
            ["dance"],
            2,
            "usage: python -m core {train | ",
        ),
        ([], 2, "usage: python -m core"),
        (["track", "../x"], 1, "'../x' is not the id of a run."),
        (["train", "--job", "nothing"], 1, "There is no job 'nothing' any more"),
    ],
)
def test_mistakes_get_one_sentence(core, tiny, words, code, sentence):
    done = core(tiny, *words)
    assert done.returncode == code
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_predict_by_both_engines(core, trained_home, tiny_npz, picture):
    settings = Settings(home=trained_home, mnist=tiny_npz)
    (run,) = runs.list_runs(settings)
    expected = inference.classify(inference.load_session(run), preprocessing.from_bytes(picture.read_bytes()))
    for engine in ("onnx", "joblib"):
        done = core(settings, "predict", "--run", run.id, "--engine", engine, str(picture))
        assert done.returncode == 0, done.stderr
        rows = [line.split() for line in done.stdout.splitlines()]
        assert [digit for digit, _ in rows] == list("0123456789")
        np.testing.assert_allclose([float(p) for _, p in rows], expected.proba, atol=2e-6)


def test_predict_says_what_is_wrong_with_a_picture(core, trained_home, tmp_path):
    settings = Settings(home=trained_home)
    missing = core(settings, "predict", str(tmp_path / "none.png"))
    assert (missing.returncode, "cannot be read (No such file or directory)" in missing.stderr) == (1, True)
    (tmp_path / "page.png").write_text("<html></html>")
    html = core(settings, "predict", str(tmp_path / "page.png"))
    assert (html.returncode, "not a picture that can be read" in html.stderr) == (1, True)


def test_joblib_is_not_opened_when_it_was_changed(core, trained_home, tmp_path, picture):
    import shutil

    shutil.copytree(trained_home, tmp_path / "copy")
    settings = Settings(home=tmp_path / "copy")
    (run,) = runs.list_runs(settings)
    (run.path / "model.joblib").write_bytes(b"cposix\nsystem\n(S'touch pwned'\ntR.")
    done = core(settings, "predict", "--engine", "joblib", str(picture))
    assert done.returncode == 1
    assert "was changed or damaged" in done.stderr
    assert not (ROOT / "pwned").exists()


def test_a_home_that_is_a_file_is_one_sentence(core, tiny, tmp_path):
    (tmp_path / "file").touch()
    done = core(replace(tiny, home=tmp_path / "file"), "train")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert done.stderr.startswith("DIGITLAB_HOME is ")


def test_the_file_for_people_is_given_its_features_first(tiny, sample):
    config = pipeline.make_config("hog_logistic", {"max_iter": 10}, 500, "none")
    run = pipeline.train(tiny, "20260101-000000-hog_logistic-0001", config, lambda stage, **fields: None)
    image = np.array(sample.x_test[0])
    served = inference.classify(inference.load_session(run), image).proba
    np.testing.assert_allclose(predict._original(run, image), served, atol=1e-5)
