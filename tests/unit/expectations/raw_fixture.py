"""A small build database with raw tables, filled row by row, for tests of the first gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from expectations.g1_raw import SYSTEMS, Limits, judge_raw
from expectations.report import GateReport, Outcome

AS_OF = date(2026, 3, 31)

Row = Mapping[str, object]

_MODIFIED = {
    "CreatedDate": "2026-03-02T09:00:00.000+0000",
    "SystemModstamp": "2026-03-30T17:00:00.000+0000",
    "LastModifiedDate": "2026-03-30T17:00:00.000+0000",
}
_STATE = {
    "StageName": "Discovery",
    "CloseDate": "2026-06-30",
    "Amount": "12000.50",
    "Probability": "20",
    "CurrencyIsoCode": "EUR",
}

GOOD: dict[str, dict[str, dict[str, object]]] = {
    "salesforce": {
        "UserRole": {"Id": "00E1", "Name": "Sales", **_MODIFIED},
        "User": {
            "Id": "0051",
            "Name": "Ann Example",
            "Email": "ann@example.com",
            "Hire_Date__c": "2024-01-15",
            "Termination_Date__c": None,
            **_MODIFIED,
        },
        "Territory2": {"Id": "0M51", "Name": "North", **_MODIFIED},
        "Product2": {"Id": "01t1", "Name": "Platform", "ListPrice__c": "100", **_MODIFIED},
        "DatedConversionRate": {
            "Id": "04w1",
            "IsoCode": "EUR",
            "StartDate": "2026-01-01",
            "NextStartDate": "2026-02-01",
            "ConversionRate": "0.92",
            **_MODIFIED,
        },
        "Account": {
            "Id": "0011",
            "Name": "Acme Ltd",
            "NumberOfEmployees": "201-500",
            "AnnualRevenue": "$1,200,000",
            **_MODIFIED,
        },
        "Contact": {"Id": "0031", "AccountId": "0011", "Email": "bo@example.com", **_MODIFIED},
        "Campaign": {
            "Id": "7011",
            "StartDate": "2026-01-01",
            "EndDate": "2026-02-01",
            "BudgetedCost": "500",
            "ActualCost": "400",
            **_MODIFIED,
        },
        "Opportunity": {
            "Id": "0061",
            "AccountId": "0011",
            "OwnerId": "0051",
            **_STATE,
            **_MODIFIED,
        },
        "Lead": {
            "Id": "00Q1",
            "Email": "cy@example.com",
            "ConvertedDate": None,
            "ConvertedOpportunityId": None,
            **_MODIFIED,
        },
        "OpportunityHistory": {"Id": "0081", "OpportunityId": "0061", **_STATE, **_MODIFIED},
        "OpportunityFieldHistory": {
            "Id": "0171",
            "OpportunityId": "0061",
            "Field": "StageName",
            "OldValue": "Prospecting",
            "NewValue": "Discovery",
            **_MODIFIED,
        },
        "OpportunityLineItem": {
            "Id": "00k1",
            "OpportunityId": "0061",
            "Product2Id": "01t1",
            "Quantity": "3",
            "UnitPrice": "100",
            "TotalPrice": "300",
            **_MODIFIED,
        },
        "OpportunityCompetitor": {
            "Id": "00J1",
            "OpportunityId": "0061",
            "CompetitorName": "Veridian",
            **_MODIFIED,
        },
        "OpportunityContactRole": {
            "Id": "00K1",
            "OpportunityId": "0061",
            "ContactId": "0031",
            **_MODIFIED,
        },
        "ObjectTerritory2Association": {
            "Id": "0MG1",
            "ObjectId": "0011",
            "Territory2Id": "0M51",
            **_MODIFIED,
        },
        "UserTerritory2Association": {
            "Id": "0MY1",
            "UserId": "0051",
            "Territory2Id": "0M51",
            **_MODIFIED,
        },
        "OpportunitySplitType": {"Id": "1491", "IsTotalValidated": "true", **_MODIFIED},
        "OpportunitySplit": {
            "Id": "1Sp1",
            "OpportunityId": "0061",
            "SplitTypeId": "1491",
            "SplitPercentage": "60",
            **_MODIFIED,
        },
        "Stage_Evidence__c": {
            "Id": "a0S1",
            "Opportunity__c": "0061",
            "Stage__c": "Discovery",
            "Criterion__c": "business_case_validated",
            "Is_Met__c": "true",
            **_MODIFIED,
        },
        "CampaignMember": {
            "Id": "00v1",
            "CampaignId": "7011",
            "LeadId": "00Q1",
            "ContactId": None,
            "FirstRespondedDate": "2026-01-04",
            **_MODIFIED,
        },
        "Task": {
            "Id": "00T1",
            "ActivityDate": "2026-03-05",
            "CompletedDateTime": "2026-03-05T10:00:00.000+0000",
            "CallDurationInSeconds": "60",
            **_MODIFIED,
        },
        "Event": {
            "Id": "00U1",
            "StartDateTime": "2026-03-05T10:00:00.000+0000",
            "EndDateTime": "2026-03-05T10:30:00.000+0000",
            "ActivityDateTime": None,
            "ActivityDate": "2026-03-05",
            "DurationInMinutes": "30",
            **_MODIFIED,
        },
        "ForecastSubmission__c": {
            "Id": "a011",
            "OwnerId": "0051",
            "SubmittedFor__c": "0051",
            "PeriodStart__c": "2026-01-01",
            "PeriodEnd__c": "2026-03-31",
            "ForecastCategory__c": "Commit",
            "Amount__c": "250000",
            "CurrencyIsoCode": "USD",
            **_MODIFIED,
        },
        "ForecastingQuota": {
            "Id": "0J91",
            "QuotaOwnerId": "0051",
            "StartDate": "2026-01-01",
            "QuotaAmount": "500000",
            "QuotaQuantity": None,
            "CurrencyIsoCode": "USD",
            **_MODIFIED,
        },
    },
    "hubspot_marketing": {
        "contacts": {
            "id": "1",
            "createdAt": "2026-03-02T09:00:00.000Z",
            "updatedAt": "2026-03-02T09:00:00.000Z",
            "properties": '{"email": "cy@example.com"}',
        },
        "email_events": {
            "id": "2",
            "type": "OPEN",
            "created": "1772442000000",
            "recipient": "cy@example.com",
        },
        "form_submissions": {
            "conversionId": "3",
            "submittedAt": "1772442000000",
            "email": "cy@example.com",
            "values": "[]",
        },
        "page_views": {
            "id": "4",
            "occurred_at": "2026-03-02T09:00:00Z",
            "contact_email": "cy@example.com",
        },
    },
    "email": {
        "messages": {
            "message_id": "m1",
            "sent_at": "2026-03-02T10:00:00+01:00",
            "direction": "outbound",
            "mailbox": "ann@example.com",
            "from_address": "ann@example.com",
        }
    },
    "phone": {
        "calls": {
            "call_id": "c1",
            "started_at": "2026-03-02T10:00:00Z",
            "ended_at": "2026-03-02T10:05:00Z",
            "duration_seconds": "300",
            "direction": "outbound",
            "disposition": "connected",
            "talk_ratio": "0.45",
            "sentiment": "-0.2",
            "longest_monologue_seconds": "40",
            "question_count": "6",
            "user_email": "ann@example.com",
            "contact_email": "bo@example.com",
        },
        "action_items": {
            "action_id": "f1",
            "call_id": "c1",
            "kind": "pricing",
            "owner_email": "ann@example.com",
            "due_date": "2026-03-05",
            "status": "completed",
            "created_at": "2026-03-02T10:10:00Z",
            "completed_at": "2026-03-04T09:00:00Z",
            "updated_at": "2026-03-04T09:00:00Z",
        },
    },
    "meetings": {
        "meetings": {
            "meeting_id": "e1",
            "start_at": "2026-03-02T10:00:00Z",
            "end_at": "2026-03-02T11:00:00Z",
            "created_at": "2026-02-25T08:00:00Z",
            "status": "held",
            "organizer_email": "ann@example.com",
            "attendees": "[]",
        },
        "recordings": {
            "meeting_id": "e1",
            "duration_seconds": "3000",
            "talk_ratio": "0.5",
            "sentiment": "0.3",
            "longest_monologue_seconds": "90",
            "question_count": "12",
            "analyzed_at": "2026-03-02T11:20:00Z",
        },
        "action_items": {
            "action_id": "f2",
            "meeting_id": "e1",
            "kind": "pricing",
            "owner_email": "ann@example.com",
            "due_date": "2026-03-05",
            "status": "completed",
            "created_at": "2026-03-02T10:10:00Z",
            "completed_at": "2026-03-04T09:00:00Z",
            "updated_at": "2026-03-04T09:00:00Z",
        },
    },
    "files": {
        "users": {"source_id": "Ann Example", "email": "ann@example.com", "hired_on": "2024-01-15"},
        "territories": {"source_id": "north"},
        "products": {"source_id": "platform", "list_price": "100"},
        "accounts": {"source_id": "Acme Ltd", "employee_count": "250", "annual_revenue": "1e6"},
        "contacts": {
            "source_id": "k1",
            "account_id": "Acme Ltd",
            "email": "bo@example.com",
        },
        "leads": {"source_id": "l1", "email": "cy@example.com", "converted_at": None},
        "campaigns": {"source_id": "g1", "start_date": "2026-01-01", "end_date": "2026-02-01"},
        "campaign_members": {"source_id": "n1", "campaign_id": "g1"},
        "opportunities": {
            "source_id": "o1",
            "account_id": "Acme Ltd",
            "source_stage": "Engaging",
            "amount": "1000",
            "currency_code": "USD",
            "created_at": "2026-01-05",
            "close_date": None,
            "closed_at": None,
            "probability": "0.2",
        },
        "opportunity_changes": {
            "source_id": "h1",
            "opportunity_id": "o1",
            "field": "stage",
            "new_value": "Engaging",
            "changed_at": "2026-01-06",
            "recorded_at": "2026-01-06",
        },
        "opportunity_lines": {
            "source_id": "i1",
            "opportunity_id": "o1",
            "product_id": "platform",
            "quantity": "1",
            "unit_price": "100",
            "amount": "100",
            "currency_code": "USD",
        },
        "opportunity_contacts": {"source_id": "j1", "opportunity_id": "o1", "contact_id": "k1"},
        "forecast_submissions": {
            "source_id": "fc1",
            "submitter_user_id": "Ann Example",
            "period_start": "2026-01-01",
            "period_end": None,
            "forecast_category": "Commit",
            "amount": "250",
            "currency_code": "USD",
            "submitted_at": "2026-01-05T10:00:00Z",
        },
        "opportunity_splits": {
            "source_id": "s1",
            "opportunity_id": "o1",
            "user_id": "Ann Example",
            "split_percentage": "60",
        },
        "account_territories": {
            "source_id": "w1",
            "account_id": "Acme Ltd",
            "territory_id": "north",
            "valid_from": "2026-01-01",
            "valid_to": "2026-02-01",
        },
        "quotas": {
            "source_id": "q1",
            "user_id": "Ann Example",
            "period_start": "2026-01-01",
            "amount": "1000",
            "currency_code": "USD",
        },
        "fx_rates": {
            "currency_code": "EUR",
            "valid_from": "2026-01-01",
            "rate_to_corporate": "1.08",
        },
        "activities": {
            "source_id": "a1",
            "occurred_at": "2026-01-06T10:00:00Z",
            "recorded_at": None,
            "duration_seconds": "60",
            "person_email": "bo@example.com",
            "user_email": "ann@example.com",
        },
        "touches": {
            "source_id": "t1",
            "occurred_at": "2026-01-06T10:00:00Z",
            "recorded_at": None,
            "person_email": "bo@example.com",
        },
    },
}
"""One row of each object that breaks no rule, its parents beside it."""


@dataclass
class RawFixture:
    """A build database in a folder, loaded and judged as the nightly run does it."""

    folder: Path
    stages: list[tuple[str, str, str, bool]] = field(
        default_factory=lambda: [
            ("salesforce", "Prospecting", "Prospecting", True),
            ("salesforce", "Discovery", "Discovery", True),
            ("salesforce", "Closed Won", "Closed Won", False),
        ]
    )
    as_of: date = AS_OF
    _created: set[str] = field(default_factory=set[str])

    def __post_init__(self) -> None:
        self.write_seeds()
        with self.connect() as con:
            con.execute(
                "create schema ops; create table ops.ops_load (load_id bigint, "
                "source_system varchar, object_name varchar, source varchar, fingerprint varchar, "
                "rows_received bigint, rows_unreadable bigint, columns_added varchar, "
                "encoding varchar, loaded_at timestamp)"
            )

    @property
    def database(self) -> Path:
        return self.folder / "warehouse.duckdb"

    @property
    def seeds(self) -> Path:
        return self.folder / "seeds"

    def connect(self) -> duckdb.DuckDBPyConnection:
        return duckdb.connect(str(self.database))

    def write_seeds(self) -> None:
        self.seeds.mkdir(exist_ok=True)
        lines = ["source_system,source_stage,stage,is_open"]
        lines += [f"{s},{source},{stage},{is_open}" for s, source, stage, is_open in self.stages]
        (self.seeds / "stages.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        (self.seeds / "currencies.csv").write_text(
            "currency_code,name\nUSD,Dollar\nEUR,Euro\n", encoding="utf-8"
        )

    @staticmethod
    def schema(system: str) -> str:
        return "mapped_files" if system == "files" else f"raw_{system}"

    def _create_tables(self, con: duckdb.DuckDBPyConnection, system: str) -> None:
        """The empty raw tables of a system, when they are not there yet."""
        if system in self._created:
            return
        self._created.add(system)
        con.execute(f"create schema {self.schema(system)}")
        for one in SYSTEMS[system]:
            names = dict.fromkeys([*one.columns, *GOOD[system][one.name]])
            columns = ", ".join(f'"{name}" varchar' for name in names)
            con.execute(
                f'create table {self.schema(system)}."{one.name}" ({columns}, _load_id bigint, '
                "_loaded_at timestamp, _source varchar, _row bigint)"
            )
        if system == "files":
            con.execute(
                "create table mapped_files.stages (source_stage varchar, is_open varchar, "
                "_load_id bigint, _row bigint); insert into mapped_files.stages values "
                "('Engaging', 'true', 0, 1), ('Won', 'false', 0, 2)"
            )

    def load(
        self,
        system: str,
        name: str,
        rows: Sequence[Row],
        *,
        source: str | None = None,
        unreadable: int = 0,
    ) -> int:
        """Append rows to a raw table as one load; its id."""
        with self.connect() as con:
            self._create_tables(con, system)
            found = con.execute("select coalesce(max(load_id), 0) + 1 from ops.ops_load").fetchone()
            assert found is not None
            load_id = int(found[0])
            con.begin()
            for position, row in enumerate(rows, 1):
                names = ", ".join(f'"{name}"' for name in row)
                marks = ", ".join("?" for _ in row)
                con.execute(
                    f'insert into {self.schema(system)}."{name}" '
                    f"({names}, _load_id, _loaded_at, _source, _row) "
                    f"values ({marks}, ?, timestamp '2026-04-01', ?, ?)",
                    [*row.values(), load_id, source or f"{name}_{load_id}", position],
                )
            con.execute(
                "insert into ops.ops_load values (?, ?, ?, ?, ?, ?, ?, null, 'utf-8', "
                "timestamp '2026-04-01')",
                [
                    load_id,
                    system,
                    name,
                    source or f"{name}_{load_id}",
                    f"f{load_id}",
                    len(rows),
                    unreadable,
                ],
            )
            con.commit()
        return load_id

    def load_good(self, system: str) -> None:
        """One good row of each object of a system."""
        for name, row in GOOD[system].items():
            self.load(system, name, [row])

    def judge(self, system: str, *, limits: Limits | None = None) -> GateReport:
        return judge_raw(
            self.database,
            system,
            run_id="test-run",
            as_of=self.as_of,
            seeds=self.seeds,
            limits=limits,
        )

    def query(self, text: str) -> list[tuple[Any, ...]]:
        with self.connect() as con:
            return con.execute(text).fetchall()

    def reasons(self, system: str, name: str) -> list[str]:
        """The reasons of the rows that are in quarantine now."""
        found = self.query(
            f'select reason from quarantine."{system}__{name}" '
            "where released_load_id is null order by _load_id, _row"
        )
        return [str(reason) for (reason,) in found]


def outcome(report: GateReport, table: str, expectation: str, *columns: str) -> Outcome:
    """The one outcome of a report for an expectation of a table."""
    found = [
        one
        for one in report.outcomes
        if one.table == table
        and one.expectation == expectation
        and (not columns or one.columns == columns)
    ]
    assert len(found) == 1, [(one.table, one.expectation, one.columns) for one in found]
    return found[0]
