"""The seeds of business hours and holidays are ones that a region can keep."""

from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

SEEDS = Path(__file__).parents[3] / "seeds"
YEARS = range(2024, 2029)


@pytest.fixture(scope="module")
def hours() -> pl.DataFrame:
    return pl.read_csv(SEEDS / "business_hours.csv", infer_schema=False)


@pytest.fixture(scope="module")
def holidays() -> pl.DataFrame:
    return pl.read_csv(SEEDS / "holidays.csv", try_parse_dates=True)


def easter(year: int) -> date:
    """Easter Sunday by the Gregorian computus (Meeus, Jones and Butcher)."""
    a, (b, c) = year % 19, divmod(year, 100)
    (d, e), f = divmod(b, 4), (b + 8) // 25
    h = (19 * a + b - d - (b - f + 1) // 3 + 15) % 30
    i, k = divmod(c, 4)
    weekday = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * weekday) // 451
    month, day = divmod(h + weekday - 7 * m + 114, 31)
    return date(year, month, day + 1)


def nth(year: int, month: int, weekday: int, number: int) -> date:
    """The number-th (from 1; -1 the last) Monday 1 to Sunday 7 of a month."""
    days = [date(year, month, 1) + timedelta(days=ahead) for ahead in range(31)]
    return [day for day in days if day.month == month and day.isoweekday() == weekday][
        number - 1 if number > 0 else number
    ]


def test_every_region_has_a_time_zone_days_and_hours(hours: pl.DataFrame) -> None:
    assert "Unknown" in hours["region"].to_list()
    for row in hours.to_dicts():
        ZoneInfo(row["time_zone"])
        assert set(row["weekdays"]) <= set("1234567") and row["weekdays"]
        assert "00:00" <= row["opens_at"] < row["closes_at"] <= "24:00"
        assert all(len(row[column]) == 5 for column in ("opens_at", "closes_at"))


def test_holidays_fall_on_days_on_which_the_region_would_work(
    hours: pl.DataFrame, holidays: pl.DataFrame
) -> None:
    weekdays = dict(hours.select("region", "weekdays").rows())
    for region, day, _ in holidays.rows():
        assert str(day.isoweekday()) in weekdays[region], (region, day)
    for region in set(weekdays) - {"Unknown"}:
        years = days_by_year(holidays.filter(region=region))
        assert set(years) == set(YEARS) and min(years.values()) >= 6, region


def days_by_year(days: pl.DataFrame) -> dict[int, int]:
    return dict(days.group_by(pl.col("holiday_date").dt.year()).len().rows())


@pytest.mark.parametrize("year", YEARS)
def test_movable_holidays_are_where_their_rules_put_them(holidays: pl.DataFrame, year: int) -> None:
    expected = {
        ("EMEA", easter(year) - timedelta(days=2)),
        ("EMEA", easter(year) + timedelta(days=1)),
        ("EMEA", nth(year, 5, 1, 1)),
        ("EMEA", nth(year, 5, 1, -1)),
        ("EMEA", nth(year, 8, 1, -1)),
        ("AMER", nth(year, 1, 1, 3)),
        ("AMER", nth(year, 5, 1, -1)),
        ("AMER", nth(year, 9, 1, 1)),
        ("AMER", nth(year, 11, 4, 4)),
        ("APAC", nth(year, 1, 1, 2)),
        ("APAC", nth(year, 7, 1, 3)),
        ("APAC", nth(year, 9, 1, 3)),
        ("APAC", nth(year, 10, 1, 2)),
    }
    assert expected <= set(holidays.select("region", "holiday_date").rows())
