"""Contracts and renewals by hand, and life tables against what they were made from."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.customers.contracts import contracts_from_deals, running
from ml_assets.customers.renewal_outcome import FEATURES, RenewalOutcome
from ml_assets.customers.renewing import Book, LifeTables, RenewalProcess
from ml_assets.customers.state import contract_state, with_renewal_date

DAY = date(2026, 6, 30)
DEAL = {
    "as_of_date": pl.Date, "opportunity_id": pl.String, "account_id": pl.String,
    "opportunity_type": pl.String, "opened_on": pl.Date, "closed_on": pl.Date,
    "stage_entered_on": pl.Date, "stage": pl.String, "stage_order": pl.Int64,
    "is_closed": pl.Boolean, "is_won": pl.Boolean, "close_date": pl.Date,
    "close_date_moves": pl.Int64, "amount": pl.Float64,
}  # fmt: skip


def deals(*rows: tuple[str, str, str, str | None, bool, float]) -> pl.DataFrame:
    """Deals of account a: id, type, opened, closed (None: open), whether won, amount."""
    return pl.DataFrame(
        [
            (DAY, key, "a", kind, date.fromisoformat(opened),
             None if closed is None else date.fromisoformat(closed),
             date.fromisoformat(closed or opened), "Proposal", 5, closed is not None, won,
             date(2026, 8, 1), 0, amount)
            for key, kind, opened, closed, won, amount in rows
        ],
        schema=DEAL,
        orient="row",
    )  # fmt: skip


def summary(frame: pl.DataFrame) -> list[tuple[object, ...]]:
    return frame.select("contract_id", "started_on", "renewal_id", "renewal_outcome").rows()


def test_a_renewal_ends_one_contract_and_begins_the_next() -> None:
    found = contracts_from_deals(
        deals(
            ("n", "new", "2024-01-01", "2024-03-01", True, 100),
            ("r1", "renewal", "2024-12-01", "2025-02-20", True, 110),
            ("r2", "renewal", "2025-11-20", "2026-03-05", False, 120),
        )
    )
    assert summary(found) == [
        ("n", date(2024, 3, 1), "r1", "won"),
        ("r1", date(2025, 2, 20), "r2", "lost"),
    ]
    assert found["amount"].to_list() == [100, 110]
    assert running(found).is_empty()


def test_a_renewal_belongs_to_the_oldest_contract_that_runs() -> None:
    found = contracts_from_deals(
        deals(
            ("n1", "new", "2025-01-01", "2025-03-01", True, 100),
            ("n2", "new", "2025-05-01", "2025-06-01", True, 50),
            ("lost", "new", "2025-05-01", "2025-06-01", False, 50),
            ("x", "expansion", "2025-05-01", "2025-06-02", True, 10),
            ("r", "renewal", "2025-12-01", None, False, 100),
        )
    )
    assert summary(found) == [
        ("n1", date(2025, 3, 1), "r", None),
        ("n2", date(2025, 6, 1), None, None),
    ]


def test_a_renewal_without_a_known_contract_tells_that_there_was_one() -> None:
    found = contracts_from_deals(deals(("r", "renewal", "2025-12-01", None, False, 70)))
    assert summary(found) == [("before:r", None, "r", None)]
    assert found["amount"].to_list() == [70]


def test_the_renewal_date_is_known_ahead() -> None:
    """Planned close date of an open renewal; else the next anniversary, here 2027-03-01."""
    found = with_renewal_date(
        contracts_from_deals(
            deals(
                ("n1", "new", "2025-01-01", "2025-03-01", True, 100),
                ("n2", "new", "2026-01-01", "2026-03-01", True, 50),
                ("r", "renewal", "2026-05-01", None, False, 100),
            )
        )
    )
    assert found["renewal_date"].to_list() == [date(2026, 8, 1), date(2027, 3, 1)]
    state = contract_state(found.drop("renewal_date")).row(0, named=True)
    assert (state["running_contract_count"], state["open_renewal_count"]) == (2, 1)
    assert (state["contract_amount"], state["days_to_renewal"]) == (150, 32)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["new", "expansion", "renewal"]),
            st.integers(0, 700),
            st.one_of(st.none(), st.integers(1, 200)),
            st.booleans(),
        ),
        max_size=12,
    )
)
def test_every_renewal_and_every_won_contract_is_counted_once(
    rows: list[tuple[str, int, int | None, bool]],
) -> None:
    start = date(2024, 1, 1)
    table = deals(
        *(
            (f"d{place}", kind, str(start + timedelta(opened)),
             None if days is None else str(start + timedelta(opened + days)),
             won and days is not None, 10.0)
            for place, (kind, opened, days, won) in enumerate(rows)
        )
    )  # fmt: skip
    found = contracts_from_deals(table)
    renewals = table.filter(pl.col("opportunity_type") == "renewal")
    begun = table.filter(pl.col("is_won") & (pl.col("opportunity_type") != "expansion"))
    assert sorted(found["renewal_id"].drop_nulls()) == sorted(renewals["opportunity_id"])
    known = found.filter(pl.col("started_on").is_not_null())
    assert sorted(known["contract_id"]) == sorted(begun["opportunity_id"])
    assert contracts_from_deals(table.reverse()).equals(found)


YEARLY = LifeTables(
    opening=np.where(np.arange(80) == 18, 0.9, 0.0),
    won=np.full(30, 0.15),
    lost=np.full(30, 0.05),
    purchase_rate=0.0,
    return_rate=0.0,
)
"""Nine in ten renewals are opened at an age of 270 to 285 days; three in four are won."""


def process(tables: LifeTables = YEARLY) -> RenewalProcess:
    return RenewalProcess(tables, (), np.ones(1), np.ones(1))


def book(age: float, renewing: float, contracts: int = 1) -> Book:
    return Book(
        accounts=[f"a{n}" for n in range(contracts)],
        typical=np.full(contracts, 100.0),
        is_customer=np.ones(contracts, dtype=bool),
        account=np.arange(contracts),
        age=np.full(contracts, float(age)),
        renewing=np.full(contracts, float(renewing)),
        amount=np.full(contracts, 100.0),
    )


def test_the_chance_of_a_loss_is_that_of_the_table() -> None:
    """By hand: of a renewal just opened, 0.05 are lost in each ten days of those still open, so
    0.05·(1 - 0.8³)/0.2 = 12.2 % within 30 days; a contract of 100 days can't be lost before 170."""
    lost = process().probability_lost(np.array([300.0, 100.0]), np.array([0.0, np.nan]), 30)
    assert lost == pytest.approx([0.05 * (1 - 0.8**3) / 0.2, 0.0])
    assert process().probability_lost(np.array([100.0]), np.array([np.nan]), 170) == pytest.approx(
        [0.0]
    )
    within_a_year = process().probability_lost(np.array([100.0]), np.array([np.nan]), 300)[0]
    assert within_a_year == pytest.approx(0.9 * 0.25, abs=0.02)


