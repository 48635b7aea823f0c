"""Lifecycle, speed to lead and the lead funnel, against the exported files read on their own."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.conftest import PROJECT, Warehouse
from tests.unit.sources.demo.landing import rows_of

STAGES = ("Lead", "MQL", "SAL", "SQL", "Opportunity", "Customer")
LEAD_STATUS = {"Open - Re-engaged": 2, "Working - Contacted": 3, "Closed - Converted": 4}
PROFILE_STAGE = {"marketingqualifiedlead": 2, "opportunity": 4, "customer": 6}
DEAL_STAGE = {
    "Prospecting": 4, "Qualification": 5, "Discovery": 5, "Solution Design": 5, "Proposal": 5,
    "Negotiation": 5, "Closed Won": 6,
}  # fmt: skip
LEFT = ("Closed - Not Converted", "Nurture")


def instant(text: str) -> datetime:
    """ISO 8601 with any offset, to UTC without saying so."""
    text = text.replace("+0000", "+00:00").replace("Z", "+00:00")
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)


@dataclass
class Lead:
    """A lead as its exported versions tell it."""

    row: dict[str, Any]
    created: datetime
    ended: datetime
    furthest: int = 1
    deals: set[str] = field(default_factory=set[str])
    touches: list[datetime] = field(default_factory=list[datetime])

    @property
    def address(self) -> str:
        return str(self.row["Email"]).lower()

    @property
    def is_deleted(self) -> bool:
        return self.row["IsDeleted"] == "true"


def last_versions(rows: pl.DataFrame, key: str = "Id") -> pl.DataFrame:
    return rows.sort(key, "SystemModstamp", maintain_order=True).unique(key, keep="last")


@pytest.fixture(scope="module")
def leads(evening: Warehouse) -> dict[str, Lead]:
    """All leads with how far they came and when people turned to them."""
    landing = evening.data / "landing"
    found: dict[str, Lead] = {}
    versions = rows_of(landing, "salesforce", "Lead").sort("Id", "SystemModstamp")
    for (identifier,), rows in versions.group_by("Id", maintain_order=True):
        history = rows.to_dicts()
        last = history[-1]
        ended = datetime.max
        if last["IsConverted"] == "true":
            ended = instant(
                next(r for r in history if r["IsConverted"] == "true")["SystemModstamp"]
            )
        elif last["Status"] in LEFT:
            for row in reversed(history):
                if row["Status"] != last["Status"]:
                    break
                ended = instant(row["SystemModstamp"])
        furthest = max(LEAD_STATUS.get(row["Status"], 1) for row in history)
        found[str(identifier)] = Lead(last, instant(last["CreatedDate"]), ended, furthest)
    _add_profiles(landing, found)
    _add_deals(landing, found)
    return found


def _add_profiles(landing: Path, leads: dict[str, Lead]) -> None:
    for row in rows_of(landing, "hubspot_marketing", "contacts")["properties"].to_list():
        if (lead := leads.get(row["salesforceleadid"])) is not None:
            lead.furthest = max(lead.furthest, PROFILE_STAGE.get(row["lifecyclestage"], 1))


def _add_deals(landing: Path, leads: dict[str, Lead]) -> None:
    """The deals that leads became, and first deals without a lead that their contacts lead."""
    opportunities = last_versions(rows_of(landing, "salesforce", "Opportunity"))
    deals = {row["Id"]: row for row in opportunities.to_dicts()}
    reached = Counter[str]()
    for name, key in (("OpportunityHistory", "OpportunityId"), ("Opportunity", "Id")):
        for row in rows_of(landing, "salesforce", name).select(key, "StageName").unique().rows():
            reached[row[0]] = max(reached[row[0]], DEAL_STAGE.get(row[1], 0))
    by_contact: dict[str, Lead] = {}
    for lead in sorted(leads.values(), key=lambda one: (one.created, one.row["Id"]), reverse=True):
        if contact := lead.row["ConvertedContactId"]:
            by_contact[contact] = lead
        if deal := lead.row["ConvertedOpportunityId"]:
            lead.deals.add(deal)
    taken = {deal for lead in leads.values() for deal in lead.deals}
    roles = last_versions(rows_of(landing, "salesforce", "OpportunityContactRole"))
    for role in roles.filter(IsPrimary="true", IsDeleted="false").to_dicts():
        deal, lead = deals.get(role["OpportunityId"]), by_contact.get(role["ContactId"])
        is_first = deal is not None and "New" in deal["Type"] and deal["Id"] not in taken
        if lead is not None and is_first:
            lead.deals.add(role["OpportunityId"])
    for lead in leads.values():
        kept = [d for d in lead.deals if d in deals and deals[d]["IsDeleted"] == "false"]
        lead.furthest = max([lead.furthest, *(reached[deal] for deal in kept)])


@pytest.fixture(scope="module")
def counted(leads: dict[str, Lead]) -> dict[str, Lead]:
    """Without deleted leads and people entered again while their first record was worked on."""
    living = [(one, lead) for one, lead in leads.items() if not lead.is_deleted]
    by_address: dict[str, list[tuple[str, Lead]]] = {}
    for one, lead in living:
        if lead.address.count("@") == 1 and "." in lead.address.split("@")[1]:
            by_address.setdefault(lead.address, []).append((one, lead))
    again = {
        one
        for same in by_address.values()
        for one, lead in same
        for other, earlier in same
        if (earlier.created, other) < (lead.created, one) and earlier.ended > lead.created
    }
    assert again  # the demo has some
    return {one: lead for one, lead in living if one not in again}


def test_counted_leads_are_those_of_the_files(
    evening: Warehouse, leads: dict[str, Lead], counted: dict[str, Lead]
) -> None:
    published = evening.query(
        "select split_part(lead_id, ':', 2), is_counted, is_converted from marts.mart_lead_response"
    )
    assert {one for one, _, _ in published} == set(leads)
    assert {one for one, is_counted, _ in published if is_counted} == set(counted)
    converted = {one for one, lead in leads.items() if lead.row["IsConverted"] == "true"}
    assert {one for one, _, is_converted in published if is_converted} == converted


def test_cohorts_and_conversions_equal_a_count_over_the_files(
    evening: Warehouse, counted: dict[str, Lead]
) -> None:
    plain = Counter[tuple[str, str, str]]()
    for lead in counted.values():
        for stage in STAGES[: lead.furthest]:
            plain[(f"{lead.created:%Y-%m}", lead.row["LeadSource"], stage)] += 1
    published = evening.query(
        "select cohort_name, source, stage, entered_count, passed_count "
        "from marts.mart_lead_funnel where cohort_type = 'month' and source_type = 'lead_source'"
    )
    entered = {(month, source, stage): n for month, source, stage, n, _ in published}
    assert {key: n for key, n in entered.items() if n} == dict(plain)
    for month, source, stage, _, passed in published:
        if stage != STAGES[-1]:
            assert passed == plain[(month, source, STAGES[STAGES.index(stage) + 1])]
    customers = sum(n for (_, _, stage), n in plain.items() if stage == "Customer")
    assert customers > 10
    [(quarters,)] = evening.query(
        "select sum(to_customer_count) from marts.mart_lead_funnel where stage = 'Lead' "
        "and cohort_type = 'fiscal_quarter' and source_type = 'company'"
    )
    assert quarters == customers


def test_recycles_are_those_that_the_simulator_knows(evening: Warehouse) -> None:
    known = {
        (lead, at)
        for lead, at in pl.read_parquet(evening.data / "truth" / "leads.parquet")
        .select("lead_id", "recycled_at")
        .drop_nulls()
        .rows()
    }
    told = evening.query(
        "select split_part(lead_id, ':', 2), entered_at from core.fct_lifecycle_event "
        "where is_recycle"
    )
    [(returned, again)] = evening.query(
        "select count(*) filter (is_return and previous_stage = 'Recycled'), "
        "count(*) filter (stage = 'MQL' and visit_number = 2) from core.fct_lifecycle_event"
    )
    assert len(told) > 100 and set(told) <= known
    assert returned >= again > 30


@pytest.fixture(scope="module")
def touched(evening: Warehouse, leads: dict[str, Lead]) -> dict[str, Lead]:
    """Leads of an address that is theirs alone, with every human outbound touch in the files."""
    landing = evening.data / "landing"
    contacts = last_versions(rows_of(landing, "salesforce", "Contact")).to_dicts()
    owners: dict[str, set[str]] = {}
    for row in (*contacts, *(lead.row for lead in leads.values())):
        owners.setdefault(str(row["Email"]).lower(), set()).add(row["Id"])
    gone = {row["Id"] for row in contacts if row["IsDeleted"] == "true"}
    chosen: dict[str, Lead] = {}
    people: dict[str, Lead] = {}
    for one, lead in leads.items():
        contact = lead.row["ConvertedContactId"]
        own = {one, contact} - {None}
        if not lead.is_deleted and contact not in gone and owners[lead.address] == own:
            chosen[one] = lead
            people |= dict.fromkeys([lead.address, *own], lead)
    for person, at in _touches(landing):
        if (lead := people.get(person)) is not None and at >= lead.created:
            lead.touches.append(at)
    return chosen


def _touches(landing: Path) -> Iterable[tuple[str, datetime]]:
    """Whom people of ours turned to, an address or an id, and when."""
    mails = rows_of(landing, "email", "messages").filter(direction="outbound", is_automated="false")
    for addresses, at in mails.select("to_addresses", "sent_at").rows():
        yield addresses.split(";")[0].split(",")[0].strip().lower(), instant(at)
    calls = rows_of(landing, "phone", "calls").filter(direction="outbound")
    for address, at in calls.select("contact_email", "started_at").drop_nulls().rows():
        yield address.lower(), instant(at)
    meetings = rows_of(landing, "meetings", "meetings").filter(pl.col("status") != "cancelled")
    for attendees, at in meetings.select("attendees", "start_at").rows():
        guests = [one["email"].lower() for one in attendees if one["is_external"]]
        if guests:
            yield guests[0], instant(at)
    tasks = last_versions(rows_of(landing, "salesforce", "Task"))
    done = tasks.filter(IsClosed="true", IsDeleted="false")
    for who, at in done.select("WhoId", "CompletedDateTime").drop_nulls().rows():
        yield who, instant(at)
    events = last_versions(rows_of(landing, "salesforce", "Event")).filter(IsDeleted="false")
    for who, at in events.select("WhoId", "StartDateTime").drop_nulls().rows():
        yield who, instant(at)


def test_first_human_touch_of_each_lead_is_the_first_in_the_files(
    evening: Warehouse, leads: dict[str, Lead], touched: dict[str, Lead]
) -> None:
    [(end,)] = evening.query("select max(as_of_date) + 1 from marts.mart_lead_response")
    published = {
        one: (first, count)
        for one, first, count in evening.query(
            "select split_part(lead_id, ':', 2), first_touch_at, outreach_count "
            "from marts.mart_lead_response"
        )
    }
    assert len(touched) > 0.9 * len(leads)
    untouched = 0
    for one, lead in touched.items():
        known = sorted({at for at in lead.touches if at.date() < end})
        untouched += not known
        assert published[one][0] == (known[0] if known else None), one
    assert untouched > 20  # automated mail alone makes no touch


@dataclass(frozen=True)
class WorkingHours:
    """A region's hours and holidays, read from the seeds."""

    zone: ZoneInfo
    weekdays: frozenset[int]
    opens: time
    closes: time
    holidays: frozenset[date]

    def works_on(self, day: date) -> bool:
        return day.isoweekday() in self.weekdays and day not in self.holidays

    def seconds_between(self, start: datetime, end: datetime) -> int:
        """Business seconds, day after day over the opening hours of the local calendar."""
        if end < start:
            return -self.seconds_between(end, start)
        start, end = start.replace(tzinfo=UTC), end.replace(tzinfo=UTC)
        day, last = start.astimezone(self.zone).date(), end.astimezone(self.zone).date()
        total = 0
        while day <= last:
            if self.works_on(day):
                opens = datetime.combine(day, self.opens, self.zone).astimezone(UTC)
                closes = datetime.combine(day, self.closes, self.zone).astimezone(UTC)
                span = min(end, closes) - max(start, opens)
                total += max(0, int(span.total_seconds()))
            day += timedelta(days=1)
        return total


