"""Reasons in words from exact contributions.

A reason is {name, value, direction, contribution}: what moved the score, what that was here,
whether it raises or lowers the score against the average row, and by how much in log-odds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

import numpy as np
import polars as pl
from numpy.typing import NDArray

CONTRIBUTION_DECIMALS = 4
UNKNOWN = "unknown"
FACTORS_TYPE = pl.List(
    pl.Struct(
        {
            "name": pl.String,
            "value": pl.String,
            "direction": pl.String,
            "contribution": pl.Float64,
        }
    )
)


class Reason(TypedDict):
    """One factor of a score."""

    name: str
    value: str
    direction: str
    contribution: float


def top_factors(
    frame: pl.DataFrame,
    contribution: NDArray[np.float64],
    names: Sequence[str],
    *,
    themes: Mapping[str, str],
    labels: Mapping[str, str],
    count: int,
) -> list[list[Reason]]:
    """The themes that moved each row most, strongest first.

    Args:
        frame: the rows, with the columns `names`.
        contribution: SHAP values in log-odds, shape (n, k) or (n, k + 1).
        names: the k columns in the order of `contribution`.
        themes: column → theme; contributions are summed per theme. A column that is not in it is
            its own theme.
        labels: column → words for its value.
        count: at most so many reasons per row; themes that contribute nothing are left out.
    """
    theme_of = [themes.get(name, name) for name in names]
    theme_names = sorted(set(theme_of))
    member_of = np.array([theme_names.index(theme) for theme in theme_of])
    shap = contribution[:, : len(names)]
    totals = np.column_stack(
        [shap[:, member_of == position].sum(axis=1) for position in range(len(theme_names))]
    )
    ranking = np.argsort(-np.abs(totals), axis=1, kind="stable")[:, :count]
    texts = [_texts(frame[name]) for name in names]
    result: list[list[Reason]] = []
    for row in range(frame.height):
        reasons: list[Reason] = []
        for position in ranking[row]:
            amount = round(float(totals[row, position]), CONTRIBUTION_DECIMALS)
            if amount == 0:
                continue
            members = np.flatnonzero(member_of == position)
            along = shap[row, members] * np.sign(amount)
            leading = int(members[np.argmax(along)])
            name = names[leading]
            reasons.append(
                {
                    "name": theme_names[position],
                    "value": f"{labels.get(name, name)}: {texts[leading][row]}",
                    "direction": "raises" if amount > 0 else "lowers",
                    "contribution": amount,
                }
            )
        result.append(reasons)
    return result


def _texts(series: pl.Series) -> list[str]:
    return [_text(value) for value in series.to_list()]


def _text(value: object) -> str:
    if value is None:
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        if np.isnan(value):
            return UNKNOWN
        return f"{value:,.0f}" if value.is_integer() or abs(value) >= 100 else f"{value:.2f}"
    return str(value)
