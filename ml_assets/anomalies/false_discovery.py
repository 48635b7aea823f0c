"""How many of many findings may be chance: Benjamini and Hochberg's q-values."""

from __future__ import annotations

import numpy as np

from ml_assets.evaluation.metrics import Array


def q_values(p_values: Array) -> Array:
    """The smallest false discovery rate at which each test would count as a finding.

    Args:
        p_values: of all tests made, shape (n,), none missing.

    Returns:
        Shape (n,), in the order of the tests; at least the p-value, at most 1. Calling everything
        with q ≤ 0.05 a finding keeps the expected share of false ones at 5 % where tests are
        independent or positively dependent.

    Source: Benjamini & Hochberg (1995), Controlling the false discovery rate, JRSS B 57; adjusted
    values as in Yekutieli & Benjamini (1999).
    """
    count = len(p_values)
    if count == 0:
        return np.empty(0)
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * count / np.arange(1, count + 1)
    adjusted = np.empty(count)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted
