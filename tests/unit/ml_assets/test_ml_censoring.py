from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from synthetic_core import connect

from ml_assets.features import Sampling, training_snapshots
from ml_assets.features.censoring import kaplan_meier_quantile, observation_weights


def test_weight_is_one_over_the_share_that_was_followed_long_enough() -> None:
    # Followed for 10, 20, 30, 40 days: all of them for 5, three for 15, one for 35.
    followed = np.array([40, 10, 30, 20])
    weights = observation_weights(np.array([5, 15, 20, 35]), followed, most=10)
    assert weights.tolist() == pytest.approx([1, 4 / 3, 4 / 3, 4])


def test_weight_has_a_ceiling() -> None:
    assert observation_weights(np.array([35]), np.array([10, 20, 30, 40]), most=3).tolist() == [3]


def test_kaplan_meier_by_hand() -> None:
    # At risk 5: one decided at 2 (4/5 left), one leaves at 3, one of 3 decided at 4 (8/15 left),
    # one of 2 at 6 (4/15 left), the last leaves undecided.
    days = np.array([2, 3, 4, 6, 9])
    decided = np.array([True, False, True, True, False])
    assert kaplan_meier_quantile(days, decided, 0.2) == 2
    assert kaplan_meier_quantile(days, decided, 0.45) == 4
    assert kaplan_meier_quantile(days, decided, 0.7) == 6
    assert kaplan_meier_quantile(days, decided, 0.9) is None


def test_weights_undo_the_bias_towards_fast_decisions() -> None:
    # Wins take up to 40 days, losses up to 200; rows enter evenly over 300 days.
    rng = np.random.default_rng(1)
    followed = rng.integers(0, 300, 40_000)
    won = rng.random(40_000) < 0.3
    takes = np.where(won, rng.integers(1, 40, 40_000), rng.integers(1, 200, 40_000))
    known = takes <= followed
    naive = won[known].mean()
    weights = observation_weights(takes[known], followed, most=5)
    assert naive > 0.36
    assert np.average(won[known], weights=weights) == pytest.approx(0.3, abs=0.01)


def history(*stages: tuple[str, str], key: str = "d") -> list[dict[str, object]]:
    previous: str | None = None
    rows: list[dict[str, object]] = []
    for number, (day, stage) in enumerate(stages):
        moment = pl.Series([f"{day} 12:00"]).str.to_datetime("%Y-%m-%d %H:%M")[0]
        rows.append(
            {"change_id": f"{key}{number}", "opportunity_id": key, "field": "stage",
             "old_value": previous, "new_value": stage, "changed_at": moment,
             "recorded_at": moment}
        )  # fmt: skip
        previous = stage
    return rows


def sampled_days(events: list[dict[str, object]], clock: date) -> pl.DataFrame:
    keys = sorted({str(row["opportunity_id"]) for row in events})
    facts = pl.DataFrame(
        {"opportunity_id": keys}
        | {name: [None] * len(keys) for name in
           ("account_id", "opportunity_type", "lead_source", "currency_code")}
    ).with_columns(pl.exclude("opportunity_id").cast(pl.String))  # fmt: skip
    with connect({"fct_opportunity_event": pl.DataFrame(events), "fct_opportunity": facts}) as con:
        return training_snapshots(con, clock, Sampling(stride_days=7)).frame


def test_an_open_deal_has_no_label() -> None:
    open_deal = history(("2025-01-01", "Prospecting"), ("2025-02-01", "Discovery"))
    lost = history(("2025-01-01", "Prospecting"), ("2025-02-10", "Closed Lost"), key="e")
    frame = sampled_days(open_deal + lost, date(2025, 6, 30))
    assert frame["opportunity_id"].unique().to_list() == ["e"]
    assert frame["is_won"].to_list() == [False] * frame.height


def test_a_closing_after_the_clock_is_not_known() -> None:
    deal = history(("2025-01-01", "Prospecting"), ("2025-07-01", "Closed Won"))
    assert sampled_days(deal, date(2025, 6, 30)).is_empty()
    assert sampled_days(deal, date(2025, 7, 1)).height == Sampling().max_per_opportunity


def test_samples_lie_a_week_apart_while_the_deal_is_open() -> None:
    deal = history(("2025-01-01", "Prospecting"), ("2025-02-26", "Closed Won"))
    days = sampled_days(deal, date(2025, 6, 30))["as_of_date"]
    assert days.diff().drop_nulls().dt.total_days().unique().to_list() == [7]
    assert days.min() >= date(2025, 1, 1)  # type: ignore[operator]
    assert days.max() < date(2025, 2, 26)  # type: ignore[operator]


def test_a_re_opened_deal_takes_its_last_outcome_and_is_not_sampled_while_closed() -> None:
    deal = history(
        ("2025-01-01", "Prospecting"), ("2025-02-01", "Closed Lost"), ("2025-04-01", "Proposal"),
        ("2025-05-01", "Closed Won"),
    )  # fmt: skip
    frame = sampled_days(deal, date(2025, 6, 30))
    closed = pl.col("as_of_date").is_between(date(2025, 2, 1), date(2025, 3, 31))
    assert frame.filter(closed).is_empty()
    assert frame["is_won"].all()
