"""Predictions: training and scoring as steps of their own. The methods live in `ml_assets/`."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import duckdb
import polars as pl

from ml_assets.opportunities import score_open_opportunities, train_opportunity_model
from orchestration.defs.dbt.assets import dbt_core
from orchestration.lib.build_database import clock, connected
from orchestration.lib.pools import DUCKDB
from orchestration.settings import Settings

REGISTRY = dg.AssetKey(["ml", "ml_model_registry"])
BACKTEST = dg.AssetKey(["ml", "ml_backtest"])
SCORES = dg.AssetKey(["ml", "ml_opportunity_score"])
ML_TABLES = [REGISTRY, BACKTEST, SCORES]
SEED = 7
FEATURES_FROM = sorted(key for key in dbt_core.keys if key.path[0] == "core")
OWNERS = ["team:data-science"]


def replace_rows(
    con: duckdb.DuckDBPyConnection,
    table: str,
    rows: pl.DataFrame,
    where: str = "true",
    *values: object,
) -> None:
    """Put rows in the place of those that match a condition, in one transaction.

    Args:
        con: a read-write connection.
        table: the table, in schema `ml`.
        rows: what to insert, columns by name.
        where: which rows to replace, by default all.
        values: the condition's parameters.
    """
    con.register("new_rows", rows)
    con.begin()
    con.execute(f"delete from ml.{table} where {where}", list(values))
    con.execute(f"insert into ml.{table} by name select * from new_rows")
    con.commit()
    con.unregister("new_rows")


@dg.multi_asset(
    name="train_opportunity_model",
    specs=[
        dg.AssetSpec(
            key,
            deps=FEATURES_FROM,
            group_name="ml_opportunity_score",
            kinds={"lightgbm", "duckdb"},
            owners=OWNERS,
            description=text,
        )
        for key, text in {
            REGISTRY: "Every model version with data fingerprint, parameters, metrics and verdict.",
            BACKTEST: "What every model version is judged by, beside its baselines.",
        }.items()
    ],
    pool=DUCKDB,
)
def train(
    context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
) -> Iterator[dg.MaterializeResult[Any]]:
    """Train a challenger where it is due and promote it if it beats the baselines."""
    with connected(settings.database) as con:
        registry = con.execute("select * from ml.ml_model_registry").pl()
        result = train_opportunity_model(con, clock(con), settings.models, SEED, registry)
        context.log.info(result.verdict)
        replace_rows(con, "ml_model_registry", result.registry)
        replace_rows(
            con, "ml_backtest", result.backtest_rows, "model_version = ?", result.model_version
        )
        for key in (REGISTRY, BACKTEST):
            yield dg.MaterializeResult(
                asset_key=key,
                metadata={
                    "dagster/row_count": _count(con, key),
                    "verdict": result.verdict,
                    "model_version": result.model_version,
                },
            )


@dg.asset(
    key=SCORES,
    deps=[REGISTRY, *FEATURES_FROM],
    group_name="ml_opportunity_score",
    kinds={"lightgbm", "duckdb"},
    owners=OWNERS,
    pool=DUCKDB,
    description="Win probability of every open opportunity, with interval and reasons.",
)
def opportunity_scores(settings: dg.ResourceParam[Settings]) -> dg.MaterializeResult[Any]:
    """Score the open opportunities as of the clock with the champion, or give base rates."""
    with connected(settings.database) as con:
        as_of = clock(con)
        registry = con.execute("select * from ml.ml_model_registry").pl()
        scores = score_open_opportunities(con, as_of, settings.models, registry)
        replace_rows(con, "ml_opportunity_score", scores, "as_of_date = ?", as_of)
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": _count(con, SCORES),
                "scored": scores.height,
                "data_sufficiency": ", ".join(scores["data_sufficiency"].unique().sort()),
            }
        )


def _count(con: duckdb.DuckDBPyConnection, key: dg.AssetKey) -> int:
    return int(con.execute(f"select count(*) from {'.'.join(key.path)}").fetchall()[0][0])


ASSETS = [train, opportunity_scores]
