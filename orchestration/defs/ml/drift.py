"""Drift of the champions. The method lives in `ml_assets/drift/`."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from ml_assets.drift import drift_report
from orchestration.defs.ml.trained import OWNERS, REGISTRY, TrainedModel
from orchestration.lib.build_database import clock, connected
from orchestration.lib.ml_tables import ml_key, replace_rows, row_count
from orchestration.lib.pools import DUCKDB
from orchestration.settings import Settings

TABLE = "ml_drift"
DRIFT = ml_key(TABLE)


def drift_asset(models: Sequence[TrainedModel]) -> dg.AssetsDefinition:
    """The asset of ml_drift, over the models that score."""

    @dg.asset(
        key=DRIFT,
        deps=[REGISTRY, *(ml_key(model.table) for model in models)],
        group_name=TABLE,
        kinds={"python", "duckdb"},
        owners=OWNERS,
        pool=DUCKDB,
        description="How far the evening's rows lie from those that each champion was trained on, "
        "and how earlier predictions came true.",
    )
    def drift(
        context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
    ) -> dg.MaterializeResult[Any]:
        names = [model.procedure.name for model in models]
        with connected(settings.database) as con:
            as_of = clock(con)
            found = drift_report(con, as_of, settings.models, names)
            replace_rows(con, TABLE, found, "as_of_date = ?", as_of)
            rows = row_count(con, TABLE)
        drifted = found.filter(found["explanation"].is_not_null())
        for text in drifted["explanation"]:
            context.log.info(text)
        lines = drifted.select("model_name", "verdict", "explanation").iter_rows()
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": rows,
                "features": found.height,
                "drifted": dg.MetadataValue.md(
                    "\n".join(f"- {model}, {verdict}: {text}" for model, verdict, text in lines)
                    or "nothing"
                ),
            }
        )

    return drift
