"""The windows that are forecast from an origin: so many days, and what is left of the quarter."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from ml_assets.revenue.calendar import FiscalCalendar, Ints, day_of
from ml_assets.revenue.settings import FISCAL_QUARTER, RevenueSettings


@dataclass(frozen=True)
class Window:
    """One window of a forecast.

    Attributes:
        name: "30", "60", "90" or "fiscal_quarter".
        start: first day of what is forecast: the day after the origin, or of the quarter.
        end: last day.
        days: from the origin to the last day.
        origin: the evening of the forecast.
    """

    name: str
    start: date
    end: date
    days: int
    origin: date

    @property
    def is_quarter(self) -> bool:
        """Whether it is the running fiscal quarter, what is won already included."""
        return self.name == FISCAL_QUARTER


def windows_of(
    origin: date, fiscal: FiscalCalendar, settings: RevenueSettings
) -> tuple[Window, ...]:
    """The windows of an origin, shortest first; on a quarter's last day it has 0 days left."""
    quarter_start, quarter_end = fiscal.running(origin)
    windows = [
        Window(
            str(days),
            origin + timedelta(days=1),
            origin + timedelta(days=days),
            days,
            origin,
        )
        for days in settings.horizon_days
    ]
    left = (quarter_end - origin).days
    windows.append(Window(FISCAL_QUARTER, quarter_start, quarter_end, left, origin))
    return tuple(sorted(windows, key=lambda window: (window.days, window.name)))


def days_ahead(windows: tuple[Window, ...]) -> Ints:
    """Days from the origin to the end of each window."""
    return np.array([window.days for window in windows], dtype=np.int64)


def same_days_before(origin: date, fiscal: FiscalCalendar) -> list[date]:
    """The same day of earlier fiscal quarters, latest first.

    A day that an earlier quarter doesn't have is its last day.
    """
    start, _ = fiscal.running(origin)
    position = (origin - start).days
    days: list[date] = []
    for first, last in zip(fiscal.starts.tolist()[::-1], fiscal.ends.tolist()[::-1], strict=True):
        if day_of(first) < start:
            days.append(day_of(min(first + position, last)))
    return days
