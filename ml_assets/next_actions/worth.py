"""What is at stake for a deal, lead or account, and how likely it comes true as things are."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from ml_assets.next_actions.playbook import EntityType
from ml_assets.next_actions.signals import Clocked, outcomes

PRIOR_CASES = 20.0
HORIZON_DAYS: dict[EntityType, int] = {"opportunity": 180, "lead": 90, "account": 90}
EVENINGS: dict[EntityType, tuple[int, int]] = {
    "opportunity": (8, 1),
    "lead": (5, 2),
    "account": (4, 2),
}
"""How many past month ends are looked at, and how many months lie between two."""


def past_evenings(as_of: date, entity_type: EntityType, longest_within: int) -> list[date]:
    """Month ends that lie so far back that what came of their deals, leads or accounts is known."""
    count, step = EVENINGS[entity_type]
    last = as_of - timedelta(days=HORIZON_DAYS[entity_type] + longest_within)
    days: list[date] = []
    day = (last + timedelta(days=1)).replace(day=1) - timedelta(days=1)
    while len(days) < count:
        days.append(day)
        for _ in range(step):
            day = day.replace(day=1) - timedelta(days=1)
    return days


def with_outcomes(
    clocked: Clocked, entity_type: EntityType, found: pl.DataFrame, known: pl.DataFrame
) -> pl.DataFrame:
    """Adds what came of past snapshots: `decided_at` and `is_success`.

    A deal is decided when it closes and succeeds when it is won, a lead when it converts, an
    account when its next deal begins.
    """
    if entity_type == "account":
        begun = (
            outcomes(clocked, "opportunity")
            .select(entity_id="account_id", decided_at="began_at")
            .drop_nulls()
            .sort("decided_at")
        )
        return (
            found.sort("as_of_end")
            .join_asof(
                begun,
                left_on="as_of_end",
                right_on="decided_at",
                by="entity_id",
                strategy="forward",
                check_sortedness=False,
            )
            .with_columns(is_success=pl.col("decided_at").is_not_null())
            .sort("entity_id", "as_of_date")
        )
    ends = known.select("entity_id", decided_at="ended_at", is_success="is_won")
    return found.join(ends, on="entity_id", how="left").sort("entity_id", "as_of_date")


def success_rates(history: pl.DataFrame, entity_type: EntityType) -> pl.DataFrame:
    """Share of past snapshots that succeeded within the horizon, drawn towards the share of all.

    Returns:
        stratum and base_probability.
    """
    horizon = pl.duration(days=HORIZON_DAYS[entity_type])
    success = (
        pl.col("is_success") & (pl.col("decided_at") < pl.col("as_of_end") + horizon)
    ).fill_null(False)
    judged = history.select("stratum", success=success.cast(pl.Float64))
    overall = judged["success"].mean()
    if overall is None:
        return judged.select("stratum", base_probability=pl.lit(None, dtype=pl.Float64)).clear()
    return judged.group_by("stratum").agg(
        base_probability=(pl.col("success").sum() + PRIOR_CASES * pl.lit(overall))
        / (pl.len() + PRIOR_CASES)
    )


def with_worth(
    clocked: Clocked, entity_type: EntityType, found: pl.DataFrame, history: pl.DataFrame
) -> pl.DataFrame:
    """Adds `value_at_stake` and `probability` to an evening's signals.

    A deal is worth its amount, and is won with the model's probability, or without one with the
    share of its stratum. A lead is worth what converted leads have brought on average, lost ones
    counting nothing; an account what its segment's closed deals have brought.
    """
    rates = success_rates(history, entity_type)
    based = found.join(rates, on="stratum", how="left")
    deals = outcomes(clocked, "opportunity").filter(pl.col("ended_at").is_not_null())
    brought = deals.with_columns(
        brought=pl.when("is_won").then(pl.col("amount").fill_null(0.0)).otherwise(0.0)
    )
    if entity_type == "opportunity":
        return based.with_columns(
            value_at_stake=pl.col("amount"),
            probability=pl.coalesce("win_probability", "base_probability"),
        )
    if entity_type == "lead":
        converted = outcomes(clocked, "lead").select("opportunity_id").drop_nulls()
        of_leads = brought.join(converted, left_on="entity_id", right_on="opportunity_id")
        return based.with_columns(
            value_at_stake=pl.lit(of_leads["brought"].mean(), dtype=pl.Float64),
            probability=pl.coalesce("conversion_probability", "base_probability"),
        )
    overall = brought["brought"].mean()
    by_segment = brought.group_by("segment").agg(
        value_at_stake=(pl.col("brought").sum() + PRIOR_CASES * pl.lit(overall, dtype=pl.Float64))
        / (pl.len() + PRIOR_CASES)
    )
    return (
        based.join(by_segment, on="segment", how="left")
        .with_columns(
            value_at_stake=pl.col("value_at_stake").fill_null(pl.lit(overall, dtype=pl.Float64)),
            probability=pl.col("base_probability"),
        )
        .sort("entity_id", "as_of_date")
    )
