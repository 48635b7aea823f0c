"""Probabilities of a yes or no, with intervals and reasons, from a frame of any columns."""

from ml_assets.scoring.binary_scorer import BinaryScorer, FitReport
from ml_assets.scoring.screening import SuspectedLeak
from ml_assets.scoring.settings import ScorerSettings
from ml_assets.scoring.splits import choose_group, without_shared_groups

__all__ = [
    "BinaryScorer",
    "FitReport",
    "ScorerSettings",
    "SuspectedLeak",
    "choose_group",
    "without_shared_groups",
]
