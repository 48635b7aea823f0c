"""What only tests may know: hidden causes, the best reachable chances to win, reorganisations, the
list of dirt.

Written beside the landing zone, never into it. The pipeline does not read it.
"""

import json
from pathlib import Path

import numpy as np
import polars as pl

from orchestration.sources.demo import hazards as process
from orchestration.sources.demo import vocabulary as words
from orchestration.sources.demo.clock import (
    DAY,
    NEVER,
    START_DAY,
    START_TS,
    day_date,
    month_of,
    month_start,
)
from orchestration.sources.demo.company import AE, ROLE_NAMES
from orchestration.sources.demo.deals import FIRST_STAGE, seat_owner, standardised
from orchestration.sources.demo.exports.book import Book
from orchestration.sources.demo.exports.crm_people import team_names, territory_numbers
from orchestration.sources.demo.forecasts import LEVELS, STYLES, forecasters
from orchestration.sources.demo.identifiers import taken
from orchestration.sources.demo.rates import RATES
from orchestration.sources.demo.streams import Floats, Ints

_CHUNK = 4_000


def write_dirt(truth: Path, found: pl.DataFrame, *, fresh: bool) -> None:
    """Add dirt to truth/dirt.parquet, or begin the list anew."""
    path = truth / "dirt.parquet"
    known = found if fresh or not path.exists() else pl.concat([pl.read_parquet(path), found])
    _store(known, path)


def write_leads(truth: Path, book: Book, last: int) -> None:
    """Write leads.parquet as of day `last`."""
    _store(true_leads(book, last), truth / "leads.parquet")


def write_opportunities(truth: Path, book: Book, last: int) -> None:
    """Write opportunities.parquet, opportunity_days.parquet and summary.json as of day `last`."""
    opportunities = true_opportunities(book, last)
    days = true_days(book, last)
    _store(opportunities, truth / "opportunities.parquet")
    _store(days, truth / "opportunity_days.parquet")
    dirt = pl.read_parquet(truth / "dirt.parquet")
    summary = _summary(opportunities, days, dirt, last)
    temporary = truth / ".summary.json.part"
    temporary.write_text(json.dumps(summary, indent=2) + "\n")
    temporary.rename(truth / "summary.json")


def write_reorganisations(truth: Path, book: Book, last: int) -> None:
    """Write reorganisations.parquet as of day `last`."""
    frame = pl.concat([_moved_people(book, last), _moved_accounts(book, last)], how="diagonal")
    _store(
        frame.sort("effective_at", "kind", maintain_order=True), truth / "reorganisations.parquet"
    )


def _moved_people(book: Book, last: int) -> pl.DataFrame:
    """One row per person whose seat moved to another team while that person held it."""
    company, end = book.company, (last + 1) * DAY
    rows: list[tuple[object, ...]] = []
    for move in book.reorganisations.seat_moves:
        lines = book.reorganisations.lines(move.seat)
        before = next(line for line in lines if line.until == move.moment)
        held = [
            u
            for since, until, u in company.seats[move.seat].holders
            if since <= move.moment < until
        ]
        if held and START_DAY * DAY <= move.moment < end:
            rows.append(
                (held[0], move.moment, before.above, move.above, before.region, move.region,
                 before.segment, move.segment)
            )  # fmt: skip
    names = (
        "user",
        "moment",
        "above_0",
        "above_1",
        "region_0",
        "region_1",
        "segment_0",
        "segment_1",
    )
    frame = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.Int64), orient="row")
    columns = {name: frame[name].to_numpy() for name in names}
    function = np.full(frame.height, AE)

    def manager(above: Ints) -> pl.Series:
        return book.user_ids.gather(company.owner(above, columns["moment"]))

    def team(which: int) -> pl.Series:
        return team_names(function, columns[f"region_{which}"], columns[f"segment_{which}"])

    return frame.select(
        kind=pl.lit("person_moved"),
        effective_at=pl.from_epoch("moment", time_unit="s"),
        user_id=book.user_ids.gather(columns["user"]),
        from_manager_user_id=manager(columns["above_0"]),
        to_manager_user_id=manager(columns["above_1"]),
        from_region=_named(words.REGIONS, columns["region_0"]),
        to_region=_named(words.REGIONS, columns["region_1"]),
        from_team=team(0),
        to_team=team(1),
    )


def _moved_accounts(book: Book, last: int) -> pl.DataFrame:
    """One row per account that went to another territory; `released_at` is when the old assignment
    ended, null while it has not."""
    moves, end = book.reorganisations.account_moves, (last + 1) * DAY
    frame = pl.DataFrame({"moment": moves.moment, "released": moves.released})
    released = pl.col("released")
    return (
        frame.select(
            kind=pl.lit("account_moved"),
            effective_at=pl.from_epoch("moment", time_unit="s"),
            account_id=book.account_ids.gather(moves.account),
            from_territory_id=book.ids("Territory2", territory_numbers(moves.origin)),
            to_territory_id=book.ids("Territory2", territory_numbers(moves.target)),
            released_at=pl.when(released < end).then(pl.from_epoch(released, time_unit="s")),
            is_in_time=pl.col("moment") < end,
        )
        .filter("is_in_time")
        .drop("is_in_time")
    )


