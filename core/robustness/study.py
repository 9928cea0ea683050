"""How a run reads images that were changed, kept in its `extra/robustness.npz`; and what that says in words."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from core import metrics, runs
from core.robustness.changes import CHANGES
from core.texts import t

FORMAT = 1
FILE = "extra/robustness.npz"
_PARTS = ("levels", "raw", "normalised")


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
    both = {t("as it comes"): found.raw[change], t("after our normalisation"): found.normalised[change]}
    return {name: [metrics.wilson(int(hits), found.n) for hits in values] for name, values in both.items()}


def describe(found: Robustness, change: str) -> str:
    """Say what a change does, at the level where our normalisation matters most."""
    kind, levels = CHANGES[change], found.levels[change]
    raw, normalised = found.raw[change] / found.n, found.normalised[change] / found.n
    plain = int(np.abs(levels - (1 if change == "scale" else 0)).argmin())
    most = int(np.abs(normalised - raw).argmax())
    if most == plain or abs(normalised[most] - raw[most]) < 0.02:
        worst = int(raw.argmin())
        return t(
            "{done} it reads {raw:.1%} instead of {plain:.1%}; our normalisation changes next to nothing.",
            done=t(kind.done, level=levels[worst]),
            raw=raw[worst],
            plain=raw[plain],
        )
    words = (
        t(
            "{done} it reads {raw:.1%} of the images as they come, instead of {plain:.1%}; our normalisation brings "
            "that to {after:.1%}."
        )
        if normalised[most] > raw[most]
        else t(
            "{done} it reads {raw:.1%} of the images as they come, instead of {plain:.1%}; our normalisation makes "
            "that {after:.1%}."
        )
    )
    return words.format(done=t(kind.done, level=levels[most]), raw=raw[most], plain=raw[plain], after=normalised[most])


def save(run: runs.Run, found: Robustness) -> None:
    """Keep a study beside the run's sealed files."""
    arrays: dict[str, np.ndarray] = {"occlusion": found.occlusion}
    arrays["counts"] = np.array([found.n, found.train_hits, found.train_n])
    for part in _PARTS:
        arrays |= {f"{part}_{name}": values for name, values in getattr(found, part).items()}
    runs.save_extra(run, FILE, FORMAT, arrays)


def load(run: runs.Run) -> Robustness | None:
    """Read a run's study; None where there is none yet.

    Raises
    ------
    RunError
        If there is one that cannot be read.
    """
    return runs.load_extra(run, FILE, FORMAT, _from_arrays, "measure it again")


def _from_arrays(arrays: Mapping[str, np.ndarray]) -> Robustness:
    parts = {part: {name: arrays[f"{part}_{name}"] for name in CHANGES} for part in _PARTS}
    n, hits, train = (int(count) for count in arrays["counts"])
    return Robustness(n=n, train_hits=hits, train_n=train, occlusion=arrays["occlusion"], **parts)
