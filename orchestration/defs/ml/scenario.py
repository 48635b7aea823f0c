"""Named what-if scenarios. The method lives in `ml_assets/revenue/scenario.py`."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from ml_assets.revenue.scenario import scenario_rows
from orchestration.defs.ml.reads import CORE
from orchestration.defs.ml.trained import OWNERS
from orchestration.lib.build_database import clock, connected
from orchestration.lib.ml_tables import ml_key, registry_rows, replace_rows, row_count
from orchestration.lib.pools import DUCKDB
from orchestration.settings import Settings

TABLE = "ml_scenario"
SCENARIO = ml_key(TABLE)
LEVERS = dg.AssetKey(["seeds", "scenarios"])
RAMP = dg.AssetKey(["seeds", "ramp_schedule"])


def scenario_asset(forecasts: Sequence[dg.AssetKey]) -> dg.AssetsDefinition:
    """The asset of ml_scenario.

    Args:
        forecasts: the predictions whose champion plays the scenarios.
    """

    @dg.asset(
        key=SCENARIO,
        deps=[*CORE, LEVERS, RAMP, *forecasts],
        group_name=TABLE,
        kinds={"python", "duckdb"},
        owners=OWNERS,
        pool=DUCKDB,
        description="What the revenue forecast would be with levers moved: win rate, cycle, deal "
        "size, hiring, price, currency.",
    )
    def scenarios(settings: dg.ResourceParam[Settings]) -> dg.MaterializeResult[Any]:
        with connected(settings.database) as con:
            as_of = clock(con)
            levers = con.execute("select * from seeds.scenarios").pl()
            ramp = con.execute("select * from seeds.ramp_schedule").pl()
            rows = scenario_rows(con, as_of, settings.models, registry_rows(con), levers, ramp)
            replace_rows(con, TABLE, rows, "as_of_date = ?", as_of)
            return dg.MaterializeResult(
                metadata={
                    "dagster/row_count": row_count(con, TABLE),
                    "scenarios": rows["scenario"].n_unique(),
                }
            )

    return scenarios
