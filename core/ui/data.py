"""Which data there is: said on every page, fetched in the background, replaced by an upload."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core import dataset, download, jobs, launch
from core import settings as environment
from core.errors import DataError, DataNotReady, DigitLabError
from core.settings import Settings
from core.texts import retell, t
from core.ui import assignment, door, frame, lesson, opening

POLL_SECONDS = 1.0


@contextlib.contextmanager
def page(title: str) -> Iterator[tuple[Settings, dataset.Digits]]:
    """Draw a page's frame and open the data, then what one came for; the rest of the page stands below it.

    Shows why and stops where that cannot be done.
    """
    with opening.first(title):
        yield _open(title)


def _open(title: str) -> tuple[Settings, dataset.Digits]:
    frame.frame(title)
    assignment.remember()
    settings = frame.or_stop(environment.load)
    door.show_lock()
    try:
        digits = dataset.load(settings)
    except DataNotReady as waiting:
        st.info(str(waiting), icon=":material/hourglass_top:")
        _data_panel(settings, launch.start_data(settings))
        st.stop()
    except DigitLabError as error:
        frame.stop(error)
    except OSError as error:
        why = {"home": settings.home, "why": error.strerror}
        frame.stop(
            DataError(
                t("DIGITLAB_HOME, {home}, cannot be used ({why}). Set it to a folder that can be written.", **why)
            )
        )
    _say_data(settings, digits)
    lesson.show(settings, digits, title)
    return settings, digits


def data_controls(settings: Settings) -> None:
    """Offer the download and the upload of MNIST; what comes replaces the server's data for everybody."""
    if settings.mnist:
        st.markdown(
            t("The data is fixed by the setting `DIGITLAB_MNIST`. Unset it to upload or download other data here.")
        )
        return
    words = t("The file that Keras uses: 60,000 training and 10,000 test images.")
    start = (launch.start_data, settings)
    frame.button("data", t("Download MNIST (11 MB)"), "download", ":material/download:", *start, help=words)
    for job in jobs.list_jobs(settings, "data")[:1]:
        if job.live:
            _data_panel(settings, job.id, "cancel-here")  # with the sample only, the head of the page has one too
        elif job.state == "failed":
            st.caption(f":material/cloud_off: {settings.without_places(retell(job.message))}")
    closed = door.closed("data")
    st.session_state.setdefault("uploads", 0)
    given = st.file_uploader(
        t("Or upload a mnist.npz (replaces the data of this server for everybody)"),
        type="npz",
        key=f"upload-{st.session_state.uploads}",
        max_upload_size=64,
        disabled=bool(closed),
        help=closed or None,
    )
    if given and not closed:
        frame.or_stop(_adopt_upload, settings, given)
        frame.count_up("uploads", "uploaded")  # a fresh uploader, or the next rerun would take the file in again
        st.rerun()


def _adopt_upload(settings: Settings, given: UploadedFile) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "upload.npz"
        path.write_bytes(given.getbuffer())
        dataset.save_current(settings, path, f"the upload {Path(given.name).name}")


def _say_data(settings: Settings, digits: dataset.Digits) -> None:
    st.caption(f":material/database: {settings.without_places(f'{dataset.describe(digits)}. {digits.note}')}")
    if not digits.is_sample:
        return
    live = next((job for job in jobs.list_jobs(settings, "data") if job.live), None)
    failure = download.recent_failure(settings)
    if live or not failure:
        _data_panel(settings, live.id if live else launch.start_data(settings))
    else:
        why = settings.without_places(retell(failure))
        words = t("{why} Models learn from the small sample; Home has an upload.", why=why)
        st.caption(f":material/cloud_off: {words}")


def _data_panel(settings: Settings, job_id: str, key: str = "cancel") -> None:
    @st.fragment(run_every=POLL_SECONDS)
    def panel() -> None:
        job = jobs.load_job(settings, job_id)
        if not job.live:
            st.rerun()
        done, total = (job.events[-1].get(k, 0) for k in ("done", "total")) if job.events else (0, 0)
        words, left = retell(job.message) if job.message else t("Starting"), _seconds_left(job.events, done, total)
        if left:
            words = t("{work} · about {left:.0f} s left", work=words, left=left)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.progress(done / total if total else 0.0, text=words)
            if door.is_host():
                frame.button("data", t("Cancel"), f"{key}-{job_id}", "", jobs.cancel, settings, job_id)

    panel()


def _seconds_left(events: list[dict[str, Any]], done: int, total: int) -> float:
    began = next((e["t"] for e in events if e.get("done")), None)
    if began is None or not done or time.time() - began < 1:
        return 0.0
    return (time.time() - began) * (total - done) / done
