"""The revenue forecast. The method lives in `ml_assets/revenue/`."""

from ml_assets.revenue import RevenueProcedure, forecast_revenue
from orchestration.defs.ml.reads import CORE
from orchestration.defs.ml.trained import TrainedModel

REVENUE_FORECAST = TrainedModel(
    procedure=RevenueProcedure(),
    table="ml_revenue_forecast",
    score=forecast_revenue,
    reads=CORE,
    kinds=frozenset({"lightgbm"}),
    description="Won revenue of the next 30, 60, 90 days and of the fiscal quarter, by node.",
)
