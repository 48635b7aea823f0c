"""Competing events in discrete time: what happens to an entity in each period after a landmark.

Each row is a landmark: an entity at the end of a day, with what was known then. The model learns
the chance of each event in each later period, given that nothing has happened before it, from the
landmark's features and what the period itself is (how far after the landmark, how near to the end
of a quarter, how near to a date that is known beforehand). The chance to see an event within a
horizon is the sum over periods of the chance to get there times the chance of the event in it.
Entities that are still undecided count for as long as they have been observed, so that nothing has
to be thrown away or reweighted.

Per event, boosted trees learn event against nothing; the odds of all events together make the
chances (individualised logits). Quiet periods are thinned out for speed, which multiplies the odds
by a known factor that is divided out again.

Sources: van Houwelingen (2007), "Dynamic prediction by landmarking in event history analysis";
Tutz & Schmid (2016), "Modeling discrete time-to-event data"; Begg & Gray (1984), "Calculation of
polychotomous logistic regression parameters using individualized regressions"; King & Zeng (2001),
"Logistic regression in rare events data".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self, cast

import lightgbm as lgb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_assets.scoring.boosting import tree_log_odds, tree_parameters
from ml_assets.scoring.encoding import FrameEncoder
from ml_assets.scoring.splits import group_folds, group_names, latest_rows
from ml_assets.survival.periods import (
    NOTHING,
    Ints,
    Matrix,
    PersonPeriods,
    period_feature_names,
    period_matrix,
    person_periods,
    sampled,
)
from ml_assets.survival.recalibration import Recalibration
from ml_assets.survival.settings import HazardSettings

HAZARD_FILE = "hazard.json"
MOST_LOGIT = 30.0
_train = cast("Callable[..., lgb.Booster]", lgb.train)
_cross_validate = cast("Callable[..., dict[str, Any]]", lgb.cv)


@dataclass(frozen=True)
class HazardFitReport:
    """How a hazard model was trained.

    Attributes:
        landmark_rows: rows of the frame.
        period_rows: periods at risk.
        sampled_rows: periods that the trees saw.
        event_counts: event → number of landmarks that ended in it within the periods learnt from.
        rounds: event → boosting rounds.
        recalibration: event → intercept, slope and period slope of the correction.
        features: columns used, in order, the periods' own last.
    """

    landmark_rows: int
    period_rows: int
    sampled_rows: int
    event_counts: Mapping[str, int]
    rounds: Mapping[str, int]
    recalibration: Mapping[str, tuple[float, float, float]]
    features: tuple[str, ...]


@dataclass(frozen=True)
class _EventModel:
    booster: lgb.Booster
    recalibration: Recalibration


@dataclass(frozen=True)
class _Fitted:
    encoder: FrameEncoder
    models: Mapping[str, _EventModel]  # an event that never happened has none
    log_odds_shift: float  # what thinning out quiet periods did to the odds


class HazardModel:
    """Learns when each of several events happens.

    Args:
        events: names of the events; each is one value of the column `event`.
        days: column with the days from the end of the landmark's day to the event, or to the last
            day that was observed.
        event: column with the event's name, null where nothing has happened yet.
        time: date column of the landmarks; without it no calendar is used and all rows recalibrate.
        group: column whose equal values belong together and never meet in two folds.
        weight: column of positive row weights.
        known_dates: date columns that are known at the landmark and lie about when things happen
            (a close date, a renewal): each period is told how near it is to them.
        exclude: further columns that are not features (`known_dates` are not features themselves).
        settings: parameters.
    """

    def __init__(
        self,
        events: Sequence[str] = ("won", "lost"),
        *,
        days: str = "days_to_event",
        event: str = "event",
        time: str | None = "as_of_date",
        group: str | None = None,
        weight: str | None = None,
        known_dates: Sequence[str] = (),
        exclude: Sequence[str] = (),
        settings: HazardSettings | None = None,
    ) -> None:
        if known_dates and time is None:
            raise ValueError(
                f"The dates {', '.join(known_dates)} can't be used without `time`: how near a "
                "period is to them depends on the landmark's day. Name the column of that day."
            )
        self.events = tuple(events)
        self.days = days
        self.event = event
        self.time = time
        self.group = group
        self.weight = weight
        self.known_dates = tuple(known_dates)
        self.exclude = tuple(exclude)
        self.settings = settings or HazardSettings()
        self._fitted: _Fitted | None = None

    def fit(self, frame: pl.DataFrame) -> HazardFitReport:
        """Train on all landmarks, and recalibrate on what folds that had not seen them said of the
        latest.

        Sort the frame for results that are equal to the bit.

        Raises:
            ValueError: an event has a name that is not among `events`, a row has no number of
                days, or none was observed for a day.
        """
        settings = self.settings
        left_out = {self.days, self.event, self.time, self.group, self.weight, *self.known_dates}
        features = [c for c in frame.columns if c not in left_out and c not in self.exclude]
        encoder = FrameEncoder.fit(frame, features, settings.min_category_rows)
        happened = self._event_numbers(frame)
        every = person_periods(
            self._days(frame), happened, settings.period_days, settings.max_periods
        )
        if len(every.row) == 0:
            raise ValueError(
                f"None of the {frame.height} rows was observed for a day after its landmark. Give "
                "it a longer history."
            )
        positions, quiet_share, event_share = sampled(
            every, settings.max_rows, np.random.default_rng(settings.seed)
        )
        periods = every.take(positions)
        matrix = self._matrix(encoder, frame, periods.row, periods.period)
        weight = self._weight(frame)[periods.row] * periods.exposure
        groups = np.array(group_names(frame, self.group), dtype=object)[periods.row]
        latest = latest_rows(frame, self.time, settings.calibration_share)
        models = {
            name: _fit_event(
                number,
                periods,
                matrix,
                weight,
                groups,
                latest[periods.row],
                encoder.category_positions,
                settings,
            )
            for number, name in enumerate(self.events)
            if (periods.event == number).any()
        }
        self._fitted = _Fitted(encoder, models, float(np.log(quiet_share / event_share)))
        return HazardFitReport(
            landmark_rows=frame.height,
            period_rows=len(every.row),
            sampled_rows=len(positions),
            event_counts={
                name: int((every.event == number).sum()) for number, name in enumerate(self.events)
            },
            rounds={name: model.booster.current_iteration() for name, model in models.items()},
            recalibration={
                name: (
                    round(model.recalibration.intercept, 6),
                    round(model.recalibration.slope, 6),
                    round(model.recalibration.period_slope, 6),
                )
                for name, model in models.items()
            },
            features=(*features, *period_feature_names(self.time, self.known_dates)),
        )

    def hazards(self, frame: pl.DataFrame, periods: int) -> dict[str, Matrix]:
        """The chance of each event in each period, given that nothing has happened before it.

        Returns:
            Event → shape (rows, periods), the first period being the one after the landmark.
        """
        fitted = self._require_fitted()
        row = np.repeat(np.arange(frame.height), periods)
        period = np.tile(np.arange(periods), frame.height)
        matrix = self._matrix(fitted.encoder, frame, row, period)
        capped = np.minimum(period, self.settings.max_periods - 1).astype(np.float64)
        odds = {name: np.zeros(len(row)) for name in self.events}
        for name, model in fitted.models.items():
            if len(row):
                raw = tree_log_odds(model.booster, matrix, self.settings.num_threads)
                logit = model.recalibration.apply(raw, capped) + fitted.log_odds_shift
                odds[name] = np.exp(np.clip(logit, -MOST_LOGIT, MOST_LOGIT))
        total = 1 + _together(odds)
        return {name: (each / total).reshape(frame.height, periods) for name, each in odds.items()}

    def incidence(self, frame: pl.DataFrame, periods: int) -> dict[str, Matrix]:
        """The chance, as seen from the landmark, that each event happens in each period.

        Returns:
            Event → shape (rows, periods); all of a row's together are at most 1, and what is
            missing to 1 is the chance that nothing happens in any of the periods.
        """
        hazards = self.hazards(frame, periods)
        before = _undecided(hazards)[:, :-1]
        return {name: before * hazard for name, hazard in hazards.items()}

    def cumulative(self, frame: pl.DataFrame, horizons: Sequence[int]) -> pl.DataFrame:
        """The chance that each event happens within each number of days.

        Within a period the hazard is taken to be constant, so that a horizon need not end with one.

        Args:
            frame: landmarks; `days` and `event` are not needed.
            horizons: days, positive.

        Returns:
            One row per row of `frame`, in its order: `<event>_within_<h>d` for each event and
            horizon.
        """
        length = self.settings.period_days
        periods = -(-max(horizons, default=0) // length)
        hazards = self.hazards(frame, periods)
        undecided = _undecided(hazards)
        any_event = _together(hazards)
        columns: dict[str, Matrix] = {}
        for name, hazard in hazards.items():
            reached = np.cumsum(undecided[:, :-1] * hazard, axis=1)
            for horizon in horizons:
                whole, rest = divmod(horizon, length)
                chance = reached[:, whole - 1] if whole else np.zeros(frame.height)
                if rest:
                    part = 1 - (1 - any_event[:, whole]) ** (rest / length)
                    share = np.divide(
                        hazard[:, whole],
                        any_event[:, whole],
                        out=np.zeros(frame.height),
                        where=any_event[:, whole] > 0,
                    )
                    chance = chance + undecided[:, whole] * part * share
                columns[f"{name}_within_{horizon}d"] = np.clip(chance, 0.0, 1.0)
        return pl.DataFrame(columns)

    def save(self, folder: Path) -> None:
        """Write the model as text files into an existing folder."""
        fitted = self._require_fitted()
        for number, name in enumerate(self.events):
            if name in fitted.models:
                fitted.models[name].booster.save_model(folder / _booster_file(number))
        content = {
            "events": list(self.events),
            "days": self.days,
            "event": self.event,
            "time": self.time,
            "group": self.group,
            "weight": self.weight,
            "known_dates": list(self.known_dates),
            "exclude": list(self.exclude),
            "settings": asdict(self.settings),
            "columns": fitted.encoder.as_dict(),
            "log_odds_shift": fitted.log_odds_shift,
            "recalibration": {
                name: asdict(model.recalibration) for name, model in fitted.models.items()
            },
        }
        text = json.dumps(content, sort_keys=True, ensure_ascii=False)
        (folder / HAZARD_FILE).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a model that `save` wrote.

        Raises:
            FileNotFoundError: the folder holds no hazard model.
        """
        if not (folder / HAZARD_FILE).is_file():
            raise FileNotFoundError(
                f"No {HAZARD_FILE} in {folder}: the model was moved or never finished. Train it "
                "again."
            )
        content = json.loads((folder / HAZARD_FILE).read_text(encoding="utf-8"))
        model = cls(
            content["events"],
            days=content["days"],
            event=content["event"],
            time=content["time"],
            group=content["group"],
            weight=content["weight"],
            known_dates=content["known_dates"],
            exclude=content["exclude"],
            settings=HazardSettings(**content["settings"]),
        )
        model._fitted = _Fitted(
            encoder=FrameEncoder.from_dict(content["columns"]),
            models={
                name: _EventModel(
                    lgb.Booster(model_file=folder / _booster_file(number)),
                    Recalibration(**content["recalibration"][name]),
                )
                for number, name in enumerate(content["events"])
                if name in content["recalibration"]
            },
            log_odds_shift=content["log_odds_shift"],
        )
        return model

    def _matrix(
        self, encoder: FrameEncoder, frame: pl.DataFrame, row: Ints, period: Ints
    ) -> Matrix:
        own = period_matrix(
            frame,
            row,
            period,
            time=self.time,
            known_dates=self.known_dates,
            period_days=self.settings.period_days,
            max_periods=self.settings.max_periods,
            fiscal_year_start_month=self.settings.fiscal_year_start_month,
        )
        return np.column_stack([encoder.transform(frame)[row], own])

    def _event_numbers(self, frame: pl.DataFrame) -> Ints:
        names = frame[self.event].cast(pl.String)
        unknown = set(names.drop_nulls().unique()) - set(self.events)
        if unknown:
            raise ValueError(
                f"Column {self.event!r} holds {', '.join(sorted(unknown))}, which is none of the "
                f"events {', '.join(self.events)}. Name it as an event or set it to null."
            )
        numbers = {name: number for number, name in enumerate(self.events)}
        return (
            names.replace_strict(numbers, default=NOTHING, return_dtype=pl.Int64)
            .fill_null(NOTHING)
            .to_numpy()
        )

    def _days(self, frame: pl.DataFrame) -> Ints:
        missing = frame[self.days].null_count()
        if missing:
            raise ValueError(
                f"Column {self.days!r} is null in {missing} rows. A row that is still undecided "
                "has the days for which it has been observed."
            )
        return frame[self.days].cast(pl.Int64).to_numpy()

    def _weight(self, frame: pl.DataFrame) -> Matrix:
        if self.weight is None:
            return np.ones(frame.height)
        return frame[self.weight].cast(pl.Float64).to_numpy()

    def _require_fitted(self) -> _Fitted:
        if self._fitted is None:
            raise ValueError("This hazard model has not been trained. Call fit or load first.")
        return self._fitted


