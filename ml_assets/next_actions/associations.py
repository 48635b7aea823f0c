"""What went along with an action in the past: the odds of success of deals, leads or accounts for
which a rule held and whose owner did it, against those where nobody did.

Nobody drew lots over who gets a call, so this is an association, never an effect: sellers call
where they have hope. Comparing within strata (stage and type of a deal, stage and age of a lead,
segment and kind of an account) takes a part of that away, not all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from ml_assets.evaluation.metrics import Array
from ml_assets.next_actions.playbook import Rule

MINIMUM_EACH = 30
MINIMUM_SUCCESSES = 5
SMALLEST_SPREAD = 0.01


@dataclass(frozen=True)
class Association:
    """Odds of success with an action against those without it.

    Attributes:
        log_odds: within strata (Mantel and Haenszel), drawn towards none.
        raw_log_odds: as measured, before it is drawn.
        standard_error: of the raw one.
        done: snapshots after which the action was done.
        not_done: snapshots after which it was not.
        done_successes: of the first, those that succeeded.
        not_done_successes: of the second.
    """

    log_odds: float
    raw_log_odds: float
    standard_error: float
    done: int
    not_done: int
    done_successes: int
    not_done_successes: int


def measured(
    rules: Sequence[Rule],
    history: pl.DataFrame,
    horizon_days: int,
    unknown_then: frozenset[str],
) -> dict[str, Association]:
    """Associations of the rules whose action leaves a trace and that held often enough.

    A snapshot counts from its landmark on, `within_days` later: it has to be undecided then, the
    action was done before it or not, and it succeeds within `horizon_days` after it. So nobody
    is counted as untreated for having succeeded too early to be treated.

    Args:
        rules: of one kind of entity.
        history: past snapshots: entity_id, as_of_end, stratum, the signals, `decided_at`
            and `is_success` (what came of it, null while nothing has), and for each action
            `next_<action>_at`.
        horizon_days: days from the landmark within which a success counts.
        unknown_then: signals that past snapshots don't have; conditions about them are passed over.
    """
    raw: dict[str, Association] = {}
    for rule in rules:
        if rule.measured_by is None or history.is_empty():
            continue
        held = history.filter(rule.holds(unless_about=unknown_then))
        found = _association(held, rule, horizon_days)
        if found is not None:
            raw[rule.rule_code] = found
    return _drawn(raw)


def _association(held: pl.DataFrame, rule: Rule, horizon_days: int) -> Association | None:
    landmark = pl.col("as_of_end") + pl.duration(days=rule.within_days)
    known = held.with_columns(landmark=landmark).filter(
        pl.col("decided_at").is_null() | (pl.col("decided_at") >= pl.col("landmark"))
    )
    judged = known.select(
        "entity_id",
        stratum="stratum",
        done=(pl.col(f"next_{rule.measured_by}_at") < pl.col("landmark")).fill_null(False),
        success=(
            pl.col("is_success")
            & (pl.col("decided_at") < pl.col("landmark") + pl.duration(days=horizon_days))
        ).fill_null(False),
    )
    table = judged.group_by("stratum").agg(
        a=(pl.col("done") & pl.col("success")).sum().cast(pl.Float64),
        b=(pl.col("done") & ~pl.col("success")).sum().cast(pl.Float64),
        c=(~pl.col("done") & pl.col("success")).sum().cast(pl.Float64),
        d=(~pl.col("done") & ~pl.col("success")).sum().cast(pl.Float64),
    )
    a, b, c, d = (table[name].to_numpy() for name in "abcd")
    if (
        min((a + b).sum(), (c + d).sum()) < MINIMUM_EACH
        or min(a.sum(), c.sum()) < MINIMUM_SUCCESSES
    ):
        return None
    log_odds, variance = mantel_haenszel(a, b, c, d)
    if np.isnan(log_odds):
        return None
    # one deal is seen on several evenings, which are not so many independent deals
    repeated = judged.height / judged["entity_id"].n_unique()
    return Association(
        log_odds=log_odds,
        raw_log_odds=log_odds,
        standard_error=float(np.sqrt(variance * repeated)),
        done=int((a + b).sum()),
        not_done=int((c + d).sum()),
        done_successes=int(a.sum()),
        not_done_successes=int(c.sum()),
    )


def mantel_haenszel(a: Array, b: Array, c: Array, d: Array) -> tuple[float, float]:
    """Common log odds ratio of 2 x 2 tables and its variance.

    Args:
        a: treated successes of each stratum.
        b: treated failures.
        c: untreated successes.
        d: untreated failures.

    Returns:
        NaN, NaN where one of the sums is 0.

    Source: Mantel & Haenszel (1959), JNCI 22; variance of Robins, Breslow & Greenland (1986),
    Biometrics 42.
    """
    n = a + b + c + d
    use = n > 0
    a, b, c, d, n = a[use], b[use], c[use], d[use], n[use]
    r, s = a * d / n, b * c / n
    p, q = (a + d) / n, (b + c) / n
    if r.sum() == 0 or s.sum() == 0:
        return float("nan"), float("nan")
    variance = (
        (p * r).sum() / (2 * r.sum() ** 2)
        + (p * s + q * r).sum() / (2 * r.sum() * s.sum())
        + (q * s).sum() / (2 * s.sum() ** 2)
    )
    return float(np.log(r.sum() / s.sum())), float(variance)


def _drawn(raw: Mapping[str, Association]) -> dict[str, Association]:
    """Drawn towards no association, the more the less is known (a normal random effect about 0)."""
    if not raw:
        return {}
    found = list(raw.values())
    squares = np.array([one.raw_log_odds**2 - one.standard_error**2 for one in found])
    weight = np.array([1 / one.standard_error**2 for one in found])
    spread = max(float((weight * squares).sum() / weight.sum()), SMALLEST_SPREAD)
    return {
        code: Association(
            log_odds=one.raw_log_odds * spread / (spread + one.standard_error**2),
            raw_log_odds=one.raw_log_odds,
            standard_error=one.standard_error,
            done=one.done,
            not_done=one.not_done,
            done_successes=one.done_successes,
            not_done_successes=one.not_done_successes,
        )
        for code, one in raw.items()
    }
