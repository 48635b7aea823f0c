"""The lead score: who converts within the horizon, by who a lead is and what it does."""

from ml_assets.leads.procedure import LeadProcedure
from ml_assets.leads.scale import lead_score
from ml_assets.leads.scores import SCORE_SCHEMA, score_open_leads
from ml_assets.leads.settings import MODEL_NAME, LeadModelSettings

__all__ = [
    "MODEL_NAME",
    "SCORE_SCHEMA",
    "LeadModelSettings",
    "LeadProcedure",
    "lead_score",
    "score_open_leads",
]
