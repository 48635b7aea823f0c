"""A calibrated, explained scorer of a yes or no, on a frame of any columns."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import lightgbm as lgb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_assets.evaluation import ScoreReport, score_report
from ml_assets.scoring.boosting import contributions, raw_probability, train_booster
from ml_assets.scoring.calibration import VennAbersCalibrator
from ml_assets.scoring.encoding import FrameEncoder
from ml_assets.scoring.reasons import FACTORS_TYPE, top_factors
from ml_assets.scoring.settings import ScorerSettings
from ml_assets.scoring.splits import group_names, latest_rows

BOOSTER_FILE = "booster.txt"
SCORER_FILE = "scorer.json"
BASE_RATE = "base_rate"


@dataclass(frozen=True)
class FitReport:
    """How a scorer was trained.

    Attributes:
        training_rows: rows that the trees saw.
        calibration_rows: rows that the calibration saw.
        dropped_rows: rows without an outcome.
        rounds: boosting rounds.
        base_rate: share of positives among training rows.
        features: columns used, in order.
    """

    training_rows: int
    calibration_rows: int
    dropped_rows: int
    rounds: int
    base_rate: float
    features: tuple[str, ...]


@dataclass(frozen=True)
class _Fitted:
    encoder: FrameEncoder
    booster: lgb.Booster
    calibrator: VennAbersCalibrator
    base_rate: float


class BinaryScorer:
    """Learns the probability that a boolean column is true.

    Args:
        target: boolean or 0/1 column; rows where it is null are not used.
        time: date column; only the latest rows calibrate.
        group: column whose equal values belong together and never meet in two folds.
        weight: column of positive row weights.
        exclude: further columns that are not features.
        settings: parameters.
        themes: feature → theme under which its reasons are given.
        labels: feature → words for its value in reasons.
    """

    def __init__(
        self,
        target: str,
        *,
        time: str | None = None,
        group: str | None = None,
        weight: str | None = None,
        exclude: Sequence[str] = (),
        settings: ScorerSettings | None = None,
        themes: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> None:
        self.target = target
        self.time = time
        self.group = group
        self.weight = weight
        self.exclude = tuple(exclude)
        self.settings = settings or ScorerSettings()
        self.themes = dict(themes or {})
        self.labels = dict(labels or {})
        self._fitted: _Fitted | None = None

    def fit(self, frame: pl.DataFrame) -> FitReport:
        """Train on all rows, and calibrate on what folds that had not seen them said of the latest.

        The order of rows does not choose the folds, but it does enter the sums: sort the frame
        for results that are equal to the bit.

        Raises:
            ValueError: all rows, or all calibration rows, have the same outcome.
        """
        known = frame.filter(pl.col(self.target).is_not_null())
        outcome = self._outcome(known)
        if len(np.unique(outcome)) < 2:
            raise ValueError(
                f"Training on {self.target!r} needs rows of both outcomes, but its {known.height} "
                "rows hold at most one."
            )
        left_out = {self.target, self.time, self.group, self.weight, *self.exclude}
        features = [name for name in frame.columns if name not in left_out]
        encoder = FrameEncoder.fit(known, features, self.settings.min_category_rows)
        groups = group_names(known, self.group)
        trained = train_booster(
            encoder.transform(known),
            outcome,
            weight=self._weight(known),
            groups=groups,
            category_positions=encoder.category_positions,
            settings=self.settings,
        )
        latest = latest_rows(known, self.time, self.settings.calibration_share)
        self._fitted = _Fitted(
            encoder=encoder,
            booster=trained.booster,
            calibrator=VennAbersCalibrator.fit(
                trained.held_out[latest],
                outcome[latest],
                weight=self._weight(known)[latest],
                groups=[groups[row] for row in np.flatnonzero(latest)],
                seed=self.settings.seed,
            ),
            base_rate=float(np.average(outcome, weights=self._weight(known))),
        )
        return FitReport(
            training_rows=known.height,
            calibration_rows=int(latest.sum()),
            dropped_rows=frame.height - known.height,
            rounds=trained.booster.current_iteration(),
            base_rate=float(np.average(outcome, weights=self._weight(known))),
            features=tuple(features),
        )

    def predict(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Score rows.

        Returns:
            In the order of `frame`: probability, probability_low, probability_high (0 to 1) and
            top_factors (list of {name, value, direction, contribution}).
        """
        fitted = self._require_fitted()
        matrix = fitted.encoder.transform(frame)
        calibrated = fitted.calibrator.calibrate(self._raw(matrix))
        factors = top_factors(
            frame,
            contributions(fitted.booster, matrix, self.settings.num_threads),
            fitted.encoder.names,
            themes=self.themes,
            labels=self.labels,
            count=self.settings.max_factors,
        )
        return pl.DataFrame(
            {
                "probability": calibrated.probability,
                "probability_low": calibrated.low,
                "probability_high": calibrated.high,
                "top_factors": pl.Series(factors, dtype=FACTORS_TYPE),
            }
        )

    def probability(self, frame: pl.DataFrame) -> NDArray[np.float64]:
        """Calibrated probabilities alone, shape (rows,)."""
        fitted = self._require_fitted()
        return fitted.calibrator.calibrate(self._raw(fitted.encoder.transform(frame))).probability

    def evaluate(
        self,
        frame: pl.DataFrame,
        *,
        baselines: Mapping[str, NDArray[np.float64]] | None = None,
        group: str | None = None,
    ) -> ScoreReport:
        """Judge the scorer on rows that it has not seen.

        Args:
            frame: rows with a known outcome.
            baselines: name → probabilities, shape (rows,); the training base rate if not given.
            group: column that intervals resample by; the scorer's own group if not given.
        """
        fitted = self._require_fitted()
        return score_report(
            self._outcome(frame),
            self.probability(frame),
            baselines=baselines or {BASE_RATE: np.full(frame.height, fitted.base_rate)},
            weight=self._weight(frame),
            groups=group_names(frame, group or self.group),
            seed=self.settings.seed,
        )

    def save(self, folder: Path) -> None:
        """Write the scorer as text files into an existing folder."""
        fitted = self._require_fitted()
        fitted.booster.save_model(folder / BOOSTER_FILE)
        content = {
            "target": self.target,
            "time": self.time,
            "group": self.group,
            "weight": self.weight,
            "exclude": list(self.exclude),
            "settings": asdict(self.settings),
            "themes": self.themes,
            "labels": self.labels,
            "base_rate": fitted.base_rate,
            "columns": fitted.encoder.as_dict(),
            "calibration": fitted.calibrator.as_dict(),
        }
        text = json.dumps(content, sort_keys=True, ensure_ascii=False)
        (folder / SCORER_FILE).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a scorer that `save` wrote.

        Raises:
            FileNotFoundError: the folder holds no scorer.
        """
        for name in (BOOSTER_FILE, SCORER_FILE):
            if not (folder / name).is_file():
                raise FileNotFoundError(
                    f"No {name} in {folder}: the model was moved or never finished. Train it again."
                )
        content = json.loads((folder / SCORER_FILE).read_text(encoding="utf-8"))
        scorer = cls(
            content["target"],
            time=content["time"],
            group=content["group"],
            weight=content["weight"],
            exclude=content["exclude"],
            settings=ScorerSettings(**content["settings"]),
            themes=content["themes"],
            labels=content["labels"],
        )
        scorer._fitted = _Fitted(
            encoder=FrameEncoder.from_dict(content["columns"]),
            booster=lgb.Booster(model_file=folder / BOOSTER_FILE),
            calibrator=VennAbersCalibrator.from_dict(content["calibration"]),
            base_rate=content["base_rate"],
        )
        return scorer

    def _raw(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        return raw_probability(self._require_fitted().booster, matrix, self.settings.num_threads)

    def _outcome(self, frame: pl.DataFrame) -> NDArray[np.float64]:
        return frame[self.target].cast(pl.Float64).to_numpy()

    def _weight(self, frame: pl.DataFrame) -> NDArray[np.float64]:
        if self.weight is None:
            return np.ones(frame.height)
        return frame[self.weight].cast(pl.Float64).to_numpy()

    def _require_fitted(self) -> _Fitted:
        if self._fitted is None:
            raise ValueError("This scorer has not been trained. Call fit or load first.")
        return self._fitted
