"""Which rows train, which calibrate, which judge: by time, and never the same group in two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_assets.hashing import stable_fraction
from ml_assets.scoring.settings import ScorerSettings

LEAST_SHARE_KEPT = 0.5
LEAST_OF_EACH = 10  # rows (or groups) of each outcome, below which nothing can be learnt
FORWARD_FOLDS, FORWARD_SHARE = 2, 0.5
LEAST_CALIBRATION = 50  # rows of each outcome that calibrate, if there are so many

Fold = tuple[NDArray[np.intp], NDArray[np.intp]]


@dataclass(frozen=True)
class FoldPlan:
    """Which rows stand in for rows that a model has not seen; group-disjoint throughout.

    Attributes:
        shuffled: (training rows, held-out rows) over all rows; each row is held out once. As good
            as all rows are these to learn from, so they tell how much the trees can bear, and what
            a score means.
        forward: the same in time order: later rows are held out from what lay before them. They
            tell which kind of model carries over to what comes. Empty without a time.
        calibrates: rows whose held-out predictions calibrate, shape (n,).
    """

    shuffled: list[Fold]
    forward: list[Fold]
    calibrates: NDArray[np.bool_]


def group_names(frame: pl.DataFrame, group: str | None) -> list[str]:
    """Each row's group as text; a row without one is a group of its own."""
    if group is None:
        return [f"row {i}" for i in range(frame.height)]
    names = frame[group].cast(pl.String).to_list()
    return [f"row {i}" if name is None else name for i, name in enumerate(names)]


def group_codes(frame: pl.DataFrame, group: str | None) -> NDArray[np.int64]:
    """Each row's group as a number that follows from the groups' names, in any order of rows.

    A row without a group is one of its own; so is every row if no group is given.
    """
    alone = np.arange(frame.height, dtype=np.int64)
    if group is None or frame.height == 0:
        return alone
    names = frame[group].cast(pl.String)
    ranks = names.rank("dense").cast(pl.Int64)
    missing = ranks.is_null().to_numpy()
    codes = ranks.fill_null(0).to_numpy().copy()
    codes[missing] = codes.max() + 1 + alone[missing]
    return codes


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


def plan_folds(
    frame: pl.DataFrame,
    outcome: NDArray[np.float64],
    groups: NDArray[np.int64],
    *,
    time: str | None,
    settings: ScorerSettings,
) -> FoldPlan:
    """Shuffled folds, and forward ones if there is a time.

    The later half of the rows is cut into blocks; each block is held out from all rows before it
    without the block's groups. Where that leaves less than half of the earlier rows or
    too few of an outcome, as where every account returns in every period, there are no forward
    folds.

    Args:
        frame: training rows.
        outcome: 0 or 1, shape (n,).
        groups: of each row, shape (n,).
        time: a column that can be ordered, a date if there is a gap.
        settings: number of folds, share that calibrates, gap, seed.
    """
    latest = _latest_with_both(frame, outcome, time, settings.calibration_share)
    return FoldPlan(
        shuffled=stratified_folds(groups, outcome, settings.folds, settings.seed),
        forward=([] if time is None else _forward_folds(frame, time, outcome, groups, settings)),
        calibrates=latest,
    )


def group_folds(groups: Sequence[str], folds: int, seed: int) -> list[Fold]:
    """Group-disjoint (train rows, held-out rows) pairs; a group's fold follows from its name."""
    fold_of = np.floor(stable_fraction(groups, f"fold {seed}") * folds).astype(np.int64)
    return [(np.flatnonzero(fold_of != k), np.flatnonzero(fold_of == k)) for k in range(folds)]


def stratified_folds(
    groups: NDArray[np.int64], outcome: NDArray[np.float64], folds: int, seed: int
) -> list[Fold]:
    """Group-disjoint folds of about as many groups each, with and without a positive.

    Args:
        groups: of each row, shape (n,).
        outcome: 0 or 1, shape (n,).
        folds: how many, at least two; fewer where groups of an outcome would not go round twice.
        seed: of the dealing out.
    """
    distinct, member_of = np.unique(groups, return_inverse=True)
    is_positive = np.zeros(len(distinct), dtype=np.bool_)
    is_positive[member_of[outcome == 1]] = True
    scarcer = min(int(is_positive.sum()), int((~is_positive).sum()))
    count = max(2, min(folds, scarcer // 2 if scarcer else folds, len(distinct)))
    shuffled = np.random.default_rng(seed).permutation(len(distinct))
    dealt = shuffled[np.argsort(is_positive[shuffled], kind="stable")]
    fold_of_group = np.empty(len(distinct), dtype=np.int64)
    fold_of_group[dealt] = np.arange(len(distinct)) % count
    fold_of = fold_of_group[member_of]
    return [(np.flatnonzero(fold_of != k), np.flatnonzero(fold_of == k)) for k in range(count)]


def drawn_groups(groups: NDArray[np.int64], rows: int, seed: int) -> NDArray[np.bool_]:
    """Whole groups drawn until they hold about so many rows, shape (n,)."""
    if len(groups) <= rows:
        return np.ones(len(groups), dtype=np.bool_)
    distinct, member_of = np.unique(groups, return_inverse=True)
    share = np.random.default_rng(seed).random(len(distinct))
    return share[member_of] < rows / len(groups)


def _latest_with_both(
    frame: pl.DataFrame, outcome: NDArray[np.float64], time: str | None, share: float
) -> NDArray[np.bool_]:
    """The latest share, or more of the rows if those hold too few of an outcome."""
    wanted = min(LEAST_CALIBRATION, int(outcome.sum()), int((1 - outcome).sum()))
    while True:
        latest = latest_rows(frame, time, share)
        if share >= 1 or _scarcer(outcome[latest]) >= wanted:
            return latest
        share = min(1.0, share + 0.125)


def _forward_folds(
    frame: pl.DataFrame,
    name: str,
    outcome: NDArray[np.float64],
    groups: NDArray[np.int64],
    settings: ScorerSettings,
) -> list[Fold]:
    time, latest = frame[name], latest_rows(frame, name, FORWARD_SHARE)
    ordered = time.filter(pl.Series(latest)).sort()
    cuts = [int(len(ordered) * k / FORWARD_FOLDS) for k in range(FORWARD_FOLDS)]
    starts = ordered.gather(cuts).unique().sort().to_list()
    gap = timedelta(days=settings.gap_days)
    folds: list[Fold] = []
    for number, start in enumerate(starts):
        held = (time >= start).to_numpy()
        if number + 1 < len(starts):
            held &= (time < starts[number + 1]).to_numpy()
        earlier = (time < (start - gap if settings.gap_days else start)).to_numpy()
        rows = earlier & ~np.isin(groups, groups[held])
        kept = rows.sum() >= LEAST_SHARE_KEPT * (time < start).sum()
        if not kept or _scarcer(outcome[rows]) < LEAST_OF_EACH or _scarcer(outcome[held]) < 1:
            return []
        folds.append((np.flatnonzero(rows), np.flatnonzero(held)))
    return folds


def _scarcer(outcome: NDArray[np.float64]) -> int:
    positives = int(outcome.sum())
    return min(positives, len(outcome) - positives)
