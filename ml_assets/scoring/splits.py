"""Which rows train, which calibrate, which judge: by time, and never the same group in two."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_assets.hashing import stable_fraction

LEAST_SHARE_KEPT = 0.5


def group_names(frame: pl.DataFrame, group: str | None) -> list[str]:
    """Each row's group as text; a row without one is a group of its own."""
    if group is None:
        return [f"row {i}" for i in range(frame.height)]
    names = frame[group].cast(pl.String).to_list()
    return [f"row {i}" if name is None else name for i, name in enumerate(names)]


def without_shared_groups(
    earlier: pl.DataFrame, later: pl.DataFrame, group: str | None
) -> pl.DataFrame:
    """The earlier rows whose group does not occur among the later ones."""
    if group is None:
        return earlier
    shared = later[group].drop_nulls().unique()
    return earlier.filter(~pl.col(group).is_in(shared.implode()).fill_null(False))


def choose_group(earlier: pl.DataFrame, later: pl.DataFrame, groups: Sequence[str]) -> str:
    """The first (coarsest) grouping that leaves at least half of the earlier rows, else the last.

    A company that sells to a few accounts again and again has every account in every period;
    keeping accounts apart would leave nothing to learn from.
    """
    for group in groups[:-1]:
        kept = without_shared_groups(earlier, later, group).height
        if earlier.height and kept / earlier.height >= LEAST_SHARE_KEPT:
            return group
    return groups[-1]


def latest_rows(frame: pl.DataFrame, time: str | None, share: float) -> NDArray[np.bool_]:
    """Which rows are among the latest `share` by `time` (all, without a time), shape (rows,)."""
    if time is None or frame.height == 0:
        return np.ones(frame.height, dtype=np.bool_)
    first = min(frame.height - 1, int(frame.height * (1 - share)))
    return (frame[time] >= frame[time].sort()[first]).to_numpy()


def group_folds(
    groups: Sequence[str], folds: int, seed: int
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Group-disjoint (train rows, held-out rows) pairs, independent of the order of rows."""
    fold_of = np.floor(stable_fraction(groups, f"fold {seed}") * folds).astype(np.int64)
    return [(np.flatnonzero(fold_of != k), np.flatnonzero(fold_of == k)) for k in range(folds)]
