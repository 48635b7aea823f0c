"""The feature frame of the opportunity score: one row per opportunity and as-of date."""

from __future__ import annotations

import polars as pl
from duckdb import DuckDBPyConnection

from ml_assets.features.catalogue import OPPORTUNITY_FEATURES
from ml_assets.features.queries import REQUESTED_SNAPSHOT, has_table, run_query
from ml_assets.features.snapshots import KEYS, with_as_of_end

PRIOR_DEALS = 20.0
PRIOR_ACCOUNT_DEALS = 4.0
PRIOR_USUAL = 2.0
PRIOR_OWNER_EVIDENCE = 20.0
PRIOR_CONVERSATIONS = 2.0
DAYS_PER_WEEK = 7.0
COUNTS = (
    "activities_7d",
    "activities_30d",
    "activities_90d",
    "inbound_7d",
    "inbound_30d",
    "inbound_90d",
    "inbound_total",
    "inbound_emails_total",
    "outbound_7d",
    "outbound_30d",
    "outbound_90d",
    "outbound_total",
    "emails_30d",
    "calls_30d",
    "calls_connected_total",
    "meetings_30d",
    "meetings_90d",
    "meetings_total",
    "meetings_missed_total",
    "people_total",
    "people_inbound",
    "people_30d",
    "touches_30d",
    "touches_90d",
    "line_count",
    "conversation_count",
    "follow_up_count",
    "follow_ups_done_count",
    "follow_ups_overdue_count",
    "qualification_judged_count",
    "qualification_met_count",
    "evidence_count",
    "stage_evidence_count",
    "rival_count",
)


def opportunity_features(con: DuckDBPyConnection, snapshots: pl.DataFrame) -> pl.DataFrame:
    """Everything that was known about each opportunity at the end of its as-of date.

    Args:
        con: connection on the warehouse (schema core).
        snapshots: see `opportunity_facts`.

    Returns:
        The keys and the columns of `OPPORTUNITY_FEATURES` in that order, one row per snapshot,
        sorted by the keys. Counts are 0 where nothing happened; what is unknown is null.
    """
    return features_of(opportunity_facts(con, snapshots))


def features_of(facts: pl.DataFrame) -> pl.DataFrame:
    """The features that follow from the facts, which may also be imagined ones."""
    return _with_derived(facts).select(*KEYS, *_typed_features()).sort(KEYS)


def opportunity_facts(con: DuckDBPyConnection, snapshots: pl.DataFrame) -> pl.DataFrame:
    """What the features are derived from.

    Args:
        con: connection on the warehouse (schema core).
        snapshots: result of `snapshot_state`, one row per opportunity_id and as_of_date, with the
            attributes set at creation.

    Returns:
        The columns of `snapshots` and of the queries, one row per snapshot, sorted by the keys.
        Counts are 0 where nothing happened; what is unknown is null.
    """
    requested = with_as_of_end(
        snapshots.select(
            *KEYS,
            "account_id",
            "currency_code",
            "owner_user_id",
            "amount_local",
            "close_date",
            "stage",
        )
    )
    profile = _family(con, "account", requested)
    with_segment = requested.join(profile.select(*KEYS, "segment"), on=list(KEYS), how="left")
    families = [
        profile,
        _family(con, "amount", with_segment),
        _family(con, "calendar", requested),
        _family(con, "activity", requested),
        _family(con, "touches", requested),
        _family(con, "lines", requested),
        _family(con, "track_record", requested),
        _family(con, "conversations", requested),
        _family(con, "qualification", requested),
        _family(con, "lead", requested),
        _family(con, "usual", requested),
        _contact_roles(con, requested),
    ]
    frame = snapshots
    for family in families:
        frame = frame.join(family, on=list(KEYS), how="left", validate="1:1")
    return frame.with_columns(pl.col(COUNTS).fill_null(0)).sort(KEYS)


def _family(con: DuckDBPyConnection, name: str, requested: pl.DataFrame) -> pl.DataFrame:
    return run_query(con, name, {REQUESTED_SNAPSHOT: requested})


