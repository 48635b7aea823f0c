"""What is expected of the rows of a HubSpot marketing export."""

from __future__ import annotations

from expectations import row_rules as rule
from expectations.g1_raw.objects import RawObject

EMAIL_EVENT_TYPES = (
    "SENT",
    "DELIVERED",
    "OPEN",
    "CLICK",
    "BOUNCE",
    "UNSUBSCRIBED",
    "DEFERRED",
    "DROPPED",
    "FORWARD",
    "PRINT",
    "PROCESSED",
    "SPAMREPORT",
    "STATUSCHANGE",
    "SUPPRESSED",
)

OBJECTS: tuple[RawObject, ...] = (
    RawObject(
        name="contacts",
        key="id",
        rules=(
            rule.key("id"),
            rule.timestamp("createdAt", required=True, epoch=True),
            rule.timestamp("updatedAt", required=True, epoch=True),
            rule.json("properties"),
            rule.email("properties", key="email"),
        ),
        required=("id", "createdAt", "updatedAt", "properties"),
        versioned_by="updatedAt",
        recorded_at="updatedAt",
    ),
    RawObject(
        name="email_events",
        key="id",
        rules=(
            rule.key("id"),
            rule.present("type", "export what kind of event it is"),
            rule.one_of("type", EMAIL_EVENT_TYPES),
            rule.timestamp("created", required=True, epoch=True),
            rule.present("recipient", "export whom the e-mail went to", severity="warning"),
            rule.email("recipient"),
        ),
        required=("id", "type", "created"),
        recorded_at="created",
    ),
    RawObject(
        name="form_submissions",
        key="conversionId",
        rules=(
            rule.key("conversionId"),
            rule.timestamp("submittedAt", required=True, epoch=True),
            rule.present("email", "export who submitted the form", severity="warning"),
            rule.email("email"),
            rule.json("values", severity="warning"),
        ),
        required=("conversionId", "submittedAt"),
        recorded_at="submittedAt",
    ),
    RawObject(
        name="page_views",
        key="id",
        rules=(
            rule.key("id"),
            rule.timestamp("occurred_at", required=True, epoch=True),
            rule.email("contact_email"),
        ),
        required=("id", "occurred_at"),
        recorded_at="occurred_at",
    ),
)
