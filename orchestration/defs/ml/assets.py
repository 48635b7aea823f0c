"""Predictions: one module per model. The methods live in `ml_assets/`."""

import dagster as dg

from orchestration.defs.ml.anomaly import ANOMALY, anomalies
from orchestration.defs.ml.churn_score import CHURN_SCORE
from orchestration.defs.ml.drift import DRIFT, drift_asset
from orchestration.defs.ml.lead_score import LEAD_SCORE
from orchestration.defs.ml.ltv import LTV
from orchestration.defs.ml.next_action import NEXT_ACTION, next_action_asset
from orchestration.defs.ml.opportunity_score import OPPORTUNITY_SCORE
from orchestration.defs.ml.revenue_forecast import REVENUE_FORECAST
from orchestration.defs.ml.scenario import SCENARIO, scenario_asset
from orchestration.defs.ml.segment import SEGMENT
from orchestration.defs.ml.trained import BACKTEST, REGISTRY, model_assets, registry_assets
from orchestration.lib.ml_tables import ml_key

MODELS = [LEAD_SCORE, OPPORTUNITY_SCORE, REVENUE_FORECAST, CHURN_SCORE, LTV, SEGMENT]
"""In the order in which they are registered."""

PREDICTIONS = [ml_key(model.table) for model in MODELS]
"""What G3 judges before anything is derived from it."""

ASSETS: list[dg.AssetsDefinition] = [
    *(asset for model in MODELS for asset in model_assets(model)),
    registry_assets(MODELS),
    anomalies,
    next_action_asset(PREDICTIONS),
    scenario_asset([ml_key(REVENUE_FORECAST.table)]),
    drift_asset(MODELS),
]

DERIVED: list[dg.AssetKey] = [ANOMALY, NEXT_ACTION, SCENARIO, DRIFT]
"""What is made from predictions, or beside them without a model, judged by a second step of G3."""

ML_TABLES = [REGISTRY, BACKTEST, *PREDICTIONS, *DERIVED]
