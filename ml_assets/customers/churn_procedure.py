"""How the chance to lose customers is made and judged: on later days, against simpler rules."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from duckdb import DuckDBPyConnection

from ml_assets.baselines import BaseRate, StageRate
from ml_assets.customers.churn import ChurnSettings, ContractChurn, SilentChurn, load_churn
from ml_assets.customers.exposure import (
    CHURN_FEATURES,
    contract_exposure,
    first_purchase,
    landmarks,
    with_known_until,
)
from ml_assets.customers.value import History, history_of
from ml_assets.customers.value_procedure import BASE_RATE_VERSION
from ml_assets.evaluation import (
    ScoreReport,
    calibration_plot,
    held_out_frame,
    lift_plot,
    report_on,
    wilson_interval,
)
from ml_assets.evaluation.report import METRICS
from ml_assets.features.account import account_features
from ml_assets.features.account_deals import account_deals, total
from ml_assets.registry.lifecycle import Candidate, HeldOut, Judgement, Sample, Scored
from ml_assets.registry.promotion import Decision, PromotionRule, decide
from ml_assets.registry.store import champion_folder
from ml_assets.registry.tables import (
    BACKTEST_SCHEMA,
    champion_as_of,
    empty_backtest,
    last_verdict,
    report_rows,
)
from ml_assets.scoring.calibration import VennAbersCalibrator

MODEL_NAME = "churn_score"
LATER_CUSTOMERS = "later_customers"
BASELINES = ("base_rate", "recency_rule")
ORIGINS, LOOKS_BETWEEN = 3, 2
LEAST_HISTORY_DAYS = 360
"""Records are about a year old before churn is judged: earlier no yearly renewal could be seen."""
RECENCY_BUCKET_DAYS = 90
MOST_BUCKETS = 8
CHURN_SCHEMA: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "account_id": pl.String,
    "as_of_date": pl.Date,
    "model_version": pl.String,
    "definition": pl.String,
    "horizon_days": pl.Int64,
    "churn_probability": pl.Float64,
    "churn_probability_low": pl.Float64,
    "churn_probability_high": pl.Float64,
    "churn_within_90d": pl.Float64,
    "churn_within_365d": pl.Float64,
    "renewal_date": pl.Date,
    "amount_at_risk": pl.Decimal(18, 2),
    "top_factors": pl.String,
    "data_sufficiency": pl.String,
}


@dataclass(frozen=True)
class ChurnProcedure:
    """The procedure of the churn score (see `ModelProcedure`)."""

    settings: ChurnSettings = field(default_factory=ChurnSettings)
    promotion: PromotionRule = field(
        default_factory=lambda: PromotionRule(min_training_groups=30, min_test_groups=30)
    )
    name: str = MODEL_NAME
    retrain_every_days: int = 7

    def parameters(self) -> dict[str, object]:
        """All settings, and how it is judged."""
        return {
            **asdict(self.settings),
            "horizons": list(self.settings.horizons),
            "promotion": asdict(self.promotion),
            "origins": [ORIGINS, LOOKS_BETWEEN, LEAST_HISTORY_DAYS],
        }

    def feature_schema(self) -> str:
        """The features and their kinds as JSON text."""
        return json.dumps({feature.name: feature.kind for feature in CHURN_FEATURES})

    def sample(self, con: DuckDBPyConnection, clock: date) -> Sample:
        """Contracts on past days with what became of them, and deals as known at the origins."""
        first = first_purchase(con, clock)
        looks = [] if first is None else landmarks(clock, first, self.settings.every_days)
        origins = origins_among(looks, clock, self.settings.horizon)
        deals = account_deals(con, [clock, *origins])
        facts = {"first_purchase": None if first is None else first.isoformat()}
        return Sample({"exposure": contract_exposure(con, looks, clock), "deals": deals}, facts)

    def train(self, sample: Sample, clock: date, seed: int) -> Candidate:
        """Predict from earlier days who was lost after them, and fit to all that is known."""
        settings = replace(self.settings, hazard=replace(self.settings.hazard, seed=seed))
        exposure, deals = sample.frames["exposure"], sample.frames["deals"]
        now = history_of(deals, clock)
        facts: dict[str, object] = {
            **sample.facts,
            "seed": seed,
            "customers": now.customers.len(),
            "closed_renewals": now.renewal_count,
        }
        by_contract = now.renewal_count >= settings.least_renewals
        model = (
            ContractChurn.fit(exposure, now, settings)
            if by_contract
            else SilentChurn.fit(now, settings)
        )
        if model is None:
            return Candidate(None, {}, facts)
        looks = deals["as_of_date"].unique().sort().to_list()
        parts = [
            part
            for origin in looks
            if origin < clock and _is_old_enough(sample.facts, origin)
            and (
                part := (
                    _contracts_at(exposure, deals, origin, settings)
                    if by_contract
                    else _silence_at(deals, now, origin, settings)
                )
            )
            is not None
        ]  # fmt: skip
        facts |= {"definition": model.definition, "origins": len(parts)}
        if not parts:
            return Candidate(None, {}, facts)
        later = pl.concat(parts)
        headline = later.filter(pl.col("horizon_days") == settings.horizon)
        if headline["outcome"].n_unique() == 2:
            model.calibrator = VennAbersCalibrator.fit(
                headline["probability"].to_numpy(),
                headline["outcome"].to_numpy(),
                weight=np.ones(headline.height),
                groups=np.unique(headline["group"].to_numpy(), return_inverse=True)[1],
                seed=seed,
            )
        reference = exposure.select("as_of_date", *(feature.name for feature in CHURN_FEATURES))
        return Candidate(model, {LATER_CUSTOMERS: later}, facts, reference if by_contract else None)

    def judge(self, held_out: HeldOut) -> Judgement:
        """Hold the predictions on later days against base rate and recency rule."""
        facts = dict(held_out.facts)
        later = held_out.frames.get(LATER_CUSTOMERS)
        if later is None:
            reason = (
                f"Not promoted: {facts['customers']:,} customers with {facts['closed_renewals']:,} "
                "closed renewals are too few, or known for too short a time, to learn from and to "
                "be judged by."
            )
            return Judgement(Decision("insufficient_history", reason), facts, empty_backtest())
        seed = int(str(facts["seed"]))
        headline = later.filter(pl.col("horizon_days") == self.settings.horizon)
        report = report_on(headline.drop("origin_date", "horizon_days"), seed)
        decision = decide(report, self.promotion)
        decision = Decision(decision.code, _of_customers(decision.reason))
        return Judgement(
            decision,
            facts | {"backtest": report.as_dict()},
            _backtest_rows(later, report, self.settings.horizon),
            (calibration_plot(report.reliability), lift_plot(report.lift)),
        )


def origins_among(looks: Sequence[date], clock: date, horizon: int) -> list[date]:
    """Every other look whose horizon has passed by the clock, the three latest, ascending."""
    past = [look for look in looks if look <= clock - timedelta(days=horizon)]
    return sorted(past[::-1][::LOOKS_BETWEEN][:ORIGINS])


def score_churn(
    con: DuckDBPyConnection, as_of: date, models_dir: Path, registry: pl.DataFrame
) -> Scored:
    """The chance to lose each customer, by the champion of the day or the base rate.

    Args:
        con: connection on the warehouse (schema core, built as of `as_of`).
        as_of: the day.
        models_dir: folder of trained models.
        registry: rows of ml_model_registry.

    Returns:
        Rows with the columns of `CHURN_SCHEMA`, one per customer whose contract runs (or, where
        contracts are not known, that has bought), sorted by account_id.
    """
    procedure = ChurnProcedure()
    version = champion_as_of(registry, MODEL_NAME, as_of, procedure.feature_schema())
    if version is not None:
        model = load_churn(champion_folder(models_dir, MODEL_NAME, version))
        if isinstance(model, ContractChurn):
            return _contract_scores(con, as_of, model, version)
        return _silence_scores(con, as_of, model, version)
    why = f"{last_verdict(registry, MODEL_NAME, as_of)}: base rate"
    return Scored(_base_rate_scores(con, as_of, procedure.settings, why))


def _contracts_at(
    exposure: pl.DataFrame, deals: pl.DataFrame, origin: date, settings: ChurnSettings
) -> pl.DataFrame | None:
    """Predictions of an earlier day for its customers, with what came of them."""
    training = with_known_until(exposure, origin)
    model = ContractChurn.fit(training, history_of(deals, origin), settings)
    here = exposure.filter(pl.col("as_of_date") == origin)
    if model is None or here.is_empty():
        return None
    horizons = [
        h for h in settings.horizons
        if h <= settings.horizon
    ]  # fmt: skip
    chances = model.account_chances(here, horizons)
    parts: list[pl.DataFrame] = []
    for horizon in horizons:
        past = _account_outcomes(
            training.filter(pl.col("as_of_date") <= origin - timedelta(days=horizon)), horizon
        )
        later = _account_outcomes(here, horizon).join(chances, on="account_id", how="left")
        parts.append(_held_out(later, past, origin, horizon, f"churn_within_{horizon}d"))
    return pl.concat(parts)


def _silence_at(
    deals: pl.DataFrame, now: History, origin: date, settings: ChurnSettings
) -> pl.DataFrame | None:
    """The same where customers leave by buying nothing."""
    then = history_of(deals, origin)
    model = SilentChurn.fit(then, settings)
    if model is None:
        return None
    horizon = settings.horizon
    earlier = origin - timedelta(days=horizon)
    before = History(
        earlier, then.purchases.filter(pl.col("purchased_on") <= earlier), then.contracts.clear()
    )
    later = _silent(then, now, horizon).join(
        model.account_chances(then, [horizon]), on="account_id", how="left"
    )
    past = _silent(before, then, horizon)
    if past.is_empty():
        return None
    return _held_out(later, past, origin, horizon, f"churn_within_{horizon}d")


def _account_outcomes(exposure: pl.DataFrame, horizon: int) -> pl.DataFrame:
    """account_id, as_of_date, recency and whether all contracts were lost within the horizon."""
    is_lost = (pl.col("event") == "lost") & (pl.col("days_to_event") <= horizon)
    return (
        exposure.group_by("account_id", "as_of_date")
        .agg(outcome=is_lost.fill_null(False).all(), recency=pl.col("recency_days").min())
        .with_columns(recency=_bucket(pl.col("recency")))
        .sort("account_id", "as_of_date")
    )


def _silent(history: History, later: History, horizon: int) -> pl.DataFrame:
    """Customers of a day, their recency, and whether they bought nothing within the horizon."""
    end = history.clock + timedelta(days=horizon)
    bought = later.purchases.filter(
        pl.col("purchased_on").is_between(history.clock, end, closed="right")
    )["customer_id"].unique()
    return (
        history.purchases.group_by("customer_id")
        .agg(last=pl.col("purchased_on").max())
        .select(
            account_id="customer_id",
            as_of_date=pl.lit(history.clock),
            outcome=~pl.col("customer_id").is_in(bought.implode()),
            recency=_bucket((pl.lit(history.clock) - pl.col("last")).dt.total_days()),
        )
        .sort("account_id")
    )


def _bucket(days: pl.Expr) -> pl.Expr:
    """Quarters since the last purchase, as text; two years and more are one."""
    return (days // RECENCY_BUCKET_DAYS).clip(0, MOST_BUCKETS).cast(pl.Int64).cast(pl.String)


def _held_out(
    later: pl.DataFrame, past: pl.DataFrame, origin: date, horizon: int, column: str
) -> pl.DataFrame:
    """Predictions beside what base rate and recency rule, learnt before, say of the same rows."""
    return held_out_frame(
        later["outcome"].cast(pl.Float64).to_numpy(),
        later[column].to_numpy(),
        baselines={
            "base_rate": BaseRate.fit(past, "outcome").probability(later),
            "recency_rule": StageRate.fit(past, "outcome", stage="recency").probability(later),
        },
        groups=later["account_id"].to_list(),
    ).with_columns(
        pl.lit(origin).alias("origin_date"), pl.lit(horizon, dtype=pl.Int64).alias("horizon_days")
    )


def _backtest_rows(later: pl.DataFrame, report: ScoreReport, headline: int) -> pl.DataFrame:
    """All origins together at the headline horizon, and each origin and horizon on its own."""
    rows = report_rows(report, max(later["origin_date"].to_list()), headline)
    for (origin, horizon), part in later.sort("origin_date", "horizon_days").group_by(
        "origin_date", "horizon_days", maintain_order=True
    ):
        outcome = part["outcome"].to_numpy()
        for metric, of in METRICS.items():
            for baseline in BASELINES:
                value, other = (
                    of(outcome, part[column].to_numpy())(np.ones(part.height))
                    for column in ("probability", f"baseline_{baseline}")
                )
                rows.append(
                    {
                        "origin_date": origin,
                        "horizon_days": horizon,
                        "metric": f"at_origin_{metric}",
                        "baseline": baseline,
                        "value": value,
                        "baseline_value": other,
                        "row_count": part.height,
                    }
                )
    return pl.DataFrame(rows, schema=BACKTEST_SCHEMA)


def _contract_scores(
    con: DuckDBPyConnection, as_of: date, model: ContractChurn, version: str
) -> Scored:
    exposure = contract_exposure(con, [as_of])
    horizons = model.settings.horizons
    chances = model.account_chances(exposure, horizons)
    headline = f"churn_within_{model.settings.horizon}d"
    low, high = model.interval(chances[headline].to_numpy())
    nearest = exposure.sort("account_id", "days_to_renewal", "contract_id").unique(
        "account_id", keep="first", maintain_order=True
    )
    reasons = pl.Series(
        [json.dumps(each, ensure_ascii=False) for each in model.reasons(nearest).to_list()],
        dtype=pl.String,
    )
    amounts = exposure.group_by("account_id").agg(amount=total())
    rows = (
        chances.with_columns(churn_probability_low=low, churn_probability_high=high)
        .join(
            nearest.select("account_id", "renewal_date").with_columns(top_factors=reasons),
            on="account_id",
            how="left",
        )
        .join(amounts, on="account_id", how="left")
        .with_columns(churn_probability=pl.col(headline))
        .with_columns(amount_at_risk=pl.col("amount") * pl.col("churn_probability"))
    )
    features = exposure.select(feature.name for feature in CHURN_FEATURES)
    return Scored(
        _finished(rows, as_of, version, model.definition, model.settings.horizon, "model"),
        version,
        features,
    )


def _silence_scores(
    con: DuckDBPyConnection, as_of: date, model: SilentChurn, version: str
) -> Scored:
    history = history_of(account_deals(con, [as_of]), as_of)
    chances = model.account_chances(history, model.settings.horizons)
    headline = f"churn_within_{model.settings.horizon}d"
    low, high = model.interval(chances[headline].to_numpy())
    asked = chances.select("account_id").with_columns(pl.lit(as_of).alias("as_of_date"))
    there = account_features(con, asked).filter(~pl.col("is_gone")).select("account_id")
    last = history.purchases.group_by("customer_id").agg(
        days=(pl.lit(as_of) - pl.col("purchased_on").max()).dt.total_days()
    )
    rows = (
        chances.with_columns(churn_probability_low=low, churn_probability_high=high)
        .join(there, on="account_id", how="semi")
        .join(last, left_on="account_id", right_on="customer_id", how="left")
        .with_columns(
            churn_probability=pl.col(headline),
            renewal_date=pl.lit(None, dtype=pl.Date),
            amount_at_risk=pl.lit(None, dtype=pl.Float64),
        )
    )
    rows = rows.with_columns(top_factors=_recency_factors(rows))
    return Scored(
        _finished(rows, as_of, version, model.definition, model.settings.horizon, "model"), version
    )


def _recency_factors(rows: pl.DataFrame) -> pl.Series:
    """How long ago each customer bought, against the chance of the middle customer."""
    chance = rows["churn_probability"].clip(1e-4, 1 - 1e-4).to_numpy()
    log_odds = np.log(chance / (1 - chance))
    apart = log_odds - (np.median(log_odds) if len(log_odds) else 0.0)
    texts = [
        json.dumps(
            [
                {
                    "name": "Purchases",
                    "value": f"days since the last purchase: {days:,}",
                    "direction": "raises" if contribution > 0 else "lowers",
                    "contribution": round(float(contribution), 4),
                }
            ]
        )
        for days, contribution in zip(rows["days"].to_list(), apart, strict=True)
    ]
    return pl.Series("top_factors", texts, dtype=pl.String)


def _base_rate_scores(
    con: DuckDBPyConnection, as_of: date, settings: ChurnSettings, why: str
) -> pl.DataFrame:
    """The share of customers of past days that were lost within the horizon, for everybody whose
    contract runs; by silence where contracts are not known.
    """
    history = history_of(account_deals(con, [as_of]), as_of)
    if history.renewal_count < settings.least_renewals and history.purchases.height:
        return _silence_rate_scores(con, history, settings, why)
    exposure = contract_exposure(con, [as_of])
    first = first_purchase(con, as_of)
    looks = [] if first is None else landmarks(as_of, first, settings.every_days)
    columns: dict[str, pl.Expr] = {}
    past = contract_exposure(con, looks, as_of) if looks else None
    for horizon in settings.horizons:
        lost = count = 0
        if past is not None:
            known = past.filter(pl.col("as_of_date") <= as_of - timedelta(days=horizon))
            outcomes = _account_outcomes(known, horizon)["outcome"]
            lost, count = int(outcomes.sum()), outcomes.len()
        rate = lost / count if count else None
        columns[f"churn_within_{horizon}d"] = pl.lit(rate, dtype=pl.Float64)
        if horizon == settings.horizon:
            low, high = wilson_interval(lost, count)
            columns["churn_probability"] = pl.lit(0.5 if rate is None else rate)
            columns["churn_probability_low"] = pl.lit(low)
            columns["churn_probability_high"] = pl.lit(high)
    rows = (
        exposure.group_by("account_id")
        .agg(pl.col("renewal_date").min(), amount=total())
        .with_columns(**columns, top_factors=pl.lit("[]"))
        .with_columns(amount_at_risk=pl.col("amount") * pl.col("churn_probability"))
    )
    return _finished(
        rows, as_of, BASE_RATE_VERSION, ContractChurn.definition, settings.horizon, why
    )


def _silence_rate_scores(
    con: DuckDBPyConnection, history: History, settings: ChurnSettings, why: str
) -> pl.DataFrame:
    """The share of earlier customers that bought nothing within the horizon since, for everybody
    that has bought.
    """
    as_of = history.clock
    columns: dict[str, pl.Expr] = {}
    for horizon in settings.horizons:
        then = as_of - timedelta(days=horizon)
        known = history.purchases.filter(pl.col("purchased_on") <= then)
        outcome = _silent(History(then, known, history.contracts.clear()), history, horizon)
        silent, count = int(outcome["outcome"].sum()), outcome.height
        rate = silent / count if count else None
        columns[f"churn_within_{horizon}d"] = pl.lit(rate, dtype=pl.Float64)
        if horizon == settings.horizon:
            low, high = wilson_interval(silent, count)
            columns["churn_probability"] = pl.lit(0.5 if rate is None else rate)
            columns["churn_probability_low"] = pl.lit(low)
            columns["churn_probability_high"] = pl.lit(high)
    asked = history.purchases.select(account_id="customer_id").unique().with_columns(
        as_of_date=pl.lit(as_of)
    )  # fmt: skip
    rows = (
        account_features(con, asked)
        .filter(~pl.col("is_gone"))
        .select("account_id")
        .with_columns(
            **columns,
            renewal_date=pl.lit(None, dtype=pl.Date),
            amount_at_risk=pl.lit(None, dtype=pl.Float64),
            top_factors=pl.lit("[]"),
        )
    )
    return _finished(rows, as_of, BASE_RATE_VERSION, SilentChurn.definition, settings.horizon, why)


def _finished(
    rows: pl.DataFrame, as_of: date, version: str, definition: str, horizon: int, source: str
) -> pl.DataFrame:
    return (
        rows.with_columns(
            as_of_date=pl.lit(as_of),
            model_version=pl.lit(version),
            definition=pl.lit(f"{definition} within {horizon} days"),
            horizon_days=pl.lit(horizon, dtype=pl.Int64),
            amount_at_risk=pl.col("amount_at_risk").round(2),
            data_sufficiency=pl.lit(source),
        )
        .select(pl.col(name).cast(kind) for name, kind in CHURN_SCHEMA.items())
        .sort("account_id")
    )


def _is_old_enough(facts: Mapping[str, object], origin: date) -> bool:
    first = facts["first_purchase"]
    if first is None:
        return False
    return (origin - date.fromisoformat(str(first))).days >= LEAST_HISTORY_DAYS


def _of_customers(reason: str) -> str:
    """The decision's sentence speaks of deals; what is judged here are customers."""
    return (
        reason.replace("snapshots of", "looks at")
        .replace(" won and ", " lost and ", 1)
        .replace(" lost deals", " kept customers", 1)
        .replace("deals", "customers")
    )
