from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.evaluation import ScoreReport, score_report
from ml_assets.registry import (
    PromotionRule,
    StoredModel,
    champion_as_of,
    decide,
    empty_backtest,
    empty_registry,
    load_model,
    model_version,
    store_model,
    training_clock,
    with_registered,
)
from ml_assets.registry.store import load_scorer
from ml_assets.registry.tables import BACKTEST_SCHEMA, REGISTRY_SCHEMA

NAME = "opportunity_score"
RULE = PromotionRule()


def row(version: str, trained: date, decision: str = "promoted", **more: Any) -> pl.DataFrame:
    content = {
        "model_version": version, "model_name": NAME, "trained_as_of": trained,
        "data_fingerprint": "f", "code_version": "c", "seed": 1, "parameters": "{}",
        "metrics": "{}", "feature_schema": "{}", "is_champion": decision == "promoted",
        "promotion_decision": decision, "promotion_reason": "because",
    }  # fmt: skip
    return pl.DataFrame([content | more], schema=REGISTRY_SCHEMA)


def report(strength: float, deals: int = 600, seed: int = 1) -> ScoreReport:
    """A calibrated model whose log-odds spread by `strength` around a base rate of a half."""
    rng = np.random.default_rng(seed)
    chance = 1 / (1 + np.exp(-strength * rng.normal(size=deals)))
    outcome = (rng.random(deals) < chance).astype(float)
    half = np.full(deals, 0.5)
    return score_report(
        outcome, chance, baselines={"base_rate": half, "stage_rate": half},
        groups=[str(i) for i in range(deals)], seed=1,
    )  # fmt: skip


def test_a_model_that_beats_both_baselines_is_promoted() -> None:
    decision = decide(report(1.2), RULE)
    assert decision.is_promoted
    assert decision.reason.startswith("Promoted: it removes ")


def test_a_model_without_signal_is_refused() -> None:
    assert decide(report(0.0), RULE).code == "no_signal"


def test_a_real_gain_that_is_too_small_to_act_on_is_refused() -> None:
    decision = decide(report(0.3, deals=6_000), RULE)
    assert decision.code == "no_signal"
    assert "least worth acting on" in decision.reason


def test_a_gain_that_may_be_chance_is_refused() -> None:
    decision = decide(report(0.5, deals=130), RULE)
    assert decision.code == "no_signal"


def test_a_model_that_is_too_good_is_suspected_of_a_leak() -> None:
    assert decide(report(12.0), RULE).code == "leak_suspected"


def test_too_few_deals_of_one_outcome_are_no_test() -> None:
    short = replace(report(1.2), positive_group_count=RULE.min_test_groups - 1)
    decision = decide(short, RULE)
    assert decision.code == "insufficient_history"
    assert "49 won" in decision.reason


def test_a_model_must_beat_every_baseline() -> None:
    good = report(1.2)
    own = good.metrics["log_loss"].value
    rng = np.random.default_rng(1)
    chance = 1 / (1 + np.exp(-1.2 * rng.normal(size=600)))
    outcome = (rng.random(600) < chance).astype(float)
    rival = score_report(
        outcome, chance, baselines={"base_rate": np.full(600, 0.5), "stage_rate": chance},
        groups=[str(i) for i in range(600)], seed=1,
    )  # fmt: skip
    assert rival.metrics["log_loss"].value == own
    decision = decide(rival, RULE)
    assert decision.code == "no_signal"
    assert "stage rate" in decision.reason


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)))
def test_training_days_are_sundays(as_of: date) -> None:
    clock = training_clock(as_of, 7)
    assert clock.isoweekday() == 7
    assert 0 <= (as_of - clock).days < 7


def test_training_every_no_days_is_refused() -> None:
    with pytest.raises(ValueError, match="every 1 or more"):
        training_clock(date(2025, 1, 1), 0)


