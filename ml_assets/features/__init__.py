"""What was known about an entity at the end of a day, rebuilt from recorded events.

Nothing here may read a column that says how things are now: closing reasons, final stages,
converted ids, latest amounts. The only clock is the as-of date that is passed in.
"""

from ml_assets.features.catalogue import OPPORTUNITY_FEATURES, Feature
from ml_assets.features.opportunity import (
    features_of,
    opportunity_facts,
    opportunity_features,
)
from ml_assets.features.snapshots import (
    LabelledSnapshots,
    Sampling,
    open_opportunities,
    training_snapshots,
)

__all__ = [
    "OPPORTUNITY_FEATURES",
    "Feature",
    "LabelledSnapshots",
    "Sampling",
    "features_of",
    "open_opportunities",
    "opportunity_facts",
    "opportunity_features",
    "training_snapshots",
]
