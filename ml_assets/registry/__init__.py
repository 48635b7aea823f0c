"""Which models there are, what they were made from, which may speak, and where they lie."""

from ml_assets.registry.lifecycle import (
    Candidate,
    Evaluated,
    HeldOut,
    Judgement,
    ModelProcedure,
    Sample,
    Scored,
    evaluate_model,
    learn,
    train_model,
    verdict,
)
from ml_assets.registry.promotion import Decision, PromotionRule, decide
from ml_assets.registry.store import champion_folder, model_folder
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
    "Candidate",
    "Decision",
    "Evaluated",
    "HeldOut",
    "Judgement",
    "ModelProcedure",
    "PromotionRule",
    "Sample",
    "Scored",
    "champion_as_of",
    "champion_folder",
    "decide",
    "empty_backtest",
    "empty_registry",
    "evaluate_model",
    "learn",
    "model_folder",
    "model_version",
    "train_model",
    "training_clock",
    "verdict",
    "with_registered",
]
