"""The chance to lose customers. The method lives in `ml_assets/customers/`."""

from ml_assets.customers import ChurnProcedure, score_churn
from orchestration.defs.ml.reads import CORE
from orchestration.defs.ml.trained import TrainedModel

CHURN_SCORE = TrainedModel(
    procedure=ChurnProcedure(),
    table="ml_churn_score",
    score=score_churn,
    reads=CORE,
    kinds=frozenset({"lightgbm"}),
    description="Chance to lose each customer, with interval, reasons and amount at risk.",
)
