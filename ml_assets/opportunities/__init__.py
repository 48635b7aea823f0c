"""The opportunity score: trained on the past of closed deals, given to every open one."""

from ml_assets.opportunities.procedure import OpportunityProcedure
from ml_assets.opportunities.scores import SCORE_SCHEMA, score_open_opportunities
from ml_assets.opportunities.settings import MODEL_NAME, OpportunityModelSettings

__all__ = [
    "MODEL_NAME",
    "SCORE_SCHEMA",
    "OpportunityModelSettings",
    "OpportunityProcedure",
    "score_open_opportunities",
]
