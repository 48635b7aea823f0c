"""What must hold between the exports, whatever the chance."""

from datetime import datetime

import polars as pl
import pytest

from orchestration.sources.demo.vocabulary import STAGES

from .conftest import Demo
from .landing import instants, objects, rows_of

END = datetime(2026, 7, 1)
REAL_CURRENCIES = ("USD", "EUR", "GBP", "JPY", "AUD")


@pytest.fixture(scope="module")
def versions(demo: Demo) -> pl.DataFrame:
    """Opportunity versions that a careful reader would accept."""
    return (
        demo.salesforce("Opportunity")
        .unique(["Id", "SystemModstamp"], maintain_order=True)
        .with_columns(at=instants("SystemModstamp"), amount=pl.col("Amount").cast(pl.Float64))
        .filter(
            pl.col("StageName").is_in(STAGES)
            & pl.col("CurrencyIsoCode").is_in(REAL_CURRENCIES)
            & pl.col("CloseDate").str.contains(r"^\d{4}-\d\d-\d\d$")
            & (pl.col("amount").fill_null(0) >= 0)
        )
        .sort("Id", "at")
    )


@pytest.fixture(scope="module")
def history(demo: Demo) -> pl.DataFrame:
    return (
        demo.salesforce("OpportunityHistory")
        .unique("Id", maintain_order=True)
        .filter(pl.col("StageName").is_in(STAGES))
        .with_columns(at=instants("CreatedDate"), amount=pl.col("Amount").cast(pl.Float64))
        .sort("OpportunityId", "at")
    )


def test_the_history_replays_to_every_exported_version(
    versions: pl.DataFrame, history: pl.DataFrame
):
    joined = versions.sort("at").join_asof(
        history.sort("at"), on="at", by_left="Id", by_right="OpportunityId", suffix="_history",
        check_sortedness=False,
    )  # fmt: skip
    for column in ("StageName", "amount", "CloseDate", "ForecastCategory"):
        same = joined[column].eq_missing(joined[f"{column}_history"])
        assert same.all(), (column, joined.filter(~same).head(3).to_dicts())
    probability = joined["Probability"].cast(pl.Float64)
    assert (probability == joined["Probability_history"].cast(pl.Float64)).all()


def test_the_first_history_row_is_the_creation(versions: pl.DataFrame, history: pl.DataFrame):
    created = versions.unique("Id").select("Id", born=instants("CreatedDate"))
    first = history.group_by("OpportunityId").agg(pl.col("at").min(), pl.col("PrevAmount").first())
    joined = created.join(first, left_on="Id", right_on="OpportunityId", how="left")
    assert (joined["at"] == joined["born"]).all()
    assert joined["PrevAmount"].null_count() == joined.height


def test_field_histories_form_chains_that_end_in_the_current_value(
    demo: Demo, versions: pl.DataFrame
):
    changes = (
        demo.salesforce("OpportunityFieldHistory")
        .unique("Id", maintain_order=True)
        .with_columns(at=instants("CreatedDate"))
        .sort("OpportunityId", "Field", "at")
    )
    before = pl.col("NewValue").shift(1).over("OpportunityId", "Field")
    follows = pl.col("OldValue").eq_missing(before)
    first = pl.int_range(pl.len()).over("OpportunityId", "Field") == 0
    assert changes.select((follows | first).all()).item()
    assert changes.filter(pl.col("OldValue").eq_missing(pl.col("NewValue"))).is_empty()
    known = {"StageName", "Amount", "CloseDate", "OwnerId", "ForecastCategoryName", "NextStep"}
    assert set(changes["Field"].unique()) == known
    last = changes.group_by("OpportunityId", "Field").agg(pl.col("NewValue", "at").last())
    current = versions.group_by("Id").agg(pl.col("at", *known).last())
    for field in known:
        values = current.select("Id", "at", value=pl.col(field)).join(
            last.filter(pl.col("Field") == field), left_on="Id", right_on="OpportunityId"
        )
        values = values.filter(pl.col("at_right") <= pl.col("at"))
        assert values.height > 10
        assert values["value"].eq_missing(values["NewValue"]).all(), field


