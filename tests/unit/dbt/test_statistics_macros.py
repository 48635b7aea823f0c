"""The statistical macros, rendered and run, against independent implementations."""

import math
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jinja2 import Environment
from scipy import stats  # pyright: ignore[reportMissingTypeStubs]

MACROS = Path(__file__).parents[3] / "transformations" / "macros" / "marts"
OUTCOMES = ("won", "lost", "open")

Observation = tuple[int, str]
observations = st.lists(
    st.tuples(st.integers(0, 12), st.sampled_from(OUTCOMES)), min_size=1, max_size=25
)


def macros(name: str) -> Any:
    """The macros of a file that needs nothing of dbt's."""
    return Environment().from_string((MACROS / name).read_text(encoding="utf-8")).module


def curve(sample: list[Observation]) -> dict[int, dict[str, float]]:
    """What event_curve() says of a sample, by time."""
    sql = macros("event_curve.sql").event_curve(
        "sample", ["grp"], "age", {"won": "is_won", "lost": "is_lost"}, with_variance=True
    )
    rows = ", ".join(f"(1, {age}, {how == 'won'}, {how == 'lost'})" for age, how in sample)
    with duckdb.connect() as con:
        cursor = con.execute(
            f"with sample as (from (values {rows}) as v (grp, age, is_won, is_lost)) {sql}"
        )
        names = [column[0] for column in cursor.description or []]
        found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return {row["age"]: row for row in found}


def by_weights(sample: list[Observation], horizon: int) -> float:
    """Cumulative incidence of a win by redistribution to the right.

    Every deal weighs 1 / n; an open one hands its weight on, in equal shares, to the deals that
    were watched longer. This needs no hazards, and gives the product-limit estimates (B. Efron,
    The two sample problem with censored data, 1967).
    """
    rest = sorted(sample, key=lambda one: (one[0], one[1] == "open"))
    weights = [1 / len(rest)] * len(rest)
    won = 0.0
    for i, (age, how) in enumerate(rest):
        if age > horizon:
            break
        if how == "open":
            # those censored at the same time hand on to those after, not to each other alone
            share = weights[i] / max(len(rest) - i - 1, 1)
            for j in range(i + 1, len(rest)):
                weights[j] += share
        elif how == "won":
            won += weights[i]
    return won


@settings(max_examples=60, deadline=None)
@given(observations)
@example([(10, "lost"), (20, "won"), (20, "won"), (20, "open"), (40, "lost"), (80, "won")])
@example([(5, "open")])
@example([(5, "won"), (5, "lost")])
def test_incidences_equal_redistribution_to_the_right_and_add_up(sample: list[Observation]) -> None:
    for age, row in curve(sample).items():
        assert row["won_incidence"] == pytest.approx(by_weights(sample, age), abs=1e-9)
        assert row["won_incidence"] + row["lost_incidence"] + row["survival"] == pytest.approx(1)
        assert row["at_risk_count"] == sum(other >= age for other, _ in sample)
        assert row["won_variance"] > -1e-9


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.sampled_from(OUTCOMES[:2])), min_size=2))
def test_without_censoring_an_incidence_is_a_proportion_with_its_variance(
    sample: list[Observation],
) -> None:
    count = len(sample)
    for age, row in curve(sample).items():
        share = sum(how == "won" and other <= age for other, how in sample) / count
        assert row["won_incidence"] == pytest.approx(share, abs=1e-9)
        assert row["won_variance"] == pytest.approx(share * (1 - share) / count, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 12), st.sampled_from(["won", "open"])), min_size=1, max_size=25
    )
)
def test_with_one_cause_the_curve_and_its_quantiles_are_kaplan_meiers(
    sample: list[Observation],
) -> None:
    rows = curve(sample)
    times: Any = stats.CensoredData(
        uncensored=[age for age, how in sample if how == "won"],
        right=[age for age, how in sample if how == "open"],
    )
    theirs: Any = stats.ecdf(times).sf
    for age, row in rows.items():
        assert row["survival"] == pytest.approx(float(theirs.evaluate(age)), abs=1e-9)
    wanted = [age for age in sorted(rows) if float(theirs.evaluate(age)) <= 0.5 + 1e-9]
    quantile = macros("event_curve.sql").curve_quantile("age", 0.5)
    with duckdb.connect() as con:
        values = ", ".join(f"({age}, {row['survival']!r})" for age, row in rows.items())
        found = con.execute(f"select {quantile} from (values {values}) as v (age, survival)")
        assert found.fetchone() == (wanted[0] if wanted else None,)


@settings(max_examples=100, deadline=None)
@given(st.floats(0, 40), st.floats(2, 500))
def test_p_values_and_limits_are_students(t: float, degrees: float) -> None:
    welch = macros("welch.sql")
    with duckdb.connect() as con:
        row = con.execute(
            f"select {welch.student_p_value('t', 'df')}, {welch.student_95('df')} "
            "from (select ?::double as t, ?::double as df)",
            [t, degrees],
        ).fetchone()
    assert row is not None
    assert row[0] == pytest.approx(2 * stats.t.sf(t, degrees), abs=0.004)
    limit = float(stats.t.ppf(0.975, degrees))
    assert row[1] == pytest.approx(limit, rel=0.05 if degrees < 5 else 0.01)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 50), min_size=2, max_size=12),
    st.lists(st.integers(0, 50), min_size=2, max_size=12),
)
def test_welchs_degrees_of_freedom_are_scipys(first: list[int], second: list[int]) -> None:
    v1, v2 = float(np.var(first, ddof=1)), float(np.var(second, ddof=1))
    sql = macros("welch.sql").welch_degrees_of_freedom("v1", "n1", "v2", "n2")
    with duckdb.connect() as con:
        row = con.execute(
            f"select {sql} from (select ?::double as v1, ?::bigint as n1, "
            "?::double as v2, ?::bigint as n2)",
            [v1, len(first), v2, len(second)],
        ).fetchone()
    assert row is not None
    if v1 == v2 == 0:
        assert row[0] is None
    else:
        theirs: Any = stats.ttest_ind(first, second, equal_var=False)
        assert row[0] == pytest.approx(float(theirs.df), rel=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=1, max_size=15))
def test_a_percentile_among_others_counts_ties_half(values: list[int]) -> None:
    sql = macros("peers.sql").percentile_among_others("value", ["grp"])
    with duckdb.connect() as con:
        rows = ", ".join(f"(1, {i}, {value})" for i, value in enumerate(values))
        shown = con.execute(
            f"select {sql} from (values {rows}) as v (grp, i, value) order by i"
        ).fetchall()
    for i, (percentile,) in enumerate(shown):
        others = values[:i] + values[i + 1 :]
        if not others:
            assert percentile is None
        else:
            theirs = stats.percentileofscore(others, values[i], kind="mean") / 100
            assert math.isclose(percentile, float(theirs), abs_tol=1e-9)
