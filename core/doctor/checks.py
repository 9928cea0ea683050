"""What is judged, and how. Nothing here looks at the machine, and no key or password enters a message."""

import itertools
import platform
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from core import models
from core.settings import SERVER_MB, SMALL_MB, Settings

OK, WARN, BAD = "ok", "warn", "bad"
PYTHONS = ((3, 11), (3, 13))
MNIST_ROWS = 60_000
PASSWORD_LENGTH = 12
DISK_MB = {BAD: 100, WARN: 500}
SLUG_MB, SLOW_SLUG_MB = 500, 300
LEFT_OUT = ("tensorflow", "tensorflow-cpu", "keras", "pytest")  # by bin/pre_compile
_GOOD_WEB = "web: uvicorn app:app --host 0.0.0.0 --port $PORT --workers 1"
_WEB_OPTIONS = {
    "--host": ("0.0.0.0", "the router comes from another machine"),
    "--port": ("$PORT", "the platform chooses it"),
    "--workers": ("1", "sessions live in one process, and Heroku sets WEB_CONCURRENCY to 2 or more"),
}


@dataclass(frozen=True, slots=True)
class Check:
    """What one check found.

    Parameters
    ----------
    state : "ok", "warn" or "bad"
    message : str
        The fact, and what to do where it is not as it should be.
    """

    name: str
    state: str
    message: str


def check_procfile(text: str | None) -> Check:
    """Judge the Procfile's text; None = there is no such file."""
    if text is None:
        return Check("Procfile", BAD, f"There is none, so Heroku starts nothing. Make it, with the line: {_GOOD_WEB}")
    lines = re.findall(r"^web:[ \t]*(.+)$", text, re.MULTILINE)
    if len(lines) != 1:
        return Check("Procfile", BAD, f"It has {len(lines)} web lines; give it exactly one: {_GOOD_WEB}")
    try:
        words = shlex.split(re.sub(r"(--[a-z-]+)=", r"\1 ", lines[0]).replace("${PORT}", "$PORT"))
    except ValueError as error:
        return Check("Procfile", BAD, f"Its web line cannot be read ({error}). Write: {_GOOD_WEB}")
    pairs = set(itertools.pairwise(words))
    wrong = [] if {"uvicorn", "app:app"} <= set(words) else ["`uvicorn app:app`"]
    for option, (value, reason) in _WEB_OPTIONS.items():
        if (option, value) not in pairs:
            wrong.append(f"`{option} {value}` ({reason})")
    if wrong:
        return Check("Procfile", BAD, f"Its web line lacks {', '.join(wrong)}. Write: {_GOOD_WEB}")
    return Check("Procfile", OK, "It starts one process of uvicorn app:app, for everybody, on $PORT.")


def check_port(port: int, listener: str) -> Check:
    """Judge the port.

    Parameters
    ----------
    port : int
        `PORT`; 0 = not set.
    listener : str
        Who answers there: nobody (empty), "Digit Lab", or something else.
    """
    if not port:
        return Check("PORT", OK, "Not set: `make run` takes the next free one, Heroku sets it.")
    if not listener:
        return Check("PORT", OK, f"{port} is free.")
    if listener == "Digit Lab":
        return Check("PORT", OK, f"{port}: Digit Lab itself answers there.")
    return Check("PORT", BAD, f"{port} is taken by {listener}. Set PORT to a free one, or end that.")


def check_python(running: tuple[int, int], pinned: str | None) -> Check:
    """Judge the Python that runs this, and the one in `.python-version`; None = there is no such file."""
    low, high = PYTHONS
    span = f"{_dotted(low)} to {_dotted(high)}"
    if not low <= running <= high:
        why = "TensorFlow has no wheels for others"
        return Check("Python", BAD, f"This is Python {_dotted(running)}; it must be {span}: {why}.")
    if pinned is None:
        return Check(
            "Python", BAD, f"There is no .python-version, so Heroku chooses. Write {_dotted(running)} into it."
        )
    found = re.fullmatch(r"(\d+)\.(\d+)(\.\d+)?", pinned.strip())
    if not found or not low <= (int(found[1]), int(found[2])) <= high:
        return Check("Python", BAD, f".python-version says {pinned.strip()!r}; it must be {span}, such as 3.11.")
    if (int(found[1]), int(found[2])) != running:
        both = f"This is Python {_dotted(running)}, but .python-version says {pinned.strip()}"
        return Check("Python", WARN, f"{both}, which Heroku will run. Test with that one.")
    return Check("Python", OK, f"{_dotted(running)}, as in .python-version.")


def check_pins(text: str | None, installed: Mapping[str, str], dyno: bool) -> Check:
    """Judge what is installed against requirements.txt.

    Parameters
    ----------
    installed : mapping
        Version by canonical name.
    dyno : bool
        Whether this is Heroku, where what bin/pre_compile left out may be missing.
    """
    if text is None:
        return Check("pins", BAD, "There is no requirements.txt; get it back from git.")
    missing: list[str] = []
    without: list[str] = []
    other: list[str] = []
    total = 0
    for line in (line.partition("#")[0].strip() for line in text.splitlines()):
        try:
            wanted = Requirement(line) if line else None
        except InvalidRequirement:
            return Check("pins", BAD, f"requirements.txt has the line {line!r}, which pip cannot read. Mend it.")
        if wanted is None or (wanted.marker and not wanted.marker.evaluate()):
            continue
        total += 1
        name, version = canonicalize_name(wanted.name), installed.get(canonicalize_name(wanted.name))
        if not any(s.operator == "==" for s in wanted.specifier):
            other.append(f"{name} is not pinned by ==")
        elif version is None:
            (without if name in LEFT_OUT else missing).append(name)
        elif version not in wanted.specifier:
            other.append(f"{name} is {version}, not {str(wanted.specifier).removeprefix('==')}")
    cure = "Run: pip install -r requirements.txt"
    if missing:
        return Check("pins", BAD, f"Not installed: {', '.join(missing)}. {cure}")
    if without and not dyno:
        other.append(f"not installed: {', '.join(without)}, so Keras models cannot be trained, or tests not be run")
    if other:
        return Check("pins", WARN, f"{'; '.join(other)}. {cure}")
    also = f", without {', '.join(without)}: Keras models are served here, but trained elsewhere" if without else ""
    return Check("pins", OK, f"{total - len(without)} packages are installed as requirements.txt pins them{also}.")


