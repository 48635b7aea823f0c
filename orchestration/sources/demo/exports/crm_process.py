"""Salesforce OpportunityCompetitor and the custom object Stage_Evidence__c."""

import numpy as np
import polars as pl

from orchestration.sources.demo import evidence, rivals
from orchestration.sources.demo import vocabulary as words
from orchestration.sources.demo.clock import NEVER
from orchestration.sources.demo.exports.book import Book
from orchestration.sources.demo.exports.records import GHOSTS, dirt, or_ghost, stamps, versions
from orchestration.sources.demo.identifiers import taken
from orchestration.sources.demo.rates import RATES
from orchestration.sources.demo.streams import every, scrambled

_MOST_SPELLINGS = max(len(spellings) for spellings in words.COMPETITOR_SPELLINGS)
_SPELLINGS = pl.Series(
    [
        spelling
        for spellings in words.COMPETITOR_SPELLINGS
        for spelling in (*spellings, *[""] * _MOST_SPELLINGS)[:_MOST_SPELLINGS]
    ]
)
_STRENGTHS = pl.Series(words.COMPETITOR_STRENGTHS)
_WEAKNESSES = pl.Series(words.COMPETITOR_WEAKNESSES)
_CODES = pl.Series([code for _, _, code in evidence.CRITERIA])
_STAGE_NAMES = pl.Series([stage for stage, _, _ in evidence.CRITERIA])
_LABELS = _CODES.str.replace_all("_", " ").str.to_titlecase()
_IS_DELIVERABLE = pl.Series([kind == "deliverable" for _, kind, _ in evidence.CRITERIA])
_NOTES = pl.Series(words.EVIDENCE_NOTES)


def competitors(book: Book, first: int, last: int) -> pl.DataFrame:
    """OpportunityCompetitor rows, and a few whose opportunity never existed."""
    part = book.period("competitors", _competitor_versions, first, last)
    rows, number = part["opportunity"].to_numpy(), part["number"].to_numpy()
    seat = book.world.deals.opportunities["ae_seat"][rows]
    spelling = part["competitor"].to_numpy() * _MOST_SPELLINGS + part["spelling"].to_numpy()
    picked = (scrambled(number, book.seed, "strengths") % len(_STRENGTHS)).astype(np.int64)
    return part.with_columns(
        Id=book.ids("OpportunityCompetitor", number),
        parent=or_ghost(book, "Opportunity", rows, part["ghost"]),
        CompetitorName=taken(_SPELLINGS, spelling),
        Strengths=taken(_STRENGTHS, picked),
        Weaknesses=taken(_WEAKNESSES, picked),
        user=taken(book.user_ids, book.company.owner(seat, part["created"].to_numpy())),
    ).select(
        "Id",
        pl.col("parent").alias("OpportunityId"),
        "CompetitorName", "Strengths", "Weaknesses",
        *stamps(),
        pl.col("user").alias("CreatedById"),
        pl.col("user").alias("LastModifiedById"),
        pl.col("is_removed").alias("IsDeleted"),
        "_day", "_ts", _version_key(),
        dirt(
            (pl.col("ghost"), "orphan", "OpportunityId", pl.col("parent")),
            (pl.col("is_removed"), "deleted_record", "IsDeleted", ""),
            (pl.col("spelling") > 0, "misspelt_name", "CompetitorName", pl.col("CompetitorName")),
        ),
    )  # fmt: skip


def _competitor_versions(book: Book) -> pl.DataFrame:
    """Each competitor when it is noted and, where it proved none, when it is removed."""
    notes = rivals.competitor_notes(book.world.deals, book.seed)
    notes = notes.filter(pl.col("opportunity").is_in(book.opportunities.implode())).with_columns(
        number=pl.col("opportunity") * rivals.PLACES + pl.col("place"),
        created=pl.col("moment"), ghost=pl.lit(False), is_removed=pl.lit(False),
    )  # fmt: skip
    chosen = every(np.arange(notes.height), RATES["orphan_competitor"], 11)
    ghosts = notes.filter(pl.Series(chosen)).with_columns(
        number=pl.col("number") + GHOSTS, ghost=pl.lit(True), removed=pl.lit(NEVER)
    )
    notes = pl.concat([notes, ghosts])
    removals = notes.filter(pl.col("removed") < NEVER).with_columns(
        moment=pl.col("removed"), is_removed=pl.lit(True)
    )
    return versions([notes, removals], "number", ["is_removed"])


