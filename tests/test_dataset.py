"""The chain of sources, each failing in turn; hostile files; one identity for the same arrays."""

import io
import pickle
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core import dataset, digits
from core.errors import DataError, DataNotReady


def arrays(train: int = 40, test: int = 20) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(train)
    return {
        "x_train": rng.integers(0, 256, (train, 28, 28), np.uint8),
        "y_train": (np.arange(train) % 10).astype(np.uint8),
        "x_test": rng.integers(0, 256, (test, 28, 28), np.uint8),
        "y_test": (np.arange(test) % 10).astype(np.uint8),
    }


def save(path, **changed):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        np.savez_compressed(file, **(arrays() | changed))
    return path


def unpacked(settings) -> list[str]:
    return sorted(p.name for p in (settings.home / "data").glob("*") if p.is_dir())


def test_given_file_comes_first(settings, tmp_path):
    settings = replace(settings, mnist=save(tmp_path / "mine.npz"))
    found = dataset.load(settings)
    assert found.source == "file"
    assert isinstance(found.x_train, np.memmap)
    assert (found.x_train == arrays()["x_train"]).all()
    assert dataset.describe(found) == "40 training and 20 test images from mine.npz (DIGITLAB_MNIST)"


@pytest.mark.parametrize("content", [None, b"", b"PK\3\4 something"])
def test_given_file_that_is_bad_is_one_error(settings, tmp_path, content):
    path = tmp_path / "mine.npz"
    if content is not None:
        path.write_bytes(content)
    dataset.save_sample(settings)  # there would be something to fall through to
    with pytest.raises(DataError, match=r"mine\.npz"):
        dataset.load(replace(settings, mnist=path))


def test_whole_chain_each_source_failing_in_turn(settings, tmp_path, monkeypatch):
    keras = save(dataset.keras_file(settings), y_test=np.ones(20, np.uint8))
    monkeypatch.setattr(dataset, "KERAS_SHA256", _sha256(keras))
    dataset.save_current(settings, save(tmp_path / "upload.npz"), "the upload mine.npz")
    dataset.save_sample(settings)
    given = replace(settings, mnist=save(tmp_path / "given.npz", y_test=np.zeros(20, np.uint8)))

    assert dataset.load(given).source == "file"
    stored = dataset.load(settings)
    assert (stored.source, stored.title) == ("stored", "the upload mine.npz")

    shutil.rmtree(settings.home / "data" / stored.sha256[:12])
    cached = dataset.load(settings)
    assert cached.source == "keras"
    assert "The stored data was skipped" in cached.note

    keras.write_bytes(keras.read_bytes() + b" ")
    sample = dataset.load(settings)
    assert (sample.source, sample.is_sample) == ("sample", True)
    assert "The Keras cache was skipped" in sample.note
    assert "not Keras's" in sample.note

    (settings.home / "data" / "sample.json").unlink()
    with pytest.raises(DataNotReady):
        dataset.load(settings)


def test_sample_is_stratified_and_fixed(settings, tmp_path, sample):
    assert np.bincount(sample.y_train).tolist() == [400] * 10
    assert np.bincount(sample.y_test).tolist() == [100] * 10
    assert len(set(sample.y_train[:50].tolist())) == 10  # not sorted by class
    dataset.save_sample(settings)
    assert dataset.load(settings).sha256 == sample.sha256
    seen = {image.tobytes() for image in sample.x_train}
    assert not any(image.tobytes() in seen for image in sample.x_test)


def test_identity_is_the_arrays_not_the_file(settings, tmp_path):
    one = dataset.load(replace(settings, mnist=save(tmp_path / "one.npz")))
    other = tmp_path / "two.npz"
    with other.open("wb") as file:
        np.savez(file, **arrays())  # not compressed: another file
    assert dataset.load(replace(settings, mnist=other)).sha256 == one.sha256
    changed = arrays()
    changed["x_test"][0, 0, 0] ^= 1
    different = dataset.load(replace(settings, mnist=save(tmp_path / "three.npz", **changed)))
    assert different.sha256 != one.sha256
    assert unpacked(settings) == sorted([one.sha256[:12], different.sha256[:12]])


