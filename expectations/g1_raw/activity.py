"""What is expected of the rows of e-mail, telephone and meeting exports.

Parents stand before their children.
"""

from __future__ import annotations

from expectations import row_rules as rule
from expectations.g1_raw.objects import RawObject

ACTION_KINDS = (
    "send_information",
    "schedule_meeting",
    "schedule_demo",
    "intro_decision_maker",
    "technical_answer",
    "pricing",
    "send_proposal",
    "reference",
    "legal",
    "other",
)


def _action_items(parent: str, column: str) -> RawObject:
    """Follow-ups that were agreed in a conversation of the object `parent`."""
    return RawObject(
        name="action_items",
        key="action_id",
        rules=(
            rule.key("action_id"),
            rule.child_of(column, parent, severity="warning"),
            rule.timestamp("created_at", required=True),
            rule.timestamp("updated_at", required=True),
            rule.timestamp("completed_at"),
            rule.in_order("created_at", "updated_at"),
            rule.in_order("created_at", "completed_at"),
            rule.day("due_date", severity="warning"),
            rule.present("status", "export whether it is open, completed or cancelled"),
            rule.one_of("status", ("open", "completed", "cancelled")),
            rule.one_of("kind", ACTION_KINDS, severity="warning"),
            rule.email("owner_email"),
        ),
        required=("action_id", column, "created_at", "updated_at", "status"),
        versioned_by="updated_at",
        recorded_at="updated_at",
    )


EMAIL: tuple[RawObject, ...] = (
    RawObject(
        name="messages",
        key="message_id",
        rules=(
            rule.key("message_id"),
            rule.timestamp("sent_at", required=True),
            rule.one_of("direction", ("inbound", "outbound", "internal")),
            rule.present("mailbox", "export whose mailbox it was in", severity="warning"),
            rule.email("mailbox"),
            rule.email("from_address"),
        ),
        required=("message_id", "sent_at", "mailbox"),
        recorded_at="sent_at",
    ),
)

PHONE: tuple[RawObject, ...] = (
    RawObject(
        name="calls",
        key="call_id",
        rules=(
            rule.key("call_id"),
            rule.timestamp("started_at", required=True),
            rule.timestamp("ended_at", severity="warning"),
            rule.in_order("started_at", "ended_at"),
            rule.number("duration_seconds", minimum=0),
            rule.one_of("direction", ("inbound", "outbound", "internal")),
            rule.one_of(
                "disposition", ("connected", "voicemail", "no_answer", "busy"), severity="warning"
            ),
            rule.number("talk_ratio", minimum=0, maximum=1),
            rule.number("sentiment", minimum=-1, maximum=1),
            rule.number("longest_monologue_seconds", minimum=0),
            rule.number("question_count", minimum=0),
            rule.email("user_email"),
            rule.email("contact_email"),
        ),
        required=("call_id", "started_at"),
        recorded_at="started_at",
    ),
    _action_items("calls", "call_id"),
)

MEETINGS: tuple[RawObject, ...] = (
    RawObject(
        name="meetings",
        key="meeting_id",
        rules=(
            rule.key("meeting_id"),
            rule.timestamp("start_at", required=True),
            rule.timestamp("end_at", severity="warning"),
            rule.in_order("start_at", "end_at"),
            rule.timestamp("created_at", severity="warning"),
            rule.json("attendees"),
            rule.one_of("status", ("held", "cancelled", "no_show"), severity="warning"),
            rule.email("organizer_email"),
        ),
        required=("meeting_id", "start_at"),
        recorded_at="start_at",
    ),
    RawObject(
        name="recordings",
        key="meeting_id",
        rules=(
            rule.key("meeting_id"),
            rule.child_of("meeting_id", "meetings", severity="warning"),
            rule.timestamp("analyzed_at", required=True),
            rule.number("duration_seconds", minimum=0),
            rule.number("talk_ratio", minimum=0, maximum=1),
            rule.number("sentiment", minimum=-1, maximum=1),
            rule.number("longest_monologue_seconds", minimum=0),
            rule.number("question_count", minimum=0),
        ),
        required=("meeting_id", "analyzed_at"),
        recorded_at="analyzed_at",
    ),
    _action_items("meetings", "meeting_id"),
)
