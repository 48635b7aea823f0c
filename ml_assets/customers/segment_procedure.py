"""How segments are made and judged: groups must be tighter than those of unrelated customers, and
come back when the customers are drawn anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path

import polars as pl
from duckdb import DuckDBPyConnection

from ml_assets.customers.clustering import TRUSTED
from ml_assets.customers.segments import (
    FEATURES,
    JUDGED_DAYS,
    SegmentModel,
    SegmentSettings,
    agreement_of,
    fit_segments,
    naming_days,
    rule_segments,
    unrelated,
)
from ml_assets.customers.state import customer_states
from ml_assets.registry.lifecycle import Candidate, HeldOut, Judgement, Sample, Scored
from ml_assets.registry.promotion import Decision
from ml_assets.registry.store import champion_folder
from ml_assets.registry.tables import BACKTEST_SCHEMA, champion_as_of, empty_backtest, last_verdict

MODEL_NAME = "segment"
REFITS = "refits"
UNRELATED = "unrelated_customers"
RULES_VERSION = "rules"
SEGMENT_SCHEMA: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "account_id": pl.String,
    "as_of_date": pl.Date,
    "model_version": pl.String,
    "segment": pl.String,
    "cluster": pl.Int64,
    "cluster_name": pl.String,
    "stability": pl.Float64,
    "cluster_stability": pl.Float64,
    "data_sufficiency": pl.String,
}


@dataclass(frozen=True)
class SegmentProcedure:
    """The procedure of the segments (see `ModelProcedure`)."""

    settings: SegmentSettings = field(default_factory=SegmentSettings)
    name: str = MODEL_NAME
    retrain_every_days: int = 7

    def parameters(self) -> dict[str, object]:
        """All settings."""
        return asdict(self.settings)

    def feature_schema(self) -> str:
        """The features as JSON text."""
        return json.dumps(dict.fromkeys(FEATURES, "number"))

    def sample(self, con: DuckDBPyConnection, clock: date) -> Sample:
        """Customers at the ends of quarters and at the clock."""
        states = customer_states(con, naming_days(clock))
        return Sample({"customers": states.select("account_id", "as_of_date", *FEATURES)})

    def train(self, sample: Sample, clock: date, seed: int) -> Candidate:
        """Group the customers of each quarter's end and of the clock, and see what holds."""
        states = sample.frames["customers"]
        days = naming_days(clock)
        now = states.filter(pl.col("as_of_date") == clock)
        models = fit_segments(states, days, self.settings, seed)
        facts: dict[str, object] = {"seed": seed, "customers": now.height}
        model = models.get(clock)
        if model is None:
            return Candidate(None, {}, facts)
        facts |= {
            "groups": dict(
                zip(model.names, [round(float(s), 6) for s in model.clustering.stability],
                    strict=True)
            ),
            "candidates": {
                str(size): [round(figure, 6) for figure in figures]
                for size, figures in models[max(day for day in models if day < clock)]
                .clustering.candidates.items()
            } if len(models) > 1 else {},
        }  # fmt: skip
        judged = [day for day in days if day in models][-JUDGED_DAYS:]
        rows = [_judged(states, models, day, self.settings, seed) for day in judged]
        return Candidate(
            model,
            {REFITS: pl.DataFrame(rows)},
            facts,
            now.select(pl.col(FEATURES).cast(pl.Float64)),
        )

    def judge(self, held_out: HeldOut) -> Judgement:
        """Hold groups against groups of unrelated customers."""
        facts = dict(held_out.facts)
        refits = held_out.frames.get(REFITS)
        if refits is None:
            reason = (
                f"Not promoted: {facts['customers']:,} customers are too few to group; "
                f"{self.settings.least_customers:,} are needed."
            )
            return Judgement(Decision("insufficient_history", reason), facts, empty_backtest())
        return Judgement(decide_segments(refits), facts, _backtest_rows(refits))


