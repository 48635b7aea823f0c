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

from ml_assets.evaluation import ScoreReport, ThresholdReport, score_report, threshold_report
from ml_assets.scoring.blend import Blend, Choice, Kept, choose
from ml_assets.scoring.boosting import TrainedTrees, train_trees
from ml_assets.scoring.calibration import VennAbersCalibrator
from ml_assets.scoring.encoding import FrameEncoder
from ml_assets.scoring.line import sigmoid
from ml_assets.scoring.linear import LinearModel
from ml_assets.scoring.outcomes import checked_weight, known_outcome, require_both_outcomes
from ml_assets.scoring.reasons import FACTORS_TYPE, theme_contributions, top_factors
from ml_assets.scoring.screening import (
    SuspectedLeak,
    columns_without_content,
    suspected_leaks,
)
from ml_assets.scoring.settings import ScorerSettings
from ml_assets.scoring.splits import FoldPlan, drawn_groups, group_codes, plan_folds

BOOSTER_FILE = "booster.txt"
SCORER_FILE = "scorer.json"
BASE_RATE = "base_rate"
ROWS_PER_CHUNK = 100_000
FEW_ROWS = 1_000


@dataclass(frozen=True)
class FitReport:
    """How a scorer was trained.

    Attributes:
        training_rows: rows that the model saw.
        calibration_rows: rows that the calibration saw.
        dropped_rows: rows without an outcome.
        rounds: boosting rounds; 0 if the linear model alone is kept.
        base_rate: share of positives among training rows.
        features: columns used, in order.
        kept: `trees`, `linear` or `blend`: the best on rows that folds held out.
        tree_weight: of the trees in the blend's log-odds: 1 for trees alone, 0 for none.
        held_out_losses: `trees`, `linear`, `blend` and `base_rate` → log loss on held-out rows, the
            same for all, with the level fitted to each fold.
        folds: `time` if that was judged on rows later than what was learnt from, `shuffled` if
            there are none, `undecided` if nothing carries over to them, so that both models speak.
        shape: of the trees, as `tuning` chose it.
        shape_losses: shape → log loss that it was chosen by.
        suspected_leaks: columns that seem to know the outcome; not used unless allowed.
        left_out: columns without content → the reason in words.
    """

    training_rows: int
    calibration_rows: int
    dropped_rows: int
    rounds: int
    base_rate: float
    features: tuple[str, ...]
    kept: Kept
    tree_weight: float
    held_out_losses: Mapping[str, float]
    folds: str
    shape: str
    shape_losses: Mapping[str, float]
    suspected_leaks: tuple[SuspectedLeak, ...]
    left_out: Mapping[str, str]

    def as_dict(self) -> dict[str, object]:
        """Everything as plain values for JSON, losses rounded to six decimals."""
        rounded = {
            name: {key: round(value, 6) for key, value in getattr(self, name).items()}
            for name in ("held_out_losses", "shape_losses")
        }
        return {
            **asdict(self),
            **rounded,
            "base_rate": round(self.base_rate, 6),
            "features": list(self.features),
            "suspected_leaks": [asdict(leak) for leak in self.suspected_leaks],
        }


@dataclass(frozen=True)
class _Fitted:
    encoder: FrameEncoder
    model: Blend
    calibrator: VennAbersCalibrator
    base_rate: float


