"""The feature frame of the lead score: one row per lead and as-of date."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from duckdb import DuckDBPyConnection

from ml_assets.features.lead_catalogue import DECAYED, HALF_LIVES, LEAD_FEATURES
from ml_assets.features.queries import REQUESTED_SNAPSHOT, run_query
from ml_assets.features.snapshots import with_as_of_end

LEAD_KEYS = ("lead_id", "as_of_date")
DAYS_PER_WEEK = 7.0
PRIOR_LEADS = 20.0
COUNTS = (
    "outreach_total",
    "outreach_7d",
    "outreach_30d",
    "automated_total",
    "answers_total",
    "answers_7d",
    "answers_30d",
    "replies_total",
    "calls_in_total",
    "talks_total",
    "meetings_total",
    "mailings_total",
    "opens_total",
    "clicks_total",
    "bounces_total",
    "unsubscribes_total",
    "forms_total",
    "forms_since_arrival",
    "views_total",
    "views_7d",
    "views_30d",
    "visit_days_total",
    "campaigns_total",
)

_SENIORITIES = (
    ("executive", r"\b(chief|c[efistrmo]o|president|founder|owner|partner)\b"),
    ("vice president", r"\b(vice president|[se]?vp)\b"),
    ("director", r"\b(director|head)\b"),
    ("manager", r"\b(manager|lead|supervisor)\b"),
)
_FUNCTIONS = (
    ("information technology", r"\b(it|information|technology|security|software|data|cto|cio)\b"),
    ("finance", r"\b(finance|financial|accounting|controller|cfo)\b"),
    ("procurement", r"\b(procurement|purchasing|buyer|sourcing)\b"),
    ("sales and marketing", r"\b(sales|marketing|revenue|growth|cmo|cro)\b"),
    ("analytics", r"\b(analytics|analyst|insights)\b"),
    ("operations", r"\b(operations|supply|logistics|coo)\b"),
    ("people", r"\b(hr|human|people|talent)\b"),
)


def decayed_columns(half_life: int) -> dict[str, str]:
    """Feature that fades → its column for one half-life."""
    return {name: f"{name}_{half_life}d" for name in DECAYED}


def lead_state(con: DuckDBPyConnection, snapshots: pl.DataFrame) -> pl.DataFrame:
    """What each lead was at the end of each day (see lead_state.sql).

    Args:
        con: connection on the warehouse (schema core).
        snapshots: lead_id, as_of_date.

    Returns:
        One row per snapshot of a lead that was known then, sorted by the keys.
    """
    asked = with_as_of_end(snapshots.select(LEAD_KEYS))
    return run_query(con, "lead_state", {REQUESTED_SNAPSHOT: asked}).sort(LEAD_KEYS)


def lead_features(con: DuckDBPyConnection, state: pl.DataFrame) -> pl.DataFrame:
    """Everything that was known about each lead at the end of its as-of date.

    Args:
        con: connection on the warehouse (schema core).
        state: rows of `lead_state`.

    Returns:
        The keys, the columns of `LEAD_FEATURES` that do not fade, and `<name>_<days>d` for each of
        those that do and each half-life; one row per row of `state`, sorted by the keys. Counts are
        0 where nothing happened; what is unknown is null.
    """
    requested = with_as_of_end(
        state.select(*LEAD_KEYS, "arrived_at", "company", "email", "owner_user_id")
    )
    frame = state
    for family in ("lead_contacts", "lead_interest", "lead_account", "lead_track_record"):
        part = run_query(con, family, {REQUESTED_SNAPSHOT: requested})
        frame = frame.join(part, on=list(LEAD_KEYS), how="left", validate="1:1")
    fading = [column for days in HALF_LIVES for column in decayed_columns(days).values()]
    derived = _with_derived(
        frame.with_columns(pl.col(COUNTS).fill_null(0), pl.col(fading).fill_null(0.0))
    )
    return derived.select(*LEAD_KEYS, *_typed_features(), *fading).sort(LEAD_KEYS)


def with_half_life(frame: pl.DataFrame, half_life: int) -> pl.DataFrame:
    """The frame with its fading features as one half-life has them, in the catalogue's order."""
    columns = decayed_columns(half_life)
    others = [
        name
        for name in frame.columns
        if not any(name.startswith(f"{fading}_") for fading in DECAYED)
        and name not in {feature.name for feature in LEAD_FEATURES}
    ]
    return frame.with_columns(**{name: pl.col(column) for name, column in columns.items()}).select(
        *others, *(feature.name for feature in LEAD_FEATURES)
    )


def _with_derived(frame: pl.DataFrame) -> pl.DataFrame:
    """What a title says, rates, and smoothed rates."""
    weeks = (pl.col("age_days") + DAYS_PER_WEEK) / DAYS_PER_WEEK
    everyone = pl.when(pl.col("all_decided_count") > 0).then(
        pl.col("all_converted_count") / pl.col("all_decided_count")
    )
    signals = pl.sum_horizontal(
        "answers_total", "visit_days_total", "forms_since_arrival", "opens_total", "clicks_total"
    )
    return frame.with_columns(
        signals_total=signals,
        signals_per_week=signals / weeks,
        seniority=_said_by(pl.col("title"), _SENIORITIES),
        job_function=_said_by(pl.col("title"), _FUNCTIONS),
        answers_per_week=pl.col("answers_total") / weeks,
        visit_days_per_week=pl.col("visit_days_total") / weeks,
        open_share=pl.when(pl.col("mailings_total") > 0).then(
            pl.col("opens_total") / pl.col("mailings_total")
        ),
        company_other_leads=pl.max_horizontal(pl.col("company_lead_count") - 1, pl.lit(0)),
        owner_conversion_rate=(pl.col("owner_converted_count") + PRIOR_LEADS * everyone)
        / (pl.col("owner_decided_count") + PRIOR_LEADS),
    )


def _said_by(title: pl.Expr, meanings: Sequence[tuple[str, str]]) -> pl.Expr:
    """The first meaning whose pattern a title holds; `other` without one, null without a title."""
    text = title.str.to_lowercase()
    meaning = pl.when(text.is_null()).then(pl.lit(None, dtype=pl.String))
    for name, pattern in meanings:
        meaning = meaning.when(text.str.contains(pattern)).then(pl.lit(name))
    return meaning.otherwise(pl.lit("other"))


def _typed_features() -> list[pl.Expr]:
    dtypes = {"number": pl.Float64, "category": pl.String, "boolean": pl.Boolean}
    return [
        pl.col(feature.name).cast(dtypes[feature.kind])
        for feature in LEAD_FEATURES
        if feature.name not in DECAYED
    ]
