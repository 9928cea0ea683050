"""A sweep over the depth of one tree, or over its pruning alone: one fit, cut at every depth or pruned at every alpha.

A tree of ten questions is the beginning of the tree of fifty, and pruning starts from the whole tree: so whoever has
the large one has them all, and twenty trials cost one fit (see `core.depth`).
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from core import depth, metrics, models, training
from core.depth import pruning, tree
from core.models import Value
from core.settings import Settings
from core.sweep import trial
from core.texts import t

DEPTH, PRUNING = "max_depth", "ccp_alpha"


def applies(family: str, searched: Sequence[str], base: Mapping[str, Value]) -> str:
    """Return which parameter can be had from one fit, DEPTH or PRUNING; empty where every trial needs its own.

    Parameters
    ----------
    searched : sequence of str
        All parameters that are searched.
    base : mapping
        The others' values: a tree that grows best leaf first, or is pruned after growing, is no beginning of a larger
        one.
    """
    if family != models.DEFAULT or len(searched) != 1:
        return ""
    if searched[0] == DEPTH and base["max_leaf_nodes"] is None and not base[PRUNING]:
        return DEPTH
    return PRUNING if searched[0] == PRUNING else ""


def describe(what: str) -> str:
    """Say what the one fit spares, and what it costs."""
    if what == DEPTH:
        return t(
            "One fit serves for all: the deepest tree is grown once and cut at every depth. A tree grown anew with the "
            "winning depth can answer a little differently, as scikit-learn breaks ties by chance."
        )
    return t("One fit serves for all: the tree is grown once and pruned under every alpha, which changes no result.")


def run(task: trial.Task, what: str, plan: Sequence[Mapping[str, Value]], settings: Settings) -> list[dict[str, Any]]:
    """Do all trials of a sweep over depth or pruning by one fit; returns their cards, as `trial.run` does."""
    parts = trial.load_parts(settings, task)
    began = time.perf_counter()
    model = training.fit(models.spec(task.family), largest(what, plan), parts.material, sparse=settings.small)
    found = depth.from_estimator(model.classifier)
    leaves = tree.ends(found, parts.held)
    if what == DEPTH:
        nodes = _at_depths(found, leaves, {_depth(found, params) for params in plan})
        scored = {level: trial.scores(parts.labels, found.value[at]) for level, at in nodes}
        results = [scored[_depth(found, params)] for params in plan]
    else:
        path = _path(found, plan[0], parts.material.labels)
        steps = [int(np.searchsorted(path.alphas, float(p[PRUNING] or 0), side="right")) - 1 for p in plan]
        scored = {k: trial.scores(parts.labels, found.value[_at_step(found, path, leaves, k)]) for k in set(steps)}
        results = [scored[step] for step in steps]
    seconds = (time.perf_counter() - began) / len(plan)
    return [
        {"number": number, "state": "done", "scores": result, "seconds": seconds}
        for number, result in enumerate(results, 1)
    ]


def largest(what: str, plan: Sequence[Mapping[str, Value]]) -> dict[str, Value]:
    """Return the parameters of the one tree that holds all the others."""
    if what == PRUNING:
        return {**plan[0], PRUNING: 0.0}
    depths = [params[DEPTH] for params in plan]
    return {**plan[0], DEPTH: None if None in depths else max(int(d or 0) for d in depths)}


def _depth(found: tree.Tree, params: Mapping[str, Value]) -> int:
    return min(int(params[DEPTH] or found.depth), found.depth)


def _at_depths(found: tree.Tree, leaves: np.ndarray, wanted: set[int]) -> Iterator[tuple[int, np.ndarray]]:
    # At which node each image is when the tree is cut at a depth: upwards from the leaves, a level at a time.
    levels = np.empty(len(found.left), np.intp)
    for level, nodes in enumerate(found.levels):
        levels[nodes] = level
    at = leaves
    for level in range(found.depth, 0, -1):
        at = np.where(levels[at] > level, found.parents[at], at)
        if level in wanted:
            yield level, at


def _path(found: tree.Tree, params: Mapping[str, Value], labels: np.ndarray) -> pruning.Path:
    balanced = params["class_weight"] == "balanced"
    weights = 1 / np.maximum(metrics.class_counts(labels), 1) if balanced else None
    return pruning.path(found, pruning.risks(found, str(params["criterion"]), weights))


def _at_step(found: tree.Tree, path: pruning.Path, leaves: np.ndarray, step: int) -> np.ndarray:
    at = leaves
    while (gone := path.stop[at] <= step).any():  # whatever is no leaf any more, or not even a node: up
        at = np.where(gone, found.parents[at], at)
    return at
