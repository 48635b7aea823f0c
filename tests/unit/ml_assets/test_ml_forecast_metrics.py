"""The metrics of forecasts against figures worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ml_assets.evaluation import (
    bias,
    interval_coverage,
    interval_width,
    mase,
    pinball_loss,
    seasonal_naive_scale,
    smape,
    wape,
)

# Errors of +2, -5, 0 and +1 on actuals of 10, 20, 0 and -4.
ACTUAL = np.array([10.0, 20.0, 0.0, -4.0])
FORECAST = np.array([12.0, 15.0, 0.0, -3.0])
EMPTY = np.empty(0)


def test_wape_and_bias_divide_by_the_absolute_actuals() -> None:
    assert wape(ACTUAL, FORECAST) == pytest.approx(8 / 34)
    assert bias(ACTUAL, FORECAST) == pytest.approx(-2 / 34)


def test_smape_counts_a_right_zero_as_no_error() -> None:
    # 2·2/22, 2·5/35, 0, 2·1/7
    assert smape(ACTUAL, FORECAST) == pytest.approx((2 / 11 + 2 / 7 + 0 + 2 / 7) / 4)
    assert smape(np.array([5.0]), np.array([0.0])) == 2.0


def test_mase_scales_by_the_seasonal_differences_of_the_history() -> None:
    # A season of two: |5 - 1|, |4 - 3|, |6 - 5| → mean 2. Errors 3 and 1 → mean 2.
    history = np.array([1.0, 3.0, 5.0, 4.0, 6.0])
    assert seasonal_naive_scale(history, 2) == pytest.approx(2.0)
    assert mase(np.array([7.0, 7.0]), np.array([10.0, 6.0]), history, 2) == pytest.approx(1.0)
    # Neighbours: 2, 2, 1, 2 → mean 1.75.
    assert mase(np.array([7.0]), np.array([10.5]), history) == pytest.approx(3.5 / 1.75)


def test_pinball_loss_weighs_the_two_sides_by_the_probability() -> None:
    actual, low = np.array([10.0, 4.0]), np.array([8.0, 5.0])
    # 2 above at 0.1 each, 1 below at 0.9 each.
    assert pinball_loss(actual, low, 0.1) == pytest.approx((0.2 + 0.9) / 2)
    assert pinball_loss(actual, low, 0.5) == pytest.approx(1.5 / 2)


def test_coverage_includes_the_bounds_and_width_is_their_mean_distance() -> None:
    actual = np.array([1.0, 2.0, 3.0, 9.0])
    low, high = np.array([1.0, 0.0, 4.0, 1.0]), np.array([2.0, 2.0, 6.0, 8.0])
    assert interval_coverage(actual, low, high) == 0.5
    assert interval_width(low, high) == pytest.approx((1 + 2 + 2 + 7) / 4)


def test_what_is_undefined_is_not_a_number() -> None:
    zero, five = np.zeros(2), np.full(2, 5.0)
    undefined = [
        wape(EMPTY, EMPTY),
        wape(zero, five),
        bias(zero, five),
        smape(EMPTY, EMPTY),
        mase(five, zero, np.array([1.0, 2.0]), 2),
        mase(five, zero, np.array([1.0, 2.0, 4.0]), 12),
        mase(five, zero, np.array([3.0, 3.0, 3.0])),
        mase(EMPTY, EMPTY, np.array([1.0, 2.0])),
        pinball_loss(EMPTY, EMPTY, 0.5),
        interval_coverage(EMPTY, EMPTY, EMPTY),
        interval_coverage(np.array([np.nan]), np.zeros(1), np.ones(1)),
        interval_width(EMPTY, EMPTY),
        smape(np.array([np.nan]), np.ones(1)),
    ]
    assert all(math.isnan(value) for value in undefined)


amounts = arrays(np.float64, 6, elements=st.floats(-1e6, 1e6, allow_subnormal=False))


@given(amounts, amounts, st.floats(0.01, 1000))
def test_relative_metrics_do_not_depend_on_the_currency(
    actual: np.ndarray, forecast: np.ndarray, rate: float
) -> None:
    history = np.array([3.0, 1.0, 4.0, 1.0, 5.0])
    for metric in (wape, bias, smape):
        assert metric(actual * rate, forecast * rate) == pytest.approx(
            metric(actual, forecast), rel=1e-6, abs=1e-9, nan_ok=True
        )
    assert mase(actual * rate, forecast * rate, history * rate, 2) == pytest.approx(
        mase(actual, forecast, history, 2), rel=1e-9, abs=1e-12
    )
