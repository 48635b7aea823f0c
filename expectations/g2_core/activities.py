"""What is expected of activities, conversations, touches, mailings and campaign members."""

from __future__ import annotations

from datetime import date, timedelta

from expectations.g2_core.vocabulary import (
    ACTIVITY_TYPES,
    FIX_CLOCK,
    FIX_KEY,
    FIX_KNOWN,
    FIX_MISSING,
    FIX_PARENT,
    FIX_RANGE,
    table,
)
from expectations.suites import TableSuite, between, in_set, no_rows, not_null, resolves, unique


def activities(as_of: date) -> list[TableSuite]:
    """The suites of what people did."""
    end = as_of + timedelta(days=1)
    return [
        table(
            "fct_activity",
            unique(("activity_id",), FIX_KEY),
            *(not_null(name, FIX_MISSING) for name in ("activity_id", "occurred_at")),
            in_set("activity_type", ACTIVITY_TYPES, FIX_KNOWN),
            between("duration_seconds", 0, None, FIX_RANGE),
            between("talk_ratio", 0, 1, FIX_RANGE),
            between("sentiment", -1, 1, FIX_RANGE),
            no_rows(
                "nothing_from_later",
                f"select * from {{batch}} where recorded_at >= date '{end}'",
                columns=("recorded_at",),
                says=f"nothing was recorded after {as_of}",
                fix=FIX_CLOCK,
            ),
            resolves("user_id", "core.dim_user", "user_id", FIX_PARENT),
            resolves("account_id", "core.dim_account", "account_id", FIX_PARENT),
        ),
        table(
            "fct_conversation",
            unique(("activity_id",), FIX_KEY),
            between("talk_ratio", 0, 1, FIX_RANGE),
            between("sentiment", -1, 1, FIX_RANGE),
            between("questions_per_hour", 0, None, FIX_RANGE),
            resolves("activity_id", "core.fct_activity", "activity_id", FIX_PARENT),
        ),
        table(
            "fct_conversation_action",
            unique(("action_id",), FIX_KEY),
            in_set("status", ("open", "completed", "cancelled"), FIX_KNOWN),
            between("days_to_complete", 0, None, FIX_RANGE),
            resolves("activity_id", "core.fct_activity", "activity_id", FIX_PARENT),
            resolves("owner_user_id", "core.dim_user", "user_id", FIX_PARENT),
        ),
        table(
            "fct_email_event",
            unique(("email_event_id",), FIX_KEY),
            *(not_null(name, FIX_MISSING) for name in ("email_event_id", "occurred_at")),
            resolves("campaign_id", "core.dim_campaign", "campaign_id", FIX_PARENT),
            resolves("channel", "core.dim_channel", "channel", FIX_PARENT),
        ),
        table(
            "fct_touchpoint",
            unique(("touch_id",), FIX_KEY),
            *(not_null(name, FIX_MISSING) for name in ("touch_id", "occurred_at")),
            resolves("campaign_id", "core.dim_campaign", "campaign_id", FIX_PARENT),
        ),
        table(
            "fct_campaign_member",
            unique(("campaign_member_id",), FIX_KEY),
            not_null("campaign_member_id", FIX_MISSING),
            resolves("campaign_id", "core.dim_campaign", "campaign_id", FIX_PARENT),
        ),
    ]
