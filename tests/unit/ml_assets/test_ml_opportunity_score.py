from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from synthetic_core import AS_OF, connect, simulate
from trained_company import Trained, train_opportunity_model

from ml_assets.evaluation import roc_auc
from ml_assets.features import Sampling, training_snapshots
from ml_assets.opportunities import (
    SCORE_SCHEMA,
    score_open_opportunities,
)
from ml_assets.opportunities.procedure import opportunity_scorer
from ml_assets.opportunities.samples import snapshot_features
from ml_assets.registry import BACKTEST_SCHEMA, REGISTRY_SCHEMA, empty_registry
from ml_assets.registry.store import read_candidate
from ml_assets.scoring import ScorerSettings


@pytest.fixture(scope="module")
def scores(with_signal: Trained) -> pl.DataFrame:
    trained = with_signal
    return score_open_opportunities(
        trained.con, AS_OF, trained.models_dir, trained.result.registry
    ).rows


def test_a_model_with_signal_is_promoted(with_signal: Trained) -> None:
    result = with_signal.result
    assert result.evaluated.is_promoted
    assert result.verdict.startswith("Promoted")
    assert result.registry_row["is_champion"].to_list() == [True]
    assert dict(result.registry_row.schema) == dict(REGISTRY_SCHEMA)
    assert result.evaluated.version.startswith("opportunity_score-20251228-")


def test_the_backtest_stands_beside_both_baselines(with_signal: Trained) -> None:
    rows = with_signal.result.evaluated.backtest_rows
    assert dict(rows.schema) == dict(BACKTEST_SCHEMA)
    of_win = rows.filter(pl.col("metric").is_in(["roc_auc", "pr_auc", "log_loss", "brier", "ece"]))
    assert of_win.height == 10
    assert set(of_win["baseline"]) == {"base_rate", "stage_rate"}
    losses = rows.filter(pl.col("metric").str.contains("log_loss|brier"))
    assert losses.height == 2 * 2 * 4  # in the end, and within 30, 60 and 90 days
    assert (losses["value"] < losses["baseline_value"]).all()


def test_right_answers_stand_beside_the_majority_s(with_signal: Trained) -> None:
    """Worked out again from the held-out predictions, row by row."""
    evaluated = with_signal.result.evaluated
    stored = read_candidate(with_signal.models_dir, "opportunity_score", evaluated.version)
    assert stored is not None
    later = stored.held_out["later_deals"]
    weight, won = later["weight"].to_numpy(), later["outcome"].to_numpy() == 1
    said_won = later["probability"].to_numpy() >= 0.5
    lost_share = weight[~won].sum() / weight.sum()
    expected = {
        "accuracy": (weight[said_won == won].sum() / weight.sum(), max(lost_share, 1 - lost_share)),
        "risk_precision": (
            weight[~said_won & ~won].sum() / weight[~said_won].sum(), lost_share
        ),
        "risk_recall": (weight[~said_won & ~won].sum() / weight[~won].sum(), 1.0),
    }  # fmt: skip
    rows = {row["metric"]: row for row in evaluated.backtest_rows.iter_rows(named=True)}
    for metric, (value, baseline_value) in expected.items():
        assert rows[metric]["value"] == pytest.approx(value)
        assert rows[metric]["baseline_value"] == pytest.approx(baseline_value)
    assert rows["accuracy"]["value"] > rows["accuracy"]["baseline_value"]


def test_a_deal_is_won_the_later_the_likelier(scores: pl.DataFrame) -> None:
    ordered = ["won_within_30d", "won_within_60d", "won_within_90d", "win_probability"]
    chances = scores.select(ordered).to_numpy()
    assert (np.diff(chances, axis=1) >= 0).all()
    assert chances.min() >= 0
    assert (chances[:, 0] < chances[:, 3]).all()


