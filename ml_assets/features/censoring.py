"""What to do about outcomes that are not known yet.

At any clock, deals that were decided fast are known and slow ones are still open. Taken as they
are, the known ones would teach that young deals are decided quickly, and with what result fast
deals have. So each known row stands for the rows like it that could not have been known: its weight
is 1 ÷ the share of rows that have been followed for at least as long as it took to decide it
(inverse probability of censoring). Censoring is administrative, the clock alone decides it, so that
share needs no model.

Source: Robins & Finkelstein (2000); Vock et al. (2016), "Adapting machine learning techniques to
censored time-to-event health record data".
"""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

Days = NDArray[np.int64]


def observation_weights(
    decided_after: Days, followed_for: Days, most: float
) -> NDArray[np.float64]:
    """Weight of each decided row.

    Args:
        decided_after: days from a decided row's date to its decision, shape (n,).
        followed_for: days from each sampled row's date to the clock, decided or not, shape (m,);
            it includes the decided ones.
        most: no weight exceeds this, so that a few slow deals don't rule.

    Returns:
        Weights ≥ 1, shape (n,).
    """
    ascending = np.sort(followed_for)
    followed = len(ascending) - np.searchsorted(ascending, decided_after, side="left")
    return np.minimum(len(ascending) / np.maximum(followed, 1), most)


def kaplan_meier_quantile(days: Days, decided: NDArray[np.bool_], share: float) -> int | None:
    """First day by which at least `share` have been decided, censoring allowed for.

    Args:
        days: follow-up of each row in days, shape (n,).
        decided: whether the row was decided then (true) or is only known to be open (false).
        share: fraction of rows to be decided.

    Returns:
        The day, or None when the curve never gets there.
    """
    moments, position = np.unique(days, return_inverse=True)
    events = np.bincount(position, decided.astype(np.float64)).astype(np.float64)
    leaving = np.bincount(position).astype(np.float64)
    at_risk = leaving.sum() - (np.cumsum(leaving) - leaving)
    undecided = np.asarray(np.multiply.accumulate(1 - events / at_risk), dtype=np.float64)
    reached = np.flatnonzero(undecided <= 1 - share + 1e-12)
    return int(moments[reached[0]]) if len(reached) else None


def days_between(earlier: pl.Series, later: pl.Series | date) -> Days:
    """Whole days from dates to dates (or to one day), shape (n,)."""
    return (later - earlier).dt.total_days().to_numpy()