def test_nothing_is_recorded_after_the_last_day(demo: Demo):
    stamped = {
        "salesforce": ("CreatedDate", "LastModifiedDate", "SystemModstamp"),
        "hubspot_marketing": ("createdAt", "updatedAt", "occurred_at"),
        "email": ("sent_at",),
        "phone": ("started_at",),
        "meetings": ("created_at",),
    }
    for system, name in objects(demo.landing):
        rows = rows_of(demo.landing, system, name)
        for column in set(stamped[system]) & set(rows.columns):
            latest = rows[column].str.slice(0, 19).str.to_datetime("%Y-%m-%dT%H:%M:%S").max()
            slack = 0 if system in {"salesforce", "hubspot_marketing"} else 11  # local offsets
            assert latest is not None and (latest - END).total_seconds() < slack * 3_600, name


def test_modification_follows_creation_in_every_record(demo: Demo):
    for system, name in objects(demo.landing):
        rows = rows_of(demo.landing, system, name)
        if {"CreatedDate", "SystemModstamp"} <= set(rows.columns):
            assert rows.select((instants("CreatedDate") <= instants("SystemModstamp")).all()).item()


def test_amounts_are_the_sums_of_the_lines_that_are_not_deleted(demo: Demo, versions: pl.DataFrame):
    lines = (
        demo.salesforce("OpportunityLineItem")
        .unique(["Id", "SystemModstamp"], maintain_order=True)
        .sort("Id", "SystemModstamp")
        .group_by("Id", maintain_order=True)
        .last()
        .filter(pl.col("IsDeleted") == "false")
    )
    price, quantity = pl.col("UnitPrice").cast(pl.Float64), pl.col("Quantity").cast(pl.Float64)
    assert lines.select(
        ((price * quantity - pl.col("TotalPrice").cast(pl.Float64)).abs() < 0.01).all()
    ).item()
    sums = lines.group_by("OpportunityId").agg(pl.col("TotalPrice").cast(pl.Float64).sum())
    current = versions.group_by("Id").agg(pl.all().last())
    current = current.filter(pl.col("HasOpportunityLineItem") == "true")
    joined = current.join(sums, left_on="Id", right_on="OpportunityId", how="left")
    assert joined.height > 50
    assert ((joined["amount"] - joined["TotalPrice"]).abs() < 0.01).all()


def test_revenue_splits_of_an_opportunity_sum_to_the_whole(demo: Demo):
    splits = demo.salesforce("OpportunitySplit").unique(["Id", "SystemModstamp"])
    validated = demo.salesforce("OpportunitySplitType").filter(pl.col("IsTotalValidated") == "true")
    splits = splits.filter(pl.col("SplitTypeId").is_in(validated["Id"].implode()))
    sums = splits.group_by("OpportunityId", "SystemModstamp").agg(
        pl.col("SplitPercentage").cast(pl.Float64).sum(), pl.col("SplitOwnerId").n_unique()
    )
    assert sums.height > 5
    assert (sums["SplitPercentage"] == 100).all()
    assert (sums["SplitOwnerId"] == 2).all()


def test_overlay_credit_goes_to_sales_engineers_and_need_not_sum_to_the_whole(demo: Demo):
    splits = demo.salesforce("OpportunitySplit").unique(["Id", "SystemModstamp"])
    overlay = demo.salesforce("OpportunitySplitType").filter(pl.col("IsTotalValidated") == "false")
    splits = splits.filter(pl.col("SplitTypeId").is_in(overlay["Id"].implode()))
    assert splits["OpportunityId"].n_unique() > 30
    titles = demo.salesforce("User").unique("Id").select("Id", "Title")
    engineers = splits.join(titles, left_on="SplitOwnerId", right_on="Id")
    assert engineers.height == splits.height
    assert engineers["Title"].str.contains("Sales Engineer").mean() > 0.9  # type: ignore[operator]
    assert splits["SplitPercentage"].cast(pl.Float64).unique().sort().to_list() == [50, 60, 100]


