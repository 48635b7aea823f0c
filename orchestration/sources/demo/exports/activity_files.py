"""E-mail, telephone and meeting exports, and Salesforce Task and Event: a month at a time.

These systems know people by address and number, not by CRM identifiers; only Task and Event carry
WhoId and WhatId.
"""

import numpy as np
import polars as pl

from orchestration.sources.demo import vocabulary as words
from orchestration.sources.demo.activity import Activity
from orchestration.sources.demo.clock import DAY, START_DAY, moment_text
from orchestration.sources.demo.columns import lists
from orchestration.sources.demo.exports.book import Book, dirt
from orchestration.sources.demo.exports.crm_deals import account_ids
from orchestration.sources.demo.identifiers import taken
from orchestration.sources.demo.rates import RATES
from orchestration.sources.demo.streams import Array, Ints, chance, every, scrambled

_OFFSETS = ("+05:30", "-05:00", "+01:00", "+09:00", "-03:00", "+10:00")
_OFFSET_SECONDS = np.array([19_800, -18_000, 3_600, 32_400, -10_800, 36_000])
_STRANGERS = pl.Series(
    ["news@saasweekly.example", "events@fieldfair.example", "billing@cloudhost.example",
     "recruiting@peoplefirst.example", "friend@homemail.example", "press@tradepaper.example",
     "info@localcatering.example", "sales@otherteam.example"]
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
    suffix = taken(pl.Series(_OFFSETS), place)
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


def messages(book: Book, activity: Activity, month: int) -> pl.DataFrame:
    """The month's rows of email/messages."""
    frame = delayed(activity.emails(month), book.seed, "email")
    frame = _threaded(zoned(frame, ["moment"], book.seed, "email"), book.seed)
    serial = frame["serial"].to_numpy()
    contact, lead = frame["contact"].to_numpy(), frame["lead"].to_numpy()
    stranger = taken(_STRANGERS, (scrambled(serial, book.seed, "stranger") % 8).astype(np.int64))
    topic = frame["topic"].to_numpy()
    subjects = pl.Series(
        [*(s.replace("{company}", "Tessera") for s in words.EMAIL_SUBJECTS), "", "", "", "",
         *words.SEQUENCE_SUBJECTS, *(["Account review"] * 16), "Hello"]
    )  # fmt: skip
    chars = (40 + 900 * chance(serial, book.seed, "length") ** 2).astype(np.int64)
    return frame.with_columns(
        message_id="<" + code(serial, book.seed, "message") + "@mail.tessera.example>",
        mailbox=taken(book.user_emails, frame["user"].to_numpy()),
        person=person_addresses(book, contact, lead),
        stranger=stranger,
        copy=taken(book.contact_emails, frame["copied"].to_numpy()),
        subject=taken(subjects, np.clip(topic, 0, 30)),
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


def calls(book: Book, activity: Activity, month: int) -> pl.DataFrame:
    """The month's rows of phone/calls."""
    frame = delayed(activity.calls(month), book.seed, "phone")
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
            pl.Series(["connected", "voicemail", "no_answer", "busy"]),
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


def meetings(book: Book, activity: Activity, month: int) -> pl.DataFrame:
    """Rows of meetings/meetings that were booked in the month.

    A meeting is exported once: on the day on which it ends or, if the deal closes before, is
    cancelled.
    """
    frame = activity.meetings(month).with_columns(end=pl.col("moment") + pl.col("minutes") * 60)
    frame = delayed(frame, book.seed, "meetings", "ended")
    frame = zoned(frame, ["moment", "end", "booked"], book.seed, "meetings")
    serial = frame["serial"].to_numpy()

    attendees = _attendees(book, frame)
    platform = taken(
        pl.Series(["zoom", "teams", "meet"]),
        (scrambled(serial, book.seed, "platform") % 3).astype(np.int64),
    )
    return frame.with_columns(
        meeting_id="mtg-" + code(serial, book.seed, "meeting"),
        organizer_email=taken(book.user_emails, frame["user"].to_numpy()),
        attendees=attendees,
        title=taken(pl.Series(words.MEETING_TITLES), frame["stage"].to_numpy()),
        status_text=taken(pl.Series(["held", "cancelled", "no_show"]), frame["status"].to_numpy()),
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
    answers = taken(
        pl.Series(["accepted", "tentative", "needsAction"]), np.digitize(draw, [0.78, 0.9])
    )
    guests = pl.DataFrame(
        {"inner": inner, "outer": outer, "response": answers, "is_external": external}
    ).select(pl.struct(pl.coalesce("inner", "outer").alias("email"), "response", "is_external"))
    return lists(guests.to_series(), (who >= 0).sum(axis=1))


def tasks(book: Book, activity: Activity, month: int) -> pl.DataFrame:
    """Rows of salesforce/Task entered in the month: most when done, a quarter two days ahead."""
    frame = activity.tasks(month)
    serial = frame["serial"].to_numpy()
    wrong = every(serial, RATES["malformed_task_date"], 1)
    late = np.where(
        chance(serial, book.seed, "task late") < RATES["late_task"],
        3 + (18 * chance(serial, book.seed, "task days late")).astype(np.int64),
        0,
    )
    gone = every(serial, RATES["deleted_task"], 2) & (late == 0) & ~wrong
    planned = (chance(serial, book.seed, "task planned") < 0.25) & (late == 0) & ~gone
    wait = pl.Series(planned.astype(np.int64)) * 2 * DAY
    done = frame.with_columns(
        created=pl.col("moment") + pl.Series(late) * DAY,
        changed=pl.col("moment") + pl.Series(late) * DAY + wait,
        moment=pl.col("moment") + wait,
        late=pl.Series(late), wrong=pl.Series(wrong), done=pl.lit(True), gone=pl.lit(False),
    )  # fmt: skip
    plans = done.filter(pl.Series(planned)).with_columns(
        changed=pl.col("created"), done=pl.lit(False)
    )
    removed = done.filter(pl.Series(gone)).with_columns(
        changed=pl.col("changed") + (1 + pl.col("serial") % 12) * DAY, gone=pl.lit(True)
    )
    # A plan whose deal closes before stays a plan.
    done = done.filter(pl.Series(~planned) | (pl.col("moment") < pl.col("over")))
    rows = pl.concat([done, plans, removed]).with_columns(
        _ts=pl.col("changed"), _day=pl.max_horizontal(pl.col("changed") // DAY, pl.lit(START_DAY))
    )
    rows = rows.sort("serial", "changed", maintain_order=True).unique(
        subset=["serial", "_day"], keep="last", maintain_order=True
    )
    return _task_rows(book, rows)


def _task_rows(book: Book, rows: pl.DataFrame) -> pl.DataFrame:
    deal, lead = rows["opportunity"].to_numpy(), rows["lead"].to_numpy()
    user = rows["user"].to_numpy()
    due = pl.from_epoch("moment", time_unit="s").dt.to_string("%Y-%m-%d")
    topic = rows["topic"].to_numpy()
    account = account_ids(book, np.maximum(deal, 0), rows["_ts"].to_numpy())
    subjects = ["Research", "Prepare call", "Send summary", "Demo follow-up", "Send proposal",
                "Chase contract", *([""] * 4), "BANT", *([""] * 9), "Lead follow-up"]  # fmt: skip
    subject, note = _bant_text(book, rows)
    plain = taken(pl.Series(subjects), topic)
    is_bant = pl.Series(topic == 10)
    who = pl.DataFrame(
        {"c": taken(book.contact_ids, rows["contact"].to_numpy()), "l": taken(book.lead_ids, lead)}
    )
    return rows.with_columns(
        Id=book.ids("Task", rows["serial"].to_numpy()),
        WhoId=who.select(pl.coalesce("c", "l")).to_series(),
        WhatId=taken(book.opportunity_ids, deal),
        AccountId=pl.select(pl.when(pl.Series(deal >= 0)).then(account)).to_series(),
        Subject=pl.select(pl.when(is_bant).then(subject).otherwise(plain)).to_series(),
        Description=pl.select(pl.when(is_bant).then(note)).to_series(),
        OwnerId=taken(book.user_ids, user),
        due=pl.when("wrong").then(pl.lit("31/02/2026")).otherwise(due),
    ).select(
        "Id", "WhoId", "WhatId", "Subject",
        pl.col("due").alias("ActivityDate"),
        pl.when("done").then(pl.lit("Completed")).otherwise(pl.lit("Not Started")).alias("Status"),
        pl.lit("Normal").alias("Priority"),
        "OwnerId", "Description",
        pl.col("gone").alias("IsDeleted"),
        "AccountId",
        pl.col("done").alias("IsClosed"),
        moment_text("created", "salesforce").alias("CreatedDate"),
        pl.col("OwnerId").alias("CreatedById"),
        moment_text("changed", "salesforce").alias("LastModifiedDate"),
        pl.col("OwnerId").alias("LastModifiedById"),
        moment_text("changed", "salesforce").alias("SystemModstamp"),
        pl.lit("Task").alias("TaskSubtype"),
        pl.when("done").then(moment_text("moment", "salesforce")).alias("CompletedDateTime"),
        "_day", "_ts",
        (pl.col("serial") * 3 + pl.col("done") + pl.col("gone")).alias("_key"),
        dirt(
            (pl.col("late") > 0, "late_record", "ActivityDate", pl.col("late").cast(pl.String)),
            (pl.col("wrong"), "malformed_date", "ActivityDate", "31/02/2026"),
            (pl.col("gone"), "deleted_record", "IsDeleted", ""),
        ),
    )  # fmt: skip


def _bant_text(book: Book, rows: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """Subject and note of BANT tasks: each criterion is met more often where its cause is there."""
    deal = np.maximum(rows["opportunity"].to_numpy(), 0)
    store = book.world.deals.opportunities
    fit, warm = store["fit"][deal], store["engagement"][deal]
    scores = {
        "Budget": 0.1 + 0.7 * fit,
        "Authority": -0.4 + 0.9 * store["champion"][deal] + 0.3 * store["threads"][deal],
        "Need": 0.5 + 0.6 * fit + 0.3 * warm,
        "Timeline": -0.1 + 0.8 * warm,
    }
    serial = rows["serial"].to_numpy()
    met = {
        name: chance(serial, book.seed, f"BANT {name}") < 1 / (1 + np.exp(-score))
        for name, score in scores.items()
    }
    count = sum(flags.astype(np.int64) for flags in met.values())
    frame = pl.DataFrame({"count": count, **met})
    words_ = [
        pl.lit(f"{name}: ") + pl.when(name).then(pl.lit("yes")).otherwise(pl.lit("no"))
        for name in met
    ]
    subject = frame.select("BANT " + pl.col("count").cast(pl.String) + "/4").to_series()
    return subject, frame.select(pl.concat_str(words_, separator="; ")).to_series()


def events(book: Book, activity: Activity, month: int) -> pl.DataFrame:
    """The month's rows of salesforce/Event: entered some days before they take place, and deleted
    where the deal closes before that day."""
    frame = activity.events(month)
    serial, deal = frame["serial"].to_numpy(), frame["opportunity"].to_numpy()
    ahead = (1 + 6 * chance(serial, book.seed, "event ahead")).astype(np.int64)
    minutes = np.array([60, 90, 120, 180])[scrambled(serial, book.seed, "minutes") % 4]
    plans = frame.with_columns(
        created=pl.col("moment"), changed=pl.col("moment"), gone=pl.lit(False),
        moment=(pl.col("moment") + pl.Series(ahead) * DAY) // 900 * 900,
        minutes=pl.Series(minutes),
    ).with_columns(end=pl.col("moment") + pl.col("minutes") * 60)  # fmt: skip
    dropped = plans.filter(pl.col("moment") >= pl.col("over")).with_columns(
        changed=pl.col("over") + 120, gone=pl.lit(True)
    )
    frame = pl.concat([plans, dropped]).with_columns(
        _ts=pl.col("changed"), _day=pl.max_horizontal(pl.col("changed") // DAY, pl.lit(START_DAY))
    )
    frame = frame.sort("serial", "changed", maintain_order=True).unique(
        subset=["serial", "_day"], keep="last", maintain_order=True
    )
    serial, deal = frame["serial"].to_numpy(), frame["opportunity"].to_numpy()
    titles = ["On-site visit", "Lunch with sponsor", "Discovery workshop on site",
              "Solution workshop", "Executive presentation", "Contract meeting"]  # fmt: skip
    return frame.with_columns(
        Id=book.ids("Event", serial),
        WhoId=taken(book.contact_ids, frame["contact"].to_numpy()),
        WhatId=taken(book.opportunity_ids, deal),
        AccountId=account_ids(book, deal, frame["_ts"].to_numpy()),
        Subject=taken(pl.Series(titles), frame["topic"].to_numpy()),
        OwnerId=taken(book.user_ids, frame["user"].to_numpy()),
    ).select(
        "Id", "WhoId", "WhatId", "Subject",
        pl.lit("Customer's office").alias("Location"),
        moment_text("moment", "salesforce").alias("ActivityDateTime"),
        pl.from_epoch("moment", time_unit="s").dt.to_string("%Y-%m-%d").alias("ActivityDate"),
        pl.col("minutes").alias("DurationInMinutes"),
        moment_text("moment", "salesforce").alias("StartDateTime"),
        moment_text("end", "salesforce").alias("EndDateTime"),
        "AccountId", "OwnerId",
        pl.col("gone").alias("IsDeleted"),
        moment_text("created", "salesforce").alias("CreatedDate"),
        pl.col("OwnerId").alias("CreatedById"),
        moment_text("changed", "salesforce").alias("LastModifiedDate"),
        pl.col("OwnerId").alias("LastModifiedById"),
        moment_text("changed", "salesforce").alias("SystemModstamp"),
        pl.lit("Event").alias("EventSubtype"),
        "_day", "_ts",
        (pl.col("serial") * 2 + pl.col("gone")).alias("_key"),
        dirt((pl.col("gone"), "deleted_record", "IsDeleted", "deal closed")),
    )  # fmt: skip
