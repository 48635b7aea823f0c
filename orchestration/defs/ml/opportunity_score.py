"""The opportunity score. The method lives in `ml_assets/opportunities/`."""

from ml_assets.opportunities import OpportunityProcedure, score_open_opportunities
from orchestration.defs.ml.reads import CORE
from orchestration.defs.ml.trained import TrainedModel

OPPORTUNITY_SCORE = TrainedModel(
    procedure=OpportunityProcedure(),
    table="ml_opportunity_score",
    score=score_open_opportunities,
    reads=CORE,
    kinds=frozenset({"lightgbm"}),
    description="Win probability of every open opportunity, with interval and reasons.",
)