REFERENCES = [
    ("Account", "OwnerId", "User"), ("Account", "ParentId", "Account"),
    ("Account", "MasterRecordId", "Account"), ("Contact", "AccountId", "Account"),
    ("Contact", "OwnerId", "User"), ("Lead", "OwnerId", "User"),
    ("Lead", "ConvertedAccountId", "Account"), ("Lead", "ConvertedContactId", "Contact"),
    ("Lead", "ConvertedOpportunityId", "Opportunity"), ("Opportunity", "OwnerId", "User"),
    ("Opportunity", "CreatedById", "User"), ("Opportunity", "CampaignId", "Campaign"),
    ("Opportunity", "ContactId", "Contact"), ("OpportunityLineItem", "Product2Id", "Product2"),
    ("OpportunityContactRole", "OpportunityId", "Opportunity"),
    ("OpportunitySplit", "OpportunityId", "Opportunity"),
    ("OpportunitySplit", "SplitOwnerId", "User"),
    ("OpportunitySplit", "SplitTypeId", "OpportunitySplitType"),
    ("ObjectTerritory2Association", "ObjectId", "Account"),
    ("ObjectTerritory2Association", "Territory2Id", "Territory2"),
    ("UserTerritory2Association", "UserId", "User"),
    ("UserTerritory2Association", "Territory2Id", "Territory2"),
    ("OpportunityFieldHistory", "OpportunityId", "Opportunity"),
    ("OpportunityCompetitor", "CreatedById", "User"), ("Stage_Evidence__c", "CreatedById", "User"),
    ("CampaignMember", "CampaignId", "Campaign"), ("CampaignMember", "ContactId", "Contact"),
    ("Task", "OwnerId", "User"), ("Task", "WhatId", "Opportunity"),
    ("Event", "WhoId", "Contact"), ("Event", "WhatId", "Opportunity"),
    ("User", "ManagerId", "User"), ("User", "UserRoleId", "UserRole"),
    ("UserRole", "ParentRoleId", "UserRole"), ("Territory2", "ParentTerritory2Id", "Territory2"),
    ("ForecastingQuota", "QuotaOwnerId", "User"), ("ForecastSubmission__c", "OwnerId", "User"),
    ("ForecastSubmission__c", "SubmittedFor__c", "User"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "column", "parent"), REFERENCES)
def test_references_resolve(demo: Demo, name: str, column: str, parent: str):
    values = demo.salesforce(name)[column].drop_nulls().unique()
    known = demo.salesforce(parent)["Id"].unique()
    assert len(values)
    assert values.is_in(known.implode()).all()


def test_people_in_mail_calls_and_meetings_are_users_or_known_to_the_crm(demo: Demo):
    users = set(demo.salesforce("User")["Email"])
    profiles = demo.rows("hubspot_marketing", "contacts")["properties"].struct.field("email")
    addresses = {a.lower() for n in ("Contact", "Lead") for a in demo.salesforce(n)["Email"]}
    known = addresses | set(profiles)
    messages = demo.rows("email", "messages")
    outbound = messages.filter(pl.col("direction") == "outbound")
    assert set(messages["mailbox"]) <= users
    assert (outbound["from_address"] == outbound["mailbox"]).all()
    matched = outbound["to_addresses"].is_in(list(known)).mean()
    assert isinstance(matched, float) and 0.94 < matched < 0.999
    calls = demo.rows("phone", "calls")
    assert set(calls["user_email"]) <= users
    named = calls["contact_email"].drop_nulls()
    assert named.is_in(list(known)).mean() > 0.95  # type: ignore[operator]
    guests = demo.rows("meetings", "meetings")["attendees"].explode().struct.unnest()
    inside = guests.filter(~pl.col("is_external"))
    assert set(inside["email"]) <= users


def test_hubspot_profiles_refer_to_salesforce_records(demo: Demo):
    profiles = demo.rows("hubspot_marketing", "contacts")["properties"].struct.unnest()
    for column, name in (("salesforceleadid", "Lead"), ("salesforcecontactid", "Contact")):
        ids = demo.salesforce(name)["Id"].unique()
        assert profiles[column].drop_nulls().is_in(ids.implode()).all()
        assert profiles[column].drop_nulls().len() > 100
