"""The part of a script for a run that learned from My digits: the drawings are a file, proven by its sha256."""

import re
from collections.abc import Mapping
from typing import Any

_SHA256 = re.compile(r"[0-9a-f]{64}")


def are_named(mine: Any) -> bool:
    """Tell whether a config names a set of drawings as `mydigits.make_set` does."""
    return (
        isinstance(mine, Mapping)
        and isinstance(mine.get("sha256"), str)
        and bool(_SHA256.fullmatch(mine["sha256"]))
        and all(isinstance(mine.get(name), int) and mine[name] >= 0 for name in ("count", "copies"))
    )


def learned(config: Mapping[str, Any]) -> int:
    """Return how many of a run's training images were drawings, each with its copies."""
    mine: Any = config.get("my_digits")
    return int(mine["count"] * mine["copies"]) if are_named(mine) else 0


def note(mine: Mapping[str, Any], place: int) -> str:
    """Return what the head of the script says of them; `place` is the word of the command line that names the file."""
    return _NOTE.format(words=" mnist.npz" * (place > 1), count=mine["count"], name=mine["sha256"][:12])


def lines(mine: Mapping[str, Any], place: int) -> str:
    """Return the lines that read them, prove them and append them to the training images."""
    return _LINES.format(place=place, **{name: mine[name] for name in ("sha256", "count", "copies")})


_NOTE = """
It learned from {count} drawings of My digits too, which are nowhere but on the server that made it. The script wants
them as a file: DIGITLAB_HOME/mydigits/{name}.npz, or the .npz that Draw exports, as long as nothing was added or
deleted since. Without the very same drawings it stops and says so.
    python again.py{words} drawings.npz
"""
_LINES = """
# The drawings, {copies} times each, never held out, in an order that hangs on nothing but themselves.
if len(sys.argv) <= {place}:
    sys.exit("Name the file with the {count} drawings of My digits: this run learned from them.")
with np.load(sys.argv[{place}]) as data:
    drawn = zip(data["images"], data["labels"])
drawn = sorted(drawn, key=lambda one: (sha256(one[0].tobytes()).hexdigest(), one[1]))
images, labels = np.array([one[0] for one in drawn], np.uint8), np.array([one[1] for one in drawn], np.uint8)
if sha256(images.tobytes() + labels.tobytes()).hexdigest() != "{sha256}":
    sys.exit(f"{{sys.argv[{place}]}} holds other drawings than the {count} that this run learned from.")
x_train = np.concatenate([x_train, np.tile(images, ({copies}, 1, 1))])
y_train = np.concatenate([y_train, np.tile(labels, {copies})])
"""
