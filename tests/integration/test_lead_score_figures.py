"""What the lead score reads of a past evening, against the exported files read on their own."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import polars as pl
import pytest

from ml_assets.features.lead import lead_features
from ml_assets.features.lead_snapshots import LeadSampling, open_leads, training_leads
from tests.integration.conftest import Warehouse
from tests.unit.sources.demo.landing import rows_of

DAY = date(2026, 3, 31)
END = datetime(2026, 4, 1)
COUNTED = (
    "replies_total", "calls_in_total", "talks_total", "automated_total", "views_total",
    "views_30d", "visit_days_total", "forms_total", "mailings_total", "opens_total",
    "clicks_total", "campaigns_total",
)  # fmt: skip


def instant(value: str | int) -> datetime:
    """ISO 8601 with any offset, or milliseconds, to UTC without saying so."""
    if isinstance(value, int):
        return datetime.fromtimestamp(value / 1000, UTC).replace(tzinfo=None)
    text = value.replace("+0000", "+00:00").replace("Z", "+00:00")
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)


@pytest.fixture(scope="module")
def versions(evening: Warehouse) -> dict[str, list[dict[str, Any]]]:
    """Each lead's exported versions in the order of change."""
    rows = rows_of(evening.data / "landing", "salesforce", "Lead").sort("Id", "SystemModstamp")
    return {
        str(one): history.to_dicts() for (one,), history in rows.group_by("Id", maintain_order=True)
    }


