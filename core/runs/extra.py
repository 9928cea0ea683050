"""What is found out about a run later: arrays in its `extra/`, beside the sealed files and free to be made again."""

import io
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from core import files
from core.errors import RunError
from core.runs.folder import Run
from core.texts import t

T = TypeVar("T")


def save_extra(run: Run, name: str, version: int, arrays: Mapping[str, Any]) -> None:
    """Write arrays, each whole or not at all, with the version of their layout.

    Parameters
    ----------
    name : str
        Below the run's folder, such as "extra/depth.npz".
    """
    body = io.BytesIO()
    np.savez_compressed(body, format=version, **arrays)
    files.write_bytes(run.path / name, body.getvalue())


def load_extra(
    run: Run, name: str, version: int, build: Callable[[Mapping[str, np.ndarray]], T], cure: str
) -> T | None:
    """Make of what `save_extra` wrote what `build` makes of it; None where there is nothing yet.

    Parameters
    ----------
    cure : str
        What helps where it cannot be read, as in "Delete it, then {cure}."

    Raises
    ------
    RunError
        If it is not whole, of another version, or not what `build` expects.
    """
    path = run.path / name
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if arrays["format"] != version:
                raise ValueError
            return build(arrays)
    except Exception as error:  # whatever numpy, zipfile and zlib say of a file that is not whole
        raise RunError(
            t("{name} of the run {id} cannot be read. Delete it, then {cure}.", name=name, id=run.id, cure=t(cure))
        ) from error
