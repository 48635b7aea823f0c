"""Whether earlier predictions came true as often as they said, month by month."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from ml_assets.drift.stability import STABLE, TOO_FEW

DECIDED_SHARE = 0.75
FEWEST_GROUPS = 50
MODERATE_GAP, MODERATE_ERRORS = 0.05, 2.0
SEVERE_GAP, SEVERE_ERRORS = 0.1, 3.0


@dataclass(frozen=True)
class MonthOfPredictions:
    """What became of the predictions of one month.

    Attributes:
        month: its first day.
        predicted: mean prediction of those whose outcome is known.
        observed: share of them that came true.
        standard_error: of the difference, rows of one deal or lead rising and falling together.
        known_count: predictions whose outcome is known.
        group_count: deals or leads that they are about.
        decided_share: share of the month's predictions whose outcome is known.
    """

    month: date
    predicted: float
    observed: float
    standard_error: float
    known_count: int
    group_count: int
    decided_share: float

    @property
    def gap(self) -> float:
        """Observed minus predicted: positive where predictions were too low."""
        return self.observed - self.predicted

    @property
    def verdict(self) -> str:
        """stable, moderate, severe, or too few (also where too many outcomes are open).

        Outcomes that come fast are known first and are not like the others, so a month of which
        more than a quarter is undecided is not judged.
        """
        if self.group_count < FEWEST_GROUPS or self.decided_share < DECIDED_SHARE:
            return TOO_FEW
        size = abs(self.gap)
        if size > SEVERE_GAP and size > SEVERE_ERRORS * self.standard_error:
            return "severe"
        if size > MODERATE_GAP and size > MODERATE_ERRORS * self.standard_error:
            return "moderate"
        return STABLE


def calibration_by_month(predictions: pl.DataFrame) -> list[MonthOfPredictions]:
    """Mean prediction against share that came true, of each month.

    Args:
        predictions: as_of_date, group (deal or lead), probability, outcome (1.0 came true, 0.0
            didn't, null while not known), weight.

    Returns:
        Months with at least one known outcome, earliest first.
    """
    months: list[MonthOfPredictions] = []
    dated = predictions.with_columns(month=pl.col("as_of_date").dt.truncate("1mo"))
    for (month,), part in dated.group_by(["month"], maintain_order=True):
        known = part.filter(pl.col("outcome").is_not_null() & pl.col("probability").is_not_null())
        total = float(known["weight"].sum())
        if total <= 0:
            continue
        miss = known.select(
            "group", miss=pl.col("weight") * (pl.col("outcome") - pl.col("probability"))
        )
        by_group = miss.group_by("group").agg(pl.col("miss").sum())["miss"].to_numpy()
        months.append(
            MonthOfPredictions(
                month=month,  # pyright: ignore[reportArgumentType]
                predicted=float((known["weight"] * known["probability"]).sum()) / total,
                observed=float((known["weight"] * known["outcome"]).sum()) / total,
                standard_error=float(np.sqrt((by_group**2).sum())) / total,
                known_count=known.height,
                group_count=len(by_group),
                decided_share=known.height / part.height,
            )
        )
    return sorted(months, key=lambda one: one.month)
