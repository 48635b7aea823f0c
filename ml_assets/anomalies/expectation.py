"""What a series is expected to be next, from its own past: a level that follows slowly, and how far
figures have lain from it one window ahead.

All functions take arrays of shape (series, windows), oldest window first, and work on all series
at once; a window that a series has no figure for is NaN (or 0 cases). The expectation of each
window is made of earlier ones only, so the errors are those of real forecasts, and the level's own
uncertainty is in them.

The level is a discounted mean (West & Harrison, 1997, chapter 10: a week ago counts full, 13 weeks
ago half). A figure far outside is pulled in before the level learns from it and before the spread
is measured (winsorised), so that an earlier anomaly neither moves the one nor hides the next. The
spread forgets too, more slowly: how a young company's figures jumped is not how an old one's do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special  # pyright: ignore[reportMissingTypeStubs]

from ml_assets.evaluation.metrics import Array

Mask = npt.NDArray[np.bool_]

HALF_LIFE_WEEKS = 13.0
WARM_UP_WINDOWS = 6
SPREAD_HALF_LIFE_WEEKS = 39.0
OWN_WINDOWS = 20.0
PRIOR_CASES = 20.0
FAR = 3.0
ROUNDS = 4
FREEDOMS = (3.0, 4.0, 5.0, 7.0, 10.0, 20.0, 60.0)


@dataclass(frozen=True)
class Expected:
    """Expectations one window ahead.

    Attributes:
        mean: expected figure of each window, NaN where too little is known.
        spread: of each series: the dispersion of a count, the correlation of cases of a share, the
            scale of an amount or a mean.
        history: windows with a figure before the last one, of each series.
    """

    mean: Array
    spread: Array
    history: Array


def discount(window_weeks: int) -> float:
    """What a window counts for one window later."""
    return float(0.5 ** (window_weeks / HALF_LIFE_WEEKS))


def recency(past: Mask, window_weeks: int) -> Array:
    """Weight of each past window (columns, oldest first) in the measurement of a spread."""
    windows = past.shape[1]
    ages = np.array([float(window_weeks * (windows - at)) for at in range(windows)])
    return np.broadcast_to(0.5 ** (ages / SPREAD_HALF_LIFE_WEEKS), past.shape)


def expected_counts(counts: Array, exposure: Array, window_weeks: int) -> Expected:
    """Counts: rate per exposure, with the negative binomial's dispersion.

    Args:
        counts: shape (series, windows), NaN before a series begins.
        exposure: how much of the same could happen in each window (seasonal business days).
        window_weeks: length of a window.
    """
    spread = np.full(len(counts), 0.1)
    mean = np.full(counts.shape, np.nan)
    for _ in range(ROUNDS):
        mean = _count_levels(counts, exposure, spread[:, None], discount(window_weeks))
        spread = count_dispersion(counts, mean, spread, window_weeks)
    return Expected(mean, spread, _history(counts, mean))


def _count_levels(counts: Array, exposure: Array, spread: Array, keep: float) -> Array:
    means = np.full(counts.shape, np.nan)
    events = np.zeros(len(counts))
    exposed = np.zeros(len(counts))
    seen = np.zeros(len(counts))
    for window in range(counts.shape[1]):
        known = exposed > 0
        mean = np.where(known, events / np.where(known, exposed, 1.0), np.nan) * exposure[:, window]
        means[:, window] = np.where(seen >= WARM_UP_WINDOWS, mean, np.nan)
        actual = counts[:, window]
        far = FAR * np.sqrt(np.maximum(mean, 1.0) + spread[:, 0] * mean**2)
        clipped = np.where(seen >= WARM_UP_WINDOWS, np.clip(actual, mean - far, mean + far), actual)
        has = ~np.isnan(actual) & (exposure[:, window] > 0)
        events = np.where(has, keep * events + clipped, events)
        exposed = np.where(has, keep * exposed + exposure[:, window], exposed)
        seen = seen + has
    return means


def count_dispersion(counts: Array, mean: Array, current: Array, window_weeks: int) -> Array:
    """Dispersion by moments of the errors before the last window, drawn towards the pool's."""
    past, expected = counts[:, :-1], mean[:, :-1]
    use = ~np.isnan(past) & ~np.isnan(expected) & (expected > 0)
    far = FAR * np.sqrt(np.maximum(expected, 1.0) + current[:, None] * expected**2)
    error = np.clip(past - expected, -far, far)
    recent = recency(use, window_weeks)
    above = (np.where(use, error**2 - expected, 0.0) * recent).sum(axis=1)
    below = (np.where(use, expected**2, 0.0) * recent).sum(axis=1)
    return _towards_pool(above, below, (use * recent).sum(axis=1))


