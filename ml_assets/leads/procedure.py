"""How the lead score is made: trained on the past of leads, judged on later ones.

The whole procedure, half-life and calibration included, is run as it would have been at the end of
an earlier day (the origin), with the conversions that were known then, and judged on the leads that
were open after it. Between the last day that the model learns from and the first that it is judged
on lies the horizon: no label of the one reaches into the other. The model that scores comes from
the same procedure with everything that is known at the training clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import cast

import lightgbm
import polars as pl
from duckdb import DuckDBPyConnection

from ml_assets.evaluation import (
    BandReport,
    ScoreReport,
    band_report,
    calibration_plot,
    held_out_frame,
    lift_plot,
    report_on,
)
from ml_assets.features.lead import LEAD_KEYS, lead_features
from ml_assets.features.lead_snapshots import open_leads, training_leads
from ml_assets.leads.baselines import baselines
from ml_assets.leads.half_life import best_half_life, half_life_losses
from ml_assets.leads.model import LeadModel
from ml_assets.leads.scale import lead_score
from ml_assets.leads.settings import MODEL_NAME, PROMISES, LeadModelSettings, feature_schema
from ml_assets.registry.lifecycle import Candidate, HeldOut, Judgement, Sample
from ml_assets.registry.promotion import Decision, decide, hold_bands, too_little_history
from ml_assets.registry.tables import BACKTEST_SCHEMA, empty_backtest, report_rows
from ml_assets.scoring import choose_group, without_shared_groups

TARGET = "is_converted_in_time"
TIME = "as_of_date"
LEAD = "lead_id"
COMPANY = "company_key"
LATER_LEADS = "later_leads"
PROMISED = "promised"

REFERENCE_DAYS_BEFORE = (0, 9, 18, 27)
"""Evenings before the clock, of four weekdays, whose open leads later ones are compared with:
the training looks at each age of a lead alike, which no evening's leads do."""


@dataclass(frozen=True)
class _Window:
    """One period of the backtest.

    Attributes:
        origin: the day at whose end the procedure is run.
        end: last day on which leads are looked at; their horizon is over at the training clock.
        learnt_until: last day that the model learns from; its horizon is over at the origin.
    """

    origin: date
    end: date
    learnt_until: date

    @classmethod
    def before(cls, clock: date, number: int, settings: LeadModelSettings) -> _Window:
        """The latest period (number 0), or the one before it, and so on; they don't overlap."""
        horizon = timedelta(days=settings.sampling.horizon_days)
        length = timedelta(days=settings.test_days)
        end = clock - horizon - number * length
        return cls(origin=end - length, end=end, learnt_until=end - length - horizon)


