"""What the suites of several prediction tables share."""

LAYER = "ml"

BASE_RATE = "%base rate"
"""How `data_sufficiency` ends where no model speaks."""

TRAIN = "Look at the verdict in ml_model_registry and score again."
