"""The four gates as blocking asset checks. What they check lives in `expectations/`."""

from collections.abc import Callable, Iterator
from datetime import date

import dagster as dg

from expectations import judge_core, judge_derived, judge_marts, judge_ml, judge_raw
from expectations.report import GateReport
from orchestration.defs.dbt.assets import dbt_core, dbt_marts
from orchestration.defs.ingest.assets import SYSTEMS, TABLES
from orchestration.defs.ml.assets import DERIVED, PREDICTIONS
from orchestration.lib.build_database import clock, connected, last_day
from orchestration.lib.dbt_translator import quarantine_key, raw_schema
from orchestration.lib.gates import check_results, check_specs
from orchestration.lib.pools import DUCKDB
from orchestration.settings import Settings
from orchestration.sources.catalog import FILES_SYSTEM


def _raw_keys(system: str) -> list[dg.AssetKey]:
    schema = raw_schema(system)
    return [dg.AssetKey([schema, table.name]) for table in TABLES if table.schema == schema]


QUARANTINE = [
    dg.AssetSpec(
        quarantine_key(system),
        deps=_raw_keys(system),
        group_name="quarantine",
        kinds={"duckdb", "greatexpectations"},
        owners=["team:data-platform"],
        description=f"Rows of {system} that G1 refused, with the reason. Judged again every night.",
    )
    for system in [*SYSTEMS, FILES_SYSTEM]
]


def _g1(system: str) -> dg.AssetChecksDefinition:
    keys = _raw_keys(system)

    @dg.multi_asset_check(name=f"g1_{system}", specs=check_specs("G1", keys), pool=DUCKDB)
    def gate(
        context: dg.AssetCheckExecutionContext, settings: dg.ResourceParam[Settings]
    ) -> Iterator[dg.AssetCheckResult]:
        with connected(settings.database) as con:
            as_of = settings.as_of or last_day(con, settings)
        report = judge_raw(
            settings.database, system, run_id=context.run.run_id, as_of=as_of, seeds=settings.seeds
        )
        context.log.info(report.describe())
        context.op_execution_context.log_event(
            dg.AssetMaterialization(
                quarantine_key(system),
                metadata={
                    "dagster/row_count": sum(table.refused for table in report.counts),
                    "newly_refused": sum(table.newly_refused for table in report.counts),
                    "released": sum(table.released for table in report.counts),
                },
            )
        )
        yield from check_results(report, keys)

    return gate


Judge = Callable[..., GateReport]


def _layer_gate(gate: str, judge: Judge, keys: list[dg.AssetKey]) -> dg.AssetChecksDefinition:
    @dg.multi_asset_check(name=gate.lower(), specs=check_specs(gate, keys), pool=DUCKDB)
    def layer(
        context: dg.AssetCheckExecutionContext, settings: dg.ResourceParam[Settings]
    ) -> Iterator[dg.AssetCheckResult]:
        as_of = _clock(settings)
        report = judge(settings.database, run_id=context.run.run_id, as_of=as_of)
        context.log.info(report.describe())
        yield from check_results(report, keys)

    return layer


def _clock(settings: Settings) -> date:
    with connected(settings.database) as con:
        return clock(con)


def _of_schema(definition: dg.AssetsDefinition, schema: str) -> list[dg.AssetKey]:
    return sorted(key for key in definition.keys if key.path[0] == schema)


CHECKS = [
    *(_g1(system) for system in [*SYSTEMS, FILES_SYSTEM]),
    _layer_gate("G2", judge_core, _of_schema(dbt_core, "core")),
    _layer_gate("G3", judge_ml, PREDICTIONS),
    _layer_gate("G3_derived", judge_derived, DERIVED),
    _layer_gate("G4", judge_marts, _of_schema(dbt_marts, "marts")),
]
