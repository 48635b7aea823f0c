"""What the others' figures of the same window say about one's own: a shock that all share."""

from __future__ import annotations

import numpy as np

from ml_assets.evaluation.metrics import Array

FAR = 3.0
MINIMUM_PEERS = 4


def common_shift(
    deviation: Array, information: Array, noise: Array, groups: Array
) -> tuple[Array, Array]:
    """How far a series' peers lay from their expectations together, window by window.

    The peers' deviations are summed without one's own; one that lies far from the others' middle is
    pulled in, so that no single peer moves all. What chance alone would do to the sum is known. How
    much the peers move together is measured, over the past and in this window itself, and the shift
    is drawn towards none by the share of chance in it (a one-way random effect; James & Stein's
    positive part where the window alone speaks), so that few or noisy peers explain nothing away.

    Args:
        deviation: shape (series, windows): observed minus expected; NaN where unknown.
        information: what a unit of shift would do to the deviation (for a count its expectation).
        noise: the deviation's variance without a common shift.
        groups: number of each series' group, shape (series,); -1 has no peers.

    Returns:
        The shift of each series and window, 0 without enough peers, and the number of peers that
        it rests on, both of shape (series, windows).
    """
    shift = np.zeros(deviation.shape)
    count = np.zeros(deviation.shape)
    for group in np.unique(groups[groups >= 0]):
        rows = np.flatnonzero(groups == group)
        known = ~np.isnan(deviation[rows]) & (information[rows] > 0)
        own_noise = np.where(known, noise[rows], 0.0)
        moved = _pulled_in(np.where(known, deviation[rows], np.nan), np.sqrt(own_noise))
        informed = np.where(known, information[rows], 0.0)
        others = informed.sum(axis=0) - informed
        safe = np.where(others > 0, others, 1.0)
        raw = (moved.sum(axis=0) - moved) / safe
        chance = (own_noise.sum(axis=0) - own_noise) / safe**2
        together = np.maximum(_spread_together(moved, informed, own_noise), raw**2 - chance)
        trust = together / np.maximum(together + chance, 1e-12)
        peers = known.sum(axis=0) - known
        count[rows] = peers
        shift[rows] = np.where((peers >= MINIMUM_PEERS) & (others > 0), trust * raw, 0.0)
    return shift, count


def _pulled_in(deviation: Array, noise: Array) -> Array:
    """Deviations within `FAR` standard errors of the group's median one; 0 where unknown."""
    known = ~np.isnan(deviation) & (noise > 0)
    size = np.where(noise > 0, noise, 1.0)
    standard = np.where(known, deviation / size, np.nan)
    middle = np.zeros(deviation.shape[1])
    some = known.any(axis=0)
    middle[some] = np.nanmedian(standard[:, some], axis=0)
    clipped = np.clip(standard, middle - FAR, middle + FAR) * size
    return np.where(known, clipped, 0.0)


def _spread_together(moved: Array, informed: Array, noise: Array) -> float:
    """Variance of the common shift over the past windows, chance taken off."""
    total = informed.sum(axis=0)[:-1]
    use = total > 0
    if not use.any():
        return 0.0
    safe = np.where(use, total, 1.0)
    raw = moved.sum(axis=0)[:-1] / safe
    chance = noise.sum(axis=0)[:-1] / safe**2
    return max(float((raw**2 - chance)[use].mean()), 0.0)
