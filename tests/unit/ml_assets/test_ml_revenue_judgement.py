"""What lets the revenue forecast speak, on backtests written by hand."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from ml_assets.revenue.backtest import QUANTILE_COLUMNS
from ml_assets.revenue.baselines import BASELINES
from ml_assets.revenue.judgement import (
    backtest_rows,
    baseline_spread,
    best_baseline,
    decide,
    plots,
    summary,
)
from ml_assets.revenue.settings import QUANTILES, RevenueSettings

SETTINGS = RevenueSettings()
FIRST = date(2025, 7, 1)
HORIZONS = {"30": 30, "60": 60, "90": 90, "fiscal_quarter": 50}
HISTORY = {"horizon": pl.String, "origin_date": pl.Date, "amount": pl.Float64}
ACTUAL = [100.0, 140.0, 90.0, 180.0, 120.0, 200.0, 110.0, 160.0, 130.0]


def backtest(
    *, off_by: float = 0.05, baseline_off_by: float = 0.2, origins: int = 9
) -> pl.DataFrame:
    """The model is above the actual by a share, and below it at every other origin."""
    rows: list[dict[str, object]] = []
    for number, actual in enumerate(ACTUAL[:origins]):
        sign = 1 if number % 2 else -1
        mean = actual * (1 + sign * off_by)
        for horizon, days in HORIZONS.items():
            origin = FIRST + timedelta(days=30 * number)
            rows += [
                {
                    "origin_date": origin,
                    "horizon": horizon,
                    "horizon_days": days,
                    "window_start": origin + timedelta(days=1),
                    "window_end": origin + timedelta(days=days),
                    "node_type": node_type,
                    "node_id": node_id,
                    "is_judged": True,
                    "actual": actual,
                    "already_won": 0.0,
                    "from_open_pipeline": mean,
                    "from_new_business": 0.0,
                    "mean": mean,
                    "position": 0.2 + 0.1 * (number % 2),
                    **{
                        name: mean * (1 + 0.3 * (quantile - 0.5))
                        for name, quantile in zip(QUANTILE_COLUMNS, QUANTILES, strict=True)
                    },
                    **dict.fromkeys(BASELINES, None),
                    "stage_rate": actual * (1 + sign * baseline_off_by),
                    "weighted_pipeline": actual * 2,
                    "rep_commit": actual * 1.5 if horizon == "fiscal_quarter" else None,
                }
                for node_type, node_id in (("company", "All"), ("rep", "u1"))
            ]
    return pl.DataFrame(rows, schema_overrides=dict.fromkeys(BASELINES, pl.Float64))


def misses(log_ratio: float = 0.05, chance: float = 0.01) -> pl.DataFrame:
    return pl.DataFrame({"log_ratio": [log_ratio] * 9, "chance": [chance] * 9})


def test_a_forecast_that_is_better_than_every_baseline_speaks() -> None:
    decision = decide(backtest(), misses(), SETTINGS)
    assert decision.is_promoted
    assert "WAPE 5.0% against 20.0% of the best baseline (stage rate)" in decision.reason


def test_one_that_loses_to_a_single_baseline_does_not() -> None:
    decision = decide(backtest(off_by=0.25), misses(0.25), SETTINGS)
    assert decision.code == "no_signal"
    assert "25.0% against 20.0% of the stage rate" in decision.reason


def test_outcomes_dealt_out_to_other_origins_are_not_forecast() -> None:
    """The same figures, but what came is shuffled among the origins, for baselines as it is."""
    rows = backtest()
    order = [4, 8, 5, 6, 2, 0, 3, 1, 7]
    came = dict(zip(ACTUAL, (ACTUAL[place] for place in order), strict=True))
    shuffled = rows.with_columns(pl.col("actual").replace_strict(came))
    steady = shuffled.with_columns(stage_rate=pl.lit(float(np.mean(ACTUAL))))
    decision = decide(steady, misses(0.4), SETTINGS)
    assert decision.code == "no_signal"


def test_eight_origins_are_needed() -> None:
    assert decide(backtest(origins=8), misses(), SETTINGS).is_promoted
    decision = decide(backtest(origins=7), misses(), SETTINGS)
    assert decision.code == "insufficient_history"


def test_a_forecast_that_knows_more_than_chance_allows_has_seen_the_outcome() -> None:
    """Chance alone makes 10 %: a miss of 2 % cannot be."""
    assert decide(backtest(off_by=0.02), misses(0.02), SETTINGS).code == "leak_suspected"


def test_figures_of_the_backtest() -> None:
    """Model off by 5 %, stage rate by 20 %, weighted pipeline double."""
    rows = backtest()
    history = pl.DataFrame(
        {
            "horizon": ["90"] * 6,
            "origin_date": [date(2024, month, 1) for month in range(9, 13)]
            + [date(2025, 1, 1), date(2025, 2, 1)],
            "amount": [100.0, 100.0, 100.0, 150.0, 150.0, 150.0],
        }
    )
    table = backtest_rows(rows, history)

    def figures(metric: str, baseline: str, days: int = 90) -> tuple[float, float]:
        found = table.filter(
            (pl.col("metric") == metric)
            & (pl.col("baseline") == baseline)
            & (pl.col("horizon_days") == days)
        )
        return found["value"][0], found["baseline_value"][0]

    assert figures("wape.company", "stage_rate") == pytest.approx((0.05, 0.20))
    assert figures("wape.company", "weighted_pipeline") == pytest.approx((0.05, 1.0))
    assert figures("bias.company", "weighted_pipeline")[1] == pytest.approx(1.0)
    mean_actual = float(np.mean(ACTUAL))
    # the history repeats itself three months later but for 50
    assert figures("mase.company", "weighted_pipeline") == pytest.approx(
        (0.05 * mean_actual / 50, mean_actual / 50)
    )
    assert figures("wape.rep", "rep_commit", 0) == pytest.approx((0.05, 0.5))
    # the 95 % interval reaches 14 % either way, the 50 % one 7.5 %: both hold the 5 %
    assert figures("coverage_95.company", "nominal") == (1.0, 0.95)
    assert figures("coverage_50.company", "nominal") == (1.0, 0.50)
    # four of nine positions are 0.3, the others 0.2: within 80 %, and four within 50 %
    assert figures("coverage_80_by_lot.company", "nominal") == (1.0, 0.80)
    assert figures("coverage_50_by_lot.company", "nominal") == (pytest.approx(4 / 9), 0.50)
    assert figures("coverage_80_above_won.rep", "nominal") == (1.0, 0.80)
    rates = table.filter(
        (pl.col("metric") == "error_rate.company")
        & (pl.col("horizon_days") == 90)
        & (pl.col("baseline") == "stage_rate")
    )
    assert rates.height == 9
    assert rates["value"].to_list() == pytest.approx([0.05] * 9)
    keys = ["origin_date", "horizon_days", "metric", "baseline"]
    assert table.select(keys).is_unique().all()


def test_intervals_that_begin_with_what_is_won_are_told_apart() -> None:
    """Three of nine origins have an interval that begins at 0, and it holds; three of the others
    end too low."""
    number = pl.col("origin_date").rank("dense")
    low_enough = pl.when(number <= 3).then(0.0).otherwise(pl.col("q0250"))
    too_low = pl.when(number > 6).then(pl.col("actual") - 1).otherwise(pl.col("q0750"))
    rows = backtest().with_columns(q0250=low_enough, q0750=too_low)
    table = backtest_rows(rows, pl.DataFrame(schema=HISTORY)).filter(pl.col("horizon_days") == 90)
    found = dict(
        table.filter(pl.col("baseline") == "nominal").select("metric", "value").iter_rows()
    )
    counts = dict(table.select("metric", "row_count").iter_rows())
    assert found["coverage_50.rep"] == pytest.approx(6 / 9)
    assert found["coverage_50_above_won.rep"] == pytest.approx(3 / 6)
    assert (counts["coverage_50.rep"], counts["coverage_50_above_won.rep"]) == (9, 6)
    none = backtest_rows(rows.with_columns(q0250=0.0), pl.DataFrame(schema=HISTORY))
    empty = none.filter(pl.col("metric") == "coverage_50_above_won.rep")
    assert empty["value"].null_count() == empty.height == 4


def test_the_best_baseline_and_how_it_misses() -> None:
    rows = backtest()
    assert best_baseline(rows) == "stage_rate"
    spread = baseline_spread(rows, "stage_rate")["company"]["90"]
    assert spread[0] == pytest.approx(1 / 1.2, abs=1e-3)
    assert spread[-1] == pytest.approx(1 / 0.8, abs=1e-3)
    assert best_baseline(rows.with_columns(pl.lit(None).alias(name) for name in BASELINES)) == (
        "weighted_pipeline"
    )


def test_the_summary_names_the_gain() -> None:
    entry = summary(backtest())["company.90"]
    assert isinstance(entry, dict)
    assert (entry["best_baseline"], entry["origins"]) == ("stage_rate", 9)
    assert entry["gain"] == pytest.approx(0.75)


def test_plots_show_forecast_and_actual() -> None:
    pictures = plots(backtest())
    assert [picture.name for picture in pictures] == ["forecast_90", "forecast_fiscal_quarter"]
    assert all("<svg" in picture.svg for picture in pictures)
