"""Columns that a model must not learn from: without content, or knowing the outcome.

A column is suspected of a leak if it ranks the outcomes almost perfectly by itself, if it is filled
for one outcome only, or if it is filled for decided rows only. What is suspected is named with its
reason, so that a person can overrule it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_assets.evaluation.metrics import roc_area
from ml_assets.scoring.encoding import FrameEncoder
from ml_assets.scoring.splits import drawn_groups, stratified_folds

Array = NDArray[np.float64]
LeakKind = Literal["explains_alone", "filled_for_one_outcome", "filled_when_decided"]

SCREENED_ROWS = 20_000
BINS = 24
PRIOR_ROWS = 1.0
ONE_SIDED_95 = 1.645
LEAST_RUNNING_NUMBERS = 50
LEAST_FILLED_SHARE = 0.05
MOST_FILLED_ELSEWHERE = 0.02  # of the share that is filled where it is filled
LEAST_EXPECTED = 12.0  # none of so many expected: six in a million by chance


@dataclass(frozen=True)
class SuspectedLeak:
    """A column that seems to know the outcome.

    Attributes:
        column: its name.
        kind: what raised the suspicion.
        reason: in words, with figures.
        is_used: whether the model learnt from it all the same, because it was allowed to.
    """

    column: str
    kind: LeakKind
    reason: str
    is_used: bool


def columns_without_content(
    frame: pl.DataFrame, names: Sequence[str], min_category_rows: int
) -> dict[str, str]:
    """Columns that can't tell rows apart, or nothing but apart, each with the reason in words."""
    reasons: dict[str, str] = {}
    for name in names:
        reason = _emptiness(frame[name], min_category_rows)
        if reason is not None:
            reasons[name] = reason
    return reasons


def suspected_leaks(
    frame: pl.DataFrame,
    target: str,
    names: Sequence[str],
    *,
    groups: NDArray[np.int64],
    max_auc: float,
    min_category_rows: int,
    seed: int,
    allow: Collection[str] = (),
) -> list[SuspectedLeak]:
    """Columns that seem to know the outcome, in the order of `names`.

    Args:
        frame: all rows, also those whose outcome (`target`, Float64, null if unknown) is open.
        target: the outcome's column.
        names: columns to look at.
        groups: of each row; rows of a group count once, as far as evidence is concerned.
        max_auc: the held-out ROC-AUC that one column alone may reach.
        min_category_rows: categories with fewer rows don't count.
        seed: of the halves that check each other.
        allow: columns that are used even if they are suspected.
    """
    is_known = frame[target].is_not_null().to_numpy()
    known, known_groups = frame.filter(is_known), groups[is_known]
    outcome = known[target].to_numpy()
    drawn = drawn_groups(known_groups, SCREENED_ROWS, seed)
    sample, sample_outcome = known.filter(drawn), outcome[drawn]
    encoder = FrameEncoder.fit(known, names, min_category_rows)
    halves = stratified_folds(known_groups[drawn], sample_outcome, 2, seed)
    effective = _scarcer_groups(known_groups[drawn], sample_outcome)
    categories = set(encoder.category_positions)
    matrix = encoder.transform(sample)
    undecided = frame.filter(~is_known)
    # A group's rows often have one value: evidence is counted in groups.
    per_row = len(np.unique(groups)) / max(len(groups), 1)
    leaks: list[SuspectedLeak] = []
    for position, name in enumerate(names):
        suspicion = _filled_by_outcome(_filled(known[name]), outcome, per_row)
        if suspicion is None and undecided.height:
            suspicion = _filled_when_decided(
                _filled(known[name]), _filled(undecided[name]), per_row
            )
        if suspicion is None:
            suspicion = _explains_alone(
                matrix[:, position], sample_outcome, halves, position in categories, max_auc,
                effective,
            )  # fmt: skip
        if suspicion is not None:
            leaks.append(SuspectedLeak(name, *suspicion, is_used=name in allow))
    return leaks


def _emptiness(series: pl.Series, min_category_rows: int) -> str | None:
    known = series.drop_nulls()
    if series.dtype.is_float():
        known = known.drop_nans()
    if known.is_empty():
        return "It has no values."
    distinct = known.n_unique()
    if distinct == 1 and len(known) == len(series):
        return "All rows have the same value."
    if isinstance(series.dtype, (pl.String, pl.Categorical, pl.Enum)):
        most = known.cast(pl.String).value_counts(name="row_count")["row_count"].max()
        if isinstance(most, int) and most < min_category_rows:
            return (
                f"None of its {distinct:,} values occurs in {min_category_rows} rows: these are "
                "identifiers or free text."
            )
    elif series.dtype.is_integer() and distinct == len(series) >= LEAST_RUNNING_NUMBERS:
        least, greatest = known.min(), known.max()
        if isinstance(least, int) and isinstance(greatest, int) and greatest - least < distinct:
            return "It is a running number, different in each row."
    return None


