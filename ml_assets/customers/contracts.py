"""Contracts as the won deals tell them: each new business or renewal that is won begins one.

A renewal opportunity belongs to the oldest contract of its account that runs when it is opened; if
none is known, the contract began before the records do. A contract whose renewal is lost has
ended, one whose renewal is won goes on as the contract that the renewal began.

A source of contracts with terms of their own only has to give the same columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

CONTRACT_SCHEMA: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "as_of_date": pl.Date,
    "contract_id": pl.String,
    "account_id": pl.String,
    "started_on": pl.Date,
    "amount": pl.Float64,
    "renewal_id": pl.String,
    "renewal_opened_on": pl.Date,
    "renewal_stage_order": pl.Int64,
    "renewal_stage_entered_on": pl.Date,
    "renewal_close_date": pl.Date,
    "renewal_close_date_moves": pl.Int64,
    "renewal_closed_on": pl.Date,
    "renewal_outcome": pl.String,
}
WON, LOST = "won", "lost"
EXPANSION, RENEWAL = "expansion", "renewal"


@dataclass
class _Contract:
    contract_id: str
    started_on: date | None
    amount: float | None
    renewal: Mapping[str, object] | None = None


def contracts_from_deals(deals: pl.DataFrame) -> pl.DataFrame:
    """Contracts of each day that `account_deals` was asked for.

    Args:
        deals: result of `account_deals`.

    Returns:
        Columns of `CONTRACT_SCHEMA`, one row per as_of_date and contract_id, sorted by account and
        contract within a day. started_on is null where the contract began before the records;
        amount is then that of its renewal. renewal_outcome is won, lost, or null while the
        contract runs.
    """
    relevant = deals.filter(
        (pl.col("opportunity_type") == RENEWAL)
        | (pl.col("is_won") & (pl.col("opportunity_type").fill_null("") != EXPANSION))
    ).sort("as_of_date", "account_id", "opened_on", "opportunity_id")
    rows: list[dict[str, object]] = []
    for (day, account), group in relevant.group_by("as_of_date", "account_id", maintain_order=True):
        for contract in _contracts_of_account(group.to_dicts()):
            rows.append(_row(day, account, contract))
    return pl.DataFrame(rows, schema=CONTRACT_SCHEMA).sort(
        "as_of_date", "account_id", "contract_id"
    )


def _contracts_of_account(deals: list[dict[str, object]]) -> list[_Contract]:
    begun = [deal for deal in deals if deal["is_won"]]
    begun.sort(key=lambda deal: (deal["closed_on"], deal["opportunity_id"]))
    contracts = [
        _Contract(str(deal["opportunity_id"]), deal["closed_on"], deal["amount"])  # pyright: ignore
        for deal in begun
    ]
    for renewal in (deal for deal in deals if deal["opportunity_type"] == RENEWAL):
        opened = renewal["opened_on"]
        running = [
            contract
            for contract in contracts
            if contract.renewal is None
            and contract.started_on is not None
            and contract.started_on < opened  # pyright: ignore
        ]
        if running:
            running[0].renewal = renewal
        else:
            name = f"before:{renewal['opportunity_id']}"
            amount: float | None = renewal["amount"]  # pyright: ignore
            contracts.append(_Contract(name, None, amount, renewal))
    return contracts


def _row(day: object, account: object, contract: _Contract) -> dict[str, object]:
    renewal = contract.renewal or {}
    closed = bool(renewal.get("is_closed"))
    outcome = (WON if renewal.get("is_won") else LOST) if closed else None
    return {
        "as_of_date": day,
        "contract_id": contract.contract_id,
        "account_id": account,
        "started_on": contract.started_on,
        "amount": contract.amount,
        "renewal_id": renewal.get("opportunity_id"),
        "renewal_opened_on": renewal.get("opened_on"),
        "renewal_stage_order": renewal.get("stage_order"),
        "renewal_stage_entered_on": renewal.get("stage_entered_on"),
        "renewal_close_date": renewal.get("close_date"),
        "renewal_close_date_moves": renewal.get("close_date_moves"),
        "renewal_closed_on": renewal.get("closed_on"),
        "renewal_outcome": outcome,
    }


def running(contracts: pl.DataFrame) -> pl.DataFrame:
    """The contracts that had neither been renewed nor lost on their day."""
    return contracts.filter(pl.col("renewal_outcome").is_null())
