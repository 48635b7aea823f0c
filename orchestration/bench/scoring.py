"""Scoring a frame of one's own: training, and reasons for every row, beside row-by-row SHAP."""

from __future__ import annotations

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import polars as pl

from ml_assets.scoring import BinaryScorer
from ml_assets.scoring.encoding import FrameEncoder
from orchestration.bench.measuring import Bench, Case

MANY = 1_000_000
SOME = 20_000
TRAINING_ROWS = 100_000
TARGET = "bought"
SEED = 7


@dataclass(frozen=True)
class _Trained:
    scorer: BinaryScorer
    encoder: FrameEncoder
    booster: lgb.Booster
    rows: pl.DataFrame


def customers(rows: int, seed: int) -> pl.DataFrame:
    """Twenty columns of every kind with gaps; five of them and an interaction drive the outcome."""
    rng = np.random.default_rng(seed)
    normal = rng.normal(size=(rows, 12))
    segment = rng.integers(0, 30, rows)
    log_odds = (
        normal[:, 0]
        + 0.7 * normal[:, 1] * normal[:, 2]
        + np.sin(2 * normal[:, 3])
        + 0.4 * (segment % 7 == 2)
        - 2
    )
    return pl.DataFrame(
        {
            **{
                f"number_{i}": np.where(rng.random(rows) < 0.05, np.nan, normal[:, i])
                for i in range(9)
            },
            **{f"amount_{i}": np.exp(normal[:, i]) for i in range(9, 12)},
            "segment": pl.Series(segment).cast(pl.String),
            "region": pl.Series(rng.integers(0, 8, rows)).cast(pl.String),
            "is_member": rng.random(rows) < 0.4,
            "since": pl.Series(rng.integers(15_000, 20_000, rows)).cast(pl.Date),
            "orders": rng.poisson(3, rows),
            "visits": rng.poisson(1, rows),
            "calls": rng.poisson(0.5, rows),
            TARGET: rng.random(rows) < 1 / (1 + np.exp(-log_odds)),
        }
    )


def _trained(_: Bench, rows: int) -> _Trained:
    known = customers(TRAINING_ROWS, SEED)
    scorer = BinaryScorer(TARGET)
    features = list(scorer.fit(known).features)
    encoder = FrameEncoder.fit(known, features, scorer.settings.min_category_rows)
    booster = lgb.train(
        {"objective": "binary", "num_leaves": 16, "num_threads": 1, "verbosity": -1},
        lgb.Dataset(encoder.transform(known), known[TARGET].to_numpy()),
        num_boost_round=100,
    )
    return _Trained(scorer, encoder, booster, customers(rows, SEED + 1))


def _with_reasons(trained: _Trained) -> int:
    return trained.scorer.predict(trained.rows).height


def _row_by_row(trained: _Trained) -> int:
    """LightGBM's own SHAP values, and a list of reasons made for each row in turn."""
    matrix = trained.encoder.transform(trained.rows)
    parts = np.asarray(trained.booster.predict(matrix, pred_contrib=True, num_threads=1))
    names = trained.encoder.names
    reasons: list[list[dict[str, object]]] = []
    for row, of_row in zip(trained.rows.iter_rows(named=True), parts, strict=True):
        strongest = np.argsort(-np.abs(of_row[:-1]))[:5]
        reasons.append(
            [
                {"name": names[i], "value": str(row[names[i]]), "contribution": float(of_row[i])}
                for i in strongest
            ]
        )
    return len(reasons)


def _fit(known: pl.DataFrame) -> int:
    return BinaryScorer(TARGET).fit(known).training_rows


CASES = (
    Case(
        "reasons",
        f"{SOME:,} rows with probability, interval and five reasons each",
        lambda bench: _trained(bench, SOME),
        _with_reasons,
        "SHAP values and reasons row by row",
        _row_by_row,
        rounds=2,
    ),
    Case(
        "million",
        "a million rows with probability, interval and five reasons each",
        lambda bench: _trained(bench, MANY),
        _with_reasons,
        rounds=1,
    ),
    Case(
        "training",
        "training on a million rows: tuned trees, a linear rival, calibration",
        lambda _: customers(MANY, SEED),
        _fit,
        rounds=1,
    ),
)