class BinaryScorer:
    """Learns the probability that a boolean column is true.

    Numbers, texts, booleans, dates, times and durations, with missing values and categories that
    training has not seen, need no preparation.

    Args:
        target: boolean or 0/1 column; rows where it is null are not learnt from.
        time: date column; models are chosen on rows that lie later than what they learnt from, and
            only the latest rows calibrate.
        group: column whose equal values belong together and never meet in two folds.
        weight: column of positive row weights.
        exclude: further columns that are not features.
        allow: columns that are used even if they are suspected of knowing the outcome.
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
        allow: Sequence[str] = (),
        settings: ScorerSettings | None = None,
        themes: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> None:
        self.target = target
        self.time = time
        self.group = group
        self.weight = weight
        self.exclude = tuple(exclude)
        self.allow = tuple(allow)
        self.settings = settings or ScorerSettings()
        self.themes = dict(themes or {})
        self.labels = dict(labels or {})
        self._fitted: _Fitted | None = None

    def fit(self, frame: pl.DataFrame) -> FitReport:
        """Train on all rows, and calibrate on what folds that had not seen them said of the latest.

        With a group, the order of rows does not choose the folds, but it does enter the sums: sort
        the frame for results that are equal to the bit.

        Raises:
            ValueError: a named column is missing, the target is no yes or no, an outcome has too
                few rows, a weight is negative, or no column is left to learn from.
            TypeError: a column is of a type that has no numeric meaning here.
        """
        self._require_columns(frame)
        outcomes = known_outcome(frame, self.target)
        is_known = outcomes.is_not_null()
        known = frame.filter(is_known)
        outcome = outcomes.drop_nulls().to_numpy()
        all_groups = group_codes(frame, self.group)
        groups = all_groups[is_known.to_numpy()]
        require_both_outcomes(self.target, outcome, groups)
        weight = self._weight(known)
        min_category_rows = self._min_category_rows(known.height)
        candidates = self._candidates(known)
        left_out = columns_without_content(known, candidates, min_category_rows)
        candidates = [name for name in candidates if name not in left_out]
        leaks = suspected_leaks(
            frame.with_columns(outcomes),
            self.target,
            candidates,
            groups=all_groups,
            max_auc=self.settings.max_single_auc,
            min_category_rows=min_category_rows,
            seed=self.settings.seed,
            allow=self.allow,
        )
        hidden = {leak.column for leak in leaks if not leak.is_used}
        features = [name for name in candidates if name not in hidden]
        self._require_features(features, left_out, hidden)
        encoder = FrameEncoder.fit(known, features, min_category_rows)
        matrix = encoder.transform(known)
        validating = np.flatnonzero(
            drawn_groups(groups, self.settings.validation_rows, self.settings.seed)
        )
        shown = known if len(validating) == known.height else known[validating]
        plan = plan_folds(
            shown, outcome[validating], groups[validating], time=self.time, settings=self.settings
        )
        trees, choice = self._trained(matrix, outcome, weight, groups, validating, plan, encoder)
        calibrating = np.flatnonzero(plan.calibrates)
        rows = validating[calibrating]
        base_rate = float(np.average(outcome, weights=weight))
        self._fitted = _Fitted(
            encoder=encoder,
            model=Blend(
                None if choice.kept == "linear" else trees.booster,
                choice.linear,
                choice.tree_weight,
            ),
            calibrator=VennAbersCalibrator.fit(
                sigmoid(choice.held_out[calibrating]),
                outcome[rows],
                weight=weight[rows],
                groups=groups[rows],
                seed=self.settings.seed,
                edge=self.settings.calibration_edge,
            ),
            base_rate=base_rate,
        )
        return FitReport(
            training_rows=known.height,
            calibration_rows=len(rows),
            dropped_rows=frame.height - known.height,
            rounds=0 if choice.kept == "linear" else trees.booster.current_iteration(),
            base_rate=base_rate,
            features=tuple(features),
            kept=choice.kept,
            tree_weight=choice.tree_weight,
            held_out_losses=choice.losses,
            folds=choice.folds,
            shape=trees.shape,
            shape_losses=trees.losses,
            suspected_leaks=tuple(leaks),
            left_out=left_out,
        )

    def predict(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Score rows.

        Returns:
            In the order of `frame`: probability, probability_low, probability_high (0 to 1) and
            top_factors (list of {name, value, direction, contribution}).
        """
        fitted = self._require_fitted()
        if frame.height == 0:
            return self._predicted(fitted, frame)
        return pl.concat(
            self._predicted(fitted, chunk) for chunk in frame.iter_slices(ROWS_PER_CHUNK)
        ).rechunk()

    def contributions(self, frame: pl.DataFrame) -> pl.DataFrame:
        """What each theme adds to the log-odds of each row, before calibration.

        Returns:
            In the order of `frame`: one column per theme, sorted by name.
        """
        fitted = self._require_fitted()
        parts = fitted.model.contributions(
            fitted.encoder.transform(frame), self.settings.num_threads
        )
        return theme_contributions(parts, fitted.encoder.names, self.themes)

    def probability(self, frame: pl.DataFrame) -> NDArray[np.float64]:
        """Calibrated probabilities alone, shape (rows,)."""
        fitted = self._require_fitted()
        raw = [self._raw(fitted.encoder.transform(c)) for c in frame.iter_slices(ROWS_PER_CHUNK)]
        return fitted.calibrator.calibrate(np.concatenate(raw or [np.empty(0)])).probability

    def evaluate(
        self,
        frame: pl.DataFrame,
        *,
        baselines: Mapping[str, NDArray[np.float64]] | None = None,
        group: str | None = None,
        threshold: float = 0.5,
    ) -> ScoreReport:
        """Judge the scorer on rows that it has not seen.

        Args:
            frame: rows with a known outcome; others are left aside if no baselines are given.
            baselines: name → probabilities, shape (rows,); the training base rate if not given.
            group: column that intervals resample by; the scorer's own group if not given.
            threshold: least probability that counts as a yes in the report's `decisions`.
        """
        fitted = self._require_fitted()
        judged, outcome = self._judged(frame, drop_unknown=baselines is None)
        return score_report(
            outcome,
            self.probability(judged),
            baselines=baselines or {BASE_RATE: np.full(judged.height, fitted.base_rate)},
            weight=self._weight(judged),
            groups=group_codes(judged, group or self.group),
            seed=self.settings.seed,
            threshold=threshold,
        )

    def decide(
        self,
        frame: pl.DataFrame,
        *,
        threshold: float | None = None,
        share: float | None = None,
        group: str | None = None,
    ) -> ThresholdReport:
        """Judge the yes or no at a threshold, or of the highest share of the rows.

        Args:
            frame: rows that the scorer has not seen; those without an outcome are left aside.
            threshold: least probability of a yes; 0.5 if neither it nor `share` is given.
            share: instead of it, the share of rows that get a yes.
            group: column that intervals resample by; the scorer's own group if not given.
        """
        judged, outcome = self._judged(frame, drop_unknown=True)
        return threshold_report(
            outcome,
            self.probability(judged),
            groups=group_codes(judged, group or self.group),
            seed=self.settings.seed,
            threshold=threshold,
            share=share,
            weight=self._weight(judged),
        )

    def save(self, folder: Path) -> None:
        """Write the scorer as text files into an existing folder."""
        fitted = self._require_fitted()
        if fitted.model.trees is not None:
            fitted.model.trees.save_model(folder / BOOSTER_FILE)
        linear = fitted.model.linear
        content = {
            "target": self.target,
            "time": self.time,
            "group": self.group,
            "weight": self.weight,
            "exclude": list(self.exclude),
            "allow": list(self.allow),
            "settings": asdict(self.settings),
            "themes": self.themes,
            "labels": self.labels,
            "base_rate": fitted.base_rate,
            "columns": fitted.encoder.as_dict(),
            "calibration": fitted.calibrator.as_dict(),
            "tree_weight": fitted.model.tree_weight,
            "linear": None if linear is None else linear.as_dict(),
        }
        text = json.dumps(content, sort_keys=True, ensure_ascii=False)
        (folder / SCORER_FILE).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a scorer that `save` wrote.

        Raises:
            FileNotFoundError: the folder holds no scorer.
        """
        content = json.loads(_present(folder / SCORER_FILE).read_text(encoding="utf-8"))
        scorer = cls(
            content["target"],
            time=content["time"],
            group=content["group"],
            weight=content["weight"],
            exclude=content["exclude"],
            allow=content["allow"],
            settings=ScorerSettings(**content["settings"]),
            themes=content["themes"],
            labels=content["labels"],
        )
        linear = content["linear"]
        has_trees = content["tree_weight"] > 0
        scorer._fitted = _Fitted(
            encoder=FrameEncoder.from_dict(content["columns"]),
            model=Blend(
                lgb.Booster(model_file=_present(folder / BOOSTER_FILE)) if has_trees else None,
                None if linear is None else LinearModel.from_dict(linear),
                content["tree_weight"],
            ),
            calibrator=VennAbersCalibrator.from_dict(content["calibration"]),
            base_rate=content["base_rate"],
        )
        return scorer

    def _trained(
        self,
        matrix: NDArray[np.float64],
        outcome: NDArray[np.float64],
        weight: NDArray[np.float64],
        groups: NDArray[np.int64],
        validating: NDArray[np.intp],
        plan: FoldPlan,
        encoder: FrameEncoder,
    ) -> tuple[TrainedTrees, Choice]:
        trees = train_trees(
            matrix,
            outcome,
            weight=weight,
            groups=groups,
            validating=validating,
            plan=plan,
            category_positions=encoder.category_positions,
            settings=self.settings,
        )
        choice = choose(
            matrix,
            outcome,
            trees,
            weight=weight,
            validating=validating,
            plan=plan,
            category_positions=encoder.category_positions,
            with_linear=self.settings.linear,
        )
        return trees, choice

    def _predicted(self, fitted: _Fitted, frame: pl.DataFrame) -> pl.DataFrame:
        matrix = fitted.encoder.transform(frame)
        calibrated = fitted.calibrator.calibrate(self._raw(matrix))
        factors = top_factors(
            frame,
            fitted.model.contributions(matrix, self.settings.num_threads),
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
                "top_factors": factors.cast(FACTORS_TYPE),
            }
        )

    def _raw(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        model = self._require_fitted().model
        return sigmoid(model.log_odds(matrix, self.settings.num_threads))

    def _candidates(self, frame: pl.DataFrame) -> list[str]:
        others = {self.target, self.time, self.group, self.weight, *self.exclude}
        return [name for name in frame.columns if name not in others]

    def _min_category_rows(self, rows: int) -> int:
        """Few rows can't show much of a category, and a category needs fewer of them to count."""
        return min(self.settings.min_category_rows, max(5, rows * 20 // FEW_ROWS))

    def _judged(
        self, frame: pl.DataFrame, *, drop_unknown: bool
    ) -> tuple[pl.DataFrame, NDArray[np.float64]]:
        outcomes = known_outcome(frame, self.target)
        if outcomes.null_count() == 0:
            return frame, outcomes.to_numpy()
        if not drop_unknown:
            raise ValueError(
                f"{outcomes.null_count():,} rows have no outcome in {self.target!r}, and the "
                "baselines can't be judged on them. Filter the frame and the baselines alike."
            )
        return frame.filter(outcomes.is_not_null()), outcomes.drop_nulls().to_numpy()

    def _weight(self, frame: pl.DataFrame) -> NDArray[np.float64]:
        return checked_weight(frame, self.weight)

    def _require_columns(self, frame: pl.DataFrame) -> None:
        named = {
            "target": [self.target],
            "time": [self.time],
            "group": [self.group],
            "weight": [self.weight],
        }
        for role, names in named.items():
            for name in names:
                if name is not None and name not in frame.columns:
                    raise ValueError(
                        f"The frame has no column {name!r}, which was named as {role}. It has: "
                        f"{', '.join(frame.columns)}."
                    )
        if self.time is not None and frame[self.time].null_count():
            raise ValueError(
                f"Time column {self.time!r} is empty in {frame[self.time].null_count():,} rows. "
                "Fill it, leave those rows out, or don't name a time."
            )

    def _require_features(
        self, features: Sequence[str], left_out: Mapping[str, str], leaks: set[str]
    ) -> None:
        if features:
            return
        raise ValueError(
            "No column is left to learn from. Left out for want of content: "
            f"{', '.join(left_out) or 'none'}; suspected of knowing the outcome: "
            f"{', '.join(sorted(leaks)) or 'none'}. Add columns, or allow suspected ones."
        )

    def _require_fitted(self) -> _Fitted:
        if self._fitted is None:
            raise ValueError("This scorer has not been trained. Call fit or load first.")
        return self._fitted


def _present(path: Path) -> Path:
    if not path.is_file():
        raise FileNotFoundError(
            f"No {path.name} in {path.parent}: the model was moved or never finished. Train it "
            "again."
        )
    return path
