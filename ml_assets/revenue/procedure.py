"""How the revenue forecast is made: replayed for earlier evenings, judged, and learnt anew."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import cast

import lightgbm
from duckdb import DuckDBPyConnection

from ml_assets.registry.lifecycle import Candidate, HeldOut, Judgement, Sample
from ml_assets.registry.promotion import Decision
from ml_assets.registry.tables import empty_backtest
from ml_assets.revenue.backtest import company_history, run_backtest
from ml_assets.revenue.engine import Learned, learn
from ml_assets.revenue.history import (
    RevenueHistory,
    backtest_origins,
    baseline_evenings,
    first_known_closing,
    read_history,
)
from ml_assets.revenue.intervals import Intervals
from ml_assets.revenue.judgement import (
    backtest_rows,
    baseline_spread,
    best_baseline,
    decide,
    plots,
    summary,
)
from ml_assets.revenue.settings import (
    MODEL_NAME,
    RevenueSettings,
    feature_schema,
)

FORECASTS = "forecasts"
MISSES = "misses"
COMPANY_HISTORY = "company_history"


@dataclass(frozen=True)
class RevenueModel:
    """What speaks: what was learnt, and how wide its intervals are."""

    learned: Learned
    intervals: Intervals

    def save(self, folder: Path) -> None:
        """Write it as text files."""
        self.learned.save(folder)
        self.intervals.save(folder)

    @classmethod
    def load(cls, folder: Path) -> RevenueModel:
        """Read what `save` wrote."""
        return cls(Learned.load(folder), Intervals.load(folder))


@dataclass(frozen=True)
class RevenueProcedure:
    """The procedure of the revenue forecast (see `ModelProcedure`)."""

    settings: RevenueSettings = field(default_factory=RevenueSettings)
    name: str = MODEL_NAME
    retrain_every_days: int = 7

    def parameters(self) -> dict[str, object]:
        """All settings, and the version of the library that grows the trees."""
        return self.settings.as_parameters() | {"lightgbm": lightgbm.__version__}

    def feature_schema(self) -> str:
        """The features as JSON text."""
        return feature_schema()

    def sample(self, con: DuckDBPyConnection, clock: date) -> Sample:
        """The pipeline of the evenings to learn from and to judge on, and what came of it.

        Without enough history for the backtest only the closings are read, to say so.
        """
        since = first_known_closing(con, clock)
        origins = backtest_origins(since, clock, self.settings)
        facts: dict[str, object] = {
            "origins": [origin.isoformat() for origin in origins],
            "closings_known_from": None if since is None else since.isoformat(),
        }
        judged = len(origins) - self.settings.burn_in_origins
        if judged < self.settings.min_origins:
            return Sample(
                {},
                facts
                | {
                    "too_little": f"Not promoted: {max(judged, 0)} earlier evenings could be "
                    f"judged, and {self.settings.min_origins} are needed."
                },
            )
        evenings = sorted({*origins, *baseline_evenings(con, origins, since)})
        history = read_history(con, clock, self.settings, evenings)
        won = history.won_by(origins[0]).height
        if won < self.settings.min_won_deals:
            facts["too_little"] = (
                f"Not promoted: {won} deals had been won by the first evening to be judged, "
                f"{origins[0]}, and {self.settings.min_won_deals} are needed."
            )
            return Sample({}, facts)
        return Sample(history.frames, facts)

    def train(self, sample: Sample, clock: date, seed: int) -> Candidate:
        """Replay the forecast for earlier evenings, and learn what the next ones are made with."""
        facts = dict(sample.facts)
        if not sample.frames:
            return Candidate(None, {}, facts)
        history = RevenueHistory(clock, sample.frames)
        origins = [date.fromisoformat(day) for day in cast("list[str]", facts["origins"])]
        backtest = run_backtest(history, origins, self.settings, seed)
        learned = learn(history, clock, self.settings, seed)
        intervals = backtest.intervals
        facts["common_shock"] = round(intervals.shocks.common, 6)
        facts["personal_shock"] = round(intervals.shocks.personal, 6)
        facts["stretch"] = {kind: round(by, 6) for kind, by in intervals.stretch.items()}
        first_judged = origins[self.settings.burn_in_origins]
        return Candidate(
            RevenueModel(learned, intervals),
            {
                FORECASTS: backtest.frame,
                MISSES: backtest.misses,
                COMPANY_HISTORY: company_history(history, first_judged, self.settings),
            },
            facts,
        )

    def judge(self, held_out: HeldOut) -> Judgement:
        """Hold the forecasts of earlier evenings against what came and against the baselines."""
        facts = dict(held_out.facts)
        if FORECASTS not in held_out.frames:
            short = Decision("insufficient_history", str(facts.pop("too_little")))
            return Judgement(short, facts, empty_backtest())
        rows = held_out.frames[FORECASTS].filter("is_judged")
        decision = decide(rows, held_out.frames[MISSES].filter("is_judged"), self.settings)
        best = best_baseline(rows)
        return Judgement(
            decision,
            facts
            | {
                "backtest": summary(rows),
                "best_baseline": best,
                "best_baseline_spread": baseline_spread(held_out.frames[FORECASTS], best),
            },
            backtest_rows(rows, held_out.frames[COMPANY_HISTORY]),
            plots(rows),
        )
