"""The evening's next actions: one for every open deal and lead, and for accounts if one applies."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl
from duckdb import DuckDBPyConnection

from ml_assets.next_actions.associations import Association, measured
from ml_assets.next_actions.playbook import (
    ENTITY_TYPES,
    PLACE,
    EntityType,
    Rule,
    check_signals,
    read_rules,
)
from ml_assets.next_actions.signals import (
    NOT_KNOWN_THEN,
    TRACES,
    Clocked,
    outcomes,
    signals,
    with_scores,
    with_traces,
)
from ml_assets.next_actions.worth import (
    HORIZON_DAYS,
    past_evenings,
    with_outcomes,
    with_worth,
)

MODEL_VERSION = "playbook_1"
MEASURED = "measured"
NOT_MEASURED = "not measured"
PROBABILITIES = frozenset({"win_probability", "conversion_probability"})

ACTION_SCHEMA: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "entity_type": pl.String,
    "entity_id": pl.String,
    "as_of_date": pl.Date,
    "model_version": pl.String,
    "rule_code": pl.String,
    "action": pl.String,
    "channel": pl.String,
    "owner_role": pl.String,
    "assigned_user_id": pl.String,
    "priority": pl.Int64,
    "due_date": pl.Date,
    "reason": pl.String,
    "value_at_stake": pl.Decimal(18, 2),
    "probability": pl.Float64,
    "probability_gain": pl.Float64,
    "expected_value": pl.Decimal(18, 2),
    "value_basis": pl.String,
    "odds_ratio": pl.Float64,
    "odds_ratio_low": pl.Float64,
    "odds_ratio_high": pl.Float64,
    "with_action_count": pl.Int64,
    "without_action_count": pl.Int64,
    "fired_count": pl.Int64,
    "suppressed_count": pl.Int64,
    "second_rule_code": pl.String,
    "source_ids": pl.String,
}


def recommend_next_actions(con: DuckDBPyConnection, as_of: date) -> pl.DataFrame:
    """Choose the next action of every open deal, lead and account.

    Of the rules whose conditions hold, and whose action was not done within their quiet days, the
    one with the highest expected value is chosen; among equals the one with the smaller priority,
    then the first by code. The expected value is the value at stake times the gain in probability
    that went along with the action in the past (see `associations`); a rule whose worth could not
    be measured counts 0 in the choice and has no expected value.

    Args:
        con: connection on the warehouse (schemas core and seeds, and the scores in ml).
        as_of: the evening.

    Returns:
        Columns of `ACTION_SCHEMA`, one row per entity_type and entity_id, sorted by both.

    Raises:
        ValueError: the playbook can't be read.
    """
    rules = read_rules(con.execute("select * from seeds.playbook_rules").pl())
    clocked = Clocked(con, as_of)
    parts = [
        chosen
        for entity_type in ENTITY_TYPES
        if (chosen := _of_kind(clocked, entity_type, rules)) is not None
    ]
    if not parts:
        return pl.DataFrame(schema=ACTION_SCHEMA)
    return pl.concat(parts).sort("entity_type", "entity_id")


def _of_kind(
    clocked: Clocked, entity_type: EntityType, rules: Sequence[Rule]
) -> pl.DataFrame | None:
    own = [rule for rule in rules if rule.entity_type == entity_type]
    for rule in own:
        if rule.measured_by is not None and rule.measured_by not in TRACES[entity_type]:
            raise ValueError(
                f"seeds/playbook_rules.csv, rule {rule.rule_code}: measured_by "
                f"{rule.measured_by!r} is none of {', '.join(TRACES[entity_type])}."
            )
    known = outcomes(clocked, entity_type)
    if not own or known.is_empty():
        return None
    past = past_evenings(clocked.as_of, entity_type, max(rule.within_days for rule in own))
    found = signals(clocked, entity_type, known, [*past, clocked.as_of])
    found = with_traces(clocked, entity_type, found)
    is_past = pl.col("as_of_date") < clocked.as_of
    history = with_outcomes(clocked, entity_type, found.filter(is_past), known)
    now = with_scores(clocked, entity_type, found.filter(~is_past))
    now = with_worth(clocked, entity_type, now, history)
    check_signals(own, entity_type, now.columns)
    associations = measured(own, history, HORIZON_DAYS[entity_type], NOT_KNOWN_THEN)
    fired = fired_rules(own, now, associations)
    return _completed(clocked, entity_type, own, associations, chosen_rules(fired), now)


def fired_rules(
    rules: Sequence[Rule], now: pl.DataFrame, associations: Mapping[str, Association]
) -> pl.DataFrame:
    """Every rule that holds for an entity.

    Args:
        rules: of one kind.
        now: signals of the evening with value_at_stake, probability and the traces.
        associations: by rule_code, of the rules that could be measured.

    Returns:
        entity_id, rule_code, priority, is_suppressed, probability_gain and expected_value (null
        where not measured).
    """
    parts: list[pl.DataFrame] = []
    for rule in rules:
        held = now.filter(rule.holds())
        association = associations.get(rule.rule_code)
        gain = pl.lit(None, dtype=pl.Float64)
        if association is not None:
            odds = pl.col("probability") / (1 - pl.col("probability"))
            moved = odds * math.exp(association.log_odds)
            gain = moved / (1 + moved) - pl.col("probability")
        suppressed = pl.lit(False)
        if rule.measured_by is not None:
            since = pl.col(f"days_since_{rule.measured_by}")
            suppressed = (since < rule.quiet_days).fill_null(False)
        parts.append(
            held.select(
                "entity_id",
                rule_code=pl.lit(rule.rule_code),
                priority=pl.lit(rule.priority, dtype=pl.Int64),
                is_suppressed=suppressed,
                probability_gain=gain,
                expected_value=gain * pl.col("value_at_stake"),
            )
        )
    return pl.concat(parts)


def chosen_rules(fired: pl.DataFrame) -> pl.DataFrame:
    """The best rule of each entity, with the runner-up and the counts.

    Returns:
        One row per entity_id: rule_code, probability_gain, expected_value, second_rule_code,
        fired_count and suppressed_count.
    """
    counts = fired.group_by("entity_id").agg(
        fired_count=pl.len().cast(pl.Int64),
        suppressed_count=pl.col("is_suppressed").sum().cast(pl.Int64),
    )
    return (
        fired.filter(~pl.col("is_suppressed"))
        .sort(
            "entity_id",
            pl.col("expected_value").round(2).fill_null(0.0).fill_nan(0.0),
            "priority",
            "rule_code",
            descending=[False, True, False, False],
        )
        .group_by("entity_id", maintain_order=True)
        .agg(
            pl.col("rule_code").first(),
            pl.col("probability_gain").first(),
            pl.col("expected_value").first(),
            second_rule_code=pl.col("rule_code").get(1, null_on_oob=True),
        )
        .join(counts, on="entity_id")
        .sort("entity_id")
    )


def _completed(
    clocked: Clocked,
    entity_type: EntityType,
    rules: Sequence[Rule],
    associations: Mapping[str, Association],
    chosen: pl.DataFrame,
    now: pl.DataFrame,
) -> pl.DataFrame:
    """The chosen rules with everything that the reader is told."""
    described = pl.DataFrame(
        [_described(rule, associations.get(rule.rule_code)) for rule in rules],
        schema={
            "rule_code": pl.String, "action": pl.String, "channel": pl.String,
            "owner_role": pl.String, "priority": pl.Int64, "due_business_days": pl.Int64,
            "source_ids": pl.String, "value_basis": pl.String, "odds_ratio": pl.Float64,
            "odds_ratio_low": pl.Float64, "odds_ratio_high": pl.Float64,
            "with_action_count": pl.Int64, "without_action_count": pl.Int64,
        },
        orient="row",
    )  # fmt: skip
    frame = (
        chosen.join(described, on="rule_code")
        .join(now, on="entity_id", suffix="_signal")
        .join(clocked.query("assignees"), left_on="owner_user_id", right_on="user_id", how="left")
        .join(_due_dates(clocked), on="due_business_days", how="left")
        .sort("entity_id")
    )
    by_code = {rule.rule_code: rule for rule in rules}
    reasons = [_reason(by_code[str(row["rule_code"])], row) for row in frame.iter_rows(named=True)]
    return frame.with_columns(
        entity_type=pl.lit(entity_type),
        model_version=pl.lit(MODEL_VERSION),
        reason=pl.Series(reasons, dtype=pl.String),
        assigned_user_id=pl.when(pl.col("owner_role") == "owner")
        .then("owner_user_id")
        .when(pl.col("owner_role") == "manager")
        .then("manager_user_id"),
        value_at_stake=pl.col("value_at_stake").round(2),
        expected_value=pl.col("expected_value").round(2),
    ).select(pl.col(name).cast(dtype) for name, dtype in ACTION_SCHEMA.items())


def _described(rule: Rule, association: Association | None) -> tuple[object, ...]:
    head = (
        rule.rule_code, rule.action, rule.channel, rule.owner_role, rule.priority,
        rule.due_business_days, rule.source_ids,
    )  # fmt: skip
    if association is None:
        return (*head, NOT_MEASURED, None, None, None, None, None)
    drawn = association.log_odds / association.raw_log_odds if association.raw_log_odds else 1.0
    half = 1.96 * association.standard_error * math.sqrt(max(drawn, 0.0))
    return (
        *head, MEASURED, math.exp(association.log_odds),
        math.exp(association.log_odds - half), math.exp(association.log_odds + half),
        association.done, association.not_done,
    )  # fmt: skip


def _due_dates(clocked: Clocked) -> pl.DataFrame:
    """due_business_days → due_date: 0 is the next business day."""
    days = clocked.con.execute(
        "select date_day from core.dim_date where date_day > ? and is_business_day "
        "order by date_day limit 100",
        [clocked.as_of],
    ).pl()
    return (
        days.select(due_date="date_day")
        .with_row_index("due_business_days")
        .cast({"due_business_days": pl.Int64})
    )


def _reason(rule: Rule, row: Mapping[str, object]) -> str:
    return PLACE.sub(lambda place: _said(place.group(1), row.get(place.group(1))), rule.reason)


def _said(signal: str, value: object) -> str:
    if isinstance(value, float):
        if signal in PROBABILITIES:
            return f"{100 * value:.0f} %"
        return f"{value:.0f}" if value >= 10 or value.is_integer() else f"{value:.1f}"
    return str(value)
