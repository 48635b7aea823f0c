"""The revenue forecast on a company with known truth: what it adds up to, and what it may know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from selling_company import selling_tables
from synthetic_core import AS_OF, connect, simulate

from ml_assets.registry import empty_registry, learn
from ml_assets.revenue import RevenueProcedure, RevenueSettings, forecast_revenue
from ml_assets.revenue.backtest import QUANTILE_COLUMNS, run_backtest
from ml_assets.revenue.history import RevenueHistory, first_known_closing, read_history
from ml_assets.revenue.settings import HazardSettings

SMALL = RevenueSettings(
    hazard=HazardSettings(rounds=20, min_rows=40),
    max_origins=4,
    burn_in_origins=2,
    min_origins=2,
    min_won_deals=30,
    simulations=400,
    backtest_simulations=200,
)
EVENING = date(2025, 10, 26)  # a Sunday: everything known this evening is trained with
END = datetime(2025, 10, 27)
Tables = dict[str, pl.DataFrame]


def built_as_of_the_evening(tables: Tables) -> Tables:
    """What the facts would hold that evening where they are rebuilt every night."""
    events = tables["fct_opportunity_event"].filter(pl.col("recorded_at") < END)
    stages = events.filter(pl.col("field") == "stage").sort("changed_at")
    last = stages.group_by("opportunity_id").agg(
        last=pl.col("new_value").last(), at=pl.col("changed_at").last().cast(pl.Date)
    )
    closed = pl.col("last").is_in(["Closed Won", "Closed Lost"])
    facts = tables["fct_opportunity"].drop("is_won", "is_open", "close_date", "as_of_date")
    return tables | {
        "fct_opportunity": facts.join(last, on="opportunity_id")
        .with_columns(
            is_won=pl.col("last") == "Closed Won",
            is_open=~closed,
            close_date=pl.when(closed).then("at"),
            as_of_date=pl.lit(EVENING),
        )
        .drop("last", "at")
    }


@dataclass(frozen=True)
class Said:
    """What was said of the evening."""

    rows: pl.DataFrame
    version: str
    models: Path


def promoted(registry: pl.DataFrame) -> pl.DataFrame:
    return registry.with_columns(promotion_decision=pl.lit("promoted"), is_champion=pl.lit(True))


def say(tables: Tables, models: Path) -> Said:
    """Train, and let the model speak, whatever its verdict: here its words are looked at."""
    procedure = RevenueProcedure(SMALL)
    with connect(built_as_of_the_evening(tables)) as con:
        con.execute("set threads = 1")
        evaluated, registry = learn(con, EVENING, models, 7, procedure, empty_registry())
        scored = forecast_revenue(con, EVENING, models, promoted(registry), SMALL)
    return Said(scored.rows, evaluated.version, models)


@pytest.fixture(scope="module")
def tables() -> Tables:
    return selling_tables(simulate(seed=3, deals=1_200))


@pytest.fixture(scope="module")
def said(tables: Tables, tmp_path_factory: pytest.TempPathFactory) -> Said:
    return say(tables, tmp_path_factory.mktemp("revenue"))


def of_the_evening(said: Said) -> pl.DataFrame:
    return said.rows.filter(~pl.col("is_backtest"))


def test_parts_add_up_and_children_to_their_parent_to_the_cent(said: Said) -> None:
    rows = said.rows
    parts = pl.sum_horizontal("already_won_amount", "open_pipeline_amount", "new_business_amount")
    assert rows.filter(pl.col("amount") != parts).is_empty()
    columns = ["amount", "already_won_amount", "open_pipeline_amount", "new_business_amount"]
    keys = ["origin_date", "horizon", "node_type", "is_backtest"]
    sums = rows.filter(pl.col("quantile") == "mean").group_by(keys).agg(pl.col(columns).sum())
    company = sums.filter(pl.col("node_type") == "company").drop("node_type")
    compared = sums.join(company, on=["origin_date", "horizon", "is_backtest"], suffix="_company")
    assert compared.height == 4 * company.height
    for column in columns:
        assert compared.filter(pl.col(column) != pl.col(f"{column}_company")).is_empty()


def test_quantiles_do_not_cross_and_longer_windows_bring_more(said: Said) -> None:
    ordered = (
        of_the_evening(said)
        .filter(pl.col("quantile") != "mean")
        .with_columns(level=pl.col("quantile").cast(pl.Float64))
        .sort("horizon", "node_type", "node_id", "level")
        .with_columns(step=pl.col("amount").diff().over("horizon", "node_type", "node_id"))
    )
    assert ordered.filter(pl.col("step") < 0).is_empty()
    days = of_the_evening(said).filter(pl.col("horizon") != "fiscal_quarter")
    longer = days.sort("horizon_days").with_columns(
        step=pl.col("amount").diff().over("node_type", "node_id", "quantile")
    )
    assert longer.filter(pl.col("step") < 0).is_empty()


def test_what_is_won_in_the_quarter_is_locked_in(said: Said, tables: Tables) -> None:
    events = tables["fct_opportunity_event"]
    won = events.filter(
        (pl.col("new_value") == "Closed Won")
        & (pl.col("recorded_at") < END)
        & (pl.col("changed_at") >= datetime(2025, 10, 1))
    )
    amounts = tables["fct_opportunity"].select("opportunity_id", "amount")
    booked = won.join(amounts, on="opportunity_id")["amount"].sum()
    assert booked > 0
    quarter = of_the_evening(said).filter(
        (pl.col("horizon") == "fiscal_quarter") & (pl.col("node_type") == "company")
    )
    assert quarter.height == 8
    assert set(quarter["already_won_amount"]) == {booked}
    assert (quarter["amount"] >= booked).all()
    assert set(quarter["horizon_start_date"]) == {date(2025, 10, 1)}
    assert set(quarter["horizon_end_date"]) == {date(2025, 12, 31)}


def test_the_backtest_comes_with_the_champion_once(said: Said, tables: Tables) -> None:
    earlier = said.rows.filter("is_backtest")
    assert earlier["origin_date"].n_unique() == SMALL.max_origins
    assert earlier["origin_date"].max() < date(2025, 8, 1)  # its 92 days are over
    with connect(built_as_of_the_evening(tables)) as con:
        con.execute("create schema ml")
        con.register("rows", said.rows.with_columns(as_of_date=pl.lit(date(2025, 10, 25))))
        con.execute("create table ml.ml_revenue_forecast as select * from rows")
        _, registry = learn(con, EVENING, said.models, 7, RevenueProcedure(SMALL), empty_registry())
        again = forecast_revenue(con, EVENING, said.models, promoted(registry), SMALL).rows
    assert again.equals(of_the_evening(said))


def deleted(tables: Tables) -> Tables:
    """Everything recorded later is gone."""
    events = tables["fct_opportunity_event"]
    return tables | {"fct_opportunity_event": events.filter(pl.col("recorded_at") < END)}


def altered(tables: Tables) -> Tables:
    """Everything recorded later says something else: what is lost is won, for other amounts."""
    events = tables["fct_opportunity_event"]
    later = pl.col("recorded_at") >= END
    swapped = pl.col("new_value").replace(
        {"Closed Won": "Closed Lost", "Closed Lost": "Closed Won", "Proposal": "Prospecting"}
    )
    return tables | {
        "fct_opportunity_event": events.with_columns(
            new_value=pl.when(later).then(swapped).otherwise("new_value")
        )
    }


def added(tables: Tables) -> Tables:
    """More is recorded later, about earlier days too: wins, calls, people, rates, accounts."""
    late, before = END + timedelta(days=2), END - timedelta(days=20)
    deals = tables["fct_opportunity"]["opportunity_id"]
    wins = pl.DataFrame(
        {
            "change_id": [f"late-{key}" for key in deals],
            "opportunity_id": deals,
            "field": "stage",
            "old_value": "Negotiation",
            "new_value": "Closed Won",
            "changed_at": before,
            "recorded_at": late,
        },
        schema_overrides={"changed_at": pl.Datetime("us"), "recorded_at": pl.Datetime("us")},
    )
    calls = tables["fct_forecast_submission"]
    nodes, users = tables["bridge_user_node"], tables["dim_user"]
    accounts, rates = tables["dim_account"], tables["fct_fx_rate"]
    ended = pl.lit(late)
    return tables | {
        "fct_opportunity_event": pl.concat([tables["fct_opportunity_event"], wins]),
        "fct_forecast_submission": pl.concat(
            [
                calls.with_columns(superseded_at=ended),
                calls.with_columns(submitted_at=ended, amount=pl.lit(9e9)),
            ]
        ),
        "bridge_user_node": pl.concat(
            [
                nodes.with_columns(valid_to=ended),
                nodes.with_columns(valid_from=ended, node_id=pl.lit("new")),
            ]
        ),
        "dim_user": pl.concat(
            [users, users.with_columns(valid_from=ended, is_active=pl.lit(False))]
        ),
        "dim_account": pl.concat(
            [
                accounts.with_columns(valid_to=ended),
                accounts.with_columns(valid_from=ended, segment=pl.lit("Enterprise")),
            ]
        ),
        "fct_fx_rate": pl.concat(
            [
                rates.with_columns(valid_to=pl.lit(late.date())),
                rates.with_columns(
                    valid_from=pl.lit(late.date()),
                    rate_to_corporate=pl.lit(3).cast(pl.Decimal(18, 8)),
                ),
            ]
        ),
    }


@pytest.mark.parametrize("mutation", [deleted, altered, added])
def test_what_is_recorded_later_changes_no_model_and_no_forecast(
    said: Said, tables: Tables, mutation: Callable[[Tables], Tables]
) -> None:
    """The model's version holds the fingerprint of all that it was trained on."""
    again = say(mutation(tables), said.models)
    assert again.version == said.version
    assert again.rows.equals(said.rows)


