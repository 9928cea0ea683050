"""What a study says, in sentences with its own numbers."""

import numpy as np
import pandas as pd

from core.depth.study import Study, best_depth, best_pruning, pruning_table, table
from core.texts import t

_NOTICED = 0.005  # half a point: less is no news


def describe(study: Study) -> str:
    """Say where the tree is deep enough and where it begins to learn by heart; for people of sixteen."""
    frame, best = table(study), best_depth(study)
    last = frame.loc[study.depth]
    gap = 100 * (last["train"] - last["test"])
    if best is None:
        return t(
            "With all its {depth} questions the tree reads {train:.1%} of the images that it learned from and "
            "{test:.1%} of the test images, a gap of {gap:.1f} points. Which depth is enough? Only images that it has "
            "not learned from can tell, and not the test images: those are for the very end.",
            depth=study.depth,
            train=last["train"],
            test=last["test"],
            gap=gap,
        )
    here, n = frame.loc[best], int(study.held[0].sum())
    words = t(
        "**Depth {best} is enough**: on {n:,} images that were held out of its training the tree reads {held:.1%} "
        "there.",
        best=best,
        n=n,
        held=here["held"],
    )
    more = {"depth": study.depth, "before": 100 * (here["train"] - here["test"]), "gap": gap}
    return " ".join(part for part in (words, _luck(frame, best, n), _beyond(here, last, more)) if part)


def _luck(frame: pd.DataFrame, best: int, n: int) -> str:
    top = int(frame["held"].to_numpy().argmax()) + 1
    if top == best:
        return ""
    return t(
        "The best depth, {top}, reads {held:.1%}, which may be luck: among {n:,} images chance alone makes about "
        "{error:.1f} points.",
        top=top,
        held=frame["held"][top],
        n=n,
        error=100 * np.sqrt(frame["held"][top] * (1 - frame["held"][top]) / n),
    )


def _beyond(here: pd.Series, last: pd.Series, more: dict[str, float]) -> str:
    if last["train"] - here["train"] < _NOTICED:
        return t("More questions change next to nothing.")
    if last["test"] - here["test"] >= _NOTICED:
        return t(
            "With more questions, up to {depth}, it still reads more test images, but the gap grows from {before:.1f} "
            "to {gap:.1f} points.",
            **more,
        )
    return t(
        "With more questions, up to {depth}, it knows its own images better and better ({train:.1%} to "
        "{train_last:.1%}), but not the test images ({test:.1%} to {test_last:.1%}): it learns by heart. That is "
        "**overfitting**, and the gap grows from {before:.1f} to {gap:.1f} points.",
        **more,
        train=here["train"],
        train_last=last["train"],
        test=here["test"],
        test_last=last["test"],
    )


def describe_pruning(study: Study) -> str:
    """Say what pruning makes of the tree."""
    frame, best = pruning_table(study), best_pruning(study)
    what = {"leaves": frame["leaves"][0], "test": frame["test"][0]}
    if best is None:
        return t(
            "Pruning (`ccp_alpha`) takes away those questions that gain least, wherever in the tree they are. The "
            "whole tree has {leaves:,} leaves and reads {test:.1%} of the test images.",
            **what,
        )
    row = frame.loc[best]
    return t(
        "Pruning (`ccp_alpha`) takes away those questions that gain least, wherever in the tree they are. The whole "
        "tree has {leaves:,} leaves and reads {test:.1%} of the test images; with `ccp_alpha` = {alpha:.2g} it keeps "
        "{kept:,.0f} and reads {then:.1%}. That is the smallest one which the held-out images cannot tell from the "
        "best.",
        **what,
        alpha=row["alpha"],
        kept=row["leaves"],
        then=row["test"],
    )
