"""One run as one .zip, and back. What comes from elsewhere is believed in nothing before it is proven."""

import errno
import io
import json
import shutil
import stat
import time
import zipfile
import zlib
from pathlib import Path
from secrets import token_hex
from typing import IO, Any

from core import runs
from core.errors import RunError
from core.settings import Settings
from core.texts import t

MOST_FILES = 32
MOST_BYTES = 400 * 2**20  # unpacked: four times the largest model that is exported
_MOST_CARD = 4 * 2**20
_CARD, _LABELS = "card.json", "labels.json"
_CHUNK = 1 << 20
_STALE_SECONDS = 3600.0
_UNREADABLE = (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, ValueError, EOFError, RuntimeError)
_END, _END_64, _END_BYTES = b"PK\x05\x06", b"PK\x06\x07", 22


def export(run: runs.Run) -> bytes:
    """Return a run as a .zip: its folder with all that was sealed, each file proven, and what people say of it.

    Raises
    ------
    RunError
        If a file of it was changed or damaged.
    """
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        card = (run.path / _CARD).read_bytes()
        archive.writestr(f"{run.id}/{_CARD}", card)
        for name in run.card["files"]:
            # The .npz and .joblib are compressed already.
            packed = zipfile.ZIP_DEFLATED if name.endswith((".json", ".onnx")) else zipfile.ZIP_STORED
            archive.writestr(f"{run.id}/{name}", runs.verified(run, name), packed)
        labels = {k: v for k, v in runs.load_labels(run).items() if k != "imported"}
        if labels:
            archive.writestr(f"{run.id}/{_LABELS}", json.dumps(labels))
    return body.getvalue()


def take_in(settings: Settings, source: IO[bytes], now: float | None = None) -> runs.Run:
    """Make a .zip that `export` wrote a run like any other; whatever is wrong with it, nothing of it stays.

    Parameters
    ----------
    source : an open binary file that can seek
    now : float, seconds since the epoch, optional

    Raises
    ------
    RunError
        One sentence: no .zip, too large, unsafe or foreign names, changed files, a run that is here already.
    """
    root = settings.home / "imports"
    _clear(root)
    workspace = root / token_hex(4)
    try:
        _check_end(source)
        with zipfile.ZipFile(source) as archive:
            members = _members(archive)
            card = _card(archive, members)
            run_id = str(card.get("id"))
            if (runs.folder(settings) / run_id).exists():
                raise RunError(t("The run {run_id} is here already, so nothing was imported.", run_id=run_id))
            labels = _read_labels(archive, members)
            workspace.mkdir(parents=True)
            for name, entry in members.items():
                if name != _LABELS:
                    _extract(archive, entry, workspace / name)
                if name.endswith(".npz"):
                    _check_arrays(workspace / name)
        run = runs.adopt(settings, workspace)
    except _UNREADABLE as error:
        raise RunError(t("This is not a whole .zip file ({error}). Export the run once more.", error=error)) from error
    except OSError as error:
        if error.errno not in (None, errno.EINVAL):  # these two are the file's own nonsense, the others the disk's
            raise
        raise RunError(t("This is not a whole .zip file. Export the run once more.")) from error
    finally:
        shutil.rmtree(workspace, ignore_errors=True)
    tags = labels.pop("tags", [])
    runs.save_labels(run, labels | {"imported": time.time() if now is None else now}, tags)
    return run


def _check_end(source: IO[bytes]) -> None:
    """Refuse a list of contents that is too long, before zipfile reads it: a million entries would fill the memory."""
    size = source.seek(0, io.SEEK_END)
    tail_from = max(0, size - _END_BYTES - (1 << 16) - 20)
    source.seek(tail_from)
    tail = source.read()
    at = len(tail) - _END_BYTES  # where zipfile looks first, then for the last mark before a comment
    if at < 0 or tail[at : at + 4] != _END or tail[-2:] != b"\0\0":
        at = tail.rfind(_END)
    if at < 0 or len(tail) < at + _END_BYTES:
        raise RunError(t("This is not a whole .zip file. Export the run once more."))
    listing = int.from_bytes(tail[at + 12 : at + 16], "little")
    if listing > MOST_FILES * 1024 or tail[max(0, at - 20) : at][:4] == _END_64:
        raise RunError(t("This .zip lists too many files; a run has at most {most}.", most=MOST_FILES))
    source.seek(0)


