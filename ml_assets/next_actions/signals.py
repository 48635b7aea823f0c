"""What is known about deals, leads and accounts on an evening, and what was done about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from pathlib import Path

import polars as pl
from duckdb import DuckDBPyConnection

from ml_assets.features.queries import has_table
from ml_assets.features.snapshots import end_of_day
from ml_assets.next_actions.playbook import EntityType

SHORT: Mapping[EntityType, str] = {"opportunity": "deal", "lead": "lead", "account": "account"}
TRACES: Mapping[EntityType, tuple[str, ...]] = {
    "opportunity": (
        "contact", "call", "meeting", "next_step", "close_date", "amount", "contact_role",
        "champion", "decision_maker", "promise",
    ),
    "lead": ("contact", "call"),
    "account": ("contact", "meeting"),
}  # fmt: skip
SCORES: Mapping[EntityType, tuple[str, str, tuple[str, ...]]] = {
    "opportunity": ("ml_opportunity_score", "opportunity_id", ("win_probability",)),
    "lead": ("ml_lead_score", "lead_id", ("score", "conversion_probability")),
}
NOT_KNOWN_THEN = frozenset({"win_probability", "score", "conversion_probability"})
"""Signals that past evenings don't have: a model that knows how they ended would tell."""


@dataclass(frozen=True)
class Clocked:
    """The warehouse as of one evening.

    Attributes:
        con: connection on it.
        as_of: the evening; nothing recorded later is read.
        read: frames that are asked for several times.
    """

    con: DuckDBPyConnection
    as_of: date
    read: dict[str, pl.DataFrame] = field(default_factory=dict[str, pl.DataFrame])

    def query(self, name: str, requested: pl.DataFrame | None = None) -> pl.DataFrame:
        """Result of `sql/<name>.sql`.

        Args:
            name: of the file.
            requested: entity_id and as_of_date, where the query reads them.
        """
        text = _text(name)
        parameters: dict[str, datetime] = {}
        if "$clock_end" in text:
            parameters["clock_end"] = end_of_day(self.as_of)
        if requested is None:
            return self.con.execute(text, parameters).pl()
        self.con.register("requested_entity", requested)
        try:
            return self.con.execute(text, parameters).pl()
        finally:
            self.con.unregister("requested_entity")


def outcomes(clocked: Clocked, entity_type: EntityType) -> pl.DataFrame:
    """entity_id, began_at, ended_at, is_won of every deal, lead or account."""
    name = f"{SHORT[entity_type]}_outcomes"
    if name not in clocked.read:
        clocked.read[name] = clocked.query(name)
    return clocked.read[name]


def signals(
    clocked: Clocked, entity_type: EntityType, known: pl.DataFrame, days: Sequence[date]
) -> pl.DataFrame:
    """Signals of everything that was open on the evenings of some days.

    Args:
        clocked: the warehouse.
        entity_type: what is asked about.
        known: its outcomes.
        days: evenings.

    Returns:
        entity_id, as_of_date, as_of_end, stage, owner_user_id and the signals of the kind, sorted
        by the first two.
    """
    evenings = pl.DataFrame(
        {"as_of_date": list(days), "as_of_end": [end_of_day(day) for day in days]},
        schema={"as_of_date": pl.Date, "as_of_end": pl.Datetime("us")},
    )
    requested = (
        known.select("entity_id", "began_at", "ended_at")
        .join(evenings, how="cross")
        .filter(
            (pl.col("began_at") < pl.col("as_of_end"))
            & (pl.col("ended_at").is_null() | (pl.col("ended_at") >= pl.col("as_of_end")))
        )
        .select("entity_id", "as_of_date")
    )
    found = clocked.query(f"{SHORT[entity_type]}_signals", requested).join(
        evenings, on="as_of_date"
    )
    if entity_type == "opportunity":
        found = _compared(clocked, found)
    return found.sort("entity_id", "as_of_date")


def _compared(clocked: Clocked, deals: pl.DataFrame) -> pl.DataFrame:
    """Adds how long a deal has been in its stage, and how large it is, beside others."""
    usual = clocked.query("stage_lengths").select("stage", "usual_days")
    return (
        deals.join(usual, on="stage", how="left")
        .with_columns(
            stage_age_ratio=pl.when(pl.col("usual_days") > 0).then(
                pl.col("days_in_stage") / pl.col("usual_days")
            ),
            amount_ratio=pl.col("amount") / pl.col("amount").median().over("as_of_date"),
        )
        .drop("usual_days")
    )


def with_scores(clocked: Clocked, entity_type: EntityType, found: pl.DataFrame) -> pl.DataFrame:
    """Adds the evening's scores of the models; null where there are none."""
    if entity_type not in SCORES:
        return found
    table, key, columns = SCORES[entity_type]
    if not has_table(clocked.con, "ml", table):
        return found.with_columns(pl.lit(None, dtype=pl.Float64).alias(name) for name in columns)
    scores = clocked.con.execute(
        f"select {key} as entity_id, {', '.join(columns)} from ml.{table} where as_of_date = ?",
        [clocked.as_of],
    ).pl()
    return found.join(
        scores.with_columns(pl.col(name).cast(pl.Float64) for name in columns),
        on="entity_id",
        how="left",
    )


def with_traces(clocked: Clocked, entity_type: EntityType, found: pl.DataFrame) -> pl.DataFrame:
    """Adds what was done before and after: for every action `days_since_<action>`, from when it was
    known, and `next_<action>_at`.
    """
    done = clocked.query(f"{SHORT[entity_type]}_actions").drop_nulls(["entity_id", "action"])
    result = found
    for action in TRACES[entity_type]:
        own = done.filter(pl.col("action") == action)
        before = own.select(
            "entity_id",
            known_at=pl.max_horizontal("occurred_at", "recorded_at").dt.offset_by("1us"),
        ).sort("known_at")
        after = own.select("entity_id", next_at="occurred_at").sort("next_at")
        result = (
            result.sort("as_of_end")
            .join_asof(
                before,
                left_on="as_of_end",
                right_on="known_at",
                by="entity_id",
                strategy="backward",
                check_sortedness=False,
            )
            .join_asof(
                after,
                left_on="as_of_end",
                right_on="next_at",
                by="entity_id",
                strategy="forward",
                check_sortedness=False,
            )
            .with_columns(
                (pl.col("as_of_date") - pl.col("known_at").cast(pl.Date))
                .dt.total_days()
                .alias(f"days_since_{action}"),
                pl.col("next_at").alias(f"next_{action}_at"),
            )
            .drop("known_at", "next_at")
        )
    return result.sort("entity_id", "as_of_date")


@cache
def _text(name: str) -> str:
    return (Path(__file__).parent / "sql" / f"{name}.sql").read_text(encoding="utf-8")
