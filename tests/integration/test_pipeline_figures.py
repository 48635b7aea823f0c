"""The pipeline and its changes on the demo, replayed from the exported histories in plain code.

Nothing here reads the warehouse's own SQL: a deal's state on an evening is the last row of
OpportunityHistory by then, its owner comes from OpportunityFieldHistory, its deletion from the
versions of the record. Deals whose history was damaged on purpose are left out.
"""

import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

import polars as pl
import pytest

from tests.integration.conftest import LAST_DAY, Warehouse

LAST = date.fromisoformat(LAST_DAY)
HARMLESS = ("missing_amount", "out_of_order", "exact_duplicate", "deleted_record", "orphan")
"""Damage to a row that leaves the history of its deal readable as it stands."""
CLOSED = {"Closed Won": "won", "Closed Lost": "lost"}


@dataclass(frozen=True)
class State:
    """A deal at the end of a day."""

    stage: str
    amount_local: float
    amount: float
    close_date: date
    owner: str
    is_deleted: bool

    @property
    def is_open(self) -> bool:
        return self.stage not in CLOSED and not self.is_deleted


class Histories:
    """The exported histories, asked for a deal's state on an evening."""

    def __init__(self, evening: Warehouse) -> None:
        landing = evening.data / "landing" / "salesforce"
        self._rates = _rates(landing)
        dirt = pl.read_parquet(evening.data / "truth" / "dirt.parquet").filter(
            ~pl.col("kind").is_in(HARMLESS)
        )
        history = (
            _read(landing, "OpportunityHistory", "OpportunityId StageName Amount CloseDate")
            .unique("Id", keep="last", maintain_order=True)
            .with_columns(at=_instant("CreatedDate"))
        )
        damaged_rows = set(
            dirt.filter(pl.col("object") == "OpportunityHistory")["source_id"].to_list()
        )
        damaged = set(dirt.filter(pl.col("object") == "Opportunity")["source_id"].to_list())
        damaged |= set(
            history.filter(
                pl.col("Id").is_in(damaged_rows) | pl.col("OpportunityId").is_in(damaged_rows)
            )["OpportunityId"].to_list()
        )
        versions = (
            _read(landing, "Opportunity", "SystemModstamp CurrencyIsoCode OwnerId IsDeleted")
            .with_columns(at=_instant("SystemModstamp"))
            .filter(pl.col("at") < datetime.combine(LAST + timedelta(days=1), time()))
            .sort("at")
        )
        self._currency: dict[str, str] = {}
        self._owner: dict[str, str] = {}
        self._deleted: dict[str, datetime] = {}
        for row in versions.iter_rows(named=True):
            self._currency[row["Id"]] = row["CurrencyIsoCode"]
            self._owner[row["Id"]] = row["OwnerId"]
            if row["IsDeleted"]:
                self._deleted.setdefault(row["Id"], row["at"])
        self.states: dict[str, list[tuple[datetime, str, float, date]]] = defaultdict(list)
        for row in history.sort("at", "Id").iter_rows(named=True):
            if row["OpportunityId"] in self._currency and row["OpportunityId"] not in damaged:
                self.states[row["OpportunityId"]].append(
                    (
                        row["at"],
                        row["StageName"],
                        row["Amount"] or 0.0,
                        date.fromisoformat(row["CloseDate"]),
                    )
                )
        self._owner_changes: dict[str, list[tuple[datetime, str, str]]] = defaultdict(list)
        changes = (
            _read(landing, "OpportunityFieldHistory", "OpportunityId Field OldValue NewValue")
            .filter(pl.col("Field") == "OwnerId")
            .unique("Id")
            .with_columns(at=_instant("CreatedDate"))
            .sort("at")
        )
        for row in changes.iter_rows(named=True):
            self._owner_changes[row["OpportunityId"]].append(
                (row["at"], row["OldValue"], row["NewValue"])
            )

    def state(self, deal: str, day: date) -> State | None:
        """The deal at the end of the day; none before it was created."""
        end = datetime.combine(day + timedelta(days=1), time())
        known = [state for state in self.states[deal] if state[0] < end]
        if not known:
            return None
        _, stage, amount, close_date = known[-1]
        rate = self._rates(self._currency[deal], day)
        return State(
            stage=stage,
            amount_local=amount,
            amount=amount / rate,
            close_date=close_date,
            owner=self._owner_on(deal, end),
            is_deleted=deal in self._deleted and self._deleted[deal] < end,
        )

    def at_rate_of(self, deal: str, amount_local: float, day: date) -> float:
        return amount_local / self._rates(self._currency[deal], day)

    def _owner_on(self, deal: str, end: datetime) -> str:
        changes = self._owner_changes[deal]
        made = [new for at, _, new in changes if at < end]
        if made:
            return made[-1]
        return changes[0][1] if changes else self._owner[deal]


