"""Training, backtest and promotion of the opportunity score.

One backtest decides: the whole procedure, training and calibration, is run as it would have been at
the end of an earlier day (the origin), with the outcomes that were known then, and judged on the
deals that were open after it. If it passes, the same procedure is run with everything that is known
at the training clock, and that model is the one that scores.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import lightgbm
import numpy as np
import polars as pl
from duckdb import DuckDBPyConnection

from ml_assets.baselines import BaseRate, StageRate
from ml_assets.evaluation import ScoreReport
from ml_assets.features import (
    OPPORTUNITY_FEATURES,
    LabelledSnapshots,
    opportunity_features,
    training_snapshots,
)
from ml_assets.features.censoring import (
    days_between,
    kaplan_meier_quantile,
    observation_weights,
)
from ml_assets.features.snapshots import KEYS
from ml_assets.hashing import code_version, frame_fingerprint
from ml_assets.opportunities.settings import (
    MODEL_NAME,
    OpportunityModelSettings,
    feature_schema,
)
from ml_assets.registry import (
    BACKTEST_SCHEMA,
    REGISTRY_SCHEMA,
    Decision,
    StoredModel,
    decide,
    empty_backtest,
    empty_registry,
    load_model,
    model_version,
    store_model,
    training_clock,
    with_registered,
)
from ml_assets.registry.promotion import too_little_history
from ml_assets.registry.tables import PROMOTED, REFUSED
from ml_assets.scoring import BinaryScorer, ScorerSettings, choose_group, without_shared_groups
from ml_assets.scoring.splits import latest_rows

TARGET = "is_won"
TIME = "as_of_date"
WEIGHT = "weight"
DEAL = "opportunity_id"
GROUPS = ("account_id", DEAL)
BASELINE_NAMES = ("base_rate", "stage_rate")


@dataclass(frozen=True)
class TrainingResult:
    """What came of a training.

    Attributes:
        model_version: of the challenger.
        registry_row: the challenger's row of ml_model_registry.
        registry: all rows, the challenger's among them, champion flags set as of the day.
        backtest_rows: the challenger's rows of ml_backtest (none without enough history).
        verdict: one sentence for people.
        is_promoted: whether the challenger passed.
        is_new: whether it was trained now; false when this very training had been done before.
        metrics: the content of the row's `metrics`, as plain values.
    """

    model_version: str
    registry_row: pl.DataFrame
    registry: pl.DataFrame
    backtest_rows: pl.DataFrame
    verdict: str
    is_promoted: bool
    is_new: bool
    metrics: Mapping[str, object]


@dataclass(frozen=True)
class _Judged:
    decision: Decision
    metrics: dict[str, object]
    backtest_rows: pl.DataFrame
    scorer: BinaryScorer | None


def train_opportunity_model(
    con: DuckDBPyConnection,
    as_of: date,
    models_dir: Path,
    seed: int,
    registry: pl.DataFrame | None = None,
    settings: OpportunityModelSettings | None = None,
) -> TrainingResult:
    """Train, judge and register the model that is due on a day.

    The training clock is the last training day on or before `as_of`; between two training days
    nothing new is trained. The same data, code, seed and settings give the same version, which is
    then read from `models_dir` instead of being trained again.

    Args:
        con: connection on the warehouse (schema core, built as of `as_of`).
        as_of: the day that the run is for.
        models_dir: folder of trained models.
        seed: of every random choice.
        registry: rows of ml_model_registry so far; None or empty on a first run.
        settings: parameters.
    """
    chosen = settings or OpportunityModelSettings()
    chosen = replace(chosen, scorer=replace(chosen.scorer, seed=seed))
    clock = training_clock(as_of, chosen.retrain_every_days)
    snapshots = training_snapshots(con, clock, chosen.sampling)
    frame = labelled_features(con, snapshots)
    fingerprint = frame_fingerprint(frame)
    parameters = chosen.as_dict() | {"lightgbm": lightgbm.__version__}
    version = model_version(
        MODEL_NAME,
        clock,
        data_fingerprint=fingerprint,
        code_version=code_version(),
        seed=seed,
        parameters=parameters,
    )
    stored = load_model(models_dir, MODEL_NAME, version)
    is_new = stored is None
    if stored is None:
        judged = _judge(frame, snapshots, chosen, version)
        row = {
            "model_version": version,
            "model_name": MODEL_NAME,
            "trained_as_of": clock,
            "data_fingerprint": fingerprint,
            "code_version": code_version(),
            "seed": seed,
            "parameters": json.dumps(parameters, sort_keys=True),
            "metrics": json.dumps(judged.metrics, sort_keys=True),
            "feature_schema": feature_schema(),
            "is_champion": judged.decision.is_promoted,
            "promotion_decision": PROMOTED if judged.decision.is_promoted else REFUSED,
            "promotion_reason": judged.decision.reason,
        }
        stored = StoredModel(
            registry_row=pl.DataFrame([row], schema=REGISTRY_SCHEMA),
            backtest_rows=judged.backtest_rows,
            scorer=judged.scorer,
        )
        store_model(models_dir, stored)
    everything = with_registered(
        empty_registry() if registry is None else registry, stored.registry_row, as_of
    )
    row_now = everything.filter(pl.col("model_version") == version)
    return TrainingResult(
        model_version=version,
        registry_row=row_now,
        registry=everything,
        backtest_rows=stored.backtest_rows,
        verdict=_verdict(row_now, everything),
        is_promoted=row_now["promotion_decision"][0] == PROMOTED,
        is_new=is_new,
        metrics=json.loads(row_now["metrics"][0]),
    )


def labelled_features(con: DuckDBPyConnection, snapshots: LabelledSnapshots) -> pl.DataFrame:
    """The training frame: keys, account_id, closed_date, is_won and the features."""
    features = opportunity_features(con, snapshots.frame)
    labels = snapshots.frame.select(*KEYS, "account_id", "closed_date", TARGET)
    return labels.join(features, on=list(KEYS), how="inner", validate="1:1").sort(KEYS)


def weighted_as_of(
    frame: pl.DataFrame,
    sampled: pl.DataFrame,
    clock: date,
    settings: OpportunityModelSettings,
    *,
    after: date = date.min,
    until: date = date.max,
) -> pl.DataFrame:
    """The rows whose outcome was known at a clock, each with its observation weight.

    Rows that calibrate (the latest) and earlier rows are weighted within their own, so that each
    part stands for its own time.

    Args:
        frame: labelled rows (as_of_date, closed_date).
        sampled: all sampled rows, labelled or not (as_of_date).
        clock: outcomes count when the deal had closed by this day.
        settings: share of rows that calibrate, largest weight.
        after: only rows with a later as_of_date.
        until: only rows with an as_of_date up to this day.

    Returns:
        The rows with `weight`, in the order of `frame`.
    """
    last = min(until, clock)
    window = pl.col(TIME).is_between(after, last, closed="right")
    known = frame.filter(window & (pl.col("closed_date") <= clock))
    if known.is_empty():
        return known.with_columns(weight=pl.lit(1.0))
    followed = sampled.filter(window)[TIME]
    latest = latest_rows(known, TIME, settings.scorer.calibration_share)
    boundary = known.filter(pl.Series(latest))[TIME].sort()[0]
    weight = np.ones(known.height)
    for part, members in ((latest, followed >= boundary), (~latest, followed < boundary)):
        rows = known.filter(pl.Series(part))
        weight[part] = observation_weights(
            days_between(rows[TIME], rows["closed_date"]),
            days_between(followed.filter(members), clock),
            settings.max_observation_weight,
        )
    return known.with_columns(weight=pl.Series(weight))


def test_follow_up(snapshots: LabelledSnapshots, settings: OpportunityModelSettings) -> int:
    """Days after which most open deals have been decided: test rows are at least so old."""
    sampled = snapshots.sampled
    if sampled.is_empty():
        return 0
    history = (snapshots.clock - sampled[TIME].sort()[0]).days
    followed = days_between(sampled[TIME], sampled["closed_date"].fill_null(snapshots.clock))
    decided = sampled["closed_date"].is_not_null().to_numpy()
    days = kaplan_meier_quantile(followed, decided, settings.test_decided_share)
    longest = int(history * settings.max_follow_up_share)
    return longest if days is None else min(days, longest)


def _judge(
    frame: pl.DataFrame,
    snapshots: LabelledSnapshots,
    settings: OpportunityModelSettings,
    version: str,
) -> _Judged:
    sampled, clock = snapshots.sampled, snapshots.clock
    follow_up = test_follow_up(snapshots, settings)
    test_end = clock - timedelta(days=follow_up)
    origin = test_end - timedelta(days=settings.test_days)
    test = weighted_as_of(frame, sampled, clock, settings, after=origin, until=test_end)
    before = weighted_as_of(frame, sampled, origin, settings)
    group = choose_group(before, test, GROUPS)
    training = without_shared_groups(before, test, group)
    facts: dict[str, object] = {
        "sample": {
            "closed_count": snapshots.closed_count,
            "won_count": snapshots.won_count,
            "snapshot_count": sampled.height,
            "labelled_count": frame.height,
            "origin_date": origin.isoformat(),
            "test_end_date": test_end.isoformat(),
            "test_follow_up_days": follow_up,
            "test_labelled_share": _labelled_share(test, sampled, origin, test_end),
            "kept_apart_by": group,
        }
    }
    for part, rows, needed in (
        ("the training period", training, settings.promotion.min_training_groups),
        ("the later test period", test, settings.promotion.min_test_groups),
    ):
        short = too_little_history(part, *_deals_by_outcome(rows), needed)
        if short is not None:
            facts["verdict"] = short.code
            return _Judged(short, facts, empty_backtest(), None)
    challenger = opportunity_scorer(training, group, settings.scorer)
    fitted = challenger.fit(training)
    report = challenger.evaluate(
        test,
        baselines={
            "base_rate": BaseRate.fit(training, TARGET, weight=WEIGHT).probability(test),
            "stage_rate": StageRate.fit(training, TARGET, weight=WEIGHT).probability(test),
        },
        group=DEAL,
    )
    decision = decide(report, settings.promotion)
    facts |= {
        "verdict": decision.code,
        "backtest": report.as_dict(),
        "backtest_training": {
            "training_rows": fitted.training_rows,
            "calibration_rows": fitted.calibration_rows,
            "rounds": fitted.rounds,
            "base_rate": round(fitted.base_rate, 6),
        },
    }
    scorer: BinaryScorer | None = None
    if decision.is_promoted:
        everything = weighted_as_of(frame, sampled, clock, settings)
        scorer = opportunity_scorer(everything, group, settings.scorer)
        final = scorer.fit(everything)
        facts["final_training"] = {
            "training_rows": final.training_rows,
            "calibration_rows": final.calibration_rows,
            "rounds": final.rounds,
            "base_rate": round(final.base_rate, 6),
        }
    rows = _backtest_rows(report, version, origin, settings.test_days)
    return _Judged(decision, facts, rows, scorer)


def opportunity_scorer(frame: pl.DataFrame, group: str, settings: ScorerSettings) -> BinaryScorer:
    """An untrained scorer over the features, with reasons in the catalogue's words."""
    features = {feature.name for feature in OPPORTUNITY_FEATURES}
    return BinaryScorer(
        TARGET,
        time=TIME,
        group=group,
        weight=WEIGHT,
        exclude=[name for name in frame.columns if name not in features and name != WEIGHT],
        settings=settings,
        themes={feature.name: feature.theme for feature in OPPORTUNITY_FEATURES},
        labels={feature.name: feature.label for feature in OPPORTUNITY_FEATURES},
    )


