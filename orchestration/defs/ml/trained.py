"""The assets of a trained model: trained, evaluated and scored as steps of their own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import polars as pl

from ml_assets.drift import store_scored
from ml_assets.registry import (
    ModelProcedure,
    Scored,
    evaluate_model,
    train_model,
    with_registered,
)
from ml_assets.registry.lifecycle import verdict
from orchestration.lib.build_database import clock, connected
from orchestration.lib.ml_tables import (
    ml_key,
    note_training,
    registry_rows,
    replace_backtest,
    replace_rows,
    row_count,
    trained_version,
)
from orchestration.lib.pools import DUCKDB
from orchestration.settings import Settings

SEED = 7
OWNERS = ["team:data-science"]
REGISTRY = ml_key("ml_model_registry")
BACKTEST = ml_key("ml_backtest")

Score = Callable[[duckdb.DuckDBPyConnection, date, Path, pl.DataFrame], Scored]


@dataclass(frozen=True)
class TrainedModel:
    """A model as Dagster sees it.

    Attributes:
        procedure: how it is trained and judged.
        table: its table in schema ml, one row per thing and evening.
        score: gives an evening's rows: takes connection, evening, models folder and registry.
        reads: assets that its features come from.
        kinds: tags for the UI.
        description: of the table.
    """

    procedure: ModelProcedure
    table: str
    score: Score
    reads: Sequence[dg.AssetKey]
    kinds: frozenset[str]
    description: str

    @property
    def group(self) -> str:
        """The dg group of its assets."""
        return self.table

    @property
    def trained(self) -> dg.AssetKey:
        """The asset of the trained version."""
        return dg.AssetKey(["models", self.procedure.name])

    @property
    def evaluated(self) -> dg.AssetKey:
        """The asset of its evaluation."""
        return dg.AssetKey(["evaluations", self.procedure.name])


def model_assets(model: TrainedModel) -> list[dg.AssetsDefinition]:
    """Three assets: `models/<name>`, `evaluations/<name>` and `ml/<table>`."""
    procedure = model.procedure

    @dg.asset(
        key=model.trained,
        deps=model.reads,
        group_name=model.group,
        kinds=set(model.kinds),
        owners=OWNERS,
        pool=DUCKDB,
        description="The version that is due, with its predictions on rows that it had not seen.",
    )
    def train(settings: dg.ResourceParam[Settings]) -> dg.MaterializeResult[Any]:
        with connected(settings.database) as con:
            as_of = clock(con)
            version = train_model(con, as_of, settings.models, SEED, procedure, registry_rows(con))
            note_training(con, procedure.name, as_of, version)
        return dg.MaterializeResult(metadata={"model_version": version})

    @dg.asset(
        key=model.evaluated,
        deps=[model.trained],
        group_name=model.group,
        kinds={"python"},
        owners=OWNERS,
        pool=DUCKDB,
        description="What the version is worth on later rows, beside its baselines.",
    )
    def evaluate(
        context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
    ) -> dg.MaterializeResult[Any]:
        with connected(settings.database) as con:
            version = trained_version(con, procedure.name, clock(con))
        evaluated = evaluate_model(settings.models, procedure, version)
        context.log.info(evaluated.reason)
        return dg.MaterializeResult(
            metadata={
                "model_version": evaluated.version,
                "verdict": evaluated.reason,
                "metrics": dg.MetadataValue.json(evaluated.metrics),
                **{
                    plot.name: dg.MetadataValue.md(f"![{plot.title}]({plot.data_url})")
                    for plot in evaluated.plots
                },
            }
        )

    @dg.asset(
        key=ml_key(model.table),
        deps=[REGISTRY, *model.reads],
        group_name=model.group,
        kinds=set(model.kinds) | {"duckdb"},
        owners=OWNERS,
        pool=DUCKDB,
        description=model.description,
    )
    def score(settings: dg.ResourceParam[Settings]) -> dg.MaterializeResult[Any]:
        with connected(settings.database) as con:
            as_of = clock(con)
            scored = model.score(con, as_of, settings.models, registry_rows(con))
            replace_rows(con, model.table, scored.rows, "as_of_date = ?", as_of)
            store_scored(settings.models, procedure.name, as_of, scored.version, scored.features)
            return dg.MaterializeResult(
                metadata={
                    "dagster/row_count": row_count(con, model.table),
                    "scored": scored.rows.height,
                    "spoken_by": scored.version or "no champion",
                }
            )

    return [train, evaluate, score]


def registry_assets(models: Sequence[TrainedModel]) -> dg.AssetsDefinition:
    """ml_model_registry and ml_backtest: who may speak, decided between evaluation and scoring."""

    @dg.multi_asset(
        name="register_models",
        specs=[
            dg.AssetSpec(
                key,
                deps=[model.evaluated for model in models],
                group_name="ml_registry",
                kinds={"duckdb"},
                owners=OWNERS,
                description=text,
            )
            for key, text in {
                REGISTRY: "Every model version with fingerprint, parameters, metrics and verdict.",
                BACKTEST: "What every model version is judged by, beside its baselines.",
            }.items()
        ],
        pool=DUCKDB,
    )
    def register(context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]) -> Any:
        verdicts: dict[str, str] = {}
        with connected(settings.database) as con:
            as_of, registry = clock(con), registry_rows(con)
            for model in models:
                name = model.procedure.name
                version = trained_version(con, name, as_of)
                evaluated = evaluate_model(settings.models, model.procedure, version)
                registry = with_registered(registry, evaluated.registry_row, as_of)
                replace_backtest(con, evaluated)
                verdicts[name] = verdict(evaluated, registry)
                context.log.info(verdicts[name])
            replace_rows(con, "ml_model_registry", registry)
            for key in (REGISTRY, BACKTEST):
                rows = row_count(con, key.path[-1])
                yield dg.MaterializeResult(
                    asset_key=key, metadata={"dagster/row_count": rows, **verdicts}
                )

    return register
