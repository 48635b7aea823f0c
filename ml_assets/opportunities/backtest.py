"""Whether the opportunity score deserves to speak: one backtest in which everything is as it was.

The whole procedure, training and calibration, is run as it would have been at the end of an earlier
day (the origin), with the outcomes that were known then, and judged on the deals that were open
after it. If it passes, the same procedure is run with everything that is known at the training
clock, and that model is the one that scores.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from ml_assets.baselines import BaseRate, StageRate
from ml_assets.evaluation import ScoreReport
from ml_assets.features import OPPORTUNITY_FEATURES, LabelledSnapshots
from ml_assets.opportunities.samples import (
    DEAL,
    TARGET,
    TIME,
    WEIGHT,
    follow_up_days,
    weighted_as_of,
)
from ml_assets.opportunities.settings import MODEL_NAME, OpportunityModelSettings
from ml_assets.registry import BACKTEST_SCHEMA, Decision, decide, empty_backtest
from ml_assets.registry.promotion import too_little_history
from ml_assets.scoring import (
    BinaryScorer,
    FitReport,
    ScorerSettings,
    choose_group,
    without_shared_groups,
)

GROUPS = ("account_id", DEAL)


@dataclass(frozen=True)
class Judged:
    """What the backtest of a training found.

    Attributes:
        decision: promoted or not, and why.
        metrics: figures for the registry, as plain values.
        backtest_rows: rows of ml_backtest (none without enough history).
        scorer: the model trained on everything known; None unless promoted.
    """

    decision: Decision
    metrics: dict[str, object]
    backtest_rows: pl.DataFrame
    scorer: BinaryScorer | None


def judge(
    frame: pl.DataFrame,
    snapshots: LabelledSnapshots,
    settings: OpportunityModelSettings,
    version: str,
) -> Judged:
    """Backtest the procedure and, if it passes, train the model that scores.

    Args:
        frame: the training frame (see `labelled_features`).
        snapshots: where the frame comes from.
        settings: parameters.
        version: of the model, for the backtest rows.
    """
    sampled, clock = snapshots.sampled, snapshots.clock
    follow_up = follow_up_days(snapshots, settings)
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
            return Judged(short, facts, empty_backtest(), None)
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
        "backtest_training": _fit_facts(fitted),
    }
    scorer: BinaryScorer | None = None
    if decision.is_promoted:
        everything = weighted_as_of(frame, sampled, clock, settings)
        scorer = opportunity_scorer(everything, group, settings.scorer)
        facts["final_training"] = _fit_facts(scorer.fit(everything))
    rows = _backtest_rows(report, version, origin, settings.test_days)
    return Judged(decision, facts, rows, scorer)


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


def _fit_facts(fitted: FitReport) -> dict[str, object]:
    return {
        "training_rows": fitted.training_rows,
        "calibration_rows": fitted.calibration_rows,
        "rounds": fitted.rounds,
        "base_rate": round(fitted.base_rate, 6),
    }


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
        for baseline in report.baseline_metrics
    ]
    return pl.DataFrame(rows, schema=BACKTEST_SCHEMA)
