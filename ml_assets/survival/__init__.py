"""When something will happen, and which of several things: competing hazards by landmarks."""

from ml_assets.survival.hazard_model import HazardFitReport, HazardModel
from ml_assets.survival.settings import HazardSettings

__all__ = ["HazardFitReport", "HazardModel", "HazardSettings"]
