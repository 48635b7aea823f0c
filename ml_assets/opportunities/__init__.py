"""The opportunity score: trained on the past of closed deals, given to every open one."""

from ml_assets.opportunities.scores import SCORE_SCHEMA, score_open_opportunities
from ml_assets.opportunities.settings import MODEL_NAME, OpportunityModelSettings
from ml_assets.opportunities.training import TrainingResult, train_opportunity_model

__all__ = [
    "MODEL_NAME",
    "SCORE_SCHEMA",
    "OpportunityModelSettings",
    "TrainingResult",
    "score_open_opportunities",
    "train_opportunity_model",
]
