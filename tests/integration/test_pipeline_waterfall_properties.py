"""Whatever happens to deals, their waterfall balances: the published functions over random days."""

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.conftest import Warehouse

FIRST, DAYS = date(2026, 3, 20), 25
LAST = FIRST + timedelta(days=DAYS - 1)
OWNERS = ("ann", "ben", "cid", None)
CENT = Decimal("0.01")
FLOWS = {"created", "pulled_in", "reopened", "scope_in"}
EBBS = {"pushed", "won", "lost", "deleted", "scope_out"}
MOVED = FIRST + timedelta(days=12)

# cid moves from team A to B, and from boss to nobody, in the middle; ann's region is not known
NODES: list[tuple[str, str, str, date | None, date | None]] = [
    *((user, "company", "All", None, None) for user in ("ann", "ben", "cid", "unassigned")),
    *((user, "rep", user, None, None) for user in ("ann", "ben", "cid", "unassigned")),
    ("ann", "team", "A", None, None),
    ("ben", "team", "B", None, None),
    ("cid", "team", "A", None, MOVED),
    ("cid", "team", "B", MOVED, None),
    ("unassigned", "team", "Unknown", None, None),
    ("ann", "manager", "boss", None, None),
    ("cid", "manager", "boss", None, MOVED),
]


@dataclass(frozen=True)
class Day:
    """A deal at the end of a day."""

    stage: str  # open, won, lost or deleted
    amount_local: Decimal | None
    close_date: date | None
    owner: str | None

    @property
    def is_open(self) -> bool:
        return self.stage == "open"


@dataclass(frozen=True)
class Deal:
    currency: str
    days: dict[date, Day]


money = st.none() | st.decimals(0, 5_000, places=2)
due_date = st.none() | st.integers(-10, 60).map(lambda days: FIRST + timedelta(days=days))
change = st.one_of(
    st.sampled_from(("open", "won", "lost", "deleted")).map(lambda stage: {"stage": stage}),
    money.map(lambda amount: {"amount_local": amount}),
    due_date.map(lambda due: {"close_date": due}),
    st.sampled_from(OWNERS).map(lambda owner: {"owner": owner}),
)


@st.composite
def deals(draw: st.DrawFn) -> Deal:
    """A history of changes, as the state at the end of each day from the creation on."""
    created = draw(st.integers(0, DAYS - 1))
    changes = draw(
        st.dictionaries(st.integers(created + 1, DAYS), st.lists(change, max_size=3), max_size=6)
    )
    state = Day("open", draw(money), draw(due_date), draw(st.sampled_from(OWNERS)))
    days: dict[date, Day] = {}
    for number in range(created, DAYS):
        for one in changes.get(number, []):
            state = replace(state, **one)
        days[FIRST + timedelta(days=number)] = state
    return Deal(draw(st.sampled_from(("USD", "EUR", "XXX"))), days)