@pytest.fixture(scope="module")
def regions() -> dict[str, WorkingHours]:
    holidays = pl.read_csv(PROJECT / "seeds" / "holidays.csv", try_parse_dates=True)
    return {
        row["region"]: WorkingHours(
            ZoneInfo(row["time_zone"]),
            frozenset(int(digit) for digit in row["weekdays"]),
            time.fromisoformat(row["opens_at"]),
            time.fromisoformat(row["closes_at"]),
            frozenset(holidays.filter(region=row["region"])["holiday_date"].to_list()),
        )
        for row in pl.read_csv(PROJECT / "seeds" / "business_hours.csv", infer_schema=False)
        .to_dicts()
    }  # fmt: skip


def minutes(seconds: int) -> Decimal:
    return (Decimal(seconds) / 60).quantize(Decimal("0.01"), ROUND_HALF_UP)


def test_response_times_are_the_regions_business_time(
    evening: Warehouse, regions: dict[str, WorkingHours]
) -> None:
    rows = evening.query(
        "select business_region, created_at, first_touch_at, business_minutes_to_first_touch, "
        "minutes_to_first_touch from marts.mart_lead_response where is_contacted"
    )
    assert len({region for region, *_ in rows}) >= 2
    for region, created, first, business, elapsed in rows:
        assert business == minutes(regions[region].seconds_between(created, first))
        assert elapsed == minutes(int((first - created).total_seconds()))