@pytest.fixture(scope="module")
def open_then(versions: dict[str, list[dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """Leads that were open at the end of the day, as their last version of that day says."""
    then = {
        one: [row for row in history if instant(row["SystemModstamp"]) < END][-1]
        for one, history in versions.items()
        if instant(history[0]["SystemModstamp"]) < END
    }
    return {
        one: row
        for one, row in then.items()
        if row["IsDeleted"] == "false"
        and row["IsConverted"] == "false"
        and row["Status"] != "Closed - Not Converted"
    }


@pytest.fixture(scope="module")
def features(evening: Warehouse) -> dict[str, dict[str, Any]]:
    """The features of that evening, computed months later."""
    with duckdb.connect(str(evening.data / "warehouse.duckdb"), read_only=True) as con:
        state = open_leads(con, DAY)
        frame = state.select("lead_id", "lead_stage").join(
            lead_features(con, state).drop("lead_stage"), on="lead_id"
        )
    return {row["lead_id"].split(":")[1]: row for row in frame.to_dicts()}


def test_open_leads_are_those_of_the_files(
    features: dict[str, dict[str, Any]], open_then: dict[str, dict[str, Any]]
) -> None:
    stages = {
        "Open - Not Contacted": "Lead", "Open - Re-engaged": "MQL",
        "Working - Contacted": "SAL", "Nurture": "Recycled",
    }  # fmt: skip
    assert set(features) == set(open_then)
    assert len(features) > 100
    assert {one: row["lead_stage"] for one, row in features.items()} == {
        one: stages[row["Status"]] for one, row in open_then.items()
    }


def test_profiles_are_those_of_the_files(
    features: dict[str, dict[str, Any]], open_then: dict[str, dict[str, Any]]
) -> None:
    assert {
        one: (row["lead_source"], row["rating"], row["industry"], row["employee_count"])
        for one, row in features.items()
    } == {
        one: (row["LeadSource"], row["Rating"], row["Industry"], float(row["NumberOfEmployees"]))
        for one, row in open_then.items()
    }


def _once(rows: pl.DataFrame, key: str, moment: str) -> Iterable[tuple[dict[str, Any], datetime]]:
    """Rows of an object that had happened by the end of the day, each once."""
    for row in rows.unique(key).to_dicts():
        at = instant(row[moment])
        if at < END:
            yield row, at


def test_what_leads_did_equals_a_count_over_the_files(
    evening: Warehouse,
    features: dict[str, dict[str, Any]],
    open_then: dict[str, dict[str, Any]],
    versions: dict[str, list[dict[str, Any]]],
) -> None:
    """Of leads whose address is theirs alone."""
    landing = evening.data / "landing"
    owners = Counter(
        address
        for history in versions.values()
        for address in {str(row["Email"]).lower() for row in history}
    )
    contacts = rows_of(landing, "salesforce", "Contact")["Email"].drop_nulls().str.to_lowercase()
    lead_of = {
        str(row["Email"]).lower(): one
        for one, row in open_then.items()
        if owners[str(row["Email"]).lower()] == 1
    }
    for address in set(contacts.to_list()) & set(lead_of):
        del lead_of[address]
    plain: dict[str, Counter[str]] = {one: Counter() for one in lead_of.values()}

    def count(address: object, what: str) -> str | None:
        lead = lead_of.get(str(address).lower())
        if lead is not None:
            plain[lead][what] += 1
        return lead

    for row, _ in _once(rows_of(landing, "email", "messages"), "message_id", "sent_at"):
        if row["direction"] == "inbound":
            count(row["from_address"], "replies_total")
        elif str(row["is_automated"]).lower() == "true":
            for address in str(row["to_addresses"]).replace(";", ",").split(","):
                count(address.strip(), "automated_total")
    for row, _ in _once(rows_of(landing, "phone", "calls"), "call_id", "started_at"):
        if row["direction"] == "inbound":
            count(row["contact_email"], "calls_in_total")
        if row["disposition"] == "connected":
            count(row["contact_email"], "talks_total")
    for row, _ in _once(rows_of(landing, "hubspot_marketing", "email_events"), "id", "created"):
        kind = {"SENT": "mailings_total", "OPEN": "opens_total", "CLICK": "clicks_total"}
        if row["type"] in kind:
            count(row["recipient"], kind[row["type"]])
    for row, _ in _once(
        rows_of(landing, "hubspot_marketing", "form_submissions"), "conversionId", "submittedAt"
    ):
        count(row["email"], "forms_total")
    days: set[tuple[str, date]] = set()
    for row, at in _once(rows_of(landing, "hubspot_marketing", "page_views"), "id", "occurred_at"):
        lead = count(row["contact_email"], "views_total")
        if lead is not None:
            days.add((lead, at.date()))
            plain[lead]["views_30d"] += at > END - timedelta(days=30)
    for lead, _ in days:
        plain[lead]["visit_days_total"] += 1
    members = rows_of(landing, "salesforce", "CampaignMember").filter(
        pl.col("LeadId").is_not_null()
    )
    for row, _ in _once(members, "Id", "CreatedDate"):
        if row["LeadId"] in plain:
            plain[row["LeadId"]]["campaigns_total"] += 1

    assert len(plain) > 100
    for name in COUNTED:
        told = {one: features[one][name] for one in plain}
        assert told == {one: counts[name] for one, counts in plain.items()}, name
        if name != "calls_in_total":
            assert sum(told.values()) > 5, name


def test_labels_are_the_conversions_of_the_files(
    evening: Warehouse, versions: dict[str, list[dict[str, Any]]]
) -> None:
    """Converted within 60 days after the day it is looked at, by the version that first says so."""
    clock = date(2026, 6, 28)
    with duckdb.connect(str(evening.data / "warehouse.duckdb"), read_only=True) as con:
        frame = training_leads(con, clock, LeadSampling(share=1.0)).frame
    converted = {
        one: next(
            (instant(r["SystemModstamp"]) for r in history if r["IsConverted"] == "true"), None
        )
        for one, history in versions.items()
    }
    assert frame.height > 2_000
    for row in frame.select("lead_id", "as_of_date", "is_converted_in_time").to_dicts():
        when = converted[row["lead_id"].split(":")[1]]
        last = row["as_of_date"] + timedelta(days=60)
        expected = None if last > clock else when is not None and when.date() <= last
        assert row["is_converted_in_time"] is expected, row
    positives = frame["is_converted_in_time"].sum()
    assert positives > 100
