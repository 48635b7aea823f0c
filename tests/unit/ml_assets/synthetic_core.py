"""A small core schema with known truth, for tests of features and models.

Every opportunity has a hidden quality. It makes the buyer answer more often and, where the company
has signal, the deal more likely to be won; stages, dates and amounts know nothing of the outcome.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import duckdb
import numpy as np
import polars as pl

STAGES = [
    "Prospecting", "Qualification", "Discovery", "Solution Design", "Proposal", "Negotiation",
    "Closed Won", "Closed Lost",
]  # fmt: skip
START = datetime(2024, 1, 1)
AS_OF = date(2025, 12, 30)

EVENT = {
    "change_id": pl.String, "opportunity_id": pl.String, "field": pl.String,
    "old_value": pl.String, "new_value": pl.String, "changed_at": pl.Datetime("us"),
    "recorded_at": pl.Datetime("us"),
}  # fmt: skip
ACTIVITY = {
    "activity_id": pl.String, "activity_type": pl.String, "direction": pl.String,
    "occurred_at": pl.Datetime("us"), "recorded_at": pl.Datetime("us"),
    "person_contact_id": pl.String, "person_lead_id": pl.String, "is_automated": pl.Boolean,
    "outcome": pl.String, "duration_seconds": pl.Int64,
}  # fmt: skip
BRIDGE = {"activity_id": pl.String, "opportunity_id": pl.String, "confidence": pl.Float64}
OPPORTUNITY = {
    "opportunity_id": pl.String, "account_id": pl.String, "opportunity_type": pl.String,
    "lead_source": pl.String, "currency_code": pl.String, "amount": pl.Decimal(18, 2),
    "is_open": pl.Boolean, "stage": pl.String, "loss_reason": pl.String, "as_of_date": pl.Date,
}  # fmt: skip
ACCOUNT = {
    "account_id": pl.String, "segment": pl.String, "region": pl.String, "industry": pl.String,
    "country": pl.String, "employee_count": pl.Int64, "valid_from": pl.Datetime("us"),
    "valid_to": pl.Datetime("us"),
}  # fmt: skip
USER = {
    "user_id": pl.String, "role": pl.String, "team": pl.String, "region": pl.String,
    "hired_on": pl.Date, "valid_from": pl.Datetime("us"), "valid_to": pl.Datetime("us"),
}  # fmt: skip
FX = {
    "currency_code": pl.String, "valid_from": pl.Date, "valid_to": pl.Date,
    "rate_to_corporate": pl.Decimal(18, 8),
}  # fmt: skip
LINE = {
    "line_id": pl.String, "opportunity_id": pl.String, "product_id": pl.String,
    "created_at": pl.Datetime("us"), "modified_at": pl.Datetime("us"),
    "discount_rate": pl.Decimal(9, 4), "is_deleted": pl.Boolean,
}  # fmt: skip
TOUCH = {
    "touch_id": pl.String, "touch_type": pl.String, "account_id": pl.String,
    "contact_id": pl.String, "lead_id": pl.String, "occurred_at": pl.Datetime("us"),
    "recorded_at": pl.Datetime("us"),
}  # fmt: skip
CONTACT_ROLE = {
    "opportunity_id": pl.String, "contact_id": pl.String, "is_decision_maker": pl.Boolean,
    "is_champion": pl.Boolean, "created_at": pl.Datetime("us"),
    "modified_at": pl.Datetime("us"), "removed_at": pl.Datetime("us"),
}  # fmt: skip
CONVERSATION = {
    "activity_id": pl.String, "opportunity_id": pl.String, "occurred_at": pl.Datetime("us"),
    "recorded_at": pl.Datetime("us"), "duration_seconds": pl.Int64, "talk_ratio": pl.Float64,
    "question_count": pl.Int64, "sentiment": pl.Float64,
}  # fmt: skip
CONVERSATION_ACTION = {
    "action_id": pl.String, "activity_id": pl.String, "opportunity_id": pl.String,
    "due_date": pl.Date, "created_at": pl.Datetime("us"), "completed_at": pl.Datetime("us"),
}  # fmt: skip
QUALIFICATION = {
    "opportunity_id": pl.String, "framework": pl.String, "criterion_code": pl.String,
    "source_id": pl.String, "is_met": pl.Boolean, "assessed_at": pl.Datetime("us"),
    "recorded_at": pl.Datetime("us"), "withdrawn_at": pl.Datetime("us"),
}  # fmt: skip
STAGE_EVIDENCE = {
    "opportunity_id": pl.String, "stage": pl.String, "criterion_code": pl.String,
    "met_at": pl.Datetime("us"), "recorded_at": pl.Datetime("us"),
    "withdrawn_at": pl.Datetime("us"),
}  # fmt: skip
COMPETITOR = {
    "opportunity_id": pl.String, "competitor_id": pl.String,
    "first_seen_at": pl.Datetime("us"), "removed_at": pl.Datetime("us"),
}  # fmt: skip
LEAD = {
    "lead_id": pl.String, "rating": pl.String, "converted_opportunity_id": pl.String,
    "created_at": pl.Datetime("us"), "converted_at": pl.Datetime("us"),
    "valid_from": pl.Datetime("us"), "valid_to": pl.Datetime("us"),
}  # fmt: skip
SCHEMAS = {
    "fct_opportunity_event": EVENT, "fct_activity": ACTIVITY,
    "bridge_activity_opportunity": BRIDGE, "fct_opportunity": OPPORTUNITY,
    "dim_account": ACCOUNT, "dim_user": USER, "fct_fx_rate": FX, "fct_opportunity_line": LINE,
    "fct_touchpoint": TOUCH, "fct_opportunity_contact": CONTACT_ROLE,
    "fct_conversation": CONVERSATION, "fct_conversation_action": CONVERSATION_ACTION,
    "fct_qualification": QUALIFICATION, "fct_stage_evidence": STAGE_EVIDENCE,
    "fct_opportunity_competitor": COMPETITOR, "dim_lead": LEAD,
}  # fmt: skip


@dataclass(frozen=True)
class Company:
    """Tables of schema core by name, and each opportunity's true chance to be won."""

    tables: dict[str, pl.DataFrame]
    truth: pl.DataFrame

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A database in memory that holds the tables."""
        return connect(self.tables)


def calendar() -> pl.DataFrame:
    """dim_date with calendar quarters as fiscal quarters, 2016 to 2027."""
    days = pl.date_range(date(2016, 1, 1), date(2027, 12, 31), eager=True).alias("date_day")
    next_quarter = pl.col("date_day").dt.truncate("1q").dt.offset_by("1q")
    return pl.DataFrame(days).with_columns(fiscal_quarter_end_date=next_quarter.dt.offset_by("-1d"))


def connect(tables: dict[str, pl.DataFrame]) -> duckdb.DuckDBPyConnection:
    """A database in memory with schema core; tables that are not given are empty."""
    con = duckdb.connect()
    con.execute("set threads = 2")
    con.execute("create schema core")
    stages = pl.DataFrame(
        {"stage": STAGES, "stage_order": list(range(1, 9))}, schema_overrides={"stage_order": int}
    )
    contents = {name: pl.DataFrame(schema=schema) for name, schema in SCHEMAS.items()}
    given = {"dim_stage": stages, "dim_date": calendar()}
    for name, frame in (contents | given | tables).items():
        con.register("incoming", frame)
        con.execute(f"create table core.{name} as select * from incoming")
        con.unregister("incoming")
    return con


def simulate(
    *, seed: int = 1, deals: int = 2_400, has_signal: bool = True, as_of: date = AS_OF
) -> Company:
    """A company from 2024-01-01 to `as_of`."""
    rng = np.random.default_rng(seed)
    end = datetime.combine(as_of + timedelta(days=1), datetime.min.time())
    days = (end - START).days
    accounts = max(4, int(deals * 0.8))
    quality = rng.normal(size=deals)
    chance = 1 / (1 + np.exp(0.6 - (1.8 if has_signal else 0.0) * quality))
    born = rng.uniform(0, days, deals)
    lasts = rng.gamma(2.0, 32.0, deals) + 2
    won = rng.random(deals) < chance
    account = rng.integers(0, accounts, deals)
    owner = rng.integers(0, 12, deals)
    amount = np.round(np.exp(rng.normal(10, 0.8, deals)), 2)
    events: list[tuple[object, ...]] = []
    activities: list[tuple[object, ...]] = []
    bridge: list[tuple[object, ...]] = []
    facts: list[tuple[object, ...]] = []
    truth: list[tuple[str, float, bool]] = []
    for deal in range(deals):
        key = f"demo:{deal:05d}"
        created = START + timedelta(days=float(born[deal]))
        closed = created + timedelta(days=float(lasts[deal]))
        due = created + timedelta(days=60)

        def add(field: str, old: str | None, new: str | None, at: datetime, key: str = key) -> None:
            late = at + timedelta(hours=float(rng.exponential(3)))
            events.append((f"e{len(events):07d}", key, field, old, new, at, late))

        add("stage", None, STAGES[0], created)
        add("amount_local", None, f"{amount[deal]:.2f}", created)
        add("close_date", None, due.date().isoformat(), created)
        add("owner_user_id", None, f"u{owner[deal]}", created)
        add("forecast_category", None, "pipeline", created)
        steps = np.sort(rng.uniform(0, 1, 5))
        for position, share in enumerate(steps):
            at = created + (closed - created) * float(share)
            add("stage", STAGES[position], STAGES[position + 1], at)
        if rng.random() < 0.4:
            at = created + (closed - created) * float(rng.uniform(0.2, 0.9))
            pushed = due + timedelta(days=30)
            add("close_date", due.date().isoformat(), pushed.date().isoformat(), at)
        last = STAGES[6] if won[deal] else STAGES[7]
        add("stage", STAGES[5], last, closed)
        weeks = float(lasts[deal]) / 7
        for direction, rate in (("inbound", 0.8 * np.exp(0.9 * quality[deal])), ("outbound", 1.2)):
            for moment in rng.uniform(0, 1, rng.poisson(rate * weeks)):
                at = created + (closed - created) * float(moment)
                name = f"a{len(activities):07d}"
                kind = "email" if rng.random() < 0.7 else "call"
                person = f"p{account[deal]}-{rng.integers(0, 4)}"
                activities.append(
                    (name, kind, direction, at, at + timedelta(hours=1), person, None, False,
                     "connected" if kind == "call" else None, 600)
                )  # fmt: skip
                bridge.append((name, key, 0.9))
        if created < end:
            is_open = closed >= end
            facts.append(
                (key, f"acc{account[deal]}", "new", "Web", "USD", amount[deal], is_open,
                 "Prospecting" if is_open else last,
                 None if is_open or won[deal] else "Price", as_of)
            )  # fmt: skip
            truth.append((key, float(chance[deal]), bool(won[deal])))

    def frame(name: str, rows: list[tuple[object, ...]]) -> pl.DataFrame:
        return pl.DataFrame(rows, schema=SCHEMAS[name], orient="row", strict=False)

    segments = np.array(["SMB", "Mid-Market", "Enterprise"])[rng.integers(0, 3, accounts)]
    versions = [
        (f"acc{i}", str(segments[i]), "EMEA" if i % 2 else "AMER", f"industry {i % 7}", "DE",
         50 + i, START, None)
        for i in range(accounts)
    ]  # fmt: skip
    users = [
        (f"u{i}", "AE", f"team {i % 3}", "EMEA" if i % 2 else "AMER", date(2022, 1, 1), START, None)
        for i in range(12)
    ]
    tables = {
        "fct_opportunity_event": frame("fct_opportunity_event", events),
        "fct_activity": frame("fct_activity", activities),
        "bridge_activity_opportunity": frame("bridge_activity_opportunity", bridge),
        "fct_opportunity": frame("fct_opportunity", facts),
        "dim_account": frame("dim_account", versions),
        "dim_user": frame("dim_user", users),
        "fct_fx_rate": frame("fct_fx_rate", [("USD", date(2020, 1, 1), None, 1.0)]),
    }
    visible = tables["fct_opportunity_event"].filter(pl.col("recorded_at") < end)
    acted = tables["fct_activity"].filter(pl.col("recorded_at") < end)
    tables |= {"fct_opportunity_event": visible, "fct_activity": acted}
    return Company(
        tables,
        pl.DataFrame(truth, schema=["opportunity_id", "chance", "is_won"], orient="row"),
    )
