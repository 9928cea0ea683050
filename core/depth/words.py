"""What a study says, in sentences with its own numbers."""

import numpy as np

from core.depth.study import Study, best_depth, best_pruning, pruning_table, table

_NOTICED = 0.005  # half a point: less is no news


def describe(study: Study) -> str:
    """Say where the tree is deep enough and where it begins to learn by heart; for people of sixteen."""
    frame, best = table(study), best_depth(study)
    last = frame.loc[study.depth]
    gap = 100 * (last["train"] - last["test"])
    if best is None:
        return (
            f"With all its {study.depth} questions the tree reads {last['train']:.1%} of the images that it learned "
            f"from and {last['test']:.1%} of the test images, a gap of {gap:.1f} points. Which depth is enough? Only "
            "images that it has not learned from can tell, and not the test images: those are for the very end."
        )
    here, n = frame.loc[best], int(study.held[0].sum())
    top = int(frame["held"].to_numpy().argmax()) + 1
    error = 100 * np.sqrt(frame["held"][top] * (1 - frame["held"][top]) / n)
    words = (
        f"**Depth {best} is enough**: on {n:,} images that were held out of its training the tree reads "
        f"{here['held']:.1%} there. "
    )
    if top != best:
        words += (
            f"The best depth, {top}, reads {frame['held'][top]:.1%}, which may be luck: among {n:,} images chance "
            f"alone makes about {error:.1f} points. "
        )
    if last["train"] - here["train"] < _NOTICED:
        return words + "More questions change next to nothing."
    before = 100 * (here["train"] - here["test"])
    gap_grows = f"the gap grows from {before:.1f} to {gap:.1f} points."
    if last["test"] - here["test"] >= _NOTICED:
        return words + f"With more questions, up to {study.depth}, it still reads more test images, but {gap_grows}"
    return words + (
        f"With more questions, up to {study.depth}, it knows its own images better and better ({here['train']:.1%} to "
        f"{last['train']:.1%}), but not the test images ({here['test']:.1%} to {last['test']:.1%}): it learns by "
        f"heart. That is **overfitting**, and {gap_grows}"
    )


def describe_pruning(study: Study) -> str:
    """Say what pruning makes of the tree."""
    frame, best = pruning_table(study), best_pruning(study)
    whole = (
        f"Pruning (`ccp_alpha`) takes away those questions that gain least, wherever in the tree they are. The whole "
        f"tree has {frame['leaves'][0]:,} leaves and reads {frame['test'][0]:.1%} of the test images"
    )
    if best is None:
        return f"{whole}."
    row = frame.loc[best]
    return (
        f"{whole}; with `ccp_alpha` = {row['alpha']:.2g} it keeps {row['leaves']:,.0f} and reads {row['test']:.1%}. "
        "That is the smallest one which the held-out images cannot tell from the best."
    )
