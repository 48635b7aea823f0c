"""Judges the last window of many series at once: against each one's own past, and against what
their peers did in the same window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special  # pyright: ignore[reportMissingTypeStubs]

from ml_assets.anomalies.distributions import (
    count_quantile,
    count_tails,
    level_tails,
    share_distribution,
    two_sided,
)
from ml_assets.anomalies.expectation import (
    Expected,
    count_dispersion,
    expected_counts,
    expected_levels,
    expected_shares,
    level_scale,
    scale_for,
    share_correlation,
    tail_freedom,
)
from ml_assets.anomalies.kpis import Family
from ml_assets.anomalies.peers import common_shift
from ml_assets.evaluation.metrics import Array

TAIL = 0.025
SMALLEST_FACTOR = 0.05


@dataclass(frozen=True)
class Judged:
    """The last window of each series; every array has shape (series,).

    Attributes:
        observed: the figure.
        expected: from the series' own past.
        low: lower end of its 95 % interval.
        high: upper end.
        expected_with_peers: the expectation after what the peers did in the same window.
        p_own: two-sided probability of a figure at least as far from the expectation; NaN where
            there is no figure or no expectation.
        p_peers: the same against `expected_with_peers`; NaN without enough peers.
        peers: series that the peers' shift rests on.
        history: windows that the expectation is measured on.
    """

    observed: Array
    expected: Array
    low: Array
    high: Array
    expected_with_peers: Array
    p_own: Array
    p_peers: Array
    peers: Array
    history: Array


def judge(
    family: Family,
    numerator: Array,
    denominator: Array,
    groups: Array,
    window_weeks: int = 1,
) -> Judged:
    """Judge the last window of each series.

    Args:
        family: how the figures are spread (see `Kpi.family`).
        numerator: shape (series, windows), oldest first: events, hits, money, or the sum whose mean
            is meant; NaN before a series begins.
        denominator: what it is held against: for counts and amounts the exposure (how much could
            happen in the window, in any unit), for shares and means the cases.
        groups: number of each series' group of peers, -1 for none.
        window_weeks: length of a window.
    """
    if family == "count":
        return _judge_counts(numerator, denominator, groups, window_weeks)
    if family == "share":
        return _judge_shares(numerator, denominator, groups, window_weeks)
    if family == "amount":
        usual = np.where(numerator > 0, np.log(np.maximum(numerator, 1e-9)), np.nan)
        values = usual - np.log(np.where(denominator > 0, denominator, np.nan))
        return _judge_amounts(values, denominator, groups, window_weeks)
    values = numerator / np.where(denominator > 0, denominator, np.nan)
    return _judge_means(values, np.nan_to_num(denominator), groups, window_weeks)


def _judge_counts(counts: Array, exposure: Array, groups: Array, window_weeks: int) -> Judged:
    own = expected_counts(counts, exposure, window_weeks)
    variance = own.mean + own.spread[:, None] * own.mean**2
    shift, peers = common_shift(counts - own.mean, own.mean, variance, groups)
    mean = own.mean * np.maximum(1 + shift, SMALLEST_FACTOR)
    spread = count_dispersion(counts, mean, own.spread, window_weeks)
    now, expected = counts[:, -1], own.mean[:, -1]
    known = ~np.isnan(now) & ~np.isnan(expected) & (exposure[:, -1] > 0)

    def p_value(centre: Array, dispersion: Array) -> Array:
        safe = np.where(known, np.maximum(centre, 1e-9), 1.0)
        tails = count_tails(np.where(known, now, 1.0), safe, dispersion)
        return np.where(known, two_sided(*tails), np.nan)

    safe = np.where(known, np.maximum(expected, 1e-9), 1.0)
    return Judged(
        observed=now,
        expected=expected,
        low=np.where(known, count_quantile(TAIL, safe, own.spread), np.nan),
        high=np.where(known, count_quantile(1 - TAIL, safe, own.spread), np.nan),
        expected_with_peers=mean[:, -1],
        p_own=p_value(expected, own.spread),
        p_peers=_with_peers(p_value(mean[:, -1], spread), groups, shift, peers),
        peers=peers[:, -1],
        history=own.history,
    )


def _judge_shares(hits: Array, cases: Array, groups: Array, window_weeks: int) -> Judged:
    hits, cases = np.nan_to_num(hits), np.where(np.isnan(hits), 0.0, np.nan_to_num(cases))
    own = expected_shares(hits, cases, window_weeks)
    information = cases * own.mean * (1 - own.mean)
    noise = information * (1 + np.maximum(cases - 1, 0) * own.spread[:, None])
    shift, peers = common_shift(hits - cases * own.mean, information, noise, groups)
    mean = special.expit(special.logit(own.mean) + shift)
    spread = share_correlation(hits, cases, mean, own.spread, window_weeks)
    count = len(hits)
    low, high, p_own, p_peers = (np.full(count, np.nan) for _ in range(4))
    for row in np.flatnonzero((cases[:, -1] > 0) & ~np.isnan(own.mean[:, -1])):
        n, k = cases[row, -1], int(hits[row, -1])
        chances = share_distribution(n, own.mean[row, -1], own.spread[row])
        cumulated = np.cumsum(chances)
        low[row] = np.searchsorted(cumulated, TAIL) / n
        high[row] = min(float(np.searchsorted(cumulated, 1 - TAIL)), n) / n
        p_own[row] = _share_p(chances, k)
        p_peers[row] = _share_p(share_distribution(n, mean[row, -1], spread[row]), k)
    return Judged(
        observed=hits[:, -1] / np.where(cases[:, -1] > 0, cases[:, -1], np.nan),
        expected=own.mean[:, -1],
        low=low,
        high=high,
        expected_with_peers=mean[:, -1],
        p_own=p_own,
        p_peers=_with_peers(p_peers, groups, shift, peers),
        peers=peers[:, -1],
        history=own.history,
    )


def _share_p(chances: Array, hits: int) -> float:
    below = float(chances[:hits].sum() + chances[hits] / 2)
    return min(1.0, 2 * min(below, 1 - below))


def _judge_amounts(values: Array, exposure: Array, groups: Array, window_weeks: int) -> Judged:
    judged = _judge_levels(values, np.ones(values.shape), groups, window_weeks)
    offset = exposure[:, -1]
    return Judged(
        observed=np.exp(judged.observed) * offset,
        expected=np.exp(judged.expected) * offset,
        low=np.exp(judged.low) * offset,
        high=np.exp(judged.high) * offset,
        expected_with_peers=np.exp(judged.expected_with_peers) * offset,
        p_own=judged.p_own,
        p_peers=judged.p_peers,
        peers=judged.peers,
        history=judged.history,
    )


def _judge_means(values: Array, cases: Array, groups: Array, window_weeks: int) -> Judged:
    return _judge_levels(values, cases, groups, window_weeks)


def _judge_levels(values: Array, weight: Array, groups: Array, window_weeks: int) -> Judged:
    own = expected_levels(values, weight, window_weeks)
    deviation = weight * (values - own.mean)
    shift, peers = common_shift(deviation, weight, weight * own.spread[:, None] ** 2, groups)
    mean = own.mean + shift
    spread = level_scale(values, mean, weight)
    p_own, half = _level_p(values, own, weight)
    p_peers, _ = _level_p(values, Expected(mean, spread, own.history), weight)
    return Judged(
        observed=values[:, -1],
        expected=own.mean[:, -1],
        low=own.mean[:, -1] - half,
        high=own.mean[:, -1] + half,
        expected_with_peers=mean[:, -1],
        p_own=p_own,
        p_peers=_with_peers(p_peers, groups, shift, peers),
        peers=peers[:, -1],
        history=own.history,
    )


def _level_p(values: Array, expected: Expected, weight: Array) -> tuple[Array, Array]:
    """p-values of the last window, and half the width of its 95 % interval."""
    errors = (values - expected.mean) * np.sqrt(weight)
    freedom = tail_freedom(errors[:, :-1], expected.spread)
    scale = expected.spread * scale_for(freedom)
    p_value = two_sided(*level_tails(errors[:, -1], scale, freedom))
    width = special.stdtrit(freedom, 1 - TAIL) * scale
    last = np.where(weight[:, -1] > 0, weight[:, -1], np.nan)
    return p_value, width / np.sqrt(last)


def _with_peers(p_value: Array, groups: Array, shift: Array, peers: Array) -> Array:
    """A p-value only where there are peers to speak of."""
    from_peers = (groups >= 0) & (peers[:, -1] > 0) & ~np.isnan(shift[:, -1])
    return np.where(from_peers, p_value, np.nan)
