"""What the opportunity score is made with."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from ml_assets.features import OPPORTUNITY_FEATURES, Sampling
from ml_assets.registry.promotion import PromotionRule
from ml_assets.scoring import ScorerSettings
from ml_assets.survival import HazardSettings

MODEL_NAME = "opportunity_score"


@dataclass(frozen=True)
class OpportunityModelSettings:
    """Parameters of sampling, training, judging and promoting.

    Attributes:
        sampling: how training snapshots are drawn.
        scorer: boosting and calibration; its seed is replaced by the seed of the training.
        timing: of the hazard model; its seed is replaced too.
        promotion: what a challenger has to show.
        test_days: length of the later period that a challenger is judged on.
        test_decided_share: the test period ends so early that this share of open deals has been
            decided since.
        max_follow_up_share: that takes at most this share of the history.
        max_observation_weight: no known row stands for more rows than this.
        retrain_every_days: days between two trainings.
    """

    sampling: Sampling = field(default_factory=Sampling)
    scorer: ScorerSettings = field(
        default_factory=lambda: ScorerSettings(tuning=0, learning_rate=0.1, folds=3)
    )
    timing: HazardSettings = field(
        default_factory=lambda: HazardSettings(
            max_rows=16_000, folds=2, learning_rate=0.1, max_rounds=150
        )
    )
    promotion: PromotionRule = field(default_factory=PromotionRule)
    test_days: int = 90
    test_decided_share: float = 0.75
    max_follow_up_share: float = 0.2
    max_observation_weight: float = 5.0
    retrain_every_days: int = 7

    def as_dict(self) -> dict[str, object]:
        """Plain values for JSON."""
        return asdict(self)


def feature_schema() -> str:
    """The features and their kinds as JSON text: what a model was made for."""
    return json.dumps({feature.name: feature.kind for feature in OPPORTUNITY_FEATURES})
