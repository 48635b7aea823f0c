"""Which models there are, what they were made from, which may speak, and where they lie."""

from ml_assets.registry.promotion import Decision, PromotionRule, decide
from ml_assets.registry.store import StoredModel, load_model, model_folder, store_model
from ml_assets.registry.tables import (
    BACKTEST_SCHEMA,
    REGISTRY_SCHEMA,
    champion_as_of,
    empty_backtest,
    empty_registry,
    with_registered,
)
from ml_assets.registry.versions import model_version, training_clock

__all__ = [
    "BACKTEST_SCHEMA",
    "REGISTRY_SCHEMA",
    "Decision",
    "PromotionRule",
    "StoredModel",
    "champion_as_of",
    "decide",
    "empty_backtest",
    "empty_registry",
    "load_model",
    "model_folder",
    "model_version",
    "store_model",
    "training_clock",
    "with_registered",
]
