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
    brier_score,
    calibration_plot,
    expected_calibration_error,
    held_out_frame,
    lift_plot,
    log_loss,
    report_on,
    roc_auc,
)
from ml_assets.features import OPPORTUNITY_FEATURES, training_snapshots
from ml_assets.features.snapshots import KEYS
from ml_assets.opportunities.levers import Benchmarks
from ml_assets.opportunities.model import OpportunityModel
from ml_assets.opportunities.samples import (
    DEAL,
    TARGET,
    TIME,
    WEIGHT,
    follow_up_days,
    snapshot_features,
    weighted_as_of,
)
from ml_assets.opportunities.settings import MODEL_NAME, OpportunityModelSettings, feature_schema
from ml_assets.opportunities.timing import (
    HORIZONS,
    closing_chances,
    horizon_column,
    landmarks_as_of,
    outcomes_within,
    quarter_start_month,
    timing_model,
)
from ml_assets.registry.lifecycle import Candidate, HeldOut, Judgement, Sample
from ml_assets.registry.promotion import Decision, decide, too_little_history
from ml_assets.registry.tables import BACKTEST_SCHEMA, empty_backtest, report_rows
from ml_assets.scoring import (
    BinaryScorer,
    ScorerSettings,
    choose_group,
    without_shared_groups,
)
from ml_assets.survival import HazardFitReport, HazardModel

GROUPS = ("account_id", DEAL)
LATER_DEALS = "later_deals"
CLOSING_METRICS = {
    "roc_auc": roc_auc,
    "log_loss": log_loss,
    "brier": brier_score,
    "ece": expected_calibration_error,
}


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
        """Past snapshots with their features and, where it is known, their outcome."""
        snapshots = training_snapshots(con, clock, self.settings.sampling)
        return Sample(
            {"snapshots": snapshot_features(con, snapshots)},
            {"closed_count": snapshots.closed_count, "won_count": snapshots.won_count},
        )

    def train(self, sample: Sample, clock: date, seed: int) -> Candidate:
        """Backtest the procedure on later deals, and train the model that may score."""
        frame = sample.frames["snapshots"]
        sampled = frame.select(*KEYS, "closed_date")
        settings = replace(
            self.settings,
            scorer=replace(self.settings.scorer, seed=seed),
            timing=replace(
                self.settings.timing, seed=seed, fiscal_year_start_month=quarter_start_month(frame)
            ),
        )
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
                "labelled_count": frame.height - frame["closed_date"].null_count(),
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
        facts["backtest_training"] = challenger.fit(training).as_dict()
        later = held_out_frame(
            test[TARGET].cast(pl.Float64).to_numpy(),
            challenger.probability(test),
            baselines={
                "base_rate": BaseRate.fit(training, TARGET, weight=WEIGHT).probability(test),
                "stage_rate": StageRate.fit(training, TARGET, weight=WEIGHT).probability(test),
            },
            groups=test[DEAL].to_list(),
            weight=test[WEIGHT].to_numpy(),
            days=test[TIME],
        )
        held_out = {LATER_DEALS: later}
        apart = without_shared_groups(
            landmarks_as_of(frame, origin), _within(frame, origin, test_end), group
        )
        timing = timing_model(apart, group, settings.timing)
        facts["backtest_timing"] = _hazard_facts(timing.fit(apart))
        held_out |= _later_closings(
            challenger, timing, frame, _Periods(origin, test_end, clock), group
        )
        everything = weighted_as_of(frame, sampled, clock, settings)
        scorer = opportunity_scorer(everything, group, settings.scorer)
        facts["final_training"] = scorer.fit(everything).as_dict()
        landmarks = landmarks_as_of(frame, clock)
        timing = timing_model(landmarks, group, settings.timing)
        facts["final_timing"] = _hazard_facts(timing.fit(landmarks))
        model = OpportunityModel(scorer, timing, Benchmarks.of_won(everything))
        features = everything.select(TIME, *(feature.name for feature in OPPORTUNITY_FEATURES))
        return Candidate(model, held_out, facts, features)

    def judge(self, held_out: HeldOut) -> Judgement:
        """Hold the predictions on later deals against base rate and stage rate.

        Whether the model may speak depends on what it says of winning in the end; what it says of
        winning within some days is judged beside it, and follows from the same probability.
        """
        facts = dict(held_out.facts)
        if LATER_DEALS not in held_out.frames:
            short = Decision("insufficient_history", str(facts.pop("too_little")))
            return Judgement(short, facts, empty_backtest())
        report = report_on(held_out.frames[LATER_DEALS], cast(int, facts["seed"]))
        decision = decide(report, self.settings.promotion)
        sample = cast("dict[str, str]", facts["sample"])
        origin = date.fromisoformat(sample["origin_date"])
        closings = {
            days: held_out.frames[horizon_column(days)]
            for days in HORIZONS
            if horizon_column(days) in held_out.frames
        }
        return Judgement(
            decision,
            facts | {"backtest": report.as_dict()},
            pl.concat(
                [
                    pl.DataFrame(
                        report_rows(report, origin, self.settings.test_days), schema=BACKTEST_SCHEMA
                    ),
                    _decision_rows(report, origin, self.settings.test_days),
                    *(_closing_rows(rows, origin, days) for days, rows in closings.items()),
                ]
            ),
            (calibration_plot(report.reliability), lift_plot(report.lift)),
        )


