"""Salesforce Task and Event: what reps write down themselves; with WhoId and WhatId."""

import numpy as np
import polars as pl

from orchestration.sources.demo import notes
from orchestration.sources.demo.attention import Attention
from orchestration.sources.demo.clock import DAY, START_DAY, moment_text
from orchestration.sources.demo.exports.book import Book
from orchestration.sources.demo.exports.crm_opportunities import account_ids
from orchestration.sources.demo.exports.records import dirt
from orchestration.sources.demo.identifiers import taken
from orchestration.sources.demo.rates import RATES
from orchestration.sources.demo.streams import chance, every, scrambled

_TASK_SUBJECTS = pl.Series(
    ["Research", "Prepare call", "Send summary", "Demo follow-up", "Send proposal",
     "Chase contract", *([""] * 4), "BANT", *([""] * 9), "Lead follow-up"]
)  # fmt: skip
_EVENT_TITLES = pl.Series(
    ["On-site visit", "Lunch with sponsor", "Discovery workshop on site", "Solution workshop",
     "Executive presentation", "Contract meeting"]
)  # fmt: skip


def tasks(book: Book, attention: Attention, month: int) -> pl.DataFrame:
    """Rows of salesforce/Task entered in the month: most when done, a quarter two days ahead."""
    frame = notes.tasks(attention, month)
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
    subject, note = _bant_text(book, rows)
    plain = taken(_TASK_SUBJECTS, topic)
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


def events(book: Book, attention: Attention, month: int) -> pl.DataFrame:
    """The month's rows of salesforce/Event: entered some days before they take place, and deleted
    where the deal closes before that day."""
    frame = notes.events(attention, month)
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
    return frame.with_columns(
        Id=book.ids("Event", serial),
        WhoId=taken(book.contact_ids, frame["contact"].to_numpy()),
        WhatId=taken(book.opportunity_ids, deal),
        AccountId=account_ids(book, deal, frame["_ts"].to_numpy()),
        Subject=taken(_EVENT_TITLES, frame["topic"].to_numpy()),
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
