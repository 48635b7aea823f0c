"""The chance that a customer leaves: by contract the hazard of a lost renewal, else by silence.

A customer with contracts leaves when the last of them is lost at its renewal. While the renewal is
ahead, two estimates of a contract's chance to be lost are averaged in log-odds: what the calendar
says (the life tables of `renewing`: when renewals come up and how they end) and a competing-risks
hazard model that also knows the customer's answers and the profile, with the renewal date as a date
that is known ahead. Once the renewal is open, the tables say how soon it ends and `renewal_outcome`
how: open renewals are too few for trees.

A company whose contracts are not known is judged by purchases: the chance that a customer buys
nothing within the horizon (BG/NBD).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_assets.customers.buying import BuyingHistory, BuyingModel, purchase_summary
from ml_assets.customers.exposure import CHURN_FEATURES
from ml_assets.customers.renewal_outcome import RenewalOutcome
from ml_assets.customers.renewing import RenewalProcess
from ml_assets.customers.value import DAYS_PER_WEEK, History
from ml_assets.scoring.calibration import VennAbersCalibrator
from ml_assets.scoring.reasons import top_factors
from ml_assets.survival import HazardModel
from ml_assets.survival.settings import HazardSettings

Array = NDArray[np.float64]

MODEL_FILE = "churn.json"
LEAST_CHANCE = 1e-4
MOST_FACTORS = 4
LOST = "lost"
RENEWAL_DATE = "renewal_date"


@dataclass(frozen=True)
class ChurnSettings:
    """Parameters of a churn model.

    Attributes:
        horizon: days ahead that the headline probability is for.
        horizons: days ahead that are given.
        every_days: days between two looks at a contract in the training.
        least_renewals: closed renewals from which on contracts are believed to be known.
        least_lost: contracts lost by then from which on the hazards are learnt.
        hazard: of the hazard model; its seed is replaced by that of the training.
    """

    horizon: int = 180
    horizons: tuple[int, ...] = (90, 180, 365)
    every_days: int = 30
    least_renewals: int = 60
    least_lost: int = 30
    hazard: HazardSettings = field(
        default_factory=lambda: HazardSettings(
            period_days=14, max_periods=26, max_rows=12_000, leaves=8, learning_rate=0.12
        )
    )


class ContractChurn:
    """Chances that contracts, and with them customers, are lost.

    Args:
        settings: parameters.
        process: the life tables.
        hazard: the hazard model.
        outcome: how open renewals end; None before enough have ended.
        typical: feature → value of an average contract, which reasons compare with.
        typical_days: days to the renewal date of an average contract.
        calibrator: what predictions like this meant on customers that were not seen, for the
            interval; None before there are any.
    """

    definition: ClassVar[str] = "every running contract is lost at its renewal"

    def __init__(
        self,
        settings: ChurnSettings,
        process: RenewalProcess,
        hazard: HazardModel,
        outcome: RenewalOutcome | None,
        typical: dict[str, object],
        typical_days: int,
        calibrator: VennAbersCalibrator | None = None,
    ) -> None:
        self.settings = settings
        self.process = process
        self.hazard = hazard
        self.outcome = outcome
        self.typical = typical
        self.typical_days = typical_days
        self.calibrator = calibrator

    @classmethod
    def fit(cls, exposure: pl.DataFrame, history: History, settings: ChurnSettings) -> Self | None:
        """Learn from contracts as they were seen; None where too few were lost.

        Args:
            exposure: rows of `contract_exposure` with labels as known at the history's day.
            history: contracts and purchases of that day.
            settings: parameters.
        """
        lost = exposure.filter(pl.col("event") == LOST)["contract_id"].n_unique()
        if history.renewal_count < settings.least_renewals or lost < settings.least_lost:
            return None
        process = RenewalProcess.fit(
            history.contracts, history.purchases, history.clock, replicates=0, seed=0
        )
        hazard = HazardModel(
            ("won", LOST),
            group="account_id",
            known_dates=(RENEWAL_DATE,),
            exclude=("contract_id",),
            settings=settings.hazard,
        )
        hazard.fit(exposure)
        days = (exposure[RENEWAL_DATE] - exposure["as_of_date"]).dt.total_days().median()
        typical = {feature.name: _typical(exposure[feature.name]) for feature in CHURN_FEATURES}
        outcome = RenewalOutcome.fit(exposure)
        return cls(settings, process, hazard, outcome, typical, int(float(str(days))))

    def contract_chances(self, exposure: pl.DataFrame, horizons: Sequence[int]) -> pl.DataFrame:
        """Chance that each contract is lost within each horizon.

        Returns:
            In the order of `exposure`: lost_within_<h>d and calendar_<h>d (the tables alone).
        """
        seen = self.hazard.cumulative(exposure, horizons)
        age = _floats(exposure["contract_age_days"])
        renewing = np.where(
            exposure["has_open_renewal"].to_numpy(), _floats(exposure["renewal_age_days"]), np.nan
        )
        is_open = ~np.isnan(renewing)
        ends_lost = None if self.outcome is None else self.outcome.probability_lost(exposure)
        columns: dict[str, Array] = {}
        last = np.zeros(exposure.height)
        for horizon in sorted(horizons):
            calendar = _kept_inside(self.process.probability_lost(age, renewing, horizon))
            blended = _chance(
                (
                    _logit(calendar)
                    + _logit(_kept_inside(seen[f"lost_within_{horizon}d"].to_numpy()))
                )
                / 2
            )
            if ends_lost is not None:
                closes = self.process.probability_closed(np.nan_to_num(renewing), horizon)
                blended = np.where(is_open, _kept_inside(ends_lost * closes), blended)
            last = np.maximum(last, blended)
            columns[f"lost_within_{horizon}d"] = last.copy()
            columns[f"calendar_{horizon}d"] = calendar
        return pl.DataFrame(columns)

    def account_chances(self, exposure: pl.DataFrame, horizons: Sequence[int]) -> pl.DataFrame:
        """Chance that each account is lost within each horizon: that all its contracts are.

        Returns:
            account_id, churn_within_<h>d and calendar_<h>d, sorted by account_id; contracts are
            taken to be lost independently of each other.
        """
        chances = pl.concat(
            [exposure.select("account_id"), self.contract_chances(exposure, horizons)],
            how="horizontal",
        )
        return (
            chances.group_by("account_id")
            .agg(
                pl.col(f"{kind}_{horizon}d").product()
                for horizon in horizons
                for kind in ("lost_within", "calendar")
            )
            .rename({f"lost_within_{h}d": f"churn_within_{h}d" for h in horizons})
            .sort("account_id")
        )

    def interval(self, probability: Array) -> tuple[Array, Array]:
        """95 % interval for the churn rate of customers with such a probability."""
        return _bounds(self.calibrator, probability)

    def reasons(self, exposure: pl.DataFrame) -> pl.Series:
        """What sets the chance of each contract apart from an average contract's.

        A theme's contribution is what the log-odds of being lost within the headline horizon lose
        when its features are set to those of an average contract.
        """
        horizon = self.settings.horizon
        name = f"lost_within_{horizon}d"

        def log_odds(frame: pl.DataFrame) -> Array:
            return _logit(_kept_inside(self.contract_chances(frame, [horizon])[name].to_numpy()))

        here = log_odds(exposure)
        names = [feature.name for feature in CHURN_FEATURES]
        contribution = np.zeros((exposure.height, len(names)))
        for theme in dict.fromkeys(feature.theme for feature in CHURN_FEATURES):
            members = [place for place, f in enumerate(CHURN_FEATURES) if f.theme == theme]
            lost = here - log_odds(self._made_average(exposure, theme))
            leading = np.argmax([self._apart(exposure[names[place]]) for place in members], axis=0)
            contribution[np.arange(exposure.height), np.array(members)[leading]] = lost
        return top_factors(
            exposure,
            contribution,
            names,
            themes={feature.name: feature.theme for feature in CHURN_FEATURES},
            labels={feature.name: feature.label for feature in CHURN_FEATURES},
            count=MOST_FACTORS,
        )

    def save(self, folder: Path) -> None:
        """Write the model as text into an existing folder."""
        self.hazard.save(folder)
        settings = asdict(self.settings)
        content = {
            "settings": settings | {"horizons": list(self.settings.horizons)},
            "process": self.process.as_dict(),
            "outcome": None if self.outcome is None else self.outcome.as_dict(),
            "typical": self.typical,
            "typical_days": self.typical_days,
            "calibrator": None if self.calibrator is None else self.calibrator.as_dict(),
        }
        text = json.dumps(content, sort_keys=True, ensure_ascii=False)
        (folder / MODEL_FILE).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: the folder holds no such model.
        """
        content = _read(folder)
        calibrator = content["calibrator"]
        return cls(
            _settings(content["settings"]),
            RenewalProcess.from_dict(content["process"]),
            HazardModel.load(folder),
            content["outcome"] and RenewalOutcome.from_dict(content["outcome"]),
            content["typical"],
            content["typical_days"],
            calibrator and VennAbersCalibrator.from_dict(calibrator),
        )

    def _made_average(self, exposure: pl.DataFrame, theme: str) -> pl.DataFrame:
        replaced = [
            pl.lit(self.typical[feature.name], dtype=exposure.schema[feature.name]).alias(
                feature.name
            )
            for feature in CHURN_FEATURES
            if feature.theme == theme
        ]
        frame = exposure.with_columns(replaced)
        if "days_to_renewal" not in [expression.meta.output_name() for expression in replaced]:
            return frame
        return frame.with_columns(
            (pl.col("as_of_date") + pl.duration(days=self.typical_days)).alias(RENEWAL_DATE)
        )

    def _apart(self, values: pl.Series) -> Array:
        """How far values lie from those of an average contract, in spreads of the frame's rows."""
        typical = self.typical[values.name]
        if values.dtype == pl.Float64:
            numbers = _floats(values)
            middle = float(str(typical)) if typical is not None else 0.0
            spread = float(np.nanstd(numbers)) if np.isfinite(numbers).any() else 0.0
            return np.nan_to_num(np.abs(numbers - middle) / (spread or 1.0), nan=0.1)
        differs = values.is_null() if typical is None else (values != typical).fill_null(True)
        return differs.to_numpy().astype(np.float64)


