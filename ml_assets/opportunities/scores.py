"""Scores of the open opportunities, in the shape of ml_opportunity_score."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import polars as pl
from duckdb import DuckDBPyConnection

from ml_assets.evaluation import wilson_interval
from ml_assets.features import features_of, open_opportunities, opportunity_facts
from ml_assets.features.queries import run_query
from ml_assets.features.snapshots import KEYS, end_of_day, snapshot_state
from ml_assets.opportunities.model import OpportunityModel
from ml_assets.opportunities.settings import MODEL_NAME, feature_schema
from ml_assets.opportunities.timing import HORIZONS, horizon_column
from ml_assets.registry import Scored, champion_as_of, champion_folder
from ml_assets.registry.tables import last_verdict

BASE_RATE_VERSION = "base_rate"
MODEL = "model"
UNKNOWN_RATE = 0.5

SCORE_SCHEMA: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "opportunity_id": pl.String,
    "as_of_date": pl.Date,
    "model_version": pl.String,
    "win_probability": pl.Float64,
    "win_probability_low": pl.Float64,
    "win_probability_high": pl.Float64,
    "won_within_30d": pl.Float64,
    "won_within_60d": pl.Float64,
    "won_within_90d": pl.Float64,
    "expected_amount": pl.Decimal(18, 2),
    "top_factors": pl.String,
    "levers": pl.String,
    "data_sufficiency": pl.String,
}


def score_open_opportunities(
    con: DuckDBPyConnection, as_of: date, models_dir: Path, registry: pl.DataFrame
) -> Scored:
    """Score every open opportunity with the champion of the day, or with the base rate.

    Without a champion every deal gets the share of closed deals that were won (closed and recorded
    by the day's end), with its 95 % Wilson interval, no reasons, and nothing about when.

    Args:
        con: connection on the warehouse (schema core, built as of `as_of`).
        as_of: the day.
        models_dir: folder of trained models.
        registry: rows of ml_model_registry.

    Returns:
        Rows with the columns of `SCORE_SCHEMA`, one per open opportunity, sorted by opportunity_id.
        `expected_amount` is win_probability times amount (corporate currency), null without one.
        `top_factors` and `levers` are JSON text. `data_sufficiency` is `model`, or
        `<why>: base rate` with insufficient_history, no_signal, leak_suspected or not_trained as
        the why.
    """
    deals = open_opportunities(con, as_of)
    champion = champion_as_of(registry, MODEL_NAME, as_of, feature_schema())
    features = None
    if champion is None:
        scored = _base_rate_scores(con, as_of, deals, registry)
    else:
        facts = opportunity_facts(con, snapshot_state(con, deals.drop("score_amount")))
        features = features_of(facts)
        scored = _model_scores(deals, facts, models_dir, champion)
    rows = (
        scored.with_columns(
            expected_amount=(pl.col("win_probability") * pl.col("score_amount").cast(pl.Float64))
            .round(2)
            .cast(pl.Decimal(18, 2))
        )
        .select(pl.col(name).cast(dtype) for name, dtype in SCORE_SCHEMA.items())
        .sort("opportunity_id")
    )
    return Scored(rows, champion, features)


def base_rate(con: DuckDBPyConnection, as_of: date) -> tuple[int, int]:
    """Won and closed opportunities by the end of a day, deleted ones aside."""
    opportunities = run_query(con, "opportunities", {}, {"clock_end": end_of_day(as_of)})
    state = snapshot_state(con, opportunities.with_columns(as_of_date=pl.lit(as_of)))
    closed = state.filter(pl.col("is_closed") & ~pl.col("is_deleted"))
    return int(closed["is_won"].sum()), closed.height


def _base_rate_scores(
    con: DuckDBPyConnection, as_of: date, deals: pl.DataFrame, registry: pl.DataFrame
) -> pl.DataFrame:
    won, closed = base_rate(con, as_of)
    low, high = wilson_interval(won, closed)
    return deals.with_columns(
        model_version=pl.lit(BASE_RATE_VERSION),
        win_probability=pl.lit(won / closed if closed else UNKNOWN_RATE),
        win_probability_low=pl.lit(low),
        win_probability_high=pl.lit(high),
        top_factors=pl.lit("[]"),
        levers=pl.lit("[]"),
        **{horizon_column(days): pl.lit(None, dtype=pl.Float64) for days in HORIZONS},
        data_sufficiency=pl.lit(f"{last_verdict(registry, MODEL_NAME, as_of)}: base rate"),
    )


def _model_scores(
    deals: pl.DataFrame, facts: pl.DataFrame, models_dir: Path, champion: str
) -> pl.DataFrame:
    model = OpportunityModel.load(champion_folder(models_dir, MODEL_NAME, champion))
    scores = model.predict(facts).with_columns(
        model_version=pl.lit(champion), data_sufficiency=pl.lit(MODEL)
    )
    return deals.join(scores, on=list(KEYS), how="left")
