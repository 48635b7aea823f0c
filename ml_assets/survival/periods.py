"""Landmarks cut into periods: who was at risk when, and what the calendar says of a period.

A landmark is an entity at the end of a day. Period k covers the days k·length + 1 to (k + 1)·length
after it. An entity is at risk in every period up to the one in which its event falls or in which
the observation ends. That last one counts for the part of it that was observed: without it, the
events of periods that were only partly observed would have no quiet ones to stand against.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Ints = NDArray[np.int64]
NOTHING = -1


@dataclass(frozen=True)
class PersonPeriods:
    """Periods at risk.

    Attributes:
        row: landmark of each period, shape (n,).
        period: number of the period after the landmark, from 0, shape (n,).
        event: number of the event that ended it, `NOTHING` where none did, shape (n,).
        exposure: part of the period that was observed, 1 where an event ended it, shape (n,).
    """

    row: Ints
    period: Ints
    event: Ints
    exposure: Matrix

    def take(self, positions: Ints) -> PersonPeriods:
        """Some of the periods."""
        return PersonPeriods(
            self.row[positions],
            self.period[positions],
            self.event[positions],
            self.exposure[positions],
        )


def person_periods(days: Ints, event: Ints, period_days: int, max_periods: int) -> PersonPeriods:
    """Every period in which a landmark's entity was at risk, in the order of landmarks.

    Args:
        days: days to the event or to censoring, shape (n,); an event on the landmark's own day
            (after its end there is none) counts for the first period.
        event: number of the event, `NOTHING` for censored, shape (n,).
        period_days: length of a period.
        max_periods: later periods are left out.
    """
    happened = event != NOTHING
    last = (np.maximum(days, 1) - 1) // period_days
    count = np.where(happened | (days > 0), np.minimum(last + 1, max_periods), 0)
    row = np.repeat(np.arange(len(days)), count)
    period = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    ends_here = happened[row] & (period == last[row])
    observed = np.clip((days[row] - period * period_days) / period_days, 0.0, 1.0)
    return PersonPeriods(
        row, period, np.where(ends_here, event[row], NOTHING), np.where(ends_here, 1.0, observed)
    )


def sampled(
    periods: PersonPeriods, max_rows: int, generator: np.random.Generator
) -> tuple[Ints, float, float]:
    """Positions of at most about `max_rows` periods: quiet ones are thinned out first.

    Returns:
        The positions, ascending, and the shares of quiet periods and of periods with an event that
        were kept.
    """
    quiet = periods.event == NOTHING
    quiet_count, event_count = int(quiet.sum()), int((~quiet).sum())
    event_share = min(1.0, max_rows / 2 / max(event_count, 1))
    room = max_rows - event_share * event_count
    quiet_share = min(1.0, room / max(quiet_count, 1))
    keep = generator.random(len(quiet)) < np.where(quiet, quiet_share, event_share)
    return np.flatnonzero(keep), quiet_share, event_share


def period_matrix(
    frame: pl.DataFrame,
    row: Ints,
    period: Ints,
    *,
    time: str | None,
    known_dates: Sequence[str],
    period_days: int,
    max_periods: int,
    fiscal_year_start_month: int,
) -> Matrix:
    """What is known of each period itself: see `period_feature_names`, shape (n, k)."""
    columns: list[Matrix] = [np.minimum(period, max_periods - 1).astype(np.float64)]
    if time is not None:
        landmark = _days(frame[time])
        start = landmark[row] + (period * period_days).astype("timedelta64[D]")
        quarter_end = _quarter_end(start, fiscal_year_start_month)
        columns.append((quarter_end - start).astype(np.float64))
        for name in known_dates:
            difference = _days(frame[name])[row] - start
            columns.append(np.where(np.isnat(difference), np.nan, difference.astype(np.float64)))
    return np.column_stack(columns)


def period_feature_names(time: str | None, known_dates: Sequence[str]) -> tuple[str, ...]:
    """Columns of `period_matrix`: the period's number, the days from its start to the end of the
    fiscal quarter, and to each date that is known beforehand (negative once it has passed)."""
    if time is None:
        return ("period",)
    return (
        "period",
        "period_days_to_quarter_end",
        *(f"period_days_to_{name}" for name in known_dates),
    )


def _days(series: pl.Series) -> NDArray[np.datetime64]:
    return series.cast(pl.Date).to_numpy().astype("datetime64[D]")


def _quarter_end(
    day: NDArray[np.datetime64], fiscal_year_start_month: int
) -> NDArray[np.datetime64]:
    """Last day of each day's fiscal quarter."""
    offset = (fiscal_year_start_month - 1) % 3
    month = day.astype("datetime64[M]").astype(np.int64)
    following = ((month - offset) // 3 + 1) * 3 + offset
    first_days = following.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    return (first_days - 1).astype("datetime64[D]")
