"""How wide the forecast is: learnt from how earlier forecasts turned out.

Two corrections. The common shock of the paths is as strong as the company's revenue has missed its
expectation by more than chance alone would explain. And the levels of the quantiles are moved to
where they would have held: if a tenth of the reps' outcomes lay below the 5 % quantile, the 10 %
quantile is taken from there. Both are drawn towards no correction while there are few origins, and
both use only origins whose windows were over.

Source: Dawid (1984) on the probability integral transform; Kuleshov, Fenner & Ermon (2018),
"Accurate uncertainties for deep learning using calibrated regression", for the second.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ml_assets.revenue.calendar import Floats
from ml_assets.revenue.engine import Shocks
from ml_assets.revenue.settings import NODE_TYPES, QUANTILES, RevenueSettings

INTERVALS_FILE = "intervals.json"
SMALLEST_SHOCK = 0.02
LARGEST_SHOCK = 0.6
PRIOR_OUTCOMES = 20.0
GRID = np.linspace(0.0, 1.0, 201)


@dataclass(frozen=True)
class Miss:
    """How the company's revenue of one origin turned out, one entry per window.

    Attributes:
        log_ratio: logarithm of actual over expected, of what was not won yet.
        chance: variance of the same over paths without a common shock.
    """

    log_ratio: Floats
    chance: Floats


def common_shock(misses: Sequence[Miss], settings: RevenueSettings) -> float:
    """Standard deviation of the common shock's logarithm.

    The mean square of the misses less what chance explains, averaged with the default, which
    counts for `shock_weight` origins.
    """
    excess = [
        float(np.mean(miss.log_ratio**2 - miss.chance)) for miss in misses if len(miss.log_ratio)
    ]
    weight = settings.shock_weight
    variance = (weight * settings.default_shock**2 + sum(excess)) / (weight + len(excess))
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


@dataclass(frozen=True)
class Intervals:
    """How the paths become quantiles.

    Attributes:
        shocks: of the paths.
        held: by node type, the share of outcomes that lay below each level of GRID.
    """

    shocks: Shocks
    held: Mapping[str, Floats]

    @classmethod
    def learn(
        cls,
        misses: Sequence[Miss],
        positions: Mapping[str, Sequence[Floats]],
        settings: RevenueSettings,
    ) -> Intervals:
        """From earlier origins.

        Args:
            misses: of the company, one per origin.
            positions: by node type, one array per origin with the positions of its outcomes in
                their paths; outcomes of one node count as one, whatever the number of windows.
            settings: of the shock.
        """
        held: dict[str, Floats] = {}
        for node_type in NODE_TYPES:
            arrays = positions.get(node_type, ())
            values = np.concatenate(arrays) if arrays else np.zeros(0)
            count = len(values) / (len(settings.horizon_days) + 1)
            share = (
                (values[None, :] <= GRID[:, None]).mean(axis=1)
                if len(values)
                else np.zeros(len(GRID))
            )
            held[node_type] = (PRIOR_OUTCOMES * GRID + count * share) / (PRIOR_OUTCOMES + count)
        return cls(Shocks(common_shock(misses, settings), settings.personal_shock), held)

    def levels(self, node_type: str) -> Floats:
        """The level at which each of QUANTILES is read from the paths of a node."""
        return np.interp(QUANTILES, self.held[node_type], GRID)

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
            "held": {name: values.tolist() for name, values in self.held.items()},
        }
        (folder / INTERVALS_FILE).write_text(json.dumps(content), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Intervals:
        """Read what `save` wrote."""
        content = json.loads((folder / INTERVALS_FILE).read_text(encoding="utf-8"))
        held = {name: np.array(values) for name, values in content["held"].items()}
        return cls(Shocks(*content["shocks"]), held)
