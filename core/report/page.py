"""The report itself: figures, matrix, curves and checks of a run's Metrics page, on one sheet."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from core import checks, look, metrics, plots_metrics, robustness, runs, texts
from core.digits import CLASS_NAMES
from core.report import svg
from core.texts import retell, t

_GREY, _BLUE, _RED = look.MUTED, look.ACCENT, look.MARK
_SHOWN = 24


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """What a report is made of.

    Parameters
    ----------
    deeper : name -> Interval
        From `metrics.deeper`.
    images : (n, 28, 28) uint8 or None
        The test images, where they are those that the run was measured on.
    """

    run: runs.Run
    evaluation: metrics.Evaluation
    deeper: dict[str, metrics.Interval]
    checks: Sequence[checks.Check]
    found: robustness.Robustness | None
    images: np.ndarray | None


def html(material: Material) -> str:
    """Return one self-contained HTML page: no script, no address outside of it."""
    run = material.run
    parts = {
        t("Numbers"): _numbers(material),
        t("Checks"): _checks(material.checks),
        t("Each digit"): _each_digit(material.evaluation),
        t("What is taken for what"): _confusion(material.evaluation),
        t("Curves"): _curves(material.evaluation),
        t("Confidence"): _confidence(material.evaluation),
        t("Robustness"): _robustness(material.found),
        t("The surest mistakes"): _mistakes(material),
        t("How it was made"): _making(run),
    }
    title = f"{t(run.card['label'])}, {run.metrics['accuracy']:.2%}"
    made = t("Run {run} on {data}.", run=run.id, data=retell(run.card["data"]["title"]))
    body = "".join(f"<section><h2>{name}</h2>{part}</section>" for name, part in parts.items() if part)
    return (
        f'<!doctype html><html lang="{texts.language()}"><head><meta charset="utf-8">'
        f"<title>{escape(title)} · Digit Lab</title>"
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head><body>'
        f"<h1>{escape(title)}</h1><p>{escape(made)}</p>"
        f"<p>{_bold(metrics.verdict(material.evaluation))}</p>{body}</body></html>"
    )


def _bold(words: str) -> str:
    parts = escape(words).split("**")
    return "".join(f"<b>{part}</b>" if i % 2 else part for i, part in enumerate(parts))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], kind: str = "") -> str:
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<table class="{kind}"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>'


def _numbers(material: Material) -> str:
    rows = []
    for name, one in (metrics.summary(material.evaluation) | material.deeper).items():
        meaning = metrics.MEANING[name]
        words = f"{meaning.says(one.value)} <small>{escape(t(meaning.means))}</small>"
        span = t("{low} to {high}", low=f"{one.low:.4f}", high=f"{one.high:.4f}")
        rows.append((t(meaning.label), f"<b>{one.value:.4f}</b>", span, words))
    return _table(("", t("value"), t("95 % interval"), t("what this says")), rows)


def _checks(found: Sequence[checks.Check]) -> str:
    marks = {True: "✓", False: "!", None: "?"}
    return "".join(f"<p><b>{marks[c.holds]} {escape(c.name)}</b> {escape(c.sentence)}</p>" for c in found)


def _each_digit(evaluation: metrics.Evaluation) -> str:
    frame = metrics.report(evaluation)
    rows = [
        (
            t(str(name)),
            *(_bar(row[column]) for column in ("precision", "recall", "f1")),
            f"{row['support']:,.0f}",
            f"{row['predicted']:,.0f}",
        )
        for name, row in frame.iterrows()
    ]
    head = (t("digit"), t("precision"), t("recall"), "F1", t("images"), t("answers"))
    return _table(head, rows, "right")


def _bar(share: float) -> str:
    return f'<span class="bar"><i style="width:{100 * share:.1f}%"></i></span> {share:.3f}'


def _confusion(evaluation: metrics.Evaluation) -> str:
    matrix = evaluation.confusion_matrix
    shares = metrics.confusion_shares(matrix, "true") ** 0.5
    rows = [
        (
            f"<b>{CLASS_NAMES[true]}</b>",
            *(
                f'<span class="cell" style="background:rgba(47,111,222,{shares[true, said]:.2f});'
                f'color:{"#fff" if shares[true, said] > 0.6 else "#111"}">{matrix[true, said]:,}</span>'
                for said in range(metrics.N_CLASSES)
            ),
        )
        for true in range(metrics.N_CLASSES)
    ]
    return _table((t("true \\ said"), *CLASS_NAMES), rows, "cells")


def _curves(evaluation: metrics.Evaluation) -> str:
    charts = []
    for found, x, y, span in (
        (metrics.roc(evaluation), t("false alarms"), t("found"), ((0.0, 1.0), (0.0, 1.0))),
        (metrics.precision_recall(evaluation), t("found (recall)"), t("right (precision)"), ((0.0, 1.0), (0.0, 1.0))),
    ):
        lines = [_curve(curve) for curve in map(metrics.thinned, found) if len(curve.x)]
        words = t(
            "Mean area of the ten digits: {mean:.4f}; all together: {all:.4f}.", mean=found[-1].area, all=found[-2].area
        )
        charts.append(_figure(svg.chart(lines, x, y, *span), words))
    names = " ".join(f'<i style="color:{c}">■</i> {d}' for d, c in zip(CLASS_NAMES, look.DIGITS, strict=True))
    legend = t("thick: their averages (macro dashed)")
    return f'<div class="charts">{"".join(charts)}</div><p>{names}, {legend}.</p>'


def _curve(curve: metrics.Curve) -> svg.Line:
    if curve.name in ("micro", "macro"):
        return svg.Line(curve.x, curve.y, _BLUE, 2.5, dashed=curve.name == "macro")
    return svg.Line(curve.x, curve.y, look.DIGITS[int(curve.name)], 1.0)


def _confidence(evaluation: metrics.Evaluation) -> str:
    found, covered = metrics.reliability(evaluation), metrics.coverage(evaluation)
    known = found.count > 0
    ends = np.array([0.0, 1.0])
    honest = svg.Line(ends, ends, _GREY, 1.0, dashed=True)
    model = svg.Line(found.confidence[known], found.accuracy[known], dots=True)
    first = svg.chart([honest, model], t("how sure it is"), t("how often it is right"), (0.0, 1.0), (0.0, 1.0))
    curve = metrics.thinned(metrics.Curve("", covered.answered, covered.accuracy, 0.0))
    low = max(0.0, float(curve.y.min()) - 0.01)
    second = svg.chart([svg.Line(curve.x, curve.y)], t("share that it answers"), t("right"), (0.0, 1.0), (low, 1.0))
    words = t(
        "Its confidence is off by {points:.1f} points on average (expected calibration error).",
        points=100 * found.error,
    )
    answered, right = covered.at(0.9)
    more = t(
        "If it answers only when 90 % sure, it answers {answered:.1%} and is right in {right:.1%} of that.",
        answered=answered,
        right=right,
    )
    return f'<div class="charts">{_figure(first, words)}{_figure(second, more if answered else "")}</div>'


def _robustness(found: robustness.Robustness | None) -> str:
    if found is None:
        return ""
    charts = []
    for name, change in robustness.CHANGES.items():
        lines = []
        for colour, values in zip((_GREY, _BLUE), robustness.lines(found, name).values(), strict=True):
            y, low, high = (np.array([getattr(v, part) for v in values]) for part in ("value", "low", "high"))
            lines.append(svg.Line(found.levels[name], y, colour, dots=True, low=low, high=high))
        span = float(found.levels[name].min()), float(found.levels[name].max())
        drawn = svg.chart(lines, t(change.axis), t("right"), span, (0.0, 1.0), percent=False)
        charts.append(_figure(drawn, robustness.describe(found, name)))
    words = t("Each point: {n:,} test images. Grey: as they come; blue: after our normalisation.", n=found.n)
    return f'<p>{words}</p><div class="charts">{"".join(charts)}</div>'


def _figure(drawn: str, words: str) -> str:
    return f"<figure>{drawn}<figcaption>{escape(words)}</figcaption></figure>"


def _mistakes(material: Material) -> str:
    evaluation = material.evaluation
    wrong = np.flatnonzero(~evaluation.right)
    if material.images is None or not len(wrong):
        return ""
    surest = wrong[np.argsort(-evaluation.confidence[wrong], kind="stable")][:_SHOWN]
    tiles = (
        f'<figure class="small"><img alt="{t("a {digit}", digit=evaluation.y_true[i])}" '
        f'src="{plots_metrics.data_uri(255 - np.asarray(material.images[i]))}">'
        f"<figcaption>{_read_as(evaluation.y_true[i], evaluation.y_pred[i])}<br>{evaluation.confidence[i]:.1%}"
        "</figcaption></figure>"
        for i in surest
    )
    return f'<div class="images">{"".join(tiles)}</div>'


def _read_as(true: int, said: int) -> str:
    return t("{true} read {said}", true=true, said=said)


def _making(run: runs.Run) -> str:
    card, timings = run.card, run.card["timings"]
    facts: dict[str, Any] = {
        **run.config["params"],
        t("training images"): f"{card['data']['n_fit']:,}",
        t("data sha256"): run.config["data_sha256"],
        t("time to learn"): t("{fit:.1f} s ({cpu:.1f} s of processors)", fit=timings["fit"], cpu=timings["fit_cpu"]),
        t("memory"): f"{card['peak_memory_mb']:.0f} MB",
        **{t("version of {name}", name=name): version for name, version in run.config.get("versions", {}).items()},
        **{name: t("{n:,} bytes", n=body["bytes"]) for name, body in card["files"].items()},
    }
    return _table(("", ""), [(escape(str(k)), escape(str(v))) for k, v in facts.items()])


_STYLE = (
    f":root {{--accent:{look.ACCENT}}}"
    + """
