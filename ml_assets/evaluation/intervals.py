"""Intervals for a rate."""

from __future__ import annotations

from math import sqrt

NORMAL_QUANTILE_975 = 1.959963984540054


def wilson_interval(successes: float, trials: float) -> tuple[float, float]:
    """95 % interval of a rate (Wilson 1927, without continuity correction).

    Args:
        successes: count of successes, 0 ≤ successes ≤ trials.
        trials: count of trials; 0 gives (0, 1), since nothing is known.

    Returns:
        Lower and upper bound as fractions.
    """
    if trials <= 0:
        return 0.0, 1.0
    z = NORMAL_QUANTILE_975
    rate = successes / trials
    spread = z * sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials))
    centre = rate + z * z / (2 * trials)
    scale = 1 + z * z / trials
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)
