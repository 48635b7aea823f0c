"""How the opportunity score is made: trained on the past of closed deals, judged on later ones.

The whole procedure, training and calibration, is run as it would have been at the end of an earlier
day (the origin), with the outcomes that were known then, and judged on the deals that were open
after it. The model that scores comes from the same procedure with everything that is known at the
training clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import cast

import lightgbm
import polars as pl
from duckdb import DuckDBPyConnection

from ml_assets.baselines import BaseRate, StageRate
from ml_assets.evaluation import (
    ScoreReport,
    calibration_plot,
    held_out_frame,
    lift_plot,
    report_on,
)
from ml_assets.features import OPPORTUNITY_FEATURES, training_snapshots
from ml_assets.opportunities.samples import (
    DEAL,
    TARGET,
    TIME,
    WEIGHT,
    follow_up_days,
    labelled_features,
    weighted_as_of,
)
from ml_assets.opportunities.settings import MODEL_NAME, OpportunityModelSettings, feature_schema
from ml_assets.registry.lifecycle import Candidate, HeldOut, Judgement, Sample
from ml_assets.registry.promotion import Decision, decide, too_little_history
from ml_assets.registry.tables import BACKTEST_SCHEMA, empty_backtest
from ml_assets.scoring import (
    BinaryScorer,
    FitReport,
    ScorerSettings,
    choose_group,
    without_shared_groups,
)

GROUPS = ("account_id", DEAL)
LATER_DEALS = "later_deals"


@dataclass(frozen=True)
class OpportunityProcedure:
    """The procedure of the opportunity score (see `ModelProcedure`)."""

    settings: OpportunityModelSettings = field(default_factory=OpportunityModelSettings)
    name: str = MODEL_NAME

    @property
    def retrain_every_days(self) -> int:
        """Days between two trainings."""
        return self.settings.retrain_every_days

    def parameters(self) -> dict[str, object]:
        """All settings, and the version of the library that grows the trees."""
        return self.settings.as_dict() | {"lightgbm": lightgbm.__version__}

    def feature_schema(self) -> str:
        """The features and their kinds as JSON text."""
        return feature_schema()

    def sample(self, con: DuckDBPyConnection, clock: date) -> Sample:
        """Past snapshots: the labelled ones with their features, and which days were sampled."""
        snapshots = training_snapshots(con, clock, self.settings.sampling)
        return Sample(
            {"labelled": labelled_features(con, snapshots), "sampled": snapshots.sampled},
            {"closed_count": snapshots.closed_count, "won_count": snapshots.won_count},
        )

    def train(self, sample: Sample, clock: date, seed: int) -> Candidate:
        """Backtest the procedure on later deals, and train the model that may score."""
        settings = replace(self.settings, scorer=replace(self.settings.scorer, seed=seed))
        frame, sampled = sample.frames["labelled"], sample.frames["sampled"]
        follow_up = follow_up_days(sampled, clock, settings)
        test_end = clock - timedelta(days=follow_up)
        origin = test_end - timedelta(days=settings.test_days)
        test = weighted_as_of(frame, sampled, clock, settings, after=origin, until=test_end)
        before = weighted_as_of(frame, sampled, origin, settings)
        group = choose_group(before, test, GROUPS)
        training = without_shared_groups(before, test, group)
        facts: dict[str, object] = {
            "sample": {
                **sample.facts,
                "snapshot_count": sampled.height,
                "labelled_count": frame.height,
                "origin_date": origin.isoformat(),
                "test_end_date": test_end.isoformat(),
                "test_follow_up_days": follow_up,
                "test_labelled_share": _labelled_share(test, sampled, origin, test_end),
                "kept_apart_by": group,
            },
            "seed": seed,
        }
        for part, rows, needed in (
            ("the training period", training, settings.promotion.min_training_groups),
            ("the later test period", test, settings.promotion.min_test_groups),
        ):
            short = too_little_history(part, *_deals_by_outcome(rows), needed)
            if short is not None:
                return Candidate(None, {}, facts | {"too_little": short.reason})
        challenger = opportunity_scorer(training, group, settings.scorer)
        facts["backtest_training"] = _fit_facts(challenger.fit(training))
        later = held_out_frame(
            test[TARGET].cast(pl.Float64).to_numpy(),
            challenger.probability(test),
            baselines={
                "base_rate": BaseRate.fit(training, TARGET, weight=WEIGHT).probability(test),
                "stage_rate": StageRate.fit(training, TARGET, weight=WEIGHT).probability(test),
            },
            groups=test[DEAL].to_list(),
            weight=test[WEIGHT].to_numpy(),
        )
        everything = weighted_as_of(frame, sampled, clock, settings)
        scorer = opportunity_scorer(everything, group, settings.scorer)
        facts["final_training"] = _fit_facts(scorer.fit(everything))
        features = everything.select(feature.name for feature in OPPORTUNITY_FEATURES)
        return Candidate(scorer, {LATER_DEALS: later}, facts, features)

    def judge(self, held_out: HeldOut) -> Judgement:
        """Hold the predictions on later deals against base rate and stage rate."""
        facts = dict(held_out.facts)
        if LATER_DEALS not in held_out.frames:
            short = Decision("insufficient_history", str(facts.pop("too_little")))
            return Judgement(short, facts, empty_backtest())
        report = report_on(held_out.frames[LATER_DEALS], cast(int, facts["seed"]))
        decision = decide(report, self.settings.promotion)
        sample = cast("dict[str, str]", facts["sample"])
        return Judgement(
            decision,
            facts | {"backtest": report.as_dict()},
            _backtest_rows(
                report, date.fromisoformat(sample["origin_date"]), self.settings.test_days
            ),
            (calibration_plot(report.reliability), lift_plot(report.lift)),
        )


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


def _backtest_rows(report: ScoreReport, origin: date, horizon_days: int) -> pl.DataFrame:
    rows = [
        {
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
