"""What a hazard model is trained with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class HazardSettings:
    """Parameters of periods, sampling, boosting and recalibration.

    Attributes:
        seed: of every random choice.
        num_threads: fixed, since the number of threads can change the last bits of a sum.
        period_days: length of a period after the landmark.
        max_periods: periods that are learnt from; later ones are taken to be like the last.
        max_rows: most periods that the trees see. What is left out is drawn at random among the
            periods in which nothing happened, and the odds are corrected exactly.
        fiscal_year_start_month: 1 to 12, for the distance to the end of the fiscal quarter.
        calibration_share: share of the landmarks that recalibrate: the latest, where time is known.
        folds: group-disjoint folds that choose the rounds and score the calibration periods.
        max_rounds: most boosting rounds per event.
        patience: rounds without improvement after which boosting stops.
        learning_rate, leaves, min_rows_per_leaf, feature_share, row_share, l2: as in LightGBM.
        min_category_rows: a category seen in fewer training rows is treated as missing.
    """

    seed: int = 7
    num_threads: int = 1
    period_days: int = 7
    max_periods: int = 26
    max_rows: int = 50_000
    fiscal_year_start_month: int = 1
    calibration_share: float = 0.5
    folds: int = 3
    max_rounds: int = 300
    patience: int = 20
    learning_rate: float = 0.08
    leaves: int = 12
    min_rows_per_leaf: int = 60
    feature_share: float = 0.5
    row_share: float = 0.8
    l2: float = 10.0
    min_category_rows: int = 20
