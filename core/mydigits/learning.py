"""My digits as a set to learn from: a snapshot named by what is in it, which never changes: a run can be repeated."""

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from core import files
from core.digits import IMAGE_SHAPE, check_images, check_labels
from core.errors import DrawingError
from core.mydigits import store
from core.settings import Settings
from core.texts import t

COPIES = 5  # each drawing counts as so many images of MNIST


def set_file(settings: Settings, sha256: str) -> Path:
    """Return where the snapshot with this sha256 is kept."""
    return settings.home / "mydigits" / f"{sha256[:12]}.npz"


def make_set(settings: Settings, author: str | None = None) -> dict[str, Any]:
    """Keep the drawings of now as a set; returns what a config says of it: `sha256`, `count` and `copies`.

    Raises
    ------
    DrawingError
        If there is no drawing.
    """
    found = sorted(store.list_drawings(settings, author), key=lambda d: (d.sha256, d.label))
    if not found:
        raise DrawingError(t("There is no drawing in My digits yet. Draw one, and say what it is."))
    images = np.array([d.image for d in found], np.uint8).reshape(-1, *IMAGE_SHAPE)
    labels = np.array([d.label for d in found], np.uint8)
    sha256, body = _sha256(images, labels), io.BytesIO()
    if not set_file(settings, sha256).exists():
        np.savez_compressed(body, images=images, labels=labels)
        files.write_bytes(set_file(settings, sha256), body.getvalue())
    return {"sha256": sha256, "count": len(labels), "copies": COPIES}


def load_set(settings: Settings, config: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return the images, (n * copies, 28, 28) uint8, and labels of the set that a config names.

    Raises
    ------
    DrawingError
        If it is not here, or not the one that it was.
    """
    sha256 = str(config["sha256"])
    try:
        with np.load(set_file(settings, sha256), allow_pickle=False) as arrays:
            images, labels = arrays["images"], arrays["labels"]
    except (OSError, ValueError, KeyError) as error:
        raise DrawingError(
            t(
                "The set of My digits {sha256} is not here. Train without it, or copy DIGITLAB_HOME/mydigits too.",
                sha256=sha256[:12],
            )
        ) from error
    check_images(images)
    check_labels(labels, len(images))
    if _sha256(images, labels) != sha256:
        raise DrawingError(
            t("The set of My digits {sha256} was changed since it was made. Train without it.", sha256=sha256[:12])
        )
    copies = int(config.get("copies", 1))
    return np.tile(images, (copies, 1, 1)), np.tile(labels, copies)


def _sha256(images: np.ndarray, labels: np.ndarray) -> str:
    return hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()
