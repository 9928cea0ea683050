"""How large the slug becomes: made as Heroku makes it, in a folder that is thrown away again."""

import gzip
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from core import files
from core.doctor import checks
from core.errors import DigitLabError
from core.settings import Settings

MEGABYTE = 10**6
PYTHON_MB = 26  # Heroku's own Python lies in the slug as well; measured on a 3.11 without its tests
NEEDED = ("Procfile", "requirements.txt", ".python-version", "bin/pre_compile", "app.py", "Home.py", "core/__init__.py")
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Slug:
    """Sizes in MB, compressed."""

    app_mb: float
    packages_mb: float
    measured_at: float

    @property
    def total_mb(self) -> float:
        return self.app_mb + self.packages_mb + PYTHON_MB

    @property
    def words(self) -> str:
        day = time.strftime("%Y-%m-%d", time.localtime(self.measured_at))
        parts = f"packages {self.packages_mb:.0f}, Python about {PYTHON_MB}, the app {self.app_mb:.1f}"
        return f"{parts}; packages measured {day} for {checks.describe_system()}"


class _Counter(io.RawIOBase):
    # gzip's end: only the number of bytes is of interest.
    def __init__(self) -> None:
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, body: object) -> int:
        size = len(memoryview(body))  # type: ignore[arg-type]
        self.size += size
        return size


def measure(settings: Settings, root: Path, say: Say) -> Slug:
    """Measure the slug. The packages, which take minutes, are measured once for each requirements.txt and Python.

    Raises
    ------
    DigitLabError
        Why it cannot be measured, or would not start.
    """
    with tempfile.TemporaryDirectory(prefix="digitlab-slug-") as folder:
        app = Path(folder) / "app"
        say(build(root, app))
        app_mb = compressed(app) / MEGABYTE
        key = _key(app / "requirements.txt")
        known = files.read_json(settings.home / "slug.json")
        if isinstance(known, dict) and known.get("key") == key:
            return Slug(app_mb, known["packages_mb"], known["measured_at"])
        packages = Path(folder) / "site-packages"
        say("Installing the packages into a temporary folder; this takes some minutes, once …")
        install(app / "requirements.txt", packages)
        size = sum(path.stat().st_size for path in packages.rglob("*") if path.is_file()) / MEGABYTE
        say(f"Compressing {size:,.0f} MB …")
        found = Slug(app_mb, compressed(packages) / MEGABYTE, time.time())
    files.write_json(
        settings.home / "slug.json",
        {"key": key, "packages_mb": found.packages_mb, "measured_at": found.measured_at},
    )
    return found


def build(root: Path, target: Path) -> str:
    """Copy what Heroku gets to a new folder, without what `.slugignore` names, and run `bin/pre_compile` there.

    Returns
    -------
    str
        What `bin/pre_compile` said.

    Raises
    ------
    DigitLabError
        If a file that must be there is not, or `bin/pre_compile` fails.
    """
    names = shipped(root)
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, target / name)
    # As the buildpack does: no arguments, in the build directory, with these two names among others.
    env = {"PATH": os.defpath, "BUILD_DIR": str(target), "STACK": "heroku-24"}
    return _run(["bash", "bin/pre_compile"], target, env).strip()


def shipped(root: Path) -> list[str]:
    """Return the files that git has and `.slugignore` leaves in."""
    ignore = root / ".slugignore"
    lines = ignore.read_text(encoding="utf-8").splitlines() if ignore.is_file() else []
    if negated := [line for line in lines if line.startswith("!")]:
        raise DigitLabError(f".slugignore has the line {negated[0]!r}, but Heroku knows no “!” there. Take it out.")
    listed = ["git", "ls-files", "--cached", "-z"]
    tracked = _run(listed, root).split("\0")
    ignored = _run([*listed, "--ignored", f"--exclude-from={ignore}"], root).split("\0") if lines else []
    names = sorted(set(tracked) - set(ignored) - {""})
    if absent := [name for name in NEEDED if name not in names or not (root / name).is_file()]:
        raise DigitLabError(f"{absent[0]} does not get into the slug. `git add` it, and look into .slugignore.")
    return [name for name in names if (root / name).is_file()]


def install(requirements: Path, target: Path) -> None:
    """Install what a requirements file names into a folder of its own."""
    words = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    _run([*words, "--target", str(target), "-r", str(requirements)], requirements.parent)


def compressed(folder: Path) -> int:
    """Return the size in bytes of a folder as .tar.gz."""
    counter = _Counter()
    with (
        gzip.GzipFile(filename="", fileobj=counter, mode="wb", compresslevel=6) as zipped,
        tarfile.open(fileobj=zipped, mode="w|") as tar,
    ):
        tar.add(folder, arcname=".")
    return counter.size


def _key(requirements: Path) -> str:
    return hashlib.sha256(
        f"{checks.describe_system()}\n{requirements.read_text(encoding='utf-8')}".encode()
    ).hexdigest()


def _run(words: Sequence[str], folder: Path, env: dict[str, str] | None = None) -> str:
    try:
        done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, check=False)
    except OSError as error:
        raise DigitLabError(f"{words[0]} cannot be started here ({error.strerror}).") from error
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()[-1]
        raise DigitLabError(f"`{Path(words[0]).name} {words[1]}` failed: {last}")
    return done.stdout
