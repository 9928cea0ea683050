"""How a run reads images that were changed, kept in its `extra/robustness.npz`; and what that says in words."""

import io
from dataclasses import dataclass

import numpy as np

from core import files, metrics, runs
from core.errors import RunError
from core.robustness.changes import CHANGES

FORMAT = 1
FILE = "extra/robustness.npz"


@dataclass(frozen=True, slots=True, eq=False)
class Robustness:
    """What the study found.

    Parameters
    ----------
    n : int
        Test images that were changed.
    levels : name of a change -> (k,) float64
    raw, normalised : name of a change -> (k,) int64
        How many were read rightly at each level, from the pixels as they came and after our normalisation.
    occlusion : (28, 28) float64
        By how much the probability of the true digit falls when paper covers the pixel and those about it.
    train_hits, train_n : int
        Of some images that the run learned from.
    """

    n: int
    levels: dict[str, np.ndarray]
    raw: dict[str, np.ndarray]
    normalised: dict[str, np.ndarray]
    occlusion: np.ndarray
    train_hits: int
    train_n: int

    @property
    def train_accuracy(self) -> float:
        """Of some images that the run learned from, 0 to 1."""
        return self.train_hits / self.train_n


def lines(found: Robustness, change: str) -> dict[str, list[metrics.Interval]]:
    """Return both curves of a change: name -> accuracy with its interval at each level."""
    both = {"as it comes": found.raw[change], "after our normalisation": found.normalised[change]}
    return {name: [metrics.wilson(int(hits), found.n) for hits in values] for name, values in both.items()}


def describe(found: Robustness, change: str) -> str:
    """Say what a change does, at the level where our normalisation matters most."""
    kind, levels = CHANGES[change], found.levels[change]
    raw, normalised = found.raw[change] / found.n, found.normalised[change] / found.n
    plain = int(np.abs(levels - (1 if change == "scale" else 0)).argmin())
    most = int(np.abs(normalised - raw).argmax())
    if most == plain or abs(normalised[most] - raw[most]) < 0.02:
        worst = int(raw.argmin())
        return (
            f"{kind.done.format(levels[worst])} it reads {raw[worst]:.1%} instead of {raw[plain]:.1%}; our "
            "normalisation changes next to nothing."
        )
    helps = "brings that to" if normalised[most] > raw[most] else "makes that"
    return (
        f"{kind.done.format(levels[most])} it reads {raw[most]:.1%} of the images as they come, instead of "
        f"{raw[plain]:.1%}; our normalisation {helps} {normalised[most]:.1%}."
    )


def save(run: runs.Run, found: Robustness) -> None:
    """Keep a study beside the run's sealed files."""
    arrays: dict[str, np.ndarray] = {"format": np.array(FORMAT), "occlusion": found.occlusion}
    arrays["counts"] = np.array([found.n, found.train_hits, found.train_n])
    for part in ("levels", "raw", "normalised"):
        arrays |= {f"{part}_{name}": values for name, values in getattr(found, part).items()}
    body = io.BytesIO()
    np.savez_compressed(body, **arrays)  # type: ignore[arg-type]
    files.write_bytes(run.path / FILE, body.getvalue())


def load(run: runs.Run) -> Robustness | None:
    """Read a run's study; None where there is none yet.

    Raises
    ------
    RunError
        If there is one that cannot be read.
    """
    path = run.path / FILE
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if arrays["format"] != FORMAT:
                raise ValueError
            parts = {
                part: {name: arrays[f"{part}_{name}"] for name in CHANGES} for part in ("levels", "raw", "normalised")
            }
            n, hits, train = (int(count) for count in arrays["counts"])
            return Robustness(n=n, train_hits=hits, train_n=train, occlusion=arrays["occlusion"], **parts)
    except Exception as error:  # whatever numpy, zipfile and zlib say of a file that is not whole
        raise RunError(f"{FILE} of the run {run.id} cannot be read. Delete it, then measure it again.") from error
