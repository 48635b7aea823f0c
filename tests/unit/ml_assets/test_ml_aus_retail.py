"""On Australian retail turnover, 24 months ahead, against the usual rivals.

The whole data set takes minutes, AutoARIMA most of them; here it is every fifth series, and a
search for ARIMA with approximate likelihoods. Nothing was chosen by the months that are judged.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from ml_assets.forecasting import BacktestResult, Forecaster, ForecastSettings

FILE = Path(__file__).resolve().parents[4] / "shared/data/aus_retail/aus_retail.csv.gz"
EVERY = 5
HORIZON = 24
LEVELS = (50, 80, 95)

pytestmark = pytest.mark.skipif(
    not FILE.is_file(), reason="the Australian retail turnover is not beside the repository"
)


@pytest.fixture(scope="module")
def result() -> BacktestResult:
    rows = pl.read_csv(FILE, try_parse_dates=True).select(
        pl.col("Series ID").alias("unique_id"),
        pl.col("Month").alias("ds"),
        pl.col("Turnover").alias("y"),
    )
    chosen = rows["unique_id"].unique().sort().gather_every(EVERY)
    return Forecaster("MS", settings=ForecastSettings(models=("ets_log", "theta"))).backtest(
        rows.filter(pl.col("unique_id").is_in(chosen.implode())),
        HORIZON,
        levels=LEVELS,
        rivals=("seasonal_naive", "auto_ets", "auto_arima_quick"),
    )


def test_the_scaled_error_is_smaller_than_every_rivals(result: BacktestResult) -> None:
    mase = dict(result.report.select("model", "mase").iter_rows())
    ours = mase.pop("forecaster")
    assert ours < min(mase.values()), f"ours {ours:.3f}, rivals {mase}"


def test_intervals_hold_about_as_much_as_they_say(result: BacktestResult) -> None:
    report = result.report.row(0, named=True)
    gaps = {level: report[f"coverage_{level}"] - level / 100 for level in LEVELS}
    assert all(abs(gap) <= 0.05 for gap in gaps.values()), gaps
