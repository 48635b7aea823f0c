"""Scenarios: base is the forecast, and each lever does what it says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl
import pytest
from selling_company import selling_tables
from synthetic_core import AS_OF, connect, simulate

from ml_assets.registry import empty_registry, learn
from ml_assets.revenue import RevenueProcedure, RevenueSettings, forecast_revenue
from ml_assets.revenue.forecast import Spoken, champion_evening
from ml_assets.revenue.scenario import Scenario, played, scenario_rows, scenarios_of
from ml_assets.revenue.settings import HazardSettings

SMALL = RevenueSettings(
    hazard=HazardSettings(rounds=20, min_rows=40),
    max_origins=3,
    burn_in_origins=1,
    min_origins=2,
    min_won_deals=30,
    simulations=200,
    backtest_simulations=100,
)
RAMP = pl.DataFrame(
    {"role": ["AE"] * 3, "months_since_hire": [0, 1, 2], "ramp_share": [0.25, 0.25, 0.25]}
)
LEVERS = pl.DataFrame(
    [
        ("base", 1, "none", None, 0.0),
        ("up", 3, "win_rate", None, 0.1),
        ("pricey", 1, "price", None, 0.05),
        ("pricey", 1, "price_elasticity", None, -0.8),
        ("crew", 1, "hiring", "AE", 6.0),
        ("slow", 1, "cycle", None, 0.2),
        ("dollar", 1, "currency", "USD", -0.1),
    ],
    schema=["scenario", "version", "lever", "scope", "value"],
    orient="row",
)


@dataclass(frozen=True)
class Company:
    con: duckdb.DuckDBPyConnection
    models: Path
    registry: pl.DataFrame
    spoken: Spoken


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    con = connect(selling_tables(simulate(seed=6, deals=900)))
    models = tmp_path_factory.mktemp("scenario")
    evaluated, registry = learn(con, AS_OF, models, 7, RevenueProcedure(SMALL), empty_registry())
    registry = registry.with_columns(
        promotion_decision=pl.lit("promoted"), is_champion=pl.lit(True)
    )
    spoken = champion_evening(con, AS_OF, models, evaluated.version, SMALL)
    return Company(con, models, registry, spoken)


@pytest.fixture(scope="module")
def rows(company: Company) -> pl.DataFrame:
    return scenario_rows(company.con, AS_OF, company.models, company.registry, LEVERS, RAMP, SMALL)


def value(rows: pl.DataFrame, scenario: str, metric: str = "revenue", of: str = "value") -> float:
    found = rows.filter(
        (pl.col("scenario") == scenario)
        & (pl.col("metric") == metric)
        & (pl.col("horizon") == "90")
        & (pl.col("node_type") == "company")
    )
    return float(found[of][0])


def test_the_base_case_is_the_forecast_to_the_bit(company: Company, rows: pl.DataFrame) -> None:
    forecast = forecast_revenue(
        company.con, AS_OF, company.models, company.registry, SMALL
    ).rows.filter(~pl.col("is_backtest") & pl.col("horizon").is_in(["90", "fiscal_quarter"]))
    names = {"mean": "revenue", "0.1": "revenue_low_80", "0.9": "revenue_high_80"}
    stated = forecast.filter(pl.col("quantile").is_in(list(names))).select(
        "horizon",
        "node_type",
        "node_id",
        metric=pl.col("quantile").replace_strict(names),
        amount="amount",
    )
    base = rows.filter(pl.col("scenario") == "base")
    assert base.filter(pl.col("value") != pl.col("base_value")).is_empty()
    compared = base.join(stated, on=["horizon", "node_type", "node_id", "metric"])
    assert compared.height == stated.height > 50
    assert compared.filter(pl.col("value") != pl.col("amount")).is_empty()
    # and before any rounding
    again = champion_evening(
        company.con, AS_OF, company.models, company.registry["model_version"][0], SMALL
    ).evening
    same = played(company.spoken, Scenario("base", 1), RAMP)
    shocks = company.spoken.model.intervals.shocks
    assert (same.paths(shocks, 50, 7) == again.paths(shocks, 50, 7)).all()


def test_levers_do_what_they_say(company: Company, rows: pl.DataFrame) -> None:
    base = value(rows, "base")
    assert value(rows, "up") == pytest.approx(1.1 * base, rel=0.01)  # but for chances near 1
    assert value(rows, "dollar") == pytest.approx(0.9 * base, rel=1e-4)
    assert value(rows, "pricey") == pytest.approx(1.05 * 1.05**-0.8 * base, rel=0.01)
    # at a pace of 1 / 1.2, what is to come at a rate comes at five sixths of it
    assert value(rows, "slow", "new_business") == pytest.approx(
        value(rows, "base", "new_business") / 1.2, rel=0.01
    )
    assert base / 1.2 < value(rows, "slow") < base
    # six people at a quarter, next to twelve: an eighth more new business, nothing else
    assert value(rows, "crew", "new_business") == pytest.approx(
        1.125 * value(rows, "base", "new_business"), rel=1e-4
    )
    assert value(rows, "crew", "open_pipeline") == value(rows, "base", "open_pipeline")
    assert set(rows.filter(pl.col("scenario") == "up")["scenario_version"]) == {3}


def test_what_is_won_stays_and_more_chance_never_brings_less(
    company: Company, rows: pl.DataFrame
) -> None:
    """Path by path: the draws are the same, so a better chance is never worse."""
    evening = company.spoken.evening
    better = played(company.spoken, Scenario("up", 1, win_rate=0.2), RAMP)
    shocks = company.spoken.model.intervals.shocks
    assert (better.already_won == evening.already_won).all()
    assert (better.paths(shocks, 100, 7) >= evening.paths(shocks, 100, 7) - 1e-6).all()


def test_reps_add_up_to_the_company_in_every_scenario(rows: pl.DataFrame) -> None:
    sums = (
        rows.filter(pl.col("metric").is_in(["revenue", "open_pipeline", "new_business"]))
        .group_by("scenario", "horizon", "metric", "node_type")
        .agg(pl.col("value").sum())
    )
    company = sums.filter(pl.col("node_type") == "company").drop("node_type")
    compared = sums.join(company, on=["scenario", "horizon", "metric"], suffix="_company")
    assert compared.height == 4 * company.height
    assert compared.filter(pl.col("value") != pl.col("value_company")).is_empty()


def test_without_a_champion_there_are_no_scenarios(company: Company) -> None:
    none = scenario_rows(company.con, AS_OF, company.models, empty_registry(), LEVERS, RAMP, SMALL)
    assert none.is_empty()


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (("x", 1, "weather", None, 0.1), "doesn't know"),
        (("x", 1, "cycle", None, -1.0), "takes away everything"),
        (("base", 1, "win_rate", None, 0.1), "take its levers"),
    ],
)
def test_a_seed_that_makes_no_sense_is_refused(row: tuple[object, ...], says: str) -> None:
    seed = pl.DataFrame([row], schema=LEVERS.schema, orient="row")
    with pytest.raises(ValueError, match=says):
        scenarios_of(seed)


def test_the_seed_of_the_project_can_be_read() -> None:
    seed = pl.read_csv(Path(__file__).parents[3] / "seeds" / "scenarios.csv")
    found = {scenario.name: scenario for scenario in scenarios_of(seed)}
    assert found["downturn"] == Scenario("downturn", 1, win_rate=-0.15, cycle=0.15, deal_size=-0.05)
    assert found["hire_five_reps"].hired == {"AE": 5.0}
    assert set(found["stronger_dollar"].currencies.values()) == {-0.1}