def rate(currency: str, day: date) -> Decimal | None:
    """A currency that moves now and then, one that doesn't, and one without a rate."""
    if currency == "EUR":
        return Decimal("1.05") + Decimal((day - FIRST).days // 7) / 100
    return Decimal(1) if currency == "USD" else None


def worth(deal: Deal, day: date) -> Decimal:
    state, at = deal.days[day], rate(deal.currency, day)
    if state.amount_local is None or at is None:
        return Decimal(0)
    return (state.amount_local * at).quantize(CENT, ROUND_HALF_UP)


@pytest.fixture(scope="module")
def published(evening: Warehouse) -> duckdb.DuckDBPyConnection:
    """The functions as they are published, in a database without rows."""
    con = duckdb.connect()
    con.execute("create schema core; create schema marts")
    con.execute(
        "create table core.fct_opportunity_daily (opportunity_id varchar, date_day date, "
        "owner_user_id varchar, close_date date, currency_code varchar, "
        "amount_local decimal(18, 2), fx_rate decimal(18, 8), amount decimal(18, 2), "
        "is_open boolean, is_won boolean, is_lost boolean)"
    )
    con.execute(
        "create table core.dim_currency as select * from (values ('USD', 1.0::decimal(18, 8)), "
        "('EUR', 1.05), ('XXX', null)) as rates (currency_code, constant_rate)"
    )
    con.execute(
        "create table core.bridge_user_node (user_id varchar, node_type varchar, "
        "node_id varchar, node_name varchar, valid_from timestamp, valid_to timestamp, "
        "is_current boolean)"
    )
    con.executemany(
        "insert into core.bridge_user_node values (?, ?, ?, ?, ?, ?, ?)",
        [
            (user, kind, node, node, start or date(1900, 1, 1), end, end is None)
            for user, kind, node, start, end in NODES
        ],
    )
    con.execute(f"create table marts.mart_reporting_period as select date '{LAST}' as as_of_date")
    for name, body in evening.query(
        "select function_name, macro_definition from duckdb_functions() "
        "where function_type = 'table_macro' and schema_name = 'marts' and len(parameters) = 4"
    ):
        con.execute(
            f"create macro marts.{name}(from_day, to_day, due_from_day, due_to_day) "
            f"as table ({body})"
        )
    return con


def _store(con: duckdb.DuckDBPyConnection, history: list[Deal]) -> None:
    """Days as fct_opportunity_daily keeps them: open ones, and those on which a deal left."""
    rows: list[tuple[object, ...]] = []
    for number, deal in enumerate(history):
        before: Day | None = None
        for day, state in deal.days.items():
            if state.is_open or before is None or before.stage != state.stage:
                was_closed = before is not None and not before.is_open
                if not (was_closed and state.stage == "deleted"):
                    at = rate(deal.currency, day)
                    rows.append(
                        (
                            f"deal {number}",
                            day,
                            state.owner,
                            state.close_date,
                            deal.currency,
                            state.amount_local,
                            at,
                            None if at is None or state.amount_local is None else worth(deal, day),
                            state.is_open,
                            state.stage == "won",
                            state.stage == "lost",
                        )
                    )
            before = state
    con.execute("delete from core.fct_opportunity_daily")
    names = [name for (name, *_) in con.execute("describe core.fct_opportunity_daily").fetchall()]
    frame = pl.DataFrame(rows, schema=names, orient="row", infer_schema_length=None)
    con.register("frame", frame)
    con.execute("insert into core.fct_opportunity_daily select * from frame")


def _nodes(owner: str | None, day: date, hierarchy: str) -> set[tuple[str, str]]:
    at = datetime.combine(day, time(23, 59, 59))
    return {
        (kind, node)
        for user, kind, node, start, end in NODES
        if user == (owner or "unassigned")
        and (
            end is None
            if hierarchy == "current"
            else (start is None or datetime.combine(start, time()) <= at)
            and (end is None or at < datetime.combine(end, time()))
        )
    }


def _pipeline(
    history: list[Deal], day: date, due: tuple[date, date] | None, hierarchy: str
) -> dict[tuple[str, str], tuple[int, Decimal]]:
    """Number and amount of the deals that are in on an evening, by node."""
    totals: dict[tuple[str, str], tuple[int, Decimal]] = defaultdict(lambda: (0, Decimal(0)))
    for deal in history:
        state = deal.days.get(day)
        if state is None or not state.is_open:
            continue
        if due is None or (state.close_date is not None and due[0] <= state.close_date <= due[1]):
            for node in _nodes(state.owner, day, hierarchy):
                count, amount = totals[node]
                totals[node] = (count + 1, amount + worth(deal, day))
    return totals


day_of_history = st.integers(-1, DAYS - 1).map(lambda days: FIRST + timedelta(days=days))


@st.composite
def ranges(draw: st.DrawFn) -> tuple[date, date] | None:
    """Between which days deals must be due; none for all open ones."""
    ends = [draw(due_date), draw(due_date)]
    days = sorted(day for day in ends if day is not None)
    return (days[0], days[1]) if len(days) == 2 else None


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    history=st.lists(deals(), min_size=1, max_size=6),
    evenings=st.tuples(day_of_history, day_of_history),
    due=ranges(),
)
def test_the_bars_of_every_node_add_up_to_its_end(
    published: duckdb.DuckDBPyConnection,
    history: list[Deal],
    evenings: tuple[date, date],
    due: tuple[date, date] | None,
) -> None:
    _store(published, history)
    first, last = min(evenings), max(evenings)
    arguments = [*evenings, *(due or (None, None))]
    rows = published.execute(
        "select hierarchy, node_type, node_id, bucket, opportunity_count, amount, amount_constant "
        "from marts.pipeline_waterfall_between(?, ?, ?, ?)",
        arguments,
    ).fetchall()

    bars: dict[tuple[str, str, str], dict[str, tuple[int, Decimal, Decimal]]] = defaultdict(dict)
    for hierarchy, kind, node, bucket, count, amount, constant in rows:
        bars[hierarchy, kind, node][bucket] = (count, amount, constant)

    for (hierarchy, kind, node), of_node in bars.items():
        steps = [bar for bucket, bar in of_node.items() if bucket != "end"]
        assert sum(amount for _, amount, _ in steps) == of_node["end"][1]
        assert sum(constant for _, _, constant in steps) == of_node["end"][2]
        come = sum(bar[0] for bucket, bar in of_node.items() if bucket in FLOWS)
        gone = sum(bar[0] for bucket, bar in of_node.items() if bucket in EBBS)
        assert of_node["start"][0] + come - gone == of_node["end"][0]
        for bucket, day in (("start", first), ("end", last)):
            count, amount, _ = of_node[bucket]
            assert (count, amount) == _pipeline(history, day, due, hierarchy)[kind, node]
    for hierarchy in ("stamped", "current"):
        for day in (first, last):
            for kind, node in _pipeline(history, day, due, hierarchy):
                assert (hierarchy, kind, node) in bars

    for hierarchy in ("stamped", "current"):
        by_kind: dict[str, dict[str, Decimal]] = {}
        for kind in ("company", "team", "rep"):
            totals: dict[str, Decimal] = defaultdict(Decimal)
            for (of_hierarchy, of_kind, _), of_node in bars.items():
                if (of_hierarchy, of_kind) == (hierarchy, kind):
                    for bucket, (_, amount, _) in of_node.items():
                        name = "scope" if bucket.startswith("scope") else bucket
                        totals[name] += amount
            by_kind[kind] = {name: amount for name, amount in totals.items() if amount}
        assert by_kind["team"] == by_kind["company"]
        assert by_kind["rep"] == by_kind["company"]


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    history=st.lists(deals(), min_size=1, max_size=6),
    evenings=st.tuples(day_of_history, day_of_history),
    due=ranges(),
)
def test_the_deals_make_up_the_bars_of_the_company(
    published: duckdb.DuckDBPyConnection,
    history: list[Deal],
    evenings: tuple[date, date],
    due: tuple[date, date] | None,
) -> None:
    _store(published, history)
    arguments = [*evenings, *(due or (None, None))]
    found = published.execute(
        "select bucket, count(*), sum(case when bucket in ('increased', 'decreased') "
        "then change_amount else closing_amount - opening_amount end) "
        "from marts.pipeline_changes_between(?, ?, ?, ?) where bucket <> 'kept' group by all",
        arguments,
    ).fetchall()
    of_company = published.execute(
        "select bucket, opportunity_count, amount "
        "from marts.pipeline_waterfall_between(?, ?, ?, ?) where node_type = 'company' "
        "and hierarchy = 'current' and bucket not in ('start', 'end', 'currency')",
        arguments,
    ).fetchall()
    assert sorted(found) == sorted(of_company)