@pytest.fixture(scope="module")
def business_clock(
    evening: Warehouse, tmp_path_factory: pytest.TempPathFactory
) -> Iterable[duckdb.DuckDBPyConnection]:
    """The warehouse with a view `measured` over the table `spans`, by the macros that marts use."""
    sql = """
        select
            spans.*,
            {{ business_minutes_between('first', 'spans.started_at', 'last', 'spans.ended_at') }}
                as business_minutes,
            {{ business_days_between('first', 'last') }} as business_days
        from spans
        left join {{ ref('dim_business_day') }} as first
            on {{ on_business_day('first', 'spans.region', 'spans.time_zone', 'spans.started_at') }}
        left join {{ ref('dim_business_day') }} as last
            on {{ on_business_day('last', 'spans.region', 'spans.time_zone', 'spans.ended_at') }}
    """
    folder = tmp_path_factory.mktemp("business_clock")
    compiled = evening.dbt(folder, "--quiet", "compile", "--output", "text", "--inline", sql)
    with duckdb.connect(str(evening.data / "warehouse.duckdb"), read_only=True) as con:
        con.execute(
            "create temp table spans (region varchar, time_zone varchar, started_at timestamp, "
            "ended_at timestamp)"
        )
        con.execute(f"create temp view measured as {compiled[compiled.index('select') :]}")
        yield con


