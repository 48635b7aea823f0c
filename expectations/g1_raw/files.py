"""What is expected of exports that a `source.yml` maps to the canonical objects."""

from __future__ import annotations

from expectations import row_rules as rule
from expectations.g1_raw.objects import CURRENCY_LIST, RawObject
from expectations.row_rules import RowRule

STAGE_MAP = "the stages of source.yml"
CLOSED_STAGES = "closed_stages"
"""Temporary table (column `value`) with the stages, in lower case, that end a deal."""


_CREATED = rule.timestamp("created_at")
_MODIFIED = rule.timestamp("modified_at")
_RECORDED = rule.timestamp("recorded_at")


def _object(name: str, *rules: RowRule, required: tuple[str, ...] = ()) -> RawObject:
    """A canonical object; an export may come again in full, so its day tells versions apart."""
    return RawObject(
        name=name,
        key="source_id",
        rules=(rule.key("source_id"), *rules),
        required=("source_id", *required),
        versioned_by="exported_on",
    )


def _record(name: str, *rules: RowRule, required: tuple[str, ...] = ()) -> RawObject:
    """An object whose records are created and changed; exports need not say when."""
    return _object(name, _CREATED, _MODIFIED, *rules, required=required)


_CLOSED_WITHOUT_DATE = RowRule(
    name="closed_on_given",
    columns=("source_stage", "close_date"),
    fails_when=f"close_date is null and lower(source_stage) in (select value from {CLOSED_STAGES})",
    reason="'close_date is missing on a closed deal: export the day on which it was closed'",
    says="close_date is given on every closed deal",
    fix="Export the day on which the deal was closed.",
)

OBJECTS: tuple[RawObject, ...] = (
    _record(
        "users",
        rule.email("email"),
        rule.day("hired_on", severity="warning"),
        rule.day("left_on", severity="warning"),
    ),
    _object("territories", _MODIFIED),
    _record("products", rule.number("list_price", minimum=0, severity="warning")),
    _record(
        "accounts",
        rule.size("employee_count"),
        rule.number("annual_revenue", minimum=0, severity="warning"),
    ),
    _record(
        "contacts",
        rule.email("email"),
        rule.child_of("account_id", "accounts", required=False, severity="warning"),
    ),
    _record(
        "leads",
        rule.email("email"),
        rule.timestamp("converted_at", severity="warning"),
    ),
    _record(
        "campaigns",
        rule.day("start_date", severity="warning"),
        rule.day("end_date", severity="warning"),
    ),
    _record(
        "campaign_members",
        rule.child_of("campaign_id", "campaigns", if_any=True),
        rule.child_of("lead_id", "leads", required=False, severity="warning"),
        rule.child_of("contact_id", "contacts", required=False, severity="warning"),
        required=("campaign_id",),
    ),
    _record(
        "opportunities",
        rule.present("source_stage", "map the column with the stage in source.yml"),
        rule.stage("source_stage", STAGE_MAP),
        rule.day("close_date"),
        _CLOSED_WITHOUT_DATE,
        rule.timestamp("closed_at"),
        rule.number("amount", minimum=0),
        rule.number("probability", minimum=0, maximum=100),
        rule.currency("currency_code", CURRENCY_LIST),
        rule.child_of("account_id", "accounts", required=False, severity="warning"),
        rule.in_order("created_at", "close_date", severity="warning"),
        required=("source_stage",),
    ),
    _object(
        "opportunity_changes",
        rule.child_of("opportunity_id", "opportunities"),
        rule.present("field", "map the column with the changed field in source.yml"),
        rule.timestamp("changed_at", required=True),
        _RECORDED,
        rule.stage("new_value", STAGE_MAP, when="field = 'stage'"),
        rule.number("new_value", minimum=0, when="field in ('amount', 'amount_local')"),
        required=("opportunity_id", "field", "changed_at"),
    ),
    _record(
        "opportunity_lines",
        rule.child_of("opportunity_id", "opportunities"),
        rule.number("quantity", above=0),
        rule.number("unit_price", minimum=0),
        rule.number("amount", minimum=0),
        rule.currency("currency_code", CURRENCY_LIST),
        rule.child_of("product_id", "products", required=False, severity="warning"),
        required=("opportunity_id",),
    ),
    _record(
        "opportunity_contacts",
        rule.child_of("opportunity_id", "opportunities"),
        rule.present("contact_id", "say which contact has the role"),
        required=("opportunity_id", "contact_id"),
    ),
    _record(
        "opportunity_splits",
        rule.child_of("opportunity_id", "opportunities"),
        rule.present("user_id", "say who gets the credit", severity="warning"),
        rule.number("split_percentage", minimum=0, maximum=100, required=True),
        required=("opportunity_id", "split_percentage"),
    ),
    _object(
        "account_territories",
        _MODIFIED,
        rule.child_of("account_id", "accounts"),
        rule.child_of("territory_id", "territories"),
        rule.timestamp("valid_from"),
        rule.timestamp("valid_to"),
        rule.in_order("valid_from", "valid_to"),
        required=("account_id", "territory_id"),
    ),
    _object(
        "forecast_submissions",
        rule.timestamp("submitted_at", required=True),
        _MODIFIED,
        rule.present("submitter_user_id", "say who submitted the call"),
        rule.day("period_start", required=True),
        rule.day("period_end"),
        rule.present("forecast_category", "say which category is called"),
        rule.number("amount", required=True),
        rule.currency("currency_code", CURRENCY_LIST),
        required=(
            "submitter_user_id",
            "period_start",
            "forecast_category",
            "amount",
            "submitted_at",
        ),
    ),
    _object(
        "quotas",
        _MODIFIED,
        rule.present("user_id", "say whose quota it is"),
        rule.day("period_start", required=True),
        rule.number("amount", minimum=0, required=True),
        rule.currency("currency_code", CURRENCY_LIST),
        required=("user_id", "period_start", "amount"),
    ),
    RawObject(
        name="fx_rates",
        key="currency_code",
        rules=(
            rule.currency("currency_code", CURRENCY_LIST, required=True),
            rule.day("valid_from", required=True),
            rule.number("rate_to_corporate", above=0, required=True),
        ),
        required=("currency_code", "valid_from", "rate_to_corporate"),
        versioned_by="valid_from",
    ),
    _object(
        "activities",
        rule.timestamp("occurred_at", required=True),
        _RECORDED,
        rule.number("duration_seconds", minimum=0),
        rule.email("person_email"),
        rule.email("user_email"),
        required=("occurred_at",),
    ),
    _object(
        "touches",
        rule.timestamp("occurred_at", required=True),
        _RECORDED,
        rule.email("person_email"),
        required=("occurred_at",),
    ),
)