def test_what_is_won_is_won_as_soon_as_was_said(with_signal: Trained) -> None:
    """How many are won at all is the scorer's to say; here it is when, of those that are."""
    evaluated = with_signal.result.evaluated
    stored = read_candidate(with_signal.models_dir, "opportunity_score", evaluated.version)
    assert stored is not None

    def means(name: str) -> np.ndarray:
        frame = stored.held_out[name]
        weight = frame["weight"].to_numpy()
        pair = frame.select("outcome", "probability").to_numpy()
        return (pair * weight[:, None]).sum(axis=0) / weight.sum()

    for days in (30, 60, 90):
        seen, said = means(f"won_within_{days}d") / means("later_deals")
        assert said == pytest.approx(seen, abs=0.06)
        assert 0 < said < 1


def test_every_open_deal_is_scored_once(with_signal: Trained, scores: pl.DataFrame) -> None:
    is_open = with_signal.company.tables["fct_opportunity"].filter("is_open")
    assert scores["opportunity_id"].to_list() == sorted(is_open["opportunity_id"])
    assert dict(scores.schema) == dict(SCORE_SCHEMA)
    assert scores.null_count().sum_horizontal().item() == 0
    assert set(scores["as_of_date"]) == {AS_OF}
    assert set(scores["model_version"]) == {with_signal.result.evaluated.version}
    assert set(scores["data_sufficiency"]) == {"model"}


def test_expected_amount_is_probability_times_amount(
    with_signal: Trained, scores: pl.DataFrame
) -> None:
    amounts = with_signal.company.tables["fct_opportunity"].select("opportunity_id", "amount")
    joined = scores.join(amounts, on="opportunity_id")
    expected = joined["win_probability"] * joined["amount"].cast(float)
    assert (joined["expected_amount"].cast(float) - expected).abs().max() <= 0.0051  # type: ignore[operator]


def test_scores_follow_the_truth(with_signal: Trained, scores: pl.DataFrame) -> None:
    joined = scores.join(with_signal.company.truth, on="opportunity_id")
    correlation = np.corrcoef(joined["win_probability"], joined["chance"])[0, 1]
    assert correlation > 0.6
    gap = joined["win_probability"].mean() - joined["chance"].mean()  # type: ignore[operator]
    assert abs(gap) < 0.06


def test_reasons_are_json_with_name_direction_and_contribution(scores: pl.DataFrame) -> None:
    for text in scores["top_factors"]:
        reasons = json.loads(text)
        assert 1 <= len(reasons) <= 5
        for reason in reasons:
            assert set(reason) == {"name", "value", "direction", "contribution"}
            assert (reason["direction"] == "raises") == (reason["contribution"] > 0)


def test_the_cause_of_winning_is_the_main_reason(scores: pl.DataFrame) -> None:
    first = [json.loads(text)[0]["name"] for text in scores["top_factors"]]
    assert first.count("Buyer engagement") > len(first) / 2


def test_the_same_training_twice_is_equal_to_the_bit(
    with_signal: Trained, scores: pl.DataFrame, tmp_path: Path
) -> None:
    """The core tables come in another order, and nothing has been stored before."""
    tables = {name: frame.reverse() for name, frame in with_signal.company.tables.items()}
    with connect(tables) as con:
        again = train_opportunity_model(con, AS_OF, tmp_path)
        assert again.registry.equals(with_signal.result.registry)
        assert again.evaluated.backtest_rows.equals(with_signal.result.evaluated.backtest_rows)
        assert score_open_opportunities(con, AS_OF, tmp_path, again.registry).rows.equals(scores)


def test_a_training_that_has_been_done_is_not_done_again(
    with_signal: Trained, scores: pl.DataFrame
) -> None:
    """Also from an empty registry, as after the warehouse was deleted, and two days earlier."""
    folder = with_signal.models_dir / "opportunity_score" / with_signal.result.evaluated.version
    before = {file: file.stat().st_mtime_ns for file in folder.rglob("*")}
    for as_of in (AS_OF, AS_OF - timedelta(days=2)):
        again = train_opportunity_model(with_signal.con, as_of, with_signal.models_dir)
        assert {file: file.stat().st_mtime_ns for file in folder.rglob("*")} == before
        assert again.registry.equals(with_signal.result.registry)
        assert again.verdict == with_signal.result.verdict


def test_scores_for_another_day_than_the_warehouse_are_refused(with_signal: Trained) -> None:
    with pytest.raises(ValueError, match="Build the core models"):
        score_open_opportunities(
            with_signal.con, date(2025, 6, 1), with_signal.models_dir, with_signal.result.registry
        )


