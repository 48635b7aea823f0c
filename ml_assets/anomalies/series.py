"""Weekly figures as arrays: one row per node, one column per window, the window judged last."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from ml_assets.anomalies.kpis import Kpi
from ml_assets.evaluation.metrics import Array

SEASON_WEEKS = 13
TURN_OF_YEAR = 13
PRIOR_WEEKS = 2.0
WORKING_DAYS = 5.0


@dataclass(frozen=True)
class Series:
    """One KPI over all nodes.

    Attributes:
        nodes: node_type, node_id and the columns of nodes.sql, one row per row of the arrays.
        numerator: shape (nodes, windows), oldest window first, NaN before a node begins.
        denominator: exposure of counts and amounts, cases of shares and means.
        groups: number of each node's group of peers, -1 for none.
    """

    nodes: pl.DataFrame
    numerator: Array
    denominator: Array
    groups: Array


def series_of(
    kpi: Kpi, figures: pl.DataFrame, nodes: pl.DataFrame, calendar: pl.DataFrame
) -> Series:
    """Figures of one KPI as arrays over windows.

    Args:
        kpi: which.
        figures: weekly figures of this KPI (node_type, node_id, week, numerator, denominator).
        nodes: nodes of the evening with `first_week`, the week in which anything of theirs is known
            first.
        calendar: region, week, business_days, quarter_week, is_turn_of_year; every week once per
            region. Figures before its first week are left out.
    """
    weeks = int(calendar["week"].max() or 0) + 1  # type: ignore[arg-type]
    present = figures.select("node_type", "node_id").unique()
    members = nodes.join(present, on=["node_type", "node_id"]).sort("node_type", "node_id")
    keys = dict(
        zip(
            zip(members["node_type"], members["node_id"], strict=True),
            range(members.height),
            strict=True,
        )
    )
    numerator = np.zeros((members.height, weeks))
    cases = np.zeros((members.height, weeks))
    rows = figures.filter(pl.col("week") < weeks).join(
        members.select("node_type", "node_id"), on=["node_type", "node_id"]
    )
    at = np.array(
        [keys[key] for key in zip(rows["node_type"], rows["node_id"], strict=True)], dtype=np.int64
    )
    column = weeks - 1 - rows["week"].to_numpy()
    numerator[at, column] = rows["numerator"].to_numpy()
    cases[at, column] = rows["denominator"].fill_null(0.0).to_numpy()
    begins = weeks - 1 - members["first_week"].to_numpy()
    before = np.arange(weeks)[None, :] < begins[:, None]
    if kpi.family in ("count", "amount"):
        cases = exposure_of_weeks(numerator, members, calendar)
    numerator = np.where(before, np.nan, numerator)
    names = members["peer_group"].fill_null("").to_list()
    order = {name: number for number, name in enumerate(sorted(set(names) - {""}))}
    return Series(
        nodes=members,
        numerator=_windows(numerator, kpi.window_weeks),
        denominator=_windows(cases, kpi.window_weeks),
        groups=np.array([order.get(name, -1) for name in names]),
    )


def _windows(weekly: Array, window_weeks: int) -> Array:
    """Sums over windows that end with the last week; what is left over at the start is dropped."""
    if window_weeks == 1:
        return weekly
    count = weekly.shape[1] // window_weeks
    kept = weekly[:, weekly.shape[1] - count * window_weeks :]
    return kept.reshape(len(weekly), count, window_weeks).sum(axis=2)


def exposure_of_weeks(numerator: Array, members: pl.DataFrame, calendar: pl.DataFrame) -> Array:
    """How much could happen in each week of each node, in ordinary weeks.

    A week loses as much as the company's holidays have cost before (see `holiday_effect`), and has
    the season of the company's weeks (see `season_of_weeks`).
    """
    weeks = numerator.shape[1]
    by_region = {
        str(region[0]): part.sort("week", descending=True)["business_days"].to_numpy()[:weeks]
        for region, part in calendar.group_by("region")
    }
    days = np.array([by_region.get(region, by_region["All"]) for region in members["region"]])
    missing = 1 - days / WORKING_DAYS
    is_company = (members["node_type"] == "company").to_numpy()
    wide = is_company | (members["node_type"] == "region").to_numpy()
    open_share = 1 - holiday_effect(numerator[wide], missing[wide]) * missing
    if not is_company.any():
        return open_share
    company = calendar.filter(pl.col("region") == "All").sort("week", descending=True)
    season = np.where(
        company["is_turn_of_year"].to_numpy(),
        TURN_OF_YEAR,
        np.clip(company["quarter_week"].to_numpy(), 0, SEASON_WEEKS - 1),
    )
    usual = season_of_weeks(numerator[is_company].sum(axis=0), open_share[is_company][0], season)
    return open_share * usual[None, :]


def holiday_effect(numerator: Array, missing: Array) -> float:
    """Which part of a week's figure is lost with all its working days, between 0 and 1.

    Calendars list holidays that not everybody keeps. The weeks with holidays are held against the
    quarter around them, by least squares through the origin, drawn towards 1 (nothing happens on a
    holiday) by the weight of `PRIOR_WEEKS` weeks without a working day.

    Args:
        numerator: weekly figures of regions and company, shape (nodes, weeks).
        missing: share of the working days of each week that are holidays.
    """
    above = below = PRIOR_WEEKS
    for figures, lost in zip(numerator, missing, strict=True):
        begun = np.flatnonzero(figures > 0)
        if len(begun) == 0:
            continue
        for week in range(begun[0], len(figures) - 1):
            if lost[week] <= 0:
                continue
            around = slice(max(begun[0], week - SEASON_WEEKS // 2), week + SEASON_WEEKS // 2 + 1)
            full = (lost[around] <= 0) & (np.arange(len(figures))[around] < len(figures) - 1)
            if full.any() and figures[around][full].mean() > 0:
                fall = 1 - figures[week] / figures[around][full].mean()
                above += lost[week] * fall
                below += lost[week] ** 2
    return float(np.clip(above / below, 0.0, 1.0))


def season_of_weeks(total: Array, exposure: Array, season: Array) -> Array:
    """Seasonal factor of every week, from the company's own series.

    A year and a half of one seller says nothing about seasons; the company's does. Each week is
    held against the mean of the quarter around it, and the median ratio is taken by week of the
    fiscal quarter (the turn of the year apart), drawn towards 1 by `PRIOR_WEEKS` weeks. The week
    judged takes no part.

    Args:
        total: the company's weekly figures.
        exposure: how much could happen in each week.
        season: number of each week's season.
    """
    weeks = len(total)
    factors = np.ones(weeks)
    begun = np.flatnonzero(total > 0)
    if len(begun) == 0 or weeks - 1 - begun[0] < 2 * SEASON_WEEKS:
        return factors
    past: npt.NDArray[np.int64] = np.arange(int(begun[0]), weeks - 1, dtype=np.int64)
    ratios: dict[int, list[float]] = {}
    for week in past.tolist():
        around = past[np.abs(past - week) <= SEASON_WEEKS // 2]
        expected = total[around].sum() / exposure[around].sum() * exposure[week]
        if expected > 0:
            ratios.setdefault(int(season[week]), []).append(float(total[week] / expected))
    for kind, found in ratios.items():
        usual = float(np.median(found))
        factors[season == kind] = (len(found) * usual + PRIOR_WEEKS) / (len(found) + PRIOR_WEEKS)
    return factors
