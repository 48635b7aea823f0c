"""The trained model: a calibrated scorer, how fast engagement fades in it, and what its parts are
measured against."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_assets.features.lead import with_half_life
from ml_assets.features.lead_catalogue import FAMILY_OF_THEME, LEAD_FEATURES, Family
from ml_assets.scoring import BinaryScorer, ScorerSettings

PARTS: tuple[Family, ...] = ("fit", "engagement")
PARTS_FILE = "parts.json"
RANKS = 101
RANKED_ROWS = 10_000


@dataclass(frozen=True)
class LeadModel:
    """A trained lead score.

    A part (fit, engagement) is the sum of what the themes of its family add to the log-odds of a
    lead. Its score from 0 to 100 is the rank among the rows that the model learnt from: 80 means
    that it speaks for a conversion more than in 80 % of them.

    Attributes:
        scorer: calibrated probability of conversion, with reasons.
        half_life: days after which an engagement counts half.
        ranks: part → its contributions at the 0th to 100th percentile of the training rows.
    """

    scorer: BinaryScorer
    half_life: int
    ranks: Mapping[str, tuple[float, ...]]

    @classmethod
    def fit(
        cls,
        frame: pl.DataFrame,
        target: str,
        *,
        time: str,
        group: str,
        half_life: int,
        settings: ScorerSettings,
    ) -> Self:
        """Train on labelled rows.

        Args:
            frame: features of every half-life, `target`, `time` and `group`; sorted.
            target: boolean column without nulls.
            time: column by which the latest rows calibrate.
            group: column whose equal values stay together.
            half_life: the chosen one.
            settings: of the scorer.
        """
        known = with_half_life(frame, half_life)
        features = {feature.name for feature in LEAD_FEATURES}
        scorer = BinaryScorer(
            target,
            time=time,
            group=group,
            exclude=[name for name in known.columns if name not in features],
            settings=settings,
            themes={feature.name: feature.theme for feature in LEAD_FEATURES},
            labels={feature.name: feature.label for feature in LEAD_FEATURES},
        )
        scorer.fit(known)
        steps = np.linspace(0.0, 1.0, RANKS)
        some = known.gather_every(max(1, known.height // RANKED_ROWS))
        ranks = {
            part: tuple(np.round(np.quantile(values, steps), 6).tolist())
            for part, values in _parts(scorer, some).items()
        }
        return cls(scorer, half_life, ranks)

    def probability(self, frame: pl.DataFrame) -> NDArray[np.float64]:
        """Calibrated probabilities of rows with the features of every half-life, shape (rows,)."""
        return self.scorer.probability(with_half_life(frame, self.half_life))

    def predict(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Score rows with the features of every half-life.

        Returns:
            In the order of `frame`: probability, probability_low, probability_high, top_factors,
            fit_score and engagement_score.
        """
        known = with_half_life(frame, self.half_life)
        parts = _parts(self.scorer, known)
        return self.scorer.predict(known).with_columns(
            **{f"{part}_score": pl.Series(self._rank(part, parts[part])) for part in PARTS}
        )

    def features(self, frame: pl.DataFrame) -> pl.DataFrame:
        """What the scorer reads of rows with the features of every half-life."""
        return with_half_life(frame, self.half_life).select(
            feature.name for feature in LEAD_FEATURES
        )

    def save(self, folder: Path) -> None:
        """Write the model as text files into an existing folder."""
        self.scorer.save(folder)
        content = {"half_life": self.half_life, "ranks": dict(self.ranks)}
        (folder / PARTS_FILE).write_text(json.dumps(content, sort_keys=True), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a model that `save` wrote."""
        content = json.loads((folder / PARTS_FILE).read_text(encoding="utf-8"))
        ranks = {part: tuple(values) for part, values in content["ranks"].items()}
        return cls(BinaryScorer.load(folder), content["half_life"], ranks)

    def _rank(self, part: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Percentile among the training rows, the middle of those that are equal, shape (n,)."""
        known = np.array(self.ranks[part])
        distinct, first = np.unique(known, return_index=True)
        last = np.append(first[1:], len(known)) - 1
        middle = (first + last) / 2 * 100 / (len(known) - 1)
        return np.round(np.interp(np.round(values, 6), distinct, middle), 1)


def _parts(scorer: BinaryScorer, known: pl.DataFrame) -> dict[str, NDArray[np.float64]]:
    """Each part's contribution to the log-odds of each row, shape (n,)."""
    themes = scorer.contributions(known)
    return {
        part: themes.select(
            pl.sum_horizontal(
                pl.lit(0.0),
                *(
                    pl.col(theme)
                    for theme, family in FAMILY_OF_THEME.items()
                    if family == part and theme in themes.columns
                ),
            ).alias(part)
        )[part].to_numpy()
        for part in PARTS
    }
