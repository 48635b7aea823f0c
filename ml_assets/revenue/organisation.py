"""Who a deal's revenue will count for, and which nodes people belong to on an evening."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import numpy as np
import polars as pl

from ml_assets.revenue.calendar import Floats, Ints
from ml_assets.revenue.history import UNASSIGNED, RevenueHistory
from ml_assets.revenue.settings import NODE_TYPES

ROLES_THAT_HAND_OVER = ("BDR", "SE")


def holding_at(versions: pl.DataFrame, key: str, evening: date) -> pl.DataFrame:
    """The version of each key that held at the end of a day."""
    end = datetime.combine(evening + timedelta(days=1), time())
    return (
        versions.filter(pl.col("valid_from").is_null() | (pl.col("valid_from") < end))
        .sort(key, "valid_from", nulls_last=False)
        .group_by(key, maintain_order=True)
        .last()
    )


def closing_owners(
    history: RevenueHistory, origin: date, deals: pl.DataFrame, owner: str
) -> list[str]:
    """Who is expected to own each deal when it is won.

    Whoever owns it, unless that is somebody who hands deals over (a BDR, a sales engineer) or has
    left: then the owner of the account, if in office; else whoever owns it now, if in office.

    Args:
        history: what is known.
        origin: roles, offices and account owners are those of this evening.
        deals: account_id and the column `owner`.
        owner: name of the column with the present owner.
    """
    users = holding_at(history["users"], "user_id", origin)
    in_office = set(users.filter("is_in_office")["user_id"])
    closers = set(
        users.filter(
            pl.col("is_in_office") & ~pl.col("role").is_in(ROLES_THAT_HAND_OVER).fill_null(False)
        )["user_id"]
    )
    accounts = holding_at(history["accounts"], "account_id", origin)
    keeper = dict(accounts.select("account_id", "account_owner_id").iter_rows())

    def closing(present: str | None, account: str | None) -> str:
        if present is not None and present in closers:
            return present
        kept_by = keeper.get(account)
        if kept_by is not None and kept_by in closers:
            return kept_by
        return present if present is not None and present in in_office else UNASSIGNED

    return [closing(*pair) for pair in deals.select(owner, "account_id").iter_rows()]


@dataclass(frozen=True)
class Nodes:
    """Nodes of an evening and their members among some users.

    Attributes:
        node_type: of each node, in the order of NODE_TYPES, then by node_id.
        node_id: of each node.
        members: 1 where a user counts for a node, shape (nodes, users).
    """

    node_type: list[str]
    node_id: list[str]
    members: Floats

    def totals(self, by_user: Floats) -> Floats:
        """Add users up to nodes: shape (users, …) → (nodes, …)."""
        return np.tensordot(self.members, by_user, axes=1)

    def of_type(self, node_type: str) -> Ints:
        """Places of the nodes of a type."""
        return np.flatnonzero(np.array(self.node_type) == node_type).astype(np.int64)


def nodes_on(history: RevenueHistory, evening: date, user_ids: list[str]) -> Nodes:
    """The nodes that users count for on an evening; each counts for one node of each type.

    A user whom the organisation doesn't know counts for `Unknown`.
    """
    end = datetime.combine(evening + timedelta(days=1), time())
    held = history["members"].filter(
        (pl.col("valid_from") < end) & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= end))
    )
    known = {
        (user, kind): node
        for user, kind, node in held.select("user_id", "node_type", "node_id").iter_rows()
    }
    unknown = {"company": "All", "region": "Unknown", "team": "Unknown"}
    node_types: list[str] = []
    node_ids: list[str] = []
    rows: list[Floats] = []
    for kind in NODE_TYPES:
        of_user = [known.get((user, kind), unknown.get(kind, user)) for user in user_ids]
        for node in sorted(set(of_user)):
            node_types.append(kind)
            node_ids.append(node)
            rows.append(np.array([found == node for found in of_user], dtype=np.float64))
    members = np.stack(rows) if rows else np.zeros((0, len(user_ids)))
    return Nodes(node_types, node_ids, members)