def _fit_event(
    number: int,
    periods: PersonPeriods,
    matrix: Matrix,
    weight: Matrix,
    groups: NDArray[np.object_],
    latest: NDArray[np.bool_],
    category_positions: Sequence[int],
    settings: HazardSettings,
) -> _EventModel:
    """Trees for one event against nothing, and their recalibration."""
    chosen = np.flatnonzero((periods.event == number) | (periods.event == NOTHING))
    outcome = (periods.event[chosen] == number).astype(np.float64)
    parameters = tree_parameters(settings)
    data = lgb.Dataset(
        matrix[chosen],
        label=outcome,
        weight=weight[chosen],
        categorical_feature=list(category_positions),
        params=parameters,
        free_raw_data=False,
    )
    folds = group_folds(groups[chosen].tolist(), settings.folds, settings.seed)
    folds = [pair for pair in folds if len(pair[0]) and len(pair[1])]
    rounds, recalibration = 1, Recalibration(0.0, 1.0, 0.0)
    if folds:
        validation = _cross_validate(
            parameters,
            data,
            num_boost_round=settings.max_rounds,
            folds=folds,
            callbacks=[lgb.early_stopping(settings.patience, verbose=False)],
            return_cvbooster=True,
        )
        rounds = len(validation["valid binary_logloss-mean"])
        held_out = np.empty(len(chosen))
        fold_boosters = cast("list[lgb.Booster]", validation["cvbooster"].boosters)
        for booster, (_, rows) in zip(fold_boosters, folds, strict=True):
            held_out[rows] = tree_log_odds(
                booster, matrix[chosen[rows]], settings.num_threads, rounds
            )
        late = latest[chosen]
        recalibration = Recalibration.fit(
            held_out[late],
            periods.period[chosen][late].astype(np.float64),
            outcome[late],
            weight[chosen][late],
        )
    return _EventModel(_train(parameters, data, num_boost_round=rounds), recalibration)


def _undecided(hazards: Mapping[str, Matrix]) -> Matrix:
    """The chance that nothing has happened before each period and after the last one, shape
    (rows, periods + 1)."""
    any_event = _together(hazards)
    return np.cumprod(1 - np.pad(any_event, ((0, 0), (1, 0))), axis=1, dtype=np.float64)


def _together(chances: Mapping[str, Matrix]) -> Matrix:
    """The chance of any of the events, which exclude one another."""
    return np.asarray(sum(chances.values()), dtype=np.float64)


def _booster_file(number: int) -> str:
    return f"hazard_{number}.txt"
