"""Random numbers of the simulation: one stream per seed, calendar month and purpose.

Nothing here knows about the company. A stream never depends on how far the simulation runs, which
is what lets a later last day extend the landing zone without changing what is there.
"""

import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Array = npt.NDArray[Any]

_MONTH_OFFSET = 1_000  # warm-up months are negative; seeds must not be


def stream(seed: int, month: int, purpose: str) -> np.random.Generator:
    """The generator of one purpose in one calendar month (0 = the first month of the export)."""
    return np.random.default_rng([seed, month + _MONTH_OFFSET, zlib.crc32(purpose.encode())])


def scrambled(keys: Ints, seed: int, purpose: str) -> npt.NDArray[np.uint64]:
    """A 64-bit hash of each key (splitmix64, Steele et al. 2014), the same wherever it stands."""
    salt = (zlib.crc32(purpose.encode()) << 20) ^ (seed * 0x9E3779B1)
    x = keys.astype(np.uint64) + np.uint64(salt & 0xFFFFFFFFFFFFFFFF)
    x = (x + np.uint64(0x9E3779B97F4A7C15)) * np.uint64(1)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def chance(keys: Ints, seed: int, purpose: str) -> Floats:
    """A uniform number in [0, 1) for each key, independent of the row's place or file."""
    return (scrambled(keys, seed, purpose) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normal(keys: Ints, seed: int, purpose: str) -> Floats:
    """A standard normal number for each key (Box and Muller 1958), independent of its place."""
    radius = np.sqrt(-2.0 * np.log1p(-chance(keys, seed, purpose + " radius")))
    return radius * np.cos(2.0 * np.pi * chance(keys, seed, purpose + " angle"))


def every(numbers: Ints, rate: float, phase: int) -> Bools:
    """Systematic sampling: true for one number in round(1 / rate), beginning at `phase`.

    A rare kind of dirt thereby occurs in a small company too, which a coin toss cannot promise.
    """
    period = max(1, round(1.0 / rate))
    return (numbers % period) == (phase % period)


def counts_from(rng: np.random.Generator, expected: Floats) -> Ints:
    """Poisson counts around `expected` (same shape)."""
    return rng.poisson(np.maximum(expected, 0.0)).astype(np.int64)


def spread(counts: Ints) -> Ints:
    """Row numbers repeated `counts` times: [2, 0, 1] gives [0, 0, 2]."""
    return np.repeat(np.arange(len(counts), dtype=np.int64), counts)


def position_within(counts: Ints) -> Ints:
    """The running number inside each repetition: [2, 0, 1] gives [0, 1, 0]."""
    total = int(counts.sum())
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    return np.arange(total, dtype=np.int64) - starts