def _read(landing: Path, name: str, columns: str) -> pl.DataFrame:
    """The rows of an object from all its files, in their order; numbers are typed file by file."""
    files = sorted((landing / name).glob("*.parquet"))
    wanted = ["Id", "CreatedDate", *columns.split()]
    frames = (pl.read_parquet(file, columns=wanted) for file in files)
    return pl.concat(frames, how="vertical_relaxed")


def _instant(column: str) -> pl.Expr:
    return pl.col(column).str.slice(0, 19).str.to_datetime("%Y-%m-%dT%H:%M:%S")


def _rates(landing: Path) -> Callable[[str, date], float]:
    rows = pl.read_csv(landing / "DatedConversionRate" / "*.csv").iter_rows(named=True)
    ranges = {
        (row["IsoCode"], row["StartDate"], row["NextStartDate"]): row["ConversionRate"]
        for row in rows
    }

    def rate(currency: str, day: date) -> float:
        [found] = {
            value
            for (code, start, end), value in ranges.items()
            if code == currency and start <= day.isoformat() < end
        }
        return found

    return rate


@pytest.fixture(scope="module")
def histories(evening: Warehouse) -> Histories:
    return Histories(evening)


def _days(count: int, seed: int) -> list[date]:
    chosen = random.Random(seed)
    return [LAST - timedelta(days=chosen.randrange(0, 700)) for _ in range(count)]


def test_past_evenings_are_what_the_histories_said_then(
    evening: Warehouse, histories: Histories
) -> None:
    for day in [LAST, *_days(8, seed=1)]:
        published = {
            deal: (stage, float(amount or 0), close_date, owner.removeprefix("salesforce:"))
            for deal, stage, amount, close_date, owner in evening.query(
                "select source_id, stage, amount, close_date, owner_user_id "
                f"from core.fct_opportunity_daily where is_open and date_day = date '{day}'"
            )
        }
        replayed = {
            deal: state
            for deal in histories.states
            if (state := histories.state(deal, day)) is not None and state.is_open
        }
        assert replayed.keys() == published.keys() & histories.states.keys()
        assert len(replayed) > 0.9 * len(published)
        for deal, state in replayed.items():
            stage, amount, close_date, owner = published[deal]
            assert (stage, close_date, owner) == (state.stage, state.close_date, state.owner)
            assert amount == pytest.approx(state.amount, rel=4e-6, abs=0.01)


def _bucket(start: State | None, end: State | None, due: tuple[date, date] | None) -> str | None:
    """What the guide says, in plain code; none for a deal that is in on neither evening."""

    def is_in(state: State | None) -> bool:
        if state is None or not state.is_open:
            return False
        return due is None or due[0] <= state.close_date <= due[1]

    if not is_in(start) and not is_in(end):
        return None
    if is_in(start):
        assert start is not None
        assert end is not None
        if is_in(end):
            change = end.amount_local - start.amount_local
            return "increased" if change > 0 else "decreased" if change < 0 else "kept"
        if end.is_deleted:
            return "deleted"
        if end.stage in CLOSED:
            return CLOSED[end.stage]
        assert due is not None
        return "pushed" if end.close_date > due[1] else "scope_out"
    if start is None:
        return "created"
    if not start.is_open:
        return "reopened"
    assert due is not None
    return "pulled_in" if start.close_date > due[1] else "scope_in"


