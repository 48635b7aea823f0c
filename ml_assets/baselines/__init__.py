"""What a model has to beat: the base rate and the stage rate."""

from ml_assets.baselines.rates import BaseRate, StageRate

__all__ = ["BaseRate", "StageRate"]
