"""What a scorer is trained with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ScorerSettings:
    """Parameters of boosting, calibration and reasons; all of them are part of the model version.

    Attributes:
        seed: of every random choice.
        num_threads: fixed, because the number of threads can change the last bits of a sum; one,
            because LightGBM's threads wait for each other by spinning, and two of them on a busy
            machine took twenty times as long as one.
        calibration_share: share of the rows that calibrate: the latest, where time is known.
        folds: group-disjoint folds that choose the number of boosting rounds and score the
            calibration rows.
        max_rounds: most boosting rounds.
        patience: rounds without improvement after which boosting stops.
        learning_rate, leaves, min_rows_per_leaf, feature_share, row_share, l2: as in LightGBM.
        min_category_rows: a category seen in fewer training rows is treated as missing.
        max_factors: reasons given per row.
    """

    seed: int = 7
    num_threads: int = 1
    calibration_share: float = 0.5
    folds: int = 4
    max_rounds: int = 400
    patience: int = 25
    learning_rate: float = 0.05
    leaves: int = 12
    min_rows_per_leaf: int = 60
    feature_share: float = 0.5
    row_share: float = 0.8
    l2: float = 10.0
    min_category_rows: int = 20
    max_factors: int = 5
