"""A frame in long format as a set of series without gaps, and what was done to make it so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_assets.forecasting.periods import Grid

Array = NDArray[np.float64]
Fill = Literal["interpolate", "zero"]
COLUMNS = ("unique_id", "ds", "y")


@dataclass(frozen=True)
class OneSeries:
    """A series from its first to its last known value.

    Attributes:
        name: its unique_id.
        first: number of its first period (`Grid.number`).
        values: one per period, none missing.
        filled_count: values that were missing and have been filled.
    """

    name: Any
    first: int
    values: Array
    filled_count: int

    @property
    def last(self) -> int:
        """Number of the last period."""
        return self.first + len(self.values) - 1

    def until(self, period: int) -> Array:
        """The values up to and including a period; empty if the series begins later."""
        return self.values[: max(0, period - self.first + 1)]

    def after(self, period: int, h: int) -> Array:
        """The h values after a period, NaN where the series has none."""
        values = np.full(h, np.nan)
        at = np.arange(h) + period + 1 - self.first
        there = (at >= 0) & (at < len(self.values))
        values[there] = self.values[at[there]]
        return values


@dataclass(frozen=True)
class Panel:
    """All series of a frame, in order of name.

    Attributes:
        grid: of the periods.
        id_dtype: type of unique_id.
        series: at least one.
    """

    grid: Grid
    id_dtype: pl.DataType
    series: tuple[OneSeries, ...]

    @classmethod
    def of(cls, frame: pl.DataFrame, freq: str, season_length: int, fill: Fill) -> Panel:
        """Check a frame and split it into series.

        Nulls and NaN in y are missing values, as are periods without a row. Before the first and
        after the last known value of a series they shorten it; between, they are filled.

        Raises:
            ValueError: a column is missing or of the wrong type, a name or date is null, a series
                has no known value, two rows share name and period, a date is off the grid, or a
                value is infinite.
        """
        _require_columns(frame)
        rows = frame.select(
            "unique_id", "ds", pl.col("y").cast(pl.Float64).fill_nan(None).alias("y")
        )
        for name in ("unique_id", "ds"):
            if nulls := rows[name].null_count():
                raise ValueError(
                    f"Column {name} is null in {nulls} of {rows.height} rows. Remove these rows."
                )
        grid = Grid.of(rows["ds"], freq)
        _require(
            ~grid.is_off(rows["ds"]),
            rows,
            f"does not lie on the grid of the frequency {freq!r} that the first row lies on",
        )
        _require(~rows["y"].is_infinite().fill_null(False), rows, "is infinite")
        rows = rows.with_columns(grid.number(rows["ds"]).alias("period")).sort(
            "unique_id", "period"
        )
        repeated = pl.struct("unique_id", "period").is_duplicated()
        _require(~rows.select(repeated).to_series(), rows, "occurs more than once: sum or drop")
        parts = rows.partition_by("unique_id", maintain_order=True)
        return cls(
            grid,
            rows.schema["unique_id"],
            tuple(_one_series(part, season_length, fill) for part in parts),
        )

    def history(self) -> pl.DataFrame:
        """All values, filled ones among them, in long format."""
        lengths = [len(one.values) for one in self.series]
        names = pl.Series("unique_id", [one.name for one in self.series], dtype=self.id_dtype)
        periods = np.concatenate([np.arange(len(one.values)) + one.first for one in self.series])
        return pl.DataFrame(
            {
                "unique_id": names.gather(np.repeat(np.arange(len(lengths)), lengths)),
                "ds": self.grid.date(pl.Series(periods)),
                "y": np.concatenate([one.values for one in self.series]),
            }
        )

    def frame(self, values: Mapping[str, Sequence[Array]]) -> pl.DataFrame:
        """Values of the periods after each series in long format.

        Args:
            values: column → one array of length h per series, in order.
        """
        lengths = [len(one) for one in next(iter(values.values()))]
        periods = np.concatenate(
            [np.arange(h) + one.last + 1 for one, h in zip(self.series, lengths, strict=True)]
        )
        names = pl.Series("unique_id", [one.name for one in self.series], dtype=self.id_dtype)
        return pl.DataFrame(
            {
                "unique_id": names.gather(np.repeat(np.arange(len(lengths)), lengths)),
                "ds": self.grid.date(pl.Series(periods)),
                **{name: np.concatenate(parts) for name, parts in values.items()},
            }
        )

    @property
    def end(self) -> int:
        """Number of the last period of any series."""
        return max(one.last for one in self.series)

    def until(self, period: int) -> Panel:
        """The panel as it was at the end of a period; series that begin later are left out."""
        return Panel(
            self.grid,
            self.id_dtype,
            tuple(
                OneSeries(one.name, one.first, one.until(period), one.filled_count)
                for one in self.series
                if one.first <= period
            ),
        )


def _require_columns(frame: pl.DataFrame) -> None:
    if missing := [name for name in COLUMNS if name not in frame.columns]:
        raise ValueError(
            f"The frame lacks the column {missing[0]!r}; it needs unique_id (the series), ds (the "
            "period's date) and y (the value)."
        )
    if not frame.schema["y"].is_numeric():
        raise ValueError(f"Column y has the type {frame.schema['y']}; it must be a number.")
    if frame.height == 0:
        raise ValueError("The frame has no rows, so there is nothing to forecast from.")


def _require(holds: pl.Series, rows: pl.DataFrame, complaint: str) -> None:
    wrong = rows.filter(~holds)
    if wrong.height:
        name, ds = wrong.select("unique_id", "ds").row(0)
        raise ValueError(
            f"{wrong.height} of {rows.height} rows are wrong; the first, of the series {name!r} "
            f"at {ds}, {complaint}."
        )


def _one_series(part: pl.DataFrame, season_length: int, fill: Fill) -> OneSeries:
    name = part["unique_id"][0]
    known = part.filter(pl.col("y").is_not_null())
    if known.height == 0:
        raise ValueError(f"The series {name!r} has no known value. Leave it out.")
    first = int(known["period"][0])
    place = known["period"].to_numpy() - first
    value = known["y"].to_numpy().copy()
    length = int(place[-1]) + 1
    if length == known.height:
        return OneSeries(name, first, value, 0)
    values = np.zeros(length) if fill == "zero" else _interpolated(place, value, season_length)
    values[place] = value
    return OneSeries(name, first, values, length - known.height)


def _interpolated(place: NDArray[np.int64], value: Array, season_length: int) -> Array:
    """Values between the known ones, straight lines around the seasonal profile if there is one.

    Nothing is filled with less than the least or more than the greatest known value.
    """
    position = place % season_length
    seen = np.bincount(position, minlength=season_length)
    profile = np.zeros(season_length)
    if season_length > 1 and seen.min() >= 2:
        profile = np.bincount(position, value - value.mean(), minlength=season_length) / seen
    everywhere = np.arange(int(place[-1]) + 1)
    straight = np.interp(everywhere, place, value - profile[position])
    return np.clip(straight + profile[everywhere % season_length], value.min(), value.max())
