"""The trained opportunity score: whether a deal is won, when, and what would move it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import polars as pl

from ml_assets.features import features_of
from ml_assets.opportunities.levers import Benchmarks, levers_of
from ml_assets.opportunities.timing import closing_chances
from ml_assets.scoring import BinaryScorer
from ml_assets.survival import HazardModel

BENCHMARKS_FILE = "benchmarks.json"


@dataclass(frozen=True)
class OpportunityModel:
    """The parts of a version.

    Attributes:
        scorer: the chance to be won in the end, with interval and reasons.
        timing: when.
        benchmarks: what won deals had, for the levers.
    """

    scorer: BinaryScorer
    timing: HazardModel
    benchmarks: Benchmarks

    def predict(self, facts: pl.DataFrame) -> pl.DataFrame:
        """Score open deals.

        Args:
            facts: see `opportunity_facts`.

        Returns:
            opportunity_id, as_of_date, win_probability with bounds, won_within_30d, _60d and _90d,
            top_factors and levers (JSON text), in the order of `facts`.
        """
        features = features_of(facts)
        predicted = self.scorer.predict(features)
        probability = predicted["probability"].to_numpy()
        factors = [
            json.dumps(reasons, ensure_ascii=False)
            for reasons in predicted["top_factors"].to_list()
        ]
        levers = levers_of(facts, self.benchmarks, self.scorer.probability, probability)
        return features.select("opportunity_id", "as_of_date").with_columns(
            win_probability=predicted["probability"],
            win_probability_low=predicted["probability_low"],
            win_probability_high=predicted["probability_high"],
            top_factors=pl.Series(factors, dtype=pl.String),
            levers=pl.Series(levers, dtype=pl.String),
            **{
                name: pl.Series(chance)
                for name, chance in closing_chances(self.timing, features, probability).items()
            },
        )

    def save(self, folder: Path) -> None:
        """Write the parts as text files into an existing folder."""
        self.scorer.save(folder)
        self.timing.save(folder)
        text = json.dumps(self.benchmarks.values, sort_keys=True, ensure_ascii=False)
        (folder / BENCHMARKS_FILE).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a model that `save` wrote."""
        benchmarks = json.loads((folder / BENCHMARKS_FILE).read_text(encoding="utf-8"))
        return cls(BinaryScorer.load(folder), HazardModel.load(folder), Benchmarks(benchmarks))
