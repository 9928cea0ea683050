"""My digits as a file and back: .npz for programs (images, labels, answers), JSON with everything that is kept."""

import base64
import binascii
import io
import json
import math
import time
import zipfile
import zlib
from collections.abc import Mapping
from secrets import token_hex
from typing import Any

import numpy as np

from core.digits import IMAGE_SHAPE, N_PIXELS, check_images, check_labels
from core.errors import DataError, DrawingError
from core.mydigits import store
from core.settings import Settings
from core.texts import t

FORMAT = 1
MAX_FILE_BYTES, MAX_IMPORT = 8 << 20, 5_000
_UNREADABLE = (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, KeyError, RuntimeError, TypeError)
_TEXTS = {"run": 80, "source": 20}


def export_npz(settings: Settings, author: str | None = None) -> bytes:
    """Return the drawings as .npz: `images` uint8 (n, 28, 28), `labels` uint8 (n,), `answers` int16 (n,), -1 = none."""
    found = store.list_drawings(settings, author)
    body = io.BytesIO()
    np.savez_compressed(
        body,
        images=np.array([d.image for d in found], np.uint8).reshape(-1, *IMAGE_SHAPE),
        labels=np.array([d.label for d in found], np.uint8),
        answers=np.array([-1 if d.answer is None else d.answer for d in found], np.int16),
    )
    return body.getvalue()


def export_json(settings: Settings, author: str | None = None) -> bytes:
    """Return everything that is kept of the drawings, as JSON; images, and pictures as they came, in base64."""
    where, given = ("", ()) if author is None else (" AND author = ?", (author,))
    asked = f"SELECT * FROM digits WHERE deleted IS NULL{where} ORDER BY at, id"
    with store.opened(settings) as connection:
        rows = connection.execute(asked, given)
        names = [column[0] for column in rows.description]
        found = [dict(zip(names, row, strict=True)) for row in rows]
    for row in found:
        del row["deleted"], row["id"]
        row["image"] = base64.b64encode(row["image"]).decode()
        row["png"] = base64.b64encode(row["png"]).decode() if row["png"] else None
        row["strokes"] = json.loads(row["strokes"]) if row["strokes"] else None
    return json.dumps({"format": FORMAT, "digits": found}).encode()


def load_file(settings: Settings, name: str, data: bytes, author: str | None = None) -> tuple[int, int]:
    """Take drawings in from an exported file, all or none.

    Parameters
    ----------
    name : str
        Its ending says which kind it is.
    author : str, optional
        Whose they are from now on; None = whoever the file names.

    Returns
    -------
    added, known : int
        How many came in, and how many were here already.

    Raises
    ------
    DrawingError, DataError
        If the file is not whole, too large, or has shapes or labels that no digit has.
    """
    if len(data) > MAX_FILE_BYTES:
        raise DrawingError(
            t(
                "The file has {n} MB; at most {most} are taken in at once.",
                n=len(data) >> 20,
                most=MAX_FILE_BYTES >> 20,
            )
        )
    rows = _from_json(data) if name.lower().endswith(".json") else _from_npz(data)
    if not 0 < len(rows) <= MAX_IMPORT:
        raise DrawingError(t("The file has {n:,} drawings; give 1 to {most:,}.", n=len(rows), most=MAX_IMPORT))
    known = 0
    with store.opened(settings, write=True) as connection:
        for row in rows:
            row["author"] = row.get("author", "") if author is None else author
            there = "SELECT 1 FROM digits WHERE author = ? AND sha256 = ? AND deleted IS NULL"
            if connection.execute(there, (row["author"], row["sha256"])).fetchone():
                known += 1
            else:
                store.insert(connection, row)
    return len(rows) - known, known


def _from_npz(data: bytes) -> list[dict[str, Any]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(member.file_size for member in archive.infolist()) > (MAX_IMPORT + 1) * (N_PIXELS + 8):
                raise DrawingError(t("The file unpacks to more than {most:,} drawings. Split it.", most=MAX_IMPORT))
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            images, labels = arrays["images"], arrays["labels"]
            answers = arrays["answers"] if "answers" in arrays.files else np.full(len(labels), -1)
    except _UNREADABLE as error:
        raise DrawingError(
            t("This is not an .npz file with the arrays images and labels. Use one that was exported here.")
        ) from error
    check_images(images)
    check_labels(labels, len(images))
    if answers.shape != labels.shape or answers.dtype.kind not in "iu":
        raise DrawingError(t("answers must be one whole number for each image, -1 where there is none."))
    return [
        _row(image, int(label), {"answer": int(answer)})
        for image, label, answer in zip(images, labels, answers, strict=True)
    ]


def _from_json(data: bytes) -> list[dict[str, Any]]:
    try:
        body = json.loads(data)
        if body["format"] != FORMAT:
            raise DrawingError(
                t(
                    "The file has format {found!r}; this Digit Lab reads {format}.",
                    found=body["format"],
                    format=FORMAT,
                )
            )
        return [_from_entry(entry) for entry in body["digits"]]
    except (ValueError, TypeError, KeyError, RecursionError, binascii.Error, OverflowError) as error:
        raise DrawingError(
            t(
                "This is not a JSON file of My digits, or one of its drawings is damaged. Use one that was "
                "exported here."
            )
        ) from error


def _from_entry(entry: Mapping[str, Any]) -> dict[str, Any]:
    image = np.frombuffer(base64.b64decode(entry["image"], validate=True), np.uint8)
    if len(image) != N_PIXELS:
        raise DrawingError(
            t("A drawing in the file has {n} pixels; a digit has {n_pixels}.", n=len(image), n_pixels=N_PIXELS)
        )
    label = entry["label"]
    if isinstance(label, bool) or not isinstance(label, int):
        raise DataError(t("A label in the file is {label!r}; give a whole number from 0 to 9.", label=label))
    check_labels(np.array([label]), 1)
    row = _row(image.reshape(IMAGE_SHAPE), label, entry)
    row["author"] = _text(entry, "author", 40)
    strokes = json.dumps(entry["strokes"]) if isinstance(entry.get("strokes"), dict) else None
    png = base64.b64decode(entry["png"], validate=True) if entry.get("png") else None
    row["strokes"] = strokes if strokes and len(strokes) <= store.MAX_STROKES_BYTES else None
    row["png"] = png if png and len(png) <= store.MAX_PNG_BYTES else None
    return row


def _row(image: np.ndarray, label: int, entry: Mapping[str, Any]) -> dict[str, Any]:
    answer, confidence, at = entry.get("answer"), entry.get("confidence"), entry.get("at")
    return {
        "id": token_hex(8),
        "at": float(at) if isinstance(at, int | float) and math.isfinite(at) and 0 < at < 1e11 else time.time(),
        "label": label,
        "answer": answer if isinstance(answer, int) and 0 <= answer <= 9 else None,
        "confidence": float(confidence) if isinstance(confidence, int | float) and 0 <= confidence <= 1 else None,
        **{name: _text(entry, name, most) for name, most in _TEXTS.items()},
        "image": image.tobytes(),
        "sha256": store.sha256_of(image),
    }


def _text(entry: Mapping[str, Any], name: str, most: int) -> str:
    given = entry.get(name) or ("import" if name == "source" else "")
    return "".join(c for c in str(given) if c.isprintable())[:most]