def true_opportunities(book: Book, last: int) -> pl.DataFrame:
    """One row per opportunity created by the day `last`, with its causes and its real end.

    `outcome` (won, lost, deleted) and `closed_on` hold even where they lie after `last`.
    """
    store = book.world.deals.opportunities
    rows = book.opportunities.to_numpy()
    rows = rows[store["created"][rows] < (last + 1) * DAY]
    stage, created = FIRST_STAGE[store["kind"][rows]], store["created"][rows]
    skill = book.company.skill[book.company.owner(store["ae_seat"][rows], created)]
    chance = np.concatenate(
        [_chances(book, rows[at], stage[at], created[at], None) for at in _chunks(len(rows))]
    )
    deleted = store["deleted"][rows] < NEVER
    won = store["outcome"][rows] == 1
    closed = np.minimum(store["closed"][rows], store["deleted"][rows]) // DAY
    return pl.DataFrame(
        {
            "opportunity_id": book.opportunity_ids.gather(rows),
            "created_on": _dates(created // DAY),
            "type": _named(words.OPPORTUNITY_TYPES, store["kind"][rows]),
            "segment": _named(words.SEGMENTS, store["segment"][rows]),
            "fit": store["fit"][rows],
            "engagement": store["engagement"][rows],
            "has_champion": store["champion"][rows] == 1,
            "competition": store["rivals"][rows],
            "multi_threading": store["threads"][rows],
            "discount_rate": store["discount"][rows],
            "rep_skill": skill,
            "win_probability_at_creation": chance,
            "outcome": np.where(deleted, "deleted", np.where(won, "won", "lost")),
            "closed_on": _dates(closed),
            "is_open_at_end": closed > last,
        }
    )


def true_leads(book: Book, last: int) -> pl.DataFrame:
    """One row per lead created by the day `last`, with its causes, its recycling and its real end.

    Moments hold even where they lie after `last`; one that never comes is null. A duplicate names
    the lead whose person it is.
    """
    store = book.world.demand.leads
    rows = np.flatnonzero(book.is_known_lead & (store["created"] < (last + 1) * DAY))
    gone = np.minimum(store["merged"], store["deleted"])[rows]

    def moment(name: str) -> pl.Series:
        at = store[name][rows]
        happens = pl.Series((at < NEVER) & (at <= gone))
        seconds = pl.DataFrame({"at": at, "happens": happens})
        return seconds.select(
            pl.when("happens").then(pl.from_epoch("at", time_unit="s"))
        ).to_series()

    return pl.DataFrame(
        {
            "lead_id": book.lead_ids.gather(rows),
            "duplicate_of": taken(book.lead_ids, store["origin"][rows]),
            "fit": store["fit"][rows],
            "intent": store["intent"][rows],
            "created_at": moment("created"),
            "working_at": moment("working"),
            "recycled_at": moment("recycled"),
            "returned_at": moment("returned"),
            "reworked_at": moment("reworked"),
            "ended_at": moment("end"),
            "outcome": _named(("open", "converted", "rejected"), store["outcome"][rows]),
            "is_removed": gone < NEVER,
        }
    )


def write_forecasters(truth: Path, book: Book, last: int) -> None:
    """Write forecasters.parquet: who calls, and which way each of them leans."""
    _store(true_forecasters(book, last), truth / "forecasters.parquet")


def true_forecasters(book: Book, last: int) -> pl.DataFrame:
    """One row per user who has called by the day `last`, with the leaning of their calls.

    `style` is sandbagger, optimist or scattered; the part of a call that is not closed yet is
    multiplied by `bias`, on average (1 = none).
    """
    company = book.company
    people = forecasters(company, book.seed)
    here = (company.hired <= last * DAY) & (company.left >= START_TS + DAY)
    rows = np.flatnonzero((people.level >= 0) & here)
    return pl.DataFrame(
        {
            "user_id": book.user_ids.gather(rows),
            "role": _named(ROLE_NAMES, np.array(LEVELS)[people.level[rows]]),
            "style": _named(STYLES, people.style[rows]),
            "bias": people.bias[rows],
        }
    )


def true_days(book: Book, last: int) -> pl.DataFrame:
    """The best reachable chance to win of each deal that is open at the end of a month.

    Given the true causes, the stage, the time spent in it and, in late stages, the calendar.
    Deals that are deleted in the end are left out. One row per month end and opportunity.
    """
    parts = [
        _day(book, month_start(month + 1) - 1)
        for month in range(month_of(day_date(last)) + 1)
        if START_DAY <= month_start(month + 1) - 1 <= last
    ]
    return pl.concat(parts) if parts else _day(book, last)


def _day(book: Book, day: int) -> pl.DataFrame:
    """Open deals at the end of one day with their chance to win."""
    store = book.world.deals.opportunities
    moment = (day + 1) * DAY - 1
    visits = book.world.deals.visits.frame().filter(
        (pl.col("stage") < process.WON) & (pl.col("entered") <= moment) & (pl.col("left") > moment)
    )
    rows = visits["opportunity"].to_numpy()
    visits = visits.filter(
        pl.Series(book.is_known_opportunity[rows] & (store["deleted"][rows] == NEVER))
    )
    rows, stage = visits["opportunity"].to_numpy(), visits["stage"].to_numpy()
    entered = visits["entered"].to_numpy()
    chance = np.concatenate(
        [_chances(book, rows[at], stage[at], entered[at], moment) for at in _chunks(len(rows))]
    )
    return pl.DataFrame(
        {
            "as_of_date": _dates(np.full(len(rows), day)),
            "opportunity_id": book.opportunity_ids.gather(rows),
            "stage": _named(words.STAGES, stage),
            "days_in_stage": (moment - entered) / DAY,
            "win_probability": chance,
            "is_won": store["outcome"][rows] == 1,
        }
    )


def _chunks(rows: int) -> list[Ints]:
    """Row numbers in parts that bound the memory of the hazards' grids."""
    return np.array_split(np.arange(rows), max(1, rows // _CHUNK))


def _chances(book: Book, rows: Ints, stage: Ints, entered: Ints, moment: int | None) -> Floats:
    """Chances to win at a moment (None: on entering the stage) of deals in a stage since `entered`.

    The current visit is worked on by its owner (while prospecting often a BDR), what follows by the
    account executive of the day.
    """
    store = book.world.deals.opportunities
    segment, kind = store["segment"][rows], store["kind"][rows]
    company = book.company
    now = entered if moment is None else np.full(len(rows), moment)
    executive = company.owner(store["ae_seat"][rows], now)
    values = process.stage_values(
        segment, kind, standardised(store, rows, company.skill[executive])
    )
    owner = seat_owner(store, company, rows, stage, entered)
    causes = standardised(store, rows, company.skill[owner])
    rates = process.hazards(stage, segment, kind, causes, entered // DAY)
    return process.after_ending(process.ending_shares(rates, (now - entered) / DAY), values, stage)


def _summary(
    opportunities: pl.DataFrame, days: pl.DataFrame, dirt: pl.DataFrame, last: int
) -> dict[str, object]:
    """Best reachable figures, baselines to compare them with, counts, and dirt by kind."""
    ended = opportunities.filter(pl.col("outcome") != "deleted")
    won = (ended["outcome"] == "won").to_numpy()
    closed = ended.filter(~pl.col("is_open_at_end"))
    by_stage = days.with_columns(p=pl.col("is_won").mean().over("stage"))
    counted = dirt.group_by("kind", "object").len().sort("kind", "object")
    return {
        "last_day": str(day_date(last)),
        "opportunities": opportunities.height,
        "open_opportunities": int(opportunities["is_open_at_end"].sum()),
        "win_rate_closed": round(float((closed["outcome"] == "won").to_numpy().mean()), 4)
        if closed.height
        else None,
        "best_at_creation": scores(won, ended["win_probability_at_creation"].to_numpy()),
        "best_at_month_ends": scores(days["is_won"].to_numpy(), days["win_probability"].to_numpy()),
        "stage_rate_at_month_ends": scores(by_stage["is_won"].to_numpy(), by_stage["p"].to_numpy()),
        "dirt": {f"{kind} {name}": count for kind, name, count in counted.iter_rows()},
        "dirt_rates": {kind: round(rate, 6) for kind, rate in RATES.items()},
    }


def scores(won: np.ndarray, chance: Floats) -> dict[str, float | int | None]:
    """ROC-AUC, log loss, Brier score and base rate of chances against outcomes."""
    positives, rows = int(won.sum()), len(won)
    if positives in {0, rows}:
        return {"rows": rows, "base_rate": None, "roc_auc": None, "log_loss": None, "brier": None}
    ranks = pl.Series(chance).rank("average").to_numpy()
    auc = (ranks[won].sum() - positives * (positives + 1) / 2) / (positives * (rows - positives))
    p = np.clip(chance, 1e-6, 1 - 1e-6)
    loss = -np.where(won, np.log(p), np.log(1 - p)).mean()
    return {
        "rows": rows,
        "base_rate": round(positives / rows, 4),
        "roc_auc": round(float(auc), 4),
        "log_loss": round(float(loss), 4),
        "brier": round(float(((p - won) ** 2).mean()), 4),
    }


def _dates(days: Ints) -> pl.Series:
    return pl.Series(days).cast(pl.Int32).cast(pl.Date)


def _named(names: tuple[str, ...], numbers: Ints) -> pl.Series:
    return pl.Series(names).gather(pl.Series(numbers))


def _store(frame: pl.DataFrame, path: Path) -> None:
    """Write a Parquet file under a temporary name and rename it."""
    temporary = path.with_name(f".{path.name}.part")
    frame.write_parquet(temporary)
    temporary.rename(path)
