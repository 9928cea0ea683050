"""Fetch the file that `tensorflow.keras.datasets.mnist.load_data()` uses, to its own place, without TensorFlow."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pooch
import requests

from core import dataset, files
from core.errors import DataError
from core.settings import Settings
from core.texts import t

CONNECT_SECONDS, READ_SECONDS, TOTAL_SECONDS = 5.0, 10.0, 600.0
REMEMBER_SECONDS = 3600.0


class _Progress:
    # The shape that pooch asks of a progress bar; it doubles as the deadline, since a trickle never times out.
    def __init__(self, on_progress: Callable[[int, int], None]) -> None:
        self.total = 0
        self._done, self._ends, self._report = 0, time.monotonic() + TOTAL_SECONDS, on_progress

    def update(self, size: int) -> None:
        self._done += size
        if time.monotonic() > self._ends:
            raise requests.Timeout(f"still not complete after {TOTAL_SECONDS:.0f} s")
        self._report(self._done, int(self.total))

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        pass


def fetch(
    settings: Settings,
    on_progress: Callable[[int, int], None],
    url: str = dataset.KERAS_URL,
    sha256: str = dataset.KERAS_SHA256,
) -> dataset.Digits:
    """Download MNIST into the Keras cache and make it the server's data.

    Parameters
    ----------
    on_progress : (bytes done, bytes in all) -> None
    url, sha256 : str
        Another place to get the file from, say a school's mirror, and what it must hash to.

    Raises
    ------
    DataError
        If there is no network, the file is not the right one, or the disk refuses; remembered for an hour.
    """
    marker = _marker(settings)
    work = marker.with_name(".download")
    try:
        target = dataset.keras_file(settings)
        downloader = pooch.HTTPDownloader(
            progressbar=_Progress(on_progress), timeout=(CONNECT_SECONDS, READ_SECONDS), chunk_size=1 << 16
        )
        pooch.get_logger().setLevel("WARNING")
        if not target.is_file() or pooch.file_hash(str(target)) != sha256:
            # Fetched at home, where what a killed download leaves is found and removed, then handed over whole.
            shutil.rmtree(work, ignore_errors=True)
            got = pooch.retrieve(url, f"sha256:{sha256}", fname=target.name, path=work, downloader=downloader)
            files.write_bytes(target, Path(got).read_bytes())
    except requests.RequestException as error:
        raise _failed(
            settings, t("MNIST could not be downloaded ({why}). Check the network.", why=type(error).__name__)
        ) from error
    except ValueError as error:  # pooch's word for a wrong hash; what it fetched is gone already
        raise _failed(
            settings, t("The file at {url} is not the MNIST that Keras uses, so it was thrown away.", url=url)
        ) from error
    except OSError as error:
        raise _failed(
            settings, t("MNIST could not be written to {where} ({why}).", where=target.parent, why=error.strerror)
        ) from error
    shutil.rmtree(work, ignore_errors=True)
    found = dataset.save_current(settings, target, "the Keras download", sha256)
    marker.unlink(missing_ok=True)
    return found


def recent_failure(settings: Settings) -> str:
    """Return why the last download failed, if that was within the hour, else an empty text."""
    last = files.read_json(_marker(settings))
    return last["message"] if last and time.time() - last["t"] < REMEMBER_SECONDS else ""


def save_failure(settings: Settings, message: str) -> None:
    """Remember that a download failed just now, so that nobody tries again for an hour unless asked."""
    files.write_json(_marker(settings), {"t": time.time(), "message": message})


def _failed(settings: Settings, message: str) -> DataError:
    save_failure(settings, message)
    return DataError(
        t("{why} The small sample serves until then; a mnist.npz file can be uploaded on Home.", why=message)
    )


def _marker(settings: Settings) -> Path:
    return settings.home / "data" / "download.json"