body {font:15px/1.45 system-ui, sans-serif; color:#111; background:#fff;
  max-width:62rem; margin:2rem auto; padding:0 1rem}
h1 {font-size:1.7rem; margin:0} h2 {font-size:1.15rem; margin:1.6rem 0 .5rem; border-bottom:1px solid #ddd}
table {border-collapse:collapse; font-size:.88rem; font-variant-numeric:tabular-nums; display:block; overflow-x:auto}
th, td {text-align:left; padding:.2rem .6rem .2rem 0; vertical-align:top} th {font-weight:600} small {color:#555}
.right td {white-space:nowrap} .cells td, .cells th {padding:1px; text-align:center}
.cell {display:block; padding:.3rem .1rem; min-width:2.5rem}
.bar {display:inline-block; width:6rem; height:.7rem; background:#e8ebf0; vertical-align:middle}
.bar i {display:block; height:100%; background:var(--accent)}
.charts {display:flex; flex-wrap:wrap; gap:1rem} figure {margin:0; flex:1 1 20rem; max-width:26rem}
figcaption {font-size:.85rem; color:#333} svg {width:100%; height:auto} svg text {font-size:10px; fill:#444}
.images {display:flex; flex-wrap:wrap; gap:.6rem} .small {flex:none; width:4.4rem; text-align:center}
.small img {width:56px; height:56px; image-rendering:pixelated; border:1px solid #ddd}
@media print {
  body {margin:0; font-size:12px; max-width:none}
  figure, tr, section > p {break-inside:avoid} h2 {break-after:avoid}
  * {-webkit-print-color-adjust:exact; print-color-adjust:exact}
}
"""
)
