"""Scores of the open leads, in the shape of ml_lead_score."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import polars as pl
from duckdb import DuckDBPyConnection

from ml_assets.evaluation import wilson_interval
from ml_assets.features.lead import lead_features
from ml_assets.features.lead_snapshots import LeadSampling, open_leads, settled_leads
from ml_assets.leads.model import LeadModel
from ml_assets.leads.scale import lead_score, qualification
from ml_assets.leads.settings import MODEL_NAME, feature_schema
from ml_assets.registry import Scored, champion_as_of, champion_folder
from ml_assets.registry.tables import last_verdict

BASE_RATE_VERSION = "base_rate"
MODEL = "model"

SCORE_SCHEMA: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "lead_id": pl.String,
    "as_of_date": pl.Date,
    "model_version": pl.String,
    "score": pl.Float64,
    "conversion_probability": pl.Float64,
    "conversion_probability_low": pl.Float64,
    "conversion_probability_high": pl.Float64,
    "horizon_days": pl.Int64,
    "fit_score": pl.Float64,
    "engagement_score": pl.Float64,
    "qualification": pl.String,
    "top_factors": pl.String,
    "data_sufficiency": pl.String,
}


def score_open_leads(
    con: DuckDBPyConnection,
    as_of: date,
    models_dir: Path,
    registry: pl.DataFrame,
    sampling: LeadSampling | None = None,
) -> Scored:
    """Score every open lead with the champion of the day, or with the base rate.

    Without a champion every lead gets the share of leads that converted within the horizon after
    they came, among those that came at least so long ago, with its 95 % Wilson interval, no parts
    and no reasons. Where there are none yet, probability, score and call are null.

    Args:
        con: connection on the warehouse (schema core, built as of `as_of`).
        as_of: the day.
        models_dir: folder of trained models.
        registry: rows of ml_model_registry.
        sampling: of the model; its horizon.

    Returns:
        Rows with the columns of `SCORE_SCHEMA`, one per open lead, sorted by lead_id.
        `top_factors` is JSON text. `data_sufficiency` is `model`, or `<why>: base rate` with
        insufficient_history, no_signal, bands_missed, leak_suspected, rolled_back or not_trained as
        the why.
    """
    horizon = (sampling or LeadSampling()).horizon_days
    leads = open_leads(con, as_of)
    champion = champion_as_of(registry, MODEL_NAME, as_of, feature_schema())
    features = None
    if champion is None:
        reason = f"{last_verdict(registry, MODEL_NAME, as_of)}: base rate"
        scored = _base_rate_scores(con, as_of, leads, horizon, reason)
    else:
        model = LeadModel.load(champion_folder(models_dir, MODEL_NAME, champion))
        known = lead_features(con, leads)
        features = model.features(known)
        scored = _model_scores(model, known, champion)
    score = pl.Series(lead_score(scored["conversion_probability"].to_numpy())).fill_nan(None)
    rows = (
        scored.with_columns(score=score, horizon_days=pl.lit(horizon))
        .with_columns(qualification=qualification(pl.col("score")))
        .select(pl.col(name).cast(dtype) for name, dtype in SCORE_SCHEMA.items())
        .sort("lead_id")
    )
    return Scored(rows, champion, features)


def _base_rate_scores(
    con: DuckDBPyConnection, as_of: date, leads: pl.DataFrame, horizon: int, reason: str
) -> pl.DataFrame:
    converted, settled = settled_leads(con, as_of, horizon)
    low, high = wilson_interval(converted, settled)
    return leads.select("lead_id", "as_of_date").with_columns(
        model_version=pl.lit(BASE_RATE_VERSION),
        conversion_probability=pl.lit(converted / settled if settled else None, dtype=pl.Float64),
        conversion_probability_low=pl.lit(low),
        conversion_probability_high=pl.lit(high),
        fit_score=pl.lit(None, dtype=pl.Float64),
        engagement_score=pl.lit(None, dtype=pl.Float64),
        top_factors=pl.lit("[]"),
        data_sufficiency=pl.lit(reason),
    )


def _model_scores(model: LeadModel, known: pl.DataFrame, champion: str) -> pl.DataFrame:
    predicted = model.predict(known)
    factors = [
        json.dumps(reasons, ensure_ascii=False) for reasons in predicted["top_factors"].to_list()
    ]
    return known.select("lead_id", "as_of_date").with_columns(
        model_version=pl.lit(champion),
        conversion_probability=predicted["probability"],
        conversion_probability_low=predicted["probability_low"],
        conversion_probability_high=predicted["probability_high"],
        fit_score=predicted["fit_score"],
        engagement_score=predicted["engagement_score"],
        top_factors=pl.Series(factors, dtype=pl.String),
        data_sufficiency=pl.lit(MODEL),
    )
