"""The features of the opportunity score: name, kind, and the words in which reasons name them.

Features that say the same thing in several ways share a theme; a reason is given per theme, since
boosting spreads one cause over all columns that carry it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["number", "category", "boolean"]


@dataclass(frozen=True)
class Feature:
    """One model input.

    Attributes:
        name: column in the feature frame.
        kind: how the column is read.
        theme: what a reason calls the group of features that this one belongs to.
        label: what a reason calls this feature's value.
    """

    name: str
    kind: Kind
    theme: str
    label: str


def _theme(theme: str, *features: tuple[str, Kind, str]) -> tuple[Feature, ...]:
    return tuple(Feature(name, kind, theme, label) for name, kind, label in features)


OPPORTUNITY_FEATURES: tuple[Feature, ...] = (
    *_theme(
        "Stage",
        ("stage", "category", "stage"),
        ("stage_move_count", "number", "stage changes"),
        ("stage_skip_count", "number", "stages skipped"),
        ("stage_regression_count", "number", "steps back"),
    ),
    *_theme(
        "Pace",
        ("days_in_stage", "number", "days in stage"),
        ("age_days", "number", "days since creation"),
        ("days_per_stage", "number", "days per stage passed"),
        ("days_since_any_change", "number", "days since the record last changed"),
    ),
    *_theme(
        "Close date",
        ("days_to_close_date", "number", "days to the close date"),
        ("is_overdue", "boolean", "close date has passed"),
        ("days_from_close_date_to_quarter_end", "number", "days from close date to quarter end"),
        ("days_to_quarter_end", "number", "days to quarter end"),
    ),
    *_theme(
        "Close date moves",
        ("push_count", "number", "pushes of the close date"),
        ("days_pushed", "number", "days pushed"),
        ("pull_in_count", "number", "pull-ins of the close date"),
    ),
    *_theme(
        "Amount",
        ("amount", "number", "amount"),
        ("amount_to_segment_median", "number", "amount ÷ segment median"),
    ),
    *_theme(
        "Amount changes",
        ("amount_change_ratio", "number", "amount ÷ first amount"),
        ("amount_increase_count", "number", "increases"),
        ("amount_decrease_count", "number", "decreases"),
        ("days_since_amount_change", "number", "days since the amount changed"),
    ),
    *_theme(
        "Rep's judgement",
        ("forecast_category", "category", "forecast category"),
        ("next_step_count", "number", "next steps written"),
        ("days_since_next_step", "number", "days since the next step changed"),
    ),
    *_theme(
        "Buyer engagement",
        ("inbound_7d", "number", "inbound in 7 days"),
        ("inbound_30d", "number", "inbound in 30 days"),
        ("inbound_90d", "number", "inbound in 90 days"),
        ("inbound_total", "number", "inbound in all"),
        ("inbound_share", "number", "inbound share of messages"),
        ("inbound_per_week", "number", "inbound per week of age"),
        ("days_since_inbound", "number", "days since inbound"),
        ("inbound_to_usual", "number", "e-mails from the buyer ÷ usual so far"),
        ("answered_to_usual", "number", "answered calls ÷ usual so far"),
        ("engagement_to_usual", "number", "answers and meetings ÷ usual so far"),
    ),
    *_theme(
        "Seller effort",
        ("outbound_30d", "number", "outbound in 30 days"),
        ("outbound_90d", "number", "outbound in 90 days"),
        ("outbound_total", "number", "outbound in all"),
        ("days_since_outbound", "number", "days since outbound"),
        ("calls_connected_total", "number", "calls connected"),
    ),
    *_theme(
        "Recent activity",
        ("activities_30d", "number", "activities in 30 days"),
        ("activities_90d", "number", "activities in 90 days"),
        ("activity_trend", "number", "last 30 days against the 60 before"),
        ("days_since_activity", "number", "days since any activity"),
    ),
    *_theme(
        "Meetings",
        ("meetings_30d", "number", "meetings in 30 days"),
        ("meetings_90d", "number", "meetings in 90 days"),
        ("meetings_to_usual", "number", "meetings held ÷ usual so far"),
        ("meetings_missed_total", "number", "meetings cancelled or missed"),
        ("days_since_meeting", "number", "days since a meeting"),
    ),
    *_theme(
        "Conversations",
        ("conversation_count", "number", "conversations analysed"),
        ("questions_per_hour", "number", "seller's questions per hour"),
        ("talk_ratio_mean", "number", "seller's share of talk"),
        ("sentiment_mean", "number", "sentiment"),
        ("sentiment_60d", "number", "sentiment in 60 days"),
    ),
    *_theme(
        "Follow-ups",
        ("follow_up_count", "number", "follow-ups promised"),
        ("follow_ups_done_share", "number", "share of them done"),
        ("follow_ups_overdue_count", "number", "follow-ups overdue"),
    ),
    *_theme(
        "Qualification",
        ("qualification_judged_count", "number", "elements judged"),
        ("qualification_met_count", "number", "elements met"),
        ("has_budget", "boolean", "budget confirmed"),
        ("has_authority", "boolean", "authority confirmed"),
        ("has_need", "boolean", "need confirmed"),
        ("has_timeline", "boolean", "timeline confirmed"),
    ),
    *_theme(
        "Stage evidence",
        ("evidence_count", "number", "criteria met"),
        ("stage_evidence_count", "number", "criteria of the stage met"),
        ("evidence_to_usual", "number", "criteria met ÷ usual for the owner"),
        ("owner_evidence_to_usual", "number", "owner's recorded criteria ÷ usual"),
    ),
    *_theme(
        "Competition",
        ("rival_count", "number", "competitors known"),
        ("days_since_rival", "number", "days since a competitor was named"),
    ),
    *_theme(
        "People engaged",
        ("people_total", "number", "people engaged"),
        ("people_inbound", "number", "people who wrote or called"),
        ("people_30d", "number", "people engaged in 30 days"),
        ("contact_role_count", "number", "contacts with a role"),
        ("contacts_to_usual", "number", "contacts with a role ÷ usual so far"),
        ("has_champion", "boolean", "champion named"),
        ("has_decision_maker", "boolean", "decision maker or economic buyer named"),
    ),
    *_theme(
        "Marketing touches",
        ("touches_30d", "number", "touches in 30 days"),
        ("touches_90d", "number", "touches in 90 days"),
        ("days_since_touch", "number", "days since a touch"),
    ),
    *_theme(
        "Owner",
        ("owner_win_rate", "number", "owner's win rate so far"),
        ("owner_closed_count", "number", "owner's closed deals"),
        ("owner_tenure_days", "number", "owner's days in the company"),
        ("owner_role", "category", "owner's role"),
        ("is_owner_in_region", "boolean", "owner sits in the account's region"),
        ("owner_change_count", "number", "changes of owner"),
    ),
    *_theme(
        "Account history",
        ("account_win_rate", "number", "account's win rate so far"),
        ("account_closed_count", "number", "account's closed deals"),
        ("account_won_count", "number", "account's won deals"),
    ),
    *_theme(
        "Account profile",
        ("segment", "category", "segment"),
        ("region", "category", "region"),
        ("industry", "category", "industry"),
        ("employee_count", "number", "employees"),
    ),
    *_theme(
        "Deal type",
        ("opportunity_type", "category", "type"),
        ("lead_source", "category", "lead source"),
    ),
    *_theme(
        "Lead",
        ("lead_rating", "category", "rating"),
        ("lead_days_to_convert", "number", "days to conversion"),
        ("lead_inbound_count", "number", "answers before conversion"),
        ("lead_touch_count", "number", "touches before conversion"),
    ),
    *_theme(
        "Products",
        ("line_count", "number", "product lines"),
    ),
)
