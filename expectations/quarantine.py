"""The rows that a gate refused: set aside with the reason, released when they pass, never deleted.

`quarantine.<system>__<object>` holds each refused row of a raw object once. While
`released_load_id` is null the row is refused and staging leaves it out; once set, the row counts
as part of that load.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb

from expectations import ledger, sql

STATE_COLUMNS = {
    "reason": "varchar",
    "gate": "varchar",
    "refused_at": "timestamp",
    "released_load_id": "bigint",
}


@dataclass(frozen=True)
class RawTable:
    """A raw object: the system and name that quarantine knows it by, and where its rows are."""

    system: str
    name: str
    schema: str

    @property
    def relation(self) -> str:
        return f"{sql.quoted(self.schema)}.{sql.quoted(self.name)}"

    @property
    def quarantine(self) -> str:
        return f"quarantine.{sql.quoted(self.quarantine_name)}"

    @property
    def quarantine_name(self) -> str:
        return f"{self.system}__{self.name}"


@dataclass(frozen=True)
class Refusal:
    """How many rows of a raw object are refused for a reason.

    The reason stands without the particular value: `StageName … is not in the stage map: …`.
    """

    table: str
    reason: str
    rows: int


def prepare(con: duckdb.DuckDBPyConnection, tables: Mapping[RawTable, Sequence[str]]) -> None:
    """Create the quarantine of raw objects, or widen it by columns that raw has gained.

    Args:
        con: a read-write connection to the build database.
        tables: raw objects and the columns of their raw tables.
    """
    con.execute("create schema if not exists quarantine")
    there: dict[str, set[str]] = {}
    for name, column in con.execute(
        "select table_name, lower(column_name) from duckdb_columns() "
        "where database_name = current_database() and schema_name = 'quarantine'"
    ).fetchall():
        there.setdefault(str(name), set()).add(str(column))
    state = ", ".join(f"cast(null as {kind}) as {name}" for name, kind in STATE_COLUMNS.items())
    for table, columns in tables.items():
        known = there.get(table.quarantine_name)
        if known is None:
            con.execute(
                f"create table {table.quarantine} as "
                f"select *, {state} from {table.relation} where false"
            )
            continue
        for column in columns:
            if column.lower() not in known:
                con.execute(
                    f"alter table {table.quarantine} add column {sql.quoted(column)} varchar"
                )


def still_refused(table: RawTable) -> str:
    """A select of the keys of the rows that are in quarantine now."""
    return f"select _load_id, _row from {table.quarantine} where released_load_id is null"


def update(
    con: duckdb.DuckDBPyConnection, table: RawTable, judged: str, refused: str, at: datetime
) -> tuple[int, int]:
    """Bring the quarantine of a raw object in line with a judgement, in one transaction.

    Args:
        con: a read-write connection to the build database.
        table: the raw object.
        judged: relation with the keys (`_load_id`, `_row`) of all rows that were judged.
        refused: relation with the keys and the `reason` of those that fail.
        at: the moment of judging.

    Returns:
        How many rows were newly refused, and how many were released.
    """
    con.begin()
    try:
        con.execute(
            f"update {table.quarantine} as kept set reason = now.reason, released_load_id = null, "
            "refused_at = case when kept.released_load_id is null then kept.refused_at "
            "else cast(? as timestamp) end "
            f"from {refused} as now where kept._load_id = now._load_id and kept._row = now._row "
            "and (kept.reason is distinct from now.reason or kept.released_load_id is not null)",
            [at],
        )
        newly_refused = _count(
            con.execute(
                f"insert into {table.quarantine} by name "
                "select raw_rows.*, now.reason, 'G1' as gate, cast(? as timestamp) as refused_at, "
                "cast(null as bigint) as released_load_id "
                f"from {table.relation} as raw_rows inner join {refused} as now "
                "using (_load_id, _row) where not exists (select 1 "
                f"from {table.quarantine} as kept where kept._load_id = raw_rows._load_id "
                "and kept._row = raw_rows._row)",
                [at],
            )
        )
        released = _release(con, table, judged, refused, at)
        con.commit()
    except BaseException:
        con.rollback()
        raise
    return newly_refused, released


def _release(
    con: duckdb.DuckDBPyConnection, table: RawTable, judged: str, refused: str, at: datetime
) -> int:
    con.execute(
        "create or replace temp table released_rows as "
        f"{still_refused(table)} intersect select _load_id, _row from {judged} "
        f"except select _load_id, _row from {refused}"
    )
    rows = _count(con.execute("select count(*) from released_rows"))
    if rows:
        load_id = ledger.reserve_load_id(con, table.system, table.name, at)
        con.execute(
            f"update {table.quarantine} as kept set released_load_id = ? from released_rows as now "
            "where kept._load_id = now._load_id and kept._row = now._row",
            [load_id],
        )
    con.execute("drop table released_rows")
    return rows


def refusals(con: duckdb.DuckDBPyConnection) -> list[Refusal]:
    """The rows in quarantine now, by object and kind of reason, most first.

    Args:
        con: a connection to the build database; read-only suffices.
    """
    tables = con.execute(
        "select table_name from duckdb_columns() where database_name = current_database() "
        "and schema_name = 'quarantine' and column_name = 'released_load_id' order by table_name"
    ).fetchall()
    selects = [
        f"select {sql.literal(name)} as name, reason from quarantine.{sql.quoted(name)} "
        "where released_load_id is null"
        for (name,) in tables
    ]
    if not selects:
        return []
    # Values differ from row to row; what is wrong with them does not.
    kind = "regexp_replace(reason, '(''[^'']*''|a text of [0-9]+ characters)', '…', 'g')"
    found = con.execute(
        f"select name, {kind} as kind, count(*) as row_count from ({' union all '.join(selects)}) "
        "group by all order by row_count desc, name, kind"
    ).fetchall()
    return [Refusal(str(name).replace("__", ".", 1), kind, rows) for name, kind, rows in found]


def _count(result: duckdb.DuckDBPyConnection) -> int:
    row = result.fetchone()
    return int(row[0]) if row else 0