def test_without_signal_the_model_is_refused_and_base_rates_are_given(
    without_signal: Trained,
) -> None:
    result = without_signal.result
    assert not result.evaluated.is_promoted
    assert result.verdict.endswith("what it falls back on.")
    assert result.registry_row["is_champion"].to_list() == [False]
    scores = score_open_opportunities(
        without_signal.con, AS_OF, without_signal.models_dir, result.registry
    ).rows
    visible = without_signal.company.tables["fct_opportunity_event"]
    won = visible.filter(pl.col("new_value") == "Closed Won").height
    lost = visible.filter(pl.col("new_value") == "Closed Lost").height
    assert scores["win_probability"].unique().to_list() == [won / (won + lost)]
    assert scores["win_probability_low"][0] < won / (won + lost) < scores["win_probability_high"][0]
    assert set(scores["top_factors"]) == {"[]"}
    assert set(scores["levers"]) == {"[]"}
    assert scores["won_within_90d"].null_count() == scores.height
    assert set(scores["data_sufficiency"]) == {"no_signal: base rate"}
    assert set(scores["model_version"]) == {"base_rate"}


def test_a_refused_challenger_leaves_the_scores_to_the_champion(
    with_signal: Trained, without_signal: Trained
) -> None:
    former = with_signal.result.registry_row.with_columns(
        trained_as_of=pl.lit(AS_OF - timedelta(days=9))
    )
    result = train_opportunity_model(without_signal.con, AS_OF, without_signal.models_dir, former)
    assert "goes on." in result.verdict
    scores = score_open_opportunities(
        without_signal.con, AS_OF, with_signal.models_dir, result.registry
    ).rows
    assert set(scores["model_version"]) == {with_signal.result.evaluated.version}


def test_little_history_gives_the_base_rate_and_says_so(tmp_path: Path) -> None:
    with simulate(deals=120).connect() as con:
        result = train_opportunity_model(con, AS_OF, tmp_path)
        scores = score_open_opportunities(con, AS_OF, tmp_path, result.registry).rows
    assert "are needed" in result.verdict
    assert result.evaluated.backtest_rows.is_empty()
    assert set(scores["data_sufficiency"]) == {"insufficient_history: base rate"}


def test_an_empty_warehouse_is_scored_without_error(tmp_path: Path) -> None:
    with connect({}) as con:
        result = train_opportunity_model(con, AS_OF, tmp_path)
        scores = score_open_opportunities(con, AS_OF, tmp_path, result.registry).rows
    assert not result.evaluated.is_promoted
    assert scores.is_empty()
    assert dict(scores.schema) == dict(SCORE_SCHEMA)


def test_without_a_registered_model_the_reason_is_that_none_was_trained(
    with_signal: Trained, tmp_path: Path
) -> None:
    scores = score_open_opportunities(with_signal.con, AS_OF, tmp_path, empty_registry()).rows
    assert set(scores["data_sufficiency"]) == {"not_trained: base rate"}


def test_shuffled_labels_cannot_be_learnt(with_signal: Trained) -> None:
    """Outcomes are dealt out anew among the deals; ranking of other deals is then chance."""
    frame = snapshot_features(
        with_signal.con, training_snapshots(with_signal.con, AS_OF, Sampling())
    ).drop_nulls("is_won")
    deals = frame.select("opportunity_id", "is_won").unique().sort("opportunity_id")
    dealt = deals.with_columns(pl.col("is_won").shuffle(seed=3))
    shuffled = (
        frame.drop("is_won")
        .join(dealt, on="opportunity_id")
        .sort("opportunity_id", "as_of_date")
        .with_columns(weight=pl.lit(1.0))
    )
    train = shuffled.filter(pl.col("opportunity_id") < "demo:01200")
    test = shuffled.filter(pl.col("opportunity_id") >= "demo:01200")
    scorer = opportunity_scorer(train, "opportunity_id", ScorerSettings())
    scorer.fit(train)
    assert roc_auc(
        test["is_won"].cast(float).to_numpy(), scorer.probability(test)
    ) == pytest.approx(0.5, abs=0.04)
