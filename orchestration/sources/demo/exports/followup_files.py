"""What the telephone and the meeting platform say about conversations: analyses and follow-ups."""

import polars as pl

from orchestration.sources.demo import followups
from orchestration.sources.demo.attention import Attention
from orchestration.sources.demo.clock import DAY, START_DAY, day_text, moment_text
from orchestration.sources.demo.exports.book import Book
from orchestration.sources.demo.exports.conversation_files import code, delayed
from orchestration.sources.demo.exports.records import dirt
from orchestration.sources.demo.identifiers import taken

_STATES = pl.Series(["open", "completed", "cancelled"])
_KINDS = pl.Series(followups.KINDS)
_TEXTS = pl.Series(
    ["Send the material that was asked for", "Find a date for the next meeting",
     "Set up a demo", "Get an introduction to the decision maker",
     "Answer the technical questions", "Work out the price", "Send the proposal",
     "Name a reference customer", "Have the contract terms checked", "Write a summary"]
)  # fmt: skip


def recordings(book: Book, attention: Attention, month: int) -> pl.DataFrame:
    """Rows of meetings/recordings: analyses of meetings that were booked in the month."""
    frame = delayed(followups.recordings(attention, month), book.seed, "meetings", "ended")
    meeting = code(frame["serial"].to_numpy(), book.seed, "meeting")
    return frame.with_columns(
        meeting_id="mtg-" + meeting,
        transcript_ref="transcripts/" + meeting,
        _ts=pl.col("analysed"),
        _day=pl.max_horizontal(pl.col("analysed") // DAY + pl.col("late"), pl.lit(START_DAY)),
    ).select(
        "meeting_id",
        pl.col("seconds").alias("duration_seconds"),
        "talk_ratio",
        pl.col("monologue").alias("longest_monologue_seconds"),
        pl.col("questions").alias("question_count"),
        "sentiment", "transcript_ref",
        moment_text("analysed", "zulu").alias("analyzed_at"),
        "_day", "_ts",
        pl.col("serial").alias("_key"),
        dirt((pl.col("late") > 0, "late_record", "analyzed_at", pl.col("late").cast(pl.String))),
    )  # fmt: skip


def call_actions(book: Book, attention: Attention, month: int) -> pl.DataFrame:
    """Rows of phone/action_items: follow-ups of the month's calls, each when it changes."""
    frame = delayed(followups.call_actions(attention, month), book.seed, "phone")
    return _action_rows(book, frame, "call_id", "call-", "call")


def meeting_actions(book: Book, attention: Attention, month: int) -> pl.DataFrame:
    """Rows of meetings/action_items: follow-ups of meetings that were booked in the month."""
    # The lateness of an export is drawn by the conversation's serial: it is that of the meeting.
    frame = delayed(followups.meeting_actions(attention, month), book.seed, "meetings", "agreed")
    return _action_rows(book, frame, "meeting_id", "mtg-", "meeting")


def _action_rows(
    book: Book, frame: pl.DataFrame, parent: str, prefix: str, purpose: str
) -> pl.DataFrame:
    """A row for the day on which the follow-up was agreed and one for that of its end.

    A follow-up reaches the export with its conversation, so never before it.
    """
    first = pl.max_horizontal(pl.col("agreed") // DAY + pl.col("late"), pl.lit(START_DAY))
    frame = frame.with_columns(
        action_id="act-" + code(frame["action"].to_numpy(), book.seed, f"{purpose} action"),
        parent=prefix + code(frame["serial"].to_numpy(), book.seed, purpose),
        kind_text=taken(_KINDS, frame["kind"].to_numpy()),
        text=taken(_TEXTS, frame["kind"].to_numpy()),
        owner_email=taken(book.user_emails, frame["owner"].to_numpy()),
        due_day=pl.col("due") // DAY,
    )
    opened = frame.with_columns(
        _ts=pl.col("agreed"), _day=first, state=pl.lit(followups.OPEN, dtype=pl.Int64)
    )
    ended = frame.with_columns(
        _ts=pl.col("ended"),
        _day=pl.max_horizontal(pl.col("ended") // DAY, first),
        state=pl.col("ending"),
    )
    rows = pl.concat([opened, ended]).sort("action", "state", maintain_order=True)
    rows = rows.unique(subset=["action", "_day"], keep="last", maintain_order=True)
    status = taken(_STATES, rows["state"].to_numpy())
    return rows.with_columns(
        status=status,
        completed=pl.when(pl.col("state") == followups.COMPLETED).then("ended"),
        arrives_late=(pl.col("late") > 0) & (pl.col("state") == followups.OPEN),
    ).select(
        "action_id",
        pl.col("parent").alias(parent),
        pl.col("kind_text").alias("kind"),
        "text", "owner_email",
        day_text("due_day").alias("due_date"),
        "status",
        moment_text("agreed", "zulu").alias("created_at"),
        moment_text("completed", "zulu").alias("completed_at"),
        moment_text("_ts", "zulu").alias("updated_at"),
        "_day", "_ts",
        (pl.col("action") * 4 + pl.col("state")).alias("_key"),
        dirt(
            (pl.col("arrives_late"), "late_record", "created_at", pl.col("late").cast(pl.String))
        ),
    )  # fmt: skip
