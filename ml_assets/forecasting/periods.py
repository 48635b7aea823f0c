"""The calendar of a frequency: dates as whole numbers of periods, and back."""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

ALIASES = {
    "H": "1h",
    "D": "1d",
    "W": "1w",
    "M": "1mo",
    "MS": "1mo",
    "ME": "1mo",
    "Q": "1q",
    "QS": "1q",
    "QE": "1q",
    "Y": "1y",
    "YS": "1y",
    "YE": "1y",
}
"""The ecosystem's names of frequencies that come from pandas; polars' own are used as they are."""

SEASON_LENGTHS = {"1h": 24, "1d": 7, "1w": 52, "1mo": 12, "1q": 4}
MONTHS = {"mo": 1, "q": 3, "y": 12}
SECONDS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
UNITS_PER_SECOND = {"ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
LAST_COMMON_DAY = 28


def parse_frequency(freq: str) -> tuple[int, str]:
    """The number and the unit of a frequency: (1, 'mo') of '1mo', 'MS' and 'ME'.

    Raises:
        ValueError: a name that is not known.
    """
    name = ALIASES.get(freq.split("-", 1)[0].upper(), freq)
    found = re.fullmatch(r"(\d*)(mo|q|y|w|d|h|m|i)", name)
    if found is None or found[1] == "0":
        raise ValueError(
            f"The frequency {freq!r} is not known. Use 1h, 1d, 1w, 1mo, 1q, 1y (or a multiple, "
            f"such as 15m), 1i for numbered periods, or one of {', '.join(ALIASES)}."
        )
    return int(found[1] or 1), found[2]


def default_season_length(freq: str) -> int:
    """Periods in a season: 24 hours, 7 days, 52 weeks, 12 months, 4 quarters; otherwise 1."""
    count, unit = parse_frequency(freq)
    return SEASON_LENGTHS.get(f"{count}{unit}", 1)


@dataclass(frozen=True)
class Grid:
    """Where the periods of one frame lie.

    Attributes:
        dtype: of `ds`.
        step: length of a period: months if `is_monthly`, else `ds`'s own physical unit.
        phase: what remains of any `ds` beyond whole steps.
        is_monthly: months, quarters and years, whose lengths vary.
        day: day of the month; 0 is its last.
    """

    dtype: pl.DataType
    step: int
    phase: int
    is_monthly: bool
    day: int

    @classmethod
    def of(cls, ds: pl.Series, freq: str) -> Grid:
        """The grid that `ds`, not empty and without nulls, lies on by its first value.

        Raises:
            ValueError: the type of `ds` does not suit the frequency.
        """
        count, unit = parse_frequency(freq)
        if ds.dtype.is_integer() != (unit == "i") or not (
            ds.dtype.is_integer() or isinstance(ds.dtype, pl.Date | pl.Datetime)
        ):
            raise ValueError(
                f"Column ds has the type {ds.dtype}, which does not suit the frequency {freq!r}. "
                "Make it a Date or Datetime (`pl.col('ds').str.to_date()`), or a whole number "
                "with the frequency 1i."
            )
        if unit in MONTHS:
            step = count * MONTHS[unit]
            is_end = bool((ds.dt.month_end() == ds).all())
            return cls(ds.dtype, step, _months(ds)[0] % step, True, 0 if is_end else ds.dt.day()[0])
        step = count if unit == "i" else count * _seconds(ds.dtype, unit, freq)
        return cls(ds.dtype, step, ds.cast(pl.Int64)[0] % step, False, 0)

    def number(self, ds: pl.Series) -> pl.Series:
        """The whole number of each date's period; a date off the grid gets the period it is in."""
        value = _months(ds) if self.is_monthly else ds.cast(pl.Int64)
        return (value - self.phase) // self.step

    def date(self, number: pl.Series) -> pl.Series:
        """The date of each period, in the type of `ds`."""
        value = number.cast(pl.Int64) * self.step + self.phase
        if not self.is_monthly:
            return value.cast(self.dtype)
        first = pl.date(pl.col("value") // 12, pl.col("value") % 12 + 1, 1)
        shown = first.dt.month_end() if self.day == 0 else first.dt.offset_by(f"{self.day - 1}d")
        return value.to_frame("value").select(shown.cast(self.dtype).alias("ds")).to_series()

    def is_off(self, ds: pl.Series) -> pl.Series:
        """Which dates are not on the grid."""
        if self.is_monthly and self.day > LAST_COMMON_DAY:
            return pl.Series([True]).new_from_index(0, len(ds))
        return self.date(self.number(ds)) != ds


def _months(ds: pl.Series) -> pl.Series:
    return ds.dt.year().cast(pl.Int64) * 12 + ds.dt.month().cast(pl.Int64) - 1


def _seconds(dtype: pl.DataType, unit: str, freq: str) -> int:
    if isinstance(dtype, pl.Datetime):
        return SECONDS[unit] * UNITS_PER_SECOND[dtype.time_unit]
    if SECONDS[unit] < SECONDS["d"]:
        raise ValueError(f"Column ds holds dates, but the frequency {freq!r} needs a Datetime.")
    return SECONDS[unit] // SECONDS["d"]
