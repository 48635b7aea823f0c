"""The revenue forecast: what will be won in the days ahead, by whom, and how sure that is."""

from ml_assets.revenue.forecast import FORECAST_SCHEMA, forecast_revenue
from ml_assets.revenue.procedure import RevenueProcedure
from ml_assets.revenue.settings import MODEL_NAME, RevenueSettings

__all__ = [
    "FORECAST_SCHEMA",
    "MODEL_NAME",
    "RevenueProcedure",
    "RevenueSettings",
    "forecast_revenue",
]