def test_a_version_follows_from_what_the_model_is_made_of() -> None:
    made_of: dict[str, Any] = {
        "data_fingerprint": "f", "code_version": "c", "seed": 1, "parameters": {"a": 1},
    }  # fmt: skip
    version = model_version(NAME, date(2026, 3, 29), **made_of)
    assert version == model_version(NAME, date(2026, 3, 29), **made_of)
    assert version.startswith("opportunity_score-20260329-")
    for name, other in (
        ("data_fingerprint", "g"), ("code_version", "d"), ("seed", 2), ("parameters", {"a": 2}),
    ):  # fmt: skip
        assert version != model_version(NAME, date(2026, 3, 29), **(made_of | {name: other}))


def test_the_champion_is_the_latest_promoted_model_of_the_day() -> None:
    registry = empty_registry()
    for new in (
        row("a", date(2026, 1, 4)),
        row("b", date(2026, 1, 11), "refused"),
        row("c", date(2026, 1, 18)),
    ):
        registry = with_registered(registry, new, date(2026, 1, 31))
    assert champion_as_of(registry, NAME, date(2026, 1, 3), "{}") is None
    assert champion_as_of(registry, NAME, date(2026, 1, 17), "{}") == "a"
    assert champion_as_of(registry, NAME, date(2026, 1, 18), "{}") == "c"
    assert registry.filter("is_champion")["model_version"].to_list() == ["c"]


def test_a_refused_challenger_leaves_the_champion() -> None:
    registry = with_registered(empty_registry(), row("a", date(2026, 1, 4)), date(2026, 1, 4))
    registry = with_registered(registry, row("b", date(2026, 1, 11), "refused"), date(2026, 1, 11))
    assert registry.filter("is_champion")["model_version"].to_list() == ["a"]


def test_of_one_day_the_model_that_was_trained_last_is_champion() -> None:
    registry = with_registered(empty_registry(), row("z", date(2026, 1, 4)), date(2026, 1, 4))
    registry = with_registered(registry, row("a", date(2026, 1, 4)), date(2026, 1, 4))
    assert registry.filter("is_champion")["model_version"].to_list() == ["a"]


def test_a_champion_for_other_features_is_passed_over() -> None:
    registry = with_registered(empty_registry(), row("a", date(2026, 1, 4)), date(2026, 1, 4))
    assert champion_as_of(registry, NAME, date(2026, 1, 4), '{"new": "number"}') is None


def test_registering_twice_changes_nothing() -> None:
    once = with_registered(empty_registry(), row("a", date(2026, 1, 4)), date(2026, 1, 4))
    assert with_registered(once, row("a", date(2026, 1, 4)), date(2026, 1, 4)).equals(once)


def test_a_stored_model_is_read_as_it_was_written(tmp_path: Path) -> None:
    backtest = pl.DataFrame(
        [{"model_name": NAME, "model_version": "a", "origin_date": date(2026, 1, 1),
          "horizon_days": 90, "metric": "brier", "baseline": "base_rate", "value": 0.1 + 0.2,
          "baseline_value": None, "row_count": 3}],
        schema=BACKTEST_SCHEMA,
    )  # fmt: skip
    model = StoredModel(row("a", date(2026, 1, 4)), backtest, None)
    folder = store_model(tmp_path, model)
    assert not list(folder.parent.glob(".unfinished*"))
    stored = load_model(tmp_path, NAME, "a")
    assert stored is not None
    assert stored.registry_row.equals(model.registry_row)
    assert stored.backtest_rows.equals(backtest)
    assert stored.scorer is None


def test_a_model_without_backtest_is_read_too(tmp_path: Path) -> None:
    store_model(tmp_path, StoredModel(row("a", date(2026, 1, 4)), empty_backtest(), None))
    stored = load_model(tmp_path, NAME, "a")
    assert stored is not None
    assert stored.backtest_rows.equals(empty_backtest())


def test_a_model_that_was_never_stored_is_none_and_a_lost_one_an_error(tmp_path: Path) -> None:
    assert load_model(tmp_path, NAME, "a") is None
    with pytest.raises(FileNotFoundError, match="Restore the models"):
        load_scorer(tmp_path, NAME, "a")
