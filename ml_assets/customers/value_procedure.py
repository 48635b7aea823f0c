"""How the value of customers is made and judged: at earlier days, against what they then bought."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray

from ml_assets.customers.value import History, ValueModel, ValueSettings, history_of
from ml_assets.evaluation.bootstrap import grouped_bootstrap
from ml_assets.evaluation.plots import Plot, forecast_plot
from ml_assets.features.account import account_features
from ml_assets.features.account_deals import account_deals, mean, total
from ml_assets.registry.lifecycle import Candidate, HeldOut, Judgement, Sample, Scored
from ml_assets.registry.promotion import Decision
from ml_assets.registry.store import champion_folder
from ml_assets.registry.tables import BACKTEST_SCHEMA, champion_as_of, empty_backtest, last_verdict

Array = NDArray[np.float64]

MODEL_NAME = "ltv"
LATER_PURCHASES = "later_purchases"
BASELINES = ("repeat_of_past", "mean_of_customers")
ORIGINS = ((180, (0, 90, 180, 270)), (365, (0, 90)))
"""Horizon in days, and how many days before the last possible origin the others lie."""
LEAST_HISTORY_DAYS = 360
"""Records are about a year old before value is judged: earlier no yearly term could be seen."""
LEAST_CUSTOMERS = 60
LEAST_BUYERS = 30
MIN_SKILL = 0.02
MOST_BIAS = 0.5
TOO_GOOD = 0.95
LEAST_VALUE_SHARE = 0.01
BASE_RATE_VERSION = "base_rate"
HORIZONS = (365, 1095)
LTV_SCHEMA: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "account_id": pl.String,
    "as_of_date": pl.Date,
    "model_version": pl.String,
    "method": pl.String,
    "value_365d": pl.Decimal(18, 2),
    "value_365d_low": pl.Decimal(18, 2),
    "value_365d_high": pl.Decimal(18, 2),
    "value_1095d": pl.Decimal(18, 2),
    "value_1095d_low": pl.Decimal(18, 2),
    "value_1095d_high": pl.Decimal(18, 2),
    "alive_probability": pl.Float64,
    "data_sufficiency": pl.String,
}


@dataclass(frozen=True)
class ValueProcedure:
    """The procedure of the customer value (see `ModelProcedure`)."""

    settings: ValueSettings = field(default_factory=ValueSettings)
    name: str = MODEL_NAME
    retrain_every_days: int = 7

    def parameters(self) -> dict[str, object]:
        """All settings, and the days that it is judged on."""
        return {
            **asdict(self.settings),
            "origins": [[horizon, list(steps)] for horizon, steps in ORIGINS],
            "least_history_days": LEAST_HISTORY_DAYS,
        }

    def feature_schema(self) -> str:
        """What is read of deals, as JSON text."""
        return json.dumps({"purchases": "deals won", "contracts": "deals won and renewals"})

    def sample(self, con: DuckDBPyConnection, clock: date) -> Sample:
        """Deals of customers as they were known at the clock and at the days it is judged on."""
        days = {clock, *(origin for origin, _ in origins_before(clock))}
        return Sample({"deals": account_deals(con, sorted(days))})

    def train(self, sample: Sample, clock: date, seed: int) -> Candidate:
        """Predict from earlier days what was bought after them, and fit to all that is known."""
        deals = sample.frames["deals"]
        now = history_of(deals, clock)
        model = ValueModel.fit(now, self.settings, seed)
        facts: dict[str, object] = {
            "seed": seed,
            "customers": now.customers.len(),
            "purchases": now.purchases.height,
            "closed_renewals": now.renewal_count,
            "method": None if model is None else model.method,
        }
        if model is None:
            return Candidate(None, {}, facts)
        parts = [
            later
            for origin, horizon in origins_before(clock)
            if (later := predicted_and_bought(deals, now, origin, horizon, self.settings, seed))
            is not None
        ]
        held_out = {LATER_PURCHASES: pl.concat(parts)} if parts else {}
        return Candidate(model, held_out, facts, _reference(now))

    def judge(self, held_out: HeldOut) -> Judgement:
        """Hold the expected values against what was bought, beside the baselines."""
        facts = dict(held_out.facts)
        later = held_out.frames.get(LATER_PURCHASES)
        if later is None:
            decision = Decision(
                "insufficient_history",
                f"Not promoted: {facts['customers']:,} customers with {facts['purchases']:,} "
                "purchases are too few, or known for too short a time, to be judged on what they "
                "bought later.",
            )
            return Judgement(decision, facts, empty_backtest())
        seed = int(str(facts["seed"]))
        decision, evidence = decide_value(later, seed)
        return Judgement(
            decision, facts | {"backtest": evidence}, backtest_rows(later), (_plot(later),)
        )


def origins_before(clock: date) -> list[tuple[date, int]]:
    """The days to predict from with the days ahead, such that all has come to pass by a clock."""
    return [
        (clock - timedelta(days=horizon + back), horizon)
        for horizon, steps in ORIGINS
        for back in steps
    ]


def predicted_and_bought(
    deals: pl.DataFrame,
    now: History,
    origin: date,
    horizon: int,
    settings: ValueSettings,
    seed: int,
) -> pl.DataFrame | None:
    """What was expected of each customer at an earlier day, and what it has bought since.

    Returns:
        origin_date, horizon_days, account_id, expected, low, high, actual, and a column for each
        of `BASELINES`; None where too little was known then.
    """
    then = history_of(deals, origin)
    first = then.purchases["purchased_on"].min()
    if not isinstance(first, date) or (origin - first).days < LEAST_HISTORY_DAYS:
        return None
    if then.customers.len() < LEAST_CUSTOMERS:
        return None
    model = ValueModel.fit(then, settings, seed)
    if model is None:
        return None
    end = origin + timedelta(days=horizon)
    bought = _sums(now.purchases, origin, end).rename({"bought": "actual"})
    past = _sums(then.purchases, origin - timedelta(days=horizon), origin)
    value = f"value_{horizon}d"
    frame = (
        model.predict(then, [horizon])
        .rename({value: "expected", f"{value}_low": "low", f"{value}_high": "high"})
        .join(bought, on="account_id", how="left")
        .join(past.rename({"bought": "repeat_of_past"}), on="account_id", how="left")
        .with_columns(pl.col("actual", "repeat_of_past").fill_null(0.0))
    )
    average = mean_of_customers(then, horizon)
    return frame.select(
        pl.lit(origin).alias("origin_date"),
        pl.lit(horizon, dtype=pl.Int64).alias("horizon_days"),
        "account_id",
        "expected",
        "low",
        "high",
        "actual",
        "repeat_of_past",
        mean_of_customers=pl.lit(average),
    ).sort("account_id")


def mean_of_customers(history: History, horizon: int) -> float:
    """What a customer bought on average in the last `horizon` days; of those who had been one
    before, or of all where there are none.
    """
    start = history.clock - timedelta(days=horizon)
    before = history.purchases.filter(pl.col("purchased_on") <= start)["customer_id"].unique()
    customers = before if len(before) else history.customers
    past = _sums(history.purchases, start, history.clock)
    of_them = past.filter(pl.col("account_id").is_in(customers.implode()))
    return float(of_them.select(total("bought")).item()) / max(len(customers), 1)


def tweedie_terms(actual: Array, expected: Array) -> Array:
    """Each row's deviance for amounts that are often zero and sometimes large, shape (n,).

    Tweedie with power 1.5: 4 (√y - √μ)² / √μ, smallest on average for the true mean (Jørgensen
    1987). Expected values are kept positive by the caller.
    """
    return 4 * (np.sqrt(actual) - np.sqrt(expected)) ** 2 / np.sqrt(expected)


def decide_value(later: pl.DataFrame, seed: int) -> tuple[Decision, dict[str, object]]:
    """Judge by all origins together, customers resampled."""
    actual = later["actual"].to_numpy()
    expected = _kept_positive(later["expected"].to_numpy(), actual)
    buyers = later.filter(pl.col("actual") > 0)["account_id"].n_unique()
    bias = float(expected.sum() / actual.sum() - 1) if actual.sum() > 0 else float("nan")
    own = tweedie_terms(actual, expected)
    evidence: dict[str, object] = {
        "rows": later.height,
        "customers": later["account_id"].n_unique(),
        "bias": round(bias, 6),
        "tweedie_deviance": round(float(own.mean()), 6),
    }
    if buyers < LEAST_BUYERS:
        return Decision(
            "insufficient_history",
            f"Not promoted: {buyers:,} customers bought something in the later periods, and "
            f"{LEAST_BUYERS:,} are needed to judge by.",
        ), evidence
    rank = _rank_correlation(expected, actual)
    evidence["rank_correlation"] = round(rank, 6)
    text = (
        f"rank correlation {rank:.2f} with what {later['account_id'].n_unique():,} customers "
        f"bought later, sum {bias:+.0%} off"
    )
    if rank > TOO_GOOD:
        return Decision(
            "leak_suspected",
            f"Not promoted: it knows too well what will be bought; {text}. Look for the future in "
            "the deals before using the model.",
        ), evidence
    gains: list[str] = []
    for baseline in BASELINES:
        other = tweedie_terms(actual, _kept_positive(later[baseline].to_numpy(), actual))
        gain = grouped_bootstrap(
            lambda weight, terms=other - own: float(weight @ terms / weight.sum()),
            later["account_id"].to_list(),
            seed=seed,
        )
        skill = 1 - float(own.mean() / other.mean())
        evidence[baseline] = {"gain": gain.as_dict(), "skill": round(skill, 6)}
        if not gain.is_above_zero() or skill < MIN_SKILL:
            return Decision(
                "no_signal",
                f"Not promoted: against the {baseline.replace('_', ' ')} it removes {skill:.1%} of "
                f"the deviance ({gain.low:+.1f} to {gain.high:+.1f}), which may be chance or is "
                f"not worth acting on; {text}.",
            ), evidence
        gains.append(f"{skill:.0%} of the deviance of the {baseline.replace('_', ' ')}")
    if not abs(bias) <= MOST_BIAS:
        return Decision(
            "no_signal", f"Not promoted: the sum of the values is too far off; {text}."
        ), evidence
    return Decision("promoted", f"Promoted: it removes {' and '.join(gains)}; {text}."), evidence


def backtest_rows(later: pl.DataFrame) -> pl.DataFrame:
    """Rows of ml_backtest for each origin and horizon."""
    rows: list[dict[str, Any]] = []
    for (origin, horizon), part in later.sort("origin_date", "horizon_days").group_by(
        "origin_date", "horizon_days", maintain_order=True
    ):
        actual = part["actual"].to_numpy()
        own = _figures(part["expected"].to_numpy(), actual)
        inside = (actual >= part["low"].to_numpy()) & (actual <= part["high"].to_numpy())
        for baseline in BASELINES:
            other = _figures(part[baseline].to_numpy(), actual)
            rows += [
                {
                    "origin_date": origin,
                    "horizon_days": horizon,
                    "metric": metric,
                    "baseline": baseline,
                    "value": own[metric],
                    "baseline_value": other[metric],
                    "row_count": part.height,
                }
                for metric in own
            ]
        rows.append(
            {
                "origin_date": origin,
                "horizon_days": horizon,
                "metric": "coverage_80",
                "baseline": "nominal",
                "value": float(inside.mean()),
                "baseline_value": 0.8,
                "row_count": part.height,
            }
        )
    return pl.DataFrame(rows, schema=BACKTEST_SCHEMA)


def score_values(
    con: DuckDBPyConnection, as_of: date, models_dir: Path, registry: pl.DataFrame
) -> Scored:
    """Value of every customer with the champion of the day, or with the average of the past.

    Args:
        con: connection on the warehouse (schema core, built as of `as_of`).
        as_of: the day.
        models_dir: folder of trained models.
        registry: rows of ml_model_registry.

    Returns:
        Rows with the columns of `LTV_SCHEMA`, one per customer that was not deleted or merged,
        sorted by account_id.
    """
    history = history_of(account_deals(con, [as_of]), as_of)
    procedure = ValueProcedure()
    version = champion_as_of(registry, MODEL_NAME, as_of, procedure.feature_schema())
    if version is None:
        values = _average_values(history).with_columns(
            model_version=pl.lit(BASE_RATE_VERSION),
            method=pl.lit("mean_of_customers"),
            data_sufficiency=pl.lit(f"{last_verdict(registry, MODEL_NAME, as_of)}: base rate"),
        )
    else:
        model = ValueModel.load(champion_folder(models_dir, MODEL_NAME, version))
        values = model.predict(history, HORIZONS).with_columns(
            model_version=pl.lit(version),
            method=pl.lit(model.method),
            data_sufficiency=pl.lit("model"),
        )
    there = _still_there(con, values["account_id"], as_of)
    rows = (
        values.join(there, on="account_id", how="semi")
        .with_columns(pl.lit(as_of).alias("as_of_date"))
        .select(
            pl.col(name).round(2).cast(kind)
            if name.startswith("value_")
            else pl.col(name).cast(kind)
            for name, kind in LTV_SCHEMA.items()
        )
        .sort("account_id")
    )
    return Scored(rows, version, None if version is None else _reference(history))


def _average_values(history: History) -> pl.DataFrame:
    """The same value for everybody: what customers bought on average in the past year."""
    year = HORIZONS[0]
    average = mean_of_customers(history, year)
    spent = _sums(history.purchases, history.clock - timedelta(days=year), history.clock)
    each = np.zeros(max(len(history.customers), 1))
    each[: spent.height] = spent["bought"].to_numpy()
    low, high = np.quantile(each, (0.1, 0.9))
    frame = pl.DataFrame({"account_id": history.customers}, schema={"account_id": pl.String})
    columns: dict[str, pl.Expr] = {"alive_probability": pl.lit(None, dtype=pl.Float64)}
    for horizon in HORIZONS:
        times = horizon / year
        columns[f"value_{horizon}d"] = pl.lit(average * times)
        columns[f"value_{horizon}d_low"] = pl.lit(min(float(low), average) * times)
        columns[f"value_{horizon}d_high"] = pl.lit(max(float(high), average) * times)
    return frame.with_columns(**columns)


def _still_there(con: DuckDBPyConnection, accounts: pl.Series, as_of: date) -> pl.DataFrame:
    asked = pl.DataFrame({"account_id": accounts}).with_columns(pl.lit(as_of).alias("as_of_date"))
    return account_features(con, asked).filter(~pl.col("is_gone")).select("account_id")


def _reference(history: History) -> pl.DataFrame:
    """What the value is read from: recency, frequency and money of each customer."""
    age = (pl.lit(history.clock) - pl.col("purchased_on")).dt.total_days().cast(pl.Float64)
    return (
        history.purchases.sort("customer_id", "purchased_on", "amount")
        .group_by("customer_id", maintain_order=True)
        .agg(
            purchase_count=pl.len().cast(pl.Float64),
            recency_days=age.min(),
            tenure_days=age.max(),
            amount_mean=mean(),
        )
        .drop("customer_id")
    )


def _sums(purchases: pl.DataFrame, after: date, until: date) -> pl.DataFrame:
    """account_id and what it bought after a day and up to another."""
    within = pl.col("purchased_on").is_between(after, until, closed="right")
    return (
        purchases.filter(within)
        .sort("customer_id", "purchased_on", "amount")
        .group_by("customer_id", maintain_order=True)
        .agg(bought=total())
        .rename({"customer_id": "account_id"})
        .sort("account_id")
    )


def _figures(expected: Array, actual: Array) -> dict[str, float]:
    """bias is the share by which the sum is off; undefined figures are NaN."""
    sum_bought = float(actual.sum())
    return {
        "tweedie_deviance": float(tweedie_terms(actual, _kept_positive(expected, actual)).mean()),
        "rmse": float(np.sqrt(((expected - actual) ** 2).mean())),
        "mae": float(np.abs(expected - actual).mean()),
        "bias": float(expected.sum()) / sum_bought - 1 if sum_bought > 0 else float("nan"),
        "rank_correlation": _rank_correlation(expected, actual),
    }


def _kept_positive(expected: Array, actual: Array) -> Array:
    """At least a hundredth of the mean amount (or a hundredth of the money unit)."""
    return np.maximum(expected, max(LEAST_VALUE_SHARE * float(actual.mean()), 0.01))


def _rank_correlation(one: Array, other: Array) -> float:
    """Spearman's rank correlation; 0 where one of them is constant."""
    frame = pl.DataFrame({"one": one, "other": other}).select(pl.all().rank("average"))
    value = frame.select(pl.corr("one", "other")).item()
    return 0.0 if value is None or np.isnan(value) else float(value)


def _plot(later: pl.DataFrame) -> Plot:
    horizon = later["horizon_days"].min()
    frame = (
        later.filter(pl.col("horizon_days") == horizon)
        .group_by("origin_date")
        .agg(pl.col("expected", "actual", *BASELINES).sum() / 1e6)
        .sort("origin_date")
        .rename({"origin_date": "origin", "expected": "forecast"})
    )
    return forecast_plot(
        frame,
        title=f"What customers bought within {horizon} days, and what was expected",
        unit="million",
        baselines=BASELINES,
    )
