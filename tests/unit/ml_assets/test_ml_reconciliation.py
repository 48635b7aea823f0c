"""Children sum to their parents, whatever was forecast for each."""

from __future__ import annotations

from datetime import date
from typing import cast, get_args

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ml_assets.forecasting import (
    Hierarchy,
    Reconciler,
    reconcile_frame,
    sample_paths,
    shrunk_covariance,
)
from ml_assets.forecasting.reconciliation import Method

METHODS = cast("tuple[Method, ...]", get_args(Method))
EDGES = pl.DataFrame(
    {
        "parent": ["company", "company", "east", "east", "west", "west", "west"],
        "child": ["east", "west", "ann", "bob", "cat", "dan", "eve"],
    }
)
TREE = Hierarchy.from_edges(EDGES)
RESIDUALS = np.random.default_rng(3).normal(size=(8, 30)) * np.arange(1, 9)[:, None]


def coherent(values: np.ndarray) -> None:
    """Checks, name by name and without the summing matrix, that the edges add up."""
    at = dict(zip(TREE.nodes, values, strict=True))
    size = 1e-9 * (1 + np.abs(values).max())
    assert np.allclose(at["east"], at["ann"] + at["bob"], atol=size)
    assert np.allclose(at["west"], at["cat"] + at["dan"] + at["eve"], atol=size)
    assert np.allclose(at["company"], at["east"] + at["west"], atol=size)


