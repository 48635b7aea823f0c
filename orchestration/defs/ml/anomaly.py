"""Unusual moves of KPIs. The method lives in `ml_assets/anomalies/`."""

from typing import Any

import dagster as dg

from ml_assets.anomalies import detect_anomalies
from orchestration.defs.ml.reads import CORE
from orchestration.defs.ml.trained import OWNERS
from orchestration.lib.build_database import clock, connected
from orchestration.lib.ml_tables import ml_key, replace_rows, row_count
from orchestration.lib.pools import DUCKDB
from orchestration.settings import Settings

TABLE = "ml_anomaly"
ANOMALY = ml_key(TABLE)


@dg.asset(
    key=ANOMALY,
    deps=CORE,
    group_name=TABLE,
    kinds={"python", "duckdb"},
    owners=OWNERS,
    pool=DUCKDB,
    description="Every KPI of every node in the days up to the evening, held against its own "
    "history and its peers.",
)
def anomalies(
    context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
) -> dg.MaterializeResult[Any]:
    """Judge the last days of every KPI and node."""
    with connected(settings.database) as con:
        as_of = clock(con)
        found = detect_anomalies(con, as_of)
        replace_rows(con, TABLE, found, "as_of_date = ?", as_of)
        rows = row_count(con, TABLE)
    alerts = found.filter("is_alert").sort("p_value")["explanation"].to_list()
    context.log.info(f"{found.height} tests, {len(alerts)} worth a message")
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": rows,
            "tests": found.height,
            "anomalies": int(found["is_anomaly"].sum()),
            "alerts": dg.MetadataValue.md("\n".join(f"- {text}" for text in alerts) or "none"),
        }
    )
