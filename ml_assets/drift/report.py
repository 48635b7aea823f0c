"""ml_drift: what changed between a model's training and an evening."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import polars as pl
from duckdb import DuckDBPyConnection

from ml_assets.drift.calibration import MonthOfPredictions, calibration_by_month
from ml_assets.drift.history import held_out_of, scored_before
from ml_assets.drift.scored import read_scored
from ml_assets.drift.stability import Stability, population_stability
from ml_assets.registry.store import read_reference

OF_THE_EVENING = frozenset({"days_to_quarter_end"})
"""Features that are the same for all rows of an evening: they say which evening it is, and a single
evening never looks like the year that a model was trained on."""

EVENING = "as_of_date"
ENOUGH_OF_A_WEEKDAY = 500
POPULATION, SCORED, BACKTEST = "population", "calibration", "calibration_backtest"

DRIFT_SCHEMA: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "model_name": pl.String,
    "model_version": pl.String,
    "as_of_date": pl.Date,
    "measure": pl.String,
    "feature": pl.String,
    "period_start": pl.Date,
    "value": pl.Float64,
    "noise_floor": pl.Float64,
    "noise_limit": pl.Float64,
    "reference_value": pl.Float64,
    "current_value": pl.Float64,
    "reference_count": pl.Int64,
    "current_count": pl.Int64,
    "reference_missing_share": pl.Float64,
    "current_missing_share": pl.Float64,
    "bin_count": pl.Int64,
    "decided_share": pl.Float64,
    "verdict": pl.String,
    "explanation": pl.String,
}


def drift_report(
    con: DuckDBPyConnection, as_of: date, models_dir: Path, model_names: Sequence[str]
) -> pl.DataFrame:
    """How far the evening's rows lie from each champion's training, and how predictions came true.

    Args:
        con: connection on the warehouse.
        as_of: the evening; nothing recorded later is read.
        models_dir: folder of trained models, with what they read this evening.
        model_names: models to look at; one whose fallback spoke this evening has no rows.

    Returns:
        Columns of `DRIFT_SCHEMA`, one row per model, measure, feature and period, sorted by them.
    """
    rows: list[dict[str, object]] = []
    for name in model_names:
        scored = read_scored(models_dir, name, as_of)
        if scored is None:
            continue
        head = {"model_name": name, "model_version": scored.version, "as_of_date": as_of}
        reference = read_reference(models_dir, name, scored.version)
        if reference is not None:
            rows += [
                head | _population_row(feature, as_of, found)
                for feature, found in stabilities(reference, scored.features, as_of).items()
            ]
        for measure, predictions in (
            (SCORED, scored_before(con, name, as_of)),
            (BACKTEST, held_out_of(models_dir, name, scored.version)),
        ):
            rows += [
                head | _calibration_row(measure, month)
                for month in calibration_by_month(predictions)
            ]
    return pl.DataFrame(rows, schema=DRIFT_SCHEMA).sort(
        "model_name", "measure", "feature", "period_start"
    )


def stabilities(
    reference: pl.DataFrame, current: pl.DataFrame, as_of: date
) -> dict[str, Stability]:
    """Population stability of every feature that both frames have, in the reference's order.

    A column as_of_date of the reference says which evening each of its rows is of. Then the rows
    of the evening's own weekday are compared, where they are enough: on a Tuesday nobody wrote two
    days ago, and that is no drift.

    Args:
        reference: features that a model was trained on.
        current: the features that it read on the evening.
        as_of: the evening.
    """
    evenings = None
    if EVENING in reference.columns:
        alike = reference.filter(pl.col(EVENING).dt.weekday() == as_of.isoweekday())
        reference = alike if alike.height >= ENOUGH_OF_A_WEEKDAY else reference
        evenings = reference[EVENING]
    return {
        name: population_stability(reference[name], current[name], evenings=evenings)
        for name in reference.columns
        if name in current.columns
        and name not in OF_THE_EVENING
        and _is_plain(reference[name])
        and _is_plain(current[name])
    }


def _is_plain(values: pl.Series) -> bool:
    dtype = values.dtype
    is_word = isinstance(dtype, pl.Boolean | pl.String | pl.Categorical | pl.Enum)
    return dtype.is_numeric() or is_word


def _population_row(feature: str, as_of: date, found: Stability) -> dict[str, object]:
    explanation = None
    if found.verdict in {"moderate", "severe"}:
        explanation = (
            f"{feature}: {found.moved_bin} was {100 * found.reference_share:.0f} % of the "
            f"training and is {100 * found.current_share:.0f} % of the evening's rows. Index "
            f"{found.psi:.2f}, of which chance alone gives {found.noise_floor:.2f}."
        )
    return {
        "measure": POPULATION,
        "feature": feature,
        "period_start": as_of,
        "value": found.psi,
        "noise_floor": found.noise_floor,
        "noise_limit": found.noise_limit,
        "reference_value": found.reference_share,
        "current_value": found.current_share,
        "reference_count": found.reference_count,
        "current_count": found.current_count,
        "reference_missing_share": found.reference_missing_share,
        "current_missing_share": found.current_missing_share,
        "bin_count": found.bin_count,
        "decided_share": None,
        "verdict": found.verdict,
        "explanation": explanation,
    }


def _calibration_row(measure: str, month: MonthOfPredictions) -> dict[str, object]:
    explanation = None
    if month.verdict in {"moderate", "severe"}:
        explanation = (
            f"Predictions of {month.month:%B %Y} said {100 * month.predicted:.1f} % on average, "
            f"{100 * month.observed:.1f} % came true."
        )
    return {
        "measure": measure,
        "feature": "prediction",
        "period_start": month.month,
        "value": month.gap,
        "noise_floor": 0.0,
        "noise_limit": 1.96 * month.standard_error,
        "reference_value": month.predicted,
        "current_value": month.observed,
        "reference_count": month.known_count,
        "current_count": month.group_count,
        "reference_missing_share": None,
        "current_missing_share": None,
        "bin_count": None,
        "decided_share": month.decided_share,
        "verdict": month.verdict,
        "explanation": explanation,
    }
