from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.evaluation import Plot, ScoreReport, score_report
from ml_assets.registry import (
    BACKTEST_SCHEMA,
    REGISTRY_SCHEMA,
    Candidate,
    Decision,
    HeldOut,
    Judgement,
    PromotionRule,
    Sample,
    champion_as_of,
    champion_folder,
    decide,
    empty_registry,
    evaluate_model,
    learn,
    model_version,
    training_clock,
    with_registered,
)
from ml_assets.registry.rollback import RollbackError, rolled_back
from ml_assets.registry.store import read_reference
from ml_assets.registry.tables import last_verdict

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


def test_a_version_that_was_rolled_back_stays_so_when_it_is_registered_again() -> None:
    registry = with_registered(empty_registry(), row("a", date(2026, 1, 4)), date(2026, 1, 4))
    withdrawn = row("b", date(2026, 1, 11), "rolled_back")
    registry = with_registered(registry, withdrawn, date(2026, 1, 11))
    again = with_registered(registry, row("b", date(2026, 1, 11)), date(2026, 1, 11))
    assert again.filter("is_champion")["model_version"].to_list() == ["a"]
    assert last_verdict(again, NAME, date(2026, 1, 11)) == "rolled_back"


def four_versions() -> pl.DataFrame:
    registry = empty_registry()
    for new in (
        row("a", date(2026, 1, 4)),
        row("b", date(2026, 1, 11)),
        row("c", date(2026, 1, 18), "refused"),
        row("d", date(2026, 1, 25)),
    ):
        registry = with_registered(registry, new, date(2026, 1, 31))
    return registry


@pytest.mark.parametrize(("to", "withdrawn"), [(None, ["d"]), ("b", ["d"]), ("a", ["b", "d"])])
def test_a_rollback_lets_a_former_champion_speak(to: str | None, withdrawn: list[str]) -> None:
    registry = rolled_back(four_versions(), NAME, date(2026, 1, 31), to, "odd scores")
    champion = to or "b"
    assert registry.filter("is_champion")["model_version"].to_list() == [champion]
    assert champion_as_of(registry, NAME, date(2026, 1, 31), "{}") == champion
    gone = registry.filter(pl.col("promotion_decision") == "rolled_back")
    assert gone["model_version"].to_list() == withdrawn
    assert set(gone["promotion_reason"]) == {f"Rolled back to {champion}: odd scores"}
    # The next night registers the withdrawn version again, the next Sunday a new one.
    tomorrow = with_registered(registry, row("d", date(2026, 1, 25)), date(2026, 2, 1))
    assert tomorrow.filter("is_champion")["model_version"].to_list() == [champion]
    later = with_registered(tomorrow, row("e", date(2026, 2, 1)), date(2026, 2, 1))
    assert later.filter("is_champion")["model_version"].to_list() == ["e"]


def test_a_rollback_to_nowhere_is_an_error() -> None:
    registry, as_of = four_versions(), date(2026, 1, 31)
    with pytest.raises(RollbackError, match="not among the versions that could speak: a, b, d"):
        rolled_back(registry, NAME, as_of, "c", "why")
    with pytest.raises(RollbackError, match="Models in the registry: opportunity_score"):
        rolled_back(registry, "lead_score", as_of, None, "why")
    with pytest.raises(RollbackError, match="only version"):
        rolled_back(registry, NAME, date(2026, 1, 10), None, "why")
    other = with_registered(
        registry, row("e", date(2026, 1, 25), feature_schema='{"new": "number"}'), as_of
    )
    with pytest.raises(RollbackError, match="only version"):
        rolled_back(other, NAME, as_of, None, "why")


@dataclass(frozen=True)
class Coin:
    """A procedure that predicts the mean of what it has seen, and counts its trainings."""

    trainings: list[int]
    name: str = "coin"
    retrain_every_days: int = 7

    def parameters(self) -> dict[str, object]:
        return {"sides": 2}

    def feature_schema(self) -> str:
        return "{}"

    def sample(self, con: Any, clock: date) -> Sample:
        return Sample({"tosses": pl.DataFrame({"heads": [0, 1, 1]})}, {"until": clock.isoformat()})

    def train(self, sample: Sample, clock: date, seed: int) -> Candidate:
        self.trainings.append(seed)
        mean = sample.frames["tosses"].select(probability=pl.col("heads").mean())
        return Candidate(self, {"later": mean}, sample.facts, sample.frames["tosses"])

    def judge(self, held_out: HeldOut) -> Judgement:
        probability = held_out.frames["later"]["probability"][0]
        backtest = pl.DataFrame(
            [{"origin_date": date(2026, 1, 1), "horizon_days": 7, "metric": "brier",
              "baseline": "half", "value": 0.1 + 0.2, "baseline_value": None, "row_count": 3}],
            schema={name: kind for name, kind in BACKTEST_SCHEMA.items() if "model" not in name},
        )  # fmt: skip
        return Judgement(
            Decision("promoted", "Because."),
            {"probability": probability},
            backtest,
            (Plot("lift", "Lift", "<svg/>"),),
        )

    def save(self, folder: Path) -> None:
        (folder / "coin.txt").write_text("heads")


def test_a_version_is_trained_and_judged_once(tmp_path: Path) -> None:
    coin, as_of = Coin([]), date(2026, 1, 7)
    evaluated, registry = learn(None, as_of, tmp_path, 7, coin, empty_registry())  # type: ignore[arg-type]
    assert evaluated.metrics == {"probability": 2 / 3, "verdict": "promoted"}
    assert evaluated.backtest_rows["value"].to_list() == [0.1 + 0.2]
    assert evaluated.backtest_rows["model_version"].to_list() == [evaluated.version]
    assert evaluated.plots[0].svg == "<svg/>"
    assert registry.filter("is_champion")["trained_as_of"].to_list() == [date(2026, 1, 4)]
    folder = champion_folder(tmp_path, "coin", evaluated.version)
    assert (folder / "coin.txt").read_text() == "heads"
    assert not list(tmp_path.rglob(".unfinished*"))
    reference = read_reference(tmp_path, "coin", evaluated.version)
    assert reference is not None and reference.height == 3
    # Neither with the registry at hand nor without it is a training repeated.
    for known in (registry, empty_registry()):
        again, _ = learn(None, as_of, tmp_path, 7, coin, known)  # type: ignore[arg-type]
        assert again.registry_row.equals(evaluated.registry_row)
    assert coin.trainings == [7]
    learn(None, as_of, tmp_path, 8, coin, registry)  # type: ignore[arg-type]
    assert coin.trainings == [7, 8]


def test_a_training_that_fails_leaves_nothing(tmp_path: Path) -> None:
    class Broken(Coin):
        def save(self, folder: Path) -> None:
            (folder / "half.txt").write_text("half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        learn(None, date(2026, 1, 7), tmp_path, 7, Broken([]), empty_registry())  # type: ignore[arg-type]
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_version_that_was_not_trained_cannot_be_judged_and_a_lost_one_not_speak(
    tmp_path: Path,
) -> None:
    with pytest.raises(FileNotFoundError, match="train it before"):
        evaluate_model(tmp_path, Coin([]), "coin-1")
    with pytest.raises(FileNotFoundError, match="Restore the models"):
        champion_folder(tmp_path, NAME, "a")