def _moment(day: int, second: int) -> datetime:
    return datetime(2024, 1, 3) + timedelta(days=day, seconds=second)


def _around(hour: int, seconds: int) -> int:
    return max(0, hour * 3_600 + seconds)


# Any time of the day, and around the openings, closings and midnights of the regions, in winter and
# in summer.
_HOURS = st.sampled_from([0, 7, 8, 9, 12, 13, 17, 18, 22, 23])
_SECONDS = st.one_of(st.integers(0, 86_399), st.builds(_around, _HOURS, st.integers(-1, 1)))
MOMENTS = st.builds(_moment, st.integers(0, 1_800), _SECONDS)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    spans=st.lists(
        st.tuples(st.sampled_from(["AMER", "APAC", "EMEA", "Unknown"]), MOMENTS, MOMENTS),
        min_size=1,
        max_size=60,
    )
)
def test_business_time_equals_a_walk_over_the_days(
    business_clock: duckdb.DuckDBPyConnection,
    regions: dict[str, WorkingHours],
    spans: list[tuple[str, datetime, datetime]],
) -> None:
    business_clock.execute("delete from spans")
    business_clock.executemany(
        "insert into spans values (?, ?, ?, ?)",
        [(region, str(regions[region].zone), start, end) for region, start, end in spans],
    )
    measured = business_clock.execute(
        "select region, started_at, ended_at, business_minutes, business_days from measured"
    ).fetchall()
    assert len(measured) == len(spans)
    for region, start, end, business_minutes, business_days in measured:
        hours = regions[region]
        assert business_minutes == minutes(hours.seconds_between(start, end))
        first, last = (
            at.replace(tzinfo=UTC).astimezone(hours.zone).date() for at in sorted((start, end))
        )
        days = sum(
            hours.works_on(first + timedelta(days=ahead))
            for ahead in range(1, (last - first).days + 1)
        )
        assert business_days == (days if start <= end else -days)
