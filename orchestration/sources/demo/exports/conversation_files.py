"""E-mail, telephone and meeting exports.

These systems know people by address and number, not by CRM identifiers.
"""

import numpy as np
import polars as pl

from orchestration.sources.demo import conversations, correspondence
from orchestration.sources.demo import vocabulary as words
from orchestration.sources.demo.attention import Attention
from orchestration.sources.demo.clock import DAY, START_DAY
from orchestration.sources.demo.columns import lists
from orchestration.sources.demo.exports.book import Book
from orchestration.sources.demo.exports.records import dirt
from orchestration.sources.demo.identifiers import taken
from orchestration.sources.demo.rates import RATES
from orchestration.sources.demo.streams import Array, Ints, chance, scrambled

_OFFSETS = ("+05:30", "-05:00", "+01:00", "+09:00", "-03:00", "+10:00")
_OFFSET_SECONDS = np.array([19_800, -18_000, 3_600, 32_400, -10_800, 36_000])
_ZONES = pl.Series(_OFFSETS)
_DISPOSITIONS = pl.Series(["connected", "voicemail", "no_answer", "busy"])
_PLATFORMS = pl.Series(["zoom", "teams", "meet"])
_MEETING_STATES = pl.Series(["held", "cancelled", "no_show"])
_MEETING_TITLES = pl.Series(words.MEETING_TITLES)
_ANSWERS = pl.Series(["accepted", "tentative", "needsAction"])
_STRANGERS = pl.Series(
    ["news@saasweekly.example", "events@fieldfair.example", "billing@cloudhost.example",
     "recruiting@peoplefirst.example", "friend@homemail.example", "press@tradepaper.example",
     "info@localcatering.example", "sales@otherteam.example"]
)  # fmt: skip
# By topic: stages, from 10 on the step of a sequence, 20 customers, 30 strangers.
_SUBJECTS = pl.Series(
    [*(s.replace("{company}", "Tessera") for s in words.EMAIL_SUBJECTS), "", "", "", "",
     *words.SEQUENCE_SUBJECTS, *(["Account review"] * 16), "Hello"]
)  # fmt: skip