class SilentChurn:
    """Chances that customers without known contracts buy nothing within a horizon.

    Args:
        settings: parameters.
        buying: the fitted BG/NBD model.
        calibrator: as for `ContractChurn`.
    """

    definition: ClassVar[str] = "nothing is bought"

    def __init__(
        self,
        settings: ChurnSettings,
        buying: BuyingModel,
        calibrator: VennAbersCalibrator | None = None,
    ) -> None:
        self.settings = settings
        self.buying = buying
        self.calibrator = calibrator

    @classmethod
    def fit(cls, history: History, settings: ChurnSettings) -> Self | None:
        """Learn from purchases; None where too few customers bought twice."""
        summary = purchase_summary(history.purchases, history.clock)
        if summary.filter(pl.col("repeat_count") > 0).height < settings.least_lost:
            return None
        return cls(settings, BuyingModel.fit(BuyingHistory.of(summary, DAYS_PER_WEEK)))

    def account_chances(self, history: History, horizons: Sequence[int]) -> pl.DataFrame:
        """account_id and churn_within_<h>d: the chance that nothing is bought within a horizon."""
        summary = purchase_summary(history.purchases, history.clock)
        known = BuyingHistory.of(summary, DAYS_PER_WEEK)
        return pl.DataFrame(
            {
                "account_id": summary["customer_id"],
                **{
                    f"churn_within_{horizon}d": self.buying.probability_of_silence(
                        known, horizon / DAYS_PER_WEEK
                    )
                    for horizon in horizons
                },
            }
        )

    def interval(self, probability: Array) -> tuple[Array, Array]:
        """As for `ContractChurn`."""
        return _bounds(self.calibrator, probability)

    def save(self, folder: Path) -> None:
        """Write the model as text into an existing folder."""
        content = {
            "settings": asdict(self.settings) | {"horizons": list(self.settings.horizons)},
            "buying": self.buying.as_dict(),
            "calibrator": None if self.calibrator is None else self.calibrator.as_dict(),
        }
        text = json.dumps(content, sort_keys=True, ensure_ascii=False)
        (folder / MODEL_FILE).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: the folder holds no such model.
        """
        content = _read(folder)
        calibrator = content["calibrator"]
        return cls(
            _settings(content["settings"]),
            BuyingModel.from_dict(content["buying"]),
            calibrator and VennAbersCalibrator.from_dict(calibrator),
        )


def load_churn(folder: Path) -> ContractChurn | SilentChurn:
    """The model of a folder, of whichever kind it is."""
    return ContractChurn.load(folder) if "process" in _read(folder) else SilentChurn.load(folder)


def _bounds(calibrator: VennAbersCalibrator | None, probability: Array) -> tuple[Array, Array]:
    """The calibration's interval, made to hold the probability; 0 to 1 without a calibration."""
    if calibrator is None:
        return np.zeros(len(probability)), np.ones(len(probability))
    bounds = calibrator.calibrate(probability)
    return np.minimum(bounds.low, probability), np.maximum(bounds.high, probability)


def _read(folder: Path) -> dict[str, Any]:
    path = folder / MODEL_FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"No {MODEL_FILE} in {folder}: the model was moved or never finished. Train it again."
        )
    return json.loads(path.read_text(encoding="utf-8"))


def _settings(values: dict[str, Any]) -> ChurnSettings:
    hazard = HazardSettings(**values.pop("hazard"))
    horizons = tuple(values.pop("horizons"))
    return ChurnSettings(**values, hazard=hazard, horizons=horizons)


def _typical(values: pl.Series) -> object:
    """The median of numbers, the most frequent of other values (the first of equals)."""
    known = values.drop_nulls()
    if known.is_empty():
        return None
    if values.dtype == pl.Float64:
        return known.median()
    return known.value_counts().sort("count", values.name, descending=[True, False])[0, 0]


def _floats(values: pl.Series) -> Array:
    return values.cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _kept_inside(chance: Array) -> Array:
    return np.clip(chance, LEAST_CHANCE, 1 - LEAST_CHANCE)


def _logit(chance: Array) -> Array:
    return np.log(chance / (1 - chance))


def _chance(log_odds: Array) -> Array:
    return 1 / (1 + np.exp(-log_odds))
