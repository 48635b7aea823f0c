"""What the lead score is made with."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from ml_assets.evaluation import BandPromise
from ml_assets.features.lead_catalogue import HALF_LIVES, LEAD_FEATURES
from ml_assets.features.lead_snapshots import LeadSampling
from ml_assets.registry.promotion import PromotionRule
from ml_assets.scoring import ScorerSettings

MODEL_NAME = "lead_score"

QUALIFY_ABOVE, DISQUALIFY_BELOW = 70.0, 40.0
PROMISES = (
    BandPromise("high_score", above=QUALIFY_ABOVE, rate_above=0.30),
    BandPromise("low_score", below=DISQUALIFY_BELOW, rate_below=0.10),
)
"""What the score promises (requirement K-13). The bounds themselves belong to the band between."""


@dataclass(frozen=True)
class LeadModelSettings:
    """Parameters of sampling, training, judging and promoting.

    Attributes:
        sampling: how training snapshots are drawn, and the horizon of the label.
        scorer: boosting and calibration; its seed is replaced by the seed of the training, its gap
            by the horizon.
        promotion: what a challenger has to show against its baselines.
        min_r_squared: R² over score bins that a challenger has to exceed.
        half_lives: days after which an engagement counts half, to choose from.
        test_days: length of a later period that a challenger is judged on.
        origins: such periods, back to back; earlier ones without enough history are left out.
        retrain_every_days: days between two trainings.
    """

    sampling: LeadSampling = field(default_factory=LeadSampling)
    scorer: ScorerSettings = field(
        default_factory=lambda: ScorerSettings(
            leaves=6,
            learning_rate=0.1,
            min_rows_per_leaf=100,
            tuning=0,
            folds=3,
            calibration_edge=0.02,
        )
    )
    promotion: PromotionRule = field(
        default_factory=lambda: PromotionRule(
            entities="leads", positive="converted", negative="other"
        )
    )
    min_r_squared: float = 0.65
    half_lives: tuple[int, ...] = HALF_LIVES
    test_days: int = 180
    origins: int = 1
    retrain_every_days: int = 7

    def as_dict(self) -> dict[str, object]:
        """Plain values for JSON."""
        return json.loads(json.dumps(asdict(self)))


def feature_schema() -> str:
    """The features and their kinds as JSON text: what a model was made for."""
    return json.dumps({feature.name: feature.kind for feature in LEAD_FEATURES})
