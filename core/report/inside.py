"""What the report shows of a model's inside: a tree's questions, which pixels matter, how it learned, every depth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core import dataset, depth, look, metrics, plots_metrics, robustness, runs, treeview
from core.report import svg, tree
from core.texts import t

_MAGNIFIED = 8


@dataclass(frozen=True, slots=True, eq=False)
class Inside:
    """What is known of how a run decides; each None where the run has it not.

    Parameters
    ----------
    root : Node
        The top of its tree.
    questions, leaves : int
        How many the whole tree has.
    gain : (28, 28) float
        As of `treeview.importances`.
    study : Study
        The tree at every depth.
    """

    root: treeview.Node | None = None
    questions: int = 0
    leaves: int = 0
    gain: np.ndarray | None = None
    study: depth.Study | None = None


def look_inside(run: runs.Run, digits: dataset.Digits) -> Inside:
    """Read a run's tree, where it is one; all but the study.

    Raises
    ------
    RunError
        If the tree is not the one that was sealed.
    """
    if not depth.has_tree(run):
        return Inside()
    found = depth.load_tree(run)
    images = digits.x_test if digits.sha256 == run.config["data_sha256"] else None
    root = treeview.top(found, levels=tree.LEVELS, images=images)
    questions, leaves = int(found.inner.sum()), int((~found.inner).sum())
    return Inside(root, questions, leaves, treeview.pixels(run, found, digits))


def questions(found: Inside) -> str:
    """Return the tree's top as a drawing."""
    if found.root is None:
        return ""
    words = t(
        "The first of its {questions:,} questions; the whole tree has {leaves:,} leaves. The framed pixel is asked: "
        "more ink than the number (of 255) leads to the right. The picture is the mean of the test images that come "
        "by; the bar and the numbers are the images that it learned from.",
        questions=found.questions,
        leaves=found.leaves,
    )
    return f"<p>{words}</p>{tree.draw(found.root)}"


def pixels(found: Inside, study: robustness.Robustness | None) -> str:
    """Return which pixels matter, as a picture."""
    values = found.gain if found.gain is not None else study.occlusion if study else None
    if values is None:
        return ""
    say = metrics.say_gain if found.gain is not None else metrics.say_covering
    # The root, as on the page, or one strong pixel would leave all others white.
    share = (np.clip(values, 0, None) / max(float(values.max()), 1e-12)) ** 0.5
    ends = (np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) for colour in (look.SCALE[0][1], look.ACCENT))
    pale, strong = ends
    picture = (pale + share[:, :, np.newaxis] * (strong - pale)).astype(np.uint8)
    large = picture.repeat(_MAGNIFIED, axis=0).repeat(_MAGNIFIED, axis=1)
    alt = t("How much each pixel matters, as a picture")
    return (
        f'<figure class="wide"><img class="pixels" width="224" height="224" alt="{alt}" '
        f'src="{plots_metrics.data_uri(large)}"><figcaption>{say(values)}</figcaption></figure>'
    )


def learning(steps: Sequence[Mapping[str, Any]] | None) -> str:
    """Return the learning curve of a family that learns in steps."""
    words = metrics.say_learning(steps or ())
    known = [step for step in steps or () if step.get("held_accuracy")]
    if not words or len(known) < 2:
        return ""
    done = np.array([step["done"] for step in known], float)
    right = np.array([step["held_accuracy"] for step in known], float)
    span = (float(done[0]), float(done[-1]))
    line = svg.Line(done, right, dots=len(known) <= 40)
    drawn = svg.chart([line], t(known[0]["unit"]), t("held out"), span, _around(right), ticks=(_whole(span), None))
    return svg.figure(drawn, words)


def depths(found: Inside) -> str:
    """Return the tree's accuracy at every depth."""
    if found.study is None or found.study.depth < 2:
        return ""
    frame, best = depth.table(found.study), depth.best_depth(found.study)
    looks = {
        "train": svg.Line(frame.index.to_numpy(float), frame["train"].to_numpy(), look.MUTED, 2),
        "held": svg.Line(frame.index.to_numpy(float), frame["held"].to_numpy(), look.ACCENT, 1.5, dashed=True),
        "test": svg.Line(frame.index.to_numpy(float), frame["test"].to_numpy(), look.ACCENT, 2),
    }
    lines = [line for name, line in looks.items() if frame[name].notna().all()]
    top = float(np.concatenate([line.y for line in lines]).max())
    if best:
        lines.append(svg.Line(np.array([best, best]), np.array([0.0, 1.0]), look.MARK, 1, dashed=True))
    span = (1.0, float(found.study.depth))
    up = (0.0, max(top, 0.5))
    drawn = svg.chart(lines, t("questions asked at most (depth)"), t("right"), span, up, ticks=(_whole(span), None))
    legend = t(
        "Grey: what it learned from; blue: the test images; dashed blue: held out; red: the depth that is enough."
    )
    return svg.figure(drawn, f"{depth.describe(found.study).replace('**', '')} {legend}")


def proportions(evaluation: metrics.Evaluation) -> str:
    """Return how often each digit is there and is said."""
    matrix = evaluation.confusion_matrix
    there, said = matrix.sum(axis=1), matrix.sum(axis=0)
    x, top = np.arange(metrics.N_CLASSES, dtype=float), float(max(there.max(), said.max())) * 1.05
    bars = [svg.Bars(x - 0.2, there, 0.36, look.MUTED), svg.Bars(x + 0.2, said, 0.36)]
    ticks = ({float(c): str(c) for c in range(metrics.N_CLASSES)}, _counts(top))
    drawn = svg.chart(bars, t("digit"), t("images"), (-0.6, 9.6), (0.0, top), ticks=ticks)
    return svg.figure(drawn, f"{metrics.say_proportions(matrix)} {t('Grey: images; blue: answers.')}")


def sureness(evaluation: metrics.Evaluation) -> str:
    """Return how many right and wrong answers there are at each confidence, each line ten times more."""
    edges, right, wrong = metrics.confidence_counts(evaluation)
    middle, width = (edges[1:] + edges[:-1]) / 2, float(edges[1])
    top = float(np.ceil(np.log10(max(right.max(), wrong.max(), 10))))
    # One answer must be seen, so that the scale begins below it.
    heights = (np.where(counts, np.log10(np.maximum(counts, 1)), -0.3) for counts in (right, wrong))
    bars = [
        svg.Bars(middle + shift * width, height, 0.4 * width, colour)
        for height, shift, colour in zip(heights, (-0.22, 0.22), (look.ACCENT, look.MARK), strict=True)
    ]
    powers = {float(n): f"{10**n:,}" for n in range(int(top) + 1)}
    drawn = svg.chart(bars, t("how sure it is"), t("answers"), (0.0, 1.0), (-0.3, top), ticks=(None, powers))
    return svg.figure(drawn, f"{metrics.say_sureness(evaluation)} {t('Blue: right; red: wrong.')}")


def _around(values: np.ndarray) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    margin = max((high - low) * 0.08, 0.002)
    return max(0.0, low - margin), min(1.0, high + margin)


def _whole(span: tuple[float, float]) -> dict[float, str]:
    step = max(1, round((span[1] - span[0]) / 7))
    return {float(n): f"{n:,}" for n in range(int(span[0]), int(span[1]) + 1, step)}


def _counts(top: float) -> dict[float, str]:
    step = 10 ** np.floor(np.log10(top))
    step = step / 2 if top / step < 3 else step
    return {float(v): f"{v:,.0f}" for v in np.arange(0, top, step)}
