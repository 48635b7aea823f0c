"""Mid-quarter changes of teams and territories: what the exports say is what the truth says."""

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from orchestration.sources.demo.clock import DAY, START_TS, month_start, months_of
from orchestration.sources.demo.company import AE
from orchestration.sources.demo.exports.book import Book

from .conftest import Demo
from .landing import instants


@pytest.fixture(scope="module")
def truth(demo: Demo) -> pl.DataFrame:
    return pl.read_parquet(demo.truth / "reorganisations.parquet")


@pytest.fixture(scope="module")
def assignments(demo: Demo) -> pl.DataFrame:
    """Accounts in territories with the begin and, where there is one, the end."""
    rows = demo.salesforce("ObjectTerritory2Association").with_columns(
        at=instants("SystemModstamp")
    )
    ended = pl.col("at").filter(pl.col("IsDeleted") == "true").min()
    return rows.group_by("Id").agg(
        pl.col("ObjectId", "Territory2Id").first(), since=pl.col("at").min(), until=ended
    )


def test_people_change_the_team_in_mid_quarter(demo: Demo, truth: pl.DataFrame):
    moved = truth.filter(pl.col("kind") == "person_moved")
    assert moved.height >= 3
    days = (moved["effective_at"] - moved["effective_at"].dt.truncate("1q")).dt.total_days()
    assert days.is_between(25, 70).all()
    users = demo.salesforce("User").with_columns(at=instants("SystemModstamp"))
    for row in moved.iter_rows(named=True):
        versions = users.filter(pl.col("Id") == row["user_id"]).sort("at")
        before = versions.filter(pl.col("at") < row["effective_at"]).row(-1, named=True)
        after = versions.filter(pl.col("at") == row["effective_at"]).row(0, named=True)
        for which, version in (("from", before), ("to", after)):
            assert version["Team__c"] == row[f"{which}_team"]
            assert version["Region__c"] == row[f"{which}_region"]
            assert version["ManagerId"] == row[f"{which}_manager_user_id"]
        assert before["Team__c"] != after["Team__c"]
        assert (
            before["UserRoleId"] != after["UserRoleId"] or before["Region__c"] == after["Region__c"]
        )


def test_accounts_go_to_another_territory_and_owner(
    demo: Demo, truth: pl.DataFrame, assignments: pl.DataFrame
):
    moved = truth.filter(pl.col("kind") == "account_moved")
    assert moved.height > 20
    begun = moved.join(
        assignments,
        left_on=["account_id", "to_territory_id", "effective_at"],
        right_on=["ObjectId", "Territory2Id", "since"],
    )
    ended = moved.join(
        assignments,
        left_on=["account_id", "from_territory_id", "released_at"],
        right_on=["ObjectId", "Territory2Id", "until"],
    )
    assert begun.height == moved.height
    assert ended.height == moved["released_at"].count()
    accounts = demo.salesforce("Account").with_columns(at=instants("SystemModstamp"))
    changed = accounts.join(moved, left_on=["Id", "at"], right_on=["account_id", "effective_at"])
    assert changed["Id"].n_unique() > 0.9 * moved["account_id"].n_unique()


def test_some_old_assignments_outlast_the_move_and_are_listed(
    demo: Demo, truth: pl.DataFrame, assignments: pl.DataFrame
):
    pairs = assignments.join(assignments, on="ObjectId", suffix="_2").filter(
        (pl.col("Id") != pl.col("Id_2"))
        & (pl.col("since") < pl.col("since_2"))
        & (pl.col("until").is_null() | (pl.col("until") > pl.col("since_2")))
    )
    dirt = pl.read_parquet(demo.truth / "dirt.parquet")
    listed = dirt.filter(pl.col("kind") == "territory_overlap")["source_id"]
    assert set(pairs["Id_2"]) == set(listed)
    assert len(listed) > 2


def test_an_account_is_assigned_from_its_creation_to_its_end(demo: Demo, assignments: pl.DataFrame):
    accounts = demo.salesforce("Account").with_columns(
        created=instants("CreatedDate"), gone=pl.col("IsDeleted") == "true"
    )
    first = assignments.group_by("ObjectId").agg(
        pl.col("since").min(), pl.col("until").null_count()
    )
    both = accounts.group_by("Id").agg(pl.col("created").first(), pl.col("gone").any())
    joined = both.join(first, left_on="Id", right_on="ObjectId", how="left")
    assert (joined["since"] == joined["created"]).all()
    open_rows = joined.filter(~pl.col("gone"))["until"]
    assert (open_rows >= 1).all()
    assert (joined.filter("gone")["until"] == 0).all()


def test_territories_are_looked_after_without_a_gap(demo: Demo):
    rows = demo.salesforce("UserTerritory2Association").with_columns(at=instants("SystemModstamp"))
    held = rows.group_by("Id").agg(
        pl.col("UserId", "Territory2Id").first(),
        since=pl.col("at").min(),
        until=pl.col("at").filter(pl.col("IsDeleted") == "true").min(),
    )
    ordered = held.sort("Territory2Id", "since")
    following = pl.col("since").shift(-1).over("Territory2Id")
    assert ordered.select((pl.col("until").eq_missing(following)).all()).item()
    start = datetime.fromtimestamp(START_TS, UTC).replace(tzinfo=None)
    assert (held["until"].drop_nulls() > start).all()


def test_reorganisations_at_full_size_are_few_and_within_quarters(full_world: Book):
    plan = full_world.reorganisations
    end = month_start(24) * DAY
    moves = [move for move in plan.seat_moves if START_TS <= move.moment < end]
    assert 4 <= len(moves) <= 20
    assert all(full_world.company.seats[move.seat].function == AE for move in moves)
    accounts = plan.account_moves
    share = (accounts.moment < end).sum() / len(full_world.world.market.accounts)
    assert 0.05 < share < 0.35
    place = months_of(accounts.moment // DAY) % 3
    assert np.isin(place, (0, 1, 2)).all() and (place == 1).mean() > 0.6
