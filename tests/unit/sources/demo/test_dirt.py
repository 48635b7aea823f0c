"""Every instance of dirt that is in the files is on the list, and nothing else is."""

from collections import Counter

import polars as pl
import pytest

from orchestration.sources.demo.rates import RATES
from orchestration.sources.demo.vocabulary import COMPETITORS, STAGES

from .conftest import Demo
from .landing import files_of, instants, objects, read, rows_of

CURRENCIES = ["USD", "EUR", "GBP", "JPY", "AUD"]
ISO_DAY = r"^\d{4}-\d\d-\d\d$"
ADDRESS = r"^[^@\s()]+@[^@\s()]+\.[a-z]+$"
KEYS = {
    "messages": "message_id", "calls": "call_id", "meetings": "meeting_id", "contacts": "id",
    "email_events": "id", "page_views": "id", "form_submissions": "conversionId",
    "recordings": "meeting_id", "action_items": "action_id",
}  # fmt: skip


@pytest.fixture(scope="module")
def listed(demo: Demo) -> pl.DataFrame:
    return pl.read_parquet(demo.truth / "dirt.parquet")


def on_list(listed: pl.DataFrame, kind: str, name: str) -> Counter[tuple[str, str]]:
    rows = listed.filter((pl.col("kind") == kind) & (pl.col("object") == name))
    return Counter(rows.select("file", "source_id").iter_rows())


def found(rows: pl.DataFrame, name: str) -> Counter[tuple[str, str]]:
    return Counter(rows.select("_file", KEYS.get(name, "Id")).iter_rows())


def ids(demo: Demo, name: str) -> list[str]:
    return demo.salesforce(name)["Id"].unique().to_list()


def amount() -> pl.Expr:
    return pl.col("Amount").cast(pl.Float64)


SIMPLE = {
    ("deleted_record", "Account"): (pl.col("IsDeleted") == "true")
    & pl.col("MasterRecordId").is_null(),
    ("deleted_record", "Contact"): (pl.col("IsDeleted") == "true")
    & pl.col("MasterRecordId").is_null(),
    ("deleted_record", "Lead"): (pl.col("IsDeleted") == "true")
    & pl.col("MasterRecordId").is_null(),
    ("deleted_record", "ForecastSubmission__c"): pl.col("IsDeleted") == "true",
    ("deleted_record", "Opportunity"): pl.col("IsDeleted") == "true",
    ("deleted_record", "OpportunityCompetitor"): pl.col("IsDeleted") == "true",
    ("deleted_record", "OpportunityLineItem"): pl.col("IsDeleted") == "true",
    ("deleted_record", "Stage_Evidence__c"): pl.col("IsDeleted") == "true",
    ("deleted_record", "Task"): pl.col("IsDeleted") == "true",
    ("deleted_record", "Event"): pl.col("IsDeleted") == "true",
    ("misspelt_name", "OpportunityCompetitor"): ~pl.col("CompetitorName").is_in(COMPETITORS),
    ("label_for_code", "Stage_Evidence__c"): pl.col("Criterion__c").str.contains("[A-Z ]"),
    ("merged_record", "Account"): pl.col("MasterRecordId").is_not_null(),
    ("merged_record", "Contact"): pl.col("MasterRecordId").is_not_null(),
    ("merged_record", "Lead"): pl.col("MasterRecordId").is_not_null(),
    ("negative_amount", "Opportunity"): amount() < 0,
    ("missing_amount", "Opportunity"): amount().is_null(),
    ("missing_amount", "OpportunityHistory"): amount().is_null(),
    ("unknown_stage", "Opportunity"): ~pl.col("StageName").is_in(STAGES),
    ("unknown_stage", "OpportunityHistory"): ~pl.col("StageName").is_in(STAGES),
    ("unknown_currency", "Opportunity"): ~pl.col("CurrencyIsoCode").is_in(CURRENCIES),
    ("malformed_date", "Opportunity"): ~pl.col("CloseDate").str.contains(ISO_DAY),
    ("malformed_date", "Task"): ~pl.col("ActivityDate").str.contains(ISO_DAY),
    ("malformed_email", "Contact"): ~pl.col("Email").str.to_lowercase().str.contains(ADDRESS),
    ("malformed_email", "Lead"): ~pl.col("Email").str.to_lowercase().str.contains(ADDRESS),
    ("text_number", "Account"): ~pl.col("NumberOfEmployees").str.contains(r"^\d+$"),
    ("near_duplicate", "Contact"): pl.col("Email").str.contains(r"^[^a-z]+$")
    & (pl.col("IsDeleted") == "false"),
    ("near_duplicate", "Lead"): pl.col("Email").str.contains(r"^[^a-z]+$")
    & (pl.col("IsDeleted") == "false"),
}


