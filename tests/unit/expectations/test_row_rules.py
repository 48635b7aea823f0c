"""Every row rule of the first gate, with a row that keeps it and one that breaks it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import pytest

from expectations.g1_raw import SYSTEMS, Limits
from expectations.report import GateReport
from tests.unit.expectations.raw_fixture import GOOD, RawFixture, outcome

# system, object, what is wrong with the row, what the reason must say
CHILDREN_OF_DEALS = (
    "opportunity_lines",
    "opportunity_contacts",
    "opportunity_changes",
    "opportunity_splits",
)
REFUSED = [
    ("salesforce", "Account", {"Id": None}, "Id is missing: export"),
    ("salesforce", "Account", {"Id": "  "}, "Id is missing: export"),
    (
        "salesforce",
        "Account",
        {"CreatedDate": "02.03.2026"},
        "CreatedDate is no time, written like '99.99.9999': send ISO 8601",
    ),
    ("salesforce", "Account", {"CreatedDate": None}, "CreatedDate is missing: send ISO 8601"),
    ("salesforce", "Account", {"CreatedDate": "0202-03-02T09:00:00Z"}, "CreatedDate is no time"),
    ("salesforce", "Contact", {"SystemModstamp": "yesterday"}, "SystemModstamp is no time"),
    (
        "salesforce",
        "Contact",
        {"SystemModstamp": None, "LastModifiedDate": None},
        "SystemModstamp, LastModifiedDate are all missing",
    ),
    ("salesforce", "Opportunity", {"StageName": None}, "StageName is missing"),
    (
        "salesforce",
        "Opportunity",
        {"StageName": "Verbal Agreement"},
        "StageName 'Verbal Agreement' is not in the stage map: add the stage to seeds/stages.csv",
    ),
    (
        "salesforce",
        "Opportunity",
        {"CloseDate": "31/12/2026"},
        "CloseDate is no date, written like '99/99/9999': send YYYY-MM-DD",
    ),
    ("salesforce", "Opportunity", {"CloseDate": None}, "CloseDate is missing"),
    ("salesforce", "Opportunity", {"CloseDate": "2026-02-30"}, "CloseDate is no date"),
    ("salesforce", "Opportunity", {"Amount": "-1"}, "Amount is negative: send a plain number"),
    (
        "salesforce",
        "Opportunity",
        {"Amount": "about ten"},
        "Amount is no number, written like 'aaaaa aaa'",
    ),
    ("salesforce", "Opportunity", {"Probability": "120"}, "Probability is above 100"),
    (
        "salesforce",
        "Opportunity",
        {"CurrencyIsoCode": "XBT"},
        "CurrencyIsoCode 'XBT' is not in the currency list: add the currency to",
    ),
    ("salesforce", "OpportunityHistory", {"StageName": "Verbal"}, "StageName 'Verbal' is not"),
    (
        "salesforce",
        "OpportunityHistory",
        {"OpportunityId": "006gone"},
        "OpportunityId '006gone' is not among the accepted Opportunity rows: load",
    ),
    ("salesforce", "OpportunityFieldHistory", {"OpportunityId": None}, "OpportunityId is missing"),
    ("salesforce", "OpportunityFieldHistory", {"OpportunityId": "x"}, "OpportunityId 'x' is not"),
    ("salesforce", "OpportunityFieldHistory", {"NewValue": "Verbal"}, "NewValue 'Verbal' is not"),
    (
        "salesforce",
        "OpportunityFieldHistory",
        {"Field": "Amount", "NewValue": "-5"},
        "NewValue is negative",
    ),
    ("salesforce", "OpportunityLineItem", {"OpportunityId": "x"}, "OpportunityId 'x' is not"),
    ("salesforce", "OpportunityLineItem", {"Quantity": "0"}, "Quantity is not above 0"),
    ("salesforce", "OpportunityLineItem", {"Quantity": "-2"}, "Quantity is not above 0"),
    ("salesforce", "OpportunityLineItem", {"Quantity": None}, "Quantity is missing"),
    ("salesforce", "OpportunityLineItem", {"UnitPrice": "free"}, "UnitPrice is no number"),
    ("salesforce", "OpportunityCompetitor", {"OpportunityId": "x"}, "OpportunityId 'x' is not"),
    ("salesforce", "OpportunityCompetitor", {"CompetitorName": " "}, "CompetitorName is missing"),
    ("salesforce", "OpportunityContactRole", {"OpportunityId": "x"}, "OpportunityId 'x' is not"),
    ("salesforce", "OpportunityContactRole", {"ContactId": None}, "ContactId is missing"),
    ("salesforce", "OpportunitySplit", {"OpportunityId": "x"}, "OpportunityId 'x' is not"),
    ("salesforce", "OpportunitySplit", {"SplitPercentage": "130"}, "SplitPercentage is above 100"),
    ("salesforce", "Stage_Evidence__c", {"Opportunity__c": "x"}, "Opportunity__c 'x' is not"),
    ("salesforce", "Stage_Evidence__c", {"Stage__c": "Limbo"}, "Stage__c 'Limbo'"),
    ("salesforce", "Stage_Evidence__c", {"Criterion__c": None}, "Criterion__c is missing"),
    ("salesforce", "Stage_Evidence__c", {"Is_Met__c": "maybe"}, "Is_Met__c 'maybe' is not known"),
    ("salesforce", "ObjectTerritory2Association", {"ObjectId": "x"}, "ObjectId 'x' is not among"),
    (
        "salesforce",
        "ObjectTerritory2Association",
        {"Territory2Id": None},
        "Territory2Id is missing",
    ),
    ("salesforce", "UserTerritory2Association", {"UserId": "x"}, "UserId 'x' is not among"),
    ("salesforce", "CampaignMember", {"CampaignId": "x"}, "CampaignId 'x' is not among"),
    ("salesforce", "Task", {"CallDurationInSeconds": "-1"}, "CallDurationInSeconds is negative"),
    ("salesforce", "Event", {"DurationInMinutes": "-1"}, "DurationInMinutes is negative"),
    (
        "salesforce",
        "Event",
        {"EndDateTime": "2026-03-05T09:00:00.000+0000"},
        "EndDateTime is before StartDateTime",
    ),
    (
        "salesforce",
        "Event",
        {"StartDateTime": None, "ActivityDate": None},
        "StartDateTime, ActivityDateTime, ActivityDate are all missing",
    ),
    ("salesforce", "ForecastSubmission__c", {"OwnerId": None}, "OwnerId is missing"),
    ("salesforce", "ForecastSubmission__c", {"Amount__c": "much"}, "Amount__c is no number"),
    (
        "salesforce",
        "ForecastSubmission__c",
        {"PeriodEnd__c": "2025-12-31"},
        "PeriodEnd__c is before PeriodStart__c",
    ),
    ("salesforce", "ForecastingQuota", {"QuotaOwnerId": None}, "QuotaOwnerId is missing"),
    ("salesforce", "ForecastingQuota", {"StartDate": "Q1"}, "StartDate is no date"),
    (
        "salesforce",
        "ForecastingQuota",
        {"QuotaAmount": None},
        "QuotaAmount, QuotaQuantity are all missing",
    ),
    ("salesforce", "DatedConversionRate", {"IsoCode": None}, "IsoCode is missing"),
    ("salesforce", "DatedConversionRate", {"IsoCode": "XBT"}, "IsoCode 'XBT' is not"),
    ("salesforce", "DatedConversionRate", {"ConversionRate": "0"}, "ConversionRate is not above 0"),
    ("hubspot_marketing", "contacts", {"id": None}, "id is missing"),
    ("hubspot_marketing", "contacts", {"updatedAt": "soon"}, "updatedAt is no time"),
    ("hubspot_marketing", "contacts", {"properties": "{email"}, "properties is no JSON"),
    ("hubspot_marketing", "email_events", {"type": "TELEPATHY"}, "type 'TELEPATHY' is not known"),
    ("hubspot_marketing", "email_events", {"type": None}, "type is missing"),
    ("hubspot_marketing", "email_events", {"created": "noon"}, "created is no time"),
    ("hubspot_marketing", "form_submissions", {"submittedAt": None}, "submittedAt is missing"),
    ("hubspot_marketing", "page_views", {"occurred_at": "today"}, "occurred_at is no time"),
    ("email", "messages", {"message_id": None}, "message_id is missing"),
    ("email", "messages", {"sent_at": "3 pm"}, "sent_at is no time, written like '9 aa'"),
    ("email", "messages", {"direction": "sideways"}, "direction 'sideways' is not known"),
    ("phone", "calls", {"duration_seconds": "-3"}, "duration_seconds is negative"),
    ("phone", "calls", {"talk_ratio": "1.2"}, "talk_ratio is above 1"),
    ("phone", "calls", {"talk_ratio": "-0.1"}, "talk_ratio is negative"),
    ("phone", "calls", {"sentiment": "-1.5"}, "sentiment is below -1"),
    ("phone", "calls", {"sentiment": "happy"}, "sentiment is no number"),
    ("phone", "calls", {"ended_at": "2026-03-02T09:00:00Z"}, "ended_at is before started_at"),
    ("phone", "calls", {"started_at": None}, "started_at is missing"),
    ("phone", "action_items", {"status": "soon"}, "status 'soon' is not known"),
    ("phone", "action_items", {"status": None}, "status is missing"),
    ("phone", "action_items", {"updated_at": "2026-03-01"}, "updated_at is before created_at"),
    ("meetings", "action_items", {"completed_at": "later"}, "completed_at is no time"),
    ("meetings", "recordings", {"talk_ratio": "1.2"}, "talk_ratio is above 1"),
    ("meetings", "recordings", {"analyzed_at": None}, "analyzed_at is missing"),
    ("meetings", "meetings", {"start_at": "morning"}, "start_at is no time"),
    ("meetings", "meetings", {"end_at": "2026-03-02T09:00:00Z"}, "end_at is before start_at"),
    ("meetings", "meetings", {"attendees": "[bo"}, "attendees is no JSON"),
    ("files", "users", {"source_id": None}, "source_id is missing"),
    ("files", "opportunities", {"source_stage": "Maybe"}, "'Maybe' is not in the stage map"),
    ("files", "opportunities", {"source_stage": "Maybe"}, "add the stage to the stages of"),
    ("files", "opportunities", {"amount": "-5"}, "amount is negative"),
    ("files", "opportunities", {"created_at": "5.1.26"}, "created_at is no time"),
    ("files", "opportunities", {"source_stage": "Won"}, "close_date is missing on a closed deal"),
    ("files", "opportunity_lines", {"opportunity_id": "x"}, "opportunity_id 'x' is not among"),
    ("files", "opportunity_lines", {"quantity": "0"}, "quantity is not above 0"),
    ("files", "opportunity_changes", {"changed_at": None}, "changed_at is missing"),
    ("files", "opportunity_changes", {"new_value": "Maybe"}, "new_value 'Maybe' is not"),
    ("files", "campaign_members", {"campaign_id": "x"}, "campaign_id 'x' is not among"),
    ("files", "forecast_submissions", {"forecast_category": None}, "forecast_category is missing"),
    ("files", "forecast_submissions", {"submitted_at": "soon"}, "submitted_at is no time"),
    ("files", "opportunity_splits", {"split_percentage": "120"}, "split_percentage is above 100"),
    ("files", "account_territories", {"territory_id": "x"}, "territory_id 'x' is not among"),
    ("files", "account_territories", {"valid_to": "2025-12-31"}, "valid_to is before valid_from"),
    ("files", "quotas", {"amount": None}, "amount is missing"),
    ("files", "fx_rates", {"rate_to_corporate": "0"}, "rate_to_corporate is not above 0"),
    ("files", "activities", {"occurred_at": None}, "occurred_at is missing"),
    ("files", "activities", {"duration_seconds": "-1"}, "duration_seconds is negative"),
]

# system, object, what is odd about the row, the expectation that counts it and its columns
COUNTED = [
    ("salesforce", "Contact", {"Email": "bo(at)example.com"}, "email_well_formed"),
    ("salesforce", "Contact", {"AccountId": "001gone"}, "parent_known"),
    ("salesforce", "User", {"Hire_Date__c": "January"}, "date_readable"),
    ("salesforce", "User", {"Name": None}, "not_missing"),
    ("salesforce", "Account", {"NumberOfEmployees": "many"}, "size_readable"),
    ("salesforce", "Lead", {"Email": "cy@"}, "email_well_formed"),
    ("salesforce", "Opportunity", {"AccountId": "001gone"}, "parent_known"),
    ("salesforce", "Opportunity", {"OwnerId": None}, "not_missing"),
    ("salesforce", "Opportunity", {"CloseDate": "2026-01-01"}, "times_in_order"),
    ("salesforce", "OpportunityLineItem", {"Product2Id": "01tgone"}, "parent_known"),
    ("salesforce", "OpportunityContactRole", {"ContactId": "003gone"}, "parent_known"),
    ("salesforce", "OpportunitySplit", {"SplitTypeId": "149gone"}, "parent_known"),
    ("salesforce", "CampaignMember", {"LeadId": None}, "not_all_missing"),
    ("salesforce", "Task", {"ActivityDate": "5/3"}, "date_readable"),
    ("hubspot_marketing", "contacts", {"properties": '{"email": "cy@"}'}, "email_well_formed"),
    ("hubspot_marketing", "email_events", {"recipient": None}, "not_missing"),
    ("email", "messages", {"from_address": "ann"}, "email_well_formed"),
    ("phone", "calls", {"disposition": "asleep"}, "value_known"),
    ("phone", "calls", {"ended_at": "later"}, "timestamp_readable"),
    ("phone", "action_items", {"call_id": "gone"}, "parent_known"),
    ("meetings", "meetings", {"organizer_email": "ann"}, "email_well_formed"),
    ("meetings", "recordings", {"meeting_id": "gone"}, "parent_known"),
    ("meetings", "action_items", {"kind": "sing"}, "value_known"),
    ("files", "opportunities", {"account_id": "gone"}, "parent_known"),
]

# Odd, but neither refused nor counted.
KEPT = [
    ("salesforce", "Opportunity", {"Amount": None}),
    ("salesforce", "Opportunity", {"AccountId": None}),
    ("salesforce", "Opportunity", {"Amount": "USD 1,200.50", "CurrencyIsoCode": "usd"}),
    ("salesforce", "Opportunity", {"Probability": "60%"}),
    ("salesforce", "Opportunity", {"StageName": " Discovery "}),
    ("salesforce", "Opportunity", {"CreatedDate": "2026-03-02T11:00:00+02:00"}),
    ("salesforce", "OpportunityFieldHistory", {"Field": "NextStep", "NewValue": "Call Ann"}),
    ("salesforce", "OpportunityHistory", {"SystemModstamp": None, "LastModifiedDate": None}),
    ("hubspot_marketing", "email_events", {"type": "open"}),
    ("hubspot_marketing", "email_events", {"created": "2026-03-02T09:00:00Z"}),
    ("files", "opportunities", {"account_id": None, "amount": None, "created_at": None}),
    ("files", "opportunities", {"source_stage": "Won", "close_date": "2026-02-01"}),
]


@dataclass
class Judged:
    """All cases of a system, judged at once."""

    report: GateReport
    reasons: dict[tuple[str, int], str]
    """Object and number of the case → why its row is refused."""


CASES = [case[:3] for case in (*REFUSED, *COUNTED, *KEPT)]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Judged]:
    """Judges a system: each case beside a good row of every object, each row its own load."""

    @cache
    def judge(system: str) -> Judged:
        raw = RawFixture(tmp_path_factory.mktemp(system))
        raw.load_good(system)
        loads: dict[tuple[str, int], tuple[str, int]] = {}
        for name, row in GOOD[system].items():
            key = next(one.key for one in SYSTEMS[system] if one.name == name)
            for number, (of_system, of_object, differing) in enumerate(CASES):
                if (of_system, of_object) == (system, name):
                    odd = {**row, key: f"{row[key]}-{number}", **differing}
                    loads[name, raw.load(system, name, [odd])] = (name, number)
        report = raw.judge(system, limits=Limits(refused_share=1, repeated_share=1))
        reasons = {
            loads[name, load_id]: reason
            for name in GOOD[system]
            for load_id, reason in raw.query(
                f'select _load_id, reason from quarantine."{system}__{name}"'
            )
        }
        return Judged(report, reasons)

    return judge


@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_a_row_that_breaks_a_rule_is_refused_with_a_reason(
    judged: Callable[[str], Judged], number: int
) -> None:
    system, name, _, said = REFUSED[number]

    assert said in judged(system).reasons[name, number]


@pytest.mark.parametrize("number", range(len(COUNTED)))
def test_an_odd_row_is_kept_and_counted(judged: Callable[[str], Judged], number: int) -> None:
    system, name, differing, expectation = COUNTED[number]
    found = judged(system)

    assert (name, len(REFUSED) + number) not in found.reasons
    counting = [
        finding
        for finding in found.report.findings
        if (finding.table, finding.expectation) == (name, expectation)
        and set(differing) & set(finding.columns)
    ]
    assert [finding.severity for finding in counting] == ["warning"]


@pytest.mark.parametrize("number", range(len(KEPT)))
def test_what_staging_can_read_is_kept(judged: Callable[[str], Judged], number: int) -> None:
    system, name, _ = KEPT[number]

    assert (name, len(REFUSED) + len(COUNTED) + number) not in judged(system).reasons


@pytest.mark.parametrize("system", list(GOOD))
def test_no_other_row_is_refused_and_none_is_lost(
    judged: Callable[[str], Judged], system: str
) -> None:
    found = judged(system)

    refused = {(name, n) for n, (of_system, name, *_) in enumerate(REFUSED) if of_system == system}
    assert set(found.reasons) == refused
    for counts in found.report.counts:
        cases = [case for case in CASES if case[:2] == (system, counts.table)]
        assert counts.received == counts.accepted + counts.refused == len(cases) + 1


@pytest.mark.parametrize("system", ["phone", "files"])
def test_good_rows_meet_every_expectation(raw: RawFixture, system: str) -> None:
    raw.load_good(system)

    report = raw.judge(system)

    assert report.passed
    assert not report.findings, report.describe()


def test_a_row_that_breaks_several_rules_is_refused_once_with_all_reasons(raw: RawFixture) -> None:
    good = GOOD["phone"]["calls"]
    raw.load("phone", "calls", [good, {**good, "started_at": None, "talk_ratio": "2"}])

    raw.judge("phone")

    (reason,) = raw.reasons("phone", "calls")
    assert [part.split()[0] for part in reason.split("; ")] == ["started_at", "talk_ratio"]


def test_every_failing_row_is_found_not_only_a_sample(raw: RawFixture) -> None:
    good = GOOD["phone"]["calls"]
    bad = [{**good, "call_id": f"bad{n}", "talk_ratio": "7"} for n in range(150)]
    fine = [{**good, "call_id": f"good{n}"} for n in range(850)]
    raw.load("phone", "calls", [*bad, *fine])

    report = raw.judge("phone")

    assert outcome(report, "calls", "number_in_range", "talk_ratio").unexpected_count == 150
    assert len(raw.reasons("phone", "calls")) == 150


def test_children_of_a_refused_parent_are_refused_too(raw: RawFixture) -> None:
    raw.load("files", "opportunities", [{**GOOD["files"]["opportunities"], "amount": "-1"}])
    for child in CHILDREN_OF_DEALS:
        raw.load("files", child, [GOOD["files"][child]])

    raw.judge("files")

    assert "amount is negative" in raw.reasons("files", "opportunities")[0]
    for child in CHILDREN_OF_DEALS:
        assert "opportunity_id 'o1' is not among" in raw.reasons("files", child)[0]


def test_no_reason_and_no_message_holds_personal_data(raw: RawFixture) -> None:
    """A column shifted in the export may put anything anywhere."""
    personal = ["jo.doe@example.com", "Jo Doe <jo@example.com>", "+49 30 1234567", "Hi Jo, bye."]
    for system, objects in GOOD.items():
        for name, row in objects.items():
            key = next(one.key for one in SYSTEMS[system] if one.name == name)
            rows = [
                {**row, key: f"{column}-{number}", column: value}
                for number, value in enumerate(personal)
                for column in row
                if column != key
            ]
            raw.load(system, name, rows)

    texts: list[str] = []
    for system, objects in GOOD.items():
        texts += [finding.message for finding in raw.judge(system).findings]
        texts += [reason for name in objects for reason in raw.reasons(system, name)]

    assert len(texts) > 100
    for text in texts:
        assert not re.search(r"(?i)jo\b|doe|example|1234", text), text


def test_an_outcome_names_the_column_the_share_and_the_fix(raw: RawFixture) -> None:
    good = GOOD["phone"]["calls"]
    raw.load("phone", "calls", [good, {**good, "talk_ratio": "2"}])

    finding = outcome(raw.judge("phone"), "calls", "number_in_range", "talk_ratio")

    assert finding.severity == "quarantine"
    assert (finding.unexpected_count, finding.element_count) == (1, 2)
    assert finding.message == (
        "raw_phone.calls: talk_ratio is a number from 0 to 1 where it is given: "
        "not so for 1 of 2 rows. Send a plain number from 0 to 1."
    )
