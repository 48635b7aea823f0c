"""What the revenue forecast is made with: horizons, quantiles, sampling, simulation, promotion."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

MODEL_NAME = "revenue_forecast"
FISCAL_QUARTER = "fiscal_quarter"
QUANTILES = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)
NODE_TYPES = ("company", "region", "team", "rep")


@dataclass(frozen=True)
class HazardSettings:
    """How the hazard of winning is learnt.

    Attributes:
        stride_weeks: an open deal is looked at every so many Sundays, on its own phase.
        rounds: boosting rounds.
        learning_rate: of each round.
        leaves: leaves of a tree.
        min_rows: rows in a leaf.
    """

    stride_weeks: int = 4
    rounds: int = 80
    learning_rate: float = 0.12
    leaves: int = 12
    min_rows: int = 120


@dataclass(frozen=True)
class RevenueSettings:
    """Parameters of the revenue forecast.

    Attributes:
        horizon_days: windows, in days after the origin; the running fiscal quarter is added.
        hazard: how deals are judged.
        max_origins: backtest origins, a month apart, the latest whose longest window is over.
        burn_in_origins: the earliest of them only set the intervals and are not judged.
        min_origins: judged origins without which no model is promoted.
        min_history_days: days between the first closing and the first origin.
        min_won_deals: won deals known at the first origin.
        simulations: paths of a forecast.
        backtest_simulations: paths of each backtest origin.
        default_shock: standard deviation of the common shock before there is evidence for it.
        personal_shock: the same for each person's own luck.
        shock_weight: how many origins of evidence each of the two counts for.
        stretch_weight: how many outcomes count for intervals that are as wide as they should be.
        pool_days: deals created in so many days before the origin stand for those to come.
        unmatched_days: the same for returning business of which the former deal is not known.
        max_pool: at most so many of them, chosen by hash.
    """

    horizon_days: tuple[int, ...] = (30, 60, 90)
    hazard: HazardSettings = HazardSettings()
    max_origins: int = 13
    burn_in_origins: int = 4
    min_origins: int = 8
    min_history_days: int = 150
    min_won_deals: int = 100
    simulations: int = 2_000
    backtest_simulations: int = 500
    default_shock: float = 0.12
    personal_shock: float = 0.4
    shock_weight: float = 4.0
    stretch_weight: float = 20.0
    pool_days: int = 182
    unmatched_days: int = 60
    max_pool: int = 300

    @property
    def window_count(self) -> int:
        """Windows of an evening: those of days and the fiscal quarter."""
        return len(self.horizon_days) + 1

    def as_parameters(self) -> dict[str, object]:
        """Plain values, for the registry and the version's name."""
        return asdict(self)


STATE_FEATURES = (
    "stage_order",
    "days_in_stage",
    "age_days",
    "days_since_any_change",
    "stage_move_count",
    "push_count",
    "forecast_category",
    "opportunity_type",
    "segment",
    "amount",
)
WINDOW_FEATURES = (
    "lead_days",
    "days_to_quarter_end",
    "close_date_after_window",
    "days_to_close_date",
    "close_date_to_quarter_end",
)


def feature_schema() -> str:
    """The features as text; a model made for others can't speak."""
    return json.dumps([*STATE_FEATURES, *WINDOW_FEATURES])
