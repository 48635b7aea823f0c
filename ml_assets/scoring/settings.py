"""What a scorer is trained with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ScorerSettings:
    """Parameters of training, calibration and reasons; all of them are part of the model version.

    Attributes:
        seed: of every random choice.
        num_threads: fixed, because the number of threads can change the last bits of a sum; one,
            because LightGBM's threads wait for each other by spinning, and two of them on a busy
            machine took twenty times as long as one.
        calibration_share: share of the rows that calibrate: the latest, where time is known.
        calibration_edge: share of the calibrating rows at either end that get one probability.
        folds: folds that choose between models and score the calibration rows; fewer where there
            are not enough rows of each outcome.
        gap_days: days before a time-ordered fold whose rows don't train it; where an outcome is
            known only some days later, as many days.
        tuning: shapes of trees tried beside the given one, at most 4, which takes about twice the
            time; 0 keeps the given one.
        tuning_rows: rows on which the shapes are narrowed down to two.
        validation_rows: rows that the folds are made of; of more rows whole groups are drawn.
        linear: whether a regularised logistic regression competes with the trees.
        max_single_auc: held-out ROC-AUC above which a single column is suspected of a leak.
        max_rounds: most boosting rounds.
        patience: rounds without improvement after which boosting stops.
        learning_rate, leaves, min_rows_per_leaf, feature_share, row_share, l2: as in LightGBM; the
            leaves hold fewer rows where there are few, the steps are longer where there are many.
        min_category_rows: a category seen in fewer training rows is treated as missing.
        max_factors: reasons given per row.
    """

    seed: int = 7
    num_threads: int = 1
    calibration_share: float = 0.5
    calibration_edge: float = 0.0
    folds: int = 4
    gap_days: int = 0
    tuning: int = 3
    tuning_rows: int = 20_000
    validation_rows: int = 200_000
    linear: bool = True
    max_single_auc: float = 0.95
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
