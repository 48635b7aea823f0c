"""The forecast of an evening, in the shape of ml_revenue_forecast."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl
from duckdb import DuckDBPyConnection

from ml_assets.features.queries import has_table
from ml_assets.registry import Scored, champion_as_of, champion_folder
from ml_assets.registry.store import read_candidate
from ml_assets.registry.tables import last_verdict
from ml_assets.revenue.backtest import QUANTILE_COLUMNS, Evening, evening_of
from ml_assets.revenue.baselines import OF_WHAT_IS_LEFT, Position
from ml_assets.revenue.calendar import Floats
from ml_assets.revenue.engine import NEW, OPEN
from ml_assets.revenue.history import (
    UNASSIGNED,
    RevenueHistory,
    baseline_evenings,
    booked_facts,
    first_known_closing,
    read_history,
)
from ml_assets.revenue.organisation import Nodes, closing_owners, nodes_on
from ml_assets.revenue.procedure import FORECASTS, RevenueModel
from ml_assets.revenue.settings import (
    FISCAL_QUARTER,
    MODEL_NAME,
    QUANTILES,
    RevenueSettings,
    feature_schema,
)
from ml_assets.revenue.windows import Window, windows_of

TABLE = "ml_revenue_forecast"
MODEL = "model"
MEAN = "mean"
SEED = 7
WEIGHTED_PIPELINE = "weighted_pipeline"
KEPT_BACKTEST = ("90", FISCAL_QUARTER)
MONEY = pl.Decimal(18, 2)

FORECAST_SCHEMA: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "origin_date": pl.Date,
    "horizon": pl.String,
    "horizon_days": pl.Int64,
    "horizon_start_date": pl.Date,
    "horizon_end_date": pl.Date,
    "node_type": pl.String,
    "node_id": pl.String,
    "quantile": pl.String,
    "amount": MONEY,
    "already_won_amount": MONEY,
    "open_pipeline_amount": MONEY,
    "new_business_amount": MONEY,
    "is_backtest": pl.Boolean,
    "model_version": pl.String,
    "data_sufficiency": pl.String,
    "as_of_date": pl.Date,
}
ORDER = ("is_backtest", "origin_date", "horizon", "node_type", "node_id", "quantile")


def forecast_revenue(
    con: DuckDBPyConnection,
    as_of: date,
    models_dir: Path,
    registry: pl.DataFrame,
    settings: RevenueSettings | None = None,
) -> Scored:
    """Forecast the revenue after an evening with the champion, or with the best baseline.

    Args:
        con: connection on the warehouse (schema core, built as of `as_of`).
        as_of: the evening.
        models_dir: folder of trained models.
        registry: rows of ml_model_registry.
        settings: of the forecast; those of the models unless given.

    Returns:
        Rows with the columns of `FORECAST_SCHEMA`: of each window and node the mean and, where
        the spread is known, the quantiles. Parts add up to the amount, and the means of children
        to their parent's, to the cent. When a champion speaks for the first time, its backtest's
        forecasts of earlier evenings come with it (`is_backtest`).
    """
    settings = settings or RevenueSettings()
    champion = champion_as_of(registry, MODEL_NAME, as_of, feature_schema())
    if champion is None:
        return Scored(_fallback(con, as_of, registry, settings))
    spoken = champion_evening(con, as_of, models_dir, champion, settings)
    rows = evening_rows(spoken, spoken.evening, champion, settings)
    earlier = _earlier_rows(con, as_of, models_dir, champion)
    return Scored(
        pl.concat([_finished(rows, as_of), _finished(earlier, as_of)]).sort(ORDER),
        champion,
    )


@dataclass(frozen=True)
class Spoken:
    """What the champion expects of an evening: what forecast and scenarios are made from."""

    model: RevenueModel
    history: RevenueHistory
    evening: Evening


def champion_evening(
    con: DuckDBPyConnection,
    as_of: date,
    models_dir: Path,
    champion: str,
    settings: RevenueSettings,
) -> Spoken:
    """Load a champion and work out what it expects of an evening."""
    model = RevenueModel.load(champion_folder(models_dir, MODEL_NAME, champion))
    history = read_history(con, as_of, settings, [as_of], landmarks=False)
    evening = evening_of(history, as_of, model.learned, settings, booked_facts(con, as_of))
    return Spoken(model, history, evening)


def evening_rows(
    spoken: Spoken, evening: Evening, champion: str, settings: RevenueSettings
) -> pl.DataFrame:
    """Simulate an evening and give its means and quantiles by window and node.

    Args:
        spoken: whose intervals hold.
        evening: what is expected: the champion's evening, or a scenario's.
        champion: the version that speaks.
        settings: how many paths are drawn; always with the same seed.
    """
    intervals = spoken.model.intervals
    paths = evening.paths(intervals.shocks, settings.simulations, SEED)
    expected = evening.nodes.totals(evening.expected)
    return _rows(
        evening.origin,
        evening.windows,
        evening.nodes,
        won=evening.nodes.totals(evening.already_won),
        open_pipeline=expected[:, OPEN],
        new=expected[:, NEW],
        quantiles=intervals.quantiles(evening.nodes.node_type, paths),
    ).with_columns(
        model_version=pl.lit(champion),
        data_sufficiency=pl.lit(MODEL),
        is_backtest=pl.lit(False),
    )


def _rows(
    origin: date,
    windows: tuple[Window, ...],
    nodes: Nodes,
    *,
    won: Floats,
    open_pipeline: Floats,
    new: Floats,
    quantiles: Floats | None,
) -> pl.DataFrame:
    """Mean and quantiles of nodes and windows, shape (nodes, h) and (nodes, h, quantiles)."""
    count, wide = won.shape
    frame = pl.DataFrame(
        {
            "origin_date": [origin] * (count * wide),
            "horizon": [window.name for window in windows] * count,
            "horizon_days": [window.days for window in windows] * count,
            "horizon_start_date": [window.start for window in windows] * count,
            "horizon_end_date": [window.end for window in windows] * count,
            "node_type": np.repeat(nodes.node_type, wide),
            "node_id": np.repeat(nodes.node_id, wide),
            "already_won": won.reshape(-1),
            "from_open_pipeline": open_pipeline.reshape(-1),
            "from_new_business": new.reshape(-1),
            "mean": (won + open_pipeline + new).reshape(-1),
        }
    )
    if quantiles is not None:
        frame = frame.with_columns(
            pl.Series(name, quantiles[:, :, place].reshape(-1))
            for place, name in enumerate(QUANTILE_COLUMNS)
        )
    return _long(frame)


def _long(wide: pl.DataFrame) -> pl.DataFrame:
    """One row per quantile; its parts share what is not won yet as those of the mean do."""
    names = {MEAN: MEAN} | {
        column: str(quantile)
        for column, quantile in zip(QUANTILE_COLUMNS, QUANTILES, strict=True)
        if column in wide.columns
    }
    keys = [
        "origin_date",
        "horizon",
        "horizon_days",
        "horizon_start_date",
        "horizon_end_date",
        "node_type",
        "node_id",
    ]
    parts = ["already_won", "from_open_pipeline", "from_new_business"]
    left = pl.col("from_open_pipeline") + pl.col("from_new_business")
    share = pl.when(left > 0).then(pl.col("from_open_pipeline") / left).otherwise(1.0)
    return (
        wide.with_columns(open_share=share)
        .unpivot(
            on=list(names),
            index=[*keys, *parts, "open_share"],
            variable_name="quantile",
            value_name="amount",
        )
        .with_columns(
            pl.col("quantile").replace_strict(names),
            amount=pl.max_horizontal("amount", "already_won").round(2),
        )
        .with_columns(
            open_pipeline=pl.when(pl.col("quantile") == MEAN)
            .then("from_open_pipeline")
            .otherwise(((pl.col("amount") - pl.col("already_won")) * pl.col("open_share")).round(2))
        )
        .select(
            *keys,
            "quantile",
            "amount",
            already_won_amount="already_won",
            open_pipeline_amount="open_pipeline",
            new_business_amount=(
                pl.col("amount") - pl.col("already_won") - pl.col("open_pipeline")
            ).round(2),
        )
    )


def _earlier_rows(
    con: DuckDBPyConnection, as_of: date, models_dir: Path, champion: str
) -> pl.DataFrame:
    """The forecasts of the champion's backtest, unless another evening's rows hold them."""
    if has_table(con, "ml", TABLE):
        known = con.execute(
            f"select count(*) from ml.{TABLE} "
            "where is_backtest and model_version = ? and as_of_date <> ?",
            [champion, as_of],
        ).fetchone()
        if known is not None and known[0] > 0:
            return pl.DataFrame(schema=FORECAST_SCHEMA)
    candidate = read_candidate(models_dir, MODEL_NAME, champion)
    if candidate is None:
        raise FileNotFoundError(f"Model {champion} is registered, but its folder is gone.")
    frame = candidate.held_out[FORECASTS].filter(pl.col("horizon").is_in(KEPT_BACKTEST))
    return _long(
        frame.rename({"window_start": "horizon_start_date", "window_end": "horizon_end_date"})
    ).with_columns(
        model_version=pl.lit(champion), data_sufficiency=pl.lit(MODEL), is_backtest=pl.lit(True)
    )


def _finished(rows: pl.DataFrame, as_of: date) -> pl.DataFrame:
    return (
        rows.with_columns(as_of_date=pl.lit(as_of))
        .select(pl.col(name).cast(dtype) for name, dtype in FORECAST_SCHEMA.items())
        .sort(ORDER)
    )


def _fallback(
    con: DuckDBPyConnection, as_of: date, registry: pl.DataFrame, settings: RevenueSettings
) -> pl.DataFrame:
    """The best baseline of the latest training, or the weighted pipeline before there was one."""
    baseline, spread = _last_best_baseline(registry, as_of)
    evenings = [as_of]
    if baseline == "point_in_period":
        evenings += baseline_evenings(con, [as_of], first_known_closing(con, as_of))
    history = read_history(con, as_of, settings, sorted(evenings), landmarks=False)
    booked = booked_facts(con, as_of)
    windows = windows_of(as_of, history.fiscal, settings)
    amounts = _baseline_evening(history, booked, as_of, windows, baseline)
    if amounts is None:
        baseline, spread = WEIGHTED_PIPELINE, {}
        amounts = _baseline_evening(history, booked, as_of, windows, baseline)
    nodes, won, left = cast("tuple[Nodes, Floats, Floats]", amounts)
    quantiles = _baseline_quantiles(nodes, windows, won, left, spread) if spread else None
    return _finished(
        _rows(
            as_of,
            windows,
            nodes,
            won=won,
            open_pipeline=left,
            new=np.zeros(left.shape),
            quantiles=quantiles,
        ).with_columns(
            model_version=pl.lit(baseline),
            data_sufficiency=pl.lit(f"{last_verdict(registry, MODEL_NAME, as_of)}: {baseline}"),
            is_backtest=pl.lit(False),
        ),
        as_of,
    )


def _last_best_baseline(
    registry: pl.DataFrame, as_of: date
) -> tuple[str, dict[str, dict[str, list[float]]]]:
    trained = registry.filter(
        (pl.col("model_name") == MODEL_NAME) & (pl.col("trained_as_of") <= as_of)
    ).sort("trained_as_of", "model_version")
    metrics: dict[str, Any] = json.loads(trained["metrics"][-1]) if trained.height else {}
    return metrics.get("best_baseline", WEIGHTED_PIPELINE), metrics.get("best_baseline_spread", {})


def _baseline_evening(
    history: RevenueHistory,
    booked: pl.DataFrame,
    as_of: date,
    windows: tuple[Window, ...],
    baseline: str,
) -> tuple[Nodes, Floats, Floats] | None:
    """Nodes, what is won and what the baseline adds, by node and window; None without a figure."""
    pipeline = history.open_on(as_of)
    owners = closing_owners(history, as_of, pipeline, "owner_user_id")
    user_ids = sorted({UNASSIGNED, *owners, *booked["user_id"]})
    position = Position(
        history,
        as_of,
        pipeline.with_columns(closing_owner=pl.Series(owners, dtype=pl.String)),
        user_ids,
    )
    won: list[Floats] = []
    left: list[Floats] = []
    for window in windows:
        found = OF_WHAT_IS_LEFT[baseline](position, window)
        if found is None:
            return None
        so_far = booked.filter(pl.col("booked_date").is_between(window.start, window.end))
        won.append(
            position.by_user(so_far, "user_id", "amount")
            if window.is_quarter
            else np.zeros(len(user_ids))
        )
        left.append(found)
    nodes = nodes_on(history, as_of, user_ids)
    return (
        nodes,
        nodes.totals(np.stack(won, axis=1).round(2)),
        nodes.totals(np.stack(left, axis=1).round(2)),
    )


def _baseline_quantiles(
    nodes: Nodes,
    windows: tuple[Window, ...],
    won: Floats,
    left: Floats,
    spread: Mapping[str, Mapping[str, list[float]]],
) -> Floats:
    """What is left times how much of the baseline's came in earlier windows of such nodes."""
    ratios = np.array(
        [
            [spread.get(kind, {}).get(window.name, [1.0] * len(QUANTILES)) for window in windows]
            for kind in nodes.node_type
        ]
    )
    return won[:, :, None] + left[:, :, None] * ratios
