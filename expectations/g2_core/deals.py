"""What is expected of the deals, their histories and their parts."""

from __future__ import annotations

from datetime import date, timedelta

from expectations.g2_core.vocabulary import (
    FIX_CLOCK,
    FIX_KEY,
    FIX_KNOWN,
    FIX_MISSING,
    FIX_ORDER,
    FIX_PARENT,
    FIX_RANGE,
    FORECAST_CATEGORIES,
    STAGES,
    table,
)
from expectations.suites import (
    TableSuite,
    between,
    in_set,
    no_rows,
    not_after,
    not_null,
    resolves,
    unique,
)


def opportunities(as_of: date) -> TableSuite:
    """The suite of fct_opportunity."""
    end = as_of + timedelta(days=1)
    return table(
        "fct_opportunity",
        unique(("opportunity_id",), FIX_KEY),
        *(not_null(name, FIX_MISSING) for name in ("opportunity_id", "created_at", "stage")),
        in_set("stage", STAGES, FIX_KNOWN),
        in_set("forecast_category", FORECAST_CATEGORIES, FIX_KNOWN),
        between("probability", 0, 1, FIX_RANGE),
        between("amount", 0, None, FIX_RANGE),
        no_rows(
            "one_state",
            "select * from {batch} where cast(is_open as integer) + cast(is_won as integer) "
            "+ cast(is_lost as integer) <> case when is_deleted then 0 else 1 end",
            columns=("is_open", "is_won", "is_lost", "is_deleted"),
            says="a deal is open, won, lost or deleted, and only one of them",
            fix="Look at the flags of its stage in seeds/stages.csv or source.yml.",
        ),
        no_rows(
            "amount_converted",
            "select * from {batch} where amount_local is not null and amount is null",
            columns=("amount", "currency_code"),
            says="every amount has a value in corporate currency",
            fix="Load exchange rates for the currency; such deals count without an amount.",
            severity="warning",
        ),
        no_rows(
            "nothing_from_later",
            f"select * from {{batch}} where created_at >= date '{end}'",
            columns=("created_at",),
            says=f"no deal was created after {as_of}",
            fix=FIX_CLOCK,
        ),
        no_rows(
            "as_of_this_evening",
            f"select * from {{batch}} where as_of_date is distinct from date '{as_of}'",
            columns=("as_of_date",),
            says=f"every row is as of {as_of}",
            fix="Build core for the evening that is judged.",
        ),
        resolves("account_id", "core.dim_account", "account_id", FIX_PARENT),
        resolves("owner_user_id", "core.dim_user", "user_id", FIX_PARENT),
        resolves("campaign_id", "core.dim_campaign", "campaign_id", FIX_PARENT),
    )


def histories(as_of: date) -> list[TableSuite]:
    """The suites of events, stays in stages and days."""
    end = as_of + timedelta(days=1)
    deal = resolves(
        "opportunity_id",
        "core.fct_opportunity",
        "opportunity_id",
        "Look for events of deals that int_crm__opportunities leaves out.",
    )
    return [
        table(
            "fct_opportunity_event",
            unique(("change_id",), FIX_KEY),
            *(not_null(name, FIX_MISSING) for name in ("change_id", "changed_at", "field")),
            no_rows(
                "nothing_from_later",
                f"select * from {{batch}} where recorded_at >= date '{end}'",
                columns=("recorded_at",),
                says=f"nothing was recorded after {as_of}",
                fix=FIX_CLOCK,
            ),
            deal,
        ),
        table(
            "fct_opportunity_stage_span",
            unique(("opportunity_id", "span_number"), FIX_KEY),
            in_set("stage", STAGES, FIX_KNOWN),
            not_after("entered_at", "exited_at", FIX_ORDER),
            no_rows(
                "spans_without_gap_or_overlap",
                "select * from (select opportunity_id, exited_at, lead(entered_at) over "
                "(partition by opportunity_id order by span_number) as next_entered_at "
                "from {batch}) as spans where next_entered_at is distinct from exited_at "
                "and next_entered_at is not null",
                columns=("entered_at", "exited_at"),
                says="each stay in a stage begins where the one before ends",
                fix=FIX_ORDER,
            ),
        ),
        table(
            "fct_opportunity_daily",
            unique(("opportunity_id", "date_day"), FIX_KEY),
            in_set("stage", STAGES, FIX_KNOWN),
            between("probability", 0, 1, FIX_RANGE),
            no_rows(
                "nothing_from_later",
                f"select * from {{batch}} where date_day > date '{as_of}'",
                columns=("date_day",),
                says=f"no day is after {as_of}",
                fix=FIX_CLOCK,
            ),
        ),
    ]


def parts() -> list[TableSuite]:
    """The suites of lines, forecast calls, quotas and the activities of deals."""
    deal = "core.fct_opportunity"
    left_out = "Look for rows of deals that int_crm__opportunities leaves out."
    return [
        table(
            "fct_opportunity_line",
            unique(("line_id",), FIX_KEY),
            not_null("line_id", FIX_MISSING),
            between("amount", 0, None, FIX_RANGE),
            no_rows(
                "quantity_positive",
                "select * from {batch} where quantity <= 0",
                columns=("quantity",),
                says="every quantity is above 0",
                fix=FIX_RANGE,
            ),
            resolves("opportunity_id", deal, "opportunity_id", left_out),
            resolves("product_id", "core.dim_product", "product_id", FIX_PARENT),
        ),
        table(
            "fct_forecast_submission",
            unique(("submission_id",), FIX_KEY),
            not_null("submitted_at", FIX_MISSING),
            resolves("submitter_user_id", "core.dim_user", "user_id", FIX_PARENT),
            resolves("subject_user_id", "core.dim_user", "user_id", FIX_PARENT),
        ),
        table(
            "fct_quota",
            unique(("quota_key",), FIX_KEY),
            not_null("user_id", FIX_MISSING),
            between("amount", 0, None, FIX_RANGE),
            not_after("period_start", "period_end", FIX_RANGE),
            resolves("user_id", "core.dim_user", "user_id", FIX_PARENT),
        ),
        table(
            "bridge_activity_opportunity",
            unique(("activity_id",), FIX_KEY),
            between("confidence", 0, 1, "Look at the confidence of the matching rules."),
            resolves("opportunity_id", deal, "opportunity_id", left_out),
            resolves("activity_id", "core.fct_activity", "activity_id", left_out),
        ),
    ]