def _members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the files by their plain names, after the list itself proves harmless: nothing is unpacked for that."""
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    if not entries:
        raise RunError(t("This .zip file is empty. Export the run once more."))
    if len(archive.infolist()) > MOST_FILES:
        raise RunError(
            t(
                "This .zip has {n:,} entries; a run has at most {most}.",
                n=len(archive.infolist()),
                most=MOST_FILES,
            )
        )
    total = sum(entry.file_size for entry in entries)
    if total > MOST_BYTES:
        raise RunError(
            t(
                "This .zip would unpack to {total:,.0f} MB; {most} MB is the most.",
                total=total / 2**20,
                most=MOST_BYTES // 2**20,
            )
        )
    found: dict[str, zipfile.ZipInfo] = {}
    folders = set()
    for entry in archive.infolist():
        _check_entry(entry)
        folder, _, name = entry.filename.rstrip("/").rpartition("/")
        if entry.is_dir():
            folder, name = entry.filename.rstrip("/"), ""
        folders.add(folder)
        if name in found:
            raise RunError(t("This .zip has {name!r} twice. Export the run once more.", name=name))
        if name:
            found[name] = entry
    if len(folders) > 1 or "/" in next(iter(folders)):
        raise RunError(t("This .zip is not one run: its files are not all in one folder. Export the run once more."))
    return found


def _check_entry(entry: zipfile.ZipInfo) -> None:
    name, shown = entry.orig_filename, repr(entry.orig_filename[:80])
    parts = name.rstrip("/").split("/")
    if name.startswith("/") or "\\" in name or ":" in name or "\0" in name or {"", ".", ".."} & set(parts):
        raise RunError(
            t("This .zip names the file {shown}, which would lie outside its folder. It was not imported.", shown=shown)
        )
    mode = entry.external_attr >> 16
    if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise RunError(
            t("This .zip has a link or a device, {shown}, in place of a file. It was not imported.", shown=shown)
        )
    if entry.flag_bits & 0x1:
        raise RunError(t("The file {shown} in this .zip is encrypted. Export the run without a password.", shown=shown))
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise RunError(
            t("The file {shown} in this .zip is packed in an unusual way. Export the run once more.", shown=shown)
        )


def _card(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo]) -> dict[str, Any]:
    """Return the card, after it names exactly what else is there, with the sizes that the .zip claims."""
    if _CARD not in members or members[_CARD].file_size > _MOST_CARD:
        raise RunError(t("This .zip is not a run of Digit Lab: it has no card.json."))
    try:
        card = json.loads(archive.read(members[_CARD]))
    except (ValueError, RecursionError):
        card = None
    listed = card.get("files") if isinstance(card, dict) else None
    if not isinstance(card, dict) or not isinstance(listed, dict) or not runs.is_id(card.get("id")):
        raise RunError(t("This .zip is not a run of Digit Lab: its card.json cannot be read."))
    there = set(members) - {_CARD, _LABELS}
    odd = sorted(there ^ set(listed))
    if odd:
        what = {"id": card["id"], "odd": odd[0][:80]}
        if odd[0] in there:
            raise RunError(t("The run {id} in this .zip is not whole: {odd!r} does not belong to it.", **what))
        raise RunError(t("The run {id} in this .zip is not whole: {odd!r} is missing.", **what))
    for name in there:
        size = listed[name].get("bytes") if isinstance(listed[name], dict) else None
        if size != members[name].file_size:
            raise RunError(
                t("{name} in this .zip is not of the size that the run's card says. Export it once more.", name=name)
            )
    return card


def _read_labels(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo]) -> dict[str, Any]:
    if _LABELS not in members or members[_LABELS].file_size > _MOST_CARD:
        return {}
    try:
        body = json.loads(archive.read(members[_LABELS]))
    except (ValueError, RecursionError):
        return {}
    try:
        found = runs.check_labels({k: v for k, v in body.items() if k in runs.LENGTHS and isinstance(v, str)})
        tags = [tag for tag in body.get("tags", []) if isinstance(tag, str)]
        return found | {"tags": runs.check_tags(tags)[: runs.MOST_TAGS]}
    except (RunError, AttributeError, TypeError):
        return {}


def _extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    # Chunk by chunk and never beyond the size that was claimed and checked, whatever the stream would give.
    left = entry.file_size
    with archive.open(entry) as member, target.open("wb") as out:
        while left > 0 and (chunk := member.read(min(_CHUNK, left))):
            left -= out.write(chunk)
        if left or member.read(1):
            raise RunError(
                t("{name} in this .zip is not of the size that it claims. It was not imported.", name=target.name)
            )


def _check_arrays(path: Path) -> None:
    # An .npz is a .zip itself, and whoever opens it unpacks it.
    with zipfile.ZipFile(path) as inside:
        total = sum(entry.file_size for entry in inside.infolist())
    if total > MOST_BYTES:
        raise RunError(
            t(
                "{name} in this .zip would unpack to {total:,.0f} MB. It was not imported.",
                name=path.name,
                total=total / 2**20,
            )
        )


def _clear(root: Path) -> None:
    for path in root.glob("*"):  # what a killed import left behind
        if time.time() - path.stat().st_mtime > _STALE_SECONDS:
            shutil.rmtree(path, ignore_errors=True)
