"""BG/NBD and gamma-gamma against published figures, simulation and known parameters."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from scipy.optimize import approx_fprime
from scipy.stats import spearmanr

from ml_assets.customers.buying import (
    BuyingHistory,
    BuyingModel,
    _log_likelihood,  # pyright: ignore[reportPrivateUsage]
    purchase_summary,
)
from ml_assets.customers.spending import SpendingModel

CDNOW = BuyingModel(r=0.243, alpha=4.414, a=0.793, b=2.426)
"""Weeks; Fader, Hardie & Lee (2005), section 5, fitted to 2,357 customers of CDNOW."""


def customer(repeats: float, recency: float, age: float, times: int = 1) -> BuyingHistory:
    return BuyingHistory(*(np.full(times, value) for value in (repeats, recency, age)))


def simulated(model: BuyingModel, customers: int, age: float, seed: int) -> BuyingHistory:
    """Histories drawn event by event, by the story of the model and not by its formulas."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[int, float]] = []
    for rate, leaving in zip(
        rng.gamma(model.r, 1 / model.alpha, customers),
        rng.beta(model.a, model.b, customers),
        strict=True,
    ):
        now, last, repeats = 0.0, 0.0, 0
        while rng.random() >= leaving if repeats else True:
            now += rng.exponential(1 / max(rate, 1e-300))
            if now > age:
                break
            last, repeats = now, repeats + 1
        rows.append((repeats, last))
    repeats, recency = np.array(rows).T
    return BuyingHistory(repeats, recency, np.full(customers, age))


def test_a_customer_of_the_paper_is_expected_to_buy_as_often_as_it_says() -> None:
    """Fader, Hardie & Lee's spreadsheet: x = 2, t_x = 30.43, T = 38.86 gives 1.226 in 39 weeks."""
    expected = CDNOW.expected_purchases(customer(2, 30.43, 38.86), 39)
    assert expected == pytest.approx([1.226], abs=5e-4)


def test_the_expectation_is_the_mean_of_simulated_futures() -> None:
    history = customer(2, 30.43, 38.86, times=200_000)
    drawn = CDNOW.simulate(history, 39, np.random.default_rng(3))
    assert drawn.mean() == pytest.approx(CDNOW.expected_purchases(history, 39)[0], rel=0.02)
    silent = CDNOW.probability_of_silence(history, 39)[0]
    assert (drawn == 0).mean() == pytest.approx(silent, abs=0.005)


def test_who_never_came_back_is_alive_and_who_came_often_but_not_lately_has_left() -> None:
    """By hand, one repeat: a/b = 0.793/2.426; alpha + T is twice alpha + t_x."""
    assert CDNOW.probability_alive(customer(0, 0, 38.86)) == pytest.approx([1.0])
    odds = 0.793 / 2.426 * 2**1.243
    by_hand = CDNOW.probability_alive(customer(1, 5.586, 15.586))
    assert by_hand == pytest.approx([1 / (1 + odds)])
    assert CDNOW.probability_alive(customer(20, 10, 40))[0] < 0.01


@pytest.mark.parametrize("theta", [(0.3, 4.0, 0.8, 2.5), (3.0, 0.5, 2.0, 0.7)])
def test_the_gradient_is_the_slope_of_the_likelihood(theta: tuple[float, ...]) -> None:
    history = BuyingHistory(
        np.array([0.0, 1, 2, 9]), np.array([0.0, 3, 8, 20]), np.array([10.0, 10, 12, 21])
    )
    weight = np.array([1.0, 2, 1, 3])
    at = np.array(theta)
    slope = approx_fprime(at, lambda p: _log_likelihood(p, history, weight)[0], 1e-7)
    assert _log_likelihood(at, history, weight)[1] == pytest.approx(slope, rel=1e-4, abs=1e-4)


def test_known_parameters_are_recovered() -> None:
    truth = BuyingModel(r=0.9, alpha=8.0, a=0.7, b=3.0)
    history = simulated(truth, 6_000, 60.0, seed=5)
    found = BuyingModel.fit(history)
    assert found.log_likelihood(history) >= truth.log_likelihood(history)
    assert (found.r, found.alpha) == pytest.approx((truth.r, truth.alpha), rel=0.15)
    assert found.a / (found.a + found.b) == pytest.approx(truth.a / (truth.a + truth.b), abs=0.04)


