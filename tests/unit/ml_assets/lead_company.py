"""A small core schema of leads with known truth, for tests of the lead score.

Every lead has a hidden intent. It makes the lead answer, look at pages and fill in forms more often
and, where the company has signal, convert more likely. When a lead ends is drawn without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import duckdb
import numpy as np
import polars as pl

START = datetime(2024, 1, 1)
AS_OF = date(2025, 12, 28)  # a Sunday: models are trained with all that is known this evening
MOMENT = pl.Datetime("us")

SCHEMAS: dict[str, dict[str, pl.DataType | type[pl.DataType]]] = {
    "dim_lead": {
        "lead_id": pl.String, "company": pl.String, "email": pl.String, "title": pl.String,
        "lead_source": pl.String, "industry": pl.String, "rating": pl.String,
        "country": pl.String, "region": pl.String, "employee_count": pl.Int64,
        "owner_user_id": pl.String, "is_converted": pl.Boolean, "is_email_valid": pl.Boolean,
        "is_deleted": pl.Boolean, "created_at": MOMENT, "valid_from": MOMENT, "valid_to": MOMENT,
        "is_current": pl.Boolean, "is_inferred": pl.Boolean,
    },
    "fct_lifecycle_event": {
        "lead_id": pl.String, "event_number": pl.Int64, "stage": pl.String, "entered_at": MOMENT,
        "recorded_at": MOMENT, "is_recycle": pl.Boolean, "is_return": pl.Boolean,
    },
    "fct_activity": {
        "activity_id": pl.String, "activity_type": pl.String, "direction": pl.String,
        "occurred_at": MOMENT, "recorded_at": MOMENT, "person_lead_id": pl.String,
        "is_automated": pl.Boolean, "outcome": pl.String,
    },
    "fct_touchpoint": {
        "lead_id": pl.String, "touch_type": pl.String, "occurred_at": MOMENT,
        "recorded_at": MOMENT,
    },
    "fct_email_event": {
        "lead_id": pl.String, "event_type": pl.String, "occurred_at": MOMENT,
        "recorded_at": MOMENT,
    },
    "fct_campaign_member": {"lead_id": pl.String, "created_at": MOMENT},
    "dim_account": {
        "account_id": pl.String, "name": pl.String, "website": pl.String, "segment": pl.String,
        "is_deleted": pl.Boolean, "is_inferred": pl.Boolean, "valid_from": MOMENT,
        "valid_to": MOMENT,
    },
    "fct_opportunity": {"opportunity_id": pl.String, "account_id": pl.String},
    "fct_opportunity_event": {
        "change_id": pl.String, "opportunity_id": pl.String, "field": pl.String,
        "new_value": pl.String, "changed_at": MOMENT, "recorded_at": MOMENT,
    },
}  # fmt: skip
SOURCES = ("Web", "Webinar", "Referral", "Outbound")
INDUSTRIES = ("Banking", "Retail", "Software")
Tables = dict[str, pl.DataFrame]


@dataclass(frozen=True)
class LeadCompany:
    """Tables of schema core by name, and each lead's true chance to convert in the end."""

    tables: Tables
    truth: pl.DataFrame


def table(name: str, rows: list[tuple[object, ...]]) -> pl.DataFrame:
    """Rows in the shape of a table of core."""
    return pl.DataFrame(rows, schema=SCHEMAS[name], orient="row")


def connect(tables: Tables) -> duckdb.DuckDBPyConnection:
    """A database in memory with schema core; tables that are not given are empty."""
    con = duckdb.connect()
    con.execute("set threads = 2")
    con.execute("create schema core")
    empty = {name: pl.DataFrame(schema=schema) for name, schema in SCHEMAS.items()}
    for name, frame in (empty | tables).items():
        con.register("incoming", frame)
        con.execute(f"create table core.{name} as select * from incoming")
        con.unregister("incoming")
    return con


def simulate(*, seed: int = 1, leads: int = 2_000, has_signal: bool = True) -> LeadCompany:
    """A company from 2024-01-01 to AS_OF."""
    rng = np.random.default_rng(seed)
    end = datetime.combine(AS_OF + timedelta(days=1), datetime.min.time())
    born = np.sort(rng.uniform(0, (end - START).days, leads))
    intent, source = rng.normal(size=leads), rng.integers(0, len(SOURCES), leads)
    effect = np.array([0.0, 0.3, 1.0, -0.8])[source]
    chance = 1 / (1 + np.exp(1.6 - (1.5 * intent + effect if has_signal else 0.0)))
    converts, drifts = rng.random(leads) < chance, rng.random(leads) < 0.15
    lasts = np.where(converts, np.exp(rng.normal(2.2, 0.5, leads)), rng.gamma(2.0, 13.0, leads))
    rating = np.digitize(0.7 * intent + rng.normal(size=leads), [-0.4, 0.8])
    rows: dict[str, list[tuple[object, ...]]] = {name: [] for name in SCHEMAS}

    def moments(since: datetime, until: datetime, rate: float) -> list[datetime]:
        days = max((until - since).total_seconds() / 86_400, 0.0)
        drawn = np.sort(rng.uniform(0, days, rng.poisson(rate * days)))
        return [since + timedelta(days=float(day)) for day in drawn]

    for number in range(leads):
        key = f"demo:{number:05d}"
        created = START + timedelta(days=float(born[number]))
        working = created + timedelta(hours=float(rng.exponential(12)))
        is_open = drifts[number] and not converts[number]
        ended = working + timedelta(days=float(lasts[number]))
        steps = [(created, "Lead"), (working, "SAL")]
        if not is_open:
            steps.append((ended, "SQL" if converts[number] else "Disqualified"))
        steps = [step for step in steps if step[0] < end]
        for position, (at, stage) in enumerate(steps):
            rows["fct_lifecycle_event"].append((key, position + 1, stage, at, at, False, False))
            later = steps[position + 1][0] if position + 1 < len(steps) else None
            rows["dim_lead"].append(
                (
                    key, f"Company {number // 2}", f"person{number}@c{number // 2}.example",
                    ("Chief Financial Officer", "IT Manager", None)[number % 3],
                    SOURCES[int(source[number])], INDUSTRIES[number % 3],
                    ("Cold", "Warm", "Hot")[int(rating[number])], "Germany", "EMEA",
                    10 + number % 500, f"user-{number % 7}", stage == "SQL", True, False, created,
                    at, later, later is None, False,
                )
            )  # fmt: skip
        until = min(ended, created + timedelta(days=30), end)
        warm = float(np.exp(0.8 * intent[number]))
        for at in moments(created, until, 0.06 * warm):
            rows["fct_activity"].append(
                (
                    f"in-{key}-{at}",
                    "email",
                    "inbound",
                    at,
                    at + timedelta(hours=1),
                    key,
                    False,
                    None,
                )
            )
        for at in moments(working, until, 0.1):
            rows["fct_activity"].append(
                (f"out-{key}-{at}", "call", "outbound", at, at, key, False, "no_answer")
            )
        for at in moments(created, until, 0.1 * warm):
            rows["fct_touchpoint"].append((key, "page_view", at, at))
        for at in moments(created, until, 0.05):
            rows["fct_email_event"].append((key, "sent", at, at))
            if rng.random() < 0.3:
                rows["fct_email_event"].append((key, "open", at, at))
        if number % 2:
            rows["fct_campaign_member"].append((key, created))
    truth = pl.DataFrame(
        {"lead_id": [f"demo:{number:05d}" for number in range(leads)], "chance": chance}
    )
    return LeadCompany({name: table(name, values) for name, values in rows.items()}, truth)