def _contact_roles(con: DuckDBPyConnection, requested: pl.DataFrame) -> pl.DataFrame:
    """Contact roles where core holds them; without them nothing is known of them."""
    if has_table(con, "core", "fct_opportunity_contact"):
        return (
            requested.select(*KEYS)
            .join(_family(con, "contact_roles", requested), on=list(KEYS), how="left")
            .with_columns(
                pl.col("contact_role_count").fill_null(0),
                pl.col("has_champion", "has_decision_maker").fill_null(False),
            )
        )
    return requested.select(*KEYS).with_columns(
        contact_role_count=pl.lit(None, dtype=pl.Int64),
        has_champion=pl.lit(None, dtype=pl.Boolean),
        has_decision_maker=pl.lit(None, dtype=pl.Boolean),
    )


def _with_derived(frame: pl.DataFrame) -> pl.DataFrame:
    """Ratios and smoothed rates."""
    owner_evidence = _to_usual(
        "owner_evidence_count", pl.col("owner_usual_evidence"), PRIOR_OWNER_EVIDENCE
    ).fill_null(1.0)
    return frame.with_columns(
        days_per_stage=pl.col("age_days") / (pl.col("stage_move_count") + 1),
        is_overdue=pl.col("days_to_close_date") < 0,
        amount_to_segment_median=_ratio("amount", "segment_median_amount"),
        amount_change_ratio=_ratio("amount_local", "first_amount_local"),
        inbound_share=_ratio("inbound_total", pl.col("inbound_total") + pl.col("outbound_total")),
        inbound_per_week=pl.col("inbound_total")
        / ((pl.col("age_days") + DAYS_PER_WEEK) / DAYS_PER_WEEK),
        activity_trend=pl.col("activities_30d")
        - (pl.col("activities_90d") - pl.col("activities_30d")) / 2,
        inbound_to_usual=_to_usual("inbound_emails_total", pl.col("usual_inbound")),
        answered_to_usual=_to_usual("calls_connected_total", pl.col("usual_answered")),
        meetings_to_usual=_to_usual("meetings_total", pl.col("usual_meetings")),
        engagement_to_usual=_to_usual(
            pl.col("inbound_emails_total")
            + pl.col("calls_connected_total")
            + pl.col("meetings_total"),
            pl.col("usual_inbound") + pl.col("usual_answered") + pl.col("usual_meetings"),
        ),
        contacts_to_usual=_to_usual("contact_role_count", pl.col("usual_roles")),
        evidence_to_usual=_to_usual("evidence_count", pl.col("usual_evidence") * owner_evidence),
        owner_evidence_to_usual=owner_evidence,
        # drawn towards 0, which is neutral: few conversations say little
        sentiment_mean=pl.col("sentiment_sum")
        / (pl.col("conversation_count") + PRIOR_CONVERSATIONS),
        follow_ups_done_share=_ratio("follow_ups_done_count", "follow_up_count"),
        owner_win_rate=_smoothed("owner", PRIOR_DEALS),
        account_win_rate=_smoothed("account", PRIOR_ACCOUNT_DEALS),
    )


def _ratio(numerator: str, denominator: str | pl.Expr) -> pl.Expr:
    below = pl.col(denominator) if isinstance(denominator, str) else denominator
    return pl.when(below > 0).then(pl.col(numerator) / below)


def _to_usual(observed: str | pl.Expr, usual: pl.Expr, prior: float = PRIOR_USUAL) -> pl.Expr:
    """What was seen against what is usual, drawn towards 1 by `prior` imagined usual events."""
    seen = pl.col(observed) if isinstance(observed, str) else observed
    return (seen + prior) / (usual + prior)


def _smoothed(party: str, prior_deals: float) -> pl.Expr:
    """Win rate so far, drawn towards the company's by `prior_deals` imagined deals."""
    company = pl.when(pl.col("company_closed_count") > 0).then(
        pl.col("company_won_count") / pl.col("company_closed_count")
    )
    return (pl.col(f"{party}_won_count") + prior_deals * company) / (
        pl.col(f"{party}_closed_count") + prior_deals
    )


def _typed_features() -> list[pl.Expr]:
    types: dict[str, type[pl.DataType]] = {
        "number": pl.Float64,
        "category": pl.String,
        "boolean": pl.Boolean,
    }
    return [pl.col(feature.name).cast(types[feature.kind]) for feature in OPPORTUNITY_FEATURES]
