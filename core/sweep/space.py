"""What is searched: values and ranges of parameters, all their combinations, or some drawn by chance.

A person writes values with commas between them, a range with two dots: `5, 10, no limit` or `0.01..10`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, log, prod
from typing import Any

import numpy as np

from core.errors import ModelError
from core.models import ModelSpec, Parameter, Value
from core.texts import t

MAX_TRIALS = 200
WIDE = 100.0  # from this ratio of its ends on, a range is searched by orders of magnitude
_TRIES = 100
_DIGITS = 3  # of a number drawn from a range: nobody needs more, and it can be typed again
_FACTORS = {"int": (0.5, 1, 2), "float": (0.1, 1, 10)}


@dataclass(frozen=True, slots=True)
class Range:
    """Everything from `low` to `high`, both included."""

    low: float
    high: float


Values = tuple[Value, ...]
Space = Mapping[str, Values | Range]


def suggest(parameter: Parameter) -> Values:
    """Return a few values around the default that are worth a try: all of a choice, else multiples of the default."""
    if parameter.kind == "choice":
        return parameter.choices
    # Without a default to multiply: from what the control itself counts in, upwards.
    if parameter.default:
        wanted = [float(parameter.default) * factor for factor in _FACTORS[parameter.kind]]
    else:
        start = max(parameter.step, parameter.low, 1e-9) * (100 if parameter.kind == "int" else 1)
        wanted = [start, 4 * start, 16 * start]
    kept = [min(max(value, parameter.low), parameter.high) for value in wanted]
    found = [round(value) if parameter.kind == "int" else _short(value) for value in kept]
    also: list[Value] = [parameter.default] if not parameter.default else []
    return tuple(dict.fromkeys([*also, *(parameter.check(value) for value in found)]))


def write(parameter: Parameter, values: Values | Range) -> str:
    """Return values or a range as a person would write them."""
    if isinstance(values, Range):
        return f"{values.low:g}..{values.high:g}"
    return ", ".join(parameter.none if value is None else _plain(value) for value in values)


def parse(parameter: Parameter, text: str) -> Values | Range:
    """Read values or a range.

    Raises
    ------
    ModelError
        Names the parameter, what was written and what it may be.
    """
    if ".." in text and parameter.kind != "choice":
        low, high = (_number(parameter, part) for part in text.split("..", 1))
        if low is None or high is None or not low < high:
            raise ModelError(
                t(
                    "{name} is {text!r}; a range goes from a smaller number to a larger one.",
                    name=parameter.name,
                    text=text,
                )
            )
        return Range(low, high)
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words:
        raise ModelError(t("{name} has no value to try; write some with commas between them.", name=parameter.name))
    return tuple(dict.fromkeys(_value(parameter, word) for word in words))


def space_of(spec: ModelSpec, texts: Mapping[str, str]) -> dict[str, Values | Range]:
    """Read what is to be searched of a family, from a text for each parameter.

    Raises
    ------
    ModelError
        For an unknown parameter, or a text that cannot be read.
    """
    known = {p.name: p for p in spec.parameters}
    unknown = [name for name in texts if name not in known]
    if unknown:
        raise ModelError(
            t(
                "{label} has no parameter {unknown!r}; it has {known}.",
                label=t(spec.label),
                unknown=unknown[0],
                known=", ".join(known),
            )
        )
    if not texts:
        raise ModelError(t("There is no parameter to search; choose at least one."))
    return {name: parse(known[name], text) for name, text in texts.items()}


def value(spec: ModelSpec, name: str, text: str) -> Value:
    """Read the one value of a parameter that is not searched.

    Raises
    ------
    ModelError
        As from `space_of`, or if it is more than one.
    """
    found = space_of(spec, {name: text})[name]
    if isinstance(found, Range) or len(found) != 1:
        raise ModelError(t("{name} is {text!r}; give one value, or search it.", name=name, text=text))
    return found[0]


def count(space: Space) -> int:
    """Return how many combinations there are; 0 where a range of numbers makes them countless."""
    return 0 if any(isinstance(v, Range) for v in space.values()) else prod(len(v) for v in _listed(space).values())


def plan(spec: ModelSpec, base: Mapping[str, Value], space: Space, how: str, trials: int, seed: int) -> list[dict]:
    """Return the parameters of every trial, all of them checked, in the order in which they are tried.

    Parameters
    ----------
    base : mapping
        The parameters that are not searched.
    how : "grid" or "random"
        All combinations, or so many as `trials` says drawn without repetition; of a grid that is larger than `trials`
        only so many are drawn as well.
    seed : int
        The same seed draws the same trials.

    Raises
    ------
    ModelError
        If a range stands where values are needed, or the number of trials is out of range.
    """
    if not 1 <= trials <= MAX_TRIALS:
        raise ModelError(
            t(
                "{trials} trials are asked for; a sweep has from 1 to {most}.",
                trials=trials,
                most=MAX_TRIALS,
            )
        )
    if how == "grid":
        space = {name: _steps(spec, name, values) for name, values in space.items()}
    rng = np.random.default_rng(seed)
    total = count(space)
    drawn = _combinations(space, total, trials, rng, how) if total else _draws(spec, space, trials, rng)
    return [spec.check({**base, **values}) for values in drawn]


def _steps(spec: ModelSpec, name: str, values: Values | Range) -> Values | Range:
    if not isinstance(values, Range):
        return values
    kind = next(p.kind for p in spec.parameters if p.name == name)
    if kind == "int" and values.high - values.low < MAX_TRIALS:
        return tuple(range(int(values.low), int(values.high) + 1))
    raise ModelError(
        t(
            "{name} is the range {low:g}..{high:g}, a grid needs values. Write some, or search by chance.",
            name=name,
            low=values.low,
            high=values.high,
        )
    )


def _combinations(space: Space, total: int, trials: int, rng: np.random.Generator, how: str) -> list[dict[str, Value]]:
    listed = _listed(space)
    shape = tuple(len(values) for values in listed.values())
    if how == "grid" and total <= trials:
        chosen = np.arange(total)
    else:
        chosen = rng.choice(total, min(trials, total), replace=False)
        chosen = np.sort(chosen) if how == "grid" else chosen
    places = np.transpose(np.unravel_index(chosen, shape))
    return [
        {name: values[at] for (name, values), at in zip(listed.items(), row, strict=True)} for row in places.tolist()
    ]


def _draws(spec: ModelSpec, space: Space, trials: int, rng: np.random.Generator) -> list[dict[str, Value]]:
    parameters = {p.name: p for p in spec.parameters}
    found: dict[tuple, dict[str, Value]] = {}
    for _ in range(_TRIES * trials):  # a narrow range of whole numbers may have fewer than are asked for
        one = {name: _draw(parameters[name], values, rng) for name, values in space.items()}
        found.setdefault(tuple(one.values()), one)
        if len(found) == trials:
            break
    return list(found.values())


def _draw(parameter: Parameter, values: Values | Range, rng: np.random.Generator) -> Value:
    if not isinstance(values, Range):
        return values[int(rng.integers(len(values)))]
    low, high = values.low, values.high
    # Nothing has no order of magnitude: below the smallest step everything is as good as 0.
    bottom = low or float(parameter.step)
    if high / bottom >= WIDE:
        drawn = exp(rng.uniform(log(bottom), log(high)))
    elif parameter.kind == "int":
        return int(rng.integers(int(low), int(high) + 1))
    else:
        drawn = rng.uniform(low, high)
    inside = min(max(drawn, low), high)
    return round(inside) if parameter.kind == "int" else min(max(_short(inside), low), high)


def _listed(space: Space) -> dict[str, Values]:
    return {name: values for name, values in space.items() if not isinstance(values, Range)}


def _value(parameter: Parameter, word: str) -> Value:
    if parameter.none and word.lower() in (parameter.none, "none"):
        return None
    return parameter.check(word if parameter.kind == "choice" else _parsed(word))


def _number(parameter: Parameter, word: str) -> float | None:
    found: Any = _value(parameter, word.strip())
    return found


def _parsed(word: str) -> Any:
    try:
        return float(word)
    except ValueError:
        return word  # `check` says what is wrong with it


def _short(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def _plain(value: Value) -> str:
    return np.format_float_positional(value, trim="-") if isinstance(value, float) else str(value)
