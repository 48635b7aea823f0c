"""The segments of customers. The method lives in `ml_assets/customers/`."""

import dagster as dg

from ml_assets.customers import SegmentProcedure, score_segments
from orchestration.defs.ml.reads import CORE
from orchestration.defs.ml.trained import TrainedModel

SEGMENT = TrainedModel(
    procedure=SegmentProcedure(),
    table="ml_segment",
    score=score_segments,
    reads=[*CORE, dg.AssetKey(["seeds", "segment_rules"])],
    kinds=frozenset({"scikitlearn"}),
    description="Segment of each customer, by rule and by cluster, with stability.",
)
