"""Customers: what they will buy, whether they stay, and which of them are alike."""

from ml_assets.customers.buying import BuyingHistory, BuyingModel, purchase_summary
from ml_assets.customers.churn_procedure import CHURN_SCHEMA, ChurnProcedure, score_churn
from ml_assets.customers.segment_procedure import (
    SEGMENT_SCHEMA,
    SegmentProcedure,
    score_segments,
)
from ml_assets.customers.spending import SpendingModel
from ml_assets.customers.value_procedure import LTV_SCHEMA, ValueProcedure, score_values

__all__ = [
    "CHURN_SCHEMA",
    "LTV_SCHEMA",
    "SEGMENT_SCHEMA",
    "BuyingHistory",
    "BuyingModel",
    "ChurnProcedure",
    "SegmentProcedure",
    "SpendingModel",
    "ValueProcedure",
    "purchase_summary",
    "score_churn",
    "score_segments",
    "score_values",
]