def test_an_origin_of_the_backtest_sees_nothing_that_came_after_it(tables: Tables) -> None:
    """Read long after it, an evening looks as it did: pipeline, wins, what is learnt from."""
    origin = date(2025, 7, 1)
    views: list[list[pl.DataFrame]] = []
    for clock in (origin, EVENING):
        with connect(tables) as con:
            history = read_history(con, clock, SMALL, [origin])
        wins = history.won_by(origin).drop("undone_date")
        landmarks = history.landmarks(origin)
        views.append([history.open_on(origin), wins, landmarks, history.births(origin, 182)])
    for then, later in zip(*views, strict=True):
        assert then.height > 50
        assert later.equals(then)


def test_intervals_of_an_origin_know_only_what_was_known_of_windows_that_were_over(
    tables: Tables,
) -> None:
    """Wins known after 1 August are ten times as large: no forecast up to then changes, intervals
    included, though those of August are learnt from the 30 days after 1 June.

    Wins known in June count in August, or this would prove nothing.
    """
    origins = [date(2025, month, 1) for month in (6, 7, 8)]
    with connect(tables) as con:
        history = read_history(con, EVENING, SMALL, origins)

    def intervals(after: date, until: date) -> list[pl.DataFrame]:
        later = history["closings"].filter(
            (pl.col("known_date") > after) & (pl.col("known_date") <= until) & pl.col("is_won")
        )
        keys = later["opportunity_id"].implode()
        assert later.height > 10
        frames = dict(history.frames)
        for name in ("closings", "bookings"):
            frames[name] = frames[name].with_columns(
                amount=pl.when(pl.col("opportunity_id").is_in(keys))
                .then(pl.col("amount") * 10)
                .otherwise("amount")
            )
        frame = run_backtest(RevenueHistory(EVENING, frames), origins, SMALL, 7).frame
        wanted = ["window_end", "node_type", "node_id", "mean", *QUANTILE_COLUMNS]
        return [frame.filter(pl.col("origin_date") == day).select(wanted) for day in origins]

    plain = run_backtest(history, origins, SMALL, 7).frame.select(
        "origin_date", "window_end", "node_type", "node_id", "mean", *QUANTILE_COLUMNS
    )
    original = [plain.filter(pl.col("origin_date") == day).drop("origin_date") for day in origins]
    after_all = intervals(origins[2], EVENING)
    assert all(then.equals(now) for then, now in zip(original, after_all, strict=True))
    in_june = intervals(origins[0], date(2025, 6, 30))
    assert original[0].equals(in_june[0])
    assert not original[2].equals(in_june[2])