def test_the_summing_matrix_follows_the_edges() -> None:
    assert TREE.nodes == ("company", "east", "west", "ann", "bob", "cat", "dan", "eve")
    assert TREE.summing[:3].tolist() == [[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [0, 0, 1, 1, 1]]
    assert (TREE.summing[3:] == np.eye(5)).all()


def test_a_leaf_that_is_reached_in_two_ways_counts_once() -> None:
    crossed = Hierarchy.from_edges(
        pl.DataFrame(
            {
                "parent": ["all", "all", "all", "north", "south", "new", "new", None],
                "child": ["north", "south", "new", "n1", "s1", "n1", "s1", "alone"],
            }
        )
    )
    row = dict(zip(crossed.nodes, crossed.summing.tolist(), strict=True))
    assert crossed.leaves == ("alone", "n1", "s1")
    assert row["all"] == row["new"] == [0, 1, 1]


def test_a_circle_is_named() -> None:
    with pytest.raises(ValueError, match="a → b → a"):
        Hierarchy.from_edges(pl.DataFrame({"parent": ["a", "b"], "child": ["b", "a"]}))


def test_ols_on_one_parent_with_two_children_as_worked_out_by_hand() -> None:
    # The surplus 10 - (3 + 4) = 3 is spread in equal thirds: over both children, off the parent.
    tree = Hierarchy.from_edges(pl.DataFrame({"parent": ["t", "t"], "child": ["a", "b"]}))
    assert Reconciler(tree, "ols").reconcile(np.array([10.0, 3, 4])) == pytest.approx([9, 4, 5])
    # By structure the parent's weight is a half: each child takes 3 / (2 + 2).
    structural = Reconciler(tree, "wls_struct").reconcile(np.array([10.0, 3, 4]))
    assert structural == pytest.approx([8.5, 3.75, 4.75])
    bottom_up = Reconciler(tree, "bottom_up").reconcile(np.array([10.0, 3, 4]))
    assert bottom_up == pytest.approx([7, 3, 4])


def test_mint_trusts_the_node_whose_errors_were_small() -> None:
    tree = Hierarchy.from_edges(pl.DataFrame({"parent": ["t", "t"], "child": ["a", "b"]}))
    errors = np.random.default_rng(5).normal(size=(3, 2000)) * np.array([[0.01], [1.0], [2.0]])
    total, a, b = Reconciler(tree, "mint_shrink", residuals=errors).reconcile(
        np.array([10.0, 3, 4])
    )
    # The parent hardly moves; the children take the surplus of 3 in the ratio of variances 1 : 4.
    assert total == pytest.approx(10, abs=0.01)
    assert (a, b) == (pytest.approx(3.6, abs=0.1), pytest.approx(6.4, abs=0.1))


def test_reconciled_non_negative_values_are_the_best_non_negative_ones() -> None:
    tree = Hierarchy.from_edges(pl.DataFrame({"parent": ["t", "t"], "child": ["a", "b"]}))
    # Unconstrained b is -2.67; at b = 0 the least squares of (2 - a)² + (5 - a)² is a = 3.5.
    values = Reconciler(tree, "ols", nonnegative=True).reconcile(np.array([2.0, 5, -3]))
    assert values == pytest.approx([3.5, 3.5, 0])


numbers = st.floats(-1e6, 1e6, allow_subnormal=False)


@settings(deadline=None, max_examples=25)
@given(arrays(np.float64, (8, 3), elements=numbers), st.sampled_from(METHODS), st.booleans())
def test_children_sum_to_parents(forecasts: np.ndarray, method: Method, nonnegative: bool) -> None:
    reconciler = Reconciler(TREE, method, residuals=RESIDUALS, nonnegative=nonnegative)
    values = reconciler.reconcile(forecasts)
    coherent(values)
    if nonnegative:
        assert (values >= 0).all()
    assert np.allclose(reconciler.reconcile(values), values, atol=1e-6 * (1 + np.abs(values).max()))


@settings(deadline=None, max_examples=25)
@given(arrays(np.float64, (8, 5), elements=numbers), st.sampled_from(METHODS))
def test_quantiles_sum_and_do_not_cross(quantiles: np.ndarray, method: Method) -> None:
    reconciler = Reconciler(TREE, method, residuals=RESIDUALS)
    values = reconciler.reconcile_quantiles(np.sort(quantiles, axis=1))
    coherent(values)
    assert (np.diff(values, axis=1) >= -1e-6).all()


@settings(deadline=None, max_examples=25)
@given(st.permutations(range(7)))
def test_the_order_of_edges_does_not_matter(order: list[int]) -> None:
    shuffled = Hierarchy.from_edges(EDGES[order])
    assert shuffled.nodes == TREE.nodes
    assert (shuffled.summing == TREE.summing).all()


def test_drawn_paths_have_the_given_quantiles_and_the_errors_dependence() -> None:
    probabilities = [0.1, 0.5, 0.9]
    quantiles = np.array([[10.0, 20, 40], [1, 2, 3]])
    together = np.array([[1.0, 2, 3, 4], [10, 20, 30, 40]])
    paths = sample_paths(quantiles, probabilities, draws=1000, seed=1, errors=together)
    drawn = np.quantile(paths, probabilities, axis=1).T
    assert drawn == pytest.approx(quantiles, rel=0.01)
    assert np.corrcoef(paths)[0, 1] > 0.95
    alone = sample_paths(quantiles, probabilities, draws=1000, seed=1)
    assert abs(np.corrcoef(alone)[0, 1]) < 0.1
    opposite = sample_paths(
        quantiles, probabilities, draws=1000, seed=1, errors=together * np.array([[1], [-1]])
    )
    assert np.corrcoef(opposite)[0, 1] < -0.8


def test_a_covariance_of_few_errors_can_still_be_inverted() -> None:
    few = np.random.default_rng(1).normal(size=(8, 3))
    few[2] = 0
    assert np.linalg.eigvalsh(shrunk_covariance(few)).min() > 0
    assert (shrunk_covariance(np.zeros((2, 3))) == np.eye(2)).all()


def test_a_long_frame_comes_back_coherent_in_mean_and_bounds() -> None:
    rng = np.random.default_rng(11)
    days = [date(2025, 1, 1), date(2025, 2, 1)]
    frame = pl.DataFrame(
        [
            {"unique_id": node, "ds": day, "mean": m, "lo-80": m - 2, "hi-80": m + 3}
            for day in days
            for node, m in zip(TREE.nodes, rng.uniform(5, 9, 8), strict=True)
        ]
    )
    result = reconcile_frame(frame.sample(fraction=1, shuffle=True, seed=2), Reconciler(TREE))
    assert result.columns == frame.columns
    for day in days:
        one = result.filter(pl.col("ds") == day)
        assert one["unique_id"].to_list() == list(TREE.nodes)
        coherent(one.select("mean", "lo-80", "hi-80").to_numpy())
    with pytest.raises(ValueError, match="lacks a period"):
        reconcile_frame(frame.head(15), Reconciler(TREE))


def test_errors_say_what_to_do() -> None:
    with pytest.raises(ValueError, match="choose wls_struct"):
        Reconciler(TREE, "mint_shrink")
    with pytest.raises(ValueError, match="one row per node"):
        Reconciler(TREE).reconcile(np.ones(3))