def test_an_open_renewal_ends_as_fast_as_the_table_says() -> None:
    """A fifth of those still open end in each ten days: 1 - 0.8³ within 30, 1 - 0.8 from day 5 to
    15, drawn straight between the bins: 1 - 0.72/0.9."""
    closed = process().probability_closed(np.array([0.0, 5.0]), 30)
    assert closed[0] == pytest.approx(1 - 0.8**3)
    assert process().probability_closed(np.array([5.0]), 10) == pytest.approx([1 - 0.72 / 0.9])


def test_simulated_losses_and_renewals_are_those_of_the_table() -> None:
    """An open renewal is won in three of four cases, so within 200 days it brings in 75 (or less
    the share still open); another year on, 0.9 · 0.75 of these again."""
    futures = process().simulate(book(300, 0, contracts=40), [200, 560], draws=500, seed=1)
    still_open = 0.8**20
    assert futures[200].mean() == pytest.approx(75 * (1 - still_open), abs=1.0)
    assert futures[560].mean() == pytest.approx(75 * (1 + 0.9 * 0.75), abs=2.5)
    assert (futures[560] >= futures[200]).all()


def test_further_purchases_stop_with_the_last_contract() -> None:
    ends_at_once = replace(YEARLY, won=np.zeros(30), lost=np.full(30, 0.95), purchase_rate=0.01)
    stays = replace(YEARLY, opening=np.full(80, 1e-9), purchase_rate=0.01)
    leaving = process(ends_at_once).simulate(book(300, 0, 40), [100], 200, 1)[100].mean()
    staying = process(stays).simulate(book(0, np.nan, 40), [100], 200, 1)[100].mean()
    assert staying == pytest.approx(100.0, rel=0.03)
    assert leaving < 15