def expected_shares(hits: Array, cases: Array, window_weeks: int) -> Expected:
    """Shares: a discounted share, with the correlation of cases within a window.

    Args:
        hits: shape (series, windows).
        cases: of which they are, 0 where there is nothing.
        window_weeks: length of a window.
    """
    keep = discount(window_weeks)
    company = hits.sum() / max(cases.sum(), 1.0)
    spread = np.full(len(hits), 0.05)
    mean = np.full(hits.shape, np.nan)
    for _ in range(ROUNDS):
        mean = _share_levels(hits, cases, spread, company, keep)
        spread = share_correlation(hits, cases, mean, spread, window_weeks)
    return Expected(mean, spread, _history(np.where(cases > 0, hits, np.nan), mean))


def _share_levels(hits: Array, cases: Array, spread: Array, company: float, keep: float) -> Array:
    means = np.full(hits.shape, np.nan)
    hit = np.zeros(len(hits))
    case = np.zeros(len(hits))
    seen = np.zeros(len(hits))
    for window in range(hits.shape[1]):
        mean = (hit + PRIOR_CASES * company) / (case + PRIOR_CASES)
        means[:, window] = np.where(seen >= WARM_UP_WINDOWS, mean, np.nan)
        n, k = cases[:, window], hits[:, window]
        far = FAR * np.sqrt(n * mean * (1 - mean) * (1 + (n - 1) * spread))
        clipped = np.where(seen >= WARM_UP_WINDOWS, np.clip(k, n * mean - far, n * mean + far), k)
        # a window of many cases says less per case, the more its cases go together
        worth = 1.0 / (1.0 + np.maximum(n - 1, 0) * spread)
        has = n > 0
        hit = np.where(has, keep * hit + worth * np.clip(clipped, 0, n), hit)
        case = np.where(has, keep * case + worth * n, case)
        seen = seen + has
    return means


def share_correlation(
    hits: Array, cases: Array, mean: Array, current: Array, window_weeks: int
) -> Array:
    """Correlation of the cases of a window, by moments, drawn towards the pool's."""
    n, k, p = cases[:, :-1], hits[:, :-1], mean[:, :-1]
    use = (n > 1) & ~np.isnan(p)
    variance = n * p * (1 - p)
    far = FAR * np.sqrt(variance * (1 + (n - 1) * current[:, None]))
    error = np.clip(k - n * p, -far, far)
    recent = recency(use, window_weeks)
    above = (np.where(use, error**2 - variance, 0.0) * recent).sum(axis=1)
    below = (np.where(use, variance * (n - 1), 0.0) * recent).sum(axis=1)
    return np.clip(_towards_pool(above, below, (use * recent).sum(axis=1)), 0.0, 0.9)


def expected_levels(values: Array, weight: Array, window_weeks: int) -> Expected:
    """Amounts (as logarithms) and means: a discounted mean with the scale of Student's t.

    Args:
        values: shape (series, windows), NaN where there is none.
        weight: precision of each value relative to others, such as the cases of a mean.
        window_weeks: length of a window.
    """
    keep = discount(window_weeks)
    spread = np.full(len(values), np.inf)
    mean = np.full(values.shape, np.nan)
    for _ in range(2):
        mean = _levels(values, weight, spread, keep)
        spread = level_scale(values, mean, weight)
    return Expected(mean, spread, _history(values, mean))