def delayed(frame: pl.DataFrame, seed: int, system: str, moment: str = "moment") -> pl.DataFrame:
    """Adds `_ts`, `_day`, `late` (days): a few records arrive 3 to 20 days after they happened."""
    serial = frame["serial"].to_numpy()
    is_late = chance(serial, seed, f"{system} late") < RATES["late_activity"]
    days = 3 + (18 * chance(serial, seed, f"{system} days late")).astype(np.int64)
    late = np.where(is_late, days, 0)
    day = pl.max_horizontal(pl.col(moment) // DAY + pl.Series(late), pl.lit(START_DAY))
    return frame.with_columns(late=pl.Series(late), _ts=pl.col(moment), _day=day)


def zoned(frame: pl.DataFrame, columns: list[str], seed: int, system: str) -> pl.DataFrame:
    """Moments as ISO text in UTC, in some rows with another offset; adds `zoned` (bool)."""
    serial = frame["serial"].to_numpy()
    odd = chance(serial, seed, f"{system} zone") < RATES["mixed_time_zone"]
    place = (scrambled(serial, seed, "offset") % len(_OFFSETS)).astype(np.int64)
    suffix = taken(_ZONES, place)
    shift = pl.Series(np.where(odd, _OFFSET_SECONDS[place], 0))
    texts = {
        column: pl.from_epoch(pl.col(column) + shift, time_unit="s").dt.to_string(
            "%Y-%m-%dT%H:%M:%S"
        )
        + pl.when(pl.Series(odd)).then(suffix).otherwise(pl.lit("+00:00"))
        for column in columns
    }
    renamed = [text.alias(f"{column}_text") for column, text in texts.items()]
    return frame.with_columns(*renamed, zoned=pl.Series(odd))


def code(numbers: Array, seed: int, purpose: str) -> pl.Series:
    """Opaque decimal identifiers of serial numbers."""
    return pl.Series(scrambled(numbers, seed, purpose)).cast(pl.String)


def person_addresses(book: Book, contact: Ints, lead: Ints) -> pl.Series:
    """Addresses of the contact or the lead of each row, null where there is neither."""
    frame = pl.DataFrame(
        {"c": taken(book.contact_emails, contact), "l": taken(book.lead_emails, lead)}
    )
    return frame.select(pl.coalesce("c", "l")).to_series()


def messages(book: Book, attention: Attention, month: int) -> pl.DataFrame:
    """The month's rows of email/messages."""
    frame = delayed(correspondence.emails(attention, month), book.seed, "email")
    frame = _threaded(zoned(frame, ["moment"], book.seed, "email"), book.seed)
    serial = frame["serial"].to_numpy()
    contact, lead = frame["contact"].to_numpy(), frame["lead"].to_numpy()
    stranger = taken(_STRANGERS, (scrambled(serial, book.seed, "stranger") % 8).astype(np.int64))
    topic = frame["topic"].to_numpy()
    chars = (40 + 900 * chance(serial, book.seed, "length") ** 2).astype(np.int64)
    return frame.with_columns(
        message_id="<" + code(serial, book.seed, "message") + "@mail.tessera.example>",
        mailbox=taken(book.user_emails, frame["user"].to_numpy()),
        person=person_addresses(book, contact, lead),
        stranger=stranger,
        copy=taken(book.contact_emails, frame["copied"].to_numpy()),
        subject=taken(_SUBJECTS, np.clip(topic, 0, 30)),
        chars=pl.Series(chars),
    ).with_columns(other=pl.coalesce("person", "stranger")).select(
        "message_id", "thread_id", "mailbox",
        pl.when("inbound").then(pl.lit("inbound")).otherwise(pl.lit("outbound")).alias("direction"),
        pl.when("inbound").then("other").otherwise("mailbox").alias("from_address"),
        pl.when("inbound").then("mailbox").otherwise("other").alias("to_addresses"),
        pl.col("copy").alias("cc_addresses"),
        pl.when(pl.col("in_reply_to").is_not_null())
        .then("Re: " + pl.col("subject"))
        .otherwise("subject")
        .alias("subject"),
        pl.col("moment_text").alias("sent_at"),
        pl.col("automated").alias("is_automated"),
        pl.when("automated")
        .then("seq-" + (1 + pl.col("lead") % 6).cast(pl.String))
        .alias("sequence_id"),
        "in_reply_to",
        pl.col("chars").alias("snippet_chars"),
        "_day", "_ts",
        pl.col("serial").alias("_key"),
        dirt(
            (pl.col("late") > 0, "late_record", "sent_at", pl.col("late").cast(pl.String)),
            (pl.col("zoned"), "mixed_time_zone", "sent_at", pl.col("moment_text").str.slice(-6)),
        ),
    )  # fmt: skip


def _threaded(frame: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Adds thread_id (same person, same subject, same week) and in_reply_to."""
    person = pl.when(pl.col("contact") >= 0).then(pl.col("contact")).otherwise(-2 - pl.col("lead"))
    lone = (pl.col("contact") < 0) & (pl.col("lead") < 0)
    frame = frame.with_columns(
        thread=pl.when(lone)
        .then(pl.col("serial"))
        .otherwise(
            ((person * 40 + pl.col("topic") % 40) * 4_096 + pl.col("moment") // (7 * DAY)) * 2
        )
    ).sort("thread", "moment", "serial")
    before = code(frame["serial"].to_numpy(), seed, "message")
    frame = frame.with_columns(
        thread_id="t-" + code(frame["thread"].to_numpy(), seed, "thread"), own=before
    )
    earlier = pl.col("own").shift(1)
    follows = (pl.col("thread") == pl.col("thread").shift(1)) & ~pl.col("automated")
    return frame.with_columns(
        in_reply_to=pl.when(follows).then("<" + earlier + "@mail.tessera.example>")
    )


def calls(book: Book, attention: Attention, month: int) -> pl.DataFrame:
    """The month's rows of phone/calls."""
    frame = delayed(conversations.calls(attention, month), book.seed, "phone")
    frame = frame.with_columns(ended=pl.col("moment") + pl.col("seconds"))
    frame = zoned(frame, ["moment", "ended"], book.seed, "phone")
    serial, user = frame["serial"].to_numpy(), frame["user"].to_numpy()
    contact, lead = frame["contact"].to_numpy(), frame["lead"].to_numpy()
    unnamed = pl.Series(chance(serial, book.seed, "unnamed caller") < 0.12)
    region = np.array(book.company.users.region)[user]
    desk = book.phones(np.array([0, 3, 9])[region], 70_000_000 + user)
    numbers = pl.DataFrame(
        {"c": taken(book.contact_phones, contact), "l": taken(book.lead_phones, lead)}
    )
    call_id = "call-" + code(serial, book.seed, "call")
    return frame.with_columns(
        call_id=call_id,
        user_email=taken(book.user_emails, user),
        desk=desk,
        theirs=numbers.select(pl.coalesce("c", "l")).to_series(),
        address=person_addresses(book, contact, lead),
        unnamed=unnamed,
        disposition=taken(
            _DISPOSITIONS,
            frame["disposition"].to_numpy(),
        ),
    ).select(
        "call_id", "user_email",
        pl.when("inbound").then(pl.lit("inbound")).otherwise(pl.lit("outbound")).alias("direction"),
        pl.when("inbound").then("theirs").otherwise("desk").alias("from_number"),
        pl.when("inbound").then("desk").otherwise("theirs").alias("to_number"),
        pl.when(~pl.col("unnamed")).then("address").alias("contact_email"),
        pl.col("moment_text").alias("started_at"),
        pl.col("ended_text").alias("ended_at"),
        pl.col("seconds").alias("duration_seconds"),
        "disposition",
        pl.col("talk_ratio").fill_nan(None),
        pl.col("monologue").fill_nan(None).cast(pl.Int64).alias("longest_monologue_seconds"),
        pl.col("questions").fill_nan(None).cast(pl.Int64).alias("question_count"),
        pl.col("sentiment").fill_nan(None),
        pl.when(pl.col("disposition") == "connected")
        .then("https://calls.tessera.example/recordings/" + pl.col("call_id"))
        .alias("recording_url"),
        "_day", "_ts",
        pl.col("serial").alias("_key"),
        dirt(
            (pl.col("late") > 0, "late_record", "started_at", pl.col("late").cast(pl.String)),
            (pl.col("zoned"), "mixed_time_zone", "started_at", pl.col("moment_text").str.slice(-6)),
        ),
    )  # fmt: skip


def meetings(book: Book, attention: Attention, month: int) -> pl.DataFrame:
    """Rows of meetings/meetings that were booked in the month.

    A meeting is exported once: on the day on which it ends or, if the deal closes before, is
    cancelled.
    """
    frame = conversations.meetings(attention, month).with_columns(
        end=pl.col("moment") + pl.col("minutes") * 60
    )
    frame = delayed(frame, book.seed, "meetings", "ended")
    frame = zoned(frame, ["moment", "end", "booked"], book.seed, "meetings")
    serial = frame["serial"].to_numpy()

    attendees = _attendees(book, frame)
    platform = taken(
        _PLATFORMS,
        (scrambled(serial, book.seed, "platform") % 3).astype(np.int64),
    )
    return frame.with_columns(
        meeting_id="mtg-" + code(serial, book.seed, "meeting"),
        organizer_email=taken(book.user_emails, frame["user"].to_numpy()),
        attendees=attendees,
        title=taken(_MEETING_TITLES, frame["stage"].to_numpy()),
        status_text=taken(_MEETING_STATES, frame["status"].to_numpy()),
        platform=platform,
    ).select(
        "meeting_id", "organizer_email", "attendees", "title",
        pl.col("moment_text").alias("start_at"),
        pl.col("end_text").alias("end_at"),
        pl.col("status_text").alias("status"),
        "platform",
        pl.col("booked_text").alias("created_at"),
        "_day", "_ts",
        pl.col("serial").alias("_key"),
        dirt(
            (pl.col("late") > 0, "late_record", "end_at", pl.col("late").cast(pl.String)),
            (pl.col("zoned"), "mixed_time_zone", "start_at", pl.col("moment_text").str.slice(-6)),
        ),
    )  # fmt: skip


def _attendees(book: Book, frame: pl.DataFrame) -> pl.Series:
    """Lists of attendees: organiser, engineer and up to three people of the customer."""
    columns = ("user", "engineer", "contact", "second", "third")
    who = np.stack([frame[column].to_numpy() for column in columns], axis=1)
    row, place = np.nonzero(who >= 0)
    number = who[row, place]
    external = place >= 2
    inner = taken(book.user_emails, np.where(external, -1, number))
    outer = taken(book.contact_emails, np.where(external, number, -1))
    draw = chance(frame["serial"].to_numpy()[row] * 8 + place, book.seed, "answer")
    answers = taken(_ANSWERS, np.digitize(draw, [0.78, 0.9]))
    guests = pl.DataFrame(
        {"inner": inner, "outer": outer, "response": answers, "is_external": external}
    ).select(pl.struct(pl.coalesce("inner", "outer").alias("email"), "response", "is_external"))
    return lists(guests.to_series(), (who >= 0).sum(axis=1))
