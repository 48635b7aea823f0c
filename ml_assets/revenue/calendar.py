"""Days as numbers, fiscal quarters, and the pieces into which the time ahead of a deal is cut.

Days are counted from 1970-01-01, as Polars counts dates.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

EPOCH = date(1970, 1, 1)
LONGEST_LEAD = 98
LEAD_CUTS = np.array([0, 7, 14, 21, 28, 42, 56, 70, 84, LONGEST_LEAD], dtype=np.int64)
BEFORE_QUARTER_END = np.array([0, 5, 14, 28], dtype=np.int64)
WEEKEND_WEIGHT = 0.1
WORKDAYS = 5
THURSDAY = 3  # 1970-01-01


def day_numbers(days: pl.Series) -> Ints:
    """Dates as days since 1970-01-01; without nulls."""
    return days.to_physical().to_numpy().astype(np.int64)


def day_number(day: date) -> int:
    """One date as days since 1970-01-01."""
    return (day - EPOCH).days


def day_of(number: int) -> date:
    """The date of a day number."""
    return EPOCH + timedelta(days=number)


@dataclass(frozen=True)
class FiscalCalendar:
    """The fiscal quarters, in order.

    Attributes:
        starts: first days, shape (q,).
        ends: last days, shape (q,).
    """

    starts: Ints
    ends: Ints

    @classmethod
    def of(cls, quarters: pl.DataFrame) -> FiscalCalendar:
        """From start_date and end_date."""
        ordered = quarters.sort("start_date")
        return cls(day_numbers(ordered["start_date"]), day_numbers(ordered["end_date"]))

    def end_on_or_after(self, days: Ints | Floats) -> Ints:
        """Last day of the quarter that each day is in (of the last known one, beyond it)."""
        found = np.searchsorted(self.ends, days, side="left")
        return self.ends[np.minimum(found, len(self.ends) - 1)]

    def running(self, day: date) -> tuple[date, date]:
        """First and last day of the quarter that a day is in.

        Raises:
            ValueError: the calendar doesn't reach the day.
        """
        number = day_number(day)
        found = int(np.searchsorted(self.starts, number, side="right")) - 1
        if found < 0 or number > self.ends[found]:
            raise ValueError(
                f"core.dim_date has no fiscal quarter for {day}. Build it for a period that "
                "contains the origin."
            )
        return day_of(int(self.starts[found])), day_of(int(self.ends[found]))


def working_time(until: Ints) -> Floats:
    """Weight of all days before each day: 1 for Monday to Friday, little for the weekend."""
    weeks, part = np.divmod(until + THURSDAY, 7)
    week_weight = WORKDAYS + 2 * WEEKEND_WEIGHT
    return (
        weeks * week_weight
        + np.minimum(part, WORKDAYS)
        + WEEKEND_WEIGHT * np.maximum(part - WORKDAYS, 0)
    )


@dataclass(frozen=True)
class Pieces:
    """Pieces of time ahead of rows, within which the hazard is taken to be constant.

    Attributes:
        row: which row each piece belongs to, shape (p,), ascending.
        start: days from the row's evening to the piece's beginning, exclusive.
        stop: days to its end, inclusive.
    """

    row: Ints
    start: Ints
    stop: Ints


def pieces_ahead(evenings: Ints, limits: Ints, fiscal: FiscalCalendar) -> Pieces:
    """Cut the days after each evening, up to a limit, by lead and by closeness to quarter ends.

    Args:
        evenings: day of each row, shape (n,).
        limits: days ahead that count, shape (n,); more than LONGEST_LEAD is cut off.
        fiscal: the quarters.
    """
    first_end = fiscal.end_on_or_after(evenings + 1)
    second_end = fiscal.end_on_or_after(first_end + 1)
    cuts = np.concatenate(
        [
            np.broadcast_to(LEAD_CUTS, (len(evenings), len(LEAD_CUTS))),
            (first_end - evenings)[:, None] - BEFORE_QUARTER_END,
            (second_end - evenings)[:, None] - BEFORE_QUARTER_END,
        ],
        axis=1,
    )
    most = np.clip(limits, 0, LONGEST_LEAD)[:, None]
    ordered = np.sort(np.clip(cuts, 0, most), axis=1)
    row, at = np.nonzero(ordered[:, 1:] > ordered[:, :-1])
    return Pieces(row.astype(np.int64), ordered[row, at], ordered[row, at + 1])
