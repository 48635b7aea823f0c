"""A company that sells yearly contracts, with known truth, for tests of the models of customers.

Contracts come up for renewal after a year; the renewal is opened 90 days before. Whether it is won
follows from a hidden bond, which also makes the customer write more often. Some customers buy more
in between.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import duckdb
import numpy as np
import polars as pl
from synthetic_core import SCHEMAS, connect

START = datetime(2023, 1, 1)
AS_OF = date(2025, 12, 30)
ACCOUNT = {**SCHEMAS["dim_account"], "is_deleted": pl.Boolean, "merged_into_account_id": pl.String}
ACTIVITY = {**SCHEMAS["fct_activity"], "account_id": pl.String}
RULES = (
    (1, "Former", "running_contract_count", None, 1.0),
    (2, "Large", "amount_rank", 0.8, None),
    (3, "Other", None, None, None),
)


@dataclass(frozen=True)
class ContractCompany:
    """Tables of schema core by name, and each account's true chance to renew."""

    tables: dict[str, pl.DataFrame]
    chance: dict[str, float]

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A database in memory that holds the tables and the rules of segments."""
        return connect_with_rules(self.tables)


def connect_with_rules(tables: dict[str, pl.DataFrame]) -> duckdb.DuckDBPyConnection:
    """As `synthetic_core.connect`, with seeds.segment_rules."""
    empty: dict[str, pl.DataFrame] = {
        "dim_account": pl.DataFrame(schema=ACCOUNT),
        "fct_activity": pl.DataFrame(schema=ACTIVITY),
    }
    con = connect(empty | tables)
    con.execute("create schema seeds")
    con.execute(
        "create table seeds.segment_rules (rule_order integer, segment varchar, feature varchar, "
        "at_least decimal(18, 4), below decimal(18, 4))"
    )
    con.executemany("insert into seeds.segment_rules values (?, ?, ?, ?, ?)", RULES)
    return con


def simulate_contracts(
    *, seed: int = 1, accounts: int = 420, has_signal: bool = True, as_of: date = AS_OF
) -> ContractCompany:
    """Accounts that buy from 2023-01-01 on, until `as_of`."""
    rng = np.random.default_rng(seed)
    end = datetime.combine(as_of + timedelta(days=1), datetime.min.time())
    events: list[tuple[object, ...]] = []
    facts: list[tuple[object, ...]] = []
    activities: list[tuple[object, ...]] = []
    chances: dict[str, float] = {}

    def add(deal: str, field: str, value: str, at: datetime) -> None:
        if at < end:
            events.append(
                (f"e{len(events):07d}", deal, field, None, value, at, at + timedelta(hours=1))
            )

    def deal(account: str, kind: str, opened: datetime, closed: datetime, won: bool,
             amount: float) -> None:  # fmt: skip
        if opened >= end:
            return
        key = f"demo:{len(facts):05d}"
        add(key, "stage", "Proposal", opened)
        add(key, "amount_local", f"{amount:.2f}", opened)
        add(key, "close_date", (opened + timedelta(days=90)).date().isoformat(), opened)
        add(key, "stage", "Closed Won" if won else "Closed Lost", closed)
        is_open = closed >= end
        facts.append((key, account, kind, "Web", "USD", amount, is_open, "Proposal", None, as_of))

    for number in range(accounts):
        account = f"acc{number:03d}"
        bond = rng.normal()
        chance = 1 / (1 + np.exp(-(0.9 + (1.6 if has_signal else 0.0) * bond)))
        chances[account] = float(chance)
        amount = float(np.exp(rng.normal(9.5, 0.7)))
        begins = START + timedelta(days=float(rng.uniform(0, 1_000)))
        deal(account, "new", begins - timedelta(days=40), begins, True, amount)
        first, moment, is_customer = begins, begins, True
        while moment < end and is_customer:
            opened = moment + timedelta(days=275 + float(rng.uniform(-5, 5)))
            closed = opened + timedelta(days=float(rng.uniform(10, 110)))
            is_customer = bool(rng.random() < chance)
            amount *= float(np.exp(rng.normal(0.0, 0.1)))
            deal(account, "renewal", opened, closed, is_customer, amount)
            if rng.random() < 0.2:
                more = moment + timedelta(days=float(rng.uniform(20, 300)))
                deal(account, "expansion", more - timedelta(days=15), more, True, amount * 0.3)
            moment = closed
        weeks = max(((min(moment, end) - first).days) / 7, 1)
        for direction, rate in (("inbound", 0.25 * np.exp(0.9 * bond)), ("outbound", 0.4)):
            for share in rng.uniform(0, 1, rng.poisson(rate * weeks)):
                at = first + (min(moment, end) - first) * float(share)
                activities.append(
                    (f"a{len(activities):07d}", "email", direction, at, at + timedelta(hours=1),
                     f"p{account}", None, False, None, 60, account)
                )  # fmt: skip
    versions = [
        (f"acc{n:03d}", ("SMB", "Enterprise")[n % 2], "EMEA", f"industry {n % 5}", "DE", 50 + n,
         START - timedelta(days=100), None, False, None)
        for n in range(accounts)
    ]  # fmt: skip

    def frame(schema: dict[str, object], rows: list[tuple[object, ...]]) -> pl.DataFrame:
        return pl.DataFrame(rows, schema=schema, orient="row", strict=False)  # pyright: ignore

    visible = frame(SCHEMAS["fct_opportunity_event"], events)
    return ContractCompany(
        {
            "fct_opportunity_event": visible.filter(pl.col("recorded_at") < end),
            "fct_opportunity": frame(SCHEMAS["fct_opportunity"], facts),
            "fct_activity": frame(ACTIVITY, activities).filter(pl.col("recorded_at") < end),
            "dim_account": frame(ACCOUNT, versions),
            "fct_fx_rate": frame(SCHEMAS["fct_fx_rate"], [("USD", date(2020, 1, 1), None, 1.0)]),
        },
        chances,
    )
