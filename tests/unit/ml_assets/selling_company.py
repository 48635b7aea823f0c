"""The synthetic company with everything that the revenue forecast reads."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl
from synthetic_core import AS_OF, STAGES, START, Company, calendar

FOREVER = datetime(1900, 1, 1)


def selling_tables(company: Company, as_of: date = AS_OF) -> dict[str, pl.DataFrame]:
    """The company's tables, with what is won, the organisation, the calendar and calls.

    Four teams of three reps, two regions; u0 calls 1,000 for each quarter and bo 1,200 instead.
    """
    events = company.tables["fct_opportunity_event"]
    last = {
        field: dict(
            events.filter(pl.col("field") == field)
            .sort("changed_at")
            .group_by("opportunity_id")
            .agg(pl.col("new_value").last())
            .iter_rows()
        )
        for field in ("stage", "owner_user_id")
    }
    closed = dict(
        events.filter(pl.col("new_value").is_in(STAGES[6:]))
        .group_by("opportunity_id")
        .agg(pl.col("changed_at").max().cast(pl.Date))
        .iter_rows()
    )
    facts = company.tables["fct_opportunity"]
    ids = facts["opportunity_id"].to_list()
    users = [f"u{number}" for number in range(12)]
    members: list[tuple[str, str, str]] = []
    for number, user in enumerate(users):
        members += [
            (user, "company", "All"),
            (user, "region", "EMEA" if number % 2 else "AMER"),
            (user, "team", f"team {number % 4}"),
            (user, "rep", user),
        ]
    quarters = (
        calendar()
        .with_columns(
            fiscal_quarter_start_date=pl.col("date_day").dt.truncate("1q"),
        )
        .filter(pl.col("date_day") < date(2027, 12, 31))
    )
    starts = [date(year, month, 1) for year in (2024, 2025) for month in (1, 4, 7, 10)]
    calls = [
        (user, by_superior, start, datetime(start.year, start.month, 1, 9 + by_superior), amount)
        for start in starts
        for user, by_superior, amount in (("u0", False, 1_000.0), ("u0", True, 1_200.0))
    ]
    return company.tables | {
        "fct_opportunity": facts.with_columns(
            is_won=pl.Series([last["stage"].get(key) == "Closed Won" for key in ids]),
            is_deleted=pl.lit(False),
            close_date=pl.Series([closed.get(key) for key in ids], dtype=pl.Date),
            owner_user_id=pl.Series([last["owner_user_id"].get(key) for key in ids]),
            as_of_date=pl.lit(as_of),
        ),
        "dim_account": company.tables["dim_account"].with_columns(
            owner_user_id=pl.lit(None, dtype=pl.String)
        ),
        "dim_user": company.tables["dim_user"].with_columns(
            is_active=pl.lit(True), is_deleted=pl.lit(False)
        ),
        "dim_date": quarters,
        "dim_stage": pl.DataFrame(
            {
                "stage": STAGES,
                "stage_order": list(range(1, 9)),
                "default_probability": [0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 1.0, 0.0],
                "is_open": [True] * 6 + [False] * 2,
            }
        ),
        "bridge_user_node": pl.DataFrame(
            members, schema=["user_id", "node_type", "node_id"], orient="row"
        ).with_columns(valid_from=pl.lit(FOREVER), valid_to=pl.lit(None, dtype=pl.Datetime("us"))),
        "bridge_user_hierarchy": pl.DataFrame(
            {
                "ancestor_user_id": ["bo"],
                "descendant_user_id": ["u0"],
                "depth": [1],
                "valid_from": [START],
                "valid_to": [None],
            },
            schema_overrides={"valid_to": pl.Datetime("us")},
        ),
        "fct_forecast_submission": pl.DataFrame(
            calls,
            schema=["subject_user_id", "is_override", "period_start", "submitted_at", "amount"],
            orient="row",
        ).with_columns(
            forecast_category=pl.lit("commit"),
            submission_id=pl.format("{}-{}", "subject_user_id", "submitted_at"),
            superseded_at=pl.lit(None, dtype=pl.Datetime("us")),
        ),
    }