def test_the_changes_between_any_two_evenings_are_those_of_the_histories(
    evening: Warehouse, histories: Histories
) -> None:
    seen: set[str] = set()
    pairs = [sorted(pair) for pair in zip(_days(6, seed=2), _days(6, seed=3), strict=True)]
    for first, second in [*pairs, [date(2026, 3, 31), LAST]]:
        quarter = date(second.year, 3 * ((second.month - 1) // 3) + 1, 1)
        next_quarter = (quarter + timedelta(days=93)).replace(day=1)
        for due in (None, (quarter, next_quarter - timedelta(days=1))):
            arguments = f"date '{first}', date '{second}'"
            if due is not None:
                arguments += f", date '{due[0]}', date '{due[1]}'"
            published = {
                deal.removeprefix("salesforce:"): (bucket, float(change), float(currency))
                for deal, bucket, change, currency in evening.query(
                    "select opportunity_id, bucket, change_amount, currency_amount "
                    f"from marts.pipeline_changes_between({arguments})"
                )
            }
            for deal in histories.states:
                start, end = histories.state(deal, first), histories.state(deal, second)
                bucket = _bucket(start, end, due)
                assert (bucket, deal) == (published.get(deal, (None,))[0], deal)
                if bucket in ("increased", "decreased", "kept"):
                    assert start is not None
                    assert end is not None
                    _, change, currency = published[deal]
                    # rates are kept to eight decimals, of which a yen has few
                    tolerance = 0.02 + 4e-6 * (start.amount + end.amount)
                    at_end = histories.at_rate_of(deal, start.amount_local, second)
                    assert change == pytest.approx(end.amount - at_end, abs=tolerance)
                    assert currency == pytest.approx(at_end - start.amount, abs=tolerance)
                seen.add(bucket or "")
    assert seen >= {"created", "pushed", "won", "lost", "increased", "decreased", "kept"}


def test_the_function_gives_what_the_mart_holds(evening: Warehouse) -> None:
    for first, second, due_from, due_to in evening.query(
        "select distinct from_date, to_date, due_from, due_to from marts.mart_pipeline_waterfall "
        "where period_type in ('fiscal_quarter', 'last_28_days') and to_date > date '2026-01-01'"
    ):
        arguments = f"date '{first}', date '{second}'"
        if due_from is not None:
            arguments += f", date '{due_from}', date '{due_to}'"
        columns = "hierarchy, node_type, node_id, bucket, opportunity_count, amount"
        asked = evening.query(
            f"select {columns} from marts.pipeline_waterfall_between({arguments}) order by all"
        )
        held = evening.query(
            f"select distinct {columns} from marts.mart_pipeline_waterfall "
            f"where from_date = date '{first}' and to_date = date '{second}' "
            f"and due_from is not distinct from {_literal(due_from)} order by all"
        )
        assert asked == held


def test_the_slip_rate_is_of_the_deals_due_when_the_quarter_began(
    evening: Warehouse, histories: Histories
) -> None:
    evenings = [(date(2025, 9, 30), date(2025, 12, 31)), (date(2025, 12, 31), date(2026, 3, 31))]
    for before, end in evenings:
        clean = [
            (state, histories.state(deal, end))
            for deal in histories.states
            if (state := histories.state(deal, before)) is not None
            and state.is_open
            and before < state.close_date <= end
        ]
        pushed = [
            late for _, late in clean if late is not None and late.is_open and late.close_date > end
        ]
        [(due_count, pushed_count, slip_rate)] = evening.query(
            "select due_count, pushed_count, slip_rate from marts.mart_pipeline_slippage "
            f"where period_type = 'fiscal_quarter' and from_date = date '{before}' "
            "and node_type = 'company' and hierarchy = 'stamped'"
        )
        damaged = due_count - len(clean)
        assert 0 <= damaged <= 0.1 * due_count
        assert 0 <= pushed_count - len(pushed) <= damaged
        assert float(slip_rate) == pytest.approx(pushed_count / due_count, abs=1e-6)


def test_pacing_counts_wins_and_open_deals_of_the_quarter_to_the_day(
    evening: Warehouse, histories: Histories
) -> None:
    day, quarter, quarter_end = date(2026, 5, 20), date(2026, 4, 1), date(2026, 6, 30)
    [(open_count, open_amount, day_of_period, earlier)] = evening.query(
        "select open_due_count, open_due_amount, day_of_period, prior_period_open_due_amount "
        f"from marts.mart_pipeline_pacing where date_day = date '{day}' "
        "and node_type = 'company' and hierarchy = 'current'"
    )
    assert day_of_period == (day - quarter).days + 1
    [(same_day,)] = evening.query(
        "select open_due_amount from marts.mart_pipeline_pacing where date_day = "
        f"date '2026-01-01' + {day_of_period - 1} and node_type = 'company' "
        "and hierarchy = 'current'"
    )
    assert earlier == same_day
    [(damaged, damaged_amount)] = evening.query(
        "select count(*), coalesce(sum(amount), 0) from core.fct_opportunity_daily "
        f"where is_open and date_day = date '{day}' and close_date between date '{quarter}' "
        f"and date '{quarter_end}' and source_id not in "
        f"({', '.join(repr(deal) for deal in histories.states)})"
    )
    replayed = [
        state.amount
        for deal in histories.states
        if (state := histories.state(deal, day)) is not None
        and state.is_open
        and quarter <= state.close_date <= quarter_end
    ]
    assert len(replayed) + damaged == open_count
    assert sum(replayed) + float(damaged_amount) == pytest.approx(float(open_amount), abs=0.5)


def _literal(day: date | None) -> str:
    return "null" if day is None else f"date '{day}'"