@dataclass(frozen=True)
class LeadProcedure:
    """The procedure of the lead score (see `ModelProcedure`)."""

    settings: LeadModelSettings = field(default_factory=LeadModelSettings)
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
        """Past snapshots of open leads whose horizon is over, and the open leads of some evenings
        before the clock, with their features."""
        snapshots = training_leads(con, clock, self.settings.sampling)
        labelled = snapshots.frame.filter(pl.col(TARGET).is_not_null())
        frame = labelled.select(*LEAD_KEYS, COMPANY, TARGET).join(
            lead_features(con, labelled.drop("converted_at", COMPANY, TARGET)),
            on=list(LEAD_KEYS),
            how="inner",
            validate="1:1",
        )
        evenings = pl.concat(
            open_leads(con, clock - timedelta(days=days)) for days in REFERENCE_DAYS_BEFORE
        ).sort(LEAD_KEYS)
        return Sample(
            {"labelled": frame.sort(LEAD_KEYS), "evenings": lead_features(con, evenings)},
            {
                "lead_count": snapshots.lead_count,
                "converted_count": snapshots.converted_count,
                "snapshot_count": snapshots.frame.height,
            },
        )

    def train(self, sample: Sample, clock: date, seed: int) -> Candidate:
        """Backtest the procedure on later leads, and train the model that may score."""
        gap = self.settings.sampling.horizon_days
        scorer = replace(self.settings.scorer, seed=seed, gap_days=gap)
        settings = replace(self.settings, scorer=scorer)
        frame, evenings = sample.frames["labelled"], sample.frames["evenings"]
        facts: dict[str, object] = {
            "sample": {
                **sample.facts,
                "labelled_count": frame.height,
                "horizon_days": settings.sampling.horizon_days,
            },
            "seed": seed,
        }
        later: list[pl.DataFrame] = []
        trainings: list[dict[str, object]] = []
        for number in range(settings.origins):
            window = _Window.before(clock, number, settings)
            backtest = self._backtest(frame, window, settings)
            if isinstance(backtest, Decision):
                if number == 0:
                    return Candidate(None, {}, facts | {"too_little": backtest.reason})
                break
            held_out, measured = backtest
            later.append(held_out)
            trainings.append(measured)
        model, measured = self._fit(frame, str(trainings[0]["kept_apart_by"]), settings)
        return Candidate(
            model,
            {LATER_LEADS: pl.concat(reversed(later))},
            facts | {"backtest_trainings": trainings, "final_training": measured},
            model.features(evenings).with_columns(evenings[TIME]),
        )

    def _backtest(
        self, frame: pl.DataFrame, window: _Window, settings: LeadModelSettings
    ) -> tuple[pl.DataFrame, dict[str, object]] | Decision:
        """What the procedure, run at the window's origin, says of the window's leads."""
        test = frame.filter(pl.col(TIME).is_between(window.origin, window.end, closed="right"))
        before = frame.filter(pl.col(TIME) <= window.learnt_until)
        group = choose_group(before, test, (COMPANY, LEAD))
        training = without_shared_groups(before, test, group)
        rule = settings.promotion
        for part, rows, needed in (
            ("the training period", training, rule.min_training_groups),
            ("the later test period", test, rule.min_test_groups),
        ):
            short = too_little_history(part, *_leads_by_outcome(rows), needed, rule)
            if short is not None:
                return short
        challenger, measured = self._fit(training, group, settings)
        held_out = held_out_frame(
            test[TARGET].cast(pl.Float64).to_numpy(),
            challenger.probability(test),
            baselines=baselines(training, test, TARGET),
            groups=test[LEAD].to_list(),
            days=test["as_of_date"],
        ).with_columns(origin_date=pl.lit(window.origin))
        return held_out, {
            "origin_date": window.origin.isoformat(),
            "test_end_date": window.end.isoformat(),
            "learnt_until": window.learnt_until.isoformat(),
            "kept_apart_by": group,
            **measured,
        }

    def judge(self, held_out: HeldOut) -> Judgement:
        """Hold the predictions on later leads against baselines, and the score against its word."""
        facts = dict(held_out.facts)
        if LATER_LEADS not in held_out.frames:
            short = Decision("insufficient_history", str(facts.pop("too_little")))
            return Judgement(short, facts, empty_backtest())
        later, seed = held_out.frames[LATER_LEADS], cast(int, facts["seed"])
        report = report_on(later, seed)
        bands = band_report(
            later["outcome"].to_numpy(),
            lead_score(later["probability"].to_numpy()),
            PROMISES,
            groups=later["group"].to_list(),
            seed=seed,
        )
        decision = hold_bands(
            decide(report, self.settings.promotion), bands, self.settings.min_r_squared
        )
        return Judgement(
            decision,
            facts | {"backtest": report.as_dict(), "bands": bands.as_dict()},
            _backtest_rows(
                report,
                bands,
                cast(date, later["origin_date"].min()),
                self.settings.sampling.horizon_days,
                self.settings.min_r_squared,
            ),
            (calibration_plot(report.reliability), lift_plot(report.lift)),
        )

    def _fit(
        self, frame: pl.DataFrame, group: str, settings: LeadModelSettings
    ) -> tuple[LeadModel, dict[str, object]]:
        """The model of labelled rows, and what was measured on the way."""
        losses = half_life_losses(frame, TARGET, settings.half_lives)
        half_life = best_half_life(losses)
        model = LeadModel.fit(
            frame, TARGET, time=TIME, group=group, half_life=half_life, settings=settings.scorer
        )
        return model, {
            "training_rows": frame.height,
            "base_rate": round(float(frame[TARGET].cast(pl.Float64).to_numpy().mean()), 6),
            "half_life_days": half_life,
            "half_life_log_loss": {str(days): round(loss, 6) for days, loss in losses.items()},
        }


def _leads_by_outcome(frame: pl.DataFrame) -> tuple[int, int]:
    converted = frame.filter(pl.col(TARGET))[LEAD].n_unique()
    others = frame.filter(~pl.col(TARGET))[LEAD].n_unique()
    return converted, others


def _backtest_rows(
    report: ScoreReport,
    bands: BandReport,
    origin: date,
    horizon_days: int,
    min_r_squared: float,
) -> pl.DataFrame:
    """Metrics beside those of the baselines, and the score's figures beside what is promised.

    These bear the names of seeds/metrics.csv.
    """
    shared: dict[str, object] = {"origin_date": origin, "horizon_days": horizon_days}
    rows = report_rows(report, origin, horizon_days)
    rows.append(
        {
            **shared,
            "metric": "lead_score_r2",
            "baseline": PROMISED,
            "value": bands.r_squared,
            "baseline_value": min_r_squared,
            "row_count": int(bands.bins["row_count"].sum()),
        }
    )
    rows += [
        {
            **shared,
            "metric": f"{band.promise.name}_close_rate",
            "baseline": PROMISED,
            "value": band.rate.value,
            "baseline_value": band.promise.rate_above
            if band.promise.rate_above is not None
            else band.promise.rate_below,
            "row_count": band.row_count,
        }
        for band in bands.bands
    ]
    return pl.DataFrame(rows, schema=BACKTEST_SCHEMA).with_columns(
        pl.col("value").fill_nan(None), pl.col("baseline_value").fill_nan(None)
    )
