"""The lead score. The method lives in `ml_assets/leads/`."""

from ml_assets.leads import LeadProcedure, score_open_leads
from orchestration.defs.ml.reads import CORE
from orchestration.defs.ml.trained import TrainedModel

LEAD_SCORE = TrainedModel(
    procedure=LeadProcedure(),
    table="ml_lead_score",
    score=score_open_leads,
    reads=CORE,
    kinds=frozenset({"lightgbm"}),
    description="Score, chance of conversion, fit, engagement and call of every open lead.",
)