def test_a_fit_is_the_same_again_and_does_not_depend_on_the_unit_of_time() -> None:
    history = simulated(CDNOW, 800, 40.0, seed=2)
    found = BuyingModel.fit(history)
    assert BuyingModel.fit(history) == found
    days = BuyingHistory(history.repeats, history.recency * 7, history.age * 7)
    in_days = BuyingModel.fit(days)
    assert in_days.alpha == pytest.approx(found.alpha * 7, rel=1e-3)
    assert in_days.expected_purchases(days, 70) == pytest.approx(
        found.expected_purchases(history, 10), rel=1e-3
    )


def test_expectations_are_smooth_where_the_formula_divides_by_zero() -> None:
    history = customer(3, 20, 30)
    at_one = BuyingModel(0.5, 4.0, 1.0, 2.0).expected_purchases(history, 10)[0]
    around = [
        BuyingModel(0.5, 4.0, a, 2.0).expected_purchases(history, 10)[0] for a in (0.99, 1.01)
    ]
    assert min(around) < at_one < max(around)


def test_customers_without_a_repeat_are_an_error_that_says_so() -> None:
    with pytest.raises(ValueError, match="0 did"):
        BuyingModel.fit(customer(0, 0, 10, times=50))


def test_purchases_of_a_day_are_one_purchase() -> None:
    day = date(2026, 1, 1)
    purchases = pl.DataFrame(
        {
            "customer_id": ["a", "a", "a", "b", "a"],
            "purchased_on": [day, day, day + timedelta(30), day, day + timedelta(100)],
            "amount": [10.0, 5.0, 40.0, 7.0, 99.0],
        }
    )
    summary = purchase_summary(purchases, day + timedelta(90)).to_dicts()
    assert [(row["customer_id"], row["repeat_count"]) for row in summary] == [("a", 1), ("b", 0)]
    assert (summary[0]["recency_days"], summary[0]["age_days"]) == (30, 90)
    assert (summary[0]["repeat_amount"], summary[0]["mean_amount"]) == (40.0, 27.5)
    assert summary[1]["repeat_amount"] is None


def test_amounts_are_drawn_towards_the_mean_the_more_the_fewer_there_are() -> None:
    """By hand with p = 6, q = 4, gamma = 15: population mean 6·15/3 = 30; x = 1, m = 60 gives
    6·(15 + 60)/(6 + 3) = 50; x = 10 gives 6·(15 + 600)/63 = 58.57."""
    model = SpendingModel(p=6.0, q=4.0, gamma=15.0)
    expected = model.expected_amount(np.array([0.0, 1, 10]), np.array([np.nan, 60, 60]))
    assert expected == pytest.approx([30.0, 50.0, 58.5714], abs=1e-4)


def test_known_parameters_of_spending_are_recovered_in_any_currency() -> None:
    rng = np.random.default_rng(4)
    rate = rng.gamma(4.0, 1 / 15.0, 8_000)
    purchases = rng.integers(1, 8, 8_000).astype(np.float64)
    mean = rng.gamma(6.0 * purchases) / rate / purchases
    found = SpendingModel.fit(purchases, mean)
    assert (found.p, found.gamma) == pytest.approx((6.0, 15.0), rel=0.25)  # they trade off
    assert found.q == pytest.approx(4.0, rel=0.1)
    assert found.p * found.gamma / (found.q - 1) == pytest.approx(30.0, rel=0.03)
    in_yen = SpendingModel.fit(purchases, mean * 150)
    assert in_yen.gamma == pytest.approx(found.gamma * 150, rel=1e-3)
    future = rng.poisson(2.0, 8_000)
    drawn = found.simulate(purchases, mean, future, rng)
    assert (drawn[future == 0] == 0).all()
    promised = (found.expected_amount(purchases, mean) * future).sum()
    assert drawn.sum() == pytest.approx(promised, rel=0.03)


def test_expected_purchases_rank_what_simulated_customers_do_next() -> None:
    truth = BuyingModel(r=0.9, alpha=8.0, a=0.7, b=3.0)
    history = simulated(truth, 3_000, 60.0, seed=9)
    expected = truth.expected_purchases(history, 30)
    drawn = truth.simulate(history, 30, np.random.default_rng(9))
    assert drawn.sum() == pytest.approx(expected.sum(), rel=0.06)
    assert spearmanr(expected, drawn).statistic > 0.5
