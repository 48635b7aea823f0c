"""Finding the maximum of a smooth likelihood, the same on every run."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]

Array = NDArray[np.float64]

FURTHEST = 12.0
SOFT_PRIOR = 1e-7


def most_likely(mean_log_likelihood: Callable[[Array], tuple[float, Array]], start: Array) -> Array:
    """Parameters that maximise a mean log-likelihood, as logarithms.

    A very weak pull of the logarithms to 0 (1e-7 a unit²) keeps the optimum finite where the data
    do not, for example when nobody ever leaves; they stay within 12 of 0.

    Args:
        mean_log_likelihood: logarithms of the parameters, shape (k,) → value and gradient by them.
        start: where to begin, shape (k,).
    """

    def loss(theta: Array) -> tuple[float, Array]:
        value, gradient = mean_log_likelihood(theta)
        return -value + SOFT_PRIOR * float(theta @ theta), -gradient + 2 * SOFT_PRIOR * theta

    found = minimize(  # pyright: ignore[reportUnknownVariableType]
        loss,
        np.clip(start, -FURTHEST, FURTHEST),
        jac=True,
        method="L-BFGS-B",
        bounds=[(-FURTHEST, FURTHEST)] * len(start),
        options={"maxiter": 500, "ftol": 1e-13, "gtol": 1e-9},
    )
    return np.asarray(found.x, dtype=np.float64)  # pyright: ignore[reportUnknownArgumentType]
