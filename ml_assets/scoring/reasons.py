"""Reasons in words from exact contributions.

A reason is {name, value, direction, contribution}: what moved the score, what that was here,
whether it raises or lowers the score against the average row, and by how much in log-odds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa  # pyright: ignore[reportMissingTypeStubs]
from numpy.typing import NDArray

CONTRIBUTION_DECIMALS = 4
UNKNOWN = "unknown"
REASON_TYPE = pl.Struct(
    {
        "name": pl.String,
        "value": pl.String,
        "direction": pl.String,
        "contribution": pl.Float64,
    }
)
FACTORS_TYPE = pl.List(REASON_TYPE)


def top_factors(
    frame: pl.DataFrame,
    contribution: NDArray[np.float64],
    names: Sequence[str],
    *,
    themes: Mapping[str, str],
    labels: Mapping[str, str],
    count: int,
) -> pl.Series:
    """The themes that moved each row most, strongest first.

    Args:
        frame: the rows, with the columns `names`.
        contribution: SHAP values in log-odds, shape (n, k) or (n, k + 1).
        names: the k columns in the order of `contribution`.
        themes: column → theme; contributions are summed per theme. A column that is not in it is
            its own theme.
        labels: column → words for its value.
        count: at most so many reasons per row; themes that contribute nothing are left out.

    Returns:
        One list of reasons per row, of type `FACTORS_TYPE`.
    """
    theme_of = [themes.get(name, name) for name in names]
    theme_names = sorted(set(theme_of))
    members = [
        np.array([i for i, theme in enumerate(theme_of) if theme == name]) for name in theme_names
    ]
    shap = contribution[:, : len(names)]
    totals = np.column_stack(
        [shap[:, i].sum(axis=1) for i in members] or [np.empty((frame.height, 0))]
    )
    ranking, amounts = _strongest(totals, min(count, len(theme_names)))
    is_reason = amounts != 0
    row, _ = np.nonzero(is_reason)
    theme, amount = ranking[is_reason], amounts[is_reason]
    leading = np.zeros(len(row), dtype=np.int64)
    for position, of_theme in enumerate(members):
        at = np.flatnonzero(theme == position)
        along = shap[np.ix_(row[at], of_theme)] * np.sign(amount[at])[:, None]
        leading[at] = of_theme[along.argmax(axis=1)] if len(at) else 0
    reasons = pl.DataFrame(
        {
            "name": pl.Series(theme_names, dtype=pl.String).gather(theme),
            "value": _values(frame, row, leading, names, labels),
            "direction": pl.Series(["lowers", "raises"]).gather((amount > 0).astype(np.uint32)),
            "contribution": amount,
        }
    )
    ends = np.concatenate([[0], is_reason.sum(axis=1).cumsum()])
    return _lists(reasons, ends)


def theme_contributions(
    contribution: NDArray[np.float64], names: Sequence[str], themes: Mapping[str, str]
) -> pl.DataFrame:
    """What each theme adds to each row's score in log-odds: one column per theme, sorted by name.

    Args:
        contribution: in log-odds, shape (n, k) or (n, k + 1).
        names: the k columns in the order of `contribution`.
        themes: column → theme; a column that is not in it is its own theme.
    """
    theme_of = np.array([themes.get(name, name) for name in names])
    return pl.DataFrame(
        {
            theme: contribution[:, : len(names)][:, theme_of == theme].sum(axis=1)
            for theme in sorted(set(theme_of.tolist()))
        }
    )


def _lists(reasons: pl.DataFrame, ends: NDArray[np.int64]) -> pl.Series:
    """One list per row of the rows of `reasons` between two ends."""
    arrow: Any = pa
    lists = arrow.LargeListArray.from_arrays(
        arrow.array(ends, arrow.int64()), reasons.to_struct("reasons").to_arrow()
    )
    return pl.Series("top_factors", lists, dtype=FACTORS_TYPE)


def _strongest(
    totals: NDArray[np.float64], count: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Positions and rounded amounts of each row's largest amounts by size, shape (n, count)."""
    rows = np.arange(len(totals))
    left = np.abs(totals)
    ranking = np.empty((len(totals), count), dtype=np.int64)
    for place in range(count):
        ranking[:, place] = left.argmax(axis=1)
        left[rows, ranking[:, place]] = -1.0
    amounts = np.round(np.take_along_axis(totals, ranking, axis=1), CONTRIBUTION_DECIMALS)
    return ranking, amounts


def _values(
    frame: pl.DataFrame,
    row: NDArray[np.int64],
    column: NDArray[np.int64],
    names: Sequence[str],
    labels: Mapping[str, str],
) -> pl.Series:
    """`label: value` of one cell for each pair of row and column."""
    places: list[NDArray[np.int64]] = []
    texts: list[pl.Series] = []
    for position, name in enumerate(names):
        at = np.flatnonzero(column == position)
        if len(at):
            places.append(at)
            texts.append(f"{labels.get(name, name)}: " + cell_texts(frame[name].gather(row[at])))
    if not texts:
        return pl.Series([], dtype=pl.String)
    back = np.empty(len(row), dtype=np.int64)
    back[np.concatenate(places)] = np.arange(len(row))
    return pl.concat([text.alias("value") for text in texts]).gather(back)


def cell_texts(series: pl.Series) -> pl.Series:
    """The values of a column as a person would write them, missing ones as `unknown`."""
    dtype = series.dtype
    if dtype.is_float():
        texts = _number_texts(series.cast(pl.Float64))
    elif dtype == pl.Boolean:
        texts = series.replace_strict({True: "yes", False: "no"}, return_dtype=pl.String)
    elif isinstance(dtype, pl.Datetime):
        texts = series.dt.to_string("%Y-%m-%d %H:%M")
    elif isinstance(dtype, pl.Time):
        texts = series.dt.to_string("%H:%M")
    elif isinstance(dtype, pl.Duration):
        texts = _number_texts(series.dt.total_milliseconds() / 86_400_000) + " days"
    else:
        texts = series.cast(pl.String)
    return texts.fill_null(UNKNOWN)


def _number_texts(series: pl.Series) -> pl.Series:
    """Two decimals, none from a hundred on and for whole numbers; each distinct text made once."""
    values = series.fill_null(float("nan")).to_numpy()
    shown = np.where(np.abs(values) >= 100, np.round(values), np.round(values, 2))
    distinct, position = np.unique(shown, return_inverse=True)
    made = [
        None if np.isnan(value) else f"{value:,.0f}" if value.is_integer() else f"{value:.2f}"
        for value in distinct.tolist()
    ]
    return pl.Series(made, dtype=pl.String).gather(position)
