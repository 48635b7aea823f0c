"""Writing the demo company's exports: what is due, in which files, and the truth beside them."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from orchestration.sources.demo import truth as truths
from orchestration.sources.demo.attention import Attention
from orchestration.sources.demo.clock import (
    FIRST_MONTH,
    START,
    START_DAY,
    day_date,
    day_number,
    month_of,
    month_start,
)
from orchestration.sources.demo.exports import (
    conversation_files,
    crm_accounts,
    crm_activity,
    crm_campaigns,
    crm_deal_parts,
    crm_forecasts,
    crm_leads,
    crm_opportunities,
    crm_people,
    crm_process,
    crm_setup,
    followup_files,
    marketing_files,
)
from orchestration.sources.demo.exports.book import Book
from orchestration.sources.demo.exports.writing import Export, LandedFile, no_dirt, write
from orchestration.sources.demo.world import simulate

GENERATOR = 2  # raised when the same seed gives another company

_SALESFORCE = (
    ("Account", "csv", crm_accounts.accounts),
    ("Contact", "csv", crm_accounts.contacts),
    ("Lead", "csv", crm_leads.leads),
    ("Opportunity", "parquet", crm_opportunities.opportunities),
    ("OpportunityHistory", "parquet", crm_opportunities.opportunity_history),
    ("OpportunityFieldHistory", "parquet", crm_opportunities.field_history),
    ("OpportunityLineItem", "parquet", crm_deal_parts.line_items),
    ("OpportunityContactRole", "csv", crm_deal_parts.contact_roles),
    ("OpportunitySplit", "csv", crm_deal_parts.splits),
    ("OpportunityCompetitor", "csv", crm_process.competitors),
    ("Stage_Evidence__c", "parquet", crm_process.stage_evidence),
    ("OpportunitySplitType", "csv", crm_deal_parts.split_types),
    ("Product2", "csv", crm_setup.products),
    ("User", "csv", crm_people.users),
    ("UserRole", "csv", crm_people.user_roles),
    ("Territory2", "csv", crm_people.territories),
    ("ObjectTerritory2Association", "csv", crm_people.account_territories),
    ("UserTerritory2Association", "csv", crm_people.user_territories),
    ("Campaign", "csv", crm_campaigns.campaigns),
    ("CampaignMember", "csv", crm_campaigns.campaign_members),
    ("ForecastSubmission__c", "csv", crm_forecasts.forecast_submissions),
    ("ForecastingQuota", "csv", crm_setup.forecasting_quotas),
    ("DatedConversionRate", "csv", crm_setup.conversion_rates),
)
# Built once for the whole time and cut into files.
WHOLE: tuple[tuple[Export, Callable[[Book, int, int], pl.DataFrame]], ...] = (
    *((Export("salesforce", name, kind, "Id"), render) for name, kind, render in _SALESFORCE),
    (Export("hubspot_marketing", "contacts", "jsonl", "id"), marketing_files.contacts),
)
# Drawn month by month; rows that arrive late belong to the next month's files.
MONTHLY: tuple[tuple[Export, Callable[[Book, Attention, int], pl.DataFrame]], ...] = (
    (Export("salesforce", "Task", "parquet", "Id"), crm_activity.tasks),
    (Export("salesforce", "Event", "csv", "Id"), crm_activity.events),
    (Export("hubspot_marketing", "email_events", "jsonl", "id"), marketing_files.email_events),
    (
        Export("hubspot_marketing", "form_submissions", "jsonl", "conversionId"),
        marketing_files.form_submissions,
    ),
    (Export("hubspot_marketing", "page_views", "parquet", "id"), marketing_files.page_views),
    (Export("email", "messages", "parquet", "message_id"), conversation_files.messages),
    (Export("phone", "calls", "jsonl", "call_id"), conversation_files.calls),
    (
        Export("phone", "action_items", "jsonl", "action_id", reach=2),
        followup_files.call_actions,
    ),
    (
        Export("meetings", "meetings", "jsonl", "meeting_id", reach=2),
        conversation_files.meetings,
    ),
    (
        Export("meetings", "recordings", "jsonl", "meeting_id", reach=2),
        followup_files.recordings,
    ),
    (
        Export("meetings", "action_items", "jsonl", "action_id", reach=2),
        followup_files.meeting_actions,
    ),
)


def generate(
    landing: Path,
    truth: Path,
    *,
    scale: float = 1.0,
    end: date = date(2026, 6, 30),
    seed: int = 7,
) -> list[LandedFile]:
    """Simulate the company and write the export days that `landing` does not have yet.

    Args:
        landing: folder of the exports, `<system>/<Object>/<Object>_<first>_<last>.<ext>`.
        truth: folder for what only tests may know; must not be inside `landing`.
        scale: volume; 1 is 4,000 accounts, 7,000 opportunities and 400,000 activities in 24 months.
        end: last export day. Files that exist are never touched; a later end adds files.
        seed: the company. Another seed or scale needs an empty landing folder.

    Returns:
        The files written, none when `end` is not after what is there.

    Raises:
        ValueError: the arguments are out of range, or the folder holds another company.
    """
    _check(landing, truth, scale, end)
    state = _state(landing, truth, scale, seed)
    files: list[LandedFile] = []
    for target in (state.unfinished, day_number(end)):
        if target is not None and (state.written is None or target > state.written):
            files += _extend(landing, truth, scale, seed, state.written, target)
            state = State(target, None)
    return files


@dataclass(frozen=True)
class State:
    """How far a company is in the landing zone (day numbers).

    `written` is the last complete export day; `unfinished` the end of a generation that was broken
    off, which has to be completed first so that no two files overlap.
    """

    written: int | None
    unfinished: int | None


def _extend(
    landing: Path, truth: Path, scale: float, seed: int, written: int | None, last: int
) -> list[LandedFile]:
    """Write the export days after `written` up to `last` and the truth as of then."""
    landing.mkdir(parents=True, exist_ok=True)
    truth.mkdir(parents=True, exist_ok=True)
    _write_manifest(truth, scale, seed, State(written, last))
    first = START_DAY if written is None else written + 1
    book = Book(simulate(seed, scale, month_of(day_date(last))))
    files: list[LandedFile] = []
    found: list[pl.DataFrame] = [no_dirt()]
    for export, frame, period_first, period_last in _due(book, first, last):
        if frame.height:
            file, dirt = write(export, frame, seed, landing, period_first, period_last)
            files.append(file)
            found.append(dirt)
    truths.write_dirt(truth, pl.concat(found), fresh=written is None)
    truths.write_leads(truth, book, last)
    truths.write_opportunities(truth, book, last)
    truths.write_forecasters(truth, book, last)
    truths.write_reorganisations(truth, book, last)
    _write_manifest(truth, scale, seed, State(last, None))
    return files


def _due(book: Book, first: int, last: int) -> Iterator[tuple[Export, pl.DataFrame, int, int]]:
    """What each file has to hold: export, rows, first and last export day."""
    months = periods(first, last)
    together = max(1, round(2 / book.world.scale))  # a small company's months are built at once
    for start in range(0, len(months), together):
        part = months[start : start + together]
        for export, render in WHOLE:
            rows = render(book, part[0][0], part[-1][1])
            for period_first, period_last in part:
                yield export, _between(rows, period_first, period_last), period_first, period_last
    attention = Attention(book)
    for export, draw in MONTHLY:
        waiting: list[pl.DataFrame] = []
        if first == START_DAY:  # what came before belongs to the first file
            waiting = [draw(book, attention, month) for month in range(FIRST_MONTH, 0)]
        else:
            month = month_of(day_date(first))
            waiting = [draw(book, attention, month - back) for back in range(export.reach, 0, -1)]
        for period_first, period_last in months:
            waiting.append(draw(book, attention, month_of(day_date(period_first))))
            rows = pl.concat(waiting)
            yield export, _between(rows, period_first, period_last), period_first, period_last
            waiting = [rows.filter(pl.col("_day") > period_last)]


def _between(rows: pl.DataFrame, first: int, last: int) -> pl.DataFrame:
    return rows.filter(pl.col("_day").is_between(first, last))


def periods(first: int, last: int) -> list[tuple[int, int]]:
    """The calendar months (as day numbers) that `first` to `last` are cut into."""
    result: list[tuple[int, int]] = []
    month = month_of(day_date(first))
    while month_start(month) <= last:
        result.append((max(first, month_start(month)), min(last, month_start(month + 1) - 1)))
        month += 1
    return result


def _check(landing: Path, truth: Path, scale: float, end: date) -> None:
    if not 0.01 <= scale <= 100:
        raise ValueError(f"scale must lie between 0.01 and 100, not {scale}")
    if end < START:
        raise ValueError(f"end must not be before the first export day {START}, but is {end}")
    if truth.resolve().is_relative_to(landing.resolve()):
        raise ValueError("truth must not be inside landing: the pipeline reads all of landing")


def _state(landing: Path, truth: Path, scale: float, seed: int) -> State:
    """How far this company is in `landing`.

    Raises:
        ValueError: the files there are another company's or of unknown origin.
    """
    manifest = truth / "manifest.json"
    if not (landing.exists() and any(path.is_file() for path in landing.rglob("*.*"))):
        return State(None, None)
    if not manifest.exists():
        raise ValueError(
            f"{landing} holds files but {manifest} is missing, so it is unknown which company they "
            "are of. Empty the landing folder and generate again."
        )
    known = json.loads(manifest.read_text())
    wanted = {"seed": seed, "scale": scale, "start": str(START), "generator": GENERATOR}
    if differing := sorted(name for name, value in wanted.items() if known.get(name) != value):
        raise ValueError(
            f"{landing} holds a company of another {', '.join(differing)} "
            f"({', '.join(f'{name}={known.get(name)}' for name in differing)}). "
            "Use another data folder, or empty landing and truth and generate again."
        )
    days = (known[name] for name in ("last_day", "unfinished"))
    return State(*(None if day is None else day_number(date.fromisoformat(day)) for day in days))


def _write_manifest(truth: Path, scale: float, seed: int, state: State) -> None:
    days = {"last_day": state.written, "unfinished": state.unfinished}
    content = {
        "seed": seed,
        "scale": scale,
        "start": str(START),
        "generator": GENERATOR,
        **{name: None if day is None else str(day_date(day)) for name, day in days.items()},
    }
    temporary = truth / ".manifest.json.part"
    temporary.write_text(json.dumps(content, indent=2) + "\n")
    temporary.rename(truth / "manifest.json")
