from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.baselines import BaseRate, StageRate
from ml_assets.hashing import code_version, frame_fingerprint, stable_fraction

FRAME = pl.DataFrame({"id": ["a", "b", "c"], "x": [1.5, None, 3.0], "won": [True, False, True]})


def test_a_fingerprint_ignores_the_order_of_rows_and_columns() -> None:
    assert frame_fingerprint(FRAME) == frame_fingerprint(FRAME.reverse().select("won", "id", "x"))


@pytest.mark.parametrize(
    "other",
    [
        FRAME.head(2),
        pl.concat([FRAME, FRAME.head(1)]),
        FRAME.rename({"x": "y"}),
        FRAME.with_columns(pl.col("x") + 1e-12),
        FRAME.with_columns(pl.col("x").fill_null(0)),
        FRAME.with_columns(pl.col("won").cast(pl.Int8)),
        FRAME.with_columns(id=pl.Series(["b", "a", "c"])),
    ],
)
def test_a_fingerprint_changes_with_anything_else(other: pl.DataFrame) -> None:
    assert frame_fingerprint(other) != frame_fingerprint(FRAME)


def test_hashed_fractions_are_what_they_were_yesterday() -> None:
    assert stable_fraction(["a", "b"], "fold") == pytest.approx([0.036463, 0.434485], abs=1e-6)


@given(st.lists(st.text(), min_size=1))
def test_hashed_fractions_depend_on_the_key_alone(keys: list[str]) -> None:
    together = stable_fraction(keys, "x")
    alone = np.array([stable_fraction([key], "x")[0] for key in keys])
    assert (together == alone).all()
    assert ((together >= 0) & (together < 1)).all()


def test_code_version_is_twelve_hexadecimal_digits() -> None:
    assert len(code_version()) == 12
    int(code_version(), 16)


def test_base_rate_weighs_rows() -> None:
    frame = pl.DataFrame({"won": [True, False], "weight": [3.0, 1.0]})
    assert BaseRate.fit(frame, "won").rate == 0.5
    assert BaseRate.fit(frame, "won", weight="weight").rate == 0.75
    assert BaseRate.fit(frame.clear(), "won").rate == 0.5


def test_stage_rate_is_drawn_towards_the_base_rate_by_twenty_rows() -> None:
    # Base rate 60 of 100; Proposal: 50 of 60, drawn by 20 · 0.6 = 12 wins: 62 of 80.
    frame = pl.DataFrame(
        {
            "stage": ["Proposal"] * 60 + ["Discovery"] * 40,
            "won": [True] * 50 + [False] * 10 + [True] * 10 + [False] * 30,
        }
    )
    rates = StageRate.fit(frame, "won")
    asked = pl.DataFrame({"stage": ["Proposal", "Discovery", "Unheard of", None]})
    assert rates.probability(asked) == pytest.approx([62 / 80, 22 / 60, 0.6, 0.6])
