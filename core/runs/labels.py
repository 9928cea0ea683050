"""What people say of a run: name, author, note and tags, in `labels.json` beside the sealed files."""

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from filelock import FileLock

from core import files
from core.errors import RunError
from core.runs.folder import Run
from core.texts import t

LENGTHS = {"name": 60, "author": 40, "note": 1000}
TAG_LENGTH, MOST_TAGS = 24, 8


def load_labels(run: Run) -> dict[str, Any]:
    """Read what people say of a run; empty where nobody did, and without what is not in its place.

    Returns
    -------
    dict
        `name`, `author`, `note`: str; `tags`: list of str; `imported`: seconds since the epoch, where the run came
        from a file. Each only where it was given.
    """
    body = files.recall_json(run.path / "labels.json")
    if not isinstance(body, dict):
        return {}
    found: dict[str, Any] = {name: body[name] for name in LENGTHS if isinstance(body.get(name), str)}
    if isinstance(body.get("tags"), list):
        found["tags"] = [tag for tag in body["tags"] if isinstance(tag, str)]
    if isinstance(body.get("imported"), int | float):
        found["imported"] = body["imported"]
    return found


def save_labels(run: Run, labels: Mapping[str, Any], add: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
    """Change what people say of a run: only what is given, so that two who write at once keep each other's words.

    Parameters
    ----------
    labels : mapping
        Any of `load_labels`' entries but the tags; an empty text takes the entry away.
    add, remove : texts
        Tags to put on and to take off.

    Raises
    ------
    RunError
        If something is too long, or the run is gone.
    """
    labels, add, remove = check_labels(labels), check_tags(add), set(remove)
    with FileLock(run.path.parent / ".labels.lock"):
        if not run.path.is_dir():
            raise RunError(t("The run {id} is not here any more, so nothing can be written on it.", id=run.id))
        body = copy.deepcopy(load_labels(run)) | labels
        tags = [tag for tag in dict.fromkeys([*body.get("tags", []), *add]) if tag not in remove]
        if len(tags) > MOST_TAGS:
            raise RunError(
                t(
                    "The run would have {n} tags, and {most} is the most. Take some off first.",
                    n=len(tags),
                    most=MOST_TAGS,
                )
            )
        kept = {name: value for name, value in (body | {"tags": tags}).items() if value}
        files.write_json(run.path / "labels.json", kept)


def check_labels(labels: Mapping[str, Any]) -> dict[str, Any]:
    """Return labels as they are kept: printable, names in one line, without blanks around.

    Raises
    ------
    RunError
        Names what is too long, and how long it may be.
    """
    found = dict(labels)
    for name, most in LENGTHS.items():
        if name in labels:
            found[name] = clean(str(labels[name]), lines=name == "note")
            if len(found[name]) > most:
                raise RunError(
                    t(
                        "The {name} has {n} characters; {most} is the most. Shorten it.",
                        name=t(name),
                        n=len(found[name]),
                        most=most,
                    )
                )
    return found


def check_tags(tags: Iterable[str]) -> list[str]:
    """Return tags as they are kept: one word or a few, in small letters; a comma parts them.

    Raises
    ------
    RunError
        If one is too long.
    """
    parts = [clean(part).lower() for tag in tags for part in str(tag).split(",")]
    long = next((tag for tag in parts if len(tag) > TAG_LENGTH), "")
    if long:
        raise RunError(
            t(
                "The tag “{long}…” is longer than {most} characters. Shorten it.",
                long=long[:TAG_LENGTH],
                most=TAG_LENGTH,
            )
        )
    return [tag for tag in dict.fromkeys(parts) if tag]


def clean(text: str, lines: bool = False) -> str:
    """Return a text without what cannot be printed, each run of blanks as one; line breaks are kept by `lines`."""
    rows = text.splitlines() if lines else [" ".join(text.splitlines())]
    return "\n".join(" ".join("".join(c if c.isprintable() else " " for c in row).split()) for row in rows).strip()
