"""The next action of every open deal, lead and account. The method lives in
`ml_assets/next_actions/`."""

from collections.abc import Sequence
from typing import Any

import dagster as dg
import polars as pl

from ml_assets.next_actions import recommend_next_actions
from orchestration.defs.ml.reads import CORE
from orchestration.defs.ml.trained import OWNERS
from orchestration.lib.build_database import clock, connected
from orchestration.lib.ml_tables import ml_key, replace_rows, row_count
from orchestration.lib.pools import DUCKDB
from orchestration.settings import Settings

TABLE = "ml_next_action"
NEXT_ACTION = ml_key(TABLE)
PLAYBOOK = dg.AssetKey(["seeds", "playbook_rules"])


def next_action_asset(scores: Sequence[dg.AssetKey]) -> dg.AssetsDefinition:
    """The asset of ml_next_action.

    Args:
        scores: tables of predictions that the choice reads.
    """

    @dg.asset(
        key=NEXT_ACTION,
        deps=[*CORE, PLAYBOOK, *scores],
        group_name=TABLE,
        kinds={"python", "duckdb"},
        owners=OWNERS,
        pool=DUCKDB,
        description="What to do next about every open deal, lead and account, with what it may be "
        "worth and why.",
    )
    def next_actions(settings: dg.ResourceParam[Settings]) -> dg.MaterializeResult[Any]:
        with connected(settings.database) as con:
            as_of = clock(con)
            chosen = recommend_next_actions(con, as_of)
            replace_rows(con, TABLE, chosen, "as_of_date = ?", as_of)
            rows = row_count(con, TABLE)
        counts = (
            chosen.group_by("entity_type", "rule_code")
            .agg(pl.len().alias("entities"))
            .sort("entity_type", "entities", "rule_code", descending=[False, True, False])
        )
        lines = [f"| {kind} | {rule} | {count} |" for kind, rule, count in counts.iter_rows()]
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": rows,
                "chosen": chosen.height,
                "rules": dg.MetadataValue.md(
                    "\n".join(["| kind | rule | chosen |", "|---|---|---:|", *lines])
                ),
            }
        )

    return next_actions
