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
    words = [
        t(
            "**Depth {best} is enough**: on {n:,} images that were held out of its training the tree reads "
            "{held:.1%} there.",
            best=best,
            n=n,
            held=here["held"],
        )
    ]
    top = int(frame["held"].to_numpy().argmax()) + 1
    if top != best:
        error = 100 * np.sqrt(frame["held"][top] * (1 - frame["held"][top]) / n)
        words.append(
            t(
                "The best depth, {top}, reads {held:.1%}, which may be luck: among {n:,} images chance alone makes "
                "about {error:.1f} points.",
                top=top,
                held=frame["held"][top],
                n=n,
                error=error,
            )
        )
    return " ".join([*words, _beyond(study.depth, here, last)])


def _beyond(deepest: int, here: pd.Series, last: pd.Series) -> str:
    before, gap = (100 * (row["train"] - row["test"]) for row in (here, last))
    if last["train"] - here["train"] < _NOTICED:
        return t("More questions change next to nothing.")
    if last["test"] - here["test"] >= _NOTICED:
        return t(
            "With more questions, up to {depth}, it still reads more test images, but the gap grows from {before:.1f} "
            "to {gap:.1f} points.",
            depth=deepest,
            before=before,
            gap=gap,
        )
    return t(
        "With more questions, up to {depth}, it knows its own images better and better ({train:.1%} to "
        "{last_train:.1%}), but not the test images ({test:.1%} to {last_test:.1%}): it learns by heart. That is "
        "**overfitting**, and the gap grows from {before:.1f} to {gap:.1f} points.",
        depth=deepest,
        train=here["train"],
        last_train=last["train"],
        test=here["test"],
        last_test=last["test"],
        before=before,
        gap=gap,
    )


def describe_pruning(study: Study) -> str:
    """Say what pruning makes of the tree."""
    frame, best = pruning_table(study), best_pruning(study)
    leaves, test = frame["leaves"][0], frame["test"][0]
    if best is None:
        return t(
            "Pruning (`ccp_alpha`) takes away those questions that gain least, wherever in the tree they are. The "
            "whole tree has {leaves:,} leaves and reads {test:.1%} of the test images.",
            leaves=leaves,
            test=test,
        )
    row = frame.loc[best]
    return t(
        "Pruning (`ccp_alpha`) takes away those questions that gain least, wherever in the tree they are. The whole "
        "tree has {leaves:,} leaves and reads {test:.1%} of the test images; with `ccp_alpha` = {alpha:.2g} it keeps "
        "{kept:,.0f} and reads {pruned:.1%}. That is the smallest one which the held-out images cannot tell from the "
        "best.",
        leaves=leaves,
        test=test,
        alpha=row["alpha"],
        kept=row["leaves"],
        pruned=row["test"],
    )