def decide_segments(refits: pl.DataFrame) -> Decision:
    """Judge the groups of the latest day: tighter than chance makes them, and stable."""
    last = refits.sort("origin_date").row(-1, named=True)
    evidence = (
        f"silhouette {last['silhouette']:.2f} (unrelated customers: "
        f"{last['silhouette_unrelated']:.2f}), least stable group "
        f"{last['least_stability']:.2f} in resamples, {last['groups']} groups"
    )
    if last["silhouette"] <= last["silhouette_unrelated"]:
        return Decision("no_signal", f"Not promoted: the customers form no groups; {evidence}.")
    if last["least_stability"] < TRUSTED:
        return Decision("no_signal", f"Not promoted: a group does not come back; {evidence}.")
    return Decision("promoted", f"Promoted: {evidence}.")


def score_segments(
    con: DuckDBPyConnection, as_of: date, models_dir: Path, registry: pl.DataFrame
) -> Scored:
    """The segment of every customer by rule, and its group by the champion of the day.

    Args:
        con: connection on the warehouse (schemas core and seeds, built as of `as_of`).
        as_of: the day.
        models_dir: folder of trained models.
        registry: rows of ml_model_registry.

    Returns:
        Rows with the columns of `SEGMENT_SCHEMA`, one per customer, sorted by account_id. Without a
        champion there are segments by rule alone.
    """
    customers = customer_states(con, [as_of])
    rules = con.execute("select * from seeds.segment_rules").pl()
    procedure = SegmentProcedure()
    version = champion_as_of(registry, MODEL_NAME, as_of, procedure.feature_schema())
    if version is None:
        why = f"{last_verdict(registry, MODEL_NAME, as_of)}: rules only"
        grouped = customers.with_columns(
            model_version=pl.lit(RULES_VERSION),
            cluster=pl.lit(None, dtype=pl.Int64),
            cluster_name=pl.lit(None, dtype=pl.String),
            stability=pl.lit(None, dtype=pl.Float64),
            cluster_stability=pl.lit(None, dtype=pl.Float64),
            data_sufficiency=pl.lit(why),
        )
    else:
        model = SegmentModel.load(champion_folder(models_dir, MODEL_NAME, version))
        grouped = pl.concat([customers, model.predict(customers)], how="horizontal").with_columns(
            model_version=pl.lit(version), data_sufficiency=pl.lit("model")
        )
    rows = (
        grouped.with_columns(rule_segments(customers, rules))
        .select(pl.col(name).cast(kind) for name, kind in SEGMENT_SCHEMA.items())
        .sort("account_id")
    )
    features = customers.select(pl.col(FEATURES).cast(pl.Float64))
    return Scored(rows, version, None if version is None else features)


def _judged(
    states: pl.DataFrame,
    models: Mapping[date, SegmentModel],
    day: date,
    settings: SegmentSettings,
    seed: int,
) -> dict[str, object]:
    """How good the groups of a day are, beside those of unrelated customers, and how much of the
    groups before them they keep.
    """
    customers = states.filter(pl.col("as_of_date") == day)
    model = models[day]
    chance = replace(settings, sizes=(len(model.names),))
    shuffled = fit_segments(unrelated(customers, seed), [day], chance, seed)[day]
    earlier = [other for other in models if other < day]
    agreement = agreement_of(models[max(earlier)], model, customers) if earlier else None
    return {
        "origin_date": day,
        "customers": customers.height,
        "groups": len(model.names),
        "silhouette": model.clustering.silhouette,
        "silhouette_unrelated": shuffled.clustering.silhouette,
        "least_stability": float(model.clustering.stability.min()),
        "least_stability_unrelated": float(shuffled.clustering.stability.min()),
        "adjusted_rand": agreement,
        "adjusted_rand_unrelated": 0.0,
    }


def _backtest_rows(refits: pl.DataFrame) -> pl.DataFrame:
    """Silhouette, least stability and agreement with the groups before, for each judged day."""
    rows = [
        {
            "origin_date": row["origin_date"],
            "horizon_days": 0,
            "metric": metric,
            "baseline": UNRELATED,
            "value": row[metric],
            "baseline_value": row[f"{metric}_unrelated"],
            "row_count": row["customers"],
        }
        for row in refits.sort("origin_date").iter_rows(named=True)
        for metric in ("silhouette", "least_stability", "adjusted_rand")
        if row[metric] is not None
    ]
    return pl.DataFrame(rows, schema=BACKTEST_SCHEMA)
