"""Time in the simulation: days and months as numbers, working hours, quarters and seasons.

Moments are seconds since 1970 UTC (int64), days are days since 1970, month 0 is the first month of
the export. Nothing reads the wall clock.
"""

from datetime import date

import numpy as np
import polars as pl

from orchestration.sources.demo.streams import Array, Floats, Ints

START = date(2024, 7, 1)
DAY = 86_400
HOUR = 3_600
NEVER = 4_102_444_800  # 2100-01-01: an end that no export reaches
WARM_UP_DAYS = 180
FIRST_MONTH = -6  # the calendar month in which the warm-up begins
LAST_MONTH = 143  # twelve years of plans (seats, rates) are drawn ahead

_EPOCH = date(1970, 1, 1).toordinal()


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return day.toordinal() - _EPOCH


def day_date(number: int) -> date:
    """The calendar date of a day number."""
    return date.fromordinal(number + _EPOCH)


START_DAY = day_number(START)
START_TS = START_DAY * DAY
WARM_UP_TS = START_TS - WARM_UP_DAYS * DAY


def month_start(month: int) -> int:
    """The first day (number) of a month of the simulation."""
    months = START.year * 12 + START.month - 1 + month
    return day_number(date(months // 12, months % 12 + 1, 1))


MONTH_STARTS: Ints = np.array([month_start(m) for m in range(-60, LAST_MONTH + 24)], dtype=np.int64)


def months_of(days: Ints) -> Ints:
    """Month numbers of day numbers (any shape)."""
    return np.searchsorted(MONTH_STARTS, days, side="right").astype(np.int64) - 1 - 60


def month_of(day: date) -> int:
    """The month number of a date."""
    return (day.year - START.year) * 12 + day.month - START.month


def month_ends(days: Ints) -> Ints:
    """The last day of the month that each day is in."""
    return MONTH_STARTS[months_of(days) + 61] - 1


def quarter_ends(days: Ints) -> Ints:
    """The last day of the calendar quarter, which is the fiscal quarter, that each day is in."""
    months = months_of(days)
    return MONTH_STARTS[months + (2 - months % 3) + 61] - 1


_SEASON = (1.04, 1.06, 1.10, 1.0, 1.02, 1.08, 0.90, 0.78, 1.10, 1.12, 1.08, 0.72)


def season(month: int) -> float:
    """Demand of a calendar month against the yearly mean: weak in July, August and December."""
    return _SEASON[(START.month - 1 + month) % 12]


def growth(month: int) -> float:
    """Demand grows by about 7 % a year for five years, with mean 1 over the first two."""
    return 0.93 + 0.006 * min(max(month, 0), 60)


def closing_pressure(days: Ints, strength: float) -> Floats:
    """How much more readily deals close: low early in a quarter, high in its last two weeks."""
    left = quarter_ends(days) - days
    pressure = np.where(left < 5, 5.0, np.where(left < 14, 3.0, np.where(left < 28, 1.0, 0.55)))
    return 1.0 + strength * (pressure - 1.0)


def working_moment(
    rng: np.random.Generator, moments: Array, offset_hours: Array, not_before: Array
) -> Ints:
    """Move moments into weekday working hours (local 08:00 to 18:30), never before `not_before`.

    `offset_hours` is the local offset from UTC. Where the moved moment would be too early, it is
    between one and eleven minutes after `not_before`.
    """
    local_day = (moments + offset_hours * HOUR) // DAY
    weekday = (local_day + 3) % 7  # 1970-01-01 was a Thursday
    local_day = local_day + np.where(weekday >= 5, 7 - weekday, 0)
    seconds = (8.0 + 10.5 * rng.beta(1.8, 2.0, len(moments))) * HOUR
    moved = local_day * DAY + seconds.astype(np.int64) - offset_hours * HOUR
    minutes = rng.integers(60, 660, len(moments))
    return np.maximum(moved, not_before + minutes).astype(np.int64)


def moment_text(column: str, style: str) -> pl.Expr:
    """A column of seconds as text in UTC: 'salesforce' (.000+0000) or 'zulu' (.000Z)."""
    suffix = {"salesforce": ".000+0000", "zulu": ".000Z"}[style]
    stamp = pl.from_epoch(pl.col(column), time_unit="s").dt.to_string("%Y-%m-%dT%H:%M:%S")
    return stamp + pl.lit(suffix)


def day_text(column: str) -> pl.Expr:
    """A column of day numbers as YYYY-MM-DD."""
    return pl.col(column).cast(pl.Int32).cast(pl.Date).dt.to_string("%Y-%m-%d")