def check_slug(megabytes: float, words: str) -> Check:
    """Judge the slug's size; `words` say how it is made up."""
    if megabytes > SLUG_MB:
        cure = "Let bin/pre_compile leave out more, or .slugignore"
        return Check("slug", BAD, f"{megabytes:.0f} MB, more than Heroku's {SLUG_MB}: {words}. {cure}.")
    slow = f" Above {SLOW_SLUG_MB} Heroku warns that it starts more slowly." if megabytes > SLOW_SLUG_MB else ""
    return Check("slug", OK, f"{megabytes:.0f} MB of Heroku's {SLUG_MB}: {words}.{slow}")


def check_memory(settings: Settings) -> Check:
    """Judge the memory by what each family was measured to need for all of MNIST, beside the server."""
    have = settings.memory_mb
    if have < SERVER_MB:
        cure = "Take a larger machine, or raise DIGITLAB_MEMORY_MB"
        return Check("memory", BAD, f"{have} MB, but the server alone needs {SERVER_MB}. {cure}.")
    needs = {
        spec.label: spec.memory_mb(spec.check({}), MNIST_ROWS, settings.small) for spec in models.CATALOGUE.values()
    }
    short = {label: need + SERVER_MB for label, need in needs.items() if not settings.fits(need)}
    turns = f"; below {SMALL_MB} fit, export and tracking run one after another" if settings.small else ""
    if not short:
        return Check("memory", OK, f"{have} MB: all of MNIST fits{turns}.")
    which = ", ".join(f"{label} ({need:.0f})" for label, need in short.items())
    default = models.spec(models.DEFAULT).label in short
    state = WARN if default else OK
    cure = " Train on fewer images, or elsewhere; what W&B has is served." if default else ""
    return Check("memory", state, f"{have} MB{turns}. All of MNIST does not fit with: {which}.{cure}")


def check_wandb(settings: Settings, has_key: bool, answer: Mapping[str, object]) -> Check:
    """Judge the way to W&B.

    Parameters
    ----------
    answer : mapping
        W&B's last word, `ok` (None = never asked) and `message`, as `tracking.load_connection` has it.
    """
    lost = " A dyno forgets its disk at each restart, so every run is lost then." if settings.dyno else ""
    state = WARN if settings.dyno else OK
    if settings.wandb_mode == "disabled":
        return Check("W&B", state, f"Switched off (WANDB_MODE).{lost}")
    if not has_key:
        cure = "To send them to W&B, set WANDB_API_KEY"
        return Check("W&B", state, f"There is no key: runs stay on this machine.{lost} {cure}.")
    entity = f"to the entity {settings.wandb_entity}" if settings.wandb_entity else "to the key's own entity"
    found = f"A key is there; runs go {entity}, project {settings.wandb_project}."
    if answer.get("ok") is False:
        return Check("W&B", BAD, f"{found} {answer['message']}")
    return Check("W&B", OK, f"{found} {answer['message'] if answer.get('ok') else 'Not tried; --online does.'}")


def check_password(settings: Settings) -> Check:
    """Judge who may do what; the password itself is not told, nor how long it is."""
    visitors = "visitors draw and call the API" + (
        ", and train within limits" if settings.access == "class" else " (DIGITLAB_ACCESS=class lets them train)"
    )
    if settings.password and len(settings.password) < PASSWORD_LENGTH:
        fact = f"It has fewer than {PASSWORD_LENGTH} characters"
        return Check("password", WARN, f"{fact}. Set DIGITLAB_PASSWORD to a longer one; {visitors}.")
    if settings.password:
        return Check("password", OK, f"Set: it opens everything to one browser tab; {visitors}.")
    if settings.dyno:
        closed = "promoting, data and settings" if settings.access == "class" else "training, data and settings"
        fact = f"There is none, so {closed} are closed to everybody, you too"
        return Check("password", WARN, f"{fact}; {visitors}. Run: heroku config:set DIGITLAB_PASSWORD=…")
    return Check("password", OK, f"None: everything is open on this machine, and only on it; {visitors}.")


def check_disk(free_mb: float, error: str, dyno: bool) -> Check:
    """Judge the place of data, jobs and runs; `error` says why nothing can be written there."""
    if error:
        return Check("disk", BAD, f"DIGITLAB_HOME cannot be written to ({error}). Set it to a folder that can.")
    for state, least in DISK_MB.items():
        if free_mb < least:
            fact = f"Only {free_mb:.0f} MB are free at DIGITLAB_HOME"
            return Check("disk", state, f"{fact}. Make room for {DISK_MB[WARN]} MB.")
    forgets = " A dyno forgets them at each restart, at least once a day." if dyno else ""
    return Check("disk", OK, f"DIGITLAB_HOME can be written to; {free_mb / 1000:,.1f} GB are free.{forgets}")


def describe_system() -> str:
    """Say what packages are made for here: a slug measured elsewhere than on Linux is not quite Heroku's."""
    return f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