def stage_evidence(book: Book, first: int, last: int) -> pl.DataFrame:
    """Stage_Evidence__c rows, and a few whose opportunity never existed."""
    part = book.period("evidence", _evidence_versions, first, last)
    rows, criterion = part["opportunity"].to_numpy(), part["criterion"].to_numpy()
    number = part["number"].to_numpy()
    picked = (scrambled(number, book.seed, "evidence note") % len(_NOTES)).astype(np.int64)
    return part.with_columns(
        Id=book.ids("Stage_Evidence__c", number),
        parent=or_ghost(book, "Opportunity", rows, part["ghost"]),
        Stage__c=taken(_STAGE_NAMES, criterion),
        code=taken(_CODES, criterion),
        label=taken(_LABELS, criterion),
        is_document=taken(_IS_DELIVERABLE, criterion),
        note=taken(_NOTES, picked),
        user_id=taken(book.user_ids, part["user"].to_numpy()),
    ).select(
        "Id",
        pl.col("parent").alias("Opportunity__c"),
        "Stage__c",
        pl.when("is_label").then("label").otherwise("code").alias("Criterion__c"),
        pl.col("is_met").alias("Is_Met__c"),
        pl.when(~pl.col("is_met"))
        .then(pl.lit(None))
        .when("is_document")
        .then(pl.concat_str(pl.lit("https://docs.tessera.example/"), "Id", pl.lit("/"), "code"))
        .otherwise("note")
        .alias("Evidence__c"),
        *stamps(),
        pl.col("user_id").alias("CreatedById"),
        pl.col("user_id").alias("LastModifiedById"),
        pl.col("is_gone").alias("IsDeleted"),
        "_day", "_ts", _version_key(),
        dirt(
            (pl.col("ghost"), "orphan", "Opportunity__c", pl.col("parent")),
            (pl.col("is_gone"), "deleted_record", "IsDeleted", ""),
            (pl.col("is_label"), "label_for_code", "Criterion__c", pl.col("label")),
        ),
    )  # fmt: skip


def _evidence_versions(book: Book) -> pl.DataFrame:
    """Each record when it is entered, when it turns to met and when it is deleted."""
    records = evidence.recorded_evidence(book.world.deals, book.company, book.seed)
    known = pl.col("opportunity").is_in(book.opportunities.implode())
    records = records.filter(known).with_columns(
        number=pl.col("opportunity") * evidence.PLACES + pl.col("criterion"),
        created=pl.col("moment"), ghost=pl.lit(False), is_gone=pl.lit(False),
        is_met=pl.col("met") <= pl.col("moment"),
    )  # fmt: skip
    number = records["number"].to_numpy()
    records = records.with_columns(
        is_label=pl.Series(every(number, RATES["label_for_code"], 3)),
    )
    ghosts = records.filter(pl.Series(every(number, RATES["orphan_evidence"], 17))).with_columns(
        number=pl.col("number") + GHOSTS, ghost=pl.lit(True), gone=pl.lit(NEVER)
    )
    records = pl.concat([records, ghosts])
    met_later = (pl.col("met") > pl.col("moment")) & (pl.col("met") < NEVER)
    turned = records.filter(met_later).with_columns(moment=pl.col("met"), is_met=pl.lit(True))
    deleted = records.filter(pl.col("gone") < NEVER).with_columns(
        moment=pl.col("gone"), is_met=pl.col("met") <= pl.col("gone"), is_gone=pl.lit(True)
    )
    return versions([records, turned, deleted], "number", ["is_met", "is_gone"])


def _version_key() -> pl.Expr:
    """A unique number of a record's version."""
    return (pl.col("number") * 65_536 + pl.col("_day")).alias("_key")