def _labelled_share(
    test: pl.DataFrame, sampled: pl.DataFrame, after: date, until: date
) -> float | None:
    in_window = sampled.filter(pl.col(TIME).is_between(after, until, closed="right")).height
    return round(test.height / in_window, 6) if in_window else None


def _deals_by_outcome(frame: pl.DataFrame) -> tuple[int, int]:
    won = frame.filter(pl.col(TARGET))[DEAL].n_unique()
    lost = frame.filter(~pl.col(TARGET))[DEAL].n_unique()
    return won, lost


def _backtest_rows(
    report: ScoreReport, version: str, origin: date, horizon_days: int
) -> pl.DataFrame:
    rows = [
        {
            "model_name": MODEL_NAME,
            "model_version": version,
            "origin_date": origin,
            "horizon_days": horizon_days,
            "metric": metric,
            "baseline": baseline,
            "value": estimate.value,
            "baseline_value": report.baseline_metrics[baseline][metric],
            "row_count": report.row_count,
        }
        for metric, estimate in report.metrics.items()
        for baseline in BASELINE_NAMES
    ]
    return pl.DataFrame(rows, schema=BACKTEST_SCHEMA)


def _verdict(row: pl.DataFrame, registry: pl.DataFrame) -> str:
    reason: str = row["promotion_reason"][0]
    if row["promotion_decision"][0] == PROMOTED:
        return reason
    champions = registry.filter(pl.col("is_champion") & (pl.col("model_name") == MODEL_NAME))
    speaker = (
        f"The former champion {champions['model_version'][0]} goes on scoring."
        if champions.height
        else "Open deals get the base rate."
    )
    return f"{reason} {speaker}"