@pytest.mark.parametrize(("kind", "name"), SIMPLE)
def test_rows_that_look_wrong_are_the_listed_ones(
    demo: Demo, listed: pl.DataFrame, kind: str, name: str
):
    expected = on_list(listed, kind, name)
    assert expected
    assert found(demo.salesforce(name).filter(SIMPLE[kind, name]), name) == expected


def test_exact_duplicates_are_listed_once_for_each_extra_row(demo: Demo, listed: pl.DataFrame):
    total = 0
    for system, name in objects(demo.landing):
        rows = rows_of(demo.landing, system, name)
        again = rows.filter(~rows.is_unique()).unique(maintain_order=True)
        assert rows.height - rows.unique().height == again.height  # never three times
        of_system = listed.filter(pl.col("system") == system)
        assert found(again, name) == on_list(of_system, "exact_duplicate", name)
        total += again.height
    assert total > 50


@pytest.mark.parametrize(
    ("name", "column", "parent"),
    [
        ("Opportunity", "AccountId", "Account"),
        ("OpportunityLineItem", "OpportunityId", "Opportunity"),
        ("OpportunityHistory", "OpportunityId", "Opportunity"),
        ("OpportunityCompetitor", "OpportunityId", "Opportunity"),
        ("OpportunityContactRole", "ContactId", "Contact"),
        ("Stage_Evidence__c", "Opportunity__c", "Opportunity"),
        ("CampaignMember", "LeadId", "Lead"),
    ],
)
def test_orphans_are_the_listed_ones(
    demo: Demo, listed: pl.DataFrame, name: str, column: str, parent: str
):
    rows = demo.salesforce(name).filter(pl.col(column).is_not_null())
    orphans = rows.filter(~pl.col(column).is_in(ids(demo, parent)))
    assert len(orphans)
    assert found(orphans, name) == on_list(listed, "orphan", name)


def test_accounts_with_another_spelling_share_the_website(demo: Demo, listed: pl.DataFrame):
    rows = demo.salesforce("Account")
    first = rows.sort("CreatedDate").group_by("Website").agg(pl.col("Id").first().alias("original"))
    twins = rows.join(first, on="Website").filter(
        (pl.col("Id") != pl.col("original")) & (pl.col("IsDeleted") == "false")
    )
    assert found(twins, "Account") == on_list(listed, "near_duplicate", "Account")
    names = dict(rows.select("Id", "Name").iter_rows())
    for twin, original in twins.select("Id", "original").iter_rows():
        assert names[twin] != names[original]


def test_closings_before_the_creation_are_listed(demo: Demo, listed: pl.DataFrame):
    rows = demo.salesforce("Opportunity")
    created = rows.unique("Id").select("Id", born=pl.col("CreatedDate").str.slice(0, 10))
    valid = pl.col("CloseDate").str.contains(ISO_DAY)
    early = rows.filter(valid & (pl.col("CloseDate") < pl.col("CreatedDate").str.slice(0, 10)))
    assert found(early, "Opportunity") == on_list(listed, "close_before_creation", "Opportunity")
    history = demo.salesforce("OpportunityHistory").join(
        created, left_on="OpportunityId", right_on="Id", how="inner"
    )
    early = history.filter(pl.col("CloseDate") < pl.col("born"))
    expected = on_list(listed, "close_before_creation", "OpportunityHistory")
    assert found(early, "OpportunityHistory") == expected


def test_late_tasks_were_created_three_days_after_their_date_or_more(
    demo: Demo, listed: pl.DataFrame
):
    rows = demo.salesforce("Task").filter(pl.col("ActivityDate").str.contains(ISO_DAY))
    days = instants("CreatedDate").dt.date() - pl.col("ActivityDate").str.to_date()
    late = rows.filter(days >= pl.duration(days=3))
    expected = on_list(listed, "late_record", "Task")
    assert found(late, "Task") == {
        key: n for key, n in expected.items() if key in found(rows, "Task")
    }


@pytest.mark.parametrize(
    ("system", "name", "column"),
    [
        ("email", "messages", "sent_at"),
        ("phone", "calls", "started_at"),
        ("salesforce", "Opportunity", "SystemModstamp"),
        ("salesforce", "OpportunityHistory", "CreatedDate"),
        ("salesforce", "Contact", "SystemModstamp"),
    ],
)
def test_rows_behind_later_days_are_late_or_displaced(
    demo: Demo, listed: pl.DataFrame, system: str, name: str, column: str
):
    late = on_list(listed, "late_record", name) + on_list(listed, "out_of_order", name)
    seen: Counter[tuple[str, str]] = Counter()
    for path in files_of(demo.landing, system, name)[1:]:
        rows = read(path).with_columns(_file=pl.lit(str(path.relative_to(demo.landing))))
        at = pl.col(column).str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z", time_zone="UTC")
        seen += found(rows.with_columns(at=at).filter(pl.col("at") < pl.col("at").cum_max()), name)
    assert not seen - late
    first_file = str(files_of(demo.landing, system, name)[0].relative_to(demo.landing))
    expected = sum(n for (file, _), n in late.items() if file != first_file)
    assert 0.95 * expected <= seen.total() <= expected  # a file's first row is behind nothing


