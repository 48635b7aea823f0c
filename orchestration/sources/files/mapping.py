"""Views that show raw files under canonical names, as a `source.yml` maps them.

Raw tables keep the source's own names; `mapped_files.<object>` is the mapping applied, still as
text. Typing and cleaning are the staging models' work.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import get_args

import duckdb

from orchestration.sources.catalog import (
    AUDIT_COLUMNS,
    FILES_SCHEMA,
    MAPPED_SCHEMA,
    SourceTable,
    quoted,
)
from orchestration.sources.files.spec import (
    CanonicalStage,
    Column,
    MappedFile,
    SourceSpec,
    SourceSpecError,
)

REPAIRS = """
create schema if not exists ops;
create or replace table ops.ops_repair (
    source_system varchar, object_name varchar, column_name varchar,
    source_value varchar, value varchar, rows_repaired bigint
);
"""

# A canonical stage without figures of its own gets these; the same as seeds/stages.csv.
STAGE_ORDER: tuple[CanonicalStage, ...] = get_args(CanonicalStage)
DEFAULT_PROBABILITY = dict(zip(STAGE_ORDER, (0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 0.0), strict=True))
DEFAULT_CATEGORY = dict(
    zip(
        STAGE_ORDER,
        (*["pipeline"] * 3, "best_case", "best_case", "commit", "closed", "omitted"),
        strict=True,
    )
)


@dataclass(frozen=True)
class RawFile:
    """A raw table of files and the columns it really has."""

    table: SourceTable
    columns: frozenset[str]


def literal(value: object) -> str:
    """The value as a SQL text literal."""
    return "'" + str(value).replace("'", "''") + "'"


def create_views(
    con: duckdb.DuckDBPyConnection,
    spec: SourceSpec,
    raw: dict[str, RawFile],
    mapped: Iterable[SourceTable],
) -> None:
    """Replace the views of `mapped_files` by those that the spec describes.

    Args:
        con: a read-write connection to the build database.
        spec: the checked `source.yml`.
        raw: raw tables by file name.
        mapped: the canonical objects with their columns.

    Raises:
        SourceSpecError: when the spec names an object or column that does not exist.
    """
    tables = {table.name: table for table in mapped}
    for name in spec.objects:
        if name not in tables:
            raise SourceSpecError(
                f"objects.{name}: no canonical object; there are {', '.join(sorted(tables))}"
            )
    exported_on = spec.exported_on or _last_day(con, spec, raw)
    for name, table in tables.items():
        if name == "stages":
            selects = [_stages(spec, table, exported_on)] if spec.stages else []
        else:
            selects = [
                _select(spec, name, table, number, entry, raw[entry.file], exported_on)
                for number, entry in enumerate(spec.objects.get(name, []), 1)
            ]
        if selects:
            con.execute(
                f"create or replace view {quoted(MAPPED_SCHEMA)}.{quoted(name)} as "
                + " union all ".join(selects)
            )
    _count_repairs(con, spec, raw)


def _select(
    spec: SourceSpec,
    name: str,
    table: SourceTable,
    number: int,
    entry: MappedFile,
    raw: RawFile,
    exported_on: date,
) -> str:
    where = f"objects.{name} ({entry.file})"
    given = dict(entry.columns)
    given["source_id"] = Column(column=entry.key)
    if "currency_code" in table.columns and "currency_code" not in given:
        given["currency_code"] = Column(value=spec.currency)
    for column in given:
        if column not in table.columns:
            raise SourceSpecError(
                f"{where}: no canonical column {column!r}; there are {', '.join(table.columns)}"
            )
    constants = {"source_system": spec.name, "exported_on": exported_on.isoformat()}
    spelled: list[str] = []
    for column in table.columns:
        if column in constants:
            expression = literal(constants[column])
        elif column in given:
            expression = _expression(where, column, given[column], spec, raw)
        else:
            expression = "null"
        spelled.append(f"cast({expression} as varchar) as {quoted(column)}")
    # A file that feeds an object twice gives each of its rows twice: keep the positions apart.
    many = len(spec.objects[name])
    position = f"(_row - 1) * {many} + {number}" if many > 1 else "_row"
    spelled += ["_load_id", "_loaded_at", "_source", f"cast({position} as bigint) as _row"]
    return f"select {', '.join(spelled)} from {raw.table.relation}"


def _expression(where: str, name: str, column: Column, spec: SourceSpec, raw: RawFile) -> str:
    if column.column is None:
        return literal(column.value)
    if column.column.lower() not in raw.columns:
        own = ", ".join(sorted(raw.columns - set(AUDIT_COLUMNS)))
        raise SourceSpecError(f"{where}: {name}: the file has no column {column.column!r}: {own}")
    text = f"nullif(trim({quoted(column.column)}), '')"
    if column.values:
        repairs = " ".join(
            f"when {literal(old)} then {literal(new)}" for old, new in column.values.items()
        )
        text = f"case {text} {repairs} else {text} end"
    if column.decimal == ",":
        text = f"replace(replace(replace({text}, '.', ''), ' ', ''), ',', '.')"
    if column.multiply is not None:
        scaled = f"try_cast({text} as decimal(28, 6)) * {column.multiply:g}"
        text = f"coalesce(cast({scaled} as varchar), {text})"
    if column.format:
        text = f"coalesce(cast(try_strptime({text}, {literal(column.format)}) as varchar), {text})"
    if name.endswith("_at") and spec.time_zone != "UTC":
        text = _in_utc(text, spec.time_zone)
    return text


def _in_utc(text: str, zone: str) -> str:
    """A local time without offset in UTC; a date alone, or a time with offset, as it stands."""
    local = f"regexp_full_match({text}, '.*\\d:\\d\\d(:\\d\\d(\\.\\d+)?)?')"
    utc = f"timezone('UTC', timezone({literal(zone)}, try_cast({text} as timestamp)))"
    return f"case when {local} then coalesce(cast({utc} as varchar), {text}) else {text} end"


def _stages(spec: SourceSpec, table: SourceTable, exported_on: date) -> str:
    rows: list[str] = []
    for number, (source_stage, stage) in enumerate(spec.stages.items(), 1):
        probability = stage.probability
        if probability is None:
            probability = DEFAULT_PROBABILITY[stage.stage]
        values: dict[str, object] = {
            "source_system": spec.name,
            "source_id": source_stage,
            "exported_on": exported_on.isoformat(),
            "source_pipeline": "default",
            "source_stage": source_stage,
            "stage": stage.stage,
            "stage_order": STAGE_ORDER.index(stage.stage) + 1,
            "default_probability": probability,
            "forecast_category": stage.forecast_category or DEFAULT_CATEGORY[stage.stage],
            "is_open": not stage.stage.startswith("Closed"),
            "is_won": stage.stage == "Closed Won",
            "is_lost": stage.stage == "Closed Lost",
        }
        spelled = [
            f"cast({literal(values[c]) if c in values else 'null'} as varchar) as {quoted(c)}"
            for c in table.columns
        ]
        rows.append(
            f"select {', '.join(spelled)}, cast(0 as bigint) as _load_id, "
            "cast(null as timestamp) as _loaded_at, 'source.yml' as _source, "
            f"cast({number} as bigint) as _row"
        )
    return " union all ".join(rows)


def _last_day(con: duckdb.DuckDBPyConnection, spec: SourceSpec, raw: dict[str, RawFile]) -> date:
    """The last day on which anything that the export tells of happened."""
    days: list[str] = []
    for name, entries in spec.objects.items():
        for entry in entries:
            for column, origin in entry.columns.items():
                happened = column.endswith("_at")
                if not (happened or (name, column) == ("opportunities", "close_date")):
                    continue
                text = _expression(name, column, origin, spec, raw[entry.file])
                days.append(
                    f"select max(try_cast({text} as date)) as last_day "
                    f"from {raw[entry.file].table.relation}"
                    + ("" if happened else _where_closed(spec, entry, raw[entry.file]))
                )
    if not days:
        raise SourceSpecError("exported_on: no mapped column holds a time; say the day here")
    row = con.execute(f"select max(last_day) from ({' union all '.join(days)})").fetchone()
    if row is None or row[0] is None:
        raise SourceSpecError("exported_on: no mapped time can be read; say the day here")
    return row[0]


def _where_closed(spec: SourceSpec, entry: MappedFile, raw: RawFile) -> str:
    origin = entry.columns.get("source_stage")
    closed = [name for name, stage in spec.stages.items() if stage.stage.startswith("Closed")]
    if origin is None or not closed:
        return " where false"
    stage = _expression("objects.opportunities", "source_stage", origin, spec, raw)
    return f" where {stage} in ({', '.join(literal(name) for name in closed)})"


def _count_repairs(
    con: duckdb.DuckDBPyConnection, spec: SourceSpec, raw: dict[str, RawFile]
) -> None:
    con.execute(REPAIRS)
    for name, entries in spec.objects.items():
        for entry in entries:
            for column, origin in entry.columns.items():
                for old, new in origin.values.items():
                    con.execute(
                        "insert into ops.ops_repair "
                        f"select ?, ?, ?, ?, ?, count(*) from {raw[entry.file].table.relation} "
                        f"where trim({quoted(origin.column or '')}) = ?",
                        [spec.name, name, column, old, new, old],
                    )


def raw_table(file: str) -> SourceTable:
    """The raw table of a file: `raw_files.<file name without ending>`."""
    return SourceTable(FILES_SCHEMA, file.rsplit("/", 1)[-1].rsplit(".", 1)[0], {})