def opportunity_scorer(frame: pl.DataFrame, group: str, settings: ScorerSettings) -> BinaryScorer:
    """An untrained scorer over the features, with reasons in the catalogue's words.

    It is not told the time: the latest rows whose outcome is known are those that were decided
    fast, and whoever calibrates on them alone takes slow deals for lost ones.
    """
    features = {feature.name for feature in OPPORTUNITY_FEATURES}
    return BinaryScorer(
        TARGET,
        group=group,
        weight=WEIGHT,
        exclude=[name for name in frame.columns if name not in features and name != WEIGHT],
        settings=settings,
        themes={feature.name: feature.theme for feature in OPPORTUNITY_FEATURES},
        labels={feature.name: feature.label for feature in OPPORTUNITY_FEATURES},
    )


@dataclass(frozen=True)
class _Periods:
    """The backtest's origin, the end of its test period, and the day whose outcomes are known."""

    origin: date
    test_end: date
    clock: date


def _within(frame: pl.DataFrame, after: date, until: date) -> pl.DataFrame:
    return frame.filter(pl.col(TIME).is_between(after, until, closed="right"))


def _later_closings(
    scorer: BinaryScorer, timing: HazardModel, frame: pl.DataFrame, periods: _Periods, group: str
) -> dict[str, pl.DataFrame]:
    """For each horizon the held-out frame of what was said of winning within it."""
    later = _within(frame, periods.origin, periods.test_end)
    earlier = without_shared_groups(frame.filter(pl.col(TIME) <= periods.origin), later, group)
    frames: dict[str, pl.DataFrame] = {}
    chances = closing_chances(timing, later, scorer.probability(later))
    for days in HORIZONS:
        name = horizon_column(days)
        said = outcomes_within(
            later.with_columns(pl.Series("said", chances[name])), days, periods.clock
        )
        known = outcomes_within(earlier, days, periods.origin)
        if said.is_empty():
            continue
        frames[name] = held_out_frame(
            said[name].cast(pl.Float64).to_numpy(),
            said["said"].to_numpy(),
            baselines={
                "base_rate": BaseRate.fit(known, name).probability(said),
                "stage_rate": StageRate.fit(known, name).probability(said),
            },
            groups=said[DEAL].to_list(),
        )
    return frames


def _hazard_facts(fitted: HazardFitReport) -> dict[str, object]:
    return {
        "landmark_rows": fitted.landmark_rows,
        "period_rows": fitted.period_rows,
        "sampled_rows": fitted.sampled_rows,
        "rounds": dict(fitted.rounds),
        "recalibration": {name: list(values) for name, values in fitted.recalibration.items()},
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


def _decision_rows(report: ScoreReport, origin: date, horizon_days: int) -> pl.DataFrame:
    """What a yes at one half is worth beside the majority's answer, and how well what will be lost
    is identified beside calling every deal at risk."""
    decisions = report.decisions
    lost_share = (
        1 - decisions.majority_accuracy.value
        if decisions.majority_outcome
        else decisions.majority_accuracy.value
    )
    said_lost = 1 - decisions.selected_share.value
    found_lost = decisions.specificity.value * lost_share
    figures = {
        "accuracy": (decisions.accuracy.value, "majority", decisions.majority_accuracy.value),
        "risk_precision": (
            found_lost / said_lost if said_lost > 0 else None,
            "all_at_risk",
            lost_share,
        ),
        "risk_recall": (decisions.specificity.value, "all_at_risk", 1.0),
    }
    rows = [
        {
            "origin_date": origin,
            "horizon_days": horizon_days,
            "metric": metric,
            "baseline": baseline,
            "value": value,
            "baseline_value": baseline_value,
            "row_count": report.row_count,
        }
        for metric, (value, baseline, baseline_value) in figures.items()
    ]
    return pl.DataFrame(rows, schema=BACKTEST_SCHEMA)


def _closing_rows(held_out: pl.DataFrame, origin: date, days: int) -> pl.DataFrame:
    """What was said of winning within some days, beside the rates of the past."""
    outcome = held_out["outcome"].to_numpy()
    rows = [
        {
            "origin_date": origin,
            "horizon_days": days,
            "metric": f"{metric}_{horizon_column(days)}",
            "baseline": baseline,
            "value": of(outcome, held_out["probability"].to_numpy()),
            "baseline_value": of(outcome, held_out[f"baseline_{baseline}"].to_numpy()),
            "row_count": held_out.height,
        }
        for metric, of in CLOSING_METRICS.items()
        for baseline in ("base_rate", "stage_rate")
    ]
    return pl.DataFrame(rows, schema=BACKTEST_SCHEMA)
