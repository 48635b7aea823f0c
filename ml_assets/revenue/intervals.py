"""How wide the forecast is: learnt from how earlier forecasts turned out.

Three things are learnt from windows of earlier evenings that were over. The personal shock of the
paths is as strong as makes the misses of reps most likely. The common shock is as strong as the
company has missed its expectation by more than chance and personal shocks explain. What these two
leave is mended at the levels: if the outcomes of teams, say, lay further out in their paths than
they should, quantiles of teams are read further out, and nearer if they lay further in. All three
are drawn towards no correction while there is little to learn from, and the last one first towards
what holds for nodes of all types.

Many outcomes are exactly zero. Where an outcome lies among paths that are equal to it is decided by
lot, a fixed one: of a forecast that is right such positions are spread evenly over 0 to 1, whatever
the mass at a point.

Source: Dawid (1984) on the probability integral transform; Smith (1985) and Czado, Gneiting & Held
(2009), "Predictive model assessment for count data", on drawing lots; Kuleshov, Fenner & Ermon
(2018), "Accurate uncertainties for deep learning using calibrated regression", on moving levels.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from scipy.special import ndtr, ndtri  # pyright: ignore[reportMissingTypeStubs]

from ml_assets.revenue.calendar import Floats
from ml_assets.revenue.engine import Shocks
from ml_assets.revenue.settings import NODE_TYPES, QUANTILES, RevenueSettings

INTERVALS_FILE = "intervals.json"
SMALLEST_SHOCK = 0.02
LARGEST_SHOCK = 0.6
PERSONAL_SHOCKS = np.arange(0.0, 1.01, 0.02)
ROUNDS = 40
EDGE = 0.002  # the outermost position that is told apart: one of 500 paths


@dataclass(frozen=True)
class Miss:
    """How the company's revenue of one window turned out.

    Attributes:
        log_ratio: logarithm of actual over expected, of what was not won yet.
        chance: variance of the same over paths without shocks.
        response: what personal shocks add to it, per unit of exp(s²) - 1.
    """

    log_ratio: float
    chance: float
    response: float


@dataclass(frozen=True)
class Residuals:
    """How the revenue of reps in one window turned out. Arrays of shape (reps,).

    Attributes:
        squared: square of actual less expected.
        chance: variance over paths without shocks, above 0.
        response: what the personal shock adds to it, per unit of exp(s²) - 1.
    """

    squared: Floats
    chance: Floats
    response: Floats


@dataclass(frozen=True)
class Outcome:
    """How one window of one evening had turned out, once it was over.

    Attributes:
        origin: the evening.
        miss: of the company; None where next to nothing was expected or came.
        reps: of those of whom something was expected.
        positions: by node type, where outcomes lay in their paths (see `position_in_paths`); only
            of nodes for which something was to come.
    """

    origin: date
    miss: Miss | None
    reps: Residuals
    positions: Mapping[str, Floats]


def personal_shock(outcomes: Sequence[Outcome], settings: RevenueSettings) -> float:
    """Standard deviation of the personal shocks' logarithm.

    The one of PERSONAL_SHOCKS under which the misses of reps are most likely, each with the
    variance of chance and what the shock adds; its square is averaged with that of the default,
    which counts for `shock_weight` origins.
    """
    known = [outcome.reps for outcome in outcomes if len(outcome.reps.squared)]
    if not known:
        return settings.personal_shock
    squared = np.concatenate([reps.squared for reps in known])
    chance = np.concatenate([reps.chance for reps in known])
    response = np.concatenate([reps.response for reps in known])
    variance = chance + response * np.expm1(PERSONAL_SHOCKS**2)[:, None]
    likelihood = -(np.log(variance) + squared / variance).sum(axis=1)
    likeliest = PERSONAL_SHOCKS[int(likelihood.argmax())]
    weight, count = settings.shock_weight, len(known) / settings.window_count
    averaged = (weight * settings.personal_shock**2 + count * likeliest**2) / (weight + count)
    return float(np.sqrt(averaged))


def common_shock(outcomes: Sequence[Outcome], personal: float, settings: RevenueSettings) -> float:
    """Standard deviation of the common shock's logarithm.

    The mean square of the company's misses less what chance and personal shocks explain, averaged
    with the default, which counts for `shock_weight` origins. Windows of one origin overlap and
    count for one together.
    """
    misses = [outcome.miss for outcome in outcomes if outcome.miss is not None]
    excess = [
        miss.log_ratio**2 - miss.chance - miss.response * float(np.expm1(personal**2))
        for miss in misses
    ]
    weight, windows = settings.shock_weight, settings.window_count
    variance = (weight * settings.default_shock**2 + sum(excess) / windows) / (
        weight + len(excess) / windows
    )
    return float(np.clip(np.sqrt(max(variance, 0.0)), SMALLEST_SHOCK, LARGEST_SHOCK))


def position_in_paths(actual: Floats, paths: Floats, lot: Floats) -> Floats:
    """Share of the paths below each actual; of those equal to it, a share that the lot decides.

    Args:
        actual: shape (n,).
        paths: shape (n, simulations).
        lot: numbers in [0, 1), shape (n,).
    """
    below = (paths < actual[:, None] - 0.005).mean(axis=1)
    up_to = (paths <= actual[:, None] + 0.005).mean(axis=1)
    return below + lot * (up_to - below)


def normal_scores(positions: Floats) -> Floats:
    """The standard normal quantiles of positions, those next to the ends no further out."""
    return ndtri(np.clip(positions, EDGE, 1 - EDGE))


@dataclass(frozen=True)
class Scatter:
    """How far out the positions of outcomes lay.

    Attributes:
        square: sum of the squared normal scores that can be told.
        told: their number.
        beyond: the number of outcomes next to or beyond the ends of their paths, of which is only
            known that their scores are that of EDGE or more.
    """

    square: float
    told: float
    beyond: float

    @classmethod
    def of(cls, positions: Floats, counting: float) -> Scatter:
        """Of positions, each counting for so many outcomes."""
        told = (positions > EDGE) & (positions < 1 - EDGE)
        return cls(
            counting * float((normal_scores(positions[told]) ** 2).sum()),
            counting * int(told.sum()),
            counting * int((~told).sum()),
        )

    def variance(self, prior: float, weight: float) -> float:
        """Likeliest variance of normal scores, drawn to a prior that counts for some outcomes.

        What lies beyond the ends has the mean square that a normal distribution of that variance
        has there (expectation maximisation).
        """
        found = prior
        for _ in range(ROUNDS):
            end = -float(ndtri(EDGE)) / np.sqrt(found)
            density = np.exp(-(end**2) / 2) / np.sqrt(2 * np.pi)
            beyond = found * (1 + end * density / float(ndtr(-end)))
            found = (weight * prior + self.square + self.beyond * beyond) / (
                weight + self.told + self.beyond
            )
        return float(found)


def stretches(
    positions: Mapping[str, Sequence[Floats]], settings: RevenueSettings
) -> dict[str, float]:
    """How much further out than they should outcomes lay, by node type.

    The standard deviation of the positions' normal scores about 0, which is 1 if paths are as wide
    as they should be. That of all outcomes is drawn to 1, and that of each type to that of all;
    both count for `stretch_weight` outcomes. Outcomes of a node in the windows of an origin overlap
    and count for one together.
    """
    arrays = {
        node_type: np.concatenate([np.zeros(0), *positions.get(node_type, ())])
        for node_type in NODE_TYPES
    }
    counting, weight = 1 / settings.window_count, settings.stretch_weight
    pooled = Scatter.of(np.concatenate(list(arrays.values())), counting).variance(1.0, weight)
    return {
        node_type: float(np.sqrt(Scatter.of(values, counting).variance(pooled, weight)))
        for node_type, values in arrays.items()
    }


@dataclass(frozen=True)
class Intervals:
    """How the paths become quantiles.

    Attributes:
        shocks: of the paths.
        stretch: by node type, how much further out quantiles are read (see `stretches`).
    """

    shocks: Shocks
    stretch: Mapping[str, float]

    @classmethod
    def learn(cls, outcomes: Sequence[Outcome], settings: RevenueSettings) -> Intervals:
        """From windows of earlier evenings, all of them over."""
        personal = personal_shock(outcomes, settings)
        positions = {
            node_type: [
                outcome.positions[node_type]
                for outcome in outcomes
                if node_type in outcome.positions
            ]
            for node_type in NODE_TYPES
        }
        return cls(
            Shocks(common_shock(outcomes, personal, settings), personal),
            stretches(positions, settings),
        )

    def levels(self, node_type: str) -> Floats:
        """The level at which each of QUANTILES is read from the paths of a node."""
        return ndtr(self.stretch[node_type] * ndtri(np.array(QUANTILES)))

    def held(self, node_type: str, positions: Floats) -> Floats:
        """The quantiles that outcomes at these positions in their paths lie at."""
        return ndtr(normal_scores(positions) / self.stretch[node_type])

    def quantiles(self, node_types: Sequence[str], paths: Floats) -> Floats:
        """Quantiles of paths, shape (nodes, h, simulations) → (nodes, h, quantiles)."""
        result = np.zeros((*paths.shape[:2], len(QUANTILES)))
        kinds = np.array(node_types)
        for node_type in sorted(set(node_types)):
            rows = kinds == node_type
            found = np.quantile(paths[rows], self.levels(node_type), axis=2)
            result[rows] = np.moveaxis(found, 0, 2)
        return result

    def save(self, folder: Path) -> None:
        """Write it as text."""
        content = {
            "shocks": [self.shocks.common, self.shocks.personal],
            "stretch": dict(self.stretch),
        }
        (folder / INTERVALS_FILE).write_text(json.dumps(content), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Intervals:
        """Read what `save` wrote."""
        content = json.loads((folder / INTERVALS_FILE).read_text(encoding="utf-8"))
        return cls(Shocks(*content["shocks"]), content["stretch"])
