"""The second gate, between core and the predictions: is the star schema whole and is it right?

dbt tests the models one by one; this gate stops the run and compares core with raw and with the
last run.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from expectations.layers import MOST_DROPPED, judge_layer
from expectations.raw_deals import make_won_deals
from expectations.report import GateReport
from expectations.runner import GateSession
from expectations.suites import (

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import BatchExpectation
    TableSuite,
    between,
    figure,
    in_set,
    no_rows,
    not_after,
    not_null,
    resolves,
    unique,
)

GATE = "G2"
LAYER = "core"

STAGES = (
    "Prospecting",
    "Qualification",
    "Discovery",
    "Solution Design",
    "Proposal",
    "Negotiation",
    "Closed Won",
    "Closed Lost",
)
FORECAST_CATEGORIES = ("pipeline", "best_case", "commit", "closed", "omitted")
ACTIVITY_TYPES = ("email", "call", "meeting", "task", "event")

COUNTED = (
    "dim_account",
    "dim_contact",
    "dim_lead",
    "dim_user",
    "dim_product",
    "dim_campaign",
    "fct_opportunity",
    "fct_opportunity_event",
    "fct_opportunity_stage_span",
    "fct_opportunity_daily",
    "fct_opportunity_line",
    "fct_activity",
    "fct_touchpoint",
    "fct_campaign_member",
    "fct_quota",
)

TOTALS_APART = 0.01
"""Greatest share by which won deals may differ between raw and core: the latest row of a deal and
the replay of its history disagree where an export caught one of them and not the other."""

_KEY = "Look at the model that makes the id, and for records that two loads give differently."
_MISSING = "Look at the staging model of the source that gives no value, and at the first gate."
_RANGE = "Look at the staging model that reads the value, and for its rule in the first gate."
_KNOWN = "Map the value in the intermediate model or its seed."
_PARENT = "Add the missing member to the dimension's inferred members."
_CLOCK = "A model reads what was recorded after as_of_date: restrict it by as_of_end()."


def judge_core(
    database: Path, *, run_id: str, as_of: date, most_dropped: float = MOST_DROPPED
) -> GateReport:
    """Judge the star schema.

    Args:
        database: the build database; the caller has no connection to it open.
        run_id: the run that the outcomes are recorded for.
        as_of: the evening that core was built for.
        most_dropped: greatest share of its rows that a table may lose since the last run.

    Raises:
        GateError: when the database is missing.
    """
    return judge_layer(
        GATE,
        LAYER,
        _suites,
        COUNTED,
        database=database,
        run_id=run_id,
        as_of=as_of,
        most_dropped=most_dropped,
    )


def _suites(session: GateSession, as_of: date) -> list[TableSuite]:
    return [
        _dates(as_of),
        *(_versioned(entity) for entity in ("account", "contact", "lead", "user", "territory")),
        _table("dim_product", unique(("product_id",), _KEY), not_null("product_id", _MISSING)),
        _table("dim_campaign", unique(("campaign_id",), _KEY), not_null("campaign_id", _MISSING)),
        _table(
            "dim_stage",
            unique(("stage_key",), _KEY),
            in_set("stage", STAGES, _KNOWN),
            not_null("stage", _MISSING),
        ),
        _table(
            "fct_fx_rate",
            unique(("currency_code", "valid_from"), _KEY),
            no_rows(
                "rate_positive",
                "select * from {batch} where coalesce(rate_to_corporate, 0) <= 0",
                columns=("rate_to_corporate",),
                says="every rate is above 0",
                fix=_RANGE,
            ),
        ),
        _opportunities(as_of),
        *_histories(as_of),
        *_parts_of_deals(),
        *_people_and_activities(as_of),
        *_totals(session, as_of),
    ]


def _table(name: str, *expectations: BatchExpectation) -> TableSuite:
    return TableSuite(LAYER, name, f"select * from {LAYER}.{name}", expectations)


def _dates(as_of: date) -> TableSuite:
    return _table(
        "dim_date",
        unique(("date_day",), _KEY),
        not_null("date_day", _MISSING),
        no_rows(
            "calendar_without_gaps",
            "select * from (select date_day, lead(date_day) over (order by date_day) as next_day "
            "from {batch}) as days where next_day <> date_day + 1",
            columns=("date_day",),
            says="no day is missing between the first and the last",
            fix="Look at the date spine of dim_date.",
        ),
        no_rows(
            "calendar_reaches_as_of",
            f"select 1 from {{batch}} having max(date_day) < date '{as_of}'",
            columns=("date_day",),
            says=f"the calendar reaches {as_of}",
            fix="Look at the end of the date spine of dim_date.",
        ),
    )


def _versioned(entity: str) -> TableSuite:
    """A dimension with history: unique versions, one of each entity current."""
    entity_id = f"{entity}_id"
    return _table(
        f"dim_{entity}",
        unique((f"{entity}_key",), _KEY),
        not_null(entity_id, _MISSING),
        not_after("valid_from", "valid_to", "Look at the order of versions in the model."),
        no_rows(
            "one_current_version",
            f"select {entity_id} from {{batch}} group by {entity_id} "
            "having count(*) filter (is_current) <> 1",
            columns=(entity_id, "is_current"),
            says=f"every {entity_id} has exactly one current version",
            fix="Look at the order of versions in the model.",
        ),
    )


def _opportunities(as_of: date) -> TableSuite:
    end = as_of + timedelta(days=1)
    return _table(
        "fct_opportunity",
        unique(("opportunity_id",), _KEY),
        *(not_null(name, _MISSING) for name in ("opportunity_id", "created_at", "stage")),
        in_set("stage", STAGES, _KNOWN),
        in_set("forecast_category", FORECAST_CATEGORIES, _KNOWN),
        between("probability", 0, 1, _RANGE),
        between("amount", 0, None, _RANGE),
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
            fix=_CLOCK,
        ),
        no_rows(
            "as_of_this_evening",
            f"select * from {{batch}} where as_of_date is distinct from date '{as_of}'",
            columns=("as_of_date",),
            says=f"every row is as of {as_of}",
            fix="Build core for the evening that is judged.",
        ),
        resolves("account_id", "core.dim_account", "account_id", _PARENT),
        resolves("owner_user_id", "core.dim_user", "user_id", _PARENT),
        resolves("campaign_id", "core.dim_campaign", "campaign_id", _PARENT),
    )


def _histories(as_of: date) -> list[TableSuite]:
    end = as_of + timedelta(days=1)
    deal = resolves(
        "opportunity_id",
        "core.fct_opportunity",
        "opportunity_id",
        "Look for events of deals that int_crm__opportunities leaves out.",
    )
    return [
        _table(
            "fct_opportunity_event",
            unique(("change_id",), _KEY),
            *(not_null(name, _MISSING) for name in ("change_id", "changed_at", "field")),
            no_rows(
                "nothing_from_later",
                f"select * from {{batch}} where recorded_at >= date '{end}'",
                columns=("recorded_at",),
                says=f"nothing was recorded after {as_of}",
                fix=_CLOCK,
            ),
            deal,
        ),
        _table(
            "fct_opportunity_stage_span",
            unique(("opportunity_id", "span_number"), _KEY),
            in_set("stage", STAGES, _KNOWN),
            not_after("entered_at", "exited_at", "Look at the order of events in the model."),
            no_rows(
                "spans_without_gap_or_overlap",
                "select * from (select opportunity_id, exited_at, lead(entered_at) over "
                "(partition by opportunity_id order by span_number) as next_entered_at "
                "from {batch}) as spans where next_entered_at is distinct from exited_at "
                "and next_entered_at is not null",
                columns=("entered_at", "exited_at"),
                says="each stay in a stage begins where the one before ends",
                fix="Look at the order of events in the model.",
            ),
        ),
        _table(
            "fct_opportunity_daily",
            unique(("opportunity_id", "date_day"), _KEY),
            in_set("stage", STAGES, _KNOWN),
            between("probability", 0, 1, _RANGE),
            no_rows(
                "nothing_from_later",
                f"select * from {{batch}} where date_day > date '{as_of}'",
                columns=("date_day",),
                says=f"no day is after {as_of}",
                fix=_CLOCK,
            ),
        ),
    ]


def _parts_of_deals() -> list[TableSuite]:
    deal = "core.fct_opportunity"
    left_out = "Look for rows of deals that int_crm__opportunities leaves out."
    return [
        _table(
            "fct_opportunity_line",
            unique(("line_id",), _KEY),
            not_null("line_id", _MISSING),
            between("amount", 0, None, _RANGE),
            no_rows(
                "quantity_positive",
                "select * from {batch} where quantity <= 0",
                columns=("quantity",),
                says="every quantity is above 0",
                fix=_RANGE,
            ),
            resolves("opportunity_id", deal, "opportunity_id", left_out),
            resolves("product_id", "core.dim_product", "product_id", _PARENT),
        ),
        _table(
            "fct_quota",
            unique(("quota_key",), _KEY),
            not_null("user_id", _MISSING),
            between("amount", 0, None, _RANGE),
            not_after("period_start", "period_end", _RANGE),
            resolves("user_id", "core.dim_user", "user_id", _PARENT),
        ),
        _table(
            "bridge_activity_opportunity",
            unique(("activity_id",), _KEY),
            between("confidence", 0, 1, "Look at the confidence of the matching rules."),
            resolves("opportunity_id", deal, "opportunity_id", left_out),
            resolves("activity_id", "core.fct_activity", "activity_id", left_out),
        ),
    ]


def _people_and_activities(as_of: date) -> list[TableSuite]:
    end = as_of + timedelta(days=1)
    return [
        _table(
            "fct_activity",
            unique(("activity_id",), _KEY),
            *(not_null(name, _MISSING) for name in ("activity_id", "occurred_at")),
            in_set("activity_type", ACTIVITY_TYPES, _KNOWN),
            between("duration_seconds", 0, None, _RANGE),
            between("talk_ratio", 0, 1, _RANGE),
            between("sentiment", -1, 1, _RANGE),
            no_rows(
                "nothing_from_later",
                f"select * from {{batch}} where recorded_at >= date '{end}'",
                columns=("recorded_at",),
                says=f"nothing was recorded after {as_of}",
                fix=_CLOCK,
            ),
            resolves("user_id", "core.dim_user", "user_id", _PARENT),
            resolves("account_id", "core.dim_account", "account_id", _PARENT),
        ),
        _table(
            "fct_touchpoint",
            unique(("touch_id",), _KEY),
            *(not_null(name, _MISSING) for name in ("touch_id", "occurred_at")),
            resolves("campaign_id", "core.dim_campaign", "campaign_id", _PARENT),
        ),
        _table(
            "fct_campaign_member",
            unique(("campaign_member_id",), _KEY),
            not_null("campaign_member_id", _MISSING),
            resolves("campaign_id", "core.dim_campaign", "campaign_id", _PARENT),
        ),
    ]


def _totals(session: GateSession, as_of: date) -> list[TableSuite]:
    """Figures that core must share with raw, and its tables with each other."""
    if not {"dim_stage", "fct_opportunity", "fct_opportunity_daily"} <= set(
        session.columns_of(LAYER)
    ):
        return []  # their own suites say that they are missing
    make_won_deals(session, as_of)
    return [
        TableSuite(
            LAYER,
            "fct_opportunity",
            "select * from (select source_system, count(*) as core_deals, "
            "cast(coalesce(sum(amount_local), 0) as decimal(18, 2)) as core_amount "
            f"from {LAYER}.fct_opportunity where is_won group by source_system) as of_core "
            "full join won_deals_of_raw using (source_system)",
            (
                no_rows(
                    "won_deals_agree_with_raw",
                    "select * from {batch} where abs(coalesce(core_deals, 0) - coalesce(deals, 0)) "
                    f"> {TOTALS_APART} * greatest(coalesce(deals, 0), coalesce(core_deals, 0)) "
                    "or abs(coalesce(core_amount, 0) - coalesce(amount_local, 0)) > "
                    f"{TOTALS_APART} * greatest(coalesce(amount_local, 0), "
                    "coalesce(core_amount, 0))",
                    columns=("is_won", "amount_local"),
                    says="each system's won deals are as many and as much as in the accepted raw "
                    f"rows, but for {TOTALS_APART:.0%}",
                    fix="Find the deals that differ: compare the latest accepted raw rows with "
                    "fct_opportunity by source_id.",
                ),
                no_rows(
                    "won_deals_equal_raw",
                    "select * from {batch} where core_deals is distinct from deals "
                    "or core_amount is distinct from amount_local",
                    columns=("is_won", "amount_local"),
                    says="each system's won deals are exactly those of the accepted raw rows",
                    fix="Small differences come from histories that the export has in part; see "
                    "which deals differ.",
                    severity="warning",
                ),
            ),
        ),
        TableSuite(
            LAYER,
            "fct_opportunity_daily",
            f"""
            select
                (select count(*) from core.fct_opportunity where is_open) - count(*) as deals_apart,
                (select coalesce(sum(amount), 0) from core.fct_opportunity where is_open)
                - coalesce(sum(amount), 0) as amount_apart
            from core.fct_opportunity_daily
            where is_open and date_day = date '{as_of}'
            """,
            tuple(
                figure(
                    name,
                    column,
                    minimum=0,
                    maximum=0,
                    columns=("date_day", "is_open"),
                    says=f"the last day has the {what} of the open deals (difference 0)",
                    fix="Rebuild fct_opportunity_daily in full; then compare the two by "
                    "opportunity_id on that day.",
                )
                for name, column, what in (
                    ("open_deals_agree", "deals_apart", "number"),
                    ("open_amount_agrees", "amount_apart", "amount"),
                )
            ),
        ),
    ]