def test_a_file_is_read_once(settings, tmp_path, monkeypatch):
    settings = replace(settings, mnist=save(tmp_path / "mine.npz"))
    dataset.load(settings)
    monkeypatch.setattr(dataset, "_extract", lambda *args: pytest.fail("unpacked again"))
    dataset.load(settings)


class _Malice:
    def __reduce__(self):
        return (open, ("opened-by-a-pickle", "w"))


def hostile(tmp_path, name: str, **members: bytes):
    """Write a zip with these members in place of the good ones."""
    good = save(tmp_path / "good.npz")
    path = tmp_path / name
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(path, "w") as target:
        for item in source.namelist():
            body = members.get(item.removesuffix(".npy"), source.read(item))
            if body:
                target.writestr(item, body)
    return path


def header(shape: str, descr: str = "|u1", fortran: bool = False) -> bytes:
    words = f"{{'descr': {descr!r}, 'fortran_order': {fortran}, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(words).to_bytes(2, "little") + words.encode()


def npy(array: np.ndarray) -> bytes:
    body = io.BytesIO()
    np.save(body, array, allow_pickle=True)
    return body.getvalue()


BAD = {
    "float images": ({"x_train": npy(np.zeros((40, 28, 28)))}, r"x_train in .* is float64 \(40, 28, 28\)"),
    "flat images": ({"x_test": npy(np.zeros((20, 784), np.uint8))}, r"x_test in .* must be uint8 \(n, 28, 28\)"),
    "signed labels": ({"y_train": npy(np.zeros(40, np.int64))}, "y_train in .* is int64"),
    "labels above 9": ({"y_test": npy(np.full(20, 10, np.uint8))}, "y_test must lie between 0 and 9"),
    "too few labels": ({"y_train": npy(np.zeros(39, np.uint8))}, "y_train has 39 labels for 40 images"),
    "a class is missing": ({"y_train": npy(np.zeros(40, np.uint8))}, "no image of the digit 1"),
    "no images": ({"x_train": npy(np.zeros((0, 28, 28), np.uint8))}, "x_train in .* has 0 entries"),
    "array missing": ({"y_test": b""}, "has no array 'y_test'"),
    "cut off": ({"x_test": header("(20, 28, 28)") + b"\0" * 100}, "cut off"),
    "pickled objects": ({"y_train": npy(np.array([_Malice()] * 40))}, "pickled Python objects"),
    "a bare pickle": ({"y_train": pickle.dumps(_Malice())}, "is not a numpy array"),
    "a bomb": ({"x_train": header("(100000000, 28, 28)")}, "has 100,000,000 entries"),
    "negative size": ({"x_train": header("(-1, 28, 28)")}, "has -1 entries"),
    "no numbers": ({"x_train": header("('a', 28, 28)")}, "is not a numpy array"),
    "a header that is cut": ({"x_train": header("(40, 28, 28").replace(b"}", b" ")}, "is not a numpy array"),
    "a header with a list for a key": ({"x_train": header("(1,), []: 1")}, "is not a numpy array"),
    "a type that is no type": ({"x_train": header("(40, 28, 28)", descr=",")}, "is not a numpy array"),
    "a version to come": ({"x_train": b"\x93NUMPY\x09\x00" + header("(40, 28, 28)")[8:]}, "is not a numpy array"),
    "column order": ({"x_test": header("(20, 28, 28)", fortran=True) + b"\0" * 15680}, "Fortran order"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_arrays_get_one_sentence_and_leave_nothing(settings, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    members, sentence = BAD[name]
    with pytest.raises(DataError, match=sentence):
        dataset.save_current(settings, hostile(tmp_path, "mnist.npz", **members), "the upload")
    assert unpacked(settings) == []
    assert not (settings.home / "data" / "current.json").exists()
    assert not (tmp_path / "opened-by-a-pickle").exists()


def test_every_truncation_of_a_file_is_refused(settings, tmp_path):
    whole = save(tmp_path / "good.npz").read_bytes()
    for size in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        path = tmp_path / "cut.npz"
        path.write_bytes(whole[:size])
        with pytest.raises(DataError, match=r"not a whole \.npz file"):
            dataset.save_current(settings, path, "the upload")
    assert unpacked(settings) == []


def test_a_bad_upload_keeps_the_data_that_was_there(settings, tmp_path):
    before = dataset.save_current(settings, save(tmp_path / "good.npz"), "the upload")
    with pytest.raises(DataError):
        dataset.save_current(settings, hostile(tmp_path, "bad.npz", y_test=b""), "the second upload")
    assert dataset.load(settings).sha256 == before.sha256


def test_stratified_keeps_the_shares():
    labels = np.repeat([0, 1, 2], [50, 30, 20])
    chosen = digits.stratified(labels, 10, seed=1)
    assert np.bincount(labels[chosen]).tolist() == [5, 3, 2]
    assert (np.diff(chosen) > 0).all()
    assert (digits.stratified(labels, 10, seed=1) == chosen).all()
    assert len(digits.stratified(labels, 7, seed=2)) == 7


def test_one_row_each_draws_every_digit():
    labels = np.arange(30) % 10
    chosen = digits.one_row_each(labels, 5, seed=0)
    assert labels[chosen].tolist() == np.repeat(range(10), 5).tolist()
    with pytest.raises(DataError, match="no image of the digit 9"):
        digits.one_row_each(np.arange(9), 5, seed=0)


def test_mosaic_is_ink_on_paper():
    sheet = digits.mosaic(np.full((3, 28, 28), 255, np.uint8), columns=2)
    assert sheet.shape == (58, 58)
    assert sheet[:28, :28].max() == 0
    assert sheet[30:, 30:].min() == 255  # nothing in the fourth place


def _sha256(path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_byte_that_changed_is_refused_however_it_is_packed(settings, tmp_path, method):
    path = tmp_path / "mnist.npz"
    with zipfile.ZipFile(path, "w", method) as target:
        for name, array in arrays().items():
            target.writestr(f"{name}.npy", npy(array))
    body = bytearray(path.read_bytes())
    body[5000] ^= 0xFF  # within the pixels of x_train
    path.write_bytes(body)
    with pytest.raises(DataError, match=r"mnist\.npz is not a whole \.npz file"):
        dataset.save_current(settings, path, "the upload")
    assert unpacked(settings) == []


def test_a_bomb_is_unpacked_no_further_than_its_header_says(settings, tmp_path):
    path = tmp_path / "mnist.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, array in arrays().items():
            more = b"\0" * 50_000_000 if name == "x_train" else b""
            target.writestr(f"{name}.npy", npy(array) + more)
    found = dataset.save_current(settings, path, "the upload")
    size = (settings.home / "data" / found.sha256[:12] / "x_train.npy").stat().st_size
    assert size == len(npy(arrays()["x_train"]))


@pytest.mark.parametrize("damage", ["gone", "empty", "cut off"])
def test_unpacked_data_that_was_damaged_is_unpacked_once_more(settings, tmp_path, damage):
    path = save(tmp_path / "mine.npz")
    sha256 = dataset.save_current(settings, path, "the upload").sha256
    x_test = settings.home / "data" / sha256[:12] / "x_test.npy"
    whole = x_test.read_bytes()
    x_test.unlink()
    if damage != "gone":
        x_test.write_bytes(b"" if damage == "empty" else whole[:500])
    with pytest.raises(DataNotReady):
        dataset.load(settings)  # skipped, and there is no other
    given = dataset.load(replace(settings, mnist=path))
    assert (given.x_test == arrays()["x_test"]).all()
    assert dataset.load(settings).source == "stored"
    assert x_test.read_bytes() == whole


def test_a_keras_cache_that_cannot_be_read_is_skipped(settings, monkeypatch):
    cached = save(dataset.keras_file(settings))
    dataset.save_sample(settings)
    real = Path.open

    def locked(self, *args, **kwargs):
        if self == cached:
            raise PermissionError(13, "Permission denied")
        return real(self, *args, **kwargs)

    monkeypatch.setattr(Path, "open", locked)
    found = dataset.load(settings)
    assert found.is_sample
    assert "The Keras cache was skipped" in found.note
    assert "cannot be read (Permission denied)" in found.note