def test_hazards_are_events_by_exposure() -> None:
    """Forty contracts of a year: thirty renewals opened on day 280, twenty won and ten lost after
    25 days, ten contracts of 100 days still wait. By hand with the pull of four bins' worth:
    opening in bin 18 is (30 + 4·h)/(30 + 4), h = 30 / exposure of all bins."""
    start = date(2025, 1, 1)
    rows = [
        {
            "as_of_date": DAY, "contract_id": f"c{n}", "account_id": f"a{n}", "started_on": start,
            "amount": 100.0, "renewal_id": f"r{n}", "renewal_opened_on": start + timedelta(280),
            "renewal_closed_on": start + timedelta(305),
            "renewal_outcome": "won" if n < 20 else "lost",
        }
        for n in range(30)
    ] + [
        {
            "as_of_date": DAY, "contract_id": f"c{n}", "account_id": f"a{n}",
            "started_on": DAY - timedelta(100), "amount": 100.0, "renewal_id": None,
            "renewal_opened_on": None, "renewal_closed_on": None, "renewal_outcome": None,
        }
        for n in range(30, 40)
    ]  # fmt: skip
    contracts = pl.DataFrame(rows, infer_schema_length=None)
    purchases = pl.DataFrame(
        {
            "customer_id": [f"a{n}" for n in range(40)],
            "purchased_on": [start] * 40,
            "amount": [100.0] * 40,
            "is_contract": [True] * 40,
        }
    )
    tables = RenewalProcess.fit(contracts, purchases, DAY, replicates=0, seed=1).tables
    exposure = 30 * 19 + 10 * 6 + 10 * 0.5
    hazard = 30 / exposure
    assert tables.opening[18] == pytest.approx((30 + 4 * hazard) / 34)
    assert tables.opening[10] == pytest.approx(4 * hazard / 34)
    assert tables.won[2] / tables.lost[2] == pytest.approx(2.0)
    assert tables.purchase_rate == 0.0


def looks(rows: int, seed: int) -> tuple[pl.DataFrame, np.ndarray]:
    """Open renewals whose end follows from the stage and a champion, with the true log-odds."""
    rng = np.random.default_rng(seed)
    stage = rng.integers(5, 7, rows).astype(np.float64)
    champion = rng.random(rows) < 0.5
    log_odds = 0.5 - 1.2 * champion - 0.8 * (stage - 5)
    lost = rng.random(rows) < 1 / (1 + np.exp(-log_odds))
    empty = {name: pl.Series([None] * rows, dtype=pl.Float64) for name in FEATURES}
    known = {
        "renewal_stage_order": stage,
        "has_champion": champion,
        "contract_id": [f"c{n}" for n in range(rows)],
        "has_open_renewal": [True] * rows,
        "event": np.where(lost, "lost", "won"),
    }
    return pl.DataFrame({**empty, **known}), log_odds


def test_what_ends_renewals_is_learnt_where_there_are_enough() -> None:
    frame, log_odds = looks(6_000, seed=2)
    outcome = RenewalOutcome.fit(frame)
    assert outcome is not None
    assert outcome.probability_lost(frame) == pytest.approx(1 / (1 + np.exp(-log_odds)), abs=0.04)
    again = RenewalOutcome.from_dict(outcome.as_dict())
    assert (again.probability_lost(frame) == outcome.probability_lost(frame)).all()
    assert RenewalOutcome.fit(frame.head(59)) is None
    assert RenewalOutcome.fit(frame.with_columns(event=pl.lit("won"))) is None


def test_few_renewals_are_drawn_to_the_rate_of_all() -> None:
    frame, _ = looks(60, seed=2)
    few, many = RenewalOutcome.fit(frame), RenewalOutcome.fit(looks(6_000, seed=2)[0])
    assert few is not None
    assert many is not None
    assert np.ptp(few.probability_lost(frame)) < 0.6 * np.ptp(many.probability_lost(frame))
