"""The last step: what passed every gate takes the place of what readers had."""

from datetime import timedelta
from typing import Any

import dagster as dg

from orchestration.defs.dbt.assets import dbt_core, dbt_marts
from orchestration.defs.ml.assets import ML_TABLES
from orchestration.lib.build_database import clock, connected, finish_rebuild
from orchestration.lib.model_cards import write_model_cards
from orchestration.lib.pools import DUCKDB
from orchestration.lib.publishing import PUBLISHED_SCHEMAS, publish
from orchestration.settings import Settings

PUBLISHED = dg.AssetKey(["published", "sales_marts"])
FRESH = dg.FreshnessPolicy.time_window(
    fail_window=timedelta(hours=36), warn_window=timedelta(hours=26)
)


def _upstream() -> list[dg.AssetKey]:
    keys = [*dbt_core.keys, *dbt_marts.keys, *ML_TABLES]
    return sorted(key for key in keys if key.path[0] in PUBLISHED_SCHEMAS)


@dg.asset(
    key=PUBLISHED,
    deps=_upstream(),
    group_name="published",
    kinds={"duckdb", "parquet"},
    owners=["team:data-platform"],
    freshness_policy=FRESH,
    pool=DUCKDB,
    description=(
        "`published/sales_marts.duckdb` and `published/parquet/`: core, ml and marts, replaced at "
        "once after the last gate. The cards of the models are in `published/docs/models/`."
    ),
)
def published_marts(settings: dg.ResourceParam[Settings]) -> dg.MaterializeResult[Any]:
    """Publish the build database."""
    tables = publish(settings.database, settings.published)
    with connected(settings.database) as con:
        as_of = clock(con)
        write_model_cards(con, settings.models, settings.published / "docs" / "models")
        finish_rebuild(con)
    return dg.MaterializeResult(
        metadata={
            "as_of_date": as_of.isoformat(),
            "tables": len(tables),
            "dagster/row_count": sum(table.rows for table in tables),
            "tables_with_rows": dg.MetadataValue.md(
                "\n".join(
                    ["| table | rows |", "|---|---:|"]
                    + [f"| {t.schema}.{t.name} | {t.rows:,} |" for t in tables]
                )
            ),
        }
    )