def test_forecast_calls_behind_those_of_later_weeks_are_late(demo: Demo, listed: pl.DataFrame):
    late = on_list(listed, "late_record", "ForecastSubmission__c")
    assert late
    rows = demo.salesforce("ForecastSubmission__c").with_columns(
        at=pl.col("SystemModstamp").str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z", time_zone="UTC")
    )
    behind = rows.filter(pl.col("at") < pl.col("at").cum_max().over("_file"))
    seen = found(behind, "ForecastSubmission__c")
    assert seen
    assert not seen - late


@pytest.mark.parametrize(
    ("system", "name", "column"),
    [
        ("email", "messages", "sent_at"),
        ("phone", "calls", "started_at"),
        ("meetings", "meetings", "start_at"),
    ],
)
def test_other_offsets_than_utc_are_listed(
    demo: Demo, listed: pl.DataFrame, system: str, name: str, column: str
):
    rows = demo.rows(system, name)
    odd = rows.filter(~pl.col(column).str.ends_with("+00:00"))
    assert found(odd, name) == on_list(listed, "mixed_time_zone", name)
    assert odd[column].str.ends_with("+05:30").any()


def test_files_in_other_encodings_are_listed(demo: Demo, listed: pl.DataFrame):
    odd: Counter[str] = Counter()
    for path in demo.landing.rglob("*.csv"):
        try:
            path.read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            odd[str(path.relative_to(demo.landing))] += 1
    expected = listed.filter(pl.col("kind") == "mixed_encoding")
    assert odd == Counter(expected["file"])
    assert set(expected["detail"]) == {"cp1252", "utf-16"}
    assert demo.salesforce("Contact")["FirstName"].str.contains("é|ø|ü|ñ").any()


def test_a_column_appears_and_others_change_their_type_in_july_2025(
    demo: Demo, listed: pl.DataFrame
):
    for path in files_of(demo.landing, "salesforce", "Lead"):
        assert ("Product_Interest__c" in read(path).columns) == (path.stem >= "Lead_2025-07")
    for path in files_of(demo.landing, "salesforce", "Opportunity"):
        kind = pl.read_parquet_schema(path)["Probability"]
        assert kind == (pl.Float64 if path.stem >= "Opportunity_2025-07" else pl.Int64)
    changes = listed.filter(pl.col("kind").is_in(["new_column", "type_change"]))
    assert set(changes["object"]) == {
        "Lead",
        "Account",
        "Opportunity",
        "OpportunityHistory",
    }


def test_every_kind_of_dirt_occurs_in_a_small_company(listed: pl.DataFrame):
    kinds = {
        "exact_duplicate", "near_duplicate", "late_record", "out_of_order", "orphan",
        "deleted_record", "merged_record", "close_before_creation", "negative_amount",
        "missing_amount", "unknown_stage", "unknown_currency", "malformed_email",
        "malformed_date", "mixed_time_zone", "mixed_encoding", "new_column", "type_change",
        "text_number", "misspelt_name", "label_for_code", "territory_overlap",
    }  # fmt: skip
    assert set(listed["kind"]) == kinds
    assert listed["file"].null_count() == 0


def test_rates_of_records_hold(demo: Demo, listed: pl.DataFrame):
    opportunities = demo.salesforce("Opportunity")["Id"].n_unique()
    for kind in ("close_before_creation", "unknown_stage", "unknown_currency", "missing_amount"):
        rows = listed.filter((pl.col("kind") == kind) & (pl.col("object") == "Opportunity"))
        share = rows["source_id"].n_unique() / opportunities
        assert 0.3 * RATES[kind] < share < 1.7 * RATES[kind], kind
    mail = demo.rows("email", "messages").height
    odd = listed.filter((pl.col("kind") == "mixed_time_zone") & (pl.col("object") == "messages"))
    assert odd.height / mail == pytest.approx(RATES["mixed_time_zone"], rel=0.2)


def test_a_bad_version_is_followed_by_a_good_one_in_half_of_the_cases(
    demo: Demo, listed: pl.DataFrame
):
    rows = demo.salesforce("Opportunity").sort("SystemModstamp")
    last = rows.group_by("Id", maintain_order=True).last()
    bad = listed.filter(
        pl.col("kind").is_in(["negative_amount", "unknown_stage", "unknown_currency"])
    )["source_id"].unique()
    final = last.filter(pl.col("Id").is_in(bad.implode()))
    spoilt = final.filter(
        (amount() < 0)
        | ~pl.col("StageName").is_in(STAGES)
        | ~pl.col("CurrencyIsoCode").is_in(CURRENCIES)
    )
    assert 0 < spoilt.height < final.height
