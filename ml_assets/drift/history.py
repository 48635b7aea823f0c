"""Earlier predictions with what became of them, from the tables of scores and from the backtest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
from duckdb import DuckDBPyConnection

from ml_assets.features.queries import has_table
from ml_assets.features.snapshots import end_of_day
from ml_assets.registry.store import read_candidate

COLUMNS = ("as_of_date", "group", "probability", "outcome", "weight")
BY_MODEL = "model"


@dataclass(frozen=True)
class ScoreTable:
    """A table of predictions, one row per deal or lead and evening.

    Attributes:
        table: in schema ml.
        key: column of the deal or lead.
        probability: column of the prediction.
        outcome: SQL of `entity_id, decided_at, came_true` as known at $clock_end.
        horizon: column with the days after which a prediction has not come true; none where only
            the outcome itself decides.
    """

    table: str
    key: str
    probability: str
    outcome: str
    horizon: str | None = None


SCORE_TABLES: dict[str, ScoreTable] = {
    "opportunity_score": ScoreTable(
        "ml_opportunity_score",
        "opportunity_id",
        "win_probability",
        """
        select
            events.opportunity_id as entity_id,
            arg_max(events.changed_at, events.position) as decided_at,
            arg_max(stages.is_open, events.position) as is_open,
            arg_max(stages.is_won, events.position) as came_true
        from (
            select *, (changed_at, recorded_at, change_id) as position
            from core.fct_opportunity_event
            where field = 'stage' and changed_at < $clock_end and recorded_at < $clock_end
        ) as events
        inner join (
            select stage, bool_or(is_open) as is_open, bool_or(is_won) as is_won
            from core.dim_stage where stage is not null group by stage
        ) as stages on events.new_value = stages.stage
        group by events.opportunity_id
        """,
    ),
    "lead_score": ScoreTable(
        "ml_lead_score",
        "lead_id",
        "conversion_probability",
        """
        select
            lead_id as entity_id, min(converted_at) as decided_at, false as is_open,
            true as came_true
        from core.dim_lead
        where converted_at < $clock_end and valid_from < $clock_end
        group by lead_id
        """,
        "horizon_days",
    ),
}


def scored_before(con: DuckDBPyConnection, model_name: str, as_of: date) -> pl.DataFrame:
    """The first prediction of each deal or lead in each month before an evening, by a model.

    Args:
        con: connection on the warehouse.
        model_name: of the model; one without a table of scores has none.
        as_of: the evening; outcomes recorded later are not known.

    Returns:
        as_of_date, group, probability, outcome (null while not known) and weight.
    """
    source = SCORE_TABLES.get(model_name)
    if source is None or not has_table(con, "ml", source.table):
        return _none()
    over = (
        f"scores.as_of_date + cast(scores.{source.horizon} as integer) <= $as_of"
        if source.horizon
        else "false"
    )
    within = (
        f"outcomes.decided_at < cast(scores.as_of_date + 1 as timestamp) "
        f"+ to_days(cast(scores.{source.horizon} as integer))"
        if source.horizon
        else "true"
    )
    return con.execute(
        f"""
        select
            scores.as_of_date,
            scores.{source.key} as "group",
            cast(scores.{source.probability} as double) as probability,
            case
                when not outcomes.is_open and {within} then cast(outcomes.came_true as double)
                when {over} then 0.0
            end as outcome,
            1.0 as weight
        from ml.{source.table} as scores
        left join ({source.outcome}) as outcomes
            on scores.{source.key} = outcomes.entity_id
        where scores.as_of_date < $as_of and scores.data_sufficiency = $by_model
        qualify row_number() over (
            partition by scores.{source.key}, date_trunc('month', scores.as_of_date)
            order by scores.as_of_date
        ) = 1
        order by scores.as_of_date, scores.{source.key}
        """,
        {"clock_end": end_of_day(as_of), "as_of": as_of, "by_model": BY_MODEL},
    ).pl()


def held_out_of(models_dir: Path, model_name: str, version: str) -> pl.DataFrame:
    """Dated predictions of a version's backtest, in the columns of `scored_before`."""
    candidate = read_candidate(models_dir, model_name, version)
    if candidate is None:
        return _none()
    dated = [
        frame.select(COLUMNS)
        for _, frame in sorted(candidate.held_out.items())
        if set(COLUMNS) <= set(frame.columns)
    ]
    return pl.concat(dated) if dated else _none()


def _none() -> pl.DataFrame:
    return pl.DataFrame(
        schema={
            "as_of_date": pl.Date,
            "group": pl.String,
            "probability": pl.Float64,
            "outcome": pl.Float64,
            "weight": pl.Float64,
        }
    )