def _filled(series: pl.Series) -> NDArray[np.bool_]:
    filled = series.is_not_null()
    if series.dtype.is_float():
        filled &= series.is_not_nan().fill_null(False)
    elif series.dtype == pl.String:
        filled &= (series.str.strip_chars() != "").fill_null(False)
    return filled.to_numpy()


def _filled_by_outcome(
    filled: NDArray[np.bool_], outcome: Array, per_row: float
) -> tuple[LeakKind, str] | None:
    positive = outcome == 1
    often, seldom = float(filled[positive].mean()), float(filled[~positive].mean())
    other_rows, other = int((~positive).sum()), "negative"
    if often < seldom:
        often, seldom, other_rows, other = seldom, often, int(positive.sum()), "positive"
    expected = float(filled.mean()) * other_rows * per_row
    if not _is_telling(often, seldom, expected):
        return None
    one = "positive" if other == "negative" else "negative"
    return "filled_for_one_outcome", (
        f"It is filled in {often:.1%} of the rows with a {one} outcome and in {seldom:.1%} of "
        f"those with a {other} one: it seems to be filled with or after the outcome."
    )


def _filled_when_decided(
    decided: NDArray[np.bool_], undecided: NDArray[np.bool_], per_row: float
) -> tuple[LeakKind, str] | None:
    often, seldom = float(decided.mean()), float(undecided.mean())
    if not _is_telling(often, seldom, often * len(undecided) * per_row):
        return None
    return "filled_when_decided", (
        f"It is filled in {often:.1%} of the rows with a known outcome and in {seldom:.1%} of "
        "those without: it seems to be filled after the outcome, and rows to score won't have it."
    )


def _is_telling(often: float, seldom: float, expected: float) -> bool:
    return (
        often >= LEAST_FILLED_SHARE
        and seldom <= MOST_FILLED_ELSEWHERE * often
        and expected >= LEAST_EXPECTED
    )


def _explains_alone(
    values: Array,
    outcome: Array,
    halves: Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]],
    is_category: bool,
    max_auc: float,
    effective: tuple[int, int],
) -> tuple[LeakKind, str] | None:
    bins = _bins(values, is_category)
    count = int(bins.max()) + 1
    everyone = np.arange(len(outcome))
    if _auc_of_bins(bins, outcome, everyone, everyone, count) <= max_auc:
        return None
    aucs = [_auc_of_bins(bins, outcome, learn, judge, count) for learn, judge in halves]
    auc = float(np.mean(aucs))
    if np.isnan(auc) or auc <= max_auc:
        return None
    if auc - ONE_SIDED_95 * _hanley_mcneil(auc, *effective) <= max_auc - 0.05:
        return None
    return "explains_alone", (
        f"By itself it ranks held-out rows with a ROC-AUC of {auc:.3f}, above {max_auc:.2f}: it "
        "seems to know the outcome."
    )


def _bins(values: Array, is_category: bool) -> NDArray[np.int64]:
    """A number's value if there are few, else its quantile; missing values are the last bin."""
    missing = np.isnan(values)
    known = values[~missing]
    if len(known) == 0:
        return np.zeros(len(values), dtype=np.int64)
    if is_category:
        bins = np.where(missing, known.max() + 1, values).astype(np.int64)
    else:
        cuts = np.unique(np.quantile(known, np.arange(1, BINS) / BINS))
        # Both sides of a cut: a value that many rows share, such as 0, has a bin of its own.
        bins = np.searchsorted(cuts, values, side="left") + np.searchsorted(
            cuts, values, side="right"
        )
        bins = np.where(missing, 2 * len(cuts) + 1, bins)
    return bins


def _auc_of_bins(
    bins: NDArray[np.int64],
    outcome: Array,
    learn: NDArray[np.intp],
    judge: NDArray[np.intp],
    count: int,
) -> float:
    """ROC-AUC on the judging rows of the positive rate that the bins have in the learning rows."""
    positives = np.bincount(bins[learn], outcome[learn], minlength=count)
    everything = np.bincount(bins[learn], minlength=count)
    rate = (positives + PRIOR_ROWS * outcome[learn].mean()) / (everything + PRIOR_ROWS)
    distinct, position = np.unique(rate, return_inverse=True)
    of_bins = [
        np.bincount(bins[judge], weight, minlength=count)
        for weight in (outcome[judge], 1 - outcome[judge])
    ]
    ranked = [np.bincount(position, part, minlength=len(distinct)) for part in of_bins]
    return roc_area(ranked[0].astype(np.float64), ranked[1].astype(np.float64))


def _scarcer_groups(groups: NDArray[np.int64], outcome: Array) -> tuple[int, int]:
    return len(np.unique(groups[outcome == 1])), len(np.unique(groups[outcome == 0]))


def _hanley_mcneil(auc: float, positives: int, negatives: int) -> float:
    """Standard error of a ROC-AUC (Hanley & McNeil 1982)."""
    q1, q2 = auc / (2 - auc), 2 * auc * auc / (1 + auc)
    variance = (
        auc * (1 - auc) + (positives - 1) * (q1 - auc * auc) + (negatives - 1) * (q2 - auc * auc)
    ) / (positives * negatives)
    return sqrt(max(variance, 0.0))
