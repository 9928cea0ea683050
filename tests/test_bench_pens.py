"""bench/pens.py on a handful of drawings of its own."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, ImageDraw

from bench import pens
from core import runs
from core.settings import Settings
from tests.conftest import ROOT


def one(left: int = 140) -> np.ndarray:
    image = Image.new("L", (280, 280))
    ImageDraw.Draw(image).line([(left, 40), (left, 240)], fill=255, width=20)
    return np.asarray(image)


def test_variants_keep_the_digit_and_change_what_they_say():
    drawing = one()
    assert (pens.inverted(drawing) == 255 - drawing).all()
    assert (pens.thinned(drawing).sum(axis=1)[140], drawing.sum(axis=1)[140]) == (255 * 14, 255 * 20)
    small = pens.cornered(drawing)
    assert small[124:].max() == small[:, 124:].max() == 0
    assert small.max() == 255


def test_table_and_exit_code(trained_home, tiny_npz, tmp_path):
    file = tmp_path / "mine.npz"
    np.savez(file, images=np.stack([one(60), one(200)]), labels=np.array([1, 1], np.uint8))
    (run,) = runs.list_runs(Settings(home=trained_home))
    words = [sys.executable, "bench/pens.py", "--run", run.id, "--pens", str(file)]
    env = Settings(home=trained_home, mnist=tiny_npz).child_environment()
    done = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    assert lines[2].split() == ["as", "drawn", "0.000", "1.000"], done.stderr
    assert lines[-1] == "pens: inf times naive resizing, as drawn (bar 3.0)"
    assert done.returncode == 0


def bench(settings: Settings, *words: str) -> subprocess.CompletedProcess:
    env = settings.child_environment()
    words = [sys.executable, "bench/pens.py", "--run", *words]
    return subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


def test_the_sample_alone_is_refused_and_leaves_no_run(settings, tmp_path):
    file = tmp_path / "mine.npz"
    np.savez(file, images=one()[None], labels=np.array([1], np.uint8))
    done = bench(settings, "--pens", str(file))
    assert done.stderr == "pens: There is only the small sample; get all of MNIST first: python -m core data\n"
    assert done.returncode == 2
    assert runs.list_runs(settings) == []


def test_a_failed_training_is_told_as_such(settings, tiny_npz, tmp_path):
    file = tmp_path / "mine.npz"
    np.savez(file, images=one()[None], labels=np.array([1], np.uint8))
    settings.home.mkdir()
    (settings.home / "jobs").write_text("a file where the jobs' folder belongs")
    done = bench(dataclasses.replace(settings, mnist=tiny_npz), "--pens", str(file))
    assert "training one failed: " in done.stderr
    assert done.returncode == 2


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut short"])
def test_a_file_that_is_no_npz_is_one_sentence(settings, tmp_path, content):
    file = tmp_path / "mine.npz"
    file.write_bytes(content)
    done = bench(settings, "--pens", str(file))
    assert done.stderr.startswith(f"pens: {file} is no .npz with images and labels: ")
    assert done.stderr.count("\n") == 1
    assert done.returncode == 2


def test_missing_file_says_so(trained_home, tmp_path):
    words = [sys.executable, "bench/pens.py", "--pens", str(tmp_path / "none.npz")]
    env = Settings(home=trained_home).child_environment()
    done = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "there is no file of pen digits" in done.stderr


def test_depth_10_tree_reads_real_pens(full_mnist, pens, tmp_path):
    """The issue's figures: about .65 / .65 / .54 / .65, against .20 naive."""
    env = Settings(home=tmp_path / "home", mnist=full_mnist, keras_home=tmp_path).child_environment()
    file = tmp_path / "pens.npz"
    np.savez(file, images=pens["images"], labels=pens["labels"])
    words = [sys.executable, "bench/pens.py", "--run", "--pens", str(file)]
    done = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    rows = {line[:10].strip(): line[10:].split() for line in done.stdout.splitlines()[2:6]}
    assert {name: float(row[1]) for name, row in rows.items()} == {
        "as drawn": 0.651,
        "inverted": 0.651,
        "thinned": 0.536,
        "corner": 0.651,
    }, done.stderr
    assert float(rows["as drawn"][0]) == 0.201
    assert done.returncode == 0
