"""Turns a frame's columns into the numeric matrix that boosting reads.

Numbers stay, booleans become 0 and 1, dates and durations become days, times of day hours, texts
category codes. Missing values stay missing; infinite numbers are missing, and so is a category that
was not seen, or hardly seen, in training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

ColumnKind = Literal["number", "boolean", "date", "duration", "time", "category"]

SECONDS_PER_DAY = 86_400
NANOSECONDS_PER_HOUR = 3_600e9


@dataclass(frozen=True)
class EncodedColumn:
    """One input column; `categories` in code order for a category, else empty."""

    name: str
    kind: ColumnKind
    categories: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class FrameEncoder:
    """The columns of a trained model, in order."""

    columns: tuple[EncodedColumn, ...]

    @classmethod
    def fit(cls, frame: pl.DataFrame, names: Sequence[str], min_category_rows: int) -> Self:
        """Learn kinds and categories from the training rows.

        Raises:
            TypeError: a column is of a type that has no numeric meaning here.
        """
        return cls(tuple(_learn(frame[name], min_category_rows) for name in names))

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in matrix order."""
        return tuple(column.name for column in self.columns)

    @property
    def category_positions(self) -> list[int]:
        """Matrix columns that hold category codes."""
        return [i for i, column in enumerate(self.columns) if column.kind == "category"]

    def transform(self, frame: pl.DataFrame) -> NDArray[np.float64]:
        """Matrix of shape (rows, columns), NaN for missing and unseen.

        Raises:
            ValueError: a column of the model is not in the frame.
        """
        missing = [name for name in self.names if name not in frame.columns]
        if missing:
            raise ValueError(
                f"The model needs columns that the frame does not have: {', '.join(missing)}. "
                "Add them, or train the model again on the columns that there are."
            )
        matrix = np.empty((frame.height, len(self.columns)), dtype=np.float64)
        for position, column in enumerate(self.columns):
            matrix[:, position] = _encode(frame[column.name], column)
        return matrix

    def as_dict(self) -> list[dict[str, Any]]:
        """Plain values for JSON."""
        return [
            {"name": c.name, "kind": c.kind, "categories": list(c.categories)} for c in self.columns
        ]

    @classmethod
    def from_dict(cls, columns: Sequence[dict[str, Any]]) -> Self:
        """The inverse of `as_dict`."""
        return cls(
            tuple(EncodedColumn(c["name"], c["kind"], tuple(c["categories"])) for c in columns)
        )


def _learn(series: pl.Series, min_category_rows: int) -> EncodedColumn:
    kind = _kind(series)
    if kind != "category":
        return EncodedColumn(series.name, kind)
    counts = series.cast(pl.String).drop_nulls().value_counts(name="row_count")
    frequent = counts.filter(pl.col("row_count") >= min_category_rows)[series.name]
    return EncodedColumn(series.name, kind, tuple(sorted(frequent.to_list())))


def _kind(series: pl.Series) -> ColumnKind:
    dtype = series.dtype
    if isinstance(dtype, pl.Boolean):
        return "boolean"
    if dtype.is_numeric() or isinstance(dtype, pl.Null):
        return "number"
    if isinstance(dtype, (pl.Date, pl.Datetime)):
        return "date"
    if isinstance(dtype, pl.Duration):
        return "duration"
    if isinstance(dtype, pl.Time):
        return "time"
    if isinstance(dtype, (pl.String, pl.Categorical, pl.Enum)):
        return "category"
    raise TypeError(
        f"Column {series.name!r} has type {dtype}, which is neither number, text, boolean, date, "
        "time nor duration. Exclude it or convert it."
    )


def _encode(series: pl.Series, column: EncodedColumn) -> NDArray[np.float64]:
    if column.kind == "category":
        codes = {category: float(code) for code, category in enumerate(column.categories)}
        encoded = series.cast(pl.String).replace_strict(
            codes, default=None, return_dtype=pl.Float64
        )
        return encoded.fill_null(float("nan")).to_numpy()
    try:
        encoded = _as_number(series, column.kind)
    except pl.exceptions.PolarsError as error:
        raise TypeError(
            f"Column {series.name!r} was a {column.kind} in training and is of type "
            f"{series.dtype} now. Convert it to what it was."
        ) from error
    values = encoded.fill_null(float("nan")).to_numpy()
    is_infinite = np.isinf(values)
    return np.where(is_infinite, np.nan, values) if is_infinite.any() else values


def _as_number(series: pl.Series, kind: ColumnKind) -> pl.Series:
    if series.dtype == pl.Null:
        return series.cast(pl.Float64)
    if kind == "date":
        return series.cast(pl.Datetime("us")).dt.epoch("s") / SECONDS_PER_DAY
    if kind == "duration":
        return series.dt.total_milliseconds() / (1_000 * SECONDS_PER_DAY)
    if kind == "time":
        return series.cast(pl.Time).cast(pl.Int64) / NANOSECONDS_PER_HOUR
    return series.cast(pl.Float64)
