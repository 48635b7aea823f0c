"""The forecaster on small panels of every kind; theta alone keeps the fits short."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from ml_assets.forecasting import Forecaster, ForecastSettings, GlobalSettings

QUICK = ForecastSettings(models=("theta",), use_global=False, windows=4)
START = date(2015, 1, 1)


def months(count: int, start: date = START) -> pl.Series:
    end = pl.select(pl.lit(start).dt.offset_by(f"{count - 1}mo")).item()
    return pl.date_range(start, end, "1mo", eager=True)


def frame(name: str, values: np.ndarray | list[float | None]) -> pl.DataFrame:
    return pl.DataFrame(
        {"unique_id": name, "ds": months(len(values)), "y": pl.Series(values, dtype=pl.Float64)}
    )


def seasonal(count: int = 72, noise: float = 0.02, seed: int = 1) -> np.ndarray:
    at = np.arange(count)
    shape = 1 + 0.3 * np.sin(2 * np.pi * at / 12) + 0.01 * at
    return 100 * shape * np.exp(noise * np.random.default_rng(seed).normal(size=count))


def fitted(data: pl.DataFrame, horizon: int = 6, freq: str = "1mo") -> Forecaster:
    forecaster = Forecaster(freq, horizon=horizon, settings=QUICK)
    forecaster.fit(data)
    return forecaster


def test_a_seasonal_series_is_forecast_close_to_its_rule() -> None:
    forecaster = fitted(frame("a", seasonal()), 12)
    result = forecaster.predict(12)
    at = np.arange(72, 84)
    rule = 100 * (1 + 0.3 * np.sin(2 * np.pi * at / 12) + 0.01 * at)
    assert np.abs(result["mean"].to_numpy() / rule - 1).mean() < 0.05
    assert result.columns == [
        "unique_id", "ds", "mean", "lo-50", "hi-50", "lo-80", "hi-80", "lo-95", "hi-95",
    ]  # fmt: skip
    assert result["ds"].to_list()[::11] == [date(2021, 1, 1), date(2021, 12, 1)]
    assert forecaster.report.season_length == 12


def test_series_of_every_kind_get_a_sensible_answer_beside_each_other() -> None:
    demand = np.where(np.random.default_rng(3).random(48) < 0.3, 10.0, 0.0)
    values: dict[str, list[float | None]] = {
        "constant": [5.0] * 30,
        "intermittent": demand.tolist(),
        "negative": (seasonal() - 200).tolist(),
        "one point": [80.0],
        "regular": seasonal(seed=2).tolist(),
        "three points": [10.0, 12.0, 11.0],
    }
    data = pl.concat([frame(name, one) for name, one in values.items()])
    forecaster = fitted(data.sample(fraction=1, shuffle=True, seed=4))
    report = forecaster.report.series
    assert dict(report.select("unique_id", "kind").iter_rows()) == {
        "constant": "constant",
        "intermittent": "intermittent",
        "negative": "regular",
        "one point": "short",
        "regular": "positive",
        "three points": "short",
    }
    result = forecaster.predict(6)
    assert result.height == 36
    assert result.null_count().sum_horizontal().item() == 0
    assert np.isfinite(result.select(pl.exclude("unique_id", "ds")).to_numpy()).all()
    part = {name[0]: rows for name, rows in result.group_by("unique_id")}
    assert part["constant"].select("mean", "lo-95", "hi-95").unique().rows() == [(5, 5, 5)]
    # 10 every third month or so; never below nothing.
    assert 1 < part["intermittent"]["mean"][0] < 6
    assert part["intermittent"].select("lo-80", "hi-80").unique().rows() == [(0, 10)]
    assert (part["three points"]["mean"].is_between(10, 12)).all()
    assert (part["three points"]["hi-95"] > part["three points"]["mean"]).all()
    assert part["one point"]["mean"].to_list() == [80.0] * 6
    assert part["one point"]["lo-95"][0] < 70 < 90 < part["one point"]["hi-95"][0]
    assert part["negative"]["lo-95"].min() < 0
    # Each goes on from its own end.
    assert part["three points"]["ds"][0] == date(2015, 4, 1)
    assert part["regular"]["ds"][0] == date(2021, 1, 1)


def test_gaps_are_filled_along_the_season_and_reported() -> None:
    values = seasonal(noise=0.0)
    data = frame("a", values)
    gappy = data.with_columns(
        pl.when(pl.col("ds") == date(2018, 4, 1)).then(None).otherwise(pl.col("y")).alias("y")
    ).filter(~pl.col("ds").is_in([date(2018, 5, 1), date(2019, 7, 1)]))
    forecaster = fitted(gappy)
    assert forecaster.report.series.select("observations", "filled_count").rows() == [(69, 3)]
    whole = fitted(data).predict(6)["mean"].to_numpy()
    assert forecaster.predict(6)["mean"].to_numpy() == pytest.approx(whole, rel=0.03)


def test_gaps_can_mean_that_nothing_was_sold() -> None:
    sold = frame("a", [4.0] * 40).gather_every(2)
    forecaster = Forecaster(
        "1mo", horizon=4, settings=ForecastSettings(models=("theta",), fill="zero")
    )
    assert forecaster.fit(sold).series["kind"].to_list() == ["intermittent"]
    assert forecaster.predict(4)["mean"][0] == pytest.approx(2, abs=0.5)


def test_nulls_at_the_ends_shorten_a_series() -> None:
    data = frame("a", [None, None, *seasonal(40), None])
    result = fitted(data).predict(2)
    assert result["ds"].to_list() == [date(2018, 7, 1), date(2018, 8, 1)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda one: one.drop("y"), "lacks the column 'y'"),
        (lambda one: one.clear(), "no rows"),
        (lambda one: pl.concat([one, one[3:5]]), "occurs more than once"),
        (lambda one: one.with_columns(ds=pl.col("ds").cast(pl.String)), "str.to_date"),
        (lambda one: one.with_columns(y=pl.lit(None, pl.Float64)), "no known value"),
        (lambda one: one.with_columns(y=pl.lit(float("inf"))), "is infinite"),
        (lambda one: one.with_columns(y=pl.col("y").cast(pl.String)), "must be a number"),
        (lambda one: one.with_columns(ds=pl.lit(None, pl.Date)), "ds is null in 40"),
        (
            lambda one: one.with_columns(
                ds=pl.when(pl.int_range(pl.len()) == 7)
                .then(date(2015, 8, 9))
                .otherwise(pl.col("ds"))
            ),
            "2015-08-09, does not lie on the grid",
        ),
    ],
)
def test_what_can_not_be_read_is_named(change, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fitted(change(frame("a", seasonal(40))))


def test_wrong_questions_are_refused() -> None:
    with pytest.raises(ValueError, match="'fortnight' is not known"):
        Forecaster("fortnight")
    with pytest.raises(ValueError, match="from 1 on"):
        Forecaster("1d", 0)
    with pytest.raises(ValueError, match="fit or load"):
        Forecaster("1d").predict(3)
    with pytest.raises(ValueError, match="percentages"):
        fitted(frame("a", seasonal(40))).predict(3, levels=(0.8, 100))


@pytest.mark.parametrize(
    ("freq", "ds", "following"),
    [
        ("ME", [date(2024, 12, 31), date(2025, 1, 31), date(2025, 2, 28)], date(2025, 3, 31)),
        ("1mo", [date(2025, 1, 15), date(2025, 2, 15), date(2025, 3, 15)], date(2025, 4, 15)),
        ("QS", [date(2025, 2, 1), date(2025, 5, 1), date(2025, 8, 1)], date(2025, 11, 1)),
        ("W-MON", [date(2025, 9, 1), date(2025, 9, 8), date(2025, 9, 15)], date(2025, 9, 22)),
        ("1d", [date(2024, 2, 26), date(2024, 2, 27), date(2024, 2, 28)], date(2024, 2, 29)),
        ("1y", [date(2023, 7, 1), date(2024, 7, 1), date(2025, 7, 1)], date(2026, 7, 1)),
        (
            "1h",
            [datetime(2025, 1, 1, hour, 30) for hour in (21, 22, 23)],
            datetime(2025, 1, 2, 0, 30),
        ),
        ("1i", [7, 8, 9], 10),
    ],
)  # fmt: skip
def test_every_frequency_goes_on_where_it_ended(freq: str, ds: list, following) -> None:
    data = pl.DataFrame({"unique_id": 1, "ds": ds, "y": [3, 4, 6]})
    result = fitted(data, freq=freq).predict(1)
    assert result["ds"].to_list() == [following]
    assert result.schema["ds"] == data.schema["ds"]


PANEL = pl.concat([frame(f"s{at}", seasonal(60, 0.05, at)) for at in range(4)])


def test_a_saved_forecaster_says_the_same(tmp_path: Path) -> None:
    first = fitted(PANEL)
    first.save(tmp_path)
    loaded = Forecaster.load(tmp_path)
    assert_frame_equal(loaded.predict(6), first.predict(6), check_exact=True)
    assert_frame_equal(loaded.report.series, first.report.series)
    # Further than it was fitted for: it fits once more, from what it kept.
    assert_frame_equal(loaded.predict(9), first.predict(9), check_exact=True)
    (tmp_path / "steps.parquet").unlink()
    with pytest.raises(FileNotFoundError, match="Fit it again"):
        Forecaster.load(tmp_path)


def test_the_order_of_rows_changes_nothing() -> None:
    shuffled = PANEL.sample(fraction=1, shuffle=True, seed=9)
    assert_frame_equal(fitted(shuffled).predict(6), fitted(PANEL).predict(6), check_exact=True)


@settings(deadline=None, max_examples=8)
@given(st.sampled_from([0.001, 0.25, 3.0, 4096.0]), st.integers(0, 50))
def test_another_unit_gives_the_same_forecast_in_that_unit(rate: float, seed: int) -> None:
    data = frame("a", seasonal(48, 0.1, seed))
    plain = fitted(data).predict(6).select(pl.exclude("unique_id", "ds")).to_numpy()
    scaled = fitted(data.with_columns(pl.col("y") * rate)).predict(6)
    there = scaled.select(pl.exclude("unique_id", "ds")).to_numpy()
    assert there / rate == pytest.approx(plain, rel=0.02)


@settings(deadline=None, max_examples=12)
@given(
    st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), min_size=1, max_size=40).filter(
        lambda values: any(value is not None for value in values)
    )
)
def test_intervals_do_not_cross_and_respect_zero(values: list[float | None]) -> None:
    result = fitted(frame("a", values)).predict(6, levels=(10, 50, 80, 95, 99.5))
    order = ["lo-99.5", "lo-95", "lo-80", "lo-50", "lo-10", "mean"]
    order += [name.replace("lo", "hi") for name in reversed(order[:-1])]
    table = result.select(order).to_numpy()
    assert np.isfinite(table).all()
    assert (np.diff(table, axis=1) >= -1e-9 * np.abs(table).max()).all()
    if min(value for value in values if value is not None) >= 0:
        assert (table >= 0).all()


def many(count: int = 24) -> pl.DataFrame:
    """Series of all sizes with one season, of which each shows little and all show much."""
    rng = np.random.default_rng(8)
    at = np.arange(54)
    season = np.exp(0.4 * rng.normal(size=12))[at % 12]
    return pl.concat(
        [
            frame(
                f"s{one:02}",
                10.0 ** rng.uniform(0, 5) * season * np.exp(0.25 * rng.normal(size=54)),
            )
            for one in range(count)
        ]
    )


def test_the_global_model_joins_where_there_are_many_series() -> None:
    chosen = ForecastSettings(
        models=("theta",), windows=3, global_settings=GlobalSettings(rounds=60, max_rows=8000)
    )
    forecaster = Forecaster("1mo", horizon=6, settings=chosen)
    report = forecaster.fit(many())
    assert report.series["weight_global"].null_count() == 0
    assert report.series["weight_global"].mean() > 0.1
    totals = report.series.select(pl.sum_horizontal(pl.col("^weight_.*$"))).to_series()
    assert totals.to_list() == pytest.approx([1.0] * 24)
    again = Forecaster("1mo", horizon=6, settings=chosen)
    again.fit(many())
    assert_frame_equal(again.predict(6), forecaster.predict(6), check_exact=True)


def test_a_backtest_knows_nothing_of_its_windows() -> None:
    forecaster = Forecaster("1mo", settings=QUICK)
    before = forecaster.backtest(PANEL, 6, 2, rivals=("seasonal_naive",))
    cutoffs = before.predictions["cutoff"].unique().sort().to_list()
    assert cutoffs == [date(2018, 12, 1), date(2019, 6, 1)]
    changed = PANEL.with_columns(
        pl.when(pl.col("ds") > cutoffs[0]).then(1e5).otherwise(pl.col("y")).alias("y")
    )
    after = forecaster.backtest(changed, 6, 2, rivals=("seasonal_naive",))
    first = pl.col("cutoff") == cutoffs[0]
    assert_frame_equal(
        before.predictions.filter(first).drop("y"), after.predictions.filter(first).drop("y")
    )


def test_the_report_of_a_backtest_is_what_its_predictions_say() -> None:
    result = Forecaster("1mo", settings=QUICK).backtest(PANEL, 6, 2, rivals=("seasonal_naive",))
    assert result.report["model"].to_list() == ["forecaster", "seasonal_naive"]
    assert result.report["series"].to_list() == [8, 8]
    naive = result.predictions.filter(pl.col("model") == "seasonal_naive")
    row = result.report.row(1, named=True)
    errors, covered = [], []
    for name, cutoff, ds, y, mean, low, high in naive.select(
        "unique_id", "cutoff", "ds", "y", "mean", "lo-80", "hi-80"
    ).iter_rows():
        past = PANEL.filter((pl.col("unique_id") == name) & (pl.col("ds") <= cutoff))
        values = past.sort("ds")["y"].to_list()
        scale = sum(abs(b - a) for a, b in zip(values, values[12:], strict=False)) / (
            len(values) - 12
        )
        back = pl.select(pl.lit(ds).dt.offset_by("-1y")).item()
        assert mean == past.filter(pl.col("ds") == back)["y"].item()
        errors.append(abs(y - mean) / scale)
        covered.append(low <= y <= high)
    assert row["mase"] == pytest.approx(sum(errors) / len(errors))
    assert row["coverage_80"] == pytest.approx(sum(covered) / len(covered))


def test_coverage_is_near_nominal_where_the_past_is_like_the_future() -> None:
    panel = pl.concat([frame(f"s{at}", seasonal(90, 0.08, at)) for at in range(30)])
    quick = ForecastSettings(models=("theta",), use_global=False, windows=6)
    report = Forecaster("1mo", settings=quick).backtest(panel, 8, 1, rivals=()).report
    for level in (50, 80, 95):
        assert report[f"coverage_{level}"][0] == pytest.approx(level / 100, abs=0.08)


def test_statsforecast_is_imported_only_when_something_is_fitted() -> None:
    code = "import sys, ml_assets.forecasting; sys.exit('statsforecast' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