def test_the_mutations_do_change_later_days(tables: Tables) -> None:
    """Or the tests above would prove nothing."""

    def later_wins(changed: Tables) -> pl.DataFrame:
        with connect(changed) as con:
            history = read_history(con, AS_OF, SMALL, [AS_OF], landmarks=False)
        return history.won_by(AS_OF)

    original = later_wins(tables)
    for mutation in (deleted, altered, added):
        assert not later_wins(mutation(tables)).equals(original)


def test_too_little_history_gives_the_weighted_pipeline(tmp_path: Path) -> None:
    young = date(2024, 6, 30)
    tables = selling_tables(simulate(seed=4, deals=300, as_of=young), young)
    with connect(tables) as con:
        evaluated, registry = learn(con, young, tmp_path, 7, RevenueProcedure(), empty_registry())
        assert evaluated.metrics["verdict"] == "insufficient_history"
        rows = forecast_revenue(con, young, tmp_path, registry).rows
        due = con.execute(
            "select sum(amount * chance) from (select cast(amount.new_value as double) as amount, "
            "cast(due.new_value as date) as due, stages.default_probability as chance "
            "from core.fct_opportunity as deals "
            "inner join core.fct_opportunity_event as amount using (opportunity_id) "
            "inner join core.fct_opportunity_event as stage using (opportunity_id) "
            "inner join core.fct_opportunity_event as due using (opportunity_id) "
            "inner join core.dim_stage as stages on stage.new_value = stages.stage "
            "where deals.is_open and amount.field = 'amount_local' "
            "and stage.field = 'stage' and due.field = 'close_date' "
            "qualify row_number() over (partition by deals.opportunity_id "
            "order by stage.changed_at desc, due.changed_at desc) = 1) "
            "where due between '2024-04-01' and '2024-07-30'"
        ).fetchall()[0][0]
    assert set(rows["data_sufficiency"]) == {"insufficient_history: weighted_pipeline"}
    assert set(rows["quantile"]) == {"mean"}
    company = rows.filter((pl.col("node_type") == "company") & (pl.col("horizon") == "30"))
    assert float(company["amount"][0]) == pytest.approx(due, abs=0.1)


def test_a_company_without_closings_has_no_first_one() -> None:
    with connect(selling_tables(simulate(seed=5, deals=40))) as con:
        assert first_known_closing(con, date(2023, 12, 31)) is None
