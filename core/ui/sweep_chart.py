"""A sweep as a picture: every trial's score against the value of one parameter."""

import pandas as pd
import plotly.graph_objects as go

from core import plots, trials
from core.texts import t

HEIGHT = 230
_SPREAD = 30.0  # from this ratio of its ends on, an axis counts in orders of magnitude
_FEW = 8


def against(table: pd.DataFrame, name: str, none: str, metric: str) -> go.Figure:
    """Draw the score of every finished trial against one parameter, the best one marked.

    Parameters
    ----------
    table : DataFrame
        From `trials.table`.
    name : str
        The parameter's column.
    none : str
        What a missing value of it is called.
    metric : one of `trials.METRICS`
    """
    look = trials.METRICS[metric]
    shown = table[table["state"] == "done"]
    values = shown[name]
    # Whatever has words among its values, or few values, stands side by side; the rest on a line.
    numbers = pd.to_numeric(values, errors="coerce")
    words = bool(numbers.isna().any()) or numbers.nunique() <= _FEW
    order = [f"{v:g}" for v in sorted(numbers.dropna().unique())] + sorted(
        _name(v, none) for v in values[numbers.isna()]
    )
    x = [_name(v, none) for v in values] if words else list(numbers)
    best = shown["best"]
    mark = {
        "color": [plots.ACCENT if b else plots.MUTED for b in best],
        "size": [13 if b else 8 for b in best],
        "line": {"width": 0},
    }
    score = f"%{{y:{'.2%' if look.percent else '.4f'}}}"
    figure = go.Figure(go.Scatter(x=x, y=shown[metric], mode="markers", marker=mark, customdata=shown.index))
    figure.update_traces(hovertemplate=f"{t('trial')} %{{customdata}}<br>{name} %{{x}}: {score}<extra></extra>")
    plots.calm(figure, name, t(look.label), HEIGHT).update_layout(showlegend=False)
    wide = not words and numbers.min() > 0 and numbers.max() / numbers.min() > _SPREAD
    figure.update_xaxes(type="category" if words else "log" if wide else "linear")
    if words:
        figure.update_xaxes(categoryorder="array", categoryarray=list(dict.fromkeys(order)))
    return figure.update_yaxes(tickformat=".1%" if look.percent else ".3g")


def _name(value: object, none: str) -> str:
    if value is None or value != value:  # pandas makes NaN of a None among numbers
        return none or t("none")
    return f"{value:g}" if isinstance(value, int | float) else str(value)
