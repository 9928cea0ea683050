"""Look at the machine, and hand what is found to the checks."""

import http.client
import importlib.metadata
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

from packaging.utils import canonicalize_name

from core import dataset, serving, tracking
from core.doctor import checks, slug
from core.doctor.checks import BAD, OK, WARN, Check
from core.errors import DataError, DataNotReady, DigitLabError
from core.settings import ROOT, Settings

ASK_SECONDS = 30.0


def examine(settings: Settings, root: Path, build_slug: bool, online: bool, say: slug.Say) -> Iterator[Check]:
    """Check everything, the quick things first.

    Parameters
    ----------
    root : Path
        The folder of the app.
    build_slug : bool
        Measure the slug's size; takes minutes the first time.
    online : bool
        Ask W&B, instead of repeating its last word.
    say : text -> None
        Is told what takes long.
    """
    yield checks.check_procfile(_read(root / "Procfile"))
    yield checks.check_port(settings.port, listener(settings.port))
    yield checks.check_python((sys.version_info[0], sys.version_info[1]), _read(root / ".python-version"))
    yield checks.check_pins(_read(root / "requirements.txt"), installed(), bool(settings.dyno))
    yield checks.check_memory(settings)
    yield checks.check_password(settings)
    free_mb, error = try_disk(settings.home)
    yield checks.check_disk(free_mb, error, bool(settings.dyno))
    if not error:
        yield examine_data(settings)
        yield examine_model(settings)
        has_key = bool(tracking.find_key(settings))
        asked = ask_wandb(settings) if online and has_key else tracking.load_connection(settings)
        yield checks.check_wandb(settings, has_key, asked)
    if settings.dyno:
        yield Check("slug", OK, "Not measured on a dyno: this is it.")
    elif not build_slug:
        yield Check("slug", OK, "Not measured (--no-slug).")
    else:
        yield examine_slug(settings, root, say)


def examine_slug(settings: Settings, root: Path, say: slug.Say) -> Check:
    """Build the slug and judge its size."""
    try:
        found = slug.measure(settings, root, say)
    except DigitLabError as error:
        return Check("slug", BAD, f"It cannot be built here: {error}")
    return checks.check_slug(found.total_mb, found.words)


def examine_data(settings: Settings) -> Check:
    """Open the data and say which it is."""
    try:
        found = dataset.load(settings)
    except DataNotReady:
        return Check("data", OK, "None yet: the small sample is unpacked at the first visit, while MNIST is fetched.")
    except DataError as error:
        return Check("data", BAD, str(error))
    text = f"{found.title}: {len(found.y_train):,} training and {len(found.y_test):,} test images."
    if found.is_sample:
        return Check("data", WARN, f"{text} All of MNIST is fetched at a visit, or by: python -m core data")
    return Check("data", WARN if found.note else OK, f"{text} {found.note}".strip())


def examine_model(settings: Settings) -> Check:
    """Say which run serves, and why."""
    found = serving.choose(settings)
    if found.run:
        return Check("model", OK, f"{found.run.id}: {found.why}.")
    return Check("model", WARN, f"{found.why} Train one (python -m core train), or connect to W&B, where one is.")


def installed() -> dict[str, str]:
    """Return the version of each package that is installed, by canonical name."""
    # The first one found is the one that is imported.
    found: dict[str, str] = {}
    for one in importlib.metadata.distributions():
        found.setdefault(canonicalize_name(one.metadata["Name"]), one.version)
    return found


def listener(port: int) -> str:
    """Tell who listens on a port of this machine: nobody (empty), "Digit Lab", or something else."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))
            return ""
        except PermissionError:
            return "the system, which lets only its administrator use it"
        except OSError:
            pass
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/health", timeout=5) as answer:
            return "Digit Lab" if "ready" in json.load(answer) else "another server"
    except (OSError, http.client.HTTPException, ValueError, TypeError):
        return "another program"


def try_disk(home: Path) -> tuple[float, str]:
    """Return the free MB at a folder, and why nothing can be written there (empty = it can)."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home) as file:
            file.write(b"written")
        return shutil.disk_usage(home).free / slug.MEGABYTE, ""
    except OSError as error:
        return 0.0, error.strerror or type(error).__name__


def ask_wandb(settings: Settings) -> Mapping[str, object]:
    """Ask W&B who we are, in a child: a name server that never answers can be left only by leaving the process."""
    words = [sys.executable, "-m", "core", "track", "--test"]
    env = settings.child_environment(["WANDB_API_KEY"])
    try:
        done = subprocess.run(
            words, cwd=ROOT, env=env, capture_output=True, text=True, timeout=ASK_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return {"ok": False, "message": f"W&B was not reached within {ASK_SECONDS:.0f} s."}
    if not done.stdout.strip():  # it left without a word, but not without writing down why
        return tracking.load_connection(settings)
    return {"ok": done.returncode == 0, "message": done.stdout.strip().splitlines()[-1]}


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return None
