"""The value of customers. The method lives in `ml_assets/customers/`."""

from ml_assets.customers import ValueProcedure, score_values
from orchestration.defs.ml.reads import CORE
from orchestration.defs.ml.trained import TrainedModel

LTV = TrainedModel(
    procedure=ValueProcedure(),
    table="ml_ltv",
    score=score_values,
    reads=CORE,
    kinds=frozenset({"scipy"}),
    description="What each customer will buy within a year and three, with intervals.",
)
