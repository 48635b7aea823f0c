"""From a probability of conversion to a score from 0 to 100 and a call.

The score is one fixed, increasing function of the probability, the same for every company and every
model, so that a score means the same everywhere:

| probability | 0 % | 10 % | 35 % | 100 % |
|---|---|---|---|---|
| score | 0 | 40 | 70 | 100 |

with straight lines between. 70 stands for 35 % where more than 30 % are promised: few leads are so
likely to convert, what calibrates them is few too, and the promise has to hold on later leads. A
company that converts few leads gets low scores, and few or no calls to qualify: the score says how
likely a conversion is, not who is first in line; the rank does.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_assets.leads.settings import DISQUALIFY_BELOW, QUALIFY_ABOVE

KNOTS = ((0.0, 0.0), (0.10, DISQUALIFY_BELOW), (0.35, QUALIFY_ABOVE), (1.0, 100.0))
DECIMALS = 2

QUALIFY, NURTURE, DISQUALIFY = "qualify", "nurture", "disqualify"


def lead_score(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores from 0 to 100, to two decimals, shape (n,)."""
    probabilities, scores = zip(*KNOTS, strict=True)
    return np.round(np.interp(probability, probabilities, scores), DECIMALS)


def qualification(score: pl.Expr) -> pl.Expr:
    """The call that a score stands for: above 70 qualify, below 40 disqualify, else nurture; null
    where there is no score."""
    return (
        pl.when(score.is_null())
        .then(pl.lit(None, dtype=pl.String))
        .when(score > QUALIFY_ABOVE)
        .then(pl.lit(QUALIFY))
        .when(score < DISQUALIFY_BELOW)
        .then(pl.lit(DISQUALIFY))
        .otherwise(pl.lit(NURTURE))
    )
