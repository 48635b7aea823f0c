"""What if: the forecast of an evening once more, with levers moved, in the shape of ml_scenario.

Every scenario runs through the engine of the forecast with the same seeds. The draws of each source
are the same in all scenarios, so a difference is the effect of the levers and not other luck, and
the scenario without levers is the forecast, to the bit.

| lever | what it does |
|---|---|
| win_rate | the probability of every deal, and the number of wins to come, times 1 + value |
| cycle | deals are won at 1 / (1 + value) of the pace: hazards and rates are divided |
| deal_size | amounts times 1 + value |
| hiring | so many people more bring new business like the closers of today, by the ramp schedule |
| price, price_elasticity | amounts times 1 + price, wins times (1 + price) to the elasticity |
| currency | amounts of deals in a currency times 1 + value |

What is won already stays as it is. Customers who come back don't come back more often because
somebody is hired.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
from duckdb import DuckDBPyConnection

from ml_assets.registry import champion_as_of
from ml_assets.revenue.backtest import Evening, with_sources
from ml_assets.revenue.calendar import Floats
from ml_assets.revenue.engine import NEW, Sources
from ml_assets.revenue.forecast import Spoken, champion_evening, evening_rows
from ml_assets.revenue.history import UNASSIGNED
from ml_assets.revenue.organisation import ROLES_THAT_HAND_OVER, holding_at, nodes_on
from ml_assets.revenue.settings import FISCAL_QUARTER, MODEL_NAME, RevenueSettings, feature_schema

BASE = "base"
DAYS_IN_MONTH = 30.4
CERTAIN = 0.999
HORIZONS = ("90", FISCAL_QUARTER)
METRICS = {"mean": "revenue", "0.1": "revenue_low_80", "0.9": "revenue_high_80"}
PARTS = {
    "open_pipeline_amount": "open_pipeline",
    "new_business_amount": "new_business",
}
MONEY = pl.Decimal(18, 2)
SCENARIO_SCHEMA: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "scenario": pl.String,
    "scenario_version": pl.Int64,
    "horizon": pl.String,
    "horizon_days": pl.Int64,
    "horizon_end_date": pl.Date,
    "node_type": pl.String,
    "node_id": pl.String,
    "metric": pl.String,
    "base_value": MONEY,
    "value": MONEY,
    "change_amount": MONEY,
    "change_rate": pl.Float64,
    "model_version": pl.String,
    "as_of_date": pl.Date,
}
KEY = ["horizon", "horizon_days", "horizon_end_date", "node_type", "node_id", "metric"]


@dataclass(frozen=True)
class Scenario:
    """A named what-if.

    Attributes:
        name: of the scenario.
        version: of its levers.
        win_rate: relative change of every chance to win.
        cycle: relative change of the time to close.
        deal_size: relative change of amounts.
        price: relative change of prices.
        price_elasticity: wins in per cent for each per cent of price.
        currencies: relative change of a currency's value in corporate currency.
        hired: people by role.
    """

    name: str
    version: int
    win_rate: float = 0.0
    cycle: float = 0.0
    deal_size: float = 0.0
    price: float = 0.0
    price_elasticity: float = 0.0
    currencies: Mapping[str, float] = field(default_factory=dict[str, float])
    hired: Mapping[str, float] = field(default_factory=dict[str, float])


def scenarios_of(seed: pl.DataFrame) -> list[Scenario]:
    """The scenarios of the seed, base first.

    Args:
        seed: scenario, version, lever, scope, value.

    Raises:
        ValueError: a lever is unknown, a cycle can't be that short, there is no base, or base has
            levers.
    """
    found: dict[str, Scenario] = {BASE: Scenario(BASE, 0)}
    simple = {"win_rate", "cycle", "deal_size", "price", "price_elasticity"}
    for row in seed.sort("scenario", "lever", "scope").iter_rows(named=True):
        name, lever, value = str(row["scenario"]), str(row["lever"]), float(row["value"])
        known = found.get(name, Scenario(name, 0))
        known = replace(known, version=int(row["version"]))
        scope = str(row["scope"] or "")
        if lever in simple:
            known = replace(known, **{lever: value})
        elif lever == "currency":
            known = replace(known, currencies={**known.currencies, scope: value})
        elif lever == "hiring":
            known = replace(known, hired={**known.hired, scope: value})
        elif lever != "none":
            raise ValueError(
                f"seeds/scenarios.csv: scenario {name} has the lever {lever}, which the engine "
                f"doesn't know. It knows none, currency, hiring, {', '.join(sorted(simple))}."
            )
        found[name] = known
        if known.cycle <= -1 or known.win_rate < -1 or known.price <= -1:
            raise ValueError(
                f"seeds/scenarios.csv: {lever} of scenario {name} takes away everything. Relative "
                "changes are above -1."
            )
    if replace(found[BASE], version=0) != Scenario(BASE, 0):
        raise ValueError("seeds/scenarios.csv: the scenario base is the forecast: take its levers.")
    return list(found.values())


def scenario_rows(
    con: DuckDBPyConnection,
    as_of: date,
    models_dir: Path,
    registry: pl.DataFrame,
    seed: pl.DataFrame,
    ramp: pl.DataFrame,
    settings: RevenueSettings | None = None,
) -> pl.DataFrame:
    """What each scenario makes of the forecast of an evening.

    Args:
        con: connection on the warehouse (schema core, built as of `as_of`).
        as_of: the evening.
        models_dir: folder of trained models.
        registry: rows of ml_model_registry.
        seed: the scenarios (see `scenarios_of`).
        ramp: role, months_since_hire, ramp_share.
        settings: of the forecast.

    Returns:
        Columns of `SCENARIO_SCHEMA`, without rows where no champion speaks: a baseline has no
        levers.
    """
    settings = settings or RevenueSettings()
    champion = champion_as_of(registry, MODEL_NAME, as_of, feature_schema())
    if champion is None:
        return pl.DataFrame(schema=SCENARIO_SCHEMA)
    spoken = champion_evening(con, as_of, models_dir, champion, settings)
    frames: list[pl.DataFrame] = []
    base: pl.DataFrame | None = None
    for scenario in scenarios_of(seed):
        evening = played(spoken, scenario, ramp)
        values = _metrics(evening_rows(spoken, evening, champion, settings))
        base = values if base is None else base
        frames.append(
            values.join(base.rename({"value": "base_value"}), on=KEY, how="left").with_columns(
                scenario=pl.lit(scenario.name),
                scenario_version=pl.lit(scenario.version),
                base_value=pl.col("base_value").fill_null(0),
            )
        )
    change = pl.col("value") - pl.col("base_value")
    return (
        pl.concat(frames)
        .with_columns(
            change_amount=change,
            change_rate=pl.when(pl.col("base_value") > 0).then(
                change.cast(pl.Float64) / pl.col("base_value").cast(pl.Float64)
            ),
            model_version=pl.lit(champion),
            as_of_date=pl.lit(as_of),
        )
        .select(pl.col(name).cast(dtype) for name, dtype in SCENARIO_SCHEMA.items())
        .sort("scenario", *KEY)
    )


def played(spoken: Spoken, scenario: Scenario, ramp: pl.DataFrame) -> Evening:
    """The evening with the levers of a scenario moved."""
    evening = spoken.evening
    sources = evening.sources
    if scenario.cycle:
        sources = replace(sources, win=sources.win / (1 + scenario.cycle))
    wins = (1 + scenario.win_rate) * (1 + scenario.price) ** scenario.price_elasticity
    if wins != 1:
        sources = replace(sources, win=_won_more(sources, wins))
    amount = (1 + scenario.deal_size) * (1 + scenario.price)
    if amount != 1:
        sources = replace(sources, amount=sources.amount * amount)
    if scenario.currencies:
        worth = np.array([1 + scenario.currencies.get(code, 0.0) for code in sources.currency])
        sources = replace(sources, amount=sources.amount * worth)
    if scenario.hired:
        sources = _with_hired(spoken, sources, scenario.hired, ramp)
    if sources is evening.sources:
        return evening
    user_ids = sorted({*evening.user_ids, *sources.user_ids})
    nodes = nodes_on(spoken.history, evening.origin, user_ids)
    return with_sources(evening, sources, nodes, user_ids)


def _won_more(sources: Sources, times: float) -> Floats:
    """Hazards and rates so that chances to win, or expected wins, are so many times as large."""
    chance = np.minimum(sources.expected_wins() * times, CERTAIN)
    return np.where(sources.is_single[:, None], -np.log1p(-chance), sources.win * times)


def _with_hired(
    spoken: Spoken, sources: Sources, hired: Mapping[str, float], ramp: pl.DataFrame
) -> Sources:
    """The sources and the new business of people who begin after the evening.

    Each brings the mean of what is expected of today's closers from deals that stand for those to
    come, times the ramp share of their months. They count for nobody yet (`unassigned`).
    """
    users = holding_at(spoken.history["users"], "user_id", spoken.evening.origin)
    closers = users.filter(
        pl.col("is_in_office") & ~pl.col("role").is_in(ROLES_THAT_HAND_OVER).fill_null(False)
    )
    pool = np.flatnonzero(~sources.is_single & (sources.part == NEW))
    if closers.is_empty() or not len(pool):
        return sources
    productive = sum(
        people * _ramped(ramp, role, sources.horizons) for role, people in hired.items()
    )
    user_ids = sorted({*sources.user_ids, UNASSIGNED})
    place = {user: number for number, user in enumerate(user_ids)}
    onto = np.array([place[user] for user in sources.user_ids], dtype=np.int64)
    count = len(pool)
    return Sources(
        user_ids=user_ids,
        user=np.concatenate([onto[sources.user], np.full(count, place[UNASSIGNED])]),
        part=np.concatenate([sources.part, sources.part[pool]]),
        is_single=np.concatenate([sources.is_single, sources.is_single[pool]]),
        amount=np.concatenate([sources.amount, sources.amount[pool]]),
        spread=np.concatenate([sources.spread, sources.spread[pool]]),
        currency=[*sources.currency, *(sources.currency[row] for row in pool)],
        win=np.concatenate([sources.win, sources.win[pool] * productive / closers.height]),
        horizons=sources.horizons,
    )


def _ramped(ramp: pl.DataFrame, role: str, horizons: np.typing.NDArray[np.int64]) -> Floats:
    """Mean ramp share of somebody's first days, for each horizon, not decreasing."""
    shares = ramp.filter(pl.col("role") == role).sort("months_since_hire")
    known = shares["ramp_share"].cast(pl.Float64).to_numpy()

    def share(day: int) -> float:
        month = int(day / DAYS_IN_MONTH)
        return float(known[month]) if month < len(known) else 1.0

    means = [
        float(np.mean([share(day) for day in range(int(days))])) if days > 0 else 0.0
        for days in horizons
    ]
    return np.maximum.accumulate(np.array(means))


def _metrics(rows: pl.DataFrame) -> pl.DataFrame:
    """Mean, ends of the 80 % interval, and the parts of the mean, one row each."""
    wanted = rows.filter(pl.col("horizon").is_in(HORIZONS))
    keys = [name for name in KEY if name != "metric"]
    amounts = wanted.filter(pl.col("quantile").is_in(list(METRICS))).select(
        *keys, metric=pl.col("quantile").replace_strict(METRICS), value="amount"
    )
    parts = (
        wanted.filter(pl.col("quantile") == "mean")
        .unpivot(on=list(PARTS), index=keys, variable_name="metric", value_name="value")
        .with_columns(pl.col("metric").replace_strict(PARTS))
    )
    return pl.concat([amounts, parts.select(amounts.columns)]).with_columns(
        pl.col("value").cast(MONEY)
    )