def _levels(values: Array, weight: Array, spread: Array, keep: float) -> Array:
    means = np.full(values.shape, np.nan)
    total = np.zeros(len(values))
    weights = np.zeros(len(values))
    seen = np.zeros(len(values))
    for window in range(values.shape[1]):
        known = weights > 0
        mean = np.where(known, total / np.where(known, weights, 1.0), np.nan)
        means[:, window] = np.where(seen >= WARM_UP_WINDOWS, mean, np.nan)
        value, w = values[:, window], weight[:, window]
        has = ~np.isnan(value) & (w > 0)
        far = FAR * spread / np.sqrt(np.where(has, w, 1.0))
        clipped = np.where(seen >= WARM_UP_WINDOWS, np.clip(value, mean - far, mean + far), value)
        total = np.where(has, keep * total + w * clipped, total)
        weights = np.where(has, keep * weights + w, weights)
        seen = seen + has
    return means


def level_scale(values: Array, mean: Array, weight: Array) -> Array:
    """Scale of the weighted errors before the last window, from their median size.

    The median absolute error is put in the unit of a normal deviation, and drawn towards that of
    all series.
    """
    errors = (values - mean)[:, :-1] * np.sqrt(weight[:, :-1])
    use = ~np.isnan(errors)
    size = np.abs(errors)
    count = use.sum(axis=1)
    pool = float(np.median(size[use])) if use.any() else np.nan
    own = np.array(
        [
            np.median(row[known]) if known.any() else pool
            for row, known in zip(size, use, strict=True)
        ]
    )
    drawn = (count * own + OWN_WINDOWS * pool) / (count + OWN_WINDOWS)
    return np.maximum(1.4826 * drawn, 1e-12)


def tail_freedom(errors: Array, scale: Array) -> float:
    """Degrees of freedom of Student's t that fit standardised errors best, over all series.

    Args:
        errors: shape (series, windows), NaN where unknown.
        scale: of each series, as `level_scale` gives it.
    """
    standard = errors / scale[:, None]
    standard = standard[~np.isnan(standard)]
    if len(standard) < 50:
        return 5.0
    fits = [_log_likelihood(standard, freedom) for freedom in FREEDOMS]
    return FREEDOMS[int(np.argmax(fits))]


def scale_for(freedom: float) -> float:
    """Factor from a scale in normal deviations (by the median) to that of Student's t."""
    return float(special.ndtri(0.75) / special.stdtrit(freedom, 0.75))


def _log_likelihood(standard: Array, freedom: float) -> float:
    factor = scale_for(freedom)
    scaled = standard / factor
    constant = (
        special.gammaln((freedom + 1) / 2)
        - special.gammaln(freedom / 2)
        - 0.5 * np.log(freedom * np.pi)
        - np.log(factor)
    )
    return float((constant - (freedom + 1) / 2 * np.log1p(scaled**2 / freedom)).sum())


def _towards_pool(above: Array, below: Array, count: Array) -> Array:
    """Ratio of each series, drawn towards the ratio of all by `OWN_WINDOWS` windows."""
    pool = above.sum() / below.sum() if below.sum() > 0 else 0.0
    own = np.where(below > 0, above / np.where(below > 0, below, 1.0), pool)
    return np.maximum((count * own + OWN_WINDOWS * pool) / (count + OWN_WINDOWS), 0.0)


def _history(values: Array, mean: Array) -> Array:
    """Windows before the last with both a figure and an expectation."""
    return (~np.isnan(values[:, :-1]) & ~np.isnan(mean[:, :-1])).sum(axis=1).astype(float)
